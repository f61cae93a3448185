# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Workflow is read seldom, and whenever it alone can tell what nobody else does."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._argo.pods import trim
from ansible_collections.argo.workflows.plugins.module_utils._follow.readings import (
    CONDITION_GAP,
    READ_GAP,
    Readings,
    next_gap,
)
from ansible_collections.argo.workflows.plugins.module_utils._follow.run import Run
from ansible_collections.argo.workflows.tests.support import recordings


def test_a_workflow_is_seldom_read_while_its_pods_tell_what_goes_on() -> None:
    """In ten minutes: at once, and after 1, 5, 21, 85 and 341 seconds. `argo wait` and `argo logs` read as often."""
    gap, when, at_work = 0.0, 0.0, []
    while when < 600:
        at_work.append(when)
        gap = next_gap(gap, at_work=True)
        when += gap
    assert at_work == [0, 1, 5, 21, 85, 341]
    assert next_gap(gap, at_work=False) == READ_GAP, "then nobody else tells of a suspended step"


def running(*, at_work: bool = True) -> Run:
    """A run of which a pod is at work, or of which all have ended."""
    first, last = (recordings.pod_events("fanout-ok")[place]["object"] for place in (0, -1))
    metadata = recordings.workflow_events("fanout-ok")[1]["metadata"]
    run = Run(metadata, 0)
    run.see_metadata(metadata, 0)
    run.see_pod(trim(first if at_work else last), 0)
    return run


@pytest.mark.parametrize(
    ("readings", "now", "due"),
    [
        ({}, 0.0, True),
        ({"under_way": True}, 0.0, False),
        ({"asked": 0.0, "gap": 300.0}, READ_GAP, False),
        ({"asked": 0.0, "gap": 300.0}, 300.0, True),
        ({"asked": 0.0, "gap": 1.0}, 0.9, False),
        ({"asked": 0.0, "gap": 1.0}, 1.0, True),
    ],
)
def test_a_workflow_whose_pods_are_at_work_is_read_once_its_gap_is_over(
    readings: dict[str, Any], now: float, due: bool
) -> None:
    assert Readings(**readings).is_due(running(), now) is due


def test_a_workflow_without_pods_at_work_is_read_soon_again() -> None:
    assert Readings(asked=0, gap=300).is_due(running(at_work=False), READ_GAP)


def test_a_workflow_that_is_waited_for_to_meet_a_condition_is_read_sooner() -> None:
    assert not Readings(asked=0, gap=300).is_due(running(), CONDITION_GAP)
    assert Readings(asked=0, gap=300).is_due(running(), CONDITION_GAP, for_condition=True)


def test_a_workflow_that_has_not_changed_is_not_read_again() -> None:
    run, readings = running(), Readings(asked=0, gap=1)
    readings.came(run.version)
    assert not readings.is_due(run, 1000)


def test_a_workflow_that_no_controller_has_touched_is_read_once() -> None:
    metadata = recordings.workflow_events("fanout-ok")[0]["metadata"]
    run, readings = Run({**metadata, "labels": {}}, 0), Readings()
    run.see_metadata({**metadata, "labels": {}}, 0)
    assert readings.is_due(run, 0)
    readings.ask(run, 0)
    readings.came("")
    assert not readings.is_due(run, 1000)


def test_a_workflow_that_has_ended_is_read_until_its_end_was_read() -> None:
    workflow = recordings.workflow("fanout-ok")
    run, readings = running(), Readings(asked=0, gap=300, version="old")
    run.see_metadata(workflow["metadata"], 1)
    assert readings.is_due(run, 0.1), "it has changed since"
    readings.ask(run, 0.1)
    assert not readings.is_due(run, 5), "it is being read"
    readings.came(run.version)
    assert (readings.is_due(run, 1.0), readings.is_due(run, 1.1)) == (False, True), "the answer was an older one"
    run.see_workflow(workflow, 2)
    assert not readings.is_due(run, 1000)


def test_a_reading_that_failed_is_made_again_and_a_deleted_workflow_is_not_read() -> None:
    run, readings = running(), Readings()
    readings.ask(run, 0)
    readings.failed()
    assert readings.is_due(run, 1)
    run.deleted = True
    assert not readings.is_due(run, 1)


def test_a_workflow_whose_agent_is_at_work_is_read_as_it_changes() -> None:
    run = running(at_work=False)
    agent = {"metadata": {"name": "agent", "uid": "agent"}, "spec": {"nodeName": "n"}, "status": {"phase": "Running"}}
    run.see_pod(trim(agent), 0)
    readings = Readings(asked=0, gap=READ_GAP)
    assert (readings.is_due(run, CONDITION_GAP - 0.1), readings.is_due(run, CONDITION_GAP)) == (False, True)
