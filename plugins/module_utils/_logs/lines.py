# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container's log as the kubelet sends it, turned into the bytes that the container wrote. Private to the collection.

Pure: bytes go in, bytes come out. The kubelet puts `2026-11-22T15:45:18.123456789Z ` before each line if it is asked
with `timestamps=true`. A stream may break anywhere and is then asked for again from a whole second on (`sinceTime`
knows nothing finer), so lines come twice: a Cursor remembers the last line that was taken, and a Cutter skips up to
it. If that line does not come again, the kubelet has rotated it away, and what lay between is reported as a gap.

A line of more than 16 KiB is kept by the container runtime in pieces, each with the time at which it was written, and
the kubelet leaves out those from before `sinceTime`: the stream then begins inside a line, without a timestamp.
"""

from __future__ import annotations

import dataclasses
import math
import re
import zlib
from collections.abc import Mapping
from typing import Any, Self

from ansible_collections.argo.workflows.plugins.module_utils._logs.executor import Executor

_STAMP = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)")
_STAMP_BYTES = 40
"""More bytes than a timestamp and a space have."""
_KUBELETS_WORDS = re.compile(
    rb"unable to retrieve container logs|rpc error: |context cancel"
    rb"|failed to (?:try resolving symlinks|open log file|tail -?\d+ lines|seek -?\d+ in|read log file"
    rb"|create fsnotify watcher|watch directory|get parse function)"
)
"""How its complaints begin (pkg/logs/logs.go of k8s.io/cri-client, pkg/kubelet/kuberuntime of Kubernetes)."""
_LONGEST_COMPLAINT = 300
"""Characters of a complaint that are passed on: they may be of a container after all."""
_GREP_BYTES = 4096
"""Bytes of a line that are searched: an ordinary expression may take the square of their number."""
_HOLD = 65536
"""Bytes of an unfinished line that are kept back; a longer line is written piece by piece."""
LAST_BYTES = 2 * 1024 * 1024
"""Bytes of a container's last lines that are held until their end is known, if only the last lines are wanted."""


@dataclasses.dataclass(slots=True)
class Cursor:
    """The last line that was taken from a container's log; a new one stands before the first line."""

    stamp: str = ""
    """Its timestamp, as the kubelet writes it."""
    ordinal: int = 0
    """Which one it is of the lines in a row with this timestamp, from 1."""
    length: int = 0
    """How many of its bytes were taken, timestamp and end of line apart."""
    crc: int = 0
    """The CRC-32 of these bytes: another line with the same timestamp is not taken for it."""
    ended: bool = True
    """Whether its end was seen; if not, the rest of it is still to come."""
    high: str = ""
    """The latest timestamp so far. It differs from `stamp` only where stdout and stderr overtake each other."""
    first: str = ""
    """The timestamp of the first line that was ever read."""
    executor: Executor = dataclasses.field(default_factory=Executor)
    """What the executor has said up to here."""

    @property
    def since(self) -> str | None:
        """The `sinceTime` to ask with: the whole second of the line; None for the whole log."""
        return re.sub(r"\.\d+", "", self.stamp) or None

    def as_dict(self) -> dict[str, Any]:
        """The cursor as JSON has it; `from_dict` takes it back."""
        return {field: getattr(self, field) for field in self.__slots__} | {
            "executor": dataclasses.asdict(self.executor)
        }

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> Self:
        """What `as_dict` gave; KeyError or TypeError if it did not."""
        return cls(**{**kept, "executor": Executor(**kept["executor"])})


@dataclasses.dataclass(slots=True)
class Taken:
    """What a piece of the stream gave."""

    text: bytes = b""
    """The container's own bytes, to be appended to its file."""
    lines: int = 0
    """Lines that ended in `text`."""
    executor_lines: int = 0
    """Lines of Argo's executor that were left out."""
    gap: tuple[str, str] | None = None
    """Timestamps of the last line before and the first line after the lines that are missing."""
    complaint: str = ""
    """Text without a timestamp: the kubelet's own, about why it cannot read the log."""


_Part = tuple[bytes, bytes, bytes]
"""A line as the kubelet sends it: its timestamp, a space, and its text without the end of line."""


class Cutter:
    """Cuts one stream of a container's log; `cursor` is moved on as lines are taken.

    With `stamps` the timestamps stay in the text. With `executor` the lines of Argo's executor stay, too. With `grep`
    only lines are taken in which it is found; of a line that comes in pieces the first one decides. `since` is the
    `sinceTime` that was asked with where the cursor is new.
    """

    def __init__(
        self,
        cursor: Cursor,
        *,
        stamps: bool = False,
        executor: bool = False,
        grep: re.Pattern[bytes] | None = None,
        since: str | None = None,
    ) -> None:
        self.cursor = cursor
        # Where the stream may begin inside a line that began before what was asked for: its rest is left out.
        self._since = (cursor.since or since or "")[:19].encode()
        self._fresh, self._dropping = bool(self._since), False
        self._stamps = stamps
        self._executor = executor
        self._grep = grep
        self.short = False
        """Whether what came is too little, and nothing was taken of it."""
        self._mute = False
        self._rest = b""
        self._searching = bool(cursor.stamp)
        self._run = ("", 0)
        # Inside a line whose beginning has been dealt with already: how many more of its bytes to skip.
        self._inside = False
        self._skip = 0.0

    @property
    def anchored(self) -> bool:
        """Whether the line that the cursor stands on came again, or none had to."""
        return not self._searching

    @property
    def at_line_end(self) -> bool:
        """Whether the stream so far ends with the end of a line."""
        return not self._rest and not self._inside and not self._dropping

    def feed(self, data: bytes) -> Taken:
        """Take the next bytes of the stream."""
        data = self._after_rest_of_line(self._rest + data)
        end = data.rfind(b"\n") + 1
        self._rest = data[end:]
        taken = Taken()
        if end:
            self._take_lines(data[: end - 1], taken)
        if len(self._rest) > _HOLD:
            self._take_piece(taken)
        return taken

    def _after_rest_of_line(self, data: bytes) -> bytes:
        """What comes behind the rest of an earlier line with which a stream may begin."""
        if self._fresh and (len(data) > _STAMP_BYTES or b"\n" in data):
            self._fresh, self._dropping = False, self._is_rest_of_line(data)
        if self._dropping:
            _rest, end, data = data.partition(b"\n")
            self._dropping = not end
        return data

    def _is_rest_of_line(self, beginning: bytes) -> bool:
        """Whether a stream that begins so begins inside a line; the first word of that may look like a timestamp."""
        word = beginning[:_STAMP_BYTES].partition(b" ")[0]
        if _STAMP.fullmatch(word):
            return word[:19] < self._since
        return not _KUBELETS_WORDS.match(beginning)

    def finish(self, whole: bool) -> Taken:
        """Take what came of a line without an end: the stream is over.

        Unless it is known to be `whole`, it is left to the next stream if it may become a line of the executor, or one
        in which `grep` is found.
        """
        taken = Taken()
        stamp, space, text = self._rest.partition(b" ")
        if self._inside or (space and _STAMP.fullmatch(stamp)):
            if self._inside or whole or not self._may_become_another(text):
                self._take_piece(taken)
        elif not self._rest[:4].isdigit() and not (self._fresh and self._is_rest_of_line(self._rest)):
            taken.complaint = _complaint(self._rest)  # it is not the beginning of a timestamp either
        return taken

    def give_up(self) -> Taken:
        """Take what came of a line without an end: the stream broke."""
        return self.finish(False)

    def _may_become_another(self, beginning: bytes) -> bool:
        """Whether only the whole of a line tells if it is wanted."""
        return bool(self._grep) or (not self._executor and self.cursor.executor.may_go_on(beginning))

    # --- whole lines: each stage leaves some of them out ----------------------------------------------------------

    def _take_lines(self, data: bytes, taken: Taken) -> None:
        heard = not self._executor and self.cursor.executor.may_be_in(data)
        lines = data.split(b"\n")
        if self._inside:
            self._take_end_of_line(lines.pop(0), taken)
        parts = self._after_cursor(self._with_stamps(lines, taken), taken)
        if parts:
            self._move(parts)
        if heard:
            parts = self._without_executors(parts, taken)
        if self._grep:
            parts = [part for part in parts if self._is_found(part[2])]
        self._keep(parts, taken)

    def _keep(self, parts: list[_Part], taken: Taken) -> None:
        if parts:
            kept = map(b"".join, parts) if self._stamps else (part[2] for part in parts)
            taken.text += b"\n".join(kept) + b"\n"
            taken.lines += len(parts)

    def _with_stamps(self, lines: list[bytes], taken: Taken) -> list[_Part]:
        """Take lines apart; those without a timestamp are the kubelet's complaint."""
        parts = [line.partition(b" ") for line in lines]
        if all(_STAMP.fullmatch(part[0]) for part in parts):
            return parts
        strange = [b"".join(part) for part in parts if not _STAMP.fullmatch(part[0])]
        taken.complaint = _complaint(b"\n".join(strange))
        return [part for part in parts if _STAMP.fullmatch(part[0])]

    def _after_cursor(self, parts: list[_Part], taken: Taken) -> list[_Part]:
        """The lines that come after the one that the cursor stands on, in a stream that repeats itself."""
        if not self._searching:
            return parts
        known = next((at for at, part in enumerate(parts) if self._is_new(part, taken)), len(parts))
        return parts[known:]

    def _without_executors(self, parts: list[_Part], taken: Taken) -> list[_Part]:
        """The lines that are the container's own.

        One that had no end when the executor wrote has none: all up to it are kept at once, and the rest comes back.
        """
        own: list[_Part] = []
        for stamp, space, text in parts:
            beginning = self._without_words(text, taken)
            if beginning is None:
                own.append((stamp, space, text))
            elif beginning and self._is_found(beginning):
                self._keep([*filter(lambda part: self._is_found(part[2]), own), (stamp, space, beginning)], taken)
                self._take_end_back(taken)
                own = []
        return own

    def _without_words(self, text: bytes, taken: Taken) -> bytes | None:
        """What of a line the container wrote before the executor wrote the rest; None if all of it is its own."""
        heard = None if self._executor else self.cursor.executor.hear(text)
        if heard is None:
            return None
        taken.executor_lines += 1
        own, self.cursor.executor = heard
        return own

    def _take_end_back(self, taken: Taken) -> None:
        """The last line that was kept has no end; behind it another line may stand, unless that has a timestamp."""
        if not self._stamps:
            taken.text = taken.text[:-1]
            taken.lines -= 1

    def _is_found(self, text: bytes) -> bool:
        """Whether a line is one of those that are wanted."""
        return not self._grep or bool(self._grep.search(text, 0, _GREP_BYTES))

    def _move(self, parts: list[_Part]) -> None:
        """Put the cursor on the last of some whole lines."""
        last = parts[-1][0]
        equal = 0
        for part in reversed(parts):
            if part[0] != last:
                break
            equal += 1
        cursor = self.cursor
        cursor.first = cursor.first or parts[0][0].decode()
        if equal == len(parts) and cursor.stamp == last.decode():
            equal += cursor.ordinal
        cursor.stamp, cursor.ordinal = last.decode(), equal
        cursor.length, cursor.crc, cursor.ended = len(parts[-1][2]), zlib.crc32(parts[-1][2]), True
        cursor.high = max(cursor.high, max(part[0] for part in parts).decode())

    # --- pieces of a line ----------------------------------------------------------------------------------------

    def _take_piece(self, taken: Taken) -> None:
        """Take the unfinished line at the end of the stream as far as it has come."""
        piece, self._rest = self._rest, b""
        if not self._inside:
            stamp, space, piece = piece.partition(b" ")
            if not _STAMP.fullmatch(stamp):
                taken.complaint, self._dropping = _complaint(stamp + space + piece), True
                return
            self._inside, self._mute = True, not self._is_found(piece)
            if not self._searching or self._is_new_piece(stamp.decode(), taken):
                self._begin_line(stamp.decode())
                taken.text += stamp + space if self._stamps and not self._mute else b""
        piece = self._advance(piece)
        taken.text += b"" if self._mute else piece

    def _is_new_piece(self, stamp: str, taken: Taken) -> bool:
        """Whether an unfinished line is new, in a stream that repeats itself; if not, `_skip` is set."""
        cursor = self.cursor
        self._count(stamp)
        if self._run == (cursor.stamp, cursor.ordinal):
            self._searching = False
            self._skip = math.inf if cursor.ended else cursor.length
        elif stamp > cursor.high:
            self._report_gap(stamp, taken)
            return True
        else:
            self._skip = math.inf
        return False

    def _begin_line(self, stamp: str) -> None:
        cursor = self.cursor
        cursor.first = cursor.first or stamp
        cursor.ordinal = cursor.ordinal + 1 if cursor.stamp == stamp else 1
        cursor.stamp, cursor.length, cursor.crc, cursor.ended = stamp, 0, 0, False
        cursor.high = max(cursor.high, stamp)

    def _take_end_of_line(self, text: bytes, taken: Taken) -> None:
        text = self._advance(text)
        self._inside = False
        if self._skip:  # the line ended earlier than what was taken of it: it is another one
            self._skip = 0
            return
        self.cursor.ended = True
        if self._mute:
            self._mute = False
            return
        own = self._without_words(text, taken)
        taken.text += (text if own is None else own) + b"\n"
        taken.lines += 1
        if own is not None:
            self._take_end_back(taken)

    def _advance(self, text: bytes) -> bytes:
        """Go on inside a line; returns what of it is new."""
        if self._skip:
            skipped = min(self._skip, len(text))
            self._skip -= skipped
            text = text[int(skipped) :]
        if not self._skip:
            self.cursor.length += len(text)
            self.cursor.crc = zlib.crc32(text, self.cursor.crc)
        return text

    # --- the way back to where the last stream broke -------------------------------------------------------------

    def _is_new(self, part: _Part, taken: Taken) -> bool:
        """Whether a line is new, in a stream that repeats itself; if it was still searching, there is a gap."""
        if not self._searching:
            return True
        cursor = self.cursor
        stamp, text = part[0].decode(), part[2]
        self._count(stamp)
        same_place = self._run == (cursor.stamp, cursor.ordinal)
        fits = len(text) == cursor.length if cursor.ended else len(text) >= cursor.length
        if same_place and fits and zlib.crc32(text[: cursor.length]) == cursor.crc:
            self._searching = False
            if not cursor.ended:
                self._inside, self._skip, self._mute = True, cursor.length, not self._is_found(text)
                self._take_end_of_line(text, taken)
            return False
        if stamp > cursor.high:
            self._report_gap(stamp, taken)
            return True
        return False

    def _count(self, stamp: str) -> None:
        self._run = (stamp, self._run[1] + 1 if self._run[0] == stamp else 1)

    def _report_gap(self, stamp: str, taken: Taken) -> None:
        taken.gap = (self.cursor.stamp, stamp)
        self._searching = False
        if not self.cursor.ended:
            taken.text += b"\n"
            taken.lines += 1
        self.cursor.stamp = ""


def _complaint(text: bytes) -> str:
    return text.decode(errors="replace")[:_LONGEST_COMPLAINT]


class LastLinesCutter(Cutter):
    """Gives only the last `count` lines of a stream, and at most LAST_BYTES of them, when it is over.

    Until then they are held in memory, and the cursor stays; a stream that breaks gives nothing.

    A stream that was asked for with `tailLines` is `cut`. The kubelet counts the pieces of lines then, so the first
    line may lack its beginning, and is left out. If too few are left, the stream is `short` and gives nothing: more is
    to be asked for, until the stream begins with the log, as it does if it has the executor's first message, or begins
    where the one before did (`before` is the first timestamp of that).
    """

    def __init__(
        self, cursor: Cursor, count: int, *, cut: bool = False, before: str | None = None, **options: Any
    ) -> None:
        super().__init__(dataclasses.replace(cursor, first=""), **options)
        self._given = cursor
        self._count_wanted = count
        self._held = bytearray()
        self._executor_lines = 0
        self._shortened = False
        self._cut, self._before = cut, before

    def feed(self, data: bytes) -> Taken:
        """Take the next bytes of the stream; only a complaint comes back."""
        return self._hold(super().feed(data))

    def finish(self, whole: bool) -> Taken:
        """The stream is over: take its last lines, and move the cursor."""
        complaint = self._hold(super().finish(whole)).complaint
        lines = bytes(self._held).split(b"\n")
        cut = self._cut and self.cursor.first != self._before
        if self._shortened or cut:
            lines = lines[1:] or (lines if self._shortened else [])
        wanted = self._count_wanted + (lines[-1:] == [b""])
        if cut and not self._shortened and len(lines) < wanted:
            self.short = True
            return Taken(complaint=complaint)
        text = b"\n".join(lines[-wanted:])
        for field in dataclasses.fields(Cursor):
            setattr(self._given, field.name, getattr(self.cursor, field.name))
        return Taken(text, text.count(b"\n"), self._executor_lines, complaint=complaint)

    def give_up(self) -> Taken:
        """The stream broke: the next one begins anew."""
        return Taken()

    def _move(self, parts: list[_Part]) -> None:
        if not self.cursor.first and (heard := Executor().hear(parts[0][2])) and heard[1].began:
            self._cut = False
        super()._move(parts)

    def _hold(self, taken: Taken) -> Taken:
        self._held += taken.text
        self._executor_lines += taken.executor_lines
        if len(self._held) > 2 * LAST_BYTES:
            del self._held[:-LAST_BYTES]
            self._shortened = True
        return Taken(complaint=taken.complaint)
