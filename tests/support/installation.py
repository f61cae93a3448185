# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster with, or without, an installation of Argo, and the objects that make one."""

from __future__ import annotations

from typing import Any

from ansible_collections.argo.workflows.plugins.module_utils._install.objects import ARGO_KINDS, Place
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.cluster import Cluster
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError
from ansible_collections.argo.workflows.tests.support.api import HOST, Api, Asked, Response, answered, refusal
from ansible_collections.argo.workflows.tests.support.clock import Clock

HERE = Place("argo", "argo", "")
ALL = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}
SERVICE = "/api/v1/namespaces/argo/services/https:argo-server:2746/proxy/api/v1/workflows/argo"


class Installation(Api):
    """Answers reads from `found`, by path, and reviews from `rules` and `allowed`; what is not there is 404."""

    def __init__(self, found: dict[str, Any], rules: list[dict[str, Any]], allowed: bool) -> None:
        super().__init__(clock=Clock())
        self.found = found
        self.container_logs = [b"first line\nlast line\n"] * 2
        """A container's present log, and the one before it was started again."""
        self.reviews: dict[str, dict[str, Any]] = {
            "selfsubjectrulesreviews": {"resourceRules": rules, "incomplete": False},
            "selfsubjectaccessreviews": {"allowed": allowed},
            "selfsubjectreviews": {"userInfo": {"username": "somebody"}},
            "token": {"token": "secret"},
        }

    def answer(self, asked: Asked) -> Response:
        if asked.method == "POST":
            return answered((201, {"status": self.reviews[asked.path.rsplit("/", 1)[-1]]}))
        if asked.path.endswith("/log"):
            return answered((200, self.container_logs[asked.query.get("previous") == "true"]))
        found = self.found.get(asked.path)
        if "watch" in asked.query or found is None:
            return super().answer(asked) if "watch" in asked.query else refusal(404, "NotFound")
        if isinstance(found, ApiError):
            return refusal(found.status or 0, found.reason, found.message)
        return answered((200, {"metadata": {"resourceVersion": "1"}, **found}))


class FakeCluster(Cluster):
    """A cluster whose API server is an Installation."""

    def __init__(
        self, objects: dict[str, Any], rules: list[dict[str, Any]] | None = None, allowed: bool = True
    ) -> None:
        self.api = Installation(objects, [ALL] if rules is None else rules, allowed)
        super().__init__(HOST, self.api, clock=self.api.clock)

    @property
    def created(self) -> list[str]:
        return [asked.path for asked in self.api.asked("POST")]

    @property
    def read(self) -> list[str]:
        return [asked.path for asked in self.api.asked("GET")]

    @property
    def cookies(self) -> set[str]:
        return {asked.headers["Cookie"] for asked in self.api.requests if "Cookie" in asked.headers}


def crd(plural: str) -> dict[str, Any]:
    return {"kind": "CustomResourceDefinition", "metadata": {"name": f"{plural}.argoproj.io"}}


WANTED: list[dict[str, Any]] = [
    *map(crd, ARGO_KINDS),
    {"kind": "Namespace", "metadata": {"name": "argo"}},
    {
        "kind": "Role",
        "metadata": {"name": "argo-role", "namespace": "argo"},
        "rules": [{"apiGroups": ["argoproj.io"], "resources": ["workflows"], "verbs": ["get"]}],
    },
    {"kind": "ConfigMap", "metadata": {"name": "workflow-controller-configmap", "namespace": "argo"}},
    {
        "kind": "Deployment",
        "metadata": {"name": "workflow-controller", "namespace": "argo"},
        "spec": {"template": {"spec": {"containers": [{"image": "x/workflow-controller:v4.1.2"}]}}},
    },
]


def deployment(name: str, available: int = 1, **metadata: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "argo", "uid": name, "generation": 1, **metadata},
        "spec": {"replicas": 1, "template": {"spec": {"containers": [{"image": f"x/{name}:v4.1.2", "args": []}]}}},
        "status": {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": available},
    }


def pod(name: str, **status: Any) -> dict[str, Any]:
    labels = {"app": name.rpartition("-")[0]}
    metadata = {"name": name, "uid": name, "labels": labels, "creationTimestamp": "2026-01-01T00:00:00Z"}
    return {"metadata": metadata, "status": status}


ROLES = "rbac.authorization.k8s.io"
OURS: dict[str, Any] = {"managedFields": [{"manager": "argo.workflows"}]}


def installed(**metadata: Any) -> dict[str, Any]:
    """A cluster's objects with an installation that serves."""
    deployments = [deployment("workflow-controller", **metadata), deployment("argo-server", **metadata)]
    home = "/apis/apps/v1/namespaces/argo/deployments"
    return {
        "/apis/argoproj.io/v1alpha1": {"resources": [{"name": kind} for kind in ARGO_KINDS]},
        "/apis/argoproj.io/v1alpha1/namespaces/argo/workflows": {"items": [{"metadata": {"namespace": "argo"}}]},
        "/api/v1/namespaces/argo": {"kind": "Namespace", "metadata": {"name": "argo", **metadata}},
        home: {"items": deployments},
        f"{home}/workflow-controller": {**deployments[0], "kind": "Deployment"},
        "/api/v1/namespaces/argo/pods": {"items": [pod("workflow-controller-1"), pod("argo-server-1")]},
        "/apis/coordination.k8s.io/v1/namespaces/argo/leases/workflow-controller": {
            "spec": {"holderIdentity": "workflow-controller-1"}
        },
        SERVICE: {"items": None},
    }
