# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever the API server does: no line of a log comes twice or out of order, and none is missing unreported.

Each seed is another sequence of faults. A failing one is replayed with: pytest tests/faults -k 'seed17 and logs'
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import math
import os
import random
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._argo.names import parse_node_name
from ansible_collections.argo.workflows.plugins.module_utils._logs.collector import Collector, _Job
from ansible_collections.argo.workflows.plugins.module_utils._logs.folder import BEGINNING, END, Log, LogFolder
from ansible_collections.argo.workflows.plugins.module_utils._logs.options import LogOptions
from ansible_collections.argo.workflows.tests.support.clock import Clock, stamp
from ansible_collections.argo.workflows.tests.support.synthetic import EXITED, Container, Faults, Server

SEEDS = int(os.environ.get("FAULT_SEEDS", "500"))

EXECUTOR = b'time=2026-11-22T15:45:56.203Z level=INFO msg="%s" argo=true\n'


def a_container(chance: random.Random) -> Container:
    """A container that prints numbered lines, some at the same time, one perhaps very long, perhaps none at its end."""
    now, lines = chance.uniform(0, 5), []
    for number in range(chance.choice([0, 1, 5, 40, 200])):
        now += chance.choice([0, 0, 1e-6, 0.01, 0.3, chance.expovariate(0.5)])
        filling = b"x" * (chance.choice([0, 0, 0, 10, 200]) if chance.random() < 0.995 else 200_000)
        for piece in in_pieces(chance, b"line %d %s\n" % (number, filling)):
            lines.append((round(now, 9), piece))
            now += 0.0 if piece.endswith(b"\n") else chance.choice([0, 1e-6, 0.4, 1.3, 4])
    if lines and chance.random() < 0.2:
        lines[-1] = (lines[-1][0], lines[-1][1][:-1])
    container = Container(lines, end=now + chance.uniform(0, 3))
    if chance.random() < 0.8:
        lines.insert(0, (lines[0][0] if lines else 0.0, EXECUTOR % b"waiting for signals"))
        last = [EXECUTOR % EXITED, b"Error: exit status 1\n"][: chance.choice([1, 2])]
        # containerd writes the rest of an unended line when everything else is written; what it had written of it
        # before, and an unended line of stderr, have the executor's words behind them on the same line.
        end = len(lines) - (not lines[-1][1].endswith(b"\n") and chance.random() < 0.7)
        lines[end:end] = [(now, text) for text in last]
    befall(container, chance, now)
    return container


def befall(container: Container, chance: random.Random, now: float) -> None:
    """What happens to the log of a container, or to its pod: lines are rotated away, it is deleted, or lost."""
    lines = container.lines
    if lines[:1] and lines[0][1].startswith(b"time=") and chance.random() < 0.4:
        for _rotation in range(chance.randint(1, 3)):
            when = chance.uniform(0, now)
            container.rotated.append((when, sum(time <= when for time, _text in lines)))
        container.rotated.sort()
    if chance.random() < 0.1:
        container.deleted = chance.uniform(now / 2, now * 2 + 5)
    if chance.random() < 0.1:
        container.lost = chance.uniform(now / 2, now * 2 + 5)
        container.end = min(container.end, container.lost)
        del lines[sum(when <= container.lost for when, _text in lines) :]


def in_pieces(chance: random.Random, line: bytes) -> list[bytes]:
    """A line as the container runtime keeps it: a long one always in pieces, here others now and then, too."""
    if len(line) < 16384 and chance.random() < 0.9:
        return [line]
    cuts = sorted({chance.randrange(8, len(line) + 1) for _cut in range(chance.randint(1, 3))} if len(line) > 8 else ())
    return [line[start:end] for start, end in itertools.pairwise([0, *cuts, len(line)]) if end > start]


@pytest.mark.parametrize("seed", range(SEEDS), ids="seed{}".format)
def test_logs_are_whole_and_in_order_or_say_what_is_missing(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    faults = Faults(chance, until=chance.choice([20, 60, 200]), share=chance.choice([0, 0.2, 0.6, 0.9]))
    server = Server(Clock(), faults)
    container = server.containers["pod"] = a_container(chance)
    # The news of the container's end comes a little later than the end, or much later if somebody was away.
    lag, start = chance.choice([0.01, 0.5, 0.9, 10, 30]), chance.choice([0, 0, 1, container.end, container.end + 15])
    lost = container.lost <= start or chance.random() < 0.25
    log = collect(server, start, news=container.end + lag, folder=tmp_path, lost=lost)
    if lost and not container.lines:
        assert not log.complete, "an empty log proves nothing where the kubelet has lost the container"
        return
    check(content(log), container, log)


@pytest.mark.parametrize("seed", range(SEEDS), ids="seed{}".format)
def test_who_takes_a_folder_over_goes_on_where_another_was_interrupted_or_killed(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    faults = Faults(chance, until=chance.choice([20, 60]), share=chance.choice([0, 0.2, 0.6]))
    server = Server(Clock(), faults)
    container = server.containers["pod"] = a_container(chance)
    news, end = container.end + chance.choice([0.01, 0.9, 10]), chance.uniform(0, container.end + 12)
    collect(server, 0, news, tmp_path, meanwhile={end: chance.choice([Collecting.interrupt, Collecting.be_killed])})
    log = collect(server, chance.choice([0, 0.5, 30]), news, tmp_path)
    check(content(log), container, log)


@pytest.mark.parametrize("seed", range(SEEDS), ids="seed{}".format)
def test_of_two_who_write_one_log_where_no_lock_keeps_them_apart_nobody_calls_garbage_complete(
    seed: int, tmp_path: Path
) -> None:
    chance = random.Random(seed)
    faults = Faults(chance, until=20, share=chance.choice([0, 0.2]))
    server = Server(Clock(), faults)
    container = server.containers["pod"] = a_container(chance)
    news = container.end + chance.choice([0.01, 0.9, 10])

    def another(_collecting: Collecting) -> None:
        honest(collect(server, 0, news, tmp_path), container)

    log = collect(server, 0, news, tmp_path, meanwhile={chance.uniform(0, container.end + 2): another})
    honest(log, container)


def honest(log: Log, container: Container) -> None:
    assert not log.complete or content(log) == whole(container)


def content(log: Log) -> bytes:
    """What is in the file of a log now."""
    return log.path.read_bytes() if log.path and log.has_file else b""


@pytest.mark.parametrize(
    ("words", "lag", "requests"),
    [
        ([EXITED], 0.01, 1),
        ([EXITED], 8, 1),
        ([EXITED, b"saving parameter"], 0.01, 2),
        ([], 0.01, 2),
        ([], 2, 3),
    ],
)
def test_a_log_is_asked_for_once_if_the_executor_has_said_its_last_word(
    words: list[bytes], lag: float, requests: int, tmp_path: Path
) -> None:
    lines = [EXECUTOR % b"waiting for signals", b"line 1\n", *(EXECUTOR % word for word in words)]
    container = Container([(float(when), text) for when, text in enumerate(lines)], end=len(lines) - 0.9)
    server = Server(Clock(), Faults(random.Random(0), until=0, share=0))
    server.containers["pod"] = container
    log = collect(server, 0, news=container.end + lag, folder=tmp_path)
    assert (log.complete, log.lines, len(server.requests)) == (True, 1, requests)


class Killed(BaseException):
    """The process that collects has ended by SIGKILL."""


class Collecting:
    """A process that collects the log of the server's only container, whose end becomes known to it at `news`.

    `lost` is whether the first that it sees of the container is that the kubelet has lost it.
    """

    def __init__(self, server: Server, news: float, folder: Path, *, lost: bool) -> None:
        self.clock = server.clock
        self.collector = Collector(server.cluster(), LogOptions())
        logs = LogFolder(folder, "wf", "ns", "uid-of-wf")
        self.collector.add(logs)
        self.log = logs.log("pod", "uid", "main", parse_node_name("wf", "wf[0].echo(0:a)(0)"))
        self.job = _Job(self.log, "ns", lost="the kubelet has lost the container" if lost else "")
        self.collector._jobs["uid", "main"] = self.job
        self.over = False
        self.clock.at(news, self._know_the_end)
        self.clock.at(self.clock.now + 1, self._tick)

    def _know_the_end(self) -> None:
        self.job.ended = True
        self.job.heard = self.clock.now

    def _tick(self) -> None:
        if not self.over:
            self.collector.tick()
            self.clock.at(self.clock.now + 1, self._tick)

    def interrupt(self) -> None:
        if not self.over:
            self.collector.stop("interrupted")

    def be_killed(self) -> None:
        if not self.over:
            raise Killed

    def collect(self) -> None:
        for _visit in range(1000):
            if self.log.done:
                break
            self.collector.collect(self.job)
            self.clock.sleep(0.1)


def collect(
    server: Server,
    start: float,
    news: float,
    folder: Path,
    *,
    lost: bool = False,
    meanwhile: Mapping[float, Callable[[Collecting], None]] | None = None,
) -> Log:
    """The log, collected by a process that is started in `start` seconds; `meanwhile` is what happens to it, and when.

    The index is brought up to date at the end, unless it was killed.
    """
    server.clock.sleep(start)
    collecting = Collecting(server, news, folder, lost=lost)
    for when, happens in (meanwhile or {}).items():
        server.clock.at(when, functools.partial(happens, collecting))
    with contextlib.suppress(Killed):
        collecting.collect()
        collecting.collector.tick()
    collecting.over = True
    return collecting.log


def whole(container: Container) -> bytes:
    """What a container wrote, without the executor's words."""
    return b"".join(text for _when, text in container.lines if not text.startswith((b"time=", b"Error:")))


def check(got: bytes, container: Container, log: Log) -> None:
    assert log.done
    if log.complete:
        assert got == whole(container)
        return
    spoiled = container.rotated or min(container.deleted, container.lost) < math.inf
    assert spoiled, f"nothing is missing, but {log.why_incomplete}"
    numbers = [int(number) for number in re.findall(rb"^line (\d+) ", got, re.MULTILINE)]
    assert numbers == sorted(set(numbers)), "a line came twice or out of order"
    gaps = log.gaps
    for when, text in container.lines:
        number = re.match(rb"line (\d+)", text)
        if not number or (int(number[1]) in numbers and b"\n" + text in b"\n" + got):
            continue
        time = stamp(when)
        in_a_gap = any(
            ("" if after == BEGINNING else after) <= time <= ("3" if before == END else before)
            for after, before in gaps
        )
        at_the_end = bool(log.reason) and time >= log.cursor.stamp
        assert in_a_gap or at_the_end, f"{number[0]!r} of {time} is missing, and nobody says so: {log}"
