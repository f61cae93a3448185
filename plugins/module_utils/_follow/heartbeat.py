# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said after a long silence: what a wait still waits for. Private to the collection. Pure."""

from __future__ import annotations

import collections
from collections.abc import Iterator, Sequence

from ansible_collections.argo.workflows.plugins.module_utils._argo.names import display_name, pod_node_name
from ansible_collections.argo.workflows.plugins.module_utils._argo.pods import is_over
from ansible_collections.argo.workflows.plugins.module_utils._argo.times import short_duration
from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import Json
from ansible_collections.argo.workflows.plugins.module_utils._follow.diagnosis import Diagnosis
from ansible_collections.argo.workflows.plugins.module_utils._follow.run import Run

MAX_RUNS = 5
"""Runs that are told of at once, each with a line of its own."""
_OPEN = ("Pending", "Running")


def heartbeat(runs: Sequence[tuple[Run, Sequence[Diagnosis]]], now: float, pending_logs: int = 0) -> Iterator[str]:
    """A sentence for each of the first runs that have not ended, one for the rest, one for logs that still come.

    `runs` are those that are followed, each with what is wrong with it; `now` is the time that their events came with.
    """
    going_on = [(run, found) for run, found in runs if not (run.done or run.deleted)]
    for run, found in going_on[:MAX_RUNS]:
        waited = short_duration(now - run.first_seen)
        yield f"{run.name} is still {run.phase} after {waited} of waiting: {_why(run, found)}"
    if (more := len(going_on) - MAX_RUNS) and more > 0:
        yield f"{more:,} more Workflows have not ended"
    if not runs:
        yield "still waiting for the first answer of the API server"
    elif not going_on:
        yield f"the Workflows have ended; {pending_logs:,} logs are still being read"


def _why(run: Run, found: Sequence[Diagnosis]) -> str:
    if found:
        return "; ".join(dict.fromkeys(diagnosis.message for diagnosis in found))
    if run.suspended():
        return "it is suspended, until somebody resumes it"
    pods = [pod for pod in run.pods.values() if not is_over(pod)]
    counts = collections.Counter(map(_state_of, pods))
    if not counts:
        return _of_nodes(run)
    first = next(pod for pod in pods if _state_of(pod) == next(iter(counts)))
    name = display_name(run.name, node) if (node := pod_node_name(first)) else "the agent of its HTTP and plugin steps"
    parts = [f"{count:,} {'pod is' if count == 1 else 'pods are'} {state}" for state, count in counts.items()]
    return f"{', '.join(parts)} (the first is {name}{_where(first)})"


def _of_nodes(run: Run) -> str:
    """Why there is no pod, by what the controller says of its nodes."""
    said = [str(node["message"]) for node in run.nodes.values() if node.get("phase") in _OPEN and node.get("message")]
    return said[0] if said else "no pod of it runs, and the controller has not said why"


def _state_of(pod: Json) -> str:
    """What a pod that has not ended does, in words that follow "is"."""
    if pod["status"].get("phase") == "Running":
        return "running"
    return "starting" if pod["spec"].get("nodeName") else "waiting for a node"


def _where(pod: Json) -> str:
    return f" on {pod['spec']['nodeName']}" if pod["spec"].get("nodeName") else ""
