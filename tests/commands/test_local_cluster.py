# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make cluster` and `make cluster-down`: a cluster that comes back whatever happened to it, and goes without a trace.

Runs last of all: the cluster is gone afterwards.
"""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import path
from ansible_collections.argo.workflows.tests.support.cluster import (
    KUBECONFIG,
    ROOT,
    STATE,
    administrator,
    kill,
    processes,
    run,
)

BRIDGE = "argo-cluster0"
CONFIG_MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kept"}, "data": {"a": "b"}}


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


@pytest.fixture(scope="module", autouse=True)
def running() -> Iterator[None]:
    run("make", "cluster")
    administrator().create(path("ConfigMap", "default"), CONFIG_MAP)
    yield
    run("make", "cluster-down")


def test_a_running_cluster_is_left_alone() -> None:
    before = processes()
    assert "changed=0" in run("make", "cluster")
    assert processes().keys() == before.keys()


def test_the_kubeconfig_is_for_root_alone_and_verifies_the_server() -> None:
    assert KUBECONFIG.stat().st_mode & 0o777 == 0o600
    assert "certificate-authority-data" in KUBECONFIG.read_text()
    assert "insecure" not in KUBECONFIG.read_text()


@pytest.mark.parametrize("programs", [("kube-apiserver",), ("etcd", "kubelet"), ("containerd",), ()])
def test_a_killed_cluster_comes_back_with_its_data(programs: tuple[str, ...]) -> None:
    assert kill(*programs)
    run("make", "cluster")
    assert administrator().get(path("ConfigMap", "default", "kept"))["data"] == {"a": "b"}


def test_only_root_may_boot_the_cluster() -> None:
    build = str(ROOT / "roles/local_cluster/files/build.py")
    done = subprocess.run(["unshare", "--user", "python", build], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and "needs root" in done.stderr


def test_a_stopped_cluster_leaves_nothing_behind() -> None:
    links = [link for link in Path("/sys/class/net").glob("veth*") if (link / "master").resolve().name == BRIDGE]
    assert in_its_cgroup()
    run("make", "cluster-down")
    assert processes() == {}
    assert in_its_cgroup() == []
    assert not list(Path("/sys/fs/cgroup").rglob("argo-local-cluster-*"))
    assert not STATE.exists()
    assert not Path("/sys/class/net", BRIDGE).exists()
    assert str(STATE) not in Path("/proc/self/mounts").read_text()
    assert not any(link.exists() for link in links)
