# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A manifest is read as its author meant it, or refused by the place of its first mistake."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._submit.checks import check
from ansible_collections.argo.workflows.plugins.module_utils._submit.manifest import (
    ManifestError,
    Reader,
    as_text,
    as_workflow,
    read,
    with_parameters,
)
from ansible_collections.argo.workflows.tests.support import recordings
from ansible_collections.argo.workflows.tests.support.manifests import GPU_SAY, changed, gpu_say


def test_a_step_named_n_and_a_time_of_day_stay_strings() -> None:
    main, work = gpu_say()["spec"]["templates"]
    assert main["steps"][0][0]["name"] == "n"
    assert work["container"]["command"] == ["echo", "on", "2026-11-22", "12:30", "16", "8", "1.5", "true", None]


def test_json_and_yaml_say_the_same() -> None:
    assert read(json.dumps(gpu_say()), "x.json") == gpu_say()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "x.yaml has 0 documents, and one Workflow is expected"),
        (f"{GPU_SAY}---{GPU_SAY}", "x.yaml has 2 documents"),
        ("a: [", "x.yaml is neither YAML nor JSON"),
        ("- 1", "x.yaml is not a Workflow: it is a list"),
        (GPU_SAY.replace("kind: Workflow", "kind: WorkflowTemplate"), "it has kind WorkflowTemplate"),
    ],
)
def test_a_document_that_is_not_a_workflow_is_refused_by_name(text: str, sentence: str) -> None:
    with pytest.raises(ManifestError, match=sentence):
        read(text, "x.yaml")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"arguments": []}, "spec.arguments of x.yaml is a list, and a mapping is expected"),
        ({"arguments": {"parameters": {"a": 1}}}, "spec.arguments.parameters of x.yaml is a mapping, and a list"),
        ({"arguments": {"parameters": ["a"]}}, "spec.arguments.parameters[0] of x.yaml is a string, and a mapping"),
        ({"templates": {"main": {}}}, "spec.templates of x.yaml is a mapping, and a list is expected"),
        ({"templates": [None]}, "spec.templates[0] of x.yaml is empty, and a mapping is expected"),
        ({"entrypoint": 7}, "spec.entrypoint of x.yaml is a whole number, and a string is expected: put it in quotes"),
        ({"main__dag": []}, "spec.templates[0].dag of x.yaml is a list, and a mapping is expected"),
        ({"main__dag": {"tasks": ["a"]}}, "spec.templates[0].dag.tasks[0] of x.yaml is a string, and a mapping"),
        ({"main__steps": {"n": {}}}, "spec.templates[0].steps of x.yaml is a mapping, and a list is expected"),
        ({"main__steps": ["n"]}, "spec.templates[0].steps[0] of x.yaml is a string, and a list is expected"),
        ({"main__steps": [["n"]]}, "spec.templates[0].steps[0][0] of x.yaml is a string, and a mapping is expected"),
        ({"main__steps": [[None]]}, "spec.templates[0].steps[0][0] of x.yaml is empty, and a mapping is expected"),
        ({"main__steps": [[{"name": True}]]}, "templates[0].steps[0][0].name of x.yaml is a boolean, and a string"),
        ({"main__steps": [[{"withItems": 5}]]}, "steps[0][0].withItems of x.yaml is a whole number, and a list is"),
        ({"main__steps": [[{"withParam": ["a"]}]]}, "steps[0][0].withParam of x.yaml is a list, and a string is"),
        ({"main__steps": [[{"inline": {"steps": 7}}]]}, "steps[0][0].inline.steps of x.yaml is a whole number, and"),
        ({"work__name": 7}, "spec.templates[1].name of x.yaml is a whole number, and a string is expected: put"),
        ({"work__container": "busybox"}, "spec.templates[1].container of x.yaml is a string, and a mapping"),
        ({"work__container__env": {"A": "b"}}, "spec.templates[1].container.env of x.yaml is a mapping, and a list"),
        ({"imagePullSecrets": ["registry"]}, "spec.imagePullSecrets[0] of x.yaml is a string, and a mapping"),
        ({"parallelism": "many"}, "spec.parallelism of x.yaml is a string, and a whole number is expected"),
    ],
)
def test_a_value_of_another_shape_is_refused_by_its_place(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ManifestError, match=re.escape(sentence)):
        as_workflow(changed(**changes), "x.yaml")


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        ({"spec": 7}, "spec of x.yaml is a whole number, and a mapping is expected"),
        ({"metadata": {"name": 2024}}, "metadata.name of x.yaml is a whole number, and a string is expected: put"),
        ({"metadata": {"labels": ["a"]}}, "metadata.labels of x.yaml is a list, and a mapping is expected"),
    ],
)
def test_a_spec_or_metadata_of_another_shape_is_refused_by_its_place(part: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ManifestError, match=re.escape(sentence)):
        as_workflow(gpu_say() | part, "x.yaml")


DOUBLED = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: w}
spec:
  entrypoint: main
  templates:
    - name: main
      container:
        image: busybox
        env: [{name: A, value: "1"}]
        env: [{name: B, value: "2"}]
"""


def test_a_key_that_comes_twice_in_a_spec_is_refused_with_its_place() -> None:
    place = "spec.templates[0].container.env of x.yaml comes twice, and only the second one counts"
    with pytest.raises(ManifestError, match=re.escape(place)):
        read(DOUBLED, "x.yaml")
    reader = Reader("x.yaml", strict=False)
    assert reader.text(DOUBLED)["spec"]["templates"][0]["container"]["env"] == [{"name": "B", "value": "2"}]
    assert reader.warnings == [place]


def test_a_key_that_comes_twice_in_the_metadata_is_a_warning() -> None:
    """An example of Argo's own has two annotations."""
    reader = Reader("x.yaml")
    reader.text(GPU_SAY.replace("  generateName: gpu-say-", "  generateName: a-\n  generateName: gpu-say-"))
    assert reader.warnings == ["metadata.generateName of x.yaml comes twice, and only the second one counts"]


def test_a_key_that_comes_twice_in_json_is_refused() -> None:
    with pytest.raises(ManifestError, match=r"kind of x\.json comes twice"):
        read(json.dumps(gpu_say())[:-1] + ', "kind": "Workflow"}', "x.json")


@pytest.mark.parametrize("arguments", [None, {}, {"parameters": None}, {"parameters": []}])
def test_a_key_whose_value_is_null_counts_as_missing(arguments: Any) -> None:
    workflow = gpu_say() | {"metadata": None}
    workflow["spec"]["arguments"] = arguments
    workflow["spec"]["templates"][0]["steps"][0][0]["withParam"] = None
    workflow["spec"]["templates"][1] |= {"retryStrategy": None, "script": None, "nodeSelector": None}
    workflow = as_workflow(workflow, "x.yaml")
    assert check(workflow) == []
    with pytest.raises(ManifestError, match="no parameter a; its parameters are: none"):
        with_parameters(workflow, {"a": 1})


def test_a_step_that_is_not_in_a_group_is_refused_as_argo_does() -> None:
    """ParallelSteps.UnmarshalJSON of Argo v4.1.2 decodes into a list."""
    sentence = "steps[0] of x.yaml is a mapping, and a list is expected: put a dash and a blank before it"
    with pytest.raises(ManifestError, match=re.escape(sentence)):
        as_workflow(changed(main__steps=[{"name": "a", "template": "work"}]), "x.yaml")


def test_an_inline_template_is_taken() -> None:
    inline = {"name": "i", "inline": {"container": {"image": "busybox"}}}
    workflow = as_workflow(changed(main__steps=[[{"name": "a", "inline": {"suspend": {}}}], [inline]]), "x.yaml")
    assert check(workflow) == []


@pytest.mark.parametrize("recording", recordings.NAMES)
def test_a_manifest_that_a_real_argo_ran_has_the_right_shape(recording: str) -> None:
    workflow = recordings.workflow(recording)
    assert as_workflow(workflow, recording) == workflow


def test_parameters_go_in_as_text_and_the_manifest_is_left_alone() -> None:
    before = gpu_say()
    after = with_parameters(before, {"messages": ["it's", 7]})
    assert after["spec"]["arguments"]["parameters"] == [{"name": "messages", "value": '["it\'s", 7]'}]
    assert before == gpu_say()


@pytest.mark.parametrize(
    ("value", "text"), [("a: b", "a: b"), (7, "7"), (True, "true"), (None, "null"), ({"é": [1]}, '{"é": [1]}')]
)
def test_parameters_that_are_text_stay_and_others_become_json(value: Any, text: str) -> None:
    assert as_text(value) == text


def test_an_unknown_parameter_is_refused_with_those_that_exist() -> None:
    with pytest.raises(ManifestError, match="no parameter message; its parameters are: messages"):
        with_parameters(gpu_say(), {"message": "x"})


def test_a_template_reference_may_have_parameters_that_the_manifest_does_not_show() -> None:
    workflow = {"metadata": {}, "spec": {"workflowTemplateRef": {"name": "t"}}}
    spec = with_parameters(workflow, {"p": "x"})["spec"]
    assert spec["arguments"]["parameters"] == [{"name": "p", "value": "x"}]
    assert check({"metadata": {}, "spec": spec}) == []
