# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make soak`: 1,000 pods in 20 fan-outs, four at a time, while the cluster is being disturbed; at most 30 minutes.

Each fan-out is a play of its own, with the rights of a client. One that fails because the API server was away is
repeated with its run id, as a pipeline does. What was seen stays in .cache/soak.
"""

from __future__ import annotations

import collections
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import yaml

from ansible_collections.argo.workflows.plugins.module_utils._argo.nodes import nodes_of
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import path
from ansible_collections.argo.workflows.tests.bench.tools import empty
from ansible_collections.argo.workflows.tests.soak import audit
from ansible_collections.argo.workflows.tests.soak.checks import Json, fanout_problems
from ansible_collections.argo.workflows.tests.soak.faults import EVERY, Faults, api_server_began
from ansible_collections.argo.workflows.tests.soak.processes import Processes
from ansible_collections.argo.workflows.tests.support.cluster import KUBECONFIG, ROOT, STATE, administrator

FOLDER = ROOT / ".cache/soak"
NAMESPACE = "argo-soak"
NAMESPACE_PATH = path("Namespace", name=NAMESPACE)

CLOSING = 90.0
"""Seconds of the whole time that are for cleaning up."""
ITEMS = 50
PLAYS = 4
LINES, MANY_LINES = 200, 10_000
"""Lines that an item writes, and that every tenth does: more than a log may have to be had in one look."""
PATIENCE = 60.0
"""Seconds that the API server may be away, and in which it may disturb plays after it has come back."""
FETCHED = 16
"""Logs that a wait may be at besides those of its running pods: their containers have ended …"""
THREADS, FILES = 8, 12
"""… and what it may have besides a thread and two files for each. It must not grow with the pods that have been."""

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Plan:
    """What is done; the variables are SOAK_SEED, SOAK_FANOUTS, SOAK_FAULTS, SOAK_PODS and SOAK_MINUTES."""

    seed: int
    fanouts: int
    faults: list[str]
    pods: int
    """Pods of one fan-out that run at the same time."""
    minutes: float
    """After which the soak ends, whatever happens."""

    @classmethod
    def from_environment(cls) -> Plan:
        """Raises ValueError for what is not a number, and for an unknown fault."""

        def value(name: str, default: object) -> str:
            return os.environ.get(f"SOAK_{name}") or str(default)

        faults = value("FAULTS", ",".join(EVERY)).split(",")
        if unknown := [kind for kind in faults if kind not in EVERY]:
            raise ValueError(f"there is no fault {', '.join(unknown)}; SOAK_FAULTS is any of {', '.join(EVERY)}")
        seed = int(value("SEED", random.randrange(10**6)))
        return cls(seed, int(value("FANOUTS", 20)), faults, int(value("PODS", 10)), float(value("MINUTES", 30)))


@dataclass
class FanOut:
    """One of the fan-outs and its play, which may have been run more than once."""

    number: int
    items: list[str]
    process: subprocess.Popen[bytes]
    runs: int = 1

    @property
    def run_id(self) -> str:
        return f"soak-{self.number}"

    @property
    def folder(self) -> Path:
        return FOLDER / self.run_id


@dataclass
class Seen:
    """What the checks have counted."""

    phases: collections.Counter[str] = field(default_factory=collections.Counter)
    attempts: int = 0
    logs: int = 0
    lines: int = 0
    incomplete: collections.Counter[str] = field(default_factory=collections.Counter)
    """Why logs are not complete."""
    silent: int = 0
    """Complete logs without a line."""
    repeated: int = 0
    """Plays that were run again."""


class Soak:
    """The whole run; afterwards `problems` are what must not be."""

    def __init__(self, plan: Plan) -> None:
        self.problems: list[str] = []
        self._begin = time.monotonic()
        self._plan = plan
        self._seen = Seen()
        self._cluster = administrator()
        self._temporary = FOLDER / "tmp"
        self._processes = Processes(self._temporary)
        self._running: list[FanOut] = []
        self._begun = 0

    def run(self) -> None:
        """Do it all. The namespace is gone afterwards."""
        empty(FOLDER)
        self._temporary.mkdir()
        try:
            self._remove_namespace()
            self._install()
            self._soak()
        finally:
            self._end_plays()
            self._remove_namespace()

    # -- before and after -----------------------------------------------------------------------------------------

    def _install(self) -> None:
        """Install Argo, and make a kubeconfig with the rights of the client account."""
        token = FOLDER / "token"
        variables = {
            "argo_namespace": NAMESPACE,
            "argo_kubeconfig": str(KUBECONFIG),
            "argo_client": True,
            "argo_client_token_file": str(token),
            "argo_client_token_seconds": 7200,
        }
        command = ["ansible-playbook", "playbooks/install.yml", "-e", json.dumps(variables)]
        with (FOLDER / "install.out").open("wb") as output:
            subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=True)
        config = yaml.safe_load(KUBECONFIG.read_text())
        for user in config["users"]:
            user["user"] = {"token": token.read_text()}
        (FOLDER / "kubeconfig").write_text(yaml.safe_dump(config))

    def _remove_namespace(self) -> None:
        end = time.monotonic() + CLOSING - 30
        while time.monotonic() < end:
            try:
                patiently(lambda: self._cluster.delete(NAMESPACE_PATH))
            except ApiError as error:
                if error.status == 404:
                    return
                if error.status != 409:
                    raise
            time.sleep(1)
        self.problems.append(f"the namespace {NAMESPACE} does not go")

    # -- the fan-outs ---------------------------------------------------------------------------------------------

    def _soak(self) -> None:
        faults = Faults(self._cluster, NAMESPACE, STATE, self._plan.seed, self._plan.faults)
        while self._running or self._begun < self._plan.fanouts:
            if self._elapsed() > 60 * self._plan.minutes - CLOSING:
                self._give_up()
                break
            if len(self._running) < PLAYS and self._begun < self._plan.fanouts:
                self._begin_next()
            self._processes.look()
            for what in faults.do_what_is_due():
                self._say(what)
            for fanout in [fanout for fanout in self._running if fanout.process.poll() is not None]:
                self._take(fanout)
            time.sleep(0.5)
        if not self._running:  # plays that are ended in the middle leave their files
            self._look_for_leaks()
        self._sum_up(faults)

    def _begin_next(self) -> None:
        number = self._begun
        items = [f"{number}.{index}:{MANY_LINES if index % 10 == 0 else LINES}" for index in range(ITEMS)]
        self._running.append(FanOut(number, items, self._play(number, items)))
        self._begun += 1

    def _play(self, number: int, items: list[str]) -> subprocess.Popen[bytes]:
        folder = FOLDER / f"soak-{number}"
        folder.mkdir(exist_ok=True)
        variables = {
            "argo_namespace": NAMESPACE,
            "argo_kubeconfig": str(FOLDER / "kubeconfig"),
            "soak_items": items,
            "soak_gpus": 1 if number % 10 == 0 else 0,
            "soak_at_once": self._plan.pods,
            "soak_run_id": folder.name,
            "soak_logs_dir": str(folder / "logs"),
            "soak_progress": ("tree", "logs")[number % 2],
            "soak_results": str(folder / "results.json"),
        }
        temporary = str(self._temporary)
        with (folder / "play.out").open("ab") as output:
            return subprocess.Popen(
                ["ansible-playbook", "tests/soak/fanout.yml", "-e", json.dumps(variables)],
                cwd=ROOT,
                env={
                    **os.environ,
                    "TMPDIR": temporary,
                    "ANSIBLE_LOCAL_TEMP": temporary,
                    "ANSIBLE_REMOTE_TEMP": temporary,
                },
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def _take(self, fanout: FanOut) -> None:
        """A play has ended: look at what it brought, or repeat it."""
        if fanout.process.returncode and time.time() - api_server_began(STATE) < PATIENCE:
            self._say(f"the play of fan-out {fanout.number} has failed while the API server was away: once more")
            self._seen.repeated += 1
            fanout.runs += 1
            fanout.process = self._play(fanout.number, fanout.items)
            return
        self._running.remove(fanout)
        if fanout.process.returncode:
            self._problem(f"the play of fan-out {fanout.number} has failed: see {fanout.folder}/play.out")
            return
        self._check(fanout)

    def _check(self, fanout: FanOut) -> None:
        results = json.loads((fanout.folder / "results.json").read_text())
        name = results[0]["workflow"]
        logs = fanout.folder / "logs" / name
        index = json.loads((logs / "index.json").read_text())
        workflow = patiently(lambda: self._cluster.get(path("Workflow", NAMESPACE, name)))
        (fanout.folder / "workflow.json").write_text(json.dumps(workflow))
        status = {node["displayName"]: node["phase"] for node in nodes_of(workflow).values() if node["type"] == "Retry"}
        for problem in fanout_problems(fanout.items, results, index, logs, status):
            self._problem(f"fan-out {fanout.number}: {problem}")
        self._count_in(results, index)
        patiently(lambda: self._cluster.delete(path("Workflow", NAMESPACE, name)))
        succeeded = sum(result["phase"] == "Succeeded" for result in results)
        attempts = sum(len(result["attempts"]) for result in results)
        self._say(f"fan-out {fanout.number} has ended: {succeeded} of {ITEMS} succeeded, in {attempts} attempts")

    def _count_in(self, results: list[Json], index: Json) -> None:
        seen, entries = self._seen, index["logs"]
        seen.phases.update(result["phase"] for result in results)
        seen.attempts += sum(len(result["attempts"]) for result in results)
        seen.logs += len(entries)
        seen.lines += sum(entry["lines"] for entry in entries)
        seen.incomplete.update(entry["reason"] for entry in entries if not entry["complete"])
        seen.silent += sum(entry["complete"] and not entry["lines"] for entry in entries)

    def _give_up(self) -> None:
        """Say what was not done, and keep what may explain it."""
        stuck = patiently(lambda: list(self._cluster.objects(path("Workflow", NAMESPACE))))
        (FOLDER / "unfinished.json").write_text(json.dumps(stuck))
        there = patiently(lambda: list(self._cluster.objects(path("Pod", NAMESPACE))))
        (FOLDER / "pods.json").write_text(json.dumps(there))
        late = ", ".join(str(fanout.number) for fanout in self._running)
        self._problem(
            f"after {self._elapsed() / 60:.0f} minutes the fan-outs {late} had not ended,"
            f" and {self._plan.fanouts - self._begun} had not begun"
        )

    def _end_plays(self) -> None:
        for number, patience in ((signal.SIGTERM, 20), (signal.SIGKILL, 5)):
            alive = [fanout.process for fanout in self._running if fanout.process.poll() is None]
            for process in alive:
                os.killpg(process.pid, number)
            end = time.monotonic() + patience
            while any(process.poll() is None for process in alive) and time.monotonic() < end:
                time.sleep(0.2)

    # -- what is left ---------------------------------------------------------------------------------------------

    def _look_for_leaks(self) -> None:
        time.sleep(3)
        for pid, command in self._processes.alive():
            self._problem(f"the process {pid} is left: {' '.join(command)[:200]}")
        for file in self._temporary.iterdir():
            self._problem(f"a temporary file is left: {file}")
        if len(self._processes.waits) < self._begun:
            self._problem(f"only {len(self._processes.waits)} of {self._begun} waits were looked at")
        threads, files = self._most()
        for pid, held in self._processes.waits.items():
            if held.threads > threads or held.files > files:
                self._problem(f"the wait {pid} had up to {held.threads} threads and {held.files} files")
        client = f"system:serviceaccount:{NAMESPACE}:argo-client"
        for stream in audit.open_streams(STATE / "log", client, api_server_began(STATE)):
            self._problem(f"the API server still serves {stream}")

    def _most(self) -> tuple[int, int]:
        """The threads and open files that a wait may have at most."""
        logs = self._plan.pods + FETCHED
        return logs + THREADS, 2 * logs + FILES

    def _sum_up(self, faults: Faults) -> None:
        seen, waits = self._seen, list(self._processes.waits.values())
        wanted = self._plan.fanouts * ITEMS
        print(f"\n{self._elapsed() / 60:.1f} minutes, seed {self._plan.seed}, {self._begun} fan-outs of {ITEMS} items")
        print(f"faults: {', '.join(f'{kind} {count}' for kind, count in faults.counts.items())}")
        print(f"plays repeated because the API server was away: {seen.repeated}")
        print(f"items with a result: {seen.phases.total()} of {wanted}, {dict(seen.phases)}, {seen.attempts} attempts")
        print(f"logs: {seen.logs} with {seen.lines} lines; {seen.silent} complete without a line")
        print(f"logs that are not complete: {seen.incomplete.total()}")
        for reason, count in seen.incomplete.most_common():
            print(f"    {count}: {reason}")
        threads = max((held.threads for held in waits), default=0)
        files = max((held.files for held in waits), default=0)
        print(f"waits: {len(waits)} processes, with at most {threads} threads and {files} open files")
        print("    (more than {} threads or {} files would be a leak)".format(*self._most()))

    def _problem(self, text: str) -> None:
        self.problems.append(text)
        self._say(f"PROBLEM: {text}")

    def _say(self, text: str) -> None:
        minutes, seconds = divmod(int(self._elapsed()), 60)
        print(f"{minutes:02}:{seconds:02} {text}", flush=True)

    def _elapsed(self) -> float:
        return time.monotonic() - self._begin


def patiently(ask: Callable[[], Answer]) -> Answer:
    """Ask the API server until it answers; it may be away for a while."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return ask()
        except ApiError as error:
            if not error.transient or time.monotonic() > end:
                raise
            time.sleep(1)


def main() -> int:
    try:
        plan = Plan.from_environment()
    except ValueError as error:
        print(f"The soak cannot begin: {error}.", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # so that what was begun is ended
    print(f"seed {plan.seed} (SOAK_SEED), faults {', '.join(plan.faults)}", flush=True)
    soak = Soak(plan)
    soak.run()
    for problem in soak.problems:
        print(f"PROBLEM: {problem}")
    print(f"soak: {f'failed, {len(soak.problems)} problems' if soak.problems else 'passed'}")
    return 1 if soak.problems else 0


if __name__ == "__main__":
    sys.exit(main())
