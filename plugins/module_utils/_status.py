# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an installation of Argo needs, has and lacks, decided on plain objects. Private to the collection; no I/O."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ansible_collections.argo.workflows.plugins.module_utils._quantity import quantity

FIELD_MANAGER = "argo.workflows"
MARK = "argo.workflows/applied"
MANAGED_BY = "app.kubernetes.io/managed-by"
CONTROLLER = "workflow-controller"
SERVER = "argo-server"
SERVER_PORT = 2746

Object = Mapping[str, Any]


@dataclass(frozen=True)
class Kind:
    """How the API spells a kind: its group, version and plural, and whether its objects lie in a namespace."""

    group: str
    version: str
    plural: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version


KINDS = {
    "Namespace": Kind("", "v1", "namespaces", namespaced=False),
    "CustomResourceDefinition": Kind("apiextensions.k8s.io", "v1", "customresourcedefinitions", namespaced=False),
    "PriorityClass": Kind("scheduling.k8s.io", "v1", "priorityclasses", namespaced=False),
    "ClusterRole": Kind("rbac.authorization.k8s.io", "v1", "clusterroles", namespaced=False),
    "ClusterRoleBinding": Kind("rbac.authorization.k8s.io", "v1", "clusterrolebindings", namespaced=False),
    "ServiceAccount": Kind("", "v1", "serviceaccounts"),
    "ConfigMap": Kind("", "v1", "configmaps"),
    "Service": Kind("", "v1", "services"),
    "ResourceQuota": Kind("", "v1", "resourcequotas"),
    "Role": Kind("rbac.authorization.k8s.io", "v1", "roles"),
    "RoleBinding": Kind("rbac.authorization.k8s.io", "v1", "rolebindings"),
    "Deployment": Kind("apps", "v1", "deployments"),
    "Pod": Kind("", "v1", "pods"),
    "Lease": Kind("coordination.k8s.io", "v1", "leases"),
}
"""The kinds that an installation is made of or makes."""

ARGO_KINDS = (
    "clusterworkflowtemplates",
    "cronworkflows",
    "workflowartifactgctasks",
    "workfloweventbindings",
    "workflows",
    "workflowtaskresults",
    "workflowtasksets",
    "workflowtemplates",
)
"""The plurals of the kinds that Argo brings."""

OWN_KINDS = ("ServiceAccount", "ConfigMap", "Service", "ResourceQuota", "Role", "RoleBinding", "Deployment")
"""The kinds among them whose objects are deleted when the role no longer wants them."""


def path_of(kind: str, namespace: str | None, name: str = "") -> str:
    """The API path of an object of one of KINDS, or of all of them in a namespace."""
    spelled = KINDS[kind]
    path = f"/apis/{spelled.group}/{spelled.version}" if spelled.group else f"/api/{spelled.version}"
    if spelled.namespaced:
        path += f"/namespaces/{namespace}"
    return f"{path}/{spelled.plural}" + (f"/{name}" if name else "")


@dataclass(frozen=True, order=True)
class Ref:
    """Which object: what tells one of an installation from all others."""

    kind: str
    namespace: str
    name: str

    @classmethod
    def of(cls, item: Object) -> Ref:
        return cls(item["kind"], item["metadata"].get("namespace") or "", item["metadata"]["name"])

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"

    @property
    def path(self) -> str:
        return path_of(self.kind, self.namespace, self.name)

    def as_definition(self) -> dict[str, Any]:
        """The least that kubernetes.core.k8s needs to delete it."""
        metadata = {"name": self.name} | ({"namespace": self.namespace} if self.namespace else {})
        return {"apiVersion": KINDS[self.kind].api_version, "kind": self.kind, "metadata": metadata}


# -- whose it is ----------------------------------------------------------------------------------------------------


def is_ours(live: Object) -> bool:
    """Whether the role has applied this object: its field manager has left its mark."""
    managers = live["metadata"].get("managedFields") or ()
    return any(entry.get("manager") == FIELD_MANAGER for entry in managers)


def is_labelled(live: Object) -> bool:
    """Whether an object carries the role's label, so that it goes when the role no longer wants it."""
    return (live["metadata"].get("labels") or {}).get(MANAGED_BY) == FIELD_MANAGER


def maker_of(live: Object) -> str:
    """Who made an object that is not ours, as far as it tells: a Helm release, else its first field manager."""
    metadata = live["metadata"]
    release = (metadata.get("annotations") or {}).get("meta.helm.sh/release-name")
    if release:
        return f"the Helm release {release}"
    managers = [entry["manager"] for entry in metadata.get("managedFields") or () if entry.get("manager")]
    return managers[0] if managers else "someone else"


def mark_of(wanted: Object) -> str:
    """A hash of everything that is wanted of an object."""
    return hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()[:16]


def marked(wanted: Object) -> dict[str, Any]:
    """An object with an annotation that says what was applied, by which the next run sees that it need not be again."""
    metadata = wanted["metadata"]
    return {
        **wanted,
        "metadata": {**metadata, "annotations": {**(metadata.get("annotations") or {}), MARK: mark_of(wanted)}},
    }


def is_marked(wanted: Object, live: Object) -> bool:
    """Whether the same was applied before."""
    return (live["metadata"].get("annotations") or {}).get(MARK) == mark_of(wanted)


def is_applied(wanted: Object, live: Object) -> bool:
    """Whether applying an object would change nothing: the same was applied before, and nobody has changed it since."""
    return is_marked(wanted, live) and contains(live, wanted)


def is_added_to(wanted: Object, live: Object | None) -> bool:
    """Whether a Deployment may have what applying would leave in it: somebody else made it, or changed it since.

    An environment variable belongs to who has set it: see "Server-Side Apply" in Kubernetes' documentation.
    """
    if wanted["kind"] != "Deployment" or live is None or contains(live, wanted):
        return False
    return is_marked(wanted, live) or not is_ours(live)


def contains(live: Any, wanted: Any) -> bool:
    """Whether everything that is wanted is there; what the server has filled in besides does not count."""
    if isinstance(wanted, Mapping):
        return isinstance(live, Mapping) and all(
            live.get(key) == value
            if key in WHOLE
            else (contains_amounts if key in AMOUNTS and value else contains)(live.get(key), value)
            for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        return isinstance(live, list) and len(live) == len(wanted) and all(map(contains, live, wanted))
    return bool(live == wanted)


WHOLE = frozenset({"selector", "nodeSelector", "rules"})
"""The keys of what means something else with any addition, and in which the API server fills in nothing."""

AMOUNTS = frozenset({"hard", "limits", "requests"})
"""The keys of maps of quantities, which the API server writes its own way: 0.5 becomes "500m"."""


def contains_amounts(live: Mapping[str, Any] | None, wanted: Mapping[str, Any]) -> bool:
    """Whether every amount that is wanted of a resource is there, however it is written."""
    return live is not None and all(
        name in live and quantity(live[name]) == quantity(amount) for name, amount in wanted.items()
    )


def is_needed(wanted: Object, live: Object | None, update_crds: bool) -> bool:
    """Whether an object must be applied: a missing or changed one, and a shared one only if it is ours to change.

    So a tenant needs no right on CRDs, priority classes and namespaces that an administrator has made.
    """
    if live is None:
        return True
    match wanted["kind"]:
        case "CustomResourceDefinition":
            return update_crds
        case "PriorityClass":
            return False
        case "ClusterRole":
            return live.get("rules") != wanted["rules"]
        case "Namespace":
            labels = wanted["metadata"].get("labels") or {}
            lacking = not labels.items() <= (live["metadata"].get("labels") or {}).items()
            return lacking or (is_ours(live) and not is_applied(wanted, live))
        case "ConfigMap" if (live.get("data") or {}).keys() != (wanted.get("data") or {}).keys():
            return True  # the controller ends at a key that it does not know
        case _:
            return not is_applied(wanted, live)


def restorable(live: Object) -> dict[str, Any]:
    """A live object less what the server fills in, so that it can be put back as it was."""
    dropped = ("managedFields", "resourceVersion", "uid", "creationTimestamp", "generation", "selfLink")
    metadata = {key: value for key, value in live["metadata"].items() if key not in dropped}
    return {key: value for key, value in live.items() if key != "status"} | {"metadata": metadata}


def claimant_of(binding: Object | None, namespace: str) -> str:
    """The namespace of the other installation whose controller a live `argo-binding` lets in, or ""."""
    for subject in (binding or {}).get("subjects") or ():
        if subject.get("kind") == "ServiceAccount" and subject.get("namespace") not in (None, namespace):
            return str(subject["namespace"])
    return ""


def is_controller(deployment: Object) -> bool:
    """Whether a Deployment runs Argo's controller, however it was installed and named."""
    containers = deployment["spec"]["template"]["spec"].get("containers") or ()
    return any(
        "workflow-controller" in container.get("image", "").rsplit("/", 1)[-1]
        or "workflow-controller" in (container.get("command") or ())
        for container in containers
    )


def managed_namespace_of(controller: Object | None) -> str:
    """The namespace where the workflows of a controller's Deployment run, or "" if there is none."""
    if controller is None:
        return ""
    flags = _flags_of(controller)
    return next((value for flag, value in flags if flag == "--managed-namespace"), controller["metadata"]["namespace"])


# -- rights ---------------------------------------------------------------------------------------------------------


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


def rights_to_apply(wanted: Object, live: Object | None) -> Iterator[Right]:
    """What applying an object takes: to read it, to patch or create it, and to put back what was there before."""
    verbs = ["get", "patch"] if live else ["get", "patch", "create"]
    if KINDS[wanted["kind"]].namespaced:
        verbs.append("update" if live else "delete")
    for verb in verbs:
        yield _right(wanted, verb)


def rights_to_delete(item: Object) -> Iterator[Right]:
    """What deleting an object takes."""
    for verb in ("get", "delete"):
        yield _right(item, verb)


def rights_to_displace(item: Object) -> Iterator[Right]:
    """What it takes to delete an object, and to create it again if that has done no good."""
    yield from rights_to_delete(item)
    yield _right(item, "create")


def _right(item: Object, verb: str) -> Right:
    kind, metadata = KINDS[item["kind"]], item["metadata"]
    namespace = metadata.get("namespace") or ""
    if item["kind"] == "Namespace" and verb != "create":
        namespace = metadata["name"]  # the API server authorises a request for a namespace inside that namespace
    return Right(namespace, kind.group, kind.plural, verb)


def rights_granted(role: Object) -> Iterator[Right]:
    """The rights that a Role grants."""
    for rule in role["rules"]:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                for verb in rule["verbs"]:
                    yield Right(role["metadata"]["namespace"], group, resource, verb)


def grants(wanted: Sequence[Object], live: Mapping[Ref, Object]) -> Iterator[tuple[Right, Right]]:
    """The rights that applying Roles and RoleBindings hands on, each with the right that lets one do so without it.

    The API server lets nobody hand on what they lack, unless they may `escalate` or `bind` Roles: see "Privilege
    escalation prevention and bootstrapping" in Kubernetes' documentation of RBAC. What stays as it is is not checked.
    """
    roles = {Ref.of(item): item for item in wanted if item["kind"] == "Role"}
    for item in wanted:
        there = live.get(Ref.of(item)) or {}
        role: Object | None = None
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


# -- readiness ------------------------------------------------------------------------------------------------------

HOPELESS = frozenset({"ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError"})
"""Reasons of a waiting container that time alone does not heal."""
RESTARTS = 3
"""Restarts, since one looked first, after which a container that keeps ending is given up."""


@dataclass(frozen=True)
class Verdict:
    """Whether something serves; if not, why, whether waiting is hopeless, and the pod that shows it."""

    ready: bool
    why: str = ""
    hopeless: bool = False
    pod: str = ""
    container: str = ""


READY = Verdict(ready=True)


def judge(
    name: str, deployment: Object | None, pods: Iterable[Object], restarts_before: Mapping[str, int] | None = None
) -> Verdict:
    """Whether a Deployment serves with the pods it should have, and no older ones.

    `restarts_before` has the restarts that each pod had when one looked first: they are no reason to give up.
    """
    if deployment is None:
        return Verdict(False, f"the Deployment {name} does not exist")
    status = deployment.get("status") or {}
    wanted = deployment["spec"].get("replicas", 1)
    current = status.get("observedGeneration", 0) >= deployment["metadata"].get("generation", 0)
    counts = [status.get(key, 0) for key in ("replicas", "updatedReplicas", "availableReplicas")]
    if current and counts == [wanted] * 3:
        return READY
    for condition in (status.get("conditions") or ()) if current else ():
        refused = condition["type"] == "ReplicaFailure" and condition["status"] == "True"
        if refused and status.get("updatedReplicas", 0) < wanted:
            return Verdict(False, f"the Deployment {name} gets no pod: {condition.get('message')}", hopeless=True)
        if condition["type"] == "Progressing" and condition.get("reason") == "ProgressDeadlineExceeded":
            return Verdict(False, f"the Deployment {name} makes no progress: {condition.get('message')}", hopeless=True)
    own = [pod for pod in pods if (pod["metadata"].get("labels") or {}).get("app") == name]
    if not own:
        return Verdict(False, f"the Deployment {name} has no pod yet")
    newest = max(own, key=lambda pod: pod["metadata"]["creationTimestamp"])
    return judge_pod(newest, (restarts_before or {}).get(newest["metadata"]["name"], 0))


def restarts_of(pod: Object) -> int:
    """How often the containers of a pod were restarted."""
    return sum(
        container.get("restartCount", 0) for container in (pod.get("status") or {}).get("containerStatuses") or ()
    )


def judge_pod(pod: Object, restarts_before: int = 0) -> Verdict:
    """What keeps a pod from serving."""
    name, status = pod["metadata"]["name"], pod.get("status") or {}
    for container in status.get("containerStatuses") or ():
        state, restarts = container.get("state") or {}, container.get("restartCount", 0)
        ended = state.get("terminated") or (container.get("lastState") or {}).get("terminated")
        if waiting := state.get("waiting"):
            reason = waiting.get("reason", "")
            hopeless = reason in HOPELESS or (reason == "CrashLoopBackOff" and restarts - restarts_before >= RESTARTS)
            why = f"container {container['name']} of pod {name} waits: {reason}"
            if ended:
                why += f" after {restarts} restarts, it ended with exit code {ended.get('exitCode')}"
            elif waiting.get("message"):
                why += f": {waiting['message']}"
            return Verdict(False, why, hopeless, name, container["name"])
        if ended and not container.get("ready"):
            why = f"container {container['name']} of pod {name} ended with exit code {ended.get('exitCode')}"
            return Verdict(False, f"{why} and has been restarted {restarts} times", False, name, container["name"])
        if not container.get("ready"):
            why = f"container {container['name']} of pod {name} runs but is not ready: its readiness probe fails"
            return Verdict(False, why, False, name, container["name"])
    for condition in status.get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            why = f"pod {name} is not scheduled: {condition.get('reason')}: {condition.get('message')}"
            return Verdict(False, why, False, name)
    return Verdict(False, f"pod {name} is {status.get('phase', 'Pending')}", False, name)


def judge_lease(lease: Object | None, pods: Iterable[Object]) -> Verdict:
    """Whether one of the controller's pods holds the lease, so that workflows are worked on."""
    names = [pod["metadata"]["name"] for pod in pods if (pod["metadata"].get("labels") or {}).get("app") == CONTROLLER]
    holder = ((lease or {}).get("spec") or {}).get("holderIdentity") or ""
    if holder in names:
        return READY
    held = f"{holder}, a pod that is gone, still holds it" if holder else "nobody holds it"
    newest = names[-1] if names else ""
    return Verdict(False, f"the controller runs but does not hold its lease ({held})", False, newest, CONTROLLER)


def server_options(deployment: Object) -> tuple[str, set[str]]:
    """The scheme that a server Deployment serves, and its authentication modes, from its arguments."""
    flags = _flags_of(deployment)
    modes = {value for flag, value in flags if flag == "--auth-mode"}
    plain = any(flag in ("--secure", "-e") and value == "false" for flag, value in flags)
    return "http" if plain else "https", modes or {"client"}


def _flags_of(deployment: Object) -> list[tuple[str, str]]:
    """The flags of a Deployment's first container, each with the argument behind it."""
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    return list(pairwise(" ".join(container.get("args") or ()).replace("=", " ").split()))
