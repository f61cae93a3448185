# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import datetime
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.argo.workflows.plugins.module_utils._argo.graph import with_pods
from ansible_collections.argo.workflows.plugins.module_utils._argo.names import node_id
from ansible_collections.argo.workflows.plugins.module_utils._argo.nodes import nodes_of
from ansible_collections.argo.workflows.plugins.module_utils._argo.times import parse_time, short_duration
from ansible_collections.argo.workflows.plugins.module_utils._argo.tree import draw, screenful
from ansible_collections.argo.workflows.tests.support import recordings

PRINTED = sorted(recordings.FOLDER.glob("*/argo-get*.txt"))
DRAWN = sorted(recordings.FOLDER.glob("drawn/*.txt"))
NOON = datetime.datetime(2026, 11, 22, 12, tzinfo=datetime.UTC)


def label(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def printed_at(workflow: recordings.Json, text: str) -> datetime.datetime:
    """When `argo get` printed `text`: it says how long ago the Workflow was created."""
    created = parse_time(workflow["metadata"]["creationTimestamp"])
    seconds = re.search(r"^Created: .*\((\d+) seconds ago\)$", text, re.MULTILINE)
    assert created and seconds
    return created + datetime.timedelta(seconds=int(seconds[1]))


def states(path: Path) -> list[recordings.Json]:
    """The states of the Workflow that `argo get` may have seen: the last one, or one while it ran."""
    events = recordings.workflow_events(path.parent.name)
    if path.name == "argo-get.txt":
        return events[-1:]
    return [event for event in events[:-1] if event.get("status")]


@pytest.mark.parametrize("path", PRINTED, ids=label)
def test_the_table_is_that_of_argo_get_to_the_byte(path: Path) -> None:
    text = path.read_bytes().decode()
    table = text[text.index("\n\n") + 2 :] if "\n\n" in text else ""
    drawn = [draw(workflow, nodes_of(workflow), printed_at(workflow, text)) for workflow in states(path)]
    assert table in drawn


@pytest.mark.parametrize("path", DRAWN, ids=label)
def test_trees_of_every_kind_are_drawn_as_argo_get_draws_them(path: Path) -> None:
    workflow = json.loads(path.with_suffix(".json").read_text())
    assert draw(workflow, workflow["status"]["nodes"], NOON) == path.read_bytes().decode()


HAS_NODES_WITHOUT_PODS = {"dag-fails", "fanout-empty", "suspend-resume"}


ARGO_KNOWS_MORE = {
    "fanout-pod-deleted",
    "fanout-too-large",
    "fanout-unschedulable",
    "out-artifact",
    "plain-sa",
    "stop-trap",
}
"""Their pods went away, or had not ended, when the run had, or ended well where Argo counts an error."""


@pytest.mark.parametrize("name", sorted(set(recordings.NAMES) - HAS_NODES_WITHOUT_PODS - {"invalid-entrypoint"}))
def test_the_tree_can_be_drawn_from_the_pods_alone(name: str) -> None:
    workflow = recordings.workflow(name)

    def steps(nodes: Any) -> list[str]:
        """The column STEP, with the phases as far as the pods can tell them."""
        header, *rows = draw(workflow, nodes, NOON).splitlines()
        rows = [row[: header.index("TEMPLATE")].rstrip() for row in rows]
        return [re.sub("[◷●✔○✖⚠]", "*", row) for row in rows] if name in ARGO_KNOWS_MORE else rows

    from_pods, nodes = with_pods(workflow, {}, recordings.pods(name)), nodes_of(workflow)
    assert steps(from_pods) == steps(nodes)
    own = node_id(name, name)
    assert own not in from_pods or from_pods[own]["phase"] == nodes[own]["phase"]


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0, "0s"),
        (0.9, "0s"),
        (59.9, "59s"),
        (60, "1m"),
        (150, "2m"),
        (3600, "1h"),
        (2 * 3600 + 61, "2h"),
        (86400, "1d"),
        (400 * 86400, "400d"),
    ],
)
def test_durations_are_written_as_argo_writes_them(seconds: float, written: str) -> None:
    assert short_duration(seconds) == written


def fanout(phases: list[str]) -> recordings.Json:
    """A Workflow with one item for each of the phases."""
    pods: list[recordings.Json] = [
        {
            "id": f"wf-{i}",
            "name": f"wf[0].echo({i}:item\n{i})",
            "displayName": f"echo({i}:item\n{i})",
            "type": "Pod",
            "phase": phase,
            "boundaryID": "wf",
            "templateName": "work",
            "startedAt": "2026-11-22T11:59:30Z",
            "message": "\x1b[2Jgone" if phase == "Failed" else "",
        }
        for i, phase in enumerate(phases)
    ]
    root: recordings.Json = {
        "id": "wf",
        "name": "wf",
        "displayName": "wf",
        "type": "Steps",
        "phase": "Running",
        "templateName": "main",
        "startedAt": "2026-11-22T11:59:00Z",
    }
    group: recordings.Json = {
        "id": "wf-g",
        "name": "wf[0]",
        "displayName": "[0]",
        "type": "StepGroup",
        "boundaryID": "wf",
        "children": [pod["id"] for pod in pods],
    }
    nodes = {node["id"]: node for node in [root, group, *pods]}
    return {"metadata": {"name": "wf"}, "spec": {}, "status": {"phase": "Running", "nodes": nodes}}


PHASES = ["Pending", "Running", "Succeeded", "Failed", "Error", "Skipped"]


@given(phases=st.lists(st.sampled_from(PHASES), max_size=40), lines=st.integers(1, 50))
def test_a_screenful_fits_the_screen_and_says_how_many(phases: list[str], lines: int) -> None:
    workflow = fanout(phases)
    shown = screenful(workflow, workflow["status"]["nodes"], NOON, lines).split("\n")[:-1]
    assert 1 <= len(shown) <= lines
    assert all(line.isprintable() for line in shown)
    if len(phases) + 2 > lines:
        for phase in set(phases):
            assert f"{phases.count(phase)} {phase}" in shown[0]


def test_a_screenful_of_a_small_workflow_is_its_tree() -> None:
    workflow = recordings.workflow("fanout-one-fails")
    nodes = nodes_of(workflow)
    drawn = draw(workflow, nodes, NOON)
    assert screenful(workflow, nodes, NOON).splitlines() == [line.rstrip() for line in drawn.splitlines()]


def test_a_screenful_of_a_big_workflow_shows_the_failed_and_the_running_and_counts_the_rest() -> None:
    workflow = fanout(["Succeeded"] * 90 + ["Failed"] + ["Running"] * 5 + ["Pending"] * 4)
    assert screenful(workflow, workflow["status"]["nodes"], NOON, lines=6).splitlines() == [
        "● wf  1m  ◷ 4 Pending  ● 5 Running  ✔ 90 Succeeded  ✖ 1 Failed",
        "   ✖ echo(90:item 90)  30s    [2Jgone",
        "   ● echo(91:item 91)  30s",
        "   ● echo(92:item 92)  30s",
        "   ● echo(93:item 93)  30s",
        "   and 2 Running, 4 Pending",
    ]


@pytest.mark.parametrize("lines", [24, 4])
def test_a_screenful_shortens_what_is_longer_than_a_line(lines: int) -> None:
    workflow = fanout(["Running", "Failed", "Running"])
    nodes = workflow["status"]["nodes"]
    nodes["wf-1"] |= {"name": f"wf[0].echo(1:{'x' * 500})(2)", "displayName": f"echo(1:{'x' * 500})(2)"}
    nodes["wf-1"]["message"] = "m" * 5000
    shown = screenful(workflow, nodes, NOON, lines).splitlines()
    assert max(map(len, shown)) < 320
    [long] = [line for line in shown if "echo(1:x" in line]
    assert "…xxx" in long and ("xx)(2)" in long or "attempt 3" in long)
