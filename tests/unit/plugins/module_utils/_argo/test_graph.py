# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pod tells what its node will say."""

from __future__ import annotations

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._argo.graph import node_of_pod, with_pods
from ansible_collections.argo.workflows.plugins.module_utils._argo.nodes import nodes_of
from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import NODE_NAME_ANNOTATION
from ansible_collections.argo.workflows.tests.support import recordings


def test_a_node_that_has_ended_keeps_what_argo_says() -> None:
    nodes = nodes_of(recordings.workflow("workflow-deadline"))
    workflow, pods = recordings.workflow("workflow-deadline"), recordings.pods("workflow-deadline")
    assert with_pods(workflow, nodes, pods) == nodes


def test_a_pod_tells_the_gpu_seconds_that_argo_will_count() -> None:
    told, counted = [], []
    for name in set(recordings.NAMES) - {"invalid-entrypoint"}:
        nodes = nodes_of(recordings.workflow(name))
        for pod in recordings.pods(name):
            node = node_of_pod(name, pod)
            durations = nodes[node["id"]].get("resourcesDuration")
            if durations and "nvidia.com/gpu" in node.get("resourcesDuration", {}):
                told.append((node["id"], node["resourcesDuration"]["nvidia.com/gpu"]))
                counted.append((node["id"], durations["nvidia.com/gpu"]))
    assert told == counted
    assert len(told) > 20


def test_a_pod_that_cannot_be_scheduled_says_why() -> None:
    (pod,) = recordings.pods("fanout-unschedulable")
    assert node_of_pod("fanout-unschedulable", pod)["message"].startswith("Unschedulable: 0/1 nodes are available")


def test_a_killed_sidecar_does_not_make_a_pod_fail() -> None:
    (pod,) = recordings.pods("sidecar")
    assert pod["status"]["phase"] == "Failed"
    assert node_of_pod("sidecar", pod)["phase"] == "Succeeded"


@pytest.mark.parametrize("name", ["x)", "." * 3000, "fanout-ok." + "a." * 1000, ")("])
def test_a_pod_with_a_name_that_argo_never_gives_does_not_keep_the_others_from_being_shown(name: str) -> None:
    workflow = recordings.workflow("fanout-ok")
    pod = recordings.pods("fanout-ok")[0]
    odd = {**pod, "metadata": {**pod["metadata"], "annotations": {NODE_NAME_ANNOTATION: name}}}
    alone = with_pods(workflow, {}, [pod])
    assert alone.items() <= with_pods(workflow, {}, [odd, pod]).items()
