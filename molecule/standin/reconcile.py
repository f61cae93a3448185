# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the stand-in's controller decides: a Workflow, its pods and its task results in; a new status and actions out.

Pure: no clock, no network. The rules are those of Argo v4.1.2 as the recordings show them.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from . import InvalidSpecError, UnsupportedError
from . import pods as podlib
from .pods import LABEL
from .retries import decide, last_retry
from .spec import check_spec
from .substitute import Item, items_of, replace
from .sums import EXECUTABLE, sum_up
from .times import seconds, timestamp

Json = dict[str, Any]

DONE = {"Succeeded", "Failed", "Error"}
ENDED = {*DONE, "Skipped"}
FAILED = {"Failed", "Error"}

RECENTLY_STARTED = timedelta(seconds=10)
"""How long a running node may lack its pod before the pod counts as deleted."""

REPORTING = timedelta(seconds=5)
"""How long the wait container of a failed main may go on: main may have been killed before it could tell its end."""


@dataclass
class Config:
    """What the controller's configuration says about pods: containers to start from."""

    executor: Json = field(default_factory=dict)
    main: Json = field(default_factory=dict)


@dataclass
class Outcome:
    """What is to be done, in this order: create pods, write `workflow` if `changed`, the rest."""

    workflow: Json
    changed: bool = False
    create: dict[str, Json] = field(default_factory=dict)
    """Pods by node id."""
    terminate: set[str] = field(default_factory=set)
    """Names of pods whose containers are to be stopped."""
    complete: set[str] = field(default_factory=set)
    """Names of pods that get the label completed=true."""
    delete_after: dict[str, float] = field(default_factory=dict)
    """Names of pods to be deleted, with a delay in seconds (podGC)."""
    again_at: datetime | None = None
    """When to look again if nothing happens before."""


def reconcile(
    workflow: Json, pods: Iterable[Json], task_results: Iterable[Json], now: datetime, config: Config | None = None
) -> Outcome:
    """The next status of `workflow` and what follows from it. The inputs are not changed."""
    operation = _Operation(copy.deepcopy(workflow), pods, task_results, now, config or Config())
    if workflow.get("metadata", {}).get("labels", {}).get(LABEL + "completed") != "true":
        try:
            operation.run()
        except InvalidSpecError as error:
            operation.finish("Failed", f"invalid spec: {error}")
        except UnsupportedError as error:
            operation.finish("Error", str(error))
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            operation.finish("Error", f"stand-in: cannot work on this Workflow: {error!r}")
        sum_up(operation.status, operation.nodes, ENDED)
        if not operation.nodes:
            del operation.status["nodes"]
        after = operation.workflow
        # Conditions alone are no reason to write: PodRunning says what the last written change was.
        operation.outcome.changed = {**after["status"], "conditions": []} != {
            **workflow.get("status", {}),
            "conditions": [],
        }
    return operation.outcome


def pod_refused(workflow: Json, node: str, message: str, now: datetime, transient: bool) -> None:
    """Records in `workflow` that the API server refused the pod of `node`: a quota passes, anything else is final."""
    nodes = workflow["status"]["nodes"]
    nodes[node]["message"] = message
    if transient:
        return
    nodes[node].update(phase="Error", finishedAt=timestamp(now))
    for parent in nodes.values():
        if parent["type"] == "StepGroup" and node in parent.get("children", []):
            text = f"step group deemed errored due to child {nodes[node]['name']} error: {message}"
            parent.update(phase="Error", message=text, finishedAt=timestamp(now))


class _ParallelismReachedError(Exception):
    """No further pod may be started now."""


class _Operation:
    def __init__(
        self, workflow: Json, pods: Iterable[Json], task_results: Iterable[Json], now: datetime, config: Config
    ) -> None:
        self.workflow, self.now, self.config = workflow, now, config
        self.name, self.spec = workflow["metadata"]["name"], workflow["spec"]
        self.pods = {pod["metadata"]["annotations"][LABEL + "node-id"]: pod for pod in pods}
        self.results = {result["metadata"]["name"]: result for result in task_results}
        self.status: Json = workflow.setdefault("status", {})
        self.nodes: dict[str, Json] = self.status.setdefault("nodes", {})
        self.outcome = Outcome(workflow)
        self.templates = {template["name"]: template for template in self.spec.get("templates", [])}
        self.on_exit = False

    # --- the Workflow

    def run(self) -> None:
        if not self.status.get("phase"):
            self.start()
        else:
            self.read_task_results()
            self.read_pods()
            self.end_what_may_not_go_on()
        if self.spec.get("suspend"):
            return
        try:
            entry = self.execute(self.name, {"template": self.spec["entrypoint"]}, boundary="")
        except _ParallelismReachedError:
            return
        if entry is None or not self.fulfilled(entry):
            return
        exit_node = self.run_exit_handler(entry)
        if exit_node is not None and not self.fulfilled(exit_node):
            return
        if any(not node.get("taskResultSynced", True) for node in self.nodes.values()):
            return
        message = entry.get("message", "")
        if entry["phase"] in FAILED and self.shutdown:
            message = f"Stopped with strategy '{self.shutdown}'"
        phase = "Succeeded" if entry["phase"] not in FAILED else entry["phase"]
        if phase == "Succeeded" and exit_node is not None and exit_node["phase"] in FAILED:
            phase, message = exit_node["phase"], exit_node.get("message", "")
        self.finish(phase, message)

    def start(self) -> None:
        check_spec(self.spec)
        metadata, scope = self.workflow["metadata"], self.globals()
        for parameter in self.spec.get("arguments", {}).get("parameters", []):
            if "value" in parameter:
                parameter["value"] = replace(parameter["value"], scope)
        metadata.setdefault("annotations", {})[LABEL + "pod-name-format"] = "v2"
        metadata.setdefault("labels", {}).update({LABEL + "phase": "Running", LABEL + "completed": "false"})
        self.status.update(
            artifactGCStatus={"notSpecified": True},
            artifactRepositoryRef={"artifactRepository": {}, "default": True},
            phase="Running",
            startedAt=timestamp(self.now),
        )

    def finish(self, phase: str, message: str = "") -> None:
        end = timestamp(self.now)
        labels = {LABEL + "phase": phase, LABEL + "completed": "true"}
        self.workflow["metadata"].setdefault("labels", {}).update(labels)
        self.status.setdefault("startedAt", end)
        self.status.update(phase=phase, finishedAt=end, **({"message": message} if message else {}))
        self.set_condition("Completed", True)

    def run_exit_handler(self, entry: Json) -> Json | None:
        if not self.spec.get("onExit") or self.shutdown == "Terminate":
            return None
        self.on_exit = True
        self.workflow_status = entry["phase"]
        flag = {"hooked": True}
        try:
            return self.execute(f"{self.name}.onExit", {"template": self.spec["onExit"]}, boundary="", flag=flag)
        except _ParallelismReachedError:
            return {"phase": "Pending"}

    @property
    def shutdown(self) -> str:
        return str(self.spec.get("shutdown", ""))

    def may_run(self) -> bool:
        """Whether pods may still be started: Stop leaves the exit handler, Terminate nothing."""
        return not self.shutdown or (self.shutdown == "Stop" and self.on_exit)

    def globals(self) -> dict[str, str]:
        metadata = self.workflow["metadata"]
        parameters = self.spec.get("arguments", {}).get("parameters", [])
        return {
            "workflow.name": self.name,
            "workflow.namespace": metadata["namespace"],
            "workflow.uid": metadata["uid"],
            "workflow.serviceAccountName": self.spec.get("serviceAccountName", ""),
            **{f"workflow.labels.{key}": value for key, value in metadata.get("labels", {}).items()},
            **{f"workflow.annotations.{key}": value for key, value in metadata.get("annotations", {}).items()},
            **{f"workflow.parameters.{p['name']}": str(p["value"]) for p in parameters if "value" in p},
            **({"workflow.status": self.workflow_status} if self.on_exit else {}),
        }

    # --- what happened

    def read_task_results(self) -> None:
        for name, result in self.results.items():
            complete = result["metadata"].get("labels", {}).get(LABEL + "report-outputs-completed") == "true"
            if node := self.nodes.get(name):
                ending = node["phase"] in FAILED and self.pods.get(name, {}).get("status", {}).get("phase") == "Running"
                gone = node["phase"] in ENDED and name not in self.pods
                node["taskResultSynced"] = (complete or gone) and not ending
                if outputs := result.get("outputs"):
                    node["outputs"] = {**node.get("outputs", {}), **outputs}

    def read_pods(self) -> None:
        running = False
        for node_id, pod in self.pods.items():
            if node := self.nodes.get(node_id):
                before = dict(node)
                if "finishedAt" not in node:
                    self.read_pod(node, pod)
                # Argo's condition counts only the nodes that changed just now.
                running = running or (node["phase"] == "Running" and node != before)
                self.control(node, pod)
                if self.fulfilled(node):
                    self.clean_up(node, pod)
        self.set_condition("PodRunning", running)
        for node_id, node in self.nodes.items():
            if node["type"] == "Pod" and node["phase"] == "Running" and node_id not in self.pods:
                end_of_grace = datetime.fromisoformat(node["startedAt"]) + RECENTLY_STARTED
                if self.now < end_of_grace:
                    self.look_again(end_of_grace)
                else:
                    node["taskResultSynced"] = True
                    self.mark(node, "Error", "pod deleted")

    def read_pod(self, node: Json, pod: Json) -> None:
        before, phase = dict(node), pod.get("status", {}).get("phase", "Pending")
        if phase == "Pending":
            node.update(phase="Pending", message=podlib.pending_reason(pod))
        elif phase == "Failed":
            node["phase"], node["message"] = podlib.failure(pod)
        else:
            node["phase"] = phase
            if before["phase"] == "Pending":
                node["message"] = ""
        if pod["spec"].get("nodeName"):
            node["hostNodeName"] = pod["spec"]["nodeName"]
        if main := podlib.terminated(pod, "main"):
            node["outputs"] = {**node.get("outputs", {}), "exitCode": str(main["exitCode"])}
            ended = datetime.fromisoformat(main["finishedAt"]) if main.get("finishedAt") else self.now
            if phase == "Running" and main["exitCode"] != 0:
                self.look_again(ended + REPORTING)
                if self.now >= ended + REPORTING:
                    self.outcome.terminate.add(pod["metadata"]["name"])
        if podlib.is_running(pod, "wait") and node["phase"] in DONE and phase != "Failed":
            node["phase"] = before["phase"]
        if (wait := podlib.terminated(pod, "wait")) and wait["exitCode"] != 0:
            node["taskResultSynced"] = True
        if not node.get("message"):
            node.pop("message", None)
        if self.fulfilled(node) and "finishedAt" not in node:
            node["finishedAt"] = podlib.finished_at(pod, timestamp(self.now))
            node["resourcesDuration"] = podlib.resources_duration(pod)

    def control(self, node: Json, pod: Json) -> None:
        """Ends a pod that may not go on: the Workflow is shut down or over its deadline."""
        if self.fulfilled(node) or pod.get("status", {}).get("phase") in {"Succeeded", "Failed"}:
            return
        exit_handler = LABEL + "on-exit" in pod["metadata"].get("labels", {})
        message = ""
        if self.shutdown and not (self.shutdown == "Stop" and exit_handler):
            message = f"workflow shutdown with strategy:  {self.shutdown}"
        elif self.past_deadline() and not exit_handler:
            message = "Step exceeded its deadline"
        if message:
            self.outcome.terminate.add(pod["metadata"]["name"])
            self.mark(node, "Failed", message)

    def end_what_may_not_go_on(self) -> None:
        """Fails the nodes without a pod after a shutdown or the Workflow's deadline."""
        for node in list(self.nodes.values()):
            if self.fulfilled(node) or node.get("nodeFlag", {}).get("hooked"):
                continue
            children = [self.nodes[child] for child in node.get("children", [])]
            over = node["type"] == "Retry" and children and all(self.fulfilled(child) for child in children)
            if self.shutdown and (node["type"] == "Suspend" or (over and children[-1]["phase"] in FAILED)):
                self.mark(node, "Failed", f"Stopped with strategy '{self.shutdown}'")
            elif self.past_deadline() and (node["phase"] == "Pending" or node["type"] == "Suspend"):
                self.mark(node, "Failed", "Step exceeded its deadline")

    def deadline(self) -> datetime | None:
        if not self.spec.get("activeDeadlineSeconds"):
            return None
        started = datetime.fromisoformat(self.status["startedAt"])
        return started + timedelta(seconds=int(self.spec["activeDeadlineSeconds"]))

    def past_deadline(self) -> bool:
        deadline = self.deadline()
        if deadline is None:
            return False
        self.look_again(deadline)
        return self.now >= deadline

    def clean_up(self, node: Json, pod: Json) -> None:
        """Labels the pod of an ended node completed, or deletes it as spec.podGC says."""
        name, collection = pod["metadata"]["name"], self.spec.get("podGC", {})
        strategy = collection.get("strategy", "")
        if strategy == "OnPodCompletion" or (strategy == "OnPodSuccess" and node["phase"] == "Succeeded"):
            self.outcome.delete_after[name] = seconds(str(collection.get("deleteDelayDuration", "5s")))
        else:
            self.outcome.complete.add(name)

    # --- templates

    def execute(self, name: str, step: Json, boundary: str, flag: Json | None = None) -> Json | None:
        """Runs a step's template as far as it goes now and returns its node, None if it may not start yet."""
        node = self.find(name)
        if node and self.fulfilled(node):
            return node
        template = copy.deepcopy(self.templates[step["template"]])
        self.check_parallelism(node, boundary)
        if node and any(self.is_under_way(attempt) for attempt in node.get("children", [])[-1:]):
            return node
        local = {"node.name": name, "steps.name": step.get("name", "")}
        retry = template.get("retryStrategy")
        if ("container" in template or "script" in template) and retry is None:
            if node and node["id"] in self.pods:
                return node
            local["pod.name"] = podlib.pod_name(self.name, template["name"], name)
        template = self.process_arguments(template, step.get("arguments", {}), local)
        if retry is None:
            return self.execute_template(name, template, boundary, flag)
        return self.execute_with_retries(name, template, boundary, flag)

    def process_arguments(self, template: Json, arguments: Json, local: dict[str, str]) -> Json:
        """The template with its inputs filled in and its tags replaced: the Workflow's first, then its own."""
        given = {parameter["name"]: parameter for parameter in arguments.get("parameters", [])}
        for parameter in template.get("inputs", {}).get("parameters", []):
            source = given.get(parameter["name"], parameter)
            value = source.get("value", parameter.get("default"))
            if value is None:
                raise InvalidSpecError(f"inputs.parameters.{parameter['name']} was not supplied")
            parameter["value"] = value if isinstance(value, str) else json.dumps(value)
        template = replace(template, self.globals())
        inputs = template.get("inputs", {}).get("parameters", [])
        return replace(template, {**local, **{f"inputs.parameters.{p['name']}": p["value"] for p in inputs}})

    def is_under_way(self, attempt: str) -> bool:
        node = self.nodes[attempt]
        return node["type"] == "Pod" and not self.fulfilled(node) and attempt in self.pods

    def check_parallelism(self, node: Json | None, boundary: str) -> None:
        limit, own_limit = self.spec.get("parallelism"), None
        if boundary and node is None:
            own_limit = self.templates[self.nodes[boundary]["templateName"]].get("parallelism")
        if not limit and not own_limit:
            return
        active = [n for n in self.nodes.values() if n["type"] == "Pod" and n["phase"] in {"Pending", "Running"}]
        existing = sum(1 for n in active if n["id"] in self.pods or n["id"] in self.outcome.create)
        if (limit and existing >= limit) or (
            own_limit and sum(1 for n in active if n.get("boundaryID") == boundary) >= own_limit
        ):
            raise _ParallelismReachedError

    def execute_template(self, name: str, template: Json, boundary: str, flag: Json | None) -> Json:
        if "steps" in template:
            return self.execute_steps(name, template, boundary, flag)
        node = self.find(name)
        if "suspend" in template:
            if template["suspend"]:
                raise UnsupportedError("a suspend template with a duration")
            return node or self.add(name, "Suspend", "Running", template, boundary, flag)
        node = node or self.add(name, "Pod", "Pending", template, boundary, flag)
        if node["id"] not in self.pods and not self.fulfilled(node) and node["phase"] == "Pending":
            if self.may_run():
                self.outcome.create[node["id"]] = self.pod_of(node, template)
            else:
                self.mark(node, "Failed", f"workflow shutdown with strategy: {self.shutdown}")
        return node

    def pod_of(self, node: Json, template: Json) -> Json:
        """The node's pod, which may not outlive the Workflow's deadline."""
        for kind in {"container", "script"} & template.keys():
            template[kind] = {**self.config.main, **template[kind]}
        pod = podlib.build_pod(self.workflow, template, node, self.config.executor)
        if (deadline := self.deadline()) and not self.on_exit:
            left = max(1, int((deadline - self.now).total_seconds()))
            pod["spec"]["activeDeadlineSeconds"] = min(left, pod["spec"].get("activeDeadlineSeconds", left))
        return pod

    def execute_steps(self, name: str, template: Json, boundary: str, flag: Json | None) -> Json:
        node = self.find(name) or self.add(name, "Steps", "Running", template, boundary, flag)
        group_node = node
        for index, group in enumerate(template["steps"]):
            group_name = f"{name}[{index}]"
            group_node = self.find(group_name) or self.add(group_name, "StepGroup", "Running", {}, node["id"], {})
            if index == 0:
                self.connect(node, group_node)
            else:
                for child in self.nodes[self.id_of(f"{name}[{index - 1}]")].get("children", []):
                    for outbound in self.outbound(child):
                        self.connect(self.nodes[outbound], group_node)
            self.execute_group(group_node, group, node["id"])
            if not self.fulfilled(group_node):
                return node
            if group_node["phase"] in FAILED:
                break
        node["outboundNodes"] = [end for child in group_node.get("children", []) for end in self.outbound(child)]
        failed = group_node["phase"] in FAILED
        return self.mark(node, "Failed" if failed else "Succeeded", group_node.get("message", ""))

    def execute_group(self, group_node: Json, group: list[Json], boundary: str) -> None:
        if self.fulfilled(group_node):
            return
        waiting = False
        for step in self.expand(group_node, group, boundary):
            try:
                child = self.execute(f"{group_node['name']}.{step['name']}", step, boundary)
            except _ParallelismReachedError:
                child = self.find(f"{group_node['name']}.{step['name']}")
            waiting = waiting or child is None
            if child is not None:
                self.connect(group_node, child)
        children = [self.nodes[child] for child in group_node.get("children", [])]
        if waiting or not all(self.fulfilled(child) for child in children):
            return
        failed = next((child["id"] for child in children if child["phase"] in FAILED), "")
        if failed:
            self.mark(group_node, "Failed", f"child '{failed}' failed")
        else:
            self.mark(group_node, "Succeeded")

    def expand(self, group_node: Json, group: list[Json], boundary: str) -> list[Json]:
        """The steps of a group, one for each item of withParam or withItems."""
        expanded: list[Json] = []
        for step in replace(group, self.globals()):
            items = items_of(step)
            if items is None:
                expanded.append(step)
                continue
            plain = {key: value for key, value in step.items() if key not in {"withItems", "withParam"}}
            expanded += [_for_item(plain, index, item) for index, item in enumerate(items)]
            name = f"{group_node['name']}.{step['name']}"
            if not items and self.find(name) is None:
                skipped = self.add(name, "Skipped", "Skipped", {"name": step["template"]}, boundary, {})
                skipped["message"] = "Skipped, empty params"
                self.connect(group_node, skipped)
        return expanded

    def execute_with_retries(self, name: str, template: Json, boundary: str, flag: Json | None) -> Json:
        node = self.find(name) or self.add(name, "Retry", "Running", template, boundary, flag)
        attempts = [self.nodes[child] for child in node.get("children", [])]
        number = len(attempts)
        if attempts and self.fulfilled(attempts[-1]):
            stopped = f"Stopped with strategy '{self.shutdown}'" if self.shutdown else ""
            if self.past_deadline():
                stopped = stopped or "retry exceeded workflow deadline"
            verdict = decide(attempts, template["retryStrategy"], self.now, stopped)
            self.mark(node, verdict.phase, verdict.message)
            if self.fulfilled(node) and attempts[-1].get("outputs"):
                node["outputs"] = dict(attempts[-1]["outputs"])
            if verdict.wait_until:
                self.look_again(verdict.wait_until)
            if not verdict.again:
                return node
        elif attempts:
            number -= 1
        attempt_name = f"{name}({number})"
        local = {"retries": str(number), "pod.name": podlib.pod_name(self.name, template["name"], attempt_name)}
        flags = {**(flag or {}), "retried": True}
        template = replace(template, {**local, **last_retry(attempts)})
        self.connect(node, self.execute_template(attempt_name, template, boundary, flags))
        return node

    # --- nodes

    def id_of(self, name: str) -> str:
        return podlib.node_id(self.name, name)

    def find(self, name: str) -> Json | None:
        return self.nodes.get(self.id_of(name))

    def add(self, name: str, kind: str, phase: str, template: Json, boundary: str, flag: Json | None) -> Json:
        display = name
        if boundary:
            display = re.sub(r"^(\[\d+\])?\.", "", name.removeprefix(self.nodes[boundary]["name"]))
        node: Json = {
            "id": self.id_of(name),
            "name": name,
            "displayName": display,
            "type": kind,
            "templateScope": f"local/{self.name}",
            "phase": phase,
            "startedAt": timestamp(self.now),
        }
        if template.get("name"):
            node["templateName"] = template["name"]
        if boundary:
            node["boundaryID"] = boundary
        if flag is not None:
            node["nodeFlag"] = flag
        if kind == "Pod":
            node["taskResultSynced"] = True
        if kind in EXECUTABLE | {"Retry"} and template.get("inputs", {}).get("parameters"):
            parameters = template["inputs"]["parameters"]
            node["inputs"] = {"parameters": [{"name": p["name"], "value": p["value"]} for p in parameters]}
        if phase in ENDED:
            node["finishedAt"] = node["startedAt"]
        self.nodes[node["id"]] = node
        return node

    def mark(self, node: Json, phase: str, message: str = "") -> Json:
        if node["phase"] != "Running" and phase in FAILED and "taskResultSynced" in node:
            node["taskResultSynced"] = True
        node["phase"] = phase
        node.pop("message", None)
        if message:
            node["message"] = message
        if self.fulfilled(node):
            node.setdefault("finishedAt", timestamp(self.now))
        return node

    def fulfilled(self, node: Json) -> bool:
        return node["phase"] in ENDED and bool(node.get("taskResultSynced", True))

    def connect(self, parent: Json, child: Json) -> None:
        children = parent.setdefault("children", [])
        if child["id"] not in children:
            children.append(child["id"])

    def outbound(self, node_id: str) -> list[str]:
        """The last nodes of what begins with this one: what follows it becomes their child."""
        node = self.nodes[node_id]
        if node["type"] == "Retry":
            return [node["children"][-1]] if node.get("children") else []
        if node["type"] == "Steps":
            return list(node.get("outboundNodes", []))
        return [node_id]

    def set_condition(self, kind: str, value: bool) -> None:
        conditions = self.status.setdefault("conditions", [])
        condition = {"type": kind, "status": str(value)}
        for index, other in enumerate(conditions):
            if other["type"] == kind:
                conditions[index] = condition
                return
        conditions.append(condition)

    def look_again(self, moment: datetime) -> None:
        if moment > self.now and (self.outcome.again_at is None or moment < self.outcome.again_at):
            self.outcome.again_at = moment


def _for_item(step: Json, index: int, item: Item) -> Json:
    expanded = replace(step, item.scope())
    return {**expanded, "name": f"{step['name']}({index}:{item.label()})"}
