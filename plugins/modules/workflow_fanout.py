#!/usr/bin/python
# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

# The work is done by the action plugin of the same name, on the control node.

DOCUMENTATION = r"""
module: workflow_fanout
short_description: Render the Workflows that run one pod for each item of a list
version_added: 0.1.0
author:
  - the argo.workflows authors (!UNKNOWN)
description:
  - Turns a template and a list of items into Workflows for M(argo.workflows.workflow), each with its ConfigMaps.
  - Nothing is sent anywhere, and nothing in an item is substituted on its way into the container.
    Plain items (at most 64 letters, digits, blanks and C(._:/@+-)) travel in C(withParam).
    If any item is not plain, the values of all are stored in ConfigMaps, and the Workflow has their numbers only.
  - Role P(argo.workflows.gpu_fanout#role) uses it.
options:
  items:
    description:
      - The items, as a list of strings, numbers, lists and dictionaries, or as a JSON array in a string.
    type: raw
  items_file:
    description: File with the items in C(files/), a JSON array if its name ends in C(.json), else one item a line.
    type: path
  count:
    description: How many items to run; they are the numbers from 0.
    type: int
  indexes:
    description: The places in the whole list of the items to run; all of them if not given.
    type: list
    elements: int
  template:
    description:
      - Jinja2 template of one Workflow with a parameter V(items), looked for in C(templates/).
      - Ansible's variables are written C([[ ]]), so that Argo's C({{ }}) stay as they are.
      - Keys whose value is null are left out.
      - Beside the play's variables it gets C(fanout) with three lists. C(arguments) are the parameters of the step,
        C(inputs) those of the template that it calls,
        and C(env) has the environment variables C(ITEM) and C(ITEM_INDEX).
    type: path
    required: true
  max_items:
    description:
      - Most items of a Workflow; more are split evenly into several Workflows, and so is what Argo could not store in
        one.
    type: int
    default: 5000
  max_gpus:
    description: GPUs that may be in use at once; what could use more is refused. V(0) means no limit.
    type: int
    default: 0
  wait_timeout:
    description: Seconds that the caller will wait; a warning is given if one item can take longer. V(0) means no limit.
    type: int
    default: 0
  allow_empty:
    description: Whether a list without items is allowed.
    type: bool
    default: false
extends_documentation_fragment:
  - argo.workflows.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
seealso:
  - module: argo.workflows.workflow
"""

EXAMPLES = r"""
- name: Render the Workflows
  argo.workflows.workflow_fanout:
    template: train.yaml.j2
    items: [{lr: 0.1}, {lr: 0.01}]
  register: fanout

- name: Submit the Workflows
  argo.workflows.workflow:
    definition: "{{ item.definition }}"
    config_maps: "{{ item.config_maps }}"
  loop: "{{ fanout.runs }}"
  loop_control:
    label: "{{ item.indexes | length }} items"
"""

RETURN = r"""
runs:
  description: The Workflows, in the order of their items.
  type: list
  elements: dict
  returned: success
  contains:
    definition:
      description: The Workflow.
      type: dict
    config_maps:
      description: The values of its items, for the option of the same name of M(argo.workflows.workflow).
      type: dict
    indexes:
      description: The places of its items in the whole list.
      type: list
      elements: int
all_items:
  description: The items as a list.
  type: list
  elements: raw
  returned: success
cost:
  description: What the fan-out can cost at most.
  type: dict
  returned: success
  contains:
    gpus_a_pod:
      description: GPUs and other devices that a pod asks for.
      type: float
    gpus_at_once:
      description: GPUs and other devices of the pods that may run at the same time.
      type: float
    worst_case:
      description: Seconds that one item can take once it has a GPU; null if nothing limits it.
      type: float
"""
