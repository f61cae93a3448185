# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever the API server does: what was made of the events of a watch is at last what the cluster has."""

from __future__ import annotations

import os
import random

import pytest

from ansible_collections.argo.workflows.tests.support.synthetic import Clock, Faults, Server

SEEDS = int(os.environ.get("FAULT_SEEDS", "500"))
QUIET = 200.0
"""When the last object changes and the last fault strikes."""


@pytest.mark.parametrize("seed", range(SEEDS), ids="seed{}".format)
def test_the_events_of_a_watch_add_up_to_what_the_cluster_has(seed: int) -> None:
    chance = random.Random(seed)
    clock = Clock()
    server = Server(clock, Faults(chance, until=QUIET, share=chance.choice([0, 0.2, 0.6])))
    names = [f"pod-{number}" for number in range(chance.choice([1, 5, 600]))]
    alive: dict[str, str] = {}

    def change() -> None:
        name = chance.choice(names)
        if name not in alive:
            alive[name] = f"{name}-{len(server.history)}"
            server.change("ADDED", name, alive[name], 0)
        elif chance.random() < 0.3:
            server.change("DELETED", name, alive.pop(name), 0)
        else:
            server.change("MODIFIED", name, alive[name], len(server.history))
        if chance.random() < 0.05:
            server.oldest = len(server.history)

    for name in names[::2]:
        alive[name] = f"{name}-at-first"
        server.change("ADDED", name, alive[name], 0)
    for _number in range(chance.choice([0, 20, 100])):
        clock.at(chance.uniform(0, QUIET), change)

    state: dict[str, int] = {}
    for kind, item in server.cluster().events("/api/v1/pods", wanted=lambda: clock.now < QUIET + 1000):
        if kind == "DELETED":
            del state[item["metadata"]["uid"]]
        elif kind in ("ADDED", "MODIFIED"):
            state[item["metadata"]["uid"]] = item["value"]
    assert state == {uid: item["value"] for uid, item in server.objects.items()}
