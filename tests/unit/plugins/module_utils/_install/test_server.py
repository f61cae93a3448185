# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an installation serves, now and after a while."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
import urllib3

from ansible_collections.argo.workflows.plugins.module_utils._install.ending import culprit_for, named
from ansible_collections.argo.workflows.plugins.module_utils._install.objects import Place
from ansible_collections.argo.workflows.plugins.module_utils._install.readiness import Verdict
from ansible_collections.argo.workflows.plugins.module_utils._install.server import Server, wait
from ansible_collections.argo.workflows.plugins.module_utils._install.status import deployments_of, verdict_on
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import path
from ansible_collections.argo.workflows.plugins.module_utils._module import UserError
from ansible_collections.argo.workflows.tests.support.api import Asked, Response
from ansible_collections.argo.workflows.tests.support.installation import (
    HERE,
    SERVICE,
    FakeCluster,
    deployment,
    installed,
    pod,
)


def state(cluster: FakeCluster, place: Place = HERE) -> Verdict:
    return verdict_on(cluster, place, deployments_of(cluster, place))


def test_the_server_is_asked_with_a_token_of_its_own_account_in_a_cookie() -> None:
    cluster = FakeCluster(installed())
    assert state(cluster).ready
    assert cluster.created == ["/api/v1/namespaces/argo/serviceaccounts/argo-server/token"]
    assert cluster.cookies == {"authorization=Bearer secret"}


def test_a_server_that_refuses_is_not_ready() -> None:
    objects = installed() | {SERVICE: ApiError("GET …: 503 no endpoints", 503)}
    found = state(FakeCluster(objects))
    assert not found.ready and "503 no endpoints" in found.why


def test_a_controller_of_an_instance_has_a_lease_of_its_own() -> None:
    assert Place("argo", "argo", "blue").lease.name == "workflow-controller-blue"
    found = state(FakeCluster(installed()), Place("argo", "argo", "blue"))
    assert "nobody holds it" in found.why


def watched(deployments: list[dict[str, Any]], pods: list[dict[str, Any]], **objects: Any) -> FakeCluster:
    lists = {path("Deployment", "argo"): deployments, path("Pod", "argo"): pods}
    cluster = FakeCluster(installed() | {listed: {"items": []} for listed in lists} | objects)
    cluster.api.events = {listed: [("MODIFIED", item) for item in items] for listed, items in lists.items()}
    return cluster


def test_the_wait_ends_when_everything_serves() -> None:
    deployments = [
        deployment("workflow-controller", available=0),
        deployment("argo-server"),
        deployment("workflow-controller"),
    ]
    cluster = watched(deployments, [pod("workflow-controller-1"), pod("argo-server-1")])
    found = wait(cluster, HERE, timeout=10, settle=0)
    assert set(found) == {"workflow-controller", "argo-server"}


def test_the_wait_gives_up_at_once_with_the_pods_state_log_and_events() -> None:
    waiting = {"reason": "ImagePullBackOff", "message": "no such image"}
    broken = pod(
        "workflow-controller-1",
        containerStatuses=[{"name": "workflow-controller", "state": {"waiting": waiting}, "restartCount": 0}],
    )
    event = {"reason": "Failed", "message": "pull access denied", "lastTimestamp": "2026-01-01T00:00:01Z"}
    cluster = watched(
        [deployment("workflow-controller", available=0), deployment("argo-server")],
        [broken],
        **{"/api/v1/namespaces/argo/events": {"items": [event]}},
    )
    with pytest.raises(UserError) as failed:
        wait(cluster, HERE, timeout=10, settle=0)
    for part in ("ImagePullBackOff: no such image", "first line\nlast line", "Failed: pull access denied"):
        assert part in str(failed.value)


PANIC = (
    'panic: unable to calculate an index entry for key "argo/bad" on index "bySemaphoreConfigMap": json: cannot '
    "unmarshal number into Go struct field EnvVar.value of type string"
)
LOG = f"started\n{PANIC}\n\ngoroutine 1 [running]:\n" + "main.go:12\n" * 300
LOST = "unable to retrieve container logs for containerd://0123abcd"
BAD = path("Workflow", "argo", "bad")


def crashing(restarts: int = 3, **objects: Any) -> FakeCluster:
    """An installation whose controller keeps ending."""
    status = {"name": "workflow-controller", "restartCount": restarts, "state": {"terminated": {"exitCode": 2}}}
    ended = pod("workflow-controller-1", containerStatuses=[status])
    deployments = [deployment("workflow-controller", available=0), deployment("argo-server")]
    cluster = watched(deployments, [ended], **{BAD: {"metadata": {"name": "bad"}}} | objects)
    cluster.api.container_logs = [LOG.encode(), LOG.encode()]
    return cluster


@pytest.mark.parametrize("previous", [LOG, LOST], ids=["its log is there", "the kubelet has lost the earlier log"])
def test_the_wait_names_the_workflow_that_ends_the_controller_and_what_to_do(previous: str) -> None:
    cluster = crashing()
    cluster.api.container_logs[True] = previous.encode()
    with pytest.raises(UserError) as failed:
        wait(cluster, HERE, timeout=1, settle=0)
    for part in ("the Workflow argo/bad ends the controller (panic:", "kubectl -n argo delete workflow bad", PANIC):
        assert part in str(failed.value)
    assert LOST not in str(failed.value) and "goroutine" not in str(failed.value)
    assert failed.value.result["ended_by"] == "argo/bad"


def test_the_kubelets_complaint_is_not_taken_for_a_log() -> None:
    cluster = crashing()
    cluster.api.container_logs = [LOST.encode()] * 2
    with pytest.raises(UserError) as failed:
        wait(cluster, HERE, timeout=1, settle=0)
    assert "containerd://" not in str(failed.value) and "its log" not in str(failed.value)


def test_a_workflow_that_has_been_deleted_is_not_named() -> None:
    cluster = crashing()
    del cluster.api.found[BAD]
    with pytest.raises(UserError) as failed:
        wait(cluster, HERE, timeout=1, settle=0)
    assert "argo/bad ends" not in str(failed.value) and failed.value.result["ended_by"] == ""


def test_a_workflow_that_may_not_be_read_is_named() -> None:
    cluster = crashing()
    cluster.api.found[BAD] = ApiError("403", 403, "Forbidden")
    pods = [pod("workflow-controller-1", containerStatuses=[{"name": "workflow-controller", "restartCount": 1}])]
    assert named(culprit_for(cluster, "argo", pods)) == "argo/bad"


def test_no_log_is_read_of_a_controller_that_has_never_ended() -> None:
    cluster = crashing()
    assert culprit_for(cluster, "argo", [pod("workflow-controller-1", containerStatuses=[{"restartCount": 0}])]) is None
    assert not any(read.endswith("/log") for read in cluster.read)


def test_the_wait_ends_after_its_time_with_what_was_missing() -> None:
    cluster = watched([deployment("workflow-controller", available=0), deployment("argo-server")], [])
    with pytest.raises(UserError, match=r"after [0-9]+ s: the Deployment workflow-controller has no pod yet"):
        wait(cluster, HERE, timeout=1, settle=0)


SERVES = [deployment("workflow-controller"), deployment("argo-server")]
PODS = [pod("workflow-controller-1"), pod("argo-server-1")]


def test_the_wait_ends_after_its_time_although_it_is_ready_if_that_is_not_long_enough_ago() -> None:
    with pytest.raises(UserError, match="it is, but has not stayed so for 5 s yet") as failed:
        wait(watched(SERVES, PODS), HERE, timeout=1, settle=5)
    assert failed.value.result["reason"]


def test_one_token_serves_a_whole_wait() -> None:
    cluster = watched(SERVES, PODS)
    wait(cluster, HERE, timeout=10, settle=1)
    assert cluster.read.count(SERVICE) > 1
    assert len(cluster.created) == 1


def test_a_token_that_has_ended_is_replaced() -> None:
    cluster = FakeCluster(installed() | {SERVICE: ApiError("GET …: 401", 401, "Unauthorized")})
    server = Server(cluster, HERE)
    assert not server.answers(SERVES[1]).ready
    cluster.api.found[SERVICE] = {"items": None}
    assert server.answers(SERVES[1]).ready
    assert len(cluster.created) == 2


@pytest.mark.parametrize("silent", ["/apis/coordination.k8s.io/v1/namespaces/argo/leases/workflow-controller", SERVICE])
def test_the_wait_ends_in_time_though_the_api_server_does_not_answer_any_more(silent: str) -> None:
    cluster = watched(SERVES, PODS)
    answer = cluster.api.answer

    def hangs(asked: Asked) -> Response:
        """As a connection that is silent: it costs as long as its read time-out is."""
        if asked.path not in (silent, path("Event", "argo")):
            return answer(asked)
        time.sleep(asked.read_timeout)
        cluster.api.clock.sleep(asked.read_timeout)
        raise urllib3.exceptions.ReadTimeoutError(None, silent, "silent")

    cluster.api.answer = hangs  # type: ignore[method-assign]
    began = time.monotonic()
    with pytest.raises(UserError, match="Argo is not ready in namespace argo after") as failed:
        wait(cluster, HERE, timeout=1, settle=0)
    assert time.monotonic() - began < 4
    assert "cannot be read" in str(failed.value) or "does not answer" in str(failed.value)


def test_a_watch_that_meets_something_unexpected_does_not_end_in_silence() -> None:
    class Odd(FakeCluster):
        def events(self, path: str, **_query: Any) -> Iterator[tuple[str, dict[str, Any]]]:
            raise KeyError("uid")

    with pytest.raises(KeyError, match="uid"):
        wait(Odd({}), HERE, timeout=10, settle=0)


def test_a_right_that_is_missing_while_waiting_is_an_error() -> None:
    class Refusing(FakeCluster):
        def events(self, path: str, **_query: Any) -> Iterator[tuple[str, dict[str, Any]]]:
            raise ApiError(f"GET {path}: 403 Forbidden", 403, "Forbidden")

    with pytest.raises(ApiError, match="403"):
        wait(Refusing({}), HERE, timeout=10, settle=0)
