# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What keeps a run from going on, or made it fail. Private to the collection. Pure."""

from __future__ import annotations

import dataclasses
import re

from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import Json

DIAGNOSES = ("unschedulable", "image", "start", "quota", "forbidden", "controller", "stuck")
"""What a run can be waiting for that may never come."""
QUEUED = frozenset({"unschedulable", "quota"})
"""Those that heal when other pods end."""
UNTOUCHED = 15.0
"""Seconds without any status after which it is said that no controller has taken the Workflow up."""
STUCK = 60.0
"""Seconds for which all pods have ended and the Workflow goes on without a new one: the controller hangs."""
NO_COMMAND = "failed to look-up entrypoint/cmd for image"
"""Argo has to ask the image's registry if neither the template nor its configuration says what the image runs."""
DELETED = "the pod was deleted"
QUOTA = "exceeded quota"
FORBIDDEN = "workflowtaskresults.argoproj.io is forbidden"
INSUFFICIENT = re.compile(r"Insufficient ([\w./-]+?)[.,;]?(?:\s|$)")


@dataclasses.dataclass(frozen=True, slots=True)
class Diagnosis:
    """Something that keeps a run from going on, or made it fail."""

    kind: str
    """One of KINDS, or "lost" for pods that their node or the scheduler took away."""
    message: str
    """A sentence."""
    since: float
    """From when on there has been one of its kind all the time (seconds of the clock that the events came with)."""


@dataclasses.dataclass(slots=True)
class Surroundings:
    """What was looked up because something does not go on; None where it is not known or may not be read."""

    allocatable: dict[str, str] | None = None
    """The most of each resource that any node can give, in the node's own words."""
    controllers: list[str] | None = None
    """Names of the running workflow-controller pods in the Workflow's namespace."""
    instance_id: str | None = None
    """The instance ID in the namespace's workflow-controller-configmap; empty if it sets none."""


def is_held(node: Json) -> bool:
    """Whether the controller waits before it goes on with a node: for a lock, for quota, or for the next attempt."""
    message = node.get("message") or ""
    if node.get("phase") == "Pending":
        return QUOTA in message or bool((node.get("synchronizationStatus") or {}).get("waiting"))
    return node.get("type") == "Retry" and node.get("phase") == "Running" and "Backoff" in message


def instance(instance_id: str) -> str:
    return f"the instance ID {instance_id!r}" if instance_id else "no instance ID"


def plural(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
