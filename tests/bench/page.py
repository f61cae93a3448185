# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/benchmarks.md, made of what was measured on each machine with each version of Argo."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.argo.workflows.tests.bench.measure import Row, markdown

INTRODUCTION = """\
# Benchmarks

The collection, `argo`, `kubectl`, `kubernetes.core` and bare HTTP on the same work, on the same cluster, in turn:
each once a round, in an order drawn anew for each round. Written by `make bench`; every single figure is in
`tests/bench/results.json`.

- Figures are medians, with the range and the number of measurements; *ratio* is to the first way of the same work.
- Ways that are an Ansible task are given over the time of an empty playbook, measured in the same rounds (starting
  `ansible-playbook` takes about half a second, whatever it does). Submitting and waiting is timed from the task's first
  line of output, and to it.
- Other ways are whole processes; bare HTTP is a script that imports nothing but Python's own modules
  (`tests/bench/bare_http.py`).
- A way that has taken more than a minute in all is not measured again.
- Memory is the peak resident size of the process. Bytes are counted on the wire, by a proxy that passes TLS through;
  requests in the API server's audit log, by user. The ways of these two rows wait for one and the same run at the same
  time: they are counted, not timed.
- The synthetic API server (`tests/bench/synthetic.py`) runs on the same machine and takes its share of it.
- What is downloaded through a port are twenty lists of Workflows, 246 MB in all; most of the time it is the Argo Server
  that makes them.
- `kubectl apply + wait` applies what the role argo applies, with the readiness probe of the upstream manifest
  (first asked after 10 s, then every 20 s).
"""

AGAIN = """\

## How to measure again

    make bench                                   # everything, about half an hour
    make bench BENCH=logs-100,install            # some of it; the rest of this page stays
    make bench ARGO=FILE KUBECTL=FILE            # peers that are not on PATH
    make bench ENGINE_IMAGES=DIR                 # with the Argo of these image archives: a table of its own
    make bench BENCH=traffic BENCH_SECONDS=600   # a longer wait
    make bench BENCH_ROUNDS=3                    # fewer measurements of each way

`BENCH` is any of {benchmarks}.

The namespace `argo-bench-VERSION` stays, so that a second run finds its finished pods. Another
machine's table comes into this page by measuring there, in a copy of this repository, and bringing back this page and
`tests/bench/results.json`; `tests/gpu/run.py FOLDER bench` measures on a machine without a network
([docs/gpu](gpu/README.md)).
"""


@dataclass(frozen=True)
class Measurement:
    """One benchmark on one machine with one version of Argo: its rows, when and with what they were measured.

    `load`: the load averages (1 minute) before and after.
    """

    benchmark: str
    cores: int
    argo: str
    versions: str
    date: str
    load: Sequence[float]
    rows: Sequence[Row]

    @property
    def place(self) -> tuple[int, str]:
        """Where it was measured: a table of the page."""
        return self.cores, self.argo


def with_new(measured: Iterable[Measurement], new: Measurement) -> list[Measurement]:
    """What was measured, and `new` in place of the same benchmark in the same place."""
    return [*(old for old in measured if (old.benchmark, *old.place) != (new.benchmark, *new.place)), new]


def dumped(measured: Iterable[Measurement]) -> str:
    """All measurements as JSON, one a line."""
    lines = (json.dumps(vars(one) | {"rows": [row.as_dict() for row in one.rows]}) for one in measured)
    return "[\n" + ",\n".join(lines) + "\n]\n"


def loaded(text: str) -> list[Measurement]:
    """What `dumped` made."""
    return [_measurement(**one) for one in json.loads(text)]


def _measurement(rows: Iterable[dict[str, Any]], **rest: Any) -> Measurement:
    return Measurement(rows=[Row.from_dict(row) for row in rows], **rest)


def page(measured: Iterable[Measurement], benchmarks: Sequence[str]) -> str:
    """The page: a table for each machine and version of Argo, its rows in the order of `benchmarks`."""
    known = sorted(
        (one for one in measured if one.benchmark in benchmarks), key=lambda one: benchmarks.index(one.benchmark)
    )
    text = INTRODUCTION
    for place in sorted({one.place for one in known}):
        cores, argo = place
        here = [one for one in known if one.place == place]
        text += f"\n## {cores} cores, Argo {argo}\n\n"
        for versions in dict.fromkeys(one.versions for one in here):
            which = [one for one in here if one.versions == versions]
            text += f"{versions}\n\n{markdown(row for one in which for row in one.rows)}\n"
            text += "Load averages (1 minute) before and after, and when: "
            text += "; ".join(f"{one.benchmark} {one.load[0]:.1f} → {one.load[1]:.1f} ({one.date})" for one in which)
            text += ".\n"
    return text + AGAIN.format(benchmarks=", ".join(f"`{name}`" for name in benchmarks))
