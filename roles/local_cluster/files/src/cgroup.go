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
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Every process of the cluster lives in one cgroup: the control plane in "system", a node in a cgroup of the node's name, in
// which its own processes are in "system" and its pods in "kubepods". Belonging to it is what makes a process ours to end,
// whatever was killed before.

// cgroupName is the name of that cgroup, below the root of every hierarchy.
func (c cluster) cgroupName() string {
	return fmt.Sprintf("argo-local-cluster-%x", sha256.Sum256([]byte(c.dir)))[:27]
}

// hierarchies returns the mount points of all cgroup hierarchies, v1 and v2, from the text of /proc/self/mounts. Machines
// with v1 may have an empty v2 hierarchy beside it, in which the runtime makes the same folders.
func hierarchies(mounts string) []string {
	var points []string
	for line := range strings.Lines(mounts) {
		if fields := strings.Fields(line); len(fields) > 2 && (fields[2] == "cgroup" || fields[2] == "cgroup2") {
			points = append(points, fields[1])
		}
	}
	return points
}

// cgroups returns the folder of the cluster's cgroup, or of one inside it, in each hierarchy.
func (c cluster) cgroups(inside ...string) ([]string, error) {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return nil, err
	}
	points := hierarchies(string(mounts))
	if len(points) == 0 {
		return nil, errors.New("no cgroup hierarchy is mounted on this machine: containers cannot run on it")
	}
	for i, point := range points {
		points[i] = filepath.Join(append([]string{point, c.cgroupName()}, inside...)...)
	}
	return points, nil
}

func (c cluster) hasCgroup() bool {
	roots, err := c.cgroups()
	return err == nil && slices.ContainsFunc(roots, exists)
}

// joinCgroup creates the cluster's cgroup, or one inside it, and moves this process into its "system".
func (c cluster) joinCgroup(inside ...string) error {
	roots, err := c.cgroups(inside...)
	if err != nil {
		return err
	}
	for _, root := range roots {
		system := filepath.Join(root, "system")
		if err := os.MkdirAll(system, 0o755); err != nil {
			return fmt.Errorf("creating the cgroup %s: %w", system, err)
		}
		if cpus, err := os.ReadFile(filepath.Join(system, "cpuset.cpus")); err == nil && strings.TrimSpace(string(cpus)) == "" &&
			!exists(filepath.Join(system, "cgroup.controllers")) {
			continue // cgroup v1 lets no process in before the cpus are set; the kubelet sets those of the pods
		}
		if err := os.WriteFile(filepath.Join(system, "cgroup.procs"), []byte("0"), 0o644); err != nil {
			return fmt.Errorf("joining the cgroup %s: %w", system, err)
		}
		parents := []string{root}
		for range len(inside) + 1 {
			parents = append([]string{filepath.Dir(parents[0])}, parents...)
		}
		for _, parent := range parents {
			if err := delegateControllers(parent); err != nil {
				return err
			}
		}
	}
	return nil
}

// delegateControllers makes all controllers of a cgroup v2 available to its children, as the kubelet wants it.
func delegateControllers(path string) error {
	controllers, err := os.ReadFile(filepath.Join(path, "cgroup.controllers"))
	if errors.Is(err, os.ErrNotExist) {
		return nil // v1
	}
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

// killAll ends every process of the cluster, or of a cgroup inside it, and removes the cgroup. It returns how many it ended.
func (c cluster) killAll(inside ...string) (int, error) {
	roots, err := c.cgroups(inside...)
	if err != nil {
		return 0, err
	}
	killed := map[int]bool{}
	deadline := time.Now().Add(30 * time.Second)
	for {
		alive := processesBelow(roots)
		for _, pid := range alive {
			killed[pid] = true
			syscall.Kill(pid, syscall.SIGKILL)
		}
		for _, root := range roots {
			for _, folder := range foldersBelow(root) {
				if removal := os.Remove(folder); removal != nil {
					err = removal // the kernel may need a moment after the last process has gone
				}
			}
		}
		switch {
		case !slices.ContainsFunc(roots, exists):
			return len(killed), nil
		case time.Now().Before(deadline):
			time.Sleep(20 * time.Millisecond)
		case len(alive) > 0:
			return len(killed), fmt.Errorf("processes %v of the local cluster are still there 30 s after SIGKILL", alive)
		default:
			return len(killed), fmt.Errorf("a cgroup of the local cluster is still there 30 s after its processes: %w", err)
		}
	}
}

func processesBelow(roots []string) []int {
	var pids []int
	for _, root := range roots {
		for _, folder := range foldersBelow(root) {
			text, _ := os.ReadFile(filepath.Join(folder, "cgroup.procs"))
			for line := range strings.Lines(string(text)) {
				// One that is just being collected, or of another PID namespace, is listed as 0: to kill, that is our own group.
				if pid, err := strconv.Atoi(strings.TrimSpace(line)); err == nil && pid > 0 {
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
