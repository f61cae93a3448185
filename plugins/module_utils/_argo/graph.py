# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes of a Workflow, brought up to date by its pods. Private to the collection. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.argo.workflows.plugins.module_utils._argo.gpus import gpu_duration_of
from ansible_collections.argo.workflows.plugins.module_utils._argo.names import (
    name_of,
    node_id,
    parse_node_name,
    pod_node_name,
)
from ansible_collections.argo.workflows.plugins.module_utils._argo.nodes import is_done, phase_of
from ansible_collections.argo.workflows.plugins.module_utils._argo.pods import without_id
from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import (
    DONE_PHASES,
    NODE_DONE_PHASES,
    NODE_ID_ANNOTATION,
    Json,
    at,
)

MAX_LEVELS = 200
"""Templates within templates; Argo itself stops at 100 unless it is told otherwise."""


def _levels(node_name: str) -> int:
    """How deep a node lies, by its name; 0 for none."""
    return len(_ITEM.sub("", node_name).split(".")) if node_name else 0


_ITEM = re.compile(r"\([^()]*\)")


def with_pods(workflow: Json, nodes: Mapping[str, Json], pods: Iterable[Json]) -> dict[str, Json]:
    """The nodes brought up to date by the Workflow's pods; `nodes` itself stays as it is.

    The controller writes its status seldom, so pods start, wait and end before their nodes say so. A node that has
    ended is left alone: then Argo knows more. A pod without a node gets one, and the Retry, StepGroup, Steps or DAG
    nodes above it, as its node name tells them; the first of all is the Workflow's own and ends with it. When the
    Workflow has ended, a Retry node has, too.
    """
    workflow_name = name_of(workflow)
    graph = _Graph(workflow_name, nodes)
    for pod in pods:
        if 0 < _levels(pod_node_name(pod)) <= MAX_LEVELS:
            graph.put(node_of_pod(workflow_name, pod))
    if is_done(workflow):
        graph.end_retries()
        own = node_id(workflow_name, workflow_name)
        if own in graph.nodes and own not in nodes:
            finished = at(workflow, "status", "finishedAt")
            graph.nodes[own] = {**graph.nodes[own], "phase": phase_of(workflow), "finishedAt": finished}
    return graph.nodes


_LIVE_FIELDS = ("phase", "message", "finishedAt", "hostNodeName", "outputs", "resourcesDuration")


def node_of_pod(workflow_name: str, pod: Json) -> dict[str, Any]:
    """A pod of a Workflow as the node (type Pod) that Argo will make of it, as far as the pod tells."""
    metadata, status = pod["metadata"], pod.get("status") or {}
    name = pod_node_name(pod)
    parsed = parse_node_name(workflow_name, name)
    ended: dict[str, Json] = {
        container["name"]: container["state"]["terminated"]
        for container in status.get("containerStatuses") or ()
        if at(container, "state", "terminated")
    }
    node: dict[str, Any] = {
        "id": at(metadata, "annotations", NODE_ID_ANNOTATION) or node_id(workflow_name, name),
        "name": name,
        "displayName": parsed.display_name,
        "type": "Pod",
        "templateName": _template_of(workflow_name, metadata["name"]),
        "phase": _pod_phase(status, ended),
        "message": _pod_message(status, ended.get("main", {})),
        "hostNodeName": at(pod, "spec", "nodeName") or "",
        "startedAt": metadata.get("creationTimestamp"),
        "nodeFlag": {"retried": parsed.attempt is not None},
    }
    if node["phase"] in DONE_PHASES:
        node["finishedAt"] = max((end["finishedAt"] for end in ended.values() if end.get("finishedAt")), default=None)
        node["resourcesDuration"] = gpu_duration_of(pod, ended)
    exit_code = at(ended, "main", "exitCode")
    if exit_code is not None:
        node["outputs"] = {"exitCode": str(exit_code)}
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
            parent = {**known, "children": list(known.get("children") or ())}
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
    phase = status.get("phase") or "Pending"
    if phase == "Failed" and not status.get("message"):
        codes = [ended.get(container, {}).get("exitCode") for container in ("main", "wait")]
        return "Succeeded" if codes == [0, 0] else phase
    return str(phase)


def _pod_message(status: Json, main: Json) -> str:
    if status.get("message"):
        return str(status["message"])
    if main.get("exitCode"):
        return f"main: {main.get('reason', 'Error')} (exit code {main['exitCode']})"
    for container in [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]:
        waiting = at(container, "state", "waiting") or {}
        if waiting.get("message"):
            return f"{waiting.get('reason', 'Waiting')}: {without_id(waiting['message'])}"
    for condition in status.get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return f"{condition.get('reason', '')}: {condition.get('message', '')}"
    return ""
