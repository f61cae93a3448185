# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same run has the same name, and no name under which Argo would skip an item."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._argo.lists import node_names
from ansible_collections.argo.workflows.plugins.module_utils._argo.names import collisions
from ansible_collections.argo.workflows.plugins.module_utils._submit.checks import MAX_NAME
from ansible_collections.argo.workflows.plugins.module_utils._submit.identity import (
    check_collisions,
    choose_name,
    differences,
    manifest_hash,
    run_label,
)
from ansible_collections.argo.workflows.plugins.module_utils._submit.manifest import ManifestError, with_parameters
from ansible_collections.argo.workflows.tests.support.manifests import changed, gpu_say


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


def test_two_elements_of_a_sequence_with_one_node_id_are_noticed() -> None:
    """Argo v4.1.2 ran 1,499 of these 1,500 steps, and the Workflow had succeeded."""
    step = {"name": "n", "template": "leaf", "withSequence": {"count": 1500}}
    templates = [{"name": "main", "steps": [[step]]}, {"name": "leaf", "suspend": {}}]
    workflow = {"metadata": {}, "spec": {"entrypoint": "main", "templates": templates}}
    with pytest.raises(ManifestError, match=re.escape("seq-155[0].n(499:499) and seq-155[0].n(1427:1427)")):
        check_collisions(workflow, "seq-155")
    choose_name(workflow, "seq-", "155")
