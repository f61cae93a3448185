# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines that Argo's executor adds to the logs of containers. Private to the collection. Pure."""

from __future__ import annotations

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
EXECUTOR_LINE = re.compile(
    # One word is not quoted; the order of the fields is random, and argo=true is always among them.
    rf'time=\S+ level=[A-Za-z]+ msg="?(?:{_ANY_MESSAGE})"?(?={_FIELDS} argo=true(?: |$)){_FIELDS}'.encode()
)
EXIT_LINE = re.compile(rb"Error: (?:exit status \d+|signal: .*)")
"""What it writes after its last message if the container failed."""
FIRST_MESSAGE = b'msg="waiting for signals"'
LAST_MESSAGE = b'msg="sub-process exited"'
NEVER_BEGAN = b"failed to start command"
"""In its last message, which is then the only one: the pod was ended before the container's command ran."""
SAVING = re.compile(rb'msg="?(?:saving|tarring|zipping)')
LAST_WORDS = 20
"""The executor's last lines are about three, and two for each output that it saves."""
