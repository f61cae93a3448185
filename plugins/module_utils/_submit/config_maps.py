# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ConfigMaps that a Workflow's pods read: its own by owner and content, or none. Private to the collection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import API_VERSION, WORKFLOW_LABEL, Json
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.cluster import Cluster
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import FIELD_MANAGER, path
from ansible_collections.argo.workflows.plugins.module_utils._module import UserError

PATIENCE = 30.0
"""Seconds that the cluster's garbage collector may take for what an earlier Workflow of the same name has left."""
PAUSE = 0.5


def create_config_map(cluster: Cluster, metadata: Json, suffix: str, data: Mapping[str, str]) -> None:
    """Create the ConfigMap `NAME-SUFFIX` of the Workflow with this metadata, unless it has it already.

    One that an earlier Workflow of the name has left is awaited to go. Raises UserError for one that somebody else has
    made: pods would read what is in there.
    """
    wanted = _config_map(metadata, suffix, data)
    place = path("ConfigMap", metadata["namespace"], wanted["metadata"]["name"])
    deadline = cluster.clock.monotonic() + PATIENCE
    while not _created(cluster, metadata["namespace"], wanted):
        there = cluster.find(place)
        if there is not None and _owner(there) == metadata["uid"] and there.get("data") == wanted["data"]:
            return
        if there is not None and (not _will_go(there, metadata) or cluster.clock.monotonic() >= deadline):
            raise UserError(
                f"the ConfigMap {wanted['metadata']['name']} in {metadata['namespace']} is there and does not belong "
                f"to the Workflow {metadata['name']}, whose pods would read what is in it: delete it, or take another "
                "name or run_id"
            )
        cluster.clock.sleep(PAUSE)


def _created(cluster: Cluster, namespace: str, wanted: Json) -> bool:
    try:
        cluster.create(path("ConfigMap", namespace), wanted, fieldManager=FIELD_MANAGER)
    except ApiError as error:
        if error.status != 409:
            raise
        return False
    return True


def _owner(config_map: Json) -> str:
    """The uid of the Workflow that owns a ConfigMap; empty if none does."""
    owners = config_map["metadata"].get("ownerReferences") or ()
    return next((str(owner["uid"]) for owner in owners if owner.get("kind") == "Workflow"), "")


def _will_go(config_map: Json, metadata: Json) -> bool:
    """Whether a ConfigMap is being deleted, or was a Workflow's of the same name, which is gone."""
    return bool(config_map["metadata"].get("deletionTimestamp")) or _owner(config_map) not in ("", metadata["uid"])


def _config_map(metadata: Json, suffix: str, data: Mapping[str, str]) -> dict[str, Any]:
    """A ConfigMap that belongs to the Workflow with this metadata, and is deleted with it."""
    owner = {"apiVersion": API_VERSION, "kind": "Workflow", "name": metadata["name"], "uid": metadata["uid"]}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": f"{metadata['name']}-{suffix}",
            "labels": {WORKFLOW_LABEL: metadata["name"]},
            "ownerReferences": [owner],
        },
        "immutable": True,
        "data": dict(data),
    }
