# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""With PostgreSQL: runs are followed whose status the controller keeps there, and they are archived."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import path
from ansible_collections.argo.workflows.plugins.modules import workflow, workflow_info, workflow_wait
from ansible_collections.argo.workflows.tests.support.cluster import administrator, ask, run
from ansible_collections.argo.workflows.tests.support.neighbours import (
    DATABASE,
    PASSWORD,
    USER,
    Neighbour,
    on_this_machine,
    postgresql,
    query,
)

NAMESPACE = "argo-persistence"
ITEMS = ["a", "b", "c"]

pytestmark = on_this_machine


@pytest.fixture(scope="module")
def database() -> Iterator[Neighbour]:
    with postgresql() as server:
        yield server


@pytest.fixture(scope="module", autouse=True)
def argo(database: Neighbour) -> Iterator[None]:
    """An Argo that offloads every status, however small."""
    connection: dict[str, Any] = {"host": database.host, "port": database.port, "database": DATABASE}
    login = {f"{key}Secret": {"name": "postgres", "key": key} for key in ("userName", "password")}
    persistence: dict[str, Any] = {"archive": True, "nodeStatusOffLoad": True}
    persistence["postgresql"] = connection | login | {"tableName": "argo_workflows"}
    cluster = administrator()
    cluster.create(path("Namespace"), {"metadata": {"name": NAMESPACE}})
    secret = {"metadata": {"name": "postgres"}, "stringData": {"userName": USER, "password": PASSWORD}}
    cluster.create(path("Secret", NAMESPACE), secret)
    options = {
        "argo_namespace": NAMESPACE,
        "argo_config": {"persistence": persistence},
        "argo_controller_container": {"env": [{"name": "ALWAYS_OFFLOAD_NODE_STATUS", "value": "true"}]},
    }
    run("ansible-playbook", "playbooks/install.yml", "-e", json.dumps(options))
    yield
    cluster.delete(path("Namespace", name=NAMESPACE))


@pytest.fixture(scope="module")
def waited(argo: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The result of the wait for a fan-out."""
    leaf = {
        "name": "say",
        "inputs": {"parameters": [{"name": "text"}]},
        "container": {"image": "localhost/gpu-say:dev", "command": ["echo", "{{inputs.parameters.text}}"]},
    }
    arguments = {"parameters": [{"name": "text", "value": "{{item}}"}]}
    step = {"name": "say", "template": "say", "withItems": ITEMS, "arguments": arguments}
    spec = {"entrypoint": "main", "templates": [{"name": "main", "steps": [[step]]}, leaf]}
    body = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "kept"}, "spec": spec}
    ask(workflow, namespace=NAMESPACE, definition=body)
    logs = str(tmp_path_factory.mktemp("logs"))
    return ask(workflow_wait, name=["kept"], namespace=NAMESPACE, logs_dir=logs, wait_timeout=240)


def test_a_run_is_followed_whose_status_is_in_the_database(waited: dict[str, Any], database: Neighbour) -> None:
    status = administrator().get(path("Workflow", NAMESPACE, "kept"))["status"]
    assert status["offloadNodeStatusVersion"] and "nodes" not in status
    assert int(query(database, "select count(*) from argo_workflows")[0]) > 0
    assert (waited["outcome"], waited["phase"]) == ("finished", "Succeeded"), waited
    steps = waited["tree"].splitlines()[2:]
    assert [line.split()[1] for line in steps] == ["say(0:a)", "say(1:b)", "say(2:c)"]
    assert all("✔" in line for line in steps), steps


def test_its_logs_come_home(waited: dict[str, Any]) -> None:
    logs = [log for item in waited["item_results"] for log in item["logs"]]
    assert [Path(log["path"]).read_bytes() for log in logs] == [b"a\n", b"b\n", b"c\n"]


def test_who_reads_it_is_told_that_the_nodes_are_elsewhere(waited: dict[str, Any]) -> None:
    read = ask(workflow_info, name="kept", namespace=NAMESPACE)
    assert read["workflow"]["phase"] == "Succeeded"
    assert any("offloaded to the controller's database" in str(warning) for warning in read["warnings"])


def test_it_is_archived_and_stays_so_when_it_is_deleted(waited: dict[str, Any], database: Neighbour) -> None:
    statement = "select phase from argo_archived_workflows where name = 'kept'"
    end = time.monotonic() + 60
    while query(database, statement) != ["Succeeded"]:
        assert time.monotonic() < end, "it is not archived"
        time.sleep(0.5)
    ask(workflow, name="kept", namespace=NAMESPACE, state="absent")
    assert not ask(workflow_info, name="kept", namespace=NAMESPACE)["exists"]
    assert query(database, statement) == ["Succeeded"]
