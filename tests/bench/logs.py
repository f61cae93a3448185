# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bringing logs home."""

from __future__ import annotations

import http.client
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from ansible_collections.argo.workflows.plugins.module_utils._kubernetes import pods
from ansible_collections.argo.workflows.tests.bench.measure import Row, Target
from ansible_collections.argo.workflows.tests.bench.tools import Bench, BenchError, Task, Way, empty

LINES = 100
"""Lines that each pod of the logs rows prints."""
PRINT = f'for n in $(seq {LINES}); do echo "line $n of item $ITEM, as a training step prints it"; done'


def logs(bench: Bench, items: int) -> Iterator[Row]:
    """Bring the logs of finished pods home."""
    name = f"logs-{items}"
    names = bench.finished(name, items, PRINT)
    home = bench.folder / name

    def whole(collect: Callable[[], float]) -> float:
        """Into an empty folder, and all lines have to be there."""
        empty(home)
        seconds = collect()
        lines = sum(path.read_bytes().count(b" of item ") for path in home.rglob("*.log"))
        if lines != items * LINES:
            raise BenchError(f"{lines} lines came home instead of {items * LINES}")
        return seconds

    def by_argo() -> float:
        ended = bench.run(bench.argo_command("logs", name, "--no-color"))
        (home / "all.log").write_text(ended.output)
        return ended.seconds

    def by_http() -> float:
        begin = time.monotonic()
        fetch_all(bench, names, home, connections=8)
        return time.monotonic() - begin

    wanted = {"name": name, "namespace": bench.namespace, "logs_dir": str(home)}

    def k8s_log(name: str) -> Task:
        return {"kubernetes.core.k8s_log": {"name": name, "namespace": bench.namespace, "container": "main"}}

    one, each = k8s_log(names[0]), {**k8s_log("{{ item }}"), "loop": names}
    ways: dict[str, Way | str] = {
        "workflow_wait": Way(lambda: whole(lambda: bench.play([{"argo.workflows.workflow_wait": wanted}])), True),
        "workflow_logs": Way(lambda: whole(lambda: bench.play([{"argo.workflows.workflow_logs": wanted}])), True),
        "bare HTTP, 8 connections": Way(lambda: whole(by_http)),
        "argo logs": bench.program("argo", lambda: whole(by_argo)),
        "loop of k8s_log": Way(lambda: bench.play([each]), True) if items <= 100 else "not repeated for so many",
        "k8s_log of one pod": Way(lambda: bench.play([one]), True),
    }
    targets = []
    for ours in ("workflow_wait", "workflow_logs"):
        targets.append(Target(ours, 0.1, "argo logs"))
        targets.append(Target(ours, 0.02, "loop of k8s_log"))
        targets.append(Target(ours, 4, "bare HTTP, 8 connections"))
    yield Row(f"logs of {items} finished pods", "s", bench.in_turn(ways), targets if items == 100 else [])


def fetch_all(bench: Bench, names: list[str], home: Path, connections: int) -> None:
    """Fetch the log of each pod's main container with plain HTTP, over a few connections that are kept."""
    local = threading.local()

    def fetch(name: str) -> None:
        if not hasattr(local, "connection"):
            local.connection = connect(bench)
        local.connection.request("GET", pods(bench.namespace, name, "log") + "?container=main")
        (home / f"{name}.log").write_bytes(local.connection.getresponse().read())

    with ThreadPoolExecutor(connections) as pool:
        list(pool.map(fetch, names))


def connect(bench: Bench) -> http.client.HTTPSConnection:
    settings = bench.login.configuration
    context = ssl.create_default_context(cafile=settings.ssl_ca_cert)
    context.load_cert_chain(settings.cert_file, settings.key_file)
    url = urlsplit(bench.login.host)
    return http.client.HTTPSConnection(str(url.hostname), url.port or 443, context=context)
