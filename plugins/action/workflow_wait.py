# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module of the same name and shows its progress meanwhile.

The module writes what happens to a journal, here a named pipe; a thread reads it and prints. Where the module runs on
another machine, or nobody would read the lines, it is just the module.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.plugins.action import ActionBase
from ansible.utils.color import ANSIBLE_COLOR
from ansible.utils.display import Display
from ansible.utils.path import unfrackpath

from ansible_collections.argo.workflows.plugins.module_utils._argo.printable import printable
from ansible_collections.argo.workflows.plugins.module_utils._argo.tree import Line, accented, plain
from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import ODD
from ansible_collections.argo.workflows.plugins.module_utils._follow.events import Event
from ansible_collections.argo.workflows.plugins.module_utils._follow.outcome import Outcome, becoming, fate_of
from ansible_collections.argo.workflows.plugins.plugin_utils.orphans import orphans_end

MACHINE_READABLE = ("json", "jsonl", "minimal", "oneline", "tree", "null", "xml", "junit")
"""Stdout callbacks, by the last part of their name, whose output lines of ours would spoil."""
PAUSE = 0.05

COLOURS = {"Pending": 33, "Running": 36, "Succeeded": 32, "Failed": 31, "Error": 31}
"""How a terminal is told the colour that `argo get` gives the sign of a phase."""


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        with orphans_end():
            return self._wait(dict(self._task.args), task_vars)

    def _wait(self, args: dict[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        if not self._shows(args):
            return self._module(args, task_vars)
        with _pipe(bool(self._connection.become)) as path:
            # A journal that the user asked for gets the events; then they are read from there.
            journal = self._journal(args["journal"]) if args.get("journal") else path
            reader = _Reader(journal, Display(), self._host(task_vars or {}))
            reader.start()
            try:
                with _farewell(args, path.parent, reader):
                    return self._module(args | {"journal": str(journal)}, task_vars)
            finally:
                reader.finish()

    def _host(self, task_vars: dict[str, Any]) -> str:
        """What stands before each line, so that one knows whose it is where several hosts wait at the same time."""
        several = len(task_vars.get("ansible_play_batch") or ()) > 1 and not self._task.run_once
        return f"[{task_vars['inventory_hostname']}] " if several else ""

    def _journal(self, path: str) -> Path:
        """The file as the module itself would find it: `~` is its user's, and it starts in the playbook's folder."""
        if self._connection.become and (path == "~" or path.startswith("~/")):
            path = f"~{self.get_become_option('become_user') or 'root'}{path[1:]}"
        return Path(unfrackpath(path, follow=False, basedir=self._loader.get_basedir()))

    def _module(self, args: dict[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        result: dict[str, Any] = self._execute_module(
            module_name="argo.workflows.workflow_wait",
            module_args=args,
            task_vars=task_vars,
            wrap_async=bool(self._task.async_val),
        )
        return result

    def _shows(self, args: dict[str, Any]) -> bool:
        """Whether somebody watches, and the module runs on this machine, so that its journal can be read here."""
        callback = str(constants.config.get_config_value("DEFAULT_STDOUT_CALLBACK")).rpartition(".")[2]
        return (
            args.get("progress", "tree") in ("tree", "logs")
            and self._connection.transport in ("local", "ansible.builtin.local")
            and not self._task.check_mode
            and not self._task.async_val
            and not self._task.no_log
            and callback not in MACHINE_READABLE
        )


@contextlib.contextmanager
def _farewell(args: dict[str, Any], folder: Path, reader: _Reader) -> Iterator[None]:
    """If somebody interrupts, say what becomes of the run, and remove the pipe's folder.

    Ansible then awaits no results and shows no lines any more, so this goes straight to where its errors go; and it
    ends this process without unwinding it.
    """
    stderr = _parents_stderr()

    def interrupted(number: int, frame: Any) -> None:
        with contextlib.suppress(OSError):  # the folder has gone with the first of two signals
            shutil.rmtree(folder)
            os.write(stderr, _last_words(args, reader.begun).encode())
        before[number](number, frame)

    before: dict[int, Any] = {}
    for number in (int(signal.SIGINT), int(signal.SIGTERM)):
        before[number] = signal.signal(number, interrupted)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(stderr)


def _parents_stderr() -> int:
    """Where the errors of `ansible-playbook` itself go, as a file descriptor."""
    try:
        return os.open(f"/proc/{os.getppid()}/fd/2", os.O_WRONLY | os.O_APPEND | os.O_NOCTTY)
    except OSError:  # not Linux, or not ours to open
        return os.open(os.devnull, os.O_WRONLY)


def _last_words(args: dict[str, Any], begun: bool) -> str:
    """What becomes of the run and of its logs; `begun` is whether the module has begun to wait."""
    name = args.get("name") or args.get("label_selectors") or ""
    names = ", ".join(name) if isinstance(name, list) else name
    # A module that has not begun yet is ended by the same signal, before it can do anything about the run.
    fate = becoming(fate_of(Outcome.INTERRUPTED, args) if begun else "leave", _lease_of(args))
    return (
        f"\nWorkflow {names} {fate.happening}. The logs so far are valid; "
        "argo.workflows.workflow_wait with the same options waits for it again and goes on with them.\n"
    )


def _lease_of(args: dict[str, Any]) -> float:
    """The option lease_seconds, which the module has not checked yet."""
    with contextlib.suppress(TypeError, ValueError):
        return float(args.get("lease_seconds") or 0)
    return 0.0


@contextlib.contextmanager
def _pipe(become: bool) -> Iterator[Path]:
    """A named pipe with a name that cannot be guessed, which another user can write to if the module runs as one."""
    with tempfile.TemporaryDirectory(prefix="argo-workflows-") as folder:
        path = Path(folder) / os.urandom(16).hex()
        os.mkfifo(path, 0o600)
        if become:
            path.chmod(0o622)
            path.parent.chmod(0o711)
        yield path


class _Reader(threading.Thread):
    """Prints the events of a journal as they come, each line behind `prefix`."""

    def __init__(self, path: Path, display: Any, prefix: str) -> None:
        super().__init__(daemon=True)
        self._display = display
        self._prefix = prefix
        self._over = threading.Event()
        self._tree: str | None = None
        self._path = path
        self._file: int | None = None
        self.begun = False
        """Whether the module has written something."""
        self._old = path.stat().st_size if os.access(path, os.R_OK) else 0
        encoding = (sys.__stdout__.encoding if sys.__stdout__ else None) or sys.getfilesystemencoding()
        self._plain = not encoding.lower().replace("-", "").startswith("utf")

    def run(self) -> None:
        rest = b""
        while True:
            over = self._over.is_set()
            if data := self._read():
                self.begun = True
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    with contextlib.suppress(ValueError, RecursionError, *ODD):  # others may write this file, too
                        self._show(json.loads(line))
            elif over:
                break
            else:
                time.sleep(PAUSE)
        if self._file is not None:
            os.close(self._file)

    def _read(self) -> bytes:
        """What is new in the journal; nothing while it is not there, or if this user may not read it."""
        try:
            if self._file is None:
                # Not waiting for a writer: if the module fails before it opens its journal, there will never be one.
                self._file = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK)
                if self._old:
                    os.lseek(self._file, self._old, os.SEEK_SET)
            return os.read(self._file, 65536)
        except OSError:
            return b""

    def finish(self) -> None:
        """Print what is left; the module has ended."""
        self._over.set()
        self.join(timeout=5)

    def _show(self, event: Event) -> None:
        if event["event"] == "tree":
            if self._tree not in (None, event["workflow"]):
                self._print(f"{event['workflow']}:")
            self._tree = event["workflow"]
            self._print(*event["lines"])
        elif event["event"] == "log":
            self._print(*(f"{event['node']}: {line}" for line in event["lines"]))
        elif event["event"] == "note":
            self._print(f"{event['workflow']}: {event['text']}".removeprefix(": "))

    def _print(self, *lines: str | Line) -> None:
        """Show lines without what a terminal would obey: whoever wrote the journal may be another user."""
        for line in lines:
            text = printable(line) if isinstance(line, str) else _coloured(line)
            self._display.display(self._prefix + (plain(text) if self._plain else text))


def _coloured(line: Line) -> str:
    """A line of a tree, the sign of its phase in the colour that `argo get` gives it."""
    line = {**line, "text": printable(line["text"])}
    colour = COLOURS.get(line["phase"]) if ANSIBLE_COLOR else None
    return accented(line, lambda sign: f"\x1b[{colour}m{sign}\x1b[0m") if colour else line["text"]
