# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.cluster import Cluster
from ansible_collections.argo.workflows.plugins.module_utils._module import UserError
from ansible_collections.argo.workflows.plugins.modules import workflow_info
from ansible_collections.argo.workflows.tests.support import recordings
from ansible_collections.argo.workflows.tests.support.api import Answer, Api, Asked
from ansible_collections.argo.workflows.tests.support.module import Module

OPTIONS = yaml.safe_load(workflow_info.DOCUMENTATION)["options"]


@pytest.fixture
def info(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    def call(api: Api, module: Module) -> dict[str, Any]:
        monkeypatch.setattr(Cluster, "from_params", lambda _params: api.cluster())
        return workflow_info.run(module)

    return call


def module_with(**params: Any) -> Module:
    return Module(workflow_info, **{"namespace": "lab"} | params)


PATH = "/apis/argoproj.io/v1alpha1/namespaces/lab/workflows"


def test_a_workflow_is_returned_with_its_items_and_the_tree_of_argo_get(info: Any) -> None:
    resource = recordings.workflow("fanout-one-fails")
    api = Api(answers={f"{PATH}/fanout-one-fails": (200, resource)})
    result = info(api, module_with(name="fanout-one-fails"))
    workflow = result["workflow"]
    assert result["exists"] is True
    assert (workflow["phase"], workflow["status"], workflow["progress"]) == ("Failed", "Failed", "2/5")
    assert workflow["message"] == "child 'fanout-one-fails-405838795' failed"
    assert (workflow["started_at"], workflow["finished_at"]) == ("2026-11-22T15:45:13Z", "2026-11-22T15:45:43Z")
    assert (workflow["duration"], workflow["gpu_seconds"]) == (30, {"total": 9, "failed": 5})
    assert [(item["index"], item["value"], item["phase"]) for item in workflow["item_results"]] == [
        (0, "good", "Succeeded"),
        (1, "bad", "Failed"),
        (2, "fine", "Succeeded"),
    ]
    item = workflow["item_results"][1]
    assert item["pods"] == [attempt["pod"] for attempt in item["attempts"]]
    printed = (recordings.FOLDER / "fanout-one-fails/argo-get.txt").read_text()
    assert result["tree"] == printed[printed.index("STEP") :]
    assert "resource" not in result
    assert len(api.requests) == 1


def test_the_object_itself_is_returned_when_asked_for(info: Any) -> None:
    resource = recordings.workflow("fanout-ok")
    result = info(
        Api(answers={f"{PATH}/fanout-ok": (200, resource)}), module_with(name="fanout-ok", include_resource=True)
    )
    assert result["resource"] == resource


@pytest.mark.parametrize("name", recordings.NAMES)
def test_the_result_of_workflow_info_is_documented(info: Any, name: str) -> None:
    documented = yaml.safe_load(workflow_info.RETURN)
    result = info(
        Api(answers={f"{PATH}/{name}": (200, recordings.workflow(name))}), module_with(name=name, include_resource=True)
    )

    def check(value: Any, documentation: Any) -> None:
        if isinstance(value, list):
            for element in value:
                check(element, documentation)
        elif isinstance(value, dict) and documentation.get("contains"):
            assert value.keys() == documentation["contains"].keys()
            for key in value:
                check(value[key], documentation["contains"][key])

    for key, value in result.items():
        check(value, documented[key])


def test_a_workflow_that_is_missing_is_no_error(info: Any) -> None:
    missing = {"reason": "NotFound", "message": 'workflows.argoproj.io "gone" not found'}
    result = info(Api(answers={f"{PATH}/gone": (404, missing)}), module_with(name="gone"))
    assert result == {"exists": False, "workflow": {}, "tree": ""}


@pytest.mark.parametrize("name", ["gone", None])
def test_a_cluster_without_argos_crds_is_said_to_be_one(info: Any, name: str | None) -> None:
    api = Api(answers={f"{PATH}/gone": (404, b"404 page not found\n"), PATH: (404, b"404 page not found\n")})
    with pytest.raises(
        UserError, match=r"^the cluster at https://api\.example does not know Workflows: .* not installed"
    ):
        info(api, module_with(name=name))


def test_a_workflow_without_a_status_yet_is_pending(info: Any) -> None:
    resource = {**recordings.workflow("fanout-ok"), "status": {}}
    resource["metadata"] = {**resource["metadata"], "labels": {}}
    result = info(Api(answers={f"{PATH}/fanout-ok": (200, resource)}), module_with(name="fanout-ok"))
    assert (result["workflow"]["phase"], result["workflow"]["item_results"], result["tree"]) == ("Pending", [], "")


def test_offloaded_nodes_are_made_up_for_by_the_pods(info: Any) -> None:
    resource = recordings.workflow("fanout-one-fails")
    status = {**resource["status"], "nodes": None, "offloadNodeStatusVersion": "fnv:1"}
    api = Api(
        answers={
            f"{PATH}/fanout-one-fails": (200, {**resource, "status": status}),
            "/api/v1/namespaces/lab/pods": (200, {"items": recordings.pods("fanout-one-fails"), "metadata": {}}),
        }
    )
    module = module_with(name="fanout-one-fails")
    workflow = info(api, module)["workflow"]
    assert [(item["value"], item["phase"], item["exit_code"]) for item in workflow["item_results"]] == [
        ("good", "Succeeded", 0),
        ("bad", "Failed", 3),
        ("fine", "Succeeded", 0),
    ]
    assert api.requests[1].query["labelSelector"] == "workflows.argoproj.io/workflow=fanout-one-fails"
    assert module.warnings == [
        "the nodes of the Workflow fanout-one-fails are offloaded to the controller's database, where only the Argo "
        "Server can read them; the items are those of the pods that still exist"
    ]


def row(name: str, created: str, phase: str | None, message: str = "") -> dict[str, Any]:
    labels = {"workflows.argoproj.io/phase": phase} if phase else {}
    metadata = {"name": name, "namespace": "lab", "uid": f"uid-{name}", "creationTimestamp": created, "labels": labels}
    return {"cells": [name, phase, "5m", message], "object": {"metadata": metadata}}


def table(*rows: dict[str, Any], more: str = "") -> Answer:
    columns = [{"name": name} for name in ("Name", "Status", "Age", "Message")]
    return 200, {"metadata": {"continue": more}, "columnDefinitions": columns, "rows": list(rows)}


def test_workflows_are_listed_newest_first_without_reading_their_nodes(info: Any) -> None:
    def pages(asked: Asked) -> Answer:
        if "continue" in asked.query:
            return table(row("c", "2026-11-22T15:00:02Z", "Failed", "child failed"))
        return table(row("a", "2026-11-22T15:00:01Z", None), row("b", "2026-11-22T15:00:03Z", "Running"), more="next")

    api = Api(answers={PATH: pages})
    found = info(api, module_with())["workflows"]
    assert [(w["name"], w["phase"], w["message"]) for w in found] == [
        ("b", "Running", ""),
        ("c", "Failed", "child failed"),
        ("a", "Pending", ""),
    ]
    assert found[0] == {
        "name": "b",
        "namespace": "lab",
        "uid": "uid-b",
        "labels": {"workflows.argoproj.io/phase": "Running"},
        "phase": "Running",
        "message": "",
        "created_at": "2026-11-22T15:00:03Z",
    }
    assert [asked.headers["Accept"] for asked in api.requests] == [workflow_info.TABLE] * 2
    assert api.requests[0].query["includeObject"] == "Metadata"
    assert found[0].keys() == yaml.safe_load(workflow_info.RETURN)["workflows"]["contains"].keys()


def test_crds_without_columns_are_listed_too(info: Any) -> None:
    bare = {
        "metadata": {},
        "columnDefinitions": [{"name": "Name"}, {"name": "Age"}],
        "rows": [{**row("a", "2026-11-22T15:00:01Z", "Error"), "cells": ["a", "5m"]}],
    }
    (found,) = info(Api(answers={PATH: (200, bare)}), module_with())["workflows"]
    assert (found["phase"], found["message"]) == ("Error", "")


@pytest.mark.parametrize(
    ("options", "selector"),
    [
        ({}, None),
        ({"label_selectors": ["team=vision", "!draft"]}, "team=vision,!draft"),
        ({"instance_id": "blue"}, "workflows.argoproj.io/controller-instanceid=blue"),
        ({"phases": ["Failed", "Error"]}, "workflows.argoproj.io/phase in (Failed,Error)"),
        ({"phases": ["Pending", "Running"]}, None),
        (
            {"label_selectors": ["a=b"], "instance_id": "blue", "phases": ["Running"]},
            "a=b,workflows.argoproj.io/controller-instanceid=blue,workflows.argoproj.io/phase in (Running)",
        ),
    ],
)
def test_selectors_are_sent_to_the_api_server(info: Any, options: dict[str, Any], selector: str | None) -> None:
    api = Api(answers={PATH: table()})
    info(api, module_with(**options))
    assert api.requests[0].query.get("labelSelector") == selector


def test_workflows_that_nobody_has_seen_are_found_as_pending(info: Any) -> None:
    rows = [row(str(phase), "2026-11-22T15:00:01Z", phase) for phase in (None, "Pending", "Running", "Failed")]
    found = info(Api(answers={PATH: table(*rows)}), module_with(phases=["Pending", "Running"]))["workflows"]
    assert sorted(w["name"] for w in found) == ["None", "Pending", "Running"]


def test_the_documented_options_are_those_the_module_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: dict[str, Any] = {}
    monkeypatch.setattr(workflow_info, "run_module", lambda run, spec, **kwargs: taken.update(spec, **kwargs))
    workflow_info.main()
    assert taken.pop("supports_check_mode") is True
    wanted = ("type", "elements", "choices", "default")
    assert taken == {name: {k: o[k] for k in wanted if k in o} for name, o in OPTIONS.items()}
