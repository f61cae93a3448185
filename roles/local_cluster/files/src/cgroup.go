// Copyright: (c) 2026, the argo.workflows authors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Every process of the cluster lives in one cgroup: the supervisor and its children in "system", the pods beside it in
// "kubepods". Belonging to it is what makes a process ours to end, whatever was killed before.

// cgroupName is the name of that cgroup, below the root of every hierarchy.
func (c cluster) cgroupName() string {
	return fmt.Sprintf("argo-local-cluster-%x", sha256.Sum256([]byte(c.dir)))[:27]
}

// hierarchies returns the mount points of the cgroup v1 hierarchies, or else that of cgroup v2, from the text of
// /proc/self/mounts.
func hierarchies(mounts string) (points []string, version int) {
	var v1, v2 []string
	for line := range strings.Lines(mounts) {
		fields := strings.Fields(line)
		if len(fields) < 3 {
			continue
		}
		switch fields[2] {
		case "cgroup":
			v1 = append(v1, fields[1])
		case "cgroup2":
			v2 = append(v2, fields[1])
		}
	}
	if len(v1) > 0 {
		return v1, 1
	}
	return v2, 2
}

func (c cluster) cgroups() (roots []string, version int, err error) {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return nil, 0, err
	}
	points, version := hierarchies(string(mounts))
	if len(points) == 0 {
		return nil, 0, errors.New("no cgroup hierarchy is mounted on this machine: containers cannot run on it")
	}
	for _, point := range points {
		roots = append(roots, filepath.Join(point, c.cgroupName()))
	}
	return roots, version, nil
}

// joinCgroup creates the cluster's cgroup and moves this process into it.
func (c cluster) joinCgroup() error {
	roots, version, err := c.cgroups()
	if err != nil {
		return err
	}
	for _, root := range roots {
		system := filepath.Join(root, "system")
		if err := os.MkdirAll(system, 0o755); err != nil {
			return fmt.Errorf("creating the cgroup %s: %w", system, err)
		}
		if filepath.Base(filepath.Dir(root)) == "cpuset" {
			continue // refuses processes until its cpus are set; the kubelet sets those of the pods
		}
		if err := os.WriteFile(filepath.Join(system, "cgroup.procs"), []byte("0"), 0o644); err != nil {
			return fmt.Errorf("joining the cgroup %s: %w", system, err)
		}
		if version == 2 {
			for _, parent := range []string{filepath.Dir(root), root} {
				if err := delegateControllers(parent); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// delegateControllers makes all controllers of a cgroup v2 available to its children, as the kubelet wants it.
func delegateControllers(path string) error {
	controllers, err := os.ReadFile(filepath.Join(path, "cgroup.controllers"))
	if err != nil {
		return err
	}
	for _, controller := range strings.Fields(string(controllers)) {
		if err := os.WriteFile(filepath.Join(path, "cgroup.subtree_control"), []byte("+"+controller), 0o644); err != nil {
			return fmt.Errorf("enabling the cgroup controller %s below %s: %w", controller, path, err)
		}
	}
	return nil
}

// killAll ends every process of the cluster and removes its cgroup. It returns how many it ended.
func (c cluster) killAll() (int, error) {
	roots, _, err := c.cgroups()
	if err != nil {
		return 0, err
	}
	killed := map[int]bool{}
	deadline := time.Now().Add(30 * time.Second)
	for {
		alive := processesBelow(roots)
		if len(alive) == 0 {
			break
		}
		if time.Now().After(deadline) {
			return len(killed), fmt.Errorf("processes %v of the local cluster are still there 30 s after SIGKILL", alive)
		}
		for _, pid := range alive {
			killed[pid] = true
			syscall.Kill(pid, syscall.SIGKILL)
		}
		time.Sleep(20 * time.Millisecond)
	}
	for _, root := range roots {
		for _, folder := range foldersBelow(root) {
			// The kernel may need a moment after the last process has gone.
			for os.Remove(folder) != nil && time.Now().Before(deadline) {
				time.Sleep(20 * time.Millisecond)
			}
		}
	}
	return len(killed), nil
}

func processesBelow(roots []string) []int {
	var pids []int
	for _, root := range roots {
		for _, folder := range foldersBelow(root) {
			text, _ := os.ReadFile(filepath.Join(folder, "cgroup.procs"))
			for line := range strings.Lines(string(text)) {
				if pid, err := strconv.Atoi(strings.TrimSpace(line)); err == nil {
					pids = append(pids, pid)
				}
			}
		}
	}
	return pids
}

// foldersBelow returns a folder and all folders in it, children first.
func foldersBelow(root string) []string {
	var folders []string
	filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			folders = append([]string{path}, folders...)
		}
		return nil
	})
	return folders
}
