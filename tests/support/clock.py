# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual time."""

from __future__ import annotations

import datetime
import heapq
import itertools
from collections.abc import Callable

EPOCH = datetime.datetime(2026, 11, 22, 15, 45, tzinfo=datetime.UTC)


class Clock:
    """Virtual time in seconds; what was scheduled happens when it passes."""

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()

    def time(self) -> float:
        return EPOCH.timestamp() + self.now

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float, /) -> None:
        end = self.now + seconds
        while self._due and self._due[0][0] <= end:
            when, _number, action = heapq.heappop(self._due)
            self.now = max(self.now, when)
            action()
        self.now = max(self.now, end)

    def at(self, when: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._due, (when, next(self._numbers), action))


def stamp(when: float) -> str:
    """A time of the virtual clock as the kubelet writes it before a line."""
    whole, fraction = divmod(round(when * 1e9), 10**9)
    return (EPOCH + datetime.timedelta(seconds=whole)).strftime("%Y-%m-%dT%H:%M:%S") + f".{fraction:09d}Z"
