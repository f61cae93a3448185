// Copyright: (c) 2026, the argo.workflows authors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
)

// createBridge makes the link that pods are attached to, anew, with the node's and the API server's addresses. Its alias is
// the state folder: a machine has room for one such cluster.
func (c cluster) createBridge() error {
	if _, err := c.removeBridge(); err != nil {
		return err
	}
	if other, err := netlink.LinkByName(bridge); err == nil {
		return fmt.Errorf("another local cluster, in %s, has the network link %s: stop that one first", other.Attrs().Alias, bridge)
	}
	if err := checkRangesAreFree(); err != nil {
		return err
	}
	attributes := netlink.NewLinkAttrs()
	attributes.Name = bridge
	// Without an address of its own the bridge changes it as pods come and go, and running pods lose their gateway.
	attributes.HardwareAddr = net.HardwareAddr{0x02, 0x61, 0x72, 0x67, 0x6f, 0x01}
	link := &netlink.Bridge{LinkAttrs: attributes}
	if err := netlink.LinkAdd(link); err != nil {
		return fmt.Errorf("creating the network link %s: %w", bridge, err)
	}
	if err := netlink.LinkSetAlias(link, c.dir); err != nil {
		return fmt.Errorf("naming the owner of the network link %s: %w", bridge, err)
	}
	for _, address := range []string{nodeIP + "/16", apiServerIP + "/32"} {
		parsed, err := netlink.ParseAddr(address)
		if err != nil {
			return err
		}
		if err := netlink.AddrAdd(link, parsed); err != nil {
			return fmt.Errorf("giving %s the address %s: %w", bridge, address, err)
		}
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return fmt.Errorf("setting the network link %s up: %w", bridge, err)
	}
	// What listens on all addresses of the machine listens on these two as well.
	for _, address := range []string{apiServer, kubeletAPI} {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			return fmt.Errorf("the cluster cannot listen on %s (%w): another program holds the port on all addresses", address, err)
		}
		listener.Close()
	}
	return nil
}

// removeBridge says whether there was one of this cluster's, or one without a name, whose maker was killed.
func (c cluster) removeBridge() (bool, error) {
	link, err := netlink.LinkByName(bridge)
	if errors.As(err, &netlink.LinkNotFoundError{}) {
		return false, nil
	}
	if err == nil {
		if alias := link.Attrs().Alias; alias != c.dir && alias != "" {
			return false, nil
		}
		err = netlink.LinkDel(link)
	}
	if err != nil {
		return false, fmt.Errorf("removing the network link %s: %w", bridge, err)
	}
	return true, nil
}

// checkRangesAreFree refuses to take addresses that the machine uses already.
func checkRangesAreFree() error {
	routes, err := netlink.RouteList(nil, netlink.FAMILY_V4)
	if err != nil {
		return fmt.Errorf("listing the machine's routes: %w", err)
	}
	for _, text := range []string{podRange, serviceRange} {
		_, ours, err := net.ParseCIDR(text)
		if err != nil {
			return err
		}
		for _, route := range routes {
			if route.Dst != nil && ours.Contains(route.Dst.IP) {
				return fmt.Errorf("the machine has a route to %s, and the local cluster needs %s for itself", route.Dst, ours)
			}
		}
	}
	return nil
}
