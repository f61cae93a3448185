#!/usr/bin/python
# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: argo_plan
version_added: 0.1.0
author:
  - the argo.workflows authors (!UNKNOWN)
short_description: Ask what an installation of Argo Workflows lacks, before anything is changed
description:
  - What the role P(argo.workflows.argo#role) asks before it changes anything. Given the objects of an installation, it
    says in which steps they are applied or removed, and how that is taken back.
  - It fails, with a sentence for each, at everything that stands in the way, such as rights that are missing or an
    installation that somebody else made.
  - It changes nothing. To install Argo, use the role; to look at an installation, M(argo.workflows.argo_status).
options:
  objects:
    description: The objects of the installation, as they are to be.
    type: list
    elements: dict
    required: true
  state:
    description: Whether O(objects) are to be there or to be gone.
    type: str
    choices: [present, absent]
    default: present
  complete:
    description: Whether O(objects) are the whole installation, so that what the role has made besides is removed.
    type: bool
    default: true
  update_crds:
    description: Whether custom resource definitions among O(objects) that exist are applied too, not only missing ones.
    type: bool
    default: false
  adopt:
    description: Whether an installation that the role did not make is taken over.
    type: bool
    default: false
extends_documentation_fragment:
  - argo.workflows.installation
  - argo.workflows.connection
  - argo.workflows.attributes
  - argo.workflows.attributes.actiongroup_argo
  - argo.workflows.attributes.read_only
"""

EXAMPLES = r"""
- name: Ask what is missing
  argo.workflows.argo_plan:
    namespace: argo
    objects:
      - apiVersion: v1
        kind: Namespace
        metadata:
          name: argo
  register: plan

- name: Show what would be done
  ansible.builtin.debug:
    msg: "{{ plan.steps | map(attribute='name') }}"
"""

RETURN = r"""
changes:
  description: Whether there is anything to do, be it to wait.
  type: bool
  returned: always
check_mode:
  description: Whether the task runs in check mode, which a role cannot see where a play or a task sets it.
  type: bool
  returned: always
steps:
  description: What makes the installation as it is to be, in this order.
  type: list
  elements: dict
  returned: always
  contains: &step
    name:
      description: What is done, with the kind and name of each object.
      type: str
      sample: apply Role argo-role, ConfigMap workflow-controller-configmap
    verb:
      description: >-
        V(apply) by server-side apply, V(replace) the whole object where applying would leave in it what others have
        added, or V(delete).
      type: str
    objects:
      description: >-
        The objects. Those to apply carry an annotation by which the next run sees that nothing has changed; of those to
        delete there is what names them.
      type: list
      elements: dict
later:
  description: What would be applied too, but cannot be asked about in check mode, for its namespace does not exist.
  type: list
  elements: dict
  returned: always
wait:
  description: Whether Argo is to be waited for after RV(steps).
  type: bool
  returned: always
settle:
  description: Seconds for which it must stay ready then, as a controller that runs gets another configuration.
  type: int
  returned: always
undo:
  description: What takes RV(steps) back if Argo does not become ready.
  type: list
  elements: dict
  returned: always
  contains: *step
removals:
  description: What is removed after that, because it is no longer wanted.
  type: list
  elements: dict
  returned: always
  contains: *step
accepts_objects:
  description: >-
    Whether the cluster accepts objects of Argo's kinds by then; in check mode not while the namespace or a custom
    resource definition is missing.
  type: bool
  returned: always
ui_command:
  description: The command that opens the UI of this installation.
  type: str
  returned: always
  sample: ansible-playbook argo.workflows.ui -e argo_namespace=argo
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.argo.workflows.plugins.module_utils._install.live import running_workflows
from ansible_collections.argo.workflows.plugins.module_utils._install.look import look, missing_rights, user
from ansible_collections.argo.workflows.plugins.module_utils._install.objects import PLACE_SPEC, Place
from ansible_collections.argo.workflows.plugins.module_utils._install.plan import (
    Wanted,
    lacks_rights,
    plan_of,
    ui_command,
)
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.cluster import Cluster
from ansible_collections.argo.workflows.plugins.module_utils._module import UserError, run_module

ARGUMENT_SPEC: dict[str, Any] = {
    **PLACE_SPEC,
    "objects": {"type": "list", "elements": "dict", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "complete": {"type": "bool", "default": True},
    "update_crds": {"type": "bool", "default": False},
    "adopt": {"type": "bool", "default": False},
}


def main() -> None:
    run_module(run, ARGUMENT_SPEC, supports_check_mode=True)


def run(module: AnsibleModule) -> dict[str, Any]:
    cluster, wanted = Cluster.from_params(module.params), _wanted(module)
    seen = look(cluster, wanted)
    plan = plan_of(seen, wanted)
    missing = missing_rights(cluster, seen, plan.rights, plan.grants)
    lacks = lacks_rights(user(cluster), _cluster_name(module.params), missing, seen, wanted) if missing else ()
    if obstacles := [*lacks, *plan.obstacles]:
        raise UserError(" ".join(obstacles))
    if plan.replaced_image:
        _warn_of_running(module, running_workflows(cluster, wanted.place.work), plan.replaced_image, wanted.place.work)
    return {
        "changed": False,
        "check_mode": module.check_mode,
        **plan.as_result(),
        "ui_command": ui_command(_variables(module.params)),
    }


def _wanted(module: AnsibleModule) -> Wanted:
    options = module.params
    return Wanted(
        Place(options["namespace"], options["managed_namespace"] or options["namespace"], options["instance_id"] or ""),
        options["objects"],
        absent=options["state"] == "absent",
        update_crds=options["update_crds"],
        adopt=options["adopt"],
        complete=options["complete"],
        check_mode=module.check_mode,
        diff_mode=module._diff,
    )


def _variables(params: dict[str, Any]) -> dict[str, str]:
    """The role's variables that name the installation."""
    kubeconfig = params["kubeconfig"] if isinstance(params["kubeconfig"], str) else ""
    return {
        "argo_namespace": params["namespace"],
        "argo_kubeconfig": kubeconfig,
        "argo_context": params["context"] or "",
    }


def _cluster_name(params: dict[str, Any]) -> str:
    """How a sentence names the cluster."""
    variables = _variables(params)
    context = f", context {variables['argo_context']}" if variables["argo_context"] else ""
    return (variables["argo_kubeconfig"] or "the default kubeconfig") + context


def _warn_of_running(module: AnsibleModule, running: int, image: str, namespace: str) -> None:
    if running:
        module.warn(
            f"{running} {'workflow is' if running == 1 else 'workflows are'} running in {namespace}. Pods keep running"
            f" while the controller {image} is replaced, and the new one goes on with them."
        )


if __name__ == "__main__":
    main()
