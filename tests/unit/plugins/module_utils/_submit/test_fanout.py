# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every item reaches its container as it is, in as few Workflows as Argo can hold."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.argo.workflows.plugins.module_utils._argo.lists import node_names
from ansible_collections.argo.workflows.plugins.module_utils._argo.names import item_in_name
from ansible_collections.argo.workflows.plugins.module_utils._submit import fanout
from ansible_collections.argo.workflows.plugins.module_utils._submit.fanout import (
    ASSUMED_ATTEMPTS,
    MAX_CONFIG_MAP,
    MAX_FRAME,
    MAX_WORKFLOW,
    Plan,
    item_text,
    lines,
    read_items,
    seconds,
    without_nulls,
    worst_case,
)
from ansible_collections.argo.workflows.plugins.module_utils._submit.manifest import ManifestError

FRAME: dict[str, Any] = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "Workflow",
    "metadata": {"generateName": "t-"},
    "spec": {
        "entrypoint": "main",
        "parallelism": 8,
        "arguments": {"parameters": [{"name": "items", "value": "[]"}]},
        "templates": [
            {"name": "main", "steps": [[{"name": "n", "template": "w", "withParam": "{{workflow.parameters.items}}"}]]},
            {
                "name": "w",
                "activeDeadlineSeconds": 600,
                "retryStrategy": {"limit": 4, "retryPolicy": "Always", "backoff": {"duration": "15s", "factor": 2}},
                "container": {"image": "x", "resources": {"limits": {"nvidia.com/gpu": 2}}},
            },
        ],
    },
}

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=200)

PLAIN = st.text("abcXYZ019 ._:/@+-", min_size=1, max_size=64)

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)

TRAPS = [
    "{{workflow.name}}",
    "{{=1+1}}",
    "{{item}}",
    "$(HOSTNAME)",
    "$$(X)",
    "$(id)",
    "`id`",
    "it's",
    '"',
    "",
    "a\nb",
    "é日本",
]


def delivered(plan: Plan) -> dict[int, str]:
    """What each container finds in ITEM, by its ITEM_INDEX, if Argo and the kubelet do what they document."""
    found: dict[int, str] = {}
    for shard in plan.shards:
        for place, item in enumerate(json.loads(shard.with_param)):
            if plan.by_index:
                found[item["index"]] = shard.config_maps[f"items-{item['map']}"][str(item["index"])]
            else:
                found[place] = item
    return found


@settings(max_examples=600, deadline=None)
@given(st.lists(TEXTS | PLAIN | st.sampled_from(TRAPS), max_size=12))
def test_every_text_arrives_byte_for_byte(items: list[str]) -> None:
    assert delivered(fanout.plan(items)) == dict(enumerate(items))


@settings(max_examples=200, deadline=None)
@given(st.lists(VALUES, max_size=6), st.integers(min_value=1, max_value=3))
def test_every_value_arrives_as_its_json_however_the_list_is_split(items: list[Any], max_items: int) -> None:
    arrived = delivered(fanout.plan(items, max_items=max_items))
    assert list(arrived) == list(range(len(items)))
    for item, text in zip(items, arrived.values(), strict=True):
        assert text == item if isinstance(item, str) else json.loads(text) == item


@settings(max_examples=200, deadline=None)
@given(st.lists(TEXTS | st.sampled_from(TRAPS), min_size=1, max_size=6))
def test_no_character_that_means_something_to_argo_or_a_shell_is_in_the_workflow(items: list[str]) -> None:
    plan = fanout.plan(items)
    for run in fanout.runs(FRAME, plan):
        text = run.definition["spec"]["arguments"]["parameters"][0]["value"]
        assert not set(text) & set("{}$`'\\") if not plan.by_index else set(text) <= set('[]{}"indexmap:,0123456789')


def test_plain_items_travel_in_with_param_and_keep_their_names() -> None:
    plan = fanout.plan(["Argo", "Is", "Awesome"])
    assert not plan.by_index
    (run,) = fanout.runs(FRAME, plan)
    assert run.config_maps == {}
    assert "w[0].n(2:Awesome)(4)" in node_names(run.definition, "w")


@pytest.mark.parametrize("item", [*TRAPS, "x" * 65, {"lr": 0.1}, ["a"], "a(b)", "a,b", "a\tb", "$"])
def test_one_item_that_is_not_plain_sends_them_all_by_index(item: Any) -> None:
    plan = fanout.plan(["plain", item])
    assert plan.by_index
    (run,) = fanout.runs(FRAME, plan)
    assert run.config_maps == {"items-0": {"0": "plain", "1": item_text(item)}}


def test_numbers_are_plain_items() -> None:
    assert delivered(fanout.plan([1, 2.5, True])) == {0: "1", 1: "2.5", 2: "true"}
    assert not fanout.plan([1, 2.5, True]).by_index


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ("a\0b", "item 1 has a NUL byte"),
        ("\ud800", "item 1 is neither text nor a JSON value"),
        (float("nan"), "item 1 is neither text nor a JSON value"),
        ("é" * 70000, "item 1 has 140000 bytes, and an environment variable holds 131066"),
    ],
)
def test_an_item_that_no_environment_variable_can_hold_is_refused_by_its_index(item: Any, reason: str) -> None:
    with pytest.raises(ManifestError, match=reason):
        fanout.plan(["fine", item])


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("Argo", r"not a JSON array such as .*: Argo"),
        ("[1", "not a JSON array"),
        ("[NaN]", "NaN is not a JSON value"),
        ('{"a": 1}', 'not a list such as .* but a mapping: {"a": 1}'),
        ('"a"', "not a list such as .* but a string"),
        ({"a": 1}, "but a mapping"),
        (7, "but a whole number: 7"),
        (None, "but empty: null"),
    ],
)
def test_items_that_are_not_a_list_are_refused(source: Any, reason: str) -> None:
    with pytest.raises(ManifestError, match=reason):
        read_items(source)


def test_a_list_and_its_json_text_are_the_same_items() -> None:
    items = ["it's", 7, {"a": None}, "$HOME"]
    assert read_items(items) == read_items(json.dumps(items)) == items


def test_config_maps_stay_below_what_the_api_server_takes() -> None:
    plan = fanout.plan(["x" * 100_000] * 60)
    (shard,) = plan.shards
    assert len(shard.config_maps) > 1
    for data in shard.config_maps.values():
        assert sum(len(key) + len(value) for key, value in data.items()) <= MAX_CONFIG_MAP


def test_only_a_line_feed_ends_a_line() -> None:
    assert lines("a\x0cb\u2028c\x85d\r\n\ne") == ["a\x0cb\u2028c\x85d", "", "e"]


def test_a_parallelism_that_cannot_be_shared_is_refused() -> None:
    frame = {**FRAME, "spec": {**FRAME["spec"], "parallelism": 2}}
    with pytest.raises(ManifestError, match="3 Workflows, which cannot share a parallelism of 2"):
        fanout.runs(frame, fanout.plan(["a", "b", "c"], max_items=1))


def test_more_items_than_a_workflow_holds_are_split_evenly_and_share_the_parallelism() -> None:
    plan = fanout.plan([f"i{number}" for number in range(7)], max_items=3)
    assert [shard.indexes for shard in plan.shards] == [[0, 1], [2, 3], [4, 5, 6]]
    assert [run.definition["spec"]["parallelism"] for run in fanout.runs(FRAME, plan)] == [2, 3, 3]
    assert delivered(plan)[6] == "i6"


def test_only_the_chosen_items_run_and_they_keep_their_index() -> None:
    plan = fanout.plan(["a", "b", "c"], indexes=[2, 0])
    assert delivered(plan) == {0: "a", 2: "c"}


def stored_size(workflow: dict[str, Any], attempts: int) -> int:
    """Bytes of the Workflow's JSON with compressed nodes, in the shape that a real Argo gave the nodes of fanout-ok."""
    nodes = {}
    for index, item in enumerate(json.loads(workflow["spec"]["arguments"]["parameters"][0]["value"])):
        name = f"wf-3f9a2c81d00[0].echo({index}:{item_in_name(item)})"
        for attempt, number in [("", 7 * index), *((f"({n})", 7 * index + n + 1) for n in range(attempts))]:
            key = f"wf-3f9a2c81d00-{(number * 2654435761) % 2**32}"
            nodes[key] = {
                "id": key,
                "name": name + attempt,
                "displayName": name[18:] + attempt,
                "inputs": {"parameters": [{"name": "item", "value": str(item)}]},
                "startedAt": f"2026-11-22T1{index % 10}:{index % 60:02d}:{number % 60:02d}Z",
                "finishedAt": f"2026-11-22T1{number % 10}:{number % 60:02d}:{index % 60:02d}Z",
                "hostNodeName": f"gpu-node-{number % 97}",
                "children": [f"wf-3f9a2c81d00-{((number + 1) * 2654435761) % 2**32}"],
                "resourcesDuration": {"nvidia.com/gpu": number % 3001, "memory": number % 9001, "cpu": number % 777},
            }
    compressed = base64.b64encode(gzip.compress(json.dumps(nodes).encode()))
    return len(json.dumps(workflow)) + len(compressed)


@pytest.mark.parametrize("item", ["item-{}", "{}" + "-abcdefghij" * 5, "it's {}"])
def test_5000_items_of_any_kind_end_up_in_workflows_that_argo_can_store(item: str) -> None:
    plan = fanout.plan([item.format(number) for number in range(5000)])
    for run in fanout.runs(FRAME, plan):
        assert stored_size(run.definition, ASSUMED_ATTEMPTS) < MAX_WORKFLOW
    assert len(plan.shards) <= 3


def test_a_template_that_leaves_no_room_is_refused() -> None:
    frame = {**FRAME, "metadata": {"annotations": {"long": "x" * MAX_FRAME}}}
    with pytest.raises(ManifestError, match=r"the template has .* bytes without any items"):
        fanout.runs(frame, fanout.plan(["a"]))


def test_the_worst_case_is_every_attempt_to_its_deadline_and_the_waits_between() -> None:
    cost = fanout.cost(FRAME, 20)
    assert cost.worst_case == 5 * 600 + 15 + 30 + 60 + 120
    assert cost.gpus_a_pod == 2
    assert cost.gpus_at_once == 16
    assert worst_case(0, 4, {"duration": "1m", "factor": "2", "cap": "90s"}) == 60 + 3 * 90


def with_leaf(**changes: Any) -> dict[str, Any]:
    main, leaf = FRAME["spec"]["templates"]
    return {**FRAME, "spec": {**FRAME["spec"], "templates": [main, {**leaf, **changes}]}}


def test_a_container_that_asks_for_nothing_has_a_worst_case() -> None:
    assert fanout.cost(with_leaf(container={"image": "x"}, retryStrategy=None), 1).worst_case == 600


def test_a_factor_that_argo_would_refuse_is_left_to_the_check_of_the_manifest() -> None:
    retry = {"limit": 4, "backoff": {"duration": "15s", "factor": "1.5"}}
    assert fanout.cost(with_leaf(retryStrategy=retry), 1).worst_case is None


def test_without_a_deadline_there_is_no_worst_case() -> None:
    templates = [{key: value for key, value in each.items() if key != "activeDeadlineSeconds"}
                 for each in FRAME["spec"]["templates"]]  # fmt: skip
    assert fanout.cost({**FRAME, "spec": {**FRAME["spec"], "templates": templates}}, 1).worst_case is None


@pytest.mark.parametrize(("text", "result"), [("15", 15), (15, 15), ("15s", 15), ("2m", 120), ("1h30m", 5400)])
def test_durations_are_read_as_argo_reads_them(text: Any, result: float) -> None:
    assert seconds(text) == result


def test_a_null_of_a_template_is_left_out_and_an_empty_value_stays() -> None:
    assert without_nulls({"a": None, "b": {}, "c": [{"d": None, "e": ""}]}) == {"b": {}, "c": [{"e": ""}]}
