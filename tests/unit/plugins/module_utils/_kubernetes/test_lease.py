# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lease owns what it is given, counts only lengths of time, and harms nobody else's owners."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.lease import (
    CONFLICTS_SURVIVED,
    PREFIX,
    adopt,
    age_of,
    give_back,
    is_leased,
    is_lost,
    lease_job,
    release,
    renew,
    take,
    why_it_stands_still,
    why_not_a_lease,
    with_owner,
    without_leases,
)
from ansible_collections.argo.workflows.tests.support.api import Api, Asked, refusal
from ansible_collections.argo.workflows.tests.support.clock import Clock

Json = dict[str, Any]
JOBS = "/apis/batch/v1/namespaces/argo/jobs"
PLACE = "/apis/argoproj.io/v1alpha1/namespaces/argo/workflows/w"
OURS = {"apiVersion": "batch/v1", "kind": "Job", "name": f"{PREFIX}1", "uid": "1"}
THEIRS = {"apiVersion": "batch/v1", "kind": "Job", "name": "nightly", "uid": "2"}
CRON = {"apiVersion": "argoproj.io/v1alpha1", "kind": "CronWorkflow", "name": f"{PREFIX}1", "uid": "3"}


@pytest.fixture
def server() -> Api:
    """An API server with a Workflow that a CronWorkflow owns."""
    return Api({PLACE: {"metadata": {"name": "w", "uid": "u", "ownerReferences": [CRON]}}}, clock=Clock())


def job(**status: Any) -> Json:
    return {"metadata": {"name": "lease"}, "spec": {}, "status": status}


def deadlines(server: Api) -> list[int]:
    """The deadlines that the Job was created with, and then given."""
    return [asked.body["spec"]["activeDeadlineSeconds"] for asked in server.changes if asked.path.startswith(JOBS)]


def owners(server: Api) -> list[str]:
    return [owner["uid"] for owner in server.objects[PLACE]["metadata"]["ownerReferences"]]


@pytest.mark.parametrize(("seconds", "good"), [(0, True), (15, True), (86400, True), (14, False), (-1, False)])
def test_a_lease_is_long_enough_to_reach_the_wait_or_none(seconds: int, good: bool) -> None:
    assert (why_not_a_lease(seconds) == "") is good


def test_the_job_of_a_lease_never_has_a_pod_and_is_deleted_at_once_when_its_time_is_over() -> None:
    spec = lease_job("lease", 59.2)["spec"]
    assert spec["parallelism"] == 0
    assert spec["activeDeadlineSeconds"] == 60
    assert spec["ttlSecondsAfterFinished"] == 0


def test_leases_are_told_from_other_owners() -> None:
    assert is_leased([THEIRS, OURS])
    assert not is_leased([THEIRS, CRON]) and not is_leased(None) and not is_leased([])
    assert without_leases([CRON, OURS, THEIRS]) == [CRON, THEIRS]
    assert with_owner([CRON, OURS], OURS) == [CRON, OURS]
    assert with_owner(None, OURS) == [OURS]


def test_a_renewal_gives_the_whole_time_from_now(server: Api) -> None:
    held = take(server.cluster(), "argo", 60)
    for pause in (10.0, 10.5, 30.0):
        server.clock.sleep(pause)
        held = renew(server.cluster(), held)
    assert deadlines(server) == [60, 70, 81, 111]


def test_the_age_of_a_lease_is_what_the_clusters_own_times_say() -> None:
    changed = [
        {"manager": "argo.workflows", "time": "2026-11-27T12:00:42Z"},
        {"manager": "kube-controller-manager", "time": "2026-11-27T13:00:00Z"},
    ]
    young = job(startTime="2026-11-27T12:00:10Z")
    young["metadata"]["managedFields"] = changed
    assert age_of(young) == 32.0
    assert age_of(job()) == age_of(job(startTime="2026-11-27T12:00:10Z")) == 0.0


def test_a_time_in_which_this_machine_stood_still_is_made_up_for_at_the_next_renewal(server: Api) -> None:
    """Its clock shows 10 seconds, while the cluster has counted 40."""
    held = take(server.cluster(), "argo", 60)
    server.objects[held.path] |= {"status": {"startTime": "2026-11-27T12:00:00Z"}}
    server.objects[held.path]["metadata"]["managedFields"] = [
        {"manager": "argo.workflows", "time": "2026-11-27T12:00:40Z"}
    ]
    server.clock.sleep(10)
    held = renew(server.cluster(), held)
    server.clock.sleep(10)
    renew(server.cluster(), held)
    assert deadlines(server) == [60, 70, 110]


@pytest.mark.parametrize("change", [{"deletionTimestamp": "2026-11-27T12:00:00Z"}, None])
def test_a_lease_that_has_run_out_cannot_be_renewed(change: Json | None, server: Api) -> None:
    held = take(server.cluster(), "argo", 60)
    if change:
        server.objects[held.path]["metadata"] |= change
    else:
        del server.objects[held.path]
    with pytest.raises(ApiError) as raised:
        renew(server.cluster(), held)
    assert raised.value.status == 404


def test_a_job_whose_deadline_has_passed_is_lost() -> None:
    assert is_lost(job(conditions=[{"type": "FailureTarget", "status": "True"}]))
    assert not is_lost(job(conditions=[{"type": "Suspended", "status": "True"}]))


def test_a_lease_whose_time_does_not_run_is_told() -> None:
    assert why_it_stands_still(job(startTime="2026-11-27T12:00:10Z")) == ""
    assert "has suspended its Job lease" in why_it_stands_still(job() | {"spec": {"suspend": True}})
    assert "has not started its Job lease" in why_it_stands_still(job())


def test_a_workflow_is_adopted_beside_its_other_owners_and_released_from_all_leases(server: Api) -> None:
    first, second = (take(server.cluster(), "argo", 60) for _number in range(2))
    adopt(server.cluster(), PLACE, "u", first)
    adopt(server.cluster(), PLACE, "u", second)
    adopt(server.cluster(), PLACE, "u", second)
    assert owners(server) == ["3", first.owner["uid"], second.owner["uid"]]
    release(server.cluster(), PLACE, "u")
    assert owners(server) == ["3"]
    assert len(server.asked("PATCH", PLACE)) == 3


@pytest.mark.parametrize("change", [{"uid": "another"}, {"deletionTimestamp": "2026-11-27T12:00:00Z"}, None])
def test_a_workflow_that_is_gone_or_going_is_left_alone(change: Json | None, server: Api) -> None:
    if change:
        server.objects[PLACE]["metadata"] |= change
    else:
        del server.objects[PLACE]
    adopt(server.cluster(), PLACE, "u", take(server.cluster(), "argo", 60))
    release(server.cluster(), PLACE, "u")
    assert server.asked("PATCH", PLACE) == []


def test_who_changes_the_workflow_at_the_same_time_is_not_overwritten(server: Api) -> None:
    """The change says which version it is of; a conflict means to read again."""
    server.objects[PLACE]["metadata"]["resourceVersion"] = "7"

    def conflict(asked: Asked) -> Any:
        del server.answers[f"PATCH {PLACE}"]
        server.objects[PLACE]["metadata"] |= {"resourceVersion": "8", "ownerReferences": [CRON, THEIRS]}
        return refusal(409, "Conflict")

    server.answers[f"PATCH {PLACE}"] = conflict
    held = take(server.cluster(), "argo", 60)
    adopt(server.cluster(), PLACE, "u", held)
    assert [asked.body["metadata"]["resourceVersion"] for asked in server.asked("PATCH", PLACE)] == ["7", "8"]
    assert owners(server) == ["3", "2", held.owner["uid"]]


def test_endless_conflicts_are_an_error(server: Api) -> None:
    server.answers[f"PATCH {PLACE}"] = lambda asked: refusal(409, "Conflict")
    with pytest.raises(ApiError, match=f"each of {CONFLICTS_SURVIVED} times"):
        adopt(server.cluster(), PLACE, "u", take(server.cluster(), "argo", 60))


def test_missing_rights_are_named(server: Api) -> None:
    server.answers[f"POST {JOBS}"] = lambda asked: refusal(403, "Forbidden", "jobs is forbidden")
    with pytest.raises(ApiError, match=r"jobs is forbidden; a lease takes the rights to create, patch .* argo-client$"):
        take(server.cluster(), "argo", 60)


def test_giving_back_deletes_nothing_with_the_job_and_may_fail(server: Api) -> None:
    held = take(server.cluster(), "argo", 60)
    give_back(server.cluster(), held)
    give_back(server.cluster(), held)
    assert [asked.body for asked in server.asked("DELETE")] == [{"propagationPolicy": "Orphan"}] * 2
