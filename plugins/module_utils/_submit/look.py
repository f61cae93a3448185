# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the preflight looks at in a cluster. Private to the collection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.cluster import METADATA, Cluster
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import KINDS, path

Seen = TypeVar("Seen")
KIND_OF = {spelled.plural: kind for kind, spelled in KINDS.items()}


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

    def objects(self, kind: str, cluster_wide: bool = False) -> list[dict[str, Any]] | None:
        return self._unless_refused(lambda: list(self.cluster.list(self._path(kind, "", cluster_wide))))

    def exists(self, kind: str, name: str, cluster_wide: bool = False) -> bool | None:
        object_path = self._path(kind, name, cluster_wide)
        return self._unless_refused(lambda: self.cluster.find(object_path, accept=METADATA) is not None)

    def allowed(self, service_account: str, verb: str, group: str, resource: str) -> bool | None:
        reviews = path("LocalSubjectAccessReview", self.namespace)
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
        return self._unless_refused(lambda: bool(self.cluster.create(reviews, review)["status"]["allowed"]))

    def _path(self, kind: str, name: str, cluster_wide: bool) -> str:
        return path(KIND_OF[kind], None if cluster_wide else self.namespace, name)

    @staticmethod
    def _unless_refused(request: Callable[[], Seen]) -> Seen | None:
        """What the request returns; None where these credentials may not ask, or not there."""
        try:
            return request()
        except ApiError as error:
            if error.status in (403, 404):
                return None
            raise
