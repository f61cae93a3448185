# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects as they are in the cluster, as far as they may be read. Private to the collection."""

from __future__ import annotations

from typing import Any

from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import COMPLETED_LABEL
from ansible_collections.argo.workflows.plugins.module_utils._install.objects import Ref
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.cluster import METADATA_LIST, Cluster
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError, unless_refused
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import KINDS, path


def existing(
    cluster: Cluster, path: str, unreadable: dict[str, Any] | None = None, **query: Any
) -> dict[str, Any] | None:
    """An object or list; None where there is none, `unreadable` where it may not be read."""
    with unless_refused():
        return cluster.find(path, **query)
    return unreadable


def find(cluster: Cluster, ref: Ref) -> dict[str, Any] | None:
    """An object as it is; what an administrator of the cluster makes is taken to be there if it may not be read."""
    unreadable: dict[str, Any] | None = {"metadata": {}} if ref.kind in ("Namespace", "PriorityClass") else None
    item = existing(cluster, ref.path, unreadable)
    return item and _without_token(ref.kind, item)


def labelled(cluster: Cluster, kind: str, namespace: str, selector: str = "") -> list[dict[str, Any]]:
    """The objects of a kind in a namespace that a label selector chooses, as far as they may be read."""
    listed = existing(cluster, path(kind, namespace), labelSelector=selector)
    spelled = {"apiVersion": KINDS[kind].api_version, "kind": kind}  # which the items of a list leave out
    return [{**spelled, **_without_token(kind, item)} for item in (listed or {}).get("items") or ()]


def _without_token(kind: str, item: dict[str, Any]) -> dict[str, Any]:
    """A Secret less its data, so that no token gets into a result; the cluster fills it in again."""
    return {key: value for key, value in item.items() if kind != "Secret" or key != "data"}


def metadata(cluster: Cluster, path: str, selector: str = "") -> list[dict[str, Any]]:
    """The metadata of every object under a path; none if they may not be read or the cluster does not know the kind."""
    try:
        listed = cluster.objects(path, accept=METADATA_LIST, labelSelector=selector)
        return [item["metadata"] for item in listed]
    except ApiError as error:
        if error.status in (403, 404):
            return []
        raise


def running_workflows(cluster: Cluster, namespace: str) -> int:
    """How many workflows of a namespace are not completed, as far as they may be listed."""
    return len(metadata(cluster, path("Workflow", namespace), f"{COMPLETED_LABEL}!=true"))
