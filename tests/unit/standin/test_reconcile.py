# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the stand-in decides where no recording shows it: trials on a real Argo, refusals, limits."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from standin.pods import LABEL
from standin.reconcile import Config, pod_refused, reconcile
from standin.retries import humanized, seconds

Json = dict[str, Any]

START = datetime(2026, 11, 22, 15, 0, 0, tzinfo=UTC)


def fan_out(items: str = '["a", "b"]', **spec: Any) -> Json:
    step = {
        "name": "echo",
        "template": "work",
        "withParam": "{{workflow.parameters.items}}",
        "arguments": {"parameters": [{"name": "input", "value": "{{item}}"}]},
    }
    work = {
        "name": "work",
        "inputs": {"parameters": [{"name": "input"}]},
        "container": {"image": "i", "command": ["echo"], "args": ["{{inputs.parameters.input}}"]},
        **spec.pop("template", {}),
    }
    return {
        "metadata": {"name": "run", "namespace": "n", "uid": "u"},
        "spec": {
            "entrypoint": "main",
            "arguments": {"parameters": [{"name": "items", "value": items}]},
            "templates": [{"name": "main", "steps": [[step]]}, work],
            **spec,
        },
    }


def at(second: float) -> datetime:
    return START + timedelta(seconds=second)


def node(workflow: Json, display_name: str) -> Json:
    found: Json = next(n for n in workflow["status"]["nodes"].values() if n["displayName"] == display_name)
    return found


def ended(pod: Json, exit_code: int = 0, second: int = 3, **wait: Any) -> Json:
    """The pod as the kubelet leaves it: main with that exit code, wait with 0 or what is given."""
    times = {"startedAt": "2026-11-22T15:00:01Z", "finishedAt": f"2026-11-22T15:00:{second:02}Z"}
    failed = bool(exit_code or wait)
    statuses = [
        {"name": "main", "state": {"terminated": {"exitCode": exit_code, "reason": "Error", **times}}},
        {"name": "wait", "state": {"terminated": {"exitCode": 0, "reason": "Error", **times, **wait}}},
    ]
    return {**pod, "status": {"phase": "Failed" if failed else "Succeeded", "containerStatuses": statuses}}


def pending(pod: Json) -> Json:
    return {**pod, "status": {"phase": "Pending"}}


def only_pod(outcome: Any) -> Json:
    (pod,) = outcome.create.values()
    return deepcopy(pod)


def test_a_shape_that_is_missing_ends_the_workflow_and_says_that_it_is_a_stand_in() -> None:
    workflow = fan_out()
    workflow["spec"]["templates"][0] = {"name": "main", "dag": {"tasks": []}}
    status = reconcile(workflow, [], [], at(0)).workflow["status"]
    assert (status["phase"], status["message"]) == ("Error", "stand-in: the template's dag is not supported")


def test_a_suspended_workflow_runs_without_pods_until_it_is_resumed() -> None:
    suspended = reconcile(fan_out(suspend=True), [], [], at(0))
    assert suspended.workflow["status"]["phase"] == "Running"
    assert not suspended.create
    resumed = {**suspended.workflow, "spec": {**suspended.workflow["spec"], "suspend": None}}
    running = reconcile(resumed, [], [], at(9))
    assert running.workflow["status"]["nodes"].keys() > running.create.keys()
    assert len(running.create) == 2


def test_without_the_right_to_report_the_node_is_an_error_although_main_succeeded() -> None:
    first = reconcile(fan_out('["a"]'), [], [], at(0))
    refusal = "workflowtaskresults.argoproj.io is forbidden: User cannot create resource"
    pod = ended(only_pod(first), 0, exitCode=64, message=refusal)
    status = reconcile(first.workflow, [pod], [], at(5)).workflow["status"]
    assert node({"status": status}, "echo(0:a)")["phase"] == "Error"
    assert node({"status": status}, "echo(0:a)")["message"] == f"wait: Error (exit code 64): {refusal}"
    assert status["phase"] == "Failed"


def test_a_node_that_has_ended_stays_so_although_its_pod_could_not_be_labelled_and_never_reported() -> None:
    workflow = reconcile(fan_out(), [], [], at(0)).workflow
    first, second = reconcile(workflow, [], [], at(1)).create.values()
    result = {"metadata": {"name": first["metadata"]["annotations"][LABEL + "node-id"], "labels": {}}}
    pods = [ended(first, exit_code=143, exitCode=64), pending(second)]
    for moment in (4, 5):
        workflow = reconcile(workflow, pods, [result], at(moment)).workflow
        assert node(workflow, "echo(0:a)")["phase"] == "Failed"
        assert node(workflow, "echo(0:a)")["taskResultSynced"]


@pytest.mark.parametrize(
    ("expression", "exit_code", "message"),
    [
        ("asInt(lastRetry.exitCode) != 42", 42, "retryStrategy.expression evaluated to false"),
        ("asInt(lastRetry.exitCode) != 42", 41, None),
        ("!(lastRetry.message matches 'exit code 9')", 9, "retryStrategy.expression evaluated to false"),
        ("lastRetry.status == 'Failed' && lastRetry.exitCode == '9'", 9, None),
    ],
)
def test_an_expression_decides_about_the_next_attempt(expression: str, exit_code: int, message: str | None) -> None:
    strategy = {"limit": 3, "expression": expression}
    first = reconcile(fan_out('["a"]', template={"retryStrategy": strategy}), [], [], at(0))
    second = reconcile(first.workflow, [ended(only_pod(first), exit_code)], [], at(5))
    assert node(second.workflow, "echo(0:a)").get("message") == message
    assert len(second.create) == (message is None)


@pytest.mark.parametrize(
    ("policy", "attempts"), [("Always", 1), ("OnFailure", 1), ("OnError", 0), ("OnTransientError", 0)]
)
def test_the_policy_says_what_is_retried(policy: str, attempts: int) -> None:
    strategy = {"limit": 3, "retryPolicy": policy}
    first = reconcile(fan_out('["a"]', template={"retryStrategy": strategy}), [], [], at(0))
    assert len(reconcile(first.workflow, [ended(only_pod(first), 1)], [], at(5)).create) == attempts


def test_a_backoff_grows_up_to_its_cap() -> None:
    strategy = {"limit": 4, "retryPolicy": "Always", "backoff": {"duration": "15s", "factor": 2, "cap": "20s"}}
    first = reconcile(fan_out('["a"]', template={"retryStrategy": strategy}), [], [], at(0))
    pods = [ended(only_pod(first), 1)]
    waiting = reconcile(first.workflow, pods, [], at(5))
    assert node(waiting.workflow, "echo(0:a)")["message"] == "Backoff for 15 seconds"
    second = reconcile(waiting.workflow, pods, [], at(18))
    pods.append(ended(only_pod(second), 1, second=30))
    waiting = reconcile(second.workflow, pods, [], at(31))
    assert node(waiting.workflow, "echo(0:a)")["message"] == "Backoff for 20 seconds"
    assert not reconcile(second.workflow, pods, [], at(49)).create
    assert reconcile(second.workflow, pods, [], at(50)).create


def test_a_quota_leaves_the_node_pending_and_the_pod_is_tried_again() -> None:
    first = reconcile(fan_out('["a"]'), [], [], at(0))
    (node_id,) = first.create
    pod_refused(first.workflow, node_id, "exceeded quota: gpus", at(0), transient=True)
    assert node(first.workflow, "echo(0:a)")["message"] == "exceeded quota: gpus"
    assert node_id in reconcile(first.workflow, [], [], at(10)).create


def test_any_other_refusal_ends_the_workflow() -> None:
    first = reconcile(fan_out('["a"]'), [], [], at(0))
    (node_id,) = first.create
    pod_refused(first.workflow, node_id, 'serviceaccount "x" not found', at(0), transient=False)
    workflow = reconcile(first.workflow, [], [], at(1)).workflow
    assert workflow["status"]["phase"] == "Failed"
    assert node(workflow, "echo(0:a)")["message"] == 'serviceaccount "x" not found'


def test_items_that_never_started_fail_when_the_workflow_is_terminated() -> None:
    first = reconcile(fan_out(parallelism=1), [], [], at(0))
    pod = ended(only_pod(first), 143)
    terminated = {**first.workflow, "spec": {**first.workflow["spec"], "shutdown": "Terminate"}}
    workflow = reconcile(terminated, [pod], [], at(5)).workflow
    assert node(workflow, "echo(1:b)")["message"] == "workflow shutdown with strategy: Terminate"
    assert workflow["status"]["message"] == "Stopped with strategy 'Terminate'"


def test_the_index_of_an_item_can_be_had_from_the_name_of_its_step() -> None:
    env: list[Json] = [{"name": "INDEX", "value": "{{=split(split(steps.name, '(')[1], ':')[0]}}"}]
    reference = {"name": "{{workflow.name}}-items", "key": "{{inputs.parameters.input}}"}
    env.append({"name": "ITEM", "valueFrom": {"configMapKeyRef": reference}})
    template = {"container": {"image": "i", "command": ["echo"], "env": env}}
    created = reconcile(fan_out(template=template, parallelism=1), [], [], at(0))
    main = only_pod(created)["spec"]["containers"][1]
    assert main["env"][0] == {"name": "INDEX", "value": "0"}
    assert main["env"][1]["valueFrom"]["configMapKeyRef"] == {"name": "run-items", "key": "a"}


def test_fields_of_spec_and_template_reach_the_pod() -> None:
    given = {
        "nodeSelector": {"gpu": "yes"},
        "tolerations": [{"key": "nvidia.com/gpu"}],
        "affinity": {"nodeAffinity": {}},
    }
    template = {
        **given,
        "volumes": [{"name": "data"}],
        "metadata": {"labels": {"team": "a"}},
        "activeDeadlineSeconds": 9,
    }
    config = Config(executor={"image": "exec", "imagePullPolicy": "Never"}, main={"resources": {"limits": {"cpu": 1}}})
    workflow = fan_out('["a"]', template=template, imagePullSecrets=[{"name": "s"}], priorityClassName="low")
    workflow["metadata"]["labels"] = {LABEL + "controller-instanceid": "mine"}
    pod = only_pod(reconcile(workflow, [], [], at(0), config))
    assert {key: pod["spec"][key] for key in given} == given
    assert pod["spec"]["imagePullSecrets"] == [{"name": "s"}]
    assert pod["spec"]["priorityClassName"] == "low"
    assert pod["spec"]["activeDeadlineSeconds"] == 9
    assert {"name": "data"} in pod["spec"]["volumes"]
    assert pod["metadata"]["labels"]["team"] == "a"
    assert pod["metadata"]["labels"][LABEL + "controller-instanceid"] == "mine"
    assert [c["image"] for c in pod["spec"]["initContainers"] + pod["spec"]["containers"]] == ["exec", "exec", "i"]
    assert pod["spec"]["containers"][1]["resources"] == {"limits": {"cpu": 1}}


def test_an_unchanged_workflow_is_not_written_again() -> None:
    first = reconcile(fan_out(), [], [], at(0))
    pods = [pending(pod) for pod in first.create.values()]
    second = reconcile(first.workflow, pods, [], at(1))
    assert first.changed
    assert not second.changed


def test_with_param_that_is_no_list_is_refused_in_argos_words() -> None:
    status = reconcile(fan_out('{"a": 1}'), [], [], at(0)).workflow["status"]
    assert "withParam value could not be parsed as a JSON list" in status["message"]


def test_three_hundred_items_take_less_than_a_second() -> None:
    items = "[" + ",".join(f'"item-{number}"' for number in range(300)) + "]"
    strategy = {"limit": 4, "retryPolicy": "Always", "backoff": {"duration": "15s", "factor": 2}}
    first = reconcile(fan_out(items, template={"retryStrategy": strategy}), [], [], at(0))
    pods = [pending(pod) for pod in first.create.values()]
    begun = datetime.now(UTC)
    reconcile(first.workflow, pods, [], at(1))
    assert datetime.now(UTC) - begun < timedelta(seconds=1)


@pytest.mark.parametrize(("text", "value"), [("90", 90), ("15s", 15), ("1m30s", 90), ("2h", 7200)])
def test_durations_are_read_as_argo_reads_them(text: str, value: int) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize(
    ("duration", "text"),
    [(1, "1 second"), (15, "15 seconds"), (60, "1 minute 0 seconds"), (135, "2 minutes 15 seconds")],
)
def test_durations_are_written_as_argo_writes_them(duration: int, text: str) -> None:
    assert humanized(duration) == text


def test_of_two_items_whose_nodes_hash_alike_only_the_first_runs_as_in_argo() -> None:
    workflow = fan_out('["thsvhys", "xtmrhvm", "c"]')
    workflow["metadata"]["name"] = "collide-plain"
    first = reconcile(workflow, [], [], at(0))
    assert len(first.create) == 2
    pods = [ended(pod) for pod in first.create.values()]
    assert reconcile(first.workflow, pods, [], at(5)).workflow["status"]["phase"] == "Succeeded"


def test_a_main_that_was_killed_before_it_could_tell_has_its_wait_container_stopped() -> None:
    first = reconcile(fan_out('["a"]'), [], [], at(0))
    pod = ended(only_pod(first), 137)
    pod["status"]["phase"] = "Running"
    pod["status"]["containerStatuses"][1]["state"] = {"running": {}}
    told = reconcile(first.workflow, [pod], [], at(4))
    assert told.terminate == set()
    assert reconcile(told.workflow, [pod], [], at(8)).terminate == {pod["metadata"]["name"]}


def test_a_template_that_fits_in_no_variable_and_a_manifest_that_makes_no_sense_end_the_workflow() -> None:
    large = {"container": {"image": "i", "command": ["echo"], "args": ["x" * 140_000]}}
    assert "more than 128 KiB" in reconcile(fan_out(template=large), [], [], at(0)).workflow["status"]["message"]
    senseless = fan_out(arguments={"parameters": [1]})
    assert "cannot work on this Workflow" in reconcile(senseless, [], [], at(0)).workflow["status"]["message"]
