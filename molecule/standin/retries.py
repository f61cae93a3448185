# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a retryStrategy makes of the attempts so far."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from . import InvalidSpecError, Json
from .substitute import evaluate

RETRIED: dict[str, set[str]] = {
    "Always": {"Failed", "Error"},
    "OnFailure": {"Failed"},
    "OnError": {"Error"},
    "OnTransientError": set(),
}
"""Phases of an attempt after which each policy starts another. No error counts as transient."""

UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}


@dataclass
class Verdict:
    """Phase and message of the Retry node; whether the next attempt starts now."""

    phase: str
    message: str = ""
    again: bool = False


def decide(attempts: list[Json], strategy: Json, now: datetime) -> Verdict:
    """What follows from the end of the last of `attempts`."""
    last, limit = attempts[-1], strategy.get("limit")
    exhausted = limit is not None and len(attempts) > int(limit)
    policy = strategy.get("retryPolicy") or ("Always" if strategy.get("expression") else "OnFailure")
    if last["phase"] == "Succeeded":
        return Verdict("Succeeded")
    # Argo waits for the backoff only where there is a limit, and not after the last attempt.
    wait = backoff(strategy.get("backoff") or {"duration": "0"}, len(attempts))
    until = datetime.fromisoformat(last["finishedAt"]) + timedelta(seconds=wait)
    if now < until and limit is not None and not exhausted:
        return Verdict("Running", f"Backoff for {humanized(wait)}")
    if last["phase"] not in RETRIED[policy]:
        return Verdict(last["phase"], last.get("message", ""))
    if exhausted:
        return Verdict(last["phase"], "No more retries left")
    if strategy.get("expression") and not evaluate(strategy["expression"], last_retry(last)):
        return Verdict(last["phase"], "retryStrategy.expression evaluated to false")
    return Verdict("Running", again=True)


def backoff(strategy: Json, attempts: int) -> int:
    """Seconds between the end of an attempt, of which there were so many, and the next."""
    wait = seconds(str(strategy["duration"])) * int(strategy.get("factor", 1)) ** (attempts - 1)
    return min(wait, seconds(str(strategy["cap"]))) if "cap" in strategy else wait


def last_retry(last: Json) -> dict[str, str]:
    """The variables lastRetry.* of a retry expression."""
    return {
        "lastRetry.exitCode": last.get("outputs", {}).get("exitCode", "-1"),
        "lastRetry.status": last["phase"],
        "lastRetry.message": last.get("message", ""),
    }


def seconds(duration: str) -> int:
    """A duration as in "90", "15s", "1m30s" or "1h"."""
    if not re.fullmatch(r"\d+|(\d+[smh])+", duration):
        raise InvalidSpecError(f'unable to parse "{duration}" as a duration')
    return sum(int(number) * UNITS[unit] for number, unit in re.findall(r"(\d+)([smh]?)", duration))


def humanized(duration: int) -> str:
    """A duration of less than an hour in Argo's words, as in "Backoff for 2 minutes 15 seconds"."""
    count, unit = (duration, "second") if duration < 60 else (duration // 60, "minute")
    text = f"{count} {unit}" + ("" if count == 1 else "s")
    return text if duration < 60 else f"{text} {duration % 60} seconds"
