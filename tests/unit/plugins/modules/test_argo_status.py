# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module argo_status, from its options to its result."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import path
from ansible_collections.argo.workflows.plugins.modules import argo_status
from ansible_collections.argo.workflows.tests.support.installation import FakeCluster, installed, pod
from ansible_collections.argo.workflows.tests.support.module import Module

UNHEALTHY = (
    b'level=INFO msg=healthz error="workflow exceeds max age and no progress: argo/again" age=5m0s\nlevel=INFO msg=x\n'
)


def run(monkeypatch: pytest.MonkeyPatch, cluster: FakeCluster, **params: Any) -> tuple[dict[str, Any], list[str]]:
    """The result and the warnings."""
    monkeypatch.setattr(argo_status.Cluster, "from_params", lambda _params: cluster)
    module = Module(argo_status, **params)
    return argo_status.run(module), module.warnings


@pytest.mark.parametrize("waits", [False, True])
def test_a_controller_that_is_ready_between_two_ends_is_told_with_the_workflow_that_ends_it(
    monkeypatch: pytest.MonkeyPatch, waits: bool
) -> None:
    controller = pod("workflow-controller-1", containerStatuses=[{"restartCount": 6, "ready": True}])
    pods = {"items": [controller, pod("argo-server-1")]}
    again = {path("Workflow", "argo", "again"): {"metadata": {"name": "again"}}}
    cluster = FakeCluster(installed() | {path("Pod", "argo"): pods} | again)
    cluster.api.container_logs[True] = UNHEALTHY
    cluster.api.events = {
        path("Deployment", "argo"): [("ADDED", item) for item in installed()[path("Deployment", "argo")]["items"]],
        path("Pod", "argo"): [("ADDED", item) for item in pods["items"]],
    }
    found, warnings = run(monkeypatch, cluster, wait=waits, wait_timeout=5)
    assert found["ready"] and found["ended_by"] == "argo/again"
    (warning,) = warnings
    assert warning.startswith("the Workflow argo/again ends the controller") and "delete workflow again" in warning


def test_nothing_is_said_of_a_controller_that_has_never_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    found, warnings = run(monkeypatch, FakeCluster(installed()))
    assert found["ended_by"] == "" and warnings == []


@pytest.mark.parametrize("there", [True, False])
def test_it_is_told_whether_people_have_an_account_and_of_which_cluster(
    monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    account = {path("ServiceAccount", "argo", "argo-client"): {"metadata": {"name": "argo-client"}}}
    found, _warnings = run(monkeypatch, FakeCluster(installed() | (account if there else {})))
    assert (found["client_account"], found["api_server"]) == (there, "https://api.example")
