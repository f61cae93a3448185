# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an installation is ready, and why not. Private to the collection. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ansible_collections.argo.workflows.plugins.module_utils._argo.pods import HOPELESS_REASONS
from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import Json
from ansible_collections.argo.workflows.plugins.module_utils._install.objects import CONTROLLER

RESTARTS = 3
"""Restarts, since one looked first, after which a container that keeps ending is given up."""


@dataclass(frozen=True)
class Verdict:
    """Whether something serves; if not, why, whether waiting is hopeless, and the pod that shows it."""

    ready: bool
    why: str = ""
    hopeless: bool = False
    pod: str = ""
    container: str = ""


READY = Verdict(ready=True)


def judge(
    name: str, deployment: Json | None, pods: Iterable[Json], restarts_before: Mapping[str, int] | None = None
) -> Verdict:
    """Whether a Deployment serves with the pods it should have, and no older ones.

    `restarts_before` has the restarts that each pod had when one looked first: they are no reason to give up.
    """
    if deployment is None:
        return Verdict(False, f"the Deployment {name} does not exist")
    status = deployment.get("status") or {}
    wanted = deployment["spec"].get("replicas", 1)
    current = status.get("observedGeneration", 0) >= deployment["metadata"].get("generation", 0)
    counts = [status.get(key, 0) for key in ("replicas", "updatedReplicas", "availableReplicas")]
    if current and counts == [wanted] * 3:
        return READY
    for condition in (status.get("conditions") or ()) if current else ():
        refused = condition["type"] == "ReplicaFailure" and condition["status"] == "True"
        if refused and status.get("updatedReplicas", 0) < wanted:
            return Verdict(False, f"the Deployment {name} gets no pod: {condition.get('message')}", hopeless=True)
        if condition["type"] == "Progressing" and condition.get("reason") == "ProgressDeadlineExceeded":
            return Verdict(False, f"the Deployment {name} makes no progress: {condition.get('message')}", hopeless=True)
    own = [pod for pod in pods if (pod["metadata"].get("labels") or {}).get("app") == name]
    if not own:
        return Verdict(False, f"the Deployment {name} has no pod yet")
    newest = max(own, key=lambda pod: pod["metadata"]["creationTimestamp"])
    return judge_pod(newest, (restarts_before or {}).get(newest["metadata"]["name"], 0))


def restarts_of(pod: Json) -> int:
    """How often the containers of a pod were restarted."""
    return sum(
        container.get("restartCount", 0) for container in (pod.get("status") or {}).get("containerStatuses") or ()
    )


def judge_pod(pod: Json, restarts_before: int = 0) -> Verdict:
    """What keeps a pod from serving."""
    name, status = pod["metadata"]["name"], pod.get("status") or {}
    for container in status.get("containerStatuses") or ():
        state, restarts = container.get("state") or {}, container.get("restartCount", 0)
        ended = state.get("terminated") or (container.get("lastState") or {}).get("terminated")
        if waiting := state.get("waiting"):
            reason = waiting.get("reason", "")
            hopeless = reason in HOPELESS_REASONS or (
                reason == "CrashLoopBackOff" and restarts - restarts_before >= RESTARTS
            )
            why = f"container {container['name']} of pod {name} waits: {reason}"
            if ended:
                why += f" after {restarts} restarts, it ended with exit code {ended.get('exitCode')}"
            elif waiting.get("message"):
                why += f": {waiting['message']}"
            return Verdict(False, why, hopeless, name, container["name"])
        if ended and not container.get("ready"):
            why = f"container {container['name']} of pod {name} ended with exit code {ended.get('exitCode')}"
            return Verdict(False, f"{why} and has been restarted {restarts} times", False, name, container["name"])
        if not container.get("ready"):
            why = f"container {container['name']} of pod {name} runs but is not ready: its readiness probe fails"
            return Verdict(False, why, False, name, container["name"])
    for condition in status.get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            why = f"pod {name} is not scheduled: {condition.get('reason')}: {condition.get('message')}"
            return Verdict(False, why, False, name)
    return Verdict(False, f"pod {name} is {status.get('phase', 'Pending')}", False, name)


def judge_lease(lease: Json | None, pods: Iterable[Json]) -> Verdict:
    """Whether one of the controller's pods holds the lease, so that workflows are worked on."""
    names = [pod["metadata"]["name"] for pod in pods if (pod["metadata"].get("labels") or {}).get("app") == CONTROLLER]
    holder = ((lease or {}).get("spec") or {}).get("holderIdentity") or ""
    if holder in names:
        return READY
    held = f"{holder}, a pod that is gone, still holds it" if holder else "nobody holds it"
    newest = names[-1] if names else ""
    return Verdict(False, f"the controller runs but does not hold its lease ({held})", False, newest, CONTROLLER)
