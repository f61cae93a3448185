# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module costs, and how it grows."""

from __future__ import annotations

import http.server
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ansible_collections.argo.workflows.tests.bench import synthetic
from ansible_collections.argo.workflows.tests.bench.logs import PRINT
from ansible_collections.argo.workflows.tests.bench.measure import Row, Series, Target
from ansible_collections.argo.workflows.tests.bench.tools import Bench, BenchError, Ended, Way, empty, free_port

GIGABYTE = 1 << 30


def first_request(bench: Bench) -> Iterator[Row]:
    """From the start of a module's process to its first request."""
    came: list[float] = []

    class Listener(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            came.append(time.monotonic())
            self.send_error(404)

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Listener) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        login = {"host": f"http://127.0.0.1:{server.server_port}", "api_key": "none"}

        def starting(module: str, **args: Any) -> Way:
            payload = bench.payload(module, **login, **args)

            def run() -> float:
                came.clear()
                begin = time.monotonic()
                ended = payload()
                if not came:
                    raise BenchError(f"{module} made no request: {ended.output}")
                return came[0] - begin

            return Way(run)

        workflow = {"api_version": "argoproj.io/v1alpha1", "kind": "Workflow", "namespace": "none"}
        series = bench.in_turn(
            {
                "workflow_wait": starting("argo.workflows.workflow_wait", name=["none"], progress="none"),
                "workflow_info": starting("argo.workflows.workflow_info", name="none"),
                "argo_status": starting("argo.workflows.argo_status"),
                "kubernetes.core.k8s_info": starting("kubernetes.core.k8s_info", **workflow),
            }
        )
        server.shutdown()
    ours = [name for name in series if not name.startswith("kubernetes")]
    yield Row("start of a module to its first request", "s", series, [Target(name, 0.8) for name in ours])


def memory(bench: Bench) -> Iterator[Row]:
    """The peak resident size of what does the work, on the logs of 100 finished pods."""
    names = bench.finished("logs-100", 100, PRINT)
    connection = {"kubeconfig": str(bench.kubeconfig), "namespace": bench.namespace}
    home = bench.folder / "memory"
    wait = bench.payload(
        "argo.workflows.workflow_wait", name=["logs-100"], logs_dir=str(home), progress="none", **connection
    )
    info = bench.payload("argo.workflows.workflow_info", name="logs-100", **connection)
    one = bench.payload("kubernetes.core.k8s_log", name=names[0], container="main", **connection)

    def collecting() -> float:
        empty(home)
        return good(wait()).rss

    yield Row(
        "peak memory, 100 finished pods",
        "MB",
        bench.in_turn(
            {
                "workflow_wait with logs": Way(collecting),
                "workflow_info": Way(lambda: good(info()).rss),
                "argo logs": bench.program("argo", lambda: bench.run(bench.argo_command("logs", "logs-100")).rss),
                "kubectl logs of one pod": bench.program(
                    "kubectl", lambda: bench.run(bench.kubectl_command("logs", names[0], "-c", "main")).rss
                ),
                "k8s_log of one pod": Way(lambda: good(one()).rss),
            }
        ),
    )


def good(ended: Ended) -> Ended:
    """A module that has not failed."""
    if '"failed": true' in ended.output or not ended.output.startswith("\n{"):
        raise BenchError(f"a module failed: {ended.output[-3000:]}")
    return ended


def items(bench: Bench) -> Iterator[Row]:
    """A run with very many items, its pods watched from the first to the last, each with its log."""
    small, large = "1,000 items", "10,000 items"
    times, sizes = time_and_memory(bench, {small: waiting(bench, 1000), large: waiting(bench, 10_000)})
    what = "workflow_wait with logs, synthetic API server"
    yield Row(f"{what}: time", "s", times, [Target(large, 10, small)])
    yield Row(f"{what}: peak memory", "MB", sizes, [Target(large, 250), Target(large, 10, small)])


def gigabyte(bench: Bench) -> Iterator[Row]:
    """The log of a container that has written 1 GB."""
    port = free_port()

    def by_kubectl() -> Ended:
        command = [bench.kubectl, "-s", f"http://127.0.0.1:{port}", "-n", synthetic.NAMESPACE]
        with synthetic.SyntheticServer(port, 1, GIGABYTE):
            return bench.run([*command, "logs", "any", "-c", "main", "--timestamps"])

    ours, theirs = "workflow_wait", "kubectl logs"
    times, sizes = time_and_memory(
        bench,
        {ours: waiting(bench, 1, GIGABYTE), theirs: by_kubectl if bench.kubectl else "no kubectl on this machine"},
    )
    what = "a container's log of 1 GB, synthetic API server"
    yield Row(f"{what}: time", "s", times, [Target(ours, 2, theirs)])
    yield Row(f"{what}: peak memory", "MB", sizes, [Target(ours, 100)])


def waiting(bench: Bench, count: int, size: int = 0) -> Callable[[], Ended]:
    """The module workflow_wait on a new synthetic run; all of its logs have to come home."""
    port, home = free_port(), bench.folder / f"items-{count}"
    payload = bench.payload(
        "argo.workflows.workflow_wait",
        host=f"http://127.0.0.1:{port}",
        api_key="none",
        name=[synthetic.NAME],
        namespace=synthetic.NAMESPACE,
        logs_dir=str(home),
        progress="none",
        fail_on=["failed", "error", "deleted", "timeout", "logs"],
    )

    def run() -> Ended:
        empty(home)
        with synthetic.SyntheticServer(port, count, size):
            ended = good(payload())
        logs = list(home.rglob("*.log"))
        if len(logs) != count or min(log.stat().st_size for log in logs) < size * 0.8:
            raise BenchError(f"{len(logs)} logs came home instead of {count}, or not all of them whole")
        return ended

    return run


def time_and_memory(
    bench: Bench, ways: Mapping[str, Callable[[], Ended] | str]
) -> tuple[dict[str, Series], dict[str, Series]]:
    """Measure both in the same runs."""
    sizes: dict[str, list[float]] = {name: [] for name in ways}

    def timed(name: str, run: Callable[[], Ended]) -> Way:
        def once() -> float:
            ended = run()
            sizes[name].append(ended.rss)
            return ended.seconds

        return Way(once)

    times = bench.in_turn({name: run if isinstance(run, str) else timed(name, run) for name, run in ways.items()})
    return times, {name: Series(sizes[name], times[name].absent) for name in ways}
