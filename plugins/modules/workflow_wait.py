#!/usr/bin/python
# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: workflow_wait
short_description: Wait for Argo Workflows and collect their logs
version_added: 0.1.0
author:
  - the argo.workflows authors (!UNKNOWN)
description:
  - Follows one or several Workflows until they have ended, or until a condition holds, and says what keeps them from
    going on.
  - Shows their tree, and if asked the lines of their logs, live in the output of C(ansible-playbook).
  - Collects the logs of all containers of all attempts, one file each, complete or with the reason why not.
  - Watches, and does not poll. Needs only the Kubernetes API; the C(argo) command is not used, and the Argo Server only
    for archived logs (O(server)).
options:
  name:
    description:
      - Names of the Workflows to wait for.
    type: list
    elements: str
  label_selectors:
    description:
      - Wait for the Workflows that have these labels when the wait begins, each entry as in C(team=vision) or
        V(tier in (a,b\)). All of them must hold.
    type: list
    elements: str
  namespace:
    description:
      - Namespace of the Workflows.
    type: str
    default: argo
  until:
    description:
      - What to wait for.
      - V(finished) - it has ended, as V(Succeeded), V(Failed) or V(Error).
      - V(running) - its first pod runs, or has run.
      - V(suspended) - it waits for somebody to resume it.
      - With several Workflows the wait ends when the condition has held for each of them, though not at the same time.
      - A Workflow that ends before the condition has held is not waited for any longer; O(fail_on) says whether the
        task then fails.
    type: str
    choices: [finished, running, suspended]
    default: finished
  node:
    description:
      - Wait until a node of the Workflow is in a phase, instead of O(until).
    type: dict
    suboptions:
      name:
        description:
          - Name of the node as C(argo get) shows it, such as V(echo(0:Argo\)), or its full name, or its ID.
        type: str
        required: true
      phase:
        description:
          - The phase to wait for.
        type: str
        choices: [Pending, Running, Succeeded, Failed, Error, Skipped, Omitted]
        default: Succeeded
  wait_timeout:
    description:
      - Seconds to wait at most. It holds whatever the API server does.
    type: int
    default: 3600
  on_timeout:
    description:
      - What becomes of the Workflows when the time is over, or when the wait is given up because of O(give_up_on).
      - V(leave) - they go on.
      - V(stop) - they are stopped; exit handlers still run.
      - V(terminate) - they are ended at once.
    type: str
    choices: [leave, stop, terminate]
    default: leave
  on_interrupt:
    description:
      - What becomes of the Workflows when the wait is interrupted, by Ctrl-C, by SIGTERM, or by a cancelled job, also
        one that is cancelled with SIGKILL as ansible-runner and AWX do. Where the whole container is killed in which
        Ansible runs, nothing is left that could do it.
      - The values are those of O(on_timeout).
    type: str
    choices: [leave, stop, terminate]
    default: leave
  lease_seconds:
    description:
      - Seconds for which the Workflows live on once nobody waits for them any more. Then the cluster itself deletes
        them, with their pods, whatever has ended the wait, be it a SIGKILL or the loss of the machine. At least 15;
        with V(0) they live on.
      - It is renewed all the time, at least every 10 seconds, so that an outage of the API server which is shorter by
        that does no harm.
      - A Workflow that has ended stays, and one that this module has told to stop or to terminate. One that goes on
        when the wait ends, as V(leave) says, does so for this time, and for longer if it is waited for again by then.
      - What is lost is deleted and not stopped, so exit handlers do not run.
      - To have a Workflow live so from its first moment on, set it in M(argo.workflows.workflow), too.
    type: int
    default: 0
  fail_on:
    description:
      - What makes the task fail.
      - V(failed) and V(error) are the phases that a Workflow can end in, V(deleted) is a Workflow that was deleted
        before it had ended, V(timeout) is O(wait_timeout), V(condition) is a Workflow that has ended before what
        O(until) or O(node) says, V(logs) is a log that is not complete.
      - Giving up because of O(give_up_on) always does, and a Workflow that could not be told to stop or to terminate.
    type: list
    elements: str
    choices: [failed, error, deleted, timeout, condition, logs]
    default: [failed, error, deleted, timeout, condition]
  give_up_on:
    description:
      - End the wait early, as a failure, on what does not heal by itself. By default nothing does.
      - V(unschedulable) - a pod fits on no node, waits behind a scheduling gate as those of a queue do, or asks for a
        scheduler that is not there; and no pod of the Workflows is on a node. A queue that moves heals.
      - V(image) - an image cannot be pulled, or its command cannot be looked up.
      - V(start) - a container cannot be started for another reason, or the node cannot prepare its pod, because of a
        volume, a key of a Secret or a device that is missing. The second is known where events may be listed. It is
        also that HTTP or plugin steps wait, and the controller makes no agent for them.
      - V(quota) - the quota of the namespace is used up, and no pod of the Workflows is on a node.
      - V(queued) - the controller has not begun with the Workflow, as too many run, or it or a step of it needs a mutex
        or a semaphore that others have; and no pod of the Workflows is on a node.
      - V(forbidden) - the service account of the pods lacks its rights on workflowtaskresults.
      - V(controller) - no controller takes the Workflow up, or the controller ends over and over.
      - V(stuck) - all pods have ended, but the Workflow does not, as where a step needs an output that never came.
    type: list
    elements: str
    choices: [unschedulable, image, start, quota, queued, forbidden, controller, stuck]
    default: []
  give_up_after:
    description:
      - Seconds that such a state has to last.
    type: int
    default: 300
  logs_dir:
    description:
      - Folder for the logs. Without it none are kept.
      - Each container of each attempt gets a file C(WORKFLOW/INDEX-ITEM/ATTEMPT-CONTAINER.log) in it, and each Workflow
        an C(index.json) that says what is complete.
      - Where an item has steps of its own, their folders are called C(INDEX-ITEM.STEP).
      - A second wait for the same Workflow goes on where the first was. At the same time only one of them writes there,
        and another one takes over when that has ended.
      - The files are only their owner's to read, and links in the folder are not followed.
    type: path
  progress:
    description:
      - What is shown while it waits.
      - V(tree) - the tree, and then its lines that change; of large Workflows a summary.
      - V(logs) - the lines of the logs, too.
      - V(none) - nothing.
      - Nothing is shown on remote connections, in C(async) tasks, and with stdout callbacks whose output is for
        programs.
    type: str
    choices: [tree, logs, none]
    default: tree
  progress_interval:
    description:
      - Seconds of silence after which a line says what is waited for, and why nothing moves if that is known. So nobody
        takes the wait for dead, as runners and CI systems do that end a job for its silence.
      - Keep it below their idle time-out, which may be a minute (a proxy before a web console) or ten (ansible-runner's
        C(idle_timeout) in many installations, CircleCI). V(0) says nothing.
      - It is shown wherever O(progress) is, and written to O(journal).
    type: int
    default: 50
  journal:
    description:
      - File to which what happens is appended, one JSON object a line, for other programs. Several waits may share it.
      - Each has C(time) and C(event), which is V(begin); V(tree), with C(workflow) and those C(lines) of its tree that
        have changed, each with C(text) and C(phase); V(log), with C(workflow), C(node), C(container) and C(lines);
        V(note), with C(workflow) and C(text); or V(end), with C(outcome).
      - A relative path starts in the folder of the playbook if the module runs on the control node, as that of
        O(logs_dir) does.
    type: path
extends_documentation_fragment:
  - argo.workflows.attributes
  - argo.workflows.attributes.actiongroup_argo
  - argo.workflows.connection
  - argo.workflows.logs
attributes:
  check_mode:
    support: full
    details:
      - In check mode it returns at once.
  diff_mode:
    support: N/A
    details:
      - It changes nothing but what O(lease_seconds) and the options say that begin with C(on_).
  idempotent:
    support: full
notes:
  - Needs the rights to get, list and watch workflows, to list and watch pods, and to get pods/log; and to patch
    workflows, to stop or terminate them.
  - O(lease_seconds) takes the rights to create, patch and delete jobs and to patch workflows. Each wait has a Job of
    its own, which owns the Workflows and never has a pod.
  - Where it may also list nodes, it says what they have when a pod fits on none; where it may list events, what the
    kubelet says about a pod that does not start; and where it may read the controller's log, which Workflow ends it.
seealso:
  - module: argo.workflows.workflow
  - module: argo.workflows.workflow_logs
  - module: argo.workflows.workflow_info
"""

EXAMPLES = r"""
- name: Wait until the run has ended, with its logs in ./logs
  argo.workflows.workflow_wait:
    name: "{{ run.name }}"
    logs_dir: ./logs

- name: Collect the logs of pods that are gone, too
  argo.workflows.workflow_wait:
    name: "{{ run.name }}"
    logs_dir: ./logs
    server: https://argo.example.org
    server_token: "{{ lookup('ansible.builtin.file', '~/.argo-token') }}"

- name: Wait for a run whose GPUs are free again a minute after this job was killed
  argo.workflows.workflow_wait:
    name: "{{ run.name }}"
    lease_seconds: 60

- name: Watch the run with its log lines, and stop it if it takes longer than an hour
  argo.workflows.workflow_wait:
    name: "{{ run.name }}"
    progress: logs
    wait_timeout: 3600
    on_timeout: stop

- name: Wait until all runs of the nightly batch have ended, whatever their end
  argo.workflows.workflow_wait:
    label_selectors:
      - batch=nightly
    fail_on: [timeout]
  register: batch

- name: Give up on a run that can never start
  argo.workflows.workflow_wait:
    name: "{{ run.name }}"
    give_up_on: [unschedulable, image, controller]
    give_up_after: 60
    on_timeout: terminate

- name: Wait until the approval step is reached
  argo.workflows.workflow_wait:
    name: "{{ run.name }}"
    until: suspended
"""

RETURN = r"""
outcome:
  description:
    - Why the wait has ended, V(finished), V(condition), V(timeout), V(gave_up), V(deleted) or V(interrupted). It is
      V(finished) if all Workflows have ended, whatever was waited for; and V(skipped) in check mode, where nothing else
      but an empty V(phase) is returned.
  returned: always
  type: str
  sample: finished
workflows:
  description:
    - The Workflows in the order of O(name), each with the keys that are described below. With a single name these are
      at the top of the result instead; with O(label_selectors) never, however many Workflows have the labels.
  returned: with several names, or O(label_selectors)
  type: list
  elements: dict
phase:
  description: V(Pending), V(Running), V(Succeeded), V(Failed) or V(Error). Of several Workflows the worst.
  returned: always
  type: str
  sample: Succeeded
name:
  description: Name of the Workflow.
  returned: with a single O(name)
  type: str
  sample: gpu-say-7k2vq
message:
  description: What Argo says about the Workflow.
  returned: with a single O(name)
  type: str
status:
  description: The phase as C(argo get) shows it, as in V(Running (Suspended)).
  returned: with a single O(name)
  type: str
created_at:
  description: When it was created.
  returned: with a single O(name)
  type: str
started_at:
  description: When it was started.
  returned: with a single O(name)
  type: str
finished_at:
  description: When it has ended.
  returned: with a single O(name)
  type: str
duration:
  description: Seconds from its start to its end.
  returned: with a single O(name)
  type: float
progress:
  description: Pods that have ended, of all pods so far.
  returned: with a single O(name)
  type: str
  sample: 3/3
tree:
  description:
    - The tree, as C(argo get) draws it; a summary if it had more than 100,000 characters, or its share of them where
      there are several Workflows.
  returned: with a single O(name)
  type: str
gpu_seconds:
  description: Seconds times GPUs, C(total), and of it C(failed), spent on attempts that failed.
  returned: with a single O(name)
  type: dict
  sample: {"total": 9, "failed": 0}
item_results:
  description:
    - The items of the fan-out, or the steps without one, with C(index), C(value), C(name), C(phase), C(message),
      C(exit_code), C(node), C(duration), C(pods), and their C(attempts).
    - C(logs) are the logs of all attempts, each with C(path), C(lines), C(bytes), C(complete), C(reason)
      and C(archived), whether it came from O(server). C(path) is null where there is no file, as of a container that
      never ran.
    - C(last_line) is the last line that is not empty in the log of the last attempt, in that of its container C(main),
      or of the container of its containerSet that wrote last, and not one of Argo's executor; of more than 65,536
      characters the rest is left out, and a word says so. C(tail) is the end of that log, if the item failed.
    - A result has at most 400,000 characters of them, of which each Workflow has its share, those that did not succeed
      first. If the task fails, it has only such, and at most 20 of each. C(index.json) has the logs of all.
  returned: with a single O(name)
  type: list
  elements: dict
items_total:
  description: How many items there are.
  returned: with a single O(name)
  type: int
diagnoses:
  description: What kept the Workflow from going on, or from succeeding, each with C(kind) and C(message).
  returned: with a single O(name)
  type: list
  elements: dict
logs_dir:
  description: The folder of its logs.
  returned: with a single O(name), if O(logs_dir) is set
  type: str
logs_complete:
  description:
    - Whether all logs are complete. It is false, too, where the nodes of the Workflow cannot be read. Then nobody knows
      which logs there should be, and RV(diagnoses) says why.
  returned: with a single O(name), if O(logs_dir) is set
  type: bool
logs_incomplete:
  description: The logs that are not complete, with the reason, at most 100 of all Workflows.
  returned: with a single O(name), if O(logs_dir) is set
  type: list
  elements: dict
"""

import contextlib
import signal
import time
from collections.abc import Callable
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.argo.workflows.plugins.module_utils._follow.diagnosis import DIAGNOSES
from ansible_collections.argo.workflows.plugins.module_utils._follow.follower import Follower, NotFoundError
from ansible_collections.argo.workflows.plugins.module_utils._follow.journal import Journal
from ansible_collections.argo.workflows.plugins.module_utils._follow.lease import Keeper
from ansible_collections.argo.workflows.plugins.module_utils._follow.outcome import FATES, Outcome, fate_of
from ansible_collections.argo.workflows.plugins.module_utils._follow.result import failure_of, result_of
from ansible_collections.argo.workflows.plugins.module_utils._follow.shutdown import shut_down
from ansible_collections.argo.workflows.plugins.module_utils._follow.wait import Ended, Wanted
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.cluster import Cluster
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.lease import why_not_a_lease
from ansible_collections.argo.workflows.plugins.module_utils._logs.archive import server_of
from ansible_collections.argo.workflows.plugins.module_utils._logs.options import LOG_SPEC, LogOptions, logs_folder
from ansible_collections.argo.workflows.plugins.module_utils._module import UserError, abandoned, run_module

ARGUMENT_SPEC: dict[str, Any] = {
    **LOG_SPEC,
    "name": {"type": "list", "elements": "str"},
    "label_selectors": {"type": "list", "elements": "str"},
    "namespace": {"type": "str", "default": "argo"},
    "until": {"type": "str", "choices": ["finished", "running", "suspended"], "default": "finished"},
    "node": {
        "type": "dict",
        "options": {
            "name": {"type": "str", "required": True},
            "phase": {
                "type": "str",
                "choices": ["Pending", "Running", "Succeeded", "Failed", "Error", "Skipped", "Omitted"],
                "default": "Succeeded",
            },
        },
    },
    "wait_timeout": {"type": "int", "default": 3600},
    "on_timeout": {"type": "str", "choices": list(FATES), "default": "leave"},
    "on_interrupt": {"type": "str", "choices": list(FATES), "default": "leave"},
    "lease_seconds": {"type": "int", "default": 0},
    "fail_on": {
        "type": "list",
        "elements": "str",
        "choices": ["failed", "error", "deleted", "timeout", "condition", "logs"],
        "default": ["failed", "error", "deleted", "timeout", "condition"],
    },
    "give_up_on": {"type": "list", "elements": "str", "choices": list(DIAGNOSES), "default": []},
    "give_up_after": {"type": "int", "default": 300},
    "logs_dir": {"type": "path"},
    "progress": {"type": "str", "choices": ["tree", "logs", "none"], "default": "tree"},
    "progress_interval": {"type": "int", "default": 50},
    "journal": {"type": "path"},
}


def main() -> None:
    run_module(
        run,
        ARGUMENT_SPEC,
        mutually_exclusive=[("name", "label_selectors"), ("node", "until")],
        required_one_of=[("name", "label_selectors")],
        supports_check_mode=True,
    )


def run(module: AnsibleModule) -> dict[str, Any]:
    """Wait, then do what the options say about the Workflows that go on."""
    params = module.params
    if module.check_mode:
        return {"changed": False, "outcome": Outcome.SKIPPED.value, "phase": ""}
    interrupted = watch_for_interruption()
    wanted = wanted_of(params)
    cluster = Cluster.from_params(params)
    with contextlib.closing(open_journal(params["journal"], interrupted)) as journal:
        journal.begin()
        lease = Keeper(cluster, wanted.namespace, wanted.lease, journal.note).start() if wanted.lease else None
        ended = follow(Follower(cluster, wanted, journal, interrupted, server_of(params, cluster), lease))
        fate = fate_of(ended.outcome, params)
        refused = let_go(cluster, ended, fate, lease)
    failure = failure_of(ended, params["fail_on"], fate, refused)
    result = result_of(ended, failed=bool(failure))
    if wanted.logs_dir and not ended.logs and any(each.run.pods and each.run.running() for each in ended.runs):
        module.warn("There are no logs: of the containers that have begun, none is chosen by containers.")
    if failure:
        raise UserError(failure, **result)
    return result


def follow(follower: Follower) -> Ended:
    """Wait; UserError if there is nothing to wait for."""
    try:
        return follower.follow()
    except NotFoundError as error:
        raise UserError(f"{error}; it may have been deleted, or the name or namespace is another one") from error


def let_go(cluster: Cluster, ended: Ended, fate: str, lease: Keeper | None) -> dict[str, str]:
    """Do about the Workflows that go on what `fate` says; why not, by name, where that could not be done."""
    runs = [each.run for each in ended.runs]
    going_on = [run for run in runs if not run.done and not run.deleted] if FATES[fate].shutdown else []
    refused = shut_down(cluster, going_on, FATES[fate].shutdown) if going_on else {}
    if lease:
        lease.end(runs, told={run.name for run in going_on}.difference(refused))
    return refused


def wanted_of(params: dict[str, Any]) -> Wanted:
    """What the module's options ask for; UserError if they name no Workflow, or ask for too short a lease."""
    if why := why_not_a_lease(params["lease_seconds"]):
        raise UserError(why)
    if not params["name"] and not all(params["label_selectors"] or [""]):
        raise UserError("label_selectors: there is no selector in it, which would be every Workflow of the namespace")
    if params["progress_interval"] < 0:
        raise UserError(f"progress_interval: {params['progress_interval']} is not a number of seconds; 0 says nothing")
    node = params["node"]
    return Wanted(
        namespace=params["namespace"],
        names=tuple(params["name"] or ()),
        label_selector=",".join(params["label_selectors"] or ()),
        until=params["until"],
        node=(node["name"], node["phase"]) if node else None,
        timeout=params["wait_timeout"],
        give_up_on=frozenset(params["give_up_on"]),
        give_up_after=params["give_up_after"],
        lease=params["lease_seconds"],
        logs_dir=logs_folder(params["logs_dir"]),
        logs=LogOptions.from_params(params),
        progress_interval=params["progress_interval"],
        show_tree=params["progress"] != "none",
        show_logs=params["progress"] == "logs",
    )


def watch_for_interruption() -> Callable[[], bool]:
    """Returns a function that says whether this process was asked to end, or whoever started it has gone."""
    received: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, frame: received.append(number))
    return lambda: bool(received) or abandoned()


def open_journal(path: str | None, interrupted: Callable[[], bool]) -> Journal:
    """The journal; UserError if it cannot be written, unless it went with whoever started this and was interrupted."""
    try:
        return Journal(path)
    except OSError as error:
        time.sleep(0.5)  # its pipe goes first
        if interrupted():
            return Journal(None)
        raise UserError(f"journal: {path} cannot be written: {error.strerror or error}") from error


if __name__ == "__main__":
    main()
