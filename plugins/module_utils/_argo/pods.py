# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pods of a Workflow, as the API server returns them. Private to the collection. Pure."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
from collections.abc import Iterable
from typing import Any

from ansible_collections.argo.workflows.plugins.module_utils._argo.gpus import gpus_of
from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import (
    EXECUTOR_CONTAINERS,
    NODE_ID_ANNOTATION,
    NODE_NAME_ANNOTATION,
    ODD,
    Json,
)

IMAGE_REASONS = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "ImageInspectError",
        "RegistryUnavailable",
    }
)
"""Reasons of a waiting container whose image cannot be pulled (pkg/kubelet/images/types.go of Kubernetes)."""
START_REASONS = frozenset(
    {
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
        "PreStartHookError",
        "ContainerCannotRun",
    }
)
"""Reasons of a waiting container that cannot be started (pkg/kubelet/kuberuntime of Kubernetes)."""
_NEVER_RAN_REASONS = START_REASONS | {"StartError"}
"""Reasons of a terminated container that never ran; StartError is containerd's (internal/cri/server)."""
HOPELESS_REASONS = frozenset(
    {"ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError"}
)
"""Those of both kinds that time alone does not heal."""
_PREPARING_REASONS = frozenset({"ContainerCreating", "PodInitializing"})
"""Reasons of a waiting container whose pod is on a node, before anything of it has begun."""
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


def trim(pod: Json) -> dict[str, Any]:
    """A pod with only what is read of it later, in the same shape: 10,000 of them must fit in memory.

    Added are `spec.requests`, what its containers ask for of each resource, while it is not scheduled; and
    `spec.containerSet`, the names of the containers that its template has instead of `main`.
    """
    return {
        "metadata": _trim_metadata(pod["metadata"]),
        "spec": _trim_spec(pod.get("spec") or {}),
        "status": _trim_status(pod.get("status") or {}),
    }


def _trim_metadata(metadata: Json) -> dict[str, Any]:
    annotations = metadata.get("annotations") or {}
    return {
        "name": metadata["name"],
        "namespace": metadata.get("namespace", ""),
        "uid": metadata["uid"],
        "creationTimestamp": metadata.get("creationTimestamp"),
        "annotations": {
            key: annotations[key] for key in (NODE_NAME_ANNOTATION, NODE_ID_ANNOTATION) if key in annotations
        },
    }


def _trim_spec(spec: Json) -> dict[str, Any]:
    kept: dict[str, Any] = {
        "nodeName": spec.get("nodeName", ""),
        "containers": [
            {"name": container["name"], "resources": {"limits": gpus}}
            for container in spec.get("containers") or ()
            if (gpus := gpus_of(container))
        ],
    }
    if not spec.get("nodeName"):
        kept |= {
            "requests": requests_of(spec.get("containers") or ()),
            "schedulerName": spec.get("schedulerName") or "default-scheduler",
            "schedulingGates": spec.get("schedulingGates") or [],
        }
    if names := _container_set(spec):
        kept["containerSet"] = names
    return kept


def _trim_status(status: Json) -> dict[str, Any]:
    return {
        "phase": status.get("phase", "Pending"),
        "initContainerStatuses": [_trim_container(c) for c in status.get("initContainerStatuses") or ()],
        "containerStatuses": [_trim_container(c) for c in status.get("containerStatuses") or ()],
        "conditions": [
            {key: condition.get(key) for key in ("type", "status", "reason", "message")}
            for condition in status.get("conditions") or ()
            if condition["type"] == "DisruptionTarget" or is_unscheduled(condition)
        ],
        **{key: status[key] for key in ("message", "reason") if status.get(key)},
    }


def _container_set(spec: Json) -> list[str]:
    """The names in the containerSet of a pod's template, which Argo hands to the pod's own containers as JSON."""
    for container in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ())):
        for variable in container.get("env") or ():
            if variable["name"] == "ARGO_TEMPLATE" and '"containerSet"' in variable.get("value", ""):
                with contextlib.suppress(ValueError, RecursionError, *ODD):  # a large one is in a ConfigMap
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


def asked(container: Json) -> dict[str, Any]:
    """What a container asks for, by resource; a limit is a request, too."""
    resources = container.get("resources") or {}
    amounts = [*(resources.get("limits") or {}).items(), *(resources.get("requests") or {}).items()]
    return {resource: amount for resource, amount in amounts if amount is not None}


def requests_of(containers: Iterable[Json]) -> dict[str, str]:
    """What the containers ask for, as text; sums only where the quantities are plain numbers."""
    total: dict[str, list[str]] = {}
    for container in containers:
        for resource, quantity in asked(container).items():
            total.setdefault(resource, []).append(str(quantity))
    return {
        resource: str(sum(map(int, parts))) if all(part.isdecimal() for part in parts) else " + ".join(parts)
        for resource, parts in total.items()
    }


def lost_reason(pod: Json) -> str:
    """Why a pod was taken away by its node or by the scheduler; empty if it was not."""
    status = pod["status"]
    for condition in status.get("conditions") or ():
        if condition["type"] == "DisruptionTarget" and condition.get("status") == "True":
            return f"{condition.get('reason')}: {condition.get('message') or 'no message'}"
    if status.get("reason") in _LOST_REASONS:
        return f"{status['reason']}: {status.get('message') or 'no message'}"
    return ""


def is_unscheduled(condition: Json) -> bool:
    """Whether a condition of a pod says why the pod has no node yet."""
    return condition["type"] == "PodScheduled" and condition.get("status") == "False"


def gates_of(pod: Json) -> list[str]:
    """The names of the scheduling gates that still hold a pod back; `pod` as `trim` gave it."""
    return [gate["name"] for gate in pod["spec"].get("schedulingGates") or ()]


def is_unclaimed(pod: Json) -> bool:
    """Whether no scheduler has said anything about a pod that it could schedule; `pod` as `trim` gave it."""
    status = pod["status"]
    has_node, waits = bool(pod["spec"].get("nodeName")), status.get("phase") == "Pending"
    return waits and not has_node and not gates_of(pod) and not any(map(is_unscheduled, status.get("conditions") or ()))


def is_being_prepared(pod: Json) -> bool:
    """Whether the kubelet of its node still prepares a pod, its volumes and network: nothing of it has begun."""
    states = [container.get("state") or {} for container in container_statuses(pod)]
    reasons = {(state.get("waiting") or {}).get("reason") for state in states}
    waits = pod["status"].get("phase") == "Pending" and bool(pod["spec"].get("nodeName"))
    return waits and reasons <= _PREPARING_REASONS


def is_over(pod: Json) -> bool:
    """Whether a pod has ended."""
    return pod["status"].get("phase") in ("Succeeded", "Failed")


def container_statuses(pod: Json) -> list[Json]:
    """The statuses of a pod's containers, those of its init containers first."""
    status = pod["status"]
    return [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]


def wait_message(pod: Json) -> str:
    """What the executor left when it ended; empty if nothing, or before that."""
    for container in container_statuses(pod):
        if container["name"] == "wait":
            return str(((container.get("state") or {}).get("terminated") or {}).get("message", ""))
    return ""


@dataclasses.dataclass(frozen=True, slots=True)
class Container:
    """A container of a pod, as the pod's status says."""

    name: str
    started: bool
    started_at: str
    """RFC 3339, whole seconds; empty before it has started."""
    ended: bool
    never_ran: bool = False
    """It has ended, and its status says that it was never started; that a start is not told of is no such word."""
    lost: str = ""
    """What the kubelet says of a container that it has lost sight of; it may have run for hours."""


def is_executors(container: str) -> bool:
    """Whether it is Argo that adds a container of this name to a pod."""
    return container in EXECUTOR_CONTAINERS or container.startswith("artifact-plugin-")


def own_containers(pod: Json) -> list[str]:
    """The names of the containers that a pod's template is about, as far as they have a status.

    They are `main` and those of its containerSet; of a pod without `main`, all that Argo has not added.
    """
    names = [container["name"] for container in container_statuses(pod)]
    init = {container["name"] for container in pod["status"].get("initContainerStatuses") or ()}
    own_set = pod.get("spec", {}).get("containerSet") or ()
    main = {"main", *own_set}
    if "main" not in names:
        main.update(name for name in names if name not in init and not is_executors(name))
    return [name for name in names if name in main]


def choose_containers(wanted: Iterable[str], own: Iterable[str], every: Iterable[str]) -> list[str]:
    """The names that the option `containers` means, each once.

    `main` stands for a template's `own` containers, `all` for `every` one of the pod, any other name for itself.
    """
    meant = {"main": list(own), "all": list(every)}
    return list(dict.fromkeys(name for choice in wanted for name in meant.get(choice, [choice])))


def wanted_containers(pod: Json, wanted: Iterable[str]) -> list[Container]:
    """The containers of a pod that the option `containers` asks for, as far as they have a status."""
    statuses = container_statuses(pod)
    chosen = choose_containers(wanted, own_containers(pod), [container["name"] for container in statuses])
    over, unheard = is_over(pod), _is_buried(pod)
    return [_container_of(status, over=over, unheard=unheard) for status in statuses if status["name"] in chosen]


def _is_buried(pod: Json) -> bool:
    """Whether it was not its node that said how the pod ended, as the node has gone."""
    conditions = pod["status"].get("conditions") or ()
    return any(each["type"] == "DisruptionTarget" and each.get("reason") == "DeletionByPodGC" for each in conditions)


def _container_of(status: Json, *, over: bool, unheard: bool = False) -> Container:
    """What a container's status says; `over` is whether its pod has ended, `unheard` if its node has not said so."""
    state = status.get("state") or {}
    started_at = (state.get("terminated") or state.get("running") or {}).get("startedAt") or ""
    started, ended = bool(started_at) or "running" in state, "terminated" in state or over
    terminated = state.get("terminated") or {}
    barred = ("waiting" in state and not unheard) or terminated.get("reason") in _NEVER_RAN_REASONS
    never_ran = ended and not started and barred
    lost = ""
    if ended and not started and not never_ran:
        said = (terminated.get("reason"), terminated.get("message"))
        lost = f"the kubelet has lost the container ({': '.join(filter(None, said)) or 'it says no more'})"
    return Container(status["name"], started, started_at, ended, never_ran, lost)


_CONTAINER_ID = re.compile(r' "[0-9a-f]{64}"')


def without_id(message: str) -> str:
    """A container runtime's message without the container's ID, which is another at each attempt to start it."""
    return _CONTAINER_ID.sub("", message)
