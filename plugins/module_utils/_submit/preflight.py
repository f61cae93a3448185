# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the pods of a Workflow need and the cluster does not have, a sentence each, found before anything is submitted.

Private to the collection. Pure: what is in the cluster comes through the `Look` that is handed in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import Json, at
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.quantity import quantity
from ansible_collections.argo.workflows.plugins.module_utils._submit.checks import Finding
from ansible_collections.argo.workflows.plugins.module_utils._submit.pods import Pod, containers, whole_spec
from ansible_collections.argo.workflows.plugins.module_utils._submit.scheduling import of_affinity, of_nodes


class Look(Protocol):
    """The cluster as the caller may see it. Each method returns None for what the caller may not read."""

    def objects(self, kind: str) -> list[dict[str, Any]] | None:
        """All objects of a kind, such as ResourceQuota in the Workflow's namespace, or Node in the cluster."""

    def exists(self, kind: str, name: str) -> bool | None:
        """Whether there is an object of this name."""

    def read(self, kind: str, name: str) -> dict[str, Any] | None:
        """The object of this name; None also where there is none."""

    def defaults(self) -> dict[str, Any] | None:
        """The workflowDefaults of the controller, {} if it has none; None also where its configuration is elsewhere."""

    def allowed(self, service_account: str, verb: str, group: str, resource: str) -> bool | None:
        """Whether a service account of the namespace may do something there."""


def findings(workflow: Json, namespace: str, look: Look) -> list[Finding]:
    """What the Workflow's pods need and do not get, such as `Finding(True, "there is no Secret token in team-a")`.

    What passes by itself, such as a quota that is used up now, is not severe: the pods wait until it has.
    """
    defaults = look.defaults()
    spec, found = _whole(workflow["spec"], namespace, look, defaults)
    pods = [Pod(template, spec) for template in spec["templates"] if containers(template)]
    found += _nodes(pods, look, defaults)
    severe = [*_limits(pods, namespace, look), *_accounts(spec, pods, namespace, look)]
    severe += _references(pods, spec, namespace, look)
    found += [*(Finding(True, text) for text in severe), *_quota(pods, namespace, look)]
    return list(dict.fromkeys(found))


def _whole(spec: Json, namespace: str, look: Look, defaults: Json | None) -> tuple[Json, list[Finding]]:
    """The spec with what comes from elsewhere, and what is said of that."""
    reference = spec.get("workflowTemplateRef") or {}
    name, kind = (
        reference.get("name"),
        "ClusterWorkflowTemplate" if reference.get("clusterScope") else "WorkflowTemplate",
    )
    if not name or "{{" in name:
        return whole_spec(spec, None, defaults), []
    template = look.read(kind, name)
    found = []
    if look.exists(kind, name) is False:
        found = [Finding(True, f"there is no {kind} {name}" + _in(kind, namespace))]
    elif template is None:
        found = [Finding(False, f"the {kind} {name} cannot be read: what its pods need was not looked at")]
    return whole_spec(spec, at(template, "spec"), defaults), found


def _in(kind: str, namespace: str) -> str:
    return "" if kind in ("PriorityClass", "ClusterWorkflowTemplate") else f" in {namespace}"


def _nodes(pods: Iterable[Pod], look: Look, defaults: Json | None) -> Iterator[Finding]:
    for pod in pods:
        if not pod.is_known:
            text = "has a placeholder outside of quotes, so what it adds to the pods was not looked at"
            yield Finding(False, f"the podSpecPatch of the template {pod.name} {text}")
        yield from of_affinity(pod)
    pods = [pod for pod in pods if pod.devices and pod.is_known]
    nodes = look.objects("Node") if pods else None
    if nodes is not None:
        for pod in pods:
            yield from of_nodes(pod, nodes, defaults is not None)


def _quota(pods: Iterable[Pod], namespace: str, look: Look) -> Iterator[Finding]:
    for quota in look.objects("ResourceQuota") or ():
        if at(quota, "spec", "scopes") or at(quota, "spec", "scopeSelector"):
            continue  # which pods it counts depends on more than their requests
        where = f"the quota {quota['metadata']['name']} of {namespace}"
        for pod in pods:
            for resource, amount in pod.requests.items():
                yield from _of_quota(quota, where, pod, resource, amount)


def _of_quota(quota: Json, where: str, pod: Pod, resource: str, amount: float) -> Iterator[Finding]:
    hard, used = at(quota, "spec", "hard") or {}, at(quota, "status", "used") or {}
    key = f"requests.{resource}" if f"requests.{resource}" in hard else resource
    if key not in hard:
        return
    if quantity(hard[key]) < amount:
        allows = f"{where} allows {hard[key]} {key}"
        yield Finding(True, f"{allows}, and a pod of the template {pod.name} asks for {amount:g}")
    elif quantity(hard[key]) - quantity(used.get(key, 0)) < amount:
        yield Finding(
            False,
            f"{where} has no room for a pod of the template {pod.name} now: {used[key]} of {hard[key]} "
            f"{key} are used, and it asks for {amount:g}",
        )


def _limits(pods: Iterable[Pod], namespace: str, look: Look) -> Iterator[str]:
    limits = [
        (limit_range["metadata"]["name"], limit)
        for limit_range in look.objects("LimitRange") or ()
        for limit in at(limit_range, "spec", "limits") or ()
        if limit.get("type") in ("Container", "Pod")
    ]
    for name, limit in limits:
        for pod in pods:
            for resource, most in (limit.get("max") or {}).items():
                if pod.requests.get(resource, 0) > quantity(most):
                    yield (
                        f"the limit range {name} of {namespace} allows {most} {resource} a {limit['type'].lower()}, "
                        f"and the template {pod.name} asks for more"
                    )


def _accounts(spec: Json, pods: Iterable[Pod], namespace: str, look: Look) -> Iterator[str]:
    names = [pod.template.get("serviceAccountName") or spec.get("serviceAccountName") for pod in pods]
    for name in dict.fromkeys(name for name in names if name and "{{" not in name):
        if look.exists("ServiceAccount", name) is False:
            yield f"there is no service account {name} in {namespace}"
            continue
        for verb in ("create", "patch"):
            if look.allowed(name, verb, "argoproj.io", "workflowtaskresults") is False:
                yield (
                    f"the service account {name} may not {verb} workflowtaskresults.argoproj.io in {namespace}: every "
                    "pod would end in Error; role argo gives argo-workflow this right"
                )


def _references(pods: Iterable[Pod], spec: Json, namespace: str, look: Look) -> Iterator[str]:
    references: list[tuple[str, Any]] = [("Secret", each.get("name")) for each in spec.get("imagePullSecrets") or ()]
    references += [("PriorityClass", spec.get("podPriorityClassName"))]
    own_claims = {at(claim, "metadata", "name") for claim in spec.get("volumeClaimTemplates") or ()}
    for pod in pods:
        references += [("PriorityClass", pod.template.get("priorityClassName"))]
        references += _of_volumes([*(spec.get("volumes") or ()), *(pod.template.get("volumes") or ())])
        for container in containers(pod.template):
            references += _of_environment(container)
    for kind, name in dict.fromkeys(references):
        if not name or "{{" in name or name in own_claims:
            continue
        if look.exists(kind, name) is False:
            yield f"there is no {kind} {name}" + _in(kind, namespace)


_OF_VOLUMES = (
    ("persistentVolumeClaim", "PersistentVolumeClaim", "claimName"),
    ("secret", "Secret", "secretName"),
    ("configMap", "ConfigMap", "name"),
)
_OF_VARIABLES = (("secretKeyRef", "Secret", "name"), ("configMapKeyRef", "ConfigMap", "name"))
_OF_SOURCES = (("secretRef", "Secret", "name"), ("configMapRef", "ConfigMap", "name"))
"""Where an object is named: the key of the reference, the kind, and the key of the name."""


def _of_volumes(volumes: Iterable[Json]) -> Iterator[tuple[str, Any]]:
    for volume in volumes:
        yield from _named(volume, _OF_VOLUMES)


def _of_environment(container: Json) -> Iterator[tuple[str, Any]]:
    for variable in container.get("env") or ():
        yield from _named(variable.get("valueFrom") or {}, _OF_VARIABLES)
    for source in container.get("envFrom") or ():
        yield from _named(source, _OF_SOURCES)


def _named(place: Json, references: Iterable[tuple[str, str, str]]) -> Iterator[tuple[str, Any]]:
    """The kinds and names of the objects that a place needs; what is optional it does not."""
    for key, kind, name in references:
        if place.get(key) is not None and not place[key].get("optional"):
            yield kind, place[key].get(name)
