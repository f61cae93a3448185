# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the soak takes for a fault of the collection: whatever is not so in a fan-out that is as it should be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.argo.workflows.tests.soak.audit import open_streams
from ansible_collections.argo.workflows.tests.soak.checks import fanout_problems, log_problems

ITEM, POD = "0.7:5", "soak-work-1"
NUMBERS = [f"{ITEM} {POD} {number}\n" for number in range(1, 6)]
END, STOPPED = f"{ITEM} {POD} end\n", f"{ITEM} {POD} stopped\n"
WHOLE = "".join([*NUMBERS, END])


def entry(text: str, **changes: Any) -> dict[str, Any]:
    """What the index says of a complete log, or with changes."""
    told = {"pod": POD, "bytes": len(text), "lines": text.count("\n"), "complete": True, "reason": "", "gaps": []}
    return told | changes


def problems(text: str, succeeded: bool = True, **changes: Any) -> str:
    return "; ".join(log_problems(text, entry(text, **changes), ITEM, succeeded))


CUT = {"complete": False, "reason": "the pod was deleted before its log was read to its end"}
GAP = CUT | {"gaps": [{"after": "a", "before": "b"}]}


@pytest.mark.parametrize(
    ("text", "succeeded", "changes"),
    [
        (WHOLE, True, {}),
        ("".join(NUMBERS[:3]) + STOPPED, False, {}),
        ("", False, {}),
        ("Error: failed to start command: context canceled\n", False, {}),
        ("".join(NUMBERS[:3]), True, CUT),
        ("".join(NUMBERS[:3]) + NUMBERS[3][:5], False, CUT),
        (NUMBERS[0] + NUMBERS[3] + END, False, GAP),
    ],
)
def test_a_log_that_is_whole_or_says_what_it_lacks_is_right(
    text: str, succeeded: bool, changes: dict[str, Any]
) -> None:
    assert problems(text, succeeded, **changes) == ""


@pytest.mark.parametrize(
    ("text", "changes", "problem"),
    [
        (WHOLE + NUMBERS[2], {}, "more than once, line 3 first"),
        ("".join([*NUMBERS, *NUMBERS, END]), {}, "5 lines more than once"),
        ("".join([*NUMBERS[::-1], END]), {}, "not in order"),
        ("".join([*NUMBERS[:2], *NUMBERS[3:], END]), {}, "lacks lines between 2 and 4"),
        ("".join([*NUMBERS[1:], END]), {}, "lacks lines between 0 and 2"),
        ("".join([*NUMBERS[:2], *NUMBERS[3:]]), CUT, "lacks lines between 2 and 4"),
        ("".join([NUMBERS[0], NUMBERS[2], NUMBERS[4]]), GAP, "1 gaps for 2"),
        ("".join(NUMBERS), {}, "complete, and ends with '5'"),
        (WHOLE[:-1], {}, "its last line has no end"),
        ("", {}, "complete, and ends with ''"),
        ("".join(NUMBERS[:3]) + STOPPED, {}, "lacks its end"),
        ("".join(NUMBERS[:4]) + END, {}, "lacks its end"),
        (WHOLE.replace(POD, "soak-work-2", 1), {}, "1 lines that are not its container's"),
        ("time=now level=info\n" + WHOLE, {}, "1 lines that are not its container's"),
        (WHOLE, {"lines": 7}, "the index says otherwise"),
        ("".join(NUMBERS), {"complete": False}, "no reason is given"),
    ],
)
def test_a_log_with_lines_doubled_or_lost_unreported_is_wrong(text: str, changes: dict[str, Any], problem: str) -> None:
    assert problem in problems(text, **changes)


def fanout(folder: Path, **changes: Any) -> str:
    """The problems of a fan-out of one item with one attempt, or with changes."""
    log = folder / "0-0.7-5/0-main.log"
    log.parent.mkdir()
    log.write_text(WHOLE)
    (folder / "index.json").touch()
    attempts = [{"number": 0, "phase": "Succeeded"}]
    told: dict[str, Any] = {
        "items": [ITEM],
        "results": [{"index": 0, "value": ITEM, "phase": "Succeeded", "message": "", "attempts": attempts}],
        "index": {"logs": [entry(WHOLE, node=f"item(0:{ITEM})(0)", file="0-0.7-5/0-main.log")]},
        "status": {f"item(0:{ITEM})": "Succeeded"},
    }
    return "; ".join(fanout_problems(folder=folder, **(told | changes)))


def test_a_fanout_that_is_as_it_should_be_is_right(tmp_path: Path) -> None:
    assert fanout(tmp_path) == ""


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"results": []}, "has results for 0 of 1 items"),
        ({"items": [ITEM, "0.8:5"]}, "has results for 1 of 2 items"),
        ({"status": {}}, "Argo ran 0 of 1 items"),
        ({"status": {f"item(0:{ITEM})": "Failed"}}, "for Argo it is Failed"),
        ({"index": {"logs": []}}, "has no log, and the index does not say why"),
        ({"index": {"logs": []}}, "files that the index does not know: 0-0.7-5/0-main.log"),
    ],
)
def test_a_fanout_with_something_lost_is_wrong(tmp_path: Path, changes: dict[str, Any], problem: str) -> None:
    assert problem in fanout(tmp_path, **changes)


def test_streams_that_began_and_did_not_end_since_the_last_start_are_open(tmp_path: Path) -> None:
    def event(number: int, stage: str, minute: int, user: str = "us") -> str:
        return json.dumps(
            {
                "auditID": number,
                "stage": stage,
                "stageTimestamp": f"2026-11-22T12:{minute:02}:00.5Z",
                "user": {"username": user},
                "verb": "watch",
                "requestURI": f"/pods/{number}",
            }
        )

    begun, ended = "ResponseStarted", "ResponseComplete"
    lines = [
        event(1, begun, 1),
        event(2, begun, 3),
        event(3, begun, 4),
        event(4, begun, 5, "others"),
        event(3, ended, 6),
    ]
    (tmp_path / "audit.log").write_text("\n".join(lines) + "\n")
    killed = 1795348920.0  # 12:02 of that day
    assert open_streams(tmp_path, "us", killed) == ["watch /pods/2"]
    assert open_streams(tmp_path, "us", 0) == ["watch /pods/1", "watch /pods/2"]
