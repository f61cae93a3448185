# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an installation is and does, as a user asks for it. Private to the collection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.argo.workflows.plugins.module_utils._argo.panics import Culprit
from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import Json
from ansible_collections.argo.workflows.plugins.module_utils._install.ending import named
from ansible_collections.argo.workflows.plugins.module_utils._install.live import existing, labelled
from ansible_collections.argo.workflows.plugins.module_utils._install.objects import (
    CONTROLLER,
    SERVER,
    Place,
    Ref,
    base_href_of,
    image_of,
    managed_namespace_of,
    server_options,
    tag_of,
)
from ansible_collections.argo.workflows.plugins.module_utils._install.readiness import Verdict
from ansible_collections.argo.workflows.plugins.module_utils._install.server import PODS, Server, judge_all
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.cluster import Cluster
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.configuration import CONFIG_MAP, instance_id_of


def find_place(cluster: Cluster, home: str, work: str | None, instance_id: str | None) -> Place:
    """Which installation is in a namespace; what is None is read of its controller, as far as it may be."""
    if not work:
        work = managed_namespace_of(existing(cluster, Ref("Deployment", home, CONTROLLER).path)) or home
    if instance_id is None:
        instance_id = instance_id_of(existing(cluster, Ref("ConfigMap", home, CONFIG_MAP).path)) or ""
    return Place(home, work, instance_id)


def deployments_of(cluster: Cluster, place: Place) -> dict[str, dict[str, Any]]:
    """The Deployments in the namespace of an installation, by name, as far as they may be read."""
    return {item["metadata"]["name"]: item for item in labelled(cluster, "Deployment", place.home)}


def pods_in(cluster: Cluster, place: Place) -> list[dict[str, Any]]:
    """The pods of an installation, as far as they may be read."""
    return labelled(cluster, "Pod", place.home, PODS)


def verdict_on(cluster: Cluster, place: Place, deployments: dict[str, dict[str, Any]]) -> Verdict:
    """Whether an installation is ready now."""
    return judge_all(Server(cluster, place), deployments, pods_in(cluster, place))


def as_result(
    place: Place, deployments: Mapping[str, Json], verdict: Verdict, running: int, culprit: Culprit | None = None
) -> dict[str, Any]:
    """The result of `argo_status`."""
    controller, server = deployments.get(CONTROLLER), deployments.get(SERVER)
    return {
        "changed": False,
        "ready": verdict.ready,
        "reason": verdict.why,
        "version": tag_of(image_of(controller)),
        "controller_image": image_of(controller),
        "server_image": image_of(server),
        "server_scheme": server_options(server)[0] if server else "",
        "server_base_href": base_href_of(server) if server else "",
        "managed_namespace": managed_namespace_of(controller),
        "instance_id": place.instance_id,
        "running_workflows": running,
        "ended_by": named(culprit),
    }
