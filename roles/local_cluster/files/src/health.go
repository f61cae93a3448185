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
	"strings"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
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
			return fmt.Errorf("the local cluster is not ready after %.0f s: %w. Its last words, of %s:\n%s",
				time.Since(started).Seconds(), objection, c.path("log"), c.lastWords())
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func (c cluster) containerdAnswers() error {
	if !answers(c.path("run/containerd.sock")) {
		return errors.New("containerd does not answer")
	}
	return nil
}

// apiServerIsReady asks the API server as nobody, which it allows once it has written its own roles.
func (c cluster) apiServerIsReady() bool {
	client, err := rest.UnversionedRESTClientFor(&rest.Config{
		Host:            "https://" + apiServer,
		TLSClientConfig: rest.TLSClientConfig{CAFile: c.path("pki/ca.crt")},
		Timeout:         time.Second,
		ContentConfig:   rest.ContentConfig{NegotiatedSerializer: scheme.Codecs},
	})
	return err == nil && client.Get().AbsPath("/readyz").Do(context.Background()).Error() == nil
}

// nodeIsReady objects unless a pod with a GPU could be created and run now.
func (c cluster) nodeIsReady() error {
	config, err := clientcmd.BuildConfigFromFlags("", c.path("kubeconfig"))
	if err != nil {
		return err
	}
	config.Proxy = func(*http.Request) (*url.URL, error) { return nil, nil } // the environment's does not lead here
	config.Timeout = 5 * time.Second
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	if !answers(kubeletAPI) {
		return errors.New("the kubelet does not answer")
	}
	node, err := client.CoreV1().Nodes().Get(context.Background(), nodeName, metav1.GetOptions{})
	if err != nil {
		return err
	}
	lock, err := os.Stat(c.path("supervisor.lock"))
	if err != nil {
		return err
	}
	if err := objectionTo(node, c.GPUs, lock.ModTime()); err != nil {
		return err
	}
	_, err = client.CoreV1().ServiceAccounts("default").Get(context.Background(), "default", metav1.GetOptions{})
	return err
}

// objectionTo says why pods would not be scheduled on the node yet. What it said before its kubelet started does not count.
func objectionTo(node *corev1.Node, gpus string, started time.Time) error {
	ready := false
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue {
			ready = !condition.LastHeartbeatTime.Time.Before(started.Truncate(time.Second))
		}
	}
	if !ready {
		return errors.New("the node is not Ready")
	}
	if len(node.Spec.Taints) > 0 {
		return fmt.Errorf("the node has the taint %s", node.Spec.Taints[0].Key)
	}
	allocatable := node.Status.Allocatable[gpuResource]
	if gpus == realGPUs && allocatable.IsZero() || gpus != realGPUs && allocatable.String() != gpus {
		return fmt.Errorf("the node offers %s %s, not %s", allocatable.String(), gpuResource, gpus)
	}
	return nil
}

// lastWords are the last lines of every log.
func (c cluster) lastWords() string {
	var words []string
	logs, _ := os.ReadDir(c.path("log"))
	for _, entry := range logs {
		if name, isLog := strings.CutSuffix(entry.Name(), ".log"); isLog && name != "audit" {
			text, _ := os.ReadFile(c.path("log", entry.Name()))
			lines := strings.Split(strings.TrimSpace(string(text)), "\n")
			words = append(words, name+": "+lines[len(lines)-1])
		}
	}
	return strings.Join(words, "\n")
}
