# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the installation serves, now and after a while. Private to the collection."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Iterable
from typing import Any

from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import Json
from ansible_collections.argo.workflows.plugins.module_utils._install.ending import (
    culprit_for,
    how_to_go_on,
    last_log,
    lines_that_say_why,
    named,
)
from ansible_collections.argo.workflows.plugins.module_utils._install.live import existing
from ansible_collections.argo.workflows.plugins.module_utils._install.objects import (
    CONTROLLER,
    SERVER,
    SERVER_PORT,
    Place,
    server_options,
)
from ansible_collections.argo.workflows.plugins.module_utils._install.readiness import (
    READY,
    Verdict,
    judge,
    judge_lease,
    restarts_of,
)
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.cluster import Cluster
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import path
from ansible_collections.argo.workflows.plugins.module_utils._module import UserError

EVENTS = 5
TOKEN_SECONDS = 600
"""The shortest that the API server issues."""
RECHECK = 0.5
"""Seconds after which the lease and the server are asked again: they send no events."""
EXPLAIN = 10
"""Seconds that may be spent on why an installation is not ready, once its time is over."""
PODS = f"app in ({CONTROLLER},{SERVER})"


class Server:
    """The installed server, asked what a user would ask it, with one token for all questions.

    A request goes through the API server's service proxy, which keeps the header Authorization for itself; so the
    token travels in the cookie that Argo's own UI uses.
    """

    def __init__(self, cluster: Cluster, place: Place) -> None:
        self.cluster = cluster
        self.place = place
        self._user: Cluster | None = None

    def answers(self, deployment: dict[str, Any]) -> Verdict:
        """Whether it answers a list of workflows to somebody who has logged in as its Deployment asks."""
        scheme, modes = server_options(deployment)
        service = f"{scheme}:{SERVER}:{SERVER_PORT}"
        proxy = path("Service", self.place.home, service, "proxy")
        try:
            self._user = self._user or (self._login() if "client" in modes else self.cluster)
            query: dict[str, Any] = {"listOptions.limit": 1, "fields": "metadata"}
            self._user.get(f"{proxy}/api/v1/workflows/{self.place.work}", **query)
        except ApiError as error:
            if error.status == 401:
                if modes == {"sso"}:  # it asks for a login that only people can do
                    return READY
                self._user = None  # its token has ended
            return Verdict(False, f"the server runs but does not answer a list of workflows: {error}")
        return READY

    def _login(self) -> Cluster:
        """The same cluster, with a new token of the server's own account."""
        account = path("ServiceAccount", self.place.home, SERVER, "token")
        issued = self.cluster.create(account, {"spec": {"expirationSeconds": TOKEN_SECONDS}})
        return self.cluster.with_headers({"Cookie": f"authorization=Bearer {issued['status']['token']}"})


def judge_all(
    server: Server,
    deployments: dict[str, dict[str, Any]],
    pods: list[dict[str, Any]],
    restarts_before: dict[str, int] | None = None,
) -> Verdict:
    """Whether everything serves, from the Deployments and their pods; the lease and the server are asked if they do."""
    for name in (CONTROLLER, SERVER):
        verdict = judge(name, deployments.get(name), pods, restarts_before)
        if not verdict.ready:
            return verdict
    try:
        verdict = judge_lease(existing(server.cluster, server.place.lease.path), pods)
    except ApiError as error:
        return Verdict(False, f"the controller runs, but its lease cannot be read: {error}")
    return server.answers(deployments[SERVER]) if verdict.ready else verdict


def wait(cluster: Cluster, place: Place, timeout: int, settle: int) -> dict[str, dict[str, Any]]:
    """Watch the Deployments and their pods until everything serves; UserError when it does not, or cannot any more.

    Both times are in seconds; it is ready when it has been so for `settle` of them. Returns the Deployments by name.
    """
    started = ready_since = time.monotonic()
    changes: queue.Queue[tuple[str, str, dict[str, Any]] | Exception] = queue.Queue()
    for kind, selector in (("Deployment", ""), ("Pod", PODS)):
        watched = (cluster, kind, path(kind, place.home), selector, changes)
        threading.Thread(target=_follow, args=watched, daemon=True).start()
    found: dict[str, dict[str, dict[str, Any]]] = {"Deployment": {}, "Pod": {}}
    restarts: dict[str, int] = {}
    server = Server(cluster.until(cluster.clock.monotonic() + timeout), place)
    while True:
        left = timeout - (time.monotonic() - started)
        with contextlib.suppress(queue.Empty):
            _take(changes, found, min(left, RECHECK))
        pods = sorted(found["Pod"].values(), key=lambda pod: pod["metadata"]["creationTimestamp"])
        restarts = {pod["metadata"]["name"]: restarts_of(pod) for pod in pods} | restarts
        verdict = judge_all(server, found["Deployment"], pods, restarts)
        now = time.monotonic()
        if not verdict.ready:
            ready_since = now
        elif now - ready_since >= settle:
            return found["Deployment"]
        else:
            verdict = Verdict(False, f"it is, but has not stayed so for {settle} s yet")
        if verdict.hopeless or now - started >= timeout:
            raise _failure(cluster, place, verdict, pods, round(now - started))


def _follow(cluster: Cluster, kind: str, listed: str, selector: str, changes: queue.Queue[Any]) -> None:
    """Put every change of a kind's objects into a queue, and the error that ends it, whatever it is."""
    try:
        for event, item in cluster.events(listed, labelSelector=selector):
            if event in ("ADDED", "MODIFIED", "DELETED"):
                changes.put((kind, event, item))
    except Exception as error:
        changes.put(error)


def _take(changes: queue.Queue[Any], found: dict[str, dict[str, dict[str, Any]]], timeout: float) -> None:
    """Wait for a change, then enter all that have come into `found`, by kind and name; queue.Empty if none comes."""
    change = changes.get(timeout=max(timeout, 0.01))
    while True:
        if isinstance(change, Exception):
            raise change
        kind, event, item = change
        if event == "DELETED":
            found[kind].pop(item["metadata"]["name"], None)
        else:
            found[kind][item["metadata"]["name"]] = item
        try:
            change = changes.get_nowait()
        except queue.Empty:
            return


def _failure(cluster: Cluster, place: Place, verdict: Verdict, pods: Iterable[Json], seconds: int) -> UserError:
    """The error that says why an installation is not ready: the cause, the pod's last log lines and its events."""
    cluster = cluster.until(cluster.clock.monotonic() + EXPLAIN)
    parts = [f"Argo is not ready in namespace {place.home} after {seconds} s: {verdict.why}."]
    if culprit := culprit_for(cluster, place.home, pods):
        parts.append(f"The reason: {how_to_go_on(culprit)}.")
    if verdict.pod:
        log = lines_that_say_why(last_log(cluster, place.home, verdict.pod, verdict.container))
        parts += [f"Last lines of its log:\n{log}"] if log else []
        events = _last_events(cluster, place.home, verdict.pod)
        parts += [f"Its events: {events}"] if events else []
    found = {"ready": False, "reason": verdict.why, "keeps_ending": verdict.keeps_ending, "ended_by": named(culprit)}
    return UserError("\n".join(parts), **found)


def _last_events(cluster: Cluster, namespace: str, pod: str) -> str:
    """The last events of a pod, newest last; "" where there is none, or they may not be read."""
    listed = None
    with contextlib.suppress(ApiError):
        listed = cluster.find(path("Event", namespace), fieldSelector=f"involvedObject.name={pod}")
    events = sorted(
        (listed or {}).get("items") or (), key=lambda event: event.get("lastTimestamp") or event.get("eventTime") or ""
    )
    return "; ".join(f"{event.get('reason')}: {event.get('message')}" for event in events[-EVENTS:])
