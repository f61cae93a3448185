# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times as the Kubernetes API writes them and as people read them. Private to the collection. Pure."""

from __future__ import annotations

import datetime
import re

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def parse_time(text: str | None) -> datetime.datetime | None:
    """A timestamp of the Kubernetes API (RFC 3339) as an aware datetime; None for None, "" and what is not one."""
    try:
        moment = datetime.datetime.fromisoformat(text or "")
    except (ValueError, TypeError):
        return None
    return moment if moment.tzinfo else None


def stamp(moment: datetime.datetime) -> str:
    """An aware datetime as the Kubernetes API writes it: RFC 3339, whole seconds, UTC, "2026-11-22T15:45:00Z"."""
    return moment.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds_between(start: str | None, end: str | None) -> float | None:
    """Seconds between two timestamps of the API; None if one is missing."""
    first, last = parse_time(start), parse_time(end)
    return (last - first).total_seconds() if first and last else None


def short_duration(seconds: float) -> str:
    """Seconds in one unit, days at most: "7s", "2m", "12d"."""
    whole = int(abs(seconds))
    for unit, size, limit in (("s", 1, 60), ("m", 60, 3600), ("h", 3600, 86400)):
        if whole < limit:
            return f"{whole // size}{unit}"
    return f"{whole // 86400}d"


def seconds_of(text: str) -> float | None:
    """Seconds of a duration with units from s to w, as in "90m" or "1d12h"; None for what is not one."""
    if not re.fullmatch(r"([0-9]+[smhdw])+", text):
        return None
    return float(sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"([0-9]+)([smhdw])", text)))
