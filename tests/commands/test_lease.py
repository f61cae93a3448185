# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run lives as long as somebody waits for it, and two who do so at once do not disturb each other.

Plays are killed at random moments, half of them with their process group, as ansible-runner and AWX do, the others with
every process that they have started, as if the machine were lost. `LEASE_KILLS=20` kills so many, and as many again
that are repeated; `LEASE_SEED` chooses the moments.
"""

from __future__ import annotations

import functools
import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._argo.nodes import is_done
from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import WORKFLOW_LABEL
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.lease import PREFIX, is_leased
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import path
from ansible_collections.argo.workflows.plugins.module_utils._submit.identity import RUN_LABEL, run_label
from ansible_collections.argo.workflows.tests.support.cluster import KUBECONFIG, ROOT, administrator, kill, run

Json = dict[str, Any]
NAMESPACE = "argo-lease"
LEASE = 15
LONGER = 45
"""Seconds of a lease within which a play can be repeated on a busy machine."""
SLACK = 30
"""Seconds after the lease in which the cluster has to have ended the pods."""
KILLS = int(os.environ.get("LEASE_KILLS", "4"))
SEED = int(os.environ.get("LEASE_SEED", time.time_ns() % 10**6))
AT_ONCE = 4
LINES = 60
MARK = "LEASE_TEST_PLAY"
PLAY = """
- hosts: all
  gather_facts: false
  roles: [argo.workflows.gpu_fanout]
"""
# The first attempt of the second item fails, and the next one begins some seconds later.
SCRIPT = f"""
test "$ITEM" != flaky || test {{{{ '{{{{' }}}}retries{{{{ '}}}}' }}}} -gt 0 || exit 3
for number in $(seq {LINES}); do echo $number; sleep 0.2; done
"""

pytestmark = pytest.mark.skipif(
    bool(os.environ.get("CLUSTER_KUBECONFIG")), reason="the parts of somebody's cluster are not for us to kill"
)


@pytest.fixture(scope="module", autouse=True)
def argo() -> Iterator[None]:
    run("make", "cluster")
    install = ("ansible-playbook", "playbooks/install.yml", "-e", f"argo_namespace={NAMESPACE} argo_client=true")
    both = [subprocess.Popen(install, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _number in range(2)]
    said = [each.communicate(timeout=300)[0] for each in both]
    assert [each.returncode for each in both] == [0, 0], "two installs at once:\n" + "\n".join(said)
    yield
    remove = {"state": "absent", "kind": "Namespace", "name": NAMESPACE, "kubeconfig": str(KUBECONFIG)}
    run("ansible", "local", "-m", "kubernetes.core.k8s", "-a", json.dumps(remove))


class Play:
    """An `ansible-playbook` of the role gpu_fanout with a lease, which has the rights of `argo-client` alone."""

    def __init__(self, run_id: str, folder: Path, logs: str = "logs", **variables: Any) -> None:
        folder.mkdir(exist_ok=True)
        self.run_id = run_id
        self.logs = folder / logs
        self.output = folder / f"output-{time.monotonic_ns()}"
        self.mark = f"{run_id}-{time.monotonic_ns()}"
        (folder / "play.yml").write_text(PLAY)
        options = {
            "argo_namespace": NAMESPACE,
            "gpu_fanout_name": run_id,
            "gpu_fanout_run_id": run_id,
            "gpu_fanout_items": ["steady", "flaky"],
            "gpu_fanout_image": "localhost/gpu-say:dev",
            "gpu_fanout_image_pull_policy": "IfNotPresent",
            "gpu_fanout_retry_backoff": {"duration": "8s"},
            "gpu_fanout_logs_dir": str(self.logs),
            "gpu_fanout_lease_seconds": LEASE,
            "gpu_fanout_script": SCRIPT,
            **variables,
        }
        user = f"system:serviceaccount:{NAMESPACE}:argo-client"
        self.process = subprocess.Popen(
            ["ansible-playbook", str(folder / "play.yml"), "-e", json.dumps(options)],
            cwd=ROOT,
            stdout=self.output.open("wb"),
            stderr=subprocess.STDOUT,
            env={**os.environ, "K8S_AUTH_IMPERSONATE_USER": user, MARK: self.mark, "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )

    # --- its moments ---

    def says(self, text: str) -> bool:
        return text in self.output.read_text(errors="replace")

    def workflow(self) -> Json | None:
        selector = f"{RUN_LABEL}={run_label(self.run_id)}"
        return next(iter(cluster().objects(path("Workflow", NAMESPACE), labelSelector=selector)), None)

    def pods(self) -> list[Json]:
        return [pod for pod in pods() if pod["metadata"]["labels"][WORKFLOW_LABEL].startswith(f"{self.run_id}-")]

    def phases(self) -> set[str]:
        return {pod["status"]["phase"] for pod in self.pods()}

    def has_ended(self) -> bool:
        workflow = self.workflow()
        return workflow is not None and is_done(workflow)

    def is_over(self) -> bool:
        """Whether nothing is left that has a GPU, or could begin something."""
        workflow = self.workflow()
        return not (self.processes() or any(map(is_held, self.pods()))) and (workflow is None or is_done(workflow))

    def until(self, moment: Callable[[Play], bool]) -> None:
        end = time.monotonic() + 150
        while not moment(self):
            assert time.monotonic() < end, self.output.read_text()
            if self.process.poll() is not None:
                return  # it was faster
            time.sleep(0.1)

    # --- its end ---

    def processes(self) -> list[int]:
        """All that it has started, whatever session they are in."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if f"{MARK}={self.mark}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                    found.append(int(folder.name))
            except OSError:
                continue
        return found

    def kill(self, *, whole_machine: bool) -> None:
        if self.process.poll() is None and not whole_machine:
            os.killpg(self.process.pid, signal.SIGKILL)
        while whole_machine and (victims := self.processes()):
            for pid in victims:
                os.kill(pid, signal.SIGKILL)
            self.process.poll()
        self.process.wait(timeout=10)

    def result(self) -> str:
        self.process.wait(timeout=240)
        said = self.output.read_text()
        assert self.process.returncode == 0, said
        return said


MOMENTS: dict[str, Callable[[Play], bool]] = {
    "creation": lambda play: play.says("Submit the Workflows]"),
    "adoption": lambda play: play.says("Wait until every item has ended"),
    "pending": lambda play: bool(play.pods()),
    "running": lambda play: "Running" in play.phases(),
    "between retries": lambda play: "Failed" in play.phases(),
    "collecting": lambda play: play.has_ended(),
}


cluster = functools.cache(administrator)


def pods() -> list[Json]:
    return list(cluster().objects(path("Pod", NAMESPACE), labelSelector=WORKFLOW_LABEL))


def killed(number: int, prefix: str, folder: Path, **variables: Any) -> tuple[Play, str]:
    """A play that was killed at a moment of its own."""
    chance = random.Random(f"{SEED} {prefix} {number}")
    moment = [*MOMENTS][number % len(MOMENTS)] if number < len(MOMENTS) else chance.choice([*MOMENTS])
    play = Play(f"{prefix}{number}", folder / f"{prefix}{number}", **variables)
    play.until(MOMENTS[moment])
    time.sleep(chance.uniform(0, 2))
    play.kill(whole_machine=bool(number % 2))
    return play, moment


def at_once(work: Callable[[int], Any], count: int) -> list[Any]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(work, range(count)))


def is_held(pod: Json) -> bool:
    """Whether a pod has its GPU."""
    return pod["status"]["phase"] not in ("Succeeded", "Failed")


def test_no_pod_outlives_a_killed_play_by_more_than_the_lease(tmp_path: Path) -> None:
    def trial(number: int) -> tuple[str, float]:
        play, moment = killed(number, "kill", tmp_path)
        began = last_held = time.monotonic()
        while not play.is_over():
            now = time.monotonic()
            assert now - began < LEASE + SLACK, (moment, SEED, play.workflow(), play.phases(), play.processes())
            if any(map(is_held, play.pods())):
                last_held = now
            time.sleep(0.5)
        return moment, round(last_held - began, 1)

    found = at_once(trial, KILLS)
    print(f"\nseed {SEED}; seconds from the kill until no pod had a GPU: {found}")
    time.sleep(LEASE)
    assert not any(map(is_held, pods())), SEED
    left = [job["metadata"]["name"] for job in cluster().objects(path("Job", NAMESPACE))]
    assert [name for name in left if name.startswith(PREFIX)] == []


def numbers_of(log: Path) -> list[int]:
    return [int(line) for line in log.read_text().split()]


def check_logs(play: Play) -> None:
    """The log of each item has every line once."""
    for item in ("0-*", "1-*"):
        logs = sorted(play.logs.glob(f"*/{item}/*-main.log"))
        assert logs and numbers_of(logs[-1]) == list(range(1, LINES + 1)), (play.run_id, item, logs, SEED)
    [index] = play.logs.glob("*/index.json")
    assert '"complete": false' not in index.read_text(), play.run_id


def test_a_play_that_is_repeated_within_the_lease_ends_with_every_line_once(tmp_path: Path) -> None:
    def trial(number: int) -> str:
        _play, moment = killed(number, "again", tmp_path, gpu_fanout_lease_seconds=LONGER)
        again = Play(f"again{number}", tmp_path / f"again{number}", gpu_fanout_lease_seconds=LONGER)
        again.result()
        check_logs(again)
        workflow = again.workflow()
        assert workflow and is_done(workflow) and not is_leased(workflow["metadata"].get("ownerReferences")), moment
        return moment

    print(f"\nseed {SEED}; repeated after a kill at {at_once(trial, KILLS)}")


def test_two_plays_of_one_run_at_the_same_moment_submit_it_once_and_both_see_its_end(tmp_path: Path) -> None:
    """Two have a folder of logs each, the two others one together."""
    odd = ['it "travels" by a ConfigMap', "flaky"]
    folders = {"apart": ["first", "second"], "together": ["shared", "shared"]}
    plays = {
        run_id: [Play(run_id, tmp_path / name, gpu_fanout_items=odd) for name in names]
        for run_id, names in folders.items()
    }
    for run_id, both in plays.items():
        said = [play.result() for play in both]
        selector = f"{RUN_LABEL}={run_label(run_id)}"
        assert len(list(cluster().objects(path("Workflow", NAMESPACE), labelSelector=selector))) == 1
        assert sorted(text.count("changed=1") for text in said) == [0, 1], said
        for play in both:
            check_logs(play)


def test_an_outage_of_the_api_server_that_is_shorter_than_the_lease_ends_nothing(tmp_path: Path) -> None:
    play = Play("outage", tmp_path / "outage")
    play.until(MOMENTS["running"])
    assert kill("kube-apiserver") == 1
    play.result()
    check_logs(play)
