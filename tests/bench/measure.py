# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was measured, what it is held against, and how both are written down. Pure: no clock, no file, no process."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

DECIMALS = {"MB": 0, "requests": 0, "kB": 0, "lines": 0}


@dataclass(frozen=True)
class Series:
    """The figures of one way of doing a piece of work, or why there are none."""

    values: Sequence[float] = field(default_factory=list)
    absent: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def range(self) -> tuple[float, float]:
        return min(self.values), max(self.values)

    def less(self, offset: float) -> Series:
        """The same figures over an offset, as over the time of an empty playbook."""
        return Series([value - offset for value in self.values], self.absent)


@dataclass(frozen=True)
class Target:
    """The median of the way `of` is at most `most`, or at most `most` times the median of the way `against`."""

    of: str
    most: float
    against: str = ""

    def met(self, series: Mapping[str, Series]) -> bool | None:
        """Whether it is met; None if one of the two was not measured."""
        if not all(name in series and series[name].values for name in (self.of, self.against or self.of)):
            return None
        limit = self.most * (series[self.against].median if self.against else 1)
        return series[self.of].median <= limit

    def text(self, unit: str) -> str:
        if not self.against:
            return f"at most {self.most:g} {unit}"
        return f"at most {self.most:.2g} times {self.against}"


@dataclass(frozen=True)
class Row:
    """One piece of work, done in several ways; the first is the one that the ratios refer to."""

    work: str
    unit: str
    series: Mapping[str, Series]
    targets: Sequence[Target] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """As plain data, for a file; figures to the thousandth."""
        return {
            "work": self.work,
            "unit": self.unit,
            "series": {
                name: {"values": [round(value, 3) for value in one.values], "absent": one.absent}
                for name, one in self.series.items()
            },
            "targets": [vars(target) for target in self.targets],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Row:
        """What `as_dict` made."""
        return cls(
            data["work"],
            data["unit"],
            {name: Series(**one) for name, one in data["series"].items()},
            [Target(**target) for target in data["targets"]],
        )


HEADER = ("work", "way", "median", "range", "n", "ratio", "target", "")


def cells(row: Row) -> Iterable[tuple[str, ...]]:
    """The lines of a table for a row, one a way: the columns of HEADER."""
    first, *_others = row.series.values()
    digits = DECIMALS.get(row.unit, 2)
    for number, (name, series) in enumerate(row.series.items()):
        work = row.work if number == 0 else ""
        if not series.values:
            yield work, name, "absent", series.absent, "", "", "", ""
            continue
        low, high = series.range
        ratio = f"{series.median / first.median:.2g}" if number and first.values and first.median > 0 else ""
        targets = [target for target in row.targets if target.of == name]
        yield (
            work,
            name,
            f"{series.median:.{digits}f} {row.unit}",
            f"{low:.{digits}f} … {high:.{digits}f}",
            str(len(series.values)),
            ratio,
            "; ".join(target.text(row.unit) for target in targets),
            "; ".join(
                {True: "met", False: "**missed**", None: "not measured"}[target.met(row.series)] for target in targets
            ),
        )


def markdown(rows: Iterable[Row]) -> str:
    """The table in Markdown."""
    lines = [HEADER, ("---",) * len(HEADER), *(line for row in rows for line in cells(row))]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def plain(rows: Iterable[Row]) -> str:
    """The table for a terminal."""
    lines = [HEADER, *(line for row in rows for line in cells(row))]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADER))]
    return "".join("  ".join(map(str.ljust, line, widths)).rstrip() + "\n" for line in lines)
