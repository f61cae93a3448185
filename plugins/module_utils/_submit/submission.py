# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One Workflow on its way to the cluster: `prepare` decides what is sent, `submit` sends it.

Private to the collection.
"""

from __future__ import annotations

import copy
import dataclasses
import json
import secrets
from collections.abc import Mapping
from typing import Any

from ansible_collections.argo.workflows.plugins.module_utils._argo.nodes import is_done
from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import (
    INSTANCE_ID_LABEL,
    Json,
    at,
)
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.cluster import Cluster
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.lease import (
    Held,
    adopt,
    is_leased,
    release,
    take,
    why_not_a_lease,
    with_owner,
)
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import FIELD_MANAGER, path
from ansible_collections.argo.workflows.plugins.module_utils._module import UserError
from ansible_collections.argo.workflows.plugins.module_utils._submit.checks import check, check_names
from ansible_collections.argo.workflows.plugins.module_utils._submit.config_maps import create_config_map
from ansible_collections.argo.workflows.plugins.module_utils._submit.identity import (
    HELD_ANNOTATION,
    MANIFEST_ANNOTATION,
    PART_LABEL,
    RUN_ID_ANNOTATION,
    RUN_LABEL,
    check_collisions,
    choose_name,
    differences,
    is_held,
    manifest_hash,
    run_label,
    run_stem,
)
from ansible_collections.argo.workflows.plugins.module_utils._submit.look import ClusterLook, unless_missing
from ansible_collections.argo.workflows.plugins.module_utils._submit.manifest import (
    as_text,
    definition_of,
    with_parameters,
)
from ansible_collections.argo.workflows.plugins.module_utils._submit.preflight import findings
from ansible_collections.argo.workflows.plugins.module_utils._submit.steering import delete, facts, of_run

PATIENCE = 45.0
"""Seconds that a Workflow which is being deleted may take, as its pods have 30 to end."""
PAUSE = 0.5


@dataclasses.dataclass(frozen=True)
class Submission:
    """A Workflow that is ready to be submitted."""

    workflow: dict[str, Any]
    """With its name, namespace, labels and annotations."""
    config_maps: Mapping[str, Mapping[str, str]]
    """The data of the ConfigMaps that its pods read, by the end of their names."""
    run_id: str
    """Empty if it has none."""
    run_part: str
    """Which part of the run it is; empty if it is not called one."""
    is_new: bool
    """Whether its name was made up just now, so that nobody can have submitted it before."""
    warnings: list[str]
    lease: int = 0
    """Seconds that it lives unless somebody waits for it by then; 0: that does not matter to it."""

    @property
    def name(self) -> str:
        return str(self.workflow["metadata"]["name"])

    @property
    def namespace(self) -> str:
        return str(self.workflow["metadata"]["namespace"])


# --- deciding --------------------------------------------------------------------------------------------------------


def prepare(params: Mapping[str, Any]) -> Submission:
    """The Workflow that the module's options ask for. Raises ManifestError for what cannot be submitted."""
    warnings: list[str] = []
    run_id, part = params["run_id"] or "", params["run_part"] or ""
    workflow = with_parameters(definition_of(params, warnings), params["parameters"])
    metadata = workflow["metadata"] = _metadata(workflow["metadata"], params)
    warnings += check(workflow, run_id)
    metadata["annotations"][MANIFEST_ANNOTATION] = manifest_hash(workflow, params["config_maps"])
    own = params["name"] or (None if params["generate_name"] else metadata.get("name"))
    prefix = params["generate_name"] or (f"{own}-" if own else metadata.get("generateName")) or "workflow-"
    metadata.pop("generateName", None)
    if run_id:
        metadata["labels"] |= {RUN_LABEL: run_label(run_id)} | ({PART_LABEL: part} if part else {})
        metadata["annotations"][RUN_ID_ANNOTATION] = run_id
        metadata["name"] = choose_name(workflow, prefix, run_stem(run_id, part))
    elif own:
        metadata["name"] = own
        check_collisions(workflow, own)
    else:
        metadata["name"] = choose_name(workflow, prefix, secrets.token_hex(5))
    check_names(metadata)
    lease = params["lease_seconds"]
    if why := why_not_a_lease(lease):
        raise UserError(why)
    return Submission(workflow, params["config_maps"], run_id, part, not (run_id or own), warnings, lease)


def _metadata(metadata: Json, params: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest's metadata with the namespace and the labels that the options add."""
    labels = {**(metadata.get("labels") or {}), **params["labels"]}
    if params["instance_id"]:
        labels[INSTANCE_ID_LABEL] = params["instance_id"]
    return {
        **metadata,
        "namespace": params["namespace"] or metadata.get("namespace") or "argo",
        "labels": {key: as_text(value) for key, value in labels.items()},
        "annotations": dict(metadata.get("annotations") or {}),
    }


# --- sending ---------------------------------------------------------------------------------------------------------


def submit(cluster: Cluster, submission: Submission, preflight: str, check: bool) -> dict[str, Any]:
    """Submit the Workflow unless it is there, and return what the module returns.

    `preflight` is skip, warn or fail. Nothing is changed if `check` is set. Raises UserError where another Workflow has
    its place, and for what the preflight found.
    """
    existing = _existing(cluster, submission, check)
    if existing:
        workflow = existing if check else _let_go(cluster, submission, existing)
        return _result(submission, workflow, changed=is_held(existing))
    found = _preflight(cluster, submission, preflight)
    if check:
        _try(cluster, submission)
        return _result(submission, {}, changed=True, findings=found, definition=submission.workflow)
    created, is_ours = _create(cluster, submission)
    try:
        workflow = _let_go(cluster, submission, created)
    except UserError:
        if is_ours:
            delete(cluster, path("Workflow", submission.namespace, submission.name), created)
        raise
    return _result(submission, workflow, changed=is_ours, findings=found)


def _existing(cluster: Cluster, submission: Submission, check: bool) -> dict[str, Any] | None:
    """The Workflow that an earlier task submitted as this run, kept alive; one that is being deleted is awaited to go.

    Raises UserError where it does not go, or was submitted with another manifest.
    """
    deadline = cluster.clock.monotonic() + PATIENCE
    while found := _found(cluster, submission):
        if not found["metadata"].get("deletionTimestamp") or cluster.clock.monotonic() >= deadline:
            _require_same(submission, found)
            if check or _keep_alive(cluster, submission, found):
                return found
        cluster.clock.sleep(PAUSE)
    return None


def _found(cluster: Cluster, submission: Submission) -> dict[str, Any] | None:
    if submission.run_id:
        return of_run(cluster, submission.namespace, submission.run_id, submission.run_part)
    if submission.is_new:
        return None
    return cluster.find(path("Workflow", submission.namespace, submission.name))


def _require_same(submission: Submission, existing: Json) -> None:
    """Raise UserError unless the Workflow that is there was submitted with the same manifest."""
    name, namespace, run_id = existing["metadata"]["name"], submission.namespace, submission.run_id
    if existing["metadata"].get("deletionTimestamp"):
        raise _being_deleted(submission)
    asked = submission.workflow["metadata"]["annotations"][MANIFEST_ANNOTATION]
    there = at(existing, "metadata", "annotations", MANIFEST_ANNOTATION)
    if there == asked:
        return
    if there is None:
        raise UserError(
            f"the Workflow {name} in {namespace} is there, and was not submitted by this module: take "
            "another name, or delete it first with state: absent"
        )
    found = differences(existing.get("spec"), submission.workflow["spec"])
    others = "something is no longer asked for, or its labels, annotations or ConfigMaps differ"
    raise UserError(
        f"the Workflow {name} in {namespace} was submitted {f'with run_id {run_id!r} ' if run_id else ''}with another "
        f"manifest, so it is not this one: {'; '.join(found[:5]) or others}. Take another "
        f"{'run_id' if run_id else 'name'}, or delete it with state: absent",
        differences=found,
        name=name,
        namespace=namespace,
    )


def _being_deleted(submission: Submission) -> UserError:
    where = f"the Workflow {submission.name} in {submission.namespace}"
    return UserError(f"{where} is being deleted: repeat the task when it is gone")


def _preflight(cluster: Cluster, submission: Submission, preflight: str) -> list[str]:
    if preflight == "skip":
        return []
    namespace = submission.namespace
    found = findings(submission.workflow, namespace, ClusterLook(cluster, namespace))
    texts = [finding.text for finding in found]
    severe = [finding.text for finding in found if finding.severe]
    if severe and preflight == "fail":
        raise UserError("nothing was submitted: " + "; ".join(severe), findings=texts)
    return texts


def _try(cluster: Cluster, submission: Submission) -> None:
    """Have the API server try the creation; it cannot where the namespace or Argo's CRDs are still to come."""
    workflows = path("Workflow", submission.namespace)
    unless_missing(lambda: cluster.create(workflows, submission.workflow, dryRun="All", fieldManager=FIELD_MANAGER))


def _create(cluster: Cluster, submission: Submission) -> tuple[dict[str, Any], bool]:
    """Create the Workflow; False if somebody else was faster."""
    held = None
    try:
        if submission.lease:
            held = take(cluster, submission.namespace, submission.lease)
        body = _body(submission, held)
        return cluster.create(path("Workflow", submission.namespace), body, fieldManager=FIELD_MANAGER), True
    except ApiError as error:
        if error.status == 404:
            raise UserError(f"{error}; role argo creates the namespace and installs Argo's CRDs") from error
        if error.status != 409:
            raise
        existing = cluster.get(path("Workflow", submission.namespace, submission.name))
        _require_same(submission, existing)
        if not _keep_alive(cluster, submission, existing):
            raise _being_deleted(submission) from error
        return existing, False


def _body(submission: Submission, held: Held | None) -> dict[str, Any]:
    """The Workflow as it is created: held until its ConfigMaps are there if it has any, and alive by the lease."""
    body = copy.deepcopy(submission.workflow)
    metadata = body["metadata"]
    if submission.config_maps:
        metadata["annotations"][HELD_ANNOTATION] = json.dumps(body["spec"].get("suspend"))
        body["spec"]["suspend"] = True
    if held:
        metadata["ownerReferences"] = with_owner(metadata.get("ownerReferences"), held.owner)
    return body


def _keep_alive(cluster: Cluster, submission: Submission, workflow: Json) -> bool:
    """Have a Workflow that is there live long enough to be waited for; what has ended needs no lease, and stays.

    False if it is being deleted by now.
    """
    metadata = workflow["metadata"]
    place = path("Workflow", submission.namespace, metadata["name"])
    if submission.lease and not is_done(workflow):
        return adopt(cluster, place, metadata["uid"], take(cluster, submission.namespace, submission.lease))
    if submission.lease and is_leased(metadata.get("ownerReferences")):
        return release(cluster, place, metadata["uid"])
    return True


def _let_go(cluster: Cluster, submission: Submission, workflow: dict[str, Any]) -> dict[str, Any]:
    """Create the ConfigMaps that a Workflow is held for, and let it go; goes on where a task was interrupted."""
    if not is_held(workflow):
        return workflow
    metadata = workflow["metadata"]
    for suffix, data in submission.config_maps.items():
        create_config_map(cluster, metadata, suffix, data)
    wanted = json.loads(metadata["annotations"][HELD_ANNOTATION])
    change = {"metadata": {"annotations": {HELD_ANNOTATION: None}}, "spec": {"suspend": wanted}}
    return cluster.patch(path("Workflow", submission.namespace, metadata["name"]), change, fieldManager=FIELD_MANAGER)


def _result(
    submission: Submission, workflow: Json, *, changed: bool, findings: list[str] | None = None, **more: Any
) -> dict[str, Any]:
    name = at(workflow, "metadata", "name") or submission.name
    return {
        **facts(workflow, name, submission.namespace),
        "changed": changed,
        "config_maps": [f"{name}-{suffix}" for suffix in submission.config_maps],
        "findings": findings or [],
        "diff": {"before": {} if changed else submission.workflow, "after": submission.workflow},
        **more,
    }
