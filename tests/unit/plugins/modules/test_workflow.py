# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module workflow against an API server in memory: submitted once, found again, steered, and never half done."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import INSTANCE_ID_LABEL
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError
from ansible_collections.argo.workflows.plugins.module_utils._module import UserError
from ansible_collections.argo.workflows.plugins.module_utils._submit import config_maps, submission
from ansible_collections.argo.workflows.plugins.module_utils._submit.checks import Finding
from ansible_collections.argo.workflows.plugins.modules import workflow as module_under_test
from ansible_collections.argo.workflows.tests.support import recordings
from ansible_collections.argo.workflows.tests.support.api import Answer, Api, Asked
from ansible_collections.argo.workflows.tests.support.module import Module

Json = dict[str, Any]


HOME = "/apis/argoproj.io/v1alpha1/namespaces/argo/workflows"
CONFIG_MAPS_PATH = "POST /api/v1/namespaces/argo/configmaps"


@pytest.fixture
def server(api: Api) -> Api:
    api.namespaces = {"argo"}
    return api


def workflow(server: Api, name: str) -> Json:
    """The Workflow as it is stored."""
    return server.objects[f"{HOME}/{name}"]


def changes(server: Api) -> list[tuple[str, Json]]:
    """What was changed: the method, and the body."""
    return [(asked.method, asked.body) for asked in server.changes]


def run(check_mode: bool = False, **params: Any) -> Json:
    return module_under_test.run(Module(module_under_test, check_mode, **params))


def manifest(**metadata: Any) -> Json:
    """The recorded fan-out as its user wrote it."""
    recorded = recordings.workflow("fanout-ok")
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": metadata,
        "spec": copy.deepcopy(recorded["spec"]),
    }


def test_a_workflow_is_submitted_under_a_name_of_its_own(server: Api) -> None:
    first = run(definition=manifest(generateName="say-"), parameters={"items": ["a"]})
    second = run(definition=manifest(generateName="say-"), parameters={"items": ["a"]})
    assert first["changed"]
    assert first["name"].startswith("say-")
    assert first["name"] != second["name"]
    assert first["phase"] == "Pending"
    stored = workflow(server, first["name"])
    assert stored["metadata"]["uid"] == first["uid"]
    assert stored["spec"]["arguments"]["parameters"] == [{"name": "items", "value": '["a"]'}]


def test_a_generated_name_is_not_looked_up(server: Api) -> None:
    run(definition=manifest(generateName="say-"))
    assert server.asked("GET") == []


def test_a_label_value_becomes_text(server: Api) -> None:
    run(definition=manifest(name="w", labels={"build": 7}))
    assert workflow(server, "w")["metadata"]["labels"] == {"build": "7"}


def test_the_instance_id_and_labels_are_the_workflows(server: Api) -> None:
    run(definition=manifest(name="w", labels={"a": "b"}), instance_id="mine", labels={"n": 7})
    assert workflow(server, "w")["metadata"]["labels"] == {"a": "b", "n": "7", INSTANCE_ID_LABEL: "mine"}


def test_the_namespace_is_the_options_then_the_manifests_then_argo(server: Api) -> None:
    server.namespaces = {"argo", "mine", "theirs"}
    assert run(definition=manifest(name="w", namespace="theirs"), namespace="mine")["namespace"] == "mine"
    assert run(definition=manifest(name="w", namespace="theirs"))["namespace"] == "theirs"
    assert run(definition=manifest(name="w"))["namespace"] == "argo"


@pytest.mark.parametrize("options", [{"name": "w"}, {"run_id": "build 7", "generate_name": "w-"}])
def test_the_same_run_is_found_again_and_not_submitted_twice(server: Api, options: Json) -> None:
    first = run(definition=manifest(), **options)
    again = run(definition=manifest(), **options)
    assert (first["changed"], again["changed"]) == (True, False)
    assert again["name"] == first["name"]
    assert again["diff"]["before"] == again["diff"]["after"]
    assert len(server.changes) == 1


@pytest.mark.parametrize("options", [{"name": "w"}, {"run_id": "build 7"}])
def test_another_manifest_for_the_same_run_is_refused_with_the_difference(server: Api, options: Json) -> None:
    run(definition=manifest(), **options)
    with pytest.raises(UserError, match=r"with another manifest.*arguments.parameters\[0\].value is .*Awesome.*Other"):
        run(definition=manifest(), parameters={"items": ["Other"]}, **options)
    assert len(server.changes) == 1


def test_a_field_that_was_taken_out_makes_another_manifest(server: Api) -> None:
    before = manifest(name="w")
    before["spec"]["nodeSelector"] = {"a": "b"}
    run(definition=before)
    with pytest.raises(UserError, match="something is no longer asked for"):
        run(definition=manifest(name="w"))


def test_a_workflow_that_somebody_else_made_is_left_alone(server: Api) -> None:
    server.objects[f"{HOME}/w"] = {**manifest(name="w"), "metadata": {"name": "w", "uid": "u"}}
    with pytest.raises(UserError, match="was not submitted by this module"):
        run(definition=manifest(name="w"))


def test_two_tasks_that_submit_the_same_run_at_once_make_one(server: Api) -> None:
    first = run(definition=manifest(), run_id="7")
    server.answers[f"GET {HOME}"] = (200, {"metadata": {}, "items": []})
    second = run(definition=manifest(), run_id="7")
    assert second["uid"] == first["uid"]
    assert len(server.objects) == 1


def test_check_mode_changes_nothing_and_shows_the_workflow(server: Api) -> None:
    result = run(check_mode=True, definition=manifest(name="w"))
    assert result["changed"]
    assert result["definition"]["metadata"]["name"] == "w"
    assert result["diff"]["before"] == {}
    assert server.changes == []


def test_check_mode_is_right_before_there_is_a_namespace(server: Api) -> None:
    assert run(check_mode=True, definition=manifest(name="w"), namespace="to-come")["changed"]
    with pytest.raises(UserError, match=r"404 NotFound: .*; role argo creates the namespace"):
        run(definition=manifest(name="w"), namespace="to-come")


CONFIG_MAPS = {"items-0": {"0": "{{x}}"}}


def test_nothing_runs_before_its_config_maps_are_there(server: Api) -> None:
    result = run(definition=manifest(name="w"), config_maps=CONFIG_MAPS)
    assert result["config_maps"] == ["w-items-0"]
    (_post, created), (_post2, config_map), (_patch, release) = changes(server)
    assert created["spec"]["suspend"] is True
    assert config_map["data"] == {"0": "{{x}}"}
    assert config_map["metadata"]["ownerReferences"][0]["uid"] == result["uid"]
    assert release["spec"] == {"suspend": None}
    assert "suspend" not in workflow(server, "w")["spec"]


def test_a_second_task_goes_on_where_the_first_was_interrupted(server: Api) -> None:
    server.answers[CONFIG_MAPS_PATH] = (403, {"reason": "Forbidden", "message": "exceeded quota"})
    with pytest.raises(ApiError, match="exceeded quota"):
        run(definition=manifest(), run_id="7", config_maps=CONFIG_MAPS)
    (held,) = server.objects.values()
    assert held["spec"]["suspend"] is True
    del server.answers[CONFIG_MAPS_PATH]
    again = run(definition=manifest(), run_id="7", config_maps=CONFIG_MAPS)
    assert again["changed"]
    assert "suspend" not in workflow(server, again["name"])["spec"]
    assert not run(definition=manifest(), run_id="7", config_maps=CONFIG_MAPS)["changed"]


def config_map(owner: str, **metadata: Any) -> Json:
    owners = [{"kind": "Workflow", "name": "w", "uid": owner}] if owner else []
    return {"metadata": {"name": "w-items-0", "ownerReferences": owners, **metadata}, "data": {"0": "foreign"}}


@pytest.mark.parametrize("foreign", [config_map(""), config_map("uid-of-another")])
def test_a_config_map_of_somebody_else_is_never_read_by_the_pods(
    server: Api, foreign: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config_maps, "PATIENCE", 0.05)
    monkeypatch.setattr(config_maps, "PAUSE", 0.01)
    place = "/api/v1/namespaces/argo/configmaps/w-items-0"
    server.objects[place] = foreign
    with pytest.raises(UserError, match="w-items-0 in argo is there and does not belong to the Workflow w"):
        run(definition=manifest(name="w"), config_maps=CONFIG_MAPS)
    assert server.objects == {place: foreign}, "the Workflow was not taken back"


def test_a_config_map_that_an_earlier_workflow_has_left_is_awaited_to_go(server: Api) -> None:
    place = "/api/v1/namespaces/argo/configmaps/w-items-0"
    server.objects[place] = config_map("uid-of-an-earlier-one")

    def collected(asked: Asked) -> Any:
        del server.answers[place]
        return 200, server.objects.pop(place)

    server.answers[place] = collected
    run(definition=manifest(name="w"), config_maps=CONFIG_MAPS)
    assert server.objects[place]["data"] == CONFIG_MAPS["items-0"]
    assert "suspend" not in workflow(server, "w")["spec"]


def test_a_workflow_that_is_being_deleted_is_awaited_to_go_and_the_run_begins_anew(server: Api) -> None:
    first = run(definition=manifest(), run_id="7")
    workflow(server, first["name"])["metadata"]["deletionTimestamp"] = "2026-11-22T12:00:00Z"
    server.clock.at(20, lambda: server.objects.pop(f"{HOME}/{first['name']}"))
    again = run(definition=manifest(), run_id="7")
    assert again["changed"] and again["name"] == first["name"]


def test_a_workflow_that_is_being_deleted_is_not_taken_for_the_run(server: Api) -> None:
    name = run(definition=manifest(), run_id="7")["name"]
    workflow(server, name)["metadata"]["deletionTimestamp"] = "2026-11-22T12:00:00Z"
    with pytest.raises(UserError, match=f"the Workflow {name} in argo is being deleted"):
        run(definition=manifest(), run_id="7")


def test_a_task_that_lost_the_race_for_a_run_has_changed_nothing(server: Api) -> None:
    name = run(definition=manifest(), run_id="7")["name"]
    there = workflow(server, name)
    server.answers[HOME] = lambda asked: (200, {"metadata": {}, "items": []}) if asked.method == "GET" else None
    server.answers[f"POST {HOME}"] = (409, {"reason": "AlreadyExists", "message": "already exists"})
    assert run(definition=manifest(), run_id="7") | {"uid": there["metadata"]["uid"], "changed": False} == run(
        definition=manifest(), run_id="7"
    )


def test_another_workflow_that_has_got_the_name_meanwhile_is_not_deleted(server: Api) -> None:
    running(server)
    place = f"{HOME}/w"
    first = copy.deepcopy(workflow(server, "w"))
    server.answers[f"GET {place}"] = (200, first)
    workflow(server, "w")["metadata"]["uid"] = "another"
    with pytest.raises(ApiError, match="Precondition failed"):
        run(name="w", state="absent")
    assert place in server.objects


@pytest.mark.parametrize(
    ("leftover", "sentence"),
    [
        ({"status": {"phase": "Succeeded"}}, "take out status"),
        (
            {"metadata": {"name": "w", "labels": {"workflows.argoproj.io/completed": "true"}}},
            "take out the label workflows.argoproj.io/completed",
        ),
        ({"metadata": {"name": "w", "resourceVersion": "1"}}, "take out metadata.resourceVersion"),
    ],
)
@pytest.mark.parametrize("strict", [True, False])
def test_a_file_that_was_saved_from_a_cluster_is_refused(
    server: Api, leftover: Json, sentence: str, strict: bool
) -> None:
    with pytest.raises(UserError, match=sentence):
        run(definition=manifest(name="w") | leftover, strict=strict)
    assert not server.changes


def test_a_workflow_that_is_shut_down_in_its_file_is_refused(server: Api) -> None:
    stopped = manifest(name="w")
    stopped["spec"]["shutdown"] = "Terminate"
    with pytest.raises(UserError, match="shutdown is Terminate: take it out"):
        run(definition=stopped)
    assert not server.changes


def test_an_unknown_field_is_refused_and_a_warning_where_it_is_let_pass(server: Api) -> None:
    odd = manifest(name="w")
    odd["spec"]["ttlSecondsAfterFinished"] = 86400
    with pytest.raises(UserError, match="ttlSecondsAfterFinished of definition is not a field that Argo knows"):
        run(definition=odd)
    assert not server.changes
    module = Module(module_under_test, definition=odd, strict=False)
    assert module_under_test.run(module)["changed"]
    assert [warning for warning in module.warnings if "ttlSecondsAfterFinished" in warning]


def test_the_number_in_an_environment_variable_is_submitted_as_text(server: Api) -> None:
    numbered = manifest(name="w")
    leaf = {"name": "leaf", "container": {"image": "busybox", "env": [{"name": "EPOCHS", "value": 10}]}}
    numbered["spec"]["templates"].append(leaf)
    run(definition=numbered)
    stored = workflow(server, "w")["spec"]["templates"][-1]
    assert stored["container"]["env"] == [{"name": "EPOCHS", "value": "10"}]


def test_a_value_that_argo_cannot_decode_is_refused_whether_strict_or_not(server: Api) -> None:
    wrong = manifest(name="w")
    wrong["spec"]["suspend"] = "no"
    for strict in (True, False):
        with pytest.raises(UserError, match="suspend of definition is a string, and true or false is expected"):
            run(definition=wrong, strict=strict)
    assert not server.changes


def test_run_id_and_a_time_to_live_are_warned_of(server: Api) -> None:
    short = manifest()
    short["spec"]["ttlStrategy"] = {"secondsAfterCompletion": 600}
    module = Module(module_under_test, definition=short, run_id="7")
    module_under_test.run(module)
    assert any("after its ttlStrategy the same run_id runs it again" in warning for warning in module.warnings)


def test_a_manifest_that_is_suspended_by_its_author_stays_so(server: Api) -> None:
    suspended = manifest(name="w")
    suspended["spec"]["suspend"] = True
    run(definition=suspended, config_maps=CONFIG_MAPS)
    assert workflow(server, "w")["spec"]["suspend"] is True
    assert not run(definition=suspended, config_maps=CONFIG_MAPS)["changed"]


def running(server: Api, name: str = "w", **status: Any) -> None:
    run(definition=manifest(name=name))
    workflow(server, name)["status"] = {"phase": "Running", **status}
    server.requests.clear()


@pytest.mark.parametrize(("state", "strategy"), [("stopped", "Stop"), ("terminated", "Terminate")])
def test_a_running_workflow_is_ended_once(server: Api, state: str, strategy: str) -> None:
    running(server)
    assert run(name="w", state=state)["changed"]
    assert workflow(server, "w")["spec"]["shutdown"] == strategy
    assert not run(name="w", state=state)["changed"]
    assert len(server.changes) == 1


@pytest.mark.parametrize("state", ["stopped", "terminated", "resumed"])
def test_an_ended_workflow_is_not_touched(server: Api, state: str) -> None:
    running(server, phase="Failed")
    result = run(name="w", state=state)
    assert (result["changed"], result["phase"]) == (False, "Failed")
    assert server.changes == []


def test_an_ended_workflow_cannot_be_suspended(server: Api) -> None:
    running(server, phase="Failed")
    with pytest.raises(UserError, match="the Workflow w cannot be suspended: it has ended as Failed"):
        run(name="w", state="suspended")


def test_a_workflow_is_suspended_and_resumed(server: Api) -> None:
    running(server)
    assert run(name="w", state="suspended")["changed"]
    assert not run(name="w", state="suspended")["changed"]
    assert run(name="w", state="resumed")["changed"]
    assert "suspend" not in workflow(server, "w")["spec"]
    assert not run(name="w", state="resumed")["changed"]


def suspended(*outputs: Json) -> Json:
    node = {"id": "w-1", "displayName": "approve", "type": "Suspend", "phase": "Running"}
    return {"w-1": {**node, "outputs": {"parameters": list(outputs)}} if outputs else node}


def test_resuming_ends_a_waiting_suspend_step_with_its_defaults_in_spite_of_conflicts(server: Api) -> None:
    supplied = {"name": "answer", "valueFrom": {"supplied": {}, "default": "yes"}}
    running(server, nodes=suspended(supplied))
    conflicts = [(409, {"reason": "Conflict"}), (409, {"reason": "Conflict"})]

    def put(asked: Asked) -> Answer:
        if conflicts:
            return conflicts.pop()
        server.objects[asked.path] = asked.body
        return 200, asked.body

    server.answers[f"PUT {HOME}/w"] = put
    assert run(name="w", state="resumed")["changed"]
    node = workflow(server, "w")["status"]["nodes"]["w-1"]
    assert node["phase"] == "Succeeded"
    assert node["finishedAt"]
    assert node["outputs"]["parameters"] == [{"name": "answer", "value": "yes"}]
    assert len(server.changes) == 3


def test_a_suspend_step_that_waits_for_an_answer_is_not_resumed_without_one(server: Api) -> None:
    running(server, nodes=suspended({"name": "answer", "valueFrom": {"supplied": {}}}))
    with pytest.raises(UserError, match="approve cannot be resumed: its output answer was not supplied"):
        run(name="w", state="resumed")


def test_check_mode_steers_nothing(server: Api) -> None:
    running(server, nodes=suspended())
    for state in ("stopped", "terminated", "suspended", "resumed", "absent"):
        assert run(check_mode=True, name="w", state=state)["changed"], state
    assert server.changes == []


def test_a_workflow_is_deleted_once(server: Api) -> None:
    running(server)
    uid = workflow(server, "w")["metadata"]["uid"]
    assert run(name="w", state="absent")["changed"]
    assert not run(name="w", state="absent")["changed"]
    assert changes(server) == [("DELETE", {"propagationPolicy": "Background", "preconditions": {"uid": uid}})]
    assert run(run_id="gone", state="absent")["name"] == ""


def test_a_workflow_is_found_by_its_run_id_or_its_file(server: Api) -> None:
    name = run(definition=manifest(), run_id="7")["name"]
    assert run(run_id="7", state="stopped")["name"] == name
    running(server)
    assert run(definition=manifest(name="w"), state="absent")["name"] == "w"


def test_a_workflow_that_does_not_exist_cannot_be_steered(server: Api) -> None:
    with pytest.raises(UserError, match="there is no Workflow w in argo that could be stopped"):
        run(name="w", state="stopped")
    with pytest.raises(UserError, match="state: stopped needs the Workflow's name or run_id"):
        run(state="stopped")


def test_preflight_warns_or_refuses(server: Api) -> None:
    module = Module(module_under_test, definition=manifest(name="w"), preflight="warn")
    result = module_under_test.run(module)
    assert result["findings"] == module.warnings
    assert "there is no service account workflow in argo" in result["findings"]
    with pytest.raises(UserError, match=r"nothing was submitted: .*no service account workflow"):
        run(definition=manifest(name="v"), preflight="fail")
    assert len(server.objects) == 1


def test_a_quota_that_is_used_up_now_stops_nobody(server: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submission, "findings", lambda *_look: [Finding(False, "no room now")])
    module = Module(module_under_test, definition=manifest(name="w"), preflight="fail")
    assert module_under_test.run(module)["changed"]
    assert module.warnings == ["no room now"]


def test_a_definition_may_be_text_or_a_dictionary(server: Api) -> None:
    assert run(definition=json.dumps(manifest(name="w")))["name"] == "w"
    assert workflow(server, "w")


# --- with a lease ---


JOBS = "/apis/batch/v1/namespaces/argo/jobs"


def leases(server: Api) -> list[str]:
    """The uids of the Jobs that were created, in their order."""
    return [item["metadata"]["uid"] for path, item in server.objects.items() if path.startswith(JOBS)]


def owners(server: Api, name: str) -> list[str]:
    return [owner["uid"] for owner in workflow(server, name)["metadata"].get("ownerReferences", ())]


def test_a_workflow_with_a_lease_has_it_from_its_first_moment_on(server: Api) -> None:
    run(definition=manifest(), name="w", lease_seconds=60)
    [(_method, job), (_create, created)] = changes(server)
    assert job["spec"]["activeDeadlineSeconds"] == 60
    assert [owner["uid"] for owner in created["metadata"]["ownerReferences"]] == leases(server)


def test_a_lease_is_no_part_of_the_manifest(server: Api) -> None:
    run(definition=manifest(), run_id="7", lease_seconds=60)
    assert run(definition=manifest(), run_id="7")["changed"] is False


def test_a_run_that_is_found_again_and_goes_on_lives_long_enough_to_be_waited_for(server: Api) -> None:
    first = run(definition=manifest(), run_id="7", lease_seconds=60)
    again = run(definition=manifest(), run_id="7", lease_seconds=60)
    assert again["changed"] is False
    assert owners(server, first["name"]) == leases(server) and len(leases(server)) == 2


@pytest.mark.parametrize("status", [{"phase": "Succeeded"}, {"phase": "Failed"}])
def test_a_run_that_is_found_again_and_has_ended_stays(status: Json, server: Api) -> None:
    name = run(definition=manifest(), run_id="7", lease_seconds=60)["name"]
    workflow(server, name)["status"] = status
    run(definition=manifest(), run_id="7", lease_seconds=60)
    assert owners(server, name) == [] and len(leases(server)) == 1


def test_of_two_tasks_that_submit_a_run_at_the_same_moment_the_slower_one_joins_it(server: Api) -> None:
    name = run(definition=manifest(), run_id="7", lease_seconds=60)["name"]
    server.answers[f"GET {HOME}"] = (200, {"metadata": {}, "items": []})
    again = run(definition=manifest(), run_id="7", lease_seconds=60)
    assert (again["name"], again["changed"]) == (name, False)
    workflows = [path for path in server.objects if path.startswith(HOME)]
    assert workflows == [f"{HOME}/{name}"] and owners(server, name) == leases(server)[::2]


def test_without_the_rights_for_a_lease_nothing_is_submitted(server: Api) -> None:
    server.answers[f"POST {JOBS}"] = (403, {"reason": "Forbidden", "message": "jobs is forbidden"})
    with pytest.raises(ApiError, match=r"jobs is forbidden; a lease takes the rights to create, patch and delete jobs"):
        run(definition=manifest(), name="w", lease_seconds=60)
    assert f"{HOME}/w" not in server.objects


def test_a_lease_that_is_too_short_is_refused(server: Api) -> None:
    with pytest.raises(UserError, match=r"^lease_seconds is 5: give it at least 15, or 0 for no lease$"):
        run(definition=manifest(), name="w", lease_seconds=5)
    assert server.requests == []


def test_check_mode_takes_no_lease(server: Api) -> None:
    run(check_mode=True, definition=manifest(), name="w", lease_seconds=60)
    assert changes(server) == []


def test_a_run_whose_lease_runs_out_at_the_moment_it_is_found_begins_anew(server: Api) -> None:
    first = run(definition=manifest(), run_id="7", lease_seconds=60)
    place = f"{HOME}/{first['name']}"

    def going(asked: Asked) -> Answer:
        """What is read of it to be adopted: the cluster has begun to delete it."""
        del server.answers[f"GET {place}"]
        server.clock.at(server.clock.now, lambda: server.objects.pop(place))
        metadata = {**server.objects[place]["metadata"], "deletionTimestamp": "2026-11-22T12:00:00Z"}
        return 200, {"metadata": metadata}

    server.answers[f"GET {place}"] = going
    again = run(definition=manifest(), run_id="7", lease_seconds=60)
    assert again["changed"] and owners(server, again["name"]) == leases(server)[-1:]
