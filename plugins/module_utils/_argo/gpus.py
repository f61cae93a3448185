# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The GPUs that pods are given, and the time that they hold them. Private to the collection. Pure."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping

from ansible_collections.argo.workflows.plugins.module_utils._argo.times import seconds_between
from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import Json, at

_GPU_RESOURCE = re.compile(r".*/(gpu|gpu\.shared|mig-.+)|gpu\.intel\.com/(i915|xe)")


@dataclasses.dataclass(frozen=True, slots=True)
class GpuSeconds:
    """Seconds times GPUs, as Argo counts them when a pod ends."""

    total: int
    failed: int
    """The part of it spent on attempts that failed."""


def gpu_seconds(nodes: Mapping[str, Json]) -> GpuSeconds:
    """The GPU-seconds of all pods of a Workflow; pods that still run are not in it."""
    pods = [node for node in nodes.values() if node.get("type") == "Pod"]
    return GpuSeconds(
        total=sum(map(gpu_seconds_of, pods)),
        failed=sum(gpu_seconds_of(node) for node in pods if node.get("phase") in ("Failed", "Error")),
    )


def gpus_of(container: Json) -> dict[str, int]:
    """The GPUs that a pod's container is given, by resource; Kubernetes gives out whole ones only."""
    limits = at(container, "resources", "limits") or {}
    return {
        resource: int(count)
        for resource, count in limits.items()
        if _GPU_RESOURCE.fullmatch(resource) and str(count).isdecimal()
    }


def gpu_duration_of(pod: Json, ended: Mapping[str, Json]) -> dict[str, int]:
    """The GPU part of Argo's `resourcesDuration`: each container's whole seconds times its GPUs, by resource."""
    total: dict[str, int] = {}
    for container in at(pod, "spec", "containers") or ():
        end = ended.get(container["name"], {})
        seconds = int(seconds_between(end.get("startedAt"), end.get("finishedAt")) or 0)
        for resource, count in gpus_of(container).items():
            total[resource] = total.get(resource, 0) + count * seconds
    return total


def gpu_seconds_of(node: Json) -> int:
    """The GPU-seconds of one node, as Argo counted them when its pod ended; 0 before."""
    durations = node.get("resourcesDuration") or {}
    return sum(seconds or 0 for resource, seconds in durations.items() if _GPU_RESOURCE.fullmatch(resource))
