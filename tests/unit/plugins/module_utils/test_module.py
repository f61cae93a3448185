# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every module: no request is made with a name that Kubernetes allows to no object."""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._argo.times import stamp
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.cluster import Cluster
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError, unless_refused
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.login import Login
from ansible_collections.argo.workflows.plugins.module_utils._module import UserError, abandoned
from ansible_collections.argo.workflows.plugins.modules import (
    argo_status,
    argo_token,
    argo_ui,
    workflow,
    workflow_info,
    workflow_logs,
    workflow_wait,
)
from ansible_collections.argo.workflows.tests.support.api import Api, Asked

ELSEWHERE = "b/../../../team-b/workflows/y"
"""A name that would lead out of its namespace: urllib3 folds what leads up."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Asked]:
    """The requests that reach an API server, however a module connects to it."""
    server = Api()
    monkeypatch.setattr(Login, "transport", lambda _self: server)
    return server.requests


@pytest.mark.parametrize("state", ["absent", "suspended", "resumed", "stopped", "terminated"])
def test_a_name_that_leads_to_another_namespace_changes_nothing_there(
    state: str, asked: list[Asked], run_module: Callable[..., dict[str, Any]]
) -> None:
    result = run_module(workflow, name=ELSEWHERE, namespace="team-a", state=state, host="https://k8s:6443")
    assert asked == []
    assert result["failed"] and result["msg"].startswith(f"name: {ELSEWHERE!r} is not a name: ")


@pytest.mark.parametrize("metadata", [{"name": ELSEWHERE}, {"name": "x", "namespace": "a/../team-b"}])
@pytest.mark.parametrize("state", ["present", "absent", "stopped"])
def test_a_manifest_that_leads_to_another_namespace_changes_nothing_there(
    state: str, metadata: dict[str, str], asked: list[Asked], run_module: Callable[..., dict[str, Any]]
) -> None:
    definition = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": metadata,
        "spec": {"entrypoint": "main", "templates": [{"name": "main", "container": {"image": "a"}}]},
    }
    result = run_module(workflow, definition=definition, state=state, preflight="skip", host="https://k8s:6443")
    assert asked == []
    assert result["failed"] and "this is a bug" not in result["msg"]


@pytest.mark.parametrize(
    ("plugin", "options"),
    [
        (workflow, {"state": "absent", "name": "x"}),
        (workflow_info, {"name": "x"}),
        (workflow_logs, {"name": "x"}),
        (workflow_wait, {"name": ["x"]}),
        (argo_token, {"dest": "/nowhere/token"}),
        (argo_ui, {}),
        (argo_status, {}),
    ],
)
def test_a_namespace_that_leads_elsewhere_is_never_asked_about(
    plugin: Any, options: dict[str, Any], asked: list[Asked], run_module: Callable[..., dict[str, Any]]
) -> None:
    result = run_module(plugin, namespace="a/../b", host="https://k8s:6443", **options)
    assert asked == []
    assert result["msg"].startswith("namespace: 'a/../b' is not the name of a namespace: ")


def test_one_bad_name_of_several_is_named(asked: list[Asked], run_module: Callable[..., dict[str, Any]]) -> None:
    result = run_module(workflow_wait, name=["good", "Bad"], host="https://k8s:6443")
    assert asked == []
    assert result["msg"].startswith("name: 'Bad' is not a name: ")


@pytest.mark.parametrize("error", [UserError, ApiError])
def test_a_failure_shows_a_terminal_nothing_that_it_would_obey(
    error: type[Exception], api: Api, run_module: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_params: Any) -> Any:
        raise error("main: \x1b]0;PWNED\x07\x1b[2Jwords")

    monkeypatch.setattr(Cluster, "from_params", fail)
    assert run_module(workflow_info, name="x")["msg"] == "main: words"


def test_what_another_package_says_in_an_error_that_nobody_foresaw_is_not_shown(
    run_module: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Cluster, "from_params", lambda _params: json.loads("S3CRET"))
    result = run_module(workflow_info, name="x")
    assert result["msg"].startswith("JSONDecodeError, at line ") and "this is a bug of the module" in result["msg"]


def test_a_module_is_abandoned_when_nobody_reads_its_output() -> None:
    kept = os.dup(1)
    reader, writer = os.pipe()
    try:
        os.dup2(writer, 1)
        read_by_somebody = not abandoned()
        os.close(reader)
        read_by_nobody = abandoned()
    finally:
        os.dup2(kept, 1)
        os.close(writer)
        os.close(kept)
    assert read_by_somebody and read_by_nobody


def test_only_a_refusal_is_passed_over() -> None:
    with unless_refused():
        raise ApiError("GET /x: 403 Forbidden", 403)
    with pytest.raises(ApiError, match="404"), unless_refused():
        raise ApiError("GET /x: 404 NotFound", 404)


def test_a_stamp_is_in_utc_and_whole_seconds() -> None:
    zone = datetime.timezone(datetime.timedelta(hours=2))
    assert stamp(datetime.datetime(2026, 11, 22, 17, 45, 0, 999999, zone)) == "2026-11-22T15:45:00Z"
