# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of nodes and pods are those that a real Argo gave."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
from ansible_collections.argo.workflows.plugins.module_utils._argo.nodes import nodes_of
from ansible_collections.argo.workflows.tests.support import recordings


@pytest.mark.parametrize(
    ("text", "value"),
    [("", 2166136261), ("a", 0xE40C292C), ("foobar", 0xBF9CF968), ("pipeline-jndha0-scacfg.main-3", 2220851766)],
)
def test_node_names_are_hashed_by_fnv1a(text: str, value: int) -> None:
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
def test_node_names_are_taken_apart_as_argo_builds_them(workflow: str, parts: list[Any]) -> None:
    name = workflow + "".join(part_of_name(*part) for part in parts)
    step, item, hook, attempt = parts[-1][1:]
    parsed = parse_node_name(workflow, name)
    assert (parsed.step, parsed.hook, parsed.attempt) == (step, hook, attempt)
    assert (parsed.index, parsed.text) == (item or (None, None))
    assert parsed.around == [(part[1], str(part[2][0]), part[2][1]) for part in parts[:-1] if part[2]]
    assert name.endswith(parsed.display_name)
    assert parsed.item_name + ("" if attempt is None else f"({attempt})") == name


@given(attempt=ATTEMPT)
def test_the_root_node_keeps_the_dots_of_the_workflows_name(attempt: int | None) -> None:
    suffix = "" if attempt is None else f"({attempt})"
    parsed = parse_node_name("my.wf", f"my.wf{suffix}")
    assert (parsed.step, parsed.index, parsed.attempt) == ("my.wf", None, attempt)


@pytest.mark.parametrize("name", ["x)", ")", "wf.a)(", "", "wf[0].a(0:b))"])
def test_a_name_that_argo_never_gives_is_read_as_it_is(name: str) -> None:
    assert parse_node_name("wf", name).item_name == name
