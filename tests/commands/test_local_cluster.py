# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make cluster` and `make cluster-down`: a cluster that comes back whatever happened to it, and goes without a trace.

Runs last of all: the cluster is gone afterwards.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._kubernetes import Cluster, core

ROOT = Path(__file__).resolve().parents[2]
STATE = Path("/var/lib/argo-workflows-local-cluster")
BRIDGE = "argo-cluster0"
CONFIG_MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kept"}, "data": {"a": "b"}}


def make(target: str) -> str:
    done = subprocess.run(["make", target], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def of_the_cluster() -> dict[int, str]:
    """The processes that belong to the cluster, by id: each has the state folder in its command line."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(STATE) in line and int(folder.name) != os.getpid():
            found[int(folder.name)] = line
    return found


def in_its_cgroup() -> list[str]:
    """The processes of the cluster, those of its pods among them, by id: all live in its cgroup."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended in the meantime
            if "/argo-local-cluster-" in (folder / "cgroup").read_text():
                found.append(folder.name)
    return found


def kill(*programs: str) -> int:
    """End the cluster's processes of these names, all if none is named, without a warning; how many there were."""
    victims = [pid for pid, line in of_the_cluster().items() if not programs or line.startswith(programs)]
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    return len(victims)


def administrator() -> Cluster:
    return Cluster.from_params({"kubeconfig": str(STATE / "kubeconfig")})


@pytest.fixture(scope="module", autouse=True)
def running() -> Iterator[None]:
    make("cluster")
    administrator().create(core("default", "configmaps"), CONFIG_MAP)
    yield
    make("cluster-down")


def test_a_running_cluster_is_left_alone() -> None:
    before = of_the_cluster()
    assert "changed=0" in make("cluster")
    assert of_the_cluster().keys() == before.keys()


def test_the_kubeconfig_is_for_root_alone_and_verifies_the_server() -> None:
    kubeconfig = STATE / "kubeconfig"
    assert kubeconfig.stat().st_mode & 0o777 == 0o600
    assert "certificate-authority-data" in kubeconfig.read_text()
    assert "insecure" not in kubeconfig.read_text()


@pytest.mark.parametrize("programs", [("kube-apiserver",), ("etcd", "kubelet"), ("containerd",), ()])
def test_comes_back_with_its_data_after_a_kill(programs: tuple[str, ...]) -> None:
    assert kill(*programs)
    make("cluster")
    assert administrator().get(core("default", "configmaps", "kept"))["data"] == {"a": "b"}


def test_only_root_may_boot_it() -> None:
    build = str(ROOT / "roles/local_cluster/files/build.py")
    done = subprocess.run(["unshare", "--user", "python", build], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and "needs root" in done.stderr


def test_leaves_nothing_behind() -> None:
    links = [link for link in Path("/sys/class/net").glob("veth*") if (link / "master").resolve().name == BRIDGE]
    assert in_its_cgroup()
    make("cluster-down")
    assert of_the_cluster() == {}
    assert in_its_cgroup() == []
    assert not list(Path("/sys/fs/cgroup").rglob("argo-local-cluster-*"))
    assert not STATE.exists()
    assert not Path("/sys/class/net", BRIDGE).exists()
    assert str(STATE) not in Path("/proc/self/mounts").read_text()
    assert not any(link.exists() for link in links)
