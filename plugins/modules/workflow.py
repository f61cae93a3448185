#!/usr/bin/python
# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: workflow
short_description: Submit, suspend, resume, stop, terminate or delete Argo Workflows
version_added: 0.1.0
author:
  - the argo.workflows authors (!UNKNOWN)
description:
  - Submits a Workflow from a file or a dictionary and returns its name at once.
  - M(argo.workflows.workflow_wait) waits for it.
  - Steers Workflows that are there - one by its name, all of a run by O(run_id), or in bulk those that
    O(label_selectors), O(phases), O(older_than) and O(prefix) choose.
  - Talks to the Kubernetes API alone; neither the C(argo) nor the C(kubectl) command is needed.
  - YAML is read as Kubernetes users mean it, so that a step named V(n) or V(on) stays a string.
  - Mistakes for which Argo's controller would only refuse the Workflow after it was created are refused before.
options:
  src:
    description:
      - File with one Workflow, in YAML or JSON; it needs no change to be used here.
      - It is searched for on the control node, in C(files/) and beside the playbook; Ansible Vault may encrypt it.
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
      - The Workflow is created suspended, then the ConfigMaps that it owns, then it is resumed, so that no pod
        starts before its data is there, and deleting the Workflow deletes the ConfigMaps.
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
      - The instance id of the controller that is to run the Workflow, set as its label. In bulk, only Workflows of
        this controller are meant.
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
      - The name is O(generate_name) (or O(name) and a dash) and a hash of O(run_id) and O(run_part).
      - It holds as long as the Workflow is there. After it was deleted, by its C(ttlStrategy) for example, the same
        O(run_id) runs it again.
      - With another O(state) than V(present), all Workflows of the run are meant, whatever their O(run_part).
    type: str
  run_part:
    description:
      - Which part of the run the Workflow is, where a run has several, such as V(1) or V(retry-1). It is a label, too.
      - With another O(state) than V(present), only this part is meant.
    type: str
  label_selectors:
    description:
      - Steer the Workflows with these labels, each entry as in C(team=vision), V(tier in (a,b\)) or C(!draft).
      - All of them must hold, and all of O(phases), O(older_than) and O(prefix) that are given. They do not go together
        with an option that names a Workflow or a run, and O(instance_id) alone chooses nothing.
    type: list
    elements: str
  phases:
    description:
      - Steer the Workflows in one of these phases. A Workflow that no controller has seen yet is V(Pending).
    type: list
    elements: str
    choices: [Pending, Running, Succeeded, Failed, Error]
  older_than:
    description:
      - Steer the Workflows that are older than this, such as V(90m), V(36h), V(7d) or V(1d12h).
      - With O(state=absent) the age counts from the end of the Workflow, as that of C(argo delete --older) does. One
        that has not ended is left, however long it takes. With other states the age counts from the creation.
    type: str
  prefix:
    description:
      - Steer the Workflows whose names begin with this.
    type: str
  max_affected:
    description:
      - Change nothing, and fail, where more Workflows would be changed than this.
    type: int
  lease_seconds:
    description:
      - Seconds that the Workflow lives if nobody waits for it by then, with the option of the same name of
        M(argo.workflows.workflow_wait). Then the cluster itself deletes it, with its pods, whatever has kept the wait
        from coming. At least 15; with V(0) it lives on.
      - With O(run_id), one that was submitted before and has not ended gets the same time from now.
    type: int
    default: 0
  strict:
    description:
      - Whether a field that Argo does not know is refused, and a key that comes twice in the specification.
        If not, they are warnings, and the fields are submitted as they are.
      - A value of a type that Argo cannot decode is always refused, since Argo's controller ends at it, and nobody's
        Workflows run until it is deleted.
    type: bool
    default: true
  state:
    description:
      - V(present) submits the Workflow unless it is there.
      - V(absent) deletes it, with its pods and their logs.
      - V(suspended) lets no further pods start. V(resumed) lets them start again, and ends the suspend steps that wait.
      - V(stopped) ends it and runs its exit handlers. V(terminated) ends it without them.
      - Stopping or terminating a Workflow that has ended changes nothing.
      - Several Workflows are looked at before the first of them is changed. What is submitted meanwhile is not touched.
        Where one cannot be changed, the others are nevertheless, and the task fails.
    type: str
    choices: [present, absent, suspended, resumed, stopped, terminated]
    default: present
  preflight:
    description:
      - Whether to look before submitting for what the Workflow's pods need. That is nodes with the GPUs they ask for,
        quota, limit ranges, service account and its rights, pull secrets, Secrets, ConfigMaps and claims.
      - With V(fail) anything missing is an error and nothing is submitted. With V(warn) it is a warning. What passes by
        itself, such as a quota that is used up now, is always a warning. What the credentials may not read is left out.
      - Counted in is what C(workflowTemplateRef), the controller's C(workflowDefaults), C(templateDefaults) and
        C(podSpecPatch) add. What only a parameter decides is left out, templates behind a C(templateRef) too. A taint
        for which a toleration may come from the cluster itself is a warning.
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
      - With another state, RV(workflows) lists what would be changed, and why others would be left.
  diff_mode:
    support: full
  idempotent:
    support: partial
    details:
      - With a name or O(run_id). Otherwise each run of the task submits another Workflow.
requirements:
  - kubernetes (Python library)
notes:
  - O(lease_seconds) takes the right to create jobs, and with a Workflow that is there to get and patch workflows. The
    Job that owns the Workflow never has a pod.
seealso:
  - module: argo.workflows.workflow_wait
"""

EXAMPLES = r"""
- name: Submit a file as it is
  argo.workflows.workflow:
    src: gpu-say-workflow.yaml
    namespace: argo
    parameters:
      messages: [Argo, Is, Awesome]
  register: run

- name: Wait for its result
  argo.workflows.workflow_wait:
    name: "{{ run.name }}"
    namespace: argo
    logs_dir: ./logs

- name: Submit a run that a restarted pipeline finds again
  argo.workflows.workflow:
    src: train.yaml
    run_id: "{{ lookup('env', 'CI_PIPELINE_ID') }}"

- name: Let no further pods start
  argo.workflows.workflow:
    name: train-x7k2p0
    state: suspended

- name: Stop everything of a run, its parts and retries
  argo.workflows.workflow:
    run_id: "{{ lookup('env', 'CI_PIPELINE_ID') }}"
    state: stopped

- name: Delete what ended more than a week ago, unless that are suspiciously many
  argo.workflows.workflow:
    namespace: team-a
    older_than: 7d
    state: absent
    max_affected: 500

- name: Terminate what the team's tests have left running
  argo.workflows.workflow:
    namespace: team-a
    label_selectors: [team=vision]
    phases: [Pending, Running]
    prefix: test-
    state: terminated

- name: Submit a Workflow that is written in the playbook
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
  description:
    - Name of the Workflow; in check mode, the name that one submitted now could get.
    - Of a run that is steered, this and the next keys are those of its first Workflow.
  type: str
  returned: unless in bulk
  sample: gpu-say-x7k2p0
namespace:
  description: Namespace of the Workflows.
  type: str
  returned: success
  sample: argo
uid:
  description: UID of the Workflow; empty where it does not exist.
  type: str
  returned: unless in bulk
phase:
  description: The phase as Argo reports it, V(Pending) until it does; empty where there is no Workflow.
  type: str
  returned: unless in bulk
  sample: Pending
message:
  description: Argo's message about the phase.
  type: str
  returned: unless in bulk
affected:
  description: How many Workflows were changed; in check mode, or where O(max_affected) is exceeded, would be.
  type: int
  returned: unless O(state=present), also with a failure
  sample: 3
workflows:
  description:
    - The Workflows that are meant, those first that could not be changed, then those that were, then those that were
      left; at most 1,000.
  type: list
  elements: dict
  returned: unless O(state=present), also with a failure
  contains:
    name:
      description: Its name.
      type: str
      sample: gpu-say-x7k2p0
    uid:
      description: Its unique ID.
      type: str
    phase:
      description: Its phase when it was looked at.
      type: str
      sample: Running
    changed:
      description: Whether it was changed; in check mode, or where O(max_affected) is exceeded, whether it would be.
      type: bool
    reason:
      description: Why it was left, or could not be changed.
      type: str
      sample: it has ended as Succeeded
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

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.argo.workflows.plugins.module_utils._argo.nodes import NodesError
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.cluster import Cluster
from ansible_collections.argo.workflows.plugins.module_utils._module import UserError, run_module
from ansible_collections.argo.workflows.plugins.module_utils._submit.manifest import ManifestError
from ansible_collections.argo.workflows.plugins.module_utils._submit.selection import refuse_criteria
from ansible_collections.argo.workflows.plugins.module_utils._submit.steering import steer
from ansible_collections.argo.workflows.plugins.module_utils._submit.submission import prepare, submit

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
    "run_part": {"type": "str"},
    "label_selectors": {"type": "list", "elements": "str"},
    "phases": {"type": "list", "elements": "str", "choices": ["Pending", "Running", "Succeeded", "Failed", "Error"]},
    "older_than": {"type": "str"},
    "prefix": {"type": "str"},
    "max_affected": {"type": "int"},
    "lease_seconds": {"type": "int", "default": 0},
    "strict": {"type": "bool", "default": True},
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
        required_by={"run_part": ["run_id"]},
    )


def run(module: AnsibleModule) -> dict[str, Any]:
    try:
        result = _submitted(module) if module.params["state"] == "present" else _steered(module)
    except (ManifestError, NodesError) as error:
        raise UserError(str(error)) from error
    if not module._diff:
        result.pop("diff", None)
    return result


def _submitted(module: AnsibleModule) -> dict[str, Any]:
    refuse_criteria(module.params)
    submission = prepare(module.params)
    for warning in submission.warnings:
        module.warn(warning)
    cluster = Cluster.from_params(module.params)
    result = submit(cluster, submission, module.params["preflight"], module.check_mode)
    for finding in result["findings"]:
        module.warn(finding)
    return result


def _steered(module: AnsibleModule) -> dict[str, Any]:
    return steer(Cluster.from_params(module.params), module.params, module.check_mode)


if __name__ == "__main__":
    main()
