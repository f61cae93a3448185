# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The throw-away cluster, of one node and of several: it comes back whatever happened to it, and goes without a trace.

Runs last of all: the cluster is gone afterwards.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import path
from ansible_collections.argo.workflows.tests.support.cluster import (
    KUBECONFIG,
    ROOT,
    STATE,
    administrator,
    boot,
    is_ready,
    kill,
    kill_node,
    processes,
    run,
    start_node,
    wait_for,
)

LINKS = Path("/sys/class/net")
LINK = "argo-cluster0"
LINKS_AND_ADDRESSES = 0x1 | 0x10 | 0x100
"""rtnetlink's groups of links, IPv4 and IPv6 addresses."""
NODES = ("local", "local-2", "local-3", "local-4")
CONFIG_MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kept"}, "data": {"a": "b"}}
IMAGE = "localhost/gpu-say:dev"


def in_its_cgroup() -> list[str]:
    """The processes of the cluster, those of its pods among them, by id: all live in its cgroup.

    Those that have ended and wait for the machine's init to collect them have no command line any more.
    """
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended in the meantime
            if "/argo-local-cluster-" in (folder / "cgroup").read_text() and (folder / "cmdline").read_bytes():
                found.append(folder.name)
    return found


def create_pod(name: str, node: str, script: str) -> None:
    spec = {
        "nodeSelector": {"kubernetes.io/hostname": node},
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 0,
        "containers": [{"name": "main", "image": IMAGE, "command": ["sh", "-c", script]}],
    }
    metadata = {"name": name, "labels": {"app": name}}
    administrator().create(
        path("Pod", "default"), {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    )


def log_of(name: str, **query: Any) -> str:
    try:
        log = administrator().open_log(path("Pod", "default", name, "log"), read_timeout=30, **query)
    except ApiError as error:
        assert error.status == 400  # it has not started yet
        return ""
    return b"".join(log).decode()


@pytest.fixture(scope="module", autouse=True, params=[1, 4], ids=["one node", "four nodes"])
def names(request: pytest.FixtureRequest) -> Iterator[tuple[str, ...]]:
    """The names of the nodes of a cluster that runs."""
    before = {link.name for link in LINKS.iterdir()}
    run("make", "cluster")
    boot(request.param)
    administrator().create(path("ConfigMap", "default"), CONFIG_MAP)
    yield NODES[: request.param]
    run("make", "cluster-down")
    assert {link.name for link in LINKS.iterdir()} == before - {LINK}


def test_every_node_is_ready_and_they_share_the_gpus(names: tuple[str, ...]) -> None:
    nodes = {node["metadata"]["name"]: node["status"] for node in administrator().objects(path("Node"))}
    assert tuple(sorted(nodes)) == names
    assert all(is_ready(name) for name in names)
    gpus = [int(status["allocatable"]["nvidia.com/gpu"]) for status in nodes.values()]
    assert gpus == [8 // len(names)] * len(names)


def test_a_running_cluster_is_left_alone(names: tuple[str, ...]) -> None:
    before = processes()
    assert "changed=0" in boot(len(names))
    assert processes().keys() == before.keys()


@pytest.mark.parametrize("nodes", ["0", "5", "two"])
def test_another_number_of_nodes_is_refused_in_a_sentence_and_changes_nothing(nodes: str) -> None:
    before = processes()
    command = ["ansible-playbook", "playbooks/local_cluster.yml", "-e", f"local_cluster_nodes={nodes}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "local_cluster_nodes" in done.stdout + done.stderr
    assert processes().keys() == before.keys()


def test_the_kubeconfig_is_for_root_alone_and_verifies_the_server() -> None:
    assert KUBECONFIG.stat().st_mode & 0o777 == 0o600
    assert "certificate-authority-data" in KUBECONFIG.read_text()
    assert "insecure" not in KUBECONFIG.read_text()


def test_a_pod_reaches_a_service_of_another_node_by_name_and_both_have_logs(names: tuple[str, ...]) -> None:
    create_pod("web", names[-1], "echo serves; echo welcome >/tmp/index.html; exec httpd -f -p 8080 -h /tmp")
    port = {"port": 80, "targetPort": 8080}
    spec = {"selector": {"app": "web"}, "ports": [port]}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": spec}
    administrator().create(path("Service", "default"), service)
    urls = "http://web http://web.default.svc.cluster.local"
    create_pod("client", names[0], f"for url in {urls}; do until wget -qO- $url; do sleep 0.2; done; done")
    wait_for(lambda: log_of("client") == "welcome\nwelcome\n")
    assert log_of("web", tailLines=1) == "serves\n"
    for name in ("web", "client"):
        administrator().delete(path("Pod", "default", name))


def test_nodes_reach_what_the_machine_reaches_and_pods_do_not(names: tuple[str, ...]) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler) as registry:
        threading.Thread(target=registry.serve_forever, daemon=True).start()
        tunnel = HTTPConnection("10.244.0.2", 3128, timeout=30)
        tunnel.set_tunnel("127.0.0.1", registry.server_port)
        tunnel.request("HEAD", "/")
        assert tunnel.getresponse().status == 200
        tunnel.close()
        request = f"CONNECT 127.0.0.1:{registry.server_port} HTTP/1.1\\r\\nHost: registry\\r\\n\\r\\n"
        create_pod("curious", names[0], f"printf '{request}' | nc 10.244.0.2 3128 | head -1")
        assert "403 Forbidden" in wait_for(lambda: log_of("curious"))
        registry.shutdown()
    administrator().delete(path("Pod", "default", "curious"))


def test_a_pod_that_comes_and_goes_is_no_change_of_the_machines_network(names: tuple[str, ...]) -> None:
    """A browser on the machine ends its streams with each link or address that comes or goes: it asks the kernel."""
    links = {link.name for link in LINKS.iterdir() if (link / "ifalias").read_text().strip() == str(STATE)}
    assert links == {LINK}
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as changes:
        changes.bind((0, LINKS_AND_ADDRESSES))
        create_pod("short", names[-1], "echo here")
        wait_for(lambda: log_of("short"))
        administrator().delete(path("Pod", "default", "short"))
        wait_for(lambda: not list(administrator().objects(path("Pod", "default"))))
        changes.setblocking(False)
        with pytest.raises(BlockingIOError):
            changes.recv(65536)


@pytest.mark.parametrize("names", [4], ids=["four nodes"], indirect=True)
def test_the_pods_of_a_lost_node_are_replaced_and_the_node_comes_back(names: tuple[str, ...]) -> None:
    container = {"name": "main", "image": IMAGE, "command": ["sleep", "infinity"]}
    template = {"metadata": {"labels": {"app": "moves"}}, "spec": {"containers": [container]}}
    spec = {"selector": {"matchLabels": {"app": "moves"}}, "template": template}
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "moves"}, "spec": spec}
    administrator().create(path("Deployment", "default"), deployment)

    def running() -> set[str]:
        """The nodes of its pods that run and are not deleted."""
        found = administrator().objects(
            path("Pod", "default"), labelSelector="app=moves", fieldSelector="status.phase=Running"
        )
        return {pod["spec"]["nodeName"] for pod in found if "deletionTimestamp" not in pod["metadata"]}

    (lost,) = wait_for(running)
    kill_node(lost)
    wait_for(lambda: not is_ready(lost))
    assert all(is_ready(name) for name in names if name != lost)
    wait_for(lambda: running() - {lost})
    start_node(lost)
    assert is_ready(lost)
    wait_for(
        lambda: (
            not [
                pod for pod in administrator().objects(path("Pod", "default")) if "deletionTimestamp" in pod["metadata"]
            ]
        )
    )
    administrator().delete(path("Deployment", "default", "moves"))


def test_the_role_brings_back_a_killed_node(names: tuple[str, ...]) -> None:
    kill_node(names[-1])
    assert "changed=1" in boot(len(names))
    assert is_ready(names[-1])


@pytest.mark.parametrize("programs", [("kube-apiserver",), ("etcd", "kubelet"), ("containerd",), ()])
def test_a_killed_cluster_comes_back_with_its_data(names: tuple[str, ...], programs: tuple[str, ...]) -> None:
    assert kill(*programs)
    boot(len(names))
    assert administrator().get(path("ConfigMap", "default", "kept"))["data"] == {"a": "b"}


def test_only_root_may_boot_the_cluster() -> None:
    build = str(ROOT / "roles/local_cluster/files/build.py")
    done = subprocess.run(["unshare", "--user", "python", build], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and "needs root" in done.stderr


def test_a_node_that_the_cluster_has_no_more_is_forgotten(names: tuple[str, ...]) -> None:
    boot(max(1, len(names) - 1))
    assert [node["metadata"]["name"] for node in administrator().objects(path("Node"))] == list(
        names[: max(1, len(names) - 1)]
    )


def test_a_stopped_cluster_leaves_nothing_behind() -> None:
    assert in_its_cgroup()
    run("make", "cluster-down")
    assert processes() == {}
    assert in_its_cgroup() == []
    assert not list(Path("/sys/fs/cgroup").rglob("argo-local-cluster-*"))
    assert not STATE.exists()
    assert not (LINKS / LINK).exists()
    assert str(STATE) not in Path("/proc/self/mounts").read_text()
