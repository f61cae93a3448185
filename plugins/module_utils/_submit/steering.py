# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Suspend, resume, stop, terminate or delete a Workflow that is there. Private to the collection."""

from __future__ import annotations

import base64
import copy
import datetime
import gzip
import json
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from ansible_collections.argo.workflows.plugins.module_utils._argo.nodes import (
    is_active_suspend,
    is_done,
    nodes_of,
    phase_of,
)
from ansible_collections.argo.workflows.plugins.module_utils._argo.times import stamp
from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import Json, at
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.cluster import Cluster
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import FIELD_MANAGER, path
from ansible_collections.argo.workflows.plugins.module_utils._module import UserError
from ansible_collections.argo.workflows.plugins.module_utils._submit.identity import RUN_LABEL, run_label
from ansible_collections.argo.workflows.plugins.module_utils._submit.look import unless_missing
from ansible_collections.argo.workflows.plugins.module_utils._submit.manifest import definition_of

CONFLICTS_SURVIVED = 5
Change: TypeAlias = tuple[bool, dict[str, Any]]
"""Whether a Workflow was changed, and how it is now; {} if it is gone."""
Steer: TypeAlias = Callable[[Cluster, str, dict[str, Any], bool], Change]
"""Brings the Workflow at a path into a state; nothing is changed if the last argument is set."""


def steer(cluster: Cluster, params: Mapping[str, Any], check: bool) -> dict[str, Any]:
    """Bring an existing Workflow into another state, and return what the module returns.

    With run_id it is the one that was submitted with it. Nothing is changed if `check` is set. Raises UserError where
    there is no Workflow, or none that the state is possible for.
    """
    workflow, name, namespace = _existing(cluster, params)
    state = params["state"]
    if workflow is None:
        if state != "absent":
            raise UserError(f"there is no Workflow {name} in {namespace} that could be {state}")
        return {**facts({}, "" if params["run_id"] else name, namespace), "changed": False}
    name = workflow["metadata"]["name"]
    changed, after = STEERS[state](cluster, path("Workflow", namespace, name), workflow, check)
    diff = {"before": _steered(workflow), "after": _steered(after)}
    return {**facts(after, name, namespace), "changed": changed, "diff": diff}


def _existing(cluster: Cluster, params: Mapping[str, Any]) -> tuple[dict[str, Any] | None, str, str]:
    """The Workflow that the options name, what they call it, and its namespace."""
    metadata = definition_of(params, [])["metadata"] if params["src"] or params["definition"] else {}
    namespace = params["namespace"] or metadata.get("namespace") or "argo"
    if params["run_id"]:
        return of_run(cluster, namespace, params["run_id"]), f"with run_id {params['run_id']!r}", namespace
    name = params["name"] or metadata.get("name")
    if not name:
        raise UserError(f"state: {params['state']} needs the Workflow's name or run_id")
    return cluster.find(path("Workflow", namespace, name)), name, namespace


def _steered(workflow: Json) -> dict[str, Any]:
    """The part of a Workflow that is steered, for the difference."""
    if not workflow:
        return {}
    name, spec = workflow["metadata"]["name"], workflow.get("spec") or {}
    return {"name": name, "suspend": spec.get("suspend"), "shutdown": spec.get("shutdown")}


def _delete(cluster: Cluster, place: str, workflow: dict[str, Any], check: bool) -> Change:
    if not check:
        delete(cluster, place, workflow)
    return True, {}


def delete(cluster: Cluster, place: str, workflow: Json) -> None:
    """Delete this very Workflow, with its pods, and not another one that has got its name meanwhile."""
    options = {"propagationPolicy": "Background", "preconditions": {"uid": workflow["metadata"]["uid"]}}
    unless_missing(lambda: cluster.delete(place, options))


def _shut_down(strategy: str) -> Steer:
    def shut_down(cluster: Cluster, place: str, workflow: dict[str, Any], check: bool) -> Change:
        if is_done(workflow) or at(workflow, "spec", "shutdown") in (strategy, "Terminate"):
            return False, workflow
        return True, _patch_spec(cluster, place, workflow, {"shutdown": strategy}, check)

    return shut_down


def _suspend(cluster: Cluster, place: str, workflow: dict[str, Any], check: bool) -> Change:
    if is_done(workflow):
        raise UserError(
            f"the Workflow {workflow['metadata']['name']} cannot be suspended: it has ended as {phase_of(workflow)}"
        )
    if at(workflow, "spec", "suspend"):
        return False, workflow
    return True, _patch_spec(cluster, place, workflow, {"suspend": True}, check)


def _resume(cluster: Cluster, place: str, workflow: dict[str, Any], check: bool) -> Change:
    """Let it go on; the controller writes the same object, so a conflict means to look again."""
    conflicts = 0
    while (resumed := without_hold(workflow)) is not None:
        if check:
            return True, resumed
        try:
            return True, cluster.replace(place, resumed, fieldManager=FIELD_MANAGER)
        except ApiError as error:
            conflicts += 1
            if error.status != 409 or conflicts > CONFLICTS_SURVIVED:
                raise
            workflow = cluster.get(place)
    return False, workflow


def _ended(node: Json, now: str) -> dict[str, Any]:
    """A waiting suspend node as Argo ends it: Succeeded, with the defaults of the outputs that nobody supplied."""
    ended = {**node, "phase": "Succeeded", "finishedAt": now}
    parameters = []
    for parameter in at(node, "outputs", "parameters") or ():
        source = parameter.get("valueFrom") or {}
        if source.get("supplied") is not None:
            if source.get("default") is None:
                raise UserError(
                    f"{node['displayName']} cannot be resumed: its output {parameter['name']} was not supplied and "
                    "has no default"
                )
            parameter = {"name": parameter["name"], "value": source["default"]}
        parameters.append(parameter)
    if parameters:
        ended["outputs"] = {**node["outputs"], "parameters": parameters}
    return ended


def _store_nodes(status: dict[str, Any], nodes: Json) -> None:
    if not status.get("compressedNodes"):
        status["nodes"] = dict(nodes)
        return
    data = json.dumps(nodes, separators=(",", ":")).encode()
    status["compressedNodes"] = base64.b64encode(gzip.compress(data)).decode()


STEERS: Mapping[str, Steer] = {
    "absent": _delete,
    "suspended": _suspend,
    "resumed": _resume,
    "stopped": _shut_down("Stop"),
    "terminated": _shut_down("Terminate"),
}


def facts(workflow: Json, name: str, namespace: str) -> dict[str, Any]:
    """What the module returns of a Workflow in every state; {} is one that does not exist."""
    return {
        "name": name,
        "namespace": namespace,
        "uid": at(workflow, "metadata", "uid") or "",
        "phase": phase_of(workflow) if workflow else "",
        "message": at(workflow, "status", "message") or "",
    }


def of_run(cluster: Cluster, namespace: str, run_id: str) -> dict[str, Any] | None:
    """The Workflow that was submitted with a run_id, the first if two tasks did so at once."""
    selector = f"{RUN_LABEL}={run_label(run_id)}"
    found = unless_missing(lambda: list(cluster.objects(path("Workflow", namespace), labelSelector=selector)))
    return min(found, key=lambda workflow: workflow["metadata"]["creationTimestamp"]) if found else None


def without_hold(workflow: Json) -> dict[str, Any] | None:
    """The Workflow with neither spec.suspend nor a waiting suspend node; None if there is nothing to resume."""
    if is_done(workflow):
        return None
    nodes = nodes_of(workflow)
    waiting = [key for key, node in nodes.items() if is_active_suspend(node)]
    if not waiting and not at(workflow, "spec", "suspend"):
        return None
    resumed = copy.deepcopy(dict(workflow))
    (resumed.get("spec") or {}).pop("suspend", None)
    if waiting:
        now = stamp(datetime.datetime.now(datetime.UTC))
        ended = {key: _ended(nodes[key], now) for key in waiting}
        _store_nodes(resumed["status"], {**nodes, **ended})
    return resumed


def _patch_spec(
    cluster: Cluster, place: str, workflow: dict[str, Any], change: dict[str, Any], check: bool
) -> dict[str, Any]:
    if check:
        return {**workflow, "spec": {**(workflow.get("spec") or {}), **change}}
    return cluster.patch(place, {"spec": change}, fieldManager=FIELD_MANAGER)
