// Copyright: (c) 2026, the argo.workflows authors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"log"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A lost node shows in seconds, where Kubernetes' defaults are a minute and then five.
const (
	lostAfter    = "20s" // NotReady
	evictedAfter = "10"  // and then its pods are deleted
)

// supervise runs the components of the control plane and the nodes, starting each again when it ends, until this process is killed:
// they die with it. It runs in a network namespace of its own.
func (c cluster) supervise() error {
	known, err := c.readRecord()
	if err != nil {
		return err
	}
	c.settings = known.Settings
	if err := c.joinCgroup(); err != nil { // before its life shows: what is up can be ended
		return err
	}
	alive, err := os.OpenFile(c.path("supervisor.lock"), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer alive.Close() // an unused file would be closed by the garbage collector, and the lock be lost
	if err := syscall.Flock(int(alive.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	if err := c.connect(); err != nil {
		return err
	}
	proxy, err := c.registryProxy()
	if err != nil {
		return err
	}
	for _, p := range append(c.controlPlane(), proxy) {
		go p.keepRunning(c.path("log"))
	}
	for _, n := range c.nodes() {
		go n.process().keepRunning(c.path("log"))
	}
	select {}
}

// A process is a child of the supervisor or of a node's process.
type process struct {
	name        string
	path        string
	args        []string
	namespaces  uintptr             // clone flags of those that it gets for itself
	environment []string            // in addition to ours
	files       []*os.File          // from 3 on
	needs       []func() bool       // what must be true before it starts
	prepare     func() error        // what is done before each start
	started     func(pid int) error // what is done for it after each start
	reset       func() error        // what may help if it keeps dying at its start
}

// machineNamespace is the file with the machine's network namespace, which up leaves open for the supervisor.
const machineNamespace = 3

// registryProxy starts when somebody asks for it: most clusters have all of their images.
func (c cluster) registryProxy() (process, error) {
	syscall.CloseOnExec(machineNamespace)
	listener, err := net.Listen("tcp", proxyAddress)
	if err != nil {
		return process{}, err
	}
	file, err := listener.(*net.TCPListener).File()
	isAsked := func() bool {
		count, err := unix.Poll([]unix.PollFd{{Fd: int32(file.Fd()), Events: unix.POLLIN}}, 0)
		return err == nil && count > 0
	}
	return process{
		name: "registry-proxy", path: "/proc/self/exe", files: []*os.File{file}, needs: []func() bool{isAsked},
		prepare: func() error { return unix.Setns(machineNamespace, unix.CLONE_NEWNET) }, // of the thread that starts it, and only it
	}, err
}

func (c cluster) controlPlane() []process {
	etcd := c.path("run/etcd.sock")
	etcdAnswers := func() bool { return answers(etcd) }
	pki := func(name string) string { return c.path("pki", name) }
	self := "/proc/self/exe"
	return []process{
		{
			name: "etcd", path: self,
			args: []string{
				"--name", "local", "--data-dir", c.path("etcd"), "--log-level", "warn",
				"--listen-client-urls", "unix://" + etcd, "--advertise-client-urls", "http://localhost:2379",
				"--listen-peer-urls", "unix://" + c.path("run/etcd-peer.sock"),
				"--unsafe-no-fsync", // a power cut may spoil the data, and then they go
			},
			reset: func() error { return os.RemoveAll(c.path("etcd")) },
		},
		{
			name: "kube-apiserver", path: self, needs: []func() bool{etcdAnswers},
			args: []string{
				"--etcd-servers=unix://" + etcd,
				"--bind-address=0.0.0.0", "--advertise-address=" + controlPlaneIP, "--secure-port=443",
				"--service-cluster-ip-range=" + serviceRange, "--enable-aggregator-routing", // no kube-proxy runs here
				"--default-not-ready-toleration-seconds=" + evictedAfter, "--default-unreachable-toleration-seconds=" + evictedAfter,
				"--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction", "--allow-privileged",
				"--client-ca-file=" + pki("ca.crt"),
				"--tls-cert-file=" + pki("apiserver.crt"), "--tls-private-key-file=" + pki("apiserver.key"),
				"--kubelet-preferred-address-types=InternalIP", "--kubelet-certificate-authority=" + pki("ca.crt"),
				"--kubelet-client-certificate=" + pki("apiserver-kubelet-client.crt"),
				"--kubelet-client-key=" + pki("apiserver-kubelet-client.key"),
				"--service-account-issuer=https://kubernetes.default.svc",
				"--service-account-key-file=" + pki("service-accounts.key"),
				"--service-account-signing-key-file=" + pki("service-accounts.key"),
				"--audit-policy-file=" + c.path("config/audit-policy.yaml"), "--audit-log-path=" + c.path("log/audit.log"),
				"--audit-log-maxsize=100", "--audit-log-maxbackup=2",
			},
		},
		{
			name: "kube-controller-manager", path: self, needs: []func() bool{c.apiServerIsReady},
			args: []string{
				"--kubeconfig=" + c.path("config/controller-manager.kubeconfig"), "--secure-port=0", "--leader-elect=false",
				"--kube-api-qps=200", "--kube-api-burst=400", // or its controllers wait four seconds for their accounts at the first start
				"--node-monitor-period=1s", "--node-monitor-grace-period=" + lostAfter,
				"--use-service-account-credentials", "--root-ca-file=" + pki("ca.crt"),
				"--service-account-private-key-file=" + pki("service-accounts.key"),
			},
		},
		{
			name: "kube-scheduler", path: self, needs: []func() bool{c.apiServerIsReady},
			args: []string{"--kubeconfig=" + c.path("config/scheduler.kubeconfig"), "--secure-port=0", "--leader-elect=false"},
		},
		{
			name: "coredns", path: self, needs: []func() bool{c.apiServerIsReady},
			args: []string{c.path("config/Corefile")},
		},
	}
}

// keepRunning has the output in NAME.log of a folder.
func (p process) keepRunning(logs string) {
	runtime.LockOSThread() // its end is what Pdeathsig is about
	earlyDeaths := 0
	for {
		for _, isThere := range p.needs {
			for !isThere() {
				time.Sleep(50 * time.Millisecond)
			}
		}
		started := time.Now()
		log.Printf("%s starts", p.name)
		log.Printf("%s ended: %v", p.name, p.runOnce(logs))
		if time.Since(started) > 10*time.Second {
			earlyDeaths = 0
		} else if earlyDeaths++; earlyDeaths == 3 && p.reset != nil {
			log.Printf("%s ended %d times at its start: its data are removed (%v)", p.name, earlyDeaths, p.reset())
		}
		time.Sleep(time.Second)
	}
}

// runOnce starts a process and waits for its end.
func (p process) runOnce(logs string) error {
	if p.prepare != nil {
		if err := p.prepare(); err != nil {
			return err
		}
	}
	output, err := os.OpenFile(filepath.Join(logs, p.name+".log"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer output.Close()
	command := exec.Cmd{
		Path: p.path, Args: append([]string{p.name}, p.args...), Dir: "/", Env: append(os.Environ(), p.environment...),
		Stdout: output, Stderr: output, ExtraFiles: p.files,
		SysProcAttr: &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Unshareflags: p.namespaces},
	}
	if err := command.Start(); err != nil {
		return err
	}
	if p.started != nil {
		if err := p.started(command.Process.Pid); err != nil {
			command.Process.Kill()
			log.Printf("%s cannot run: %v", p.name, err)
		}
	}
	return command.Wait()
}

// answers says whether something listens at host:port or on the socket of that path.
func answers(address string) bool {
	network := "tcp"
	if address[0] == '/' {
		network = "unix"
	}
	connection, err := net.DialTimeout(network, address, time.Second)
	if err == nil {
		connection.Close()
	}
	return err == nil
}
