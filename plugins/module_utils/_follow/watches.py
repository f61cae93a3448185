# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes from the cluster while runs are followed, as messages to one thread. Private to the collection.

Threads only carry: one a watch, and one that makes the requests that are asked for, one after the other. So no request,
however long it hangs, keeps the thread that decides from deciding.

The messages are named tuples: to make a dataclass takes half a millisecond, and there are many, at each start.
"""

from __future__ import annotations

import contextlib
import functools
import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

from ansible_collections.argo.workflows.plugins.module_utils._argo.pods import trim
from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import WORKFLOW_LABEL, Json
from ansible_collections.argo.workflows.plugins.module_utils._follow.run import Run, belongs_to
from ansible_collections.argo.workflows.plugins.module_utils._follow.surroundings import Surroundings, look
from ansible_collections.argo.workflows.plugins.module_utils._follow.wait import Wanted
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.cluster import Cluster
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import path

# --- news ---


class Found(NamedTuple):
    """The Workflows to follow, as they were listed: their metadata by name."""

    workflows: Mapping[str, Json]


class WorkflowChanged(NamedTuple):
    """A Workflow that was listed has changed, or is gone."""

    metadata: Json
    deleted: bool


class WorkflowRead(NamedTuple):
    """A whole Workflow."""

    workflow: Json


class PodChanged(NamedTuple):
    """A pod of a run was added, has changed, or is gone."""

    workflow: str
    pod: Json
    """Trimmed; only its metadata if a new list shows that it is gone."""
    deleted: bool


class PodsListed(NamedTuple):
    """All pods that there are were listed and passed on."""

    again: bool
    """Because it was asked for, and not by the watch when it began."""


class LookedAround(NamedTuple):
    """What was looked up about the cluster."""

    around: Surroundings


News: TypeAlias = "Found | WorkflowChanged | WorkflowRead | PodChanged | PodsListed | LookedAround"


# --- failures ---


class Trouble(NamedTuple):
    """A request failed that is made again."""

    error: ApiError


class NotRead(NamedTuple):
    """A Workflow could not be read."""

    name: str
    error: ApiError


class PodsRefused(NamedTuple):
    """The watch of the pods has ended, because of an error that does not heal."""

    error: ApiError


class Broken(NamedTuple):
    """A thread has ended because of an error that ends the wait."""

    error: Exception


Failure: TypeAlias = "Trouble | NotRead | PodsRefused | Broken"
Message: TypeAlias = "News | Failure"


class Watches:
    """Watches and reads Workflows and pods; what comes of it are the messages that `take` yields."""

    def __init__(self, cluster: Cluster, wanted: Wanted) -> None:
        self._cluster = cluster
        self._wanted = wanted
        self._runs: Mapping[str, Run] = {}
        self._messages: queue.Queue[Message] = queue.Queue(maxsize=5000)
        self._requests: queue.Queue[Callable[[], None]] = queue.Queue()
        self._over = threading.Event()

    # --- for the thread that decides ---

    def start(self) -> None:
        """Watch the Workflows, and make requests from now on."""
        self._spawn(self._watch_workflows)
        self._spawn(self._make_requests)

    def watch_pods(self, runs: Mapping[str, Run]) -> None:
        """Watch the pods of these runs, by name."""
        self._runs = runs
        self._spawn(self._watch_pods, PodsRefused)

    def read_workflow(self, name: str) -> None:
        """Ask for a whole Workflow: WorkflowRead or NotRead will come."""
        self._requests.put(functools.partial(self._read_workflow, name))

    def list_pods(self) -> None:
        """Ask for all pods once more: PodsListed will come behind them."""
        self._requests.put(self._list_pods)

    def look_around(self) -> None:
        """Ask for what may explain why nothing goes on: LookedAround will come."""
        self._requests.put(self._look_around)

    def take(self, patience: float) -> Iterator[Message]:
        """The messages that have come, after waiting up to `patience` seconds for the first; at most 1,000."""
        with contextlib.suppress(queue.Empty):
            yield self._messages.get(timeout=patience)
            for _more in range(1000):
                yield self._messages.get_nowait()

    def stop(self) -> None:
        self._over.set()

    # --- the threads ---

    def _spawn(self, target: Callable[[], None], refused: Callable[[ApiError], Message] = Broken) -> None:
        def work() -> None:
            try:
                target()
            except ApiError as error:
                self._messages.put(refused(error))
            except Exception as error:  # a thread that dies in silence would leave the wait hanging
                self._messages.put(Broken(error))

        threading.Thread(target=work, name=target.__name__, daemon=True).start()

    def _is_wanted(self) -> bool:
        return not self._over.is_set()

    def _watch_workflows(self) -> None:
        """List the Workflows to follow, then pass their further events on."""
        names = self._chosen_names()
        query = {"fieldSelector": f"metadata.name={names[0]}"} if len(names) == 1 else {}
        events = self._cluster.events(
            path("Workflow", self._wanted.namespace), metadata_only=True, wanted=self._is_wanted, **query
        )
        listed = _listed(events)
        self._messages.put(Found({name: metadata for name, metadata in listed.items() if name in names}))
        for kind, item in events:
            if kind == "TROUBLE":
                self._messages.put(Trouble(item["error"]))
            elif kind != "SYNCED":
                self._messages.put(WorkflowChanged(item["metadata"], kind == "DELETED"))

    def _chosen_names(self) -> tuple[str, ...]:
        """The names of the Workflows to follow.

        Argo changes some labels, and a watch by labels reports an object that lost its label as deleted: so labels are
        used for this first list only.
        """
        if not self._wanted.label_selector:
            return self._wanted.names
        events = self._cluster.events(
            path("Workflow", self._wanted.namespace), metadata_only=True, labelSelector=self._wanted.label_selector
        )
        return tuple(_listed(events))

    def _watch_pods(self) -> None:
        events = self._cluster.events(
            path("Pod", self._wanted.namespace), wanted=self._is_wanted, labelSelector=self._pod_selector()
        )
        for kind, pod in events:
            if kind == "TROUBLE":
                self._messages.put(Trouble(pod["error"]))
            elif kind == "SYNCED":
                self._messages.put(PodsListed(again=False))
            else:
                self._pass_on(pod, deleted=kind == "DELETED")

    def _pod_selector(self) -> str:
        names = sorted(self._runs)
        return WORKFLOW_LABEL if len(names) > 100 else f"{WORKFLOW_LABEL} in ({','.join(names)})"

    def _pass_on(self, pod: Json, *, deleted: bool = False) -> None:
        """Hand a pod on, if it is one of the runs' own."""
        run = self._runs.get((pod["metadata"].get("labels") or {}).get(WORKFLOW_LABEL, ""))
        if run and belongs_to(pod, run):
            self._messages.put(PodChanged(run.name, trim(pod) if "status" in pod else pod, deleted))

    # --- the requests ---

    def _make_requests(self) -> None:
        while self._is_wanted():
            self._requests.get()()

    def _read_workflow(self, name: str) -> None:
        try:
            self._messages.put(WorkflowRead(self._cluster.get(path("Workflow", self._wanted.namespace, name))))
        except ApiError as error:
            self._messages.put(NotRead(name, error))

    def _list_pods(self) -> None:
        try:
            for pod in self._cluster.objects(path("Pod", self._wanted.namespace), labelSelector=self._pod_selector()):
                self._pass_on(pod)
            self._messages.put(PodsListed(again=True))
        except ApiError as error:
            self._messages.put(Trouble(error))

    def _look_around(self) -> None:
        self._messages.put(LookedAround(look(self._cluster, self._wanted.namespace)))


def _listed(events: Iterator[tuple[str, Any]]) -> dict[str, Json]:
    """The metadata of the Workflows, by name, from the events of the first list.

    Raises the ApiError that keeps them from being listed: who cannot be asked at all is not asked again.
    """
    found: dict[str, Json] = {}
    for kind, item in events:
        if kind == "SYNCED":
            break
        if kind != "TROUBLE":
            found[item["metadata"]["name"]] = item["metadata"]
            if kind == "DELETED":
                del found[item["metadata"]["name"]]
        elif item["error"].status != 410:  # then it is listed anew: its later pages are not kept any more
            raise item["error"]
    return found
