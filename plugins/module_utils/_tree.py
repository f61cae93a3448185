# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Draw a Workflow as `argo get` of Argo Workflows v4.1 draws it, and smaller where it has to fit a screen.

Private to the collection. Pure: the time and the time zone come from the caller.
"""

from __future__ import annotations

import collections
import dataclasses
import datetime
import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.argo.workflows.plugins.module_utils import _nodes
from ansible_collections.argo.workflows.plugins.module_utils._nodes import Json

_RED, _GREEN, _YELLOW, _CYAN, _DEFAULT = 31, 32, 33, 36, 39
_ICONS = {
    "Pending": ("◷", _YELLOW),
    "Running": ("●", _CYAN),
    "Succeeded": ("✔", _GREEN),
    "Skipped": ("○", _DEFAULT),
    "Failed": ("✖", _RED),
    "Error": ("⚠", _RED),
}
_SUSPENDED = ("Suspend", "ǁ", _CYAN)
_CONDITION_ICONS = {"MetricsError": ("Error", "✖", _RED), "SpecWarning": ("Warning", "⚠", _YELLOW)}


@dataclasses.dataclass(frozen=True)
class Style:
    """How it is drawn: in plain ASCII (`argo get --no-utf8`), and with colours."""

    ascii: bool = False
    colour: bool = False

    def paint(self, text: str, code: int) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour else text

    def icon(self, phase: str) -> str:
        """The sign of a phase; empty for Omitted and phases that Argo does not know."""
        glyph, code = _ICONS.get(phase, ("", _DEFAULT))
        return self.paint(phase if self.ascii else glyph, code) if glyph else ""


PLAIN = Style()


def get(
    workflow: Json, nodes: Mapping[str, Json], now: datetime.datetime, zone: datetime.tzinfo, style: Style = PLAIN
) -> str:
    """What `argo get` prints: the header, an empty line, the table; without a root node the header alone."""
    table = draw(workflow, nodes, now, style)
    return header(workflow, nodes, now, zone, style) + (f"\n{table}" if table else "")


# --- the table ------------------------------------------------------------------------------------------------------


def draw(workflow: Json, nodes: Mapping[str, Json], now: datetime.datetime, style: Style = PLAIN) -> str:
    """The table of `argo get` from the line STEP on, every line ended; empty before the Workflow has a root node."""
    name = workflow["metadata"]["name"]
    if name not in nodes:
        return ""
    children = _children(nodes)
    rows = [[style.paint("STEP", _DEFAULT), "TEMPLATE", "PODNAME", "DURATION", "MESSAGE"]]

    def add(node: Json, prefix: str) -> None:
        rows.append([prefix + _label(node, style), *_columns(workflow, node, now), ""])

    for node, prefix in _walk(nodes[name], " ", " ", children, style):
        add(node, prefix)
    exit_handler = nodes.get(_nodes.node_id(name, f"{name}.onExit"))
    if exit_handler:
        rows.append([""] * 6)
        for node, prefix in _walk(exit_handler, " ", " ", children, style):
            add(node, prefix)
    return _align(rows)


def _label(node: Json, style: Style) -> str:
    if _nodes.is_active_suspend(node):
        word, glyph, code = _SUSPENDED
        return f"{style.paint(word if style.ascii else glyph, code)} {node['displayName']}"
    return f"{style.icon(node.get('phase', ''))} {node['displayName']}"


def _columns(workflow: Json, node: Json, now: datetime.datetime) -> list[str]:
    """The cells TEMPLATE, PODNAME, DURATION and MESSAGE of a node."""
    reference = node.get("templateRef")
    template = f"{reference['name']}/{reference['template']}" if reference else node.get("templateName", "")
    if node["type"] != "Pod":
        return [template, "", "", node.get("message", "")]
    duration = short_duration(_elapsed(node, now))
    return [template, _nodes.pod_name_of(workflow, node), duration, node.get("message", "")]


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
            below[parents.get(node["id"]) or node.get("boundaryID", "")].append(node)
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


def _walk(
    node: Json, prefix: str, indent: str, children: Mapping[str, Sequence[Json]], style: Style
) -> Iterator[tuple[Json, str]]:
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
        if style.ascii:
            branch, stem = _ASCII_BRANCHES[branch], stem.replace("│", "|")
        start = prefix if hidden and place == 0 else indent
        yield from _walk(child, start + branch, indent + stem, children, style)


_ASCII_BRANCHES = {"": "", "──": "--", "┬─": "+-", "├─": "|-", "└─": "`-"}


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


# --- the header -----------------------------------------------------------------------------------------------------


def header(
    workflow: Json, nodes: Mapping[str, Json], now: datetime.datetime, zone: datetime.tzinfo, style: Style = PLAIN
) -> str:
    """The lines of `argo get` above the table.

    Two things differ: Argo gives the resources of ResourcesDuration in an order that changes from call to call, here
    they are sorted; and output artifacts are left out.
    """
    metadata, status = workflow["metadata"], workflow.get("status", {})
    started, finished = _nodes.parse_time(status.get("startedAt")), _nodes.parse_time(status.get("finishedAt"))
    spec = status.get("storedWorkflowTemplateSpec") or workflow["spec"]
    lines = [
        ("Name:", metadata["name"]),
        ("Namespace:", metadata["namespace"]),
        ("ServiceAccount:", spec.get("serviceAccountName") or _default_account(workflow)),
        ("Status:", _nodes.status_of(workflow, nodes)),
    ]
    if status.get("message"):
        lines.append(("Message:", status["message"]))
    if status.get("conditions"):
        lines.append(("Conditions:", ""))
    for condition in status.get("conditions") or []:
        word, glyph, code = _CONDITION_ICONS.get(condition["type"], ("", "", _DEFAULT))
        icon = style.paint(word if style.ascii else glyph, code) if word else ""
        lines.append((f"{icon} {condition['type']}", condition.get("message") or condition.get("status", "")))
    created = _nodes.parse_time(metadata["creationTimestamp"])
    for title, time in (("Created:", created), ("Started:", started), ("Finished:", finished)):
        if time:
            lines.append((title, f"{_date(time.astimezone(zone))} ({_ago(now - time)})"))
    if started:
        lines.append(("Duration:", long_duration(((finished or now) - started).total_seconds())))
    if status.get("phase") == "Running" and status.get("estimatedDuration"):
        lines.append(("EstimatedDuration:", long_duration(status["estimatedDuration"])))
    lines.append(("Progress:", status.get("progress", "")))
    if status.get("resourcesDuration"):
        lines.append(("ResourcesDuration:", _resources(status["resourcesDuration"])))
    lines += _parameters("Parameters:", spec.get("arguments", {}), ("value",))
    lines += _parameters("Output Parameters:", status.get("outputs", {}), ("value", "default"))
    return "".join(f"{title:20} {value}\n" for title, value in lines)


def _default_account(workflow: Json) -> str:
    if workflow["spec"].get("workflowTemplateRef"):
        return "unset"
    return "unset (will run with the default ServiceAccount)"


def _parameters(title: str, arguments: Json, keys: Sequence[str]) -> list[tuple[str, str]]:
    parameters = arguments.get("parameters") or []
    lines = [(title, "")] if parameters else []
    for parameter in parameters:
        value = next((parameter[key] for key in keys if parameter.get(key) is not None), None)
        if value is not None:
            lines.append((f"  {parameter['name']}:", value if isinstance(value, str) else json.dumps(value)))
    return lines


def _resources(durations: Json) -> str:
    units = {"memory": "100Mi", "storage": "10Gi", "ephemeral-storage": "10Gi"}
    parts = [f"{_go_duration(seconds)}*({units.get(name, '1')} {name})" for name, seconds in sorted(durations.items())]
    return ",".join(parts)


# --- times ----------------------------------------------------------------------------------------------------------

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_WEEK, _MONTH, _YEAR = 7 * _DAY, 30 * _DAY, 360 * _DAY
_UNITS = (("second", 1), ("minute", _MINUTE), ("hour", _HOUR), ("day", _DAY), ("week", _WEEK), ("month", _MONTH))
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def short_duration(seconds: float) -> str:
    """Seconds in one unit, days at most: "7s", "2m", "12d"."""
    whole = int(abs(seconds))
    for unit, size, limit in (("s", 1, _MINUTE), ("m", _MINUTE, _HOUR), ("h", _HOUR, _DAY)):
        if whole < limit:
            return f"{whole // size}{unit}"
    return f"{whole // _DAY}d"


def long_duration(seconds: float) -> str:
    """Seconds in up to two units: "1 minute 30 seconds", "2 weeks 3 hours"."""
    whole = int(abs(seconds))
    if whole < _MINUTE:
        return _rounded(whole)
    for limit, size, unit in ((_HOUR, 1, "seconds"), (_DAY, _MINUTE, "minutes")):
        if whole < limit:
            return f"{_rounded(whole)} {whole % (60 * size) // size} {unit}"
    return f"{_rounded(whole)} {whole % _DAY // _HOUR} hours"


def _rounded(seconds: int) -> str:
    """Whole seconds in one unit, rounded down."""
    if seconds >= 37 * _YEAR:
        return "a long while"
    if seconds >= 2 * _YEAR:
        return f"{seconds // _YEAR} years"
    if seconds >= _YEAR:
        return "1 year" if seconds < 18 * _MONTH else "2 years"
    unit, size = next(((unit, size) for unit, size in reversed(_UNITS) if seconds >= size), _UNITS[0])
    count = seconds // size
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


def _ago(passed: datetime.timedelta) -> str:
    seconds = passed.total_seconds()
    if int(abs(seconds)) == 0:
        return "now"
    return f"{_rounded(int(abs(seconds)))} {'ago' if seconds > 0 else 'from now'}"


def _date(time: datetime.datetime) -> str:
    """As in "Sun Nov 22 15:44:12 +0000", in English whatever the locale."""
    return f"{_DAYS[time.weekday()]} {_MONTHS[time.month - 1]} {time:%d %H:%M:%S %z}"


def _go_duration(seconds: int) -> str:
    """As in "1h0m5s": Go's notation of whole seconds."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m{rest}s"
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"


def _elapsed(node: Json, now: datetime.datetime) -> float:
    start = _nodes.parse_time(node.get("startedAt"))
    end = _nodes.parse_time(node.get("finishedAt")) or now
    return (end - start).total_seconds() if start else 0


# --- a screenful ----------------------------------------------------------------------------------------------------

_NOTABLE = ("Error", "Failed", "Running", "Pending")


def screenful(
    workflow: Json,
    nodes: Mapping[str, Json],
    now: datetime.datetime,
    lines: int = 24,
    width: int | None = None,
    style: Style = PLAIN,
) -> str:
    """The table if it has at most `lines` lines, else a summary that has: counts by phase, the failed, the running.

    Every node has one line, free of control characters; lines are cut to `width` characters, if given, and end without
    spaces.
    """
    drawn: list[str] = []
    fits = sum(node["type"] == "Pod" for node in nodes.values()) < lines  # a pod has always a line
    if fits:
        printable = {key: _printable(node) for key, node in nodes.items()}
        drawn = draw(workflow, printable, now, style).split("\n")[:-1]
    if not fits or len(drawn) > lines:
        drawn = _summary(workflow, nodes, now, lines, style)
    return "".join(f"{_cut(line.rstrip(), width)}\n" for line in drawn)


def _summary(workflow: Json, nodes: Mapping[str, Json], now: datetime.datetime, lines: int, style: Style) -> list[str]:
    items = _nodes.items_of(workflow, nodes)
    counts = collections.Counter(item.phase for item in items)
    root = _printable(nodes[workflow["metadata"]["name"]])
    head = [f"{_label(root, style)}  {short_duration(_elapsed(root, now))}"]
    for phase in (*_ICONS, "Omitted"):
        if counts[phase]:
            sign = style.icon(phase)
            head.append(f"{counts[phase]} {phase}" if style.ascii or not sign else f"{sign} {counts[phase]} {phase}")
    notable = [item for phase in _NOTABLE for item in items if item.phase == phase]
    room = lines - 1 if len(notable) < lines else lines - 2
    shown, left = notable[: max(room, 0)], notable[max(room, 0) :]
    result = ["  ".join(head), *_align_items(shown, now, style)]
    if left:
        rest = collections.Counter(item.phase for item in left)
        result.append("   and " + ", ".join(f"{rest[phase]} {phase}" for phase in _NOTABLE if rest[phase]))
    return result[:lines]


def _align_items(items: Iterable[_nodes.Item], now: datetime.datetime, style: Style) -> list[str]:
    rows = []
    for item in items:
        attempt = f"attempt {item.attempts[-1].number + 1}" if item.attempts and item.attempts[-1].number else ""
        start = _nodes.parse_time(item.started)
        end = _nodes.parse_time(item.finished) or now
        duration = short_duration((end - start).total_seconds()) if start else ""
        message = (item.attempts[-1].message if item.attempts else "") or item.message
        rows.append(
            [f"   {style.icon(item.phase)} {_one_line(item.display_name)}", duration, attempt, _one_line(message)]
        )
    return _align(rows).split("\n")[:-1] if rows else []


def _printable(node: Json) -> dict[str, Any]:
    return {**node, "displayName": _one_line(node["displayName"]), "message": _one_line(node.get("message", ""))}


def _one_line(text: str) -> str:
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def _cut(line: str, width: int | None) -> str:
    """The line cut to `width` characters, colour sequences not counted."""
    if width is None:
        return line
    parts, room = [], width
    for part in re.split(r"(\x1b\[\d+m)", line):
        if part.startswith("\x1b"):
            parts.append(part)
        else:
            parts.append(part[:room])
            room -= len(part[:room])
    return "".join(parts)
