# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which steps a template calls and over which lists is read in one place, as Argo reads it."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._argo.lists import calls, elements, groups, node_names

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
        ({"withSequence": {"count": "2"}}, None),
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
