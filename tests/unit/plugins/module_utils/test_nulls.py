# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A key whose value is null counts as missing, wherever a Workflow is read."""

from __future__ import annotations

import copy
import datetime
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._argo.items import items_of
from ansible_collections.argo.workflows.plugins.module_utils._argo.lists import node_names
from ansible_collections.argo.workflows.plugins.module_utils._argo.nodes import nodes_of, status_of
from ansible_collections.argo.workflows.plugins.module_utils._argo.tree import draw
from ansible_collections.argo.workflows.plugins.module_utils._submit.checks import check
from ansible_collections.argo.workflows.plugins.module_utils._submit.fanout import cost
from ansible_collections.argo.workflows.plugins.module_utils._submit.manifest import as_workflow, with_parameters
from ansible_collections.argo.workflows.plugins.module_utils._submit.preflight import findings
from ansible_collections.argo.workflows.plugins.module_utils._submit.steering import facts, without_hold
from ansible_collections.argo.workflows.tests.support import recordings

Json = dict[str, Any]
NOW = datetime.datetime(2026, 11, 27, tzinfo=datetime.UTC)


class Nothing:
    """A cluster that has no objects and gives no rights."""

    def objects(self, kind: str) -> list[Json]:
        node = {"metadata": {"name": "n"}, "status": {"allocatable": {"nvidia.com/gpu": "8"}}}
        return [node] if kind == "Node" else []

    def exists(self, kind: str, name: str) -> bool:
        return False

    def read(self, kind: str, name: str) -> None:
        return None

    def defaults(self) -> None:
        return None

    def allowed(self, service_account: str, verb: str, group: str, resource: str) -> bool:
        return False


READERS: dict[str, Callable[[Json], Any]] = {
    "check": lambda workflow: check(as_workflow(workflow, "x")),
    "cost": lambda workflow: cost(workflow, 3),
    "draw": lambda workflow: draw(workflow, nodes_of(workflow), NOW),
    "facts": lambda workflow: facts(workflow, "w", "n"),
    "findings": lambda workflow: findings(workflow, "n", Nothing()),
    "items_of": lambda workflow: items_of(workflow, nodes_of(workflow)),
    "node_names": lambda workflow: node_names(workflow, "w"),
    "pods": lambda workflow: items_of(workflow, {}, [workflow["pod"]]),
    "status_of": lambda workflow: status_of(workflow, nodes_of(workflow)),
    "with_parameters": lambda workflow: with_parameters(workflow, {"items": []}) and None,
    "without_hold": lambda workflow: without_hold(workflow) is None,
}
PLACE = {
    "nodeSelector": {"a": "b"},
    "tolerations": [{"key": "k", "operator": "Exists", "effect": "NoSchedule"}],
    "affinity": {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{"matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}]}]
            }
        }
    },
    "volumes": [{"name": "v", "emptyDir": {"sizeLimit": "1Gi"}}, {"name": "s", "secret": {"secretName": "s"}}],
}
CONTAINER = {
    "image": "i",
    "resources": {"limits": {"nvidia.com/gpu": 1}, "requests": {"cpu": "1"}},
    "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}],
    "envFrom": [{"configMapRef": {"name": "c"}}],
}


def full(recording: str) -> Json:
    """A recorded Workflow with more in its spec than was recorded, and with one of its pods."""
    workflow: Json = copy.deepcopy(recordings.workflow(recording))
    workflow["spec"] |= {
        **PLACE,
        "imagePullSecrets": [{"name": "s"}],
        "volumeClaimTemplates": [{"metadata": {"name": "v"}}],
        "parallelism": 2,
        "suspend": True,
    }
    workflow["spec"]["templates"].append(
        {
            **PLACE,
            "name": "more",
            "container": CONTAINER,
            "sidecars": [CONTAINER],
            "activeDeadlineSeconds": 60,
            "retryStrategy": {"limit": 2, "backoff": {"duration": "1s", "factor": 2, "cap": "1m"}},
        }
    )
    workflow["pod"] = next(iter(recordings.pods(recording)), {"metadata": {"name": "p"}})
    return workflow


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all fields; of a list, those of its first and its last element alone."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if path[-1:] != ("nodes",):  # by ID, which is not a field
                yield (*path, key)
            yield from places(inner, (*path, key))
    elif isinstance(value, list) and value:
        for index in sorted({0, len(value) - 1}):
            yield from places(value[index], (*path, index))


def outcome(reader: Callable[[Json], Any], workflow: Json) -> Any:
    """What a reader returns, or its complaint in words."""
    try:
        return reader(workflow)
    except (KeyError, StopIteration):
        return KeyError  # Kubernetes or Argo always give it
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def without(workflow: bytes, *path: Any, null: bool) -> Json:
    """The pickled Workflow with null in a place, or without the key."""
    result: Json = pickle.loads(workflow)
    place: Any = result
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = None
    if not null:
        del place[path[-1]]
    return result


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("recording", ["fanout-one-fails", "dag-diamond"])
def test_null_is_read_as_if_the_key_were_not_there(reader: str, recording: str) -> None:
    workflow = full(recording)
    pickled = pickle.dumps(workflow)
    wrong = []
    for path in places({key: workflow[key] for key in workflow if (key == "pod") == (reader == "pods")}):
        expected = outcome(READERS[reader], without(pickled, *path, null=False))
        if expected is not KeyError and outcome(READERS[reader], without(pickled, *path, null=True)) != expected:
            wrong.append(path)
    assert wrong == []
