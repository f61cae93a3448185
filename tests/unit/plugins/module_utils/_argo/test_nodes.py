# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import gzip
import json
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.argo.workflows.plugins.module_utils._argo.gpus import GpuSeconds, gpu_seconds
from ansible_collections.argo.workflows.plugins.module_utils._argo.graph import node_of_pod, with_pods
from ansible_collections.argo.workflows.plugins.module_utils._argo.items import Item, items_of
from ansible_collections.argo.workflows.plugins.module_utils._argo.names import (
    collisions,
    display_name,
    fnv1a32,
    node_id,
    parse_node_name,
    pod_name,
    pod_name_of,
    pod_node_name,
)
from ansible_collections.argo.workflows.plugins.module_utils._argo.nodes import (
    NodesError,
    is_done,
    nodes_of,
    phase_of,
    status_of,
)
from ansible_collections.argo.workflows.tests.support import recordings


def items(name: str) -> list[Item]:
    workflow = recordings.workflow(name)
    return items_of(workflow, nodes_of(workflow))


# --- names


@pytest.mark.parametrize(
    ("text", "value"),
    [("", 2166136261), ("a", 0xE40C292C), ("foobar", 0xBF9CF968), ("pipeline-jndha0-scacfg.main-3", 2220851766)],
)
def test_the_hash_is_fnv1a(text: str, value: int) -> None:
    assert fnv1a32(text) == value


@pytest.mark.parametrize("name", recordings.NAMES)
def test_node_ids_and_display_names_are_those_of_argo(name: str) -> None:
    for key, node in nodes_of(recordings.workflow(name)).items():
        assert node_id(name, node["name"]) == key
        if node["type"] != "StepGroup":
            assert display_name(name, node["name"]) == node["displayName"]


@pytest.mark.parametrize("name", recordings.NAMES)
def test_pod_names_are_those_of_the_cluster(name: str) -> None:
    workflow = recordings.workflow(name)
    nodes = nodes_of(workflow)
    for pod in recordings.pods(name):
        node = nodes[node_id(name, pod_node_name(pod))]
        assert pod_name_of(workflow, node) == pod["metadata"]["name"]


def test_pod_names_of_other_forms() -> None:
    assert pod_name("wf", "wf[0].a", "work", "v1") == node_id("wf", "wf[0].a")
    assert pod_name("wf", "wf", "work") == "wf"
    assert pod_name("wf", "wf.A") == f"wf-{fnv1a32('wf.A')}"
    assert len(pod_name("w" * 63, "w" * 63 + ".A", "t" * 300)) <= 253
    node = {"name": "wf.A", "templateName": "", "templateRef": {"name": "shared", "template": "train"}}
    assert pod_name_of({"metadata": {"name": "wf"}}, node).startswith("wf-train-")


def test_colliding_node_names_are_found() -> None:
    twins = ["custom-job-thbh7[0]", "custom-job-thbh7[0].custom-job[0].custom-job-main"]
    names = ["custom-job-thbh7", twins[0], "custom-job-thbh7[1]", twins[1], twins[0]]
    assert collisions("custom-job-thbh7", names) == [(twins[0], twins[1])]


STEP = st.from_regex(r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,8}", fullmatch=True).filter(
    lambda step: step not in ("hooks", "onExit")
)
TEXT = st.text(max_size=20).map(lambda text: text.replace("(", "").replace(")", ""))
ITEM = st.none() | st.tuples(st.integers(0, 10_000), TEXT)
ATTEMPT = st.none() | st.integers(0, 99)
PART = st.tuples(
    st.none() | st.integers(0, 20), STEP, ITEM, st.sampled_from(["", ".onExit", ".hooks.running"]), ATTEMPT
)


def part_of_name(group: int | None, step: str, item: tuple[int, str] | None, hook: str, attempt: int | None) -> str:
    """One level of a node name, as Argo forms it: `[GROUP].STEP(INDEX:TEXT)HOOK(ATTEMPT)`."""
    place = "" if group is None else f"[{group}]"
    element = "" if item is None else f"({item[0]}:{item[1]})"
    return f"{place}.{step}{element}{hook}" + ("" if attempt is None else f"({attempt})")


@given(workflow=st.from_regex(r"[a-z]([a-z0-9.-]{0,10}[a-z0-9])?", fullmatch=True), parts=st.lists(PART, min_size=1))
def test_names_are_taken_apart_as_argo_builds_them(workflow: str, parts: list[Any]) -> None:
    name = workflow + "".join(part_of_name(*part) for part in parts)
    step, item, hook, attempt = parts[-1][1:]
    parsed = parse_node_name(workflow, name)
    assert (parsed.step, parsed.hook, parsed.attempt) == (step, hook, attempt)
    assert (parsed.index, parsed.text) == (item or (None, None))
    assert parsed.around == [(part[1], str(part[2][0]), part[2][1]) for part in parts[:-1] if part[2]]
    assert name.endswith(parsed.display_name)
    assert parsed.item_name + ("" if attempt is None else f"({attempt})") == name


@given(attempt=ATTEMPT)
def test_the_root_keeps_the_dots_of_the_workflows_name(attempt: int | None) -> None:
    suffix = "" if attempt is None else f"({attempt})"
    parsed = parse_node_name("my.wf", f"my.wf{suffix}")
    assert (parsed.step, parsed.index, parsed.attempt) == ("my.wf", None, attempt)


# --- phases and nodes


@pytest.mark.parametrize("name", recordings.NAMES)
def test_the_end_is_told_by_the_object_and_by_its_metadata_alike(name: str) -> None:
    for workflow in recordings.workflow_events(name):
        metadata_only = {"metadata": workflow["metadata"]}
        assert is_done(workflow) == is_done(metadata_only)
        assert phase_of(workflow) == phase_of(metadata_only)
    assert is_done(recordings.workflow(name))
    assert not is_done(recordings.workflow_events(name)[0])


def test_a_workflow_nobody_has_seen_is_pending() -> None:
    assert phase_of({"metadata": {"name": "wf"}, "status": {"phase": ""}}) == "Pending"


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("terminated", "Failed (Terminated)"),
        ("fanout-one-fails", "Failed"),
        ("fanout-ok", "Succeeded"),
    ],
)
def test_the_status_is_that_of_argo_get(name: str, status: str) -> None:
    workflow = recordings.workflow(name)
    assert status_of(workflow, nodes_of(workflow)) == status


def test_gzip_nodes_are_decompressed() -> None:
    workflow = recordings.workflow("fanout-compressed-gzip")
    assert "nodes" not in workflow["status"]
    assert len(nodes_of(workflow)) == 42


def compressed(data: bytes) -> recordings.Json:
    return {"metadata": {"name": "big"}, "status": {"compressedNodes": base64.b64encode(data).decode()}}


NODES = {"big": {"id": "big", "name": "big", "type": "Pod"}}


def test_zstd_and_brotli_nodes_are_decompressed_by_their_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    text = json.dumps(NODES).encode()
    decompressor = SimpleNamespace(decompressobj=lambda: SimpleNamespace(decompress=lambda data: text))
    monkeypatch.setitem(sys.modules, "zstandard", SimpleNamespace(ZstdDecompressor=lambda: decompressor))
    monkeypatch.setitem(sys.modules, "brotli", SimpleNamespace(decompress=lambda data: text))
    assert nodes_of(compressed(b"\x28\xb5\x2f\xfd...")) == NODES
    assert nodes_of(compressed(b"\x1b...")) == NODES


@pytest.mark.parametrize(("data", "library"), [(b"\x28\xb5\x2f\xfd...", "zstandard"), (b"\x1b...", "brotli")])
def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch, data: bytes, library: str) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(NodesError, match=f"of the Workflow big are compressed .* Python library {library}:"):
        nodes_of(compressed(data))


@pytest.mark.parametrize("data", [gzip.compress(b"{}")[:-4], gzip.compress(b"no JSON"), b"\x1f\x8b"])
def test_damaged_nodes_are_an_error(data: bytes) -> None:
    with pytest.raises(NodesError, match="of the Workflow big cannot be decompressed"):
        nodes_of(compressed(data))


def test_offloaded_nodes_are_said_to_be_readable_by_the_server_only() -> None:
    with pytest.raises(NodesError, match=r"big are offloaded .* only the Argo Server can read them"):
        nodes_of({"metadata": {"name": "big"}, "status": {"offloadNodeStatusVersion": "fnv:1"}})


# --- items


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


def test_values_are_the_elements_of_the_list_whatever_is_in_them() -> None:
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
        ({"withSequence": {"count": "1"}}, 'the "text"'),
    ],
)
def test_values_come_from_the_list_where_the_workflow_has_it_else_from_the_name(source: Any, value: Any) -> None:
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


# --- pods are ahead of the nodes


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


def test_a_node_that_has_ended_keeps_what_argo_says() -> None:
    nodes = nodes_of(recordings.workflow("workflow-deadline"))
    workflow, pods = recordings.workflow("workflow-deadline"), recordings.pods("workflow-deadline")
    assert with_pods(workflow, nodes, pods) == nodes


def test_a_pod_tells_the_gpu_seconds_that_argo_will_count() -> None:
    told, counted = [], []
    for name in set(recordings.NAMES) - {"invalid-entrypoint"}:
        nodes = nodes_of(recordings.workflow(name))
        for pod in recordings.pods(name):
            node = node_of_pod(name, pod)
            durations = nodes[node["id"]].get("resourcesDuration")
            if durations and "nvidia.com/gpu" in node.get("resourcesDuration", {}):
                told.append((node["id"], node["resourcesDuration"]["nvidia.com/gpu"]))
                counted.append((node["id"], durations["nvidia.com/gpu"]))
    assert told == counted
    assert len(told) > 20


def test_a_pod_that_cannot_be_scheduled_says_why() -> None:
    (pod,) = recordings.pods("fanout-unschedulable")
    assert node_of_pod("fanout-unschedulable", pod)["message"].startswith("Unschedulable: 0/1 nodes are available")


def test_a_killed_sidecar_does_not_make_a_pod_fail() -> None:
    (pod,) = recordings.pods("sidecar")
    assert pod["status"]["phase"] == "Failed"
    assert node_of_pod("sidecar", pod)["phase"] == "Succeeded"


# --- GPU time


@pytest.mark.parametrize(
    ("name", "total", "failed"), [("fanout-one-fails", 9, 5), ("fanout-ok", 5, 0), ("dag-fails", 6, 2)]
)
def test_gpu_seconds_are_counted_once_and_those_of_failed_attempts_apart(name: str, total: int, failed: int) -> None:
    workflow = recordings.workflow(name)
    assert gpu_seconds(nodes_of(workflow)) == GpuSeconds(total, failed)
    assert workflow["status"]["resourcesDuration"]["nvidia.com/gpu"] == total


@pytest.mark.parametrize(
    ("resource", "counts"),
    [
        ("nvidia.com/gpu", True),
        ("nvidia.com/gpu.shared", True),
        ("nvidia.com/mig-1g.5gb", True),
        ("amd.com/gpu", True),
        ("gpu.intel.com/i915", True),
        ("cpu", False),
        ("memory", False),
        ("example.com/gpu-memory", False),
    ],
)
def test_every_kind_of_gpu_counts_and_nothing_else(resource: str, counts: bool) -> None:
    nodes = {"wf": {"type": "Pod", "phase": "Error", "resourcesDuration": {resource: 7}}}
    assert gpu_seconds(nodes) == (GpuSeconds(7, 7) if counts else GpuSeconds(0, 0))
