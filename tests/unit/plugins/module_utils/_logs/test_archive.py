# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A log that no pod has any more comes from Argo's archive, whole, or the reason says why it does not."""

from __future__ import annotations

import http.server
import itertools
import json
import math
import threading
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.argo.workflows.plugins.module_utils._argo.names import parse_node_name, pod_name
from ansible_collections.argo.workflows.plugins.module_utils._follow.follower import Follower
from ansible_collections.argo.workflows.plugins.module_utils._follow.journal import Journal
from ansible_collections.argo.workflows.plugins.module_utils._follow.result import result_of
from ansible_collections.argo.workflows.plugins.module_utils._follow.wait import Wanted
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.cluster import Cluster
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError
from ansible_collections.argo.workflows.plugins.module_utils._logs.archive import Archive, _Unread, server_of
from ansible_collections.argo.workflows.plugins.module_utils._logs.folder import Log, LogFolder
from ansible_collections.argo.workflows.plugins.module_utils._logs.lines import Cursor, Cutter
from ansible_collections.argo.workflows.plugins.module_utils._logs.options import LogOptions
from ansible_collections.argo.workflows.plugins.module_utils._logs.sinks import WholeLines
from ansible_collections.argo.workflows.tests.support.replay import Recorded

WORKFLOW: dict[str, Any] = {
    "metadata": {"name": "wf", "namespace": "ns", "uid": "uid"},
    "spec": {},
    "status": {
        "phase": "Succeeded",
        "nodes": {
            f"wf-{number}": {
                "id": f"wf-{number}",
                "name": f"wf[0].say({number}:x)",
                "displayName": f"say({number}:x)",
                "type": "Pod",
                "templateName": "say",
                "hostNodeName": "local",
                "phase": "Succeeded",
                "outputs": {
                    "exitCode": "0",
                    "artifacts": [
                        {"name": "data", "artifactory": {"url": f"/logs/wf/wf-say-{number}/data.tgz"}},
                        {"name": "main-logs", "artifactory": {"url": f"/logs/wf/wf-say-{number}/main.log"}},
                    ],
                },
            }
            for number in (1, 2, 3)
        },
    },
}
READ = [(WORKFLOW, WORKFLOW["status"]["nodes"])]
DELETED = "the pod was deleted before its log was read to its end"
HAD = b"2026-11-22T15:45:18.000000001Z one\n2026-11-22T15:45:18.000000002Z tw"
WHOLE = b"one\ntwo\r\n\xff\x00three"


class ArgoServer(http.server.ThreadingHTTPServer):
    """Answers every request with `status` and `pieces`; `length` is what it says that it will send."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status = 200
        self.pieces: tuple[bytes, ...] = (WHOLE,)
        self.length: int | None = None
        self.hangs = threading.Event()
        self.hangs.set()
        self.asked: list[str] = []
        self.tokens: set[str | None] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: ArgoServer

    def do_GET(self) -> None:
        it = self.server
        it.asked.append(self.path)
        it.tokens.add(self.headers["Authorization"])
        self.send_response(it.status)
        if it.length is not None:
            self.send_header("Content-Length", str(it.length))
        self.end_headers()
        for piece in it.pieces:
            self.wfile.write(piece)
            self.wfile.flush()
            it.hangs.wait()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def argo() -> Iterator[ArgoServer]:
    with ArgoServer() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.hangs.set()
        server.shutdown()


def connect(
    url: str, token: str | None = None, headers: dict[str, str] | None = None, **more: object
) -> Cluster | None:
    cluster = Cluster("https://k8s", None, lambda renew: headers or {})
    return server_of({"server": url, "server_token": token, "server_validate_certs": True, **more}, cluster)


def log_of(folder: LogFolder, number: int = 1, had: bytes = HAD) -> Log:
    """A log of which the beginning was had when its pod was deleted."""
    node = f"wf[0].say({number}:x)"
    log = folder.log(pod_name("wf", node, "say"), f"uid-{number}", "main", parse_node_name("wf", node))
    log.open()
    cutter = Cutter(log.cursor)
    log.take(cutter.feed(had))
    log.take(cutter.finish(whole=False))
    log.end(DELETED)
    return log


def complete(server: Cluster | None, *logs: Log, seconds: float = math.inf, **options: Any) -> list[bytes]:
    """Complete the logs; returns the lines that were passed on."""
    passed: list[bytes] = []
    end = time.monotonic() + seconds
    lines = WholeLines([lambda log, lines: passed.extend(lines)])
    archive = Archive(server, LogOptions(**options), lines)
    archive.complete(READ, logs, proceed=lambda: time.monotonic() < end)
    lines.finish()
    return passed


@pytest.fixture
def folder(tmp_path: Path) -> LogFolder:
    return LogFolder(tmp_path, "wf", "ns", "uid")


def test_the_archived_log_replaces_what_was_read(argo: ArgoServer, folder: LogFolder, tmp_path: Path) -> None:
    log = log_of(folder)
    assert log.path and log.path.read_bytes() == b"one\ntw"
    complete(connect(argo.url), log)
    assert argo.asked == ["/artifacts/ns/wf/wf-1/main-logs"]
    assert log.path.read_bytes() == WHOLE
    assert {"bytes": len(WHOLE), "lines": 2, "complete": True, "archived": True, "reason": ""}.items() <= (
        log.as_dict().items()
    )
    assert [path.name for path in log.path.parent.iterdir()] == [log.path.name]
    folder.save()
    [entry] = json.loads((tmp_path / "wf" / "index.json").read_text())["logs"]
    assert entry["archived"] and entry["complete"]


def test_a_second_wait_knows_that_a_log_is_archived_and_does_not_ask_again(
    argo: ArgoServer, folder: LogFolder, tmp_path: Path
) -> None:
    complete(connect(argo.url), log_of(folder))
    folder.save()
    again = LogFolder(tmp_path, "wf", "ns", "uid")
    log = again.log("its pod", "uid-1", "main", parse_node_name("wf", "wf[0].say(1:x)"))
    assert log.archived and log.complete
    complete(connect(argo.url), log)
    assert len(argo.asked) == 1


def test_the_server_is_not_asked_for_what_is_complete_or_not_archived(argo: ArgoServer, folder: LogFolder) -> None:
    whole, other = log_of(folder), log_of(folder, 9)
    whole.end()
    complete(connect(argo.url), whole, other)
    assert argo.asked == [] and not whole.archived
    assert other.reason == DELETED


def test_without_a_server_the_reason_says_that_there_is_an_archived_log(folder: LogFolder) -> None:
    complete(None, log := log_of(folder))
    assert log.reason == (
        f"{DELETED}; its archived log, the artifact main-logs, is available from the Argo Server: set server to its URL"
    )


@pytest.mark.parametrize("cut", [{"since": "2026-11-22T15:45:00Z"}, {"tail": 0}, {"tail": 3}])
def test_no_archived_log_is_fetched_for_some_of_its_lines(
    argo: ArgoServer, folder: LogFolder, cut: dict[str, Any]
) -> None:
    complete(connect(argo.url), log := log_of(folder), **cut)
    assert "only as a whole: leave out since, tail and grep" in log.reason
    assert argo.asked == []


@pytest.mark.parametrize(
    ("status", "hint"),
    [(401, "server_token"), (403, "403: no"), (404, "404: no"), (500, "Argo Server says why")],
)
def test_the_reason_says_what_the_server_refused_and_what_was_read_stays(
    argo: ArgoServer, folder: LogFolder, status: int, hint: str
) -> None:
    argo.status, argo.pieces = status, (b"no\n",)
    complete(connect(argo.url), log := log_of(folder))
    assert log.reason.startswith(
        f"{DELETED}; its archived log, the artifact main-logs, could not be fetched: GET /artifacts"
    )
    assert f"on {argo.url}: {status}: no" in log.reason and hint in log.reason
    assert log.path and log.path.read_bytes() == b"one\ntw" and not log.archived and not log.complete


@pytest.mark.parametrize(
    ("pieces", "length", "why"),
    [
        ((b"one\ntwo\nth", b"failed to stream artifact: unexpected EOF\n"), None, "to its end: unexpected EOF"),
        ((b"one\ntwo\nth",), 100, "broke"),
        ((b"o\n", b""), None, "has no more than 1 lines"),
    ],
)
def test_an_archived_log_that_breaks_off_is_not_taken(
    argo: ArgoServer, folder: LogFolder, pieces: tuple[bytes, ...], length: int | None, why: str
) -> None:
    argo.pieces, argo.length = pieces, length
    complete(connect(argo.url), log := log_of(folder, had=HAD + b"o\n2026-11-22T15:45:18.000000003Z th\n"))
    assert why in log.reason and not log.complete
    assert log.path and log.path.read_bytes() == b"one\ntwo\nth\n"
    assert [path.name for path in log.path.parent.iterdir()] == [log.path.name]


@pytest.mark.parametrize("suffix", [".archived", ".log"])
def test_an_archived_log_that_cannot_be_written_is_a_reason(argo: ArgoServer, folder: LogFolder, suffix: str) -> None:
    log = log_of(folder)
    assert log.path
    log.path.unlink()
    log.path.with_suffix(suffix).mkdir()
    complete(connect(argo.url), log)
    assert "could not be written: Is a directory" in log.reason


def test_archived_lines_are_passed_on_from_where_the_pods_log_broke_off(argo: ArgoServer, folder: LogFolder) -> None:
    argo.pieces = (b"on", b"e\nt", b"w", b"o\r\nthr", b"ee")
    assert complete(connect(argo.url), log_of(folder)) == [b"o\r", b"three"]
    assert complete(connect(argo.url), log_of(folder, 2, b"")) == [b"one", b"two\r", b"three"]


@given(
    whole=st.text("ab\n", max_size=30).map(str.encode),
    read=st.integers(0, 30),
    cuts=st.lists(st.integers(0, 30), max_size=5),
)
def test_however_an_archived_log_is_cut_what_is_new_in_it_comes_once(whole: bytes, read: int, cuts: list[int]) -> None:
    known = whole[:read]
    log = LogFolder(None, "wf", "ns", "uid").log("p", "u", "main", parse_node_name("wf", "wf[0].say(1:x)"))
    unended = known.rpartition(b"\n")[2]
    log.lines = known.count(b"\n")
    log.cursor = Cursor(ended=not unended, length=len(unended))
    unread = _Unread(log)
    edges = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    chunks = [whole[start:end] for start, end in itertools.pairwise(edges)]
    assert b"".join(map(unread.part_of, chunks)) == whole[read:]


@pytest.mark.parametrize(
    ("token", "connection", "sent"),
    [
        ("abc", {"authorization": "Bearer mine"}, "Bearer abc"),
        ("Bearer abc\n", {}, "Bearer abc"),
        (None, {"authorization": "bearer mine"}, "bearer mine"),
        (None, {"authorization": "Bearer mine"}, "Bearer mine"),
        (None, {"authorization": "Basic bWU6c2VjcmV0", "Impersonate-User": "you"}, None),
    ],
)
def test_the_server_is_sent_its_own_token_or_the_connections(
    argo: ArgoServer, folder: LogFolder, token: str | None, connection: dict[str, str], sent: str | None
) -> None:
    complete(connect(argo.url, token, connection), log_of(folder))
    assert argo.tokens == {sent}


MINE = {"authorization": "Bearer mine"}


@pytest.mark.parametrize(
    ("url", "options", "why"),
    [
        ("http://argo.example.org", {}, "anybody on the way could read it: use https, or set server_token"),
        ("http://127.0.0.1.example.org", {}, "anybody on the way could read it"),
        (
            "https://argo.example.org",
            {"server_validate_certs": False},
            "certificate is not verified: set server_ca_cert",
        ),
        ("https://argo.example.org", {"impersonate_user": "ann"}, "would act for the token's own user"),
        ("https://localhost:2746", {"impersonate_groups": ["g"]}, "would act for the token's own user"),
    ],
)
def test_the_connections_token_is_not_sent_where_it_may_be_read_or_misused(
    url: str, options: dict[str, object], why: str
) -> None:
    with pytest.raises(ApiError, match=f"^server: the token of the connection is not sent to {url}, .*{why}"):
        connect(url, None, MINE, **options)
    assert connect(url, "abc", MINE, **options) and connect(url, None, {}, **options)


@pytest.mark.parametrize("url", ["https://localhost:2746", "http://127.0.0.1:2746", "https://[::1]:2746"])
def test_the_connections_token_may_be_sent_to_this_host_itself(url: str) -> None:
    assert connect(url, None, MINE, server_validate_certs=False)


def test_a_server_that_rejects_the_token_is_not_asked_for_other_logs(argo: ArgoServer, folder: LogFolder) -> None:
    argo.status = 401
    logs = [log_of(folder, number) for number in (1, 2, 3)]
    complete(connect(argo.url, "expired"), *logs, parallel=1)
    assert len(argo.asked) == 2  # the second time for a token that may have been renewed
    assert len({log.reason for log in logs}) == 1


def test_a_server_that_does_not_answer_is_named_without_advice_about_the_cluster(folder: LogFolder) -> None:
    complete(connect("http://127.0.0.1:1"), log := log_of(folder))
    assert log.reason.endswith("nothing answers at http://127.0.0.1:1")


@pytest.mark.parametrize("text", ["argo.example.org", "argo.example.org:2746", "https://", "ftp://argo"])
def test_a_server_that_is_not_a_url_is_refused(text: str) -> None:
    with pytest.raises(ApiError, match=f"server: '{text}' is not a URL, such as https://argo.example.org"):
        connect(text)


def test_a_server_that_hangs_does_not_hold_the_wait(argo: ArgoServer, folder: LogFolder) -> None:
    argo.hangs.clear()
    argo.pieces = (WHOLE, WHOLE)
    logs = [log_of(folder, number) for number in (1, 2, 3)]
    started = time.monotonic()
    complete(connect(argo.url), *logs, seconds=0.3, parallel=2)
    assert time.monotonic() - started < 2
    assert [log.reason.endswith("did not come in time") for log in logs] == [True] * 3
    argo.hangs.set()
    folders = [log.path.parent for log in logs if log.path]
    while any(len(list(folder.iterdir())) > 1 for folder in folders):
        assert time.monotonic() - started < 5, "what had come of an archived log stays behind"
        time.sleep(0.01)


def test_memory_does_not_grow_with_an_archived_log(argo: ArgoServer, folder: LogFolder) -> None:
    piece = b"0123456789abcde\n" * 65536
    argo.pieces = (piece,) * 64
    log = log_of(folder, had=b"")
    tracemalloc.start()
    Archive(connect(argo.url), LogOptions()).complete(READ, [log], proceed=lambda: True)
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert log.complete and log.size == 64 * len(piece) and log.lines == 64 * 65536
    assert peak < 4 * 1024 * 1024


def test_a_wait_that_began_after_the_pods_were_deleted_has_their_logs(argo: ArgoServer, tmp_path: Path) -> None:
    api = Recorded("fanout-ok", pause=0.001)
    api.pod_events, api.workflow_events = [], api.workflow_events[-1:]
    api.workflow = api.workflow_events[0]
    nodes = api.workflow["status"]["nodes"]
    for node in nodes.values():
        node["outputs"] = {"artifacts": [{"name": "main-logs"}, {"name": "a-logs"}, {"name": "b-logs"}]}
    *_others, last = (node for node in nodes.values() if node["type"] == "Pod")
    for name in ("a", "b"):
        container = {"id": name, "name": f"{last['name']}.{name}", "displayName": name, "type": "Container"}
        nodes[name] = container | {"boundaryID": last["id"]}
    wanted = Wanted("argo", ("fanout-ok",), timeout=20.0, logs_dir=tmp_path)
    follower = Follower(api.cluster(), wanted, Journal(None), server=connect(argo.url))
    ended = follower.follow()
    assert ended.outcome == "finished"
    api.over.set()
    result = result_of(ended, failed=False)
    assert result["logs_complete"]
    assert sorted(log.container for log in ended.logs) == ["a", "b", "main", "main"]
    assert all(log["archived"] for item in result["item_results"] for log in item["logs"])
    assert all(log.path and log.path.read_bytes() == WHOLE for log in ended.logs)


def test_an_error_that_nobody_expected_is_the_reason_of_a_log_and_does_not_keep_the_others_waiting(
    folder: LogFolder,
) -> None:
    class Odd:
        def open_log(self, path: str, **options: Any) -> None:
            raise ValueError("Invalid header value b'Bearer SECRET\\n'")

    logs = [log_of(folder, number) for number in (1, 2, 3)]
    began = time.monotonic()
    complete(cast(Cluster, Odd()), *logs, seconds=10)
    assert time.monotonic() - began < 5
    for log in logs:
        assert log.why_incomplete.endswith("main-logs, was not finished (ValueError); this is a bug of the module")
