# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A manifest is read as its author meant it, and its mistakes are named before it is submitted."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._argo.lists import node_names
from ansible_collections.argo.workflows.plugins.module_utils._argo.names import collisions
from ansible_collections.argo.workflows.plugins.module_utils._argo.nodes import nodes_of
from ansible_collections.argo.workflows.plugins.module_utils._submit.checks import MAX_NAME, check
from ansible_collections.argo.workflows.plugins.module_utils._submit.identity import (
    check_collisions,
    choose_name,
    differences,
    manifest_hash,
    run_label,
)
from ansible_collections.argo.workflows.plugins.module_utils._submit.manifest import (
    ManifestError,
    as_text,
    as_workflow,
    read,
    with_parameters,
)
from ansible_collections.argo.workflows.tests.support import recordings

GPU_SAY = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata:
  generateName: gpu-say-
spec:
  entrypoint: main
  arguments:
    parameters:
      - {name: messages, value: '["Argo"]'}
  templates:
    - name: main
      steps:
        - - name: n
            template: work
            arguments: {parameters: [{name: message, value: "{{item}}"}]}
            withParam: "{{workflow.parameters.messages}}"
    - name: work
      inputs: {parameters: [{name: message}]}
      retryStrategy: {limit: 2}
      container: {image: busybox, command: [echo, on, 2026-11-22, 12:30, 0x10, 010, 1.5, true, ~]}
"""


def gpu_say() -> dict[str, Any]:
    return read(GPU_SAY, "gpu-say.yaml")


def changed(**changes: Any) -> dict[str, Any]:
    """The manifest with other values: `work__container` is templates[work].container, None removes the key."""
    workflow = gpu_say()
    for path, value in changes.items():
        *where, key = path.split("__")
        target = workflow["spec"]
        if where and where[0] in ("main", "work"):
            target = next(each for each in target["templates"] if each["name"] == where[0])
            where = where[1:]
        for part in where:
            target = target[part]
        if value is None:
            target.pop(key)
        else:
            target[key] = value
    return workflow


def test_a_step_named_n_and_a_time_of_day_stay_strings() -> None:
    main, work = gpu_say()["spec"]["templates"]
    assert main["steps"][0][0]["name"] == "n"
    assert work["container"]["command"] == ["echo", "on", "2026-11-22", "12:30", 16, 8, 1.5, True, None]


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
def test_what_is_no_workflow_is_refused_by_name(text: str, sentence: str) -> None:
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
def test_what_has_another_shape_is_refused_by_its_place(changes: dict[str, Any], sentence: str) -> None:
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
def test_so_are_a_workflow_and_its_metadata(part: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ManifestError, match=re.escape(sentence)):
        as_workflow(gpu_say() | part, "x.yaml")


@pytest.mark.parametrize("arguments", [None, {}, {"parameters": None}, {"parameters": []}])
def test_what_is_null_counts_as_missing(arguments: Any) -> None:
    workflow = gpu_say() | {"metadata": None}
    workflow["spec"]["arguments"] = arguments
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
    workflow = as_workflow(changed(main__steps=[[{"name": "a", "template": "work"}], [inline]]), "x.yaml")
    assert check(workflow) == []


def test_all_mistakes_of_a_manifest_are_named_at_once() -> None:
    with pytest.raises(ManifestError, match=r"the entrypoint nowhere is not .*; the template work has none of steps"):
        check(changed(entrypoint="nowhere", work__container=None))


@pytest.mark.parametrize("recording", recordings.NAMES)
def test_what_a_real_argo_was_given_has_the_right_shape(recording: str) -> None:
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
def test_strings_stay_and_everything_else_becomes_json(value: Any, text: str) -> None:
    assert as_text(value) == text


def test_an_unknown_parameter_is_refused_with_those_that_exist() -> None:
    with pytest.raises(ManifestError, match="no parameter message; its parameters are: messages"):
        with_parameters(gpu_say(), {"message": "x"})


def test_a_template_reference_may_have_parameters_that_the_manifest_does_not_show() -> None:
    workflow = {"metadata": {}, "spec": {"workflowTemplateRef": {"name": "t"}}}
    spec = with_parameters(workflow, {"p": "x"})["spec"]
    assert spec["arguments"]["parameters"] == [{"name": "p", "value": "x"}]
    assert check({"metadata": {}, "spec": spec}) == []


@pytest.mark.parametrize(
    ("workflow", "sentence"),
    [
        (changed(entrypoint="nowhere"), "the entrypoint nowhere is not one of the templates: main, work"),
        (changed(arguments={"parameters": [{"name": "messages"}]}), "the parameter messages has no value"),
        (changed(main__activeDeadlineSeconds=60), "activeDeadlineSeconds of the template main belongs on the template"),
        (changed(main__steps=[[{"name": "n", "template": "wrok"}]]), "n of the template main calls the template wrok"),
        (changed(work__container=None), "the template work has none of steps, dag, container"),
        (changed(main__steps=[[{"template": "work"}]]), "a step or task of the template main has no name"),
        (changed(work__name=None), "a template has no name"),
        (changed(work__name="main"), "there are several templates named main"),
        (changed(work__retryStrategy={"limit": 1, "backoff": {"factor": 2}}), "template work has no duration"),
        (changed(work__retryStrategy={"limit": 1, "backoff": {"duration": "1s", "factor": "1.5"}}), "factor .* is 1.5"),
    ],
)
def test_what_the_controller_would_refuse_is_refused_before(workflow: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ManifestError, match=sentence):
        check(workflow)


@pytest.mark.parametrize(
    ("workflow", "sentence"),
    [
        (changed(retryStrategy={"limit": 1}), "spec.retryStrategy retries every template"),
        (changed(main__retryStrategy={"limit": 1}), "of the template main retries the whole of it"),
        (changed(work__retryStrategy={"backoff": {"duration": "1s"}}), "of the template work has no limit"),
    ],
)
def test_what_argo_takes_but_nobody_means_is_warned_about(workflow: dict[str, Any], sentence: str) -> None:
    warnings = check(workflow)
    assert len(warnings) == 1
    assert sentence in warnings[0]


@pytest.mark.parametrize("recording", ["fanout-ok", "fanout-map-items", "dag-diamond", "suspend-resume", "outputs"])
def test_manifests_that_a_real_argo_ran_are_free_of_complaints(recording: str) -> None:
    assert check(recordings.workflow(recording)) == []


@pytest.mark.parametrize("name", ["Upper", "a_b", "-a", "a-", "a" * 64, ""])
def test_a_name_that_kubernetes_refuses_is_refused_before(name: str) -> None:
    with pytest.raises(ManifestError, match="cannot be a Workflow's name"):
        check({**gpu_say(), "metadata": {"name": name}})


@pytest.mark.parametrize("recording", ["fanout-ok", "fanout-map-items", "fanout-one-fails", "dag-diamond", "dag-fails"])
def test_every_node_that_a_real_argo_made_was_foreseen(recording: str) -> None:
    workflow = recordings.workflow(recording)
    real = {node["name"] for node in nodes_of(workflow).values()}
    assert real <= set(node_names(workflow, workflow["metadata"]["name"]))


def test_the_nodes_of_a_fan_out_are_its_items_and_their_attempts() -> None:
    workflow = with_parameters(gpu_say(), {"messages": ["a"]})
    assert node_names(workflow, "w") == ["w", "w[0]", "w[0].n(0:a)", *(f"w[0].n(0:a)({n})" for n in range(3))]


def test_a_template_that_calls_itself_ends() -> None:
    twice = [[{"name": "again", "template": "main"}, {"name": "anew", "template": "main"}]]
    workflow = changed(main__steps=twice, main__retryStrategy={"limit": 3})
    assert len(node_names(workflow, "w")) < 100


def colliding() -> tuple[dict[str, Any], str]:
    items = [f"item-{number}" for number in range(20000)]
    workflow = with_parameters(changed(work__retryStrategy=None), {"messages": items})
    for number in range(100):
        name = f"collide-{number}"
        if collisions(name, node_names(workflow, name)):
            return workflow, name
    raise LookupError("100 names without a collision among 20,000 nodes: the hash is not what it was")


def test_a_name_is_never_one_under_which_argo_would_skip_an_item() -> None:
    workflow, name = colliding()
    with pytest.raises(ManifestError, match="get the same ID"):
        check_collisions(workflow, name)
    chosen = choose_name(workflow, name[:-1], "")
    assert chosen != name
    check_collisions(workflow, chosen)


def test_the_same_run_gets_the_same_name_however_long_its_prefix() -> None:
    label = run_label("build 7/ä")
    name = choose_name(gpu_say(), "p" * 80, label)
    assert name == choose_name(gpu_say(), "p" * 80, label)
    assert len(name) == MAX_NAME
    assert label in name


def test_a_hash_tells_manifests_apart_and_not_their_names() -> None:
    def digest(workflow: dict[str, Any], config_maps: dict[str, Any] | None = None) -> str:
        return manifest_hash(workflow, config_maps or {})

    renamed = {**gpu_say(), "metadata": {"name": "other"}}
    assert digest(gpu_say()) == digest(renamed)
    assert digest(gpu_say()) != digest(changed(parallelism=2))
    assert digest(gpu_say()) != digest(gpu_say(), {"items-0": {"0": "x"}})
    assert digest(gpu_say()) != digest({**gpu_say(), "metadata": {"labels": {"a": "b"}}})


def test_differences_name_the_place_and_both_values() -> None:
    wanted = gpu_say()["spec"]
    there = copy.deepcopy(wanted)
    there["templates"][1].update(inputs={"parameters": [{"name": "message"}]}, outputs={}, metadata={})
    there["templates"][1]["retryStrategy"]["limit"] = "2"
    assert differences(there, wanted) == []
    wanted["templates"][1]["container"]["image"] = "alpine"
    wanted["parallelism"] = 3
    assert differences(there, wanted) == [
        'spec.templates[1].container.image is "busybox", "alpine" was asked for',
        "spec.parallelism is not set, 3 was asked for",
    ]
