# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an installation is and does, as a user asks for it."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._install.live import running_workflows
from ansible_collections.argo.workflows.plugins.module_utils._install.objects import Place, tag_of
from ansible_collections.argo.workflows.plugins.module_utils._install.readiness import READY
from ansible_collections.argo.workflows.plugins.module_utils._install.status import (
    as_result,
    deployments_of,
    find_place,
)
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import path
from ansible_collections.argo.workflows.tests.support.installation import HERE, FakeCluster, installed


def with_arguments(*args: str) -> dict[str, Any]:
    objects = installed()
    objects[path("Deployment", "argo", "workflow-controller")]["spec"]["template"]["spec"]["containers"][0]["args"] = (
        args
    )
    return objects


def test_what_is_not_said_is_read_of_the_installed_controller() -> None:
    objects = with_arguments("--namespaced", "--managed-namespace", "batch")
    objects[path("ConfigMap", "argo", "workflow-controller-configmap")] = {"data": {"config": "instanceID: blue"}}
    assert find_place(FakeCluster(objects), "argo", None, None) == Place("argo", "batch", "blue")


def test_a_configuration_that_cannot_be_read_has_no_instance_id() -> None:
    objects = installed() | {path("ConfigMap", "argo", "workflow-controller-configmap"): {"data": {"config": "a: ["}}}
    assert find_place(FakeCluster(objects), "argo", None, None).instance_id == ""


def test_what_is_said_is_not_asked() -> None:
    cluster = FakeCluster(with_arguments("--managed-namespace", "batch"))
    assert find_place(cluster, "argo", "work", "") == Place("argo", "work", "")
    assert cluster.read == []


def test_what_is_not_there_or_may_not_be_read_is_the_namespace_itself_and_no_instance_id() -> None:
    assert find_place(FakeCluster({}), "argo", None, None) == HERE
    unreadable = [
        path("Deployment", "argo", "workflow-controller"),
        path("ConfigMap", "argo", "workflow-controller-configmap"),
    ]
    forbidden = dict.fromkeys(unreadable, ApiError("403", 403, "Forbidden"))
    assert find_place(FakeCluster(forbidden), "argo", None, None) == HERE


@pytest.mark.parametrize(
    ("image", "tag"),
    [
        ("quay.io/argoproj/workflow-controller:v4.1.2", "v4.1.2"),
        ("localhost:5000/workflow-controller", ""),
        ("localhost:5000/workflow-controller:v4.1.2@sha256:0123", "v4.1.2"),
        ("workflow-controller@sha256:0123", ""),
        ("", ""),
    ],
)
def test_the_version_is_the_tag_of_an_image(image: str, tag: str) -> None:
    assert tag_of(image) == tag


def test_the_result_says_what_a_user_asks() -> None:
    cluster = FakeCluster(installed())
    assert as_result(HERE, deployments_of(cluster, HERE), READY, running_workflows(cluster, HERE.work)) == {
        "changed": False,
        "ready": True,
        "reason": "",
        "version": "v4.1.2",
        "controller_image": "x/workflow-controller:v4.1.2",
        "server_image": "x/argo-server:v4.1.2",
        "server_scheme": "https",
        "server_base_href": "/",
        "managed_namespace": "argo",
        "instance_id": "",
        "running_workflows": 1,
        "ended_by": "",
    }


def test_the_result_has_the_same_keys_where_there_is_nothing() -> None:
    nothing, something = (
        as_result(HERE, deployments_of(FakeCluster(found), HERE), READY, 0) for found in ({}, installed())
    )
    assert nothing.keys() == something.keys()
    assert nothing["version"] == nothing["controller_image"] == nothing["server_scheme"] == ""
