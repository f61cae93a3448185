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
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3

from ansible_collections.argo.workflows.plugins.module_utils._argo.names import parse_node_name
from ansible_collections.argo.workflows.plugins.module_utils._logs.collector import Collector
from ansible_collections.argo.workflows.plugins.module_utils._logs.folder import MERGED, Log, LogFolder
from ansible_collections.argo.workflows.plugins.module_utils._logs.lines import Taken
from ansible_collections.argo.workflows.plugins.module_utils._logs.options import LogOptions
from ansible_collections.argo.workflows.plugins.module_utils._logs.sinks import MergedFiles, WholeLines
from ansible_collections.argo.workflows.tests.support.api import Api, Asked, Response, refusal

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


class Kubelet(Api):
    """Answers every request for a log with `text`, or with the refusal of this status and message."""

    def __init__(self, text: bytes = b"", refused: tuple[int, str] | None = None) -> None:
        super().__init__()
        self.text = text
        self.refused = refused
        self.open = self.most = 0

    @property
    def queries(self) -> list[dict[str, str]]:
        return [asked.query for asked in self.requests]

    @property
    def paths(self) -> set[str]:
        return {asked.path for asked in self.requests}

    def answer(self, asked: Asked) -> Response:
        if self.refused:
            return refusal(self.refused[0], message=self.refused[1])
        with self.lock:
            self.open += 1
            self.most = max(self.most, self.open)
        return Stream(self, self.chunks(asked))

    def chunks(self, asked: Asked) -> Iterator[bytes]:
        self.clock.sleep(0.005)
        yield self.text


class Stream(Response):
    """One that its Kubelet counts while it is open."""

    def __init__(self, kubelet: Kubelet, chunks: Iterator[bytes]) -> None:
        super().__init__(200, chunks)
        self._kubelet = kubelet

    def close(self) -> None:
        with self._kubelet.lock:
            self._kubelet.open -= not self.closed
        self.closed = True


def collect(
    api: Api, directory: Path | None, *pods: dict[str, Any], lines: WholeLines | None = None, **options: Any
) -> Collector:
    collector = Collector(api.cluster(), chosen := LogOptions(**options), lines)
    collector.add(LogFolder(directory, "wf", "ns", "uid", chosen.selection))
    for each in pods:
        collector.see("wf", each)
    collector.wait(api.clock.monotonic() + 20)
    collector.stop("too late")
    return collector


def test_containers_whose_names_begin_alike_do_not_share_a_file_and_keep_theirs(tmp_path: Path) -> None:
    twins: dict[str, Any] = {f"{'x' * 50}-{each}": ENDED for each in ("a", "b", "c")}
    for _wait in range(2):
        logs = collect(kubelet := Kubelet(LINE), tmp_path, pod(**twins)).logs
        assert [log.path and log.path.read_bytes() for log in logs] == [b"hello\n"] * 3
    assert not kubelet.queries, "complete logs are not fetched again"


def test_the_index_says_what_is_in_the_folder(tmp_path: Path) -> None:
    collect(Kubelet(LINE), tmp_path, pod())
    index = json.loads((tmp_path / "wf" / "index.json").read_text())
    assert (index["workflow"], index["namespace"], index["uid"]) == ("wf", "ns", "uid")
    [entry] = index["logs"]
    assert {"file": "0-a/0-main.log", "lines": 1, "bytes": 6, "complete": True, "reason": ""}.items() <= entry.items()
    assert (tmp_path / "wf" / "0-a" / "0-main.log").read_bytes() == b"hello\n"
    assert sorted(path.name for path in (tmp_path / "wf").iterdir()) == ["0-a", "index.json"]


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
    """Gives of `text` what sinceTime and tailLines say, as the kubelet does: the latter counts first."""

    def chunks(self, asked: Asked) -> Iterator[bytes]:
        lines = self.text.splitlines(keepends=True)[-int(asked.query.get("tailLines", 1000)) :]
        yield from [line for line in lines if line[:19] >= asked.query.get("sinceTime", "")[:19].encode()]


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


class Pieces(Kubelet):
    """Gives of the pieces of `text` so many last ones as tailLines says; those of a long line have 16 bytes here."""

    def chunks(self, asked: Asked) -> Iterator[bytes]:
        stamp, begins = b"2026-11-22T15:45:18.%09dZ ", True
        pieces = [line[at : at + 16] for line in self.text.splitlines(keepends=True) for at in range(0, len(line), 16)]
        last = max(0, len(pieces) - int(asked.query.get("tailLines", 10**6)))
        for number, piece in [*enumerate(pieces)][last:]:
            yield (stamp % number if begins else b"") + piece
            begins = piece.endswith(b"\n")


@pytest.mark.parametrize("tail", [1, 5, 20, 50])
@pytest.mark.parametrize(("length", "count"), [(8, 3), (8, 200), (20, 200), (900, 200), (900, 3)])
@pytest.mark.parametrize("words", [b"", WORDS.splitlines(keepends=True)[0].partition(b" ")[2]])
def test_the_last_lines_are_whole_ones_however_many_pieces_the_kubelet_counts(
    tail: int, length: int, count: int, words: bytes
) -> None:
    lines = [b"line %d %s" % (number, b"x" * length) for number in range(count)]
    got: list[bytes] = []
    whole = WholeLines([lambda log, some: got.extend(some)])
    kubelet = Pieces(words + b"".join(line + b"\n" for line in lines))
    [log] = collect(kubelet, None, pod(), lines=whole, follow=False, tail=tail).logs
    assert (got, log.complete, log.lines) == (lines[-tail:], True, min(tail, count))
    assert len(kubelet.queries) <= 8


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
    collector = Collector(kubelet.cluster(), LogOptions(parallel=5))
    collector.add(LogFolder(tmp_path, "wf", "ns", "uid"))
    for each in running + ended:
        collector.see("wf", each)
    collector.end_containers()
    collector.wait(kubelet.clock.monotonic() + 20)
    assert not collector.pending
    assert 1 <= kubelet.most <= 5


def test_a_wait_does_not_look_at_all_logs_whenever_one_is_complete() -> None:
    class Counting(Collector):
        looks = 0

        @property
        def pending(self) -> list[Log]:
            self.looks += 1
            return super().pending

    collector = Counting((kubelet := Kubelet(LINE)).cluster(), LogOptions(follow=False))
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
    collector = Collector((kubelet := Kubelet(LINE)).cluster(), LogOptions())
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
def test_a_log_that_cannot_be_read_says_why(status: int, message: str, reason: str, tmp_path: Path) -> None:
    [log] = collect(Kubelet(refused=(status, message)), tmp_path, pod()).logs
    assert (log.complete, log.why_incomplete) == (False, reason)


def test_a_log_request_that_is_refused_after_a_success_is_repeated(tmp_path: Path) -> None:
    class Restarted(Kubelet):
        """Refuses the second request, as an API server does that has just started."""

        def answer(self, asked: Asked) -> Response:
            return refusal(403, "Forbidden", "no rights") if len(self.requests) == 2 else super().answer(asked)

    [log] = collect(Restarted(LINE.rstrip()), tmp_path, pod()).logs
    assert log.complete, log.why_incomplete


def test_a_kubelet_that_has_just_started_and_knows_no_pod_yet_is_asked_again() -> None:
    class Restarted(Kubelet):
        def answer(self, asked: Asked) -> Response:
            if len(self.requests) == 1:
                return refusal(404, message="the server could not find the requested resource ( pods/log pod)")
            return super().answer(asked)

    [log] = collect(Restarted(LINE), None, pod()).logs
    assert log.complete


DELETED = "the pod was deleted before its log was read to its end"
EXITED = b'2026-11-22T15:45:18.000000003Z time=2026-11-22T15:45:18Z level=INFO msg="sub-process exited" argo=true\n'
BEGAN = b'2026-11-22T15:45:18.000000000Z time=2026-11-22T15:45:18Z level=INFO msg="waiting for signals" argo=true\n'


def test_a_deleted_pod_is_not_asked_by_its_name_which_another_may_have(tmp_path: Path) -> None:
    kubelet = Kubelet(LINE)
    collector = Collector(kubelet.cluster(), LogOptions())
    collector.add(LogFolder(tmp_path, "wf", "ns", "uid"))
    collector.see("wf", pod(), gone=True)
    collector.wait(kubelet.clock.monotonic() + 20)
    assert [log.why_incomplete for log in collector.logs] == [DELETED] and not kubelet.queries


@pytest.mark.parametrize(("text", "reason"), [(LINE, DELETED), (BEGAN + LINE + EXITED, "")])
def test_the_log_of_a_deleted_pod_is_complete_if_the_executors_last_word_came(
    text: bytes, reason: str, tmp_path: Path
) -> None:
    class Deleted(Kubelet):
        """Its pod is deleted while the stream runs, which then breaks."""

        def chunks(self, asked: Asked) -> Iterator[bytes]:
            yield self.text
            collector.see("wf", pod(), gone=True)
            raise urllib3.exceptions.ProtocolError("cut off")

    kubelet = Deleted(text)
    collector = Collector(kubelet.cluster(), LogOptions())
    collector.add(LogFolder(tmp_path, "wf", "ns", "uid"))
    collector.see("wf", pod())
    collector.wait(kubelet.clock.monotonic() + 20)
    assert [log.why_incomplete for log in collector.logs] == [reason] and len(kubelet.queries) == 1


def test_a_container_that_never_started_has_no_log_and_lacks_none(tmp_path: Path) -> None:
    kubelet = Kubelet(LINE)
    [log] = collect(kubelet, tmp_path, pod(phase="Failed", main={"waiting": {"reason": "ImagePullBackOff"}})).logs
    assert log.complete and not kubelet.queries


NEVER_RAN = {"waiting": {"reason": "ImagePullBackOff"}}


def test_a_log_has_a_path_where_there_is_a_file_and_only_there(tmp_path: Path) -> None:
    for again in (False, True):
        kubelet = Kubelet(b"")
        pods = pod("a", "0:a", "Failed", main=NEVER_RAN), pod("b", "1:b")
        never_ran, wrote_nothing = (log.as_dict() for log in collect(kubelet, tmp_path, *pods).logs)
        assert never_ran["complete"] and never_ran["path"] is None
        assert wrote_nothing["complete"] and Path(wrote_nothing["path"]).read_bytes() == b""
        assert bool(kubelet.queries) is not again
        index = json.loads((tmp_path / "wf" / "index.json").read_text())["logs"]
        assert [bool(entry["file"]) for entry in index] == [False, True]


def test_the_last_line_of_a_container_that_never_ran_is_not_that_of_an_earlier_run(tmp_path: Path) -> None:
    collect(Kubelet(LINE), tmp_path, pod())
    collector = Collector(Kubelet(LINE).cluster(), LogOptions())
    collector.add(LogFolder(tmp_path, "wf", "ns", "another run"))
    collector.see("wf", pod("new", phase="Failed", main=NEVER_RAN))
    assert [(log.last_line, log.tail, log.as_dict()["path"]) for log in collector.logs] == [("", "", None)]


LOST = {"terminated": {"exitCode": 137, "reason": "ContainerStatusUnknown", "message": "not located"}}
"""What the kubelet says of a container after its node was started anew; it may have run for hours."""


def test_the_log_of_a_container_that_the_kubelet_has_lost_is_asked_for() -> None:
    [log] = collect(kubelet := Kubelet(LINE), None, pod(phase="Failed", main=LOST)).logs
    assert (log.complete, log.size, len(kubelet.queries)) == (True, 6, 1)


@pytest.mark.parametrize(
    ("kubelet", "why"),
    [
        (Kubelet(b""), ""),
        (
            Kubelet(refused=(400, 'container "main" in pod "pod" is terminated')),
            ': container "main" in pod "pod" is terminated',
        ),
    ],
)
def test_a_container_that_the_kubelet_has_lost_with_its_log_is_not_called_complete(kubelet: Kubelet, why: str) -> None:
    [log] = collect(kubelet, None, pod(phase="Failed", main=LOST)).logs
    assert not log.complete and kubelet.queries
    assert log.why_incomplete == f"the kubelet has lost the container (ContainerStatusUnknown: not located){why}"


def test_of_a_pod_whose_node_has_gone_nobody_says_that_a_container_never_ran() -> None:
    buried = pod(phase="Failed", main={"waiting": {"reason": "ContainerCreating"}})
    buried["status"]["conditions"] = [{"type": "DisruptionTarget", "status": "True", "reason": "DeletionByPodGC"}]
    [log] = collect(kubelet := Kubelet(b""), None, buried).logs
    assert not log.complete and kubelet.queries


def test_the_log_of_a_pod_that_was_deleted_before_its_start_was_seen_is_incomplete(tmp_path: Path) -> None:
    collector = Collector(Kubelet(LINE).cluster(), LogOptions(containers=("all",)))
    collector.add(LogFolder(tmp_path, "wf", "ns", "uid"))
    collector.see("wf", pod(phase="Pending", main={"waiting": {"reason": "PodInitializing"}}), gone=True)
    collector.stop("too late")
    assert {log.container: log.why_incomplete for log in collector.logs}["main"] == DELETED


def test_the_kubelets_own_text_is_a_reason_and_not_a_line_of_the_log(tmp_path: Path) -> None:
    kubelet = Kubelet(b"unable to retrieve container logs for containerd://1")
    [log] = collect(kubelet, tmp_path, pod()).logs
    assert log.why_incomplete == "the kubelet could not read it: unable to retrieve container logs for containerd://1"
    assert log.size == 0


@pytest.mark.parametrize("error", [AttributeError("'str' has no 'get' SECRET"), TypeError("SECRET"), RecursionError()])
def test_an_error_that_nobody_expected_ends_one_log_and_no_thread(error: Exception, tmp_path: Path) -> None:
    class Odd(Kubelet):
        def answer(self, asked: Asked) -> Response:
            if "/bad/" in asked.path:
                raise error
            return super().answer(asked)

    pods = [pod("bad"), *(pod(f"p{number}", f"{number}:b") for number in range(5))]
    collector = collect(kubelet := Odd(LINE), tmp_path, *pods, parallel=1, follow=False)
    reasons = {log.pod: log.why_incomplete for log in collector.logs}
    why = f"its file was not finished ({type(error).__name__}); this is a bug of the module"
    assert reasons == {"bad": why, **{f"p{number}": "" for number in range(5)}}
    assert [path.count("bad") for path in (asked.path for asked in kubelet.requests)].count(1) == 1, (
        "nor is it repeated"
    )


def test_a_full_disk_is_a_reason_and_what_is_on_it_stays_valid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    take = Log.take

    def full(self: Log, taken: Taken) -> None:
        if self.size:
            raise OSError(errno.ENOSPC, "No space left on device")
        take(self, taken)

    class Twice(Kubelet):
        def chunks(self, asked: Asked) -> Iterator[bytes]:
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
    collector = Collector((kubelet := Kubelet(LINE)).cluster(), LogOptions())
    collector.add(LogFolder(tmp_path, "wf", "ns", "uid"))
    collector.see("wf", pod())
    collector.tick()
    collector.wait(kubelet.clock.monotonic() + 20)
    monkeypatch.setattr(LogFolder, "save", save)
    collector.stop("too late")
    assert index_of(tmp_path)["pod"]["complete"]


def test_threads_that_wait_for_an_answer_hold_up_the_end_once_and_take_nothing_after_it(tmp_path: Path) -> None:
    class Slow(Kubelet):
        may_answer = threading.Event()

        def answer(self, asked: Asked) -> Response:
            self.may_answer.wait(20)
            return super().answer(asked)

    collector = Collector((kubelet := Slow(LINE)).cluster(), LogOptions())
    collector.add(LogFolder(tmp_path, "wf", "ns", "uid"))
    for number in range(6):
        collector.see("wf", pod(f"p{number}", f"{number}:a"))
    until(lambda: len(collector._threads) == 6)
    began = time.monotonic()
    collector.stop("the wait was interrupted")
    assert time.monotonic() - began < 4
    kubelet.may_answer.set()
    for thread in collector._threads:
        thread.join(10)
    assert {(log.why_incomplete, log.size) for log in collector.logs} == {("the wait was interrupted", 0)}
    assert not list(tmp_path.glob("wf/*/*.log"))


def test_a_log_file_that_was_shortened_since_is_read_again_from_its_beginning(tmp_path: Path) -> None:
    two = LINE + LINE.replace(b"18.", b"19.")
    collect(Kubelet(two), tmp_path, pod())
    file = tmp_path / "wf" / "0-a" / "0-main.log"
    file.write_bytes(b"hel")
    kubelet = Kubelet(two)
    [log] = collect(kubelet, tmp_path, pod()).logs
    assert file.read_bytes() == b"hello\nhello\n" and (log.complete, log.size) == (True, 12)
    assert "sinceTime" not in kubelet.queries[0]


def test_a_log_file_that_is_shortened_meanwhile_is_not_called_complete(tmp_path: Path) -> None:
    collect(Kubelet(LINE), tmp_path, pod(main={"running": {}}, phase="Running"), follow=False)
    folder = LogFolder(tmp_path, "wf", "ns", "uid")
    collector = Collector((kubelet := Kubelet(LINE)).cluster(), LogOptions())
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


def test_a_file_of_another_selection_of_lines_is_not_appended_to(tmp_path: Path) -> None:
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


def test_only_the_logs_of_the_chosen_items_are_collected() -> None:
    collector = collect(Kubelet(LINE), None, pod("p"), pod("q", "1:b"), items=frozenset({"b"}))
    assert [log.display_name for log in collector.logs] == ["echo(1:b)(0)"]


def index_of(directory: Path) -> dict[str, dict[str, Any]]:
    """The entries of the index, by pod."""
    return {entry["pod"]: entry for entry in json.loads((directory / "wf" / "index.json").read_text())["logs"]}


def test_a_log_that_is_in_the_folder_is_not_missed_when_its_pod_is_gone(tmp_path: Path) -> None:
    collect(Kubelet(LINE), tmp_path, pod())
    before = index_of(tmp_path)
    collector = Collector(Kubelet(LINE).cluster(), LogOptions())
    collector.add(LogFolder(tmp_path, "wf", "ns", "uid"))
    collector.miss("wf", "pod", "node-id", "wf[0].echo(0:a)(0)")
    collector.stop("too late")
    [log] = collector.logs
    assert log.complete and log.path and log.path.read_bytes() == b"hello\n"
    assert index_of(tmp_path) == before


def test_a_container_that_never_started_lacks_no_log_when_its_pod_is_gone_either(tmp_path: Path) -> None:
    collect(Kubelet(LINE), tmp_path, pod(phase="Failed", main={"waiting": {"reason": "ImagePullBackOff"}}))
    collector = Collector(Kubelet(LINE).cluster(), LogOptions())
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
def test_of_a_pod_that_is_gone_those_logs_are_missed_that_no_earlier_wait_has_collected(
    wanted: tuple[str, ...], complete: dict[str, bool], tmp_path: Path
) -> None:
    collect(Kubelet(LINE), tmp_path, pod())
    collector = Collector(Kubelet(LINE).cluster(), LogOptions(containers=wanted))
    collector.add(LogFolder(tmp_path, "wf", "ns", "uid"))
    collector.miss("wf", "pod", "node-id", "wf[0].echo(0:a)(0)")
    collector.stop("too late")
    assert {log.container: log.complete for log in collector.logs} == complete


def test_of_a_pod_that_nobody_saw_only_the_wanted_containers_are_missed() -> None:
    collector = Collector(Kubelet(LINE).cluster(), LogOptions(containers=("main", "sidecar")))
    collector.add(LogFolder(None, "wf", "ns", "uid"))
    collector.miss("wf", "pod", "node-id", "wf[0].echo(0:a)(0)", ["a", "b"])
    assert [log.container for log in collector.logs] == ["a", "b", "sidecar"]


def test_a_log_that_was_missed_gives_way_to_the_one_that_is_collected_later(tmp_path: Path) -> None:
    for pods in ([], [pod()]):
        collector = Collector((kubelet := Kubelet(LINE)).cluster(), LogOptions())
        collector.add(LogFolder(tmp_path, "wf", "ns", "uid"))
        for each in pods:
            collector.see("wf", each)
        if not pods:
            collector.miss("wf", "pod", "node-id", "wf[0].echo(0:a)(0)")
        collector.wait(kubelet.clock.monotonic() + 20)
        collector.stop("too late")
        [entry] = json.loads((tmp_path / "wf" / "index.json").read_text())["logs"]
        assert entry["complete"] == bool(pods)


def test_logs_of_items_that_are_not_chosen_now_stay_in_the_index(tmp_path: Path) -> None:
    collect(Kubelet(LINE), tmp_path, pod("p"), pod("q", "1:b"))
    before = index_of(tmp_path)
    collect(Kubelet(LINE), tmp_path, pod("p"), pod("q", "1:b"), items=frozenset({"0"}))
    assert index_of(tmp_path) == before
    kubelet = Kubelet(LINE)
    assert all(log.complete for log in collect(kubelet, tmp_path, pod("p"), pod("q", "1:b")).logs)
    assert not kubelet.queries


def test_of_items_that_were_not_chosen_nothing_is_missed() -> None:
    collector = Collector(Kubelet(LINE).cluster(), LogOptions(items=frozenset({"0"})))
    collector.add(LogFolder(None, "wf", "ns", "uid"))
    collector.miss("wf", "q", "node-id", "wf[0].echo(1:b)(0)")
    assert not collector.logs
