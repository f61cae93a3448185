# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds that this collection asks the API for, their paths and their names. Private to the collection. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError

FIELD_MANAGER = "argo.workflows"
"""The name under which the collection asks and changes: its User-Agent, and the owner of the fields that it sets."""
_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"


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

    @property
    def root(self) -> str:
        """The path of the kind's group and version, which lists the kinds that the cluster knows."""
        return f"/apis/{self.api_version}" if self.group else f"/api/{self.api_version}"


_ARGO = ("argoproj.io", "v1alpha1")
_RBAC = ("rbac.authorization.k8s.io", "v1")
_REVIEWS = ("authorization.k8s.io", "v1")

KINDS = {
    "Workflow": Kind(*_ARGO, "workflows"),
    "WorkflowTemplate": Kind(*_ARGO, "workflowtemplates"),
    "ClusterWorkflowTemplate": Kind(*_ARGO, "clusterworkflowtemplates", namespaced=False),
    "CronWorkflow": Kind(*_ARGO, "cronworkflows"),
    "WorkflowTaskResult": Kind(*_ARGO, "workflowtaskresults"),
    "Namespace": Kind("", "v1", "namespaces", namespaced=False),
    "Node": Kind("", "v1", "nodes", namespaced=False),
    "Pod": Kind("", "v1", "pods"),
    "ConfigMap": Kind("", "v1", "configmaps"),
    "Secret": Kind("", "v1", "secrets"),
    "Event": Kind("", "v1", "events"),
    "Service": Kind("", "v1", "services"),
    "ServiceAccount": Kind("", "v1", "serviceaccounts"),
    "PersistentVolumeClaim": Kind("", "v1", "persistentvolumeclaims"),
    "ResourceQuota": Kind("", "v1", "resourcequotas"),
    "LimitRange": Kind("", "v1", "limitranges"),
    "Deployment": Kind("apps", "v1", "deployments"),
    "Job": Kind("batch", "v1", "jobs"),
    "NetworkPolicy": Kind("networking.k8s.io", "v1", "networkpolicies"),
    "Lease": Kind("coordination.k8s.io", "v1", "leases"),
    "PriorityClass": Kind("scheduling.k8s.io", "v1", "priorityclasses", namespaced=False),
    "CustomResourceDefinition": Kind("apiextensions.k8s.io", "v1", "customresourcedefinitions", namespaced=False),
    "Role": Kind(*_RBAC, "roles"),
    "RoleBinding": Kind(*_RBAC, "rolebindings"),
    "ClusterRole": Kind(*_RBAC, "clusterroles", namespaced=False),
    "ClusterRoleBinding": Kind(*_RBAC, "clusterrolebindings", namespaced=False),
    "LocalSubjectAccessReview": Kind(*_REVIEWS, "localsubjectaccessreviews"),
    "SelfSubjectAccessReview": Kind(*_REVIEWS, "selfsubjectaccessreviews", namespaced=False),
    "SelfSubjectRulesReview": Kind(*_REVIEWS, "selfsubjectrulesreviews", namespaced=False),
    "SelfSubjectReview": Kind("authentication.k8s.io", "v1", "selfsubjectreviews", namespaced=False),
}


def path(kind: str, namespace: str | None = None, name: str = "", sub: str = "") -> str:
    """The API path of a kind's objects, of one of them, or of its subresource: `…/pods/NAME/log`.

    Without a namespace it is that of a kind in the whole cluster; the namespace counts only for kinds that have one.
    No part can leave its place in the path. Everything is quoted, but a server takes the quotes off before it looks
    where a path leads, so what could lead elsewhere then is refused with an ApiError: "/", "%", "." and "..", as
    Kubernetes' own client does (IsValidPathSegmentName; "Path Segment Names" in Kubernetes' documentation).
    """
    spelled = KINDS[kind]
    inside = ["namespaces", namespace] if spelled.namespaced and namespace is not None else []
    parts = [*inside, spelled.plural, *filter(None, [name, sub])]
    for part in parts:
        if part in (".", "..") or "/" in part or "%" in part:
            raise ApiError(f"{part!r} cannot be the name of a {kind} or of its namespace")
    return "/".join([spelled.root, *(quote(part, safe="") for part in parts)])


def why_not_a_name(name: str) -> str:
    """What is wrong with an object's name, "" if nothing: see "DNS Subdomain Names" in Kubernetes' documentation."""
    if len(name) <= 253 and re.fullmatch(rf"{_LABEL}(\.{_LABEL})*", name):
        return ""
    return (
        f'{name!r} is not a name: it may have at most 253 lower-case letters, digits, "-" and ".", '
        "and begins and ends, also beside a dot, with a letter or digit"
    )


def why_not_a_namespace(name: str) -> str:
    """What is wrong with a namespace's name, "" if nothing: see "DNS Label Names" in Kubernetes' documentation."""
    if len(name) <= 63 and re.fullmatch(_LABEL, name):
        return ""
    return (
        f'{name!r} is not the name of a namespace: it may have at most 63 lower-case letters, digits and "-", '
        "and begins and ends with a letter or digit"
    )
