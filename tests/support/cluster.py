# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The throw-away cluster of this machine, as tests boot it, ask it and break it."""

from __future__ import annotations

import contextlib
import inspect
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.cluster import Cluster
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import path

ROOT = Path(__file__).resolve().parents[2]
STATE = Path("/var/lib/argo-workflows-local-cluster")
KUBECONFIG = STATE / "kubeconfig"


def run(*command: str) -> str:
    """Run a command in the project's folder; what it prints."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def ask(module: ModuleType, **options: Any) -> dict[str, Any]:
    """Run a module as a process, as Ansible does; its result."""
    arguments = {"kubeconfig": str(KUBECONFIG), "_ansible_version": "2.19.0", **options}
    done = subprocess.run(
        [sys.executable, str(module.__file__)],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode(),
        capture_output=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def boot(nodes: int) -> str:
    """Make the cluster run with so many nodes; what Ansible says."""
    return run("ansible-playbook", "playbooks/local_cluster.yml", "-e", f"local_cluster_nodes={nodes}")


def kill_node(name: str) -> None:
    """End all that runs on a node at once; it stays away until it is started."""
    run(str(STATE / "local-cluster"), "kill-node", "--state-dir", str(STATE), name)


def start_node(name: str) -> None:
    """Bring a node back that was killed, and wait until it is Ready."""
    run(str(STATE / "local-cluster"), "start-node", "--state-dir", str(STATE), name)


def is_ready(node: str) -> bool:
    state = administrator().get(path("Node", name=node))["status"]
    return any(at["type"] == "Ready" and at["status"] == "True" for at in state["conditions"])


def wait_for(what: Callable[[], Any], seconds: float = 60) -> Any:
    """Ask until the answer is not empty; that answer."""
    deadline = time.monotonic() + seconds
    while not (answer := what()):
        assert time.monotonic() < deadline, f"after {seconds} s it is not so: {inspect.getsource(what)}"
        time.sleep(0.2)
    return answer


def processes() -> dict[int, str]:
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


def kill(*programs: str) -> int:
    """End the cluster's processes of these names, all if none is named, without a warning; how many there were."""
    victims = [pid for pid, line in processes().items() if not programs or line.startswith(programs)]
    for pid in victims:
        with contextlib.suppress(ProcessLookupError):  # it has ended with its parent
            os.kill(pid, signal.SIGKILL)
    return len(victims)


def administrator() -> Cluster:
    return Cluster.from_params({"kubeconfig": str(KUBECONFIG)})
