// Copyright: (c) 2026, the argo.workflows authors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"log"
	"net"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// privateFolders are fixed in containerd, its shims, the CNI library and the kubelet. The supervisor runs in a mount namespace
// of its own, in which they lie in the state folder: the machine's are left alone, and all mounts go with the last process.
var privateFolders = []string{"/run/containerd", "/var/lib/cni", "/var/lib/kubelet", "/var/log/containers"}

// supervise runs the components, starting each again when it ends, until this process is killed: they die with it.
func (c cluster) supervise() error {
	alive, err := os.OpenFile(c.path("supervisor.lock"), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer alive.Close() // an unused file would be closed by the garbage collector, and the lock be lost
	if err := syscall.Flock(int(alive.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	if err := c.joinCgroup(); err != nil {
		return err
	}
	if err := c.mountPrivateFolders(); err != nil {
		return err
	}
	cards, err := findCards(c.GPUs)
	if err != nil {
		return err
	}
	for _, p := range c.processes() {
		go c.keepRunning(p)
	}
	return serveCards(cards)
}

func (c cluster) mountPrivateFolders() error {
	for _, folder := range privateFolders {
		ours := c.path("private", folder)
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

// A process is a child of the supervisor.
type process struct {
	name  string
	needs []func() bool // what must be true before it starts
	path  string
	args  []string
	reset func() error // what may help if it keeps dying at its start
}

func (c cluster) processes() []process {
	etcd, containerd := c.path("run/etcd.sock"), c.path("run/containerd.sock")
	etcdAnswers := func() bool { return answers(etcd) }
	containerdAnswers := func() bool { return answers(containerd) }
	pki := func(name string) string { return c.path("pki", name) }
	self := "/proc/self/exe"
	return []process{
		{
			name: "containerd", path: c.runtime("usr/bin/containerd"),
			args: []string{"--config", c.path("config/containerd.toml")},
		},
		{
			name: "etcd", path: self,
			args: []string{
				"--name", nodeName, "--data-dir", c.path("etcd"), "--log-level", "warn",
				"--listen-client-urls", "unix://" + etcd, "--advertise-client-urls", "http://localhost:2379",
				"--listen-peer-urls", "unix://" + c.path("run/etcd-peer.sock"),
				"--unsafe-no-fsync", // a power cut may spoil the data, and then they go
			},
			reset: func() error { return os.RemoveAll(c.path("etcd")) },
		},
		{
			name: "kube-apiserver", path: self, needs: []func() bool{etcdAnswers},
			args: []string{
				"--etcd-servers=unix://" + etcd,
				"--bind-address=" + apiServerIP, "--advertise-address=" + apiServerIP, "--secure-port=443",
				"--service-cluster-ip-range=" + serviceRange,
				"--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction", "--allow-privileged",
				"--client-ca-file=" + pki("ca.crt"),
				"--tls-cert-file=" + pki("apiserver.crt"), "--tls-private-key-file=" + pki("apiserver.key"),
				"--kubelet-preferred-address-types=InternalIP", "--kubelet-certificate-authority=" + pki("ca.crt"),
				"--kubelet-client-certificate=" + pki("apiserver-kubelet-client.crt"),
				"--kubelet-client-key=" + pki("apiserver-kubelet-client.key"),
				"--service-account-issuer=https://kubernetes.default.svc",
				"--service-account-key-file=" + pki("service-accounts.key"),
				"--service-account-signing-key-file=" + pki("service-accounts.key"),
				"--audit-policy-file=" + c.path("config/audit-policy.yaml"), "--audit-log-path=" + c.path("log/audit.log"),
				"--audit-log-maxsize=100", "--audit-log-maxbackup=2",
			},
		},
		{
			name: "kube-controller-manager", path: self, needs: []func() bool{c.apiServerIsReady},
			args: []string{
				"--kubeconfig=" + c.path("config/controller-manager.kubeconfig"), "--secure-port=0", "--leader-elect=false",
				"--kube-api-qps=200", "--kube-api-burst=400", // or its controllers wait four seconds for their accounts at the first start
				"--use-service-account-credentials", "--root-ca-file=" + pki("ca.crt"),
				"--service-account-private-key-file=" + pki("service-accounts.key"),
			},
		},
		{
			name: "kube-scheduler", path: self, needs: []func() bool{c.apiServerIsReady},
			args: []string{"--kubeconfig=" + c.path("config/scheduler.kubeconfig"), "--secure-port=0", "--leader-elect=false"},
		},
		{
			name: "kubelet", path: self, needs: []func() bool{containerdAnswers, c.apiServerIsReady},
			args: []string{
				"--config=" + c.path("config/kubelet.yaml"), "--kubeconfig=" + c.path("config/kubelet.kubeconfig"),
				"--node-ip=" + nodeIP, "--hostname-override=" + nodeName,
			},
		},
	}
}

func (c cluster) keepRunning(p process) {
	runtime.LockOSThread() // its end is what Pdeathsig is about
	earlyDeaths := 0
	for {
		for _, isThere := range p.needs {
			for !isThere() {
				time.Sleep(50 * time.Millisecond)
			}
		}
		started := time.Now()
		log.Printf("%s starts", p.name)
		log.Printf("%s ended: %v", p.name, c.runOnce(p))
		if time.Since(started) > 10*time.Second {
			earlyDeaths = 0
		} else if earlyDeaths++; earlyDeaths == 3 && p.reset != nil {
			log.Printf("%s ended %d times at its start: its data are removed (%v)", p.name, earlyDeaths, p.reset())
		}
		time.Sleep(time.Second)
	}
}

// runOnce starts a process, with its output in log/NAME.log, and waits for its end.
func (c cluster) runOnce(p process) error {
	output, err := os.OpenFile(c.path("log", p.name+".log"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer output.Close()
	command := exec.Cmd{
		Path: p.path, Args: append([]string{p.name}, p.args...), Dir: c.dir, Stdout: output, Stderr: output,
		SysProcAttr: &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL},
	}
	return command.Run()
}

// answers says whether something listens at host:port or on the socket of that path.
func answers(address string) bool {
	network := "tcp"
	if address[0] == '/' {
		network = "unix"
	}
	connection, err := net.DialTimeout(network, address, time.Second)
	if err == nil {
		connection.Close()
	}
	return err == nil
}
