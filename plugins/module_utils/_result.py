# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `workflow_wait` returns, and the sentence it fails with. Private to the collection. Pure."""

from __future__ import annotations

import collections
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from ansible_collections.argo.workflows.plugins.module_utils import _nodes, _tree
from ansible_collections.argo.workflows.plugins.module_utils._logdir import Log
from ansible_collections.argo.workflows.plugins.module_utils._state import Run

if TYPE_CHECKING:
    from ansible_collections.argo.workflows.plugins.module_utils._follow import Follower

MAX_ITEMS = 1000
"""Items in a result: Ansible copies results many times, and ansible-runner drops those over 700 kB."""
MAX_TAILS = 50
"""Items with the end of their log in the result."""
MAX_INCOMPLETE = 100
_WORST = ("Error", "Failed", "Running", "Pending", "Succeeded")


def result_of(follower: Follower, outcome: str) -> dict[str, Any]:
    """The module's result."""
    logs = follower.collector.logs if follower.collector else []
    now = follower.now()
    results = [
        _run_result(follower, run, [log for log in logs if log.workflow == run.name], now) for run in follower.runs
    ]
    if len(results) == 1:
        return {"changed": False, "outcome": outcome, **results[0]}
    phases = {result["phase"] for result in results}
    worst = next((phase for phase in _WORST if phase in phases), "")
    return {"changed": False, "outcome": outcome, "phase": worst, "workflows": results}


def _run_result(follower: Follower, run: Run, logs: list[Log], now: float) -> dict[str, Any]:
    nodes = run.current_nodes()
    result = _nodes.summary_of(run.workflow, nodes) | {
        "phase": run.phase,
        "tree": _tree.draw(run.workflow, nodes, follower.wall()) if run.name in nodes else "",
        "diagnoses": [{"kind": found.kind, "message": found.message} for found in run.diagnoses(now)],
    }
    if run.nodes_error:
        result["diagnoses"].append({"kind": "nodes", "message": run.nodes_error})
    by_item: dict[str, list[Log]] = {}
    for log in logs:
        by_item.setdefault(log.item_name, []).append(log)
    items = result.pop("items")
    items.sort(key=lambda item: item["phase"] in ("Succeeded", "Skipped", "Omitted"))
    tails = 0
    for item in items[:MAX_ITEMS]:
        own = by_item.get(item["node_name"], [])
        item["logs"] = [log.as_dict() for log in own]
        if own and item["phase"] not in ("Succeeded", "Skipped", "Omitted") and tails < MAX_TAILS:
            item["tail"] = own[-1].tail
            tails += 1
    shown = sorted(items[:MAX_ITEMS], key=lambda item: item["index"] or 0)
    result |= {"items": shown, "items_total": len(items)}
    if follower.wanted.logs_dir:
        incomplete = [log.as_dict() for log in logs if not log.complete]
        result |= {
            "logs_dir": str(follower.wanted.logs_dir / run.name),
            "logs_complete": not incomplete,
            "logs_incomplete": incomplete[:MAX_INCOMPLETE],
        }
    return result


def failure_of(follower: Follower, outcome: str, fail_on: Collection[str], timeout: int, action: str) -> str:
    """The sentence the task fails with; empty if it does not."""
    reasons = []
    for run in follower.runs:
        if run.phase.lower() in fail_on and run.done:
            reasons.append(_end(run))
        elif run.deleted and not run.done and "deleted" in fail_on:
            reasons.append(f"Workflow {run.name} was deleted before it had ended.")
        elif not run.done and outcome in ("timeout", "interrupted", "gave_up"):
            reasons.append(f"Workflow {run.name} is {run.phase}{_items(run)}.")
    waited_in_vain = {
        "timeout": f"The wait ended after {timeout} s (wait_timeout).",
        "gave_up": f"The wait was given up: {follower.gave_up.message if follower.gave_up else ''}.",
        "interrupted": "The wait was interrupted.",
    }
    if outcome in waited_in_vain and (outcome != "timeout" or "timeout" in fail_on):
        left = {
            "leave": "It goes on; wait for it again by its name.",
            "stop": "It was told to stop.",
            "terminate": "It was told to terminate.",
        }
        reasons = [waited_in_vain[outcome], *reasons, left[action]]
    elif outcome == "timeout":
        reasons = [reason for reason in reasons if " is " not in reason]
    if "logs" in fail_on and follower.collector:
        missing = [log for log in follower.collector.logs if not log.complete]
        if missing:
            first = missing[0]
            reasons.append(
                f"{len(missing)} of {len(follower.collector.logs)} logs are not complete; the first is "
                f"{first.display_name}: {first.why_incomplete}."
            )
    if not reasons:
        return ""
    now = follower.now()
    causes = [
        f"{found.message}." for run in follower.runs for found in run.diagnoses(now) if found is not follower.gave_up
    ]
    if follower.trouble and outcome == "timeout":
        causes.append(f"The API server could not be reached: {follower.trouble}.")
    return " ".join([*reasons, *dict.fromkeys(causes)]).replace("..", ".")


def _end(run: Run) -> str:
    message = run.workflow.get("status", {}).get("message", "")
    text = f"Workflow {run.name}: {run.phase}" + (f": {message}" if message else "") + _items(run) + "."
    failed = [item for item in run.items() if item.phase in ("Failed", "Error")]
    for item in failed[:3]:
        text += f" {item.display_name}: {item.message or item.phase}."
    if len(failed) > 3:
        text += f" And {len(failed) - 3} more."
    return text


def _items(run: Run) -> str:
    counts = collections.Counter(item.phase for item in run.items())
    if not counts:
        return ""
    return " (" + ", ".join(f"{count} {phase}" for phase, count in counts.most_common()) + ")"
