# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Workflow and its nodes, as the API server returns them. Private to the collection. Pure."""

from __future__ import annotations

import base64
import gzip
import importlib
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.argo.workflows.plugins.module_utils._argo.names import name_of
from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import (
    COMPLETED_LABEL,
    DONE_PHASES,
    PHASE_LABEL,
    Json,
    at,
)


class NodesError(Exception):
    """The nodes of a Workflow cannot be read from the object; the text says why and what to do."""


def phase_of(workflow: Json) -> str:
    """The phase of a Workflow; one that the controller has not seen yet is "Pending".

    Works on the whole object and on its metadata alone (PartialObjectMetadata), where the phase is a label. Where the
    metadata are newer than the status, it is the end that only one of them knows.
    """
    phases = [at(workflow, "status", "phase"), labels_of(workflow).get(PHASE_LABEL)]
    return str(max(filter(None, phases), key=DONE_PHASES.__contains__, default="Pending"))


def is_done(workflow: Json) -> bool:
    """Whether a Workflow has ended. `finishedAt` does not tell: some ends never set it (argo-workflows#13550)."""
    return phase_of(workflow) in DONE_PHASES or labels_of(workflow).get(COMPLETED_LABEL) == "true"


def status_of(workflow: Json, nodes: Mapping[str, Json]) -> str:
    """The phase with what `argo get` adds to it: "Running (Suspended)", "Failed (Terminated)"."""
    phase = phase_of(workflow)
    spec = workflow.get("spec") or {}
    if phase == "Running" and (spec.get("suspend") or any(map(is_active_suspend, nodes.values()))):
        return "Running (Suspended)"
    if phase == "Failed" and spec.get("shutdown"):
        return "Failed (Terminated)"
    return phase


def is_active_suspend(node: Json) -> bool:
    """Whether a node is a Suspend step that waits to be resumed."""
    return node.get("type") == "Suspend" and node.get("phase") == "Running"


def nodes_of(workflow: Json) -> dict[str, dict[str, Any]]:
    """The nodes of a Workflow by node ID, decompressed if the controller compressed them; {} before it has any.

    Raises NodesError for statuses kept in the controller's database, for a compression whose library is
    missing, and for damaged data.
    """
    status = workflow.get("status") or {}
    if status.get("nodes"):
        return _checked(status["nodes"], name_of(workflow))
    if status.get("compressedNodes"):
        return _checked(_decompress(name_of(workflow), status["compressedNodes"]), name_of(workflow))
    if status.get("offloadNodeStatusVersion"):
        raise NodesError(
            f"the nodes of the Workflow {name_of(workflow)} are offloaded to the controller's database, "
            "where only the Argo Server can read them"
        )
    return {}


MAX_NODES = 64 * 2**20
"""Bytes of the nodes of a Workflow that are unpacked at most; 10,000 nodes have some 10 MiB."""
_PIECE = 65536


_MAPPINGS = ("synchronizationStatus", "inputs", "outputs", "templateRef", "nodeFlag", "resourcesDuration")
_TEXTS = ("id", "name", "displayName", "type", "phase", "message", "boundaryID", "templateName")


def _checked(nodes: Any, workflow_name: str) -> dict[str, dict[str, Any]]:
    """The nodes; NodesError if they are not such as Argo writes: anybody may write a status who may write Workflows."""
    if isinstance(nodes, Mapping) and all(map(_is_node, nodes.values())):
        return dict(nodes)
    raise NodesError(f"the nodes of the Workflow {workflow_name} are not such as Argo writes them")


def _is_node(node: Any) -> bool:
    """Whether a node has the types of Argo's NodeStatus, as far as they are read; null counts as missing."""
    return (
        isinstance(node, Mapping)
        and all(isinstance(node.get(key) or "", str) for key in _TEXTS)
        and all(isinstance(node.get(key) or {}, Mapping) for key in _MAPPINGS)
        and isinstance(children := node.get("children") or [], list)
        and all(isinstance(child, str) for child in children)
    )


def _decompress(workflow_name: str, compressed: str) -> Any:
    try:
        data = base64.b64decode(compressed, validate=True)
        return json.loads(_unpack(data, workflow_name))
    except NodesError:
        raise
    except Exception as error:  # every library has its own exceptions for damaged data
        raise NodesError(
            f"the compressed nodes of the Workflow {workflow_name} cannot be decompressed: {error}"
        ) from error


def _unpack(data: bytes, workflow_name: str) -> bytes:
    """What was compressed; NodesError if it is more than MAX_NODES bytes."""
    pieces, size = [], 0
    for piece in _pieces(data, workflow_name):
        size += len(piece)
        if size > MAX_NODES:
            raise NodesError(
                f"the compressed nodes of the Workflow {workflow_name} are not read: they are more than "
                f"{MAX_NODES // 2**20} MiB"
            )
        pieces.append(piece)
    return b"".join(pieces)


def _pieces(data: bytes, workflow_name: str) -> Iterator[bytes]:
    """What was compressed, in pieces, whichever of Argo's three algorithms it was."""
    if data[:2] == b"\x1f\x8b":
        stream: Any = gzip.GzipFile(fileobj=io.BytesIO(data))
    elif data[:4] == b"\x28\xb5\x2f\xfd":
        decompressor = _library("zstandard", "ZstdDecompressor", "zstd", workflow_name)()
        stream = decompressor.stream_reader(data, read_across_frames=True)
    else:
        yield from _brotli_pieces(data, _library("brotli", "Decompressor", "brotli", workflow_name)())
        return
    while piece := stream.read(_PIECE):
        yield piece


def _brotli_pieces(data: bytes, decompressor: Any) -> Iterator[bytes]:
    if not hasattr(decompressor, "can_accept_more_data"):
        raise NotImplementedError("the library brotli is older than 1.2, which bounds what it unpacks at once")
    piece = decompressor.process(data, output_buffer_limit=_PIECE)
    while piece:
        yield piece
        piece = b"" if decompressor.is_finished() else decompressor.process(b"", output_buffer_limit=_PIECE)
    if not decompressor.is_finished():
        raise EOFError("they are cut off")


def _library(module: str, made_by: str, algorithm: str, workflow_name: str) -> Any:
    """What a Python library decompresses with; NodesError if the library is not there, or is older than it."""
    try:
        return getattr(importlib.import_module(module), made_by)
    except (ImportError, AttributeError) as error:
        raise NodesError(
            f"the nodes of the Workflow {workflow_name} are compressed with {algorithm}, which needs the Python "
            f"library {module}: install it where the module runs, or set WORKFLOW_COMPRESSION_ALGORITHM=gzip on the "
            "controller"
        ) from error


def labels_of(workflow: Json) -> Json:
    return at(workflow, "metadata", "labels") or {}
