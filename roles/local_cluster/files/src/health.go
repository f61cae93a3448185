// Copyright: (c) 2026, the argo.workflows authors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// readyTimeout is several times what two busy cores need.
const readyTimeout = 2 * time.Minute

// isSupervised says whether the supervisor lives: it holds a lock as long as it does.
func (c cluster) isSupervised() bool {
	file, err := os.Open(c.path("supervisor.lock"))
	if err != nil {
		return false
	}
	defer file.Close()
	return syscall.Flock(int(file.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) == syscall.EWOULDBLOCK
}

// waitFor asks until check has no objection, at most readyTimeout. Its error tells the last objection and the logs' last words.
func (c cluster) waitFor(check func() error) error {
	started := time.Now()
	for {
		objection := check()
		if objection == nil {
			return nil
		}
		if time.Since(started) > readyTimeout || !c.isSupervised() {
			return fmt.Errorf("the local cluster is not ready after %.0f s: %w. Its last words, in %s:\n%s",
				time.Since(started).Seconds(), objection, c.dir, c.lastWords())
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func (c cluster) containerdsAnswer() error {
	for _, n := range c.nodes() {
		if !answers(n.containerd()) {
			return fmt.Errorf("containerd of node %s does not answer", n.name())
		}
	}
	return nil
}

// apiServerIsReady asks the API server as nobody, which it allows once it has written its own roles.
func (c cluster) apiServerIsReady() bool {
	if !answers(apiServerIP + ":443") { // much cheaper, and asked often
		return false
	}
	client, err := rest.UnversionedRESTClientFor(&rest.Config{
		Host:            "https://" + apiServerIP,
		TLSClientConfig: rest.TLSClientConfig{CAFile: c.path("pki/ca.crt")},
		Timeout:         time.Second,
		ContentConfig:   rest.ContentConfig{NegotiatedSerializer: scheme.Codecs},
	})
	return err == nil && client.Get().AbsPath("/readyz").Do(context.Background()).Error() == nil
}

// client is the administrator's.
func (c cluster) client() (*kubernetes.Clientset, error) {
	config, err := clientcmd.BuildConfigFromFlags("", c.path("kubeconfig"))
	if err != nil {
		return nil, err
	}
	config.Proxy = noProxy
	config.Timeout = 5 * time.Second
	return kubernetes.NewForConfig(config)
}

// noProxy is for connections inside the machine: the environment's proxy does not lead there.
func noProxy(*http.Request) (*url.URL, error) { return nil, nil }

// isReady objects unless a pod with a GPU could be created on every node and run now.
func (c cluster) isReady() error {
	for _, n := range c.nodes() {
		if err := n.isReady(); err != nil {
			return err
		}
	}
	if !answers(nameServer) {
		return errors.New("the name server does not answer")
	}
	client, err := c.client()
	if err != nil {
		return err
	}
	_, err = client.CoreV1().ServiceAccounts("default").Get(context.Background(), "default", metav1.GetOptions{})
	return err
}

func (n node) isReady() error {
	if !answers(n.kubeletAPI()) {
		return fmt.Errorf("the kubelet of node %s does not answer", n.name())
	}
	client, err := n.cluster.client()
	if err != nil {
		return err
	}
	state, err := client.CoreV1().Nodes().Get(context.Background(), n.name(), metav1.GetOptions{})
	if err != nil {
		return err
	}
	started, err := os.Stat(n.startMarker())
	if err != nil {
		return err
	}
	cards, err := findCards(n.cluster.GPUs)
	if err != nil {
		return err
	}
	if err := objectionTo(state, len(n.share(cards)), started.ModTime()); err != nil {
		return err
	}
	asking := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Second}
	health, err := asking.Get("http://" + n.proxyHealth() + "/healthz")
	if err != nil {
		return err
	}
	defer health.Body.Close()
	if health.StatusCode != http.StatusOK {
		return fmt.Errorf("kube-proxy of node %s says that it is not ready: %s", n.name(), health.Status)
	}
	return nil
}

// removeOtherNodes removes what is left of nodes that the cluster had and has no more. What others call a Node is left alone.
func (c cluster) removeOtherNodes() error {
	client, err := c.client()
	if err != nil {
		return err
	}
	for _, other := range c.firstNodes(maxNodes)[c.Nodes:] {
		err := client.CoreV1().Nodes().Delete(context.Background(), other.name(), metav1.DeleteOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			return err
		}
		if err := os.RemoveAll(other.path()); err != nil {
			return err
		}
	}
	return nil
}

// objectionTo says why pods would not be scheduled on a node yet. What it said before it started does not count.
func objectionTo(node *corev1.Node, gpus int, started time.Time) error {
	ready := false
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue {
			ready = !condition.LastHeartbeatTime.Time.Before(started.Truncate(time.Second))
		}
	}
	if !ready {
		return fmt.Errorf("node %s is not Ready", node.Name)
	}
	if len(node.Spec.Taints) > 0 {
		return fmt.Errorf("node %s has the taint %s", node.Name, node.Spec.Taints[0].Key)
	}
	allocatable := node.Status.Allocatable[gpuResource]
	if allocatable.Value() != int64(gpus) {
		return fmt.Errorf("node %s offers %s %s, not %d", node.Name, allocatable.String(), gpuResource, gpus)
	}
	return nil
}

// lastWords are the last lines of every log.
func (c cluster) lastWords() string {
	var words []string
	logs, _ := filepath.Glob(c.path("log/*.log"))
	ofNodes, _ := filepath.Glob(c.path("nodes/*/log/*.log"))
	for _, path := range append(logs, ofNodes...) {
		if name, _ := filepath.Rel(c.dir, path); !strings.HasPrefix(name, "log/audit") {
			text, _ := os.ReadFile(path)
			lines := strings.Split(strings.TrimSpace(string(text)), "\n")
			words = append(words, name+": "+lines[len(lines)-1])
		}
	}
	return strings.Join(words, "\n")
}
