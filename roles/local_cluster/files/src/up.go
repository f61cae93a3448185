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
)

// kernelSettings are what the kubelet changes at its start; down puts them back.
var kernelSettings = []string{
	"kernel/keys/root_maxbytes", "kernel/keys/root_maxkeys", "kernel/panic", "kernel/panic_on_oops",
	"vm/overcommit_memory", "vm/panic_on_oom",
}

type upReport struct {
	Changed    bool     `json:"changed"`
	Started    bool     `json:"started"`
	Imported   []string `json:"imported"` // image archives
	Kubeconfig string   `json:"kubeconfig"`
}

// up makes the cluster run with these settings and the images of these folders. A cluster that does is left alone; after a
// crash or with other settings all of its processes are ended, and started again on the same data.
func (c cluster) up(imageDirs []string) (upReport, error) {
	report := upReport{Kubeconfig: c.path("kubeconfig")}
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
	runs := c.isSupervised() && known.Settings == c.settings && c.waitFor(c.nodeIsReady) == nil
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
	if runs {
		return report, nil
	}
	return report, c.waitFor(c.nodeIsReady)
}

// start ends what is left of an earlier start, prepares the machine and starts the supervisor.
func (c cluster) start(known record) error {
	if _, err := c.killAll(); err != nil {
		return err
	}
	if err := c.createBridge(); err != nil { // first: another cluster may have it
		return err
	}
	if err := c.prepareMachine(known); err != nil {
		return err
	}
	// Nothing in these outlives the processes that wrote it.
	for _, folder := range []string{"run", "private/run"} {
		if err := os.RemoveAll(c.path(folder)); err != nil {
			return err
		}
	}
	for _, folder := range []string{"log", "run"} {
		if err := os.MkdirAll(c.path(folder), 0o755); err != nil {
			return err
		}
	}
	if err := c.writeIdentities(); err != nil {
		return err
	}
	if err := c.writeConfigs(); err != nil {
		return err
	}
	return c.startSupervisor()
}

// prepareMachine makes the folders that the supervisor mounts on, after it has written down what the machine was like before
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

// startSupervisor starts this program again, detached, without the caller's environment and in a mount namespace of its own.
// It returns when the supervisor holds its lock, by which its life is known from then on.
func (c cluster) startSupervisor() error {
	output, err := os.Create(c.path("log/supervisor.log"))
	if err != nil {
		return err
	}
	defer output.Close()
	libraries, err := filepath.Glob(c.runtime("usr/lib/*-linux-gnu"))
	if err != nil {
		return err
	}
	supervisor := exec.Cmd{
		Path: "/proc/self/exe",
		Args: []string{"local-cluster", "supervise", "--state-dir", c.dir, "--gpus", c.GPUs},
		Dir:  c.dir,
		Env: []string{
			"PATH=" + c.runtime("usr/bin") + ":" + c.runtime("usr/sbin") + ":/usr/sbin:/usr/bin:/sbin:/bin",
			"LD_LIBRARY_PATH=" + strings.Join(libraries, ":"), // runc's libseccomp
		},
		Stdout:      output,
		Stderr:      output,
		SysProcAttr: &syscall.SysProcAttr{Setsid: true, Unshareflags: syscall.CLONE_NEWNS},
	}
	if err := supervisor.Start(); err != nil {
		return fmt.Errorf("starting the supervisor: %w", err)
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
