# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `workflow_wait` returns, and the sentences it fails with. Private to the collection."""

from __future__ import annotations

import collections
import datetime
import json
import math
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ansible_collections.argo.workflows.plugins.module_utils._argo.items import summary_of
from ansible_collections.argo.workflows.plugins.module_utils._argo.pods import is_executors
from ansible_collections.argo.workflows.plugins.module_utils._argo.tree import draw, screenful
from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import Json
from ansible_collections.argo.workflows.plugins.module_utils._follow.outcome import Outcome, becoming
from ansible_collections.argo.workflows.plugins.module_utils._follow.run import Run
from ansible_collections.argo.workflows.plugins.module_utils._follow.wait import Ended, EndedRun
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.lease import is_leased
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


def result_of(ended: Ended, *, failed: bool) -> dict[str, Any]:
    """The result; that of a failed task has only the items that did not succeed."""
    logs: dict[str, list[Log]] = collections.defaultdict(list)
    for log in ended.logs:
        logs[log.workflow].append(log)
    share = 1 / max(1, len(ended.runs))
    runs = [_run_result(ended, each, logs[each.run.name], failed, share) for each in ended.runs]
    head = {"changed": False, "outcome": ended.outcome.value}
    if len(runs) == 1 and ended.wanted.names:
        return head | runs[0]
    phases = {run["phase"] for run in runs}
    worst = next((phase for phase in _WORST if phase in phases), "")
    return head | {"phase": worst, "workflows": runs}


def _run_result(ended: Ended, each: EndedRun, logs: list[Log], failed: bool, share: float) -> dict[str, Any]:
    """A run in a result, of whose size it may have this `share`, from 0 to 1."""
    run = each.run
    nodes = run.current_nodes()
    result = summary_of(run.workflow, nodes) | {
        "phase": run.phase,
        "tree": _draw(run, nodes, ended.wall, share),
        "diagnoses": [{"kind": found.kind, "message": found.message} for found in each.diagnoses],
    }
    if run.nodes_error:
        result["diagnoses"].append({"kind": "nodes", "message": run.nodes_error})
    items = result.pop("item_results")
    result |= {"items_total": len(items), "item_results": _chosen_items(items, logs, failed, share)}
    if ended.wanted.logs_dir:
        incomplete = [log.as_dict() for log in logs if not log.complete]
        result |= {
            "logs_dir": str(ended.wanted.logs_dir / run.name),
            "logs_complete": not incomplete and not run.nodes_error,
            "logs_incomplete": incomplete[: math.ceil(MAX_INCOMPLETE * share)],
        }
    return result


def _chosen_items(items: list[dict[str, Any]], logs: list[Log], failed: bool, share: float) -> list[dict[str, Any]]:
    """The items that fit into the share of a result, in their order, each with its logs."""
    by_item: dict[str, list[Log]] = collections.defaultdict(list)
    for log in logs:
        by_item[log.item_name].append(log)
    bad = [item for item in items if item["phase"] not in _GOOD]
    good = [] if failed else [item for item in items if item["phase"] in _GOOD]
    chosen, room = set(), MAX_ITEMS * share
    for item in (bad + good)[: MAX_FAILED if failed else None]:
        _add_logs(item, by_item[item["node_name"]])
        room -= len(json.dumps(item))
        if room < 0:
            break
        chosen.add(item["node_name"])
    return [item for item in items if item["node_name"] in chosen]


def _add_logs(item: dict[str, Any], logs: list[Log]) -> None:
    """Add its logs to an item, in the order of its attempts, and what the last of them ends with."""
    places = {attempt["pod"]: place for place, attempt in enumerate(item["attempts"])}
    in_order = sorted(logs, key=lambda log: places.get(log.pod, -1))
    last = _last_log(in_order)
    item |= {"logs": [log.as_dict() for log in in_order], "last_line": last.last_line if last else ""}
    if last and item["phase"] in ("Failed", "Error"):
        item["tail"] = last.tail


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


# --- the sentences of a failure ---


def failure_of(
    ended: Ended, fail_on: Collection[str], fate: str = "leave", refused: Mapping[str, str] | None = None
) -> str:
    """The sentences that the task fails with; empty if it does not.

    `fate`, a key of FATES, is what was to become of each Workflow that goes on; `refused` has those that could not be
    told so, by name, with the reason.
    """
    refused = refused or {}
    sentences = list(_why_the_wait_ended(ended, fail_on))
    cut_short = bool(sentences)
    for each in ended.runs:
        how = list(_how_it_ended(each, ended.wanted.condition, fail_on))
        if not how and (cut_short or each.run.name in refused):
            how = list(_how_it_goes_on(each.run, becoming(fate, ended.wanted.lease).happened, fate, refused))
        sentences += how
    if "logs" in fail_on:
        sentences += _what_logs_lack(ended)
    if not sentences:
        return ""
    return " ".join(dict.fromkeys(_with_stop(sentence) for sentence in (*sentences, *_causes(ended))))


def _with_stop(sentence: str) -> str:
    return sentence if sentence.endswith((".", "?", "!")) else f"{sentence}."


def _why_the_wait_ended(ended: Ended, fail_on: Collection[str]) -> Iterator[str]:
    """Why it did not last until all that was waited for has come."""
    if ended.outcome == Outcome.TIMEOUT and "timeout" in fail_on:
        yield f"The wait ended after {ended.wanted.timeout:.0f} s (wait_timeout)"
    elif ended.outcome == Outcome.GAVE_UP and ended.gave_up:
        yield f"The wait was given up: {ended.gave_up.message}"
    elif ended.outcome == Outcome.INTERRUPTED:
        yield "The wait was interrupted"


def _how_it_ended(each: EndedRun, condition: str, fail_on: Collection[str]) -> Iterator[str]:
    """Why the end of a Workflow is a failure."""
    run, missed = each.run, bool(condition) and not each.met
    if run.done and run.phase.lower() in fail_on:
        yield from _failed_run(run)
    elif run.deleted and not run.done and "deleted" in fail_on:
        lease = "; it had a lease (lease_seconds), which may have run out" if _is_leased(run) else ""
        yield f"Workflow {run.name} was deleted before it had ended{lease}"
    elif "condition" in fail_on and missed and run.done:
        yield f"Workflow {run.name} is {run.phase}{_counts(run)}, and has ended before {condition}"
    elif "condition" in fail_on and missed and run.deleted:
        yield f"Workflow {run.name} was deleted before {condition}"


def _is_leased(run: Run) -> bool:
    return is_leased(run.workflow["metadata"].get("ownerReferences"))


def _how_it_goes_on(run: Run, happened: str, fate: str, refused: Mapping[str, str]) -> Iterator[str]:
    """What becomes of a Workflow that has not ended."""
    if run.done or run.deleted:
        return
    refusal = refused.get(run.name)
    then = f"goes on, as it could not be told to {fate}: {refusal}" if refusal else happened
    yield f"Workflow {run.name} was {run.phase}{_counts(run)} and {then}"


def _failed_run(run: Run) -> Iterator[str]:
    message = (run.workflow.get("status") or {}).get("message") or ""
    yield f"Workflow {run.name} is {run.phase}{_counts(run)}" + (f": {message}" if message else "")
    failed = [item for item in run.items() if item.phase in ("Failed", "Error")]
    for item in failed[:MAX_FAILED]:
        last = item.attempts[-1] if item.attempts else None
        attempt = f" (attempt {last.number + 1})" if last and last.number else ""
        why = (last.message if last else "") or item.message or item.phase
        yield f"{item.display_name}{attempt}: {why}"
    if len(failed) > MAX_FAILED:
        yield f"And {len(failed) - MAX_FAILED:,} more"


def _counts(run: Run) -> str:
    counts = collections.Counter(item.phase for item in run.items())
    return f" ({', '.join(f'{count:,} {phase}' for phase, count in counts.most_common())})" if counts else ""


def _what_logs_lack(ended: Ended) -> Iterator[str]:
    incomplete = [log for log in ended.logs if not log.complete]
    if incomplete:
        first = incomplete[0]
        yield (
            f"{len(incomplete)} of {len(ended.logs)} logs are not complete; the first is that of "
            f"{first.display_name}: {first.why_incomplete}"
        )
    if ended.wanted.collects_logs:
        for run in (each.run for each in ended.runs if each.run.nodes_error):
            yield f"Workflow {run.name} may have had pods whose logs are not here: {run.nodes_error}"


def _causes(ended: Ended) -> Iterator[str]:
    """What explains a failure that something else has made one."""
    if ended.outcome == Outcome.TIMEOUT and (ended.trouble or not ended.runs):
        yield f"The API server did not answer: {ended.trouble}" if ended.trouble else "The API server did not answer"
    said = ended.gave_up.kind if ended.gave_up else ""
    for diagnosis in (diagnosis for each in ended.runs for diagnosis in each.diagnoses if diagnosis.kind != said):
        yield f"{diagnosis.message[0].upper()}{diagnosis.message[1:]}"
