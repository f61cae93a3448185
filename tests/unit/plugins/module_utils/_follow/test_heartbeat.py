# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""After a silence it is said what is waited for."""

from __future__ import annotations

from typing import Any

from ansible_collections.argo.workflows.plugins.module_utils._argo.pods import trim
from ansible_collections.argo.workflows.plugins.module_utils._follow.diagnosis import Diagnosis
from ansible_collections.argo.workflows.plugins.module_utils._follow.heartbeat import MAX_RUNS, heartbeat
from ansible_collections.argo.workflows.plugins.module_utils._follow.run import Run
from ansible_collections.argo.workflows.tests.support.runs import replay


def said(run: Run, *found: Diagnosis, now: float = 130.0) -> str:
    [sentence] = heartbeat([(run, found)], now)
    return sentence


def going_on(**status: Any) -> Run:
    run = replay("fanout-ok", workflow_events=2, pod_events=2)
    for uid, pod in run.pods.items():
        run.pods[uid] = {**pod, "status": {**pod["status"], **status}}
    return run


def test_pods_that_run_are_counted_with_the_name_and_place_of_the_first() -> None:
    run = going_on(phase="Running")
    [first] = list(run.pods.values())[:1]
    sentence = said(run)
    assert sentence.startswith("fanout-ok is still Running after 2m of waiting: ")
    assert f" running (the first is echo(0:Argo)(0) on {first['spec']['nodeName']})" in sentence


def test_an_agent_is_called_so() -> None:
    run = replay("fanout-ok", workflow_events=2, pod_events=0)
    agent = {"metadata": {"name": "agent", "uid": "a"}, "spec": {"nodeName": "n1"}, "status": {"phase": "Running"}}
    run.see_pod(trim(agent), 0.0)
    assert said(run).endswith("1 pod is running (the first is the agent of its HTTP and plugin steps on n1)")


def test_what_is_known_to_be_wrong_is_said_again() -> None:
    assert said(going_on(), Diagnosis("image", "the image x cannot be pulled", 0.0)).endswith(
        ": the image x cannot be pulled"
    )


def test_a_suspended_run_waits_for_somebody() -> None:
    run = going_on()
    run.workflow = {**run.workflow, "spec": {"suspend": True}}
    assert said(run).endswith(": it is suspended, until somebody resumes it")


def test_without_a_pod_the_controllers_own_words_are_said() -> None:
    run = replay("fanout-ok", workflow_events=2, pod_events=0)
    node = next(iter(run.nodes.values()))
    run.nodes = {node["id"]: {**node, "phase": "Running", "message": "Backoff for 4 minutes 10 seconds"}}
    assert said(run).endswith(": Backoff for 4 minutes 10 seconds")
    run.nodes = {}
    assert said(run).endswith(": no pod of it runs, and the controller has not said why")


def test_of_many_runs_the_first_are_told_and_the_others_counted() -> None:
    sentences = list(heartbeat([(going_on(), ())] * (MAX_RUNS + 3), 60.0))
    assert len(sentences) == MAX_RUNS + 1 and sentences[-1] == "3 more Workflows have not ended"


def test_runs_that_have_ended_wait_for_their_logs() -> None:
    assert list(heartbeat([(replay("fanout-ok"), ())], 60.0, 7)) == [
        "the Workflows have ended; 7 logs are still being read"
    ]


def test_before_the_first_answer_that_is_what_is_waited_for() -> None:
    assert list(heartbeat([], 60.0)) == ["still waiting for the first answer of the API server"]
