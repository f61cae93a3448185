# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's configuration is read in both of its forms, and what is none does not end whoever looks at it."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.configuration import (
    defaults_of,
    instance_id_of,
)

UNREADABLE = [{"config": "oops"}, {"config": "- oops"}, {"config": "a: [b"}, {"config": "[" * 5000}, {"a": "[b"}]


@pytest.mark.parametrize(
    ("data", "instance_id"),
    [
        (None, ""),
        ({}, ""),
        ({"config": None}, ""),
        ({"config": ""}, ""),
        ({"config": "instanceID: blue"}, "blue"),
        ({"instanceID": "blue"}, "blue"),
        ({"instanceID": '"0123"', "parallelism": "5"}, "0123"),
    ],
)
def test_the_instance_id_is_read_of_both_forms_of_the_configuration(data: Any, instance_id: str) -> None:
    assert instance_id_of({"data": data}) == instance_id


@pytest.mark.parametrize(
    ("data", "defaults"),
    [
        ({"config": "workflowDefaults: {spec: {entrypoint: a}}"}, {"spec": {"entrypoint": "a"}}),
        ({"workflowDefaults": "spec:\n  entrypoint: a\n"}, {"spec": {"entrypoint": "a"}}),
        ({"config": "parallelism: 5"}, {}),
        ({}, {}),
        (None, {}),
        ({"workflowDefaults": "[1]"}, None),
    ],
)
def test_the_defaults_are_read_of_both_forms_of_the_configuration(data: Any, defaults: dict[str, Any] | None) -> None:
    assert defaults_of({"data": data}) == defaults


def test_where_there_is_no_config_map_nothing_is_set() -> None:
    assert (instance_id_of(None), defaults_of(None)) == ("", {})


@pytest.mark.parametrize("data", UNREADABLE)
def test_a_configuration_that_is_none_is_not_known(data: dict[str, str]) -> None:
    assert (instance_id_of({"data": data}), defaults_of({"data": data})) == (None, None)
