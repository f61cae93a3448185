# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Follow runs to their end. Private to the collection.

One thread decides. What happens in the cluster comes to it as messages of `watches`, and what it decides is pure: when
the wait ends (`outcome`), when a Workflow is read (`readings`), what is wrong (`diagnosis`).
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Callable, Iterable, Mapping

from ansible_collections.argo.workflows.plugins.module_utils._argo.tree import TreeView
from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import Json
from ansible_collections.argo.workflows.plugins.module_utils._follow.diagnosis import (
    QUEUED,
    Diagnosis,
    diagnose,
    is_puzzling,
    lasting,
    unsaid,
)
from ansible_collections.argo.workflows.plugins.module_utils._follow.heartbeat import heartbeat
from ansible_collections.argo.workflows.plugins.module_utils._follow.journal import Journal
from ansible_collections.argo.workflows.plugins.module_utils._follow.lease import Keeper
from ansible_collections.argo.workflows.plugins.module_utils._follow.outcome import Outcome, Standing, Wait, outcome_of
from ansible_collections.argo.workflows.plugins.module_utils._follow.readings import Readings
from ansible_collections.argo.workflows.plugins.module_utils._follow.run import Run
from ansible_collections.argo.workflows.plugins.module_utils._follow.surroundings import Surroundings
from ansible_collections.argo.workflows.plugins.module_utils._follow.wait import Ended, EndedRun, Wanted
from ansible_collections.argo.workflows.plugins.module_utils._follow.watches import (
    Broken,
    Failure,
    Found,
    LookedAround,
    Message,
    News,
    NotRead,
    PodChanged,
    PodsListed,
    PodsRefused,
    Trouble,
    Watches,
    WorkflowChanged,
    WorkflowRead,
)
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.cluster import Cluster
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError
from ansible_collections.argo.workflows.plugins.module_utils._logs.collection import LogCollection
from ansible_collections.argo.workflows.plugins.module_utils._logs.folder import Log

TICK = 0.2
DRAW_GAP = 0.4
CHECK_GAP = 1.0
"""Seconds between two looks at what is wrong; both gaps grow where a look takes long, as at a large tree."""
AROUND_GAP = 30.0
TROUBLE_LASTS = 30.0
"""Seconds after a failed request in which the API server counts as out of reach, unless something comes from it."""
LOG_PATIENCE = 30.0
"""Seconds that the logs of an ended run may make no progress before they are given up."""
WATCH_LAG = 0.3
"""Seconds that the watch of the pods may lag behind that of the Workflow; then they are listed."""
LIST_GAP = 5.0
NEWS_PATIENCE = 3.0
"""Seconds after a run's end in which its pods are expected to be reported as ended, too."""
NEVER = float("-inf")


class NotFoundError(Exception):
    """There is nothing to follow; the text says what was looked for."""


@dataclasses.dataclass(slots=True)
class _Watched:
    """A run and what is known about how it is followed."""

    run: Run
    view: TreeView = dataclasses.field(default_factory=TreeView)
    readings: Readings = dataclasses.field(default_factory=Readings)
    dirty: bool = True
    """Its tree may have changed since it was drawn."""
    met: bool = False
    """The condition of the wait holds, or has held."""
    said: tuple[Diagnosis, ...] = ()
    """What was found wrong with it the last time."""
    diagnoses: tuple[Diagnosis, ...] = ()
    """What is wrong with it."""

    @property
    def ended(self) -> bool:
        """Whether nothing more will become of the run, and its end is known."""
        return self.run.deleted or (self.run.done and self.run.read_to_end)

    @property
    def standing(self) -> Standing:
        return Standing(self.ended, self.run.deleted and not self.run.done, self.met)


class Follower:
    """Follows the wanted runs; `follow` is to be called once."""

    def __init__(
        self,
        cluster: Cluster,
        wanted: Wanted,
        journal: Journal,
        interrupted: Callable[[], bool] = lambda: False,
        server: Cluster | None = None,
        lease: Keeper | None = None,
    ) -> None:
        """`server` is the Argo Server, which has the archived logs; `lease` is told how the runs stand."""
        self._wanted = wanted
        self._clock = cluster.clock
        self._journal = journal
        self._interrupted = interrupted
        self._lease = lease
        self._watches = Watches(cluster, wanted)
        self._watched: dict[str, _Watched] = {}
        self._start = self._clock.monotonic()
        self._gave_up: Diagnosis | None = None
        self._trouble: tuple[ApiError | None, float] = (None, NEVER)
        self._around: Surroundings | None = None
        self._pods_listed: PodsListed | None = None
        self._around_asked = self._pods_asked = self._queue_moved = NEVER
        self._next_draw = self._next_check = NEVER
        self._logs: LogCollection | None = None
        if wanted.collects_logs:
            shown = [journal.log] if wanted.show_logs else []
            self._logs = LogCollection(cluster, server, wanted.logs, wanted.logs_dir, shown)

    @property
    def runs(self) -> list[Run]:
        return [watched.run for watched in self._watched.values()]

    def follow(self) -> Ended:
        """Follow to the end.

        Raises NotFoundError if there is no such Workflow, and ApiError if the cluster cannot be asked at all.
        """
        self._watches.start()
        outcome = self._collect_rest(self._wait())
        self._watches.stop()
        self._finish_logs(outcome)
        self._draw(last=True)
        self._journal.end(outcome)
        return self._ended(outcome)

    def _ended(self, outcome: Outcome) -> Ended:
        now = self._clock.monotonic()
        runs = tuple(
            EndedRun(watched.run, diagnose(watched.run, now, self._around, watched.diagnoses), watched.met)
            for watched in self._watched.values()
        )
        logs = tuple(self._logs.logs) if self._logs else ()
        trouble = str(self._trouble[0]) if self._in_trouble(now) else ""
        return Ended(outcome, self._wanted, self._wall(), runs, logs, self._gave_up, trouble)

    def _wall(self) -> datetime.datetime:
        """The time of day."""
        return datetime.datetime.fromtimestamp(self._clock.time(), datetime.UTC)

    def _wait(self) -> Outcome:
        while True:
            self._take_messages(TICK)
            if outcome := self._outcome(self._clock.monotonic()):
                return outcome
            self._work()

    def _outcome(self, now: float) -> Outcome | None:
        for watched in self._watched.values():
            watched.met = watched.met or self._wanted.holds_for(watched.run)
        return outcome_of(
            Wait(
                tuple(watched.standing for watched in self._watched.values()),
                now - self._start,
                self._wanted.timeout,
                self._interrupted(),
                bool(self._gave_up),
            )
        )

    # --- what happens ---

    def _take_messages(self, patience: float) -> None:
        """Take the messages that have come, after waiting for the first."""
        for message in self._watches.take(patience):
            self._take(message, self._clock.monotonic())

    def _take(self, message: Message, now: float) -> None:
        match message:
            case Trouble() | NotRead() | PodsRefused() | Broken():
                self._take_failure(message, now)
            case _:
                self._trouble = (None, NEVER)
                self._take_news(message, now)

    def _take_news(self, message: News, now: float) -> None:
        match message:
            case Found(workflows):
                for metadata in wanted_of(self._wanted, workflows):
                    self._add(metadata, now)
                self._watches.watch_pods({run.name: run for run in self.runs})
            case WorkflowChanged(metadata, deleted):
                self._take_metadata(metadata, now, deleted=deleted)
            case WorkflowRead(workflow):
                self._take_workflow(workflow, now)
            case PodChanged(name, pod, deleted):
                self._take_pod(name, pod, now, deleted=deleted)
            case PodsListed():
                self._pods_listed = message
            case LookedAround(around):
                self._around = around

    def _take_failure(self, failure: Failure, now: float) -> None:
        match failure:
            case Broken(error):
                raise error
            case PodsRefused(error) if error.status == 403:
                self._journal.note(f"pods cannot be watched, so there are no logs: {error}")
                for run in self.runs:
                    run.pods_hidden = True
                self._pods_listed = PodsListed(again=True)
            case PodsRefused(error):
                raise error
            case NotRead(name, error):
                self._take_not_read(self._watched[name], error, now)
            case Trouble(error):
                self._take_trouble(error, now)

    def _take_not_read(self, watched: _Watched, error: ApiError, now: float) -> None:
        watched.readings.failed()
        if error.status == 404:
            watched.run.deleted = True
        elif error.status == 403 and not watched.readings.version:
            raise error  # it never was allowed
        else:
            self._take_trouble(error, now)

    def _take_trouble(self, error: ApiError, now: float) -> None:
        if error.status == 410:
            return  # the watch begins anew
        if not self._in_trouble(now):
            self._journal.note(f"{error}; trying again")
        self._trouble = (error, now)

    def _in_trouble(self, now: float) -> bool:
        return now - self._trouble[1] < TROUBLE_LASTS

    def _add(self, metadata: Json, now: float) -> None:
        run = Run(metadata, now)
        run.see_metadata(metadata, now)
        self._watched[run.name] = _Watched(run)
        if self._logs:
            self._logs.add(run.namespace, run.name, run.uid)

    def _take_metadata(self, metadata: Json, now: float, *, deleted: bool) -> None:
        if watched := self._watched.get(metadata["name"]):
            watched.run.see_metadata(metadata, now, deleted=deleted)
            watched.dirty = True

    def _take_workflow(self, workflow: Json, now: float) -> None:
        watched = self._watched[workflow["metadata"]["name"]]
        watched.readings.came(workflow["metadata"]["resourceVersion"])
        watched.run.see_workflow(workflow, now)
        watched.dirty = True

    def _take_pod(self, name: str, pod: Json, now: float, *, deleted: bool) -> None:
        watched, uid = self._watched[name], pod["metadata"]["uid"]
        before = watched.run.pods.get(uid)
        watched.run.see_pod(pod, now, deleted=deleted)
        watched.dirty = True
        known = watched.run.pods.get(uid, before)
        if self._logs and known:
            self._logs.see(name, known, gone=deleted)

    # --- what is due from time to time ---

    def _work(self) -> None:
        now = self._clock.monotonic()
        if self._lease:
            self._lease.see(self.runs)
        self._read_what_is_due(now)
        if now >= self._next_draw:
            self._draw()
            self._next_draw = now + max(DRAW_GAP, 10 * (self._clock.monotonic() - now))
        if now >= self._next_check:
            self._check(now)
            self._next_check = now + max(CHECK_GAP, 10 * (self._clock.monotonic() - now))
        self._break_silence(now)

    def _break_silence(self, now: float, awaited: Callable[[Log], bool] = lambda log: not log.done) -> None:
        """Say what is waited for, if nothing has been said for long; `awaited` are logs that more may come of."""
        if not 0 < self._wanted.progress_interval <= self._journal.silence:
            return
        if self._in_trouble(now):
            self._journal.note(f"{self._trouble[0]}; still trying")
            return
        watched = [(watched.run, watched.diagnoses) for watched in self._watched.values()]
        for sentence in heartbeat(watched, now, sum(map(awaited, self._logs.logs)) if self._logs else 0):
            self._journal.note(sentence)

    def _read_what_is_due(self, now: float) -> None:
        for name, watched in self._watched.items():
            if watched.readings.is_due(watched.run, now, for_condition=bool(self._wanted.condition)):
                watched.readings.ask(watched.run, now)
                self._watches.read_workflow(name)

    def _draw(self, *, last: bool = False) -> None:
        if not self._wanted.show_tree or not self._journal:
            return
        for name, watched in self._watched.items():
            run = watched.run
            if last or (watched.dirty and (run.nodes or run.nodes_error)):
                watched.dirty = False
                lines = watched.view.lines(run.workflow, run.current_nodes(), self._wall(), last=last)
                if lines:
                    self._journal.tree(name, lines)

    def _check(self, now: float) -> None:
        """Say what is wrong, and give up if that is wanted."""
        if not QUEUED.isdisjoint(self._wanted.give_up_on) and any(run.on_nodes() for run in self.runs):
            self._queue_moved = now
        for name, watched in self._watched.items():
            watched.diagnoses = diagnose(watched.run, now, self._around, watched.diagnoses)
            if self._knows_enough(watched, now):
                for diagnosis in unsaid(watched.diagnoses, watched.said):
                    self._journal.note(diagnosis.message, name)
                watched.said = watched.diagnoses
                self._gave_up = self._gave_up or self._hopeless(watched.diagnoses, now)
        if self._logs:
            self._logs.tick()

    def _hopeless(self, found: Iterable[Diagnosis], now: float) -> Diagnosis | None:
        wanted = self._wanted
        return lasting(found, now, wanted.give_up_on, wanted.give_up_after, self._queue_moved)

    def _knows_enough(self, watched: _Watched, now: float) -> bool:
        """Whether nothing was found wrong about which more is known in a moment."""
        if watched.run.done or not is_puzzling(watched.run, watched.diagnoses, now):
            return True
        if now - self._around_asked >= AROUND_GAP:
            self._around_asked = now
            self._watches.look_around()
        return bool(self._around)

    # --- the end ---

    def _collect_rest(self, outcome: Outcome) -> Outcome:
        """Let the logs come to their ends after all runs have; how the wait ends by then."""
        if not self._logs or outcome not in (Outcome.FINISHED, Outcome.DELETED):
            return outcome
        if cut_short := self._await_logs(self._logs):
            return cut_short
        for run in self.runs:
            self._logs.miss_unsettled(run.name, run.unsettled())
        return outcome

    def _await_logs(self, logs: LogCollection) -> Outcome | None:
        """Wait until no log makes progress; the outcome if the time ran out, or somebody interrupted."""
        start = progress_at = self._clock.monotonic()
        received, patience = -1, 0.02
        while logs.pending or self._pods_may_come(start, self._clock.monotonic()):
            self._take_messages(patience)
            now = self._clock.monotonic()
            if cut_short := self._cut_short(now):
                return cut_short
            if now - start >= NEWS_PATIENCE:
                logs.end_containers()
            self._work()
            before, received = received, sum(log.received for log in logs.logs)
            if received != before:
                progress_at = now
            elif now - progress_at >= LOG_PATIENCE:
                return None
            patience = max(0.02, 4 * (self._clock.monotonic() - now))  # with many logs a look at them takes its time
        return None

    def _cut_short(self, now: float) -> Outcome | None:
        """The end of a wait for nothing but logs."""
        return outcome_of(
            Wait(
                tuple(Standing() for _run in self.runs),
                now - self._start,
                self._wanted.timeout,
                self._interrupted(),
            )
        )

    def _pods_may_come(self, start: float, now: float) -> bool:
        """Whether there may be pods that the Workflows speak of, but that the watch has not reported to their end.

        Then they are listed from time to time.
        """
        if now - start >= LOG_PATIENCE or not self._lacks_pods():
            return False
        if now - max(start + WATCH_LAG - LIST_GAP, self._pods_asked) >= LIST_GAP:
            self._pods_asked = now
            self._watches.list_pods()
        return True

    def _lacks_pods(self) -> bool:
        if not self._pods_listed:
            return True
        return not self._pods_listed.again and any(run.nodes_error or any(run.unsettled()) for run in self.runs)

    def _finish_logs(self, outcome: Outcome) -> None:
        if self._logs:
            self._logs.finish(
                outcome.why_logs_end or f"nothing came for {LOG_PATIENCE:.0f} s",
                [(run.workflow, run.nodes) for run in self.runs],
                proceed=self._may_go_on,
            )

    def _may_go_on(self) -> bool:
        """Whether there is time for archived logs; asked all the while they are fetched."""
        now = self._clock.monotonic()
        self._break_silence(now, lambda log: not log.complete)
        return not self._cut_short(now)


def wanted_of(wanted: Wanted, found: Mapping[str, Json]) -> list[Json]:
    """The metadata of the Workflows that are wanted, in the order of their names; NotFoundError if one is missing."""
    if missing := [name for name in wanted.names if name not in found]:
        raise NotFoundError(f"there is no Workflow {', '.join(missing)} in the namespace {wanted.namespace}")
    if not found:
        raise NotFoundError(f"no Workflow in the namespace {wanted.namespace} has the labels {wanted.label_selector}")
    return [found[name] for name in dict.fromkeys(wanted.names) or found]
