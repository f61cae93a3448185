# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a run is said in a sentence that names the cause."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._argo.panics import Culprit
from ansible_collections.argo.workflows.plugins.module_utils._argo.pods import trim
from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import INSTANCE_ID_LABEL
from ansible_collections.argo.workflows.plugins.module_utils._follow.diagnosis import (
    DIAGNOSES,
    PREPARED,
    STUCK,
    UNCLAIMED,
    UNTOUCHED,
    Diagnosis,
    diagnose,
    is_puzzling,
    lasting,
    unsaid,
)
from ansible_collections.argo.workflows.plugins.module_utils._follow.run import Run
from ansible_collections.argo.workflows.plugins.module_utils._follow.surroundings import Crash, Surroundings
from ansible_collections.argo.workflows.tests.support import recordings
from ansible_collections.argo.workflows.tests.support.runs import replay


def kinds(run: Run, now: float = 0.0, around: Surroundings | None = None) -> dict[str, str]:
    return {found.kind: found.message for found in diagnose(run, now, around)}


@pytest.mark.parametrize("name", recordings.NAMES)
def test_a_run_that_has_succeeded_has_no_diagnosis(name: str) -> None:
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


def test_a_run_that_has_ended_waits_for_no_image_and_no_node() -> None:
    for name, events in (("fanout-bad-image", 6), ("fanout-unschedulable", 2)):
        run = replay(name, workflow_events=2, pod_events=events)
        assert kinds(run), name
        run.see_metadata(recordings.workflow(name)["metadata"], 1.0)
        assert not kinds(run, 1.0), name


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
    first = diagnose(run, 10.0)
    pod = recordings.pod_events("fanout-unschedulable")[0]["object"]
    unschedulable = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/7 nodes …"}
    run.see_pod(trim(pod | {"status": {"phase": "Pending", "conditions": [unschedulable]}}), 20.0)
    assert "0/7 nodes" in kinds(run, 20.0)["unschedulable"], "the scheduler counts the nodes anew"
    assert {found.since for found in diagnose(run, 70.0, before=first)} == {10.0}


def test_a_pod_that_was_deleted_while_it_waited_waits_no_more() -> None:
    run = replay("fanout-unschedulable", workflow_events=2, pod_events=2)
    for pod in list(run.pods.values()):
        run.see_pod(pod, 20.0, deleted=True)
    assert set(kinds(run)) == {"lost"}


def test_a_deleted_pod_did_not_fail_but_went_away() -> None:
    found = kinds(replay("fanout-pod-deleted"))
    assert found["lost"] == "1 pod did not fail but went away, of echo(0:victim)(0): the pod was deleted"


def test_of_many_pods_that_went_away_the_first_are_named() -> None:
    run = replay("fanout-pod-deleted")
    node = next(node for node in run.nodes.values() if node.get("message") == "pod deleted")
    names = [f"{run.name}[0].train({index}:x)(0)" for index in range(7)]
    run.nodes = {name: {**node, "name": name} for name in names}
    run.lost = {}
    assert "7 pods did not fail but went away, of train(0:x)(0), train(1:x)(0), " in kinds(run)["lost"]
    assert "train(4:x)(0) and 2 more: the pod was deleted" in kinds(run)["lost"]


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
    assert kinds(run)["lost"] == f"1 pod did not fail but went away, of echo(0:Argo)(0): {why}"


def test_forbidden_results_are_told_with_the_right_that_is_missing() -> None:
    run = replay("fanout-ok")
    node = next(iter(run.nodes.values()))
    message = 'workflowtaskresults.argoproj.io is forbidden: User "x" cannot create resource'
    run.nodes = {node["id"]: {**node, "phase": "Error", "message": message}}
    assert "create and patch on workflowtaskresults.argoproj.io" in kinds(run)["forbidden"]


def test_a_used_up_quota_is_a_diagnosis() -> None:
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


def test_a_wait_can_be_given_up_on_every_diagnosis_but_lost_pods() -> None:
    assert DIAGNOSES == (
        "unschedulable",
        "image",
        "start",
        "quota",
        "queued",
        "forbidden",
        "controller",
        "stuck",
    )


def diagnosis(kind: str, message: str = "", since: float = 0.0) -> Diagnosis:
    return Diagnosis(kind, message, since)


def test_a_diagnosis_is_said_once_while_its_kind_lasts_though_it_counts_the_seconds() -> None:
    image, stuck = diagnosis("image", "x"), diagnosis("stuck", "for 60 s")
    assert unsaid([image, stuck], []) == [image, stuck]
    assert unsaid([image, diagnosis("stuck", "for 61 s")], [stuck]) == [image]


@pytest.mark.parametrize(
    ("kind", "now", "queue_moved", "gives_up"),
    [
        ("image", 299.0, -1.0, False),
        ("image", 300.0, -1.0, True),
        ("image", 300.0, 299.0, True),
        ("unschedulable", 300.0, -1.0, True),
        ("unschedulable", 300.0, 1.0, False),
        ("quota", 301.0, 1.0, True),
        ("stuck", 1000.0, -1.0, False),
    ],
)
def test_a_wait_is_given_up_on_what_lasts_long_enough_and_a_queue_that_moves_begins_anew(
    kind: str, now: float, queue_moved: float, gives_up: bool
) -> None:
    kinds_to_give_up_on = frozenset({"image", "unschedulable", "quota"})
    assert bool(lasting([diagnosis(kind)], now, kinds_to_give_up_on, 300, queue_moved)) is gives_up


# --- pods that wait without a word of their own ---


def waiting_run(count: int = 1, spec: dict[str, Any] | None = None, **status: Any) -> Run:
    """A run with pods that wait: on no node unless `spec` has one."""
    run = replay("fanout-ok", workflow_events=1, pod_events=0)
    for pod in recordings.pods("fanout-ok")[:count]:
        waits = {"phase": "Pending", "conditions": [], "containerStatuses": []} | status
        spec_of_pod = {**pod["spec"], "nodeName": ""} | (spec or {})
        run.see_pod(trim(pod | {"spec": spec_of_pod, "status": waits}), 0.0)
    return run


def warned(run: Run, reason: str, message: str) -> Surroundings:
    return Surroundings(warnings=dict.fromkeys(run.pods, (reason, message)))


CREATING = [
    {"name": "main", "state": {"waiting": {"reason": "PodInitializing"}}},
    {"name": "wait", "state": {"waiting": {"reason": "ContainerCreating"}}},
]


@pytest.mark.parametrize("statuses", [CREATING, []])
def test_a_pod_whose_volume_cannot_be_mounted_is_told_in_the_kubelets_words(statuses: list[Any]) -> None:
    run = waiting_run(2, {"nodeName": "n1"}, containerStatuses=statuses)
    why = 'MountVolume.SetUp failed for volume "cfg": references non-existent config key: no-such-key'
    around = warned(run, "FailedMount", why)
    assert kinds(run, PREPARED - 1, around) == {}, "a mount may need a moment"
    assert kinds(run, PREPARED, around) == {"start": f"2 pods cannot start: FailedMount: {why}"}
    assert is_puzzling(run, (), PREPARED) and not is_puzzling(run, (), PREPARED - 1)


def test_a_pod_of_which_something_runs_is_not_held_back_by_what_the_kubelet_said_before() -> None:
    begun = [{"name": "init", "state": {"running": {"startedAt": "2026-11-22T15:45:17Z"}}}]
    run = waiting_run(1, {"nodeName": "n1"}, initContainerStatuses=begun, containerStatuses=CREATING)
    assert kinds(run, PREPARED, warned(run, "FailedMount", "at first")) == {}


def test_a_node_that_is_slow_without_a_warning_is_no_diagnosis() -> None:
    run = waiting_run(1, {"nodeName": "n1"}, containerStatuses=CREATING)
    assert kinds(run, 1000.0, Surroundings(warnings={})) == {}


def test_a_pod_behind_a_scheduling_gate_is_told_with_the_gate() -> None:
    gates = {"schedulingGates": [{"name": "kueue.x-k8s.io/admission"}]}
    condition = {"type": "PodScheduled", "status": "False", "reason": "SchedulingGated", "message": "non-empty gates"}
    run = waiting_run(2, gates, conditions=[condition])
    why = "cannot be scheduled until the scheduling gate is removed, as queues do it: kueue.x-k8s.io/admission"
    assert kinds(run, 1000.0) == {"unschedulable": f"2 pods {why}"}
    assert {item.message for item in run.items()} == {"SchedulingGated: non-empty gates"}


def test_a_scheduler_that_is_not_there_is_told_by_its_name_after_a_while() -> None:
    run = waiting_run(1, {"schedulerName": "volcano"})
    assert kinds(run, UNCLAIMED - 1) == {}
    why = "no scheduler called volcano has taken 1 pod up: is it installed and running?"
    assert kinds(run, UNCLAIMED) == {"unschedulable": why}


def test_a_second_cause_of_the_same_kind_is_said_too() -> None:
    gated, unclaimed = Diagnosis("unschedulable", "a gate", 0.0, "gated"), Diagnosis("unschedulable", "b", 0.0, "other")
    assert unsaid([gated, unclaimed], [gated]) == [unclaimed]


# --- a controller that ends over and over ---

CRASH = Crash("workflow-controller-1", 7, Culprit("trial", "bad", "panic: … key trial/bad …"))
WHY_IT_ENDS = (
    "the controller workflow-controller-1 ends over and over (7 restarts) because of the Workflow bad in the namespace "
    "trial: panic: … key trial/bad …. All Workflows go on when it is deleted: kubectl -n trial delete workflow bad"
)


def test_a_workflow_that_ends_the_controller_of_all_is_named_with_what_to_do() -> None:
    metadata = recordings.workflow_events("fanout-ok")[0]["metadata"]
    found = kinds(Run(metadata | {"labels": {}}, 0.0), UNTOUCHED, Surroundings(crash=CRASH))
    assert found["controller"] == f"no controller has taken it up for 15 s: {WHY_IT_ENDS}"


def test_a_controller_that_crashes_under_a_run_is_told_too() -> None:
    run = replay("fanout-ok", workflow_events=3)
    assert kinds(run, 0.0, Surroundings(crash=CRASH))["controller"] == WHY_IT_ENDS


# --- queues of the controller ---


@pytest.mark.parametrize(
    "message",
    [
        "Workflow processing has been postponed because too many workflows are already running",
        "Waiting for trial/Mutex/gpu lock. Lock status: 0/1",
    ],
)
def test_a_workflow_that_the_controller_has_not_begun_with_is_told_in_its_words(message: str) -> None:
    run = replay("fanout-ok", workflow_events=1, pod_events=0)
    run.see_workflow({**run.workflow, "status": {"phase": "Pending", "message": message}}, 0.0)
    assert kinds(run) == {"queued": f"the controller has not begun with it: {message}"}


def test_steps_that_wait_for_a_lock_are_told_with_the_lock() -> None:
    run = replay("fanout-ok", workflow_events=2, pod_events=0)
    waits = {"phase": "Pending", "synchronizationStatus": {"waiting": "trial/Mutex/gpu"}}
    pods = {key for key, node in run.nodes.items() if node["type"] == "Pod"}
    run.nodes = {key: {**node, **waits} if key in pods else node for key, node in run.nodes.items()}
    steps = "1 step" if len(pods) == 1 else f"{len(pods)} steps"
    assert kinds(run)["queued"] == f"{steps} cannot start before others release the lock trial/Mutex/gpu"


def test_a_run_that_hangs_without_ever_having_had_a_pod_is_stuck_too() -> None:
    run = replay("fanout-ok", workflow_events=2, pod_events=0)
    run.nodes = {run.name: {**run.nodes[run.name], "phase": "Running"}}
    assert kinds(run, STUCK - 1) == {}
    assert kinds(run, STUCK)["stuck"].startswith("no pod runs and no step waits, but the Workflow is still Running")


@pytest.mark.parametrize("kind", ["Pod", "HTTP", "Plugin"])
def test_a_run_with_a_step_under_way_is_not_stuck_though_its_pods_may_not_be_watched(kind: str) -> None:
    run = replay("fanout-ok", workflow_events=2, pod_events=0)
    run.pods_hidden = True
    run.nodes = with_step(run, type=kind, phase="Running")
    assert kinds(run, 10 * STUCK) == {}


def with_step(run: Run, **step: Any) -> dict[str, Any]:
    """The nodes of a run that goes on, with a step besides its root."""
    name = {"id": "s", "name": f"{run.name}[0].s", "displayName": "s"}
    return {run.name: {**run.nodes[run.name], "phase": "Running"}, "s": name | step}


def test_a_run_whose_controller_waits_for_an_output_that_a_memoized_step_does_not_have_is_stuck() -> None:
    """Argo v4.0.5 asks for it again and again where the result that was memoized had none."""
    run = replay("fanout-ok", workflow_events=3)
    hit = {"hit": True, "key": "k", "cacheName": "cache"}
    memoized = with_step(run, type="Pod", phase="Succeeded", taskResultSynced=True, memoizationStatus=hit)
    run.nodes = {**run.nodes, **memoized}
    assert kinds(run, STUCK - 1) == {}
    why = "the controller is down, or waits for a result or an output of a step that never came; its log says which"
    assert kinds(run, STUCK)["stuck"].endswith(f"nothing has changed for {STUCK:.0f} s: {why}")


# --- the agent, the pod for all HTTP and plugin steps ---

AGENT = "the agent, the pod for all HTTP and plugin steps,"
TOKEN = 'MountVolume.SetUp failed for volume "exec-sa-token": secret "argo-workflow.service-account-token" not found'
NO_IMAGE = {"waiting": {"reason": "ErrImagePull", "message": "not found"}}
INITIALIZING = {"waiting": {"reason": "PodInitializing"}}
UNSCHEDULABLE = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes"}


def waiting_agent(node: str = "n1", **status: Any) -> Run:
    """A run with an HTTP step that waits, and its agent, which does not start."""
    run = replay("fanout-ok", workflow_events=2, pod_events=0)
    run.nodes = with_step(run, type="HTTP", phase="Pending")
    agent = {"metadata": {"name": f"{run.name}-1340600742-agent", "uid": "agent"}, "spec": {"nodeName": node}}
    run.see_pod(trim({**agent, "status": {"phase": "Pending", **status}}), 0.0)
    return run


@pytest.mark.parametrize(
    ("node", "status", "kind", "why"),
    [
        (
            "n1",
            {
                "initContainerStatuses": [{"name": "init", "image": "quay.io/argoproj/argoexec:v1", "state": NO_IMAGE}],
                "containerStatuses": [{"name": "main", "image": "", "state": INITIALIZING}],
            },
            "image",
            "cannot start: the image quay.io/argoproj/argoexec:v1 cannot be pulled",
        ),
        ("", {"conditions": [UNSCHEDULABLE]}, "unschedulable", "cannot be scheduled: 0/1 nodes"),
    ],
)
def test_an_agent_that_does_not_start_is_told_with_the_reason(
    node: str, status: dict[str, Any], kind: str, why: str
) -> None:
    assert kinds(waiting_agent(node, **status), 10 * STUCK) == {kind: f"{AGENT} {why}"}


def test_an_agent_whose_secret_is_missing_is_told_with_what_makes_it() -> None:
    run = waiting_agent(initContainerStatuses=[{"name": "init", "state": INITIALIZING}])
    remedy = "(role argo makes it where argo_extra_rights has agent)"
    assert is_puzzling(run, (), PREPARED)
    found = kinds(run, 10 * STUCK, warned(run, "FailedMount", TOKEN))
    assert found == {"start": f"{AGENT} cannot start: FailedMount: {TOKEN} {remedy}"}


@pytest.mark.parametrize("pods", [0, 6])
def test_steps_whose_agent_the_controller_does_not_make_are_told_after_a_while(pods: int) -> None:
    run = replay("fanout-ok", workflow_events=3, pod_events=None if pods else 0)
    run.nodes = with_step(run, type="HTTP", phase="Pending")
    assert kinds(run, STUCK - 1) == {}
    assert kinds(run, STUCK) == {
        "start": "1 HTTP or plugin step cannot start: their agent, a pod that the controller makes, has not been there "
        f"for {STUCK:.0f} s; the log of the workflow-controller says why"
    }


def test_a_step_that_waits_for_a_lock_needs_no_agent_yet() -> None:
    run = replay("fanout-ok", workflow_events=2, pod_events=0)
    lock = {"waiting": "argo/Mutex/gpu"}
    run.nodes = with_step(run, type="HTTP", phase="Pending", synchronizationStatus=lock)
    assert set(kinds(run, STUCK)) == {"queued"}


def test_a_pod_of_which_two_containers_lack_the_same_image_is_counted_once() -> None:
    lacking = [{"name": name, "image": "x", "state": NO_IMAGE} for name in ("main", "sidecar")]
    run = waiting_run(1, {"nodeName": "n1"}, containerStatuses=lacking)
    assert kinds(run)["image"] == "1 pod cannot start: the image x cannot be pulled"


def test_an_agent_that_argo_deletes_at_the_end_did_not_go_away() -> None:
    run = replay("fanout-ok")
    agent = {"metadata": {"name": "agent", "uid": "agent"}, "spec": {"nodeName": "n"}, "status": {"phase": "Running"}}
    run.see_pod(trim(agent), 0.0)
    run.see_pod(trim(agent), 1.0, deleted=True)
    assert run.done and kinds(run) == {}
