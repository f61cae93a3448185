# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Draw a Workflow as `argo get` of Argo Workflows v4.1 draws it, and smaller where it has to fit a screen.

Private to the collection. Pure: the time and the time zone come from the caller.
"""

from __future__ import annotations

import collections
import datetime
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypedDict

from ansible_collections.argo.workflows.plugins.module_utils._argo.items import Item, items_of
from ansible_collections.argo.workflows.plugins.module_utils._argo.names import node_id, pod_name_of
from ansible_collections.argo.workflows.plugins.module_utils._argo.nodes import is_active_suspend
from ansible_collections.argo.workflows.plugins.module_utils._argo.times import parse_time, short_duration
from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import Json

_SIGNS = {"Pending": "◷", "Running": "●", "Succeeded": "✔", "Skipped": "○", "Failed": "✖", "Error": "⚠"}
"""A phase's sign; Omitted has none, nor has a phase that Argo does not know."""
_SUSPENDED = "ǁ"
_PHASES = {sign: phase for phase, sign in _SIGNS.items()} | {_SUSPENDED: "Running"}
_BRANCHES = {"├": "|", "└": "`", "│": "|", "─": "-", "┬": "-"}
"""What stands before a sign, and how a terminal shows it that knows no more than ASCII."""
_EDGE = " " + "".join(_BRANCHES)
_PLAIN = str.maketrans(_BRANCHES | _PHASES | {_SUSPENDED: "Suspended", "…": "..."})


def draw(workflow: Json, nodes: Mapping[str, Json], now: datetime.datetime) -> str:
    """The table of `argo get` from the line STEP on, every line ended; empty before the Workflow has a root node."""
    name = workflow["metadata"]["name"]
    if name not in nodes:
        return ""
    children = _children(nodes)
    rows = [["STEP", "TEMPLATE", "PODNAME", "DURATION", "MESSAGE"]]

    def add(node: Json, prefix: str) -> None:
        rows.append([prefix + _label(node), *_columns(workflow, node, now), ""])

    for node, prefix in _walk(nodes[name], " ", " ", children):
        add(node, prefix)
    exit_handler = nodes.get(node_id(name, f"{name}.onExit"))
    if exit_handler:
        rows.append([""] * 6)
        for node, prefix in _walk(exit_handler, " ", " ", children):
            add(node, prefix)
    return _align(rows)


def _label(node: Json) -> str:
    sign = _SUSPENDED if is_active_suspend(node) else _SIGNS.get(node.get("phase") or "", "")
    return f"{sign} {node['displayName']}"


def _columns(workflow: Json, node: Json, now: datetime.datetime) -> list[str]:
    """The cells TEMPLATE, PODNAME, DURATION and MESSAGE of a node."""
    reference = node.get("templateRef")
    template = f"{reference['name']}/{reference['template']}" if reference else node.get("templateName") or ""
    if node["type"] != "Pod":
        return [template, "", "", node.get("message") or ""]
    duration = short_duration(_elapsed(node, now))
    return [template, pod_name_of(workflow, node), duration, node.get("message") or ""]


def _children(nodes: Mapping[str, Json]) -> dict[str, list[Json]]:
    """The nodes drawn below each node, in order.

    A child of a StepGroup or a Retry node is drawn below it, any other node below its boundary, the Steps or DAG node
    that its step is written in. TaskGroup and Container nodes are not drawn.
    """
    parents = {
        child: node["id"]
        for node in nodes.values()
        if node["type"] in ("StepGroup", "Retry")
        for child in node.get("children") or []
    }
    below: dict[str, list[Json]] = collections.defaultdict(list)
    for node in nodes.values():
        if node["type"] not in ("TaskGroup", "Container"):
            below[parents.get(node["id"]) or node.get("boundaryID") or ""].append(node)
    return {above: _in_order(siblings) for above, siblings in below.items()}


def _in_order(siblings: Iterable[Json]) -> list[Json]:
    """Siblings by start; of those that started together, the items of a fan-out by index, others by name.

    Where a fan-out started together with other steps, `argo get` changes the order from call to call; here it is kept
    together.
    """

    def start(node: Json) -> str:
        return node.get("startedAt") or ""

    def by_index(node: Json) -> tuple[int, str]:
        return _index(node), node["displayName"]

    def by_step(node: Json) -> tuple[str, int, str]:
        return node["displayName"].partition("(")[0], *by_index(node)

    ordered: list[Json] = []
    for _start, together in itertools.groupby(sorted(siblings, key=start), key=start):
        nodes = list(together)
        is_fan_out = all(_index(node) >= 0 for node in nodes)
        ordered += sorted(nodes, key=by_index if is_fan_out else by_step)
    return ordered


def _index(node: Json) -> int:
    found = re.match(r"[^(:]*\((\d+):", node["displayName"])
    return int(found[1]) if found else -1


def _walk(node: Json, prefix: str, indent: str, children: Mapping[str, Sequence[Json]]) -> Iterator[tuple[Json, str]]:
    """The nodes drawn at and below `node`, each with what stands before its sign.

    `prefix` is for the node's own line, `indent` for the lines below. Hidden nodes (StepGroups, Retry nodes with one
    attempt, omitted ones) draw their children in their own place.
    """
    kind = node["type"]
    is_group = kind == "StepGroup"
    hidden = is_group or (kind == "Retry" and len(node.get("children") or []) == 1)
    hidden = hidden or (kind == "Skipped" and node.get("phase") == "Omitted")
    if not hidden:
        yield node, prefix
    below = children.get(node["id"], [])
    last = len(below) - 1
    for place, child in enumerate(below):
        branch, stem = "", ""
        if not hidden:
            branch, stem = ("└─", "  ") if place == last else ("├─", "│ ")
        elif is_group:
            branch, stem = _group_branch(place, last)
        start = prefix if hidden and place == 0 else indent
        yield from _walk(child, start + branch, indent + stem, children)


def _group_branch(place: int, last: int) -> tuple[str, str]:
    if last == 0:
        return "──", "  "
    if place == 0:
        return "┬─", "│ "
    return ("└─", "  ") if place == last else ("├─", "│ ")


def _align(rows: Sequence[Sequence[str]]) -> str:
    """Lay cells out in columns as Go's text/tabwriter does with a padding of 2, every line ended.

    The last cell of a line belongs to no column. A column reaches over neighbouring lines that have the cell; tabs and
    ends of lines inside of cells make cells and lines.
    """
    text = "\n".join("\t".join(row) for row in rows)
    lines = [re.split(r"[\t\v]", line) for line in re.split(r"[\n\f]", text)]
    widths: list[list[int]] = [[] for line in lines]
    for column in range(max(map(len, lines)) - 1):
        for has_cell, block in itertools.groupby(range(len(lines)), key=lambda i: len(lines[i]) - 1 > column):
            if has_cell:
                members = list(block)
                width = max(len(lines[i][column]) for i in members) + 2
                for i in members:
                    widths[i].append(width)
    return "".join(
        "".join(cell.ljust(width) for cell, width in zip(line, [*line_widths, 0], strict=True)) + "\n"
        for line, line_widths in zip(lines, widths, strict=True)
    )


def _elapsed(node: Json, now: datetime.datetime) -> float:
    start = parse_time(node.get("startedAt"))
    end = parse_time(node.get("finishedAt")) or now
    return (end - start).total_seconds() if start else 0


_NOTABLE = ("Error", "Failed", "Running", "Pending")
_LONGEST_NAME, _LONGEST_MESSAGE = 60, 200
"""Characters on a screen: an item may be an object of many, and each line of a table is as long as its longest."""


def screenful(
    workflow: Json,
    nodes: Mapping[str, Json],
    now: datetime.datetime,
    lines: int = 24,
) -> str:
    """The table if it has at most `lines` lines, else a summary that has: counts by phase, the failed, the running.

    Every node has one line, free of control characters, that ends without spaces.
    """
    drawn: list[str] = []
    fits = sum(node["type"] == "Pod" for node in nodes.values()) < lines  # a pod has always a line
    if fits:
        printable = {key: _printable(node) for key, node in nodes.items()}
        drawn = draw(workflow, printable, now).split("\n")[:-1]
    if not fits or len(drawn) > lines:
        drawn = _summary(workflow, nodes, now, lines)
    return "".join(f"{line.rstrip()}\n" for line in drawn)


def _summary(workflow: Json, nodes: Mapping[str, Json], now: datetime.datetime, lines: int) -> list[str]:
    items = items_of(workflow, nodes)
    counts = collections.Counter(item.phase for item in items)
    root = _printable(nodes[workflow["metadata"]["name"]])
    head = [f"{_label(root)}  {short_duration(_elapsed(root, now))}"]
    for phase in (*_SIGNS, "Omitted"):
        if counts[phase]:
            head.append(f"{_SIGNS.get(phase, '')} {counts[phase]} {phase}".lstrip())
    notable = [item for phase in _NOTABLE for item in items if item.phase == phase]
    room = lines - 1 if len(notable) < lines else lines - 2
    shown, left = notable[: max(room, 0)], notable[max(room, 0) :]
    result = ["  ".join(head), *_align_items(shown, now)]
    if left:
        rest = collections.Counter(item.phase for item in left)
        result.append("   and " + ", ".join(f"{rest[phase]} {phase}" for phase in _NOTABLE if rest[phase]))
    return result[:lines]


def _align_items(items: Iterable[Item], now: datetime.datetime) -> list[str]:
    rows = []
    for item in items:
        attempt = f"attempt {item.attempts[-1].number + 1}" if item.attempts and item.attempts[-1].number else ""
        start = parse_time(item.started_at)
        end = parse_time(item.finished_at) or now
        duration = short_duration((end - start).total_seconds()) if start else ""
        message = (item.attempts[-1].message if item.attempts else "") or item.message
        rows.append(
            [f"   {_SIGNS.get(item.phase, '')} {_name(item.display_name)}", duration, attempt, _message(message)]
        )
    return _align(rows).split("\n")[:-1] if rows else []


def _printable(node: Json) -> dict[str, Any]:
    name, message = _name(node["displayName"]), _message(node.get("message") or "")
    return {**node, "displayName": name, "message": message}


def _name(text: str) -> str:
    return _one_line(text, _LONGEST_NAME)


def _message(text: str) -> str:
    return _one_line(text, _LONGEST_MESSAGE)


def _one_line(text: str, longest: int) -> str:
    """A text without control characters; of a longer one its beginning and its end, where a name has the attempt."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= longest else f"{line[: longest - 20]}…{line[-19:]}"


SCREEN = 24
"""Lines of a tree that are shown; a larger one is summed up."""


class Line(TypedDict):
    """A line of a tree."""

    text: str
    phase: str
    """That of its node; empty where it has none, as the line of titles."""


def plain(text: str) -> str:
    """A line for a terminal that knows no more than ASCII: words stand for signs."""
    return text.translate(_PLAIN)


def accented(line: Line, accent: Callable[[str], str]) -> str:
    """The text of a line, the sign of its phase as `accent` returns it."""
    before, sign, after = _at_sign(line["text"])
    return before + (accent(sign) if sign else "") + after


def _at_sign(text: str) -> tuple[str, str, str]:
    """A line before, at and after its sign; without a sign, all of it is before."""
    place = len(text) - len(text.lstrip(_EDGE))
    if text[place : place + 1] not in _PHASES:
        return text, "", ""
    return text[:place], text[place], text[place + 1 :]


def _line(text: str) -> Line:
    return {"text": text, "phase": _PHASES.get(_at_sign(text)[1], "")}


class TreeView:
    """The tree of one run as it is shown: at first whole, then the lines that have changed, and at last whole again."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._whole = False

    def lines(
        self, workflow: Json, nodes: Mapping[str, Json], wall: datetime.datetime, *, last: bool = False
    ) -> list[Line]:
        """The lines to show now; a line in which nothing but time has passed has not changed."""
        if workflow["metadata"]["name"] not in nodes:
            return []
        drawn = screenful(workflow, nodes, wall, lines=SCREEN).splitlines()
        # Drawn for a fixed instant, a line is the same as before if nothing but time has passed.
        fixed = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)
        keys = [_key(line) for line in screenful(workflow, nodes, fixed, lines=SCREEN).splitlines()]
        changed = [line for line, key in zip(drawn, keys, strict=True) if key not in self._known]
        self._known = {*keys}
        if last and not (self._whole and not changed):
            return [_line(text) for text in drawn]
        self._whole = len(changed) == len(drawn) or (self._whole and not changed)
        return [_line(text) for text in changed]


def _key(line: str) -> str:
    """A line without what its neighbours change: its branches and the width of its columns."""
    return re.sub(r"\s+", " ", line.lstrip(_EDGE))
