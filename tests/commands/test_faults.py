# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Seven faults while somebody waits. Every container prints numbered lines: on disk none is doubled, none is out of
order, and none is missing unless that is reported.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import WORKFLOW_LABEL
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import path
from ansible_collections.argo.workflows.plugins.modules import workflow_logs, workflow_wait
from ansible_collections.argo.workflows.tests.support.cluster import (
    KUBECONFIG,
    administrator,
    boot,
    is_ready,
    kill,
    kill_node,
    run,
    wait_for,
)

NAMESPACE = "argo-faults"
LINES = 80
SLOWLY = f"for number in $(seq {LINES}); do echo $number; sleep 0.1; done"
MANY = 120_000
# A kubelet looks every 10 seconds for logs of more than 10 MiB, and of those that it has rotated it gives nothing more.
FAST = f"""
print() {{ printf '%d {"x" * 200}\\n' $(seq $1 $2); }}
print 1 {MANY // 2}
sleep 15
print {MANY // 2 + 1} {MANY}
"""

pytestmark = pytest.mark.skipif(
    bool(os.environ.get("CLUSTER_KUBECONFIG")), reason="the parts of somebody's cluster are not for us to kill"
)


@pytest.fixture(scope="module", autouse=True)
def argo() -> Iterator[None]:
    run("make", "cluster")
    run("ansible-playbook", "playbooks/install.yml", "-e", f"argo_namespace={NAMESPACE}")
    yield
    remove = {"state": "absent", "kind": "Namespace", "name": NAMESPACE, "kubeconfig": str(KUBECONFIG), "wait": True}
    run("ansible", "local", "-m", "kubernetes.core.k8s", "-a", json.dumps(remove))


@pytest.fixture
def second_node() -> Iterator[str]:
    """The name of a node that Argo itself does not run on."""
    boot(2)
    yield "local-2"
    boot(1)


def submit(name: str, script: str, items: list[str], gpus: int = 0) -> None:
    """Submit a Workflow that runs the script in one pod an item."""
    leaf = {
        "name": "count",
        "retryStrategy": {"limit": "2", "retryPolicy": "Always"},
        "script": {
            "image": "localhost/gpu-say:dev",
            "imagePullPolicy": "IfNotPresent",
            "command": ["bash"],
            "source": script,
            "resources": {"limits": {"nvidia.com/gpu": gpus}},
        },
    }
    steps = {"name": "main", "steps": [[{"name": "count", "template": "count", "withParam": json.dumps(items)}]]}
    body = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": name},
        "spec": {"entrypoint": "main", "templates": [steps, leaf]},
    }
    administrator().create(path("Workflow", NAMESPACE), body)


class Wait:
    """A module that has been started as Ansible starts it."""

    def __init__(self, module: ModuleType, name: str, logs: Path, **options: Any) -> None:
        arguments = {
            "name": name,
            "namespace": NAMESPACE,
            "kubeconfig": str(KUBECONFIG),
            "logs_dir": str(logs),
            "wait_timeout": 240,
            "_ansible_version": "2.19.0",
            **options,
        }
        self.folder = logs / name
        self.process = subprocess.Popen(
            [sys.executable, str(module.__file__)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert self.process.stdin
        self.process.stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode())
        self.process.stdin.close()
        self.process.stdin = None

    def until_logs_have(self, lines: int, count: int) -> None:
        """Come back when that many logs have at least that many lines."""
        end = time.monotonic() + 120
        while sum(log.read_bytes().count(b"\n") >= lines for log in self.folder.glob("*/*.log")) < count:
            assert self.process.poll() is None and time.monotonic() < end, "the logs don't come"
            time.sleep(0.05)

    def result(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.process.communicate(timeout=270)[0])
        return content


def numbers_of(log: dict[str, Any]) -> list[int]:
    return [int(line.split()[0]) for line in Path(log["path"]).read_text().splitlines()]


def check(result: dict[str, Any], last: int = LINES) -> list[dict[str, Any]]:
    """The logs of a run that has succeeded, after a look at each: it is in order, and what is missing is reported."""
    assert result["phase"] == "Succeeded", result
    for item in result["item_results"]:
        for log in item["logs"]:
            numbers = numbers_of(log)
            assert numbers == sorted(set(numbers)), log
            assert log["reason"] or numbers == list(range(1, len(numbers) + 1)), log
        # Argo may start a deleted pod again under its old name, as the same attempt: then that has two logs.
        assert log["reason"] or len(numbers) == last, log
    return [log for item in result["item_results"] for log in item["logs"]]


@pytest.mark.parametrize("program", ["kube-apiserver", "kubelet"])
def test_logs_are_complete_when_a_part_of_the_cluster_was_killed(program: str, tmp_path: Path) -> None:
    name = f"without-{program}"
    submit(name, SLOWLY, ["a", "b", "c"])
    wait = Wait(workflow_wait, name, tmp_path)
    wait.until_logs_have(10, 3)
    assert kill(program) == 1
    logs = check(wait.result())
    assert [log["complete"] for log in logs] == [True] * 3


def test_only_the_logs_of_deleted_pods_are_cut(tmp_path: Path) -> None:
    submit("deleted", SLOWLY, ["a", "b", "c", "d", "e"])
    wait = Wait(workflow_wait, "deleted", tmp_path)
    wait.until_logs_have(10, 5)
    found = administrator().objects(path("Pod", NAMESPACE), labelSelector=f"{WORKFLOW_LABEL}=deleted")
    victims = [pod["metadata"]["name"] for pod in found][1:]
    for victim in victims:
        administrator().delete(path("Pod", NAMESPACE, victim))
    logs = check(wait.result())
    assert len(logs) == 5 + len(victims)
    cut = {log["pod"]: len(numbers_of(log)) for log in logs if len(numbers_of(log)) < LINES}
    assert sorted(cut) == sorted(victims)
    assert min(cut.values()) >= 10


def test_logs_are_complete_when_the_controller_was_restarted(tmp_path: Path) -> None:
    submit("restarted", SLOWLY, ["a", "b"])
    wait = Wait(workflow_wait, "restarted", tmp_path)
    wait.until_logs_have(10, 2)
    (controller,) = administrator().objects(path("Pod", NAMESPACE), labelSelector="app=workflow-controller")
    administrator().delete(path("Pod", NAMESPACE, controller["metadata"]["name"]), {"gracePeriodSeconds": 0})
    assert [log["complete"] for log in check(wait.result())] == [True] * 2


def test_a_rotated_log_is_complete_if_followed_and_says_what_it_lacks_if_fetched_late(tmp_path: Path) -> None:
    submit("rotated", FAST, ["a"])
    check(Wait(workflow_wait, "rotated", tmp_path / "followed").result(), MANY)
    late = Wait(workflow_logs, "rotated", tmp_path / "late").result()
    (log,) = late["logs"]
    assert not late["complete"]
    assert "rotated away" in log["reason"]
    numbers = numbers_of(log)
    assert len(numbers) < MANY
    assert numbers == list(range(MANY + 1 - len(numbers), MANY + 1)), "the kubelet may have rotated all of it away"


def test_logs_are_complete_when_the_wait_was_interrupted_and_begun_again(tmp_path: Path) -> None:
    submit("interrupted", SLOWLY, ["a", "b"])
    for lines, number in ((10, signal.SIGTERM), (30, signal.SIGINT)):
        wait = Wait(workflow_wait, "interrupted", tmp_path)
        wait.until_logs_have(lines, 2)
        wait.process.send_signal(number)
        result = wait.result()
        assert result["outcome"] == "interrupted"
        assert result["msg"].endswith("goes on; wait for it again by its name.")
    assert [log["complete"] for log in check(Wait(workflow_wait, "interrupted", tmp_path).result())] == [True] * 2


def test_the_items_of_a_lost_node_run_again_and_the_wait_says_which_and_why(second_node: str, tmp_path: Path) -> None:
    submit("lost-node", SLOWLY, ["a", "b", "c", "d"], gpus=2)  # two fit on each node
    wait = Wait(workflow_wait, "lost-node", tmp_path)
    wait.until_logs_have(10, 4)
    kill_node(second_node)
    wait_for(lambda: not is_ready(second_node))
    # As its administrator says that a node will not come back: what it said last counts no more.
    taint = {"key": "node.kubernetes.io/out-of-service", "value": "lost", "effect": "NoExecute"}
    strategic = "application/strategic-merge-patch+json"
    administrator().patch(path("Node", name=second_node), {"spec": {"taints": [taint]}}, strategic)
    result = wait.result()
    check(result)
    attempts = [item["attempts"] for item in result["item_results"]]
    lost = [each[0]["pod"] for each in attempts if each[0]["node"] == second_node]
    assert len(lost) == 2
    for each in attempts:
        again = each[0]["pod"] in lost
        assert [(at["phase"], at["message"]) for at in each] == [("Error", "pod deleted")] * again + [("Succeeded", "")]
    assert all(item["logs"][-1]["complete"] for item in result["item_results"])
    assert sorted(log["pod"] for log in result["logs_incomplete"]) == sorted(lost)
    (found,) = result["diagnoses"]
    assert found["kind"] == "lost"
    for item in result["item_results"]:
        assert (f"{item['name']}(0)" in found["message"]) == (len(item["attempts"]) == 2)
    assert "2 pods did not fail but went away, of " in found["message"]
    assert "DeletionByTaintManager" in found["message"]
