# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Workflow that ends Argo's controller is found in its log."""

from __future__ import annotations

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._argo.panics import Culprit, culprit_of

PANIC = (
    'panic: unable to calculate an index entry for key "trial/env-value-x7k2v" on index "bySemaphoreConfigMap": json: '
    "cannot unmarshal number into Go struct field EnvVar.value of type string"
)
HEALTH = (
    'time=2026-11-27T10:00:00.000Z level=INFO msg=healthz error="workflow exceeds max age and no progress: '
    'trial/again-status-9k2p4" age=5m0s'
)


@pytest.mark.parametrize(
    ("log", "culprit"),
    [
        (f"started\n{PANIC}\n\ngoroutine 1 [running]:\n", Culprit("trial", "env-value-x7k2v", PANIC)),
        (HEALTH, Culprit("trial", "again-status-9k2p4", "no progress: trial/again-status-9k2p4")),
        ("panic: runtime error: index out of range\n\ngoroutine 1 [running]:\nmain.go:12\n", None),
        ("unable to retrieve container logs for containerd://0123", None),
        ("", None),
    ],
)
def test_the_workflow_that_a_controller_ended_for_is_in_its_log(log: str, culprit: Culprit | None) -> None:
    assert culprit_of(log) == culprit
