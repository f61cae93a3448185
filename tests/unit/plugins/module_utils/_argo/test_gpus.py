# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GPU-seconds are counted as Argo counts them."""

from __future__ import annotations

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._argo.gpus import GpuSeconds, gpu_seconds
from ansible_collections.argo.workflows.plugins.module_utils._argo.nodes import nodes_of
from ansible_collections.argo.workflows.tests.support import recordings


@pytest.mark.parametrize(
    ("name", "total", "failed"), [("fanout-one-fails", 9, 5), ("fanout-ok", 5, 0), ("dag-fails", 6, 2)]
)
def test_gpu_seconds_are_counted_once_and_those_of_failed_attempts_apart(name: str, total: int, failed: int) -> None:
    workflow = recordings.workflow(name)
    assert gpu_seconds(nodes_of(workflow)) == GpuSeconds(total, failed)
    assert workflow["status"]["resourcesDuration"]["nvidia.com/gpu"] == total


@pytest.mark.parametrize(
    ("resource", "counts"),
    [
        ("nvidia.com/gpu", True),
        ("nvidia.com/gpu.shared", True),
        ("nvidia.com/mig-1g.5gb", True),
        ("amd.com/gpu", True),
        ("gpu.intel.com/i915", True),
        ("cpu", False),
        ("memory", False),
        ("example.com/gpu-memory", False),
    ],
)
def test_every_kind_of_gpu_counts_and_nothing_else(resource: str, counts: bool) -> None:
    nodes = {"wf": {"type": "Pod", "phase": "Error", "resourcesDuration": {resource: 7}}}
    assert gpu_seconds(nodes) == (GpuSeconds(7, 7) if counts else GpuSeconds(0, 0))
