// Copyright: (c) 2026, the argo.workflows authors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// proxyAddress is how containerd reaches registries: nothing else of a node leads outside.
const proxyAddress = controlPlaneIP + ":3128"

// serveProxy connects nodes with what the machine reaches. It runs in the machine's network namespace, and what it listens on, in the
// control plane's, is file 3.
func serveProxy([]string) error {
	listener, err := net.FileListener(os.NewFile(3, proxyAddress))
	if err != nil {
		return err
	}
	return http.Serve(listener, http.HandlerFunc(connect))
}

// connect serves HTTP's CONNECT, for hosts of the cluster's network alone: the machine's own ports are not for pods.
func connect(response http.ResponseWriter, request *http.Request) {
	if !isHost(request.RemoteAddr) || request.Method != http.MethodConnect {
		http.Error(response, "this proxy connects nodes with registries", http.StatusForbidden)
		return
	}
	there, err := net.DialTimeout("tcp", request.Host, 30*time.Second)
	if err != nil {
		http.Error(response, err.Error(), http.StatusBadGateway)
		return
	}
	defer there.Close()
	here, received, err := http.NewResponseController(response).Hijack()
	if err != nil {
		log.Printf("connecting %s: %v", request.Host, err)
		return
	}
	defer here.Close()
	if _, err := io.WriteString(here, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return
	}
	var both sync.WaitGroup
	pass := func(to net.Conn, from io.Reader) {
		io.Copy(to, from)
		to.(*net.TCPConn).CloseWrite()
	}
	both.Go(func() { pass(there, received) })
	both.Go(func() { pass(here, there) })
	both.Wait()
}

// isHost says whether host:port is on the small network of the machine, the control plane and the nodes, and not a pod.
func isHost(address string) bool {
	_, hosts, err := net.ParseCIDR(machineIP + hostBits)
	if err != nil {
		panic(err) // they are constants
	}
	host, _, err := net.SplitHostPort(address)
	return err == nil && hosts.Contains(net.ParseIP(host))
}
