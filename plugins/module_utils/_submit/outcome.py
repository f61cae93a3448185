# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of the items of a fan-out. Private to the collection. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree

from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import Json, at
from ansible_collections.argo.workflows.plugins.module_utils._submit.fanout import item_text

Result = dict[str, Any]


def results(
    items: Sequence[Any], runs: Sequence[Json], workflows: Sequence[Json], infos: Sequence[Json] = ()
) -> list[Result]:
    """What became of each item that was run, in the order of the whole list.

    `runs` have the `indexes` of their items, `workflows` the `item_results` that workflow_wait returned, one of each
    for each Workflow; `infos` are what workflow_info returned of those that have more.

    A result is the item as workflow_wait has it, `{"index": 0, "phase": "Failed", "attempts": […], "logs": […], …}`,
    with its place in the whole list as `index`, its `value`, its `workflow`, the `message` of its last attempt, and its
    `output`: the output parameter of that name, else the last line of its log. An item that Argo did not run has the
    phase Missing.
    """
    found = []
    more = {info["name"]: info["item_results"] for info in infos}
    for run, workflow in zip(runs, workflows, strict=True):
        ran = {item["index"]: item for item in [*more.get(workflow["name"], ()), *workflow["item_results"]]}
        for place, index in enumerate(run["indexes"]):
            found.append(_result(ran.get(place) or _missing(workflow), index, items[index], workflow["name"]))
    return sorted(found, key=lambda result: result["index"])


def _missing(workflow: Json) -> Json:
    why = f": {workflow['message']}" if workflow.get("message") else ""
    return {"phase": "Missing", "message": f"Argo did not run this item{why}"}


def _result(item: Json, index: int, value: Any, workflow: str) -> Result:
    output = at(item, "outputs", "output") or item.get("last_line") or ""
    result = {**item, "index": index, "value": value, "workflow": workflow, "output": output}
    if item.get("attempts"):  # why it failed, and not that there are no more retries
        result["message"] = item["attempts"][-1]["message"] or item["message"]
    return result


def merged(before: Sequence[Result], after: Sequence[Result]) -> list[Result]:
    """The results with those of the items that were run again in the place of their earlier ones."""
    newer = {result["index"]: result for result in after}
    return [newer.get(result["index"], result) for result in before]


def summary(results: Sequence[Result], workflows: Sequence[Json], fail_on: str) -> dict[str, Any]:
    """What a fan-out came to, of its results and of what workflow_wait returned of its Workflows.

    `fail_on` is what counts as a failure: any (one item), all (every item) or none.

    `{"total": 2, "succeeded": 1, "failed": 1, "failures": ["item 1 Failed: exit code 3"], "is_failure": True,
    "workflows": ["say-x7k2p0"], "gpu_seconds": 9, "gpu_seconds_failed": 4, "logs_complete": True}`; `failures` has the
    first five.
    """
    failed = [result for result in results if result["phase"] != "Succeeded"]
    lines = [f"item {result['index']} {result['phase']}: {result.get('message') or 'no message'}" for result in failed]
    return {
        "total": len(results),
        "succeeded": len(results) - len(failed),
        "failed": len(failed),
        "failures": lines[:5],
        "is_failure": bool(failed) and (fail_on == "any" or (fail_on == "all" and len(failed) == len(results))),
        "workflows": [workflow["name"] for workflow in workflows],
        "gpu_seconds": sum(workflow["gpu_seconds"]["total"] for workflow in workflows),
        "gpu_seconds_failed": sum(workflow["gpu_seconds"]["failed"] for workflow in workflows),
        "logs_complete": all(workflow.get("logs_complete", True) for workflow in workflows),
    }


def junit(results: Sequence[Result], name: str) -> str:
    """The results as a JUnit file: a test suite with one test case an item."""
    suite = ElementTree.Element("testsuite", name=name, tests=str(len(results)))
    suite.set("failures", str(sum(result["phase"] == "Failed" for result in results)))
    suite.set("errors", str(sum(result["phase"] not in ("Succeeded", "Failed") for result in results)))
    suite.set("time", f"{sum(result.get('duration') or 0 for result in results):.3f}")
    for result in results:
        title = f"{result['index']}: {_printable(item_text(result['value']))}"
        case = ElementTree.SubElement(suite, "testcase", classname=name, name=title)
        case.set("time", f"{result.get('duration') or 0:.3f}")
        if result["phase"] != "Succeeded":
            kind = "failure" if result["phase"] == "Failed" else "error"
            message = _printable(str(result.get("message") or result["phase"]))
            ElementTree.SubElement(case, kind, message=message).text = _printable(str(result.get("output") or ""))
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _printable(text: str) -> str:
    """At most 200 characters, without those that XML cannot hold."""
    return re.sub(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text[:200])
