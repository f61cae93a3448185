# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `workflow_wait` returns, and the sentences it fails with. Private to the collection."""

from __future__ import annotations

import collections
import datetime
import json
import math
from collections.abc import Collection, Mapping
from typing import Any

from ansible_collections.argo.workflows.plugins.module_utils._argo.items import summary_of
from ansible_collections.argo.workflows.plugins.module_utils._argo.pods import is_executors
from ansible_collections.argo.workflows.plugins.module_utils._argo.tree import draw, screenful
from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import Json
from ansible_collections.argo.workflows.plugins.module_utils._follow.follower import Follower
from ansible_collections.argo.workflows.plugins.module_utils._follow.run import Run
from ansible_collections.argo.workflows.plugins.module_utils._logs.folder import Log

MAX_ITEMS = 400_000
MAX_TREE = 100_000
"""Characters of a result, of which each Workflow has its share: Ansible copies results many times, and ansible-runner
drops those over 700 kB."""
MAX_SUMMARY = 200
"""Lines of the summaries that stand for the trees that have more characters."""
MAX_FAILED = 20
"""Items in the result of a failed task, which Ansible prints; and failures in its message."""
MAX_INCOMPLETE = 100
_WORST = ("Error", "Failed", "Running", "Pending", "Succeeded")
_GOOD = frozenset({"Succeeded", "Skipped", "Omitted"})


def result_of(follower: Follower, outcome: str, *, failed: bool) -> dict[str, Any]:
    """The result; that of a failed task has only the items that did not succeed."""
    logs: dict[str, list[Log]] = {}
    for log in follower.logs:
        logs.setdefault(log.workflow, []).append(log)
    share = 1 / max(1, len(follower.runs))
    runs = [_run_result(follower, run, logs.get(run.name, []), failed, share) for run in follower.runs]
    if len(runs) == 1 and follower.wanted.names:
        return {"changed": False, "outcome": outcome, **runs[0]}
    phases = {run["phase"] for run in runs}
    worst = next((phase for phase in _WORST if phase in phases), "")
    return {"changed": False, "outcome": outcome, "phase": worst, "workflows": runs}


def _run_result(follower: Follower, run: Run, logs: list[Log], failed: bool, share: float) -> dict[str, Any]:
    """A run in a result, of whose size it may have this `share`, from 0 to 1."""
    nodes = run.current_nodes()
    result = summary_of(run.workflow, nodes) | {
        "phase": run.phase,
        "tree": _draw(run, nodes, follower.wall(), share),
        "diagnoses": [{"kind": found.kind, "message": found.message} for found in follower.diagnoses(run)],
    }
    if run.nodes_error:
        result["diagnoses"].append({"kind": "nodes", "message": run.nodes_error})
    items = result.pop("item_results")
    result |= {"items_total": len(items), "item_results": _chosen_items(items, logs, failed, share)}
    if follower.wanted.logs_dir:
        incomplete = [log.as_dict() for log in logs if not log.complete]
        result |= {
            "logs_dir": str(follower.wanted.logs_dir / run.name),
            "logs_complete": not incomplete and not run.nodes_error,
            "logs_incomplete": incomplete[: math.ceil(MAX_INCOMPLETE * share)],
        }
    return result


def _chosen_items(items: list[dict[str, Any]], logs: list[Log], failed: bool, share: float) -> list[dict[str, Any]]:
    """The items that fit into the share of a result, in their order, each with its logs."""
    by_item: dict[str, list[Log]] = {}
    for log in logs:
        by_item.setdefault(log.item_name, []).append(log)
    bad = [item for item in items if item["phase"] not in _GOOD]
    good = [] if failed else [item for item in items if item["phase"] in _GOOD]
    chosen, room = set(), MAX_ITEMS * share
    for item in (bad + good)[: MAX_FAILED if failed else None]:
        places = {attempt["pod"]: place for place, attempt in enumerate(item["attempts"])}
        own = sorted(by_item.get(item["node_name"], []), key=lambda log: places.get(log.pod, -1))
        item["logs"] = [log.as_dict() for log in own]
        last = _last_log(own)
        item["last_line"] = last.last_line if last else ""
        if last and item["phase"] in ("Failed", "Error"):
            item["tail"] = last.tail
        room -= len(json.dumps(item))
        if room < 0:
            break
        chosen.add(item["node_name"])
    return [item for item in items if item["node_name"] in chosen]


def _last_log(logs: list[Log]) -> Log | None:
    """The log of `main` of the last attempt, or of the container of its containerSet that wrote last.

    `logs` are those of one item, in the order of its attempts.
    """
    own = [log for log in logs if not is_executors(log.container)]
    last = [log for log in own if log.pod == own[-1].pod]
    return max(last, key=lambda log: (log.container == "main", log.cursor.high), default=None)


def _draw(run: Run, nodes: Mapping[str, Json], wall: datetime.datetime, share: float) -> str:
    """The whole tree, of a very large one a summary."""
    if run.name not in nodes:
        return ""
    tree = draw(run.workflow, nodes, wall)
    if len(tree) <= MAX_TREE * share:
        return tree
    return screenful(run.workflow, nodes, wall, lines=math.ceil(MAX_SUMMARY * share))


def failure_of(
    follower: Follower, outcome: str, fail_on: Collection[str], action: str, refused: Mapping[str, str] | None = None
) -> str:
    """The sentences that the task fails with; empty if it does not.

    `action` was done about each unfinished run, but for those that `refused` has, by name, with the reason.
    """
    refused = refused or {}
    sentences = []
    if outcome == "timeout" and "timeout" in fail_on:
        sentences.append(f"The wait ended after {follower.wanted.timeout:.0f} s (wait_timeout).")
    elif outcome == "gave_up" and follower.gave_up:
        sentences.append(f"The wait was given up: {follower.gave_up.message}.")
    elif outcome == "interrupted":
        sentences.append("The wait was interrupted.")
    in_vain = bool(sentences)
    for run in follower.runs:
        missed = follower.missed_condition(run)
        if run.done and run.phase.lower() in fail_on:
            sentences.append(_end_of(run))
        elif run.deleted and not run.done and "deleted" in fail_on:
            sentences.append(f"Workflow {run.name} was deleted before it had ended.")
        elif missed and "condition" in fail_on:
            end = f"is {run.phase}{_counts(run)}, and has ended" if run.done else "was deleted"
            sentences.append(f"Workflow {run.name} {end} before {missed}.")
        elif not run.done and (in_vain or run.name in refused):
            then = {
                "leave": "goes on; wait for it again by its name",
                "stop": "was stopped",
                "terminate": "was terminated",
            }[action]
            if run.name in refused:
                then = f"goes on, as it could not be told to {action}: {refused[run.name]}"
            sentences.append(f"Workflow {run.name} was {run.phase}{_counts(run)} and {then}.")
    incomplete = [log for log in follower.logs if not log.complete]
    if incomplete and "logs" in fail_on:
        first = incomplete[0]
        sentences.append(
            f"{len(incomplete)} of {len(follower.logs)} logs are not complete; the first is that of "
            f"{first.display_name}: {first.why_incomplete}."
        )
    if follower.collection and "logs" in fail_on:
        unknown = {run.name: run.nodes_error for run in follower.runs if run.nodes_error}
        sentences += [
            f"Workflow {name} may have had pods whose logs are not here: {why}." for name, why in unknown.items()
        ]
    if not sentences:
        return ""
    if outcome == "timeout" and (follower.trouble or not follower.runs):
        sentences.append(f"The API server did not answer{': ' * bool(follower.trouble)}{follower.trouble}.")
    for run in follower.runs:
        causes = [found.message for found in follower.diagnoses(run) if found.kind != _gave_up_on(follower)]
        sentences += [f"{cause[0].upper()}{cause[1:]}." for cause in causes]
    return " ".join(dict.fromkeys(sentence.replace("..", ".") for sentence in sentences))


def _gave_up_on(follower: Follower) -> str:
    return follower.gave_up.kind if follower.gave_up else ""


def _end_of(run: Run) -> str:
    message = run.workflow.get("status", {}).get("message", "")
    text = f"Workflow {run.name} is {run.phase}{_counts(run)}" + (f": {message}." if message else ".")
    failed = [item for item in run.items() if item.phase in ("Failed", "Error")]
    for item in failed[:MAX_FAILED]:
        last = item.attempts[-1] if item.attempts else None
        attempts = f" (attempt {last.number + 1})" if last and last.number else ""
        text += (
            f" {item.display_name}{attempts}: {last.message if last and last.message else item.message or item.phase}."
        )
    if len(failed) > MAX_FAILED:
        text += f" And {len(failed) - MAX_FAILED:,} more."
    return text


def _counts(run: Run) -> str:
    counts = collections.Counter(item.phase for item in run.items())
    return f" ({', '.join(f'{count:,} {phase}' for phase, count in counts.most_common())})" if counts else ""
