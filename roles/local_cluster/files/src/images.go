// Copyright: (c) 2026, the argo.workflows authors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// archivesOf returns the pause image's archive and every *.tar of the folders.
func (c cluster) archivesOf(dirs []string) ([]string, error) {
	archives := []string{c.runtime("pause.tar")}
	for _, dir := range dirs {
		if _, err := os.ReadDir(dir); err != nil {
			return nil, fmt.Errorf("no images can be imported from the folder %s: %w", dir, err)
		}
		found, err := filepath.Glob(filepath.Join(dir, "*.tar"))
		if err != nil {
			return nil, err
		}
		archives = append(archives, found...)
	}
	return archives, nil
}

// importImages imports each archive on each node, at once on all, where its content is not what was imported there last from its
// path, and returns which these were.
func (c cluster) importImages(archives []string) ([]string, error) {
	digests := map[string]string{}
	for _, archive := range archives {
		digest, err := digestOf(archive)
		if err != nil {
			return nil, err
		}
		digests[archive] = digest
	}
	if err := c.waitFor(c.containerdsAnswer); err != nil {
		return nil, err
	}
	nodes := c.nodes()
	imported, errs := make([][]string, len(nodes)), make([]error, len(nodes))
	var all sync.WaitGroup
	for i, n := range nodes {
		all.Go(func() { imported[i], errs[i] = n.importImages(archives, digests) })
	}
	all.Wait()
	names := slices.Concat(imported...)
	slices.Sort(names)
	return append([]string{}, slices.Compact(names)...), errors.Join(errs...)
}

func (n node) importImages(archives []string, wanted map[string]string) (imported []string, err error) {
	record := n.importRecord()
	digests := map[string]string{}
	if text, err := os.ReadFile(record); err == nil {
		if err := json.Unmarshal(text, &digests); err != nil {
			return nil, fmt.Errorf("reading %s: %w", record, err)
		}
	} else if !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	for _, archive := range archives {
		if digests[archive] == wanted[archive] {
			continue
		}
		importing := exec.Command(n.cluster.runtime("usr/bin/ctr"),
			"--address", n.containerd(), "--namespace", "k8s.io", "images", "import", archive)
		if output, err := importing.CombinedOutput(); err != nil {
			return imported, fmt.Errorf("importing the image archive %s: %w: %s", archive, err, strings.TrimSpace(string(output)))
		}
		digests[archive] = wanted[archive]
		imported = append(imported, archive)
		text, err := json.MarshalIndent(digests, "", "  ")
		if err != nil {
			return imported, err
		}
		if err := writeFile(record, text); err != nil {
			return imported, err
		}
	}
	return imported, nil
}

func digestOf(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", err
	}
	return fmt.Sprintf("%x", hash.Sum(nil)), nil
}
