#!/usr/bin/python
# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: workflow
short_description: Submit, suspend, resume, stop, terminate or delete an Argo Workflow
version_added: 0.1.0
author:
  - the argo.workflows authors (!UNKNOWN)
description:
  - Submits a Workflow from a file or a dictionary and returns its name at once.
  - M(argo.workflows.workflow_wait) waits for it.
  - Talks to the Kubernetes API alone; neither the C(argo) nor the C(kubectl) command is needed.
  - YAML is read as Kubernetes users mean it, so that a step named V(n) or V(on) stays a string.
  - What Argo's controller would refuse only after the Workflow was created is refused before.
options:
  src:
    description:
      - File with one Workflow, in YAML or JSON; it needs no change to be used here.
      - It is looked for on the control node, in C(files/) and beside the playbook; Ansible Vault may encrypt it.
    type: path
  definition:
    description:
      - The Workflow as a dictionary, or as YAML or JSON text.
      - In a playbook Argo's C({{…}}) must be kept from Ansible, with C(!unsafe) for example.
    type: raw
  parameters:
    description:
      - Values of the Workflow's parameters (C(spec.arguments.parameters)).
      - Strings are passed as they are; lists, dictionaries, numbers and booleans as JSON.
      - A parameter that the Workflow does not have is refused.
    type: dict
    default: {}
  config_maps:
    description:
      - Data of ConfigMaps that the Workflow's pods read, each by the end of its name; V(items) is C(WORKFLOW-items).
      - The Workflow is created suspended, then the ConfigMaps that it owns, then it is let go, so that no pod
        comes before its data and deleting the Workflow deletes them.
    type: dict
    default: {}
  name:
    description:
      - Name of the Workflow; without it the manifest's C(metadata.name) is used, then O(generate_name).
    type: str
  generate_name:
    description:
      - What the name begins with; the rest is chosen so that no two nodes of the Workflow get the same ID, since Argo
        would not run the second of them.
      - Without it, the manifest's C(metadata.generateName) is used.
    type: str
  namespace:
    description:
      - Namespace of the Workflow; without it the manifest's C(metadata.namespace) is used, then V(argo).
    type: str
  instance_id:
    description:
      - The instance id of the controller that is to run the Workflow, set as its label.
    type: str
  labels:
    description: Labels to add to the Workflow.
    type: dict
    default: {}
  run_id:
    description:
      - What makes this run the same run when the task is repeated, such as a build number.
      - A Workflow that was submitted with the same O(run_id) is returned as it is, and nothing is changed.
        The same O(run_id) with another manifest is refused, with the differences.
      - The name is O(generate_name) (or O(name) and a dash) and a hash of O(run_id).
    type: str
  state:
    description:
      - V(present) submits the Workflow unless it is there.
      - V(absent) deletes it, with its pods and their logs.
      - V(suspended) lets no further pods start. V(resumed) lets them start again, and ends the suspend steps that wait.
      - V(stopped) ends it and runs its exit handlers. V(terminated) ends it without them.
      - Stopping or terminating a Workflow that has ended changes nothing.
    type: str
    choices: [present, absent, suspended, resumed, stopped, terminated]
    default: present
  preflight:
    description:
      - Whether to look before submitting for what the Workflow's pods need. That is nodes with the GPUs they ask for,
        quota, limit ranges, service account and its rights, pull secrets, Secrets, ConfigMaps and claims.
      - With V(fail) anything missing is an error and nothing is submitted. With V(warn) it is a warning, and so is
        always what passes, such as a quota that is used up now. What the credentials may not read is left out.
    type: str
    choices: [skip, warn, fail]
    default: skip
extends_documentation_fragment:
  - argo.workflows.connection
  - argo.workflows.attributes
  - argo.workflows.attributes.actiongroup_argo
attributes:
  check_mode:
    support: full
    details:
      - The API server is asked to try the creation if the namespace and Argo's CRDs are there.
  diff_mode:
    support: full
  idempotent:
    support: partial
    details:
      - With a name or O(run_id). Otherwise each run of the task submits another Workflow.
requirements:
  - kubernetes (Python library)
seealso:
  - module: argo.workflows.workflow_wait
"""

EXAMPLES = r"""
- name: The file is submitted as it is
  argo.workflows.workflow:
    src: gpu-say-workflow.yaml
    namespace: argo
    parameters:
      messages: [Argo, Is, Awesome]
  register: run

- name: Its result is there
  argo.workflows.workflow_wait:
    name: "{{ run.name }}"
    namespace: argo
    logs_dir: ./logs

- name: A restarted pipeline finds its run again
  argo.workflows.workflow:
    src: train.yaml
    run_id: "{{ lookup('env', 'CI_PIPELINE_ID') }}"

- name: No further pods start
  argo.workflows.workflow:
    name: train-x7k2p0
    state: suspended

- name: A Workflow written in the playbook
  argo.workflows.workflow:
    definition: !unsafe
      apiVersion: argoproj.io/v1alpha1
      kind: Workflow
      metadata: {generateName: hello-}
      spec:
        entrypoint: main
        arguments: {parameters: [{name: who, value: world}]}
        templates:
          - name: main
            container:
              image: busybox
              command: [echo, "hello {{workflow.parameters.who}}"]
"""

RETURN = r"""
name:
  description: Name of the Workflow; in check mode, the name that one submitted now could get.
  type: str
  returned: success
  sample: gpu-say-x7k2p0
namespace:
  description: Namespace of the Workflow.
  type: str
  returned: success
  sample: argo
uid:
  description: UID of the Workflow; empty where it does not exist.
  type: str
  returned: success
phase:
  description: The phase as Argo reports it, V(Pending) until it does; empty where there is no Workflow.
  type: str
  returned: success
  sample: Pending
message:
  description: Argo's message about the phase.
  type: str
  returned: success
config_maps:
  description: Names of the ConfigMaps that belong to the Workflow by O(config_maps).
  type: list
  elements: str
  returned: with O(state=present)
findings:
  description: What O(preflight) found, a sentence each.
  type: list
  elements: str
  returned: with O(state=present)
definition:
  description: The Workflow as it would be submitted.
  type: dict
  returned: with O(state=present), in check mode
"""

import base64
import copy
import datetime
import gzip
import json
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.argo.workflows.plugins.module_utils import _manifest, _nodes, _preflight
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes import (
    METADATA,
    ApiError,
    Cluster,
    core,
    workflows,
)
from ansible_collections.argo.workflows.plugins.module_utils._manifest import ManifestError
from ansible_collections.argo.workflows.plugins.module_utils._module import UserError, run_module

Seen = TypeVar("Seen")

FIELD_MANAGER = "argo.workflows"
CONFLICTS_SURVIVED = 5

ARGUMENT_SPEC = {
    "src": {"type": "path"},
    "definition": {"type": "raw"},
    "parameters": {"type": "dict", "default": {}},
    "config_maps": {"type": "dict", "default": {}},
    "name": {"type": "str"},
    "generate_name": {"type": "str"},
    "namespace": {"type": "str"},
    "instance_id": {"type": "str"},
    "labels": {"type": "dict", "default": {}},
    "run_id": {"type": "str"},
    "state": {
        "type": "str",
        "default": "present",
        "choices": ["present", "absent", "suspended", "resumed", "stopped", "terminated"],
    },
    "preflight": {"type": "str", "default": "skip", "choices": ["skip", "warn", "fail"]},
}


def main() -> None:
    run_module(
        run,
        ARGUMENT_SPEC,
        supports_check_mode=True,
        mutually_exclusive=[("src", "definition"), ("name", "generate_name")],
        required_if=[("state", "present", ("src", "definition"), True)],
    )


def run(module: AnsibleModule) -> dict[str, Any]:
    try:
        if module.params["state"] == "present":
            return Submission(module).run()
        return steer(module)
    except (ManifestError, _nodes.NodesError) as error:
        raise UserError(str(error)) from error


# --- submitting ------------------------------------------------------------------------------------------------------


class Submission:
    """One Workflow on its way to the cluster."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module
        self.params = module.params
        self.workflow = _manifest.with_parameters(_read(self.params), self.params["parameters"])
        metadata = self.workflow["metadata"] = dict(self.workflow["metadata"])
        self.namespace = self.params["namespace"] or metadata.get("namespace") or "argo"
        self.config_maps: dict[str, dict[str, str]] = self.params["config_maps"]
        self.run_id: str = self.params["run_id"] or ""
        metadata["namespace"] = self.namespace
        self._set_labels(metadata)
        for warning in _manifest.check(self.workflow):
            module.warn(warning)
        self.hash = _manifest.manifest_hash(self.workflow, self.config_maps)
        self._set_identity(metadata)
        self.name: str = metadata["name"]
        self.cluster = Cluster.from_params(self.params)

    def _set_labels(self, metadata: dict[str, Any]) -> None:
        labels = {**(metadata.get("labels") or {}), **self.params["labels"]}
        labels = {key: str(value) for key, value in labels.items()}
        if self.params["instance_id"]:
            labels[_manifest.INSTANCE_ID_LABEL] = self.params["instance_id"]
        metadata["labels"] = labels

    def _set_identity(self, metadata: dict[str, Any]) -> None:
        own = self.params["name"] or (None if self.params["generate_name"] else metadata.get("name"))
        self.is_named = bool(self.run_id or own)
        prefix = self.params["generate_name"] or (f"{own}-" if own else metadata.get("generateName")) or "workflow-"
        metadata.pop("generateName", None)
        metadata["annotations"] = {**(metadata.get("annotations") or {}), _manifest.MANIFEST_ANNOTATION: self.hash}
        if self.run_id:
            label = _manifest.run_label(self.run_id)
            metadata["labels"][_manifest.RUN_LABEL] = label
            metadata["annotations"][_manifest.RUN_ID_ANNOTATION] = self.run_id
            metadata["name"] = _manifest.choose_name(self.workflow, prefix, label[:10])
        elif own:
            metadata["name"] = own
            _manifest.check_collisions(self.workflow, own)
        else:
            metadata["name"] = _manifest.choose_name(self.workflow, prefix, secrets.token_hex(5))
        _manifest.check_names(metadata)

    def run(self) -> dict[str, Any]:
        existing = self._find()
        if existing:
            self._require_same(existing)
            return self._result(self._let_go(existing), changed=_is_held(existing), findings=[])
        findings = self._findings()
        if self.module.check_mode:
            self._try()
            return {**self._result({}, changed=True, findings=findings), "definition": self.workflow}
        created = self._create()
        return self._result(self._let_go(created), changed=True, findings=findings)

    def _find(self) -> dict[str, Any] | None:
        """The Workflow that an earlier task submitted as this run; none under a name that was made up just now."""
        if self.run_id:
            return _of_run(self.cluster, self.namespace, self.run_id)
        if not self.is_named:
            return None
        return _unless_missing(lambda: self.cluster.get(workflows(self.namespace, self.name)))

    def _require_same(self, existing: Mapping[str, Any]) -> None:
        name = existing["metadata"]["name"]
        there = (existing["metadata"].get("annotations") or {}).get(_manifest.MANIFEST_ANNOTATION)
        if there == self.hash:
            return
        if there is None:
            raise UserError(
                f"the Workflow {name} in {self.namespace} is there, and was not submitted by this module: take "
                "another name, or delete it first with state: absent"
            )
        found = _manifest.differences(existing["spec"], self.workflow["spec"])
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
        found = _preflight.findings(self.workflow, self.namespace, ClusterLook(self.cluster, self.namespace))
        lasting = [finding for finding in found if not isinstance(finding, _preflight.Passing)]
        if lasting and self.params["preflight"] == "fail":
            raise UserError("nothing was submitted: " + "; ".join(lasting), findings=found)
        for finding in found:
            self.module.warn(finding)
        return found

    def _try(self) -> None:
        """Have the API server try the creation; it cannot where the namespace or Argo's CRDs are still to come."""
        path = workflows(self.namespace)
        _unless_missing(lambda: self.cluster.create(path, self.workflow, dryRun="All", fieldManager=FIELD_MANAGER))

    def _create(self) -> dict[str, Any]:
        body = copy.deepcopy(self.workflow)
        if self.config_maps:
            body["metadata"]["annotations"][_manifest.HELD_ANNOTATION] = json.dumps(body["spec"].get("suspend"))
            body["spec"]["suspend"] = True
        try:
            return self.cluster.create(workflows(self.namespace), body, fieldManager=FIELD_MANAGER)
        except ApiError as error:
            if error.status == 404:
                raise UserError(f"{error}; role argo creates the namespace and installs Argo's CRDs") from error
            if error.status != 409:
                raise
            # Somebody was faster, or an answer was lost and the request repeated.
            existing = self.cluster.get(workflows(self.namespace, self.name))
            self._require_same(existing)
            return existing

    def _let_go(self, workflow: dict[str, Any]) -> dict[str, Any]:
        """Create the ConfigMaps that a Workflow is held for, and let it go; goes on where a task was interrupted."""
        if not _is_held(workflow) or self.module.check_mode:
            return workflow
        metadata = workflow["metadata"]
        owner = {
            "apiVersion": _manifest.API_VERSION,
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
                self.cluster.create(core(self.namespace, "configmaps"), body, fieldManager=FIELD_MANAGER)
            except ApiError as error:
                if error.status != 409:
                    raise
        wanted = json.loads(metadata["annotations"][_manifest.HELD_ANNOTATION])
        change = {"metadata": {"annotations": {_manifest.HELD_ANNOTATION: None}}, "spec": {"suspend": wanted}}
        return self.cluster.patch(workflows(self.namespace, metadata["name"]), change, fieldManager=FIELD_MANAGER)

    def _result(self, workflow: Mapping[str, Any], changed: bool, findings: list[str]) -> dict[str, Any]:
        name = workflow.get("metadata", {}).get("name", self.name)
        result = {
            **_facts(workflow, name, self.namespace),
            "changed": changed,
            "config_maps": [f"{name}-{suffix}" for suffix in self.config_maps],
            "findings": findings,
        }
        if self.module._diff:
            result["diff"] = {"before": {} if changed else self.workflow, "after": self.workflow}
        return result


def _read(params: Mapping[str, Any]) -> dict[str, Any]:
    if params["src"]:
        path = Path(params["src"])
        try:
            return _manifest.read(path.read_text(encoding="utf-8"), path.name)
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{path} cannot be read: {error}") from error
    definition = params["definition"]
    if isinstance(definition, str):
        return _manifest.read(definition, "definition")
    return _manifest.as_workflow(definition, "definition")


def _is_held(workflow: Mapping[str, Any]) -> bool:
    return _manifest.HELD_ANNOTATION in (workflow["metadata"].get("annotations") or {})


def _unless_missing(request: Callable[[], Seen]) -> Seen | None:
    """What the request returns; None where the object, its namespace or its kind does not exist."""
    try:
        return request()
    except ApiError as error:
        if error.status == 404:
            return None
        raise


def _facts(workflow: Mapping[str, Any], name: str, namespace: str) -> dict[str, Any]:
    status = workflow.get("status") or {}
    return {
        "name": name,
        "namespace": namespace,
        "uid": workflow.get("metadata", {}).get("uid", ""),
        "phase": _nodes.phase_of(workflow) if workflow else "",
        "message": status.get("message", ""),
    }


class ClusterLook:
    """What preflight may see of a cluster through a user's eyes."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.cluster = cluster
        self.namespace = namespace

    def objects(self, kind: str, cluster_wide: bool = False) -> list[dict[str, Any]] | None:
        return self._unless_refused(lambda: list(self.cluster.list(self._path(kind, "", cluster_wide))))

    def exists(self, kind: str, name: str, cluster_wide: bool = False) -> bool | None:
        path = self._path(kind, name, cluster_wide)
        return self._unless_refused(
            lambda: _unless_missing(lambda: self.cluster.get(path, accept=METADATA)) is not None
        )

    def allowed(self, service_account: str, verb: str, group: str, resource: str) -> bool | None:
        path = f"/apis/authorization.k8s.io/v1/namespaces/{self.namespace}/localsubjectaccessreviews"
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "LocalSubjectAccessReview",
            "metadata": {"namespace": self.namespace},
            "spec": {
                "user": f"system:serviceaccount:{self.namespace}:{service_account}",
                "groups": [
                    "system:serviceaccounts",
                    f"system:serviceaccounts:{self.namespace}",
                    "system:authenticated",
                ],
                "resourceAttributes": {"namespace": self.namespace, "verb": verb, "group": group, "resource": resource},
            },
        }
        return self._unless_refused(lambda: bool(self.cluster.create(path, review)["status"]["allowed"]))

    def _path(self, kind: str, name: str, cluster_wide: bool) -> str:
        if not cluster_wide:
            return core(self.namespace, kind, name)
        group = "/apis/scheduling.k8s.io/v1" if kind == "priorityclasses" else "/api/v1"
        return f"{group}/{kind}/{name}".rstrip("/")

    @staticmethod
    def _unless_refused(request: Callable[[], Seen]) -> Seen | None:
        """What the request returns; None where these credentials may not ask, or not there."""
        try:
            return request()
        except ApiError as error:
            if error.status in (403, 404):
                return None
            raise


# --- steering --------------------------------------------------------------------------------------------------------


def steer(module: AnsibleModule) -> dict[str, Any]:
    """Bring an existing Workflow into another state; with run_id, the one that was submitted with it."""
    params = module.params
    cluster = Cluster.from_params(params)
    workflow, name, namespace = _existing(cluster, params)
    state = params["state"]
    if workflow is None:
        if state != "absent":
            raise UserError(f"there is no Workflow {name} in {namespace} that could be {state}")
        return {**_facts({}, "" if params["run_id"] else name, namespace), "changed": False}
    path = workflows(namespace, workflow["metadata"]["name"])
    name = workflow["metadata"]["name"]
    changed, after = CHANGES[state](cluster, path, workflow, module.check_mode)
    result = {**_facts(after, name, namespace), "changed": changed}
    if module._diff:
        result["diff"] = {"before": _steered(workflow), "after": _steered(after)}
    return result


def _existing(cluster: Cluster, params: Mapping[str, Any]) -> tuple[dict[str, Any] | None, str, str]:
    """The Workflow that the options name, what they call it, and its namespace."""
    metadata = _read(params)["metadata"] if params["src"] or params["definition"] else {}
    namespace = params["namespace"] or metadata.get("namespace") or "argo"
    if params["run_id"]:
        return _of_run(cluster, namespace, params["run_id"]), f"with run_id {params['run_id']!r}", namespace
    name = params["name"] or metadata.get("name")
    if not name:
        raise UserError(f"state: {params['state']} needs the Workflow's name or run_id")
    return _unless_missing(lambda: cluster.get(workflows(namespace, name))), name, namespace


def _of_run(cluster: Cluster, namespace: str, run_id: str) -> dict[str, Any] | None:
    """The Workflow that was submitted with a run_id, the first if two tasks did so at once."""
    selector = f"{_manifest.RUN_LABEL}={_manifest.run_label(run_id)}"
    found = _unless_missing(lambda: list(cluster.list(workflows(namespace), labelSelector=selector)))
    return min(found, key=lambda workflow: workflow["metadata"]["creationTimestamp"]) if found else None


def _steered(workflow: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a Workflow that this module steers by, for the difference."""
    if not workflow:
        return {}
    spec = workflow["spec"]
    return {"name": workflow["metadata"]["name"], "suspend": spec.get("suspend"), "shutdown": spec.get("shutdown")}


Change = tuple[bool, dict[str, Any]]


def _delete(cluster: Cluster, path: str, workflow: dict[str, Any], check: bool) -> Change:
    if not check:
        _unless_missing(lambda: cluster.delete(path, {"propagationPolicy": "Background"}))
    return True, {}


def _shut_down(strategy: str) -> Any:
    def change(cluster: Cluster, path: str, workflow: dict[str, Any], check: bool) -> Change:
        if _nodes.is_done(workflow) or workflow["spec"].get("shutdown") in (strategy, "Terminate"):
            return False, workflow
        return True, _patch_spec(cluster, path, workflow, {"shutdown": strategy}, check)

    return change


def _suspend(cluster: Cluster, path: str, workflow: dict[str, Any], check: bool) -> Change:
    if _nodes.is_done(workflow):
        raise UserError(
            f"the Workflow {workflow['metadata']['name']} cannot be suspended: it has ended as "
            f"{_nodes.phase_of(workflow)}"
        )
    if workflow["spec"].get("suspend"):
        return False, workflow
    return True, _patch_spec(cluster, path, workflow, {"suspend": True}, check)


def _resume(cluster: Cluster, path: str, workflow: dict[str, Any], check: bool) -> Change:
    """Let it go on; the controller writes the same object, so a conflict means to look again."""
    conflicts = 0
    while (resumed := _resumed(workflow)) is not None:
        if check:
            return True, resumed
        try:
            return True, cluster.replace(path, resumed, fieldManager=FIELD_MANAGER)
        except ApiError as error:
            conflicts += 1
            if error.status != 409 or conflicts > CONFLICTS_SURVIVED:
                raise
            workflow = cluster.get(path)
    return False, workflow


def _resumed(workflow: Mapping[str, Any]) -> dict[str, Any] | None:
    """The Workflow with neither spec.suspend nor a waiting suspend node; None if there is nothing to resume."""
    if _nodes.is_done(workflow):
        return None
    nodes = _nodes.nodes_of(workflow)
    waiting = [key for key, node in nodes.items() if _nodes.is_active_suspend(node)]
    if not waiting and not workflow["spec"].get("suspend"):
        return None
    resumed = copy.deepcopy(dict(workflow))
    resumed["spec"].pop("suspend", None)
    if waiting:
        now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        ended = {key: _ended(nodes[key], now) for key in waiting}
        _store_nodes(resumed["status"], {**nodes, **ended})
    return resumed


def _ended(node: Mapping[str, Any], now: str) -> dict[str, Any]:
    """A waiting suspend node as Argo ends it: Succeeded, with the defaults of the outputs that nobody supplied."""
    ended = {**node, "phase": "Succeeded", "finishedAt": now}
    parameters = []
    for parameter in (node.get("outputs") or {}).get("parameters") or []:
        source = parameter.get("valueFrom") or {}
        if "supplied" in source:
            if "default" not in source:
                raise UserError(
                    f"{node['displayName']} cannot be resumed: its output {parameter['name']} was not supplied and "
                    "has no default"
                )
            parameter = {"name": parameter["name"], "value": source["default"]}
        parameters.append(parameter)
    if parameters:
        ended["outputs"] = {**node["outputs"], "parameters": parameters}
    return ended


def _store_nodes(status: dict[str, Any], nodes: Mapping[str, Any]) -> None:
    if "compressedNodes" not in status:
        status["nodes"] = dict(nodes)
        return
    data = json.dumps(nodes, separators=(",", ":")).encode()
    status["compressedNodes"] = base64.b64encode(gzip.compress(data)).decode()


def _patch_spec(
    cluster: Cluster, path: str, workflow: dict[str, Any], change: dict[str, Any], check: bool
) -> dict[str, Any]:
    if check:
        return {**workflow, "spec": {**workflow["spec"], **change}}
    return cluster.patch(path, {"spec": change}, fieldManager=FIELD_MANAGER)


CHANGES = {
    "absent": _delete,
    "suspended": _suspend,
    "resumed": _resume,
    "stopped": _shut_down("Stop"),
    "terminated": _shut_down("Terminate"),
}


if __name__ == "__main__":
    main()
