# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Workflows that live as long as somebody waits for them. Private to the collection.

`Plan` decides what is to be done about the lease, and is pure; `Keeper` does it in a thread of its own, so that neither
the logs nor a request that hangs keeps a lease from being renewed.
"""

from __future__ import annotations

import dataclasses
import enum
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NamedTuple

from ansible_collections.argo.workflows.plugins.module_utils._follow.run import Run
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.cluster import Cluster
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.lease import (
    Held,
    adopt,
    give_back,
    release,
    renew,
    take,
    why_it_stands_still,
)
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import path

LONGEST_GAP = 10.0
"""Seconds between two renewals at most, so that a long lease outlives nearly as long an outage."""
PAUSE = 1.0
"""Seconds after a failure until it is tried again."""
TICK = 0.2
PATIENCE = 15.0
"""Seconds that taking a lease, or what is left to do about it at the end, may take."""
NEVER = float("-inf")


class Step(enum.Enum):
    """What is to be done about a lease, the most urgent first."""

    TAKE = "taken"
    RENEW = "renewed"
    ADOPT = "given to a Workflow"
    RELEASE = "taken from a Workflow"


class Action(NamedTuple):
    step: Step
    name: str = ""
    """Of the Workflow, if it is about one."""


@dataclasses.dataclass(slots=True)
class Plan:
    """What has been done about a lease, and what is due. Times are monotonic seconds."""

    seconds: float
    taken: bool = False
    renewed: float = NEVER
    uids: dict[str, str] = dataclasses.field(default_factory=dict)
    """The Workflows that were seen, each name with its uid."""
    adopted: set[str] = dataclasses.field(default_factory=set)
    """Those that live by the lease."""
    free: set[str] = dataclasses.field(default_factory=set)
    """Those that live by none any more."""
    ended: set[str] = dataclasses.field(default_factory=set)
    pauses: dict[Action, float] = dataclasses.field(default_factory=dict)
    """Until when what has failed is not tried again."""

    @property
    def gap(self) -> float:
        """Seconds from one renewal to the next."""
        return min(self.seconds / 3, LONGEST_GAP)

    @property
    def goes_on(self) -> bool:
        """Whether a Workflow still needs the lease."""
        return any(name not in self.ended for name in self.uids)

    def see(self, name: str, uid: str, *, ended: bool) -> None:
        """This is how a Workflow stands. One that has ended, or was deleted, needs no lease."""
        self.uids.setdefault(name, uid)
        if ended:
            self.ended.add(name)

    def due(self, now: float) -> Action | None:
        """What is to be done now, one thing at a time."""
        return next((action for action in self._open(now) if self.pauses.get(action, NEVER) <= now), None)

    def is_settled(self, now: float) -> bool:
        """Whether nothing is left to do, not even what has failed."""
        return next(iter(self._open(now)), None) is None

    def _open(self, now: float) -> Iterable[Action]:
        if self.goes_on and not self.taken:
            yield Action(Step.TAKE)
        if self.goes_on and self.taken and now - self.renewed >= self.gap:
            yield Action(Step.RENEW)
        if self.taken:
            yield from (Action(Step.ADOPT, name) for name in self.uids if name not in self.ended | self.adopted)
        yield from (Action(Step.RELEASE, name) for name in self.uids if name in self.ended - self.free)

    def did(self, action: Action, began: float) -> None:
        """It was done; the request began at that time."""
        self.pauses.pop(action, None)
        match action.step:
            case Step.TAKE:
                self.taken, self.renewed, self.adopted = True, began, set()
            case Step.RENEW:
                self.renewed = began
            case Step.ADOPT:
                self.adopted.add(action.name)
            case Step.RELEASE:
                self.free.add(action.name)

    def failed(self, action: Action, status: int | None, now: float) -> None:
        """It could not be done; `status` is that of the answer. A lease that has run out is taken anew."""
        if action.step is Step.RENEW and status == 404:
            self.taken = False
        self.pauses[action] = now + PAUSE


class Keeper:
    """Renews a lease while Workflows are waited for, gives it to them, and takes it from those that have ended."""

    def __init__(self, cluster: Cluster, namespace: str, seconds: float, say: Callable[[str], None]) -> None:
        """Takes the lease; `say` gets sentences about it. Raises ApiError where that fails."""
        self._cluster = cluster
        self._clock = cluster.clock
        self._namespace = namespace
        self._say = say
        self._said: set[str] = set()
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._failure: Exception | None = None
        self._plan = Plan(seconds)
        began = self._clock.monotonic()
        self._held = self._renewed_at_once(self._for(PATIENCE))
        self._plan.did(Action(Step.TAKE), began)
        self._thread: threading.Thread | None = None

    def _renewed_at_once(self, cluster: Cluster) -> Held:
        """A lease that can also be renewed: better said before a Workflow lives by it."""
        return renew(cluster, take(cluster, self._namespace, self._plan.seconds))

    def _for(self, seconds: float) -> Cluster:
        return self._cluster.until(self._clock.monotonic() + seconds)

    # --- for the thread that decides ---

    def start(self) -> Keeper:
        """Do from now on what is due."""
        self._thread = threading.Thread(target=self._work, name="lease", daemon=True)
        self._thread.start()
        return self

    def see(self, runs: Iterable[Run]) -> None:
        """This is how the runs stand. Raises that for which no lease can be given to them, or none is renewed."""
        with self._lock:
            for run in runs:
                self._plan.see(run.name, run.uid, ended=run.done or run.deleted)
        if self._failure:
            raise self._failure

    def end(self, runs: Iterable[Run], told: Collection[str]) -> None:
        """The wait has ended. The runs that have ended, or were `told` to, stay; the others have the whole lease."""
        self._over.set()
        if self._thread:
            self._thread.join(PATIENCE)
        plan = self._plan
        for run in runs:
            plan.see(run.name, run.uid, ended=run.done or run.deleted or run.name in told)
        plan.renewed, plan.pauses = NEVER, {}
        deadline = self._clock.monotonic() + PATIENCE
        while (now := self._clock.monotonic()) < deadline and not plan.is_settled(now):
            if action := plan.due(now):
                self._do(action, self._cluster.until(deadline))
            else:
                self._clock.sleep(TICK)
        if not plan.goes_on:
            give_back(self._cluster.until(deadline), self._held)

    # --- the thread ---

    def _work(self) -> None:
        try:
            while not self._over.wait(TICK):
                self.do_what_is_due()
        except Exception as error:  # else the runs would be deleted, and nobody would know why
            self._failure = error

    def do_what_is_due(self) -> None:
        """Do all that is due now, until it is done or has failed."""
        while not self._over.is_set() and (action := self._due()):
            self._do(action, self._for(max(self._plan.gap, PAUSE)))

    def _due(self) -> Action | None:
        with self._lock:
            return self._plan.due(self._clock.monotonic())

    def _do(self, action: Action, cluster: Cluster) -> None:
        began = self._clock.monotonic()
        try:
            _ACTS[action.step](self, cluster, action.name)
        except ApiError as error:
            with self._lock:
                self._plan.failed(action, error.status, self._clock.monotonic())
            self._tell(action, error)
        else:
            with self._lock:
                self._plan.did(action, began)

    def _tell(self, action: Action, error: ApiError) -> None:
        """Say once why something cannot be done; without the rights to it the wait cannot be what it was to be."""
        if error.status == 403 and action.step is Step.ADOPT:
            self._failure = error
        if action.step.value not in self._said:
            self._say(f"the lease could not be {action.step.value}: {error}; trying again")
        self._said.add(action.step.value)

    def _take(self, cluster: Cluster, _name: str) -> None:
        self._held = take(cluster, self._namespace, self._plan.seconds)

    def _renew(self, cluster: Cluster, _name: str) -> None:
        self._held = renew(cluster, self._held)
        still = why_it_stands_still(self._held.job)
        if still and still not in self._said:
            self._say(still)
        self._said = {still}

    def _adopt(self, cluster: Cluster, name: str) -> None:
        adopt(cluster, path("Workflow", self._namespace, name), self._plan.uids[name], self._held)

    def _release(self, cluster: Cluster, name: str) -> None:
        release(cluster, path("Workflow", self._namespace, name), self._plan.uids[name])


_ACTS: Mapping[Step, Callable[[Keeper, Cluster, str], None]] = {
    Step.TAKE: Keeper._take,
    Step.RENEW: Keeper._renew,
    Step.ADOPT: Keeper._adopt,
    Step.RELEASE: Keeper._release,
}
