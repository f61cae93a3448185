# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The items of a Workflow and their attempts: what a user waits for. Private to the collection. Pure."""

from __future__ import annotations

import dataclasses
import re
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
from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import NODE_DONE_PHASES, Json, at


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

    The nodes `wf[0].echo(0:a)` (Retry), `wf[0].echo(0:a)(0)` and `wf[0].echo(0:a)(1)` (Pod) are one item, `echo(0:a)`,
    with two attempts.
    """
    nodes = with_pods(workflow, nodes, pods)
    lists, done = Lists(workflow, nodes), is_done(workflow)
    parts = _parts(workflow, nodes)
    items = [_item(each, lists, done) for each in parts.values()]
    starts: dict[str, str] = {}
    for item in items:
        group = parts[item.name].name.group
        starts[group] = min(starts.get(group, "9"), item.started_at or "9")

    def order(item: Item) -> tuple[str, str, int, str]:
        group = parts[item.name].name.group
        return starts[group], group, -1 if item.index is None else item.index, item.name

    return sorted(items, key=order)


@dataclasses.dataclass(slots=True)
class _Parts:
    """What the nodes tell of one item."""

    name: NodeName
    node: Json
    """Its own node; {} if it has none yet."""
    attempts: list[Attempt]


def _parts(workflow: Json, nodes: Mapping[str, Json]) -> dict[str, _Parts]:
    """The parts of each item, by its full node name."""
    found: dict[str, _Parts] = {}
    for node in nodes.values():
        name = _item_node_name(name_of(workflow), node, nodes)
        if name is None:
            continue
        parts = found.setdefault(name.item_name, _Parts(name, {}, []))
        if node["type"] not in ("Retry", "Skipped"):
            parts.attempts.append(attempt_of_node(workflow, node))
        if name.attempt is None:
            parts.node = node
    for parts in found.values():
        parts.attempts.sort(key=lambda attempt: attempt.number)
    return found


def attempt_of_node(workflow: Json, node: Json) -> Attempt:
    """The attempt that a leaf node (type Pod, HTTP, Plugin, Suspend) is."""
    exit_code = at(node, "outputs", "exitCode")
    return Attempt(
        number=parse_node_name(name_of(workflow), node["name"]).attempt or 0,
        name=node["name"],
        node_id=node["id"],
        pod=pod_name_of(workflow, node) if node["type"] == "Pod" else "",
        phase=node.get("phase") or "Pending",
        message=node.get("message") or "",
        exit_code=int(exit_code) if re.fullmatch(r"-?\d+", str(exit_code)) else None,
        node=node.get("hostNodeName") or "",
        started_at=node.get("startedAt"),
        finished_at=node.get("finishedAt"),
        gpu_seconds=gpu_seconds_of(node),
    )


def _item_node_name(workflow_name: str, node: Json, nodes: Mapping[str, Json]) -> NodeName | None:
    """The parsed name of a node that is an item or one of its attempts, else None.

    What has work to do always is (Pod, HTTP, Plugin). Others (Suspend, Skipped) are if they stand for an element of a
    list.
    A Retry node is the item itself, unless what it retries has steps of its own.
    """
    kind = node.get("type")
    if kind == "Retry":
        children = [nodes[child]["type"] for child in node.get("children") or () if child in nodes]
        if any(child not in ("Pod", "HTTP", "Plugin", "Skipped") for child in children):
            return None
        return parse_node_name(workflow_name, node["name"])
    if kind not in ("Pod", "HTTP", "Plugin", "Suspend", "Skipped"):
        return None
    name = parse_node_name(workflow_name, node["name"])
    return name if kind in ("Pod", "HTTP", "Plugin") or name.index is not None else None


def _item(parts: _Parts, lists: Lists, done: bool) -> Item:
    name, node, attempts = parts.name, parts.node, parts.attempts
    first, last = (attempts[0], attempts[-1]) if attempts else (None, None)
    phase, message = _phase(parts, done)
    finished = last.finished_at if last else node.get("finishedAt")
    return Item(
        name=name.item_name,
        display_name=dataclasses.replace(name, attempt=None).display_name,
        step=name.step,
        index=name.index,
        text=name.text,
        value=lists.value(name, node.get("boundaryID")),
        phase=phase,
        message=message,
        started_at=first.started_at if first else node.get("startedAt"),
        finished_at=finished if phase in NODE_DONE_PHASES else None,
        outputs=parameters_of(node.get("outputs")),
        attempts=tuple(attempts),
    )


def _phase(parts: _Parts, done: bool) -> tuple[str, str]:
    """The phase of an item and its message; of one that failed and may be tried again it is Running."""
    node, last = parts.node, parts.attempts[-1] if parts.attempts else None
    if last is None or node.get("phase") in NODE_DONE_PHASES:
        return node.get("phase") or "Pending", node.get("message") or ""
    may_retry = last.phase in ("Failed", "Error") and parts.name.attempt is not None and not done
    return "Running" if may_retry else last.phase, last.message


def summary_of(workflow: Json, nodes: Mapping[str, Json]) -> dict[str, Any]:
    """What a user wants to know of a Workflow, as modules return it; durations in seconds."""
    metadata, status = workflow["metadata"], workflow.get("status") or {}
    started, finished = status.get("startedAt"), status.get("finishedAt")
    return {
        "name": metadata["name"],
        "namespace": metadata["namespace"],
        "uid": metadata["uid"],
        "labels": dict(metadata.get("labels") or {}),
        "phase": phase_of(workflow),
        "status": status_of(workflow, nodes),
        "message": status.get("message") or "",
        "created_at": metadata["creationTimestamp"],
        "started_at": started,
        "finished_at": finished,
        "duration": seconds_between(started, finished),
        "progress": status.get("progress") or "",
        "gpu_seconds": dataclasses.asdict(gpu_seconds(nodes)),
        "item_results": [item.as_dict() for item in items_of(workflow, nodes)],
    }
