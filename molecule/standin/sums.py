# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress and resourcesDuration of nodes and Workflow: sums over their pods."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from . import Json

EXECUTABLE = {"Pod", "Suspend"}
"""Node types that have a progress of their own; the others sum up that of their descendants."""


def sum_up(status: Json, nodes: dict[str, Json], ended: set[str]) -> None:
    """Sets the sums in `status` and `nodes`; resourcesDuration only where a node's phase is one of `ended`."""
    for node in nodes.values():
        if node["type"] in EXECUTABLE:
            node["progress"] = _progress([node])
        elif any(below["type"] in EXECUTABLE for below in descendants(nodes, node)):
            node["progress"] = _progress(descendants(nodes, node))
        if node["type"] != "Pod" and node["phase"] in ended:
            _set_duration(node, descendants(nodes, node))
    status["progress"] = _progress(nodes.values())
    _set_duration(status, nodes.values())


def descendants(nodes: dict[str, Json], node: Json) -> Collection[Json]:
    seen: dict[str, Json] = {}
    waiting = list(node.get("children", []))
    while waiting:
        node_id = waiting.pop()
        if node_id not in seen:
            seen[node_id] = nodes[node_id]
            waiting += nodes[node_id].get("children", [])
    return seen.values()


def _progress(nodes: Collection[Json]) -> str:
    phases = [node["phase"] for node in nodes if node["type"] in EXECUTABLE]
    return f"{phases.count('Succeeded')}/{len(phases)}"


def _set_duration(target: Json, nodes: Collection[Json]) -> None:
    total: Counter[str] = Counter()
    for node in nodes:
        total.update(node.get("resourcesDuration", {}) if node["type"] == "Pod" else {})
    if total:
        target["resourcesDuration"] = dict(total)
