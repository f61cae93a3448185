# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done to the cluster while the fan-outs run; a seed says when, and to which of the pods that are there."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.cluster import Cluster
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import path
from ansible_collections.argo.workflows.tests.soak.checks import Json

EVERY = {"pod": 8, "pod at once": 25, "controller": 120, "kubelet": 150, "API server": 210}
"""The faults, with the seconds from one to the next of its kind; each gap is up to a seventh shorter or longer."""

API_SERVER = "kube-apiserver"


class Faults:
    """Does each of the `kinds` when it is due; `counts` says how often it was done."""

    def __init__(self, cluster: Cluster, namespace: str, state_dir: Path, seed: int, kinds: Sequence[str]) -> None:
        self.counts = dict.fromkeys(kinds, 0)
        self._cluster = cluster
        self._namespace = namespace
        self._state_dir = state_dir
        self._random = random.Random(seed)
        now = time.monotonic()
        self._due = {kind: now + self._random.uniform(0.3, 1.0) * EVERY[kind] for kind in kinds}
        self._do: dict[str, Callable[[], str]] = {
            "pod": lambda: self._delete("workflows.argoproj.io/workflow"),
            "pod at once": lambda: self._delete("workflows.argoproj.io/workflow", gracePeriodSeconds=0),
            "controller": lambda: self._delete("app=workflow-controller"),
            "kubelet": lambda: self._kill("kubelet"),
            "API server": lambda: self._kill(API_SERVER),
        }

    def do_what_is_due(self) -> Iterator[str]:
        """Do it; yields what was done, in words."""
        for kind, due in self._due.items():
            if time.monotonic() < due:
                continue
            self._due[kind] = time.monotonic() + self._random.uniform(6 / 7, 8 / 7) * EVERY[kind]
            try:
                what = self._do[kind]()
            except ApiError:
                continue  # the API server is away
            if what:
                self.counts[kind] += 1
                yield f"{kind}: {what}"

    def _delete(self, selector: str, **options: int) -> str:
        """Delete a pod that runs, one of those with these labels; returns its name."""
        pods = path("Pod", self._namespace)
        found = [
            pod for pod in self._cluster.objects(pods, labelSelector=selector) if runs(pod) and not last_chance(pod)
        ]
        names = sorted(pod["metadata"]["name"] for pod in found)
        if not names:
            return ""
        name = self._random.choice(names)
        self._cluster.delete(path("Pod", self._namespace, name), options or None)
        return f"{name} is deleted"

    def _kill(self, program: str) -> str:
        """End the cluster's process of this name without a warning; it is started again."""
        victims = [pid for pid, line in of_the_cluster(self._state_dir) if line.startswith(program)]
        for pid in victims:
            os.kill(pid, signal.SIGKILL)
        return f"process {victims[0]} is killed" if victims else ""


def runs(pod: Json) -> bool:
    """Whether a pod's containers have all started, and nobody has deleted it yet."""
    states = [container["state"] for container in pod["status"].get("containerStatuses") or ()]
    return bool(states) and all("running" in state for state in states) and "deletionTimestamp" not in pod["metadata"]


def last_chance(pod: Json) -> bool:
    """Whether a pod belongs to an item that has lost three attempts: the role's default gives it two more."""
    node = (pod["metadata"].get("annotations") or {}).get("workflows.argoproj.io/node-name", "")
    return node.endswith(("(3)", "(4)"))


def api_server_began(state_dir: Path) -> float:
    """When the API server was started that runs now (seconds since 1970); now, if none runs."""
    boot = next(line for line in Path("/proc/stat").read_text().splitlines() if line.startswith("btime "))
    for pid, line in of_the_cluster(state_dir):
        if line.startswith(API_SERVER):
            ticks = int(Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()[19])
            return int(boot.split()[1]) + ticks / os.sysconf("SC_CLK_TCK")
    return time.time()


def of_the_cluster(state_dir: Path) -> Iterator[tuple[int, str]]:
    """The local cluster's processes with their command lines, which have the state folder in them."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # it has ended in the meantime
            continue
        if str(state_dir) in line and int(folder.name) != os.getpid():
            yield int(folder.name), line
