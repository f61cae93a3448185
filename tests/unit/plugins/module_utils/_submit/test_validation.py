# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Argo's own validation refuses after the creation is refused before."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._submit.validation import refusals
from ansible_collections.argo.workflows.tests.support import recordings

SAY = {"name": "say", "inputs": {"parameters": [{"name": "x"}]}, "container": {"image": "busybox"}}
DONE = {"name": "done", "container": {"image": "busybox"}}


def workflow(*templates: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {"metadata": {}, "spec": {"entrypoint": "main", "templates": list(templates), **spec}}


def dag(*tasks: dict[str, Any]) -> dict[str, Any]:
    return workflow({"name": "main", "dag": {"tasks": list(tasks)}}, SAY, DONE)


def task(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "template": "done", **more}


@pytest.mark.parametrize(
    ("manifest", "sentence"),
    [
        (
            workflow(DONE, arguments={"parameters": [{"name": "p", "value": "c", "enum": ["a", "b"]}]}),
            "the parameter p is 'c', which is not one of a, b",
        ),
        (
            workflow(DONE, arguments={"parameters": [{"name": "p", "value": "1"}, {"name": "p", "value": "2"}]}),
            "spec.arguments has 2 parameters named p",
        ),
        (
            workflow({**SAY, "container": {"image": "busybox", "args": ["{{inputs.parameters.typo}}"]}}),
            "the template say uses {{inputs.parameters.typo}}, and its inputs have no parameter typo",
        ),
        (
            workflow({**DONE, "container": {"image": "{{ workflow.parameters.image }}"}}),
            "the template done uses {{workflow.parameters.image}}, and the Workflow's arguments have no "
            "parameter image",
        ),
        (
            dag(task("a"), task("b", depends="a.Succeeded && nosuch.Failed")),
            "the task b of the template main depends on nosuch, which is not there",
        ),
        (
            dag(task("a", dependencies=["nosuch"])),
            "the task a of the template main depends on nosuch, which is not there",
        ),
        (
            dag(task("a", depends="b"), task("b", dependencies=["a"])),
            "the tasks of the template main wait for each other: a -> b -> a",
        ),
        (workflow(DONE, onExit="nosuch"), "onExit of the Workflow calls the template nosuch, which is not there"),
        (
            workflow(DONE, hooks={"exit": {"template": "nosuch"}}),
            "the hook exit of the Workflow calls the template nosuch, which is not there",
        ),
        (
            workflow({**DONE, "retryStrategy": {"retryPolicy": "Allways"}}),
            "retryStrategy.retryPolicy of the template done is Allways, which is not one of Always, OnFailure, "
            "OnError, OnTransientError",
        ),
        (
            workflow({**DONE, "script": {"source": "true"}}),
            "the template done has container and script, and only one of them can be",
        ),
        (
            dag({"name": "a", "template": "say"}),
            "a of the template main gives no value to the parameter x of the template that it calls",
        ),
        (
            workflow({"name": "main", "resource": {"manifest": "{}"}}),
            "the resource of the template main has no action",
        ),
    ],
)
def test_a_mistake_that_argo_finds_too_late_is_named(manifest: dict[str, Any], sentence: str) -> None:
    assert list(refusals(manifest)) == [sentence]


@pytest.mark.parametrize(
    "manifest",
    [
        dag(task("a"), task("b", depends="(a.Succeeded || a.Skipped) && !a.Daemoned")),
        dag(task("a", when="{{workflow.parameters.json}} != ''")),
        dag(
            {"name": "a", "template": "say", "arguments": {"parameters": [{"name": "x", "valueFrom": {"default": ""}}]}}
        ),
        workflow({"name": "main", "steps": [[{"name": "a", "inline": {**SAY, "inputs": None}}]]}, SAY),
        workflow(workflowTemplateRef={"name": "lib"}, onExit="of-the-template"),
        workflow(DONE, arguments={"parameters": [{"name": "p", "value": "{{=1}}", "enum": ["a"]}]}),
        workflow({**DONE, "retryStrategy": {"retryPolicy": "{{inputs.parameters.x}}"}, "inputs": SAY["inputs"]}),
    ],
)
def test_what_argo_takes_is_taken(manifest: dict[str, Any]) -> None:
    assert not list(refusals(manifest))


@pytest.mark.parametrize("name", [name for name in recordings.NAMES if name != "invalid-entrypoint"])
def test_a_workflow_that_ran_on_a_real_argo_is_taken(name: str) -> None:
    assert not list(refusals(recordings.submitted(name)))
