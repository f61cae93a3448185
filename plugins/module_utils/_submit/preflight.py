# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the pods of a Workflow need and the cluster does not have, a sentence each, found before anything is submitted.

Private to the collection. Pure: what is in the cluster comes through the `Look` that is handed in.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

from ansible_collections.argo.workflows.plugins.module_utils._argo.pods import asked
from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import Json, at
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.quantity import quantity
from ansible_collections.argo.workflows.plugins.module_utils._submit.checks import Finding
from ansible_collections.argo.workflows.plugins.module_utils._submit.manifest import ManifestError

_KEEPS_PODS_OFF = ("NoSchedule", "NoExecute")


class Look(Protocol):
    """The cluster as the caller may see it. Each method returns None for what the caller may not read."""

    def objects(self, kind: str) -> list[dict[str, Any]] | None:
        """All objects of a kind, such as ResourceQuota in the Workflow's namespace, or Node in the cluster."""

    def exists(self, kind: str, name: str) -> bool | None:
        """Whether there is an object of this name."""

    def allowed(self, service_account: str, verb: str, group: str, resource: str) -> bool | None:
        """Whether a service account of the namespace may do something there."""


def findings(workflow: Json, namespace: str, look: Look) -> list[Finding]:
    """What the Workflow's pods need and do not get, such as `Finding(True, "there is no Secret token in team-a")`.

    What passes by itself, such as a quota that is used up now, is not severe: the pods wait until it has.
    """
    spec = workflow["spec"]
    pods = [_Pod(template, spec) for template in spec.get("templates") or () if containers(template)]
    severe = [*_nodes(pods, look), *_limits(pods, namespace, look), *_accounts(spec, pods, namespace, look)]
    severe += _references(pods, spec, namespace, look)
    found = [*(Finding(True, text) for text in severe), *_quota(pods, namespace, look)]
    return list(dict.fromkeys(found))


class _Pod:
    """What a template asks of the place where its pods run."""

    def __init__(self, template: Json, spec: Json) -> None:
        self.template = template
        self.name = template.get("name")
        self.requests = requests(template)
        self.devices = devices(template)
        self.selector: dict[str, str] = {**(spec.get("nodeSelector") or {}), **(template.get("nodeSelector") or {})}
        self.tolerations = [*(spec.get("tolerations") or ()), *(template.get("tolerations") or ())]
        affinity = template.get("affinity") or spec.get("affinity")
        required = at(affinity, "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
        self.terms: list[Json] = at(required, "nodeSelectorTerms") or []

    @property
    def asks(self) -> str:
        return " and ".join(f"{amount:g} {resource}" for resource, amount in self.devices.items())


def containers(template: Json) -> list[Json]:
    """The containers that a template itself has; none if it only calls other templates."""
    main = [template[kind] for kind in ("container", "script") if template.get(kind) is not None]
    return main or list(at(template, "containerSet", "containers") or ())


def requests(template: Json) -> dict[str, float]:
    """What a pod of a template asks for in cores, bytes and devices: `{"cpu": 0.5, "nvidia.com/gpu": 1}`.

    Raises ManifestError for an amount that is not a quantity.
    """
    total: dict[str, float] = {}
    for container in [*containers(template), *(template.get("sidecars") or ())]:
        for resource, amount in asked(container).items():
            if "{{" not in str(amount):
                number = _checked_quantity(amount, f"{resource} of the template {template.get('name')}")
                total[resource] = total.get(resource, 0) + number
    return total


def _checked_quantity(value: Any, what: str) -> float:
    try:
        return quantity(value)
    except ValueError as error:
        raise ManifestError(f"{what}: {error}") from error


def devices(template: Json) -> dict[str, float]:
    """The GPUs and other devices that a pod of a template asks for, by resource."""
    return {resource: amount for resource, amount in requests(template).items() if "/" in resource and amount > 0}


def _nodes(pods: Iterable[_Pod], look: Look) -> Iterator[str]:
    pods = [pod for pod in pods if pod.devices]
    nodes = look.objects("Node") if pods else None
    if nodes is None:
        return
    for pod in pods:
        refused = [(node["metadata"]["name"], _refusal(node, pod)) for node in nodes]
        if all(reason for _name, reason in refused):
            reasons: dict[str, list[str]] = {}
            for name, reason in refused:
                reasons.setdefault(reason, []).append(name)
            why = "; ".join(f"{_some(names)}: {reason}" for reason, names in reasons.items()) or "there is no node"
            yield (
                f"no node can run the template {pod.name}, which asks for {pod.asks} a pod "
                f"(allocatable in the cluster: {_allocatable(nodes, pod)}; {why})"
            )


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _allocatable(nodes: Iterable[Json], pod: _Pod) -> str:
    totals = {resource: sum(_has(node, resource) for node in nodes) for resource in pod.devices}
    return ", ".join(f"{total:g} {resource}" for resource, total in totals.items())


def _has(node: Json, resource: str) -> float:
    return quantity(at(node, "status", "allocatable", resource) or 0)


def _refusal(node: Json, pod: _Pod) -> str:
    """Why a pod cannot run on a node, empty if it can."""
    reasons = itertools.chain(_lacking(node, pod), _not_chosen(node, pod), _kept_off(node, pod))
    return next(reasons, "")


def _lacking(node: Json, pod: _Pod) -> Iterator[str]:
    for resource, amount in pod.devices.items():
        there = _has(node, resource)
        if there < amount:
            yield f"{there:g} {resource} allocatable" if there else f"no {resource}"


def _not_chosen(node: Json, pod: _Pod) -> Iterator[str]:
    labels = at(node, "metadata", "labels") or {}
    for key, value in pod.selector.items():
        if labels.get(key) != value and "{{" not in str(value):
            yield f"not labelled {key}={value}"
    if pod.terms and not any(_matches(labels, term) for term in pod.terms):
        yield "not chosen by the node affinity"


def _kept_off(node: Json, pod: _Pod) -> Iterator[str]:
    if at(node, "spec", "unschedulable"):
        yield "cordoned"
    for taint in at(node, "spec", "taints") or ():
        if taint.get("effect") in _KEEPS_PODS_OFF and not any(_tolerates(each, taint) for each in pod.tolerations):
            yield f"tainted {taint['key']}={taint.get('value') or ''}:{taint['effect']} and not tolerated"


def _tolerates(toleration: Json, taint: Json) -> bool:
    if toleration.get("effect") not in (None, "", taint["effect"]):
        return False
    if (toleration.get("operator") or "Equal") == "Exists":
        return toleration.get("key") in (None, "", taint["key"])
    same_value = (toleration.get("value") or "") == (taint.get("value") or "")
    return toleration.get("key") == taint["key"] and same_value


def _matches(labels: Mapping[str, str], term: Json) -> bool:
    return all(
        _fulfils(labels.get(rule["key"]), rule["operator"], rule.get("values") or [])
        for rule in term.get("matchExpressions") or []
    )


def _fulfils(value: str | None, operator: str, values: list[str]) -> bool:
    """One requirement of a node affinity, as the scheduler understands it."""
    if operator in ("Gt", "Lt"):
        if value is None or not value.isdecimal():
            return False
        return int(value) > int(values[0]) if operator == "Gt" else int(value) < int(values[0])
    return {
        "In": value in values,
        "NotIn": value not in values,
        "Exists": value is not None,
        "DoesNotExist": value is None,
    }[operator]


def _quota(pods: Iterable[_Pod], namespace: str, look: Look) -> Iterator[Finding]:
    for quota in look.objects("ResourceQuota") or ():
        if at(quota, "spec", "scopes") or at(quota, "spec", "scopeSelector"):
            continue  # which pods it counts depends on more than their requests
        where = f"the quota {quota['metadata']['name']} of {namespace}"
        for pod in pods:
            for resource, amount in pod.requests.items():
                yield from _of_quota(quota, where, pod, resource, amount)


def _of_quota(quota: Json, where: str, pod: _Pod, resource: str, amount: float) -> Iterator[Finding]:
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


def _limits(pods: Iterable[_Pod], namespace: str, look: Look) -> Iterator[str]:
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


def _accounts(spec: Json, pods: Iterable[_Pod], namespace: str, look: Look) -> Iterator[str]:
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


def _references(pods: Iterable[_Pod], spec: Json, namespace: str, look: Look) -> Iterator[str]:
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
            yield f"there is no {kind} {name}" + ("" if kind == "PriorityClass" else f" in {namespace}")


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
