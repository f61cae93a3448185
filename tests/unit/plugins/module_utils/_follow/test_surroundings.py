# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What surrounds a run is looked up as far as it may be, and nothing odd in it ends a wait."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._argo.panics import Culprit
from ansible_collections.argo.workflows.plugins.module_utils._follow.surroundings import (
    LONGEST_LOOK,
    Crash,
    Surroundings,
    look,
    warnings_of,
)
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import path
from ansible_collections.argo.workflows.tests.support.api import Api, Asked, refusal, silent
from ansible_collections.argo.workflows.tests.support.clock import Clock

CONTROLLER = path("Pod", "argo", "workflow-controller-1")
EVENTS = path("Event", "argo")
BAD = path("Workflow", "argo", "bad")


def event(uid: str, reason: str, message: str, **times: Any) -> dict[str, Any]:
    return {"metadata": {}, "involvedObject": {"uid": uid}, "reason": reason, "message": message, **times}


def test_the_latest_warning_of_a_pod_counts_whichever_api_made_it() -> None:
    events = [
        event("a", "FailedAttachVolume", "Multi-Attach error", lastTimestamp="2026-11-22T10:00:00Z"),
        event("a", "FailedMount", "timed out", series={"lastObservedTime": "2026-11-22T10:02:00.5Z"}),
        event("a", "FailedMount", "earlier", eventTime="2026-11-22T10:01:00Z"),
        event("b", "FailedScheduling", "0/1 nodes", lastTimestamp="2026-11-22T10:00:00Z"),
        {"metadata": {}, "involvedObject": None, "message": None},
    ]
    assert warnings_of(events) == {"a": ("FailedMount", "timed out")}


def test_only_warnings_about_pods_are_asked_for(api: Api) -> None:
    look(api.cluster(), "argo")
    [asked] = api.asked("GET", EVENTS)
    assert asked.query["fieldSelector"] == "involvedObject.kind=Pod,type=Warning"


def test_what_may_not_be_read_is_not_known(api: Api) -> None:
    api.answers = dict.fromkeys(
        map("/api/v1/{}".format, ("nodes", "namespaces/argo/events", "namespaces/argo/pods")), refusal(403, "Forbidden")
    )
    assert look(api.cluster(), "argo") == Surroundings()


def test_a_look_ends_in_time_though_the_api_server_is_silent() -> None:
    """Until it does, nobody asks how the run has ended."""
    clock = Clock()
    api = Api(clock=clock)
    for kind, namespace in (("Node", ""), ("Event", "argo"), ("Pod", "argo")):
        api.answers[path(kind, namespace)] = lambda asked: silent(asked, clock)
    assert look(api.cluster(), "argo") == Surroundings()
    assert clock.now <= LONGEST_LOOK


def crashing(api: Api, *, ready: bool, log: str, there: bool = True) -> None:
    """A controller that was started again three times, with this log of its earlier container."""
    status = {"name": "workflow-controller", "ready": ready, "restartCount": 3, "lastState": {"terminated": {}}}
    api.objects[CONTROLLER] = {
        "metadata": {"name": "workflow-controller-1", "namespace": "argo", "labels": {"app": "workflow-controller"}},
        "status": {"phase": "Running", "containerStatuses": [status]},
    }
    if there:
        api.objects[BAD] = {"metadata": {"name": "bad"}}

    def logs(asked: Asked) -> Any:
        return (200, log.encode()) if asked.query["previous"] == "true" else refusal(400, "BadRequest")

    api.answers[f"{CONTROLLER}/log"] = logs


PANIC = 'panic: unable to calculate an index entry for key "argo/bad" on index "x": json'


@pytest.mark.parametrize("ready", [True, False])
def test_the_workflow_that_ends_the_controller_is_found_in_its_earlier_log(api: Api, ready: bool) -> None:
    crashing(api, ready=ready, log=f"started\n{PANIC}\n\ngoroutine 1\n")
    assert look(api.cluster(), "argo").crash == Crash("workflow-controller-1", 3, Culprit("argo", "bad", PANIC))


def test_a_controller_that_has_recovered_ends_no_more(api: Api) -> None:
    crashing(api, ready=True, log=PANIC, there=False)
    assert look(api.cluster(), "argo").crash is None


def test_a_controller_that_ends_for_another_reason_is_said_to_end(api: Api) -> None:
    crashing(api, ready=False, log="unable to retrieve container logs for containerd://0")
    assert look(api.cluster(), "argo").crash == Crash("workflow-controller-1", 3)
