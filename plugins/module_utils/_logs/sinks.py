# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the lines of logs go besides their own files. Private to the collection."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from ansible_collections.argo.workflows.plugins.module_utils._logs.folder import MERGED, Log

LONGEST_LINE = 512 * 1024
"""Bytes of a line that are held until its end comes; files of single logs hold none, so there lines have any length."""


class Printer:
    """Turns the pieces of many logs into whole lines, for a file or for the screen.

    A line of more than LONGEST_LINE bytes is passed on as several.
    """

    def __init__(self, write: Callable[[Log, list[bytes]], None]) -> None:
        self._write = write
        self._rest: dict[tuple[str, str], bytearray] = {}

    def __call__(self, log: Log, text: bytes) -> None:
        """Pass the whole lines on; the beginning of a line waits for its end."""
        key = (log.uid, log.container)
        rest = self._rest.setdefault(key, bytearray())
        rest += text
        if b"\n" in text or len(rest) > LONGEST_LINE:
            *lines, last = bytes(rest).split(b"\n")
            if len(last) > LONGEST_LINE:
                lines.append(last)
                last = b""
            self._rest[key] = bytearray(last)
            self._write(log, lines)

    def finish(self, logs: Iterable[Log]) -> None:
        """Pass on the lines that have no end; a log whose last line cannot be written is not complete."""
        for log in logs:
            if rest := self._rest.pop((log.uid, log.container), b""):
                try:
                    self._write(log, [bytes(rest)])
                except OSError as error:
                    log.reason = log.why_incomplete or f"its last line could not be written: {error.strerror or error}"


class MergedFiles:
    """All logs of a run in one file, each line behind its item's name, in the order in which they came."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = threading.Lock()

    def write(self, log: Log, lines: list[bytes]) -> None:
        prefix = f"{log.display_name}: ".encode()
        path = self._directory / log.workflow / MERGED
        with self._lock:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("ab") as file:
                file.write(b"".join(prefix + line + b"\n" for line in lines))
