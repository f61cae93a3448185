# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The items of a Workflow and their attempts: what a user waits for. Private to the collection. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.argo.workflows.plugins.module_utils._argo.gpus import gpu_seconds, gpu_seconds_of
from ansible_collections.argo.workflows.plugins.module_utils._argo.graph import with_pods
from ansible_collections.argo.workflows.plugins.module_utils._argo.lists import Lists, parameters_of
from ansible_collections.argo.workflows.plugins.module_utils._argo.names import (
    NodeName,
    name_of,
    parse_node_name,
    pod_name_of,
)
from ansible_collections.argo.workflows.plugins.module_utils._argo.nodes import is_done, phase_of, status_of
from ansible_collections.argo.workflows.plugins.module_utils._argo.times import seconds_between
from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import NODE_DONE_PHASES, Json


@dataclasses.dataclass(frozen=True, slots=True)
class Attempt:
    """One pod of an item."""

    number: int
    """From 0, as Argo counts."""
    name: str
    """The full node name."""
    node_id: str
    pod: str
    """The pod's name; empty if the node has none (HTTP, plugin, skipped)."""
    phase: str
    message: str
    exit_code: int | None
    """Of the main container; None while it runs and where nobody knows."""
    node: str
    """The Kubernetes node it runs or ran on; empty before it is scheduled."""
    started_at: str | None
    """When Argo created the pod, RFC 3339."""
    finished_at: str | None
    gpu_seconds: int
    """Seconds times GPUs, as Argo counted them when the pod ended."""

    @property
    def duration(self) -> float | None:
        """Seconds from start to end, the time in the queue included; None before the end."""
        return seconds_between(self.started_at, self.finished_at)


@dataclasses.dataclass(frozen=True, slots=True)
class Item:
    """One element of a fan-out, or, without an index, one leaf step of a Workflow: what a user waits for."""

    name: str
    """The full node name without the attempt; unique in a Workflow."""
    display_name: str
    """As in `echo(0:Argo)`, the attempt left out."""
    step: str
    index: int | None
    text: str | None
    """The item as Argo writes it into the node's name."""
    value: Any
    """The element of the list itself where the Workflow's spec gives it, else what its text says."""
    phase: str
    message: str
    started_at: str | None
    finished_at: str | None
    outputs: Mapping[str, str]
    """The output parameters of its template, by name."""
    attempts: tuple[Attempt, ...]

    @property
    def exit_code(self) -> int | None:
        """The exit code of the last attempt."""
        return self.attempts[-1].exit_code if self.attempts else None

    @property
    def node(self) -> str:
        """The Kubernetes node of the last attempt."""
        return self.attempts[-1].node if self.attempts else ""

    @property
    def duration(self) -> float | None:
        """Seconds from the start of the first attempt to the end of the last; None before the end."""
        return seconds_between(self.started_at, self.finished_at)

    def as_dict(self) -> dict[str, Any]:
        """The item as modules return it."""
        return {
            "index": self.index,
            "value": self.value,
            "name": self.display_name,
            "node_name": self.name,
            "phase": self.phase,
            "message": self.message,
            "exit_code": self.exit_code,
            "node": self.node,
            "started_at": self.started_at,
            "finished_at": self.finished_at,
            "duration": self.duration,
            "outputs": dict(self.outputs),
            "pods": [attempt.pod for attempt in self.attempts if attempt.pod],
            "attempts": [dataclasses.asdict(attempt) | {"duration": attempt.duration} for attempt in self.attempts],
        }


def items_of(workflow: Json, nodes: Mapping[str, Json], pods: Iterable[Json] = ()) -> list[Item]:
    """The items of a Workflow, in the order of their steps' start and of their lists.

    `nodes` is what `nodes_of` gave, {} if it is unreadable. `pods` are the Workflow's pods as far as they are known:
    they are ahead of the nodes while the Workflow runs, and stand in for nodes that cannot be read.
    """
    workflow_name = name_of(workflow)
    nodes = with_pods(workflow, nodes, pods)
    names: dict[str, NodeName] = {}
    attempts: dict[str, list[Attempt]] = {}
    own_nodes: dict[str, Json] = {}
    for node in nodes.values():
        name = _item_node_name(workflow_name, node, nodes)
        if name is None:
            continue
        key = name.item_name
        names.setdefault(key, name)
        found = attempts.setdefault(key, [])
        if node["type"] not in ("Retry", "Skipped"):
            found.append(attempt_of_node(workflow, node))
        if name.attempt is None:
            own_nodes[key] = node

    lists = Lists(workflow, nodes)
    done = is_done(workflow)
    items = []
    for key, found in attempts.items():
        found.sort(key=lambda attempt: attempt.number)
        items.append(_item(names[key], tuple(found), own_nodes.get(key), lists, done))

    group_start: dict[str, str] = {}
    for item in items:
        group = names[item.name].group
        group_start[group] = min(group_start.get(group, "9"), item.started_at or "9")

    def order(item: Item) -> tuple[str, str, int, str]:
        group = names[item.name].group
        return group_start[group], group, -1 if item.index is None else item.index, item.name

    return sorted(items, key=order)


def attempt_of_node(workflow: Json, node: Json) -> Attempt:
    """The attempt that a leaf node (type Pod, HTTP, Plugin, Suspend) is."""
    exit_code = (node.get("outputs") or {}).get("exitCode")
    return Attempt(
        number=parse_node_name(name_of(workflow), node["name"]).attempt or 0,
        name=node["name"],
        node_id=node["id"],
        pod=pod_name_of(workflow, node) if node["type"] == "Pod" else "",
        phase=node.get("phase", "Pending"),
        message=node.get("message", ""),
        exit_code=int(exit_code) if exit_code is not None else None,
        node=node.get("hostNodeName", ""),
        started_at=node.get("startedAt"),
        finished_at=node.get("finishedAt"),
        gpu_seconds=gpu_seconds_of(node),
    )


def _item_node_name(workflow_name: str, node: Json, nodes: Mapping[str, Json]) -> NodeName | None:
    """The parsed name of a node that is an item or one of its attempts, else None.

    Pods always are. Nodes without a pod (HTTP, Plugin, Suspend, Skipped) are if they stand for an element of a list.
    A Retry node is the item itself, unless what it retries has steps of its own.
    """
    kind = node.get("type")
    if kind == "Retry":
        children = [nodes[child]["type"] for child in node.get("children", []) if child in nodes]
        if any(child not in ("Pod", "HTTP", "Plugin", "Skipped") for child in children):
            return None
        return parse_node_name(workflow_name, node["name"])
    if kind not in ("Pod", "HTTP", "Plugin", "Suspend", "Skipped"):
        return None
    name = parse_node_name(workflow_name, node["name"])
    return name if kind == "Pod" or name.index is not None else None


def _item(name: NodeName, attempts: tuple[Attempt, ...], node: Json | None, lists: Lists, done: bool) -> Item:
    last = attempts[-1] if attempts else None
    if node and (node.get("phase") in NODE_DONE_PHASES or not last):
        phase, message = node["phase"], node.get("message", "")
    elif last:
        may_retry = last.phase in ("Failed", "Error") and name.attempt is not None and not done
        phase, message = "Running" if may_retry else last.phase, last.message
    else:
        phase, message = "Pending", ""
    finished = last.finished_at if last else (node or {}).get("finishedAt")
    return Item(
        name=name.item_name,
        display_name=dataclasses.replace(name, attempt=None).display_name,
        step=name.step,
        index=name.index,
        text=name.text,
        value=lists.value(name, (node or {}).get("boundaryID")),
        phase=phase,
        message=message,
        started_at=attempts[0].started_at if attempts else (node or {}).get("startedAt"),
        finished_at=finished if phase in NODE_DONE_PHASES else None,
        outputs=parameters_of((node or {}).get("outputs") or {}),
        attempts=attempts,
    )


def summary_of(workflow: Json, nodes: Mapping[str, Json]) -> dict[str, Any]:
    """What a user wants to know of a Workflow, as modules return it; durations in seconds."""
    metadata, status = workflow["metadata"], workflow.get("status", {})
    started, finished = status.get("startedAt"), status.get("finishedAt")
    return {
        "name": metadata["name"],
        "namespace": metadata["namespace"],
        "uid": metadata["uid"],
        "labels": dict(metadata.get("labels") or {}),
        "phase": phase_of(workflow),
        "status": status_of(workflow, nodes),
        "message": status.get("message", ""),
        "created_at": metadata["creationTimestamp"],
        "started_at": started,
        "finished_at": finished,
        "duration": seconds_between(started, finished),
        "progress": status.get("progress", ""),
        "gpu_seconds": dataclasses.asdict(gpu_seconds(nodes)),
        "item_results": [item.as_dict() for item in items_of(workflow, nodes)],
    }
