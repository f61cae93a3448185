# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the lines of logs go besides their own files."""

from __future__ import annotations

import errno
import time

from ansible_collections.argo.workflows.plugins.module_utils._argo.names import parse_node_name
from ansible_collections.argo.workflows.plugins.module_utils._logs.folder import Log, LogFolder
from ansible_collections.argo.workflows.plugins.module_utils._logs.sinks import LONGEST_LINE, Sink, WholeLines


def a_log(uid: str = "u") -> Log:
    return LogFolder(None, "wf", "ns", "uid").log("p", uid, "main", parse_node_name("wf", "wf[0].echo(0:a)(0)"))


def test_every_sink_gets_the_same_whole_lines_of_each_log() -> None:
    first: list[tuple[str, bytes]] = []
    second: list[tuple[str, bytes]] = []

    def sink_into(got: list[tuple[str, bytes]]) -> Sink:
        return lambda log, lines: got.extend((log.uid, line) for line in lines)

    whole = WholeLines([sink_into(first), sink_into(second)])
    a, b = a_log("a"), a_log("b")
    for log, text in [(a, b"on"), (b, b"x\ny"), (a, b"e\ntw"), (a, b"o"), (b, b"\n")]:
        whole.feed(log, text)
    assert first == [("b", b"x"), ("a", b"one"), ("b", b"y")]
    whole.finish()
    assert first == second == [("b", b"x"), ("a", b"one"), ("b", b"y"), ("a", b"two")]


def test_a_line_without_end_is_passed_on_in_pieces_that_fit_into_memory() -> None:
    log = LogFolder(None, "wf", "ns", "uid").log("p", "u", "main", parse_node_name("wf", "wf[0].echo(0:a)(0)"))
    lines: list[bytes] = []
    whole = WholeLines([lambda log, some: lines.extend(some)])
    began = time.monotonic()
    for _piece in range(200_000):
        whole.feed(log, b"progress\r")
    assert time.monotonic() - began < 5
    whole.feed(log, b"done\nnext")
    assert len(lines) == 4 and max(map(len, lines)) < LONGEST_LINE + 10
    whole.finish()
    assert b"".join(lines) == b"progress\r" * 200_000 + b"donenext" and lines[-1] == b"next"


def test_a_last_line_that_cannot_be_written_makes_its_log_incomplete() -> None:
    def full(log: Log, lines: list[bytes]) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    whole, good, bad = WholeLines([full]), a_log("good"), a_log("bad")
    whole.feed(bad, b"no end")
    for log in (good, bad):
        log.end()
    whole.finish()
    assert good.complete
    assert bad.why_incomplete == "its last line could not be written: No space left on device"
