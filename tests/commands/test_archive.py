# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""With an S3 server: artifacts, and the logs of pods that podGC has deleted, which come home through Argo's server."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import WORKFLOW_LABEL
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import path
from ansible_collections.argo.workflows.plugins.modules import workflow_logs
from ansible_collections.argo.workflows.tests.support.cluster import administrator, ask, run
from ansible_collections.argo.workflows.tests.support.neighbours import (
    BUCKET,
    PASSWORD,
    USER,
    Neighbour,
    on_this_machine,
    s3,
)

NAMESPACE = "argo-archive"
SAID = {
    "seq 5000": b"".join(b"%d\n" % number for number in range(1, 5001)),
    r"printf 'a\r\n\n\0\377 no end'": b"a\r\n\n\0\xff no end",
    "echo before; exit 3": b"before\n",
    "true": b"",
}

pytestmark = on_this_machine


@pytest.fixture(scope="module")
def store() -> Iterator[Neighbour]:
    with s3() as server:
        yield server


@pytest.fixture(scope="module", autouse=True)
def argo(store: Neighbour) -> Iterator[None]:
    keys = {"accessKeySecret": "username", "secretKeySecret": "password"}
    login = {name: {"name": "store", "key": key} for name, key in keys.items()}
    repository = {"archiveLogs": True, "s3": {"endpoint": store.address, "bucket": BUCKET, "insecure": True, **login}}
    options = {"argo_namespace": NAMESPACE, "argo_config": {"artifactRepository": repository}}
    run("ansible-playbook", "playbooks/install.yml", "-e", json.dumps(options))
    cluster = administrator()
    secret = {"metadata": {"name": "store"}, "stringData": {"username": USER, "password": PASSWORD}}
    cluster.create(path("Secret", NAMESPACE), secret)
    rules = [
        {"apiGroups": ["argoproj.io"], "resources": ["workflows"], "verbs": ["get"]},
        {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["store"], "verbs": ["get"]},
    ]
    name = {"metadata": {"name": "reader"}}
    cluster.create(path("ServiceAccount", NAMESPACE), name)
    cluster.create(path("Role", NAMESPACE), name | {"rules": rules})
    subject = {"kind": "ServiceAccount", "name": "reader", "namespace": NAMESPACE}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"}
    cluster.create(path("RoleBinding", NAMESPACE), name | {"roleRef": role, "subjects": [subject]})
    yield
    cluster.delete(path("Namespace", name=NAMESPACE))


def template(name: str, script: str, **more: Any) -> dict[str, Any]:
    container = {"image": "localhost/gpu-say:dev", "command": ["bash", "-c", script]}
    return {"name": name, "container": container, **more}


def ended(name: str, *templates: dict[str, Any], gone: bool = False) -> dict[str, Any]:
    """Run a Workflow to its end, and until its pods are gone if they go."""
    spec: dict[str, Any] = {"entrypoint": "main", "templates": templates}
    if gone:
        spec["podGC"] = {"strategy": "OnPodCompletion", "deleteDelayDuration": "0s"}
    body = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": name}, "spec": spec}
    cluster, end = administrator(), time.monotonic() + 240
    cluster.create(path("Workflow", NAMESPACE), body)
    selector = f"{WORKFLOW_LABEL}={name}"
    while True:
        workflow = cluster.get(path("Workflow", NAMESPACE, name))
        pods = gone and list(cluster.objects(path("Pod", NAMESPACE), labelSelector=selector))
        if workflow.get("status", {}).get("finishedAt") and not pods:
            return workflow
        assert time.monotonic() < end, "the Workflow does not end, or its pods stay"
        time.sleep(0.5)


def logs_of(name: str, folder: Path, **options: Any) -> list[dict[str, Any]]:
    logs: list[dict[str, Any]] = ask(workflow_logs, name=name, namespace=NAMESPACE, logs_dir=str(folder), **options)[
        "logs"
    ]
    return logs


def test_archived_logs_of_deleted_pods_are_collected_byte_for_byte(tmp_path: Path) -> None:
    arguments = {"parameters": [{"name": "script", "value": "{{item}}"}]}
    step = {"name": "say", "template": "say", "withItems": list(SAID), "arguments": arguments}
    leaf = template("say", "{{inputs.parameters.script}}", inputs={"parameters": [{"name": "script"}]})
    ended("gone", {"name": "main", "steps": [[step]]}, leaf, gone=True)
    missed = logs_of("gone", tmp_path)
    assert len(missed) == len(SAID)
    assert all(not log["complete"] and "set server to its URL" in log["reason"] for log in missed)

    cluster = administrator()
    [server] = cluster.objects(path("Pod", NAMESPACE), labelSelector="app=argo-server")
    token = cluster.create(path("ServiceAccount", NAMESPACE, "reader", "token"), {"spec": {}})["status"]["token"]
    url = f"https://{server['status']['podIP']}:2746"
    had = logs_of("gone", tmp_path, server=url, server_token=token, server_validate_certs=False)
    assert [log["archived"] and log["complete"] for log in had] == [True] * len(SAID), had
    assert sorted(Path(log["path"]).read_bytes() for log in had) == sorted(SAID.values())


def test_artifacts_go_from_step_to_step_through_s3(store: Neighbour, tmp_path: Path) -> None:
    content = b"".join(b"%d \xff\r\n" % number for number in range(1000))
    key = "{{workflow.name}}/numbers"
    written = {"name": "numbers", "path": "/tmp/numbers", "archive": {"none": {}}, "s3": {"key": key}}
    write = template(
        "write",
        r"for number in {0..999}; do printf '%d \377\r\n' $number; done > /tmp/numbers",
        outputs={"artifacts": [written]},
    )
    read = template("read", "cat /tmp/copy", inputs={"artifacts": [{"name": "numbers", "path": "/tmp/copy"}]})
    source = {"name": "numbers", "from": "{{tasks.write.outputs.artifacts.numbers}}"}
    tasks = [
        {"name": "write", "template": "write"},
        {"name": "read", "template": "read", "depends": "write", "arguments": {"artifacts": [source]}},
    ]
    workflow = ended("handed-on", {"name": "main", "dag": {"tasks": tasks}}, write, read)
    assert workflow["status"]["phase"] == "Succeeded", workflow["status"].get("message")
    assert (store.folder / BUCKET / "handed-on/numbers").read_bytes() == content
    logs = {log["node"]: Path(log["path"]).read_bytes() for log in logs_of("handed-on", tmp_path)}
    assert logs == {"write": b"", "read": content.replace(b"\r\n", b"\n")}, "the container runtime ends lines so"
