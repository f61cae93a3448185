# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times and durations as Argo reads and writes them."""

from __future__ import annotations

import re
from datetime import datetime

from . import InvalidSpecError


def timestamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds(duration: str) -> float:
    """A duration as in "90", "15s", "1m30s" or "1h"."""
    if re.fullmatch(r"\d+", duration):
        return int(duration)
    if not re.fullmatch(r"(\d+(\.\d+)?(ms|[smhd]))+", duration):
        raise InvalidSpecError(f'unable to parse "{duration}" as a duration')
    units = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
    return sum(float(number) * units[unit] for number, _, unit in re.findall(r"(\d+(\.\d+)?)(ms|[smhd])", duration))


def humanized(duration: float) -> str:
    """A duration in Argo's words, as in "Backoff for 2 seconds"."""

    def count(number: float, unit: str) -> str:
        return f"{int(number)} {unit}" + ("" if int(number) == 1 else "s")

    if duration < 60:
        return count(duration, "second")
    if duration < 3600:
        return f"{count(duration // 60, 'minute')} {int(duration % 60)} seconds"
    return f"{count(duration // 3600, 'hour')} {int(duration % 3600 // 60)} minutes"
