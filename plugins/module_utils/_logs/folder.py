# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that logs are written to, and the index that says what is in them. Private to the collection.

    LOGS_DIR/WORKFLOW/INDEX-SLUG/ATTEMPT-CONTAINER.log
    LOGS_DIR/WORKFLOW/INDEX-SLUG.STEP/…             of an item that has steps of its own
    LOGS_DIR/WORKFLOW/index.json
    LOGS_DIR/WORKFLOW/merged.log                    if asked for
    LOGS_DIR/WORKFLOW/.lock                         held by the process that writes there

The index also holds where each log was left, so that a second wait for the same run goes on there.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from ansible_collections.argo.workflows.plugins.module_utils._argo.names import NodeName, fnv1a32
from ansible_collections.argo.workflows.plugins.module_utils._logs.executor import is_executors
from ansible_collections.argo.workflows.plugins.module_utils._logs.files import (
    APPEND,
    READ,
    WRITE,
    open_own,
    remove_own,
    replace_own,
)
from ansible_collections.argo.workflows.plugins.module_utils._logs.lines import Cursor, Taken

INDEX = "index.json"
MERGED = "merged.log"
BEGINNING, END = "its beginning", "its end"
"""Edges of gaps that have no timestamp."""
LONGEST_LAST_LINE = 1024 * 1024
"""Bytes at the end of a log in which its last line has to begin, to be found."""
LONGEST_RESULT = 64 * 1024
"""Characters of a last line that are returned; a result of a thousand items has to fit into memory."""
_TAIL = 4096
"""Bytes of the end of a log that a result may have."""


@dataclasses.dataclass(slots=True, eq=False)
class Log:
    """The log of one container of one pod, and how much of it has been read."""

    workflow: str
    pod: str
    uid: str
    """The pod's uid: a pod may be replaced by another one of the same name."""
    container: str
    item_name: str
    """The full node name of its item, the same for all attempts."""
    display_name: str
    """The prefix of its lines, as in `echo(0:Argo)(0)`."""
    path: Path | None
    """Where its file is, or would be; None if it is only shown."""
    cursor: Cursor = dataclasses.field(default_factory=Cursor)
    size: int = 0
    """Bytes, as in its file."""
    lines: int = 0
    executor_lines: int = 0
    """Lines of Argo's executor that were left out."""
    gaps: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    """Timestamps between which the kubelet has rotated lines away, each pair after and before the missing lines."""
    reason: str = ""
    """Why the log is not complete."""
    archived: bool = False
    """Whether it was not read from the pod, but is the one that Argo has archived."""
    kept: int = 0
    """How much of `received` an earlier wait has left."""
    done: bool = False
    """Nothing more will come, or nothing more will be tried."""
    has_file: bool = False
    """Whether its file was made: a container that never ran has none, nor one whose pod was gone too soon."""
    lock: threading.Lock = dataclasses.field(default_factory=threading.Lock)
    _file: BinaryIO | None = None

    @property
    def received(self) -> int:
        """How much was read of it: bytes of the container and lines of the executor. It only grows."""
        return self.size + self.executor_lines

    @property
    def complete(self) -> bool:
        """Whether everything that the container wrote was read."""
        return self.done and not self.reason and not self.gaps

    @property
    def why_incomplete(self) -> str:
        """Why the log is not complete, in words; empty if it is."""
        if self.reason or self.complete:
            return self.reason
        if self.gaps:
            first, last = self.gaps[0][0], self.gaps[-1][1]
            return f"lines between {first} and {last} were rotated away before they could be read"
        return "not read to its end"

    @property
    def tail(self) -> str:
        """The last lines in its file, or the beginning of the last one if not even that is short."""
        lines = self._end(_TAIL)
        return lines if lines.strip() else self.last_line[:1000]

    @property
    def last_line(self) -> str:
        """The last line in its file that is not empty, nor the executor's own; what is too long says that it is cut.

        A line ends as a terminal has it, so of a progress bar this is what it showed last.
        """
        for length in (_TAIL, LONGEST_LAST_LINE):
            for line in reversed(re.split(r"[\r\n]", self._end(length))):
                if line.strip() and not is_executors(line.encode()):
                    return line if len(line) <= LONGEST_RESULT else f"{line[:LONGEST_RESULT]}… (cut off)"
        return f"(longer than {LONGEST_LAST_LINE:,} bytes)" if self.size > LONGEST_LAST_LINE else ""

    def _end(self, length: int) -> str:
        """The lines that begin in the last `length` bytes of its file."""
        if not self.path or not self.has_file:
            return ""
        try:
            with open_own(self.path, self.root, READ) as file:
                start = file.seek(max(0, self.size - length))
                text = file.read(length)
        except OSError:
            return ""
        return (text.partition(b"\n")[2] if start else text).decode(errors="replace")

    @property
    def root(self) -> Path:
        """LOGS_DIR, where its file is in a folder of its item in the folder of its Workflow."""
        return self.path.parents[2] if self.path else Path()

    def open(self) -> None:
        """Open the file for more, at the place that the cursor stands for. OSError if it cannot be gone on with."""
        if self.path and not self._file:
            self._file = open_own(self.path, self.root, APPEND, buffering=0)
            self.has_file = True
            if self._file.tell() < self.size:
                raise OSError("somebody has shortened it")
            self._file.truncate(self.size)

    def take(self, taken: Taken) -> None:
        """Append what a Cutter gave. OSError if the disk is full; then the file is as it was before."""
        if taken.text and self._file:
            rest = memoryview(taken.text)
            try:
                while rest:
                    rest = rest[self._file.write(rest) :]
            except OSError:
                self._file.truncate(self.size)
                raise
        self.size += len(taken.text)
        self.lines += taken.lines
        self.executor_lines += taken.executor_lines
        if taken.gap:
            self.gaps.append(taken.gap)

    def close(self) -> None:
        file, self._file = self._file, None
        if file:
            file.close()

    def end(self, reason: str = "") -> None:
        """Nothing more is tried; `reason` says what is missing, if something is."""
        self.reason = reason or self._damage()
        if self.cursor.executor.beginning_lost and not self.done:
            self.gaps.insert(0, (BEGINNING, self.cursor.first))
        self.done = True
        try:
            self.close()
        except OSError as error:  # a file system on the network says only now what it could not write
            self.reason = self.reason or f"its file could not be written: {error.strerror or error}"

    def _damage(self) -> str:
        """What somebody else has done to the file that is being written; empty if nothing."""
        if not self.path or not self._file:
            return ""
        ours = os.fstat(self._file.fileno())
        try:
            there = self.path.lstat()
        except OSError as error:
            return f"its file is not there any more: {error.strerror or error}"
        if (ours.st_dev, ours.st_ino) != (there.st_dev, there.st_ino):
            return "its file was replaced by another one"
        return "" if ours.st_size == self.size else "somebody else has written to its file"

    def spoil(self, why: str) -> None:
        """The log, which is at its end, is not complete because of `why`, besides what is known already."""
        self.reason = f"{self.why_incomplete}; {why}" if self.why_incomplete else why

    def replace(self, file: Path | None, size: int, lines: int) -> None:
        """Take the archived log instead of what was read: `file`, which becomes the log's. OSError if it cannot."""
        if file and self.path:
            replace_own(file, self.path, self.root)
            self.has_file = True
        self.cursor, self.gaps = Cursor(), []
        self.size, self.lines, self.executor_lines = size, lines, 0
        self.archived = True
        self.end()

    def as_dict(self) -> dict[str, Any]:
        """The log as modules return it and as the index keeps it."""
        return {
            "pod": self.pod,
            "container": self.container,
            "path": str(self.path) if self.has_file else None,
            "bytes": self.size,
            "lines": self.lines,
            "executor_lines": self.executor_lines,
            "complete": self.complete,
            "archived": self.archived,
            "reason": self.why_incomplete,
            "gaps": [{"after": after, "before": before} for after, before in self.gaps],
        }


class LogFolder:
    """The folder of one run's logs; without a `directory` nothing is written.

    `selection` says in words which lines are kept, if not all. Another selection, or another run of the same name,
    begins anew.
    """

    def __init__(self, directory: Path | None, workflow: str, namespace: str, uid: str, selection: str = "") -> None:
        self.path = directory and directory / workflow
        self._root = directory or Path()
        self.workflow = workflow
        self._head = {"workflow": workflow, "namespace": namespace, "uid": uid, "selection": selection}
        self._logs: dict[tuple[str, str], Log] = {}
        self._owners: dict[Path, str] = {}
        self._kept: dict[tuple[str, str], dict[str, Any]] = {}
        self.kept_of: dict[str, list[tuple[str, str]]] = {}
        """By the name of a pod, the uid and container of each log of it that is in the folder from an earlier wait."""
        self._saved = 0
        if self.path and not self._read_index(self.path / INDEX):
            with contextlib.suppress(OSError):  # it cannot be written either, and that is said
                remove_own(self.path / MERGED, self._root)

    def _read_index(self, index: Path) -> bool:
        """Whether there is an index, and it can be gone on with."""
        try:
            with open_own(index, self._root, READ) as file:
                content = json.loads(file.read())
            if any(content.get(key) != value for key, value in self._head.items()):
                return False
            for entry in content["logs"]:
                key = (entry["uid"], entry["container"])
                _take_up(Log("", "", "", "", "", "", None), entry)  # whatever is not as it should be shows now
                self._kept[key] = entry
                self.kept_of.setdefault(entry["pod"], []).append(key)
                if entry["file"]:
                    path = index.parent / entry["file"]
                    self._owners[path.parent] = entry["item_name"]
                    self._owners[path] = f"{entry['uid']}/{entry['container']}"
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            self._kept.clear()  # none, not ours, or damaged: begin again
            self.kept_of.clear()
            return False
        return True

    def log(self, pod: str, uid: str, container: str, name: NodeName) -> Log:
        """The log of a container, always the same one, taken up where an earlier wait left it."""
        key = (uid, container)
        if key not in self._logs:
            path = self._choose_path(self.path, uid, container, name) if self.path else None
            log = Log(self.workflow, pod, uid, container, name.item_name, name.display_name, path)
            kept = self._kept.get(key)
            log.has_file = bool(kept and kept["file"] and path and path.exists())
            on_disk = path.stat().st_size if path and log.has_file else 0
            if kept and on_disk >= kept["bytes"]:
                _take_up(log, kept)
                log.done = kept["complete"] and on_disk == log.size
            self._logs[key] = log
        return self._logs[key]

    @property
    def logs(self) -> list[Log]:
        return list(self._logs.values())

    def _choose_path(self, root: Path, uid: str, container: str, name: NodeName) -> Path:
        """A file of its own: two items never share a folder, nor two containers a file."""
        items = [f"{index}-{slug(text)}" for _step, index, text in name.around]
        own = slug(name.step) if name.index is None else f"{name.index}-{slug(name.text or '')}"
        plain = ".".join([*items, own, *([slug(name.hook)] if name.hook else [])])[:200]
        names = [plain, f"{plain}-{slug(name.step)}", f"{plain}-{fnv1a32(name.item_name)}"]
        folder = self._claim([root / candidate for candidate in names], name.item_name)
        file, owner = f"{name.attempt or 0}-{slug(container)}", f"{uid}/{container}"
        return self._claim([folder / f"{file}.log", folder / f"{file}-{fnv1a32(owner)}.log"], owner)

    def _claim(self, candidates: list[Path], owner: str) -> Path:
        for path in candidates:
            if self._owners.setdefault(path, owner) == owner:
                return path
        return candidates[-1]

    def save(self) -> None:
        """Write the index, in one step, if anything has changed; logs of an earlier wait stay in it. OSError if not."""
        if not self.path or not self._logs:
            return
        state = hash(tuple((log.size, log.executor_lines, log.why_incomplete) for log in self._logs.values()))
        if state == self._saved:
            return
        seen = {(log.pod, log.container) for log in self._logs.values()}
        entries = {
            key: entry
            for key, entry in self._kept.items()
            if entry["bytes"] or entry["complete"] or (entry["pod"], entry["container"]) not in seen
        } | {key: self._entry(log) for key, log in self._logs.items()}
        # A line for each log: json's own indentation takes ten times as long.
        lines = ",\n".join(json.dumps(entry) for entry in entries.values())
        text = f'{json.dumps(self._head)[:-1]}, "logs": [\n{lines}\n]}}'
        temporary = self.path / f".{INDEX}.{os.getpid()}"
        with open_own(temporary, self._root, WRITE) as file:
            file.write(f"{text}\n".encode())
        replace_own(temporary, self.path / INDEX, self._root)
        self._saved = state

    def _entry(self, log: Log) -> dict[str, Any]:
        with log.lock:
            file = log.path.relative_to(self.path).as_posix() if log.path and self.path and log.has_file else None
            return {
                "file": file,
                "node": log.display_name,
                "item_name": log.item_name,
                "uid": log.uid,
                **log.as_dict(),
                "cursor": log.cursor.as_dict(),
            }


def _take_up(log: Log, kept: Mapping[str, Any]) -> None:
    """Go on where an earlier wait has left a log; KeyError, TypeError or ValueError if its entry is not one of ours."""
    log.cursor = Cursor.from_dict(kept["cursor"])
    log.size, log.lines, log.executor_lines = (int(kept[key]) for key in ("bytes", "lines", "executor_lines"))
    log.gaps = [(gap["after"], gap["before"]) for gap in kept["gaps"]]
    log.kept = log.received
    log.archived, log.done = kept["archived"], kept["complete"]


def slug(text: str) -> str:
    """A short name that is safe in every path: letters, digits, dots, dashes and underscores, never hidden."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.")[:40].rstrip("-.") or "item"
