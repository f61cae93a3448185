# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What makes a Workflow the same as another one: its name, its run, its manifest. Private to the collection. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from ansible_collections.argo.workflows.plugins.module_utils._argo.lists import node_names
from ansible_collections.argo.workflows.plugins.module_utils._argo.names import collisions
from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import Json, at
from ansible_collections.argo.workflows.plugins.module_utils._submit.checks import MAX_NAME
from ansible_collections.argo.workflows.plugins.module_utils._submit.manifest import ManifestError

RUN_LABEL = "argo-workflows.ansible/run"
"""Holds a hash of the run_id: the way to find all Workflows of a run again."""
PART_LABEL = "argo-workflows.ansible/run-part"
"""Which part of its run a Workflow is, where a run has several."""
RUN_ID_ANNOTATION = "argo-workflows.ansible/run-id"
"""The run_id as it was given."""
MANIFEST_ANNOTATION = "argo-workflows.ansible/manifest"
"""The hash of what was asked for: tells an unchanged manifest from a changed one."""
HELD_ANNOTATION = "argo-workflows.ansible/held"
"""Set while the Workflow is suspended until its ConfigMaps are there."""
_LAST_LETTERS = "0123456789abcdefghijklmnopqrstuv"


def run_label(run_id: str) -> str:
    """The value of RUN_LABEL: 16 hexadecimal digits, whatever the run_id looks like."""
    return hashlib.sha256(run_id.encode()).hexdigest()[:16]


def run_stem(run_id: str, part: str) -> str:
    """What the name of a Workflow has of its run: no two parts of a run, nor of two runs, share it."""
    return run_label(f"{run_id}\n{part}" if part else run_id)[:10]


def run_selector(run_id: str, part: str | None = None) -> str:
    """The labels of the Workflows of a run: of all, or of one part; "" is the Workflow that is not called a part.

    Raises ManifestError for a part that cannot be a label.
    """
    selector = f"{RUN_LABEL}={run_label(run_id)}"
    if part is None:
        return selector
    if not part:
        return f"{selector},!{PART_LABEL}"
    if len(part) > 63 or not re.fullmatch(r"[A-Za-z0-9]([-\w.]*[A-Za-z0-9])?", part, re.ASCII):
        raise ManifestError(
            f'run_part: {part!r} cannot be a label: it may have at most 63 letters, digits, "-", "_" and ".", '
            "and begins and ends with a letter or digit"
        )
    return f"{selector},{PART_LABEL}={part}"


def is_held(workflow: Json) -> bool:
    """Whether a Workflow on the cluster waits for its ConfigMaps."""
    return at(workflow, "metadata", "annotations", HELD_ANNOTATION) is not None


def choose_name(workflow: Json, prefix: str, stem: str) -> str:
    """A name `PREFIX STEM K` of at most 63 characters, K one letter, in which no two nodes have the same ID.

    Argo v4.1.2 silently skips an item whose node ID is taken (argo-workflows#16376), so the first of 32 letters for
    which that does not happen is taken. Same arguments, same name. Raises ManifestError where there is none.
    """
    prefix = prefix[: MAX_NAME - len(stem) - 1]
    for letter in _LAST_LETTERS:
        name = f"{prefix}{stem}{letter}"
        if not collisions(name, node_names(workflow, name)):
            return name
    raise ManifestError(
        f"no name of 32 tried for {prefix}{stem} gives each node an ID of its own: run fewer items at once"
    )


def check_collisions(workflow: Json, name: str) -> None:
    """Raise ManifestError where two nodes of the Workflow get the same ID under this name."""
    for first, second in collisions(name, node_names(workflow, name)):
        raise ManifestError(
            f"under the name {name} the nodes {first} and {second} get the same ID, and Argo would not run "
            "the second: take another name, or leave the name out"
        )


def manifest_hash(workflow: Json, config_maps: Json) -> str:
    """A hash of what was asked for: labels, annotations, spec and the data of its ConfigMaps, but not the name."""
    metadata = workflow["metadata"]
    asked = [metadata.get("labels") or {}, metadata.get("annotations") or {}, workflow["spec"], config_maps]
    return hashlib.sha256(json.dumps(asked, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def differences(there: Any, wanted: Any, path: str = "spec") -> list[str]:
    """What `wanted` says otherwise than what is `there`: `spec.templates[1].container.image is "a", "b" was asked for`.

    What is only `there` was filled in by the API server and is no difference, nor is 1 against "1".
    """
    if isinstance(there, dict) and isinstance(wanted, dict):
        return [line for key, value in wanted.items() for line in differences(there.get(key), value, f"{path}.{key}")]
    if isinstance(there, list) and isinstance(wanted, list) and len(there) == len(wanted):
        pairs = enumerate(zip(there, wanted, strict=True))
        return [line for index, (old, new) in pairs for line in differences(old, new, f"{path}[{index}]")]
    if _same(there, wanted):
        return []
    return [f"{path} is {_short(there)}, {_short(wanted)} was asked for"]


def _same(there: Any, wanted: Any) -> bool:
    """Whether two values mean the same: equal, both empty, or a number and its text."""
    if there == wanted or not (there or wanted):
        return True
    return not isinstance(there, dict | list) and str(there) == str(wanted)


def _short(value: Any) -> str:
    text = "not set" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:77]}..."
