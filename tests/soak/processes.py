# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The processes of the plays, and what they hold."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

MODULE = "AnsiballZ_workflow_wait.py"


@dataclass
class Held:
    """What one process had at most, over `samples` looks at it."""

    samples: int = 0
    threads: int = 0
    files: int = 0


@dataclass
class Processes:
    """All processes that have the TMPDIR of the plays; `waits` are the modules workflow_wait among them, by id."""

    temporary: Path
    waits: dict[int, Held] = field(default_factory=dict)

    def alive(self) -> Iterator[tuple[int, list[str]]]:
        """Their ids and command lines."""
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                ours = f"TMPDIR={self.temporary}".encode() in (folder / "environ").read_bytes().split(b"\0")
                if ours and int(folder.name) != os.getpid():
                    yield int(folder.name), (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
            except OSError:  # it has ended in the meantime
                continue

    def look(self) -> None:
        """See what the waits have at this moment."""
        for pid, command in self.alive():
            if len(command) < 2 or not command[1].endswith(MODULE):
                continue
            folder = Path("/proc", str(pid))
            try:
                files = len(list((folder / "fd").iterdir()))
                threads = len(list((folder / "task").iterdir()))
            except OSError:
                continue
            held = self.waits.setdefault(pid, Held())
            held.samples += 1
            held.threads, held.files = max(held.threads, threads), max(held.files, files)
