# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every item of a fan-out is accounted for."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._submit import outcome
from ansible_collections.argo.workflows.plugins.module_utils._submit.outcome import junit, merged, summary


def test_results_are_in_the_order_of_the_list_and_nothing_is_forgotten() -> None:
    runs = [{"indexes": [0, 1]}, {"indexes": [2]}]
    workflows = [
        {
            "name": "w0",
            "item_results": [{"index": 1, "phase": "Failed", "outputs": {"output": ""}, "last_line": "bye"}],
        },
        {
            "name": "w1",
            "item_results": [{"index": 0, "phase": "Succeeded", "outputs": {"output": "7"}, "last_line": "x"}],
        },
    ]
    first, second, third = outcome.results(["a", "b", "c"], runs, workflows)
    assert (first["phase"], first["value"], first["workflow"]) == ("Missing", "a", "w0")
    assert (second["index"], second["phase"], second["output"]) == (1, "Failed", "bye")
    assert (third["index"], third["value"], third["output"]) == (2, "c", "7")


def test_a_result_says_why_argo_did_not_run_an_item() -> None:
    workflow = {"name": "w", "message": "invalid spec: templates.work is not known", "item_results": []}
    (result,) = outcome.results(["a"], [{"indexes": [0]}], [workflow])
    assert result["message"] == "Argo did not run this item: invalid spec: templates.work is not known"


def test_a_result_says_why_an_item_failed_and_not_that_it_is_not_tried_again() -> None:
    attempts = [{"message": "main: Error (exit code 3)"}]
    items = [{"index": 0, "phase": "Failed", "message": "No more retries left", "attempts": attempts}]
    (result,) = outcome.results(["a"], [{"indexes": [0]}], [{"name": "w", "item_results": items}])
    assert result["message"] == "main: Error (exit code 3)"


def test_items_that_ran_again_replace_their_earlier_results() -> None:
    before = [{"index": 0, "phase": "Failed"}, {"index": 1, "phase": "Succeeded"}]
    after = merged(before, [{"index": 0, "phase": "Succeeded"}])
    assert [result["phase"] for result in after] == ["Succeeded", "Succeeded"]


def test_a_junit_file_has_a_case_for_each_item_whatever_is_in_it() -> None:
    results = [
        {"index": 0, "value": "<a>\x1b[1m", "phase": "Succeeded", "duration": 1.5, "output": "fine"},
        {"index": 1, "value": {"lr": 0.1}, "phase": "Failed", "message": 'exit "3"', "output": "bye\x00"},
        {"index": 2, "value": "c", "phase": "Missing"},
    ]
    suite = ElementTree.fromstring(junit(results, "gpu-say"))
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("3", "1", "1")
    assert [case.get("name") for case in suite] == ["0: <a>\ufffd[1m", '1: {"lr":0.1}', "2: c"]
    failure = suite[1].find("failure")
    assert failure is not None
    assert failure.get("message") == 'exit "3"'


GOOD = {"index": 0, "phase": "Succeeded", "message": ""}

BAD = {"index": 1, "phase": "Failed", "message": "exit 3"}


@pytest.mark.parametrize(
    ("fail_on", "results", "fails"),
    [
        ("any", [GOOD, BAD], True),
        ("any", [GOOD], False),
        ("all", [GOOD, BAD], False),
        ("all", [BAD], True),
        ("all", [], False),
        ("none", [BAD], False),
    ],
)
def test_fail_on_decides_whether_a_fan_out_is_a_failure(fail_on: str, results: list[Any], fails: bool) -> None:
    found = summary(results, [], fail_on)
    assert found["is_failure"] is fails
    assert found["failures"] == (["item 1 Failed: exit 3"] if BAD in results else [])
    assert (found["total"], found["succeeded"] + found["failed"]) == (len(results), len(results))


def test_a_summary_has_the_first_five_failures_and_the_sums_of_all_workflows() -> None:
    workflow = {"name": "w0", "gpu_seconds": {"total": 3, "failed": 1}}
    results = [{"index": index, "phase": "Error", "message": None} for index in range(7)]
    found = summary(results, [workflow, workflow | {"name": "w1"}], "any")
    assert found["failures"] == [f"item {index} Error: no message" for index in range(5)]
    assert (found["gpu_seconds"], found["gpu_seconds_failed"], found["workflows"]) == (6, 2, ["w0", "w1"])


@pytest.mark.parametrize(("logs_complete", "complete"), [({}, True), ({"logs_complete": False}, False)])
def test_logs_of_which_nobody_knows_are_not_complete(logs_complete: dict[str, bool], complete: bool) -> None:
    """logs_incomplete is empty where the nodes of a Workflow cannot be read; the pods must stay then."""
    workflow = {"name": "w", "gpu_seconds": {"total": 0, "failed": 0}, "logs_incomplete": [], **logs_complete}
    assert summary([], [workflow], "any")["logs_complete"] is complete
