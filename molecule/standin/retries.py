# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a retryStrategy makes of the attempts so far."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from .substitute import evaluate
from .times import humanized, seconds

Json = dict[str, Any]

RETRIED = {"Always": {"Failed", "Error"}, "OnFailure": {"Failed"}, "OnError": {"Error"}, "OnTransientError": set[str]()}
"""Phases of an attempt after which each policy starts another. No error counts as transient."""


@dataclass
class Verdict:
    """Phase and message of the Retry node; whether the next attempt starts now, or at which moment it may."""

    phase: str
    message: str = ""
    again: bool = False
    wait_until: datetime | None = None


def decide(attempts: list[Json], strategy: Json, now: datetime, stopped: str) -> Verdict:
    """What follows from the end of the last of `attempts`. `stopped` says why there may be no other, if so."""
    last, limit = attempts[-1], strategy.get("limit")
    exhausted = limit is not None and len(attempts) > int(limit)
    policy = strategy.get("retryPolicy") or ("Always" if strategy.get("expression") else "OnFailure")
    try:
        if last["phase"] == "Succeeded":
            return Verdict("Succeeded")
        if stopped:
            return Verdict(last["phase"], stopped)
        # Argo waits for the backoff only where there is a limit, and not after the last attempt.
        wait = backoff(strategy.get("backoff") or {}, len(attempts)) if "backoff" in strategy else 0.0
        until = datetime.fromisoformat(last["finishedAt"]) + timedelta(seconds=wait)
        if now < until and limit is not None and not exhausted:
            return Verdict("Running", f"Backoff for {humanized(wait)}", wait_until=until)
        if policy not in RETRIED:
            return Verdict("Error", f"{policy} is not a valid RetryPolicy")
        if last["phase"] not in RETRIED[policy]:
            return Verdict(last["phase"], last.get("message", ""))
        if exhausted:
            return Verdict(last["phase"], "No more retries left")
        if strategy.get("expression") and not evaluate(strategy["expression"], last_retry(attempts)):
            return Verdict(last["phase"], "retryStrategy.expression evaluated to false")
    except ValueError as error:
        return Verdict("Error", str(error))
    return Verdict("Running", again=True)


def backoff(strategy: Json, attempts: int) -> float:
    """Seconds between the end of an attempt, of which there were so many, and the next. Raises ValueError as Argo."""
    if not strategy.get("duration"):
        raise ValueError("no base duration specified for retryStrategy")
    factor = str(strategy.get("factor", "1"))
    if not re.fullmatch(r"-?\d+", factor):
        raise ValueError(f"value '{factor}' cannot be resolved to an int")
    wait = seconds(str(strategy["duration"])) * max(int(factor), 1) ** (attempts - 1)
    return min(wait, seconds(str(strategy["cap"]))) if strategy.get("cap") else wait


def last_retry(attempts: list[Json]) -> dict[str, str]:
    """The variables lastRetry.* for the next attempt."""
    last, duration = attempts[-1] if attempts else {}, 0.0
    if last.get("finishedAt"):
        age = datetime.fromisoformat(last["finishedAt"]) - datetime.fromisoformat(last["startedAt"])
        duration = age.total_seconds()
    return {
        "lastRetry.exitCode": last.get("outputs", {}).get("exitCode", "-1" if last else "0"),
        "lastRetry.status": last.get("phase", ""),
        "lastRetry.message": last.get("message", ""),
        "lastRetry.duration": f"{duration:g}",
    }
