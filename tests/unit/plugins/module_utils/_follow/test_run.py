# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of a run follows its events."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._argo.items import items_of, summary_of
from ansible_collections.argo.workflows.plugins.module_utils._argo.pods import trim
from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import DONE_PHASES
from ansible_collections.argo.workflows.plugins.module_utils._follow.run import Run, belongs_to
from ansible_collections.argo.workflows.tests.support import recordings
from ansible_collections.argo.workflows.tests.support.runs import replay


@pytest.mark.parametrize("name", recordings.NAMES)
def test_trimmed_pods_tell_the_same_as_whole_ones(name: str) -> None:
    workflow, pods = recordings.workflow(name), recordings.pods(name)
    assert items_of(workflow, {}, map(trim, pods)) == items_of(workflow, {}, pods)


def test_a_trimmed_pod_is_small() -> None:
    pod = recordings.pods("fanout-ok")[0]
    assert len(json.dumps(trim(pod))) < len(json.dumps(pod)) / 8


@pytest.mark.parametrize("name", recordings.NAMES)
def test_the_phase_is_known_from_the_metadata_alone(name: str) -> None:
    for workflow in recordings.workflow_events(name):
        run = Run(workflow["metadata"], 0.0)
        assert run.phase == workflow.get("status", {}).get("phase", "Pending")
        assert run.done == (run.phase in DONE_PHASES)


def test_an_end_that_only_the_watch_has_told_is_the_phase_of_the_run_and_of_its_summary() -> None:
    running, ended = (recordings.workflow_events("fanout-one-fails")[place] for place in (1, -1))
    run = Run(running["metadata"], 0.0)
    run.see_workflow(running, 0.0)
    run.see_metadata(ended["metadata"], 1.0)
    run.see_metadata({"name": run.name, "uid": run.uid}, 2.0, deleted=True)
    summary = summary_of(run.workflow, run.current_nodes())
    assert (run.phase, summary["phase"], summary["status"]) == ("Failed", "Failed", "Failed")
    assert run.done and not run.read_to_end


def test_an_older_reading_does_not_take_an_end_back() -> None:
    running, ended = (recordings.workflow_events("fanout-ok")[place] for place in (1, -1))
    run = Run(running["metadata"], 0.0)
    run.see_metadata(ended["metadata"], 1.0)
    run.see_workflow(running, 2.0)
    assert (run.phase, run.done, run.read_to_end) == ("Succeeded", True, False)


def test_a_pod_of_an_earlier_workflow_of_the_same_name_is_none_of_this_run() -> None:
    pod = recordings.pods("fanout-ok")[0]
    metadata = recordings.workflow("fanout-ok")["metadata"]
    assert belongs_to(pod, Run(metadata, 0.0))
    assert not belongs_to(pod, Run(metadata | {"uid": "another"}, 0.0))


def test_a_deletion_that_brings_only_the_labels_of_a_pod_changes_nothing_known_of_it() -> None:
    run = replay("fanout-ok")
    before = dict(run.pods)
    run.see_pod({"metadata": {"name": "p", "uid": "foreign", "labels": {}}}, 0.0, deleted=True)
    assert run.pods == before and not run.lost


@pytest.mark.parametrize("seen", [0, -1])
def test_a_pod_that_went_unseen_is_settled_only_if_its_end_was_seen(seen: int) -> None:
    uid = recordings.pods("fanout-ok")[0]["metadata"]["uid"]
    events = [
        event["object"] for event in recordings.pod_events("fanout-ok") if event["object"]["metadata"]["uid"] == uid
    ]
    run = replay("fanout-ok", pod_events=0)
    run.see_pod(trim(events[seen]), 0.0)
    run.see_pod({"metadata": {"name": events[0]["metadata"]["name"], "uid": uid}}, 1.0, deleted=True)
    unsettled = {attempt.pod for attempt, _containers in run.unsettled()}
    assert (events[0]["metadata"]["name"] in unsettled) == (seen == 0)
    assert not run.at_work() and not run.lost, "Argo's podGC may have removed it"


def test_a_workflow_that_was_replaced_counts_as_deleted() -> None:
    metadata = recordings.workflow("fanout-ok")["metadata"]
    run = Run(metadata, 0.0)
    run.see_metadata(metadata | {"uid": "another"}, 1.0)
    assert run.deleted


def test_offloaded_nodes_are_said_to_be_unreadable_and_pods_fill_in() -> None:
    run = replay("fanout-ok")
    workflow = recordings.workflow("fanout-ok")
    status = {key: value for key, value in workflow["status"].items() if key != "nodes"}
    run.nodes = {}
    run.see_workflow({**workflow, "status": status | {"offloadNodeStatusVersion": "v1"}}, 0.0)
    assert "only the Argo Server can read them" in run.nodes_error
    assert [item.display_name for item in run.items()] == ["echo(0:Argo)", "echo(1:Is)", "echo(2:Awesome)"]


def test_a_pod_that_only_has_the_label_of_a_run_is_not_its_own() -> None:
    run = replay("fanout-ok", workflow_events=1, pod_events=0)
    metadata = {"name": "p", "labels": {"workflows.argoproj.io/workflow": run.name}}
    owner = {"kind": "Workflow", "uid": run.uid}
    assert belongs_to({"metadata": metadata | {"ownerReferences": [owner]}}, run)
    assert not belongs_to({"metadata": metadata}, run)
    assert not belongs_to({"metadata": metadata | {"ownerReferences": [owner | {"uid": "another"}]}}, run)


def test_a_spec_that_is_none_is_read_as_empty() -> None:
    run = replay("fanout-ok", workflow_events=2, pod_events=0)
    run.see_workflow({**recordings.workflow_events("fanout-ok")[1], "spec": "oops"}, 0.0)
    assert not run.suspended() and run.items() is not None


@pytest.mark.parametrize("phase", [{}, [], 7, None])
def test_a_phase_that_is_none_is_none(phase: Any) -> None:
    run = replay("fanout-ok", workflow_events=1, pod_events=0)
    run.see_workflow({**recordings.workflow_events("fanout-ok")[0], "status": {"phase": phase}}, 0.0)
    assert run.phase == "Pending" and not run.done and not run.read_to_end


def agents_pod(run: Run, phase: str = "Running") -> dict[str, Any]:
    owner = {"kind": "Workflow", "uid": run.uid}
    metadata = {"name": f"{run.name}-1340600742-agent", "uid": "agent", "ownerReferences": [owner]}
    return trim({"metadata": metadata, "spec": {"nodeName": "n1"}, "status": {"phase": phase}})


def test_an_agent_is_at_work_for_its_run_and_tells_nothing_of_its_steps() -> None:
    run = replay("fanout-ok", workflow_events=2, pod_events=0)
    run.see_pod(agents_pod(run), 0.0)
    assert run.by_agent() and not run.at_work()
    run.see_pod(agents_pod(run, "Succeeded"), 1.0)
    assert not run.by_agent()
