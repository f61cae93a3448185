# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell the controller to end Workflows. Private to the collection."""

from __future__ import annotations

import collections
import contextlib
import threading
from collections.abc import Iterable

from ansible_collections.argo.workflows.plugins.module_utils._follow.run import Run
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.cluster import Cluster
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import path

PATIENCE = 15.0
"""Seconds after the end of the wait in which the Workflows have to be told to stop."""
PARALLEL = 8


def shut_down(cluster: Cluster, runs: Iterable[Run], how: str) -> dict[str, str]:
    """Ask the controller to end the runs: `how` is "Stop" (exit handlers still run) or "Terminate".

    Returns why not, by name, for those that it could not be asked for in PATIENCE seconds.
    """
    todo = collections.deque(runs)
    refused = {run.name: f"no answer came within {PATIENCE:.0f} s" for run in todo}

    def work() -> None:
        with contextlib.suppress(IndexError):
            while run := todo.popleft():
                try:
                    cluster.patch(path("Workflow", run.namespace, run.name), {"spec": {"shutdown": how}})
                    del refused[run.name]
                except ApiError as error:
                    refused[run.name] = str(error)

    threads = [threading.Thread(target=work, daemon=True) for _number in range(min(PARALLEL, len(todo)))]
    for thread in threads:
        thread.start()
    deadline = cluster.clock.monotonic() + PATIENCE
    for thread in threads:
        thread.join(max(0.0, deadline - cluster.clock.monotonic()))
    return dict(refused)
