// Copyright: (c) 2026, the argo.workflows authors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

type downReport struct {
	Changed bool `json:"changed"`
	Ended   int  `json:"ended"` // processes
}

// down leaves nothing of the cluster on the machine. It works from what is there, whatever became of the cluster.
func (c cluster) down() (downReport, error) {
	var report downReport
	_, err := os.Stat(c.dir)
	existed := err == nil
	var known record
	if existed {
		unlock, err := c.lock()
		if err != nil {
			return report, err
		}
		defer unlock()
		if known, err = c.readRecord(); err != nil {
			return report, err
		}
	} else if !errors.Is(err, os.ErrNotExist) {
		return report, err
	}
	if report.Ended, err = c.killAll(); err != nil {
		return report, err
	}
	linkExisted, err := c.unplug()
	if err != nil {
		return report, err
	}
	for name, value := range known.KernelSettings {
		if err := os.WriteFile(filepath.Join("/proc/sys", name), []byte(value), 0o644); err != nil {
			return report, fmt.Errorf("putting the kernel setting %s back to %s: %w", name, value, err)
		}
	}
	for _, folder := range known.MadeFolders {
		os.Remove(folder) // stays if somebody else uses it now
	}
	if existed {
		if err := c.removeState(); err != nil {
			return report, err
		}
	}
	report.Changed = existed || linkExisted || report.Ended > 0
	return report, nil
}

// removeState removes the state folder, unless something is mounted in it that would be emptied as well.
func (c cluster) removeState() error {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(mounts)) {
		if point := strings.Fields(line)[1]; strings.HasPrefix(point, c.dir+"/") {
			return fmt.Errorf("%s is mounted in the state folder: unmount it, then stop the cluster again", point)
		}
	}
	return os.RemoveAll(c.dir)
}
