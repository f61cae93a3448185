# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Items and their attempts are what a real Argo ran, and are known while it still runs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._argo.items import Item, items_of
from ansible_collections.argo.workflows.plugins.module_utils._argo.names import node_id
from ansible_collections.argo.workflows.plugins.module_utils._argo.nodes import nodes_of
from ansible_collections.argo.workflows.tests.support import recordings


def items(name: str) -> list[Item]:
    workflow = recordings.workflow(name)
    return items_of(workflow, nodes_of(workflow))


@pytest.mark.parametrize("name", recordings.NAMES)
def test_every_pod_is_one_attempt_of_one_item(name: str) -> None:
    attempts = sorted(attempt.pod for item in items(name) for attempt in item.attempts)
    nodes = nodes_of(recordings.workflow(name))
    assert len(attempts) == sum(node["type"] == "Pod" for node in nodes.values())
    assert set(attempts) >= {pod["metadata"]["name"] for pod in recordings.pods(name)}


def test_an_item_that_failed_has_all_its_attempts() -> None:
    good, bad, fine = items("fanout-one-fails")
    assert (good.index, good.value, good.phase, good.exit_code, len(good.attempts)) == (0, "good", "Succeeded", 0, 1)
    assert (bad.index, bad.value, bad.phase, bad.message) == (1, "bad", "Failed", "No more retries left")
    assert (bad.exit_code, bad.node, bad.duration) == (3, "node1", 24)
    assert [(a.number, a.phase, a.message, a.exit_code, a.duration, a.gpu_seconds) for a in bad.attempts] == [
        (0, "Failed", "main: Error (exit code 3)", 3, 8, 2),
        (1, "Failed", "main: Error (exit code 3)", 3, 3, 1),
        (2, "Failed", "main: Error (exit code 3)", 3, 4, 2),
    ]
    assert bad.display_name == "echo(1:bad)"
    assert fine.phase == "Succeeded"


def test_a_deleted_pod_is_an_attempt_in_error() -> None:
    (item,) = items("fanout-pod-deleted")
    assert item.phase == "Succeeded"
    assert [(a.phase, a.message, a.exit_code) for a in item.attempts] == [
        ("Error", "pod deleted", None),
        ("Succeeded", "", 0),
    ]


def test_item_values_are_the_elements_of_the_list_whatever_is_in_them() -> None:
    assert [item.value for item in items("fanout-odd-items")] == [
        "with space",
        'quote"inside',
        "single'quote",
        "paren(1)",
        "slash/../../etc",
        "dollar$HOME",
        "unicode-é-日本",
        "a:b,c",
        "new\nline",
        "",
        "fanout-odd-items",
        7,
        True,
    ]
    assert [item.value for item in items("fanout-map-items")] == [
        {"model": "resnet", "lr": 0.1},
        {"model": "vit", "lr": 0.01},
    ]


def step_over(**source: Any) -> recordings.Json:
    step = {"name": "echo", "template": "work", **source}
    template = {"name": "main", "steps": [[step]], "inputs": {"parameters": [{"name": "of-template"}]}}
    arguments = {"parameters": [{"name": "of-workflow", "value": '["x"]'}]}
    return {"metadata": {"name": "wf"}, "spec": {"templates": [template], "arguments": arguments}, "status": {}}


ROOT = {
    "id": "wf",
    "name": "wf",
    "type": "Steps",
    "phase": "Running",
    "templateName": "main",
    "inputs": {"parameters": [{"name": "of-template", "value": '["y"]'}]},
}


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ({"withParam": "{{workflow.parameters.of-workflow}}"}, "x"),
        ({"withParam": "{{inputs.parameters.of-template}}"}, "y"),
        ({"withParam": '["z"]'}, "z"),
        ({"withItems": [{"a": 1}]}, {"a": 1}),
        ({"withParam": "{{steps.list.outputs.result}}"}, 'the "text"'),
        ({"withSequence": {"count": "1"}}, "0"),
    ],
)
def test_item_values_come_from_the_list_where_the_workflow_has_it_else_from_the_name(source: Any, value: Any) -> None:
    name = r"wf[0].echo(0:the \"text\")"
    node = {"id": node_id("wf", name), "name": name, "type": "Pod", "phase": "Running", "boundaryID": "wf"}
    (item,) = items_of(step_over(**source), {"wf": ROOT, node["id"]: node})
    assert item.value == value


def test_a_step_outside_of_a_fan_out_is_an_item_without_an_index() -> None:
    assert [(item.display_name, item.index, item.value) for item in items("dag-diamond")] == [
        (task, None, None) for task in "ABCD"
    ]
    assert [item.step for item in items("stopped-with-exit-handler")] == ["echo", "echo", "stopped-with-exit-handler"]


def test_an_item_has_the_outputs_of_its_last_attempt_once_argo_has_them() -> None:
    outputs = {"exitCode": "0", "parameters": [{"name": "loss", "value": "0.25"}, {"name": "unset"}]}
    nodes: dict[str, recordings.Json] = {
        "wf-1": {"id": "wf-1", "name": "wf[0].a(0:x)", "type": "Retry", "phase": "Succeeded", "outputs": outputs},
        "wf-2": {"id": "wf-2", "name": "wf[0].a(0:x)(1)", "type": "Pod", "phase": "Succeeded"},
        "wf-3": {"id": "wf-3", "name": "wf[0].a(1:y)", "type": "Pod", "phase": "Running"},
    }
    found = items_of({"metadata": {"name": "wf"}}, nodes)
    assert [item.outputs for item in found] == [{"loss": "0.25"}, {}]


def test_an_empty_list_has_no_items() -> None:
    assert items("fanout-empty") == []


def test_items_of_a_skipped_step_are_items_without_attempts() -> None:
    name = "wf[0].echo(0:a)"
    node = {"id": "wf-1", "name": name, "type": "Skipped", "phase": "Skipped", "message": "when '1 == 2' was false"}
    (item,) = items_of({"metadata": {"name": "wf"}}, {"wf-1": node})
    assert (item.index, item.phase, item.message, item.attempts) == (0, "Skipped", node["message"], ())


def test_attempts_of_a_template_with_steps_of_its_own_are_not_taken_for_items() -> None:
    nodes: dict[str, recordings.Json] = {
        "wf": {"id": "wf", "name": "wf", "type": "Retry", "phase": "Running", "children": ["wf-0"]},
        "wf-0": {"id": "wf-0", "name": "wf(0)", "type": "Steps", "phase": "Running"},
        "wf-1": {"id": "wf-1", "name": "wf(0)[0].a", "type": "Pod", "phase": "Running"},
    }
    assert [item.name for item in items_of({"metadata": {"name": "wf"}}, nodes)] == ["wf(0)[0].a"]


def test_items_are_in_the_order_of_their_list() -> None:
    assert [item.index for item in items("fanout-compressed-gzip")] == list(range(20))


@pytest.mark.parametrize("name", recordings.NAMES)
def test_items_are_known_while_the_workflow_runs(name: str) -> None:
    """From the first status and every pod event since, as a wait has them."""
    running = next((w for w in recordings.workflow_events(name) if w.get("status", {}).get("nodes")), None)
    if not running:
        running = recordings.workflow_events(name)[0]
    nodes = nodes_of(running)
    before = json.dumps(nodes)
    pods: dict[str, recordings.Json] = {}
    for event in recordings.pod_events(name):
        pods[event["object"]["metadata"]["uid"]] = event["object"]
        known = {a.pod for item in items_of(running, nodes, pods.values()) for a in item.attempts}
        assert known >= {pod["metadata"]["name"] for pod in pods.values()}
    assert json.dumps(nodes) == before
    last = {a.pod: a for item in items_of(running, nodes, pods.values()) for a in item.attempts}
    for item in items(name):
        for attempt in item.attempts:
            pod = next((p for p in pods.values() if p["metadata"]["name"] == attempt.pod), None)
            if pod and pod["status"]["phase"] == "Succeeded" and "deletionTimestamp" not in pod["metadata"]:
                assert (last[attempt.pod].phase, last[attempt.pod].exit_code) == (attempt.phase, attempt.exit_code)
                assert last[attempt.pod].node == attempt.node


def test_an_item_that_will_be_retried_is_running() -> None:
    running = recordings.workflow_events("fanout-one-fails")[0]
    pods = [pod for pod in recordings.pods("fanout-one-fails") if pod["metadata"]["name"].endswith("-2455187270")]
    (item,) = items_of(running, {}, pods)
    assert (item.phase, item.finished_at, item.attempts[0].phase) == ("Running", None, "Failed")
    (item,) = items_of(recordings.workflow("fanout-one-fails"), {}, pods)
    assert (item.phase, item.exit_code) == ("Failed", 3)
