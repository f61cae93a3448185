#!/usr/bin/python
# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: argo_status
version_added: 0.1.0
author:
  - the argo.workflows authors (!UNKNOWN)
short_description: Ask whether an installation of Argo Workflows is ready, what it is and what it does
description:
  - Reads whether Argo's server and controller serve in a namespace, and can wait until they do.
  - Without O(managed_namespace) and O(instance_id) the arguments and the configuration of the installed controller tell
    them.
  - It changes nothing. To ask the server what a user would ask it, it has the cluster issue a token of the server's own
    account, valid for ten minutes.
options:
  wait:
    description: Whether to wait until the installation is ready, and to fail if it does not become so.
    type: bool
    default: false
  wait_timeout:
    description: Seconds to wait at most. To find out why it is not ready then takes at most 10 more.
    type: int
    default: 300
  settle:
    description:
      - Seconds for which the installation must stay ready, with O(wait=true).
      - A controller that runs ends some seconds after it was given a configuration that it does not understand.
    type: int
    default: 0
extends_documentation_fragment:
  - argo.workflows.installation
  - argo.workflows.connection
  - argo.workflows.attributes
  - argo.workflows.attributes.actiongroup_argo
  - argo.workflows.attributes.read_only
"""

EXAMPLES = r"""
- name: Wait until Argo is ready
  argo.workflows.argo_status:
    namespace: argo
    wait: true

- name: Look at an installation
  argo.workflows.argo_status:
    namespace: argo
  register: argo

- name: Show what it does
  ansible.builtin.debug:
    msg: "Argo {{ argo.version }} works on {{ argo.running_workflows }} workflows in {{ argo.managed_namespace }}"
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
version:
  description: Version of the installed controller, the tag of its image; empty if there is none.
  type: str
  returned: always
  sample: v4.1.2
controller_image:
  description: Image of the installed controller; empty if there is none.
  type: str
  returned: always
server_image:
  description: Image of the installed server; empty if there is none.
  type: str
  returned: always
server_scheme:
  description: V(https) or V(http), what the installed server serves; empty if there is none.
  type: str
  returned: always
server_base_href:
  description: >-
    Path under which a reverse proxy serves the UI, as the installed server is told; V(/) if there is no such proxy,
    empty if there is no server.
  type: str
  returned: always
  sample: /
client_account:
  description: Whether there is a service account C(argo-client), with whose token people log in, as far as one may see.
  type: bool
  returned: always
api_server:
  description: Address of the cluster's API server.
  type: str
  returned: always
  sample: https://10.0.0.1:6443
managed_namespace:
  description: Namespace whose workflows the installed controller works on; empty if there is none.
  type: str
  returned: always
instance_id:
  description: Instance id of the workflows that the controller works on; empty are those without one.
  type: str
  returned: always
running_workflows:
  description: How many workflows are not completed.
  type: int
  returned: always
ended_by:
  description: >-
    The Workflow that the controller has ended for, and will at every start until that Workflow is deleted; empty if
    there is none. A warning, or the message of a wait that failed, says what to do.
  type: str
  returned: always
  sample: team-a/train-x7k2v
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.argo.workflows.plugins.module_utils._install.ending import culprit_for, how_to_go_on
from ansible_collections.argo.workflows.plugins.module_utils._install.live import existing, running_workflows
from ansible_collections.argo.workflows.plugins.module_utils._install.objects import CLIENT, PLACE_SPEC, Ref
from ansible_collections.argo.workflows.plugins.module_utils._install.readiness import READY
from ansible_collections.argo.workflows.plugins.module_utils._install.server import EXPLAIN, wait
from ansible_collections.argo.workflows.plugins.module_utils._install.status import (
    as_result,
    deployments_of,
    find_place,
    pods_in,
    verdict_on,
)
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.cluster import Cluster
from ansible_collections.argo.workflows.plugins.module_utils._module import run_module

ARGUMENT_SPEC: dict[str, Any] = {
    **PLACE_SPEC,
    "wait": {"type": "bool", "default": False},
    "wait_timeout": {"type": "int", "default": 300},
    "settle": {"type": "int", "default": 0},
}


def main() -> None:
    run_module(run, ARGUMENT_SPEC, supports_check_mode=True)


def run(module: AnsibleModule) -> dict[str, Any]:
    options = module.params
    cluster = Cluster.from_params(options)
    if options["wait"]:
        cluster = cluster.until(cluster.clock.monotonic() + options["wait_timeout"] + EXPLAIN)
    place = find_place(cluster, options["namespace"], options["managed_namespace"], options["instance_id"])
    if options["wait"]:
        deployments, verdict = wait(cluster, place, options["wait_timeout"], options["settle"]), READY
    else:
        deployments = deployments_of(cluster, place)
        verdict = verdict_on(cluster, place, deployments)
    culprit = culprit_for(cluster, place.home, pods_in(cluster, place))
    if culprit:
        module.warn(how_to_go_on(culprit))
    client = existing(cluster, Ref("ServiceAccount", place.work, CLIENT).path)
    asked = {"api_server": cluster.host, "client_account": client is not None}
    return as_result(place, deployments, verdict, running_workflows(cluster, place.work), culprit) | asked


if __name__ == "__main__":
    main()
