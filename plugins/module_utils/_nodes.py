# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The node model of a Workflow: its nodes, its items and their attempts, and the names Argo gives them.

Private to the collection. Pure: plain dicts as the API server returns them go in, plain values come out.
The rules of names and of the node graph are those of Argo Workflows v4.1.
"""

from __future__ import annotations

import base64
import dataclasses
import datetime
import gzip
import importlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Json = Mapping[str, Any]

DONE_PHASES = frozenset({"Succeeded", "Failed", "Error"})
"""The phases a Workflow ends in."""
NODE_DONE_PHASES = DONE_PHASES | {"Skipped", "Omitted"}
"""The phases a node ends in."""

COMPLETED_LABEL = "workflows.argoproj.io/completed"
PHASE_LABEL = "workflows.argoproj.io/phase"
POD_NAME_FORMAT_ANNOTATION = "workflows.argoproj.io/pod-name-format"
NODE_NAME_ANNOTATION = "workflows.argoproj.io/node-name"
NODE_ID_ANNOTATION = "workflows.argoproj.io/node-id"

_MAX_POD_NAME_PREFIX = 242  # a resource name has 253 characters, the hash has 10 digits and a dash
_CONTAINER_ID = re.compile(r' "[0-9a-f]{64}"')
_GPU_RESOURCE = re.compile(r".*/(gpu|gpu\.shared|mig-.+)|gpu\.intel\.com/(i915|xe)")
_ITEM = re.compile(r"([^.()]*)\((\d+):([^()]*)\)")
_WHOLE_REFERENCE = re.compile(r"\{\{\s*(workflow|inputs)\.parameters\.([A-Za-z0-9_-]+)\s*\}\}")


class NodesError(Exception):
    """The nodes of a Workflow cannot be read from the object; the text says why and what to do."""


# --- the Workflow ---------------------------------------------------------------------------------------------------


def phase_of(workflow: Json) -> str:
    """The phase of a Workflow; one that the controller has not seen yet is "Pending".

    Works on the whole object and on its metadata alone (PartialObjectMetadata), where the phase is a label. Where the
    metadata are newer than the status, it is the end that only one of them knows.
    """
    phases = [workflow.get("status", {}).get("phase"), _labels(workflow).get(PHASE_LABEL)]
    return str(max(filter(None, phases), key=DONE_PHASES.__contains__, default="Pending"))


def is_done(workflow: Json) -> bool:
    """Whether a Workflow has ended. `finishedAt` is no sign of it: some ends never set it (argo-workflows#13550)."""
    return phase_of(workflow) in DONE_PHASES or _labels(workflow).get(COMPLETED_LABEL) == "true"


def status_of(workflow: Json, nodes: Mapping[str, Json]) -> str:
    """The phase with what `argo get` adds to it: "Running (Suspended)", "Failed (Terminated)"."""
    phase = phase_of(workflow)
    spec = workflow.get("spec", {})
    if phase == "Running" and (spec.get("suspend") or any(map(is_active_suspend, nodes.values()))):
        return "Running (Suspended)"
    if phase == "Failed" and spec.get("shutdown"):
        return "Failed (Terminated)"
    return phase


def is_active_suspend(node: Json) -> bool:
    """Whether a node is a Suspend step that waits to be resumed."""
    return node.get("type") == "Suspend" and node.get("phase") == "Running"


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
        "items": [item.as_dict() for item in items_of(workflow, nodes)],
    }


def nodes_of(workflow: Json) -> dict[str, dict[str, Any]]:
    """The nodes of a Workflow by node ID, decompressed if the controller compressed them; {} before it has any.

    Raises NodesError for statuses kept in the controller's database, for a compression whose library is
    missing, and for damaged data.
    """
    status = workflow.get("status", {})
    if status.get("nodes"):
        return dict(status["nodes"])
    if status.get("compressedNodes"):
        return _decompress(_name(workflow), status["compressedNodes"])
    if status.get("offloadNodeStatusVersion"):
        raise NodesError(
            f"The nodes of the workflow {_name(workflow)} are offloaded to the controller's database, "
            "where only the Argo Server can read them."
        )
    return {}


def _decompress(workflow_name: str, compressed: str) -> dict[str, dict[str, Any]]:
    try:
        data = base64.b64decode(compressed, validate=True)
        if data[:2] == b"\x1f\x8b":
            text = gzip.decompress(data)
        elif data[:4] == b"\x28\xb5\x2f\xfd":
            text = _library("zstandard", "zstd", workflow_name).ZstdDecompressor().decompressobj().decompress(data)
        else:
            text = _library("brotli", "brotli", workflow_name).decompress(data)
        return dict(json.loads(text))
    except NodesError:
        raise
    except Exception as error:  # every library has its own exceptions for damaged data
        raise NodesError(
            f"The compressed nodes of the workflow {workflow_name} cannot be decompressed: {error}"
        ) from error


def _library(module: str, algorithm: str, workflow_name: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise NodesError(
            f"The nodes of the workflow {workflow_name} are compressed with {algorithm}, which needs the Python "
            f"library {module}: install it where the module runs, or set WORKFLOW_COMPRESSION_ALGORITHM=gzip on the "
            "controller."
        ) from error


# --- names ----------------------------------------------------------------------------------------------------------


def fnv1a32(text: str) -> int:
    """The 32-bit FNV-1a hash that Argo's node IDs and pod names end in."""
    value = 0x811C9DC5
    for byte in text.encode():
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value


def node_id(workflow_name: str, node_name: str) -> str:
    """The key in status.nodes of the node called `node_name`."""
    return workflow_name if node_name == workflow_name else f"{workflow_name}-{fnv1a32(node_name)}"


def pod_name(workflow_name: str, node_name: str, template_name: str = "", version: str = "v2") -> str:
    """The name of the pod of a node; `version` is what the Workflow's annotation pod-name-format says."""
    if version == "v1":
        return node_id(workflow_name, node_name)
    if node_name == workflow_name:
        return workflow_name
    prefix = f"{workflow_name}-{template_name}" if template_name else workflow_name
    return f"{prefix[:_MAX_POD_NAME_PREFIX]}-{fnv1a32(node_name)}"


def pod_name_of(workflow: Json, node: Json) -> str:
    """The name of the pod of a node of this Workflow."""
    version = workflow.get("metadata", {}).get("annotations", {}).get(POD_NAME_FORMAT_ANNOTATION, "v2")
    template = (node.get("templateRef") or {}).get("template") or node.get("templateName", "")
    return pod_name(_name(workflow), node["name"], template, version)


def pod_node_name(pod: Json) -> str:
    """The full name of the node a pod belongs to, from its annotation; "" for a pod that is not Argo's."""
    return str(pod.get("metadata", {}).get("annotations", {}).get(NODE_NAME_ANNOTATION, ""))


def collisions(workflow_name: str, node_names: Iterable[str]) -> list[tuple[str, str]]:
    """The pairs of different node names that get the same node ID.

    Argo v4.1.2 silently never runs the second one (argo-workflows#16376).
    """
    seen: dict[str, str] = {}
    pairs = []
    for name in node_names:
        first = seen.setdefault(node_id(workflow_name, name), name)
        if first != name:
            pairs.append((first, name))
    return pairs


@dataclasses.dataclass(frozen=True, slots=True)
class NodeName:
    """A node's name taken apart: `wf[0].echo(1:b)(2)` is step echo, item 1, text b, attempt 2, group `wf[0].echo`."""

    group: str
    """The name without item and attempt: the same for all items of one fan-out."""
    step: str
    """The step's or task's own name; the workflow's for its root."""
    index: int | None
    """The place of the item in its list; None outside of a fan-out."""
    text: str | None
    """The item as Argo writes it into the name: JSON without the quotes of a string and without any parentheses."""
    hook: str
    """".onExit" or ".hooks.NAME" for a hook of the step, else empty."""
    attempt: int | None
    """The number of the retry, from 0; None where the template has no retryStrategy."""

    @property
    def item_name(self) -> str:
        """The node name of the item: all its attempts have it in common."""
        return f"{self.group}{self._suffix}"

    @property
    def around(self) -> list[tuple[str, str, str]]:
        """Step, index and text of each item whose steps this is one of, the outermost first."""
        return _ITEM.findall(self.group)

    @property
    def display_name(self) -> str:
        """The name that `argo get` shows, as in `echo(0:Argo)(0)`."""
        attempt = "" if self.attempt is None else f"({self.attempt})"
        return f"{self.step}{self._suffix}{attempt}"

    @property
    def _suffix(self) -> str:
        item = "" if self.index is None else f"({self.index}:{self.text})"
        return f"{item}{self.hook}"


def parse_node_name(workflow_name: str, node_name: str) -> NodeName:
    """Take the full name of a node that may have a pod apart.

    It is read from its end, where nothing is ambiguous: Argo removes parentheses from an item's text, an item always
    has a colon, an attempt never, and names of steps have neither dots nor parentheses.
    """
    rest, attempt = node_name, None
    head, inside = _last_group(rest)
    if inside.isdecimal():
        rest, attempt = head, int(inside)
    rest, hook = _cut_hook(rest)
    index, text = None, None
    head, inside = _last_group(rest)
    number, colon, value = inside.partition(":")
    if colon and number.isdecimal():
        rest, index, text = head, int(number), value
    step = rest if rest == workflow_name else rest.rpartition(".")[2]
    return NodeName(rest, step, index, text, hook, attempt)


def display_name(workflow_name: str, node_name: str) -> str:
    """The name that `argo get` shows for a node that may have a pod, as in `echo(0:Argo)(0)`."""
    return parse_node_name(workflow_name, node_name).display_name


def _last_group(name: str) -> tuple[str, str]:
    """Split "a(b)(c)" into "a(b)" and "c"; the second is empty if the name does not end in parentheses."""
    if not name.endswith(")"):
        return name, ""
    head, inside = name[:-1].rsplit("(", 1)
    return head, inside


def _cut_hook(name: str) -> tuple[str, str]:
    if name.endswith(".onExit"):
        return name.removesuffix(".onExit"), ".onExit"
    head, separator, hook = name.rpartition(".hooks.")
    if separator and not re.search(r"[.()\[\]]", hook):
        return head, separator + hook
    return name, ""


# --- items and attempts ---------------------------------------------------------------------------------------------


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
    workflow_name = _name(workflow)
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

    lists = _Lists(workflow, nodes)
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
        number=parse_node_name(_name(workflow), node["name"]).attempt or 0,
        name=node["name"],
        node_id=node["id"],
        pod=pod_name_of(workflow, node) if node["type"] == "Pod" else "",
        phase=node.get("phase", "Pending"),
        message=node.get("message", ""),
        exit_code=int(exit_code) if exit_code is not None else None,
        node=node.get("hostNodeName", ""),
        started_at=node.get("startedAt"),
        finished_at=node.get("finishedAt"),
        gpu_seconds=_gpu_seconds(node),
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


def _item(name: NodeName, attempts: tuple[Attempt, ...], node: Json | None, lists: _Lists, done: bool) -> Item:
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
        outputs=_parameters((node or {}).get("outputs") or {}),
        attempts=attempts,
    )


class _Lists:
    """The lists that a Workflow fans out over, as far as its spec and its nodes' inputs give them."""

    def __init__(self, workflow: Json, nodes: Mapping[str, Json]) -> None:
        self._nodes = nodes
        self._spec = workflow.get("status", {}).get("storedWorkflowTemplateSpec") or workflow.get("spec", {})
        own = workflow.get("spec", {}).get("arguments", {})
        self._parameters = _parameters(self._spec.get("arguments", {})) | _parameters(own)
        self._steps: dict[str, list[tuple[str, Json]]] = {}
        for template in self._spec.get("templates", []):
            for step in _steps_of(template):
                self._steps.setdefault(step.get("name", ""), []).append((template.get("name", ""), step))
        self._resolved: dict[tuple[str, str | None], list[Any]] = {}

    def value(self, name: NodeName, boundary_id: str | None) -> Any:
        """The element `name` stands for: from its list, else as far as its text tells; None outside of a fan-out."""
        if name.index is None:
            return None
        key = (name.step, boundary_id)
        if key not in self._resolved:
            self._resolved[key] = self._resolve(*key)
        if name.index < len(self._resolved[key]):
            return self._resolved[key][name.index]
        try:
            return json.loads(f'"{name.text}"')
        except ValueError:
            return name.text

    def _resolve(self, step_name: str, boundary_id: str | None) -> list[Any]:
        boundary = self._nodes.get(boundary_id or "", {})
        steps = self._steps.get(step_name, [])
        if boundary.get("templateName"):
            steps = [(template, step) for template, step in steps if template == boundary["templateName"]]
        if len(steps) != 1:
            return []
        step = steps[0][1]
        if isinstance(step.get("withItems"), list):
            return list(step["withItems"])
        text = step.get("withParam") or ""
        reference = _WHOLE_REFERENCE.fullmatch(text.strip())
        if reference:
            scope = self._parameters if reference[1] == "workflow" else _parameters(boundary.get("inputs", {}))
            text = scope.get(reference[2], "")
        try:
            values = json.loads(text)
        except ValueError:
            return []
        return values if isinstance(values, list) else []


def _steps_of(template: Json) -> Iterator[Json]:
    for group in template.get("steps") or []:
        yield from group
    yield from (template.get("dag") or {}).get("tasks", [])


def _parameters(arguments: Json) -> dict[str, str]:
    return {p["name"]: p["value"] for p in arguments.get("parameters") or [] if p.get("value") is not None}


# --- pods, which are ahead of the nodes -----------------------------------------------------------------------------


def with_pods(workflow: Json, nodes: Mapping[str, Json], pods: Iterable[Json]) -> dict[str, Json]:
    """The nodes brought up to date by the Workflow's pods; `nodes` itself stays as it is.

    The controller writes its status seldom, so pods start, wait and end before their nodes say so. A node that has
    ended is left alone: then Argo knows more. A pod without a node gets one, and the Retry, StepGroup, Steps or DAG
    nodes above it, as its node name tells them; the first of all is the Workflow's own and ends with it. When the
    Workflow has ended, a Retry node has, too.
    """
    workflow_name = _name(workflow)
    graph = _Graph(workflow_name, nodes)
    for pod in pods:
        if pod_node_name(pod):
            graph.put(node_of_pod(workflow_name, pod))
    if is_done(workflow):
        graph.end_retries()
        own = node_id(workflow_name, workflow_name)
        if own in graph.nodes and own not in nodes:
            finished = workflow.get("status", {}).get("finishedAt")
            graph.nodes[own] = {**graph.nodes[own], "phase": phase_of(workflow), "finishedAt": finished}
    return graph.nodes


_LIVE_FIELDS = ("phase", "message", "finishedAt", "hostNodeName", "outputs", "resourcesDuration")


def node_of_pod(workflow_name: str, pod: Json) -> dict[str, Any]:
    """A pod of a Workflow as the node (type Pod) that Argo will make of it, as far as the pod tells."""
    metadata, status = pod["metadata"], pod.get("status", {})
    name = pod_node_name(pod)
    parsed = parse_node_name(workflow_name, name)
    containers = status.get("containerStatuses", [])
    ended: dict[str, Json] = {
        c["name"]: c["state"]["terminated"] for c in containers if c.get("state", {}).get("terminated")
    }
    node: dict[str, Any] = {
        "id": metadata.get("annotations", {}).get(NODE_ID_ANNOTATION) or node_id(workflow_name, name),
        "name": name,
        "displayName": parsed.display_name,
        "type": "Pod",
        "templateName": _template_of(workflow_name, metadata["name"]),
        "phase": _pod_phase(status, ended),
        "message": _pod_message(status, ended.get("main", {})),
        "hostNodeName": pod.get("spec", {}).get("nodeName", ""),
        "startedAt": metadata.get("creationTimestamp"),
        "nodeFlag": {"retried": parsed.attempt is not None},
    }
    if node["phase"] in DONE_PHASES:
        node["finishedAt"] = max((end["finishedAt"] for end in ended.values() if end.get("finishedAt")), default=None)
        node["resourcesDuration"] = _gpu_duration(pod, ended)
    if "exitCode" in ended.get("main", {}):
        node["outputs"] = {"exitCode": str(ended["main"]["exitCode"])}
    return node


def _template_of(workflow_name: str, name: str) -> str:
    """The template in a pod's name of the form v2, `<workflow>-<template>-<hash>`."""
    return name.removeprefix(f"{workflow_name}-").rpartition("-")[0]


class _Graph:
    """Nodes to which pods are added; what it was made from is copied where it changes."""

    def __init__(self, workflow_name: str, nodes: Mapping[str, Json]) -> None:
        self.nodes: dict[str, Json] = dict(nodes)
        self._workflow_name = workflow_name
        self._parents: dict[str, dict[str, Any]] = {}

    def put(self, node: dict[str, Any]) -> None:
        known = self.nodes.get(node["id"])
        if known is None:
            self.nodes[node["id"]] = node
            self._attach(node)
        elif known.get("phase") not in NODE_DONE_PHASES:
            live = {field: node[field] for field in _LIVE_FIELDS if field in node}
            self.nodes[node["id"]] = {**known, **live}

    def _attach(self, node: dict[str, Any]) -> None:
        """Hang a new node below its parent, as the names say.

        `X(0)` is an attempt of the Retry node X, `X[1].step` is in the StepGroup `X[1]` of the Steps node X, `X.task`
        is in the DAG node X; an item in the last part (`X.task(0:a)`) changes nothing.
        """
        name: str = node["name"]
        if name in (self._workflow_name, f"{self._workflow_name}.onExit"):
            return
        parsed = parse_node_name(self._workflow_name, name)
        if parsed.attempt is not None:
            retry = self._parent(parsed.item_name, "Retry", node)
            retry["children"].append(node["id"])
            node["boundaryID"] = retry.get("boundaryID")
            return
        above = parsed.group.rpartition(".")[0]
        if above.endswith("]"):
            node["boundaryID"] = self._parent(above.rpartition("[")[0], "Steps", node)["id"]
            group = self._parent(above, "StepGroup", node)
            group["boundaryID"] = node["boundaryID"]
            group["children"].append(node["id"])
        else:
            node["boundaryID"] = self._parent(above, "DAG", node)["id"]

    def _parent(self, name: str, kind: str, child: Json) -> dict[str, Any]:
        """The node called `name`, made if missing, as a dict that may be changed."""
        key = node_id(self._workflow_name, name)
        if key in self._parents:
            return self._parents[key]
        known = self.nodes.get(key)
        if known:
            parent = {**known, "children": list(known.get("children", []))}
        else:
            parent = {
                "id": key,
                "name": name,
                "displayName": parse_node_name(self._workflow_name, name).display_name,
                "type": kind,
                "phase": "Running",
                "startedAt": child["startedAt"],
                "children": [],
            }
        self.nodes[key] = self._parents[key] = parent
        if not known and kind != "StepGroup":
            self._attach(parent)
        return parent

    def end_retries(self) -> None:
        """Nothing is tried any more: each Retry node that was made ends as its last attempt has."""

        def attempt(node: Json) -> int:
            return parse_node_name(self._workflow_name, node["name"]).attempt or 0

        for retry in self._parents.values():
            if retry["type"] == "Retry" and retry["phase"] == "Running":
                last = max((self.nodes[child] for child in retry["children"]), key=attempt)
                if last["phase"] in DONE_PHASES:
                    retry.update(phase=last["phase"], finishedAt=last.get("finishedAt"))


def _pod_phase(status: Json, ended: Mapping[str, Json]) -> str:
    """The pod's phase; as in Argo, sidecars that were killed at the end don't make it fail."""
    phase = status.get("phase", "Pending")
    if phase == "Failed" and not status.get("message"):
        codes = [ended.get(container, {}).get("exitCode") for container in ("main", "wait")]
        return "Succeeded" if codes == [0, 0] else phase
    return str(phase)


def _pod_message(status: Json, main: Json) -> str:
    if status.get("message"):
        return str(status["message"])
    if main.get("exitCode"):
        return f"main: {main.get('reason', 'Error')} (exit code {main['exitCode']})"
    for container in [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]:
        waiting = container.get("state", {}).get("waiting") or {}
        if waiting.get("message"):
            return f"{waiting.get('reason', 'Waiting')}: {without_id(waiting['message'])}"
    for condition in status.get("conditions", []):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return f"{condition.get('reason', '')}: {condition.get('message', '')}"
    return ""


def without_id(message: str) -> str:
    """A container runtime's message without the container's ID, which is another at each attempt to start it."""
    return _CONTAINER_ID.sub("", message)


# --- GPU time -------------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class GpuSeconds:
    """Seconds times GPUs, as Argo counts them when a pod ends."""

    total: int
    failed: int
    """The part of it spent on attempts that failed."""


def gpu_seconds(nodes: Mapping[str, Json]) -> GpuSeconds:
    """The GPU-seconds of all pods of a Workflow; pods that still run are not in it."""
    pods = [node for node in nodes.values() if node.get("type") == "Pod"]
    return GpuSeconds(
        total=sum(map(_gpu_seconds, pods)),
        failed=sum(_gpu_seconds(node) for node in pods if node.get("phase") in ("Failed", "Error")),
    )


def gpus_of(container: Json) -> dict[str, int]:
    """The GPUs that a pod's container is given, by resource; Kubernetes gives out whole ones only."""
    limits = container.get("resources", {}).get("limits") or {}
    return {
        resource: int(count)
        for resource, count in limits.items()
        if _GPU_RESOURCE.fullmatch(resource) and str(count).isdecimal()
    }


def _gpu_duration(pod: Json, ended: Mapping[str, Json]) -> dict[str, int]:
    """The GPU part of Argo's `resourcesDuration`: each container's whole seconds times its GPUs, by resource."""
    total: dict[str, int] = {}
    for container in pod.get("spec", {}).get("containers", []):
        end = ended.get(container["name"], {})
        seconds = int(seconds_between(end.get("startedAt"), end.get("finishedAt")) or 0)
        for resource, count in gpus_of(container).items():
            total[resource] = total.get(resource, 0) + count * seconds
    return total


def _gpu_seconds(node: Json) -> int:
    durations = node.get("resourcesDuration") or {}
    return sum(seconds for resource, seconds in durations.items() if _GPU_RESOURCE.fullmatch(resource))


# --- small things ---------------------------------------------------------------------------------------------------


def parse_time(text: str | None) -> datetime.datetime | None:
    """A timestamp of the Kubernetes API (RFC 3339) as an aware datetime; None for None and ""."""
    return datetime.datetime.fromisoformat(text) if text else None


def seconds_between(start: str | None, end: str | None) -> float | None:
    """Seconds between two timestamps of the API; None if one is missing."""
    first, last = parse_time(start), parse_time(end)
    return (last - first).total_seconds() if first and last else None


def _name(workflow: Json) -> str:
    return str(workflow.get("metadata", {}).get("name", ""))


def _labels(workflow: Json) -> Json:
    return workflow.get("metadata", {}).get("labels") or {}
