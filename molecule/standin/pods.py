# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pod of a node: its name, its manifest, and what its status says about the node."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from fractions import Fraction
from typing import Any

from . import UnsupportedError

LABEL = "workflows.argoproj.io/"
INSTANCE = LABEL + "controller-instanceid"
DIRECTORY = "/var/run/argo"
LOGGING = ["--loglevel", "info", "--log-format", "text", "--gloglevel", "0"]

MAX_VARIABLE = 128 * 1024 - 32
"""Bytes that an environment variable may hold on Linux, less the name."""

TEMPLATE_TO_POD = {
    *("affinity", "nodeSelector", "priorityClassName", "securityContext", "serviceAccountName", "tolerations"),
}
"""Fields of a template that Argo copies to the pod."""

SPEC_TO_POD = {*TEMPLATE_TO_POD, "imagePullSecrets"}
"""Fields of a Workflow's spec that Argo copies to every pod."""

UNITS: dict[str, int | Fraction] = {"m": Fraction(1, 1000), "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
UNITS |= {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


def fnv1a(text: str) -> int:
    """FNV-1a, 32 bits, of the UTF-8 text: Argo's hash of node names."""
    value = 0x811C9DC5
    for byte in text.encode():
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return value


def node_id(workflow: str, node_name: str) -> str:
    return workflow if node_name == workflow else f"{workflow}-{fnv1a(node_name)}"


def pod_name(workflow: str, template: str, node_name: str) -> str:
    """The name of a node's pod in Argo's format v2."""
    return workflow if node_name == workflow else f"{workflow}-{template}"[:242] + f"-{fnv1a(node_name)}"


def build_pod(
    workflow: Mapping[str, Any], template: Mapping[str, Any], node: Mapping[str, Any], executor: Mapping[str, Any]
) -> dict[str, Any]:
    """The pod that runs `template`, all of its tags replaced, for `node`.

    `executor` is a container: image, imagePullPolicy and the like of the init and wait containers.
    """
    metadata, spec, name = workflow["metadata"], workflow["spec"], workflow["metadata"]["name"]
    main = {**(template.get("container") or template["script"]), "name": "main"}
    if not main.get("command"):
        raise UnsupportedError("a container without a command")
    if main.pop("source", None) is not None:
        main["args"] = ["/argo/staging/script"]
    main["command"] = [f"{DIRECTORY}/argoexec", "emissary", *LOGGING, "--", *main["command"]]
    mounts = [{"name": "argo-staging", "mountPath": "/argo/staging"}, {"name": "var-run-argo", "mountPath": DIRECTORY}]
    main["volumeMounts"] = [*main.get("volumeMounts", []), *mounts]
    content = json.dumps(template, ensure_ascii=False, separators=(",", ":"))
    if len(content.encode()) > MAX_VARIABLE:
        raise UnsupportedError("a template of more than 128 KiB")

    def auxiliary(container: str, environment: list[dict[str, Any]]) -> dict[str, Any]:
        command = ["argoexec", container, *LOGGING]
        return {**executor, "name": container, "command": command, "env": environment, "volumeMounts": mounts}

    init = auxiliary("init", [{"name": "ARGO_TEMPLATE", "value": content}])
    wait = auxiliary(
        "wait",
        [
            {"name": "ARGO_NODE_ID", "value": node["id"]},
            {"name": "ARGO_WORKFLOW_NAME", "value": name},
            {"name": "ARGO_POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "ARGO_POD_UID", "valueFrom": {"fieldRef": {"fieldPath": "metadata.uid"}}},
        ],
    )
    labels = {LABEL + "workflow": name, LABEL + "completed": "false"}
    labels.update({key: value for key, value in metadata.get("labels", {}).items() if key == INSTANCE})
    pod_spec: dict[str, Any] = {
        **{key: spec[key] for key in sorted(SPEC_TO_POD) if key in spec},
        **{key: template[key] for key in sorted(TEMPLATE_TO_POD) if key in template},
        "restartPolicy": "Never",
        "initContainers": [init],
        "containers": [wait, main],
        "volumes": [
            *({"name": mount["name"], "emptyDir": {}} for mount in mounts),
            *spec.get("volumes", []),
            *template.get("volumes", []),
        ],
    }
    if "activeDeadlineSeconds" in template:
        pod_spec["activeDeadlineSeconds"] = int(template["activeDeadlineSeconds"])
    owner = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "name": name, "uid": metadata["uid"]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": pod_name(name, template["name"], node["name"]),
            "namespace": metadata["namespace"],
            "labels": {**template.get("metadata", {}).get("labels", {}), **labels},
            "annotations": {
                **template.get("metadata", {}).get("annotations", {}),
                "kubectl.kubernetes.io/default-container": "main",
                LABEL + "node-id": node["id"],
                LABEL + "node-name": node["name"],
            },
            "ownerReferences": [{**owner, "controller": True, "blockOwnerDeletion": True}],
        },
        "spec": pod_spec,
    }


def container_statuses(pod: Mapping[str, Any]) -> list[dict[str, Any]]:
    status = pod.get("status", {})
    return [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]


def state(pod: Mapping[str, Any], container: str) -> dict[str, Any]:
    """What the kubelet says of a container: `running`, `waiting` or `terminated` with details, {} if nothing yet."""
    return next((status["state"] for status in container_statuses(pod) if status["name"] == container), {})


def pending_reason(pod: Mapping[str, Any]) -> str:
    """Why a pod has not started, as Argo says it in the node's message."""
    for status in pod.get("status", {}).get("containerStatuses", []):
        if waiting := status["state"].get("waiting"):
            return ": ".join(filter(None, (waiting.get("reason"), waiting.get("message"))))
    for condition in pod.get("status", {}).get("conditions", []):
        if condition.get("reason") == "Unschedulable":
            return ": ".join(filter(None, (condition["reason"], condition.get("message"))))
    return ""


def failure(pod: Mapping[str, Any]) -> tuple[str, str]:
    """Phase and message of the node of a failed pod. The order in which the containers are asked is Argo's."""
    if message := pod["status"].get("message"):
        return "Failed", message
    order = {"init": 0, "main": 1, "wait": 2}
    for status in sorted(container_statuses(pod), key=lambda status: order.get(status["name"], 3)):
        name = status["name"]
        if waiting := status["state"].get("waiting"):
            reason, message = waiting.get("reason", ""), waiting.get("message", "")
            return "Error", f"Pod failed before {name} container starts due to {reason}: {message}"
        end = status["state"].get("terminated", {"exitCode": 0})
        if end["exitCode"] != 0:
            message = f"{name}: {end.get('reason', '')} (exit code {end['exitCode']})"
            return "Failed" if name == "main" else "Error", ": ".join(filter(None, (message, end.get("message"))))
    return "Failed", "pod failed: neither main nor wait container completed successfully"


def finished_at(pod: Mapping[str, Any], now: str) -> str:
    """When the last container ended, `now` while one runs."""
    ends = [now if "running" in status["state"] else "" for status in container_statuses(pod)]
    ends += [status["state"].get("terminated", {}).get("finishedAt") or "" for status in container_statuses(pod)]
    return max(ends, default="") or now


def resources_duration(pod: Mapping[str, Any]) -> dict[str, int]:
    """Seconds that the pod held of each resource, in Argo's units: a core, 100 MiB, one device."""
    total: Counter[str] = Counter()
    for container in [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]:
        resources, end = container.get("resources", {}), state(pod, container["name"]).get("terminated", {})
        held = {"cpu": "100m", "memory": "100Mi", **resources.get("limits", {}), **resources.get("requests", {})}
        seconds = 0.0
        if end.get("startedAt") and end.get("finishedAt"):
            age = datetime.fromisoformat(end["finishedAt"]) - datetime.fromisoformat(end["startedAt"])
            seconds = age.total_seconds()
        for resource, amount in held.items():
            total[resource] += int(quantity(amount) / quantity("100Mi" if resource == "memory" else 1) * int(seconds))
    return dict(total)


def quantity(amount: str | int) -> Fraction:
    """A Kubernetes quantity as a number."""
    text = str(amount)
    suffix = next((unit for unit in sorted(UNITS, key=len, reverse=True) if text.endswith(unit)), "")
    return Fraction(text.removesuffix(suffix)) * UNITS.get(suffix, 1)
