# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module argo_plan, from its options to its result."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._module import UserError
from ansible_collections.argo.workflows.plugins.modules import argo_plan
from ansible_collections.argo.workflows.tests.support.installation import OURS, WANTED, FakeCluster, installed
from ansible_collections.argo.workflows.tests.support.module import Module


def run(monkeypatch: pytest.MonkeyPatch, cluster: FakeCluster, **params: Any) -> tuple[dict[str, Any], list[str]]:
    """The result and the warnings."""
    monkeypatch.setattr(argo_plan.Cluster, "from_params", lambda _params: cluster)
    given = {"kubeconfig": "/k", "context": None, "objects": WANTED, **params}
    module = Module(argo_plan, **given)
    module._diff = False
    return argo_plan.run(module), module.warnings


def test_the_result_has_what_the_role_acts_on(monkeypatch: pytest.MonkeyPatch) -> None:
    found, warnings = run(monkeypatch, FakeCluster({}))
    assert found["changes"] and not found["changed"] and not found["check_mode"] and found["wait"]
    assert [step["verb"] for step in found["steps"]] == ["apply"]
    assert found["ui_command"].endswith("-e argo_namespace=argo -e argo_kubeconfig=/k")
    assert warnings == []


def test_it_fails_with_everything_that_stands_in_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = installed(managedFields=[{"manager": "helm"}])
    with pytest.raises(UserError) as failed:
        run(monkeypatch, FakeCluster(theirs, rules=[], allowed=False), context="prod")
    assert str(failed.value).startswith("somebody lacks these rights (/k, context prod): ")
    assert "argo_tenants=true" in str(failed.value)
    assert "This role did not make: Deployment argo/workflow-controller (made by helm)." in str(failed.value)


@pytest.mark.parametrize(("image", "warned"), [("x/workflow-controller:v4.1.2", False), ("x/newer:v5", True)])
def test_it_warns_of_workflows_that_run_while_the_controller_is_replaced(
    monkeypatch: pytest.MonkeyPatch, image: str, warned: bool
) -> None:
    controller = {
        **WANTED[-1],
        "spec": {"template": {"spec": {"containers": [{"image": image}]}}},
    }
    _found, warnings = run(monkeypatch, FakeCluster(installed(**OURS)), objects=[*WANTED[:-1], controller])
    said = (
        "1 workflow is running in argo. Pods keep running while the controller x/workflow-controller:v4.1.2 is replaced"
    )
    assert [warning.startswith(said) for warning in warnings] == ([True] if warned else [])
