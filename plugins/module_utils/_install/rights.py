# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rights that an installation takes, hands on and lacks. Private to the collection. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import Json
from ansible_collections.argo.workflows.plugins.module_utils._install.objects import Ref
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import KINDS


@dataclass(frozen=True, order=True)
class Right:
    """One verb on one resource, in a namespace or, with "", in the whole cluster."""

    namespace: str
    group: str
    resource: str
    verb: str

    def attributes(self) -> dict[str, str]:
        """As a SelfSubjectAccessReview's `resourceAttributes`."""
        resource, _slash, subresource = self.resource.partition("/")
        return {
            "namespace": self.namespace,
            "group": self.group,
            "resource": resource,
            "subresource": subresource,
            "verb": self.verb,
        }


def rights_to_apply(wanted: Json, live: Json | None) -> Iterator[Right]:
    """What applying an object takes: to read it, to patch or create it, and to put back what was there before."""
    verbs = ["get", "patch"] if live else ["get", "patch", "create"]
    if KINDS[wanted["kind"]].namespaced:
        verbs.append("update" if live else "delete")
    for verb in verbs:
        yield _right(wanted, verb)


def rights_to_delete(item: Json) -> Iterator[Right]:
    """What deleting an object takes."""
    for verb in ("get", "delete"):
        yield _right(item, verb)


def rights_to_displace(item: Json) -> Iterator[Right]:
    """What it takes to delete an object, and to create it again if that has done no good."""
    yield from rights_to_delete(item)
    yield _right(item, "create")


def _right(item: Json, verb: str) -> Right:
    kind, metadata = KINDS[item["kind"]], item["metadata"]
    namespace = metadata.get("namespace") or ""
    if item["kind"] == "Namespace" and verb != "create":
        namespace = metadata["name"]  # the API server authorises a request for a namespace inside that namespace
    return Right(namespace, kind.group, kind.plural, verb)


def rights_granted(role: Json) -> Iterator[Right]:
    """The rights that a Role grants."""
    for rule in role["rules"]:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                for verb in rule["verbs"]:
                    yield Right(role["metadata"]["namespace"], group, resource, verb)


def grants(wanted: Sequence[Json], live: Mapping[Ref, Json]) -> Iterator[tuple[Right, Right]]:
    """The rights that applying Roles and RoleBindings hands on, each with the right that lets one do so without it.

    The API server lets nobody hand on what they lack, unless they may `escalate` or `bind` Roles: see "Privilege
    escalation prevention and bootstrapping" in Kubernetes' documentation of RBAC. What stays as it is is not checked.
    """
    roles = {Ref.of(item): item for item in wanted if item["kind"] == "Role"}
    for item in wanted:
        there = live.get(Ref.of(item)) or {}
        role: Json | None = None
        if item["kind"] == "Role" and there.get("rules") != item["rules"]:
            role, verb = item, "escalate"
        elif item["kind"] == "RoleBinding" and there.get("subjects") != item["subjects"]:
            role, verb = roles.get(Ref("Role", item["metadata"]["namespace"], item["roleRef"]["name"])), "bind"
        if role is None:
            continue
        instead = Right(item["metadata"]["namespace"], "rbac.authorization.k8s.io", "roles", verb)
        for right in rights_granted(role):
            yield right, instead


def rights_to_look(namespace: str) -> Iterator[Right]:
    """What it takes to see that an installation is ready, and why not."""
    for group, resource, verbs in (
        ("apps", "deployments", ("list", "watch")),
        ("", "pods", ("list", "watch")),
        ("", "pods/log", ("get",)),
        ("", "events", ("list",)),
        ("coordination.k8s.io", "leases", ("get",)),
        ("", "serviceaccounts/token", ("create",)),
        ("", "services/proxy", ("get",)),
    ):
        for verb in verbs:
            yield Right(namespace, group, resource, verb)


def holds(rules: Iterable[Mapping[str, Sequence[str]]], right: Right) -> bool:
    """Whether the `resourceRules` of a SelfSubjectRulesReview grant a right without restriction to names."""
    main, _slash, sub = right.resource.partition("/")
    resources = {"*", right.resource, f"*/{sub}" if sub else main}
    return any(
        not rule.get("resourceNames")
        and not {"*", right.verb}.isdisjoint(rule.get("verbs") or ())
        and not {"*", right.group}.isdisjoint(rule.get("apiGroups") or ())
        and not resources.isdisjoint(rule.get("resources") or ())
        for rule in rules
    )


def in_words(rights: Iterable[Right]) -> list[str]:
    """Rights as an administrator writes them, a phrase a resource: `get, list configmaps in team-a`."""
    verbs: dict[tuple[str, str, str], list[str]] = {}
    for right in sorted(set(rights)):
        verbs.setdefault((right.namespace, right.group, right.resource), []).append(right.verb)
    return [
        f"{', '.join(several)} {resource}{'.' + group if group else ''} in {namespace or 'the whole cluster'}"
        for (namespace, group, resource), several in verbs.items()
    ]
