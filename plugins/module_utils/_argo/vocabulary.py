# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of Argo Workflows: phases, labels, annotations, and how its objects are read. Private. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

Json = Mapping[str, Any]
DONE_PHASES = frozenset({"Succeeded", "Failed", "Error"})
"""The phases a Workflow ends in."""
NODE_DONE_PHASES = DONE_PHASES | {"Skipped", "Omitted"}
"""The phases a node ends in."""
COMPLETED_LABEL = "workflows.argoproj.io/completed"
PHASE_LABEL = "workflows.argoproj.io/phase"
POD_NAME_FORMAT_ANNOTATION = "workflows.argoproj.io/pod-name-format"
NODE_NAME_ANNOTATION = "workflows.argoproj.io/node-name"
NODE_ID_ANNOTATION = "workflows.argoproj.io/node-id"
INSTANCE_ID_LABEL = "workflows.argoproj.io/controller-instanceid"
WORKFLOW_LABEL = "workflows.argoproj.io/workflow"
API_VERSION = "argoproj.io/v1alpha1"
EXECUTOR_CONTAINERS = ("init", "wait", "supervisor")
"""What Argo adds to each pod, besides containers called `artifact-plugin-…`."""


ODD = (AttributeError, KeyError, TypeError)
"""What comes of reading an object as Argo writes it that is not so: who may write Workflows may write anything."""


def at(value: Json | None, *keys: str) -> Any:
    """What lies below these keys, None where one of them is missing.

    A key whose value is null counts as missing, as in Kubernetes: `at({"spec": None}, "spec", "templates")` is None.
    """
    found: Any = value
    for key in keys:
        if found is None:
            return None
        found = found.get(key)
    return found


def selector_of(label_selectors: Collection[str], phases: Collection[str], instance_id: str | None) -> str:
    """The labels that the API server is to choose Workflows by; one that no controller has seen has none of its phase.

    So "Pending" cannot be chosen by a label, and who asks for it looks at the phases again.
    """
    selectors = list(label_selectors)
    if instance_id:
        selectors.append(f"{INSTANCE_ID_LABEL}={instance_id}")
    if phases and "Pending" not in phases:
        selectors.append(f"{PHASE_LABEL} in ({','.join(phases)})")
    return ",".join(selectors)
