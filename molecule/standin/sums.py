# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress and resourcesDuration of nodes and Workflow: sums over their pods."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Json = dict[str, Any]

EXECUTABLE = {"Pod", "Suspend"}
"""Node types that have a progress of their own; the others sum up that of their descendants."""


def sum_up(status: Json, nodes: dict[str, Json], ended: set[str]) -> None:
    """Sets the sums in `status` and `nodes`; resourcesDuration only where a node's phase is one of `ended`."""
    for node in nodes.values():
        if node["type"] in EXECUTABLE:
            node["progress"] = "1/1" if node["phase"] == "Succeeded" else "0/1"
    for node in nodes.values():
        below = descendants(nodes, node)
        progress = _progress(below)
        if node["type"] not in EXECUTABLE and progress != "0/0":
            node["progress"] = progress
        if node["type"] != "Pod" and node["phase"] in ended:
            _set_duration(node, below)
    status["progress"] = _progress(nodes.values())
    _set_duration(status, nodes.values())


def descendants(nodes: dict[str, Json], node: Json) -> list[Json]:
    seen: dict[str, Json] = {}
    waiting = list(node.get("children", []))
    while waiting:
        node_id = waiting.pop()
        if node_id not in seen:
            seen[node_id] = nodes[node_id]
            waiting += nodes[node_id].get("children", [])
    return list(seen.values())


def _progress(nodes: Iterable[Json]) -> str:
    shares = [node["progress"].split("/") for node in nodes if node["type"] in EXECUTABLE]
    return f"{sum(int(done) for done, _ in shares)}/{sum(int(total) for _, total in shares)}"


def _set_duration(target: Json, nodes: Iterable[Json]) -> None:
    total: dict[str, int] = {}
    for node in nodes:
        if node["type"] == "Pod":
            for resource, amount in node.get("resourcesDuration", {}).items():
                total[resource] = total.get(resource, 0) + amount
    if total:
        target["resourcesDuration"] = total
