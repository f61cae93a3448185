# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad input gets one clear sentence, and nothing is left half done."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import path
from ansible_collections.argo.workflows.tests.support.cluster import KUBECONFIG, ROOT, administrator

NAMESPACE = "bad-input"

SAY = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: own-}
spec:
  entrypoint: main
  arguments: {parameters: [{name: messages, value: '["a"]'}]}
  templates:
    - name: main
      container: {image: localhost/gpu-say:dev, command: [echo, "{{workflow.parameters.messages}}"]}
"""


def play(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["ansible-playbook", "-e", f"argo_namespace={NAMESPACE}", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def sentence(done: subprocess.CompletedProcess[str]) -> str:
    """What a failed play says first."""
    assert done.returncode != 0, done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    text = done.stdout + done.stderr
    return text[text.index("[ERROR]: ") :].splitlines()[0]


@pytest.fixture(scope="module", autouse=True)
def installed() -> Iterator[None]:
    """Argo, in a namespace of its own, in which no Workflow is left by any of these."""
    done = play("playbooks/install.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    yield
    found = administrator().get(path("Workflow", NAMESPACE))["items"]
    administrator().delete(path("Namespace", name=NAMESPACE))
    assert [workflow["metadata"]["name"] for workflow in found] == []


def kubeconfig(tmp_path: Path, server: str = "", token: str = "") -> str:
    """The cluster's kubeconfig with another address, or a token in the place of its user."""
    config = yaml.safe_load(KUBECONFIG.read_text())
    if server:
        config["clusters"][0]["cluster"]["server"] = server
    if token:
        config["users"][0]["user"] = {"token": token}
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return f"argo_kubeconfig={path}"


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ('{"messages": "[not json"}', "the items are not a JSON array"),
        ('{"messages": {"a": 1}}', "the items are not a list"),
        ('{"messages": []}', "the list of items is empty"),
    ],
)
def test_messages_must_be_a_list_with_something_in_it(messages: str, said: str) -> None:
    assert said in sentence(play("playbooks/gpu_say.yml", "-e", messages))


def test_a_namespace_must_be_a_dns_label() -> None:
    said = sentence(play("playbooks/install.yml", "-e", "argo_namespace=Not_A_Label"))
    assert '"Not_A_Label" is not a namespace name' in said


@pytest.mark.parametrize("playbook", ["install", "gpu_say"])
def test_a_cluster_must_answer_at_the_address(playbook: str, tmp_path: Path) -> None:
    said = sentence(play(f"playbooks/{playbook}.yml", "-e", kubeconfig(tmp_path, server="https://127.0.0.1:9")))
    assert "nothing answers at https://127.0.0.1:9" in said


@pytest.mark.parametrize("playbook", ["install", "gpu_say"])
def test_the_credentials_must_be_accepted(playbook: str, tmp_path: Path) -> None:
    said = sentence(play(f"playbooks/{playbook}.yml", "-e", kubeconfig(tmp_path, token="of-nobody")))
    assert "401" in said and "credentials" in said


@pytest.mark.parametrize(
    ("playbook", "said"),
    [("install", "lacks these rights"), ("gpu_say", "403 Forbidden: workflows.argoproj.io")],
)
def test_an_account_must_have_the_rights(playbook: str, said: str, tmp_path: Path) -> None:
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 600}}
    created = administrator().create(path("ServiceAccount", NAMESPACE, "default", "token"), request)
    weak = kubeconfig(tmp_path, token=created["status"]["token"])
    assert said in sentence(play(f"playbooks/{playbook}.yml", "-e", weak))


def test_a_node_must_have_the_gpus() -> None:
    said = sentence(play("playbooks/gpu_say.yml", "-e", "gpu_fanout_gpus=9", "-e", "gpu_fanout_preflight=fail"))
    assert "asks for 9 nvidia.com/gpu" in said and "8 nvidia.com/gpu allocatable" in said


@pytest.mark.parametrize(
    ("manifest", "parameters", "said"),
    [
        (SAY, {"mesages": ["a"]}, "has no parameter mesages; its parameters are: messages"),
        (SAY.replace("entrypoint: main", "entrypoint: mian"), {}, "the entrypoint mian is not one of the templates"),
        (SAY.replace("kind: Workflow", "kind: CronWorkflow"), {}, "is not a Workflow: it has kind CronWorkflow"),
        (SAY + "    - [", {}, "is neither YAML nor JSON"),
        (SAY + "    - name: 7", {}, "spec.templates[1].name"),
    ],
)
def test_a_manifest_must_be_one_that_can_run(
    manifest: str, parameters: dict[str, list[str]], said: str, tmp_path: Path
) -> None:
    (tmp_path / "own.yaml").write_text(manifest)
    options = {"src": str(tmp_path / "own.yaml"), "namespace": NAMESPACE, "parameters": parameters}
    task = {"name": "It runs", "argo.workflows.workflow": options}
    (tmp_path / "play.json").write_text(json.dumps([{"hosts": "local", "gather_facts": False, "tasks": [task]}]))
    assert said in sentence(play(str(tmp_path / "play.json"), "-e", f"ansible_python_interpreter={sys.executable}"))


def test_the_interpreter_must_have_the_kubernetes_package(tmp_path: Path) -> None:
    venv.create(tmp_path / "bare", with_pip=False)
    python = str(tmp_path / "bare/bin/python")
    said = sentence(play("playbooks/gpu_say.yml", "-e", f"ansible_python_interpreter={python}"))
    assert "kubernetes" in said
    assert f"{python} -m pip install kubernetes" in said
