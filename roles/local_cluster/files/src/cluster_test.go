// Copyright: (c) 2026, the argo.workflows authors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
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
	return cluster{dir: t.TempDir(), settings: settings{Release: "/release", GPUs: "8", MaxPods: 300, ContainerLogMaxSize: "10Mi"}}
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
	loader, err := kubeletfiles.NewFsLoader(&utilfs.DefaultFs{}, c.path("config/kubelet.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var config *kubeletconfig.KubeletConfiguration
	if config, err = loader.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if config.MaxPods != 300 || config.ContainerLogMaxSize != "10Mi" || config.PodLogsDir != c.path("log/pods") || config.Address != nodeIP {
		t.Errorf("it reads %d pods, logs of %s in %s, address %s", config.MaxPods, config.ContainerLogMaxSize, config.PodLogsDir, config.Address)
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
	for _, id := range identities {
		if _, err := tls.LoadX509KeyPair(c.path("pki", id.name+".crt"), c.path("pki", id.name+".key")); err != nil {
			t.Errorf("%s: %v", id.name, err)
		}
		text, err := os.ReadFile(c.path("pki", id.name+".crt"))
		if err != nil {
			t.Fatal(err)
		}
		block, _ := pem.Decode(text)
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		usage := x509.ExtKeyUsageClientAuth
		for _, address := range id.addresses {
			usage = x509.ExtKeyUsageServerAuth
			if err := cert.VerifyHostname(address); err != nil {
				t.Errorf("%s: %v", id.name, err)
			}
		}
		if _, err := cert.Verify(x509.VerifyOptions{Roots: trusted, KeyUsages: []x509.ExtKeyUsage{usage}}); err != nil {
			t.Errorf("%s: %v", id.name, err)
		}
		if len(cert.AuthorityKeyId) == 0 {
			t.Errorf("%s: Python 3.13 does not trust it: it does not say which key has signed it", id.name)
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
	if err := objectionTo(node(now, "8"), "8", started); err != nil {
		t.Errorf("a ready node: %v", err)
	}
	if err := objectionTo(node(now, "1"), realGPUs, started); err != nil {
		t.Errorf("a ready node with a real card: %v", err)
	}
	for what, objection := range map[string]error{
		"a word from before the start": objectionTo(node(now.Add(-time.Second), "8"), "8", started),
		"no GPUs yet":                  objectionTo(node(now, "0"), "8", started),
		"no real GPUs yet":             objectionTo(node(now, "0"), realGPUs, started),
		"a taint":                      objectionTo(node(now, "8", corev1.Taint{Key: "not-ready"}), "8", started),
		"no condition":                 objectionTo(&corev1.Node{}, "0", started),
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
