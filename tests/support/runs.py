# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs as the recordings tell them."""

from __future__ import annotations

from ansible_collections.argo.workflows.plugins.module_utils._argo.pods import trim
from ansible_collections.argo.workflows.plugins.module_utils._follow.run import Run
from ansible_collections.argo.workflows.tests.support import recordings


def replay(name: str, *, workflow_events: int | None = None, pod_events: int | None = None) -> Run:
    """A run after the first events of a recording."""
    workflows = recordings.workflow_events(name)[:workflow_events]
    run = Run(workflows[0]["metadata"], 0.0)
    for workflow in workflows:
        run.see_metadata(workflow["metadata"], 0.0)
        run.see_workflow(workflow, 0.0)
    for event in recordings.pod_events(name)[:pod_events]:
        run.see_pod(trim(event["object"]), 0.0, deleted=event["type"] == "DELETED")
    return run
