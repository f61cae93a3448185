# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What surrounds a run and may explain why it does not go on. Private to the collection.

`look` asks for it; what may not be read, or reads as nothing that is known here, stays None.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable

from ansible_collections.argo.workflows.plugins.module_utils._argo.panics import Culprit, culprit_of
from ansible_collections.argo.workflows.plugins.module_utils._argo.pods import without_id
from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import Json
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.cluster import METADATA, Cluster
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.configuration import CONFIG_MAP, instance_id_of
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import path
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.quantity import quantity

LONGEST_LOOK = 20.0
"""Seconds: whoever waits asks for nothing else meanwhile, not even how the run has ended."""
LOG_LINES = 400
"""Lines of an earlier controller's log, of which those of its stack follow the one that says why it ended."""


@dataclasses.dataclass(frozen=True, slots=True)
class Crash:
    """A controller that ends over and over."""

    pod: str
    restarts: int
    culprit: Culprit | None = None
    """What its log says it ended for, if it does."""


@dataclasses.dataclass(slots=True)
class Surroundings:
    """What was looked up because something does not go on; None where it is not known or may not be read."""

    allocatable: dict[str, str] | None = None
    """The most of each resource that any node can give, in the node's own words."""
    warnings: dict[str, tuple[str, str]] | None = None
    """The latest warning about each pod of the namespace that has a node: its reason and message, by the pod's uid."""
    controllers: list[str] | None = None
    """Names of the running workflow-controller pods in the Workflow's namespace."""
    instance_id: str | None = None
    """The instance ID in the namespace's workflow-controller-configmap; empty if it sets none."""
    crash: Crash | None = None


def look(cluster: Cluster, namespace: str) -> Surroundings:
    """Look up what may be looked up, as far as it comes in LONGEST_LOOK seconds."""
    cluster, around = cluster.until(cluster.clock.monotonic() + LONGEST_LOOK), Surroundings()
    with contextlib.suppress(ApiError):
        around.allocatable = most_of_each(cluster.objects(path("Node")))
    with contextlib.suppress(ApiError):
        selector = "involvedObject.kind=Pod,type=Warning"
        around.warnings = warnings_of(cluster.objects(path("Event", namespace), fieldSelector=selector))
    with contextlib.suppress(ApiError):
        found = list(cluster.objects(path("Pod", namespace), labelSelector="app=workflow-controller"))
        around.controllers = [pod["metadata"]["name"] for pod in found if pod["status"].get("phase") == "Running"]
        around.crash = next(filter(None, (_crash_of(cluster, pod) for pod in found)), None)
        around.instance_id = instance_id_of(cluster.get(path("ConfigMap", namespace, CONFIG_MAP)))
    return around


def most_of_each(nodes: Iterable[Json]) -> dict[str, str]:
    """The most that any of the nodes of a cluster can give of each resource, in the node's own words."""
    most: dict[str, str] = {}
    for node in nodes:
        for resource, amount in (node["status"].get("allocatable") or {}).items():
            if quantity(amount) >= quantity(most.get(resource, "0")):
                most[resource] = amount
    return most


def warnings_of(events: Iterable[Json]) -> dict[str, tuple[str, str]]:
    """The reason and message of the latest event about each pod, by its uid.

    What schedulers say is left out: the pod's status has it.
    Messages are without what is another one at each attempt, so that pods which wait for the same can be counted.
    """
    latest: dict[str, tuple[str, str, str]] = {}
    for event in events:
        about, reason = event.get("involvedObject") or {}, str(event.get("reason") or "")
        if about.get("uid") and reason != "FailedScheduling":
            warning = _last_time(event), reason, without_id(str(event.get("message") or "").strip())
            latest[about["uid"]] = max(latest.get(about["uid"], warning), warning)
    return {uid: (reason, message) for uid, (_when, reason, message) in latest.items()}


def _last_time(event: Json) -> str:
    """When an event was last seen, RFC 3339: in one of three places, as it was made by an older or a newer API."""
    series = event.get("series") or {}
    return str(series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime") or "")


def _crash_of(cluster: Cluster, pod: Json) -> Crash | None:
    """How a controller's pod ends over and over; None if it does not."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    restarts = sum(status.get("restartCount", 0) for status in statuses)
    if not restarts:
        return None
    name = pod["metadata"]["name"]
    culprit = culprit_of(_earlier_log(cluster, pod))
    if culprit and _is_there(cluster, culprit):
        return Crash(name, restarts, culprit)
    return Crash(name, restarts) if any(map(_has_ended, statuses)) else None


def _has_ended(status: Json) -> bool:
    """Whether a container is down now, after it has run."""
    states = {**(status.get("lastState") or {}), **(status.get("state") or {})}
    return not status.get("ready") and "terminated" in states


def _earlier_log(cluster: Cluster, pod: Json) -> str:
    """The end of the log of a pod's container before it was started again, and of the present one; "" without one."""
    text = b""
    for previous in ("true", "false"):
        query = {"tailLines": LOG_LINES, "previous": previous}
        with contextlib.suppress(ApiError):
            where = path("Pod", pod["metadata"]["namespace"], pod["metadata"]["name"], "log")
            stream = cluster.open_log(where, read_timeout=10, **query)
            text += b"".join(stream) + b"\n"
    return text.decode(errors="replace")


def _is_there(cluster: Cluster, culprit: Culprit) -> bool:
    """Whether a Workflow that ended a controller is still there, as far as it may be read."""
    try:
        return bool(cluster.find(path("Workflow", culprit.namespace, culprit.name), accept=METADATA))
    except ApiError:
        return True
