# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the logs of many containers at once. Private to the collection.

A running container's log is followed, an ended one's is fetched; at most `parallel` connections are open. Threads read
and write, and act on what `verdict` says of each stream that has ended.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import threading
from collections.abc import Callable, Iterable
from typing import Any

from ansible_collections.argo.workflows.plugins.module_utils._argo.names import NodeName, parse_node_name, pod_node_name
from ansible_collections.argo.workflows.plugins.module_utils._argo.pods import (
    Container,
    choose_containers,
    wanted_containers,
)
from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import EXECUTOR_CONTAINERS, Json
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.cluster import Backoff, Cluster, LogStream
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import path
from ansible_collections.argo.workflows.plugins.module_utils._logs.executor import LAST_WORDS
from ansible_collections.argo.workflows.plugins.module_utils._logs.folder import END, Log, LogFolder
from ansible_collections.argo.workflows.plugins.module_utils._logs.lines import Cutter, LastLinesCutter, Taken
from ansible_collections.argo.workflows.plugins.module_utils._logs.options import LogOptions
from ansible_collections.argo.workflows.plugins.module_utils._logs.sinks import WholeLines
from ansible_collections.argo.workflows.plugins.module_utils._logs.verdict import (
    DELETED,
    Reading,
    Verdict,
    loss_with_pod,
    news_lag,
    verdict,
    why_failed,
    why_hopeless,
)

FETCHERS = 16
"""More connections than this don't make short logs come any faster; each costs a TLS handshake."""
FOLLOW_TIMEOUT = 300.0
"""Seconds of silence after which a followed log is asked for again: a proxy may have forgotten the connection."""
STALL = 10.0
"""Seconds of silence after the container's end after which its stream is given up and the rest fetched."""
MORE = 4
"""So many times as many last lines are asked for where too few came: long ones count as several."""
STOP_PATIENCE = 2.0
"""Seconds that the threads have to end; one that still waits for an answer then takes nothing more."""


@dataclasses.dataclass(slots=True, eq=False)
class _Job:
    """A log that is being collected."""

    log: Log
    namespace: str
    ended: bool = False
    """The container has ended, or its pod has."""
    gone: bool = False
    """The pod was deleted; another one may have its name."""
    busy: bool = False
    queued: bool = False
    stream: LogStream | None = None
    heard: float = 0.0
    """When its stream last said something (monotonic)."""
    trouble: str = ""
    """What the last failed request said."""
    lost: str = ""
    """That the kubelet had lost the container when it was first seen, in words: an empty log proves nothing then."""
    attempts: int = 0
    """Requests in a row that brought the log no nearer to its end."""
    asked: int = 0
    """How many last lines the kubelet is asked for, if only those are wanted; it counts pieces of lines."""
    before: str | None = None
    """Where the last stream began that had too few."""


class Collector:
    """Collects logs in threads of its own. Call `see` for each change of a pod and `tick` about once a second.

    What is new in them is passed on to `lines`.
    """

    def __init__(self, cluster: Cluster, options: LogOptions, lines: WholeLines | None = None) -> None:
        self._cluster = cluster
        self._clock = cluster.clock
        self._options = options
        self._lines = lines or WholeLines()
        self._jobs: dict[tuple[str, str], _Job] = {}
        self._folders: dict[str, LogFolder] = {}
        self._changed = threading.Condition()
        self._to_fetch: collections.deque[_Job] = collections.deque()
        self._to_follow: collections.deque[_Job] = collections.deque()
        self._fetching = self._following = self._idle = 0
        self._fetchers = max(1, min(FETCHERS, options.parallel // 4 if options.follow else options.parallel))
        self._threads: list[threading.Thread] = []
        self._stopping = False
        self._admitted = False
        """Whether a log could be opened: a later 403 is of an API server that has just started."""

    # --- for the main thread --------------------------------------------------------------------------------------

    def add(self, folder: LogFolder) -> None:
        """Collect the logs of a Workflow into `folder`."""
        self._folders[folder.workflow] = folder

    def see(self, workflow: str, pod: Json, *, gone: bool = False) -> None:
        """Start or end the collection of a pod's logs, as its status says; `gone` if it was deleted.

        `pod` is what `pods.trim` leaves of it.
        """
        node_name = pod_node_name(pod)
        if not node_name or not self._options.chooses(name := parse_node_name(workflow, node_name)):
            return
        for container in wanted_containers(pod, self._options.containers):
            if container.started or container.ended or gone:
                with self._changed:
                    job = self._job_of(workflow, pod, container, name)
                    job.gone |= gone
                    if container.ended or gone:
                        self._end(job)
                    self._enqueue(job)

    def _job_of(self, workflow: str, pod: Json, container: Container, name: NodeName) -> _Job:
        """The job of a container, always the same one."""
        metadata = pod["metadata"]
        key = (metadata["uid"], container.name)
        if key not in self._jobs:
            log = self._folders[workflow].log(metadata["name"], metadata["uid"], container.name, name)
            if self._begins_later(container):
                log.cursor.executor = dataclasses.replace(log.cursor.executor, began=True)
            if not log.done and not container.started and not container.lost:
                # It never ran, so it has no log; if its pod went unseen, it may have run after all.
                log.end("" if container.never_ran else DELETED)
            self._jobs[key] = _Job(log, metadata["namespace"], lost=container.lost)
        return self._jobs[key]

    def _begins_later(self, container: Container) -> bool:
        """Whether the beginning of a container's log is not asked for, and so not missed."""
        return self._options.tail is not None or container.started_at < (self._options.since or "")

    def _end(self, job: _Job) -> None:
        """The container has ended: from now on its stream may stall no more."""
        if not job.ended:
            job.ended, job.heard = True, self._clock.monotonic()

    def tick(self) -> None:
        """Give up streams that stalled, and bring the indexes up to date."""
        now = self._clock.monotonic()
        for job in list(self._jobs.values()):
            if job.ended and now - job.heard > STALL and (stream := job.stream):
                stream.abort()
        for folder in self._folders.values():
            with contextlib.suppress(OSError):  # it is tried again, and said in the end
                folder.save()

    def end_containers(self) -> None:
        """The Workflows are over, and so are their containers, whether or not the pods say so."""
        with self._changed:
            for job in self._jobs.values():
                if not job.ended:
                    self._end(job)
                    self._enqueue(job)

    def miss(
        self, workflow: str, pod: str, node_id: str, node_name: str, containers: Iterable[str] = ("main",)
    ) -> None:
        """Record the wanted logs of a pod that was gone before this Collector saw it; an earlier wait may have some.

        `containers` are those of its template.
        """
        name, folder = parse_node_name(workflow, node_name), self._folders[workflow]
        if not self._options.chooses(name):
            return
        kept: dict[str, list[str]] = {}
        for uid, container in folder.kept_of.get(pod, ()):
            kept.setdefault(container, []).append(uid)
        for container in choose_containers(self._options.containers, containers, [*containers, "init", "wait", *kept]):
            for uid in kept.get(container, [node_id]):
                log = folder.log(pod, uid, container, name)
                if not log.done:
                    log.end("the pod was deleted before its log could be read")

    @property
    def logs(self) -> list[Log]:
        """The logs that were collected, or should have been."""
        return [log for folder in self._folders.values() for log in folder.logs]

    @property
    def pending(self) -> list[Log]:
        """The logs that more is expected of."""
        return [job.log for job in self._jobs.values() if not job.log.done]

    def wait(self, deadline: float) -> None:
        """Wait until nothing is pending any more, or for the deadline (monotonic)."""
        next_tick = self._clock.monotonic() + 1
        while self.pending and self._clock.monotonic() < deadline:
            self._clock.sleep(0.02)
            if self._clock.monotonic() >= next_tick:
                self.tick()
                next_tick = self._clock.monotonic() + 1

    def stop(self, reason: str) -> None:
        """Stop now. What is on disk is valid; logs that are not at their end get `reason`."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        for job in list(self._jobs.values()):
            if stream := job.stream:
                stream.abort()
        deadline = self._clock.monotonic() + STOP_PATIENCE
        for thread in self._threads:
            thread.join(max(0.0, deadline - self._clock.monotonic()))
        for job in self._jobs.values():
            with job.log.lock:
                if not job.log.done:
                    job.log.end(f"{reason}; last: {job.trouble}" if job.trouble else reason)
        for folder in self._folders.values():
            _save_at_last(folder)

    # --- the workers ----------------------------------------------------------------------------------------------

    def _enqueue(self, job: _Job) -> None:
        """Queue a job for a worker; the caller holds the lock."""
        if self._stopping or job.log.done or job.busy:
            return
        if job.queued:
            if not job.ended or job not in self._to_follow:
                return
            self._to_follow.remove(job)
        job.queued = True
        fetch = self._is_fetch(job)
        (self._to_fetch if fetch else self._to_follow).append(job)
        limit = self._fetchers + self._following if fetch else self._options.parallel
        # A worker that was notified is idle until it wakes.
        if self._idle < len(self._to_fetch) + len(self._to_follow) and len(self._threads) < limit:
            thread = threading.Thread(target=self._work, name=f"log-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()
        self._changed.notify()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._idle += 1
                while not (job := self._next()):
                    if self._stopping:
                        return
                    self._changed.wait()
                self._idle -= 1
                fetching = self._is_fetch(job)
                self._fetching += fetching
                self._following += not fetching
                job.busy, job.queued = True, False
            try:
                self.collect(job)
            except Exception as error:  # whatever it is, it concerns this log alone, and the thread lives on
                with job.log.lock:
                    job.log.end(f"its file {why_failed(error)}")
            finally:
                with self._changed:
                    job.busy = False
                    self._fetching -= fetching
                    self._following -= not fetching
                    self._enqueue(job)
                    self._changed.notify()

    def _is_fetch(self, job: _Job) -> bool:
        """Whether a log is read to its present end, and not stayed with."""
        return job.ended or not self._options.follow

    def _next(self) -> _Job | None:
        if self._stopping:
            return None
        if self._to_fetch and self._fetching < self._fetchers:
            return self._to_fetch.popleft()
        if self._to_follow and self._following < self._options.parallel - self._fetchers:
            return self._to_follow.popleft()
        return None

    def collect(self, job: _Job) -> None:
        """Read a log until nothing more will come, now or ever. OSError if its file cannot be written."""
        log, backoff = job.log, Backoff(self._clock)
        while not log.done and not self._stopping:
            if job.gone:
                log.end(loss_with_pod(log.cursor))
                break
            known = log.received
            try:
                reading = self._read(job)
            except ApiError as error:
                if self._stopping:
                    break
                if log.received > known:
                    backoff.reset()
                self._take_refusal(job, error, backoff)
            else:
                if not log.done:  # the Collector was stopped meanwhile
                    self._act(job, verdict(reading), backoff)
        with log.lock:
            log.close()

    def _read(self, job: _Job) -> Reading:
        """Read one stream to its end; ApiError if it breaks, after what came of it was taken."""
        log, follow = job.log, not self._is_fetch(job)
        known, started = log.received, self._clock.monotonic()
        cutter = self._cutter(job)
        self._stream(job, cutter, follow)
        while cutter.short:
            job.asked, job.before = job.asked * MORE, cutter.cursor.first
            cutter = self._cutter(job)
            self._stream(job, cutter, follow)
        seconds = self._clock.monotonic() - started
        return Reading(
            followed=follow,
            ended=self._ends_soon(job) if follow else job.ended,
            known=known,
            came=log.received - known,
            seconds=seconds,
            attempts=job.attempts,
            sound=cutter.anchored and not job.trouble,
            at_line_end=cutter.at_line_end,
            settled=log.cursor.executor.settled,
        )

    def _act(self, job: _Job, what: Verdict, backoff: Backoff) -> None:
        match what:
            case Verdict.DONE:
                job.log.end("" if job.log.received else job.lost)
            case Verdict.STILL_RUNS:
                job.log.end("the container still runs")
            case Verdict.GIVE_UP if job.trouble:
                job.log.end(f"the kubelet could not read it: {job.trouble}")
            case Verdict.GIVE_UP:
                job.log.gaps.append((job.log.cursor.stamp, END))
                job.log.end()
            case Verdict.AGAIN:
                job.attempts += 1
            case Verdict.INSIST:
                job.attempts += 1
                backoff.wait()
            case Verdict.FOLLOW:
                backoff.wait()

    def _take_refusal(self, job: _Job, error: ApiError, backoff: Backoff) -> None:
        job.trouble = error.message
        if why := why_hopeless(error, job.log.pod, ended=job.ended, admitted=self._admitted):
            job.log.end(f"{job.lost}: {why}" if job.lost else why)
        else:
            backoff.wait(error.retry_after)

    def _stream(self, job: _Job, cutter: Cutter, follow: bool) -> None:
        """Take what a stream brings; ApiError if it breaks, after what came of it was taken."""
        try:
            stream = job.stream = self._cluster.open_log(
                path("Pod", job.namespace, job.log.pod, "log"),
                read_timeout=FOLLOW_TIMEOUT if follow else STALL * 3,
                **self._query(job, follow),
            )
            job.heard, job.trouble, self._admitted = self._clock.monotonic(), "", True
            try:
                with job.log.lock:
                    if job.log.done:
                        return  # the Collector was stopped meanwhile
                    job.log.open()
                for chunk in stream:
                    job.heard = self._clock.monotonic()
                    self._take(job, cutter.feed, chunk)
            finally:
                job.stream = None
                stream.close()
        except ApiError:
            self._take(job, cutter.give_up)
            raise
        self._take(job, cutter.finish, bool(job.attempts) and not follow)

    def _cutter(self, job: _Job) -> Cutter:
        log = job.log
        kept: dict[str, Any] = {
            "stamps": self._options.timestamps,
            "executor": log.container in EXECUTOR_CONTAINERS,
            "grep": self._options.grep,
            "since": self._options.since,
        }
        if self._options.tail is None or log.cursor.stamp:
            return Cutter(log.cursor, **kept)
        cut = not self._options.grep
        return LastLinesCutter(log.cursor, self._options.tail, cut=cut, before=job.before, **kept)

    def _query(self, job: _Job, follow: bool) -> dict[str, Any]:
        log = job.log
        query: dict[str, Any] = {"container": log.container, "timestamps": "true"}
        if follow:
            query["follow"] = "true"
        if since := log.cursor.since or self._options.since:
            query["sinceTime"] = since
        if self._options.tail is not None and not log.cursor.stamp and not self._options.grep:
            job.asked = job.asked or self._options.tail + LAST_WORDS
            query["tailLines"] = job.asked
        return query

    def _take(self, job: _Job, cut: Callable[..., Taken], *what: bytes | bool) -> None:
        """Cut what came and write it; the cursor and the file move together or not at all."""
        log = job.log
        with log.lock:
            if log.done:
                return
            before = dataclasses.replace(log.cursor)
            taken = cut(*what)
            try:
                log.take(taken)
            except OSError:
                log.cursor = before
                raise
        if taken.complaint:
            job.trouble = taken.complaint.strip()
        if taken.text:
            job.attempts = 0
            self._lines.feed(log, taken.text)

    def _ends_soon(self, job: _Job) -> bool:
        """Whether the container of a stream that has just ended has ended, too, or is about to be known to have."""
        end = self._clock.monotonic() + news_lag(job.log.cursor)
        while not job.ended and self._clock.monotonic() < end and not self._stopping:
            self._clock.sleep(0.05)
        return job.ended


def _save_at_last(folder: LogFolder) -> None:
    """Bring the index up to date; where that fails, its logs are not complete: a second wait would begin anew."""
    try:
        folder.save()
    except OSError as error:
        for log in folder.logs:
            log.spoil(f"its index could not be written: {error.strerror or error}")
