# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to be true of a fan-out's results and logs, each violation as a sentence. Pure, but for reading the logs."""

from __future__ import annotations

import collections
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

Json = dict[str, Any]


def log_problems(text: str, entry: Mapping[str, Any], item: str, succeeded: bool) -> Iterator[str]:
    """What is wrong with the log of an attempt, of which `entry` is in the index.

    The container wrote `ITEM POD NUMBER` from 1 on, and at last `ITEM POD end`, or `ITEM POD stopped` when it was told
    to end. Lines may be missing only where the index says so.
    """
    *lines, rest = text.split("\n")
    words = [re.fullmatch(rf"{re.escape(item)} {re.escape(entry['pod'])} (\d+|end|stopped)", line) for line in lines]
    said = [match[1] for match in words if match]
    foreign = [line for line, match in zip(lines, words, strict=True) if not match]
    numbers = [int(word) for word in said if word.isdecimal()]
    yield from _index_problems(text, entry)
    if foreign and (said or succeeded):  # where the command was not started, the executor says why
        yield f"has {len(foreign)} lines that are not its container's: {foreign[0][:80]!r}"
    yield from _order_problems(numbers)
    yield from _gap_problems(numbers, len(entry["gaps"]))
    if entry["complete"]:
        yield from _end_problems(rest, said, int(item.rpartition(":")[2]), succeeded)


def _index_problems(text: str, entry: Mapping[str, Any]) -> Iterator[str]:
    if not entry["complete"] and not entry["reason"]:
        yield "is not complete, and no reason is given"
    if (len(text.encode()), text.count("\n")) != (entry["bytes"], entry["lines"]):
        yield f"has {len(text.encode())} bytes and {text.count(chr(10))} lines, and the index says otherwise"


def _order_problems(numbers: list[int]) -> Iterator[str]:
    if doubled := [number for number, times in collections.Counter(numbers).items() if times > 1]:
        yield f"has {len(doubled)} lines more than once, line {doubled[0]} first"
    elif numbers != sorted(numbers):
        yield "has lines that are not in order"


def _gap_problems(numbers: list[int], gaps: int) -> Iterator[str]:
    jumps = [(one, other) for one, other in itertools.pairwise([0, *numbers]) if other > one + 1]
    if len(jumps) > gaps:
        one, other = jumps[0]
        yield f"lacks lines between {one} and {other}, and reports {gaps} gaps for {len(jumps)}"


def _end_problems(rest: str, said: list[str], count: int, succeeded: bool) -> Iterator[str]:
    """What is wrong with the end of a complete log, whose container meant to say `count` numbers."""
    last = said[-1] if said else ""
    if rest:
        yield f"is said to be complete, and its last line has no end: {rest[:80]!r}"
    if last not in ("end", "stopped") and (said or succeeded):
        yield f"is said to be complete, and ends with {last!r}"
    if succeeded and said[-2:] != [str(count), "end"]:
        yield "is of an attempt that succeeded, and lacks its end"


def fanout_problems(
    items: Sequence[str], results: Sequence[Json], index: Json, folder: Path, status: Mapping[str, str]
) -> Iterator[str]:
    """What is wrong with a fan-out: its results, the logs in `folder` with their `index`, and against Argo's status.

    `status` has the phase of each item's node by its display name, as in `item(0:NAME)`.
    """
    if [(result["index"], result["value"]) for result in results] != list(enumerate(items)):
        yield f"has results for {len(results)} of {len(items)} items, or not in their order"
    own = {f"item({number}:{item})" for number, item in enumerate(items)}
    if own != status.keys():
        yield f"Argo ran {len(own & status.keys())} of {len(own)} items, and {len(status.keys() - own)} others"
    entries: dict[str, list[Json]] = {}
    for entry in index["logs"]:
        entries.setdefault(entry["node"], []).append(entry)
    for result in results:
        yield from _result_problems(result, status)
        for attempt in result["attempts"]:
            node = f"{_name(result)}({attempt['number']})"
            succeeded = attempt["phase"] == "Succeeded"
            yield from _attempt_problems(node, result["value"], succeeded, entries.pop(node, []), folder)
    for node in entries:
        yield f"the index has a log of {node}, which no item has"
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    if strange := files - {"index.json"} - {entry["file"] for entry in index["logs"]}:
        yield f"the folder of logs has files that the index does not know: {', '.join(sorted(strange)[:5])}"


def _name(result: Json) -> str:
    return f"item({result['index']}:{result['value']})"


def _result_problems(result: Json, status: Mapping[str, str]) -> Iterator[str]:
    name = _name(result)
    if result["phase"] != status.get(name):
        yield f"{name} is {result['phase']} in the results, and for Argo it is {status.get(name)}"
    if result["phase"] != "Succeeded":
        yield f"{name} is {result['phase']} after {len(result['attempts'])} attempts: {result['message']}"


def _attempt_problems(node: str, item: str, succeeded: bool, logs: list[Json], folder: Path) -> Iterator[str]:
    if not logs:
        yield f"{node} has no log, and the index does not say why"
    # Argo makes a pod again that was deleted before it was seen to run: then nobody knows which one succeeded.
    for entry in logs:
        file = entry["file"]
        text = (folder / file).read_text() if file else ""
        for problem in log_problems(text, entry, item, succeeded and len(logs) == 1):
            yield f"the log of {node} {problem} ({folder / (file or 'no file')})"
