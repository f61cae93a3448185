#!/usr/bin/python
# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: workflow_info
short_description: Read Argo Workflows
version_added: 0.1.0
author:
  - the argo.workflows authors (!UNKNOWN)
description:
  - With O(name), reads one Workflow - its phase, its items with all their attempts, the GPU time it took, and its tree
    as C(argo get) draws it.
  - Without O(name), lists the Workflows of a namespace. Neither their specs nor their nodes are read, so a list stays
    cheap however large the Workflows are.
  - Needs only the Kubernetes API. Neither the C(argo) command nor the Argo Server is used.
options:
  name:
    description:
      - Name of a Workflow. There need not be one of this name.
    type: str
  namespace:
    description:
      - Namespace of the Workflow or Workflows.
    type: str
    default: argo
  label_selectors:
    description:
      - List only Workflows with these labels, each entry as in C(team=vision), V(tier in (a,b\)) or C(!draft).
      - All of them must hold.
    type: list
    elements: str
    default: []
  phases:
    description:
      - List only Workflows in one of these phases. A Workflow that no controller has seen yet is V(Pending).
      - Without it, all are listed.
    type: list
    elements: str
    choices: [Pending, Running, Succeeded, Failed, Error]
    default: []
  instance_id:
    description:
      - List only Workflows of the controller with this instance ID.
    type: str
  include_resource:
    description:
      - Return the object as the API server has it, too, with O(name).
    type: bool
    default: false
extends_documentation_fragment:
  - argo.workflows.attributes
  - argo.workflows.attributes.actiongroup_argo
  - argo.workflows.attributes.read_only
  - argo.workflows.connection
seealso:
  - module: argo.workflows.workflow
  - module: argo.workflows.workflow_wait
"""

EXAMPLES = r"""
- name: Read a run
  argo.workflows.workflow_info:
    name: gpu-say-7k2vq
    namespace: argo-demo
  register: run

- name: Show its tree
  ansible.builtin.debug:
    msg: "{{ run.tree.splitlines() }}"

- name: Show the items that failed, with the node of their last attempt
  ansible.builtin.debug:
    msg: "{{ item.value }} on {{ item.node }}: {{ item.message }}"
  loop: "{{ run.workflow.item_results | selectattr('phase', 'in', ['Failed', 'Error']) }}"

- name: List the team's unfinished runs
  argo.workflows.workflow_info:
    namespace: argo-demo
    label_selectors:
      - team=vision
    phases: [Pending, Running]
  register: unfinished
"""

RETURN = r"""
exists:
  description: Whether there is a Workflow of this name.
  returned: with O(name)
  type: bool
  sample: true
workflow:
  description: The Workflow; empty if there is none.
  returned: with O(name)
  type: dict
  contains:
    name:
      description: Its name.
      type: str
      sample: gpu-say-7k2vq
    namespace:
      description: Its namespace.
      type: str
      sample: argo-demo
    uid:
      description: Its unique ID.
      type: str
      sample: 7ea3c5d5-ee3c-4952-943f-792b6bd64618
    labels:
      description: Its labels.
      type: dict
      sample: {"team": "vision"}
    phase:
      description: V(Pending), V(Running), V(Succeeded), V(Failed) or V(Error).
      type: str
      sample: Failed
    status:
      description: The phase as C(argo get) shows it, such as V(Running (Suspended)) or V(Failed (Terminated)).
      type: str
      sample: Failed
    message:
      description: What the controller says of the Workflow.
      type: str
      sample: child 'gpu-say-7k2vq-405838795' failed
    created_at:
      description: When it was submitted.
      type: str
      sample: "2026-11-22T15:45:13Z"
    started_at:
      description: When the controller started it; null before.
      type: str
      sample: "2026-11-22T15:45:13Z"
    finished_at:
      description: When it ended; null before.
      type: str
      sample: "2026-11-22T15:45:43Z"
    duration:
      description: Seconds from start to end; null before the end.
      type: float
      sample: 30.0
    progress:
      description: Pods that succeeded of all pods so far.
      type: str
      sample: 2/5
    gpu_seconds:
      description: Seconds times GPUs of all pods that have ended.
      type: dict
      contains:
        total:
          description: Of all attempts.
          type: int
          sample: 9
        failed:
          description: Of the attempts that failed.
          type: int
          sample: 5
    item_results:
      description:
        - One entry for each element of a fan-out, in the order of the list. A step outside of a fan-out that has a pod
          is one entry.
      type: list
      elements: dict
      contains:
        index:
          description: Its place in the list; null outside of a fan-out.
          type: int
          sample: 1
        value:
          description: The element itself; null outside of a fan-out.
          type: raw
          sample: bad
        name:
          description: The name that C(argo get) shows, without the attempt.
          type: str
          sample: echo(1:bad)
        node_name:
          description: The full name in the Workflow, without the attempt; unique.
          type: str
          sample: gpu-say-7k2vq[0].echo(1:bad)
        phase:
          description: V(Pending), V(Running), V(Succeeded), V(Failed), V(Error), V(Skipped) or V(Omitted).
          type: str
          sample: Failed
        message:
          description: What the controller says of the item.
          type: str
          sample: No more retries left
        exit_code:
          description: Exit code of the last attempt; null if it has none.
          type: int
          sample: 3
        node:
          description: The node of the cluster that the last attempt ran on.
          type: str
          sample: node1
        started_at:
          description: When the first attempt started.
          type: str
          sample: "2026-11-22T15:45:13Z"
        finished_at:
          description: When the last attempt ended.
          type: str
          sample: "2026-11-22T15:45:37Z"
        duration:
          description: Seconds between the two; null before the end.
          type: float
          sample: 24.0
        outputs:
          description: The output parameters of its template, by name.
          type: dict
          sample: {"loss": "0.25"}
        pods:
          description: Names of the pods of all attempts.
          type: list
          elements: str
          sample: [gpu-say-7k2vq-work-2455187270]
        attempts:
          description: The attempts in their order.
          type: list
          elements: dict
          contains:
            number:
              description: From 0.
              type: int
              sample: 0
            name:
              description: The full name in the Workflow.
              type: str
              sample: gpu-say-7k2vq[0].echo(1:bad)(0)
            node_id:
              description: The ID in the Workflow's status.
              type: str
              sample: gpu-say-7k2vq-2455187270
            pod:
              description: Name of its pod; empty if it has none.
              type: str
              sample: gpu-say-7k2vq-work-2455187270
            phase:
              description: Its phase.
              type: str
              sample: Failed
            message:
              description: Why it failed, or what it waits for.
              type: str
              sample: "main: Error (exit code 3)"
            exit_code:
              description: Exit code of its main container; null if it has none.
              type: int
              sample: 3
            node:
              description: The node of the cluster that it ran on.
              type: str
              sample: node1
            started_at:
              description: When its pod was created.
              type: str
              sample: "2026-11-22T15:45:13Z"
            finished_at:
              description: When it ended; null before.
              type: str
              sample: "2026-11-22T15:45:21Z"
            duration:
              description: Seconds between the two; null before the end.
              type: float
              sample: 8.0
            gpu_seconds:
              description: Seconds times GPUs.
              type: int
              sample: 2
tree:
  description:
    - The table that C(argo get --no-color) draws, from the line that starts with C(STEP) on, to the byte.
    - Empty before the controller has started the Workflow.
  returned: with O(name)
  type: str
  sample: "STEP        TEMPLATE  PODNAME  DURATION  MESSAGE\n ● gpu-say  main\n"
resource:
  description: The Workflow as the API server has it.
  returned: with O(name), if O(include_resource=true) and there is one
  type: dict
workflows:
  description: The Workflows, newest first.
  returned: without O(name)
  type: list
  elements: dict
  contains:
    name:
      description: Its name.
      type: str
      sample: gpu-say-7k2vq
    namespace:
      description: Its namespace.
      type: str
      sample: argo-demo
    uid:
      description: Its unique ID.
      type: str
      sample: 7ea3c5d5-ee3c-4952-943f-792b6bd64618
    labels:
      description: Its labels.
      type: dict
      sample: {"team": "vision"}
    phase:
      description: V(Pending), V(Running), V(Succeeded), V(Failed) or V(Error).
      type: str
      sample: Running
    message:
      description: What the controller says of the Workflow; empty where the installed CRDs have no column for it.
      type: str
      sample: ""
    created_at:
      description: When it was submitted.
      type: str
      sample: "2026-11-22T15:45:13Z"
"""

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ansible_collections.argo.workflows.plugins.module_utils._argo.graph import with_pods
from ansible_collections.argo.workflows.plugins.module_utils._argo.items import summary_of
from ansible_collections.argo.workflows.plugins.module_utils._argo.nodes import NodesError, nodes_of, phase_of
from ansible_collections.argo.workflows.plugins.module_utils._argo.tree import draw
from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import (
    WORKFLOW_LABEL,
    Json,
    selector_of,
)
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.cluster import Cluster
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import path
from ansible_collections.argo.workflows.plugins.module_utils._module import UserError, run_module

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

TABLE = "application/json;as=Table;g=meta.k8s.io;v=v1"

ARGUMENT_SPEC: dict[str, Any] = {
    "name": {"type": "str"},
    "namespace": {"type": "str", "default": "argo"},
    "label_selectors": {"type": "list", "elements": "str", "default": []},
    "phases": {
        "type": "list",
        "elements": "str",
        "choices": ["Pending", "Running", "Succeeded", "Failed", "Error"],
        "default": [],
    },
    "instance_id": {"type": "str"},
    "include_resource": {"type": "bool", "default": False},
}


def main() -> None:
    run_module(run, ARGUMENT_SPEC, supports_check_mode=True)


def run(module: AnsibleModule) -> dict[str, Any]:
    """Read one Workflow, or list those of a namespace."""
    params = module.params
    cluster = Cluster.from_params(params)
    try:
        if params["name"] is None:
            return {"workflows": listed(cluster, params)}
        resource = cluster.get(path("Workflow", params["namespace"], params["name"]))
    except ApiError as error:
        if error.status != 404:
            raise
        if "workflows.argoproj.io" in error.message:
            return {"exists": False, "workflow": {}, "tree": ""}
        raise UserError(
            f"the cluster at {cluster.host} does not know Workflows: Argo's CRDs are not installed there"
        ) from error
    nodes = read_nodes(module, cluster, resource)
    result = {
        "exists": True,
        "workflow": summary_of(resource, nodes),
        "tree": draw(resource, nodes, datetime.datetime.now(datetime.UTC)),
    }
    return result | ({"resource": resource} if params["include_resource"] else {})


# --- one Workflow ---


def read_nodes(module: AnsibleModule, cluster: Cluster, resource: Json) -> Mapping[str, Json]:
    """The nodes of a Workflow by their IDs; where they cannot be read, those that its pods tell of, with a warning."""
    try:
        return nodes_of(resource)
    except NodesError as error:
        module.warn(f"{error}; the items are those of the pods that still exist")
    own_label = f"{WORKFLOW_LABEL}={module.params['name']}"
    return with_pods(resource, {}, cluster.objects(path("Pod", module.params["namespace"]), labelSelector=own_label))


# --- the Workflows of a namespace ---


def listed(cluster: Cluster, params: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The Workflows that the options choose, as they are returned, newest first.

    They are asked for as a table: their metadata and the columns of their CRD, no nodes.
    """
    selector = selector_of(params["label_selectors"], params["phases"], params["instance_id"])
    query = {"labelSelector": selector} if selector else {}
    columns: list[str] = []
    found = []
    for page in cluster.pages(path("Workflow", params["namespace"]), accept=TABLE, includeObject="Metadata", **query):
        columns = [column["name"] for column in page.get("columnDefinitions") or ()] or columns
        found += [entry_of(row, columns) for row in page.get("rows") or ()]
    chosen = [entry for entry in found if not params["phases"] or entry["phase"] in params["phases"]]
    return sorted(chosen, key=lambda entry: (entry["created_at"], entry["name"]), reverse=True)


def entry_of(row: Json, columns: list[str]) -> dict[str, Any]:
    """A row of the table as it is returned; `columns` are the names of its cells."""
    metadata = row["object"]["metadata"]
    return {
        "name": metadata["name"],
        "namespace": metadata["namespace"],
        "uid": metadata["uid"],
        "labels": metadata.get("labels") or {},
        "phase": phase_of(row["object"]),
        "message": dict(zip(columns, row["cells"], strict=True)).get("Message") or "",
        "created_at": metadata["creationTimestamp"],
    }


if __name__ == "__main__":
    main()
