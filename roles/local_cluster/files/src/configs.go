// Copyright: (c) 2026, the argo.workflows authors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"embed"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"text/template"
)

//go:embed config
var configTemplates embed.FS

// writeConfigs fills in the files under config/, in the state folder and in that of each node.
func (c cluster) writeConfigs() error {
	snapshotter, err := c.snapshotter()
	if err != nil {
		return err
	}
	if err := fillIn([]string{"audit-policy.yaml", "Corefile"}, c.path, template.FuncMap{"path": c.path}, nil); err != nil {
		return err
	}
	for _, n := range c.nodes() {
		functions := template.FuncMap{"cluster": c.path, "path": n.path, "runtime": c.runtime}
		values := map[string]any{
			"Cgroup": "/" + c.cgroupName() + "/" + n.name(), "ContainerLogMaxSize": c.ContainerLogMaxSize, "Gateway": n.gateway(),
			"MaxPods": c.MaxPods, "NameServer": controlPlaneIP, "NodeIP": n.ip(), "PauseImage": pauseImage, "PodRange": n.podRange(),
			"Snapshotter": snapshotter,
		}
		if err := fillIn([]string{"cni/ptp.conflist", "containerd.toml", "kubelet.yaml"}, n.path, functions, values); err != nil {
			return err
		}
	}
	return nil
}

// fillIn writes config/NAME of a folder from its template.
func fillIn(names []string, folder func(...string) string, functions template.FuncMap, values map[string]any) error {
	for _, name := range names {
		var text strings.Builder
		parsed := template.New(filepath.Base(name) + ".tmpl").Option("missingkey=error").Funcs(functions)
		if _, err := parsed.ParseFS(configTemplates, "config/"+name+".tmpl"); err != nil {
			return err
		}
		if err := parsed.Execute(&text, values); err != nil {
			return fmt.Errorf("filling in %s: %w", name, err)
		}
		if err := writeFile(folder("config", name), []byte(text.String())); err != nil {
			return err
		}
	}
	return nil
}

// snapshotter is how containerd stacks image layers: an overlay cannot lie on another overlay, as in a container.
func (c cluster) snapshotter() (string, error) {
	const overlayMagic = 0x794c7630
	var filesystem syscall.Statfs_t
	if err := syscall.Statfs(c.dir, &filesystem); err != nil {
		return "", err
	}
	if filesystem.Type == overlayMagic {
		return "native", nil
	}
	return "overlayfs", nil
}
