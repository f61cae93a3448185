# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a real Argo Workflows v4.1.2 did, from tests/recordings (see the README there)."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "recordings"
NAMES = sorted(path.parent.name for path in FOLDER.glob("*/workflow-watch.ndjson"))

Json = dict[str, Any]


def workflow_events(name: str) -> list[Json]:
    """The Workflow as it was after each of its watch events."""
    return [event["object"] for event in _lines((FOLDER / name / "workflow-watch.ndjson").read_text())]


def workflow(name: str) -> Json:
    """The Workflow at the end."""
    return workflow_events(name)[-1]


def submitted(name: str) -> Json:
    """The Workflow as it was before a cluster added to it."""
    recorded = workflow(name)
    metadata = {key: value for key, value in recorded["metadata"].items() if key in ("name", "namespace")}
    spec = {key: value for key, value in recorded["spec"].items() if key != "shutdown"}
    return {"apiVersion": recorded["apiVersion"], "kind": "Workflow", "metadata": metadata, "spec": spec}


def pod_events(name: str) -> list[Json]:
    """The watch events of the Workflow's pods: {"type": …, "object": …}."""
    return _lines(gzip.decompress((FOLDER / name / "pods-watch.ndjson.gz").read_bytes()).decode())


def pods(name: str) -> list[Json]:
    """The pods as they were when last seen, the deleted ones too."""
    return list({event["object"]["metadata"]["uid"]: event["object"] for event in pod_events(name)}.values())


def _lines(text: str) -> list[Json]:
    return [json.loads(line) for line in text.splitlines() if line]


def logs(name: str) -> dict[str, bytes]:
    """What `argo logs --timestamps` printed, by pod: the kubelet's lines, executor's and all."""
    found: dict[str, bytes] = {}
    path = FOLDER / name / "argo-logs.txt"
    for line in path.read_bytes().splitlines(keepends=True) if path.exists() else []:
        pod, _colon, text = line.partition(b": ")
        found[pod.decode()] = found.get(pod.decode(), b"") + text
    return found
