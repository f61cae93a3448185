// Copyright: (c) 2026, the argo.workflows authors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/vishvananda/netlink"
)

// The machine, the control plane and each node are hosts of one small network, on a bridge in the control plane's namespace. The
// machine has nothing of it but one link and the routes through it: packet filter rules, pods' links and listening ports are in
// the namespaces, and go with their last process.
//
// The addresses are fixed; node.go has those of the nodes and their pods.
const (
	machineLink    = "argo-cluster0" // its other end, in the control plane's namespace, is machinePort
	machinePort    = "machine"
	bridge         = "nodes" // a node's port has the node's name
	nodeLink       = "eth0"
	machineIP      = "10.244.0.1"
	controlPlaneIP = "10.244.0.2"
	hostBits       = "/24"
	clusterRange   = "10.244.0.0/16" // hosts and pods
	apiServerIP    = "10.96.0.1"     // of the Service "kubernetes"; the control plane has it, too, so that the machine reaches it
	serviceRange   = "10.96.0.0/16"
	nameServer     = controlPlaneIP + ":53"
)

// checkMachineLink refuses a machine that has another such cluster, or uses its addresses.
func (c cluster) checkMachineLink() error {
	if other, err := netlink.LinkByName(machineLink); err == nil {
		return fmt.Errorf("another local cluster, in %s, has the network link %s: stop that one first", other.Attrs().Alias, machineLink)
	}
	routes, err := netlink.RouteList(nil, netlink.FAMILY_V4)
	if err != nil {
		return fmt.Errorf("listing the machine's routes: %w", err)
	}
	for _, text := range []string{clusterRange, serviceRange} {
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

// plugIn connects the machine with the namespace of the control plane. The link's alias is the state folder: a machine has room
// for one such cluster.
func (c cluster) plugIn(controlPlane int) error {
	link, err := addPair(machineLink, machinePort, nil, controlPlane)
	if err != nil {
		return err
	}
	if err := netlink.LinkSetAlias(link, c.dir); err != nil {
		return fmt.Errorf("naming the owner of the network link %s: %w", machineLink, err)
	}
	if err := disableIPv6(machineLink); err != nil {
		return err
	}
	if err := setUp(link, machineIP+hostBits); err != nil {
		return err
	}
	if err := addRoute(apiServerIP+"/32", controlPlaneIP); err != nil {
		return err
	}
	return addPodRoutes(c.firstNodes(maxNodes))
}

// unplug says whether there was a link of this cluster's, or one without a name, whose maker was killed.
func (c cluster) unplug() (bool, error) {
	link, err := netlink.LinkByName(machineLink)
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
		return false, fmt.Errorf("removing the network link %s: %w", machineLink, err)
	}
	return true, nil
}

// connect is what the control plane does in its namespace.
func (c cluster) connect() error {
	if err := disableIPv6("all"); err != nil {
		return err
	}
	loopback, err := awaitLink("lo")
	if err != nil {
		return err
	}
	if err := setUp(loopback, apiServerIP+"/32"); err != nil {
		return err
	}
	attributes := netlink.NewLinkAttrs()
	// Without an address of its own the bridge changes it as nodes come and go, and the others do not find it for a while.
	attributes.Name, attributes.HardwareAddr = bridge, hardwareAddress(2)
	link := &netlink.Bridge{LinkAttrs: attributes}
	if err := netlink.LinkAdd(link); err != nil {
		return fmt.Errorf("creating the network bridge %s: %w", bridge, err)
	}
	if err := setUp(link, controlPlaneIP+hostBits); err != nil {
		return err
	}
	port, err := awaitLink(machinePort)
	if err != nil {
		return err
	}
	if err := setUpOnBridge(port); err != nil {
		return err
	}
	return addPodRoutes(c.firstNodes(maxNodes))
}

// plugIn connects the control plane, in whose namespace this is called, with that of the node.
func (n node) plugIn(process int) error {
	if old, err := netlink.LinkByName(n.name()); err == nil { // the kernel removes it a moment after the node's last process
		if err := netlink.LinkDel(old); err != nil && !errors.As(err, &netlink.LinkNotFoundError{}) {
			return fmt.Errorf("removing the network link %s: %w", n.name(), err)
		}
	}
	// Its hardware address stays the same, so that the others find it at once when it comes back.
	port, err := addPair(n.name(), nodeLink, hardwareAddress(10+n.number), process)
	if err != nil {
		return err
	}
	return setUpOnBridge(port)
}

// connect is what a node does in its namespace.
func (n node) connect() error {
	if err := disableIPv6("all"); err != nil {
		return err
	}
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644); err != nil {
		return err
	}
	loopback, err := awaitLink("lo")
	if err != nil {
		return err
	}
	if err := setUp(loopback); err != nil {
		return err
	}
	link, err := awaitLink(nodeLink)
	if err != nil {
		return err
	}
	if err := setUp(link, n.ip()+hostBits); err != nil {
		return err
	}
	if err := addRoute(serviceRange, controlPlaneIP); err != nil {
		return err
	}
	var others []node
	for _, other := range n.cluster.firstNodes(maxNodes) {
		if other.number != n.number {
			others = append(others, other)
		}
	}
	return addPodRoutes(others)
}

// hardwareAddress is that of the host with this last number in its address.
func hardwareAddress(number int) net.HardwareAddr {
	return net.HardwareAddr{0x02, 0x61, 0x72, 0x67, 0x6f, byte(number)}
}

// addPair makes a pair of connected links, one here and one in the namespace of a process. That one has the hardware address, or any
// if it is nil.
func addPair(here, there string, address net.HardwareAddr, process int) (netlink.Link, error) {
	attributes := netlink.NewLinkAttrs()
	attributes.Name = here
	pair := &netlink.Veth{LinkAttrs: attributes, PeerName: there, PeerHardwareAddr: address, PeerNamespace: netlink.NsPid(process)}
	if err := netlink.LinkAdd(pair); err != nil {
		return nil, fmt.Errorf("creating the network links %s and %s: %w", here, there, err)
	}
	return pair, nil
}

// awaitLink returns a link of this namespace, which another process may be about to make.
func awaitLink(name string) (netlink.Link, error) {
	deadline := time.Now().Add(10 * time.Second)
	for {
		link, err := netlink.LinkByName(name)
		if err == nil {
			return link, nil
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("the network link %s does not appear: %w", name, err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// disableIPv6 keeps a link, or all of this namespace, without addresses that come by themselves: programs on the machine, a browser
// among them, take each for a change of the network and drop their connections.
func disableIPv6(links string) error {
	err := os.WriteFile(filepath.Join("/proc/sys/net/ipv6/conf", links, "disable_ipv6"), []byte("1"), 0o644)
	if errors.Is(err, os.ErrNotExist) {
		return nil // the kernel has no IPv6
	}
	return err
}

func setUp(link netlink.Link, addresses ...string) error {
	name := link.Attrs().Name
	for _, address := range addresses {
		parsed, err := netlink.ParseAddr(address)
		if err != nil {
			return err
		}
		if err := netlink.AddrAdd(link, parsed); err != nil {
			return fmt.Errorf("giving the network link %s the address %s: %w", name, address, err)
		}
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return fmt.Errorf("setting the network link %s up: %w", name, err)
	}
	return nil
}

func setUpOnBridge(port netlink.Link) error {
	master, err := netlink.LinkByName(bridge)
	if err == nil {
		err = netlink.LinkSetMaster(port, master)
	}
	if err != nil {
		return fmt.Errorf("attaching the network link %s to %s: %w", port.Attrs().Name, bridge, err)
	}
	return setUp(port)
}

// addPodRoutes makes the pods of these nodes reachable, which need not exist yet.
func addPodRoutes(nodes []node) error {
	for _, n := range nodes {
		if err := addRoute(n.podRange(), n.ip()); err != nil {
			return err
		}
	}
	return nil
}

func addRoute(to, via string) error {
	_, destination, err := net.ParseCIDR(to)
	if err != nil {
		return err
	}
	if err := netlink.RouteAdd(&netlink.Route{Dst: destination, Gw: net.ParseIP(via)}); err != nil {
		return fmt.Errorf("adding the route to %s: %w", to, err)
	}
	return nil
}
