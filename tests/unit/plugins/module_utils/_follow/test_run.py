# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of a run follows its events, and says what is wrong with it in a sentence that names the cause."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._argo.items import items_of, summary_of
from ansible_collections.argo.workflows.plugins.module_utils._argo.pods import trim
from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import DONE_PHASES, INSTANCE_ID_LABEL
from ansible_collections.argo.workflows.plugins.module_utils._follow.diagnosis import STUCK, UNTOUCHED, Surroundings
from ansible_collections.argo.workflows.plugins.module_utils._follow.run import Run, belongs_to
from ansible_collections.argo.workflows.tests.support import recordings


def replay(name: str, *, workflow_events: int | None = None, pod_events: int | None = None) -> Run:
    """A run after the first events of a recording."""
    workflows = recordings.workflow_events(name)[:workflow_events]
    run = Run(workflows[0]["metadata"], 0.0)
    for workflow in workflows:
        run.see_metadata(workflow["metadata"], 0.0)
        run.see_workflow(workflow, 0.0)
    for event in recordings.pod_events(name)[:pod_events]:
        run.see_pod(trim(event["object"]), 0.0, deleted=event["type"] == "DELETED")
    return run


def kinds(run: Run, now: float = 0.0, around: Surroundings | None = None) -> dict[str, str]:
    return {found.kind: found.message for found in run.diagnoses(now, around)}


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


@pytest.mark.parametrize("name", recordings.NAMES)
def test_nothing_is_wrong_with_a_run_that_has_succeeded(name: str) -> None:
    run = replay(name)
    if run.phase == "Succeeded":
        assert set(kinds(run, now=1000.0)) <= {"lost"}


def test_a_pod_that_fits_nowhere_is_told_with_what_the_nodes_have() -> None:
    run = replay("fanout-unschedulable", workflow_events=2, pod_events=2)
    found = kinds(run, around=Surroundings(allocatable={"nvidia.com/gpu": "8"}))
    assert found["unschedulable"].startswith("1 pod cannot be scheduled: 0/1 nodes are available: 1 Insufficient")
    assert "Each asks for nvidia.com/gpu: " in found["unschedulable"]
    assert found["unschedulable"].endswith("; no node has more than 8.")


def test_what_the_nodes_have_is_left_out_where_it_may_not_be_read() -> None:
    run = replay("fanout-unschedulable", workflow_events=2, pod_events=2)
    assert "no node has more" not in kinds(run)["unschedulable"]


def test_an_image_that_cannot_be_pulled_is_told_by_its_name() -> None:
    events = recordings.pod_events("fanout-bad-image")
    waiting = next(n for n, event in enumerate(events) if "ImagePullBackOff" in json.dumps(event))
    run = replay("fanout-bad-image", workflow_events=2, pod_events=waiting + 1)
    image = recordings.pods("fanout-bad-image")[0]["spec"]["containers"][-1]["image"]
    assert kinds(run)["image"].startswith("1 pod cannot start: the image ")
    assert image.rpartition("/")[2] in kinds(run)["image"]


def test_pods_that_cannot_start_for_the_same_reason_are_told_together_whatever_their_containers_ids() -> None:
    run = replay("fanout-ok", workflow_events=1, pod_events=0)
    for number, pod in enumerate(recordings.pods("fanout-ok")):
        message = f'failed to generate container "{number:064x}" spec: no such file'
        state = {"waiting": {"reason": "CreateContainerError", "message": message}}
        status = {"phase": "Pending", "containerStatuses": [{"name": "main", "state": state}]}
        run.see_pod(trim(pod | {"status": status}), 5.0)
    why = "CreateContainerError: failed to generate container spec: no such file"
    assert kinds(run)["start"] == f"{len(run.pods)} pods cannot start: container main: {why}"
    assert {item.message for item in run.items()} == {why}


def test_a_diagnosis_keeps_the_time_it_was_first_made_whatever_its_words() -> None:
    run = replay("fanout-unschedulable", workflow_events=2, pod_events=2)
    run.diagnoses(10.0)
    pod = recordings.pod_events("fanout-unschedulable")[0]["object"]
    unschedulable = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/7 nodes …"}
    run.see_pod(trim(pod | {"status": {"phase": "Pending", "conditions": [unschedulable]}}), 20.0)
    assert "0/7 nodes" in kinds(run, 20.0)["unschedulable"], "the scheduler counts the nodes anew"
    assert {found.since for found in run.diagnoses(70.0)} == {10.0}


def test_a_pod_that_was_deleted_while_it_waited_waits_no_more() -> None:
    run = replay("fanout-unschedulable", workflow_events=2, pod_events=2)
    for pod in list(run.pods.values()):
        run.see_pod(pod, 20.0, deleted=True)
    assert set(kinds(run)) == {"lost"}


def test_a_deleted_pod_did_not_fail_but_went_away() -> None:
    found = kinds(replay("fanout-pod-deleted"))
    assert "did not fail but went away: the pod was deleted" in found["lost"]


def test_a_pod_that_argo_deleted_to_end_its_node_did_not_go_away() -> None:
    run = replay("fanout-unschedulable")
    assert [node["message"] for node in run.nodes.values() if node["type"] == "Pod"] == [
        "workflow shutdown with strategy:  Terminate"
    ]
    assert not kinds(run)


@pytest.mark.parametrize(
    ("status", "why"),
    [
        ({"phase": "Failed", "reason": "Evicted", "message": "low on memory"}, "Evicted: low on memory"),
        (
            {
                "phase": "Failed",
                "conditions": [
                    {"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler", "message": "by x"}
                ],
            },
            "PreemptionByScheduler: by x",
        ),
    ],
)
def test_a_node_that_took_the_pod_away_is_told_apart_from_a_failure(status: dict[str, Any], why: str) -> None:
    run = Run(recordings.workflow("fanout-ok")["metadata"], 0.0)
    run.see_pod(trim(recordings.pods("fanout-ok")[0] | {"status": status}), 0.0)
    assert kinds(run)["lost"] == f"1 pod did not fail but went away: {why}"


def test_forbidden_results_are_told_with_the_right_that_is_missing() -> None:
    run = replay("fanout-ok")
    node = next(iter(run.nodes.values()))
    message = 'workflowtaskresults.argoproj.io is forbidden: User "x" cannot create resource'
    run.nodes = {node["id"]: {**node, "phase": "Error", "message": message}}
    assert "create and patch on workflowtaskresults.argoproj.io" in kinds(run)["forbidden"]


def test_quota_is_told() -> None:
    run = replay("fanout-ok", workflow_events=2, pod_events=0)
    message = 'pods "x" is forbidden: exceeded quota: gpus, requested: requests.nvidia.com/gpu=1'
    run.nodes = {key: {**node, "phase": "Pending", "message": message} for key, node in run.nodes.items()}
    assert "exceeded quota: gpus" in kinds(run)["quota"]


def test_an_image_whose_command_cannot_be_looked_up_is_told() -> None:
    run = replay("fanout-ok", workflow_events=2, pod_events=0)
    message = (
        'failed to look-up entrypoint/cmd for image "x", you must either explicitly specify the command, or list …'
    )
    run.nodes = {key: {**node, "phase": "Pending", "message": message} for key, node in run.nodes.items()}
    assert kinds(run)["image"] == f"no pod can be made: {message}"


def test_a_controller_that_hangs_is_told_after_a_while_and_not_before() -> None:
    run = replay("fanout-ok", workflow_events=3)
    assert kinds(run, STUCK - 1) == {}
    assert "all 3 pods have ended, but the Workflow is still Running" in kinds(run, STUCK)["stuck"]


@pytest.mark.parametrize(
    ("kind", "held"),
    [
        ("Retry", {"phase": "Running", "message": "Backoff for 4 minutes"}),
        ("Pod", {"phase": "Pending", "synchronizationStatus": {"waiting": "argo/Mutex/gpu"}}),
        ("Pod", {"phase": "Pending", "message": 'pods "x" is forbidden: exceeded quota: gpus'}),
    ],
)
def test_a_run_that_the_controller_holds_back_is_not_stuck(kind: str, held: dict[str, Any]) -> None:
    run = replay("fanout-ok", workflow_events=3)
    node = next(node for node in run.nodes.values() if node["type"] == kind)
    run.nodes = {**run.nodes, node["id"]: {**node, **held}}
    assert "stuck" not in kinds(run, STUCK)


@pytest.mark.parametrize(
    ("label", "around", "why"),
    [
        ("", Surroundings(), "is a workflow-controller running that watches the namespace argo?"),
        ("", Surroundings(controllers=[], instance_id=""), "no workflow-controller runs in the namespace argo"),
        (
            "",
            Surroundings(controllers=["c"], instance_id="blue"),
            "it is made for no instance ID, and the controller of the namespace argo has the instance ID 'blue'; "
            "submit it with the right instance_id",
        ),
        ("red", Surroundings(), "no controller with the instance ID 'red' watches the namespace argo"),
    ],
)
def test_a_workflow_that_nobody_takes_up_is_told_why(label: str, around: Surroundings, why: str) -> None:
    metadata = recordings.workflow_events("fanout-ok")[0]["metadata"]
    run = Run(metadata | {"labels": {INSTANCE_ID_LABEL: label} if label else {}}, 0.0)
    assert kinds(run, UNTOUCHED - 1, around) == {}
    assert kinds(run, UNTOUCHED, around)["controller"] == f"no controller has taken it up for 15 s: {why}"


def test_a_pod_of_an_earlier_workflow_of_the_same_name_is_none_of_this_run() -> None:
    pod = recordings.pods("fanout-ok")[0]
    metadata = recordings.workflow("fanout-ok")["metadata"]
    assert belongs_to(pod, Run(metadata, 0.0))
    assert not belongs_to(pod, Run(metadata | {"uid": "another"}, 0.0))


def test_that_a_pod_is_gone_of_which_only_the_labels_are_known_says_nothing_new() -> None:
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
