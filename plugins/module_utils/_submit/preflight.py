# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the pods of a Workflow need and the cluster does not have, a sentence each, found before anything is submitted.

Private to the collection. Pure: what is in the cluster comes through the `Look` that is handed in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import Json
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.quantity import quantity
from ansible_collections.argo.workflows.plugins.module_utils._submit.manifest import ManifestError

_KEEPS_PODS_OFF = ("NoSchedule", "NoExecute")


class Look(Protocol):
    """The cluster as the caller may see it. Both methods return None for what the caller may not read."""

    def objects(self, kind: str, cluster_wide: bool = False) -> list[dict[str, Any]] | None:
        """All objects of a kind, `resourcequotas` for example, in the Workflow's namespace or in the cluster."""

    def exists(self, kind: str, name: str, cluster_wide: bool = False) -> bool | None:
        """Whether there is an object of this name."""

    def allowed(self, service_account: str, verb: str, group: str, resource: str) -> bool | None:
        """Whether a service account of the namespace may do something there."""


class Passing(str):
    """A finding that heals by itself: the pods wait until it has."""

    __slots__ = ()


def findings(workflow: Json, namespace: str, look: Look) -> list[str]:
    """A sentence for each thing that the Workflow's pods need and do not get; empty if nothing was found."""
    spec = workflow["spec"]
    pods = [_Pod(template, spec) for template in spec.get("templates") or [] if containers(template)]
    found = [*_nodes(pods, look), *_quota(pods, namespace, look), *_limits(pods, namespace, look)]
    found += [*_accounts(spec, pods, namespace, look), *_references(pods, spec, namespace, look)]
    return list(dict.fromkeys(found))


class _Pod:
    """What a template asks of the place where its pods run."""

    def __init__(self, template: Json, spec: Json) -> None:
        self.template = template
        self.name = template.get("name")
        self.requests = requests(template)
        self.selector: dict[str, str] = {**(spec.get("nodeSelector") or {}), **(template.get("nodeSelector") or {})}
        self.tolerations = [*(spec.get("tolerations") or []), *(template.get("tolerations") or [])]
        affinity = template.get("affinity") or spec.get("affinity") or {}
        required = (affinity.get("nodeAffinity") or {}).get("requiredDuringSchedulingIgnoredDuringExecution") or {}
        self.terms: list[Json] = required.get("nodeSelectorTerms") or []

    @property
    def special(self) -> dict[str, float]:
        return devices(self.template)

    @property
    def asks(self) -> str:
        return " and ".join(f"{amount:g} {resource}" for resource, amount in self.special.items())


def containers(template: Json) -> list[Json]:
    """The containers that a template itself has; none if it only calls other templates."""
    main = [template[kind] for kind in ("container", "script") if template.get(kind) is not None]
    return main or list((template.get("containerSet") or {}).get("containers") or [])


def requests(template: Json) -> dict[str, float]:
    """What a pod of a template asks for, by resource, in cores, bytes and devices; a limit is a request, too.

    Raises ManifestError for an amount that is no quantity.
    """
    total: dict[str, float] = {}
    for container in [*containers(template), *(template.get("sidecars") or [])]:
        resources = container.get("resources") or {}
        asked = {**(resources.get("limits") or {}), **(resources.get("requests") or {})}
        for resource, amount in asked.items():
            if "{{" not in str(amount):
                number = _checked_quantity(amount, f"{resource} of the template {template.get('name')}")
                total[resource] = total.get(resource, 0) + number
    return total


def check_sizes(spec: Json) -> None:
    """Raise ManifestError where an emptyDir's size is no quantity, since no pod that has it could be created."""
    for place in [spec, *(spec.get("templates") or [])]:
        for volume in place.get("volumes") or []:
            size = (volume.get("emptyDir") or {}).get("sizeLimit", 0)
            if "{{" not in str(size):
                _checked_quantity(size, f"sizeLimit of the volume {volume.get('name')}")


def _checked_quantity(value: Any, what: str) -> float:
    try:
        return quantity(value)
    except ValueError as error:
        raise ManifestError(f"{what}: {error}") from error


def devices(template: Json) -> dict[str, float]:
    """The GPUs and other devices that a pod of a template asks for, by resource."""
    return {resource: amount for resource, amount in requests(template).items() if "/" in resource and amount > 0}


def _nodes(pods: Iterable[_Pod], look: Look) -> Iterator[str]:
    pods = [pod for pod in pods if pod.special]
    nodes = look.objects("nodes", cluster_wide=True) if pods else None
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
    totals = {resource: sum(_has(node, resource) for node in nodes) for resource in pod.special}
    return ", ".join(f"{total:g} {resource}" for resource, total in totals.items())


def _has(node: Json, resource: str) -> float:
    return quantity((node.get("status", {}).get("allocatable") or {}).get(resource, 0))


def _refusal(node: Json, pod: _Pod) -> str:
    """Why a pod cannot run on a node, empty if it can."""
    for resource, amount in pod.special.items():
        there = _has(node, resource)
        if there < amount:
            return f"{there:g} {resource} allocatable" if there else f"no {resource}"
    labels = node["metadata"].get("labels") or {}
    for key, value in pod.selector.items():
        if labels.get(key) != value and "{{" not in str(value):
            return f"not labelled {key}={value}"
    if pod.terms and not any(_matches(labels, term) for term in pod.terms):
        return "not chosen by the node affinity"
    spec = node.get("spec", {})
    if spec.get("unschedulable"):
        return "cordoned"
    for taint in spec.get("taints") or []:
        if taint.get("effect") in _KEEPS_PODS_OFF and not any(_tolerates(each, taint) for each in pod.tolerations):
            return f"tainted {taint['key']}={taint.get('value', '')}:{taint['effect']} and not tolerated"
    return ""


def _tolerates(toleration: Json, taint: Json) -> bool:
    if toleration.get("effect") not in (None, "", taint["effect"]):
        return False
    if toleration.get("operator", "Equal") == "Exists":
        return toleration.get("key") in (None, "", taint["key"])
    return toleration.get("key") == taint["key"] and toleration.get("value", "") == taint.get("value", "")


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


def _quota(pods: Iterable[_Pod], namespace: str, look: Look) -> Iterator[str]:
    for quota in look.objects("resourcequotas") or []:
        if quota.get("spec", {}).get("scopes") or quota.get("spec", {}).get("scopeSelector"):
            continue  # which pods it counts depends on more than their requests
        hard = quota.get("spec", {}).get("hard") or {}
        used = quota.get("status", {}).get("used") or {}
        for pod in pods:
            for resource, amount in pod.requests.items():
                key = f"requests.{resource}" if f"requests.{resource}" in hard else resource
                if key not in hard:
                    continue
                where = f"the quota {quota['metadata']['name']} of {namespace}"
                if quantity(hard[key]) < amount:
                    yield f"{where} allows {hard[key]} {key}, and a pod of the template {pod.name} asks for {amount:g}"
                elif quantity(hard[key]) - quantity(used.get(key, 0)) < amount:
                    yield Passing(
                        f"{where} has no room for a pod of the template {pod.name} now: {used[key]} of {hard[key]} "
                        f"{key} are used, and it asks for {amount:g}"
                    )


def _limits(pods: Iterable[_Pod], namespace: str, look: Look) -> Iterator[str]:
    for limit_range in look.objects("limitranges") or []:
        for limit in limit_range.get("spec", {}).get("limits") or []:
            if limit.get("type") not in ("Container", "Pod"):
                continue
            for pod in pods:
                for resource, most in (limit.get("max") or {}).items():
                    if pod.requests.get(resource, 0) > quantity(most):
                        yield (
                            f"the limit range {limit_range['metadata']['name']} of {namespace} allows {most} "
                            f"{resource} a {limit['type'].lower()}, and the template {pod.name} asks for more"
                        )


def _accounts(spec: Json, pods: Iterable[_Pod], namespace: str, look: Look) -> Iterator[str]:
    names = [pod.template.get("serviceAccountName") or spec.get("serviceAccountName") for pod in pods]
    for name in dict.fromkeys(name for name in names if name and "{{" not in name):
        if look.exists("serviceaccounts", name) is False:
            yield f"there is no service account {name} in {namespace}"
            continue
        for verb in ("create", "patch"):
            if look.allowed(name, verb, "argoproj.io", "workflowtaskresults") is False:
                yield (
                    f"the service account {name} may not {verb} workflowtaskresults.argoproj.io in {namespace}: every "
                    "pod would end in Error; role argo gives argo-workflow this right"
                )


_KINDS = {
    "secrets": "Secret",
    "configmaps": "ConfigMap",
    "persistentvolumeclaims": "claim",
    "priorityclasses": "priority class",
}


def _references(pods: Iterable[_Pod], spec: Json, namespace: str, look: Look) -> Iterator[str]:
    references: list[tuple[str, Any]] = [("secrets", each.get("name")) for each in spec.get("imagePullSecrets") or []]
    references += [("priorityclasses", spec.get("podPriorityClassName"))]
    own_claims = {claim["metadata"]["name"] for claim in spec.get("volumeClaimTemplates") or []}
    for pod in pods:
        references += [("priorityclasses", pod.template.get("priorityClassName"))]
        references += _of_volumes([*(spec.get("volumes") or []), *(pod.template.get("volumes") or [])])
        for container in containers(pod.template):
            references += _of_environment(container)
    for kind, name in dict.fromkeys(references):
        if not name or "{{" in name or name in own_claims:
            continue
        cluster_wide = kind == "priorityclasses"
        if look.exists(kind, name, cluster_wide) is False:
            yield f"there is no {_KINDS[kind]} {name}" + ("" if cluster_wide else f" in {namespace}")


def _of_volumes(volumes: Iterable[Json]) -> Iterator[tuple[str, Any]]:
    for volume in volumes:
        if "persistentVolumeClaim" in volume:
            yield "persistentvolumeclaims", volume["persistentVolumeClaim"].get("claimName")
        for key, kind, name in (("secret", "secrets", "secretName"), ("configMap", "configmaps", "name")):
            if key in volume and not volume[key].get("optional"):
                yield kind, volume[key].get(name)


def _of_environment(container: Json) -> Iterator[tuple[str, Any]]:
    sources = [variable.get("valueFrom") or {} for variable in container.get("env") or []]
    for source in sources:
        for key, kind in (("secretKeyRef", "secrets"), ("configMapKeyRef", "configmaps")):
            if key in source and not source[key].get("optional"):
                yield kind, source[key].get("name")
    for source in container.get("envFrom") or []:
        for key, kind in (("secretRef", "secrets"), ("configMapRef", "configmaps")):
            if key in source and not source[key].get("optional"):
                yield kind, source[key].get("name")
