# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a log is complete, without threads, clocks or servers."""

from __future__ import annotations

import dataclasses
import itertools

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError
from ansible_collections.argo.workflows.plugins.module_utils._logs.executor import Executor
from ansible_collections.argo.workflows.plugins.module_utils._logs.lines import Cursor
from ansible_collections.argo.workflows.plugins.module_utils._logs.verdict import (
    DELETED,
    EXIT_NEWS_LAG,
    NEWS_LAG,
    ONE_PIECE,
    STUBBORN,
    Reading,
    Verdict,
    loss_with_pod,
    news_lag,
    verdict,
    why_hopeless,
)

EXITED = Executor(exited=True)
SIZE, SECONDS = ONE_PIECE
FETCHED = Reading(
    followed=False,
    ended=True,
    known=0,
    came=100,
    seconds=0.1,
    attempts=0,
    sound=True,
    at_line_end=True,
    settled=False,
)
"""A short log that was read after the container's end."""
FOLLOWED = dataclasses.replace(FETCHED, followed=True, seconds=60.0)
"""A log that was followed to the container's end, of which the executor has said nothing."""


@pytest.mark.parametrize(
    ("reading", "changes", "expected"),
    [
        pytest.param(FETCHED, {}, Verdict.DONE, id="a short log in one piece"),
        pytest.param(FETCHED, {"came": SIZE}, Verdict.DONE, id="as long as one piece can be"),
        pytest.param(FETCHED, {"came": SIZE + 1}, Verdict.AGAIN, id="longer than one piece"),
        pytest.param(FETCHED, {"seconds": SECONDS}, Verdict.AGAIN, id="slower than one piece"),
        pytest.param(FETCHED, {"at_line_end": False}, Verdict.AGAIN, id="one piece that ends inside a line"),
        pytest.param(FETCHED, {"came": 0}, Verdict.AGAIN, id="empty at the first look"),
        pytest.param(FETCHED, {"came": 0, "attempts": 1}, Verdict.DONE, id="empty at the second look"),
        pytest.param(FETCHED, {"came": 0, "known": 9}, Verdict.DONE, id="nothing new since an earlier stream"),
        pytest.param(
            FETCHED, {"came": 0, "known": 9, "at_line_end": False}, Verdict.DONE, id="a last line that has no end"
        ),
        pytest.param(FETCHED, {"came": SIZE + 1, "settled": True}, Verdict.DONE, id="the executor's last word"),
        pytest.param(FETCHED, {"ended": False}, Verdict.STILL_RUNS, id="fetched while the container runs"),
        pytest.param(FETCHED, {"ended": False, "came": 0, "known": 9}, Verdict.STILL_RUNS, id="nothing new, but runs"),
        pytest.param(FOLLOWED, {}, Verdict.AGAIN, id="followed, no last word"),
        pytest.param(FOLLOWED, {"seconds": 0.1}, Verdict.AGAIN, id="followed briefly is not one piece"),
        pytest.param(FOLLOWED, {"came": 0, "known": 9}, Verdict.AGAIN, id="a followed stream without news"),
        pytest.param(FOLLOWED, {"settled": True}, Verdict.DONE, id="followed to the executor's last word"),
        pytest.param(FOLLOWED, {"settled": True, "at_line_end": False}, Verdict.AGAIN, id="inside a line behind it"),
        pytest.param(FOLLOWED, {"ended": False}, Verdict.FOLLOW, id="cut off while the container runs"),
        pytest.param(FOLLOWED, {"ended": False, "settled": True}, Verdict.FOLLOW, id="no news of the end yet"),
        pytest.param(FOLLOWED, {"ended": False, "sound": False}, Verdict.FOLLOW, id="unreadable while it runs"),
        pytest.param(FETCHED, {"sound": False}, Verdict.INSIST, id="unreadable for the first time"),
        pytest.param(FOLLOWED, {"sound": False, "settled": True}, Verdict.INSIST, id="the last known line is missing"),
        pytest.param(FETCHED, {"sound": False, "attempts": STUBBORN - 2}, Verdict.INSIST, id="one try is left"),
        pytest.param(FETCHED, {"sound": False, "attempts": STUBBORN - 1}, Verdict.GIVE_UP, id="no try is left"),
    ],
)
def test_the_end_of_a_stream_means(reading: Reading, changes: dict[str, int | bool], expected: Verdict) -> None:
    assert verdict(dataclasses.replace(reading, **changes)) is expected  # type: ignore[arg-type]


def test_a_log_is_called_complete_only_with_a_proof_and_never_against_one() -> None:
    flags = [
        field.name
        for field in dataclasses.fields(Reading)
        if field.name not in ("known", "came", "seconds", "attempts")
    ]
    done = 0
    for values in itertools.product([False, True], repeat=len(flags)):
        for known, came, seconds, attempts in itertools.product([0, 9], [0, 9, SIZE + 1], [0.1, 60.0], [0, 1]):
            reading = Reading(
                known=known, came=came, seconds=seconds, attempts=attempts, **dict(zip(flags, values, strict=True))
            )
            if verdict(reading) is not Verdict.DONE:
                continue
            done += 1
            assert reading.ended and reading.sound
            looked_twice = not came and (known or attempts) and not reading.followed
            in_one_piece = came == 9 and seconds < SECONDS and not reading.followed
            assert looked_twice or (reading.at_line_end and (in_one_piece or reading.settled))
    assert done


def test_the_news_of_a_containers_end_may_take_longer_after_the_executors_last_word() -> None:
    assert (news_lag(Cursor()), news_lag(Cursor(executor=EXITED))) == (NEWS_LAG, EXIT_NEWS_LAG)


@pytest.mark.parametrize(
    ("cursor", "loss"),
    [
        (Cursor(executor=EXITED), ""),
        (Cursor(), DELETED),
        (Cursor(executor=Executor(exited=True, saving=True)), DELETED),
        (Cursor(executor=EXITED, ended=False), DELETED),
    ],
)
def test_a_deleted_pods_log_is_complete_after_the_executors_last_word_alone(cursor: Cursor, loss: str) -> None:
    assert loss_with_pod(cursor) == loss


@pytest.mark.parametrize(
    ("status", "message", "ended", "admitted", "why"),
    [
        (404, 'pods "p" not found', False, True, DELETED),
        (404, 'the server could not find the requested resource; pods "q" not found', True, True, ""),
        (404, "page not found", True, True, ""),
        (403, "no", False, False, "forbidden: no"),
        (403, "no", False, True, ""),
        (400, "container is waiting to start", False, True, ""),
        (400, "container is waiting to start", True, True, "container is waiting to start"),
        (400, "container nobody is not valid", False, True, "container nobody is not valid"),
        (429, "later", True, True, ""),
        (500, "away", True, True, ""),
        (None, "nothing answers", True, True, ""),
    ],
)
def test_a_refused_log_is_asked_for_again_unless_it_will_never_come(
    status: int | None, message: str, ended: bool, admitted: bool, why: str
) -> None:
    error = ApiError("GET p", status, message=message)
    assert why_hopeless(error, "p", ended=ended, admitted=admitted) == why
