# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The API paths of the objects that this collection asks for. Private to the collection."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote


def workflows(namespace: str, name: str = "") -> str:
    """The path of a namespace's Workflows, or of one of them."""
    return argo(namespace, "workflows", name)


def argo(namespace: str, plural: str, name: str = "") -> str:
    """The path of a kind of argoproj.io in a namespace, or of one object of it."""
    return f"/apis/argoproj.io/v1alpha1/namespaces/{quote(namespace)}/{plural}" + (f"/{quote(name)}" if name else "")


def pods(namespace: str, name: str = "", sub: str = "") -> str:
    """The path of a namespace's pods, of one pod, or of its subresource `sub` (`log`)."""
    return core(namespace, "pods", name, sub)


def core(namespace: str, plural: str, name: str = "", sub: str = "") -> str:
    """The path of a kind of the core group in a namespace, of one object, or of its subresource."""
    path = f"/api/v1/namespaces/{quote(namespace)}/{plural}"
    return path + (f"/{quote(name)}" if name else "") + (f"/{sub}" if sub else "")


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


def path_of(kind: str, namespace: str | None, name: str = "") -> str:
    """The API path of an object of one of KINDS, or of all of them in a namespace."""
    spelled = KINDS[kind]
    path = f"/apis/{spelled.group}/{spelled.version}" if spelled.group else f"/api/{spelled.version}"
    if spelled.namespaced:
        path += f"/namespaces/{namespace}"
    return f"{path}/{spelled.plural}" + (f"/{name}" if name else "")
