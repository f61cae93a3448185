# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which containers a pod has, and which of them the option `containers` means."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._argo.pods import (
    HOPELESS_REASONS,
    IMAGE_REASONS,
    START_REASONS,
    Container,
    choose_containers,
    own_containers,
    trim,
    wanted_containers,
)
from ansible_collections.argo.workflows.tests.support import recordings

AT = "2026-11-22T15:45:18Z"


def pod(*names: str, phase: str = "Running", **states: dict[str, Any]) -> dict[str, Any]:
    return {
        "status": {
            "phase": phase,
            "initContainerStatuses": [{"name": "init"}],
            "containerStatuses": [{"name": name, "state": states.get(name, {})} for name in [*names, *states]],
        }
    }


def with_a_sidecar() -> dict[str, Any]:
    """A pod of a containerSet `a, main` that somebody has injected a sidecar into."""
    [recorded] = recordings.pods("container-set")
    trimmed = trim(recorded)
    trimmed["status"]["containerStatuses"].append({"name": "proxy", "state": {}})
    return trimmed


@pytest.mark.parametrize(
    ("has", "own"),
    [
        (pod("main", "wait", "proxy"), ["main"]),
        (pod("a", "b", "wait"), ["a", "b"]),
        (pod("a", "supervisor", "artifact-plugin-s3"), ["a"]),
        (pod("wait"), []),
        (with_a_sidecar(), ["a", "main"]),
    ],
)
def test_the_own_containers_of_a_pod_are_those_of_its_template(has: dict[str, Any], own: list[str]) -> None:
    assert own_containers(has) == own


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (["main"], ["a", "b"]),
        (["all"], ["init", "a", "b", "wait"]),
        (["wait", "main"], ["wait", "a", "b"]),
        (["b", "main", "b"], ["b", "a"]),
        (["nobody"], ["nobody"]),
        ([], []),
    ],
)
def test_main_chooses_the_own_containers_all_every_one_and_a_name_itself(
    wanted: list[str], expected: list[str]
) -> None:
    assert choose_containers(wanted, ["a", "b"], ["init", "a", "b", "wait"]) == expected


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (["main"], ["main"]),
        (["all"], ["init", "main", "wait", "proxy"]),
        (["proxy", "wait"], ["wait", "proxy"]),
        (["nobody"], []),
    ],
)
def test_the_wanted_containers_are_those_that_a_pod_has(wanted: list[str], expected: list[str]) -> None:
    assert [container.name for container in wanted_containers(pod("main", "wait", "proxy"), wanted)] == expected


WORDS = "the kubelet has lost the container"
LOST = {"exitCode": 137, "reason": "ContainerStatusUnknown", "message": "m"}
NEVER_RAN = Container("main", False, "", True, never_ran=True)


@pytest.mark.parametrize(
    ("phase", "state", "container"),
    [
        ("Pending", {"waiting": {}}, Container("main", False, "", False)),
        ("Running", {"running": {"startedAt": AT}}, Container("main", True, AT, False)),
        ("Running", {"terminated": {"startedAt": AT}}, Container("main", True, AT, True)),
        ("Running", {"terminated": {"startedAt": None, "reason": "StartError"}}, NEVER_RAN),
        ("Failed", {"terminated": {"startedAt": None, "reason": "ContainerCannotRun"}}, NEVER_RAN),
        (
            "Failed",
            {"terminated": LOST},
            Container("main", False, "", True, lost=f"{WORDS} (ContainerStatusUnknown: m)"),
        ),
        ("Failed", {"terminated": {}}, Container("main", False, "", True, lost=f"{WORDS} (it says no more)")),
        ("Failed", {}, Container("main", False, "", True, lost=f"{WORDS} (it says no more)")),
        ("Failed", {"running": {"startedAt": AT}}, Container("main", True, AT, True)),
        ("Failed", {"waiting": {}}, NEVER_RAN),
    ],
)
def test_a_container_has_ended_with_its_pod_and_started_only_if_its_own_state_says_so(
    phase: str, state: dict[str, Any], container: Container
) -> None:
    assert wanted_containers(pod(phase=phase, main=state), ["main"]) == [container]


def test_what_time_does_not_heal_is_a_reason_of_an_image_or_of_a_start() -> None:
    assert HOPELESS_REASONS < IMAGE_REASONS | START_REASONS


ODD_TEMPLATES = ['["containerSet"]', '"containerSet"', '{"containerSet": [1]}', '{"containerSet": {"containers": 1}}']


@pytest.mark.parametrize("text", ODD_TEMPLATES)
def test_a_template_in_a_pod_that_argo_did_not_write_names_no_containers(text: str) -> None:
    assert "containerSet" not in trim(pod_with_template(text))["spec"]


def test_a_template_in_a_pod_that_nests_too_deep_names_no_containers() -> None:
    assert "containerSet" not in trim(pod_with_template('{"containerSet":' + "[" * 100_000))["spec"]


def pod_with_template(text: str) -> dict[str, Any]:
    container = {"name": "main", "env": [{"name": "ARGO_TEMPLATE", "value": text}]}
    return {"metadata": {"name": "p", "uid": "u"}, "spec": {"containers": [container]}, "status": {"phase": "Running"}}
