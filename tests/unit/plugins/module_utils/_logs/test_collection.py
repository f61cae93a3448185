# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Of several who collect the logs of one run into one folder, one writes, and all tell what is there."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._logs.collection import LogCollection
from ansible_collections.argo.workflows.plugins.module_utils._logs.folder import Log
from ansible_collections.argo.workflows.plugins.module_utils._logs.options import LogOptions
from ansible_collections.argo.workflows.tests.support.api import Api, Asked, Response

LINE = b"2026-11-22T15:45:18.000000001Z hello\n"


class Kubelet(Api):
    """Has one line of each container, and gives it when it `may_answer`."""

    def __init__(self) -> None:
        super().__init__()
        self.may_answer = threading.Event()
        self.may_answer.set()

    def answer(self, asked: Asked) -> Response:
        def chunks() -> Iterator[bytes]:
            self.may_answer.wait(10)
            yield LINE

        return Response(200, chunks())


def pod(uid: str = "uid-of-pod", state: str = "terminated") -> dict[str, Any]:
    return {
        "metadata": {
            "name": "pod",
            "namespace": "ns",
            "uid": uid,
            "annotations": {"workflows.argoproj.io/node-name": "wf[0].echo(0:a)(0)"},
        },
        "status": {
            "phase": "Running",
            "containerStatuses": [{"name": "main", "state": {state: {"startedAt": "2026-11-22T15:45:18Z"}}}],
        },
    }


def collection(api: Api, directory: Path) -> LogCollection:
    made = LogCollection(api.cluster(), None, LogOptions(merged=True), directory)
    made.add("ns", "wf", "uid")
    return made


def finish(made: LogCollection) -> list[Log]:
    made.finish("too late", [], proceed=lambda: False)
    return made.logs


def test_the_second_of_two_collectors_takes_over_what_the_first_has_left(tmp_path: Path) -> None:
    first, second = collection(kubelet := Kubelet(), tmp_path), collection(idle := Kubelet(), tmp_path)
    for each in (first, second):
        each.see("wf", pod(state="running"))
        each.see("wf", pod())
    second.tick()
    assert second.pending and not idle.requests, "it waits for its turn"
    first.wait(kubelet.clock.monotonic() + 10)
    [log] = finish(first)
    assert log.complete
    second.wait(idle.clock.monotonic() + 10)
    [log] = finish(second)
    assert (log.complete, log.size, idle.requests) == (True, 6, []), "the folder has it already"
    assert log.path and log.path.read_bytes() == b"hello\n"
    assert (tmp_path / "wf" / "merged.log").read_bytes() == b"echo(0:a)(0): hello\n"


@pytest.mark.parametrize("missed", [False, True])
def test_a_collector_whose_turn_never_comes_says_who_has_the_logs_and_changes_nothing(
    missed: bool, tmp_path: Path
) -> None:
    first, second = collection(kubelet := Kubelet(), tmp_path), collection(idle := Kubelet(), tmp_path)
    second.see("wf", pod())
    second.see("wf", pod(), gone=missed)
    second.wait(idle.clock.monotonic() + 0.3)
    before = sorted(tmp_path.rglob("*"))
    [log] = finish(second)
    assert (log.complete, log.path) == (False, None)
    assert log.why_incomplete == f"another process writes the logs of this run into {tmp_path}"
    assert sorted(tmp_path.rglob("*")) == before and not idle.requests
    first.see("wf", pod())
    first.wait(kubelet.clock.monotonic() + 10)
    assert [log.complete for log in finish(first)] == [True]


def test_two_runs_in_one_folder_are_collected_side_by_side(tmp_path: Path) -> None:
    first, second = (
        collection(Kubelet(), tmp_path),
        LogCollection((api := Kubelet()).cluster(), None, LogOptions(), tmp_path),
    )
    second.add("ns", "other", "uid-of-other")
    second.see("other", pod())
    second.wait(api.clock.monotonic() + 10)
    assert [log.complete for log in finish(second)] == [True]
    finish(first)
