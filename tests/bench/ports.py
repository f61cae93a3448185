# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A port of this machine that leads to Argo's server."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

from ansible_collections.argo.workflows.plugins.module_utils._install.objects import SERVER, SERVER_PORT
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import path
from ansible_collections.argo.workflows.plugins.modules import argo_ui
from ansible_collections.argo.workflows.tests.bench.measure import Row, Series, Target
from ansible_collections.argo.workflows.tests.bench.tools import (
    Bench,
    Way,
    fanout,
    free_port,
    peak_rss,
    until,
)

SIZE = 246_000_000
"""Bytes of a download: so many were reported to take 267 s."""
BURST = 20
LARGE = "bench=large"
"""The label of what is downloaded."""
OURS, THEIRS = "argo_ui", "kubectl port-forward"


def ports(bench: Bench) -> Iterator[Row]:
    """A long download over one connection, and many short ones at once."""
    token = _token(bench)
    with _listed(bench) as target:
        sizes: dict[str, list[float]] = {OURS: [], THEIRS: []}

        def measured(name: str, work: Callable[[int], None]) -> Way:
            def run() -> float:
                with _forwarded(bench, name) as (port, process):
                    begin = time.monotonic()
                    work(port)
                    seconds = time.monotonic() - begin
                    sizes[name].append(peak_rss(process.pid))
                return seconds

            return Way(run)

        def ways(work: Callable[[int], None]) -> dict[str, Way | str]:
            theirs = measured(THEIRS, work) if bench.kubectl else "no kubectl on this machine"
            return {OURS: measured(OURS, work), THEIRS: theirs}

        yield Row(
            f"{BURST} requests at once, each with a connection of its own",
            "s",
            bench.in_turn(ways(lambda port: _burst(port, token))),
            [Target(OURS, 1)],
        )
        sizes.update({OURS: [], THEIRS: []})
        what = f"{SIZE // 1_000_000} MB from Argo's server over one connection"
        times = bench.in_turn(ways(lambda port: _download(port, target, token)))
        yield Row(f"{what}: time", "s", times, [Target(OURS, 1.5, THEIRS)])
        peaks = {name: Series(sizes[name], one.absent) for name, one in times.items()}
        yield Row(f"{what}: peak memory", "MB", peaks, [Target(OURS, 100)])


@contextlib.contextmanager
def _listed(bench: Bench) -> Iterator[str]:
    """What to ask for an answer of about 12 MB; its Workflows do not run, and are gone afterwards."""
    names = [f"large-{number}" for number in range(10)]
    try:
        for name in names:
            workflow = fanout(name, 1, "true")
            workflow["metadata"]["labels"] = dict([LARGE.split("=")])
            workflow["spec"]["suspend"] = True
            workflow["spec"]["arguments"]["parameters"].append({"name": "large", "value": os.urandom(600_000).hex()})
            bench.cluster.create(path("Workflow", bench.namespace), workflow)
        yield f"/api/v1/workflows/{bench.namespace}?listOptions.labelSelector={quote(LARGE)}"
    finally:
        for name in names:
            if bench.exists(found := path("Workflow", bench.namespace, name)):
                bench.cluster.delete(found)


def _token(bench: Bench) -> str:
    account = path("ServiceAccount", bench.namespace, SERVER, "token")
    return str(bench.cluster.create(account, {"spec": {"expirationSeconds": 3600}})["status"]["token"])


@contextlib.contextmanager
def _forwarded(bench: Bench, name: str) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """A port that leads to the server, and the process that holds it."""
    port, options = free_port(), {}
    if name == OURS:
        options = {"kubeconfig": str(bench.kubeconfig), "namespace": bench.namespace, "port": port}
        command = [sys.executable, str(argo_ui.__file__)]
    else:
        command = bench.kubectl_command("port-forward", f"service/{SERVER}", f"{port}:{SERVER_PORT}")
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    try:
        assert process.stdin
        process.stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": {**options, "_ansible_version": "2.19.0"}}).encode())
        process.stdin.close()
        until(lambda: _listens(port), f"{name} does not listen", 30)
        yield port, process
    finally:
        process.kill()
        process.wait()


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def _connection(port: int) -> http.client.HTTPSConnection:
    return http.client.HTTPSConnection("127.0.0.1", port, timeout=120, context=ssl._create_unverified_context())


def _download(port: int, target: str, token: str) -> None:
    connection, size = _connection(port), 0
    while size < SIZE:
        connection.request("GET", target, headers={"Authorization": f"Bearer {token}"})
        size += len(connection.getresponse().read())
    connection.close()


def _burst(port: int, token: str) -> None:
    def ask(_number: int) -> None:
        connection = _connection(port)
        connection.request("GET", "/api/v1/version", headers={"Authorization": f"Bearer {token}"})
        connection.getresponse().read()
        connection.close()

    with ThreadPoolExecutor(BURST) as pool:
        list(pool.map(ask, range(BURST)))
