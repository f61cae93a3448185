// Copyright: (c) 2026, the argo.workflows authors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/kubernetes/pkg/util/kernel"
)

// kernelSettings are what the kubelet changes at its start; down puts them back.
var kernelSettings = []string{
	"kernel/keys/root_maxbytes", "kernel/keys/root_maxkeys", "kernel/panic", "kernel/panic_on_oops",
	"vm/overcommit_memory", "vm/panic_on_oom",
}

type upReport struct {
	Changed    bool     `json:"changed"`
	Started    bool     `json:"started"`  // the cluster, or a node that was killed
	Imported   []string `json:"imported"` // image archives
	Kubeconfig string   `json:"kubeconfig"`
}

// up makes the cluster run with these settings and the images of these folders. A cluster that does is left alone; after a
// crash or with other settings all of its processes are ended, and started again on the same data.
func (c cluster) up(imageDirs []string) (upReport, error) {
	report := upReport{Kubeconfig: c.path("kubeconfig")}
	if c.Nodes < 1 || c.Nodes > maxNodes {
		return report, fmt.Errorf("--nodes %d: a local cluster has 1 to %d nodes", c.Nodes, maxNodes)
	}
	if _, err := findCards(c.GPUs); err != nil {
		return report, err
	}
	archives, err := c.archivesOf(imageDirs)
	if err != nil {
		return report, err
	}
	if err := os.MkdirAll(c.dir, 0o755); err != nil {
		return report, err
	}
	unlock, err := c.lock()
	if err != nil {
		return report, err
	}
	defer unlock()
	known, err := c.readRecord()
	if err != nil {
		return report, err
	}
	for _, n := range c.nodes() {
		wasLost, err := n.isWantedAgain()
		if err != nil {
			return report, err
		}
		report.Started = report.Started || wasLost
	}
	runs := c.isSupervised() && known.Settings == c.settings && c.waitFor(c.isReady) == nil
	if !runs {
		report.Started = true
		if err := c.start(known); err != nil {
			return report, err
		}
	}
	if report.Imported, err = c.importImages(archives); err != nil {
		return report, err
	}
	report.Changed = report.Started || len(report.Imported) > 0
	if !runs {
		if err := c.waitFor(c.isReady); err != nil {
			return report, err
		}
	}
	return report, c.removeOtherNodes()
}

// start ends what is left of an earlier start, prepares the machine and starts the supervisor.
func (c cluster) start(known record) error {
	if _, err := c.killAll(); err != nil {
		return err
	}
	if _, err := c.unplug(); err != nil {
		return err
	}
	if err := c.checkMachineLink(); err != nil {
		return err
	}
	if err := c.checkPacketFilter(); err != nil {
		return err
	}
	if err := c.prepareMachine(known); err != nil {
		return err
	}
	if err := os.RemoveAll(c.path("run")); err != nil { // nothing in it outlives the processes that wrote it
		return err
	}
	for _, folder := range []string{"log", "run"} {
		if err := os.MkdirAll(c.path(folder), 0o755); err != nil {
			return err
		}
	}
	if err := c.linkProgram(); err != nil {
		return err
	}
	if err := c.writeIdentities(); err != nil {
		return err
	}
	if err := c.writeConfigs(); err != nil {
		return err
	}
	return c.startSupervisor()
}

// prepareMachine makes the folders that nodes mount on, after it has written down what the machine was like before
// the first start.
func (c cluster) prepareMachine(r record) error {
	if r.KernelSettings == nil {
		r.KernelSettings = map[string]string{}
		for _, name := range kernelSettings {
			if value, err := os.ReadFile(filepath.Join("/proc/sys", name)); err == nil {
				r.KernelSettings[name] = strings.TrimSpace(string(value))
			}
		}
	}
	for _, folder := range privateFolders {
		if _, err := os.Stat(folder); os.IsNotExist(err) && !slices.Contains(r.MadeFolders, folder) {
			r.MadeFolders = append(r.MadeFolders, folder)
		}
	}
	r.Settings = c.settings
	if err := c.writeRecord(r); err != nil {
		return err
	}
	for _, folder := range privateFolders {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
	}
	return nil
}

// linkProgram makes this program known by a path that stays the same with every version.
func (c cluster) linkProgram() error {
	link := c.path("local-cluster")
	if err := os.Remove(link); err != nil && !os.IsNotExist(err) {
		return err
	}
	return os.Symlink(filepath.Join(c.Release, "local-cluster"), link)
}

// packetFilterTrial has a rule of each kind that kube-proxy writes.
const packetFilterTrial = `
table ip trial {
	map services { type ipv4_addr . inet_proto . inet_service : verdict; }
	chain services {
		type nat hook prerouting priority dstnat
		fib daddr type local ip daddr . meta l4proto . th dport vmap @services
		meta l4proto tcp dnat to 10.0.0.1:80
	}
	chain masquerading {
		type nat hook postrouting priority srcnat
		numgen random mod 2 0 masquerade fully-random
	}
}`

// checkPacketFilter asks the kernel for what kube-proxy needs, which would only say in its log that it lacks it. The rules of the
// trial are in a network namespace that goes with it.
func (c cluster) checkPacketFilter() error {
	const needs = "the local cluster needs Linux " + kernel.NFTablesKubeProxyKernelVersion + " or newer with nf_tables, for Services"
	running, err := kernel.GetVersion()
	if err != nil {
		return fmt.Errorf("asking for the version of the kernel: %w", err)
	}
	if running.LessThan(version.MustParseGeneric(kernel.NFTablesKubeProxyKernelVersion)) {
		return fmt.Errorf("%s: this is %s", needs, running)
	}
	trial := exec.Command(c.runtime("usr/sbin/nft"), "--file", "-")
	trial.Env = c.environment()
	trial.Stdin = strings.NewReader(packetFilterTrial)
	trial.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNET}
	if output, err := trial.CombinedOutput(); err != nil {
		said, _, _ := strings.Cut(string(output), "\n")
		return fmt.Errorf("%s: nft says %s (%w)", needs, said, err)
	}
	return nil
}

// environment is that of all processes of the cluster.
func (c cluster) environment() []string {
	libraries, _ := filepath.Glob(c.runtime("usr/lib/*-linux-gnu"))
	return []string{
		"PATH=" + c.runtime("usr/bin") + ":" + c.runtime("usr/sbin") + ":/usr/sbin:/usr/bin:/sbin:/bin",
		"LD_LIBRARY_PATH=" + strings.Join(libraries, ":"), // runc's and nft's
	}
}

// startSupervisor starts this program again, detached, without the caller's environment and in a network namespace of its own.
// It returns when the supervisor holds its lock, by which its life is known from then on.
func (c cluster) startSupervisor() error {
	output, err := os.Create(c.path("log/supervisor.log"))
	if err != nil {
		return err
	}
	defer output.Close()
	machine, err := os.Open("/proc/self/ns/net")
	if err != nil {
		return err
	}
	defer machine.Close()
	supervisor := exec.Cmd{
		Path:        "/proc/self/exe",
		Args:        []string{"local-cluster", "supervise", "--state-dir", c.dir},
		Dir:         c.dir,
		Env:         c.environment(),
		Stdout:      output,
		Stderr:      output,
		ExtraFiles:  []*os.File{machine},
		SysProcAttr: &syscall.SysProcAttr{Setsid: true, Unshareflags: syscall.CLONE_NEWNET},
	}
	if err := supervisor.Start(); err != nil {
		return fmt.Errorf("starting the supervisor in a network namespace: %w", err)
	}
	if err := c.plugIn(supervisor.Process.Pid); err != nil {
		supervisor.Process.Kill()
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- supervisor.Wait() }()
	for !c.isSupervised() {
		select {
		case err := <-ended:
			return fmt.Errorf("the supervisor ended (%v): %s", err, c.lastWords())
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}
