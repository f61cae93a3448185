// Copyright: (c) 2026, the argo.workflows authors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

const pauseImage = "localhost/argo-local-cluster/pause:1"

// A cluster is a state folder and what it was started with.
type cluster struct {
	dir string
	settings
}

// settings are what the caller of up chooses. A cluster that runs with others is started again with these.
type settings struct {
	Release             string // folder of this binary and of the runtime's files; its name carries version and source hash
	Nodes               int
	GPUs                string // a number of simulated devices, or "real"; of all nodes
	MaxPods             int    // of a node
	ContainerLogMaxSize string
}

// record is kept in the state folder, and marks it as ours.
type record struct {
	Settings settings
	// What the machine was like before the first start, for down to put back.
	KernelSettings map[string]string // path below /proc/sys -> value
	MadeFolders    []string
}

// path is a path inside the state folder.
func (c cluster) path(elements ...string) string {
	return filepath.Join(append([]string{c.dir}, elements...)...)
}

// runtime is a path among the unpacked files of containerd, runc and the CNI plugins.
func (c cluster) runtime(elements ...string) string {
	return filepath.Join(append([]string{c.Release, "runtime"}, elements...)...)
}

// lock takes the state folder for this process alone and returns what releases it. It waits for a command that runs.
func (c cluster) lock() (func(), error) {
	for {
		folder, err := os.Open(c.dir)
		if err != nil {
			return nil, err
		}
		if err := syscall.Flock(int(folder.Fd()), syscall.LOCK_EX); err != nil {
			return nil, fmt.Errorf("locking %s: %w", c.dir, err)
		}
		held, heldErr := folder.Stat()
		current, currentErr := os.Stat(c.dir)
		if heldErr == nil && currentErr == nil && os.SameFile(held, current) {
			return func() { folder.Close() }, nil
		}
		folder.Close() // a down removed it meanwhile
	}
}

// readRecord returns an empty record for a new, empty folder, and refuses a folder with something else in it.
func (c cluster) readRecord() (record, error) {
	var r record
	text, err := os.ReadFile(c.path("cluster.json"))
	if errors.Is(err, os.ErrNotExist) {
		entries, err := os.ReadDir(c.dir)
		if err == nil && len(entries) > 0 && !c.hasCgroup() { // whose name says that the folder is ours, without its record
			err = fmt.Errorf("%s is neither empty nor the state folder of a local cluster: it holds %s", c.dir, entries[0].Name())
		}
		return r, err
	}
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("reading %s: %w", c.path("cluster.json"), err)
	}
	return r, nil
}

func (c cluster) writeRecord(r record) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(c.path("cluster.json"), text)
}

// writeFile replaces a file as a whole, so that a crash leaves the old or the new one.
func writeFile(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", content, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
