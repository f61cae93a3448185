# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a wait ends, and what becomes of the Workflows that have not ended by then. Private to the collection. Pure."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

FIRST_ANSWER = 5.0
"""Seconds that an interruption waits for the Workflows to be known, which may have to be stopped."""


class Outcome(enum.StrEnum):
    """Why a wait has ended, in the words of the result key `outcome`."""

    FINISHED = "finished"
    """All Workflows have ended."""
    CONDITION = "condition"
    """What was waited for has held for every Workflow that has not ended."""
    TIMEOUT = "timeout"
    GAVE_UP = "gave_up"
    DELETED = "deleted"
    """All have ended, at least one because somebody deleted it."""
    INTERRUPTED = "interrupted"
    SKIPPED = "skipped"
    """Nothing was waited for: check mode."""

    @property
    def why_logs_end(self) -> str:
        """Why the logs of containers that go on are read no further; empty where none goes on."""
        return _WHY_LOGS_END.get(self, "")


_WHY_LOGS_END = {
    Outcome.TIMEOUT: "wait_timeout was over",
    Outcome.INTERRUPTED: "the wait was interrupted",
    Outcome.GAVE_UP: "the wait was given up",
    Outcome.CONDITION: "the condition of the wait held",
}


# --- when a wait ends ---


class Standing(NamedTuple):
    """How one Workflow stands, as far as the end of the wait depends on it."""

    ended: bool = False
    """Nothing more will become of it, and its end is known."""
    vanished: bool = False
    """It was deleted before it had ended."""
    met: bool = False
    """What is waited for holds, or has held."""


class Wait(NamedTuple):
    """How a wait stands."""

    standings: tuple[Standing, ...] = ()
    """Those of the Workflows; empty until they are known."""
    waited: float = 0.0
    timeout: float = 3600.0
    """Both in seconds."""
    interrupted: bool = False
    gave_up: bool = False


def _is_interrupted(wait: Wait) -> bool:
    return wait.interrupted and (bool(wait.standings) or wait.waited >= FIRST_ANSWER)


def _all_ended(wait: Wait) -> bool:
    return bool(wait.standings) and all(standing.ended for standing in wait.standings)


def _is_deleted(wait: Wait) -> bool:
    return _all_ended(wait) and any(standing.vanished for standing in wait.standings)


def _all_ended_or_met(wait: Wait) -> bool:
    return bool(wait.standings) and all(standing.ended or standing.met for standing in wait.standings)


def _is_over(wait: Wait) -> bool:
    return wait.waited >= wait.timeout


ENDS: tuple[tuple[Callable[[Wait], bool], Outcome], ...] = (
    (_is_interrupted, Outcome.INTERRUPTED),
    (_is_deleted, Outcome.DELETED),
    (_all_ended, Outcome.FINISHED),
    (_all_ended_or_met, Outcome.CONDITION),
    (_is_over, Outcome.TIMEOUT),
    (lambda wait: wait.gave_up, Outcome.GAVE_UP),
)
"""The first that holds ends the wait."""


def outcome_of(wait: Wait) -> Outcome | None:
    """How the wait ends now; None while it goes on."""
    return next((outcome for holds, outcome in ENDS if holds(wait)), None)


# --- what becomes of the Workflows ---


class Fate(NamedTuple):
    """What becomes of a Workflow that goes on when the wait has ended."""

    shutdown: str
    """What its `spec.shutdown` is set to; empty if nothing is done about it."""
    happening: str
    happened: str
    """What is said of the Workflow, at once and afterwards: words that follow its name."""


FATES = {
    "leave": Fate("", "goes on", "goes on; wait for it again by its name"),
    "stop": Fate("Stop", "is being stopped", "was stopped"),
    "terminate": Fate("Terminate", "is being terminated", "was terminated"),
}
"""By the values of the options on_timeout and on_interrupt."""


def becoming(fate: str, lease: float = 0) -> Fate:
    """What becomes of a Workflow by a key of FATES, where it lives by a lease of so many seconds (0: by none)."""
    known = FATES.get(fate, FATES["leave"])
    if known.shutdown or not lease:
        return known
    words = f"goes on for {lease:.0f} s (lease_seconds), and is deleted then unless it is waited for again"
    return Fate("", words, words)


_OPTIONS = {
    Outcome.TIMEOUT: "on_timeout",
    Outcome.GAVE_UP: "on_timeout",
    Outcome.INTERRUPTED: "on_interrupt",
}


def fate_of(outcome: Outcome, params: Mapping[str, Any]) -> str:
    """The key in FATES of what becomes of unfinished Workflows, by the options of the module."""
    option = _OPTIONS.get(outcome)
    return str(params.get(option) or "leave") if option else "leave"
