# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module workflow against an API server in memory: submitted once, found again, steered, and never half done."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import INSTANCE_ID_LABEL
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.cluster import Cluster
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError
from ansible_collections.argo.workflows.plugins.module_utils._module import UserError
from ansible_collections.argo.workflows.plugins.module_utils._submit import submission
from ansible_collections.argo.workflows.plugins.module_utils._submit.checks import Finding
from ansible_collections.argo.workflows.plugins.modules import workflow as module_under_test
from ansible_collections.argo.workflows.tests.support import recordings

Json = dict[str, Any]


class ApiServer:
    """Objects by path; keeps the requests that would change something."""

    def __init__(self, *namespaces: str) -> None:
        self.namespaces = namespaces or ("argo",)
        self.objects: dict[str, Json] = {}
        self.requests: list[tuple[str, str, Any]] = []
        self.refuse_config_maps = False
        self.conflicts = 0
        self.reads: list[str] = []

    def get(self, path: str, **_query: Any) -> Json:
        self.reads.append(path)
        if path not in self.objects:
            raise ApiError(f"GET {path}: 404 NotFound", 404)
        return copy.deepcopy(self.objects[path])

    def find(self, path: str, **_query: Any) -> Json | None:
        return self.get(path) if path in self.objects else None

    def list(self, path: str, **query: Any) -> Iterator[Json]:
        label, _equals, value = query.get("labelSelector", "").partition("=")
        for place, found in list(self.objects.items()):
            if place.startswith(path + "/") and found["metadata"].get("labels", {}).get(label) == value:
                yield copy.deepcopy(found)

    def create(self, path: str, body: Json, **query: Any) -> Json:
        place = f"{path}/{body['metadata']['name']}"
        if path.split("/namespaces/")[1].split("/")[0] not in self.namespaces:
            raise ApiError(f"POST {path}: 404 NotFound", 404)
        if query.get("dryRun"):
            return body
        self.requests.append(("POST", place, body))
        if self.refuse_config_maps and body.get("kind") == "ConfigMap":
            raise ApiError(f"POST {path}: 403 Forbidden: exceeded quota", 403)
        if place in self.objects:
            raise ApiError(f"POST {path}: 409 AlreadyExists", 409)
        stored = copy.deepcopy(body)
        stored["metadata"] |= {"uid": f"uid-{len(self.objects)}", "creationTimestamp": "2026-11-22T12:00:00Z"}
        self.objects[place] = stored
        return copy.deepcopy(stored)

    def patch(self, path: str, body: Json, **_query: Any) -> Json:
        self.requests.append(("PATCH", path, body))
        self.objects[path] = merge(self.objects[path], body)
        return copy.deepcopy(self.objects[path])

    def replace(self, path: str, body: Json, **_query: Any) -> Json:
        self.requests.append(("PUT", path, body))
        if self.conflicts:
            self.conflicts -= 1
            raise ApiError(f"PUT {path}: 409 Conflict", 409)
        self.objects[path] = copy.deepcopy(body)
        return body

    def delete(self, path: str, body: Json | None = None) -> Json:
        self.requests.append(("DELETE", path, body))
        return self.objects.pop(path)

    def workflow(self, name: str) -> Json:
        return self.objects[f"/apis/argoproj.io/v1alpha1/namespaces/argo/workflows/{name}"]


def merge(there: Any, change: Any) -> Any:
    """A JSON merge patch (RFC 7386)."""
    if not isinstance(change, dict):
        return change
    result = dict(there) if isinstance(there, dict) else {}
    for key, value in change.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


class Module:
    """As much of AnsibleModule as the module uses."""

    def __init__(self, check_mode: bool = False, **params: Any) -> None:
        spec: Json = module_under_test.ARGUMENT_SPEC
        defaults = {name: option.get("default") for name, option in spec.items()}
        self.params = defaults | params
        self.check_mode = check_mode
        self._diff = True
        self.warnings: list[str] = []

    def warn(self, warning: str) -> None:
        self.warnings.append(warning)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> ApiServer:
    server = ApiServer()
    monkeypatch.setattr(Cluster, "from_params", lambda _params: server)
    return server


def run(check_mode: bool = False, **params: Any) -> Json:
    return module_under_test.run(Module(check_mode, **params))


def manifest(**metadata: Any) -> Json:
    """The recorded fan-out as its user wrote it."""
    recorded = recordings.workflow("fanout-ok")
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": metadata,
        "spec": copy.deepcopy(recorded["spec"]),
    }


def test_a_workflow_is_submitted_under_a_name_of_its_own(server: ApiServer) -> None:
    first = run(definition=manifest(generateName="say-"), parameters={"items": ["a"]})
    second = run(definition=manifest(generateName="say-"), parameters={"items": ["a"]})
    assert first["changed"]
    assert first["name"].startswith("say-")
    assert first["name"] != second["name"]
    assert first["phase"] == "Pending"
    stored = server.workflow(first["name"])
    assert stored["metadata"]["uid"] == first["uid"]
    assert stored["spec"]["arguments"]["parameters"] == [{"name": "items", "value": '["a"]'}]


def test_a_name_that_was_made_up_is_not_looked_for(server: ApiServer) -> None:
    run(definition=manifest(generateName="say-"))
    assert server.reads == []


def test_a_label_is_a_text(server: ApiServer) -> None:
    run(definition=manifest(name="w", labels={"build": 7}))
    assert server.workflow("w")["metadata"]["labels"] == {"build": "7"}


def test_the_instance_id_and_labels_are_the_workflows(server: ApiServer) -> None:
    run(definition=manifest(name="w", labels={"a": "b"}), instance_id="mine", labels={"n": 7})
    assert server.workflow("w")["metadata"]["labels"] == {"a": "b", "n": "7", INSTANCE_ID_LABEL: "mine"}


def test_the_namespace_is_the_options_then_the_manifests_then_argo(server: ApiServer) -> None:
    server.namespaces = ("argo", "mine", "theirs")
    assert run(definition=manifest(name="w", namespace="theirs"), namespace="mine")["namespace"] == "mine"
    assert run(definition=manifest(name="w", namespace="theirs"))["namespace"] == "theirs"
    assert run(definition=manifest(name="w"))["namespace"] == "argo"


@pytest.mark.parametrize("options", [{"name": "w"}, {"run_id": "build 7", "generate_name": "w-"}])
def test_the_same_run_is_found_again_and_not_submitted_twice(server: ApiServer, options: Json) -> None:
    first = run(definition=manifest(), **options)
    again = run(definition=manifest(), **options)
    assert (first["changed"], again["changed"]) == (True, False)
    assert again["name"] == first["name"]
    assert again["diff"]["before"] == again["diff"]["after"]
    assert len(server.requests) == 1


@pytest.mark.parametrize("options", [{"name": "w"}, {"run_id": "build 7"}])
def test_another_manifest_for_the_same_run_is_refused_with_the_difference(server: ApiServer, options: Json) -> None:
    run(definition=manifest(), **options)
    with pytest.raises(UserError, match=r"with another manifest.*arguments.parameters\[0\].value is .*Awesome.*Other"):
        run(definition=manifest(), parameters={"items": ["Other"]}, **options)
    assert len(server.requests) == 1


def test_a_field_that_was_taken_out_makes_another_manifest(server: ApiServer) -> None:
    before = manifest(name="w")
    before["spec"]["nodeSelector"] = {"a": "b"}
    run(definition=before)
    with pytest.raises(UserError, match="something is no longer asked for"):
        run(definition=manifest(name="w"))


def test_a_workflow_that_somebody_else_made_is_left_alone(server: ApiServer) -> None:
    server.create("/apis/argoproj.io/v1alpha1/namespaces/argo/workflows", manifest(name="w"))
    with pytest.raises(UserError, match="was not submitted by this module"):
        run(definition=manifest(name="w"))


def test_two_tasks_that_submit_the_same_run_at_once_make_one(
    server: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(definition=manifest(), run_id="7")
    monkeypatch.setattr(server, "list", lambda *_path, **_query: iter(()))
    second = run(definition=manifest(), run_id="7")
    assert second["uid"] == first["uid"]
    assert len(server.objects) == 1


def test_check_mode_changes_nothing_and_shows_the_workflow(server: ApiServer) -> None:
    result = run(check_mode=True, definition=manifest(name="w"))
    assert result["changed"]
    assert result["definition"]["metadata"]["name"] == "w"
    assert result["diff"]["before"] == {}
    assert server.requests == []


def test_check_mode_is_right_before_there_is_a_namespace(server: ApiServer) -> None:
    assert run(check_mode=True, definition=manifest(name="w"), namespace="to-come")["changed"]
    with pytest.raises(UserError, match="404 NotFound; role argo creates the namespace"):
        run(definition=manifest(name="w"), namespace="to-come")


CONFIG_MAPS = {"items-0": {"0": "{{x}}"}}


def test_nothing_runs_before_its_config_maps_are_there(server: ApiServer) -> None:
    result = run(definition=manifest(name="w"), config_maps=CONFIG_MAPS)
    assert result["config_maps"] == ["w-items-0"]
    (_post, _path, created), (_post2, _path2, config_map), (_patch, _path3, release) = server.requests
    assert created["spec"]["suspend"] is True
    assert config_map["data"] == {"0": "{{x}}"}
    assert config_map["metadata"]["ownerReferences"][0]["uid"] == result["uid"]
    assert release["spec"] == {"suspend": None}
    assert "suspend" not in server.workflow("w")["spec"]


def test_a_second_task_goes_on_where_the_first_was_interrupted(server: ApiServer) -> None:
    server.refuse_config_maps = True
    with pytest.raises(ApiError, match="exceeded quota"):
        run(definition=manifest(), run_id="7", config_maps=CONFIG_MAPS)
    (workflow,) = server.objects.values()
    assert workflow["spec"]["suspend"] is True
    server.refuse_config_maps = False
    again = run(definition=manifest(), run_id="7", config_maps=CONFIG_MAPS)
    assert again["changed"]
    assert "suspend" not in server.workflow(again["name"])["spec"]
    assert not run(definition=manifest(), run_id="7", config_maps=CONFIG_MAPS)["changed"]


def test_a_manifest_that_is_suspended_by_its_author_stays_so(server: ApiServer) -> None:
    suspended = manifest(name="w")
    suspended["spec"]["suspend"] = True
    run(definition=suspended, config_maps=CONFIG_MAPS)
    assert server.workflow("w")["spec"]["suspend"] is True
    assert not run(definition=suspended, config_maps=CONFIG_MAPS)["changed"]


def running(server: ApiServer, name: str = "w", **status: Any) -> None:
    run(definition=manifest(name=name))
    server.workflow(name)["status"] = {"phase": "Running", **status}
    server.requests.clear()


@pytest.mark.parametrize(("state", "strategy"), [("stopped", "Stop"), ("terminated", "Terminate")])
def test_a_running_workflow_is_ended_once(server: ApiServer, state: str, strategy: str) -> None:
    running(server)
    assert run(name="w", state=state)["changed"]
    assert server.workflow("w")["spec"]["shutdown"] == strategy
    assert not run(name="w", state=state)["changed"]
    assert len(server.requests) == 1


@pytest.mark.parametrize("state", ["stopped", "terminated", "resumed"])
def test_an_ended_workflow_is_not_touched(server: ApiServer, state: str) -> None:
    running(server, phase="Failed")
    result = run(name="w", state=state)
    assert (result["changed"], result["phase"]) == (False, "Failed")
    assert server.requests == []


def test_an_ended_workflow_cannot_be_suspended(server: ApiServer) -> None:
    running(server, phase="Failed")
    with pytest.raises(UserError, match="the Workflow w cannot be suspended: it has ended as Failed"):
        run(name="w", state="suspended")


def test_a_workflow_is_suspended_and_resumed(server: ApiServer) -> None:
    running(server)
    assert run(name="w", state="suspended")["changed"]
    assert not run(name="w", state="suspended")["changed"]
    assert run(name="w", state="resumed")["changed"]
    assert "suspend" not in server.workflow("w")["spec"]
    assert not run(name="w", state="resumed")["changed"]


def suspended(*outputs: Json) -> Json:
    node = {"id": "w-1", "displayName": "approve", "type": "Suspend", "phase": "Running"}
    return {"w-1": {**node, "outputs": {"parameters": list(outputs)}} if outputs else node}


def test_resuming_ends_a_waiting_suspend_step_with_its_defaults_in_spite_of_conflicts(server: ApiServer) -> None:
    supplied = {"name": "answer", "valueFrom": {"supplied": {}, "default": "yes"}}
    running(server, nodes=suspended(supplied))
    server.conflicts = 2
    assert run(name="w", state="resumed")["changed"]
    node = server.workflow("w")["status"]["nodes"]["w-1"]
    assert node["phase"] == "Succeeded"
    assert node["finishedAt"]
    assert node["outputs"]["parameters"] == [{"name": "answer", "value": "yes"}]
    assert len(server.requests) == 3


def test_a_suspend_step_that_waits_for_an_answer_is_not_resumed_without_one(server: ApiServer) -> None:
    running(server, nodes=suspended({"name": "answer", "valueFrom": {"supplied": {}}}))
    with pytest.raises(UserError, match="approve cannot be resumed: its output answer was not supplied"):
        run(name="w", state="resumed")


def test_check_mode_steers_nothing(server: ApiServer) -> None:
    running(server, nodes=suspended())
    for state in ("stopped", "terminated", "suspended", "resumed", "absent"):
        assert run(check_mode=True, name="w", state=state)["changed"], state
    assert server.requests == []


def test_a_workflow_is_deleted_once(server: ApiServer) -> None:
    running(server)
    assert run(name="w", state="absent")["changed"]
    assert not run(name="w", state="absent")["changed"]
    assert server.requests == [("DELETE", server.requests[0][1], {"propagationPolicy": "Background"})]
    assert run(run_id="gone", state="absent")["name"] == ""


def test_a_workflow_is_found_by_its_run_id_or_its_file(server: ApiServer) -> None:
    name = run(definition=manifest(), run_id="7")["name"]
    assert run(run_id="7", state="stopped")["name"] == name
    running(server)
    assert run(definition=manifest(name="w"), state="absent")["name"] == "w"


def test_what_is_not_there_cannot_be_steered(server: ApiServer) -> None:
    with pytest.raises(UserError, match="there is no Workflow w in argo that could be stopped"):
        run(name="w", state="stopped")
    with pytest.raises(UserError, match="state: stopped needs the Workflow's name or run_id"):
        run(state="stopped")


def test_preflight_warns_or_refuses(server: ApiServer) -> None:
    module = Module(definition=manifest(name="w"), preflight="warn")
    result = module_under_test.run(module)
    assert result["findings"] == module.warnings
    assert "there is no service account workflow in argo" in result["findings"]
    with pytest.raises(UserError, match=r"nothing was submitted: .*no service account workflow"):
        run(definition=manifest(name="v"), preflight="fail")
    assert len(server.objects) == 1


def test_a_quota_that_is_used_up_now_stops_nobody(server: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submission, "findings", lambda *_look: [Finding(False, "no room now")])
    module = Module(definition=manifest(name="w"), preflight="fail")
    assert module_under_test.run(module)["changed"]
    assert module.warnings == ["no room now"]


def test_a_text_is_as_good_as_a_dictionary(server: ApiServer) -> None:
    assert run(definition=json.dumps(manifest(name="w")))["name"] == "w"
    assert server.workflow("w")
