# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Follow runs to their end. Private to the collection.

One thread decides; others only carry: one a watch, one that reads whole Workflows, and those that collect logs. So no
request, however long it hangs, keeps the wait from ending in time.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import datetime
import functools
import queue
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from ansible_collections.argo.workflows.plugins.module_utils._argo.pods import trim
from ansible_collections.argo.workflows.plugins.module_utils._argo.tree import TreeView
from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import WORKFLOW_LABEL
from ansible_collections.argo.workflows.plugins.module_utils._follow.diagnosis import QUEUED, Diagnosis, Surroundings
from ansible_collections.argo.workflows.plugins.module_utils._follow.journal import Journal
from ansible_collections.argo.workflows.plugins.module_utils._follow.run import Run, belongs_to
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.cluster import METADATA_LIST, Cluster
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import path
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.quantity import quantity
from ansible_collections.argo.workflows.plugins.module_utils._logs.collection import LogCollection
from ansible_collections.argo.workflows.plugins.module_utils._logs.folder import Log
from ansible_collections.argo.workflows.plugins.module_utils._logs.options import LogOptions

TICK = 0.2
READ_GAP = 10.0
"""Seconds between two readings of a whole Workflow while none of its pods is at work; then it alone tells more."""
LONGEST_READ_GAP = 300.0
"""While pods are at work they tell nearly all, and the gap grows from a second to this."""
LOG_PATIENCE = 30.0
"""Seconds that the logs of an ended run may make no progress before they are given up."""
WATCH_LAG = 0.3
"""Seconds that the watch of the pods may lag behind that of the Workflow; then they are listed."""
NEWS_PATIENCE = 3.0
"""Seconds after a run's end in which its pods are expected to be reported as ended, too."""
FIRST_ANSWER = 5.0
"""Seconds that an interruption waits for the Workflows to be known, which may have to be stopped."""
SHUT_DOWN_PATIENCE = 15.0
"""Seconds after the end of the wait in which the Workflows have to be told to stop."""


class NotFoundError(Exception):
    """There is nothing to follow; the text says what was looked for."""


@dataclasses.dataclass(frozen=True, slots=True)
class Wanted:
    """What to follow, how long, and what to keep of it."""

    namespace: str
    names: tuple[str, ...] = ()
    label_selector: str = ""
    """Instead of names: the Workflows that have these labels when the wait begins."""
    until: str = "finished"
    """"finished", "running" (the first pod runs) or "suspended": a condition has to have held once for each run that
    has not ended."""
    node: tuple[str, str] | None = None
    """A node's name and the phase to wait for, instead of `until`."""
    timeout: float = 3600.0
    give_up_on: frozenset[str] = frozenset()
    """Kinds of diagnoses that end the wait …"""
    give_up_after: float = 300.0
    """… if they last that many seconds; those that heal when other pods end, without a pod of the runs on a node."""
    logs_dir: Path | None = None
    logs: LogOptions = dataclasses.field(default_factory=LogOptions)
    show_tree: bool = False
    show_logs: bool = False


@dataclasses.dataclass(slots=True)
class _Watched:
    """A run and what is due for it."""

    run: Run
    view: TreeView = dataclasses.field(default_factory=TreeView)
    read_version: str = ""
    asked: float = float("-inf")
    read_gap: float = 0.0
    """Seconds from one reading of the Workflow to the next; 0 before the first."""
    reading: bool = False
    dirty: bool = True
    met: bool = False
    """The condition of the wait holds, or has held."""
    said: frozenset[tuple[str, str]] = frozenset()

    @property
    def ended(self) -> bool:
        """Whether nothing more will become of the run, and its end is known."""
        return self.run.deleted or (self.run.done and self.run.read_to_end)


class Follower:
    """Follows the wanted runs; afterwards `runs`, `collection` and `diagnoses` tell what became of them."""

    def __init__(
        self,
        cluster: Cluster,
        wanted: Wanted,
        journal: Journal,
        interrupted: Callable[[], bool] = lambda: False,
        server: Cluster | None = None,
    ) -> None:
        """`server` is the Argo Server, which has the archived logs."""
        self.wanted = wanted
        self.gave_up: Diagnosis | None = None
        self._trouble = ("", float("-inf"))
        self._cluster = cluster
        self._clock = cluster.clock
        self._journal = journal
        self._interrupted = interrupted
        self._watched: dict[str, _Watched] = {}
        self._queue: queue.Queue[tuple[str, Any]] = queue.Queue(maxsize=5000)
        self._asked: queue.Queue[Callable[[], None]] = queue.Queue()
        self._over = threading.Event()
        self._around: Surroundings | None = None
        self._around_asked = self._pods_asked = float("-inf")
        self._start = self._clock.monotonic()
        self._deadline = self._start + wanted.timeout
        self._pods_listed = ""
        """Empty, "first" when the watch has listed them, "again" when they were listed after the end."""
        self._next_draw = self._next_check = 0.0
        self._queue_moved = float("-inf")
        self.collection: LogCollection | None = None
        if wanted.logs_dir or wanted.show_logs:
            shown = [journal.log] if wanted.show_logs else []
            self.collection = LogCollection(cluster, server, wanted.logs, wanted.logs_dir, shown)

    @property
    def trouble(self) -> str:
        """Why the API server cannot be reached at the moment, if it cannot: then requests fail again and again."""
        message, when = self._trouble
        return message if self._clock.monotonic() - when < 30 else ""

    @property
    def logs(self) -> list[Log]:
        """The logs that were collected, or should have been."""
        return self.collection.logs if self.collection else []

    @property
    def runs(self) -> list[Run]:
        return [watched.run for watched in self._watched.values()]

    def missed_condition(self, run: Run) -> str:
        """In words, the condition that the run has ended without; empty if it goes on, or if there is none to miss."""
        watched = self._watched[run.name]
        if watched.met or not (run.done or run.deleted):
            return ""
        if self.wanted.node:
            return "its node {} was {}".format(*self.wanted.node)
        return "" if self.wanted.until == "finished" else f"it was {self.wanted.until}"

    def wall(self) -> datetime.datetime:
        """The time of day."""
        return datetime.datetime.fromtimestamp(self._clock.time(), datetime.UTC)

    def diagnoses(self, run: Run) -> list[Diagnosis]:
        """What keeps a run from going on, or from succeeding, with what was looked up about it."""
        return run.diagnoses(self._clock.monotonic(), self._around)

    def follow(self) -> str:
        """Follow to the end; returns "finished", "condition", "timeout", "gave_up", "deleted" or "interrupted".

        Raises NotFoundError if there is no such Workflow, and ApiError if the cluster cannot be asked at all.
        """
        self._spawn(self._pump_workflows)
        self._spawn(self._read)
        outcome = self._loop()
        if outcome in ("finished", "condition", "deleted") and not self._collect_rest():
            outcome = "interrupted" if self._interrupted() else "timeout"
        self._over.set()
        self._finish_logs(outcome)
        self._draw(last=True)
        self._journal.end(outcome)
        return outcome

    # -- the threads that carry -----------------------------------------------------------------------------------

    def _spawn(self, target: Callable[..., None], *args: Any) -> None:
        def work() -> None:
            try:
                target(*args)
            except ApiError as error:
                self._queue.put(("refused", (target.__name__, error)))
            except Exception as error:  # a thread that dies in silence would leave the wait hanging
                self._queue.put(("bug", error))

        threading.Thread(target=work, name=target.__name__, daemon=True).start()

    def _pump_workflows(self) -> None:
        """List the Workflows to follow, then pass their further events on.

        Argo changes some labels, and of what has them no longer a watch by labels says that it was deleted: so they
        only choose.
        """
        workflows, names = path("Workflow", self.wanted.namespace), self.wanted.names
        if self.wanted.label_selector:
            chosen = self._cluster.list(workflows, accept=METADATA_LIST, labelSelector=self.wanted.label_selector)
            names = tuple(item["metadata"]["name"] for item in chosen)
        query = {"fieldSelector": f"metadata.name={names[0]}"} if len(names) == 1 else {}
        found: dict[str, dict[str, Any]] | None = {}
        for kind, item in self._cluster.events(
            workflows, metadata_only=True, wanted=lambda: not self._over.is_set(), **query
        ):
            if found is None:
                self._queue.put(("trouble", item["error"]) if kind == "TROUBLE" else ("workflow", (kind, item)))
            elif kind == "TROUBLE":
                raise item["error"]
            elif kind == "SYNCED":
                self._queue.put(("found", found))
                found = None
            elif item["metadata"]["name"] in names:
                found[item["metadata"]["name"]] = item["metadata"]

    def _pump_pods(self) -> None:
        stream = self._cluster.events(
            path("Pod", self.wanted.namespace),
            wanted=lambda: not self._over.is_set(),
            labelSelector=self._pod_selector(),
        )
        for kind, pod in stream:
            if kind == "TROUBLE":
                self._queue.put(("trouble", pod["error"]))
            elif kind == "SYNCED":
                self._queue.put(("pods_listed", "first"))
            else:
                self._pass_on(kind, pod)

    def _pod_selector(self) -> str:
        names = sorted(self._watched)
        return WORKFLOW_LABEL if len(names) > 100 else f"{WORKFLOW_LABEL} in ({','.join(names)})"

    def _pass_on(self, kind: str, pod: dict[str, Any]) -> None:
        """Hand a pod to the deciding thread, if it is one of the runs' own."""
        watched = self._watched.get((pod["metadata"].get("labels") or {}).get(WORKFLOW_LABEL, ""))
        if watched and belongs_to(pod, watched.run):
            self._queue.put(("pod", (kind, watched.run.name, trim(pod) if "status" in pod else pod)))

    def _read(self) -> None:
        """Make the requests that the deciding thread asks for, one after the other."""
        while not self._over.is_set():
            self._asked.get()()

    def _read_workflow(self, name: str) -> None:
        try:
            self._queue.put(("read", self._cluster.get(path("Workflow", self.wanted.namespace, name))))
        except ApiError as error:
            self._queue.put(("not_read", (name, error)))

    def _list_pods(self) -> None:
        try:
            for pod in self._cluster.list(path("Pod", self.wanted.namespace), labelSelector=self._pod_selector()):
                self._pass_on("ADDED", pod)
            self._queue.put(("pods_listed", "again"))
        except ApiError as error:
            self._queue.put(("trouble", error))

    def _look_around(self) -> None:
        """Look up what may explain why nothing goes on; what may not be read stays None."""
        around, namespace = Surroundings(), self.wanted.namespace
        try:
            around.allocatable = {}
            for node in self._cluster.list(path("Node")):
                for resource, has in (node["status"].get("allocatable") or {}).items():
                    if quantity(has) >= quantity(around.allocatable.get(resource, "0")):
                        around.allocatable[resource] = has
        except ApiError:
            around.allocatable = None
        try:
            found = self._cluster.list(path("Pod", namespace), labelSelector="app=workflow-controller")
            around.controllers = [pod["metadata"]["name"] for pod in found if pod["status"].get("phase") == "Running"]
            config = self._cluster.get(path("ConfigMap", namespace, "workflow-controller-configmap")).get("data") or {}
            around.instance_id = instance_id_of(config)
        except ApiError:
            pass
        self._queue.put(("around", around))

    # -- the thread that decides ----------------------------------------------------------------------------------

    def _begin(self, found: dict[str, dict[str, Any]]) -> None:
        """The Workflows to follow are known, by name."""
        wanted = self.wanted
        if missing := [name for name in wanted.names if name not in found]:
            raise NotFoundError(f"there is no Workflow {', '.join(missing)} in the namespace {wanted.namespace}")
        if not found:
            raise NotFoundError(
                f"no Workflow in the namespace {wanted.namespace} has the labels {wanted.label_selector}"
            )
        for name in dict.fromkeys(wanted.names) or found:
            self._add(found[name])
        self._spawn(self._pump_pods)

    def _add(self, metadata: dict[str, Any]) -> None:
        now = self._clock.monotonic()
        run = Run(metadata, now)
        run.see_metadata(metadata, now)
        self._watched[run.name] = _Watched(run)
        if self.collection:
            self.collection.add(run.namespace, run.name, run.uid)

    def _loop(self) -> str:
        while True:
            self._take_events(TICK)
            outcome = self._outcome()
            if outcome:
                return outcome
            self._work()

    def _outcome(self) -> str:
        now = self._clock.monotonic()
        if self._interrupted() and (self._watched or now >= self._start + FIRST_ANSWER):
            return "interrupted"
        for watched in self._watched.values():
            watched.met = watched.met or self._condition_holds(watched.run)
        if self._watched and all(watched.ended for watched in self._watched.values()):
            vanished = [run for run in self.runs if run.deleted and not run.done]
            return "deleted" if vanished else "finished"
        if self._watched and all(watched.ended or watched.met for watched in self._watched.values()):
            return "condition"
        if now >= self._deadline:
            return "timeout"
        return "gave_up" if self.gave_up else ""

    def _condition_holds(self, run: Run) -> bool:
        if self.wanted.node:
            name, phase = self.wanted.node
            return run.node_phase(name) == phase
        return (self.wanted.until == "running" and run.running()) or (
            self.wanted.until == "suspended" and run.suspended()
        )

    def _take_events(self, patience: float) -> None:
        """Take the events that have come, after waiting for the first."""
        try:
            self._take(*self._queue.get(timeout=patience))
            for _more in range(1000):
                self._take(*self._queue.get_nowait())
        except queue.Empty:
            pass

    def _take(self, kind: str, what: Any) -> None:
        now = self._clock.monotonic()
        if kind == "bug":
            raise what
        if kind == "refused":
            self._take_refusal(*what)
        elif kind in ("trouble", "not_read"):
            name, error = what if kind == "not_read" else ("", what)
            if name:
                self._watched[name].reading = False
                if error.status == 404:
                    self._watched[name].run.deleted = True
                    return
                if error.status == 403 and not self._watched[name].read_version:
                    raise error  # it never was allowed
            if error.status == 410:
                return
            if not self.trouble:
                self._journal.write("note", workflow="", text=f"{error}; trying on")
            self._trouble = (str(error), now)
        else:
            self._trouble = ("", now)
            if kind == "found":
                self._begin(what)
            elif kind == "around":
                self._around = what
            elif kind == "read":
                self._take_workflow(what, now)
            elif kind == "pod":
                event, name, pod = what
                self._take_pod(event, name, pod, now)
            elif kind == "pods_listed":
                self._pods_listed = what
            elif what[0] != "SYNCED" and what[1]["metadata"]["name"] in self._watched:
                watched = self._watched[what[1]["metadata"]["name"]]
                watched.run.see_metadata(what[1]["metadata"], now, deleted=what[0] == "DELETED")
                watched.dirty = True

    def _take_refusal(self, where: str, error: ApiError) -> None:
        if where == "_pump_pods" and error.status == 403:
            self._journal.write("note", workflow="", text=f"pods cannot be watched, so there are no logs: {error}")
            self._pods_listed = "again"
        else:
            raise error

    def _take_workflow(self, workflow: dict[str, Any], now: float) -> None:
        watched = self._watched[workflow["metadata"]["name"]]
        watched.reading, watched.dirty = False, True
        watched.read_version = workflow["metadata"]["resourceVersion"]
        watched.run.see_workflow(workflow, now)

    def _take_pod(self, kind: str, name: str, pod: dict[str, Any], now: float) -> None:
        watched, deleted, uid = self._watched[name], kind == "DELETED", pod["metadata"]["uid"]
        before = watched.run.pods.get(uid)
        watched.run.see_pod(pod, now, deleted=deleted)
        watched.dirty = True
        known = watched.run.pods.get(uid, before)
        if self.collection and known:
            self.collection.see(name, known, gone=deleted)

    def _work(self) -> None:
        """What is due from time to time."""
        now = self._clock.monotonic()
        for watched in self._watched.values():
            if self._read_is_due(watched, now):
                watched.asked, watched.reading = now, True
                watched.read_gap = next_read_gap(watched.read_gap, at_work=watched.run.at_work())
                self._asked.put(functools.partial(self._read_workflow, watched.run.name))
        if now >= self._next_draw:
            self._draw()
            # A large tree takes long to draw: it is drawn less often.
            self._next_draw = now + max(0.4, 10 * (self._clock.monotonic() - now))
        if now >= self._next_check:
            self._diagnose(now)
            if self.collection:
                self.collection.tick()
            self._next_check = now + max(1.0, 10 * (self._clock.monotonic() - now))

    def _read_is_due(self, watched: _Watched, now: float) -> bool:
        run, waited = watched.run, now - watched.asked
        if watched.reading or run.deleted:
            return False
        if run.done:
            return not run.read_to_end and (waited >= 1 or watched.read_version != run.version)
        if not watched.read_gap:
            return True
        if not run.touched or watched.read_version == run.version or waited < 1:
            return False
        if self.wanted.until != "finished" or self.wanted.node:
            return waited >= min(watched.read_gap, READ_GAP / 5)
        return waited >= (watched.read_gap if run.at_work() else min(watched.read_gap, READ_GAP))

    def _draw(self, *, last: bool = False) -> None:
        if not self.wanted.show_tree or not self._journal:
            return
        for watched in self._watched.values():
            known = watched.run.nodes or watched.run.nodes_error or last
            if known and (watched.dirty or last):
                watched.dirty = False
                lines = watched.view.lines(watched.run.workflow, watched.run.current_nodes(), self.wall(), last=last)
                if lines:
                    self._journal.write("tree", workflow=watched.run.name, lines=lines)

    def _diagnose(self, now: float) -> None:
        if not QUEUED.isdisjoint(self.wanted.give_up_on) and any(run.on_nodes() for run in self.runs):
            self._queue_moved = now
        for watched in self._watched.values():
            found = self.diagnoses(watched.run)
            if any(diagnosis.kind in ("unschedulable", "controller") for diagnosis in found):
                self._ask_around(now)
                if not self._around:
                    continue  # in a moment more is known
            said = {(diagnosis.kind, diagnosis.message) for diagnosis in found}
            for diagnosis in found:
                new = (diagnosis.kind, diagnosis.message) not in watched.said
                # Each kind is said once at most a minute: some messages count the seconds.
                if new and not any(kind == diagnosis.kind for kind, text in watched.said):
                    self._journal.write("note", workflow=watched.run.name, text=diagnosis.message)
                since = max(diagnosis.since, self._queue_moved) if diagnosis.kind in QUEUED else diagnosis.since
                if diagnosis.kind in self.wanted.give_up_on and now - since >= self.wanted.give_up_after:
                    self.gave_up = diagnosis
            watched.said = frozenset(said)

    def _ask_around(self, now: float) -> None:
        if now - self._around_asked >= 60:
            self._around_asked = now
            self._asked.put(self._look_around)

    # -- the end --------------------------------------------------------------------------------------------------

    def _collect_rest(self) -> bool:
        """Let the logs come to their ends after the runs have; False if the time ran out, or somebody interrupted."""
        if not self.collection or not all(watched.ended for watched in self._watched.values()):
            return True
        start = progress_at = self._clock.monotonic()
        received, patience = -1, 0.02
        while self.collection.pending or self._pods_may_come(start):
            self._take_events(patience)
            now = self._clock.monotonic()
            if now >= self._deadline or self._interrupted():
                return False
            if now - start >= NEWS_PATIENCE:
                self.collection.end_containers()
            self._work()
            before, received = received, sum(log.received for log in self.collection.logs)
            if received != before:
                progress_at = now
            elif now - progress_at >= LOG_PATIENCE:
                break
            patience = max(0.02, 4 * (self._clock.monotonic() - now))  # with many logs a look at them takes its time
        for run in self.runs:
            self.collection.miss_unsettled(run.name, run.unsettled())
        return True

    def _pods_may_come(self, start: float) -> bool:
        """Whether there may be pods that the Workflows speak of, but that the watch has not reported to their end."""
        if self._pods_listed == "again" or self._clock.monotonic() - start >= LOG_PATIENCE:
            return False
        if self._pods_listed == "first" and not any(run.nodes_error or any(run.unsettled()) for run in self.runs):
            return False
        if self._clock.monotonic() - max(start + WATCH_LAG - 5, self._pods_asked) >= 5:
            self._pods_asked = self._clock.monotonic()
            self._asked.put(self._list_pods)
        return True

    def _finish_logs(self, outcome: str) -> None:
        if not self.collection:
            return
        reasons = {
            "timeout": "wait_timeout was over",
            "interrupted": "the wait was interrupted",
            "gave_up": "the wait was given up",
            "condition": "the condition of the wait held",
        }
        self.collection.finish(
            reasons.get(outcome, f"nothing came for {LOG_PATIENCE:.0f} s"),
            [(run.workflow, run.nodes) for run in self.runs],
            proceed=lambda: not self._interrupted() and self._clock.monotonic() < self._deadline,
        )


def next_read_gap(gap: float, *, at_work: bool) -> float:
    """Seconds to the next reading of a whole Workflow, when the last came after `gap` (0: there was none).

    `at_work` is whether pods of it run.
    """
    if not gap:
        return 1.0
    return min(4 * gap, LONGEST_READ_GAP) if at_work else READ_GAP


def instance_id_of(config: dict[str, str]) -> str:
    """The instance ID that a workflow-controller-configmap's data sets; empty if none."""
    if "instanceID" in config:
        return config["instanceID"]
    import yaml

    try:
        settings = yaml.safe_load(config.get("config", "")) or {}
    except yaml.YAMLError:
        return ""
    return str(settings.get("instanceID") or "")


def shut_down(cluster: Cluster, runs: Iterable[Run], how: str) -> dict[str, str]:
    """Ask the controller to end the runs: `how` is "Stop" (exit handlers still run) or "Terminate".

    Returns why not, by name, for those that it could not be asked for in SHUT_DOWN_PATIENCE seconds.
    """
    todo = collections.deque(runs)
    refused = {run.name: f"no answer came within {SHUT_DOWN_PATIENCE:.0f} s" for run in todo}

    def work() -> None:
        with contextlib.suppress(IndexError):
            while run := todo.popleft():
                try:
                    cluster.patch(path("Workflow", run.namespace, run.name), {"spec": {"shutdown": how}})
                    del refused[run.name]
                except ApiError as error:
                    refused[run.name] = str(error)

    threads = [threading.Thread(target=work, daemon=True) for _number in range(min(8, len(todo)))]
    for thread in threads:
        thread.start()
    deadline = cluster.clock.monotonic() + SHUT_DOWN_PATIENCE
    for thread in threads:
        thread.join(max(0.0, deadline - cluster.clock.monotonic()))
    return dict(refused)
