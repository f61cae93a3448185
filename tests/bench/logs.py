# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bringing logs home."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import path
from ansible_collections.argo.workflows.tests.bench import bare_http
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
        login, url = bench.login.configuration, urlsplit(bench.login.host)
        paths = "".join(f"{name}.log {path('Pod', bench.namespace, name, 'log')}?container=main\n" for name in names)
        (home / "wanted").write_text(paths)
        arguments = [url.hostname, url.port or 443, login.ssl_ca_cert, login.cert_file, login.key_file, home, 8]
        return bench.run([sys.executable, bare_http.__file__, *map(str, arguments)]).seconds

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
