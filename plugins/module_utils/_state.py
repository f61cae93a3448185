# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of a run while it goes on, and what is wrong with it. Private to the collection.

Pure: events of the API server go in (`see_…`), the run as modules return it and diagnoses come out. Pods are ahead of
the Workflow's status, which the controller writes seldom; both are laid over each other by `_nodes`.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.argo.workflows.plugins.module_utils import _nodes
from ansible_collections.argo.workflows.plugins.module_utils._nodes import (
    DONE_PHASES,
    NODE_DONE_PHASES,
    Json,
    is_done,
    phase_of,
)

INSTANCE_LABEL = "workflows.argoproj.io/controller-instanceid"
WORKFLOW_LABEL = "workflows.argoproj.io/workflow"

KINDS = ("unschedulable", "image", "start", "quota", "forbidden", "controller", "stuck")
"""What a run can be waiting for that may never come."""

QUEUED = frozenset({"unschedulable", "quota"})
"""Those that heal when other pods end."""

UNTOUCHED = 15.0
"""Seconds without any status after which it is said that no controller has taken the Workflow up."""
STUCK = 60.0
"""Seconds for which all pods have ended and the Workflow goes on without a new one: the controller hangs."""

_IMAGE_REASONS = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "ImageInspectError",
        "RegistryUnavailable",
    }
)
_START_REASONS = frozenset(
    {
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
        "PreStartHookError",
        "ContainerCannotRun",
    }
)
_LOST_REASONS = frozenset(
    {
        "Evicted",
        "NodeLost",
        "NodeShutdown",
        "Shutdown",
        "Terminated",
        "Preempting",
        "NodeAffinity",
        "UnexpectedAdmissionError",
    }
)
_NO_COMMAND = "failed to look-up entrypoint/cmd for image"
"""Argo has to ask the image's registry if neither the template nor its configuration says what the image runs."""
_DELETED = "the pod was deleted"
_QUOTA = "exceeded quota"
_FORBIDDEN = "workflowtaskresults.argoproj.io is forbidden"
_INSUFFICIENT = re.compile(r"Insufficient ([\w./-]+?)[.,;]?(?:\s|$)")


@dataclasses.dataclass(frozen=True, slots=True)
class Diagnosis:
    """Something that keeps a run from going on, or made it fail."""

    kind: str
    """One of KINDS, or "lost" for pods that their node or the scheduler took away."""
    message: str
    """A sentence."""
    since: float
    """From when on there has been one of its kind all the time (seconds of the clock that the events came with)."""


@dataclasses.dataclass(slots=True)
class Surroundings:
    """What was looked up because something does not go on; None where it is not known or may not be read."""

    allocatable: dict[str, str] | None = None
    """The most of each resource that any node can give, in the node's own words."""
    controllers: list[str] | None = None
    """Names of the running workflow-controller pods in the Workflow's namespace."""
    instance_id: str | None = None
    """The instance ID in the namespace's workflow-controller-configmap; empty if it sets none."""


class Run:
    """One Workflow. `now` is always a monotonic time in seconds."""

    def __init__(self, metadata: Mapping[str, Any], now: float) -> None:
        self.name: str = metadata["name"]
        self.namespace: str = metadata["namespace"]
        self.uid: str = metadata["uid"]
        self.workflow: Json = {"metadata": dict(metadata)}
        self.nodes: Mapping[str, Json] = {}
        self.nodes_error = ""
        self.pods: dict[str, Json] = {}
        """By uid, trimmed; deleted ones stay as they were at their end, if it was seen."""
        self.deleted = False
        self.version = ""
        """The Workflow's resourceVersion according to its watch."""
        self.lost: dict[str, str] = {}
        """Why pods were taken away, by uid."""
        self._first_seen = now
        self._quiet_since = now
        self._since: dict[str, float] = {}

    # -- events in ------------------------------------------------------------------------------------------------

    def see_metadata(self, metadata: Mapping[str, Any], now: float, *, deleted: bool = False) -> None:
        """The Workflow has changed: its metadata tell little more than its phase."""
        if metadata.get("uid", self.uid) != self.uid:
            self.deleted = True  # it was replaced by another one of the same name
            return
        self.workflow = {**self.workflow, "metadata": {**self.workflow["metadata"], **metadata}}
        self.version = str(metadata.get("resourceVersion", self.version))
        self.deleted = self.deleted or deleted
        self._quiet_since = now

    def see_workflow(self, workflow: Json, now: float) -> None:
        """The whole Workflow was read."""
        if workflow["metadata"]["uid"] != self.uid:
            self.deleted = True
            return
        try:
            self.nodes, self.nodes_error = _nodes.nodes_of(workflow), ""
        except _nodes.NodesError as error:
            self.nodes_error = str(error)
        status = {
            key: value for key, value in workflow.get("status", {}).items() if key not in ("nodes", "compressedNodes")
        }
        metadata = workflow["metadata"]
        if self.done:  # what was read may be older than what the watch has said
            metadata = {**metadata, "labels": self.labels}
        self.workflow = {**workflow, "metadata": metadata, "status": status}

    def see_pod(self, pod: Json, now: float, *, deleted: bool = False) -> None:
        """A pod of the run was added, has changed, or is gone. `pod` as `trim` gave it."""
        uid = pod["metadata"]["uid"]
        known = self.pods.get(uid)
        if "status" not in pod:  # only that it is gone has come, by a new list: how it ended is not known
            if known and not _is_over(known):
                del self.pods[uid]
                self._quiet_since = now
            return
        if known is None or known["status"].get("phase") != pod["status"].get("phase"):
            self._quiet_since = now
        reason = lost_reason(pod)
        if not reason and deleted and not _is_over(pod):
            reason = _DELETED
        if reason:
            self.lost.setdefault(uid, reason)
        if deleted and not _is_over(pod):
            pod = {**pod, "status": {**pod["status"], "phase": "Failed", "message": reason}}
        self.pods[uid] = pod

    # -- what is known --------------------------------------------------------------------------------------------

    @property
    def labels(self) -> Mapping[str, str]:
        return self.workflow["metadata"].get("labels") or {}

    @property
    def phase(self) -> str:
        """The Workflow's phase; "Pending" before a controller has seen it."""
        return phase_of(self.workflow)

    @property
    def done(self) -> bool:
        """Whether it has ended, as far as its watch says."""
        return is_done(self.workflow)

    @property
    def read_to_end(self) -> bool:
        """Whether the Workflow was read as it was at its end."""
        return self.workflow.get("status", {}).get("phase") in DONE_PHASES

    @property
    def touched(self) -> bool:
        """Whether a controller has taken it up."""
        return bool(self.workflow.get("status", {}).get("phase") or self.labels.get(_nodes.PHASE_LABEL) or self.pods)

    def current_nodes(self) -> dict[str, Json]:
        """The nodes, brought up to date by the pods."""
        return _nodes.with_pods(self.workflow, self.nodes, self.pods.values())

    def suspended(self) -> bool:
        """Whether it waits for somebody to resume it."""
        spec = self.workflow.get("spec", {})
        return not self.done and bool(spec.get("suspend") or any(map(_nodes.is_active_suspend, self.nodes.values())))

    def items(self) -> list[_nodes.Item]:
        """The items and their attempts, as far as nodes and pods tell."""
        return _nodes.items_of(self.workflow, self.nodes, self.pods.values())

    def node_phase(self, name: str) -> str:
        """The phase of the node with this name, display name or ID; empty if there is none yet."""
        for key, node in self.current_nodes().items():
            if name in (key, node.get("name"), node.get("displayName")):
                return str(node.get("phase", ""))
        return ""

    def running(self) -> bool:
        """Whether a pod of it has started to run."""
        return any(pod["status"].get("phase") not in ("Pending", "Unknown") for pod in self.pods.values()) or any(
            node.get("type") == "Pod" and node.get("phase") not in ("Pending", "Omitted")
            for node in self.nodes.values()
        )

    def at_work(self) -> bool:
        """Whether a pod of it has not ended."""
        return not all(map(_is_over, self.pods.values()))

    def on_nodes(self) -> bool:
        """Whether a pod of it has a node and has not ended."""
        return any(
            node.get("type") == "Pod" and node.get("hostNodeName") and node.get("phase") not in NODE_DONE_PHASES
            for node in self.current_nodes().values()
        )

    def unsettled(self) -> Iterator[tuple[_nodes.Attempt, list[str]]]:
        """The attempts that ran somewhere, as the Workflow says, but whose pod was not seen here, or not its end.

        Each with the names of its containers: `main`, or those of its containerSet.
        """
        over = {_nodes.pod_node_name(pod) for pod in self.pods.values() if _is_over(pod)}
        sets: dict[str, list[str]] = {}
        for node in self.nodes.values():
            if node.get("type") == "Container":
                sets.setdefault(node.get("boundaryID", ""), []).append(node["displayName"])
        for node in self.nodes.values():
            if node.get("type") == "Pod" and node.get("hostNodeName") and node["name"] not in over:
                yield _nodes.attempt_of_node(self.workflow, node), sets.get(node["id"], ["main"])

    # -- diagnosis ------------------------------------------------------------------------------------------------

    def diagnoses(self, now: float, around: Surroundings | None = None) -> list[Diagnosis]:
        """What keeps the run from going on, and the pods that were taken away from it."""
        around = around or Surroundings()
        found = list(self._find(now, around))
        self._since = {kind: self._since.get(kind, now) for kind, _text in found}
        return [Diagnosis(kind, text, self._since[kind]) for kind, text in found]

    def _find(self, now: float, around: Surroundings) -> Iterator[tuple[str, str]]:
        """Yields (kind, sentence)."""
        if not self.done:
            yield from self._unschedulable(around)
            yield from self._not_starting()
            yield from self._no_controller(now, around)
            yield from self._stuck(now)
            pending = [node.get("message") or "" for node in self.nodes.values() if node.get("phase") == "Pending"]
            if message := next((text for text in pending if _QUOTA in text), ""):
                yield "quota", f"the namespace's quota does not allow more pods: {message}"
            for message in dict.fromkeys(text for text in pending if text.startswith(_NO_COMMAND)):
                yield "image", f"no pod can be made: {message}"
        forbidden = [node for node in self.nodes.values() if _FORBIDDEN in (node.get("message") or "")]
        if forbidden or any(_FORBIDDEN in _wait_message(pod) for pod in self.pods.values()):
            yield (
                "forbidden",
                "the service account of the pods may not report results: it needs the verbs create and patch on "
                "workflowtaskresults.argoproj.io in this namespace (the role argo.workflows.argo grants them)",
            )
        lost = {_nodes.pod_node_name(self.pods[uid]): reason for uid, reason in self.lost.items() if uid in self.pods}
        for node in self.nodes.values():
            if node.get("phase") == "Error" and node.get("message") == "pod deleted":
                lost.setdefault(node["name"], _DELETED)
            elif node.get("phase") in NODE_DONE_PHASES and lost.get(node["name"]) == _DELETED:
                del lost[node["name"]]  # Argo has deleted the pod itself, because of a deadline for example
        for reason, count in collections.Counter(lost.values()).items():
            yield "lost", f"{_count(count, 'pod')} did not fail but went away: {reason}"

    def _unschedulable(self, around: Surroundings) -> Iterator[tuple[str, str]]:
        waiting: dict[str, list[Json]] = {}
        for pod in self.pods.values():
            if _is_over(pod):
                continue  # it was deleted while it waited
            for condition in pod["status"].get("conditions") or ():
                if condition["type"] == "PodScheduled" and condition.get("reason") == "Unschedulable":
                    waiting.setdefault(condition.get("message") or "", []).append(pod)
        for message, pods in waiting.items():
            text = f"{_count(len(pods), 'pod')} cannot be scheduled: {message}"
            for resource in dict.fromkeys(_INSUFFICIENT.findall(message)):
                wanted = (pods[0]["spec"].get("requests") or {}).get(resource)
                if wanted is not None and around.allocatable is not None:
                    most = around.allocatable.get(resource, "0")
                    text += f" Each asks for {resource}: {wanted}; no node has more than {most}."
            yield "unschedulable", text

    def _not_starting(self) -> Iterator[tuple[str, str]]:
        found: dict[tuple[str, str], int] = collections.Counter()
        for pod in self.pods.values():
            if pod["status"].get("phase") != "Pending":
                continue
            for container in _container_statuses(pod):
                waiting = (container.get("state") or {}).get("waiting") or {}
                reason = waiting.get("reason", "")
                if reason in _IMAGE_REASONS:
                    # ErrImagePull and ImagePullBackOff alternate, with different messages about the same image
                    found["image", f"the image {container.get('image', '')} cannot be had"] += 1
                elif reason in _START_REASONS:
                    message = _nodes.without_id(waiting.get("message", ""))
                    found["start", f"container {container['name']}: {reason}: {message}"] += 1
        for (kind, text), count in found.items():
            yield kind, f"{_count(count, 'pod')} cannot start: {text}"

    def _no_controller(self, now: float, around: Surroundings) -> Iterator[tuple[str, str]]:
        waited = now - self._first_seen
        if self.touched or waited < UNTOUCHED:
            return
        text = f"no controller has taken it up for {waited:.0f} s: "
        label = self.labels.get(INSTANCE_LABEL, "")
        if around.instance_id is not None and around.instance_id != label:
            text += (
                f"it is made for {_instance(label)}, and the controller of the namespace {self.namespace} has "
                f"{_instance(around.instance_id)}; submit it with the right instance_id"
            )
        elif around.controllers is not None and not around.controllers:
            text += f"no workflow-controller runs in the namespace {self.namespace}"
        elif label:
            text += f"no controller with the instance ID {label!r} watches the namespace {self.namespace}"
        else:
            text += f"is a workflow-controller running that watches the namespace {self.namespace}?"
        yield "controller", text

    def _stuck(self, now: float) -> Iterator[tuple[str, str]]:
        if self.phase != "Running" or not self.pods or now - self._quiet_since < STUCK or self.suspended():
            return
        if self.at_work() or any(map(_is_held, self.nodes.values())):
            return
        yield (
            "stuck",
            f"all {_count(len(self.pods), 'pod')} have ended, but the Workflow is still Running and nothing has "
            f"changed for {now - self._quiet_since:.0f} s: the controller is down or waits for results that never came",
        )


# --- pods -----------------------------------------------------------------------------------------------------------


def trim(pod: Json) -> dict[str, Any]:
    """A pod with only what is needed of it here and by `_nodes`, in the same shape: 10,000 of them must fit in memory.

    Added are `spec.requests`, what its containers ask for of each resource, while it is not scheduled; and
    `spec.containerSet`, the names of the containers that its template has instead of `main`.
    """
    metadata, spec, status = pod["metadata"], pod.get("spec") or {}, pod.get("status") or {}
    annotations = metadata.get("annotations") or {}
    kept: dict[str, Any] = {
        "metadata": {
            "name": metadata["name"],
            "namespace": metadata.get("namespace", ""),
            "uid": metadata["uid"],
            "creationTimestamp": metadata.get("creationTimestamp"),
            "annotations": {
                key: annotations[key]
                for key in (_nodes.NODE_NAME_ANNOTATION, _nodes.NODE_ID_ANNOTATION)
                if key in annotations
            },
        },
        "spec": {
            "nodeName": spec.get("nodeName", ""),
            "containers": [
                {"name": container["name"], "resources": {"limits": gpus}}
                for container in spec.get("containers") or ()
                if (gpus := _nodes.gpus_of(container))
            ],
        },
        "status": {
            "phase": status.get("phase", "Pending"),
            "initContainerStatuses": [_trim_container(c) for c in status.get("initContainerStatuses") or ()],
            "containerStatuses": [_trim_container(c) for c in status.get("containerStatuses") or ()],
            "conditions": [
                {key: condition.get(key) for key in ("type", "status", "reason", "message")}
                for condition in status.get("conditions") or ()
                if condition.get("reason") == "Unschedulable" or condition["type"] == "DisruptionTarget"
            ],
        },
    }
    for key in ("message", "reason"):
        if status.get(key):
            kept["status"][key] = status[key]
    if not spec.get("nodeName"):
        kept["spec"]["requests"] = _requests(spec.get("containers") or ())
    if names := _container_set(spec):
        kept["spec"]["containerSet"] = names
    return kept


def _container_set(spec: Json) -> list[str]:
    """The names in the containerSet of a pod's template, which Argo hands to the pod's own containers as JSON."""
    for container in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ())):
        for variable in container.get("env") or ():
            if variable["name"] == "ARGO_TEMPLATE" and '"containerSet"' in variable.get("value", ""):
                with contextlib.suppress(ValueError):  # a large template is in a ConfigMap, and its path is here
                    template = json.loads(variable["value"])
                    return [each["name"] for each in (template.get("containerSet") or {}).get("containers") or ()]
    return []


def _trim_container(status: Json) -> dict[str, Any]:
    state = {
        kind: {key: value for key, value in detail.items() if key != "containerID"}
        for kind, detail in (status.get("state") or {}).items()
        if detail is not None
    }
    kept = {"name": status["name"], "state": state}
    if "waiting" in state:
        kept["image"] = status.get("image", "")
    return kept


def _requests(containers: Iterable[Json]) -> dict[str, str]:
    """What the containers ask for, as text; sums only where the quantities are plain numbers."""
    total: dict[str, list[str]] = {}
    for container in containers:
        resources = container.get("resources") or {}
        for resource, quantity in {**(resources.get("limits") or {}), **(resources.get("requests") or {})}.items():
            total.setdefault(resource, []).append(str(quantity))
    return {
        resource: str(sum(map(int, parts))) if all(part.isdecimal() for part in parts) else " + ".join(parts)
        for resource, parts in total.items()
    }


def belongs_to(pod: Json, run: Run) -> bool:
    """Whether a pod is this run's own, and not of an earlier Workflow of the same name."""
    metadata = pod["metadata"]
    owners = [owner for owner in metadata.get("ownerReferences") or () if owner.get("kind") == "Workflow"]
    if owners:
        return any(owner["uid"] == run.uid for owner in owners)
    return (metadata.get("labels") or {}).get(WORKFLOW_LABEL) == run.name


def lost_reason(pod: Json) -> str:
    """Why a pod was taken away by its node or by the scheduler; empty if it was not."""
    status = pod["status"]
    for condition in status.get("conditions") or ():
        if condition["type"] == "DisruptionTarget" and condition.get("status") == "True":
            return f"{condition.get('reason')}: {condition.get('message') or 'no message'}"
    if status.get("reason") in _LOST_REASONS:
        return f"{status['reason']}: {status.get('message') or 'no message'}"
    return ""


def _is_over(pod: Json) -> bool:
    return pod["status"].get("phase") in ("Succeeded", "Failed")


def _container_statuses(pod: Json) -> list[Json]:
    status = pod["status"]
    return [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]


def _wait_message(pod: Json) -> str:
    for container in _container_statuses(pod):
        if container["name"] == "wait":
            return str(((container.get("state") or {}).get("terminated") or {}).get("message", ""))
    return ""


def _is_held(node: Json) -> bool:
    """Whether the controller waits before it goes on with a node: for a lock, for quota, or for the next attempt."""
    message = node.get("message") or ""
    if node.get("phase") == "Pending":
        return _QUOTA in message or bool((node.get("synchronizationStatus") or {}).get("waiting"))
    return node.get("type") == "Retry" and node.get("phase") == "Running" and "Backoff" in message


def _instance(instance_id: str) -> str:
    return f"the instance ID {instance_id!r}" if instance_id else "no instance ID"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
