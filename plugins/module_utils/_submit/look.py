# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the preflight looks at in a cluster. Private to the collection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.cluster import METADATA, Cluster
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.configuration import CONFIG_MAP, defaults_of
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError, unless_refused
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import path

Seen = TypeVar("Seen")


def unless_missing(request: Callable[[], Seen]) -> Seen | None:
    """What the request returns; None where the object, its namespace or its kind does not exist."""
    try:
        return request()
    except ApiError as error:
        if error.status == 404:
            return None
        raise


class ClusterLook:
    """What preflight may see of a cluster through a user's eyes."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.cluster = cluster
        self.namespace = namespace

    def objects(self, kind: str) -> list[dict[str, Any]] | None:
        with unless_refused():
            return unless_missing(lambda: list(self.cluster.objects(path(kind, self.namespace))))
        return None

    def exists(self, kind: str, name: str) -> bool | None:
        with unless_refused():
            return self.cluster.find(path(kind, self.namespace, name), accept=METADATA) is not None
        return None

    def read(self, kind: str, name: str) -> dict[str, Any] | None:
        with unless_refused():
            return self.cluster.find(path(kind, self.namespace, name))
        return None

    def defaults(self) -> dict[str, Any] | None:
        config_map = self.read("ConfigMap", CONFIG_MAP)
        return config_map and defaults_of(config_map)

    def allowed(self, service_account: str, verb: str, group: str, resource: str) -> bool | None:
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "LocalSubjectAccessReview",
            "metadata": {"namespace": self.namespace},
            "spec": {
                "user": f"system:serviceaccount:{self.namespace}:{service_account}",
                "groups": [
                    "system:serviceaccounts",
                    f"system:serviceaccounts:{self.namespace}",
                    "system:authenticated",
                ],
                "resourceAttributes": {"namespace": self.namespace, "verb": verb, "group": group, "resource": resource},
            },
        }
        with unless_refused():
            reviews = path("LocalSubjectAccessReview", self.namespace)
            answer = unless_missing(lambda: self.cluster.create(reviews, review))
            return bool(answer["status"]["allowed"]) if answer else None
        return None
