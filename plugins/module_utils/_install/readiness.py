# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an installation is ready, and why not. Private to the collection. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ansible_collections.argo.workflows.plugins.module_utils._argo.pods import HOPELESS_REASONS, is_over
from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import Json
from ansible_collections.argo.workflows.plugins.module_utils._install.objects import CONTROLLER

RESTARTS = 3
"""Restarts, since one looked first, after which a container that keeps ending is given up."""


@dataclass(frozen=True)
class Verdict:
    """Whether something serves; if not, why, whether waiting is hopeless, and the pod that shows it.

    `keeps_ending` is whether the container has ended and is started again, at longer and longer intervals.
    """

    ready: bool
    why: str = ""
    hopeless: bool = False
    pod: str = ""
    container: str = ""
    keeps_ending: bool = False


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
    if status.get("observedGeneration", 0) >= deployment["metadata"].get("generation", 0):
        counts = [status.get(key, 0) for key in ("replicas", "updatedReplicas", "availableReplicas")]
        if counts == [deployment["spec"].get("replicas", 1)] * 3:
            return READY
        if stuck := next(_judge_rollout(name, deployment), None):
            return stuck
    own = pods_of(pods, name)
    if not own:
        return Verdict(False, f"the Deployment {name} has no pod yet")
    newest = max(own, key=lambda pod: pod["metadata"]["creationTimestamp"])
    return judge_pod(newest, (restarts_before or {}).get(newest["metadata"]["name"], 0))


def _judge_rollout(name: str, deployment: Json) -> Iterator[Verdict]:
    """What keeps the pods of a Deployment from being made, by its conditions."""
    status = deployment["status"]
    lacks_pods = status.get("updatedReplicas", 0) < deployment["spec"].get("replicas", 1)
    for condition in status.get("conditions") or ():
        match condition["type"], condition.get("status"), condition.get("reason"):
            case "ReplicaFailure", "True", _ if lacks_pods:
                why = f"the Deployment {name} gets no pod: {condition.get('message')}"
                yield Verdict(False, why, hopeless=True)
            case "Progressing", _, "ProgressDeadlineExceeded":
                why = f"the Deployment {name} makes no progress: {condition.get('message')}"
                yield Verdict(False, why, hopeless=True)


def pods_of(pods: Iterable[Json], name: str) -> list[Json]:
    """The pods of a Deployment, by the label that both of Argo's have."""
    return [pod for pod in pods if (pod["metadata"].get("labels") or {}).get("app") == name]


def restarts_of(pod: Json) -> int:
    """How often the containers of a pod were restarted."""
    return sum(
        container.get("restartCount", 0) for container in (pod.get("status") or {}).get("containerStatuses") or ()
    )


def judge_pod(pod: Json, restarts_before: int = 0) -> Verdict:
    """What keeps a pod from serving."""
    name, status = pod["metadata"]["name"], pod.get("status") or {}
    for container in status.get("containerStatuses") or ():
        if not container.get("ready"):
            return _judge_container(container, name, restarts_before)
    for condition in status.get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            why = f"pod {name} is not scheduled: {condition.get('reason')}: {condition.get('message')}"
            return Verdict(False, why, False, name)
    return Verdict(False, f"pod {name} is {status.get('phase', 'Pending')}", False, name)


def _judge_container(container: Json, pod: str, restarts_before: int) -> Verdict:
    """What keeps a container from being ready."""
    state, restarts = container.get("state") or {}, container.get("restartCount", 0)
    waiting = state.get("waiting") or {}
    ended = state.get("terminated") or (container.get("lastState") or {}).get("terminated") or {}
    reason = waiting.get("reason", "")
    who = f"container {container['name']} of pod {pod}"
    match bool(waiting), bool(ended):
        case True, True:
            why = f"waits: {reason} after {restarts} restarts, it ended with exit code {ended.get('exitCode')}"
        case True, False:
            why = ": ".join(filter(None, ["waits", reason, waiting.get("message")]))
        case False, True:
            why = f"ended with exit code {ended.get('exitCode')} and has been restarted {restarts} times"
        case _:
            why = "runs but is not ready: its readiness probe fails"
    hopeless = reason in HOPELESS_REASONS or (reason == "CrashLoopBackOff" and restarts - restarts_before >= RESTARTS)
    return Verdict(False, f"{who} {why}", hopeless, pod, container["name"], keeps_ending=bool(ended))


def judge_lease(lease: Json | None, pods: Iterable[Json]) -> Verdict:
    """Whether one of the controller's pods holds the lease, and stays, so that workflows are worked on.

    A pod that ends does not always give it back: the next one then waits until it has run out.
    """
    fates = {pod["metadata"]["name"]: _fate(pod) for pod in pods_of(pods, CONTROLLER)}
    holder = ((lease or {}).get("spec") or {}).get("holderIdentity") or ""
    if fates.get(holder) == "":
        return READY
    held = f"{holder}, a pod that {fates.get(holder, 'is gone')}, still holds it" if holder else "nobody holds it"
    newest = next((name for name in reversed(fates) if not fates[name]), "")
    return Verdict(False, f"the controller runs but does not hold its lease ({held})", False, newest, CONTROLLER)


def _fate(pod: Json) -> str:
    """Why a pod will not work any more; empty if it may."""
    if pod["metadata"].get("deletionTimestamp"):
        return "is being deleted"
    return "has ended" if is_over(pod) else ""
