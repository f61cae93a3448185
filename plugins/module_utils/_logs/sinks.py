# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the lines of logs go besides their own files. Private to the collection."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from ansible_collections.argo.workflows.plugins.module_utils._logs.files import APPEND, open_own
from ansible_collections.argo.workflows.plugins.module_utils._logs.folder import MERGED, Log

LONGEST_LINE = 512 * 1024
"""Bytes of a line that are held until its end comes; files of single logs hold none, so there lines have any length."""


Sink = Callable[[Log, list[bytes]], None]
"""Takes a log and new lines of it, without their ends; called from several threads, for each log in order."""


class WholeLines:
    """Turns what is new in many logs into whole lines, and passes them on to `sinks`.

    A line of more than LONGEST_LINE bytes is passed on as several.
    """

    def __init__(self, sinks: Sequence[Sink] = ()) -> None:
        self._sinks = sinks
        self._unfinished: dict[Log, bytearray] = {}
        """The beginnings of lines, which wait for their ends."""

    def feed(self, log: Log, text: bytes) -> None:
        """Pass on the lines that end in `text`, the next bytes of the log. OSError if a sink cannot be written."""
        if not self._sinks:
            return
        rest = self._unfinished.setdefault(log, bytearray())
        rest += text
        if b"\n" in text or len(rest) > LONGEST_LINE:
            *lines, last = bytes(rest).split(b"\n")
            if len(last) > LONGEST_LINE:
                lines.append(last)
                last = b""
            self._unfinished[log] = bytearray(last)
            self._pass_on(log, lines)

    def finish(self) -> None:
        """Pass on the lines that have no end; a log whose last line cannot be written is not complete."""
        for log in list(self._unfinished):
            if rest := self._unfinished.pop(log):
                try:
                    self._pass_on(log, [bytes(rest)])
                except OSError as error:
                    log.spoil(f"its last line could not be written: {error.strerror or error}")

    def _pass_on(self, log: Log, lines: list[bytes]) -> None:
        for sink in self._sinks:
            sink(log, lines)


class MergedFiles:
    """All logs of a run in one file, each line behind its item's name, in the order in which they came."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = threading.Lock()

    def write(self, log: Log, lines: list[bytes]) -> None:
        """Append lines of a log, which is in the same folder. OSError if they cannot be written."""
        prefix = f"{log.display_name}: ".encode()
        path = self._directory / log.workflow / MERGED
        with self._lock, open_own(path, self._directory, APPEND) as file:
            file.write(b"".join(prefix + line + b"\n" for line in lines))
