# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a wait ends, whatever happens at the same time, and what then becomes of the Workflows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._follow.outcome import (
    FATES,
    FIRST_ANSWER,
    Outcome,
    Standing,
    Wait,
    becoming,
    fate_of,
    outcome_of,
)

ROOT = Path(__file__).parents[5]
GOES_ON, ENDED, MET = Standing(), Standing(ended=True), Standing(met=True)
VANISHED = Standing(ended=True, vanished=True)


@pytest.mark.parametrize(
    ("wait", "outcome"),
    [
        (Wait(), None),
        (Wait(waited=3600), Outcome.TIMEOUT),
        (Wait((GOES_ON,)), None),
        (Wait((GOES_ON, ENDED)), None),
        (Wait((ENDED, ENDED)), Outcome.FINISHED),
        (Wait((ENDED,), waited=4000), Outcome.FINISHED),
        (Wait((ENDED, VANISHED)), Outcome.DELETED),
        (Wait((GOES_ON, VANISHED)), None),
        (Wait((MET,)), Outcome.CONDITION),
        (Wait((MET, ENDED)), Outcome.CONDITION),
        (Wait((MET, GOES_ON)), None),
        (Wait((Standing(ended=True, met=True),)), Outcome.FINISHED),
        (Wait((GOES_ON,), waited=3599.9), None),
        (Wait((GOES_ON,), waited=3600), Outcome.TIMEOUT),
        (Wait((GOES_ON,), waited=3600, gave_up=True), Outcome.TIMEOUT),
        (Wait((GOES_ON,), gave_up=True), Outcome.GAVE_UP),
        (Wait((ENDED,), interrupted=True), Outcome.INTERRUPTED),
        (Wait((GOES_ON,), waited=3600, interrupted=True), Outcome.INTERRUPTED),
    ],
)
def test_the_first_end_that_holds_ends_the_wait(wait: Wait, outcome: Outcome | None) -> None:
    assert outcome_of(wait) is outcome


def test_an_interruption_waits_a_moment_for_the_workflows_that_may_have_to_be_stopped() -> None:
    assert outcome_of(Wait(waited=FIRST_ANSWER - 0.1, interrupted=True)) is None
    assert outcome_of(Wait(waited=FIRST_ANSWER, interrupted=True)) is Outcome.INTERRUPTED


def test_users_get_these_words() -> None:
    assert [*map(str, Outcome)] == ["finished", "condition", "timeout", "gave_up", "deleted", "interrupted", "skipped"]


def test_logs_end_early_only_where_something_may_still_be_written() -> None:
    assert {outcome for outcome in Outcome if not outcome.why_logs_end} == {
        Outcome.FINISHED,
        Outcome.DELETED,
        Outcome.SKIPPED,
    }


@pytest.mark.parametrize(
    ("outcome", "fate"),
    [
        (Outcome.TIMEOUT, "stop"),
        (Outcome.GAVE_UP, "stop"),
        (Outcome.INTERRUPTED, "terminate"),
        (Outcome.FINISHED, "leave"),
        (Outcome.CONDITION, "leave"),
        (Outcome.DELETED, "leave"),
    ],
)
def test_what_becomes_of_a_workflow_that_goes_on_is_an_option_for_each_end_that_leaves_one(
    outcome: Outcome, fate: str
) -> None:
    assert fate_of(outcome, {"on_timeout": "stop", "on_interrupt": "terminate"}) == fate
    assert fate_of(outcome, {}) == "leave"


def test_each_fate_tells_argo_and_people_the_same() -> None:
    assert {name: (fate.shutdown, fate.happening, fate.happened) for name, fate in FATES.items()} == {
        "leave": ("", "goes on", "goes on; wait for it again by its name"),
        "stop": ("Stop", "is being stopped", "was stopped"),
        "terminate": ("Terminate", "is being terminated", "was terminated"),
    }


def test_what_goes_on_under_a_lease_is_told_with_its_time_and_what_ends_by_itself_without() -> None:
    assert becoming("leave", 60).happened.startswith("goes on for 60 s (lease_seconds), and is deleted then")
    assert becoming("leave") == FATES["leave"]
    assert becoming("stop", 60) == FATES["stop"]


def test_the_roles_ask_for_outcomes_that_there_are() -> None:
    files = (ROOT / "roles").rglob("*.yml")
    asked = [word for file in files for word in re.findall(r"\boutcome\b[^'\n]*'(\w+)'", _without_defaults(file))]
    assert asked and set(asked) <= set(Outcome)


def _without_defaults(file: Path) -> str:
    return re.sub(r"default\([^)]*\)", "", file.read_text())
