# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens while a module waits, one JSON object a line, for the action plugin and other programs.

Private to the collection. `events` says what the objects look like.
"""

from __future__ import annotations

import datetime
import fcntl
import json
import os
import select
import stat
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from ansible_collections.argo.workflows.plugins.module_utils._argo.printable import printable

if TYPE_CHECKING:
    from ansible_collections.argo.workflows.plugins.module_utils._argo.tree import Line
    from ansible_collections.argo.workflows.plugins.module_utils._follow.events import Event
    from ansible_collections.argo.workflows.plugins.module_utils._follow.outcome import Outcome
    from ansible_collections.argo.workflows.plugins.module_utils._logs.folder import Log

LINES_A_SECOND = 500
"""Log lines that are shown in a second; nobody reads faster, and the files have them all."""
PATIENCE = 1.0
"""Seconds that a wait stands still because nobody reads, as when the screen is paused; then events are left out."""
LOCK_GAP = 0.01
"""Seconds between two tries to have a file alone that other waits write, too."""


class Journal:
    """Writes events to a file or a named pipe; without a path, nowhere. Safe to share between threads."""

    def __init__(self, path: str | None) -> None:
        self._lock = threading.Lock()
        self._file: BinaryIO | None = None
        if path:
            self._file = Path(path).open("ab", buffering=0)  # noqa: SIM115 - it stays open while the module waits
        self._rest = memoryview(b"")
        """What is still to be written of an event; while there is something, further events are left out."""
        self._spoken = time.monotonic()
        self._missed = 0
        self._second = 0
        self._shown = 0
        self._left_out = 0

    def __bool__(self) -> bool:
        return self._file is not None

    @property
    def silence(self) -> float:
        """Seconds since the last event."""
        return time.monotonic() - self._spoken

    # --- the events ---

    def begin(self) -> None:
        """From now on an interruption is noticed."""
        self._write({"event": "begin"})

    def tree(self, workflow: str, lines: list[Line]) -> None:
        """Write the lines of a tree that have changed."""
        self._write({"event": "tree", "workflow": workflow, "lines": lines})

    def note(self, text: str, workflow: str = "") -> None:
        """Write a sentence about a Workflow, or about the wait."""
        self._write(_note(text, workflow))

    def log(self, log: Log, lines: Sequence[bytes]) -> None:
        """Write lines of a log, as many as somebody could read."""
        with self._lock:
            second, left_out = int(time.monotonic()), 0
            if second != self._second:
                self._second, self._shown = second, 0
                left_out, self._left_out = self._left_out, 0
            shown = lines[: LINES_A_SECOND - self._shown]
            self._shown += len(shown)
            self._left_out += len(lines) - len(shown)
        self._say_left_out(left_out)
        if shown:
            text = [_last_state(line).decode(errors="replace") for line in shown]
            self._write(
                {
                    "event": "log",
                    "workflow": log.workflow,
                    "node": log.display_name,
                    "container": log.container,
                    "lines": text,
                }
            )

    def end(self, outcome: Outcome) -> None:
        """Write the last event."""
        self._say_left_out(self._left_out)
        self._write({"event": "end", "outcome": outcome})

    def _say_left_out(self, lines: int) -> None:
        if lines:
            self.note(f"{lines:,} lines of logs were not shown: they came too fast")

    # --- writing ---

    def _write(self, event: Event) -> None:
        """Write one event, if there is room for it; a reader that has gone away ends the journal, not the wait."""
        with self._lock:
            self._spoken = time.monotonic()
            self._flush(0)
            if not self._file:
                return
            if self._rest:
                self._missed += 1
                return
            text = b""
            if self._missed:
                text = _line(_note(f"{self._missed:,} events were not shown: nobody read them"))
            self._missed = 0
            self._rest = memoryview(text + _line(event))
            self._flush(PATIENCE)

    def _flush(self, patience: float) -> None:
        """Write what is to be written, as far as there is room, or comes some within `patience` seconds."""
        if not (self._file and self._rest):
            return
        deadline = time.monotonic() + patience
        try:
            if stat.S_ISREG(os.fstat(self._file.fileno()).st_mode):
                self._append(self._file, deadline)
            else:
                self._feed(self._file, deadline)
        except OSError:
            self._file = None

    def _append(self, file: BinaryIO, deadline: float) -> None:
        """Write to a file at once, so that the lines of several waits that share it stay whole."""
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    return
                time.sleep(LOCK_GAP)
        try:
            while self._rest:
                self._rest = self._rest[file.write(self._rest) :]
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)

    def _feed(self, file: BinaryIO, deadline: float) -> None:
        """Write to a pipe in pieces that never block where there is room."""
        room = select.poll()
        room.register(file, select.POLLOUT)
        while self._rest and room.poll(max(0.0, deadline - time.monotonic()) * 1000):
            self._rest = self._rest[file.write(self._rest[: select.PIPE_BUF]) :]

    def close(self) -> None:
        with self._lock:
            self._flush(PATIENCE)
            if self._file:
                self._file.close()
                self._file = None


def _last_state(line: bytes) -> bytes:
    """What a terminal would show in the end of a line that was written over and over, as progress bars are."""
    return line.rstrip(b"\r").rpartition(b"\r")[2]


def _note(text: str, workflow: str = "") -> Event:
    return {"event": "note", "workflow": workflow, "text": text}


def _line(event: Event) -> bytes:
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps({"time": now, **_printable(event)}, ensure_ascii=False).encode(errors="replace") + b"\n"


def _printable(value: Any) -> Any:
    """An event, or a part of it, of which a terminal may be shown every text."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, Mapping):
        return {key: _printable(part) for key, part in value.items()}
    return [_printable(part) for part in value] if isinstance(value, list) else value
