# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the benchmarks say of their figures."""

from __future__ import annotations

import json

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._argo.items import items_of
from ansible_collections.argo.workflows.plugins.module_utils._argo.nodes import nodes_of
from ansible_collections.argo.workflows.tests.bench.measure import Row, Series, Target, markdown, plain
from ansible_collections.argo.workflows.tests.bench.page import Measurement, dumped, loaded, page, with_new
from ansible_collections.argo.workflows.tests.bench.synthetic import BigRun

OURS, THEIRS, NOBODY = Series([1.0, 3.0, 2.0]), Series([30.0, 10.0]), Series(absent="no nobody on this machine")
WAYS = {"ours": OURS, "theirs": THEIRS, "nobody": NOBODY}


def test_a_series_is_told_by_its_median_and_its_range() -> None:
    assert (OURS.median, OURS.range) == (2.0, (1.0, 3.0))
    assert OURS.less(0.5).values == [0.5, 2.5, 1.5]


@pytest.mark.parametrize(
    ("target", "met"),
    [
        (Target("ours", 2.0), True),
        (Target("ours", 1.9), False),
        (Target("ours", 0.1, "theirs"), True),
        (Target("ours", 0.09, "theirs"), False),
        (Target("ours", 1, "nobody"), None),
        (Target("nobody", 1), None),
    ],
)
def test_a_target_is_held_against_medians(target: Target, met: bool | None) -> None:
    assert target.met(WAYS) is met


def test_the_table_has_ratios_verdicts_and_who_was_absent() -> None:
    row = Row("saying hello", "s", WAYS, [Target("ours", 0.05, "theirs"), Target("theirs", 60)])
    assert markdown([row]).splitlines()[2:] == [
        "| saying hello | ours | 2.00 s | 1.00 … 3.00 | 3 |  | at most 0.05 times theirs | **missed** |",
        "|  | theirs | 20.00 s | 10.00 … 30.00 | 2 | 10 | at most 60 s | met |",
        "|  | nobody | absent | no nobody on this machine |  |  |  |  |",
    ]
    assert len(plain([row]).splitlines()) == 4


def test_a_row_survives_being_written_down() -> None:
    row = Row("saying hello", "s", WAYS, [Target("ours", 2.0)])
    assert Row.from_dict(json.loads(json.dumps(row.as_dict()))) == row


def measurement(benchmark: str, cores: int, argo: str, seconds: float) -> Measurement:
    row = Row(f"work of {benchmark}", "s", {"ours": Series([seconds])})
    return Measurement(benchmark, cores, argo, "Versions: 1.", "2026-11-22 20:00 UTC", [0.5, 1.0], [row])


def test_a_new_measurement_replaces_only_that_of_the_same_machine_and_argo() -> None:
    old = [measurement("start", 2, "v4.0.5", 1), measurement("start", 16, "v4.0.5", 2)]
    new = [measurement("start", 2, "v4.1.2", 3), measurement("start", 16, "v4.0.5", 4)]
    assert with_new(with_new(old, new[0]), new[1]) == [old[0], *new]


def test_measurements_survive_being_written_down() -> None:
    measured = [measurement("start", 2, "v4.0.5", 1), measurement("ten", 16, "v4.1.2", 2)]
    assert loaded(dumped(measured)) == measured


def test_the_page_has_a_table_for_each_machine_and_argo() -> None:
    places = [(16, "v4.1.2"), (2, "v4.0.5"), (2, "v4.1.2")]
    measured = [measurement(name, *place, 1) for name in ("ten", "start") for place in places]
    text = page(measured, ["start", "ten"])
    headings = [line for line in text.splitlines() if line.startswith(("## ", "| work of"))]
    rows = [
        "| work of start | ours | 1.00 s | 1.00 … 1.00 | 1 |  |  |  |",
        "| work of ten | ours | 1.00 s | 1.00 … 1.00 | 1 |  |  |  |",
    ]
    assert headings == [
        "## 2 cores, Argo v4.0.5",
        *rows,
        "## 2 cores, Argo v4.1.2",
        *rows,
        "## 16 cores, Argo v4.1.2",
        *rows,
        "## How to measure again",
    ]


def test_the_synthetic_run_has_its_items_when_it_is_over() -> None:
    run = BigRun(120)
    events = run.pods()
    pods = [json.loads(next(events))["object"] for _number in range(3 * 120)]
    assert len({pod["metadata"]["name"] for pod in pods}) == 120
    run.over.set()
    workflow = run.workflow()
    items = items_of(workflow, nodes_of(workflow))
    assert [(item.index, item.phase) for item in items] == [(index, "Succeeded") for index in range(120)]


def test_the_synthetic_run_lists_the_pods_that_it_has_made_so_far() -> None:
    run = BigRun(120)
    assert run.pod_list()["items"] == []
    events = run.pods()
    made = {pod["metadata"]["name"]: pod for pod in (json.loads(next(events))["object"] for _number in range(200))}
    listed = {pod["metadata"]["name"]: pod for pod in run.pod_list()["items"]}
    assert listed == made and len(made) == 100


def test_a_long_synthetic_log_goes_on_from_a_time() -> None:
    run = BigRun(1, 25 << 20)
    whole, rest = list(run.log("")), list(run.log("2026-11-22T12:00:02Z"))
    assert (len(whole), rest) == (25, whole[20:])
