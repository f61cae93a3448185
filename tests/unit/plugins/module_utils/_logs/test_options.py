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
    why_endless,
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
    "expression",
    [
        rb"(\w+\s?)+!",
        rb"(a*)*",
        rb"(?:x(?:y+?z){2,})+",
        rb"((a+|b)c)*",
        rb"(a|aa)+",
        rb"(.*a){20}",
        rb"(a?a?)+",
        rb"(?P<word>a|ab)+?b",
        rb"((?>(a+)+b)c)d",
        rb"(?=(a+)*b)",
        rb"(a)(?(1)(b+)+|c)",
        rb"(a+)(?#in vain)+",
        rb"([)]+)*",
        rb"(\(+)*",
    ],
)
def test_an_expression_that_repeats_what_can_be_matched_in_several_ways_is_refused(expression: bytes) -> None:
    assert "repeats a group" in why_endless(re.compile(expression))


@pytest.mark.parametrize(
    "expression",
    [
        rb"(\w++ ?+)+",
        rb"((?>a+)b)+",
        rb"((?>(?:a|aa)b)c)+",
        rb"(a+|b)*+c",
        rb"(?i)error|warn(ing)?s*",
        rb"(?i:error|warning)?",
        rb"a+b+([cd])*e{3}",
        rb"(\d{1,3}+\.){3}\d+",
        rb"(a{2}b)+",
        rb"[a-z]+(?=x+)",
        rb"([(a+)|]b)+",
        rb"[]+|(]+",
        rb"(\(\+\|)+",
        rb"(?P<x>a)(?P=x)+(?#(a+)b*",
        rb"a{,3}{x}",
    ],
)
def test_an_expression_whose_time_does_not_double_with_each_byte_is_taken(expression: bytes) -> None:
    assert not why_endless(re.compile(expression))


def test_a_verbose_expression_is_refused_for_its_blanks_would_be_read_as_they_are() -> None:
    assert "leave the flag x out" in why_endless(re.compile(rb"(?x)(a+) +"))
    assert "leave the flag x out" in why_endless(re.compile(rb"b(?ix:(a+) +)"))


def test_a_search_takes_little_time_in_however_long_a_line() -> None:
    for expression in (rb".*error", rb"\w+ failed"):
        began = time.process_time()
        cutter = Cutter(Cursor(), grep=re.compile(expression))
        assert cutter.feed(b"2026-11-22T15:45:18Z " + b"x" * 60_000 + b"\n").text == b""
        assert time.process_time() - began < 0.5
