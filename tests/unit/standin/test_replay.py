# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in does what a real Argo did: recorded pods and times in, the recorded Workflow out, event by event."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from standin.pods import quantity
from standin.reconcile import reconcile

from ansible_collections.argo.workflows.tests.support.recordings import pod_events, workflow_events

REPLAYED = [
    "fanout-bad-image",
    "fanout-deadline",
    "fanout-empty",
    "fanout-flaky",
    "fanout-map-items",
    "fanout-odd-items",
    "fanout-ok",
    "fanout-one-fails",
    "fanout-parallelism",
    "fanout-pod-deleted",
    "fanout-unschedulable",
    "invalid-entrypoint",
    "suspend-resume",
    "terminated",
]

INFORMER_LAG = {"fanout-odd-items": 8}
"""Resource versions by which the recorded controller's view of its pods was behind."""

Json = dict[str, Any]


@pytest.mark.parametrize("name", REPLAYED)
def test_every_recorded_status_and_pod_is_reproduced(name: str) -> None:
    events = workflow_events(name)
    workflow = events[0]
    created: dict[str, Json] = {}
    for recorded in events[1:]:
        if not written_by_the_controller(workflow, recorded):
            nodes = resumed(workflow["status"]["nodes"], recorded["status"]["nodes"])
            workflow = {**recorded, "status": {**workflow["status"], "nodes": nodes}}
            continue
        pods = pods_before(name, recorded, workflow)
        results = [task_result(node) for node in nodes_of(recorded) if node["id"] in reporting(pods)]
        outcome = reconcile(workflow, pods, results, moment_of(recorded))
        created |= {pod["metadata"]["name"]: pod for pod in outcome.create.values()}
        workflow = outcome.workflow
        assert comparable(workflow) == comparable(recorded)
    assert workflow["metadata"]["labels"]["workflows.argoproj.io/completed"] == "true"
    added = [event["object"] for event in pod_events(name) if event["type"] == "ADDED"]
    first = {pod["metadata"]["name"]: pod for pod in added}
    assert {pod: essence(created[pod]) for pod in created} == {pod: essence(first[pod]) for pod in first}


def essence(pod: Json) -> Json:
    """What a user of Argo relies on in a pod; environment of the executor and defaults of the API server left out."""
    main = next(container for container in pod["spec"]["containers"] if container["name"] == "main")
    own = ("ARGO_", "TRACE")
    annotations = pod["metadata"]["annotations"]
    return {
        "labels": pod["metadata"]["labels"],
        "annotations": {key: text for key, text in annotations.items() if not key.endswith(("trace-id", "span-id"))},
        "owners": pod["metadata"]["ownerReferences"],
        "containers": [container["name"] for container in pod["spec"]["containers"]],
        "init": [container["name"] for container in pod["spec"]["initContainers"]],
        "command": main["command"] + main.get("args", []),
        "env": {env["name"]: env.get("value", "") for env in main.get("env", []) if not env["name"].startswith(own)},
        "image": main["image"],
        "pull policy": main["imagePullPolicy"],
        "gpus": quantity(main["resources"]["limits"]["nvidia.com/gpu"]),
        "deadline": pod["spec"].get("activeDeadlineSeconds"),
        "account": pod["spec"]["serviceAccountName"],
        "restart": pod["spec"]["restartPolicy"],
    }


def written_by_the_controller(before: Json, after: Json) -> bool:
    """Whether the controller wrote this event; the others are a person's: a new spec, or a resumed node."""
    stages = before.get("status", {}), after["status"]
    finished = [{key for key, node in stage.get("nodes", {}).items() if node["phase"] != "Running"} for stage in stages]
    by_hand = before["spec"].get("shutdown") != after["spec"].get("shutdown")
    resumed_by_hand = any(after["status"]["nodes"][key]["type"] == "Suspend" for key in finished[1] - finished[0])
    return not by_hand and not resumed_by_hand


def resumed(nodes: Json, recorded: Json) -> Json:
    return {key: recorded[key] if node["type"] == "Suspend" else node for key, node in nodes.items()}


def pods_before(name: str, recorded: Json, before: Json) -> list[Json]:
    """The pods as they were when the controller wrote `recorded`; those that it created by then it did not know yet."""
    pods: dict[str, Json] = {}
    known = before.get("status", {}).get("nodes", {})
    seen = int(recorded["metadata"]["resourceVersion"]) - INFORMER_LAG.get(name, 0)
    for event in pod_events(name):
        pod = event["object"]
        if int(pod["metadata"]["resourceVersion"]) >= seen:
            break
        node = pod["metadata"]["annotations"]["workflows.argoproj.io/node-id"]
        if event["type"] == "DELETED":
            pods.pop(node, None)
        elif node in known:
            pods[node] = pod
    return list(pods.values())


def nodes_of(workflow: Json) -> list[Json]:
    return list(workflow["status"].get("nodes", {}).values())


def reporting(pods: list[Json]) -> set[str]:
    """Nodes whose wait container has run and so has created its task result."""
    ran = set()
    for pod in pods:
        for status in pod["status"].get("containerStatuses", []):
            if status["name"] == "wait" and "waiting" not in status["state"]:
                ran.add(pod["metadata"]["annotations"]["workflows.argoproj.io/node-id"])
    return ran


def task_result(node: Json) -> Json:
    """Task results were not recorded; whether one was complete is what the node says."""
    completed = str(node["taskResultSynced"]).lower()
    labels = {"workflows.argoproj.io/report-outputs-completed": completed}
    return {"metadata": {"name": node["id"], "labels": labels}}


def moment_of(workflow: Json) -> datetime:
    """When the controller wrote a status: its latest time that is not the end of a container.

    Recorded times are whole seconds, cut off: half a second is the best guess at the rest.
    """
    times = [workflow["status"]["startedAt"], workflow["status"].get("finishedAt")]
    for node in nodes_of(workflow):
        times += [node["startedAt"], None if ended_with_a_container(node) else node.get("finishedAt")]
    return datetime.fromisoformat(max(filter(None, times))) + timedelta(milliseconds=500)


def ended_with_a_container(node: Json) -> bool:
    """Whether finishedAt comes from the pod rather than from the controller's clock."""
    return node.get("type") == "Pod" and "outputs" in node


def comparable(workflow: Json) -> Json:
    """Labels, annotations, arguments and status, without the times at which the controller happened to look."""
    metadata, status = workflow["metadata"], json.loads(json.dumps(workflow["status"]))
    annotations = metadata.get("annotations", {})
    for node in [status, *status.get("nodes", {}).values()]:
        node.pop("startedAt")
        if not ended_with_a_container(node):
            node.pop("finishedAt", None)
    return {
        "labels": metadata.get("labels", {}),
        "annotations": {key: text for key, text in annotations.items() if not key.endswith("trace-id")},
        "arguments": workflow["spec"].get("arguments", {}),
        "status": status,
    }
