# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the benchmarks are made with: running programs, playbooks and modules, and asking the cluster."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.cluster import METADATA, Cluster
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.login import Login
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import path
from ansible_collections.argo.workflows.tests.bench.measure import Series
from ansible_collections.argo.workflows.tests.engine.choose import VARIABLES

ROOT = Path(__file__).resolve().parents[2]
IMAGE = "localhost/gpu-say:dev"
ENOUGH = 60.0
"""A way that has taken this many seconds in all is not measured again."""
AT_ONCE = 4 * (os.cpu_count() or 1)
"""Pods that run at the same time when the work is only to have them afterwards."""
PATIENCE = 900.0
"""Seconds that a program may take."""

Json = dict[str, Any]
Task = Json


class BenchError(Exception):
    """A measurement that cannot be had; the text says why."""


@dataclass(frozen=True)
class Way:
    """One way of doing a piece of work: `run()` does it once and returns its figure.

    `over_empty`: it is a whole ansible-playbook, and the time of an empty playbook is taken off.
    """

    run: Callable[[], float]
    over_empty: bool = False


@dataclass(frozen=True)
class Ended:
    """A program that has ended: how long it took (seconds), its peak resident size (MB), what it printed."""

    seconds: float
    rss: float
    output: str


class Bench:
    """The cluster, the programs and the folder of one benchmark run, on the Argo that `make engine` has chosen."""

    def __init__(self, kubeconfig: Path, rounds: int, folder: Path) -> None:
        engine = yaml.safe_load(VARIABLES.read_text())
        self.kubeconfig = kubeconfig
        self.version = engine["argo_version"]
        self.namespace = f"argo-bench-{self.version.replace('.', '-')}"
        self.rounds = rounds
        self.folder = folder
        self.argo = _program("ARGO", engine.get("engine_argo", "argo"))
        self.kubectl = _program("KUBECTL", "kubectl")
        self.login = Login({"kubeconfig": str(kubeconfig)})
        self.cluster = Cluster.from_params({"kubeconfig": str(kubeconfig)})

    # -- measuring ------------------------------------------------------------------------------------------------

    def in_turn(self, ways: Mapping[str, Way | str]) -> dict[str, Series]:
        """Measure each way once a round; a string instead of a Way says why that one is absent.

        The order is drawn anew for each round: what comes after an idle minute is slower, and that is to hit them all.
        """
        values: dict[str, list[float]] = {name: [] for name, way in ways.items() if isinstance(way, Way)}
        spent = dict.fromkeys(values, 0.0)
        empty: list[float] = []
        for _round in range(self.rounds):
            if any(isinstance(way, Way) and way.over_empty for way in ways.values()):
                empty.append(self.play([]))
            for name, way in random.sample(list(ways.items()), len(ways)):
                if isinstance(way, Way) and spent[name] < ENOUGH:
                    begin = time.monotonic()
                    values[name].append(way.run())
                    spent[name] += time.monotonic() - begin
                    print(f"    {name}: {values[name][-1]:.2f}", flush=True)
        offset = Series(empty).median if empty else 0.0
        return {
            name: Series(values[name]).less(offset if way.over_empty else 0.0)
            if isinstance(way, Way)
            else Series(absent=way)
            for name, way in ways.items()
        }

    # -- programs -------------------------------------------------------------------------------------------------

    def program(self, name: str, run: Callable[[], float]) -> Way | str:
        """A way that needs the program `argo` or `kubectl`, if it is there."""
        return Way(run) if getattr(self, name) else f"no {name} on this machine"

    def argo_command(self, *args: str) -> list[str]:
        return [self.argo, "--kubeconfig", str(self.kubeconfig), "-n", self.namespace, *args]

    def kubectl_command(self, *args: str, namespace: str = "") -> list[str]:
        return [self.kubectl, "--kubeconfig", str(self.kubeconfig), "-n", namespace or self.namespace, *args]

    def run(self, command: Sequence[str | Path], *, check: bool = True, env: Mapping[str, str] | None = None) -> Ended:
        """Run a program to its end."""
        with tempfile.TemporaryFile() as output:
            begin = time.monotonic()
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=ROOT,
                env={**os.environ, **(env or {})},
            )
            rss = 0.0
            try:
                while process.poll() is None:
                    rss = max(rss, peak_rss(process.pid))
                    if time.monotonic() - begin > PATIENCE:
                        raise BenchError(f"{_short(command)} does not end in {PATIENCE:.0f} s")
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        process.wait(0.02)
                seconds = time.monotonic() - begin
            finally:
                process.kill()
            output.seek(0)
            text = output.read().decode(errors="replace")
        if check and process.returncode:
            raise BenchError(f"{_short(command)} ended with {process.returncode}: {text[-3000:]}")
        return Ended(seconds, rss, text)

    # -- Ansible --------------------------------------------------------------------------------------------------

    def playbook(self, tasks: Sequence[Task]) -> Path:
        """A playbook with these tasks, for this cluster."""
        play = {
            "hosts": "local",
            "gather_facts": False,
            "module_defaults": {"group/argo.workflows.argo": {"kubeconfig": str(self.kubeconfig)}},
            "vars": {"argo_kubeconfig": str(self.kubeconfig)},
            "tasks": list(tasks),
        }
        path = Path(tempfile.mkdtemp(dir=self.folder)) / "play.yml"
        path.write_text(json.dumps([play]))
        return path

    def play(self, tasks: Sequence[Task]) -> float:
        """Run these tasks with ansible-playbook; returns its seconds, as from the command line."""
        return self.run(["ansible-playbook", self.playbook(tasks)]).seconds

    def install(self, *args: str, namespace: str = "") -> float:
        """Run playbooks/install.yml; returns its seconds."""
        return self.run(
            [
                "ansible-playbook",
                "playbooks/install.yml",
                *("-e", f"argo_namespace={namespace}" if namespace else "{}"),
                *("-e", f"argo_kubeconfig={self.kubeconfig}"),
                *("-e", f"@{VARIABLES}"),
                *args,
            ]
        ).seconds

    @contextlib.contextmanager
    def started(self, command: Sequence[str | Path]) -> Iterator[Lines]:
        """A program whose lines are read as they come; what is left of it afterwards is ended."""
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            start_new_session=True,
        )
        lines = Lines(process)
        try:
            yield lines
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
                process.wait(30)

    def payload(self, module: str, **args: Any) -> Callable[[], Ended]:
        """What Ansible sends to a host to run a module there; returns a function that runs it.

        The module runs once meanwhile, and may fail.
        """
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        self.run(
            ["ansible", "local", "-m", module, "-a", json.dumps(args)],
            check=False,
            env={"ANSIBLE_KEEP_REMOTE_FILES": "1", "ANSIBLE_REMOTE_TEMP": str(folder)},
        )
        found = list(folder.rglob("AnsiballZ_*.py"))
        if not found:
            raise BenchError(f"Ansible made no payload of the module {module}")
        return lambda: self.run([sys.executable, found[0]], check=False)

    # -- the cluster ----------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def namespaces(self, count: int, kind: str) -> Iterator[list[str]]:
        """Empty namespaces, that are gone afterwards with all that is in them."""
        names = [f"{self.namespace}-{kind}-{number}" for number in range(count)]
        self._remove_namespaces(names)
        try:
            for name in names:
                self.cluster.create(path("Namespace"), {"metadata": {"name": name}})
            yield names
        finally:
            self._remove_namespaces(names)

    def _remove_namespaces(self, names: Sequence[str]) -> None:
        paths = [found for found in (path("Namespace", name=name) for name in names) if self.exists(found)]
        for found in paths:
            self.cluster.delete(found)
        until(lambda: not any(map(self.exists, paths)), f"the namespaces {', '.join(names)} do not go", 180)

    def exists(self, path: str) -> bool:
        return self.cluster.find(path) is not None

    def finished(self, name: str, items: int, script: str) -> list[str]:
        """A fan-out that has succeeded, run now unless it is there; returns the names of its pods."""
        workflow = path("Workflow", self.namespace, name)
        if not self.exists(workflow):
            manifest = fanout(name, items, script)
            manifest["spec"]["parallelism"] = AT_ONCE
            self.cluster.create(path("Workflow", self.namespace), manifest)
        until(lambda: phase(self.cluster.get(workflow)) not in ("", "Running", "Pending"), f"{name} does not end", 3600)
        if phase(self.cluster.get(workflow)) != "Succeeded":
            raise BenchError(
                f"the Workflow {name} has not succeeded: {self.cluster.get(workflow)['status'].get('message')}"
            )
        selector = f"workflows.argoproj.io/workflow={name}"
        found = [
            pod["metadata"]["name"] for pod in self.cluster.objects(path("Pod", self.namespace), labelSelector=selector)
        ]
        if len(found) != items:
            raise BenchError(f"the Workflow {name} has {len(found)} pods instead of {items}")
        return found

    def next_event(self, path: str, wanted: Callable[[Json], bool]) -> Callable[[], float]:
        """Watch from now on; the function returned waits for the first wanted event and says when it came."""
        version = self.cluster.get(path, limit=1)["metadata"]["resourceVersion"]
        came: list[float] = []

        def watch() -> None:
            for event in self.cluster.watch(path, version, accept=METADATA):
                if event["type"] != "BOOKMARK" and wanted(event["object"]):
                    came.append(time.monotonic())
                    return

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()

        def wait() -> float:
            thread.join(180)
            if not came:
                raise BenchError(f"nothing came of {path} in 180 s")
            return came[0]

        return wait


class Lines:
    """The lines of a running program, each with the time at which it came (monotonic)."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.began = time.monotonic()
        self._lines: list[tuple[float, str]] = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.append((time.monotonic(), line.decode(errors="replace")))

    def end(self) -> float:
        """Wait for the program's end; returns when it came."""
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired as error:
            raise BenchError("a program does not end") from error
        ended = time.monotonic()
        self._thread.join()
        if self.process.returncode:
            raise BenchError("".join(line for _when, line in self._lines)[-3000:])
        return ended

    def count(self, text: str) -> int:
        """How many lines have this in them."""
        return sum(text in line for _when, line in self._lines)

    def when(self, *beginnings: str) -> float:
        """When the first line came that starts with one of these."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            for when, line in list(self._lines):
                if line.startswith(beginnings):
                    return when
            time.sleep(0.02)
        raise BenchError(f"no line starts with {beginnings}: {self._lines[-20:]}")


def fanout(name: str, items: int, script: str) -> Json:
    """A Workflow with one pod an item, all at once, that runs `script` with $ITEM."""
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": name} if not name.endswith("-") else {"generateName": name},
        "spec": {
            "entrypoint": "main",
            "arguments": {"parameters": [{"name": "items", "value": json.dumps(list(range(items)))}]},
            "templates": [
                {
                    "name": "main",
                    "steps": [
                        [
                            {
                                "name": "item",
                                "template": "work",
                                "arguments": {"parameters": [{"name": "item", "value": "{{item}}"}]},
                                "withParam": "{{workflow.parameters.items}}",
                            }
                        ]
                    ],
                },
                {
                    "name": "work",
                    "inputs": {"parameters": [{"name": "item"}]},
                    "script": {
                        "image": IMAGE,
                        "imagePullPolicy": "IfNotPresent",
                        "command": ["bash"],
                        "env": [{"name": "ITEM", "value": "{{inputs.parameters.item}}"}],
                        "source": script,
                    },
                },
            ],
        },
    }


def phase(workflow: Json) -> str:
    """The phase of a Workflow, from its label: a watch of metadata has it, too."""
    return str((workflow["metadata"].get("labels") or {}).get("workflows.argoproj.io/phase", ""))


def until(holds: Callable[[], bool], complaint: str, seconds: float) -> None:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise BenchError(f"{complaint} in {seconds:.0f} s")
        time.sleep(0.5)


def empty(folder: Path) -> None:
    """Make the folder, or make it new: what an earlier measurement left would be found by the next."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")


def load() -> float:
    """The load average of the last minute."""
    return round(os.getloadavg()[0], 2)


def _program(variable: str, name: str) -> str:
    """The path of a peer: what the variable says, else what is on PATH, else ""."""
    chosen = os.environ.get(variable) or name
    return shutil.which(chosen) or ""


def _short(command: Sequence[str | Path]) -> str:
    return " ".join(map(str, command))[:200]


def peak_rss(pid: int) -> float:
    """The peak resident size of a living process in MB. (What wait4 reports counts its parent's pages, too.)"""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return 0.0
