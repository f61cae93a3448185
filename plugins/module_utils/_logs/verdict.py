# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a log is complete. Private to the collection. Pure; everything that decides it is in this file.

That a stream ends does not make a log complete: the API server closes it properly, too, when it has lost the kubelet,
and the kubelet, when it has rotated the log under a reader that lags behind. So a log is read again from its last line
on, and is complete when nothing new comes, unless its end is known from what was read:

- The executor says that the container's process has exited, and ends itself milliseconds later if it has no outputs
  to save. The kubelet reads a log from its front to its back, so all that stands before these words has come with
  them. Behind them stands only what was still in a pipe then, as the rest of a line without an end, and follows at
  once: so these words prove nothing where the stream ends inside a line, and elsewhere the kubelet would have to be
  lost in these milliseconds.
- A short log that is read after the container's end comes in one piece.

What nobody can see are the lines that the kubelet leaves out of a stream that lags behind by two rotations (20 MB).
"""

from __future__ import annotations

import dataclasses
import enum

from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError
from ansible_collections.argo.workflows.plugins.module_utils._logs.lines import Cursor

NEWS_LAG = 1.0
"""Seconds that the news of a container's end may come after the end of its stream, before it is followed again."""
EXIT_NEWS_LAG = 10.0
"""The same if the executor has said that the process has exited: then it is not likely to have more to say."""
ONE_PIECE = (256 * 1024, 1.0)
"""Bytes and seconds up to which a log that is read after the container's end comes in one piece."""
STUBBORN = 4
"""How often a log is asked for that the kubelet cannot read, or in which the last known line does not come."""
DELETED = "the pod was deleted before its log was read to its end"


class Verdict(enum.Enum):
    """What the end of a stream means for its log."""

    DONE = "the log is complete"
    AGAIN = "what came may be cut off: another reading has to bring nothing new"
    INSIST = "the kubelet could not read it, or the last known line did not come: that may pass"
    GIVE_UP = "that has not passed"
    FOLLOW = "the container still runs, and its stream was cut off"
    STILL_RUNS = "the container still runs, and nobody wants to stay with it"


@dataclasses.dataclass(frozen=True, slots=True)
class Reading:
    """One stream of a container's log that has come to its end, and what was known by then."""

    followed: bool
    """Whether the stream was to stay with the container to its end."""
    ended: bool
    """Whether the container is known to have ended."""
    known: int
    """How much of the log earlier streams had brought, in bytes of the container and lines of the executor."""
    came: int
    """How much this one has brought."""
    seconds: float
    """How long it took."""
    attempts: int
    """How many streams in a row, before this one, have left the log where it was."""
    sound: bool
    """Whether the kubelet could read the log, and the last known line came again."""
    at_line_end: bool
    """Whether the stream ended with the end of a line."""
    settled: bool
    """Whether the executor has said that the process has exited, and has nothing to save."""

    @property
    def repeats(self) -> bool:
        """Whether the log was read once more, and nothing new came."""
        return not self.followed and not self.came and bool(self.known or self.attempts)

    @property
    def end_is_known(self) -> bool:
        """Whether what came tells that nothing stands behind it."""
        size, seconds = ONE_PIECE
        in_one_piece = not self.followed and 0 < self.came <= size and self.seconds < seconds
        return self.at_line_end and (self.settled or in_one_piece)


def verdict(reading: Reading) -> Verdict:
    """What a stream's end means; the first case that fits counts."""
    match reading:
        case Reading(followed=True, ended=False):
            return Verdict.FOLLOW
        case Reading(sound=False, attempts=attempts):
            return Verdict.INSIST if attempts + 1 < STUBBORN else Verdict.GIVE_UP
        case Reading(ended=False):
            return Verdict.STILL_RUNS
        case Reading(repeats=True) | Reading(end_is_known=True):
            return Verdict.DONE
        case _:
            return Verdict.AGAIN


def news_lag(cursor: Cursor) -> float:
    """Seconds to wait, after the end of a followed stream, for the news that its container has ended, too."""
    return EXIT_NEWS_LAG if cursor.executor.exited else NEWS_LAG


def loss_with_pod(cursor: Cursor) -> str:
    """Why a log that was read up to `cursor` is not complete when its pod is deleted; empty if it is."""
    return "" if cursor.executor.settled and cursor.ended else DELETED


def why_hopeless(error: ApiError, pod: str, *, ended: bool, admitted: bool) -> str:
    """Why a log whose request was refused will never come; empty if another try may help.

    `ended` is whether its container has ended, `admitted` whether any log could be opened so far: a 403 after that
    comes from an API server that has just started.
    """
    match error.status:
        case 404 if f'pods "{pod}" not found' in error.message:
            # Only the API server says so; the 404 of a kubelet that has just started means that it knows no pod yet.
            return DELETED
        case 403 if not admitted:
            return f"forbidden: {error.message}"
        case 400 if ended or "waiting to start" not in error.message:
            return error.message
        case _:
            return ""


def why_failed(error: Exception) -> str:
    """What an error that nobody expected means for a file; its text may hold what nobody shall read."""
    if isinstance(error, OSError):
        return f"could not be written: {error.strerror or error}"
    return f"was not finished ({type(error).__name__}); this is a bug of the module"
