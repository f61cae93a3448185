# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The logs of some Workflows, from the first pod to the last line in the index. Private to the collection.

Whoever follows or lists the pods hands them over; a log that cannot be read from its pod is taken from the archive.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from ansible_collections.argo.workflows.plugins.module_utils._argo.items import Attempt
from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import Json
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.cluster import Cluster
from ansible_collections.argo.workflows.plugins.module_utils._logs.archive import Archive
from ansible_collections.argo.workflows.plugins.module_utils._logs.collector import Collector
from ansible_collections.argo.workflows.plugins.module_utils._logs.files import lock_folder
from ansible_collections.argo.workflows.plugins.module_utils._logs.folder import Log, LogFolder
from ansible_collections.argo.workflows.plugins.module_utils._logs.options import LogOptions
from ansible_collections.argo.workflows.plugins.module_utils._logs.sinks import MergedFiles, Sink, WholeLines

LOOK_GAP = 0.2
"""Seconds between two looks whether another process has left a folder, where nothing else is to be done."""


@dataclasses.dataclass(slots=True)
class _Elsewhere:
    """A Workflow into whose folder another process writes, so that nothing is collected yet."""

    namespace: str
    name: str
    uid: str
    todo: dict[str, Callable[[], None]] = dataclasses.field(default_factory=dict)
    """What is to be done when that has ended: of each pod only what was seen last."""


class LogCollection:
    """Collects the logs of the Workflows that were added: `see` their pods, `tick` once a second, `finish` once.

    `server` is the Argo Server, which has the archived logs. Files are written below `directory`, if there is one;
    `sinks` get all lines, too. Where another process writes the logs of the same Workflow, it is left to its end, and
    what it has not collected is collected then.
    """

    def __init__(
        self,
        cluster: Cluster,
        server: Cluster | None,
        options: LogOptions,
        directory: Path | None,
        sinks: Sequence[Sink] = (),
    ) -> None:
        self._clock = cluster.clock
        merged = [MergedFiles(directory).write] if directory and options.merged else []
        self._lines = WholeLines([*merged, *sinks])
        self._collector = Collector(cluster, options, self._lines)
        self._archive = Archive(server, options, self._lines)
        self._directory = directory
        self._selection = options.selection
        self._locks: list[BinaryIO] = []
        self._elsewhere: dict[str, _Elsewhere] = {}

    def add(self, namespace: str, name: str, uid: str) -> None:
        """Collect the logs of a Workflow, too."""
        if self._lock(name):
            self._collector.add(LogFolder(self._directory, name, namespace, uid, self._selection))
        else:
            self._elsewhere[name] = _Elsewhere(namespace, name, uid)

    def _lock(self, name: str) -> bool:
        """Whether no other process writes into the folder of a Workflow; then none will."""
        if not self._directory:
            return True
        try:
            lock = lock_folder(self._directory / name, self._directory)
        except OSError:
            return True  # nobody can write there, and each log says why
        if lock:
            self._locks.append(lock)
        return bool(lock)

    def _do(self, name: str, what: str, do: Callable[[], None]) -> None:
        """Do something for a Workflow, now or when its folder is free; then only the last of each `what`."""
        if elsewhere := self._elsewhere.get(name):
            elsewhere.todo[what] = do
        else:
            do()

    def see(self, name: str, pod: Json, *, gone: bool = False) -> None:
        """A pod of the Workflow `name` is there, has changed, or is `gone`; `pod` as `pods.trim` gives it."""
        self._do(name, pod["metadata"]["uid"], functools.partial(self._collector.see, name, pod, gone=gone))

    def tick(self) -> None:
        """Give up streams that stalled, and bring the indexes up to date; to be called about once a second."""
        for name in list(self._elsewhere):
            if self._lock(name):
                left = self._elsewhere.pop(name)
                self._collector.add(LogFolder(self._directory, name, left.namespace, left.uid, self._selection))
                for do in left.todo.values():
                    do()
        self._collector.tick()

    def end_containers(self) -> None:
        """The Workflows are over, and so are their containers, whether or not the pods say so."""
        self._collector.end_containers()

    @property
    def logs(self) -> list[Log]:
        """The logs that were collected, or should have been."""
        return self._collector.logs

    @property
    def pending(self) -> bool:
        """Whether more is expected of a log."""
        return bool(self._elsewhere or self._collector.pending)

    def wait(self, deadline: float) -> None:
        """Wait until nothing is pending any more, or for the deadline (monotonic, in seconds)."""
        while self._elsewhere and self._clock.monotonic() < deadline:
            self._clock.sleep(LOOK_GAP)
            self.tick()
        self._collector.wait(deadline)

    def miss_unsettled(
        self, name: str, unsettled: Iterable[tuple[Attempt, Sequence[str]]], there: Collection[str] = ()
    ) -> None:
        """Record the wanted logs of the attempts whose pod had gone before it was seen.

        `unsettled` are the attempts of the Workflow `name` whose pod's end was not seen, with the names of the
        containers of its template; `there` are the names of the pods that still exist.
        """
        self._do(name, "", functools.partial(self._miss_unsettled, name, list(unsettled), there))

    def _miss_unsettled(
        self, name: str, unsettled: Iterable[tuple[Attempt, Sequence[str]]], there: Collection[str]
    ) -> None:
        seen = {log.pod for log in self.logs}.union(there)
        for attempt, containers in unsettled:
            if attempt.pod not in seen:
                self._collector.miss(name, attempt.pod, attempt.node_id, attempt.name, containers)

    def finish(
        self, reason: str, workflows: Iterable[tuple[Json, Mapping[str, Json]]], proceed: Callable[[], bool]
    ) -> None:
        """Stop now: what is not complete is taken from the archive while `proceed()` is true, or says `reason`.

        `workflows` are those that were added, each with its nodes by ID.
        """
        self._collector.stop(reason)
        self._archive.complete(workflows, self.logs, proceed)
        self._lines.finish()
        self._collector.tick()
        for left in self._elsewhere.values():
            self._leave(left)
        for lock in self._locks:
            lock.close()

    def _leave(self, left: _Elsewhere) -> None:
        """Of the logs that another process still writes is said that they are not here."""
        self._collector.add(LogFolder(None, left.name, left.namespace, left.uid, self._selection))
        for do in left.todo.values():
            do()
        for log in self.logs:
            if log.workflow == left.name and not log.complete:
                log.end(f"another process writes the logs of this run into {self._directory}")
