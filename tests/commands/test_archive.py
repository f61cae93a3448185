# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The logs of pods that podGC has deleted come home from the artifact repository, through Argo's server."""

from __future__ import annotations

import base64
import http.server
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import WORKFLOW_LABEL
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import path
from ansible_collections.argo.workflows.plugins.modules import workflow_logs
from ansible_collections.argo.workflows.tests.support.cluster import KUBECONFIG, administrator, run

NAMESPACE = "argo-archive"
SAID = {
    "seq 5000": b"".join(b"%d\n" % number for number in range(1, 5001)),
    r"printf 'a\r\n\n\0\377 no end'": b"a\r\n\n\0\xff no end",
    "echo before; exit 3": b"before\n",
    "true": b"",
}

pytestmark = pytest.mark.skipif(
    bool(os.environ.get("CLUSTER_KUBECONFIG")), reason="the pods of somebody's cluster do not reach this machine"
)


class Store(http.server.BaseHTTPRequestHandler):
    """An artifact repository: what was PUT is what a GET gives, to those who know the password."""

    kept: dict[str, bytes] = {}
    login = "Basic " + base64.b64encode(b"argo:secret").decode()

    def do_PUT(self) -> None:
        content, more = b"", self.headers["Transfer-Encoding"] == "chunked"  # as are all files but empty ones
        while more:
            more = int(self.rfile.readline(), 16)
            content += self.rfile.read(more)
            self.rfile.readline()
        self.kept[self.path] = content
        self.answer(b"")

    def do_GET(self) -> None:
        self.answer(self.kept[self.path])

    def answer(self, content: bytes) -> None:
        self.send_response(200 if self.headers["Authorization"] == self.login else 401)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def store() -> Iterator[str]:
    """The URL of an artifact repository that the cluster's pods can reach."""
    with http.server.ThreadingHTTPServer(("", 0), Store) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        [node] = administrator().objects(path("Node"))
        [address] = [each["address"] for each in node["status"]["addresses"] if each["type"] == "InternalIP"]
        yield f"http://{address}:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module", autouse=True)
def argo(store: str) -> Iterator[None]:
    login = {f"{key}Secret": {"name": "store", "key": key} for key in ("username", "password")}
    repository = {"archiveLogs": True, "artifactory": {"repoURL": store, **login}}
    options = {"argo_namespace": NAMESPACE, "argo_config": {"artifactRepository": repository}}
    run("make", "cluster")
    run("ansible-playbook", "playbooks/install.yml", "-e", json.dumps(options))
    cluster = administrator()
    secret = {"metadata": {"name": "store"}, "stringData": {"username": "argo", "password": "secret"}}
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


def run_until_the_pods_are_gone(name: str) -> None:
    """Run a Workflow with one pod for each script of SAID."""
    leaf = {
        "name": "say",
        "inputs": {"parameters": [{"name": "script"}]},
        "container": {
            "image": "localhost/gpu-say:dev",
            "imagePullPolicy": "IfNotPresent",
            "command": ["bash", "-c", "{{inputs.parameters.script}}"],
        },
    }
    arguments = {"parameters": [{"name": "script", "value": "{{item}}"}]}
    step = {"name": "say", "template": "say", "withItems": list(SAID), "arguments": arguments}
    spec = {
        "entrypoint": "main",
        "podGC": {"strategy": "OnPodCompletion", "deleteDelayDuration": "0s"},
        "templates": [{"name": "main", "steps": [[step]]}, leaf],
    }
    body = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": name}, "spec": spec}
    cluster, end = administrator(), time.monotonic() + 240
    cluster.create(path("Workflow", NAMESPACE), body)
    while cluster.get(path("Workflow", NAMESPACE, name)).get("status", {}).get("phase") != "Failed" or list(
        cluster.objects(path("Pod", NAMESPACE), labelSelector=f"{WORKFLOW_LABEL}={name}")
    ):
        assert time.monotonic() < end, "the Workflow does not end, or its pods stay"
        time.sleep(0.5)


def logs_of(name: str, folder: Path, **options: Any) -> list[dict[str, Any]]:
    arguments = {
        "name": name,
        "namespace": NAMESPACE,
        "kubeconfig": str(KUBECONFIG),
        "logs_dir": str(folder),
        "_ansible_version": "2.19.0",
        **options,
    }
    done = subprocess.run(
        [sys.executable, str(workflow_logs.__file__)],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode(),
        capture_output=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )
    logs: list[dict[str, Any]] = json.loads(done.stdout)["logs"]
    return logs


def test_archived_logs_of_deleted_pods_are_collected_byte_for_byte(tmp_path: Path) -> None:
    run_until_the_pods_are_gone("gone")
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
