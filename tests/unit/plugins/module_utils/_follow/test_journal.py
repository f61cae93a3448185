# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal tells what happens, and never keeps what happens from happening."""

from __future__ import annotations

import fcntl
import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._argo.names import parse_node_name
from ansible_collections.argo.workflows.plugins.module_utils._follow import journal as journal_module
from ansible_collections.argo.workflows.plugins.module_utils._follow.journal import Journal
from ansible_collections.argo.workflows.plugins.module_utils._follow.outcome import Outcome
from ansible_collections.argo.workflows.plugins.module_utils._logs.folder import LogFolder


@pytest.fixture
def pipe(tmp_path: Path) -> Iterator[tuple[Journal, int]]:
    """A journal that is a pipe, and where it can be read."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    yield Journal(str(path)), reader
    os.close(reader)


def read(reader: int) -> bytes:
    """What there is to be read at once."""
    data = b""
    while True:
        try:
            piece = os.read(reader, 65536)
        except BlockingIOError:
            return data
        if not piece:
            return data
        data += piece


def test_a_reader_that_stands_still_does_not_stop_the_writer(
    pipe: tuple[Journal, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "PATIENCE", 0.2)
    journal, reader = pipe

    def write() -> None:
        for number in range(200):
            journal.tree("wf", [{"text": str(number) * 1000, "phase": ""}])

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    writer.join(timeout=5)
    assert not writer.is_alive()
    data = read(reader)
    journal.end(Outcome.FINISHED)
    journal.close()
    *events, note, end = map(json.loads, (data + read(reader)).splitlines())
    assert [event["lines"][0]["text"] for event in events] == [str(number) * 1000 for number in range(len(events))]
    assert (note["event"], note["text"]) == ("note", f"{200 - len(events)} events were not shown: nobody read them")
    assert end["outcome"] == "finished"


def test_an_event_of_any_length_comes_whole_to_a_slow_reader(pipe: tuple[Journal, int]) -> None:
    journal, reader = pipe
    text = "ä" * 300_000
    writer = threading.Thread(target=journal.note, args=(text,), daemon=True)
    writer.start()
    data = b""
    while writer.is_alive():
        data += read(reader)
        time.sleep(0.001)
    journal.close()
    assert json.loads(data + read(reader))["text"] == text


def test_lines_that_nobody_could_read_are_counted_once_a_second_and_at_the_end(
    pipe: tuple[Journal, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    journal, reader = pipe
    logs = [LogFolder(None, name, "ns", name).log("p", name, "main", parse_node_name(name, name)) for name in "ab"]
    clock = [0.0]
    monkeypatch.setattr(journal_module.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(journal_module, "LINES_A_SECOND", 2)
    for second, log in ((10.0, logs[0]), (10.5, logs[0]), (11.0, logs[1])):
        clock[0] = second
        journal.log(log, [b"1", b"2", b"3"])
    journal.end(Outcome.FINISHED)
    events = [json.loads(line) for line in read(reader).splitlines()]
    assert [(event["workflow"], event.get("lines") or event["text"].split()[0]) for event in events[:-1]] == [
        ("a", ["1", "2"]),
        ("", "4"),
        ("b", ["1", "2"]),
        ("", "1"),
    ]


def test_of_a_progress_bar_its_last_state_is_shown(pipe: tuple[Journal, int]) -> None:
    journal, reader = pipe
    log = LogFolder(None, "wf", "ns", "uid").log("pod", "uid", "main", parse_node_name("wf", "wf[0].train(0:a)"))
    journal.log(log, [b" 10%\r 50%\r\x1b[32m100%\x1b[0m", b"CRLF\r", b"plain", b""])
    assert json.loads(read(reader))["lines"] == ["100%", "CRLF", "plain", ""]


ESCAPES = "a\x1b]0;PWNED\x07b\x1b[2Jc\x9b31md\x1bPq\x1b\\e\u202ef"


def test_nothing_that_a_terminal_would_obey_is_in_any_field_of_an_event(pipe: tuple[Journal, int]) -> None:
    journal, reader = pipe
    log = LogFolder(None, "wf", "ns", "uid").log(
        "pod", "uid", "main", parse_node_name("wf", f"wf[0].train(0:{ESCAPES})")
    )
    journal.note(ESCAPES, ESCAPES)
    journal.tree(ESCAPES, [{"text": ESCAPES, "phase": ESCAPES}])
    journal.log(log, [ESCAPES.encode()])
    note, tree, lines = map(json.loads, read(reader).splitlines())
    assert (note["text"], note["workflow"], tree["workflow"]) == ("abcdef",) * 3
    assert (tree["lines"], lines["lines"]) == ([{"text": "abcdef", "phase": "abcdef"}], ["abcdef"])
    assert lines["node"] == "train(0:abcdef)"


def test_a_reader_that_has_gone_away_ends_the_journal_only(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    journal = Journal(str(tmp_path / "pipe"))
    os.close(reader)
    journal.note("nobody hears")
    assert not journal


def test_the_lines_of_several_waits_that_share_a_file_stay_whole(tmp_path: Path) -> None:
    path = tmp_path / "journal"

    def write(name: str) -> None:
        journal = Journal(str(path))
        for number in range(50):
            journal.note(f"{number} " + name * 20_000)
        journal.close()

    writers = [threading.Thread(target=write, args=(name,)) for name in "abc"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    texts = [json.loads(line)["text"] for line in path.read_text().splitlines()]
    assert sorted(texts) == sorted(f"{number} " + name * 20_000 for number in range(50) for name in "abc")


def test_a_file_that_somebody_locks_and_keeps_does_not_stop_the_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "PATIENCE", 0.1)
    journal = Journal(str(tmp_path / "journal"))
    with (tmp_path / "journal").open() as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        journal.note("one")
        journal.note("two")
    journal.note("three")
    assert [json.loads(line)["text"] for line in (tmp_path / "journal").read_text().splitlines()] == [
        "one",
        "1 events were not shown: nobody read them",
        "three",
    ]
