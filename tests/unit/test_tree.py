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

from ansible_collections.argo.workflows.plugins.module_utils import _nodes, _tree
from ansible_collections.argo.workflows.tests.unit import recordings

PRINTED = sorted(recordings.FOLDER.glob("*/argo-get*.txt"))
DRAWN = sorted(recordings.FOLDER.glob("drawn/*.txt"))
NOON = datetime.datetime(2026, 11, 22, 12, tzinfo=datetime.UTC)
ESCAPE = re.compile(r"\x1b\[\d+m")


def label(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def printed_at(workflow: recordings.Json, text: str) -> datetime.datetime:
    """When `argo get` printed `text`: it says how long ago the Workflow was created."""
    created = _nodes.parse_time(workflow["metadata"]["creationTimestamp"])
    seconds = re.search(r"^Created: .*\((\d+) seconds ago\)$", text, re.MULTILINE)
    assert created and seconds
    return created + datetime.timedelta(seconds=int(seconds[1]))


def states(path: Path) -> list[recordings.Json]:
    """The states of the Workflow that `argo get` may have seen: the last one, or one while it ran."""
    events = recordings.workflow_events(path.parent.name)
    if path.name == "argo-get.txt":
        return events[-1:]
    return [event for event in events[:-1] if event.get("status")]


def sorted_resources(text: str) -> str:
    """Argo prints ResourcesDuration in an order that changes from call to call."""

    def in_order(line: re.Match[str]) -> str:
        return line[1] + ",".join(sorted(line[2].split(","), key=lambda part: part.split(" ")[1]))

    return re.sub(r"^(ResourcesDuration: *)(.*)$", in_order, text, flags=re.MULTILINE)


@pytest.mark.parametrize("path", PRINTED, ids=label)
def test_the_table_is_that_of_argo_get_to_the_byte(path: Path) -> None:
    text = path.read_bytes().decode()
    table = text[text.index("\n\n") + 2 :] if "\n\n" in text else ""
    drawn = [_tree.draw(workflow, _nodes.nodes_of(workflow), printed_at(workflow, text)) for workflow in states(path)]
    assert table in drawn


@pytest.mark.parametrize("path", PRINTED, ids=label)
def test_all_of_argo_get_is_drawn_to_the_byte(path: Path) -> None:
    text = path.read_bytes().decode()
    drawn = [
        _tree.get(workflow, _nodes.nodes_of(workflow), printed_at(workflow, text), datetime.UTC)
        for workflow in states(path)
    ]
    assert sorted_resources(text) in drawn


@pytest.mark.parametrize("path", DRAWN, ids=label)
def test_trees_of_every_kind_are_drawn_as_argo_get_draws_them(path: Path) -> None:
    name, *options = path.stem.split(".")
    workflow = json.loads(path.with_name(f"{name}.json").read_text())
    style = _tree.Style(ascii="ascii" in options, colour="colour" in options)
    assert _tree.draw(workflow, workflow["status"]["nodes"], NOON, style) == path.read_bytes().decode()


@pytest.mark.parametrize("name", recordings.NAMES)
def test_colours_change_nothing_but_the_colours(name: str) -> None:
    workflow = recordings.workflow(name)
    nodes = _nodes.nodes_of(workflow)
    coloured = _tree.draw(workflow, nodes, NOON, _tree.Style(colour=True))
    plain = _tree.draw(workflow, nodes, NOON)
    assert [line.rstrip() for line in ESCAPE.sub("", coloured).splitlines()] == [
        line.rstrip() for line in plain.splitlines()
    ]
    assert bool(ESCAPE.search(coloured)) == bool(nodes)


HAS_NODES_WITHOUT_PODS = {"dag-fails", "fanout-empty", "suspend-resume"}


@pytest.mark.parametrize("name", sorted(set(recordings.NAMES) - HAS_NODES_WITHOUT_PODS - {"invalid-entrypoint"}))
def test_the_tree_can_be_drawn_from_the_pods_alone(name: str) -> None:
    workflow = recordings.workflow(name)

    def steps(nodes: Any) -> list[str]:
        """The column STEP without the phases: what is above a pod takes its phase from the controller."""
        header, *rows = _tree.draw(workflow, nodes, NOON).splitlines()
        return [re.sub("[◷●✔○✖⚠]", "*", row[: header.index("TEMPLATE")]).rstrip() for row in rows]

    assert steps(_nodes.with_pods(name, {}, recordings.pods(name))) == steps(_nodes.nodes_of(workflow))


@pytest.mark.parametrize(
    ("seconds", "short", "long"),
    [
        (0, "0s", "0 seconds"),
        (0.9, "0s", "0 seconds"),
        (1, "1s", "1 second"),
        (59.9, "59s", "59 seconds"),
        (60, "1m", "1 minute 0 seconds"),
        (150, "2m", "2 minutes 30 seconds"),
        (3600, "1h", "1 hour 0 minutes"),
        (2 * 3600 + 61, "2h", "2 hours 1 minutes"),
        (86400, "1d", "1 day 0 hours"),
        (16 * 86400, "16d", "2 weeks 0 hours"),
        (61 * 86400, "61d", "2 months 0 hours"),
        (400 * 86400, "400d", "1 year 0 hours"),
        (600 * 86400, "600d", "2 years 0 hours"),
        (1100 * 86400, "1100d", "3 years 0 hours"),
    ],
)
def test_durations_are_written_as_argo_writes_them(seconds: float, short: str, long: str) -> None:
    assert _tree.short_duration(seconds) == short
    assert _tree.long_duration(seconds) == long


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


@given(
    phases=st.lists(st.sampled_from(PHASES), max_size=40),
    lines=st.integers(1, 50),
    width=st.integers(1, 200),
    style=st.builds(_tree.Style, ascii=st.booleans(), colour=st.booleans()),
)
def test_a_screenful_fits_the_screen_and_says_how_many(
    phases: list[str], lines: int, width: int, style: _tree.Style
) -> None:
    workflow = fanout(phases)
    text = _tree.screenful(workflow, workflow["status"]["nodes"], NOON, lines, width, style)
    shown = ESCAPE.sub("", text).split("\n")[:-1]
    assert 1 <= len(shown) <= lines
    assert all(len(line) <= width and line.isprintable() for line in shown)
    if len(phases) + 2 > lines and width == 200:
        for phase in set(phases):
            assert f"{phases.count(phase)} {phase}" in shown[0]


def test_a_screenful_of_a_small_workflow_is_its_tree() -> None:
    workflow = recordings.workflow("fanout-one-fails")
    nodes = _nodes.nodes_of(workflow)
    drawn = _tree.draw(workflow, nodes, NOON)
    assert _tree.screenful(workflow, nodes, NOON).splitlines() == [line.rstrip() for line in drawn.splitlines()]


def test_a_screenful_of_a_big_workflow_shows_the_failed_and_the_running_and_counts_the_rest() -> None:
    workflow = fanout(["Succeeded"] * 90 + ["Failed"] + ["Running"] * 5 + ["Pending"] * 4)
    assert _tree.screenful(workflow, workflow["status"]["nodes"], NOON, lines=6).splitlines() == [
        "● wf  1m  ◷ 4 Pending  ● 5 Running  ✔ 90 Succeeded  ✖ 1 Failed",
        "   ✖ echo(90:item 90)  30s    [2Jgone",
        "   ● echo(91:item 91)  30s",
        "   ● echo(92:item 92)  30s",
        "   ● echo(93:item 93)  30s",
        "   and 2 Running, 4 Pending",
    ]
