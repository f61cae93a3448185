// Copyright: (c) 2026, the argo.workflows authors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	devices "k8s.io/kubelet/pkg/apis/deviceplugin/v1beta1"
	kubeletconfig "k8s.io/kubernetes/pkg/kubelet/apis/config"
	kubeletfiles "k8s.io/kubernetes/pkg/kubelet/kubeletconfig/configfiles"
	utilfs "k8s.io/kubernetes/pkg/util/filesystem"
)

func newCluster(t *testing.T) cluster {
	return cluster{dir: t.TempDir(), settings: settings{Release: "/release", Nodes: 2, GPUs: "8", MaxPods: 300, ContainerLogMaxSize: "10Mi"}}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestOnlyAnEmptyFolderOrOneOfOursBecomesAStateFolder(t *testing.T) {
	c := newCluster(t)
	if _, err := c.readRecord(); err != nil {
		t.Errorf("a new folder is refused: %v", err)
	}
	write(t, c.path("thesis.tex"), "")
	if _, err := c.readRecord(); err == nil || !strings.Contains(err.Error(), "thesis.tex") {
		t.Errorf("a folder with something else in it: %v", err)
	}
	if err := c.writeRecord(record{Settings: c.settings, MadeFolders: []string{"/a"}}); err != nil {
		t.Fatal(err)
	}
	read, err := c.readRecord()
	if err != nil || read.Settings != c.settings || !reflect.DeepEqual(read.MadeFolders, []string{"/a"}) {
		t.Errorf("what was written is read as %v, %v", read, err)
	}
}

func TestCgroupsOfBothVersionsAreFound(t *testing.T) {
	mounts := "proc /proc proc rw 0 0\ncgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n"
	if found := hierarchies(mounts); !reflect.DeepEqual(found, []string{"/sys/fs/cgroup/cpu", "/sys/fs/cgroup/unified"}) {
		t.Errorf("found %v", found)
	}
}

func TestAProcessThatIsJustBeingCollectedIsNotTakenForOurOwn(t *testing.T) {
	root := t.TempDir()
	write(t, root+"/system/cgroup.procs", "12\n0\n13\n")
	if pids := processesBelow([]string{root}); !reflect.DeepEqual(pids, []int{12, 13}) {
		t.Errorf("found %v", pids)
	}
}

func TestACgroupIsRemovedWithAllInsideAndOneThatIsNotThereIsNoError(t *testing.T) {
	c := newCluster(t)
	roots, err := c.cgroups()
	if err != nil {
		t.Skip(err)
	}
	if err := os.MkdirAll(filepath.Join(roots[0], "local/kubepods/pod"), 0o755); err != nil {
		t.Skip(err)
	}
	for range 2 {
		if ended, err := c.killAll(); ended != 0 || err != nil || c.hasCgroup() {
			t.Errorf("%d processes ended, %v", ended, err)
		}
	}
}

func TestClustersInDifferentFoldersHaveDifferentCgroups(t *testing.T) {
	if a, b := (cluster{dir: "/a"}).cgroupName(), (cluster{dir: "/b"}).cgroupName(); a == b {
		t.Errorf("both have %s", a)
	}
}

func TestTheKubeletUnderstandsItsConfiguration(t *testing.T) {
	c := newCluster(t)
	if err := c.writeConfigs(); err != nil {
		t.Fatal(err)
	}
	for _, n := range c.nodes() {
		loader, err := kubeletfiles.NewFsLoader(&utilfs.DefaultFs{}, n.path("config/kubelet.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		var config *kubeletconfig.KubeletConfiguration
		if config, err = loader.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		if config.MaxPods != 300 || config.ContainerLogMaxSize != "10Mi" || config.PodLogsDir != n.path("log/pods") || config.Address != n.ip() {
			t.Errorf("it reads %d pods, logs of %s in %s, address %s", config.MaxPods, config.ContainerLogMaxSize, config.PodLogsDir, config.Address)
		}
		if config.CgroupRoot != "/"+c.cgroupName()+"/"+n.name() {
			t.Errorf("%s has its pods in the cgroup %s", n.name(), config.CgroupRoot)
		}
	}
}

func TestEveryIdentityIsTrustedForWhatItIsFor(t *testing.T) {
	c := newCluster(t)
	if err := c.writeIdentities(); err != nil {
		t.Fatal(err)
	}
	authority, err := os.ReadFile(c.path("pki/ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(authority)
	for _, id := range c.identities() {
		pair, err := tls.LoadX509KeyPair(c.path(id.file+".crt"), c.path(id.file+".key"))
		if err != nil {
			t.Fatalf("%s: %v", id.file, err)
		}
		cert := pair.Leaf
		usage := x509.ExtKeyUsageClientAuth
		for _, address := range id.addresses {
			usage = x509.ExtKeyUsageServerAuth
			if err := cert.VerifyHostname(address); err != nil {
				t.Errorf("%s: %v", id.file, err)
			}
		}
		if _, err := cert.Verify(x509.VerifyOptions{Roots: trusted, KeyUsages: []x509.ExtKeyUsage{usage}}); err != nil {
			t.Errorf("%s: %v", id.file, err)
		}
		if len(cert.AuthorityKeyId) == 0 {
			t.Errorf("%s: Python 3.13 does not trust it: it does not say which key has signed it", id.file)
		}
	}
}

func TestTheKubeconfigIsSecretStandsAloneAndVerifiesTheServer(t *testing.T) {
	c := newCluster(t)
	if err := c.writeIdentities(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(c.path("kubeconfig")); err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	config, err := clientcmd.BuildConfigFromFlags("", c.path("kubeconfig"))
	if err != nil {
		t.Fatal(err)
	}
	if config.Insecure || len(config.CAData) == 0 || len(config.KeyData) == 0 || config.Host != "https://10.96.0.1:443" {
		t.Errorf("it says %+v", config)
	}
	before, _ := os.ReadFile(c.path("kubeconfig"))
	if err := c.writeIdentities(); err != nil {
		t.Fatal(err)
	}
	if after, _ := os.ReadFile(c.path("kubeconfig")); string(before) != string(after) {
		t.Error("a second start writes another one")
	}
}

func TestAClusterThatGrowsKeepsItsIdentitiesAndGetsThoseOfTheNewNodes(t *testing.T) {
	c := newCluster(t)
	if err := c.writeIdentities(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(c.path("nodes/local/pki/server.crt"))
	if err != nil {
		t.Fatal(err)
	}
	c.Nodes = 3
	if err := c.writeIdentities(); err != nil {
		t.Fatal(err)
	}
	if after, _ := os.ReadFile(c.path("nodes/local/pki/server.crt")); string(after) != string(before) {
		t.Error("the first node's is another one")
	}
	if _, err := clientcmd.BuildConfigFromFlags("", c.path("nodes/local-3/config/kubelet.kubeconfig")); err != nil {
		t.Error(err)
	}
}

func TestAnIdentityOfAnotherAuthorityOrForOtherAddressesIsWrittenAnew(t *testing.T) {
	c := newCluster(t)
	if err := c.writeIdentities(); err != nil {
		t.Fatal(err)
	}
	authority, _, err := c.authority()
	if err != nil {
		t.Fatal(err)
	}
	other, _, err := newCluster(t).authority()
	if err != nil {
		t.Fatal(err)
	}
	server := identity{file: "pki/apiserver", addresses: []string{apiServerIP}}
	if !c.isWritten(server, authority) {
		t.Error("what was written just now is not there")
	}
	if c.isWritten(server, other) {
		t.Error("it is taken for one of another authority")
	}
	server.addresses = append(server.addresses, "192.0.2.1")
	if c.isWritten(server, authority) {
		t.Error("it is taken for one of an address that it lacks")
	}
}

func TestNodesAndTheirPodsHaveAddressesOfTheirOwnInsideTheClustersRange(t *testing.T) {
	_, whole, _ := net.ParseCIDR(clusterRange)
	_, hosts, _ := net.ParseCIDR(machineIP + hostBits)
	taken := map[string]bool{machineIP: true, controlPlaneIP: true}
	ranges := []*net.IPNet{hosts}
	for _, n := range newCluster(t).firstNodes(maxNodes) {
		if taken[n.ip()] || taken[n.name()] || !hosts.Contains(net.ParseIP(n.ip())) {
			t.Errorf("node %s has the address %s", n.name(), n.ip())
		}
		taken[n.ip()], taken[n.name()] = true, true
		if len(n.name()) > 15 {
			t.Errorf("%s is too long for the name of a network link", n.name())
		}
		_, pods, err := net.ParseCIDR(n.podRange())
		if err != nil || !whole.Contains(pods.IP) || !pods.Contains(net.ParseIP(n.gateway())) {
			t.Errorf("node %s has pods in %s behind %s: %v", n.name(), n.podRange(), n.gateway(), err)
		}
		for _, other := range ranges {
			if other.Contains(pods.IP) || pods.Contains(other.IP) {
				t.Errorf("%s and %s overlap", pods, other)
			}
		}
		ranges = append(ranges, pods)
	}
}

func TestTheProxyConnectsHostsOfTheClusterAlone(t *testing.T) {
	there := httptest.NewServer(http.HandlerFunc(func(response http.ResponseWriter, _ *http.Request) { io.WriteString(response, "layer") }))
	defer there.Close()
	ask := func(from string) (string, error) {
		proxy := httptest.NewServer(http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
			request.RemoteAddr = from
			connect(response, request)
		}))
		defer proxy.Close()
		connection, err := net.Dial("tcp", proxy.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
		host := there.Listener.Addr().String()
		fmt.Fprintf(connection, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\nGET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", host, host, host)
		answer, err := io.ReadAll(connection)
		return string(answer), err
	}
	for from, allowed := range map[string]bool{"10.244.0.11:1234": true, "10.244.16.5:1234": false, "192.0.2.1:1234": false} {
		if answer, err := ask(from); err != nil || strings.HasSuffix(answer, "layer") != allowed {
			t.Errorf("%s gets %q, %v", from, answer, err)
		}
	}
}

func TestTheCardsAreSharedAmongTheNodesEachToOne(t *testing.T) {
	for gpus, shares := range map[string][]int{"8": {2, 2, 2, 2}, "5": {1, 1, 1, 2}, "1": {0, 0, 0, 1}, "0": {0, 0, 0, 0}} {
		cards, err := findCards(gpus)
		if err != nil {
			t.Fatal(err)
		}
		c := newCluster(t)
		c.Nodes = 4
		var all []card
		for i, n := range c.nodes() {
			if share := n.share(cards); len(share) != shares[i] {
				t.Errorf("of %s cards, node %s has %v", gpus, n.name(), share)
			}
			all = append(all, n.share(cards)...)
		}
		if len(all) != len(cards) || len(cards) > 0 && !reflect.DeepEqual(all, cards) {
			t.Errorf("of %s cards, the nodes have %v", gpus, all)
		}
	}
}

func TestAClusterHasOneToFourNodes(t *testing.T) {
	for _, wrong := range []int{-1, 0, 5} {
		c := newCluster(t)
		c.Nodes = wrong
		if _, err := c.up(nil); err == nil || !strings.Contains(err.Error(), "1 to 4 nodes") {
			t.Errorf("%d nodes: %v", wrong, err)
		}
	}
}

func TestAKernelWithoutAPacketFilterIsRefusedInASentence(t *testing.T) {
	c := newCluster(t)
	c.Release = t.TempDir()
	write(t, c.runtime("usr/sbin/nft"), "#!/bin/sh\necho Protocol not supported >&2\necho table ip trial >&2\nexit 1\n")
	if err := os.Chmod(c.runtime("usr/sbin/nft"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := c.checkPacketFilter(); err == nil || !strings.Contains(err.Error(), "with nf_tables, for Services") ||
		!strings.Contains(err.Error(), "Protocol not supported") || strings.Contains(err.Error(), "\n") {
		t.Errorf("%v", err)
	}
}

func TestOnlyANodeOfTheClusterIsKilled(t *testing.T) {
	c := newCluster(t)
	if err := c.writeRecord(record{Settings: c.settings}); err != nil {
		t.Fatal(err)
	}
	if n, err := c.recordedNode("local-2"); err != nil || n.number != 2 {
		t.Errorf("found %v, %v", n.number, err)
	}
	for _, wrong := range []string{"", "local-3", "../local"} {
		if _, err := c.recordedNode(wrong); err == nil || !strings.Contains(err.Error(), "it has local, local-2") {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	if _, err := c.killNode("local-2"); err == nil || !strings.Contains(err.Error(), "does not run") {
		t.Errorf("a cluster that does not run: %v", err)
	}
	if c.Nodes = 2; exists(c.nodes()[1].lostMarker()) {
		t.Error("the node of a cluster that does not run is marked as lost")
	}
}

func TestANodeIsReadyOnlyByItsOwnNewWord(t *testing.T) {
	started := time.Date(2026, 11, 22, 12, 0, 0, 500, time.UTC)
	node := func(heartbeat time.Time, gpus string, taints ...corev1.Taint) *corev1.Node {
		return &corev1.Node{
			Spec: corev1.NodeSpec{Taints: taints},
			Status: corev1.NodeStatus{
				Conditions: []corev1.NodeCondition{
					{Type: corev1.NodeReady, Status: corev1.ConditionTrue, LastHeartbeatTime: metav1.NewTime(heartbeat)},
				},
				Allocatable: corev1.ResourceList{gpuResource: resource.MustParse(gpus)},
			},
		}
	}
	now := started.Truncate(time.Second)
	if err := objectionTo(node(now, "8"), 8, started); err != nil {
		t.Errorf("a ready node: %v", err)
	}
	for what, objection := range map[string]error{
		"a word from before the start": objectionTo(node(now.Add(-time.Second), "8"), 8, started),
		"no GPUs yet":                  objectionTo(node(now, "0"), 8, started),
		"a taint":                      objectionTo(node(now, "8", corev1.Taint{Key: "not-ready"}), 8, started),
		"no condition":                 objectionTo(&corev1.Node{}, 0, started),
	} {
		if objection == nil {
			t.Errorf("%s: no objection", what)
		}
	}
}

func TestTheNumberOfCardsIsTheNumberAskedFor(t *testing.T) {
	cards, err := findCards("3")
	if err != nil || len(cards) != 3 || cards[2].id != "simulated-2" {
		t.Errorf("%v, %v", cards, err)
	}
	for _, wrong := range []string{"", "-1", "many"} {
		if _, err := findCards(wrong); err == nil {
			t.Errorf("%q is accepted", wrong)
		}
	}
}

func TestRealCardsAreThoseWithADeviceFile(t *testing.T) {
	driver, dev := t.TempDir(), t.TempDir()
	write(t, driver+"/0000:01:00.0/information", "Model: \t\t NVIDIA H100\nGPU UUID: \t GPU-aaaa\nDevice Minor: \t 0\n")
	write(t, driver+"/0000:02:00.0/information", "Model: \t\t NVIDIA H100\nGPU UUID: \t GPU-bbbb\nDevice Minor: \t 1\n")
	write(t, dev+"/nvidia1", "")
	write(t, dev+"/nvidiactl", "")
	cards, err := findRealCards(driver, dev)
	if want := []card{{id: "GPU-bbbb", nodes: []string{dev + "/nvidia1", dev + "/nvidiactl"}}}; err != nil || !reflect.DeepEqual(cards, want) {
		t.Errorf("found %v, %v", cards, err)
	}
	if _, err := findRealCards(t.TempDir(), dev); err == nil {
		t.Error("a machine without a driver: no error")
	}
}

func TestAContainerGetsItsOwnCardsAndNoOther(t *testing.T) {
	plugin := cardPlugin{cards: []card{
		{id: "GPU-a", nodes: []string{"/dev/nvidia0", "/dev/nvidiactl"}},
		{id: "GPU-b", nodes: []string{"/dev/nvidia1", "/dev/nvidiactl"}},
		{id: "GPU-c", nodes: []string{"/dev/nvidia2", "/dev/nvidiactl"}},
	}}
	response, err := plugin.Allocate(context.Background(), &devices.AllocateRequest{
		ContainerRequests: []*devices.ContainerAllocateRequest{{DevicesIds: []string{"GPU-a", "GPU-c"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	container := response.ContainerResponses[0]
	var nodes []string
	for _, device := range container.Devices {
		nodes = append(nodes, device.HostPath)
	}
	if want := []string{"/dev/nvidia0", "/dev/nvidiactl", "/dev/nvidia2"}; !reflect.DeepEqual(nodes, want) {
		t.Errorf("it gets %v", nodes)
	}
	if visible := container.Envs["NVIDIA_VISIBLE_DEVICES"]; visible != "GPU-a,GPU-c" {
		t.Errorf("it sees %s", visible)
	}
}
