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

from . import InvalidSpecError, Json, UnsupportedError
from . import pods as podlib
from .pods import LABEL
from .retries import decide
from .spec import check_spec
from .substitute import replace, split_list
from .sums import EXECUTABLE, sum_up

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


def timestamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


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
        # Conditions alone are no reason to write: PodRunning says what the last written change was.
        before, after = workflow.get("status", {}), operation.status
        operation.outcome.changed = {**after, "conditions": []} != {**before, "conditions": []}
    return operation.outcome


def pod_refused(workflow: Json, node: str, message: str, now: datetime, transient: bool) -> None:
    """Records in `workflow` that the API server refused the pod of `node`: a quota passes, anything else is final."""
    refused = workflow["status"]["nodes"][node]
    refused["message"] = message
    if not transient:
        refused.update(phase="Error", finishedAt=timestamp(now))


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

    # --- the Workflow

    def run(self) -> None:
        if not self.status.get("phase"):
            self.start()
        else:
            self.read_task_results()
            self.read_pods()
            if self.shutdown:
                self.stop_waiting()
        if self.spec.get("suspend"):
            return
        entry = self.execute(self.name, {"template": self.spec["entrypoint"]}, boundary="")
        if entry and self.fulfilled(entry) and all(node.get("taskResultSynced", True) for node in self.nodes.values()):
            stopped = entry["phase"] in FAILED and self.shutdown
            message = f"Stopped with strategy '{self.shutdown}'" if stopped else entry.get("message", "")
            self.finish(entry["phase"], message)

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

    @property
    def shutdown(self) -> str:
        return str(self.spec.get("shutdown", ""))

    def globals(self) -> dict[str, str]:
        metadata = self.workflow["metadata"]
        parameters = self.spec.get("arguments", {}).get("parameters", [])
        return {
            "workflow.name": self.name,
            "workflow.namespace": metadata["namespace"],
            "workflow.uid": metadata["uid"],
            **{f"workflow.parameters.{p['name']}": str(p["value"]) for p in parameters if "value" in p},
        }

    # --- what happened

    def read_task_results(self) -> None:
        for name, result in self.results.items():
            complete = result["metadata"].get("labels", {}).get(LABEL + "report-outputs-completed") == "true"
            if node := self.nodes.get(name):
                ending = node["phase"] in FAILED and self.pods.get(name, {}).get("status", {}).get("phase") == "Running"
                gone = node["phase"] in ENDED and name not in self.pods
                if "finishedAt" not in node:
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
                if self.fulfilled(node):
                    self.outcome.complete.add(pod["metadata"]["name"])
                elif self.shutdown and pod.get("status", {}).get("phase") not in {"Succeeded", "Failed"}:
                    self.outcome.terminate.add(pod["metadata"]["name"])
                    self.mark(node, "Failed", f"workflow shutdown with strategy:  {self.shutdown}")
        self.set_condition("PodRunning", running)
        for node_id, node in self.nodes.items():
            lost = node["type"] == "Pod" and node["phase"] == "Running" and node_id not in self.pods
            if lost and self.now >= datetime.fromisoformat(node["startedAt"]) + RECENTLY_STARTED:
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
        if main := podlib.state(pod, "main").get("terminated"):
            node["outputs"] = {**node.get("outputs", {}), "exitCode": str(main["exitCode"])}
            ended = datetime.fromisoformat(main["finishedAt"]) if main.get("finishedAt") else self.now
            if phase == "Running" and main["exitCode"] != 0 and self.now >= ended + REPORTING:
                self.outcome.terminate.add(pod["metadata"]["name"])
        if "running" in podlib.state(pod, "wait") and node["phase"] in DONE and phase != "Failed":
            node["phase"] = before["phase"]
        if podlib.state(pod, "wait").get("terminated", {}).get("exitCode"):
            node["taskResultSynced"] = True
        if not node.get("message"):
            node.pop("message", None)
        if self.fulfilled(node) and "finishedAt" not in node:
            node["finishedAt"] = podlib.finished_at(pod, timestamp(self.now))
            node["resourcesDuration"] = podlib.resources_duration(pod)

    def stop_waiting(self) -> None:
        """Fails the nodes that wait for a person or for their next attempt: nothing starts after a shutdown."""
        for node in self.nodes.values():
            attempts = [self.nodes[child] for child in node.get("children", [])] if node["type"] == "Retry" else []
            between = attempts and attempts[-1]["phase"] in FAILED and self.fulfilled(attempts[-1])
            if not self.fulfilled(node) and (node["type"] == "Suspend" or between):
                self.mark(node, "Failed", f"Stopped with strategy '{self.shutdown}'")

    # --- templates

    def execute(self, name: str, step: Json, boundary: str) -> Json | None:
        """Runs a step's template as far as it goes now and returns its node, None if it may not start yet."""
        node = self.find(name)
        latest = self.nodes[node["children"][-1]] if node and node.get("children") else node
        if node and (self.fulfilled(node) or (latest and latest["id"] in self.pods and not self.fulfilled(latest))):
            return node
        if self.parallelism_is_reached():
            return node
        template = copy.deepcopy(self.templates[step["template"]])
        template = self.process_arguments(template, step.get("arguments", {}), {"steps.name": step.get("name", "")})
        if "retryStrategy" in template:
            return self.execute_with_retries(name, template, boundary)
        return self.execute_template(name, template, boundary)

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

    def parallelism_is_reached(self) -> bool:
        active = [n for n in self.nodes.values() if n["type"] == "Pod" and n["phase"] in {"Pending", "Running"}]
        existing = sum(n["id"] in self.pods or n["id"] in self.outcome.create for n in active)
        return bool(self.spec.get("parallelism")) and existing >= self.spec["parallelism"]

    def execute_template(self, name: str, template: Json, boundary: str, flag: Json | None = None) -> Json:
        if "steps" in template:
            return self.execute_steps(name, template, boundary)
        node = self.find(name)
        if "suspend" in template:
            return node or self.add(name, "Suspend", template, boundary)
        node = node or self.add(name, "Pod", template, boundary, flag, phase="Pending")
        if node["id"] not in self.pods and node["phase"] == "Pending":
            if self.shutdown:
                self.mark(node, "Failed", f"workflow shutdown with strategy: {self.shutdown}")
            else:
                for kind in {"container", "script"} & template.keys():
                    template[kind] = {**self.config.main, **template[kind]}
                self.outcome.create[node["id"]] = podlib.build_pod(self.workflow, template, node, self.config.executor)
        return node

    def execute_steps(self, name: str, template: Json, boundary: str) -> Json:
        node = self.find(name) or self.add(name, "Steps", template, boundary)
        group_node = node
        for index, group in enumerate(template["steps"]):
            group_name = f"{name}[{index}]"
            group_node = self.find(group_name) or self.add(group_name, "StepGroup", {}, node["id"], {})
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
            child = self.execute(f"{group_node['name']}.{step['name']}", step, boundary)
            waiting = waiting or child is None
            if child is not None:
                self.connect(group_node, child)
        children = [self.nodes[child] for child in group_node.get("children", [])]
        if waiting or not all(self.fulfilled(child) for child in children):
            return
        failed = next((child["id"] for child in children if child["phase"] in FAILED), "")
        self.mark(group_node, "Failed" if failed else "Succeeded", f"child '{failed}' failed" if failed else "")

    def expand(self, group_node: Json, group: list[Json], boundary: str) -> list[Json]:
        """The steps of a group, one for each item of withParam."""
        expanded: list[Json] = []
        for step in replace(group, self.globals()):
            if "withParam" not in step:
                expanded.append(step)
                continue
            items = split_list(step["withParam"])
            for index, item in enumerate(items):
                own = replace({key: value for key, value in step.items() if key != "withParam"}, item.scope())
                expanded.append({**own, "name": f"{step['name']}({index}:{item.label()})"})
            name = f"{group_node['name']}.{step['name']}"
            if not items and self.find(name) is None:
                skipped = self.add(name, "Skipped", {"name": step["template"]}, boundary, {}, phase="Skipped")
                skipped["message"] = "Skipped, empty params"
                self.connect(group_node, skipped)
        return expanded

    def execute_with_retries(self, name: str, template: Json, boundary: str) -> Json:
        node = self.find(name) or self.add(name, "Retry", template, boundary)
        attempts = [self.nodes[child] for child in node.get("children", [])]
        number = len(attempts)
        if attempts and self.fulfilled(attempts[-1]):
            verdict = decide(attempts, template["retryStrategy"], self.now)
            self.mark(node, verdict.phase, verdict.message)
            if self.fulfilled(node) and attempts[-1].get("outputs"):
                node["outputs"] = dict(attempts[-1]["outputs"])
            if not verdict.again:
                return node
        elif attempts:
            number -= 1
        template = replace(template, {"retries": str(number)})
        self.connect(node, self.execute_template(f"{name}({number})", template, boundary, {"retried": True}))
        return node

    # --- nodes

    def id_of(self, name: str) -> str:
        return podlib.node_id(self.name, name)

    def find(self, name: str) -> Json | None:
        return self.nodes.get(self.id_of(name))

    def add(
        self, name: str, kind: str, template: Json, boundary: str, flag: Json | None = None, phase: str = "Running"
    ) -> Json:
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
        conditions = {condition["type"]: condition for condition in self.status.get("conditions", [])}
        conditions[kind] = {"type": kind, "status": str(value)}
        self.status["conditions"] = list(conditions.values())
