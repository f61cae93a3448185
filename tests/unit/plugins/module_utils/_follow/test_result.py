# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a wait returns says of the logs what is in them, and whose they are."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._argo.names import parse_node_name
from ansible_collections.argo.workflows.plugins.module_utils._follow import result as result_module
from ansible_collections.argo.workflows.plugins.module_utils._follow.diagnosis import Diagnosis
from ansible_collections.argo.workflows.plugins.module_utils._follow.outcome import Outcome
from ansible_collections.argo.workflows.plugins.module_utils._follow.result import failure_of, result_of
from ansible_collections.argo.workflows.plugins.module_utils._follow.run import Run
from ansible_collections.argo.workflows.plugins.module_utils._follow.wait import Ended, EndedRun, Wanted
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.lease import PREFIX
from ansible_collections.argo.workflows.plugins.module_utils._logs.folder import Log, LogFolder
from ansible_collections.argo.workflows.plugins.module_utils._logs.lines import Cursor, Taken
from ansible_collections.argo.workflows.tests.support import recordings


def run_of(name: str, now: float = 0.0) -> Run:
    """The Workflow of a recording as it was at its end."""
    run = Run(recordings.workflow(name)["metadata"], now)
    run.see_workflow(recordings.workflow(name), now)
    return run


def ended(outcome: Outcome, *runs: Run | EndedRun, logs: tuple[Log, ...] = (), **wanted: Any) -> Ended:
    """A wait that has ended, for runs without a diagnosis unless they have one."""
    each = tuple(run if isinstance(run, EndedRun) else EndedRun(run) for run in runs)
    names = tuple(run.run.name for run in each)
    return Ended(outcome, Wanted("argo", names, **wanted), datetime.datetime.now(datetime.UTC), each, logs)


def failed_item(directory: Path, *logs: tuple[int, str, bytes]) -> dict[str, Any]:
    """An item that failed three times, with these logs of its pods: attempt, container, text."""
    run = run_of("retry-exhausted")
    folder = LogFolder(directory, run.name, "argo", run.uid)
    [item] = [item for item in run.items() if len(item.attempts) == 3]
    for number, container, text in logs:
        attempt = item.attempts[number]
        log = folder.log(attempt.pod, f"uid-of-{attempt.pod}", container, parse_node_name(run.name, attempt.name))
        log.open()
        log.take(Taken(text, text.count(b"\n")))
        log.cursor = Cursor(high=f"2026-11-22T18:00:{len(folder.logs):02}Z")
        log.end()
    result = result_of(ended(Outcome.FINISHED, run, logs=tuple(folder.logs), logs_dir=directory), failed=False)
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
    runs = result_of(ended(Outcome.FINISHED, *map(run_of, names)), failed=False)["workflows"]
    assert sum(len(json.dumps(run["item_results"])) for run in runs) < 3000
    assert sum(len(run["tree"]) for run in runs) < 1000
    assert not any("PODNAME" in run["tree"] for run in runs), "these are summaries"


def unreadable() -> Run:
    workflow = recordings.workflow("fanout-ok")
    workflow["status"] |= {"nodes": None, "offloadNodeStatusVersion": "fnv:1"}
    run = Run(workflow["metadata"], 0.0)
    run.see_workflow(workflow, 0.0)
    return run


def test_where_the_nodes_cannot_be_read_nobody_knows_whether_the_logs_are_complete(tmp_path: Path) -> None:
    wait = ended(Outcome.FINISHED, unreadable(), logs_dir=tmp_path)
    assert not result_of(wait, failed=False)["logs_complete"]
    assert failure_of(wait, ["logs"]) == (
        "Workflow fanout-ok may have had pods whose logs are not here: the nodes of the Workflow fanout-ok are "
        "offloaded to the controller's database, where only the Argo Server can read them."
    )


# --- the sentences of a failure ---


def goes_on(name: str = "fanout-ok") -> Run:
    """The Workflow of a recording while it ran."""
    run = Run(recordings.workflow(name)["metadata"] | {"labels": {}}, 0.0)
    run.see_workflow(recordings.workflow_events(name)[1], 0.0)
    return run


def test_a_workflow_that_was_deleted_does_not_go_on_when_the_wait_ends_early() -> None:
    deleted = goes_on("fanout-flaky")
    deleted.deleted = True
    failure = failure_of(ended(Outcome.TIMEOUT, goes_on(), deleted), ["timeout"])
    assert "fanout-ok was Running" in failure and "fanout-flaky" not in failure


@pytest.mark.parametrize(("fate", "then"), [("leave", "goes on; wait for it again"), ("stop", "was stopped")])
def test_what_became_of_a_workflow_that_goes_on_is_said(fate: str, then: str) -> None:
    failure = failure_of(ended(Outcome.TIMEOUT, goes_on()), ["timeout"], fate)
    assert failure.startswith("The wait ended after 3600 s (wait_timeout). Workflow fanout-ok was Running")
    assert f" and {then}" in failure


def test_a_workflow_that_could_not_be_stopped_is_said_to_go_on_with_the_reason() -> None:
    failure = failure_of(ended(Outcome.TIMEOUT, goes_on()), [], "stop", {"fanout-ok": "403 Forbidden"})
    assert failure.endswith(" and goes on, as it could not be told to stop: 403 Forbidden.")


def test_a_message_of_argo_is_said_to_the_letter() -> None:
    run = run_of("fanout-one-fails")
    run.workflow["status"]["message"] = "no such file: ../data/list.txt..."
    failure = failure_of(ended(Outcome.FINISHED, run), ["failed"])
    assert ": no such file: ../data/list.txt... echo(1:bad) (attempt 3): " in failure


def test_a_diagnosis_explains_a_failure_and_is_no_failure_itself() -> None:
    image = Diagnosis("image", "is the image there?", 0.0)
    assert failure_of(ended(Outcome.FINISHED, EndedRun(run_of("fanout-ok"), (image,))), ["failed", "error"]) == ""
    failure = failure_of(ended(Outcome.FINISHED, EndedRun(run_of("fanout-one-fails"), (image,))), ["failed"])
    assert failure.endswith(". Is the image there?")


def test_what_the_wait_was_given_up_on_is_said_once() -> None:
    image = Diagnosis("image", "the image x cannot be pulled", 0.0)
    wait = ended(Outcome.GAVE_UP, EndedRun(goes_on(), (image,)))._replace(gave_up=image)
    failure = failure_of(wait, [])
    assert failure.startswith("The wait was given up: the image x cannot be pulled. Workflow fanout-ok was ")
    assert failure.count("the image x") == 1 and "The image x" not in failure


def test_a_failed_http_step_is_named_with_what_it_says() -> None:
    run = run_of("fanout-one-fails")
    message = "successCondition 'response.statusCode == 200' evaluated false"
    step = {"id": "h", "name": f"{run.name}[0].bad", "displayName": "bad", "type": "HTTP", "phase": "Failed"}
    run.nodes = {run.name: run.nodes[run.name], "h": {**step, "message": message}}
    run.pods = {}
    assert f"bad: {message}." in failure_of(ended(Outcome.FINISHED, run), ["failed"])


def test_a_run_that_was_deleted_may_have_outlived_its_lease() -> None:
    lease = {"kind": "Job", "name": f"{PREFIX}1", "uid": "1"}
    sentences = []
    for owners in ([], [lease]):
        run = Run({"name": "say", "namespace": "argo", "uid": "u", "ownerReferences": owners}, 0.0)
        run.see_metadata({}, 1.0, deleted=True)
        sentences.append(failure_of(ended(Outcome.DELETED, run), ["deleted"]))
    assert sentences == [
        "Workflow say was deleted before it had ended.",
        "Workflow say was deleted before it had ended; it had a lease (lease_seconds), which may have run out.",
    ]
