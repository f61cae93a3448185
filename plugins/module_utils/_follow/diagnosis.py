# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What keeps a run from going on, or made it fail. Private to the collection. Pure.

Each cause is a function that finds it, of one of a few kinds. To add one is to write it and to put it into _FINDERS.
"""

from __future__ import annotations

import collections
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from ansible_collections.argo.workflows.plugins.module_utils._argo.names import display_name, pod_node_name
from ansible_collections.argo.workflows.plugins.module_utils._argo.pods import (
    IMAGE_REASONS,
    START_REASONS,
    container_statuses,
    gates_of,
    is_being_prepared,
    is_over,
    is_unclaimed,
    is_unscheduled,
    wait_message,
    without_id,
)
from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import (
    INSTANCE_ID_LABEL,
    NODE_DONE_PHASES,
    Json,
)
from ansible_collections.argo.workflows.plugins.module_utils._follow.run import DELETED, Run
from ansible_collections.argo.workflows.plugins.module_utils._follow.surroundings import Crash, Surroundings

QUEUED = frozenset({"unschedulable", "quota", "queued"})
"""Those that heal when other pods or Workflows end."""
UNTOUCHED = 15.0
"""Seconds without any status after which it is said that no controller has taken the Workflow up."""
UNCLAIMED = 15.0
"""Seconds after which it is said that no scheduler has taken a pod up."""
PREPARED = 10.0
"""Seconds that a node may take to prepare a pod before its events are asked for the reason."""
STUCK = 60.0
"""Seconds for which all pods have ended and the Workflow goes on without a new one: the controller hangs."""
LOST_NAMED = 5
"""Pods that went away, whose steps are named at once."""
NO_COMMAND = "failed to look-up entrypoint/cmd for image"
"""Argo has to ask the image's registry if neither the template nor its configuration says what the image runs."""
QUOTA = "exceeded quota"
FORBIDDEN = "workflowtaskresults.argoproj.io is forbidden"
INSUFFICIENT = re.compile(r"Insufficient ([\w./-]+?)[.,;]?(?:\s|$)")


class Diagnosis(NamedTuple):
    """Something that keeps a run from going on, or made it fail."""

    kind: str
    """One of DIAGNOSES, or "lost" for pods that their node or the scheduler took away."""
    message: str
    """One sentence or several; a single one starts in lower case and has no full stop."""
    since: float
    """Since when there has been one of its cause all the time (seconds of the clock that the events came with)."""
    cause: str = ""
    """What finds it: a kind may have several causes."""


def diagnose(
    run: Run, now: float, around: Surroundings | None = None, before: Iterable[Diagnosis] = ()
) -> tuple[Diagnosis, ...]:
    """What keeps a run from going on, and the pods that were taken away from it.

    `before` is what was found the last time: a cause that is still there keeps its `since`.
    """
    since = {diagnosis.cause: diagnosis.since for diagnosis in before}
    return tuple(
        Diagnosis(kind, message, since.get(find.__name__, now), find.__name__)
        for find, kind in (_AFTERWARDS if run.done else _FINDERS).items()
        for message in find(run, now, around or Surroundings())
    )


# --- the causes ---


def fits_nowhere(run: Run, _now: float, around: Surroundings) -> Iterator[str]:
    """Pods fit on no node."""
    waiting = [pod for pod in run.pods.values() if not is_over(pod)]  # else it was deleted while it waited
    for message, pods in _by_reason((message, pod) for pod in waiting for message in _scheduler_messages(pod)):
        yield f"{_pods(pods)} cannot be scheduled: {message}" + _shortfall(message, pods[0], around)


def _scheduler_messages(pod: Json) -> Iterator[str]:
    for condition in pod["status"].get("conditions") or ():
        if is_unscheduled(condition) and condition.get("reason") != "SchedulingGated":
            yield condition.get("message") or ""


def _shortfall(message: str, pod: Json, around: Surroundings) -> str:
    """What a pod asks for of each resource that the scheduler's message names, beside what the largest node has."""
    requests, most = pod["spec"].get("requests") or {}, around.allocatable
    if most is None:
        return ""
    return "".join(
        f" Each asks for {resource}: {requests[resource]}; no node has more than {most.get(resource, '0')}."
        for resource in dict.fromkeys(INSUFFICIENT.findall(message))
        if resource in requests
    )


def gated(run: Run, _now: float, _around: Surroundings) -> Iterator[str]:
    """Scheduling gates hold pods back, as those of a queue do: see "Pod Scheduling Readiness" of Kubernetes."""
    waiting = [pod for pod in run.pods.values() if gates_of(pod) and not is_over(pod)]
    for gates, pods in _by_reason((", ".join(gates_of(pod)), pod) for pod in waiting):
        yield f"{_pods(pods)} cannot be scheduled until the scheduling gate is removed, as queues do it: {gates}"


def unclaimed(run: Run, now: float, _around: Surroundings) -> Iterator[str]:
    """The scheduler that pods ask for is not there."""
    waiting = [pod for pod in run.pods_for(UNCLAIMED, now) if is_unclaimed(pod)]
    for scheduler, pods in _by_reason((pod["spec"]["schedulerName"], pod) for pod in waiting):
        yield f"no scheduler called {scheduler} has taken {_pods(pods)} up: is it installed and running?"


def unpullable(run: Run, _now: float, _around: Surroundings) -> Iterator[str]:
    """An image cannot be pulled, or the command of one cannot be looked up."""
    # ErrImagePull and ImagePullBackOff alternate, with different messages about the same image
    yield from _not_starting(
        (f"the image {container.get('image', '')} cannot be pulled", pod)
        for pod, container, waiting in _waiting_containers(run)
        if waiting.get("reason") in IMAGE_REASONS
    )
    for message in dict.fromkeys(text for text in _pending_messages(run) if text.startswith(NO_COMMAND)):
        yield f"no pod can be made: {message}"


def unstartable(run: Run, _now: float, _around: Surroundings) -> Iterator[str]:
    """A container cannot be started for another reason."""
    yield from _not_starting(
        (f"container {container['name']}: {waiting['reason']}: {without_id(waiting.get('message', ''))}", pod)
        for pod, container, waiting in _waiting_containers(run)
        if waiting.get("reason") in START_REASONS
    )


def unprepared(run: Run, now: float, around: Surroundings) -> Iterator[str]:
    """The node cannot prepare pods: a volume, a key of a Secret, their network or a device is missing."""
    warnings = around.warnings or {}
    preparing = filter(is_being_prepared, run.pods_for(PREPARED, now))
    warned = [(warnings[uid], pod) for pod in preparing if (uid := pod["metadata"]["uid"]) in warnings]
    for reason, pods in _by_reason((reason, pod) for (reason, _message), pod in warned):
        messages = collections.Counter(warnings[pod["metadata"]["uid"]][1] for pod in pods)
        [(message, _count)] = messages.most_common(1)
        yield f"{_pods(pods)} cannot start: {reason}: {message}{_remedy(message)}"


def _remedy(message: str) -> str:
    """What makes the Secret of the agent, if that is what a message misses."""
    missing = ".service-account-token" in message and "not found" in message
    return " (role argo makes it where argo_extra_rights has agent)" if missing else ""


def agentless(run: Run, now: float, _around: Surroundings) -> Iterator[str]:
    """The controller makes no agent, as where a quota refuses its pod, and says so in its log alone."""
    quiet = now - run.quiet_since
    if quiet >= STUCK and not _is_held_back(run) and (waiting := run.steps_without_agent()):
        yield (
            f"{_plural(waiting, 'HTTP or plugin step')} cannot start: their agent, a pod that the controller makes, "
            f"has not been there for {quiet:.0f} s; the log of the workflow-controller says why"
        )


def _not_starting(found: Iterable[tuple[str, Json]]) -> Iterator[str]:
    for reason, pods in _by_reason(found):
        yield f"{_pods(pods)} cannot start: {reason}"


def _by_reason(found: Iterable[tuple[str, Json]]) -> Iterator[tuple[str, list[Json]]]:
    """Each reason with its pods, each of them once."""
    by_reason: dict[str, dict[str, Json]] = collections.defaultdict(dict)
    for reason, pod in found:
        by_reason[reason][pod["metadata"]["uid"]] = pod
    for reason, pods in by_reason.items():
        yield reason, list(pods.values())


def _pods(pods: Sequence[Json]) -> str:
    """Pods in words: how many, or that it is the agent."""
    if any(map(pod_node_name, pods)):
        return _plural(len(pods), "pod")
    return "the agent, the pod for all HTTP and plugin steps,"


def _waiting_containers(run: Run) -> Iterator[tuple[Json, Json, Json]]:
    """The containers of pending pods that wait, each behind its pod, with `waiting`, the reason and message."""
    for pod in run.pods.values():
        if pod["status"].get("phase") == "Pending":
            for container in container_statuses(pod):
                if waiting := (container.get("state") or {}).get("waiting"):
                    yield pod, container, waiting


def _pending_messages(run: Run) -> list[str]:
    return [node.get("message") or "" for node in run.nodes.values() if node.get("phase") == "Pending"]


def quota(run: Run, _now: float, _around: Surroundings) -> Iterator[str]:
    """The quota of the namespace is used up."""
    for message in [text for text in _pending_messages(run) if QUOTA in text][:1]:
        yield f"the namespace's quota does not allow more pods: {message}"


def postponed(run: Run, _now: float, _around: Surroundings) -> Iterator[str]:
    """The controller has not begun with the Workflow: too many run, or it needs a lock."""
    message = (run.workflow.get("status") or {}).get("message") or ""
    if run.phase == "Pending" and message:
        yield f"the controller has not begun with it: {message}"


def locked(run: Run, _now: float, _around: Surroundings) -> Iterator[str]:
    """Steps need a mutex or a semaphore that others have."""
    waiting = collections.Counter(filter(None, map(_lock_of, run.nodes.values())))
    for lock, count in waiting.items():
        yield f"{_plural(count, 'step')} cannot start before others release the lock {lock}"


def _lock_of(node: Json) -> str:
    """The mutex or semaphore that a node waits for; empty if none."""
    waits = node.get("phase") == "Pending" and node.get("synchronizationStatus")
    return str(waits.get("waiting") or "") if waits else ""


def forbidden(run: Run, _now: float, _around: Surroundings) -> Iterator[str]:
    """The service account of the pods may not report results."""
    messages = [node.get("message") or "" for node in run.nodes.values()]
    if any(FORBIDDEN in message for message in [*messages, *map(wait_message, run.pods.values())]):
        yield (
            "the service account of the pods may not report results: it needs the verbs create and patch on "
            "workflowtaskresults.argoproj.io in this namespace (the role argo.workflows.argo grants them)"
        )


def untouched(run: Run, now: float, around: Surroundings) -> Iterator[str]:
    """No controller takes the Workflow up."""
    waited = now - run.first_seen
    if not run.touched and waited >= UNTOUCHED:
        yield f"no controller has taken it up for {waited:.0f} s: {_why_untouched(run, around)}"


def _why_untouched(run: Run, around: Surroundings) -> str:
    label = run.labels.get(INSTANCE_ID_LABEL, "")
    if around.crash:
        return _crashes(around.crash)
    if around.instance_id is not None and around.instance_id != label:
        return (
            f"it is made for {_instance(label)}, and the controller of the namespace {run.namespace} has "
            f"{_instance(around.instance_id)}; submit it with the right instance_id"
        )
    if around.controllers == []:
        return f"no workflow-controller runs in the namespace {run.namespace}"
    if label:
        return f"no controller with the instance ID {label!r} watches the namespace {run.namespace}"
    return f"is a workflow-controller running that watches the namespace {run.namespace}?"


def crashing(run: Run, _now: float, around: Surroundings) -> Iterator[str]:
    """The controller ends over and over."""
    if run.touched and around.crash:
        yield _crashes(around.crash)


def _crashes(crash: Crash) -> str:
    ends = f"the controller {crash.pod} ends over and over ({_plural(crash.restarts, 'restart')})"
    if not crash.culprit:
        return f"{ends}; its log says why"
    bad = crash.culprit
    return (
        f"{ends} because of the Workflow {bad.name} in the namespace {bad.namespace}: {bad.words}. All Workflows go on "
        f"when it is deleted: kubectl -n {bad.namespace} delete workflow {bad.name}"
    )


def stuck(run: Run, now: float, _around: Surroundings) -> Iterator[str]:
    """All pods have ended, but the Workflow does not."""
    quiet = now - run.quiet_since
    if run.phase != "Running" or quiet < STUCK or run.is_in_hand() or _is_held_back(run):
        return
    ended = f"all {_plural(len(run.pods), 'pod')} have ended" if run.pods else "no pod runs and no step waits"
    yield (
        f"{ended}, but the Workflow is still Running and nothing has changed for {quiet:.0f} s: the controller is "
        "down, or waits for a result or an output of a step that never came; its log says which"
    )


def _is_held_back(run: Run) -> bool:
    """Whether the controller does not go on with a run because it was told to wait."""
    return run.suspended() or any(map(_is_held, run.nodes.values()))


def _is_held(node: Json) -> bool:
    """Whether the controller waits before it goes on with a node: for a lock, for quota, or for the next attempt."""
    message = node.get("message") or ""
    if node.get("phase") == "Pending":
        return QUOTA in message or bool(_lock_of(node))
    return node.get("type") == "Retry" and node.get("phase") == "Running" and "Backoff" in message


def lost(run: Run, _now: float, _around: Surroundings) -> Iterator[str]:
    """Pods were taken away by their node, by the scheduler or by somebody who deleted them."""
    reasons = {pod_node_name(run.pods[uid]): reason for uid, reason in run.lost.items() if uid in run.pods}
    if run.done:
        reasons.pop("", None)  # the agent's, which Argo deletes at the end
    for node in run.nodes.values():
        if node.get("phase") == "Error" and node.get("message") == "pod deleted":
            reasons.setdefault(node["name"], DELETED)
        elif node.get("phase") in NODE_DONE_PHASES and reasons.get(node["name"]) == DELETED:
            del reasons[node["name"]]  # Argo has deleted the pod itself, because of a deadline for example
    for reason in dict.fromkeys(reasons.values()):
        names = [display_name(run.name, name or run.name) for name, why in reasons.items() if why == reason]
        more = f" and {len(names) - LOST_NAMED:,} more" if len(names) > LOST_NAMED else ""
        named = ", ".join(names[:LOST_NAMED])
        yield f"{_plural(len(names), 'pod')} did not fail but went away, of {named}{more}: {reason}"


Finder = Callable[[Run, float, Surroundings], Iterator[str]]
_FINDERS: dict[Finder, str] = {
    fits_nowhere: "unschedulable",
    gated: "unschedulable",
    unclaimed: "unschedulable",
    unpullable: "image",
    unstartable: "start",
    unprepared: "start",
    agentless: "start",
    quota: "quota",
    postponed: "queued",
    locked: "queued",
    forbidden: "forbidden",
    untouched: "controller",
    crashing: "controller",
    stuck: "stuck",
    lost: "lost",
}
_AFTERWARDS: dict[Finder, str] = {find: _FINDERS[find] for find in (forbidden, lost)}
"""Those that explain the end of a run, too."""
DIAGNOSES = tuple(kind for kind in dict.fromkeys(_FINDERS.values()) if kind != "lost")
"""What a run can be waiting for that may never come."""
_EXPLAINED = frozenset({"unschedulable", "controller", "stuck"})
"""Kinds that what surrounds the run tells more about."""


def _instance(instance_id: str) -> str:
    return f"the instance ID {instance_id!r}" if instance_id else "no instance ID"


def _plural(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


# --- what follows from them ---


def unsaid(found: Iterable[Diagnosis], said: Iterable[Diagnosis]) -> list[Diagnosis]:
    """What was found and is to be said, where `said` was found the last time.

    A cause is not said again while it lasts: some messages count the seconds.
    """
    causes = {(diagnosis.kind, diagnosis.cause) for diagnosis in said}
    return [diagnosis for diagnosis in found if (diagnosis.kind, diagnosis.cause) not in causes]


def is_puzzling(run: Run, found: Iterable[Diagnosis], now: float) -> bool:
    """Whether what surrounds a run may tell more about why it does not go on."""
    return any(diagnosis.kind in _EXPLAINED for diagnosis in found) or any(
        map(is_being_prepared, run.pods_for(PREPARED, now))
    )


def lasting(
    found: Iterable[Diagnosis], now: float, kinds: frozenset[str], patience: float, queue_moved: float
) -> Diagnosis | None:
    """One of these kinds that has lasted for `patience` seconds.

    `queue_moved` is when a pod of the runs was last on a node: from then on counts what heals when other pods end.
    """
    for diagnosis in found:
        since = max(diagnosis.since, queue_moved) if diagnosis.kind in QUEUED else diagnosis.since
        if diagnosis.kind in kinds and now - since >= patience:
            return diagnosis
    return None
