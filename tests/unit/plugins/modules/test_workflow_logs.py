# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module itself, in front of a recorded API server."""

from __future__ import annotations

import datetime
import errno
import json
import time
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.cluster import Cluster
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import path
from ansible_collections.argo.workflows.plugins.module_utils._logs.folder import Log
from ansible_collections.argo.workflows.plugins.module_utils._logs.sinks import MergedFiles
from ansible_collections.argo.workflows.plugins.module_utils._module import UserError
from ansible_collections.argo.workflows.plugins.modules import workflow_logs
from ansible_collections.argo.workflows.tests.support import recordings
from ansible_collections.argo.workflows.tests.support.api import Api, Response, silent
from ansible_collections.argo.workflows.tests.support.clock import Clock
from ansible_collections.argo.workflows.tests.support.module import Module
from ansible_collections.argo.workflows.tests.support.replay import Recorded

NOON = datetime.datetime(2026, 11, 22, 12, tzinfo=datetime.UTC)


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> Recorded:
    """A run that has ended and whose pods are gone."""
    server = Recorded("fanout-ok")
    server.pod_events = []
    server.workflow = server.workflow_events[-1]
    monkeypatch.setattr(Cluster, "from_params", lambda params: server.cluster())
    return server


@pytest.fixture
def with_pods(ended: Recorded) -> Recorded:
    """A run that has ended and whose pods are there, each with a line that has no end."""
    ended.pod_events = recordings.pod_events("fanout-ok")
    line = b"2026-11-22T15:45:18.000000001Z hello"
    ended.logs = {event["object"]["metadata"]["name"]: line for event in ended.pod_events}
    return ended


def module_with(**params: Any) -> Module:
    return Module(workflow_logs, **{"name": "fanout-ok"} | params)


def fetch(**params: Any) -> dict[str, Any]:
    return workflow_logs.run(module_with(**params))


def test_the_logs_are_not_called_complete_where_the_nodes_cannot_be_read(ended: Recorded) -> None:
    ended.workflow["status"] |= {"nodes": None, "offloadNodeStatusVersion": "fnv:1"}
    result = fetch()
    assert (result["logs"], result["complete"]) == ([], False)
    assert "offloaded to the controller's database" in result["reason"]


def test_a_last_line_that_cannot_be_written_is_a_reason_also_in_the_index(
    with_pods: Recorded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: MergedFiles, log: Log, lines: list[bytes]) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(MergedFiles, "write", full)
    result = fetch(logs_dir=str(tmp_path), merged_log=True)
    reasons = [log["reason"] for log in result["logs"]]
    assert reasons == ["its last line could not be written: No space left on device"] * 3
    index = json.loads((tmp_path / "fanout-ok" / "index.json").read_text())
    assert [log["reason"] for log in index["logs"]] == reasons


def test_the_logs_of_pods_that_are_gone_are_returned_as_incomplete(ended: Recorded, tmp_path: Path) -> None:
    result = fetch(logs_dir=str(tmp_path))
    assert (len(result["logs"]), result["complete"]) == (3, False)


@pytest.mark.parametrize("kind", ["Workflow", "Pod"])
def test_the_time_out_holds_though_the_api_server_is_silent(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    workflow = {"metadata": {"name": "fanout-ok", "namespace": "argo", "uid": "u"}, "status": {}}
    name = "fanout-ok" if kind == "Workflow" else ""
    api = Api({path("Workflow", "argo", "fanout-ok"): workflow}, clock=clock)
    api.answers[path(kind, "argo", name)] = lambda asked: silent(asked, clock)
    monkeypatch.setattr(Cluster, "from_params", lambda params: api.cluster())
    with pytest.raises(ApiError, match="Read timed out"):
        fetch(wait_timeout=7)
    assert 5 < clock.now <= 7


@pytest.mark.parametrize("choice", [{"items": ["Argon"]}, {"containers": ["mian"]}])
def test_a_choice_that_no_container_meets_gets_a_warning(choice: dict[str, list[str]], with_pods: Recorded) -> None:
    module = module_with(**choice)
    assert workflow_logs.run(module)["logs"] == []
    assert "There are no logs" in module.warnings[0]
    workflow_logs.run(module := module_with())
    assert not module.warnings


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, None),
        ("90s", "2026-11-22T11:58:30Z"),
        ("2h", "2026-11-22T10:00:00Z"),
        ("2026-11-22T13:00:00+02:00", "2026-11-22T11:00:00Z"),
    ],
)
def test_since_is_a_time_or_a_span(text: str | None, expected: str | None) -> None:
    assert workflow_logs.since_of(text, NOON.timestamp) == expected


@pytest.mark.parametrize("text", ["yesterday", "10", "2026-11-22T13:00:00", "9999999999999d"])
def test_a_since_that_is_neither_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="since: "):
        workflow_logs.since_of(text, NOON.timestamp)


@pytest.mark.parametrize(
    ("said", "expected"),
    [("Sun, 22 Nov 2026 18:00:00 GMT", "2026-11-22T17:50:00Z"), ("", "2026-11-22T11:50:00Z")],
)
def test_a_span_ends_now_by_the_api_servers_clock_if_it_says_what_that_is(
    said: str, expected: str, with_pods: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time", NOON.timestamp)
    with_pods.answers["/version"] = Response(200, iter([b"{}"]), {"Date": said})
    fetch(since="10m")
    first = next(asked for asked in with_pods.requests if asked.path.endswith("/log"))
    assert first.query["sinceTime"] == expected


def test_a_time_is_taken_without_asking_what_time_it_is(with_pods: Recorded) -> None:
    fetch(since="2026-11-22T15:45:00Z")
    assert not with_pods.asked("GET", "/version")


def test_an_expression_that_may_take_for_ever_is_refused() -> None:
    with pytest.raises(UserError, match=r"grep: '\(\\\\w\+ \?\)\+!' repeats a group"):
        workflow_logs.options_of({"grep": r"(\w+ ?)+!", "tail": None}, NOON.timestamp)


def test_tail_is_at_least_one_line() -> None:
    with pytest.raises(UserError, match="tail must be at least 1, and is 0"):
        workflow_logs.options_of({"grep": None, "tail": 0}, NOON.timestamp)
