# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever the API server does: what was made of the events of a watch is at last what the cluster has."""

from __future__ import annotations

import os
import random

import pytest

from ansible_collections.argo.workflows.tests.support.clock import Clock
from ansible_collections.argo.workflows.tests.support.synthetic import Faults, Server

SEEDS = int(os.environ.get("FAULT_SEEDS", "500"))
QUIET = 200.0
"""When the last object changes and the last fault strikes."""


class ChangingPods:
    """Pods come, change and go by chance, until QUIET; now and then the history begins anew."""

    def __init__(self, chance: random.Random, clock: Clock) -> None:
        self._chance = chance
        self.server = Server(clock, Faults(chance, until=QUIET, share=chance.choice([0, 0.2, 0.6])))
        self._names = [f"pod-{number}" for number in range(chance.choice([1, 5, 600]))]
        self._alive = {name: f"{name}-at-first" for name in self._names[::2]}
        for name, uid in self._alive.items():
            self.server.change("ADDED", name, uid, 0)
        for _number in range(chance.choice([0, 20, 100])):
            clock.at(chance.uniform(0, QUIET), self._change)

    def _change(self) -> None:
        name = self._chance.choice(self._names)
        if name not in self._alive:
            self._alive[name] = f"{name}-{len(self.server.history)}"
            self.server.change("ADDED", name, self._alive[name], 0)
        elif self._chance.random() < 0.3:
            self.server.change("DELETED", name, self._alive.pop(name), 0)
        else:
            self.server.change("MODIFIED", name, self._alive[name], len(self.server.history))
        if self._chance.random() < 0.05:
            self.server.oldest = len(self.server.history)


@pytest.mark.parametrize("seed", range(SEEDS), ids="seed{}".format)
def test_the_events_of_a_watch_add_up_to_what_the_cluster_has(seed: int) -> None:
    clock = Clock()
    server = ChangingPods(random.Random(seed), clock).server
    state: dict[str, int] = {}
    for kind, item in server.cluster().events("/api/v1/pods", wanted=lambda: clock.now < QUIET + 1000):
        if kind == "DELETED":
            del state[item["metadata"]["uid"]]
        elif kind in ("ADDED", "MODIFIED"):
            state[item["metadata"]["uid"]] = item["value"]
    assert state == {uid: item["value"] for uid, item in server.objects.items()}
