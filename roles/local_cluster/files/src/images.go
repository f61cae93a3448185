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
	"strings"
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

// importImages imports each archive whose content is not what was imported last from its path, and returns which these were.
func (c cluster) importImages(archives []string) (imported []string, err error) {
	if err := c.waitFor(c.containerdAnswers); err != nil {
		return nil, err
	}
	record := c.path("containerd/imported.json") // goes with the images
	digests := map[string]string{}
	if text, err := os.ReadFile(record); err == nil {
		if err := json.Unmarshal(text, &digests); err != nil {
			return nil, fmt.Errorf("reading %s: %w", record, err)
		}
	} else if !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	imported = []string{}
	for _, archive := range archives {
		digest, err := digestOf(archive)
		if err != nil {
			return imported, err
		}
		if digests[archive] == digest {
			continue
		}
		importing := exec.Command(c.runtime("usr/bin/ctr"),
			"--address", c.path("run/containerd.sock"), "--namespace", "k8s.io", "images", "import", archive)
		if output, err := importing.CombinedOutput(); err != nil {
			return imported, fmt.Errorf("importing the image archive %s: %w: %s", archive, err, strings.TrimSpace(string(output)))
		}
		digests[archive] = digest
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
