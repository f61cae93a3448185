# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Workflows live by a lease while they are waited for, at every moment of the wait, and what has ended stays."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import COMPLETED_LABEL
from ansible_collections.argo.workflows.plugins.module_utils._follow.lease import PAUSE, Action, Keeper, Plan, Step
from ansible_collections.argo.workflows.plugins.module_utils._follow.run import Run
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.lease import PREFIX
from ansible_collections.argo.workflows.tests.support.api import Answer, Api, Asked, refusal
from ansible_collections.argo.workflows.tests.support.clock import Clock

Json = dict[str, Any]
JOBS = "/apis/batch/v1/namespaces/argo/jobs"
HOME = "/apis/argoproj.io/v1alpha1/namespaces/argo/workflows"
OTHER_LEASE = {"apiVersion": "batch/v1", "kind": "Job", "name": f"{PREFIX}0", "uid": "other"}


# --- the plan ---


def plan(seconds: float = 60, **ended: bool) -> Plan:
    """One whose lease was taken at 0, for Workflows of these names."""
    made = Plan(seconds)
    made.did(Action(Step.TAKE), 0.0)
    for name, its_end in ended.items():
        made.see(name, f"uid-{name}", ended=its_end)
    return made


def done_at(made: Plan, now: float) -> list[Action]:
    """What is due, each done as soon as it is."""
    actions = []
    while action := made.due(now):
        made.did(action, now)
        actions.append(action)
    return actions


@pytest.mark.parametrize(("seconds", "times"), [(15, [5, 10, 15]), (60, [10, 20, 30]), (3600, [10, 20, 30])])
def test_a_lease_is_renewed_at_a_third_of_its_time_and_every_ten_seconds(seconds: float, times: list[int]) -> None:
    made = plan(seconds, a=False)
    done_at(made, 0)
    assert [now for now in range(1, 31) if done_at(made, now)][: len(times)] == times


def test_each_workflow_is_adopted_once_and_those_that_have_ended_are_released() -> None:
    made = plan(a=False, b=True)
    assert done_at(made, 1) == [Action(Step.ADOPT, "a"), Action(Step.RELEASE, "b")]
    assert done_at(made, 2) == []
    made.see("a", "uid-a", ended=True)
    assert done_at(made, 3) == [Action(Step.RELEASE, "a")]
    assert done_at(made, 1000) == [], "nothing needs a lease any more"


def test_a_lease_that_has_run_out_is_taken_anew_and_the_workflows_are_adopted_again() -> None:
    made = plan(a=False)
    done_at(made, 1)
    made.failed(Action(Step.RENEW), 404, 20)
    assert done_at(made, 20) == [Action(Step.TAKE), Action(Step.ADOPT, "a")]


@pytest.mark.parametrize("status", [None, 403, 429, 500])
def test_a_renewal_that_fails_is_tried_again_soon(status: int | None) -> None:
    made = plan(a=False)
    done_at(made, 1)
    assert made.due(20) == Action(Step.RENEW)
    made.failed(Action(Step.RENEW), status, 20)
    assert made.due(20 + PAUSE / 2) is None and not made.is_settled(20)
    assert made.due(20 + PAUSE) == Action(Step.RENEW)


def test_what_has_failed_for_one_workflow_does_not_hold_up_the_others() -> None:
    made = plan(a=False, b=False)
    made.failed(Action(Step.ADOPT, "a"), 500, 1)
    assert made.due(1) == Action(Step.ADOPT, "b")


# --- the keeper ---


@pytest.fixture
def server() -> Api:
    metadata = {name: {"name": name, "namespace": "argo", "uid": f"uid-{name}"} for name in ("a", "b")}
    return Api({f"{HOME}/{name}": {"metadata": metadata[name]} for name in metadata}, clock=Clock())


def run(server: Api, name: str, *, ended: bool = False) -> Run:
    known = Run(server.objects[f"{HOME}/{name}"]["metadata"], 0.0)
    if ended:
        known.see_metadata({"labels": {COMPLETED_LABEL: "true"}}, 0.0)
    return known


def owners(server: Api, name: str) -> list[str]:
    return [owner["uid"] for owner in server.objects[f"{HOME}/{name}"]["metadata"].get("ownerReferences", ())]


def jobs(server: Api) -> list[Json]:
    return [item for path, item in server.objects.items() if path.startswith(JOBS)]


def keeper(server: Api, said: list[str] | None = None) -> Keeper:
    sentences: list[str] = [] if said is None else said
    return Keeper(server.cluster(), "argo", 60, sentences.append)


def after(seconds: float, kept: Keeper, server: Api) -> None:
    server.clock.sleep(seconds)
    kept.do_what_is_due()


def test_workflows_live_by_the_lease_until_their_own_end(server: Api) -> None:
    kept = keeper(server)
    kept.see([run(server, "a"), run(server, "b")])
    kept.do_what_is_due()
    [job] = jobs(server)
    assert owners(server, "a") == owners(server, "b") == [job["metadata"]["uid"]]
    kept.see([run(server, "a", ended=True)])
    after(1, kept, server)
    assert owners(server, "a") == [] and owners(server, "b")
    after(9, kept, server)
    assert jobs(server)[0]["spec"]["activeDeadlineSeconds"] == 70
    kept.end([run(server, "a", ended=True), run(server, "b", ended=True)], told=())
    assert owners(server, "b") == [] and jobs(server) == []


def test_what_goes_on_at_the_end_of_the_wait_has_the_whole_lease_from_then(server: Api) -> None:
    kept = keeper(server)
    kept.see([run(server, "a")])
    kept.do_what_is_due()
    server.clock.sleep(7)
    kept.end([run(server, "a"), run(server, "b", ended=True)], told=())
    [job] = jobs(server)
    assert job["spec"]["activeDeadlineSeconds"] == 67
    assert owners(server, "a") == [job["metadata"]["uid"]]


def test_what_was_told_to_stop_stays_and_what_could_not_be_told_does_not(server: Api) -> None:
    kept = keeper(server)
    kept.see([run(server, "a"), run(server, "b")])
    kept.do_what_is_due()
    kept.end([run(server, "a"), run(server, "b")], told={"a"})
    assert owners(server, "a") == [] and owners(server, "b") == [jobs(server)[0]["metadata"]["uid"]]


def test_a_wait_that_ends_at_once_adopts_what_goes_on_and_releases_what_has_ended(server: Api) -> None:
    server.objects[f"{HOME}/b"]["metadata"]["ownerReferences"] = [OTHER_LEASE]
    keeper(server).end([run(server, "a"), run(server, "b", ended=True)], told=())
    assert owners(server, "a") and owners(server, "b") == []


def test_of_two_waits_each_has_a_lease_and_the_first_that_sees_the_end_takes_both_away(server: Api) -> None:
    first, second = keeper(server), keeper(server)
    for kept in (first, second):
        kept.see([run(server, "a")])
        kept.do_what_is_due()
    assert len(owners(server, "a")) == 2
    second.end([run(server, "a", ended=True)], told=())
    assert owners(server, "a") == []


@pytest.mark.parametrize("outage", [refusal, lambda status: OSError("no route")])
def test_an_outage_is_told_once_and_the_lease_is_renewed_as_soon_as_it_is_over(
    outage: Callable[[int], Answer], server: Api
) -> None:
    said: list[str] = []
    kept = keeper(server, said)
    kept.see([run(server, "a")])
    kept.do_what_is_due()
    [job] = jobs(server)
    place = f"{JOBS}/{job['metadata']['name']}"
    server.answers[f"PATCH {place}"] = lambda asked: outage(503)
    for _second in range(40):
        after(1, kept, server)
    assert len(said) == 1 and said[0].startswith("the lease could not be renewed: PATCH ")
    del server.answers[f"PATCH {place}"]
    after(1, kept, server)
    assert jobs(server)[0]["spec"]["activeDeadlineSeconds"] >= 100


def test_a_request_about_the_lease_never_hangs_for_as_long_as_the_lease_is(server: Api) -> None:
    kept = keeper(server)
    kept.see([run(server, "a")])
    after(10, kept, server)
    assert max(asked.read_timeout for asked in server.requests) <= 15


def test_missing_rights_are_found_before_a_workflow_lives_by_the_lease(server: Api) -> None:
    server.answers[f"POST {JOBS}"] = lambda asked: (201, {"metadata": {"name": "lease", "uid": "1"}})
    server.answers[f"PATCH {JOBS}/lease"] = lambda asked: refusal(403, "Forbidden")
    with pytest.raises(ApiError, match="a lease takes the rights"):
        keeper(server)
    assert server.asked("PATCH", f"{HOME}/a") == []


def test_a_workflow_that_may_not_be_adopted_ends_the_wait(server: Api) -> None:
    server.answers[f"PATCH {HOME}/a"] = lambda asked: refusal(403, "Forbidden")
    kept = keeper(server)
    kept.see([run(server, "a")])
    kept.do_what_is_due()
    with pytest.raises(ApiError, match="a lease takes the rights"):
        kept.see([run(server, "a")])


def test_an_error_that_nobody_expected_ends_the_wait_and_not_the_renewals_alone(server: Api) -> None:
    def odd(asked: Asked) -> Answer:
        raise RuntimeError("odd")

    server.answers[f"PATCH {HOME}/a"] = odd
    kept = keeper(server)
    kept.see([run(server, "a")])
    kept.start()
    end = time.monotonic() + 10
    with pytest.raises(RuntimeError, match="odd"):
        while time.monotonic() < end:
            kept.see([])
            time.sleep(0.05)
    server.answers.clear()
    kept.end([run(server, "a", ended=True)], told=())
    assert jobs(server) == []


def test_a_lease_that_was_lost_while_this_process_stood_still_is_taken_anew(server: Api) -> None:
    kept = keeper(server)
    kept.see([run(server, "a")])
    kept.do_what_is_due()
    [lost] = [path for path in server.objects if path.startswith(JOBS)]
    del server.objects[lost]
    after(600, kept, server)
    assert jobs(server)[0]["metadata"]["uid"] == owners(server, "a")[-1]
    assert jobs(server)[0]["spec"]["activeDeadlineSeconds"] == 60


def test_at_the_end_an_outage_is_outlasted_for_some_seconds(server: Api) -> None:
    kept = keeper(server)
    kept.see([run(server, "a")])
    kept.do_what_is_due()

    def back(asked: Asked) -> Answer:
        if server.clock.now > 5:
            del server.answers[f"GET {HOME}/a"]
        return refusal(503)

    server.answers[f"GET {HOME}/a"] = back
    kept.end([run(server, "a", ended=True)], told=())
    assert owners(server, "a") == []
