#!/usr/bin/python
# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: argo_status
short_description: Ask what an installation of Argo Workflows has, lacks and does
description:
  - Reads whether Argo's server and controller serve in a namespace, and can wait until they do.
  - Given the objects of an installation, it also says which of them must be applied, which belong to someone else, and
    every right that is missing to do so, before anything is changed.
  - It changes nothing. To ask the server what a user would ask it, it has the cluster issue a token of the server's own
    account, valid for ten minutes.
version_added: 0.1.0
author:
  - the argo.workflows authors (!UNKNOWN)
extends_documentation_fragment:
  - argo.workflows.connection
  - argo.workflows.attributes
  - argo.workflows.attributes.actiongroup_argo
  - argo.workflows.attributes.read_only
options:
  namespace:
    description: Namespace of the server and the controller.
    type: str
    default: argo
  managed_namespace:
    description: Namespace where workflows run, if it is not O(namespace).
    type: str
  instance_id:
    description: Instance id of the controller, part of its lease's name.
    type: str
    default: ""
  objects:
    description: The objects of the installation, as they are to be.
    type: list
    elements: dict
    default: []
  objects_state:
    description: Whether O(objects) are to be there or to be gone.
    type: str
    choices: [present, absent]
    default: present
  update_crds:
    description: Whether custom resource definitions among O(objects) that exist are applied too, not only missing ones.
    type: bool
    default: false
  wait:
    description: Whether to wait until the installation is ready, and to fail if it does not become so.
    type: bool
    default: false
  wait_timeout:
    description: Seconds to wait at most.
    type: int
    default: 300
  settle:
    description:
      - Seconds for which the installation must stay ready.
      - A controller that runs ends some seconds after it was given a configuration that it does not understand.
    type: int
    default: 0
"""

EXAMPLES = r"""
- name: Argo is ready
  argo.workflows.argo_status:
    namespace: argo
    wait: true

- name: Look at an installation
  argo.workflows.argo_status:
    namespace: argo
  register: argo

- name: Show what it does
  ansible.builtin.debug:
    msg: "{{ argo.controller_image }} works on {{ argo.running_workflows }} workflows"
"""

RETURN = r"""
ready:
  description: Whether both Deployments serve, the controller holds its lease and the server answers a list.
  type: bool
  returned: always
reason:
  description: Why it is not ready; empty if it is.
  type: str
  returned: always
controller_image:
  description: Image of the installed controller; empty if there is none.
  type: str
  returned: always
server_image:
  description: Image of the installed server; empty if there is none.
  type: str
  returned: always
server_scheme:
  description: V(https) or V(http), what the installed server serves.
  type: str
  returned: when there is a server
check_mode:
  description: Whether the task runs in check mode, which a role cannot see where a play or a task sets it.
  type: bool
  returned: without O(wait)
running_workflows:
  description: How many workflows are not completed.
  type: int
  returned: without O(wait)
managed_namespace:
  description: Namespace whose workflows the installed controller works on; empty if there is none.
  type: str
  returned: without O(wait)
missing_namespaces:
  description: Those of O(namespace) and O(managed_namespace) that do not exist.
  type: list
  elements: str
  returned: without O(wait)
missing_crds:
  description: The plurals of Argo's kinds that the cluster does not know.
  type: list
  elements: str
  returned: without O(wait)
needed:
  description: >-
    Those of O(objects) that must be applied, or with O(objects_state=absent) deleted. Those to apply carry an
    annotation by which the next run sees that nothing has changed.
  type: list
  elements: dict
  returned: without O(wait)
to_replace:
  description: >-
    The Deployments among RV(needed) that somebody else has made, or changed since the same was applied. Applying leaves
    in them what others have added.
  type: list
  elements: dict
  returned: without O(wait)
missing_rights:
  description: Every right that is missing to do so, as phrases.
  type: list
  elements: str
  returned: without O(wait)
user:
  description: Who asks, as the cluster names them, if a right is missing; else empty.
  type: str
  returned: without O(wait)
used_elsewhere:
  description: >-
    Other namespaces that have workflows, workflow templates or cron workflows, if custom resource definitions are among
    O(objects) that are to be gone.
  type: list
  elements: str
  returned: without O(wait)
others:
  description: Objects in the way that were not made by the role, as phrases that say who made them.
  type: list
  elements: str
  returned: without O(wait)
other_controllers:
  description: >-
    Deployments in the namespaces that run another controller, as definitions, if the role's own is among O(objects)
    that are to be present.
  type: list
  elements: dict
  returned: without O(wait)
claimed_by:
  description: Namespace of another installation that manages O(managed_namespace) already; empty if there is none.
  type: str
  returned: without O(wait)
cluster_wide:
  description: >-
    Namespace of an installation that works on the workflows of every namespace without an instance id, if the role's
    own controller is among O(objects) that are to be present and has none either; empty if there is none, or if its
    ClusterRoleBinding C(argo-binding) may not be read.
  type: str
  returned: without O(wait)
stale:
  description: >-
    Objects that the role has made and that are not among O(objects), as definitions; those in a namespace that the
    installed controller manages instead of O(managed_namespace) are among them as far as they may be read.
  type: list
  elements: dict
  returned: without O(wait)
absent:
  description: Those of RV(needed) in a namespace that do not exist, as definitions.
  type: list
  elements: dict
  returned: without O(wait)
previous:
  description: >-
    Those of RV(needed) in a namespace that exist, and RV(other_controllers), as they are, in the order in which they
    can be put back.
  type: list
  elements: dict
  returned: without O(wait)
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.argo.workflows.plugins.module_utils._install.objects import Place
from ansible_collections.argo.workflows.plugins.module_utils._install.server import wait
from ansible_collections.argo.workflows.plugins.module_utils._install.survey import survey
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.cluster import Cluster
from ansible_collections.argo.workflows.plugins.module_utils._module import run_module


def run(module: AnsibleModule) -> dict[str, Any]:
    options = module.params
    home = options["namespace"]
    place = Place(home, options["managed_namespace"] or home, options["instance_id"])
    cluster = Cluster.from_params(options)
    if options["wait"]:
        return wait(cluster, place, options["wait_timeout"], options["settle"])
    absent = options["objects_state"] == "absent"
    found = survey(cluster, place, options["objects"], absent, options["update_crds"])
    return {**found, "check_mode": module.check_mode}


# -- before anything is changed ---------------------------------------------------------------------------------------


# -- is it ready? -----------------------------------------------------------------------------------------------------


def main() -> None:
    run_module(
        run,
        {
            "namespace": {"type": "str", "default": "argo"},
            "managed_namespace": {"type": "str"},
            "instance_id": {"type": "str", "default": ""},
            "objects": {"type": "list", "elements": "dict", "default": []},
            "objects_state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "update_crds": {"type": "bool", "default": False},
            "wait": {"type": "bool", "default": False},
            "wait_timeout": {"type": "int", "default": 300},
            "settle": {"type": "int", "default": 0},
        },
        supports_check_mode=True,
    )


if __name__ == "__main__":
    main()
