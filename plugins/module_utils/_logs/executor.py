# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines that Argo's executor adds to the logs of containers. Private to the collection. Pure."""

from __future__ import annotations

import dataclasses
import re

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
)
"""What Argo v4.1's executor (argoexec emissary) says between the lines of the container that it runs."""
_FIELDS = r'(?: [A-Za-z]+=(?:"(?:[^"\\]|\\.)*"|[^ "]*))*'
_ANY_MESSAGE = "|".join(map(re.escape, _MESSAGES))
_LINE = re.compile(
    # One word is not quoted; the order of the fields is random, and argo=true is always among them.
    rf'time=\S+ level=[A-Za-z]+ msg="?(?:{_ANY_MESSAGE})"?(?={_FIELDS} argo=true(?: |$)){_FIELDS}'.encode()
)
_ERROR = re.compile(rb"Error: (?:exit status \d+|signal: .*)")
"""What it writes after its last message if the container failed."""
_FIRST_MESSAGE = b'msg="waiting for signals"'
_LAST_MESSAGE = b'msg="sub-process exited"'
_NEVER_BEGAN = b"failed to start command"
"""In its last message, which is then the only one: the pod was ended before the container's command ran."""
_SAVING = re.compile(rb'msg="?(?:saving|tarring|zipping)')
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

    def hear(self, line: bytes) -> Executor | None:
        """What it has said after `line`, which has no end of line; None if that is the container's own."""
        if not (_LINE.fullmatch(line) or (self.exited and _ERROR.fullmatch(line))):
            return None
        return Executor(
            began=self.began or _FIRST_MESSAGE in line or _NEVER_BEGAN in line,
            exited=self.exited or _LAST_MESSAGE in line,
            saving=self.saving or bool(_SAVING.search(line)),
        )

    def may_be_in(self, lines: bytes) -> bool:
        """Whether `hear` may find something in these lines; a quick look, as most lines are not the executor's."""
        return self.exited or b" level=" in lines

    def may_go_on(self, beginning: bytes) -> bool:
        """Whether a line that begins so may become one of the executor's."""
        words = (b"time=", b"Error:") if self.exited else (b"time=",)
        return any(beginning[: len(word)] == word[: len(beginning)] for word in words)
