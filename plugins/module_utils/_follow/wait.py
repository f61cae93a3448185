# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is waited for, and how a wait has ended. Private to the collection. Pure."""

from __future__ import annotations

import dataclasses
import datetime
from pathlib import Path
from typing import NamedTuple

from ansible_collections.argo.workflows.plugins.module_utils._follow.diagnosis import Diagnosis
from ansible_collections.argo.workflows.plugins.module_utils._follow.outcome import Outcome
from ansible_collections.argo.workflows.plugins.module_utils._follow.run import Run
from ansible_collections.argo.workflows.plugins.module_utils._logs.folder import Log
from ansible_collections.argo.workflows.plugins.module_utils._logs.options import LogOptions


@dataclasses.dataclass(frozen=True, slots=True)
class Wanted:
    """What to follow, how long, and what to keep of it."""

    namespace: str
    names: tuple[str, ...] = ()
    label_selector: str = ""
    """Instead of names: the Workflows that have these labels when the wait begins."""
    until: str = "finished"
    """Either "finished", "running" (the first pod runs) or "suspended": a condition has to have held once for each run
    that has not ended."""
    node: tuple[str, str] | None = None
    """A node's name and the phase to wait for, instead of `until`."""
    timeout: float = 3600.0
    """Seconds."""
    give_up_on: frozenset[str] = frozenset()
    """Kinds of diagnoses that end the wait if they last for `give_up_after`."""
    give_up_after: float = 300.0
    """Seconds. Those that heal when other pods end count only while no pod of the runs is on a node."""
    lease: float = 0.0
    """Seconds for which the runs live on when nobody waits for them any more; 0: that does not matter to them."""
    logs_dir: Path | None = None
    logs: LogOptions = dataclasses.field(default_factory=LogOptions)
    progress_interval: float = 0.0
    """Seconds without an event after which it is said what is waited for; 0 is never."""
    show_tree: bool = False
    show_logs: bool = False

    @property
    def condition(self) -> str:
        """What a run is waited for besides its end, as words that follow "before"; empty if nothing."""
        if self.node:
            return "its node {} was {}".format(*self.node)
        return "" if self.until == "finished" else f"it was {self.until}"

    @property
    def collects_logs(self) -> bool:
        return bool(self.logs_dir or self.show_logs)

    def holds_for(self, run: Run) -> bool:
        """Whether what is waited for, besides the end, holds for a run now."""
        if self.node:
            name, phase = self.node
            return run.node_phase(name) == phase
        return {"running": run.running, "suspended": run.suspended, "finished": lambda: False}[self.until]()


class EndedRun(NamedTuple):
    """A Workflow when the wait for it has ended."""

    run: Run
    diagnoses: tuple[Diagnosis, ...] = ()
    """What kept it from going on, or from succeeding."""
    met: bool = False
    """What was waited for besides its end holds, or has held."""


class Ended(NamedTuple):
    """A wait that has ended."""

    outcome: Outcome
    wanted: Wanted
    wall: datetime.datetime
    """When, in the time of day."""
    runs: tuple[EndedRun, ...] = ()
    logs: tuple[Log, ...] = ()
    """Those that were collected, or should have been."""
    gave_up: Diagnosis | None = None
    """What the wait was given up on."""
    trouble: str = ""
    """Why the API server could not be reached at last, if it could not."""
