# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One Workflow on its way to the cluster. Private to the collection."""

from __future__ import annotations

import copy
import json
import secrets
from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import (
    API_VERSION,
    FIELD_MANAGER,
    INSTANCE_ID_LABEL,
)
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.cluster import Cluster
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import path
from ansible_collections.argo.workflows.plugins.module_utils._module import UserError
from ansible_collections.argo.workflows.plugins.module_utils._submit.checks import check, check_names
from ansible_collections.argo.workflows.plugins.module_utils._submit.identity import (
    HELD_ANNOTATION,
    MANIFEST_ANNOTATION,
    RUN_ID_ANNOTATION,
    RUN_LABEL,
    check_collisions,
    choose_name,
    differences,
    manifest_hash,
    run_label,
)
from ansible_collections.argo.workflows.plugins.module_utils._submit.look import ClusterLook, unless_missing
from ansible_collections.argo.workflows.plugins.module_utils._submit.manifest import definition_of, with_parameters
from ansible_collections.argo.workflows.plugins.module_utils._submit.preflight import Passing, findings
from ansible_collections.argo.workflows.plugins.module_utils._submit.steering import facts, is_held, of_run


class Submission:
    """One Workflow on its way to the cluster."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module
        self.params = module.params
        self.workflow = with_parameters(definition_of(self.params), self.params["parameters"])
        metadata = self.workflow["metadata"] = dict(self.workflow["metadata"])
        self.namespace = self.params["namespace"] or metadata.get("namespace") or "argo"
        self.config_maps: dict[str, dict[str, str]] = self.params["config_maps"]
        self.run_id: str = self.params["run_id"] or ""
        metadata["namespace"] = self.namespace
        self._set_labels(metadata)
        for warning in check(self.workflow):
            module.warn(warning)
        self.hash = manifest_hash(self.workflow, self.config_maps)
        self._set_identity(metadata)
        self.name: str = metadata["name"]
        self.cluster = Cluster.from_params(self.params)

    def _set_labels(self, metadata: dict[str, Any]) -> None:
        labels = {**(metadata.get("labels") or {}), **self.params["labels"]}
        labels = {key: str(value) for key, value in labels.items()}
        if self.params["instance_id"]:
            labels[INSTANCE_ID_LABEL] = self.params["instance_id"]
        metadata["labels"] = labels

    def _set_identity(self, metadata: dict[str, Any]) -> None:
        own = self.params["name"] or (None if self.params["generate_name"] else metadata.get("name"))
        self.is_named = bool(self.run_id or own)
        prefix = self.params["generate_name"] or (f"{own}-" if own else metadata.get("generateName")) or "workflow-"
        metadata.pop("generateName", None)
        metadata["annotations"] = {**(metadata.get("annotations") or {}), MANIFEST_ANNOTATION: self.hash}
        if self.run_id:
            label = run_label(self.run_id)
            metadata["labels"][RUN_LABEL] = label
            metadata["annotations"][RUN_ID_ANNOTATION] = self.run_id
            metadata["name"] = choose_name(self.workflow, prefix, label[:10])
        elif own:
            metadata["name"] = own
            check_collisions(self.workflow, own)
        else:
            metadata["name"] = choose_name(self.workflow, prefix, secrets.token_hex(5))
        check_names(metadata)

    def run(self) -> dict[str, Any]:
        existing = self._find()
        if existing:
            self._require_same(existing)
            return self._result(self._let_go(existing), changed=is_held(existing), findings=[])
        findings = self._findings()
        if self.module.check_mode:
            self._try()
            return {**self._result({}, changed=True, findings=findings), "definition": self.workflow}
        created = self._create()
        return self._result(self._let_go(created), changed=True, findings=findings)

    def _find(self) -> dict[str, Any] | None:
        """The Workflow that an earlier task submitted as this run; none under a name that was made up just now."""
        if self.run_id:
            return of_run(self.cluster, self.namespace, self.run_id)
        if not self.is_named:
            return None
        return unless_missing(lambda: self.cluster.get(path("Workflow", self.namespace, self.name)))

    def _require_same(self, existing: Mapping[str, Any]) -> None:
        name = existing["metadata"]["name"]
        there = (existing["metadata"].get("annotations") or {}).get(MANIFEST_ANNOTATION)
        if there == self.hash:
            return
        if there is None:
            raise UserError(
                f"the Workflow {name} in {self.namespace} is there, and was not submitted by this module: take "
                "another name, or delete it first with state: absent"
            )
        found = differences(existing["spec"], self.workflow["spec"])
        others = "something is asked for no more, or its labels, annotations or ConfigMaps differ"
        what = "; ".join(found[:5]) or others
        asked = f"with run_id {self.run_id!r} " if self.run_id else ""
        raise UserError(
            f"the Workflow {name} in {self.namespace} was submitted {asked}with another manifest, so it is not "
            f"this one: {what}. Take another {'run_id' if self.run_id else 'name'}, or delete it with state: absent",
            differences=found,
            name=name,
            namespace=self.namespace,
        )

    def _findings(self) -> list[str]:
        if self.params["preflight"] == "skip":
            return []
        found = findings(self.workflow, self.namespace, ClusterLook(self.cluster, self.namespace))
        lasting = [finding for finding in found if not isinstance(finding, Passing)]
        if lasting and self.params["preflight"] == "fail":
            raise UserError("nothing was submitted: " + "; ".join(lasting), findings=found)
        for finding in found:
            self.module.warn(finding)
        return found

    def _try(self) -> None:
        """Have the API server try the creation; it cannot where the namespace or Argo's CRDs are still to come."""
        workflows = path("Workflow", self.namespace)
        unless_missing(lambda: self.cluster.create(workflows, self.workflow, dryRun="All", fieldManager=FIELD_MANAGER))

    def _create(self) -> dict[str, Any]:
        body = copy.deepcopy(self.workflow)
        if self.config_maps:
            body["metadata"]["annotations"][HELD_ANNOTATION] = json.dumps(body["spec"].get("suspend"))
            body["spec"]["suspend"] = True
        try:
            return self.cluster.create(path("Workflow", self.namespace), body, fieldManager=FIELD_MANAGER)
        except ApiError as error:
            if error.status == 404:
                raise UserError(f"{error}; role argo creates the namespace and installs Argo's CRDs") from error
            if error.status != 409:
                raise
            # Somebody was faster, or an answer was lost and the request repeated.
            existing = self.cluster.get(path("Workflow", self.namespace, self.name))
            self._require_same(existing)
            return existing

    def _let_go(self, workflow: dict[str, Any]) -> dict[str, Any]:
        """Create the ConfigMaps that a Workflow is held for, and let it go; goes on where a task was interrupted."""
        if not is_held(workflow) or self.module.check_mode:
            return workflow
        metadata = workflow["metadata"]
        owner = {
            "apiVersion": API_VERSION,
            "kind": "Workflow",
            "name": metadata["name"],
            "uid": metadata["uid"],
        }
        for suffix, data in self.config_maps.items():
            body = {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {
                    "name": f"{metadata['name']}-{suffix}",
                    "labels": {"workflows.argoproj.io/workflow": metadata["name"]},
                    "ownerReferences": [owner],
                },
                "immutable": True,
                "data": data,
            }
            try:
                self.cluster.create(path("ConfigMap", self.namespace), body, fieldManager=FIELD_MANAGER)
            except ApiError as error:
                if error.status != 409:
                    raise
        wanted = json.loads(metadata["annotations"][HELD_ANNOTATION])
        change = {"metadata": {"annotations": {HELD_ANNOTATION: None}}, "spec": {"suspend": wanted}}
        return self.cluster.patch(
            path("Workflow", self.namespace, metadata["name"]), change, fieldManager=FIELD_MANAGER
        )

    def _result(self, workflow: Mapping[str, Any], changed: bool, findings: list[str]) -> dict[str, Any]:
        name = workflow.get("metadata", {}).get("name", self.name)
        result = {
            **facts(workflow, name, self.namespace),
            "changed": changed,
            "config_maps": [f"{name}-{suffix}" for suffix in self.config_maps],
            "findings": findings,
        }
        if self.module._diff:
            result["diff"] = {"before": {} if changed else self.workflow, "after": self.workflow}
        return result
