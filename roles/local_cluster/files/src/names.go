// Copyright: (c) 2026, the argo.workflows authors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"os"

	"github.com/coredns/caddy"
	_ "github.com/coredns/coredns/core/dnsserver"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/kubernetes"
)

// serveNames is CoreDNS with the plugins that config/Corefile uses: a tenth of all that it can have.
func serveNames(args []string) error {
	text, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	caddy.Quiet = true
	server, err := caddy.Start(caddy.CaddyfileInput{Filepath: args[0], Contents: text, ServerTypeName: "dns"})
	if err != nil {
		return err
	}
	server.Wait()
	return nil
}
