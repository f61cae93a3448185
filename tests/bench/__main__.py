# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make bench`: the collection, argo, kubectl, kubernetes.core and bare HTTP on the same work, in turn.

Prints a table and writes docs/benchmarks.md. What was measured before and is not measured now stays in it, with the
time and the load of then (`.cache/bench.json`).
"""

from __future__ import annotations

import functools
import json
import os
import platform
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ansible_collections.argo.workflows.plugins.module_utils._kubernetes import ApiError
from ansible_collections.argo.workflows.tests.bench import install, logs, modules, waiting
from ansible_collections.argo.workflows.tests.bench.measure import Row, markdown, plain
from ansible_collections.argo.workflows.tests.bench.tools import ROOT, Bench, BenchError, load, now

BENCHMARKS: dict[str, Callable[[Bench], Iterator[Row]]] = {
    "logs-10": functools.partial(logs.logs, items=10),
    "logs-100": functools.partial(logs.logs, items=100),
    "logs-300": functools.partial(logs.logs, items=300),
    "finish": waiting.finish,
    "first-pod": waiting.first_pod,
    "traffic": waiting.traffic,
    "submit": waiting.submit_fanout,
    "install": install.install,
    "unchanged": install.unchanged,
    "ten": install.ten,
    "start": modules.first_request,
    "memory": modules.memory,
    "items": modules.items,
    "gigabyte": modules.gigabyte,
}
KUBECONFIG = Path("/var/lib/argo-workflows-local-cluster/kubeconfig")
RESULTS = ROOT / ".cache/bench.json"
PAGE = ROOT / "docs/benchmarks.md"

INTRODUCTION = """\
# Benchmarks

The collection, `argo`, `kubectl`, `kubernetes.core` and bare HTTP on the same work, on the same cluster, in turn
(A B C A B C …). Written by `make bench`.

- Figures are medians, with the range and the number of measurements; *ratio* is to the first way of the same work.
- Ways that are an Ansible task are given over the time of an empty playbook, measured in the same rounds (starting
  `ansible-playbook` takes about half a second, whatever it does). Submitting and waiting is timed from the task's first
  line of output, and to it.
- Other ways are whole processes; bare HTTP is without a process of its own.
- A way that has taken more than a minute in all is not measured again.
- Memory is the peak resident size of the process. Bytes are counted on the wire, by a proxy that passes TLS through;
  requests in the API server's audit log, by user.
- The synthetic API server (`tests/bench/synthetic.py`) runs on the same machine and takes its share of it.
- `kubectl apply + wait` applies what the role argo applies, with the readiness probe of the upstream manifest
  (first asked after 10 s, then every 20 s).

"""

AGAIN = """\

## How to measure again

    make bench                                   # everything, about half an hour
    make bench BENCH=logs-100,install            # some of it; the rest of this page stays
    make bench ARGO=FILE KUBECTL=FILE            # peers that are not on PATH
    make bench ENGINE_IMAGES=DIR                 # with a real Argo's images
    make bench BENCH=traffic BENCH_SECONDS=600   # a longer wait
    make bench BENCH_ROUNDS=3                    # fewer measurements of each way

{names}. The namespace `argo-bench` stays, so that a second run finds its finished pods.
"""


def machine() -> str:
    memory = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal:"))
    return f"{os.cpu_count()} cores, {int(memory.split()[1]) / 2**20:.0f} GiB memory, Linux {platform.release()}"


def versions(bench: Bench) -> str:
    """What was compared, in words; absent peers are named as absent."""
    server = bench.cluster.get("/version")["gitVersion"]
    argo = "argo absent"
    if bench.argo:
        argo = bench.run([bench.argo, "version", "--short"]).output.strip().replace("argo:", "argo")
    kubectl = "kubectl absent"
    if bench.kubectl:
        client = json.loads(bench.run([bench.kubectl, "version", "--client", "-o", "json"]).output)
        kubectl = f"kubectl {client['clientVersion']['gitVersion']}"
    collection = json.loads(
        bench.run(["ansible-galaxy", "collection", "list", "kubernetes.core", "--format", "json"]).output
    )
    core = next(found["kubernetes.core"]["version"] for found in collection.values() if "kubernetes.core" in found)
    return ", ".join(
        [
            f"Kubernetes {server} (role local_cluster)",
            {"standin": "the stand-in Argo of molecule/standin", "argo": "a real Argo"}[bench.engine],
            argo,
            kubectl,
            f"Python {platform.python_version()}",
            *(f"{name} {version(name)}" for name in ("ansible-core", "kubernetes")),
            f"kubernetes.core {core}",
        ]
    )


def page(results: dict[str, Any], names: str) -> str:
    """docs/benchmarks.md: the figures, grouped by where and with what they were had."""
    text = INTRODUCTION
    known = [name for name in BENCHMARKS if name in results]
    for where in dict.fromkeys(results[name]["where"] for name in known):
        here = [name for name in known if results[name]["where"] == where]
        rows = [Row.from_dict(row) for name in here for row in results[name]["rows"]]
        text += f"{where}\n\n{markdown(rows)}\n"
        text += "Load averages (1 minute) before and after, and when: "
        text += "; ".join(
            f"{name} {results[name]['load'][0]:.1f} → {results[name]['load'][1]:.1f} ({results[name]['date']})"
            for name in here
        )
        text += ".\n"
    return text + AGAIN.format(names=names)


def main() -> int:
    chosen = [name for name in os.environ.get("BENCH", "").split(",") if name] or list(BENCHMARKS)
    names = "`BENCH` is any of " + ", ".join(f"`{name}`" for name in BENCHMARKS)
    if unknown := [name for name in chosen if name not in BENCHMARKS]:
        print(f"There is no benchmark {', '.join(unknown)}. {names}.", file=sys.stderr)
        return 2
    rounds = int(os.environ.get("BENCH_ROUNDS", "5"))
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # so that what was begun is ended
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    failed = []
    with tempfile.TemporaryDirectory(prefix="argo-bench-") as folder:
        bench = Bench(KUBECONFIG, os.environ.get("ENGINE", "standin"), rounds, Path(folder))
        bench.install(namespace=bench.namespace)
        where = f"Machine: {machine()}.\nVersions: {versions(bench)}."
        for name in chosen:
            print(f"=== {name}", flush=True)
            before = load()
            try:
                rows = list(BENCHMARKS[name](bench))
            except (BenchError, ApiError) as error:
                print(f"{name}: {error}", file=sys.stderr, flush=True)
                failed.append(name)
                continue
            print(plain(rows), flush=True)
            results[name] = {
                "date": now(),
                "load": [before, load()],
                "where": where,
                "rows": [row.as_dict() for row in rows],
            }
            RESULTS.parent.mkdir(exist_ok=True)
            RESULTS.write_text(json.dumps(results, indent=1))
            PAGE.write_text(page(results, names))
    if failed:
        print(f"Not measured: {', '.join(failed)}.", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
