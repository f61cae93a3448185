# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make bench`: the collection, argo, kubectl, kubernetes.core and bare HTTP on the same work, in turn.

Prints a table and writes tests/bench/results.json and docs/benchmarks.md. What was measured before, or on another
machine, and is not measured now stays in them.
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

from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import path
from ansible_collections.argo.workflows.tests.bench import install, logs, modules, ports, waiting
from ansible_collections.argo.workflows.tests.bench.measure import Row, plain
from ansible_collections.argo.workflows.tests.bench.page import Measurement, dumped, loaded, page, with_new
from ansible_collections.argo.workflows.tests.bench.tools import ROOT, Bench, BenchError, load, now
from ansible_collections.argo.workflows.tests.support.cluster import KUBECONFIG

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
    "ports": ports.ports,
}
RESULTS = ROOT / "tests/bench/results.json"
PAGE = ROOT / "docs/benchmarks.md"


def machine() -> str:
    cpu = next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name"))
    return f"{os.cpu_count()} cores ({cpu.partition(': ')[2]}), Linux {platform.release()}"


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
    deployment = bench.cluster.get(path("Deployment", bench.namespace, "workflow-controller"))
    return ", ".join(
        [
            f"Kubernetes {server} (role local_cluster)",
            deployment["spec"]["template"]["spec"]["containers"][0]["image"],
            argo,
            kubectl,
            f"Python {platform.python_version()}",
            *(f"{name} {version(name)}" for name in ("ansible-core", "kubernetes")),
            f"kubernetes.core {core}",
        ]
    )


def main() -> int:
    chosen = [name for name in os.environ.get("BENCH", "").split(",") if name] or list(BENCHMARKS)
    if unknown := [name for name in chosen if name not in BENCHMARKS]:
        print(f"There is no benchmark {', '.join(unknown)}: BENCH is any of {', '.join(BENCHMARKS)}.", file=sys.stderr)
        return 2
    rounds = int(os.environ.get("BENCH_ROUNDS", "5"))
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # so that what was begun is ended
    measured = loaded(RESULTS.read_text())
    failed = []
    with tempfile.TemporaryDirectory(prefix="argo-bench-") as folder:
        bench = Bench(KUBECONFIG, rounds, Path(folder))
        bench.install(namespace=bench.namespace)
        what = f"Machine: {machine()}.\nVersions: {versions(bench)}."
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
            new = Measurement(name, os.cpu_count() or 1, bench.version, what, now(), [before, load()], rows)
            measured = with_new(measured, new)
            RESULTS.write_text(dumped(measured))
            PAGE.write_text(page(measured, list(BENCHMARKS)))
    if failed:
        print(f"Not measured: {', '.join(failed)}.", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
