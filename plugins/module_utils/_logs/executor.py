# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines that Argo's executor adds to the logs of containers. Private to the collection. Pure.

It writes them as the controller was told to (`--log-format`, `--loglevel`): as `time=… level=INFO msg=…`, or as JSON.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator

_MESSAGES = (
    "waiting for signals",
    "inotify unavailable; falling back to polling. "
    "Consider raising fs.inotify.max_user_instances / fs.inotify.max_user_watches",
    "received signal",
    "file signal handler exited",
    "file signal handler exiting due to context cancellation",
    "sub-process exited",
    "capturing logs",
    "saving parameter",
    "cannot save parameter, does not exist",
    "no need to save parameter - on overlapping volume",
    "saving artifact",
    "cannot save artifact",
    "no need to save artifact - on overlapping volume",
    "taring",
    "tarring",
    "zipping",
    "writing",
    "archived files/dirs",
    "archive[zip] files/dirs",
    "main container(s) exited, terminating container",
    "emissary: killing containers",
    "not saving outputs - not main container",
    "waiting for dependency",
    "Reading container args from file",
    "Loaded container args from file",
    "Offloaded large argument to file. Downstream program must support @filename syntax",
    "failed to write exit code",
    "ignore signal",
    "forwarding signal",
    "linked input artifact",
)
"""What the executor of Argo v4.0 and v4.1 (argoexec emissary) says between the lines of the container that it runs."""
_LEVEL = r"level=[A-Za-z]+[+-]?\d*"
_FIELDS = r'(?: [A-Za-z]+=(?:"(?:[^"\\]|\\.)*"|[^ "]*))*'
_ANY_MESSAGE = "|".join(map(re.escape, _MESSAGES))
_LINE = re.compile(
    # One word is not quoted; the order of the fields is random, and argo=true is always among them.
    rf'time=\S+ {_LEVEL} msg="?({_ANY_MESSAGE})"?(?={_FIELDS} argo=true(?: |$)){_FIELDS}'.encode()
)
_ANY_LINE = re.compile(rf"time=\S+ {_LEVEL} msg=.* argo=true(?: .*)?".encode())
_BEGINNINGS = (b"time=", b'{"time":"')
_GLUED = 4
"""At so many places in a line, from its end, a line of the executor is looked for that has no line of its own."""
_LONGEST = 16384
"""Bytes that a line of the executor has at most."""
_ERROR = re.compile(rb"Error: (?:exit status \d+|signal: .*)")
"""What it writes after its last message if the container failed."""
_FIRST_MESSAGE = "waiting for signals"
_LAST_MESSAGE = "sub-process exited"
_NEVER_BEGAN = b"failed to start command"
"""In its last message, which is then the only one: the pod was ended before the container's command ran."""
_SAVING = ("saving ", "taring", "tarring", "zipping")
LAST_WORDS = 20
"""The executor's last lines are about three, and two for each output that it saves."""


@dataclasses.dataclass(frozen=True, slots=True)
class Executor:
    """What the executor of a container has said so far."""

    began: bool = False
    """Whether its first message was seen, or is known never to have been written."""
    exited: bool = False
    """Whether its last message was seen: then the first must have been written, too."""
    saving: bool = False
    """Whether it has saved outputs after that."""

    @property
    def settled(self) -> bool:
        """Whether the container ends milliseconds after its last line, as far as the executor's lines tell."""
        return self.exited and not self.saving

    @property
    def beginning_lost(self) -> bool:
        """Whether the log was rotated before it was read for the first time, as far as the executor's lines tell."""
        return self.exited and not self.began

    def hear(self, line: bytes) -> tuple[bytes, Executor] | None:
        """What of `line`, which has no end of line, is the container's own, and what the executor has said after it.

        None if all of it is the container's own. What stands before the executor's words is a line of the container
        that had no end when they were written.
        """
        if self.exited and _ERROR.fullmatch(line):
            return b"", self
        for start in _beginnings(line):
            message = _message(line[start:])
            if message and not (start and message == _FIRST_MESSAGE):  # before that the container has written nothing
                said = Executor(
                    began=self.began or message == _FIRST_MESSAGE or _NEVER_BEGAN in line[start:],
                    exited=self.exited or message == _LAST_MESSAGE,
                    saving=self.saving or message.startswith(_SAVING),
                )
                return line[:start], said
        return None

    def may_be_in(self, lines: bytes) -> bool:
        """Whether `hear` may find something in these lines; a quick look, as most lines are not the executor's."""
        return self.exited or b" level=" in lines or b',"level":"' in lines

    def may_go_on(self, beginning: bytes) -> bool:
        """Whether a line that begins so may become one in which `hear` finds something."""
        if self.exited and beginning[:6] == b"Error:"[: len(beginning)]:
            return True
        return not beginning or any(
            word in beginning[-_LONGEST:] or any(beginning.endswith(word[:length]) for length in range(1, len(word)))
            for word in _BEGINNINGS
        )


def is_executors(line: bytes) -> bool:
    """Whether a line is the executor's, whatever it says: where it does a template's work itself, it says much."""
    return bool(_ANY_LINE.fullmatch(line)) or _as_json(line) is not None


def _beginnings(line: bytes) -> Iterator[int]:
    """Where in a line one of the executor may begin that goes on to its end."""
    for word in _BEGINNINGS:
        start = len(line)
        for _place in range(_GLUED):
            if (start := line.rfind(word, max(0, len(line) - _LONGEST), start)) < 0:
                break
            yield start


def _message(line: bytes) -> str:
    """What a line of the executor says; empty if it is not one."""
    if match := _LINE.fullmatch(line):
        return match[1].decode()
    message = (_as_json(line) or {}).get("msg")
    return message if message in _MESSAGES else ""


def _as_json(line: bytes) -> dict[str, object] | None:
    """A line of the executor in JSON (slog's JSONHandler); None if it is not one."""
    if not line.startswith(_BEGINNINGS[1]) or b'"argo":true' not in line:
        return None
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return said if said.get("argo") is True and "level" in said and "msg" in said else None
