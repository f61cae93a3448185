# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run is followed to its end, whatever end that is, and the wait itself always ends in time."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._argo.pods import trim
from ansible_collections.argo.workflows.plugins.module_utils._follow import follower as follower_module
from ansible_collections.argo.workflows.plugins.module_utils._follow import journal as journal_module
from ansible_collections.argo.workflows.plugins.module_utils._follow import shutdown as shutdown_module
from ansible_collections.argo.workflows.plugins.module_utils._follow.follower import Follower, NotFoundError
from ansible_collections.argo.workflows.plugins.module_utils._follow.journal import Journal
from ansible_collections.argo.workflows.plugins.module_utils._follow.outcome import Outcome
from ansible_collections.argo.workflows.plugins.module_utils._follow.result import failure_of, result_of
from ansible_collections.argo.workflows.plugins.module_utils._follow.run import Run
from ansible_collections.argo.workflows.plugins.module_utils._follow.shutdown import shut_down
from ansible_collections.argo.workflows.plugins.module_utils._follow.surroundings import Surroundings
from ansible_collections.argo.workflows.plugins.module_utils._follow.wait import Wanted
from ansible_collections.argo.workflows.plugins.module_utils._follow.watches import (
    Broken,
    Found,
    LookedAround,
    NotRead,
    PodsListed,
    PodsRefused,
    Trouble,
    Watches,
    WorkflowChanged,
    WorkflowRead,
)
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.cluster import Cluster
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError
from ansible_collections.argo.workflows.plugins.module_utils._logs.options import LogOptions
from ansible_collections.argo.workflows.tests.support import recordings
from ansible_collections.argo.workflows.tests.support.api import Api, Asked, Response, answered
from ansible_collections.argo.workflows.tests.support.clock import Clock
from ansible_collections.argo.workflows.tests.support.replay import Recorded

ENDING = [name for name in recordings.NAMES if recordings.workflow(name).get("status", {}).get("phase") != "Running"]


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follower_module, "NEWS_PATIENCE", 0.3)
    monkeypatch.setattr(follower_module, "LOG_PATIENCE", 10.0)


@pytest.fixture
def servers() -> Iterator[list[Recorded]]:
    started: list[Recorded] = []
    yield started
    for server in started:
        server.over.set()


def start(servers: list[Recorded], name: str, **options: Any) -> Recorded:
    servers.append(server := Recorded(name, **options))
    return server


def wanted(name: str, **options: Any) -> Wanted:
    return Wanted("argo", (name,), **{"timeout": 20.0} | options)


def journal_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("name", ENDING)
def test_every_recorded_run_is_followed_to_its_recorded_end(name: str, servers: list[Recorded], tmp_path: Path) -> None:
    server = start(servers, name, pause=0.001)
    follower = Follower(server.cluster(), wanted(name, logs_dir=tmp_path), Journal(None))
    ended = follower.follow()
    assert ended.outcome == "finished"
    result = result_of(ended, failed=False)
    assert not {"started", "finished"} & set(result), "in these Ansible says how an asynchronous task is"
    assert result["phase"] == recordings.workflow(name)["status"]["phase"]
    drawn = recordings.FOLDER / name / "argo-get.txt"
    if drawn.exists() and name != "fanout-too-large":
        assert result["tree"] in drawn.read_text()
    for log in ended.logs:
        if log.pod in server.logs and log.complete and log.path:
            expected = [line for line in server.logs[log.pod].splitlines(keepends=True) if not is_executors(line)]
            text = b"".join(line.partition(b" ")[2] for line in expected)
            assert log.path.read_bytes().rstrip(b"\n") == text.rstrip(b"\n")


def is_executors(line: bytes) -> bool:
    return b" level=INFO msg=" in line or b"Z Error: exit status" in line


def test_logs_and_tree_are_in_the_journal(servers: list[Recorded], tmp_path: Path) -> None:
    server = start(servers, "fanout-ok")
    journal = Journal(str(tmp_path / "journal"))
    Follower(server.cluster(), wanted("fanout-ok", show_tree=True, show_logs=True), journal).follow()
    events = journal_of(tmp_path / "journal")
    assert {"event": "end", "outcome": "finished"}.items() <= events[-1].items()
    tree = [line for event in events if event["event"] == "tree" for line in event["lines"]]
    [last] = [line for line in tree if "✔ echo(0:Argo)" in line["text"]][-1:]
    assert last["phase"] == "Succeeded"
    lines = [f"{e['node']}: {line}" for e in events if e["event"] == "log" for line in e["lines"]]
    assert "echo(0:Argo)(0): Input was: Argo" in lines


def test_a_wait_watches_and_does_not_poll(servers: list[Recorded]) -> None:
    server = start(servers, "fanout-ok", pause=0.05)
    Follower(server.cluster(), wanted("fanout-ok"), Journal(None)).follow()
    base = "/apis/argoproj.io/v1alpha1/namespaces/argo/workflows"
    requests = list(map(str, server.requests))
    assert requests.count(f"GET {base}") == 1
    assert requests.count(f"GET {base} watch") == 1
    assert requests.count(f"GET {base}/fanout-ok") <= 3


def test_a_timeout_holds_though_the_server_is_dead(servers: list[Recorded]) -> None:
    server = start(servers, "fanout-ok", stop_after=2)
    follower = Follower(server.cluster(), wanted("fanout-ok", timeout=1.5), Journal(None))
    server_dies(server)
    began = time.monotonic()
    ended = follower.follow()
    assert ended.outcome == "timeout"
    assert time.monotonic() - began < 3
    failure = failure_of(ended, ["timeout"])
    assert failure.startswith("The wait ended after 2 s (wait_timeout). Workflow fanout-ok was Running")
    assert "The API server did not answer: " in failure


def test_a_timeout_holds_though_the_server_never_says_anything(servers: list[Recorded]) -> None:
    server = start(servers, "fanout-ok")
    server.mute = True
    follower = Follower(server.cluster(), wanted("fanout-ok", timeout=1.0), Journal(None))
    began = time.monotonic()
    ended = follower.follow()
    assert ended.outcome == "timeout"
    assert time.monotonic() - began < 3
    failure = failure_of(ended, ["timeout"])
    assert failure == "The wait ended after 1 s (wait_timeout). The API server did not answer."
    assert result_of(ended, failed=True)["workflows"] == []


def server_dies(server: Recorded) -> None:
    import threading

    threading.Timer(0.5, lambda: setattr(server, "dead", True)).start()


def test_a_server_that_comes_back_in_time_is_no_failure(servers: list[Recorded]) -> None:
    import threading

    server = start(servers, "fanout-ok", pause=0.01)
    server_dies(server)
    threading.Timer(1.5, lambda: setattr(server, "dead", False)).start()
    follower = Follower(server.cluster(), wanted("fanout-ok"), Journal(None))
    ended = follower.follow()
    assert ended.outcome == "finished"


def test_a_deleted_workflow_ends_the_wait_with_that_word(servers: list[Recorded]) -> None:
    server = start(servers, "fanout-ok", stop_after=2)
    server.deleted = True
    follower = Follower(server.cluster(), wanted("fanout-ok"), Journal(None))
    ended = follower.follow()
    assert ended.outcome == "deleted"
    failure = failure_of(ended, ["deleted"])
    assert failure == "Workflow fanout-ok was deleted before it had ended."


class Selecting(Recorded):
    """Says DELETED of a Workflow that has ended to who watches those that have not, as Kubernetes does."""

    selector = "workflows.argoproj.io/completed!=true"
    selects = False

    def answer(self, asked: Asked) -> Response:
        by_label = "watch" in asked.query and asked.query.get("labelSelector") == self.selector
        self.selects = self.selects or by_label
        return super().answer(asked)

    def _play_workflow(self) -> Iterator[bytes]:
        before = self._metadata(self.workflow)
        for line in super()._play_workflow():
            if self.selects and b'"workflows.argoproj.io/completed": "true"' in line:
                yield json.dumps({"type": "DELETED", "object": before}).encode() + b"\n"
                self.over.wait()
            before = json.loads(line)["object"]
            yield line


def test_labels_choose_when_the_wait_begins_and_may_change_then(servers: list[Recorded]) -> None:
    servers.append(server := Selecting("fanout-ok"))
    follower = Follower(server.cluster(), Wanted("argo", label_selector=server.selector, timeout=20), Journal(None))
    ended = follower.follow()
    assert (ended.outcome, [each.run.phase for each in ended.runs]) == ("finished", ["Succeeded"])
    [the_only_one] = result_of(ended, failed=False)["workflows"]
    assert the_only_one["name"] == "fanout-ok"


def test_pods_of_a_deleted_workflow_of_the_same_name_are_none_of_this_run(
    servers: list[Recorded], tmp_path: Path
) -> None:
    server = start(servers, "fanout-ok")
    foreign = json.loads(json.dumps(server.pod_events[-1]["object"]))
    foreign["metadata"] |= {"uid": "foreign", "resourceVersion": "0"}
    foreign["metadata"]["ownerReferences"][0]["uid"] = "the-deleted-workflow"
    server.pod_events = [{"type": kind, "object": foreign} for kind in ("ADDED", "DELETED")] + server.pod_events
    follower = Follower(server.cluster(), wanted("fanout-ok", logs_dir=tmp_path), Journal(None))
    ended = follower.follow()
    assert "foreign" not in ended.runs[0].run.pods
    assert "foreign" not in {log.uid for log in ended.logs}


@pytest.mark.parametrize("seen", [0, 2])
def test_a_pod_that_ran_and_went_while_nobody_watched_lacks_its_log(
    seen: int, servers: list[Recorded], tmp_path: Path
) -> None:
    server = start(servers, "fanout-ok")
    uid = server.pod_events[0]["object"]["metadata"]["uid"]
    own = [event for event in server.pod_events if event["object"]["metadata"]["uid"] == uid]
    others = [event for event in server.pod_events if event not in own]
    metadata = {key: own[seen]["object"]["metadata"][key] for key in ("name", "uid", "labels", "resourceVersion")}
    server.pod_events = [*own[: seen + 1], {"type": "DELETED", "object": {"metadata": metadata}}, *others]
    follower = Follower(server.cluster(), wanted("fanout-ok", logs_dir=tmp_path), Journal(None))
    ended = follower.follow()
    assert ended.outcome == "finished"
    assert [log.pod for log in ended.logs if not log.complete] == [metadata["name"]]


def test_an_interrupt_leaves_valid_logs_and_says_so(servers: list[Recorded], tmp_path: Path) -> None:
    server = start(servers, "fanout-ok", stop_after=2)
    began = time.monotonic()
    follower = Follower(
        server.cluster(),
        wanted("fanout-ok", logs_dir=tmp_path),
        Journal(None),
        interrupted=lambda: time.monotonic() - began > 1,
    )
    ended = follower.follow()
    assert ended.outcome == "interrupted"
    index = json.loads((tmp_path / "fanout-ok" / "index.json").read_text())
    for entry in index["logs"]:
        assert (tmp_path / "fanout-ok" / entry["file"]).stat().st_size == entry["bytes"]
    assert "goes on; wait for it again by its name" in failure_of(ended, [])


def test_an_interrupt_at_the_very_beginning_still_knows_what_to_stop(servers: list[Recorded]) -> None:
    class Slow(Recorded):
        def answer(self, asked: Asked) -> Response:
            time.sleep(0.5)
            return super().answer(asked)

    servers.append(server := Slow("fanout-ok", stop_after=2))
    follower = Follower(server.cluster(), wanted("fanout-ok"), Journal(None), interrupted=lambda: True)
    ended = follower.follow()
    assert ended.outcome == "interrupted"
    assert [each.run.name for each in ended.runs] == ["fanout-ok"]


def test_a_server_that_never_answers_does_not_hold_up_the_end(
    servers: list[Recorded], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutdown_module, "PATIENCE", 0.5)
    server = start(servers, "fanout-ok")
    runs = [Run({**server.workflow["metadata"], "name": f"run-{number}"}, 0) for number in range(20)]
    assert shut_down(server.cluster(), runs, "Stop") == {}
    assert len(server.patches) == 20
    server.mute = True
    began = time.monotonic()
    refused = shut_down(server.cluster(), runs, "Stop")
    assert time.monotonic() - began < 2
    assert refused == {run.name: "no answer came within 0 s" for run in runs}


# --- what comes from the cluster ---


def following(*names: str, journal: Path | None = None, **wanted: Any) -> Follower:
    """A Follower that has found these Workflows, without a thread."""
    cluster = Cluster("https://recorded", Recorded("fanout-ok"), clock=Clock())
    follower = Follower(cluster, Wanted("argo", names, **wanted), Journal(str(journal) if journal else None))
    for name in names:
        follower._add({"name": name, "namespace": "argo", "uid": name, "resourceVersion": "1"}, 0.0)
    return follower


def refusal(status: int | None) -> ApiError:
    return ApiError(f"GET /: {status}", status)


def test_a_workflow_that_is_not_there_when_it_is_read_was_deleted() -> None:
    follower = following("a", "b")
    follower._take(NotRead("a", refusal(404)), 0.0)
    assert [run.deleted for run in follower.runs] == [True, False]


def test_a_workflow_that_could_be_read_before_is_read_again_whatever_keeps_it_from_being_read_now() -> None:
    follower = following("a")
    with pytest.raises(ApiError, match="403"):
        follower._take(NotRead("a", refusal(403)), 0.0)
    metadata = {"name": "a", "uid": "a", "resourceVersion": "2"}
    follower._take(WorkflowRead({"metadata": metadata, "status": {"phase": "Running"}}), 0.0)
    follower._read_what_is_due(1.0)
    for status in (403, 500, None):
        follower._take(NotRead("a", refusal(status)), 2.0)
    follower._take(WorkflowChanged({**metadata, "resourceVersion": "3"}, deleted=False), 2.0)
    assert follower._watched["a"].readings.is_due(follower.runs[0], 1000.0)


def test_trouble_is_said_once_until_something_comes_again(tmp_path: Path) -> None:
    follower = following("a", journal=tmp_path / "journal")
    follower._take(Trouble(refusal(500)), 0.0)
    follower._take(Trouble(refusal(500)), 20.0)
    assert follower._in_trouble(49.0) and not follower._in_trouble(50.0)
    follower._take(PodsListed(again=False), 21.0)
    assert not follower._in_trouble(21.0)
    follower._take(Trouble(refusal(502)), 23.0)
    assert [event["text"] for event in journal_of(tmp_path / "journal")] == [
        "GET /: 500; trying again",
        "GET /: 502; trying again",
    ]


@pytest.mark.parametrize(("interval", "said_at"), [(50, [50, 100]), (1, [1, 49, 50, 51, 99, 100]), (300, []), (0, [])])
def test_a_silence_is_broken_by_what_is_waited_for_and_again_after_as_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interval: int, said_at: list[int]
) -> None:
    now = [0.0]
    monkeypatch.setattr(journal_module.time, "monotonic", lambda: now[0])
    follower = following("a", journal=tmp_path / "journal", progress_interval=interval)
    said: list[float] = []
    for now[0] in (0, 1, 49, 50, 51, 99, 100):
        before = len(journal_of(tmp_path / "journal"))
        follower._work()
        said += [now[0]] * (len(journal_of(tmp_path / "journal")) - before)
    assert said == said_at
    assert {event["text"].partition(":")[0] for event in journal_of(tmp_path / "journal")} <= {
        "a is still Pending after 0s of waiting"
    }


def test_a_silence_is_broken_while_archived_logs_are_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(journal_module.time, "monotonic", lambda: now[0])
    follower = following("a", journal=tmp_path / "journal", progress_interval=50)
    follower.runs[0].deleted = True
    for now[0] in (49, 50):
        assert follower._may_go_on()
    assert [event["text"] for event in journal_of(tmp_path / "journal")] == [
        "the Workflows have ended; 0 logs are still being read"
    ]


def test_a_watch_that_begins_anew_because_its_version_is_too_old_is_no_trouble(tmp_path: Path) -> None:
    follower = following("a", journal=tmp_path / "journal")
    follower._take(Trouble(refusal(410)), 0.0)
    assert not follower._in_trouble(0.0) and not journal_of(tmp_path / "journal")


def test_a_watch_of_pods_that_breaks_for_good_ends_the_wait_unless_it_is_not_allowed() -> None:
    follower = following("a")
    follower._take(PodsRefused(refusal(403)), 0.0)
    assert follower._pods_listed == PodsListed(again=True), "no pods are waited for"
    with pytest.raises(ApiError, match="401"):
        follower._take(PodsRefused(refusal(401)), 0.0)


def test_a_thread_that_dies_ends_the_wait_with_its_error() -> None:
    with pytest.raises(KeyError, match="surprise"):
        following("a")._take(Broken(KeyError("surprise")), 0.0)


def test_a_diagnosis_that_does_not_heal_can_end_the_wait_early(servers: list[Recorded]) -> None:
    server = start(servers, "fanout-unschedulable", stop_after=3)
    server.pod_events = server.pod_events[:2]
    options = {"give_up_on": frozenset({"unschedulable"}), "give_up_after": 0.5}
    follower = Follower(server.cluster(), wanted("fanout-unschedulable", **options), Journal(None))
    ended = follower.follow()
    assert ended.outcome == "gave_up"
    assert "cannot be scheduled" in failure_of(ended, [])


def test_the_most_that_any_node_can_give_is_quoted_in_the_nodes_own_words() -> None:
    class Nodes(Recorded):
        """Has nodes of these sizes."""

        sizes = ({"memory": "9Gi", "cpu": "3920m"}, {"memory": "16393244Ki", "cpu": "2"}, {"nvidia.com/gpu": "8"})

        def answer(self, asked: Asked) -> Response:
            if asked.path == "/api/v1/nodes":
                nodes = [{"status": {"allocatable": size}} for size in self.sizes]
                return answered((200, {"metadata": {}, "items": nodes}))
            return super().answer(asked)

    watches = Watches(Nodes("fanout-ok").cluster(), wanted("fanout-ok"))
    watches._look_around()
    [message] = watches.take(0)
    assert isinstance(message, LookedAround)
    assert message.around.allocatable == {"memory": "16393244Ki", "cpu": "3920m", "nvidia.com/gpu": "8"}


def test_a_queue_that_moves_is_not_given_up() -> None:
    options = {"give_up_on": frozenset({"unschedulable"}), "give_up_after": 300}
    cluster = Cluster("https://api.example", Recorded("fanout-ok"), clock=(clock := Clock()))
    follower = Follower(cluster, wanted("fanout-ok", **options), Journal(None))
    follower._around = Surroundings()
    for name in ("fanout-ok", "fanout-unschedulable"):
        follower._add(recordings.workflow_events(name)[1]["metadata"], 0.0)
    working, waiting = follower.runs
    waiting.see_pod(trim(recordings.pod_events("fanout-unschedulable")[1]["object"]), 0.0)
    begun, ended = (recordings.pod_events("fanout-ok")[place]["object"] for place in (1, -1))
    for now, pod, gave_up in ((0, begun, False), (400, begun, False), (600, ended, False), (701, ended, True)):
        working.see_pod(trim(begun | {"status": pod["status"]}), now)
        clock.now = now
        follower._check(now)
        assert bool(follower._gave_up) is gave_up


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("fanout-ok", {"until": "running"}),
        ("suspend-resume", {"until": "suspended"}),
        ("fanout-ok", {"node": ("echo(0:Argo)(0)", "Succeeded")}),
    ],
)
def test_a_condition_ends_the_wait(name: str, options: dict[str, Any], servers: list[Recorded]) -> None:
    goes_on = [
        number for number, workflow in enumerate(recordings.workflow_events(name)) if not is_over(workflow, name)
    ]
    server = start(servers, name, stop_after=goes_on[-1] + 1)
    assert Follower(server.cluster(), wanted(name, **options), Journal(None)).follow().outcome == "condition"


def test_a_run_that_ends_without_the_condition_ends_the_wait_and_is_a_failure(servers: list[Recorded]) -> None:
    follower = Follower(start(servers, "fanout-ok").cluster(), wanted("fanout-ok", until="suspended"), Journal(None))
    ended = follower.follow()
    assert ended.outcome == "finished"
    failure = failure_of(ended, ["failed", "condition"])
    assert failure == "Workflow fanout-ok is Succeeded (3 Succeeded), and has ended before it was suspended."
    assert failure_of(ended, ["failed"]) == ""


def test_a_condition_that_held_before_the_end_was_not_missed(servers: list[Recorded]) -> None:
    for options in ({"until": "running"}, {"node": ("echo(0:Argo)(0)", "Succeeded")}):
        follower = Follower(start(servers, "fanout-ok").cluster(), wanted("fanout-ok", **options), Journal(None))
        assert failure_of(follower.follow(), ["condition"]) == ""


def test_of_several_runs_each_has_to_meet_the_condition_once_or_to_end(servers: list[Recorded]) -> None:
    names = ("resumed", "suspended", "ended", "deleted")
    follower = Follower(start(servers, "fanout-ok").cluster(), Wanted("argo", names, until="suspended"), Journal(None))
    for name in names:
        follower._add({"name": name, "namespace": "argo", "uid": name, "resourceVersion": "1"}, time.monotonic())
    runs = {run.name: run for run in follower.runs}

    def see(name: str, phase: str, suspend: bool = False) -> Outcome | None:
        metadata = {"name": name, "uid": name, "resourceVersion": "2"}
        workflow = {"metadata": metadata, "spec": {"suspend": suspend}, "status": {"phase": phase}}
        follower._take(WorkflowRead(workflow), 1.0)
        return follower._outcome(1.0)

    assert see("ended", "Succeeded") is None
    assert see("resumed", "Running", suspend=True) is None
    assert see("resumed", "Running") is None
    runs["deleted"].deleted = True
    assert see("suspended", "Running") is None
    assert see("suspended", "Running", suspend=True) == "condition"
    ended = follower._ended(Outcome.CONDITION)
    assert failure_of(ended, ["condition"]) == (
        "Workflow ended is Succeeded, and has ended before it was suspended. "
        "Workflow deleted was deleted before it was suspended."
    )


def is_over(workflow: dict[str, Any], name: str) -> bool:
    """Whether the recording has come beyond what the tests wait for: the end, or the resumption of a suspended run."""
    nodes = workflow.get("status", {}).get("nodes", {}).values()
    resumed = any(node["type"] == "Suspend" and node["phase"] == "Succeeded" for node in nodes)
    return resumed or workflow.get("status", {}).get("phase") == "Succeeded"


def test_pods_that_may_not_be_watched_are_said_so_and_the_run_is_followed_all_the_same(
    servers: list[Recorded], tmp_path: Path
) -> None:
    server = start(servers, "fanout-ok")
    server.forbidden = {"pods"}
    journal = Journal(str(tmp_path / "journal"))
    follower = Follower(server.cluster(), wanted("fanout-ok", logs_dir=tmp_path / "logs"), journal)
    ended = follower.follow()
    assert ended.outcome == "finished"
    assert any("pods cannot be watched" in e["text"] for e in journal_of(tmp_path / "journal") if e["event"] == "note")
    assert not any(log.complete for log in ended.logs)
    assert all(each.run.pods_hidden for each in ended.runs)


def test_a_workflow_that_may_not_be_read_is_an_error_at_once(servers: list[Recorded]) -> None:
    server = start(servers, "fanout-ok")
    server.forbidden = {"fanout-ok"}
    with pytest.raises(ApiError, match="403 Forbidden"):
        Follower(server.cluster(), wanted("fanout-ok"), Journal(None)).follow()


def test_a_missing_workflow_and_a_dead_cluster_are_errors_at_once(servers: list[Recorded]) -> None:
    server = start(servers, "fanout-ok")
    with pytest.raises(NotFoundError, match="there is no Workflow nobody in the namespace argo"):
        Follower(server.cluster(), wanted("nobody"), Journal(None)).follow()
    server.dead = True
    with pytest.raises(ApiError, match=r"https://api\.example"):
        Follower(server.cluster(), wanted("fanout-ok"), Journal(None)).follow()


def test_a_second_wait_goes_on_where_the_first_was(servers: list[Recorded], tmp_path: Path) -> None:
    for _time in range(2):
        server = start(servers, "fanout-ok", pause=0.001)
        follower = Follower(
            server.cluster(), wanted("fanout-ok", logs_dir=tmp_path, logs=LogOptions(merged=True)), Journal(None)
        )
        follower.follow()
    assert not any(asked.path.endswith("/log") for asked in server.requests), "complete logs are not fetched again"
    assert (tmp_path / "fanout-ok" / "0-Argo" / "0-main.log").read_bytes().count(b"Input was: Argo") == 1
    assert (tmp_path / "fanout-ok" / "merged.log").read_bytes().count(b"echo(0:Argo)(0): Input was: Argo\n") == 1


def test_another_run_of_the_same_name_begins_anew(servers: list[Recorded], tmp_path: Path) -> None:
    folder = tmp_path / "fanout-ok"
    Follower(start(servers, "fanout-ok").cluster(), wanted("fanout-ok", logs_dir=tmp_path), Journal(None)).follow()
    index = json.loads((folder / "index.json").read_text())
    (folder / "index.json").write_text(json.dumps(index | {"uid": "another"}))
    Follower(start(servers, "fanout-ok").cluster(), wanted("fanout-ok", logs_dir=tmp_path), Journal(None)).follow()
    assert (folder / "0-Argo" / "0-main.log").read_bytes().count(b"Input was: Argo") == 1


def test_a_wait_has_a_time_limit_by_default() -> None:
    assert dataclasses.asdict(Wanted("argo"))["timeout"] == 3600


def test_where_the_nodes_cannot_be_read_the_pods_are_listed_again_and_the_logs_are_not_called_complete(
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
    ended = follower.follow()
    server.over.set()
    assert ended.outcome == "finished"
    assert [asked for asked in server.requests if str(asked).endswith("/pods")][1:], "the pods were not listed again"
    assert not result_of(ended, failed=False)["logs_complete"]


@pytest.mark.parametrize("chosen", [{"names": ("b", "c")}, {"label_selector": "team=vision"}])
def test_a_first_list_whose_pages_are_not_kept_any_more_is_begun_anew(chosen: dict[str, Any]) -> None:
    api = Api(clock=Clock())
    pages = {name: {"metadata": {"name": name, "namespace": "argo", "uid": name}} for name in "abc"}
    failed: list[str] = []

    def listed(asked: Asked) -> Any:
        if "watch" in asked.query:
            return (410, {"code": 410, "reason": "Expired"})
        if "continue" in asked.query and asked.query.get("labelSelector", "") not in failed:
            failed.append(asked.query.get("labelSelector", ""))
            return (410, {"code": 410, "reason": "Expired"})
        first = "continue" not in asked.query
        items = [pages["a"], pages["b"]] if first else [pages["c"]]
        return (200, {"metadata": {"resourceVersion": "1", "continue": "more" if first else ""}, "items": items})

    api.answers["GET /apis/argoproj.io/v1alpha1/namespaces/argo/workflows"] = listed
    watches = Watches(api.cluster(), Wanted("argo", **chosen))
    watches.start()
    try:
        found = next(message for _time in range(100) for message in watches.take(0.1))
    finally:
        watches.stop()
    assert isinstance(found, Found)
    assert set(found.workflows) == set(chosen.get("names", "abc"))
    assert failed
