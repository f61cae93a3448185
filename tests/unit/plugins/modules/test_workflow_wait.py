# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules' options mean what their documentation says, and the process itself ends as it should."""

from __future__ import annotations

import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.argo.workflows.plugins.doc_fragments import connection, logs
from ansible_collections.argo.workflows.plugins.module_utils._module import CONNECTION_SPEC, UserError
from ansible_collections.argo.workflows.plugins.modules import workflow, workflow_info, workflow_logs, workflow_wait

METADATA = {
    "name": "slow",
    "namespace": "argo",
    "uid": "u",
    "resourceVersion": "1",
    "creationTimestamp": "2026-11-22T15:45:11Z",
}


class Slow(http.server.BaseHTTPRequestHandler):
    """An API server with one Workflow that goes on for ever."""

    protocol_version = "HTTP/1.1"
    patches: list[Any] = []
    read_only = False

    def do_GET(self) -> None:
        if "watch=true" in self.path:
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            time.sleep(30)
            return
        if self.path.split("?")[0].endswith(("/workflows", "/pods", "/nodes")):
            items = [{"metadata": METADATA}] if "/workflows" in self.path else []
            self.answer({"metadata": {"resourceVersion": "1"}, "items": items})
        else:
            self.answer({"metadata": METADATA, "status": {"phase": "Running"}})

    def do_PATCH(self) -> None:
        self.patches.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        if self.read_only:
            self.answer({"kind": "Status", "code": 403, "reason": "Forbidden", "message": "no right to patch"}, 403)
        else:
            self.answer({"metadata": METADATA})

    def answer(self, content: Any, status: int = 200) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_args: Any) -> None:
        pass


@pytest.fixture
def host() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Slow.patches.clear()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def start(host: str, plugin: Any = workflow_wait, **options: Any) -> subprocess.Popen[bytes]:
    """The module as Ansible starts it."""
    arguments = {"name": ["slow"], "host": host, **options, "_ansible_version": "2.19.0"}
    module = subprocess.Popen(
        [sys.executable, plugin.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert module.stdin
    module.stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode())
    module.stdin.close()
    module.stdin = None
    return module


def test_sigterm_ends_the_wait_and_does_what_on_interrupt_says(host: str, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    module = start(host, on_interrupt="stop", journal=str(journal))
    await_file(journal)
    time.sleep(0.5)
    module.send_signal(signal.SIGTERM)
    result = json.loads(module.communicate(timeout=15)[0])
    assert result["failed"] and result["outcome"] == "interrupted"
    assert result["msg"] == "The wait was interrupted. Workflow slow was Running and was stopped."
    assert Slow.patches == [{"spec": {"shutdown": "Stop"}}]


def test_the_module_ends_when_nobody_reads_its_result_any_more(host: str, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    module = start(host, journal=str(journal))
    await_file(journal)
    assert module.stdout
    module.stdout.close()
    assert module.wait(timeout=15) is not None


def test_an_interruption_before_the_wait_has_begun_does_what_on_interrupt_says(host: str, tmp_path: Path) -> None:
    module = start(host, on_interrupt="stop", journal=str(tmp_path / "gone" / "pipe"))
    assert module.stdout
    module.stdout.close()
    assert module.wait(timeout=15) is not None
    assert Slow.patches == [{"spec": {"shutdown": "Stop"}}]


def test_the_timeout_holds(host: str) -> None:
    module = start(host, wait_timeout=1, on_timeout="terminate")
    result = json.loads(module.communicate(timeout=20)[0])
    assert result["msg"].startswith("The wait ended after 1 s (wait_timeout). Workflow slow was Running")
    assert Slow.patches == [{"spec": {"shutdown": "Terminate"}}]


@pytest.mark.parametrize(
    ("plugin", "options"),
    [
        (workflow_wait, {"name": []}),
        (workflow_wait, {"name": ["slow", ""]}),
        (workflow_wait, {"namespace": ""}),
        (workflow_logs, {"name": ""}),
        (workflow_info, {"name": ""}),
        (workflow, {"name": "", "state": "absent", "namespace": "argo"}),
    ],
)
def test_an_empty_name_never_means_all(plugin: Any, options: dict[str, Any]) -> None:
    module = start("http://127.0.0.1:9", plugin, **options)
    result = json.loads(module.communicate(timeout=20)[0])
    option = "namespace" if not options.get("namespace", "argo") else "name"
    assert result["msg"] == f"{option}: it is empty; say which {option} is meant, or leave the option out"


@pytest.mark.parametrize("selectors", [[], [""], ["a=b", ""]])
def test_no_selector_never_means_all(selectors: list[str]) -> None:
    params = {name: option.get("default") for name, option in workflow_wait.ARGUMENT_SPEC.items()}
    with pytest.raises(UserError, match="label_selectors: there is no selector in it"):
        workflow_wait.wanted_of(params | {"label_selectors": selectors})


@pytest.mark.parametrize("plugin", [workflow_wait, workflow_logs])
def test_a_folder_that_takes_no_logs_is_said_before_the_wait(plugin: Any, host: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    module = start(host, plugin, name="slow", logs_dir=str(tmp_path / "file" / "logs"))
    result = json.loads(module.communicate(timeout=15)[0])
    assert result["msg"] == f"logs_dir: nothing can be written to {tmp_path}/file/logs: Not a directory"


def test_a_journal_that_cannot_be_written_is_no_bug(host: str, tmp_path: Path) -> None:
    module = start(host, journal=str(tmp_path / "missing" / "journal"))
    result = json.loads(module.communicate(timeout=15)[0])
    assert result["msg"] == f"journal: {tmp_path}/missing/journal cannot be written: No such file or directory"


@pytest.mark.parametrize("fail_on", [["failed"], ["failed", "timeout"]])
def test_a_run_that_could_not_be_terminated_is_a_failure_and_is_not_called_terminated(
    fail_on: list[str], host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Slow, "read_only", True)
    module = start(host, wait_timeout=1, on_timeout="terminate", fail_on=fail_on)
    result = json.loads(module.communicate(timeout=20)[0])
    assert result["failed"] and result["outcome"] == "timeout"
    assert " and goes on, as it could not be told to terminate: " in result["msg"]
    assert "no right to patch" in result["msg"] and "was terminated" not in result["msg"]


def await_file(path: Path) -> None:
    end = time.monotonic() + 20
    while not path.exists() and time.monotonic() < end:
        time.sleep(0.05)


def test_two_connections_for_logs_are_the_least() -> None:
    params = {name: option.get("default") for name, option in workflow_wait.ARGUMENT_SPEC.items()}
    assert workflow_wait.wanted_of(params | {"name": ["slow"], "parallel_logs": 1}).logs.parallel == 2


@pytest.mark.parametrize("module", [workflow_wait, workflow_logs])
def test_every_option_is_documented_and_every_documented_one_is_there(module: Any) -> None:
    own = yaml.safe_load(module.DOCUMENTATION)["options"]
    shared = yaml.safe_load(logs.ModuleDocFragment.DOCUMENTATION)["options"]
    assert own.keys().isdisjoint(shared)
    documented = own | shared
    assert documented.keys() == module.ARGUMENT_SPEC.keys()
    for name, option in documented.items():
        assert option.get("default") == module.ARGUMENT_SPEC[name].get("default"), name
        assert option.get("choices") == module.ARGUMENT_SPEC[name].get("choices"), name


def test_the_connection_options_are_documented() -> None:
    assert yaml.safe_load(connection.ModuleDocFragment.DOCUMENTATION)["options"].keys() == CONNECTION_SPEC.keys()
