# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When the whole of a Workflow is read, while its watch brings only its metadata. Private to the collection. Pure."""

from __future__ import annotations

import dataclasses

from ansible_collections.argo.workflows.plugins.module_utils._follow.run import Run

READ_GAP = 10.0
"""Seconds between two readings while no pod of the Workflow is at work; then it alone tells more."""
CONDITION_GAP = 2.0
"""The same while a condition is waited for, or HTTP and plugin steps run, which the Workflow alone may tell of."""
LONGEST_READ_GAP = 300.0
"""While pods are at work they tell nearly all, and the gap grows from a second to this."""


@dataclasses.dataclass(slots=True)
class Readings:
    """When one Workflow was read, and when it is to be read again."""

    version: str = ""
    """The resourceVersion of what was read last; empty before."""
    asked: float = float("-inf")
    """When it was last asked for (monotonic seconds)."""
    gap: float = 0.0
    """Seconds from one reading to the next; 0 before the first."""
    under_way: bool = False

    def is_due(self, run: Run, now: float, *, for_condition: bool = False) -> bool:
        """Whether the Workflow is to be read now; `for_condition` is whether a condition is waited for."""
        if self.under_way or run.deleted:
            return False
        waited = now - self.asked
        if run.done:
            return not run.read_to_end and (waited >= 1 or self.version != run.version)
        if not self.gap:
            return True
        return run.touched and self.version != run.version and waited >= self._patience(run, for_condition)

    def _patience(self, run: Run, for_condition: bool) -> float:
        if for_condition or run.by_agent():
            return min(self.gap, CONDITION_GAP)
        return self.gap if run.at_work() else min(self.gap, READ_GAP)

    def ask(self, run: Run, now: float) -> None:
        """It is being read."""
        self.asked, self.under_way = now, True
        self.gap = next_gap(self.gap, at_work=run.at_work())

    def came(self, version: str) -> None:
        """It was read, at this resourceVersion."""
        self.version, self.under_way = version, False

    def failed(self) -> None:
        """It could not be read."""
        self.under_way = False


def next_gap(gap: float, *, at_work: bool) -> float:
    """Seconds to the next reading, when the last came after `gap` (0: there was none).

    `at_work` is whether pods of the Workflow run.
    """
    if not gap:
        return 1.0
    return min(4 * gap, LONGEST_READ_GAP) if at_work else READ_GAP
