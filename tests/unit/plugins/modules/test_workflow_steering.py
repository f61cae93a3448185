# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module workflow steers a whole run, or many Workflows in bulk, and never one that is not meant."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import urllib3
import yaml

from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import INSTANCE_ID_LABEL, PHASE_LABEL
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError
from ansible_collections.argo.workflows.plugins.module_utils._module import UserError
from ansible_collections.argo.workflows.plugins.module_utils._submit.manifest import ManifestError
from ansible_collections.argo.workflows.plugins.modules import workflow as module_under_test
from ansible_collections.argo.workflows.tests.support.api import Answer, Api, Asked
from ansible_collections.argo.workflows.tests.support.clock import EPOCH
from ansible_collections.argo.workflows.tests.support.module import Module

Json = dict[str, Any]

README = Path(__file__).parents[4] / "roles/gpu_fanout/README.md"
HOME = "/apis/argoproj.io/v1alpha1/namespaces/argo/workflows"
MANIFEST = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "Workflow",
    "spec": {"entrypoint": "main", "templates": [{"name": "main", "container": {"image": "x", "command": ["x"]}}]},
}
CRITERIA: list[Json] = [
    {"label_selectors": ["team=vision"]},
    {"phases": ["Running"]},
    {"older_than": "7d"},
    {"prefix": "w"},
]
DAY = 86400
STATES = ("absent", "suspended", "resumed", "stopped", "terminated")


def run(check_mode: bool = False, **params: Any) -> Json:
    return module_under_test.run(Module(module_under_test, check_mode, **params))


def ago(seconds: float) -> str:
    """A time of the API, so long before the present of the tests' clock."""
    moment = EPOCH.timestamp() - seconds
    return EPOCH.fromtimestamp(moment, EPOCH.tzinfo).strftime("%Y-%m-%dT%H:%M:%SZ")


def add(
    api: Api,
    name: str,
    phase: str = "Running",
    *,
    age: float = 0.0,
    ended: float | None = None,
    spec: Json | None = None,
    labels: dict[str, str] | None = None,
) -> Json:
    """Put a Workflow there, created `age` and ended `ended` seconds ago; a phase of "" is one that nobody has seen."""
    phase_labels = {PHASE_LABEL: phase} if phase else {}
    status = {"phase": phase} if phase else {}
    workflow = {
        "metadata": {
            "name": name,
            "uid": f"uid of {name}",
            "creationTimestamp": ago(age),
            "labels": phase_labels | (labels or {}),
        },
        "spec": spec or {},
        "status": status | ({"finishedAt": ago(ended)} if ended is not None else {}),
    }
    api.objects[f"{HOME}/{name}"] = workflow
    return workflow


def changed(result: Json) -> list[str]:
    return [each["name"] for each in result["workflows"] if each["changed"]]


def reasons(result: Json) -> dict[str, str]:
    return {each["name"]: each["reason"] for each in result["workflows"] if each["reason"]}


def submit(run_id: str, *parts: str) -> list[str]:
    """Submit the Workflows of a run; their names."""
    return [
        str(run(definition=MANIFEST, run_id=run_id, run_part=part or None, generate_name="w-")["name"])
        for part in ("", *parts)
    ]


# --- a run ---


@pytest.mark.parametrize("state", ["stopped", "terminated", "suspended", "absent"])
def test_one_call_steers_all_workflows_of_a_run_and_none_of_another(api: Api, state: str) -> None:
    names = submit("build", "1", "2", "retry-1", "retry-1.1", "pilot")
    others = submit("build/1") + submit("build.1") + submit("buil")
    before = {name: dict(api.objects[f"{HOME}/{name}"]) for name in others}
    result = run(run_id="build", state=state)
    assert sorted(changed(result)) == sorted(names)
    assert result["affected"] == 6
    assert {name: api.objects[f"{HOME}/{name}"] for name in others} == before
    again = run(run_id="build", state=state)
    assert not again["changed"] and not changed(again)


def test_the_parts_of_a_run_have_names_of_their_own_that_no_other_run_has(api: Api) -> None:
    names = submit("build", "1") + submit("build/1", "1") + submit("1", "build")
    assert len(set(names)) == 6


def test_a_part_of_a_run_is_found_again_by_its_part(api: Api) -> None:
    names = submit("build", "1")
    api.requests.clear()
    assert submit("build", "1") == names
    assert api.changes == []
    assert changed(run(run_id="build", run_part="1", state="stopped")) == [names[1]]


def test_a_part_that_is_there_already_is_not_taken_for_the_whole_run(api: Api) -> None:
    part = run(definition=MANIFEST, run_id="build", run_part="1", generate_name="w-")
    whole = run(definition=MANIFEST, run_id="build", generate_name="w-")
    assert whole["changed"] and whole["uid"] != part["uid"]


def test_of_a_run_those_that_have_ended_are_left_and_it_is_said_why(api: Api) -> None:
    first, second = submit("build", "1")
    api.objects[f"{HOME}/{first}"]["status"] = {"phase": "Failed", "message": "child failed"}
    result = run(run_id="build", state="stopped")
    assert (changed(result), reasons(result)) == ([second], {first: "it has ended as Failed"})
    assert reasons(run(run_id="build", state="stopped"))[second] == "it is being stopped already"
    assert changed(run(run_id="build", state="suspended")) == [second]


def test_a_run_that_has_ended_cannot_be_suspended(api: Api) -> None:
    for name in submit("build", "1"):
        api.objects[f"{HOME}/{name}"]["status"] = {"phase": "Succeeded"}
    with pytest.raises(UserError, match=r"the Workflow w-\w+ cannot be suspended: it has ended as Succeeded"):
        run(run_id="build", state="suspended")


def test_a_run_that_does_not_exist_cannot_be_stopped_and_is_absent(api: Api) -> None:
    with pytest.raises(UserError, match="there is no Workflow with run_id 'gone' in argo that could be stopped"):
        run(run_id="gone", state="stopped")
    assert run(run_id="gone", state="absent")["workflows"] == []


@pytest.mark.parametrize("part", ["a/b", "-a", "a,b!=c", "a\n", "ä", "a" * 64])
@pytest.mark.parametrize("state", ["present", "stopped"])
def test_a_part_that_cannot_be_a_label_is_refused_before_any_request(api: Api, part: str, state: str) -> None:
    options: Json = {"definition": MANIFEST} if state == "present" else {}
    with pytest.raises((UserError, ManifestError), match=r"run_part: .* cannot be a label"):
        run(run_id="build", run_part=part, state=state, **options)
    assert api.requests == []


def test_another_workflow_that_has_got_the_name_meanwhile_is_not_steered(api: Api) -> None:
    seen = add(api, "w")
    api.answers[f"GET {HOME}"] = (200, {"metadata": {}, "items": [{"metadata": seen["metadata"]}]})
    api.answers[f"GET {HOME}/w"] = (200, seen)
    api.objects[f"{HOME}/w"] = seen | {"metadata": seen["metadata"] | {"uid": "another"}}
    choices: list[Json] = [{"name": "w"}, {"prefix": "w"}]
    for options in choices:
        for state in ("stopped", "terminated", "suspended", "absent"):
            with pytest.raises((ApiError, UserError), match=r"metadata\.uid|UID in precondition"):
                run(state=state, **options)
    assert api.objects[f"{HOME}/w"]["spec"] == {}


# --- the recipes of role gpu_fanout ---


def recipes() -> dict[str, Json]:
    """The options of the tasks with module workflow in the role's README, by their names."""
    blocks = re.findall(r"```yaml\n(.*?)```", README.read_text(), re.DOTALL)
    tasks = [task for block in blocks if "argo.workflows.workflow:" in block for task in yaml.safe_load(block)]
    return {task["name"]: task["argo.workflows.workflow"] for task in tasks}


def test_the_recipes_of_the_readme_do_what_they_say(api: Api, run_module: Any) -> None:
    submitted = [
        run(definition=MANIFEST, namespace="team-a", run_id="nightly-7", run_part=part) for part in (None, "retry-1")
    ]
    there = {
        "old": add(api, "old", "Failed", age=9 * DAY, ended=8 * DAY),
        "new": add(api, "new", "Failed", age=9 * DAY, ended=DAY),
        "test-1": add(api, "test-1", age=30 * DAY, labels={"team": "vision"}),
        "test-2": add(api, "test-2", labels={"team": "text"}),
    }
    api.objects = {path.replace("/argo/", "/team-a/"): item for path, item in api.objects.items()}
    touched = {name: changed(run_module(module_under_test, **options)) for name, options in recipes().items()}
    stop, delete, terminate = touched.values()
    assert sorted(stop) == sorted(result["name"] for result in submitted)
    assert (delete, terminate) == (["old"], ["test-1"])
    assert there["new"]["spec"] == there["test-2"]["spec"] == {}


# --- in bulk ---


@pytest.mark.parametrize(
    ("criteria", "meant"),
    [
        ({"label_selectors": ["team=vision"]}, ["new", "old"]),
        ({"label_selectors": ["team", "team!=vision"]}, ["text"]),
        ({"phases": ["Pending"]}, ["unseen"]),
        ({"phases": ["Running"]}, ["new", "old", "text"]),
        ({"older_than": "7d"}, ["old"]),
        ({"older_than": "1h"}, ["new", "old"]),
        ({"prefix": "o"}, ["old"]),
        ({"label_selectors": ["team=vision"], "older_than": "1w", "prefix": "n"}, []),
        ({"label_selectors": ["team"], "instance_id": "mine"}, ["text"]),
    ],
)
@pytest.mark.parametrize("state", ["stopped", "terminated", "suspended"])
def test_the_workflows_that_all_criteria_choose_are_steered_and_no_others(
    api: Api, criteria: Json, meant: list[str], state: str
) -> None:
    add(api, "old", age=8 * DAY, labels={"team": "vision"})
    add(api, "new", age=6 * DAY, labels={"team": "vision"})
    add(api, "text", age=60, labels={"team": "text", INSTANCE_ID_LABEL: "mine"})
    add(api, "unseen", "")
    result = run(state=state, **criteria)
    assert sorted(changed(result)) == meant
    assert sorted({asked.path.rpartition("/")[2] for asked in api.changes}) == meant
    again = run(state=state, **criteria)
    assert not again["changed"] and sorted(reasons(again)) == meant


def test_what_is_deleted_by_its_age_ended_so_long_ago_and_what_has_not_ended_is_left(api: Api) -> None:
    add(api, "over", "Succeeded", age=9 * DAY, ended=8 * DAY)
    add(api, "long", "Failed", age=9 * DAY, ended=6 * DAY)
    add(api, "running", age=30 * DAY)
    add(api, "refused", "Error", age=8 * DAY)
    assert sorted(changed(run(older_than="7d", state="absent"))) == ["over", "refused"]
    assert sorted(path.rpartition("/")[2] for path in api.objects) == ["long", "running"]


def test_in_bulk_those_that_are_left_are_told_with_the_reason(api: Api) -> None:
    add(api, "w-1", "Succeeded")
    add(api, "w-2", spec={"shutdown": "Terminate"})
    add(api, "w-3", spec={"shutdown": "Stop"})
    result = run(prefix="w", state="stopped")
    assert reasons(result) == {
        "w-1": "it has ended as Succeeded",
        "w-2": "it is being terminated already",
        "w-3": "it is being stopped already",
    }
    assert changed(run(prefix="w", state="terminated")) == ["w-3"]


@pytest.mark.parametrize("state", STATES)
def test_check_mode_touches_nothing_and_lists_what_is_then_touched(api: Api, state: str) -> None:
    add(api, "w-1", spec={"suspend": True} if state == "resumed" else {})
    add(api, "w-2", "Failed")
    trial = run(check_mode=True, prefix="w", state=state)
    assert api.changes == []
    assert run(prefix="w", state=state) == trial
    assert changed(trial) == ["w-1", "w-2"] if state == "absent" else ["w-1"]
    assert trial["diff"]["before"].keys() == set(changed(trial))


def test_nothing_is_changed_where_more_would_be_affected_than_allowed(api: Api) -> None:
    for number in range(5):
        add(api, f"w-{number}", "Running" if number else "Failed")
    sentence = "nothing was changed: 4 Workflows would be stopped, and max_affected is 3"
    with pytest.raises(UserError, match=sentence) as caught:
        run(prefix="w", state="stopped", max_affected=3)
    assert caught.value.result["affected"] == 4
    assert api.changes == []
    assert len(changed(run(prefix="w", state="stopped", max_affected=4))) == 4


@pytest.mark.parametrize("criteria", CRITERIA)
def test_nothing_to_do_is_no_failure_in_bulk(api: Api, criteria: Json) -> None:
    for state in STATES:
        result = run(state=state, **criteria)
        assert (result["changed"], result["affected"], result["workflows"]) == (False, 0, [])


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({}, "needs the Workflow's name or run_id, or what several have in common: label_selectors, phases"),
        ({"max_affected": 5}, "needs the Workflow's name or run_id"),
        ({"instance_id": "mine"}, "needs the Workflow's name or run_id"),
        ({"prefix": ""}, "prefix: it is empty"),
        ({"label_selectors": []}, "label_selectors: it is empty"),
        ({"label_selectors": ["a=b", " "]}, "label_selectors: it is empty"),
        ({"phases": []}, "phases: it is empty"),
        ({"phases": ["Running"], "prefix": ""}, "prefix: it is empty"),
        ({"older_than": ""}, "older_than: it is empty"),
        ({"older_than": "7"}, "older_than: '7' is not a duration such as 90m, 36h or 7d"),
        ({"older_than": "0d"}, "older_than: '0d' is not a duration"),
        ({"older_than": "-1d"}, "older_than: '-1d' is not a duration"),
        ({"older_than": "a week"}, "older_than: 'a week' is not a duration"),
        ({"prefix": "w", "max_affected": -1}, "max_affected: -1 is not a number of Workflows"),
        ({"prefix": "w", "name": "w"}, "prefix chooses Workflows in bulk, so name cannot be given with it"),
        ({"phases": ["Error"], "run_id": "7"}, "phases chooses Workflows in bulk, so run_id cannot be given"),
        ({"older_than": "7d", "definition": MANIFEST}, "older_than chooses Workflows in bulk, so definition cannot"),
    ],
)
@pytest.mark.parametrize("state", STATES)
def test_a_choice_that_is_not_clear_gets_a_sentence_and_no_request(
    api: Api, options: Json, sentence: str, state: str
) -> None:
    with pytest.raises(UserError, match=sentence):
        run(state=state, **options)
    assert api.requests == []


@pytest.mark.parametrize("options", [*CRITERIA, {"max_affected": 5}])
def test_nothing_is_submitted_where_an_option_chooses_among_what_is_there(api: Api, options: Json) -> None:
    [option] = options
    with pytest.raises(UserError, match=f"{option} is about Workflows that are there, and state: present submits one"):
        run(definition=MANIFEST, **options)
    assert api.requests == []


def test_where_one_cannot_be_changed_the_others_are_and_the_task_fails_with_the_reason(api: Api) -> None:
    for number in range(5):
        add(api, f"w-{number}")
    api.answers[f"DELETE {HOME}/w-1"] = (403, {"reason": "Forbidden", "message": "not this one"})
    with pytest.raises(UserError, match=r"1 of 5 Workflows could not be deleted: w-1: .*not this one") as caught:
        run(prefix="w", state="absent")
    assert list(api.objects) == [f"{HOME}/w-1"]
    assert caught.value.result["affected"] == 4
    assert caught.value.result["changed"]
    assert caught.value.result["workflows"][0]["name"] == "w-1"


def test_after_a_request_without_an_answer_no_more_are_made(api: Api) -> None:
    for number in range(100):
        add(api, f"w-{number:02}")
    broken = urllib3.exceptions.ProtocolError("Connection broken.")
    for number in range(100):
        api.answers[f"DELETE {HOME}/w-{number:02}"] = broken
    with pytest.raises(UserError, match=r"100 of 100 Workflows could not be deleted: .*; and 97 more"):
        run(prefix="w", state="absent")
    assert len(api.changes) < 20


def test_what_is_gone_meanwhile_is_left(api: Api) -> None:
    add(api, "w-1")
    add(api, "w-2")
    api.answers[f"PATCH {HOME}/w-1"] = (404, {"reason": "NotFound", "message": "gone"})
    result = run(prefix="w", state="stopped")
    assert (changed(result), reasons(result)) == (["w-2"], {"w-1": "it was deleted meanwhile"})


def test_what_was_replaced_since_it_was_listed_is_not_steered(api: Api) -> None:
    listed = add(api, "w")["metadata"]
    api.answers[f"GET {HOME}"] = (200, {"metadata": {}, "items": [{"metadata": listed | {"uid": "of an earlier one"}}]})
    assert run(prefix="w", state="stopped")["workflows"] == []
    assert api.changes == []


def test_what_is_being_deleted_is_not_deleted_again(api: Api) -> None:
    add(api, "w")["metadata"]["deletionTimestamp"] = ago(5)
    choices: list[Json] = [{"name": "w"}, {"prefix": "w"}]
    for options in choices:
        assert reasons(run(state="absent", **options)) == {"w": "it is being deleted already"}
    assert api.changes == []


def test_a_workflow_that_is_not_such_as_argo_writes_it_does_not_keep_the_others(api: Api) -> None:
    add(api, "w-1")
    add(api, "w-2")["spec"] = "odd"
    with pytest.raises(UserError, match="1 of 2 Workflows could not be stopped: w-2: it is not such as Argo writes it"):
        run(prefix="w", state="stopped")
    assert api.objects[f"{HOME}/w-1"]["spec"]["shutdown"] == "Stop"


def test_a_workflow_that_nobody_can_read_is_deleted_by_its_name_or_in_bulk(api: Api) -> None:
    choices: list[Json] = [{"name": "w"}, {"prefix": "w"}]
    for options in choices:
        add(api, "w").update(spec="odd", status={"phase": ["odd"]})
        assert changed(run(state="absent", **options)) == ["w"]


def test_to_delete_by_age_only_what_has_ended_is_read(api: Api) -> None:
    add(api, "over", "Succeeded", age=9 * DAY, ended=8 * DAY)
    add(api, "running", age=9 * DAY)
    run(older_than="7d", state="absent")
    assert [asked.path for asked in api.asked("GET")] == [HOME, f"{HOME}/over"]


def test_what_has_ended_since_it_was_listed_is_left(api: Api) -> None:
    add(api, "w")

    def ended(asked: Asked) -> Answer:
        return 200, api.objects[f"{HOME}/w"] | {"status": {"phase": "Succeeded"}}

    api.answers[f"GET {HOME}/w"] = ended
    assert reasons(run(prefix="w", state="stopped")) == {"w": "it has ended as Succeeded"}
    assert run(phases=["Running"], state="stopped")["workflows"] == []


def test_suspend_steps_are_resumed_in_bulk_and_the_others_left(api: Api) -> None:
    node = {"id": "w-1", "displayName": "approve", "type": "Suspend", "phase": "Running"}
    add(api, "w")["status"]["nodes"] = {"w-1": node}
    add(api, "v", spec={"suspend": True})
    add(api, "u")
    result = run(phases=["Running"], state="resumed")
    assert sorted(changed(result)) == ["v", "w"]
    assert reasons(result) == {"u": "nothing of it is suspended"}
    assert api.objects[f"{HOME}/w"]["status"]["nodes"]["w-1"]["phase"] == "Succeeded"
    assert "suspend" not in api.objects[f"{HOME}/v"]["spec"]


@pytest.mark.parametrize(("state", "each"), [("absent", 1), ("stopped", 2)])
def test_a_thousand_workflows_take_a_list_and_as_few_requests_for_each_as_possible(
    api: Api, state: str, each: int
) -> None:
    for number in range(1000):
        add(api, f"{'w' if number % 10 else 'other'}-{number:03}")
    result = run(prefix="w-", state=state)
    assert result["affected"] == len(changed(result)) == 900
    assert len(api.requests) == 4 + 900 * each
    assert all("PartialObjectMetadataList" in asked.headers["Accept"] for asked in api.asked("GET", HOME))
