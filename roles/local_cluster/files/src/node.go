// Copyright: (c) 2026, the argo.workflows authors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
)

const maxNodes = 4

// A node is a kubelet, containerd and kube-proxy in mount and network namespaces of their own. Its number is 1 to maxNodes.
type node struct {
	cluster cluster
	number  int
}

func (c cluster) nodes() []node {
	return c.firstNodes(c.Nodes)
}

func (c cluster) firstNodes(count int) []node {
	nodes := make([]node, count)
	for i := range nodes {
		nodes[i] = node{cluster: c, number: i + 1}
	}
	return nodes
}

// name is the node's in Kubernetes: local, local-2, local-3, local-4.
func (n node) name() string {
	if n.number == 1 {
		return "local"
	}
	return fmt.Sprintf("local-%d", n.number)
}

func (n node) ip() string       { return fmt.Sprintf("10.244.0.%d", 10+n.number) }
func (n node) podRange() string { return fmt.Sprintf("10.244.%d.0/20", 16*n.number) }

// gateway is where the node's pods send everything.
func (n node) gateway() string { return fmt.Sprintf("10.244.%d.1", 16*n.number) }

func (n node) kubeletAPI() string   { return n.ip() + ":10250" }
func (n node) proxyHealth() string  { return n.ip() + ":10256" }
func (n node) containerd() string   { return n.path("run/containerd.sock") }
func (n node) lostMarker() string   { return n.path("lost") }
func (n node) startMarker() string  { return n.path("started") }
func (n node) importRecord() string { return n.path("containerd/imported.json") } // goes with the images

// path is a path inside the node's own folder in the state folder.
func (n node) path(elements ...string) string {
	return n.cluster.path(append([]string{"nodes", n.name()}, elements...)...)
}

// share returns which of the cluster's cards are the node's: consecutive ones, as many as on every other node or one more.
func (n node) share(cards []card) []card {
	return cards[len(cards)*(n.number-1)/n.cluster.Nodes : len(cards)*n.number/n.cluster.Nodes]
}

// recordedNode finds a node of the cluster that the state folder describes.
func (c cluster) recordedNode(name string) (node, error) {
	known, err := c.readRecord()
	if err != nil {
		return node{}, err
	}
	c.settings = known.Settings
	var names []string
	for _, n := range c.nodes() {
		if n.name() == name {
			return n, nil
		}
		names = append(names, n.name())
	}
	return node{}, fmt.Errorf("the local cluster in %s has no node %q: it has %s", c.dir, name, strings.Join(names, ", "))
}

type nodeReport struct {
	Changed bool `json:"changed"`
	Ended   int  `json:"ended"` // processes
}

// killNode is the loss of a node: what runs on it ends at once, and it stays away until it is started.
func (c cluster) killNode(name string) (report nodeReport, err error) {
	n, unlock, err := c.lockedNode(name)
	if err != nil {
		return report, err
	}
	defer unlock()
	report.Changed = !exists(n.lostMarker())
	if err := writeFile(n.lostMarker(), nil); err != nil { // first: the supervisor would start it again
		return report, err
	}
	report.Ended, err = c.killAll(name)
	return report, err
}

// startNode brings a node back that was killed, and waits until it is ready. One that is there is left alone.
func (c cluster) startNode(name string) (report nodeReport, err error) {
	n, unlock, err := c.lockedNode(name)
	if err != nil {
		return report, err
	}
	defer unlock()
	if report.Changed, err = n.isWantedAgain(); err != nil {
		return report, err
	}
	return report, n.cluster.waitFor(n.isReady)
}

// lockedNode returns a node of the running cluster, and what releases the state folder.
func (c cluster) lockedNode(name string) (node, func(), error) {
	unlock, err := c.lock()
	if err != nil {
		return node{}, nil, err
	}
	n, err := c.recordedNode(name)
	if err == nil && !c.isSupervised() {
		err = fmt.Errorf("the local cluster in %s does not run: start it first", c.dir)
	}
	if err != nil {
		unlock()
		return node{}, nil, err
	}
	return n, unlock, nil
}

// isWantedAgain removes the mark of a node that was killed, and says whether there was one. The supervisor then starts it.
func (n node) isWantedAgain() (bool, error) {
	if !exists(n.lostMarker()) {
		return false, nil
	}
	return true, os.Remove(n.lostMarker())
}

// process is the node as a child of the supervisor. It begins like a machine after a power cut: nothing runs on it yet.
func (n node) process() process {
	return process{
		name: n.name(), path: "/proc/self/exe", args: []string{"node", "--state-dir", n.cluster.dir, n.name()},
		needs:      []func() bool{func() bool { return !exists(n.lostMarker()) }},
		namespaces: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET,
		prepare: func() error {
			_, err := n.cluster.killAll(n.name())
			return err
		},
		started: n.plugIn,
	}
}

// privateFolders are fixed in containerd, its shims, the CNI library and the kubelet. A node runs in a mount namespace of its
// own, in which they lie in the state folder: the machine's are left alone, and all mounts go with the node's last process.
var privateFolders = []string{"/run/containerd", "/var/lib/cni", "/var/lib/kubelet", "/var/log/containers"}

// runNode runs the components of a node, starting each again when it ends, until this process is killed: they die with it.
func (c cluster) runNode(name string) error {
	n, err := c.recordedNode(name)
	if err != nil {
		return err
	}
	if err := n.cluster.joinCgroup(name); err != nil {
		return err
	}
	if exists(n.lostMarker()) { // it was killed before it was in the cgroup
		return fmt.Errorf("node %s is lost", name)
	}
	// Nothing in these outlives the processes that wrote it.
	for _, folder := range []string{"run", "private/run"} {
		if err := os.RemoveAll(n.path(folder)); err != nil {
			return err
		}
	}
	for _, folder := range []string{"log", "run"} {
		if err := os.MkdirAll(n.path(folder), 0o755); err != nil {
			return err
		}
	}
	if err := writeFile(n.startMarker(), nil); err != nil {
		return err
	}
	if err := n.mountPrivateFolders(); err != nil {
		return err
	}
	if err := n.connect(); err != nil {
		return err
	}
	cards, err := findCards(n.cluster.GPUs)
	if err != nil {
		return err
	}
	for _, p := range n.components() {
		go p.keepRunning(n.path("log"))
	}
	return serveCards(n.share(cards))
}

func (n node) mountPrivateFolders() error {
	for _, folder := range privateFolders {
		ours := n.path("private", folder)
		if err := os.MkdirAll(ours, 0o755); err != nil {
			return err
		}
		if err := syscall.Mount(ours, folder, "", syscall.MS_BIND, ""); err != nil {
			return fmt.Errorf("mounting %s on %s: %w", ours, folder, err)
		}
	}
	// Mounts of one pod may be asked to show in another.
	return syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_SHARED, "")
}

func (n node) components() []process {
	containerdAnswers := func() bool { return answers(n.containerd()) }
	kubeletAnswers := func() bool { return answers(n.kubeletAPI()) }
	return []process{
		{
			name: "containerd", path: n.cluster.runtime("usr/bin/containerd"),
			args:        []string{"--config", n.path("config/containerd.toml")},
			environment: []string{"HTTPS_PROXY=http://" + proxyAddress},
		},
		{
			name: "kubelet", path: "/proc/self/exe", needs: []func() bool{containerdAnswers, n.cluster.apiServerIsReady},
			args: []string{
				"--config=" + n.path("config/kubelet.yaml"), "--kubeconfig=" + n.path("config/kubelet.kubeconfig"),
				"--node-ip=" + n.ip(), "--hostname-override=" + n.name(),
			},
		},
		{
			name: "kube-proxy", path: "/proc/self/exe", needs: []func() bool{kubeletAnswers}, // which makes the Node that it looks for
			args: []string{
				"--kubeconfig=" + n.cluster.path("config/kube-proxy.kubeconfig"), "--hostname-override=" + n.name(),
				"--proxy-mode=nftables", "--detect-local-mode=InterfaceNamePrefix", "--pod-interface-name-prefix=veth",
				"--healthz-bind-address=" + n.proxyHealth(), "--metrics-bind-address=",
				// These limits are the machine's.
				"--conntrack-max-per-core=0", "--conntrack-tcp-timeout-established=0", "--conntrack-tcp-timeout-close-wait=0",
			},
		},
	}
}
