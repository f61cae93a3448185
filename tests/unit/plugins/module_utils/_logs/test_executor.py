# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the executor's lines tell of the container that it runs."""

from __future__ import annotations

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._logs.executor import Executor


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
    assert before.hear(line) == after
    assert after is None or before.may_be_in(b"a\n" + line + b"\nb")


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
