// Copyright: (c) 2026, the argo.workflows authors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Local-cluster is a whole Kubernetes of one to four nodes in one binary. Called as etcd, kube-apiserver, kube-controller-manager,
// kube-scheduler, kube-proxy, kubelet, coredns or registry-proxy it is that component; otherwise its first argument says what to do:
//
//	up               the cluster runs, with these settings and images; prints a JSON report
//	down             nothing of the cluster is left on the machine; prints a JSON report
//	kill-node NAME   the node is lost: its processes and pods end at once, and it stays away; prints a JSON report
//	start-node NAME  the node is back and ready; prints a JSON report
//	supervise        (started by up) runs the components of the control plane and the nodes until it is killed
//	node NAME        (started by supervise) runs the components of a node until it is killed
//
// It is crash-only: the one way to stop is SIGKILL, so that a start after kill -9, a crash or a power cut is an ordinary start.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

var components = map[string]func() *cobra.Command{
	"kube-apiserver":          apiserver.NewAPIServerCommand,
	"kube-controller-manager": controllermanager.NewControllerManagerCommand,
	"kube-proxy":              proxy.NewProxyCommand,
	"kube-scheduler":          func() *cobra.Command { return scheduler.NewSchedulerCommand() },
	"kubelet":                 func() *cobra.Command { return kubelet.NewKubeletCommand(context.Background()) },
}

func main() {
	name := filepath.Base(os.Args[0])
	if name == "etcd" {
		etcdmain.Main(os.Args)
		return
	}
	if command, found := components[name]; found {
		os.Exit(cli.Run(command()))
	}
	run := run
	switch name {
	case "coredns":
		run = serveNames
	case "registry-proxy":
		run = serveProxy
	}
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("local-cluster needs a command: up, down, kill-node or start-node")
	}
	var c cluster
	var imageDirs []string
	flags := flag.NewFlagSet(args[0], flag.ExitOnError)
	flags.StringVar(&c.dir, "state-dir", "", "folder of everything that the cluster writes; removed by down")
	flags.IntVar(&c.Nodes, "nodes", 1, "number of nodes, at most 4")
	flags.StringVar(&c.GPUs, "gpus", "0", "number of simulated nvidia.com/gpu devices, or 'real' for the machine's own cards; the nodes share them")
	flags.IntVar(&c.MaxPods, "max-pods", 300, "pods that a node takes")
	flags.StringVar(&c.ContainerLogMaxSize, "container-log-max-size", "10Mi", "size at which the kubelet rotates a container's log")
	flags.Func("image-dir", "folder whose *.tar image archives are imported; may be given more than once", func(dir string) error {
		imageDirs = append(imageDirs, dir)
		return nil
	})
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("the local cluster needs root: it creates network links, mounts and cgroups")
	}
	if !filepath.IsAbs(c.dir) {
		return fmt.Errorf("--state-dir %q is not an absolute path", c.dir)
	}
	executable, err := os.Executable()
	if err != nil {
		return err
	}
	c.Release = filepath.Dir(executable)

	switch args[0] {
	case "up":
		return printReport(c.up(imageDirs))
	case "down":
		return printReport(c.down())
	case "kill-node":
		return printReport(c.killNode(flags.Arg(0)))
	case "start-node":
		return printReport(c.startNode(flags.Arg(0)))
	case "supervise":
		return c.supervise()
	case "node":
		return c.runNode(flags.Arg(0))
	}
	return fmt.Errorf("local-cluster has no command %q: it has up, down, kill-node and start-node", args[0])
}

func printReport(report any, err error) error {
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(report)
}
