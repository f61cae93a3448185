# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Suspend, resume, stop, terminate or delete Workflows that are there. Private to the collection.

All that are meant are looked at before the first is changed, so that a guard can say no, and check mode tells the same.
"""

from __future__ import annotations

import base64
import copy
import dataclasses
import datetime
import gzip
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

from ansible_collections.argo.workflows.plugins.module_utils._argo.nodes import (
    NodesError,
    is_active_suspend,
    is_done,
    nodes_of,
    phase_of,
)
from ansible_collections.argo.workflows.plugins.module_utils._argo.times import stamp
from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import ODD, Json, at
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.cluster import (
    JSON,
    METADATA,
    METADATA_LIST,
    Cluster,
)
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import FIELD_MANAGER, path
from ansible_collections.argo.workflows.plugins.module_utils._module import UserError
from ansible_collections.argo.workflows.plugins.module_utils._submit.identity import run_selector
from ansible_collections.argo.workflows.plugins.module_utils._submit.look import unless_missing
from ansible_collections.argo.workflows.plugins.module_utils._submit.selection import Choice, choice_of

CONFLICTS_SURVIVED = 5
PARALLEL = 8
"""Requests at once where several Workflows are looked at or changed."""
MAX_LISTED = 1000
"""Workflows that a result has at most."""
MAX_NAMED = 3
"""Workflows that a sentence names at most."""
SPECS: Mapping[str, dict[str, Any]] = {
    "suspended": {"suspend": True},
    "resumed": {"suspend": None},
    "stopped": {"shutdown": "Stop"},
    "terminated": {"shutdown": "Terminate"},
}
"""What each state but absent has in the specification."""
Change: TypeAlias = Callable[[Cluster, str, Json], str | None]
"""Changes a Workflow, given its path and what was seen of it, or says why it is left as it is."""


@dataclasses.dataclass(frozen=True)
class Steered:
    """A Workflow that is meant, and what becomes of it."""

    workflow: Json
    """As it was before, as far as it is needed: `_slim`."""
    left: str = ""
    """Why it is left as it is."""
    error: Exception | None = None
    """Why it could not be looked at or changed."""

    @property
    def changed(self) -> bool:
        return not (self.left or self.error)

    @property
    def name(self) -> str:
        return str(self.workflow["metadata"]["name"])


def steer(cluster: Cluster, params: Mapping[str, Any], check: bool) -> dict[str, Any]:
    """Bring the Workflows that the options mean into a state, and return what the module returns.

    Nothing is changed if `check` is set. Raises UserError where there is no Workflow of that name or run, where the
    state is not possible, and where more would be changed than max_affected; and the error of those that failed.
    """
    state, limit = params["state"], params["max_affected"]
    if limit is not None and limit < 0:
        raise UserError(f"max_affected: {limit} is not a number of Workflows")
    choice = choice_of(params)
    meant = _look(cluster, choice, state)
    if not choice.in_bulk:
        _require(meant, choice, state)
    affected = sum(each.changed for each in meant)
    if limit is not None and affected > limit:
        sentence = f"nothing was changed: {_workflows(affected)} would be {_done(state)}, and max_affected is {limit:,}"
        raise UserError(sentence, **_told(meant))
    if not check:
        meant = _each(lambda each: _change(cluster, choice.namespace, each, state), meant)
    _raise_errors(choice, meant, state)
    return _result(choice, meant, state)


# --- looking ---


def _look(cluster: Cluster, choice: Choice, state: str) -> list[Steered]:
    """The Workflows that are meant. Where their metadata do not tell all that is needed, each is read."""
    if choice.name:
        return _each(lambda each: _read(cluster, choice, each, state), [Steered({"metadata": {"name": choice.name}})])
    now, place = cluster.clock.time(), path("Workflow", choice.namespace)
    listed = unless_missing(
        lambda: [
            Steered(_slim(workflow), why_left(workflow, state) if state == "absent" else "")
            for workflow in cluster.objects(place, accept=METADATA_LIST, labelSelector=choice.selector)
            if choice.may_mean(workflow, now)
        ]
    )
    meant = sorted(listed or (), key=lambda each: each.workflow["metadata"]["creationTimestamp"] or "")
    if state == "absent" and not choice.older_than:
        return meant
    return _each(lambda each: _read(cluster, choice, each, state), meant)


def _read(cluster: Cluster, choice: Choice, listed: Steered, state: str) -> Steered | None:
    """A Workflow of the list as it is now; None if it is gone, or not meant any more.

    To be deleted by its name it need not even be one that can be understood, so its metadata alone are read.
    """
    accept = METADATA if choice.name and state == "absent" else JSON
    workflow = cluster.find(path("Workflow", choice.namespace, listed.name), accept=accept)
    expected = listed.workflow["metadata"].get("uid")
    if not workflow or expected not in (None, workflow["metadata"]["uid"]):
        return None
    try:
        if not choice.means(workflow, cluster.clock.time()):
            return None
        return Steered(_slim(workflow), why_left(workflow, state))
    except ODD:
        return dataclasses.replace(listed, error=UserError("it is not such as Argo writes it"))


def _slim(workflow: Json) -> Json:
    """What is kept of a Workflow, whose nodes may be megabytes."""
    kept = {
        "metadata": ("name", "uid", "labels", "creationTimestamp", "deletionTimestamp"),
        "spec": ("suspend", "shutdown"),
        "status": ("phase", "message"),
    }
    return {part: {key: at(workflow, part, key) for key in keys} for part, keys in kept.items()}


def why_left(workflow: Json, state: str) -> str:
    """Why a Workflow is not brought into a state; "" if it is to be. UserError, NodesError if that cannot be done."""
    if state == "absent":
        return "it is being deleted already" if workflow["metadata"].get("deletionTimestamp") else ""
    if is_done(workflow):
        return f"it has ended as {phase_of(workflow)}"
    if state == "resumed":
        return "" if without_hold(workflow) else "nothing of it is suspended"
    spec = workflow.get("spec") or {}
    if state == "suspended":
        return "it is suspended already" if spec.get("suspend") else ""
    told = {"Stop": "it is being stopped already", "Terminate": "it is being terminated already"}
    enough = ("Stop", "Terminate") if state == "stopped" else ("Terminate",)
    return told[spec["shutdown"]] if spec.get("shutdown") in enough else ""


def _require(meant: Sequence[Steered], choice: Choice, state: str) -> None:
    """Raise UserError unless there is a Workflow of this name or run, and one of them can be brought into the state."""
    if not meant and state != "absent":
        raise UserError(f"there is no Workflow {choice.words} in {choice.namespace} that could be {state}")
    if state == "suspended" and all(is_done(each.workflow) for each in meant):
        raise UserError(f"the Workflow {meant[0].name} cannot be suspended: {meant[0].left}")


# --- changing ---


def _each(do: Callable[[Steered], Steered | None], meant: Iterable[Steered]) -> list[Steered]:
    """What `do` makes of each, several at once; an error stays with its Workflow.

    After a request that was not answered no other is made.
    """
    unanswered: list[ApiError] = []

    def attempt(each: Steered) -> Steered | None:
        if unanswered and each.changed:
            return dataclasses.replace(each, error=unanswered[0])
        try:
            return do(each)
        except (ApiError, UserError, NodesError) as error:
            if isinstance(error, ApiError) and error.status is None:
                unanswered.append(error)
            return dataclasses.replace(each, error=error)

    with ThreadPoolExecutor(PARALLEL) as pool:
        return [each for each in pool.map(attempt, meant) if each]


def _change(cluster: Cluster, namespace: str, each: Steered, state: str) -> Steered:
    """Bring a Workflow that was looked at into the state; one that has gone since is left."""
    if not each.changed:
        return each
    place, workflow = path("Workflow", namespace, each.name), each.workflow
    change = CHANGES[state]
    left = unless_missing(lambda: change(cluster, place, workflow) or "")
    return dataclasses.replace(each, left="it was deleted meanwhile" if left is None else left)


def _patch(state: str) -> Change:
    def patch(cluster: Cluster, place: str, workflow: Json) -> None:
        change = {"metadata": {"uid": workflow["metadata"]["uid"]}, "spec": SPECS[state]}
        cluster.patch(place, change, fieldManager=FIELD_MANAGER)

    return patch


def delete(cluster: Cluster, place: str, workflow: Json) -> None:
    """Delete this very Workflow, with its pods, and not another one that has got its name meanwhile."""
    options = {"propagationPolicy": "Background", "preconditions": {"uid": workflow["metadata"]["uid"]}}
    unless_missing(lambda: cluster.delete(place, options))


def _resume(cluster: Cluster, place: str, seen: Json) -> str:
    """Let it go on, or say why it is left; the controller writes the same object, so a conflict means to look again."""
    conflicts = 0
    while True:
        workflow = cluster.get(place)
        if workflow["metadata"]["uid"] != seen["metadata"]["uid"]:
            return "it was deleted meanwhile"
        resumed = without_hold(workflow)
        if resumed is None:
            return why_left(workflow, "resumed")
        try:
            cluster.replace(place, resumed, fieldManager=FIELD_MANAGER)
            return ""
        except ApiError as error:
            conflicts += 1
            if error.status != 409 or conflicts > CONFLICTS_SURVIVED:
                raise


CHANGES: Mapping[str, Change] = {
    "absent": delete,
    "suspended": _patch("suspended"),
    "resumed": _resume,
    "stopped": _patch("stopped"),
    "terminated": _patch("terminated"),
}


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


# --- the result ---


def _raise_errors(choice: Choice, meant: Sequence[Steered], state: str) -> None:
    """Raise the error of the only Workflow, or one about those that failed, with the result of all."""
    failed = [(each.name, each.error) for each in meant if each.error]
    if not failed:
        return
    if len(meant) == 1 and failed[0][1] and not choice.in_bulk:
        raise failed[0][1]
    named = "; ".join(f"{name}: {error}" for name, error in failed[:MAX_NAMED])
    more = f"; and {len(failed) - MAX_NAMED:,} more" if len(failed) > MAX_NAMED else ""
    sentence = f"{len(failed):,} of {_workflows(len(meant))} could not be {_done(state)}: {named}{more}"
    raise UserError(sentence, **_told(meant), changed=any(each.changed for each in meant))


def _result(choice: Choice, meant: Sequence[Steered], state: str) -> dict[str, Any]:
    """What the module returns."""
    before = {each.name: each.workflow.get("spec") or {} for each in meant if each.changed}
    after = {name: {**spec, **SPECS[state]} for name, spec in before.items()} if state != "absent" else {}
    named = {}
    if not choice.in_bulk:
        there = meant[0].workflow if meant and state != "absent" else {}
        named = facts(there, meant[0].name if meant else choice.name, choice.namespace)
    return {
        "namespace": choice.namespace,
        **named,
        **_told(meant),
        "changed": bool(before),
        "diff": {"before": before, "after": after},
    }


def _told(meant: Sequence[Steered]) -> dict[str, Any]:
    """The Workflows: those that failed first, then those that were changed, then those that were left."""
    ordered = sorted(meant, key=lambda each: (not each.error, not each.changed))
    return {
        "affected": sum(each.changed for each in meant),
        "workflows": [_entry(each) for each in ordered[:MAX_LISTED]],
    }


def _entry(each: Steered) -> dict[str, Any]:
    return {
        "name": each.name,
        "uid": each.workflow["metadata"].get("uid") or "",
        "phase": phase_of(each.workflow),
        "changed": each.changed,
        "reason": str(each.error) if each.error else each.left,
    }


def _done(state: str) -> str:
    return "deleted" if state == "absent" else state


def _workflows(count: int) -> str:
    return f"{count:,} Workflow" + ("" if count == 1 else "s")


def facts(workflow: Json, name: str, namespace: str) -> dict[str, Any]:
    """What the module returns of a Workflow in every state; {} is one that does not exist."""
    return {
        "name": name,
        "namespace": namespace,
        "uid": at(workflow, "metadata", "uid") or "",
        "phase": phase_of(workflow) if workflow else "",
        "message": at(workflow, "status", "message") or "",
    }


def of_run(cluster: Cluster, namespace: str, run_id: str, part: str) -> dict[str, Any] | None:
    """The Workflow that was submitted as this part of a run, the first if two tasks did so at once."""
    selector = run_selector(run_id, part)
    found = unless_missing(lambda: list(cluster.objects(path("Workflow", namespace), labelSelector=selector)))
    return min(found, key=lambda workflow: workflow["metadata"]["creationTimestamp"]) if found else None
