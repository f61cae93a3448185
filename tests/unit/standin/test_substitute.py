# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tags, items and expressions of the stand-in."""

from __future__ import annotations

import pytest
from standin import InvalidSpecError, UnsupportedError
from standin.substitute import evaluate, replace, split_list


def test_tags_are_replaced_inside_any_value_and_unknown_ones_stay() -> None:
    scope = {"workflow.name": 'a "name"\n'}
    assert replace({"x": ["{{ workflow.name }}", "{{inputs.parameters.y}}"]}, scope) == {
        "x": ['a "name"\n', "{{inputs.parameters.y}}"]
    }


@pytest.mark.parametrize(
    ("text", "label", "item"),
    [
        ('"with space"', "with space", "with space"),
        ('"quote\\"inside"', 'quote\\"inside', 'quote"inside'),
        ('"\\u00e9"', "\\u00e9", "é"),
        ('"paren(1)"', "paren1", "paren(1)"),
        ("0.10", "0.10", "0.10"),
        ("true", "true", "true"),
        ('{"b": 0.10, "a": "x"}', "a:x,b:0.1", '{"a":"x","b":0.1}'),
        ('[1, "b"]', "[1 b]", '[1,"b"]'),
    ],
)
def test_an_item_has_a_label_for_its_node_and_a_text_for_its_template(text: str, label: str, item: str) -> None:
    (found,) = split_list(f"[ {text} ]")
    assert found.label() == label
    assert found.scope()["item"] == item


def test_the_members_of_an_object_are_tags_of_their_own() -> None:
    (found,) = split_list('[{"model": "vit", "lr": 0.01}]')
    assert found.scope()["item.model"] == "vit"
    assert found.scope()["item.lr"] == "0.01"


@pytest.mark.parametrize("text", ["{}", "nonsense", "{{workflow.parameters.missing}}"])
def test_what_is_no_list_is_refused(text: str) -> None:
    with pytest.raises(InvalidSpecError, match="could not be parsed as a JSON list"):
        split_list(text)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("lastRetry.exitCode == '9'", True),
        ("asInt(lastRetry.exitCode) in [9]", None),
        ("!(lastRetry.message matches 'dead.*') || lastRetry.exitCode == '8'", False),
        ('lastRetry.message matches "dead && !x"', False),
        ("split('a:b', ':')[1]", "b"),
        ("system('x')", None),
    ],
)
def test_simple_expressions_have_a_value_and_others_are_refused(expression: str, value: object) -> None:
    scope = {"lastRetry.exitCode": "9", "lastRetry.message": "deadline"}
    if value is None:
        with pytest.raises(UnsupportedError, match="is not supported"):
            evaluate(expression, scope)
    else:
        assert evaluate(expression, scope) == value
