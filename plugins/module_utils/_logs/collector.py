# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring the logs of many containers home. Private to the collection.

A running container's log is followed, an ended one's is fetched; at most `parallel` connections are open. That a
stream ends does not make it complete: the API server closes it properly, too, when it has lost the kubelet, and the
kubelet, when it has rotated the log under a reader that lags behind. So a log is read again from its last line on,
and is complete when nothing new comes, unless its end is known from what was read:

- The executor says that the container's process has exited, and ends itself milliseconds later if it has no outputs
  to save. The kubelet reads a log from its front to its back, so all that stands before these words has come with
  them. Behind them stands only what was still in a pipe then, as the rest of a line without an end, and follows at
  once: so these words prove nothing where the stream ends inside a line, and elsewhere the kubelet would have to be
  lost in these milliseconds.
- A short log that is read after the container's end comes in one piece.

What nobody can see are the lines that the kubelet leaves out of a stream that lags behind by two rotations (20 MB).
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.argo.workflows.plugins.module_utils._argo.names import NodeName, parse_node_name, pod_node_name
from ansible_collections.argo.workflows.plugins.module_utils._argo.pods import Container, wanted_containers
from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import EXECUTOR_CONTAINERS
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.cluster import Backoff, Cluster, LogStream
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import path
from ansible_collections.argo.workflows.plugins.module_utils._logs.executor import LAST_WORDS
from ansible_collections.argo.workflows.plugins.module_utils._logs.folder import END, Log, LogFolder
from ansible_collections.argo.workflows.plugins.module_utils._logs.lines import Cutter, LastLinesCutter, Taken
from ansible_collections.argo.workflows.plugins.module_utils._logs.options import LogOptions

FETCHERS = 16
"""More connections than this don't make short logs come any faster; each costs a TLS handshake."""
FOLLOW_TIMEOUT = 300.0
"""Seconds of silence after which a followed log is asked for again: a proxy may have forgotten the connection."""
STALL = 10.0
"""Seconds of silence after the container's end after which its stream is given up and the rest fetched."""
NEWS_LAG = 1.0
"""Seconds that the news of a container's end may come after the end of its stream, before it is followed again …"""
EXIT_NEWS_LAG = 10.0
"""… and if the executor has said that the process has exited: then it is not likely to have more to say."""
ONE_PIECE = (256 * 1024, 1.0)
"""Bytes and seconds up to which a log that is read after the container's end comes in one piece."""
STOP_PATIENCE = 2.0
"""Seconds that the threads have to end; one that still waits for an answer then takes nothing more."""
STUBBORN = 4
"""How often a log is asked for again that the kubelet cannot read, or in which the last known line does not come."""
DELETED = "the pod was deleted before its log was read to its end"


@dataclasses.dataclass(slots=True, eq=False)
class _Job:
    """A log that is being had."""

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
    attempts: int = 0
    """Requests in a row that brought the log no nearer to its end."""


class Collector:
    """Collects logs in threads of its own. Call `see` for each change of a pod and `tick` about once a second.

    Each of `sinks` is called with a log and each new piece of it, from several threads, but one after the other for
    each log.
    """

    def __init__(
        self, cluster: Cluster, options: LogOptions, sinks: Sequence[Callable[[Log, bytes], None]] = ()
    ) -> None:
        self._cluster = cluster
        self._clock = cluster.clock
        self._options = options
        self._sinks = sinks
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

    # -- for the main thread --------------------------------------------------------------------------------------

    def add_run(self, folder: LogFolder) -> None:
        """Collect the logs of a Workflow into `folder`."""
        self._folders[folder.workflow] = folder

    def see(self, workflow: str, pod: Mapping[str, Any], *, gone: bool = False) -> None:
        """Start or end the collection of a pod's logs, as its status says; `gone` if it was deleted."""
        if not pod_node_name(pod):
            return
        metadata = pod["metadata"]
        name = parse_node_name(workflow, pod_node_name(pod))
        if not self._is_wanted(name):
            return
        for container in wanted_containers(pod, self._options.containers):
            over = container.ended or gone
            if not container.started and not over:
                continue
            key = (metadata["uid"], container.name)
            with self._changed:
                job = self._jobs.get(key)
                if job is None:
                    log = self._folders[workflow].log(metadata["name"], metadata["uid"], container.name, name)
                    job = self._jobs[key] = _Job(log, metadata["namespace"])
                    log.cursor.began |= self._begins_later(container)
                    if not container.started and not log.done:
                        # It never ran, so it has no log; if its pod went unseen, it may have run after all.
                        log.end("" if container.ended else DELETED)
                job.gone |= gone
                if over and not job.ended:
                    job.ended = True
                    job.heard = self._clock.monotonic()
                self._enqueue(job)

    def _begins_later(self, container: Container) -> bool:
        """Whether the beginning of a container's log is not asked for, and so not missed."""
        return self._options.tail is not None or container.started_at < (self._options.since or "")

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
        """The runs are over, and so are their containers, whether or not the pods say so."""
        with self._changed:
            for job in self._jobs.values():
                if not job.ended:
                    job.ended, job.heard = True, self._clock.monotonic()
                    self._enqueue(job)

    def miss(
        self, workflow: str, pod: str, node_id: str, node_name: str, containers: Iterable[str] = ("main",)
    ) -> None:
        """Record the wanted logs of a pod that was gone before this Collector saw it; an earlier wait may have some.

        `containers` are those of its template.
        """
        name, folder = parse_node_name(workflow, node_name), self._folders[workflow]
        if not self._is_wanted(name):
            return
        kept: dict[str, list[str]] = {}
        for uid, container in folder.kept_of.get(pod, ()):
            kept.setdefault(container, []).append(uid)
        meant = {"main": containers, "all": [*containers, "init", "wait", *kept]}
        wanted = [each for choice in self._options.containers for each in meant.get(choice, [choice])]
        for container in dict.fromkeys(wanted):
            for uid in kept.get(container, [node_id]):
                log = folder.log(pod, uid, container, name)
                if not log.done:
                    log.end("the pod was deleted before its log could be read")

    def _is_wanted(self, name: NodeName) -> bool:
        wanted, item = self._options.items, dataclasses.replace(name, attempt=None).display_name
        names = {str(name.index), name.text, item, name.display_name}
        for step, index, text in name.around:
            names |= {index, text, f"{step}({index}:{text})"}
        return not wanted or not wanted.isdisjoint(names)

    @property
    def logs(self) -> list[Log]:
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
            try:
                folder.save()
            except OSError as error:
                for log in folder.logs:
                    log.reason = log.why_incomplete or f"its index could not be written: {error.strerror or error}"

    # -- the workers ----------------------------------------------------------------------------------------------

    def _enqueue(self, job: _Job) -> None:
        """Queue a job for a worker; the caller holds the lock."""
        if job.log.done or job.busy or (job.queued and not job.ended):
            return
        if job.queued and job in self._to_follow:
            self._to_follow.remove(job)
        elif job.queued:
            return
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
            except OSError as error:
                with job.log.lock:
                    job.log.end(f"its file could not be written: {error.strerror or error}")
            finally:
                with self._changed:
                    job.busy = False
                    self._fetching -= fetching
                    self._following -= not fetching
                    if not self._stopping:
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
        """Read a log until there is nothing more to have, now or ever. OSError if its file cannot be written."""
        log, backoff = job.log, Backoff(self._clock)
        while not log.done and not self._stopping:
            if job.gone:
                log.end("" if log.cursor.settled and log.cursor.ended else DELETED)
                break
            known, started = log.received, self._clock.monotonic()
            follow = not self._is_fetch(job)
            cutter = self._cutter(log)
            try:
                self._stream(job, cutter, follow)
            except ApiError as error:
                if self._stopping:
                    break
                if log.received > known:
                    backoff.reset()
                if not self._survives(job, error):
                    break
                backoff.wait(error.retry_after)
                continue
            if log.done:
                break  # the Collector was stopped meanwhile
            came, seconds = log.received - known, self._clock.monotonic() - started
            in_one_piece = came and not follow and came <= ONE_PIECE[0] and seconds < ONE_PIECE[1]
            had_before = not came and not follow and (known or job.attempts)
            if follow and not self._ends_soon(job):
                backoff.wait()  # the container still runs: its stream was cut off
            elif not cutter.anchored or job.trouble:
                self._insist(job, backoff)
            elif not follow and not job.ended:
                log.end("the container still runs")
            elif had_before or (cutter.at_line_end and (log.cursor.settled or in_one_piece)):
                log.end()
            else:
                job.attempts += 1  # what came may be cut off: a second look has to bring nothing new
        with log.lock:
            log.close()

    def _stream(self, job: _Job, cutter: Cutter, follow: bool) -> None:
        """Read one stream to its end; ApiError if it breaks, after what came of it was taken."""
        try:
            stream = job.stream = self._cluster.open_log(
                path("Pod", job.namespace, job.log.pod, "log"),
                read_timeout=FOLLOW_TIMEOUT if follow else STALL * 3,
                **self._query(job.log, follow),
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

    def _cutter(self, log: Log) -> Cutter:
        kept: dict[str, Any] = {
            "stamps": self._options.timestamps,
            "executor": log.container in EXECUTOR_CONTAINERS,
            "grep": self._options.grep,
        }
        if self._options.tail is None or log.cursor.stamp:
            return Cutter(log.cursor, **kept)
        return LastLinesCutter(log.cursor, self._options.tail, **kept)

    def _query(self, log: Log, follow: bool) -> dict[str, Any]:
        query: dict[str, Any] = {"container": log.container, "timestamps": "true"}
        if follow:
            query["follow"] = "true"
        if since := log.cursor.since or self._options.since:
            query["sinceTime"] = since
        if self._options.tail is not None and not log.cursor.stamp and not self._options.grep:
            query["tailLines"] = self._options.tail + LAST_WORDS
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
            for sink in self._sinks:
                sink(log, taken.text)

    def _ends_soon(self, job: _Job) -> bool:
        """Whether the container of a stream that has just ended has ended, too, or is about to be known to have."""
        end = self._clock.monotonic() + (EXIT_NEWS_LAG if job.log.cursor.exited else NEWS_LAG)
        while not job.ended and self._clock.monotonic() < end and not self._stopping:
            self._clock.sleep(0.05)
        return job.ended

    def _insist(self, job: _Job, backoff: Backoff) -> None:
        """The kubelet could not read the log, or the last known line did not come: try a few times more."""
        job.attempts += 1
        if job.attempts < STUBBORN:
            backoff.wait()
        elif job.trouble:
            job.log.end(f"the kubelet could not read it: {job.trouble}")
        else:
            job.log.gaps.append((job.log.cursor.stamp, END))
            job.log.end()

    def _survives(self, job: _Job, error: ApiError) -> bool:
        """Whether a failed request is worth repeating now; ends the log if it will never be."""
        job.trouble = error.message
        if error.status == 404 and f'pods "{job.log.pod}" not found' in error.message:
            # Only the API server says so; the 404 of a kubelet that has just started means that it knows no pod yet.
            job.log.end(DELETED)
        elif error.status == 403 and not self._admitted:
            job.log.end(f"forbidden: {error.message}")
        elif error.status == 400 and (job.ended or "waiting to start" not in error.message):
            job.log.end(error.message)
        else:
            return True
        return False
