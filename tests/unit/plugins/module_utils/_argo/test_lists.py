# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which steps a template calls and over which lists is read in one place, as Argo reads it."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._argo.lists import (
    MOST_ATTEMPTS,
    Lists,
    calls,
    elements,
    groups,
    node_names,
)
from ansible_collections.argo.workflows.plugins.module_utils._argo.names import parse_node_name
from ansible_collections.argo.workflows.plugins.module_utils._argo.nodes import nodes_of
from ansible_collections.argo.workflows.plugins.module_utils._submit.manifest import with_parameters
from ansible_collections.argo.workflows.tests.support import recordings
from ansible_collections.argo.workflows.tests.support.manifests import changed, gpu_say

PARAMETERS = {"workflow.parameters.items": '["a", 7]', "workflow.parameters.one": "a", "inputs.parameters.list": "[1]"}


def workflow(**call: Any) -> dict[str, Any]:
    return {
        "spec": {
            "entrypoint": "main",
            "arguments": {"parameters": [{"name": "items", "value": '["a","b"]'}]},
            "templates": [
                {"name": "main", "steps": [[{"name": "echo", "template": "work", **call}]]},
                {"name": "work"},
            ],
        }
    }


@pytest.mark.parametrize("blank", ["", " ", "  "])
def test_a_tag_with_blanks_inside_of_its_braces_is_the_same_list(blank: str) -> None:
    """Argo trims a tag (simple_template.go); else the guard against colliding node IDs would not see the items."""
    tag = f"{{{{{blank}workflow.parameters.items{blank}}}}}"
    assert node_names(workflow(withParam=tag), "x") == ["x", "x[0]", "x[0].echo(0:a)", "x[0].echo(1:b)"]


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ({"withItems": [1, {"a": None}]}, [1, {"a": None}]),
        ({"withParam": "{{workflow.parameters.items}}"}, ["a", 7]),
        ({"withParam": " {{ inputs.parameters.list }} "}, [1]),
        ({"withParam": '["{{workflow.parameters.one}}", "b"]'}, ["a", "b"]),
        ({"withParam": '["{{workflow.parameters.other}}"]'}, None),
        ({"withParam": "{{steps.a.outputs.result}}"}, None),
        ({"withParam": "{{=jsonpath(workflow.parameters.items, '$')}}"}, None),
        ({"withParam": '{"a": 1}'}, None),
        ({"withSequence": {"count": "2"}}, ["0", "1"]),
        ({"withSequence": {"start": 3, "count": 2, "format": "gpu%02d"}}, ["gpu03", "gpu04"]),
        ({"withSequence": {"start": "2", "end": "0"}}, ["2", "1", "0"]),
        ({"withSequence": {"end": "{{inputs.parameters.unknown}}"}}, None),
        ({"withSequence": {"count": 2_000_000_000}}, None),
        ({"withSequence": {"count": "{{steps.a.outputs.result}}"}}, None),
        ({"withItems": [{"m": "{{ workflow.parameters.one }}-s", "lr": 0.1}]}, [{"m": "a-s", "lr": 0.1}]),
        ({"withItems": ["{{inputs.parameters.unknown}}"]}, ["{{inputs.parameters.unknown}}"]),
        ({"withItems": [], "withParam": ""}, None),
        ({"withItems": None, "withParam": None}, None),
        ({}, None),
    ],
)
def test_the_list_of_a_call_is_the_one_that_argo_runs_over(call: dict[str, Any], expected: Any) -> None:
    assert elements(call, PARAMETERS) == expected


def test_the_calls_of_a_template_are_grouped_as_they_start() -> None:
    a, b, c = ({"name": name} for name in "abc")
    assert groups({"steps": [[a, b], [c]]}) == [("[0]", [a, b]), ("[1]", [c])]
    assert groups({"dag": {"tasks": [a, b]}}) == [("", [a, b])]
    assert list(calls({"steps": [[a, b], [c]]})) == [a, b, c]
    assert groups({"container": {}}) == []


def test_a_step_outside_of_a_group_is_no_call_and_no_error() -> None:
    """Argo cannot read such a Workflow, but it may be on a cluster."""
    assert list(calls({"steps": [{"name": "a"}, [{"name": "b"}]]})) == [{"name": "b"}]


@pytest.mark.parametrize("recording", ["fanout-ok", "fanout-map-items", "fanout-one-fails", "dag-diamond", "dag-fails"])
def test_every_node_that_a_real_argo_made_was_foreseen(recording: str) -> None:
    workflow = recordings.workflow(recording)
    real = {node["name"] for node in nodes_of(workflow).values()}
    assert real <= set(node_names(workflow, workflow["metadata"]["name"]))


def test_the_nodes_of_a_fan_out_are_its_items_and_their_attempts() -> None:
    workflow = with_parameters(gpu_say(), {"messages": ["a"]})
    assert node_names(workflow, "w") == ["w", "w[0]", "w[0].n(0:a)", *(f"w[0].n(0:a)({n})" for n in range(3))]


def test_a_retry_limit_of_two_thousand_million_takes_no_time() -> None:
    leaf = {"name": "main", "container": {}, "retryStrategy": {"limit": 2_147_483_647}}
    names = node_names({"spec": {"entrypoint": "main", "templates": [leaf]}}, "wf")
    assert names[:3] == ["wf", "wf(0)", "wf(1)"] and len(names) == MOST_ATTEMPTS + 1


def test_a_template_that_calls_itself_ends() -> None:
    twice = [[{"name": "again", "template": "main"}, {"name": "anew", "template": "main"}]]
    workflow = changed(main__steps=twice, main__retryStrategy={"limit": 3})
    assert len(node_names(workflow, "w")) < 100


def test_a_list_that_nests_too_deep_is_not_known() -> None:
    assert elements({"withParam": "[" * 100_000}, {}) is None


@pytest.mark.parametrize(
    "spec",
    [
        {"templates": {"main": {}}},
        {"templates": ["main"]},
        {"templates": [{"steps": [["a"]]}]},
        {"templates": 7},
        {"arguments": {"parameters": {"a": 1}}},
        {"arguments": ["a"]},
    ],
)
def test_a_spec_that_argo_refuses_has_no_lists(spec: dict[str, Any]) -> None:
    assert Lists({"spec": spec}, {}).value(parse_node_name("wf", "wf[0].a(0:x)"), None) == "x"
