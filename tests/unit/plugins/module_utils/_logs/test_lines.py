# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A log that comes in pieces, twice, or with holes gives the container's bytes once and in order, or a reported gap."""

from __future__ import annotations

import dataclasses
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.argo.workflows.plugins.module_utils._logs import lines as lines_module
from ansible_collections.argo.workflows.plugins.module_utils._logs.lines import (
    LAST_BYTES,
    Cursor,
    Cutter,
    LastLinesCutter,
    Taken,
)


def stamp(tick: int) -> bytes:
    """A timestamp; there are 4 ticks a second."""
    return b"2026-11-22T15:45:%02d.%09dZ" % (tick // 4, tick % 4 * 250_000_000)


def log(*lines: tuple[int, bytes], ended: bool = True) -> bytes:
    """What the kubelet sends for lines (tick, text)."""
    data = b"".join(stamp(tick) + b" " + text + b"\n" for tick, text in lines)
    return data if ended else data[:-1]


def since(cursor: Cursor, lines: list[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    """The lines that the kubelet gives for the cursor's `sinceTime`."""
    return [line for line in lines if not cursor.since or stamp(line[0]) >= cursor.since[:-1].encode()]


def feed(cutter: Cutter, data: bytes, size: int = 1 << 20, *, whole: bool = True) -> Taken:
    total = Taken()
    for taken in (
        *(cutter.feed(data[at : at + size]) for at in range(0, len(data), size)),
        cutter.finish(whole),
    ):
        total.text += taken.text
        total.lines += taken.lines
        total.executor_lines += taken.executor_lines
        total.gap = total.gap or taken.gap
        total.complaint += taken.complaint
    return total


def test_timestamps_are_taken_off_and_everything_else_stays() -> None:
    taken = feed(
        Cutter(Cursor()), log((0, b"bin \xff\xfe \x00 end"), (1, b""), (2, b"a\rb\rc"), (3, b"  two  spaces "))
    )
    assert taken == Taken(b"bin \xff\xfe \x00 end\n\na\rb\rc\n  two  spaces \n", lines=4)


def test_a_last_line_without_end_is_taken_without_end() -> None:
    assert feed(Cutter(Cursor()), log((0, b"no newline"), ended=False)).text == b"no newline"


def test_timestamps_stay_if_asked() -> None:
    assert feed(Cutter(Cursor(), stamps=True), log((0, b"x"))).text == log((0, b"x"))


def test_a_line_of_a_megabyte_passes_in_pieces_and_nothing_of_it_is_kept_in_memory() -> None:
    text = bytes(range(32, 127)) * 11_000
    cutter = Cutter(Cursor())
    sizes = []
    total = b""
    for at in range(0, len(data := log((0, b"a"), (1, text), (2, b"z"))), 4096):
        total += cutter.feed(data[at : at + 4096]).text
        sizes.append(len(cutter._rest))
    assert total == b"a\n" + text + b"\nz\n"
    assert max(sizes) < 100_000


EXECUTOR = (
    b'time=2026-11-22T15:45:56.203Z level=INFO msg="waiting for signals" argo=true signalPath=/var/run/argo/ctr/x'
)


@pytest.mark.parametrize(
    "line",
    [
        EXECUTOR,
        b'time=2026-11-22T15:45:57.391Z level=INFO msg="waiting for signals" signalPath=/x argo=true',
        b'time=2026-11-22T15:45:57.210Z level=INFO msg="sub-process exited" argo=true error=<nil>',
        b'time=2026-11-22T15:45:57.210Z level=INFO msg="sub-process exited" error="exit status 1" argo=true',
        b"time=2026-11-22T15:45:57.210Z level=INFO msg=tarring argo=true",
        b"time=2026-11-22T15:45:57.210Z level=INFO msg=taring argo=true source=/tmp/numbers",  # Argo v4.0
        b'time=2026-11-22T18:33:19.490Z level=INFO msg="main container(s) exited, terminating container" argo=true '
        b"mainContainerNames=[main] containerName=helper",
        b'time=2026-11-22T18:33:19.491Z level=INFO msg="emissary: killing containers" argo=true '
        b"containerNames=[helper] terminationGracePeriodDuration=30s",
        b'time=2026-11-22T18:30:58.046Z level=WARN msg="inotify unavailable; falling back to polling. Consider raising '
        b'fs.inotify.max_user_instances / fs.inotify.max_user_watches" argo=true '
        b'error="creating fsnotify watcher: couldn\'t initialize inotify: too many open files"',
        b'time=2026-11-22T15:45:57Z level=INFO msg="file signal handler exiting due to context cancellation" argo=true',
        b'time="2024-01-01T00:00:00.000Z" level=info msg="capturing logs" argo=true',
    ],
)
def test_the_executors_own_lines_are_left_out_and_counted(line: bytes) -> None:
    assert feed(Cutter(Cursor()), log((0, b"a"), (1, line), (2, b"b"))) == Taken(b"a\nb\n", lines=2, executor_lines=1)
    assert feed(Cutter(Cursor(), executor=True), log((1, line))).text == line + b"\n"


def test_a_stream_that_ends_inside_a_line_of_the_executor_leaves_it_to_the_next_one() -> None:
    exited = b'time=2026-11-22T15:45:57.210Z level=INFO msg="sub-process exited" argo=true error="exit status 1"'
    lines = log((0, EXECUTOR), (4, b"a"), (8, exited), (12, b"Error: exit status 1"))
    for cut in range(len(lines)):
        cursor = Cursor()
        first = feed(Cutter(cursor), lines[:cut], whole=False)
        rest = [
            line
            for line in lines.splitlines(keepends=True)
            if not cursor.since or line[:19] >= cursor.since[:19].encode()
        ]
        second = feed(Cutter(cursor), b"".join(rest))
        assert (first.text + second.text, first.complaint + second.complaint) == (b"a\n", "")
        assert cursor.executor.began and first.executor_lines + second.executor_lines == 3


EXITED = b'time=2026-11-22T15:45:57.210Z level=INFO msg="sub-process exited" argo=true error=<nil>'


@pytest.mark.parametrize(
    ("stamps", "expected"),
    [(False, b"a\n50%rest"), (True, log((0, b"a"), (1, b"50%"), (2, b"rest"), ended=False))],
)
def test_a_line_without_an_end_on_which_the_executor_writes_is_taken_without_its_words(
    stamps: bool, expected: bytes
) -> None:
    lines = log((0, b"a"), (1, b"50%" + EXITED), (2, b"rest"), ended=False)
    for size in (1, 20, 1000):
        taken = feed(Cutter(cursor := Cursor(), stamps=stamps), lines, size)
        assert (taken.text, taken.executor_lines, cursor.executor.exited) == (expected, 1, True)


def test_a_stream_that_breaks_where_the_executor_writes_on_a_line_without_an_end_brings_each_byte_once() -> None:
    lines = log((0, b"a"), (4, b"50%" + EXITED))
    for cut in range(len(lines)):
        cursor = Cursor()
        first = feed(Cutter(cursor), lines[:cut], whole=False)
        second = feed(Cutter(cursor), b"".join(log(line) for line in since(cursor, [(0, b"a"), (4, b"50%" + EXITED)])))
        assert (first.text + second.text, first.executor_lines + second.executor_lines) == (b"a\n50%", 1), cut


def test_a_cursor_goes_through_json_and_back() -> None:
    exited = b'time=2026-11-22T15:45:57.210Z level=INFO msg="sub-process exited" argo=true'
    feed(Cutter(cursor := Cursor()), log((0, b"a"), (1, exited), (2, b"b"), ended=False))
    assert cursor.executor.exited and not cursor.ended
    assert Cursor.from_dict(json.loads(json.dumps(cursor.as_dict()))) == cursor


def test_the_executors_last_word_is_left_out_only_after_its_last_message() -> None:
    exited = b'time=2026-11-22T15:45:57.210Z level=INFO msg="sub-process exited" argo=true error="exit status 1"'
    lines = log((0, b"Error: exit status 1"), (1, exited), (2, b"Error: exit status 1"))
    for size in (10, 1000):
        assert feed(Cutter(Cursor()), lines, size).text == b"Error: exit status 1\n"


def test_a_container_that_was_ended_before_its_command_began_lost_no_beginning() -> None:
    exited = b'time=2026-11-22T23:29:25.890Z level=INFO msg="sub-process exited" argo=true error='
    beginnings_lost = {}
    for error in (b'"failed to start command: context canceled"', b'"exit status 1"', b"<nil>"):
        feed(Cutter(cursor := Cursor()), log((0, exited + error), (1, b"last words")))
        beginnings_lost[error] = cursor.executor.beginning_lost
    assert list(beginnings_lost.values()) == [False, True, True]


@pytest.mark.parametrize(
    "line",
    [
        b"argo=true",
        b'time=2026-11-22T15:45:56.203Z level=INFO msg="my own message" argo=true',
        b'time=2026-11-22T15:45:57.210Z level=INFO msg="sub-process exited"',
        b"prefix " + EXECUTOR,
        EXECUTOR + b" and more words",
    ],
)
def test_a_line_of_the_container_that_looks_like_the_executors_stays(line: bytes) -> None:
    assert feed(Cutter(Cursor()), log((0, line))) == Taken(line + b"\n", lines=1)


def test_the_kubelets_own_text_is_a_complaint_and_not_a_line() -> None:
    text = b"unable to retrieve container logs for containerd://09b0"
    taken = feed(Cutter(Cursor()), log((0, b"a")) + text + b"\n")
    assert (taken.text, taken.complaint) == (b"a\n", text.decode())
    assert feed(Cutter(Cursor()), text).complaint == text.decode()


def test_text_of_the_kubelet_before_the_known_line_brings_no_line_twice() -> None:
    cursor = Cursor()
    lines = log((0, b"a"), (1, b"b"))
    feed(Cutter(cursor), lines)
    taken = feed(Cutter(cursor), b"failed to watch directory /var/log/pods\n" + lines + log((2, b"c")))
    assert (taken.text, taken.complaint) == (b"c\n", "failed to watch directory /var/log/pods")


RESTS = [
    b"100%|####| 9/9",
    b"x",
    b"",
    b"QUJDREVGR0hJTktMTU5P and more",
    b"QUJDREVGR0T\xff\xfe " + b"y" * 100,
    b"2026-11-22T15:44:00.000000001Z of the container itself",
    b"z" * 200_000,
]
"""What comes, without a timestamp, of a line whose first pieces are older than `sinceTime`."""


@pytest.mark.parametrize("rest", RESTS)
@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_the_rest_of_a_line_that_began_before_the_cursor_is_neither_a_line_nor_a_complaint(
    rest: bytes, size: int
) -> None:
    cursor = Cursor()
    feed(Cutter(cursor), log((0, b"long"), (5, b"b")))
    taken = feed(again := Cutter(cursor), rest + b"\n" + log((5, b"b"), (6, b"c")), size if len(rest) < 1000 else 5000)
    assert (taken, again.anchored) == (Taken(b"c\n", lines=1), True)


@pytest.mark.parametrize("rest", [rest for rest in RESTS if rest])
def test_a_stream_that_ends_inside_the_rest_of_an_earlier_line_brings_nothing(rest: bytes) -> None:
    cursor = Cursor()
    feed(Cutter(cursor), log((5, b"b")))
    assert (feed(again := Cutter(cursor), rest), again.at_line_end) == (Taken(), False)


def test_the_rest_of_a_line_that_began_before_what_was_asked_for_is_left_out() -> None:
    taken = feed(Cutter(Cursor(), since="2026-11-22T15:45:01Z"), b"rest\n" + log((5, b"b")))
    assert taken == Taken(b"b\n", lines=1)


def test_a_complaint_is_no_longer_than_a_sentence_and_never_ends_the_thread() -> None:
    for text in (b"\xff" * 1000, b"\xff" * 200_000, b"0123456789T\xff " + b"\xff" * 200_000):
        taken = feed(Cutter(Cursor()), text)
        assert taken.text == b"" and 1 <= len(taken.complaint) <= 300


def test_a_rotated_log_is_a_gap_with_its_edges() -> None:
    cursor = Cursor()
    feed(Cutter(cursor), log((0, b"one"), (1, b"two")))
    taken = feed(Cutter(cursor), log((9, b"ten")))
    assert taken == Taken(b"ten\n", lines=1, gap=(stamp(1).decode(), stamp(9).decode()))


def test_a_line_that_shares_its_timestamp_with_a_lost_one_is_not_taken_for_it() -> None:
    cursor = Cursor()
    feed(Cutter(cursor), log((1, b"one")))
    taken = feed(Cutter(cursor), log((1, b"two"), (2, b"three")))
    assert taken.gap and taken.text == b"three\n"


def test_a_stream_that_repeats_nothing_is_not_anchored() -> None:
    cursor = Cursor()
    feed(Cutter(cursor), log((1, b"one")))
    again = Cutter(cursor)
    feed(again, b"")
    assert not again.anchored
    feed(again, log((1, b"one")))
    assert again.anchored


def test_lines_that_stdout_and_stderr_write_out_of_order_come_once() -> None:
    lines = [(4, b"a"), (6, b"b"), (5, b"c"), (7, b"d")]
    cursor = Cursor()
    text = feed(Cutter(cursor), log(*lines[:3])).text
    text += (taken := feed(Cutter(cursor), log(*since(cursor, lines)))).text
    assert (text, taken.gap) == (b"a\nb\nc\nd\n", None)


@pytest.mark.parametrize(("text", "expected"), [(b"an ERROR", b"an ERROR\n"), (b"an ERRAND", b"")])
def test_a_line_in_which_the_stream_breaks_is_searched_as_a_whole(text: bytes, expected: bytes) -> None:
    cursor, grep = Cursor(), re.compile(b"ERROR")
    assert feed(Cutter(cursor, grep=grep), log((0, b"an ERR"), ended=False), whole=False).text == b""
    assert feed(Cutter(cursor, grep=grep), log((0, text))).text == expected


TEXTS = st.one_of(
    st.binary(max_size=8).map(lambda b: b.replace(b"\n", b"")),
    st.sampled_from([b"", b"x", b"same", EXECUTOR, b"long " * 50]),
)


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.tuples(st.integers(0, 2), TEXTS), max_size=12),
    st.lists(st.floats(0, 1), max_size=4),
    st.sampled_from([1, 7, 100, 4096]),
    st.booleans(),
    st.sampled_from([None, re.compile(b"^lo|x|e$")]),
)
def test_however_often_it_breaks_each_byte_comes_once_and_in_order(
    steps: list[tuple[int, bytes]], breaks: list[float], size: int, ended: bool, grep: re.Pattern[bytes] | None
) -> None:
    lines_module._HOLD = 160  # a long line is a short one here
    tick, lines = 0, []
    for step, text in steps:
        lines.append((tick := tick + step, text))
    whole = feed(Cutter(Cursor(), grep=grep), log(*lines, ended=ended or not lines))
    cursor = Cursor()
    total = Taken()
    for share in [*breaks, None]:
        data = log(*since(cursor, lines), ended=ended or not lines)
        cut = len(data) if share is None else int(len(data) * share)
        taken = feed(Cutter(cursor, grep=grep), data[:cut], size, whole=share is None)
        assert taken.gap is None and not taken.complaint
        total.text += taken.text
        total.lines += taken.lines
        total.executor_lines += taken.executor_lines
    assert dataclasses.asdict(total) == dataclasses.asdict(whole)


def test_the_last_lines_are_given_at_the_end_and_not_if_the_stream_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = log(*((number, b"line %d" % number) for number in range(30)))
    cursor = Cursor()
    broken = LastLinesCutter(cursor, 2)
    assert (broken.feed(lines), broken.give_up(), cursor) == (Taken(), Taken(), Cursor())
    assert feed(LastLinesCutter(cursor, 2), lines, 50) == Taken(b"line 28\nline 29\n", lines=2)
    assert cursor.stamp == stamp(29).decode()
    assert feed(LastLinesCutter(Cursor(), 2), lines[:-1]).text == b"line 28\nline 29"
    monkeypatch.setattr(lines_module, "LAST_BYTES", 20)
    assert feed(LastLinesCutter(Cursor(), 5), lines, 10).text == b"line 28\nline 29\n"


def test_last_lines_of_any_length_fit_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    cutter = LastLinesCutter(Cursor(), 1)
    cutter.feed(stamp(0) + b" begin")
    for _piece in range(200):
        cutter.feed(b"x" * 65536)
        assert len(cutter._held) <= 2 * LAST_BYTES
    assert cutter.finish(True).text == b"x" * len(cutter._held)
