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

// writeConfigs fills in the files under config/.
func (c cluster) writeConfigs() error {
	snapshotter, err := c.snapshotter()
	if err != nil {
		return err
	}
	functions := template.FuncMap{"path": c.path, "runtime": c.runtime}
	values := map[string]any{
		"Bridge": bridge, "CgroupName": c.cgroupName(), "ContainerLogMaxSize": c.ContainerLogMaxSize, "MaxPods": c.MaxPods,
		"NodeIP": nodeIP, "PauseImage": pauseImage, "PodRange": podRange, "Snapshotter": snapshotter,
	}
	for _, name := range []string{"audit-policy.yaml", "cni/bridge.conflist", "containerd.toml", "kubelet.yaml"} {
		var text strings.Builder
		parsed := template.New(filepath.Base(name) + ".tmpl").Option("missingkey=error").Funcs(functions)
		if _, err := parsed.ParseFS(configTemplates, "config/"+name+".tmpl"); err != nil {
			return err
		}
		if err := parsed.Execute(&text, values); err != nil {
			return fmt.Errorf("filling in %s: %w", name, err)
		}
		if err := writeFile(c.path("config", name), []byte(text.String())); err != nil {
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
