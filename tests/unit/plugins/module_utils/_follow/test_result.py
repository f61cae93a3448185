# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a wait returns says of the logs what is in them, and whose they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._argo.names import parse_node_name
from ansible_collections.argo.workflows.plugins.module_utils._follow import follower as follower_module
from ansible_collections.argo.workflows.plugins.module_utils._follow import result as result_module
from ansible_collections.argo.workflows.plugins.module_utils._follow.follower import Follower, Wanted
from ansible_collections.argo.workflows.plugins.module_utils._follow.journal import Journal
from ansible_collections.argo.workflows.plugins.module_utils._follow.result import failure_of, result_of
from ansible_collections.argo.workflows.plugins.module_utils._logs.lines import Cursor, Taken
from ansible_collections.argo.workflows.tests.support import recordings
from ansible_collections.argo.workflows.tests.support.replay import Recorded


def failed_item(directory: Path, *logs: tuple[int, str, bytes]) -> dict[str, Any]:
    """An item that failed three times, of whose pods these logs were had: attempt, container, text."""
    name = "retry-exhausted"
    cluster = Recorded(name).cluster()
    follower = Follower(cluster, Wanted("argo", (name,), logs_dir=directory), Journal(None))
    workflow = recordings.workflow(name)
    follower._add(workflow["metadata"])
    [run] = follower.runs
    run.see_workflow(workflow, 0)
    assert follower.collection
    folder = follower.collection._collector._folders[name]
    [item] = [item for item in run.items() if len(item.attempts) == 3]
    for number, container, text in logs:
        attempt = item.attempts[number]
        log = folder.log(attempt.pod, f"uid-of-{attempt.pod}", container, parse_node_name(name, attempt.name))
        log.open()
        log.take(Taken(text, text.count(b"\n")))
        log.cursor = Cursor(high=f"2026-11-22T18:00:{len(folder.logs):02}Z")
        log.end()
    result = result_of(follower, "finished", failed=False)
    return next(each for each in result["item_results"] if each["node_name"] == item.name)


def test_the_last_line_is_that_of_the_last_attempt_in_whatever_order_the_pods_were_seen(tmp_path: Path) -> None:
    logs = [(2, "main", b"third\n"), (0, "main", b"first\n"), (1, "main", b"second\n")]
    item = failed_item(tmp_path, *logs)
    assert (item["last_line"], item["tail"]) == ("third", "third\n")
    assert [log["pod"] for log in item["logs"]] == item["pods"]


@pytest.mark.parametrize("main", ["main", "step-of-a-container-set"])
def test_the_end_of_the_log_is_not_that_of_the_executor(main: str, tmp_path: Path) -> None:
    logs = [(0, "init", b"init\n"), (0, main, b"mine\n"), (0, "wait", b"wait\n")]
    item = failed_item(tmp_path, *logs)
    assert (item["last_line"], item["tail"]) == ("mine", "mine\n")


def test_of_a_container_set_the_container_that_wrote_last_has_the_last_line(tmp_path: Path) -> None:
    item = failed_item(tmp_path, (0, "b", b"first\n"), (0, "a", b"last\n"))
    assert item["last_line"] == "last"


def test_several_workflows_share_the_size_of_a_result(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(result_module, "MAX_ITEMS", 3000)
    monkeypatch.setattr(result_module, "MAX_TREE", 1000)
    monkeypatch.setattr(result_module, "MAX_SUMMARY", 4)
    names = ("fanout-ok", "fanout-flaky", "fanout-parallelism", "retry-exhausted")
    follower = Follower(Recorded(names[0]).cluster(), Wanted("argo", names), Journal(None))
    for name in names:
        follower._add(recordings.workflow(name)["metadata"])
    for run in follower.runs:
        run.see_workflow(recordings.workflow(run.name), 0)
    runs = result_of(follower, "finished", failed=False)["workflows"]
    assert sum(len(json.dumps(run["item_results"])) for run in runs) < 3000
    assert sum(len(run["tree"]) for run in runs) < 1000
    assert not any("PODNAME" in run["tree"] for run in runs), "these are summaries"


def test_where_the_nodes_cannot_be_read_nobody_knows_whether_the_logs_are_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower_module, "WATCH_LAG", 0.1)
    server = Recorded("fanout-ok", pause=0.001)
    server.pod_events, server.workflow_events = [], server.workflow_events[-1:]
    [server.workflow] = server.workflow_events
    server.workflow["status"] |= {"nodes": None, "offloadNodeStatusVersion": "fnv:1"}
    follower = Follower(
        server.cluster(), Wanted("argo", ("fanout-ok",), timeout=20, logs_dir=tmp_path / "logs"), Journal(None)
    )
    assert follower.follow() == "finished"
    server.over.set()
    assert [request for request in server.requests if request.endswith("/pods")][1:], "the pods were not listed again"
    assert not result_of(follower, "finished", failed=False)["logs_complete"]
    assert failure_of(follower, "finished", ["logs"], "leave") == (
        "Workflow fanout-ok may have had pods whose logs are not here: The nodes of the workflow fanout-ok are "
        "offloaded to the controller's database, where only the Argo Server can read them."
    )
