#!/usr/bin/python
# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: workflow_logs
short_description: Fetch the logs of an Argo Workflow
version_added: 0.1.0
author:
  - the argo.workflows authors (!UNKNOWN)
description:
  - Fetches the logs of all containers of all attempts of a Workflow, or of those chosen, as far as they have been
    written. It does not wait; M(argo.workflows.workflow_wait) does, and collects the logs meanwhile.
  - Each log is complete, or the result says why it is not.
  - Needs the Kubernetes API alone, and neither the C(argo) command nor the Argo Server, but for archived logs
    (O(server)).
options:
  name:
    description:
      - Name of the Workflow.
    type: str
    required: true
  namespace:
    description:
      - Namespace of the Workflow.
    type: str
    default: argo
  logs_dir:
    description:
      - Folder for the logs. Each container of each attempt gets a file C(WORKFLOW/INDEX-ITEM/ATTEMPT-CONTAINER.log) in
        it, and C(WORKFLOW/index.json) says what is complete.
      - Where an item has steps of its own, their folders are called C(INDEX-ITEM.STEP).
      - What is in the files already is not fetched again, unless O(since), O(tail) or O(grep) have changed.
      - One process writes there at a time. While another one collects the logs of the same Workflow, it is waited for,
        for at most O(wait_timeout).
      - The files are only their owner's to read, and links in the folder are not followed.
      - Without it, the lines are returned as RV(lines).
    type: path
  items:
    description:
      - Only the logs of these items, by their index, their value, or their name as in V(echo(0:Argo\)). Of an item that
        has steps of its own these are the logs of all of them.
    type: list
    elements: str
    default: []
  since:
    description:
      - Only lines that were written since then - a time such as C(2026-11-22T15:45:00Z), or a number and a unit before
        now, such as C(90s), C(10m) or C(2h). Now is what the API server's clock says.
    type: str
  tail:
    description:
      - Only that many of the last lines of each container, at least 1, out of those that O(since) and O(grep) leave;
        and at most 2 MiB of them.
      - The lines of Argo's executor, which are left out, do not count.
    type: int
  grep:
    description:
      - Only lines in which this regular expression (of Python) is found. Of a line of more than 4 KiB the beginning
        decides.
      - A repetition of a group that can be matched in several ways, as in C((\w+ ?)+) or C((a|aa)+), may take longer
        than the universe is old, and is refused. One that cannot, as in C((\w++ ?+)+) or C((?>a|aa)+), is not.
    type: str
  wait_timeout:
    description:
      - Seconds after which logs that could not be fetched are given up.
    type: int
    default: 300
extends_documentation_fragment:
  - argo.workflows.attributes
  - argo.workflows.attributes.actiongroup_argo
  - argo.workflows.connection
  - argo.workflows.logs
attributes:
  check_mode:
    support: full
    details:
      - In check mode no files are written.
  diff_mode:
    support: none
  idempotent:
    support: full
notes:
  - Needs the rights to get workflows, to list pods, and to get pods/log.
seealso:
  - module: argo.workflows.workflow_wait
  - module: argo.workflows.workflow_info
"""

EXAMPLES = r"""
- name: Fetch the logs of the run into ./logs
  argo.workflows.workflow_logs:
    name: "{{ run.name }}"
    logs_dir: ./logs

- name: Fetch the logs of a run whose pods are gone into ./logs
  argo.workflows.workflow_logs:
    name: "{{ run.name }}"
    logs_dir: ./logs
    server: https://argo.example.org
    server_token: "{{ lookup('ansible.builtin.file', '~/.argo-token') }}"

- name: Find the errors of the last ten minutes
  argo.workflows.workflow_logs:
    name: "{{ run.name }}"
    since: 10m
    grep: (?i)error
  register: errors

- name: See what the executor did for the first item
  argo.workflows.workflow_logs:
    name: "{{ run.name }}"
    items: [0]
    containers: [init, wait]
    tail: 50
  register: executor
"""

RETURN = r"""
logs:
  description: The logs, at most 1,000.
  returned: always
  type: list
  elements: dict
  contains:
    node:
      description: Name of the node, as C(argo get) shows it.
      type: str
      sample: echo(0:Argo)(0)
    pod:
      description: Name of the pod.
      type: str
    container:
      description: Name of the container.
      type: str
      sample: main
    path:
      description: The file; null without O(logs_dir), and where there is none, as of a container that never ran.
      type: str
    lines:
      description: How many lines there are.
      type: int
    bytes:
      description: How many bytes there are.
      type: int
    executor_lines:
      description: How many lines of Argo's own were left out.
      type: int
    complete:
      description: Whether everything that the container wrote, and that was asked for, is there.
      type: bool
    archived:
      description: Whether it is not the pod's, but the archived log that O(server) has sent.
      type: bool
    reason:
      description: Why it is not complete.
      type: str
    gaps:
      description: Between which times lines were rotated away before they could be read.
      type: list
      elements: dict
complete:
  description: Whether all logs are complete.
  returned: always
  type: bool
  sample: true
reason:
  description:
    - Why nobody knows which logs there should be; RV(complete) is false then, and RV(logs) are those of the pods that
      are still there.
  returned: where the nodes of the Workflow cannot be read
  type: str
lines:
  description:
    - The lines, each behind the name of its item, in the order of these names; at most 2,000, and each of them at most
      1,000 characters long. RV(lines_left_out) says how many more there were.
  returned: without O(logs_dir)
  type: list
  elements: str
  sample: ["echo(0:Argo)(0): Input was: Argo"]
lines_left_out:
  description: How many lines are not in RV(lines).
  returned: without O(logs_dir)
  type: int
logs_dir:
  description: The folder of the logs.
  returned: with O(logs_dir)
  type: str
"""

import datetime
import re
from collections.abc import Callable, Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.argo.workflows.plugins.module_utils._argo.pods import trim
from ansible_collections.argo.workflows.plugins.module_utils._argo.times import stamp
from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import WORKFLOW_LABEL
from ansible_collections.argo.workflows.plugins.module_utils._follow.run import Run, belongs_to
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.cluster import Cluster
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import path
from ansible_collections.argo.workflows.plugins.module_utils._logs.archive import server_of
from ansible_collections.argo.workflows.plugins.module_utils._logs.collection import LogCollection
from ansible_collections.argo.workflows.plugins.module_utils._logs.folder import Log
from ansible_collections.argo.workflows.plugins.module_utils._logs.options import (
    LOG_SPEC,
    LogOptions,
    logs_folder,
    why_endless,
)
from ansible_collections.argo.workflows.plugins.module_utils._module import UserError, run_module

MAX_LOGS = 1000
MAX_LINES = 2000
MAX_LINE = 1000
"""Characters of a line."""
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}

ARGUMENT_SPEC: dict[str, Any] = {
    **LOG_SPEC,
    "name": {"type": "str", "required": True},
    "namespace": {"type": "str", "default": "argo"},
    "logs_dir": {"type": "path"},
    "items": {"type": "list", "elements": "str", "default": []},
    "since": {"type": "str"},
    "tail": {"type": "int"},
    "grep": {"type": "str"},
    "wait_timeout": {"type": "int", "default": 300},
}


def main() -> None:
    run_module(run, ARGUMENT_SPEC, supports_check_mode=True)


def run(module: AnsibleModule) -> dict[str, Any]:
    params = module.params
    directory = None if module.check_mode else logs_folder(params["logs_dir"])
    cluster = Cluster.from_params(params)
    deadline = cluster.clock.monotonic() + params["wait_timeout"]
    options = options_of(params, cluster.until(deadline).time_of_day)
    server = server_of(params, cluster)
    workflow = _read(cluster.until(deadline), params["namespace"], params["name"])
    lines = Lines()
    collection = LogCollection(cluster, server, options, directory, [] if directory else [lines.write])
    _collect(cluster, workflow, collection, deadline)
    logs = collection.logs
    if not logs and workflow.pods and workflow.running():
        module.warn("There are no logs: of the containers that have begun, none is chosen by items and containers.")
    result = _result_of(workflow, logs)
    if directory:
        changed = any(log.received != log.kept for log in logs)
        return result | {"changed": changed, "logs_dir": str(directory / workflow.name)}
    return result | {"changed": False, **lines.as_result()}


# --- what is asked for -----------------------------------------------------------------------------------------------


def options_of(params: Mapping[str, Any], now: Callable[[], float]) -> LogOptions:
    """Which logs, and which of their lines, the module's options ask for; UserError if one of them is wrong.

    `now` says the time of day, in seconds since 1970.
    """
    try:
        grep = re.compile(params["grep"].encode()) if params["grep"] else None
    except re.error as error:
        raise UserError(f"grep: {params['grep']!r} is not a regular expression: {error}") from error
    if grep and (why := why_endless(grep)):
        raise UserError(f"grep: {params['grep']!r} {why}")
    if params["tail"] is not None and params["tail"] < 1:
        raise UserError(f"tail must be at least 1, and is {params['tail']}")
    return LogOptions.from_params(
        params,
        follow=False,
        since=since_of(params["since"], now),
        tail=params["tail"],
        grep=grep,
        items=frozenset(params["items"]),
    )


def since_of(text: str | None, now: Callable[[], float]) -> str | None:
    """The option `since` as the API's sinceTime (RFC 3339, whole seconds, UTC); UserError if it is neither form."""
    if not text:
        return None
    match = re.fullmatch(r"(\d+)([smhd])", text)
    try:
        if match:
            span = datetime.timedelta(seconds=int(match[1]) * _UNITS[match[2]])
            when = datetime.datetime.fromtimestamp(now(), datetime.UTC) - span
        else:
            when = datetime.datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        raise UserError(f"since: {text!r} is neither a time like 2026-11-22T15:45:00Z nor a span like 10m") from error
    if when.tzinfo is None:
        raise UserError(f"since: {text!r} has no time zone; add Z for UTC")
    return stamp(when)


# --- reading ---------------------------------------------------------------------------------------------------------


def _read(cluster: Cluster, namespace: str, name: str) -> Run:
    """The Workflow as it is now, with its pods; UserError if there is none."""
    workflow = cluster.find(path("Workflow", namespace, name))
    if not workflow:
        raise UserError(f"there is no Workflow {name} in the namespace {namespace}")
    now = cluster.clock.monotonic()
    found = Run(workflow["metadata"], now)
    found.see_workflow(workflow, now)
    for pod in cluster.objects(path("Pod", namespace), labelSelector=f"{WORKFLOW_LABEL}={name}"):
        if belongs_to(pod, found):
            found.see_pod(trim(pod), now)
    return found


def _collect(cluster: Cluster, workflow: Run, collection: LogCollection, deadline: float) -> None:
    """Collect what the Workflow's containers have written so far, until the deadline (monotonic, in seconds)."""
    collection.add(workflow.namespace, workflow.name, workflow.uid)
    for pod in workflow.pods.values():
        collection.see(workflow.name, pod)
    there = {pod["metadata"]["name"] for pod in workflow.pods.values()}
    collection.miss_unsettled(workflow.name, workflow.unsettled(), there)
    collection.wait(deadline)
    collection.finish(
        "wait_timeout was over",
        [(workflow.workflow, workflow.nodes)],
        proceed=lambda: cluster.clock.monotonic() < deadline,
    )


# --- what is returned ------------------------------------------------------------------------------------------------


class Lines:
    """The lines that are returned."""

    def __init__(self) -> None:
        self._lines: dict[str, list[str]] = {}
        self._left_out = 0
        self._room = MAX_LINES

    def write(self, log: Log, lines: list[bytes]) -> None:
        """Keep new lines of a log while there is room."""
        kept = lines[: self._room]
        self._room -= len(kept)
        self._left_out += len(lines) - len(kept)
        own = self._lines.setdefault(log.display_name, [])
        own += [f"{log.display_name}: {line.decode(errors='replace')[:MAX_LINE]}" for line in kept]

    def as_result(self) -> dict[str, Any]:
        """The lines in the order of their nodes' names."""
        ordered = [line for node in sorted(self._lines) for line in self._lines[node]]
        return {"lines": ordered, "lines_left_out": self._left_out}


def _result_of(workflow: Run, logs: list[Log]) -> dict[str, Any]:
    """What is returned of the logs, wherever their lines are."""
    result = {
        "logs": [{"node": log.display_name, **log.as_dict()} for log in logs[:MAX_LOGS]],
        "complete": all(log.complete for log in logs) and not workflow.nodes_error,
    }
    return result | {"reason": workflow.nodes_error} if workflow.nodes_error else result


if __name__ == "__main__":
    main()
