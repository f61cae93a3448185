# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a node can run a pod, as the scheduler decides it; what cannot be known is left out. Private. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import Json, at
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.quantity import quantity
from ansible_collections.argo.workflows.plugins.module_utils._submit.checks import Finding
from ansible_collections.argo.workflows.plugins.module_utils._submit.pods import Pod

_KEEPS_PODS_OFF = ("NoSchedule", "NoExecute")
_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt")


class Refusal(NamedTuple):
    """Why a node cannot run a pod, and whether that is sure."""

    why: str
    is_sure: bool = True


def of_nodes(pod: Pod, nodes: Iterable[Json], is_defaults_known: bool) -> Iterator[Finding]:
    """What is said where no node can run a pod; not severe where a toleration may still come from elsewhere."""
    refused = [(node["metadata"]["name"], _refusal(node, pod, is_defaults_known)) for node in nodes]
    if not all(refusal for _name, refusal in refused):
        return
    reasons: dict[str, list[str]] = {}
    for name, refusal in refused:
        reasons.setdefault(refusal.why if refusal else "", []).append(name)
    why = "; ".join(f"{_some(names)}: {reason}" for reason, names in reasons.items()) or "there is no node"
    yield Finding(
        all(refusal.is_sure for _name, refusal in refused if refusal),
        f"no node can run the template {pod.name}, which asks for {pod.asks} a pod "
        f"(allocatable in the cluster: {_allocatable(nodes, pod)}; {why})",
    )


def of_affinity(pod: Pod) -> Iterator[Finding]:
    """The mistakes in a node affinity, for which Kubernetes takes no pod, or never gives it a node."""
    for rule in _rules(pod.terms):
        where = f"the node affinity of the template {pod.name} for {rule.get('key')}"
        operator, values = rule.get("operator"), rule.get("values") or []
        if "{{" not in str(operator) and operator not in _OPERATORS:
            yield Finding(True, f"{where} has the operator {operator}, which is none of {', '.join(_OPERATORS)}")
        elif operator in ("Gt", "Lt") and "{{" not in str(values) and not _is_one_number(values):
            yield Finding(True, f"{where} compares by {operator}, which takes one whole number as text: {values}")


def _rules(terms: Iterable[Json]) -> Iterator[Json]:
    for term in terms:
        yield from (term or {}).get("matchExpressions") or ()


def _is_one_number(values: list[Any]) -> bool:
    return len(values) == 1 and str(values[0]).lstrip("-").isdecimal()


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _allocatable(nodes: Iterable[Json], pod: Pod) -> str:
    totals = {resource: sum(_has(node, resource) for node in nodes) for resource in pod.devices}
    return ", ".join(f"{total:g} {resource}" for resource, total in totals.items())


def _has(node: Json, resource: str) -> float:
    return quantity(at(node, "status", "allocatable", resource) or 0)


def _refusal(node: Json, pod: Pod, is_defaults_known: bool) -> Refusal | None:
    """Why a pod cannot run on a node, None if it can; the first reason that is sure, if one is."""
    reasons = [*_lacking(node, pod), *_not_chosen(node, pod), *_kept_off(node, pod, is_defaults_known)]
    return next((reason for reason in reasons if reason.is_sure), reasons[0] if reasons else None)


def _lacking(node: Json, pod: Pod) -> Iterator[Refusal]:
    for resource, amount in pod.devices.items():
        there = _has(node, resource)
        if there < amount:
            yield Refusal(f"{there:g} {resource} allocatable" if there else f"no {resource}")


def _not_chosen(node: Json, pod: Pod) -> Iterator[Refusal]:
    labels = at(node, "metadata", "labels") or {}
    for key, value in pod.selector.items():
        if labels.get(key) != value and "{{" not in f"{key}{value}":
            yield Refusal(f"not labelled {key}={value}")
    if pod.terms and not any(all(_fulfils(labels, rule) for rule in _rules([term])) for term in pod.terms):
        yield Refusal("not chosen by the node affinity")


def _kept_off(node: Json, pod: Pod, is_defaults_known: bool) -> Iterator[Refusal]:
    if at(node, "spec", "unschedulable"):
        yield Refusal("cordoned")
    for taint in at(node, "spec", "taints") or ():
        tolerated = pod.tolerations is None or any(_tolerates(each, taint) for each in pod.tolerations)
        if taint.get("effect") in _KEEPS_PODS_OFF and not tolerated:
            why = f"tainted {taint['key']}={taint.get('value') or ''}:{taint['effect']} and not tolerated"
            sources = list(_sources_of_tolerations(taint, pod, is_defaults_known))
            yield Refusal(" unless by ".join([why, " or ".join(sources)]) if sources else why, not sources)


def _sources_of_tolerations(taint: Json, pod: Pod, is_defaults_known: bool) -> Iterator[str]:
    """Where a toleration may come from that is not in the Workflow."""
    if taint["key"] in pod.devices:  # see ExtendedResourceToleration in Kubernetes' list of admission plugins
        yield "the admission plugin ExtendedResourceToleration"
    if not is_defaults_known and not pod.tolerations:
        yield "the controller's workflowDefaults, which cannot be read"


def _tolerates(toleration: Json, taint: Json) -> bool:
    if toleration.get("effect") not in (None, "", taint["effect"]):
        return False
    if (toleration.get("operator") or "Equal") == "Exists":
        return toleration.get("key") in (None, "", taint["key"])
    same_value = (toleration.get("value") or "") == (taint.get("value") or "")
    return toleration.get("key") == taint["key"] and same_value


def _fulfils(labels: Mapping[str, str], rule: Json) -> bool:
    """Whether labels fulfil one requirement of a node affinity, or may do so when its placeholders are filled."""
    if "{{" in str(rule):
        return True
    value, values = labels.get(rule.get("key") or ""), rule.get("values") or []
    match rule.get("operator"):
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt" | "Lt" as operator:
            return _compares(value, operator, values)
        case _:
            return True


def _compares(value: str | None, operator: str, values: list[Any]) -> bool:
    if not _is_one_number(values):
        return True
    if value is None or not _is_one_number([value]):
        return False
    return int(value) > int(values[0]) if operator == "Gt" else int(value) < int(values[0])
