# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fields and types of a Workflow: what Argo's controller would end at is found, with its place, before."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._submit.typed import DEEPEST, typed
from ansible_collections.argo.workflows.tests.support import recordings


def workflow(spec: dict[str, Any] | None = None, **template: Any) -> dict[str, Any]:
    leaf = {"name": "main", **template}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"generateName": "typed-"},
        "spec": {"entrypoint": "main", "templates": [leaf], **(spec or {})},
    }


def container(**fields: Any) -> dict[str, Any]:
    return workflow(container={"image": "busybox", **fields})


@pytest.mark.parametrize(
    ("value", "text"),
    [(10, "10"), (True, "true"), (0.1, "0.1"), (datetime.date(2026, 11, 27), "2026-11-27"), ("10", "10"), (None, None)],
)
def test_the_value_of_an_environment_variable_becomes_text(value: Any, text: str | None) -> None:
    decoded, problems = typed(container(env=[{"name": "EPOCHS", "value": value}]))
    assert not problems
    assert decoded["spec"]["templates"][0]["container"]["env"] == [{"name": "EPOCHS", "value": text}]


def test_numbers_become_text_wherever_only_text_can_be_meant() -> None:
    before = workflow(
        {"nodeSelector": {"gpu": True}, "arguments": {"parameters": [{"name": "n", "value": 3, "enum": [3, 4]}]}},
        nodeSelector={"zone": 1},
        metadata={"labels": {"run": 7}, "annotations": {"ratio": 0.5}},
        container={"image": "busybox", "command": ["sleep"], "args": [10]},
        sidecars=[{"name": "side", "image": "busybox", "args": [True]}],
    )
    before["metadata"]["labels"] = {"build": 12}
    decoded, problems = typed(before)
    spec = decoded["spec"]
    leaf = spec["templates"][0]
    assert not problems
    assert decoded["metadata"]["labels"] == {"build": "12"}
    assert spec["nodeSelector"] == {"gpu": "true"}
    assert spec["arguments"] == {"parameters": [{"name": "n", "value": "3", "enum": ["3", "4"]}]}
    assert leaf["nodeSelector"] == {"zone": "1"}
    assert leaf["metadata"] == {"labels": {"run": "7"}, "annotations": {"ratio": "0.5"}}
    assert leaf["container"]["args"] == ["10"]
    assert leaf["sidecars"][0]["args"] == ["true"]


@pytest.mark.parametrize(
    ("manifest", "problem"),
    [
        (container(command="true"), "spec.templates[0].container.command is a string, and a list is expected: 'true'"),
        (container(image=3), "spec.templates[0].container.image is a whole number, and a string is expected: put"),
        (container(env={"A": "b"}), "spec.templates[0].container.env is a mapping, and a list is expected"),
        (
            container(resources={"limits": {"memory": "16 GB"}}),
            "spec.templates[0].container.resources.limits.memory is a string, and a quantity such as 1, 500m or 2Gi is "
            "expected: '16 GB'",
        ),
        (
            workflow({"activeDeadlineSeconds": "3600"}),
            "spec.activeDeadlineSeconds is a string, and a whole number is expected: '3600'",
        ),
        (
            workflow({"ttlStrategy": {"secondsAfterCompletion": "600"}}),
            "spec.ttlStrategy.secondsAfterCompletion is a string, and a whole number is expected: '600'",
        ),
        (workflow({"suspend": "no"}), "spec.suspend is a string, and true or false is expected: 'no'"),
        (
            workflow(retryStrategy={"limit": 4, "backoff": {"duration": "15s", "cap": 600}}),
            "spec.templates[0].retryStrategy.backoff.cap is a whole number, and a string is expected: put it in quotes",
        ),
        (workflow(retryStrategy=3), "spec.templates[0].retryStrategy is a whole number, and a mapping is expected"),
        (
            workflow(tolerations=[{"key": "gpu", "tolerationSeconds": "60"}]),
            "spec.templates[0].tolerations[0].tolerationSeconds is a string, and a whole number is expected: '60'",
        ),
        (
            workflow(inputs={"artifacts": [{"name": "a", "mode": "0644"}]}),
            "spec.templates[0].inputs.artifacts[0].mode is a string, and a whole number is expected: '0644'",
        ),
        (
            workflow(steps=[{"name": "a", "template": "main"}]),
            "spec.templates[0].steps[0] is a mapping, and a list is expected",
        ),
        (workflow({"parallelism": 1.5}), "spec.parallelism is a number, and a whole number is expected"),
        (workflow({"entrypoint": True}), "spec.entrypoint is a boolean, and a string is expected: put it in quotes"),
    ],
)
def test_a_value_that_argo_cannot_decode_is_named_with_its_place(manifest: dict[str, Any], problem: str) -> None:
    _decoded, problems = typed(manifest)
    assert next(f"{found.place} {found.text}" for found in problems if not found.unknown).startswith(problem)


@pytest.mark.parametrize(
    ("manifest", "problem"),
    [
        (
            workflow(retryStratgy={"limit": 3}),
            "spec.templates[0].retryStratgy is not a field that Argo knows: is retryStrategy meant?",
        ),
        (
            container(resouces={"limits": {}}),
            "spec.templates[0].container.resouces is not a field that Argo knows: is resources meant?",
        ),
        (
            workflow({"ttlSecondsAfterFinished": 86400}),
            "spec.ttlSecondsAfterFinished is not a field that Argo knows: use ttlStrategy.secondsAfterCompletion",
        ),
        (
            workflow(retryStrategy={"retryOn": "Always"}),
            "spec.templates[0].retryStrategy.retryOn is not a field that Argo knows: use retryPolicy",
        ),
        (
            workflow({"synchronization": {"mutex": {"name": "gpu"}}}),
            "spec.synchronization.mutex is not a field that Argo knows: use mutexes",
        ),
        (workflow({"somethingElse": 1}), "spec.somethingElse is not a field that Argo knows"),
    ],
)
def test_a_field_that_argo_does_not_know_is_named_with_what_is_meant(manifest: dict[str, Any], problem: str) -> None:
    _decoded, problems = typed(manifest)
    assert [(f"{found.place} {found.text}", found.unknown) for found in problems] == [(problem, True)]


def test_fields_are_checked_in_steps_that_carry_their_template_inline() -> None:
    inline = {"container": {"image": "busybox", "imagePullPolcy": "Never"}}
    _decoded, problems = typed(workflow(steps=[[{"name": "a", "inline": inline}]]))
    assert [found.place for found in problems] == ["spec.templates[0].steps[0][0].inline.container.imagePullPolcy"]


def test_items_of_any_kind_and_empty_keys_are_left_as_they_are() -> None:
    items = [1, "a", {"b": [True, None]}]
    before = workflow({"arguments": None}, steps=[[{"name": "a", "template": "main", "withItems": items}]])
    assert typed(before) == (before, [])


def test_a_workflow_that_is_nested_without_end_is_refused_and_not_a_bug() -> None:
    template: dict[str, Any] = {}
    before = workflow(**template)
    for _level in range(DEEPEST):
        template = {"steps": [[{"name": "a", "inline": template}]]}
    before["spec"]["templates"][0] |= template
    _decoded, problems = typed(before)
    assert problems[0].text == "is nested too deeply"


@pytest.mark.parametrize("name", recordings.NAMES)
def test_a_workflow_that_ran_on_a_real_argo_has_no_problems(name: str) -> None:
    assert typed(recordings.submitted(name))[1] == []
