# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Workflow's phase and nodes are read from whatever the API server returns of it."""

from __future__ import annotations

import base64
import gzip
import json
import sys
import tracemalloc
from typing import Any

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._argo import nodes as nodes_module
from ansible_collections.argo.workflows.plugins.module_utils._argo.nodes import (
    NodesError,
    is_done,
    nodes_of,
    phase_of,
    status_of,
)
from ansible_collections.argo.workflows.tests.support import recordings


@pytest.mark.parametrize("name", recordings.NAMES)
def test_the_end_of_a_workflow_is_told_by_the_object_and_by_its_metadata_alike(name: str) -> None:
    for workflow in recordings.workflow_events(name):
        metadata_only = {"metadata": workflow["metadata"]}
        assert is_done(workflow) == is_done(metadata_only)
        assert phase_of(workflow) == phase_of(metadata_only)
    assert is_done(recordings.workflow(name))
    assert not is_done(recordings.workflow_events(name)[0])


def test_a_workflow_nobody_has_seen_is_pending() -> None:
    assert phase_of({"metadata": {"name": "wf"}, "status": {"phase": ""}}) == "Pending"


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("terminated", "Failed (Terminated)"),
        ("fanout-one-fails", "Failed"),
        ("fanout-ok", "Succeeded"),
    ],
)
def test_the_status_is_that_of_argo_get(name: str, status: str) -> None:
    workflow = recordings.workflow(name)
    assert status_of(workflow, nodes_of(workflow)) == status


def test_gzip_nodes_are_decompressed() -> None:
    workflow = recordings.workflow("fanout-compressed-gzip")
    assert "nodes" not in workflow["status"]
    assert len(nodes_of(workflow)) == 42


def compressed(data: bytes) -> recordings.Json:
    return {"metadata": {"name": "big"}, "status": {"compressedNodes": base64.b64encode(data).decode()}}


NODES = {"big": {"id": "big", "name": "big", "type": "Pod"}}


def packed(algorithm: str, text: bytes) -> bytes:
    match algorithm:
        case "gzip":
            return gzip.compress(text)
        case "zstd":
            import zstandard

            return bytes(zstandard.ZstdCompressor().compress(text))
        case _:
            import brotli

            return bytes(brotli.compress(text, quality=5))


ALGORITHMS = ("gzip", "zstd", "brotli")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_nodes_are_decompressed_whichever_of_argos_algorithms_compressed_them(algorithm: str) -> None:
    nodes = {f"n{number}": {**NODES["big"], "message": "m" * 1000} for number in range(500)}
    assert nodes_of(compressed(packed(algorithm, json.dumps(nodes).encode()))) == nodes


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_nodes_that_unpack_to_more_than_any_workflow_has_are_not_read(
    algorithm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert nodes_module.MAX_NODES == 64 * 2**20
    monkeypatch.setattr(nodes_module, "MAX_NODES", 2**20)
    bomb = compressed(packed(algorithm, bytes(32 * 2**20)))
    tracemalloc.start()
    try:
        with pytest.raises(NodesError, match="of the Workflow big are not read: they are more than 1 MiB"):
            nodes_of(bomb)
        assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_nodes_that_are_cut_off_are_an_error(algorithm: str) -> None:
    text = json.dumps({f"n{number}": NODES["big"] for number in range(500)}).encode()
    with pytest.raises(NodesError, match="of the Workflow big cannot be decompressed"):
        nodes_of(compressed(packed(algorithm, text)[:-9]))


ODD_NODES: list[Any] = [[], "text", [["a", 1]], {"a": None}, {"a": []}, {"a": {"name": 7}}]
ODD_NODES += [{"a": {"children": [{}]}}, {"a": {"children": "b"}}, {"a": {"outputs": [1]}}, {"a": {"inputs": ["b"]}}]


@pytest.mark.parametrize("nodes", ODD_NODES)
def test_nodes_that_argo_did_not_write_are_an_error(nodes: Any) -> None:
    workflow = compressed(gzip.compress(json.dumps(nodes).encode()))
    with pytest.raises(NodesError, match="of the Workflow big are not such as Argo writes them"):
        nodes_of(workflow)
    if nodes:  # else there are none yet
        with pytest.raises(NodesError, match="of the Workflow big are not such as Argo writes them"):
            nodes_of({**workflow, "status": {"nodes": nodes}})


def test_nodes_that_nest_too_deep_are_an_error() -> None:
    with pytest.raises(NodesError, match="cannot be decompressed"):
        nodes_of(compressed(gzip.compress(b"[" * 100_000)))


@pytest.mark.parametrize(("data", "library"), [(b"\x28\xb5\x2f\xfd...", "zstandard"), (b"\x1b...", "brotli")])
def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch, data: bytes, library: str) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(NodesError, match=f"of the Workflow big are compressed .* Python library {library}:"):
        nodes_of(compressed(data))


@pytest.mark.parametrize("data", [gzip.compress(b"{}")[:-4], gzip.compress(b"no JSON"), b"\x1f\x8b"])
def test_damaged_nodes_are_an_error(data: bytes) -> None:
    with pytest.raises(NodesError, match="of the Workflow big cannot be decompressed"):
        nodes_of(compressed(data))


def test_offloaded_nodes_are_said_to_be_readable_by_the_server_only() -> None:
    with pytest.raises(NodesError, match=r"big are offloaded .* only the Argo Server can read them"):
        nodes_of({"metadata": {"name": "big"}, "status": {"offloadNodeStatusVersion": "fnv:1"}})
