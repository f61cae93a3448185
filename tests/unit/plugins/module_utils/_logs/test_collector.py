# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each container's log is in a file of its own inside the folder, and the index says what is complete."""

from __future__ import annotations

import errno
import json
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._argo.names import parse_node_name
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.cluster import Cluster
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError
from ansible_collections.argo.workflows.plugins.module_utils._logs.collector import Collector
from ansible_collections.argo.workflows.plugins.module_utils._logs.folder import MERGED, Log, LogFolder, slug
from ansible_collections.argo.workflows.plugins.module_utils._logs.lines import Taken
from ansible_collections.argo.workflows.plugins.module_utils._logs.options import LogOptions
from ansible_collections.argo.workflows.plugins.module_utils._logs.sinks import LONGEST_LINE, MergedFiles, WholeLines

ENDED = {"terminated": {"startedAt": "2026-11-22T15:45:18Z", "exitCode": 0}}
LINE = b"2026-11-22T15:45:18.000000001Z hello\n"


def pod(name: str = "pod", item: str = "0:a", phase: str = "Succeeded", **containers: dict[str, Any]) -> dict[str, Any]:
    annotations = {"workflows.argoproj.io/node-name": f"wf[0].echo({item})(0)"}
    return {
        "metadata": {"name": name, "namespace": "ns", "uid": f"uid-of-{name}", "annotations": annotations},
        "status": {
            "phase": phase,
            "initContainerStatuses": [{"name": "init", "state": ENDED}],
            "containerStatuses": [
                {"name": each, "state": state} for each, state in (containers or {"main": ENDED}).items()
            ],
        },
    }


class Kubelet(Cluster):
    """Answers every request for a log with `answer`: bytes, or the error to raise."""

    def __init__(self, answer: bytes | ApiError) -> None:
        super().__init__("https://k8s", None)
        self.answer = answer
        self.queries: list[dict[str, Any]] = []
        self.paths: set[str] = set()
        self.open = self.most = 0
        self._lock = threading.Lock()

    def open_log(self, path: str, *, read_timeout: float, **query: Any) -> Any:
        self.queries.append(query)
        self.paths.add(path)
        if isinstance(self.answer, ApiError):
            raise self.answer
        with self._lock:
            self.open += 1
            self.most = max(self.most, self.open)
        return self

    def __iter__(self) -> Any:
        self.clock.sleep(0.005)
        yield self.answer

    def close(self) -> None:
        with self._lock:
            self.open -= 1

    def abort(self) -> None:
        pass


def collect(
    cluster: Cluster, directory: Path | None, *pods: dict[str, Any], lines: WholeLines | None = None, **options: Any
) -> Collector:
    collector = Collector(cluster, chosen := LogOptions(**options), lines)
    collector.add(LogFolder(directory, "wf", "ns", "uid", chosen.selection))
    for each in pods:
        collector.see("wf", each)
    collector.wait(cluster.clock.monotonic() + 20)
    collector.stop("too late")
    return collector


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Argo", "Argo"),
        ("../../etc/passwd", "etc-passwd"),
        ("..", "item"),
        ("", "item"),
        (".hidden", "hidden"),
        ("a b/c\n\x00ü", "a-b-c"),
        ("x" * 300, "x" * 40),
    ],
)
def test_a_slug_is_a_safe_name(text: str, expected: str) -> None:
    assert slug(text) == expected


@pytest.mark.parametrize("item", ["0:../../etc/passwd", "0:..", "0:", "0:" + "y" * 500, "0:a/b"])
def test_whatever_an_item_is_called_its_files_stay_inside(item: str, tmp_path: Path) -> None:
    log = LogFolder(tmp_path, "wf", "ns", "uid").log("p", "u", "main", parse_node_name("wf", f"wf[0].echo({item})(0)"))
    assert log.path and log.path.resolve().is_relative_to(tmp_path / "wf")
    assert len(log.path.relative_to(tmp_path).parts) == 3


def test_no_two_items_and_no_two_pods_share_a_file(tmp_path: Path) -> None:
    folder = LogFolder(tmp_path, "wf", "ns", "uid")
    names = [
        "wf[0].echo(0:a)(0)",
        "wf[0].echo(0:a)(1)",
        "wf[1].check(0:a)(0)",
        "wf[0].x[0].echo(0:a)(0)",
        "wf[0].echo(1:a)(0)",
    ]
    paths = [folder.log("p", f"uid-{n}", "main", parse_node_name("wf", name)).path for n, name in enumerate(names)]
    paths.append(folder.log("p", "uid-of-a-restart", "main", parse_node_name("wf", names[0])).path)
    assert len(set(paths)) == len(paths)
    assert str(paths[0]).endswith("wf/0-a/0-main.log")
    assert str(paths[1]).endswith("wf/0-a/1-main.log")


def test_the_folders_of_an_items_own_steps_say_whose_they_are(tmp_path: Path) -> None:
    folder = LogFolder(tmp_path, "wf", "ns", "uid")
    names = {
        "wf[0].outer(1:b/c).prep(0)": "1-b-c.prep/0-main.log",
        "wf[0].outer(0:a).prep(0)": "0-a.prep/0-main.log",
        "wf[0].outer(0:a)(1).train(2:x)(0)": "0-a.2-x/0-main.log",
        "wf[0].outer(0:a).prep.hooks.a/b": "0-a.prep.hooks.a-b/0-main.log",
    }
    for name, expected in names.items():
        assert folder.log("p", name, "main", parse_node_name("wf", name)).path == tmp_path / "wf" / expected
    deep = "wf" + "".join(f"[0].in({n}:{'y' * 90})" for n in range(9))
    path = folder.log("p", deep, "main", parse_node_name("wf", deep)).path
    assert path and len(path.parent.name) == 200, "a file system takes no more than 255"


def test_containers_whose_names_begin_alike_do_not_share_a_file_and_keep_theirs(tmp_path: Path) -> None:
    twins: dict[str, Any] = {f"{'x' * 50}-{each}": ENDED for each in ("a", "b", "c")}
    for _wait in range(2):
        logs = collect(kubelet := Kubelet(LINE), tmp_path, pod(**twins)).logs
        assert [log.path and log.path.read_bytes() for log in logs] == [b"hello\n"] * 3
    assert not kubelet.queries, "complete logs are not fetched again"


def test_the_index_says_what_was_had(tmp_path: Path) -> None:
    collect(Kubelet(LINE), tmp_path, pod())
    index = json.loads((tmp_path / "wf" / "index.json").read_text())
    assert (index["workflow"], index["namespace"], index["uid"]) == ("wf", "ns", "uid")
    [entry] = index["logs"]
    assert {"file": "0-a/0-main.log", "lines": 1, "bytes": 6, "complete": True, "reason": ""}.items() <= entry.items()
    assert (tmp_path / "wf" / "0-a" / "0-main.log").read_bytes() == b"hello\n"
    assert sorted(path.name for path in (tmp_path / "wf").iterdir()) == ["0-a", "index.json"]


@pytest.mark.parametrize("length", [10, 5000, 300_000])
def test_the_last_line_is_found_however_long_it_is(length: int, tmp_path: Path) -> None:
    stamp = b"2026-11-22T15:45:18.000000001Z "
    [log] = collect(Kubelet(LINE + stamp + b"x" * length + b"\n" + stamp + b"\n"), tmp_path, pod()).logs
    assert log.last_line == "x" * min(length, 1000)
    assert "xxx" in log.tail


def test_a_short_log_that_has_ended_takes_one_request(tmp_path: Path) -> None:
    kubelet = Kubelet(LINE)
    collect(kubelet, tmp_path, pod())
    assert kubelet.queries == [{"container": "main", "timestamps": "true"}]


WORDS = b"".join(
    b"2026-11-22T15:45:%02d.000000000Z %s\n" % (18 + second, text)
    for second, text in enumerate(
        [
            b'time=2026-11-22T15:45:18Z level=INFO msg="waiting for signals" argo=true',
            *(b"line %d" % number for number in range(1, 7)),
            b'time=2026-11-22T15:45:25Z level=INFO msg="sub-process exited" argo=true',
            b"Error: exit status 1",
        ]
    )
)
"""A log of six lines, and what the executor writes before and behind them."""


class File(Kubelet):
    """Gives of `answer` what sinceTime and tailLines say, as the kubelet does: the latter counts first."""

    def open_log(self, path: str, *, read_timeout: float, **query: Any) -> Any:
        super().open_log(path, read_timeout=read_timeout, **query)
        assert isinstance(self.answer, bytes)
        lines = self.answer.splitlines(keepends=True)[-query.get("tailLines", 1000) :]
        return self.Stream([line for line in lines if line[:19] >= query.get("sinceTime", "")[:19].encode()])

    class Stream(list[bytes]):
        def close(self) -> None: ...


@pytest.mark.parametrize(
    ("options", "lines"),
    [
        ({"tail": 1}, [6]),
        ({"tail": 3}, [4, 5, 6]),
        ({"tail": 100}, [1, 2, 3, 4, 5, 6]),
        ({"since": "2026-11-22T15:45:22Z"}, [4, 5, 6]),
        ({"since": "2026-11-22T15:45:22Z", "tail": 2}, [5, 6]),
        ({"since": "2026-11-22T15:45:22Z", "tail": 4}, [4, 5, 6]),
        ({"tail": 2, "grep": re.compile(b"[123]")}, [2, 3]),
    ],
)
def test_lines_that_were_not_asked_for_are_not_missing(options: dict[str, Any], lines: list[int]) -> None:
    got: list[bytes] = []
    whole = WholeLines([lambda log, some: got.extend(some)])
    collector = collect(File(WORDS), None, pod(), lines=whole, follow=False, **options)
    assert got == [b"line %d" % number for number in lines]
    [log] = collector.logs
    assert (log.complete, log.why_incomplete, log.lines) == (True, "", len(lines))


@pytest.mark.parametrize(("grep", "expected"), [(b"hel", [b"hello"]), (b"bye", [])])
def test_a_last_line_without_end_is_searched_too(grep: bytes, expected: list[bytes]) -> None:
    got: list[bytes] = []
    whole = WholeLines([lambda log, some: got.extend(some)])
    collector = collect(Kubelet(LINE.rstrip()), None, pod(), lines=whole, follow=False, grep=re.compile(grep))
    whole.finish()
    assert got == expected and all(log.complete for log in collector.logs)


def test_the_beginning_of_a_log_that_began_after_since_is_missed_if_it_was_rotated_away() -> None:
    rotated = WORDS.partition(b"line 2\n")[2]
    [log] = collect(File(rotated), None, pod(), follow=False, since="2026-11-22T15:00:00Z").logs
    assert log.why_incomplete.startswith("lines between its beginning and 2026-11-22T15:45:21")


def test_no_more_connections_are_open_than_allowed(tmp_path: Path) -> None:
    kubelet = Kubelet(LINE)
    running = [pod(f"p{n}", f"{n}:a", "Running", main={"running": {}}) for n in range(10)]
    ended = [pod(f"q{n}", f"{n}:b") for n in range(30)]
    collector = Collector(kubelet, LogOptions(parallel=5))
    collector.add(LogFolder(tmp_path, "wf", "ns", "uid"))
    for each in running + ended:
        collector.see("wf", each)
    collector.end_containers()
    collector.wait(kubelet.clock.monotonic() + 20)
    assert not collector.pending
    assert 1 <= kubelet.most <= 5


def test_a_wait_does_not_look_at_all_logs_whenever_one_is_had() -> None:
    class Counting(Collector):
        looks = 0

        @property
        def pending(self) -> list[Log]:
            self.looks += 1
            return super().pending

    collector = Counting(kubelet := Kubelet(LINE), LogOptions(follow=False))
    collector.add(LogFolder(None, "wf", "ns", "uid"))
    for number in range(400):
        collector.see("wf", pod(f"p{number}", f"{number}:a"))
    began = kubelet.clock.monotonic()
    collector.wait(began + 20)
    assert len(kubelet.paths) == 400
    assert collector.looks <= 2 + 50 * (kubelet.clock.monotonic() - began)


def until(condition: Callable[[], Any]) -> None:
    end = time.monotonic() + 10
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    assert condition()


def test_however_fast_containers_start_each_is_followed_at_once() -> None:
    collector = Collector(kubelet := Kubelet(LINE), LogOptions())
    collector.add(LogFolder(None, "wf", "ns", "uid"))
    collector.see("wf", pod("ended"))
    until(lambda: not collector.pending and collector._idle == 1)
    with collector._changed:  # the idle worker does not wake before all are there
        for number in range(20):
            collector.see("wf", pod(f"p{number}", f"{number}:a", "Running", main={"running": {}}))
    until(lambda: len(kubelet.paths) == 21)
    collector.stop("enough")


def test_with_one_connection_a_container_that_runs_is_asked_too() -> None:
    running = pod("p", "0:a", "Running", main={"running": {}})
    [log] = collect(Kubelet(LINE), None, running, parallel=1, follow=False).logs
    assert (log.size, log.why_incomplete) == (6, "the container still runs")


@pytest.mark.parametrize(
    ("status", "message", "reason"),
    [
        (404, 'pods "pod" not found', "the pod was deleted before its log was read to its end"),
        (403, "no rights", "forbidden: no rights"),
        (400, "container main is not valid for pod", "container main is not valid for pod"),
        (400, "container main is waiting to start: Pending", "container main is waiting to start: Pending"),
    ],
)
def test_what_cannot_be_had_is_said(status: int, message: str, reason: str, tmp_path: Path) -> None:
    [log] = collect(Kubelet(ApiError(message, status)), tmp_path, pod()).logs
    assert (log.complete, log.why_incomplete) == (False, reason)


def test_a_refusal_after_a_success_is_repeated(tmp_path: Path) -> None:
    class Restarted(Kubelet):
        """Refuses the second request, as an API server does that has just started."""

        def open_log(self, path: str, *, read_timeout: float, **query: Any) -> Any:
            refused = len(self.queries) == 1
            stream = super().open_log(path, read_timeout=read_timeout, **query)
            if refused:
                raise ApiError("no rights", 403)
            return stream

    [log] = collect(Restarted(LINE.rstrip()), tmp_path, pod()).logs
    assert log.complete, log.why_incomplete


def test_a_kubelet_that_has_just_started_and_knows_no_pod_yet_is_asked_again() -> None:
    class Restarted(Kubelet):
        def open_log(self, path: str, *, read_timeout: float, **query: Any) -> Any:
            if not self.queries:
                self.queries.append(query)
                raise ApiError("404", 404, message="the server could not find the requested resource ( pods/log pod)")
            return super().open_log(path, read_timeout=read_timeout, **query)

    [log] = collect(Restarted(LINE), None, pod()).logs
    assert log.complete


DELETED = "the pod was deleted before its log was read to its end"
EXITED = b'2026-11-22T15:45:18.000000003Z time=2026-11-22T15:45:18Z level=INFO msg="sub-process exited" argo=true\n'
BEGAN = b'2026-11-22T15:45:18.000000000Z time=2026-11-22T15:45:18Z level=INFO msg="waiting for signals" argo=true\n'


def test_a_deleted_pod_is_not_asked_by_its_name_which_another_may_have(tmp_path: Path) -> None:
    kubelet = Kubelet(LINE)
    collector = Collector(kubelet, LogOptions())
    collector.add(LogFolder(tmp_path, "wf", "ns", "uid"))
    collector.see("wf", pod(), gone=True)
    collector.wait(kubelet.clock.monotonic() + 20)
    assert [log.why_incomplete for log in collector.logs] == [DELETED] and not kubelet.queries


@pytest.mark.parametrize(("text", "reason"), [(LINE, DELETED), (BEGAN + LINE + EXITED, "")])
def test_what_came_before_its_end_decides_about_the_log_of_a_deleted_pod(
    text: bytes, reason: str, tmp_path: Path
) -> None:
    class Deleted(Kubelet):
        """Its pod is deleted while the stream runs, which then breaks."""

        def __iter__(self) -> Any:
            yield self.answer
            collector.see("wf", pod(), gone=True)
            raise ApiError("cut off")

    kubelet = Deleted(text)
    collector = Collector(kubelet, LogOptions())
    collector.add(LogFolder(tmp_path, "wf", "ns", "uid"))
    collector.see("wf", pod())
    collector.wait(kubelet.clock.monotonic() + 20)
    assert [log.why_incomplete for log in collector.logs] == [reason] and len(kubelet.queries) == 1


def test_a_container_that_never_started_has_no_log_and_lacks_none(tmp_path: Path) -> None:
    kubelet = Kubelet(LINE)
    [log] = collect(kubelet, tmp_path, pod(phase="Failed", main={"waiting": {"reason": "ImagePullBackOff"}})).logs
    assert log.complete and not kubelet.queries


def test_nobody_knows_whether_a_container_ran_whose_pod_went_unseen(tmp_path: Path) -> None:
    collector = Collector(Kubelet(LINE), LogOptions(containers=("all",)))
    collector.add(LogFolder(tmp_path, "wf", "ns", "uid"))
    collector.see("wf", pod(phase="Pending", main={"waiting": {"reason": "PodInitializing"}}), gone=True)
    collector.stop("too late")
    assert {log.container: log.why_incomplete for log in collector.logs}["main"] == DELETED


def test_text_of_the_kubelet_is_a_reason_and_no_log(tmp_path: Path) -> None:
    kubelet = Kubelet(b"unable to retrieve container logs for containerd://1")
    [log] = collect(kubelet, tmp_path, pod()).logs
    assert log.why_incomplete == "the kubelet could not read it: unable to retrieve container logs for containerd://1"
    assert log.size == 0


def test_a_full_disk_is_a_reason_and_what_is_on_it_stays_valid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    take = Log.take

    def full(self: Log, taken: Taken) -> None:
        if self.size:
            raise OSError(errno.ENOSPC, "No space left on device")
        take(self, taken)

    class Twice(Kubelet):
        def __iter__(self) -> Any:
            yield LINE
            yield LINE.replace(b"01Z", b"02Z")

    monkeypatch.setattr(Log, "take", full)
    [log] = collect(Twice(LINE), tmp_path, pod()).logs
    assert log.why_incomplete == "its file could not be written: No space left on device"
    [entry] = json.loads((tmp_path / "wf" / "index.json").read_text())["logs"]
    assert (tmp_path / "wf" / "0-a" / "0-main.log").stat().st_size == entry["bytes"] == 6
    assert entry["cursor"]["stamp"] == LINE.split()[0].decode()


def test_an_index_that_cannot_be_written_is_tried_again_and_then_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: LogFolder) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    save = LogFolder.save
    monkeypatch.setattr(LogFolder, "save", full)
    collector = collect(Kubelet(LINE), tmp_path, pod())
    assert [log.why_incomplete for log in collector.logs] == ["its index could not be written: No space left on device"]
    assert not collector.logs[0].complete
    collector = Collector(kubelet := Kubelet(LINE), LogOptions())
    collector.add(LogFolder(tmp_path, "wf", "ns", "uid"))
    collector.see("wf", pod())
    collector.tick()
    collector.wait(kubelet.clock.monotonic() + 20)
    monkeypatch.setattr(LogFolder, "save", save)
    collector.stop("too late")
    assert index_of(tmp_path)["pod"]["complete"]


def test_threads_that_wait_for_an_answer_hold_up_the_end_once_and_take_nothing_after_it(tmp_path: Path) -> None:
    class Slow(Kubelet):
        answers = threading.Event()

        def open_log(self, path: str, *, read_timeout: float, **query: Any) -> Any:
            self.answers.wait(20)
            return super().open_log(path, read_timeout=read_timeout, **query)

    collector = Collector(kubelet := Slow(LINE), LogOptions())
    collector.add(LogFolder(tmp_path, "wf", "ns", "uid"))
    for number in range(6):
        collector.see("wf", pod(f"p{number}", f"{number}:a"))
    until(lambda: len(collector._threads) == 6)
    began = time.monotonic()
    collector.stop("the wait was interrupted")
    assert time.monotonic() - began < 4
    kubelet.answers.set()
    for thread in collector._threads:
        thread.join(10)
    assert {(log.why_incomplete, log.size) for log in collector.logs} == {("the wait was interrupted", 0)}
    assert not list(tmp_path.glob("wf/*/*.log"))


def test_a_log_file_that_somebody_has_shortened_is_had_again_from_its_beginning(tmp_path: Path) -> None:
    two = LINE + LINE.replace(b"18.", b"19.")
    collect(Kubelet(two), tmp_path, pod())
    file = tmp_path / "wf" / "0-a" / "0-main.log"
    file.write_bytes(b"hel")
    kubelet = Kubelet(two)
    [log] = collect(kubelet, tmp_path, pod()).logs
    assert file.read_bytes() == b"hello\nhello\n" and (log.complete, log.size) == (True, 12)
    assert "sinceTime" not in kubelet.queries[0]


def test_a_log_file_that_somebody_shortens_meanwhile_is_not_called_complete(tmp_path: Path) -> None:
    collect(Kubelet(LINE), tmp_path, pod(main={"running": {}}, phase="Running"), follow=False)
    folder = LogFolder(tmp_path, "wf", "ns", "uid")
    collector = Collector(kubelet := Kubelet(LINE), LogOptions())
    collector.add(folder)
    log = folder.log("pod", "uid-of-pod", "main", parse_node_name("wf", "wf[0].echo(0:a)(0)"))
    assert log.path and log.size == 6
    log.path.write_bytes(b"")
    collector.see("wf", pod())
    collector.wait(kubelet.clock.monotonic() + 20)
    collector.stop("too late")
    assert log.why_incomplete == "its file could not be written: somebody has shortened it"


def test_a_damaged_index_is_no_reason_to_fail(tmp_path: Path) -> None:
    (tmp_path / "wf").mkdir()
    (tmp_path / "wf" / "index.json").write_text('{"uid": "uid", "logs": [{}')
    [log] = collect(Kubelet(LINE), tmp_path, pod()).logs
    assert log.complete


def test_an_index_of_another_version_is_no_reason_to_fail(tmp_path: Path) -> None:
    collect(Kubelet(LINE), tmp_path, pod())
    index = tmp_path / "wf" / "index.json"
    index.write_text(index.read_text().replace('"cursor": {', '"cursor": {"unheard_of": 1, '))
    [log] = collect(kubelet := Kubelet(LINE), tmp_path, pod()).logs
    assert log.complete and kubelet.queries, "it begins anew"
    assert log.path and log.path.read_bytes() == b"hello\n"


def test_other_lines_than_before_are_not_appended_to_those_of_before(tmp_path: Path) -> None:
    collect(Kubelet(LINE), tmp_path, pod())
    collect(Kubelet(LINE), tmp_path, pod(), timestamps=True)
    assert (tmp_path / "wf" / "0-a" / "0-main.log").read_bytes() == LINE


def test_the_merged_file_begins_anew_with_the_folder_and_goes_on_with_it(tmp_path: Path) -> None:
    merged = tmp_path / "wf" / MERGED

    def collect_merged(*pods: dict[str, Any], **options: Any) -> bytes:
        whole = WholeLines([MergedFiles(tmp_path).write])
        collect(Kubelet(LINE), tmp_path, *pods, lines=whole, **options)
        return merged.read_bytes()

    assert collect_merged(pod()) == b"echo(0:a)(0): hello\n"
    assert collect_merged(pod(), pod("q", "1:b")) == b"echo(0:a)(0): hello\necho(1:b)(0): hello\n"
    assert collect_merged(pod(), timestamps=True) == b"echo(0:a)(0): " + LINE


def test_a_line_without_end_is_passed_on_in_pieces_that_fit_into_memory() -> None:
    log = LogFolder(None, "wf", "ns", "uid").log("p", "u", "main", parse_node_name("wf", "wf[0].echo(0:a)(0)"))
    lines: list[bytes] = []
    whole = WholeLines([lambda log, some: lines.extend(some)])
    began = time.monotonic()
    for _piece in range(200_000):
        whole.feed(log, b"progress\r")
    assert time.monotonic() - began < 5
    whole.feed(log, b"done\nnext")
    assert len(lines) == 4 and max(map(len, lines)) < LONGEST_LINE + 10
    whole.finish()
    assert b"".join(lines) == b"progress\r" * 200_000 + b"donenext" and lines[-1] == b"next"


def test_items_are_chosen_by_index_value_or_name(tmp_path: Path) -> None:
    for choice in ("1", "b", "echo(1:b)", "echo(1:b)(0)"):
        collector = collect(Kubelet(LINE), None, pod("p"), pod("q", "1:b"), items=frozenset({choice}))
        assert [log.display_name for log in collector.logs] == ["echo(1:b)(0)"]


@pytest.mark.parametrize("choice", ["1", "b", "outer(1:b)"])
def test_of_an_item_with_steps_of_its_own_the_logs_of_all_are_chosen(choice: str) -> None:
    steps = [pod("p", "0:x"), pod("q", "0:x")]
    for each, outer in zip(steps, ("0:a", "1:b"), strict=True):
        annotations = {"workflows.argoproj.io/node-name": f"wf[0].outer({outer}).prep(0)"}
        each["metadata"]["annotations"] = annotations
    assert [log.pod for log in collect(Kubelet(LINE), None, *steps, items=frozenset({choice})).logs] == ["q"]


def index_of(directory: Path) -> dict[str, dict[str, Any]]:
    """The entries of the index, by pod."""
    return {entry["pod"]: entry for entry in json.loads((directory / "wf" / "index.json").read_text())["logs"]}


def test_a_log_that_is_in_the_folder_is_not_missed_when_its_pod_is_gone(tmp_path: Path) -> None:
    collect(Kubelet(LINE), tmp_path, pod())
    before = index_of(tmp_path)
    collector = Collector(Kubelet(LINE), LogOptions())
    collector.add(LogFolder(tmp_path, "wf", "ns", "uid"))
    collector.miss("wf", "pod", "node-id", "wf[0].echo(0:a)(0)")
    collector.stop("too late")
    [log] = collector.logs
    assert log.complete and log.path and log.path.read_bytes() == b"hello\n"
    assert index_of(tmp_path) == before


def test_a_container_that_never_started_lacks_no_log_when_its_pod_is_gone_either(tmp_path: Path) -> None:
    collect(Kubelet(LINE), tmp_path, pod(phase="Failed", main={"waiting": {"reason": "ImagePullBackOff"}}))
    collector = Collector(Kubelet(LINE), LogOptions())
    collector.add(LogFolder(tmp_path, "wf", "ns", "uid"))
    collector.miss("wf", "pod", "node-id", "wf[0].echo(0:a)(0)")
    assert [log.complete for log in collector.logs] == [True]


@pytest.mark.parametrize(
    ("wanted", "complete"),
    [
        (("main",), {"main": True}),
        (("init", "wait"), {"init": False, "wait": False}),
        (("all",), {"main": True, "init": False, "wait": False}),
    ],
)
def test_of_a_pod_that_is_gone_the_wanted_containers_are_missed_that_no_earlier_wait_had(
    wanted: tuple[str, ...], complete: dict[str, bool], tmp_path: Path
) -> None:
    collect(Kubelet(LINE), tmp_path, pod())
    collector = Collector(Kubelet(LINE), LogOptions(containers=wanted))
    collector.add(LogFolder(tmp_path, "wf", "ns", "uid"))
    collector.miss("wf", "pod", "node-id", "wf[0].echo(0:a)(0)")
    collector.stop("too late")
    assert {log.container: log.complete for log in collector.logs} == complete


def test_of_a_pod_that_nobody_saw_only_the_wanted_containers_are_missed() -> None:
    collector = Collector(Kubelet(LINE), LogOptions(containers=("main", "sidecar")))
    collector.add(LogFolder(None, "wf", "ns", "uid"))
    collector.miss("wf", "pod", "node-id", "wf[0].echo(0:a)(0)", ["a", "b"])
    assert [log.container for log in collector.logs] == ["a", "b", "sidecar"]


def test_a_log_that_was_missed_gives_way_to_the_one_that_was_had(tmp_path: Path) -> None:
    for pods in ([], [pod()]):
        collector = Collector(kubelet := Kubelet(LINE), LogOptions())
        collector.add(LogFolder(tmp_path, "wf", "ns", "uid"))
        for each in pods:
            collector.see("wf", each)
        if not pods:
            collector.miss("wf", "pod", "node-id", "wf[0].echo(0:a)(0)")
        collector.wait(kubelet.clock.monotonic() + 20)
        collector.stop("too late")
        [entry] = json.loads((tmp_path / "wf" / "index.json").read_text())["logs"]
        assert entry["complete"] == bool(pods)


def test_what_was_had_of_other_items_stays_in_the_index(tmp_path: Path) -> None:
    collect(Kubelet(LINE), tmp_path, pod("p"), pod("q", "1:b"))
    before = index_of(tmp_path)
    collect(Kubelet(LINE), tmp_path, pod("p"), pod("q", "1:b"), items=frozenset({"0"}))
    assert index_of(tmp_path) == before
    kubelet = Kubelet(LINE)
    assert all(log.complete for log in collect(kubelet, tmp_path, pod("p"), pod("q", "1:b")).logs)
    assert not kubelet.queries


def test_of_items_that_were_not_chosen_nothing_is_missed() -> None:
    collector = Collector(Kubelet(LINE), LogOptions(items=frozenset({"0"})))
    collector.add(LogFolder(None, "wf", "ns", "uid"))
    collector.miss("wf", "q", "node-id", "wf[0].echo(1:b)(0)")
    assert not collector.logs
