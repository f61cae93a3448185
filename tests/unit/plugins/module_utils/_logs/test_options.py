# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which logs the options ask for."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._argo.names import parse_node_name
from ansible_collections.argo.workflows.plugins.module_utils._logs.lines import Cursor, Cutter
from ansible_collections.argo.workflows.plugins.module_utils._logs.options import (
    LOG_SPEC,
    LogOptions,
    repeats_repetition,
)

DEFAULTS: dict[str, Any] = {name: option.get("default") for name, option in LOG_SPEC.items()}


def test_the_defaults_of_the_options_are_those_of_the_modules() -> None:
    assert LogOptions.from_params(DEFAULTS) == LogOptions()


@pytest.mark.parametrize(("follow", "least"), [(True, 2), (False, 1)])
def test_to_follow_takes_two_connections(follow: bool, least: int) -> None:
    assert LogOptions.from_params(DEFAULTS | {"parallel_logs": 0}, follow=follow).parallel == least


@pytest.mark.parametrize("choice", ["1", "b", "echo(1:b)", "echo(1:b)(0)"])
def test_an_item_is_chosen_by_its_index_its_value_and_its_names(choice: str) -> None:
    options = LogOptions(items=frozenset({choice}))
    assert options.chooses(parse_node_name("wf", "wf[0].echo(1:b)(0)"))
    assert not options.chooses(parse_node_name("wf", "wf[0].echo(0:a)(0)"))


@pytest.mark.parametrize("choice", ["1", "b", "outer(1:b)"])
def test_an_item_is_chosen_with_all_of_its_own_steps(choice: str) -> None:
    options = LogOptions(items=frozenset({choice}))
    assert options.chooses(parse_node_name("wf", "wf[0].outer(1:b).prep(0)"))
    assert not options.chooses(parse_node_name("wf", "wf[0].outer(0:a).prep(0)"))


def test_without_a_choice_every_node_is_chosen() -> None:
    assert LogOptions().chooses(parse_node_name("wf", "wf"))


@pytest.mark.parametrize(
    ("expression", "repeats"),
    [
        (rb"(\w+\s?)+!", True),
        (rb"(a*)*", True),
        (rb"(?:x(?:y+?z){2,})+", True),
        (rb"((a+|b)c)*", True),
        (rb"(\w++ ?)+", False),
        (rb"((?>a+)b)+", False),
        (rb"(?i)error|warn(ing)?s*", False),
        (rb"a+b+(c|d)*e{3}", False),
        (rb"(\d{1,3}\.){3}\d+", False),
        (rb"[a-z]+(?=x+)", False),
    ],
)
def test_an_expression_that_repeats_a_repetition_is_known(expression: bytes, repeats: bool) -> None:
    assert repeats_repetition(re.compile(expression)) is repeats


def test_a_search_takes_little_time_in_however_long_a_line() -> None:
    for expression in (rb".*error", rb"\w+ failed"):
        began = time.process_time()
        cutter = Cutter(Cursor(), grep=re.compile(expression))
        assert cutter.feed(b"2026-11-22T15:45:18Z " + b"x" * 60_000 + b"\n").text == b""
        assert time.process_time() - began < 0.5
