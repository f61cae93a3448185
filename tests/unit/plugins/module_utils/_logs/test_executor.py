# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the executor's lines tell of the container that it runs."""

from __future__ import annotations

import json
import time

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._logs.executor import Executor, is_executors


def said(message: str, error: str = "<nil>") -> bytes:
    return f'time=2026-11-22T15:45:57.210Z level=INFO msg="{message}" argo=true error={error}'.encode()


@pytest.mark.parametrize(
    ("before", "line", "after"),
    [
        (Executor(), said("waiting for signals"), Executor(began=True)),
        (Executor(), said("capturing logs"), Executor()),
        (Executor(began=True), said("sub-process exited"), Executor(began=True, exited=True)),
        (Executor(), said("sub-process exited"), Executor(exited=True)),
        (
            Executor(),
            said("sub-process exited", '"failed to start command: context canceled"'),
            Executor(began=True, exited=True),
        ),
        (Executor(exited=True), said("saving artifact"), Executor(exited=True, saving=True)),
        (Executor(exited=True), b"Error: exit status 1", Executor(exited=True)),
        (Executor(), b"Error: exit status 1", None),
        (Executor(exited=True), b"a line of the container's own", None),
        (Executor(exited=True), said("a message of its own"), None),
    ],
)
def test_each_line_of_the_executor_is_told_from_the_containers_own(
    before: Executor, line: bytes, after: Executor | None
) -> None:
    assert before.hear(line) == (after and (b"", after))
    assert after is None or before.may_be_in(b"a\n" + line + b"\nb")


def as_json(message: str, **fields: object) -> bytes:
    said = {"time": "2026-11-22T15:45:57.210Z", "level": "INFO", "msg": message, "argo": True, **fields}
    return json.dumps(said, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    ("line", "after"),
    [
        (as_json("waiting for signals", signalPath="/x"), Executor(began=True)),
        (as_json("sub-process exited", error=None), Executor(exited=True)),
        (as_json("sub-process exited", error="failed to start command: no"), Executor(began=True, exited=True)),
        (as_json("saving parameter"), Executor(saving=True)),
        (said("ignore signal").replace(b"INFO", b"DEBUG") + b' signal="child exited"', Executor()),
        (said("forwarding signal").replace(b"INFO", b"DEBUG"), Executor()),
        (as_json("a message of its own"), None),
        (as_json("waiting for signals").replace(b"true", b"false"), None),
        (b'{"time":"x","argo":true', None),
        (b'{"time":"x","argo":true,"deep":' + b"[" * 9000, None),
        (b'{"time":"x","argo":true}', None),
    ],
)
def test_the_executors_lines_are_known_in_every_format_and_level_of_the_controllers_log(
    line: bytes, after: Executor | None
) -> None:
    assert Executor().hear(line) == (after and (b"", after))
    assert after is None or Executor().may_be_in(line)


@pytest.mark.parametrize("words", [said("sub-process exited"), as_json("sub-process exited", error="exit status 1")])
def test_what_the_executor_writes_behind_a_line_without_an_end_is_told_from_it(words: bytes) -> None:
    for own in (b"50%|###", b"\xff time=1 ", b'{"time":"' * 3, b"x" * 200_000):
        assert Executor().hear(own + words) == (own, Executor(exited=True))
        assert Executor().hear(own + words + b" and more") is None


def test_a_line_that_may_go_on_as_the_executors_is_known_wherever_it_breaks() -> None:
    for words in (said("sub-process exited"), as_json("sub-process exited")):
        assert all(Executor().may_go_on(b"own " + words[:length]) for length in range(1, len(words)))
    assert not Executor().may_go_on(b"own")


def test_lines_full_of_what_may_begin_one_of_the_executor_are_looked_through_in_no_time() -> None:
    began = time.process_time()
    for line in (
        b"time=" * 200_000,
        b'{"time":"' * 100_000 + b'"argo":true',
        b'time=x level=INFO msg="' + b'x="' * 90_000,
    ):
        assert Executor().hear(line) is None
        assert not is_executors(line)
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    ("executor", "settled", "beginning_lost"),
    [
        (Executor(), False, False),
        (Executor(began=True), False, False),
        (Executor(began=True, exited=True), True, False),
        (Executor(began=True, exited=True, saving=True), False, False),
        (Executor(exited=True), True, True),
    ],
)
def test_after_the_last_message_the_container_is_about_to_end_and_the_first_must_have_come(
    executor: Executor, settled: bool, beginning_lost: bool
) -> None:
    assert (executor.settled, executor.beginning_lost) == (settled, beginning_lost)


@pytest.mark.parametrize("exited", [False, True])
def test_every_beginning_of_a_line_of_the_executor_may_become_one(exited: bool) -> None:
    executor = Executor(exited=exited)
    for line in [said("capturing logs"), *([b"Error: signal: killed"] if exited else [])]:
        assert executor.hear(line)
        assert all(executor.may_go_on(line[:length]) for length in range(len(line)))
    assert not executor.may_go_on(b"tim flies")
    assert executor.may_go_on(b"Error: mine") == exited
