# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module argo_ui: a port of this machine leads to a server that is ready, until Ansible is interrupted."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.cluster import Cluster
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import path
from ansible_collections.argo.workflows.plugins.modules import argo_ui
from ansible_collections.argo.workflows.tests.support.api import Api, refusal
from ansible_collections.argo.workflows.tests.support.installation import deployment
from ansible_collections.argo.workflows.tests.support.module import Module
from ansible_collections.argo.workflows.tests.support.pod_port import PodServer, pods_served
from ansible_collections.argo.workflows.tests.support.tls import Authority

RunModule = Callable[..., dict[str, Any]]
SERVER = path("Deployment", "argo", "argo-server")


def pod(name: str, ready: bool, app: str = "argo-server", **metadata: Any) -> dict[str, Any]:
    condition = {"type": "Ready", "status": str(ready)}
    return {"metadata": {"name": name, "labels": {"app": app}, **metadata}, "status": {"conditions": [condition]}}


def put(api: Api, *pods: dict[str, Any]) -> None:
    api.objects |= {path("Pod", "argo", pod["metadata"]["name"]): pod for pod in pods}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def pods(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PodServer]:
    """A cluster by TLS whose server is ready, and every connection of the module leads to it."""
    authority, api = Authority(tmp_path), Api()
    put(api, pod("ready", True))
    connect = Cluster.from_params
    with pods_served(authority, tmp_path, api) as server:
        given = {"host": server.url, "ca_cert": str(authority.certificate)}
        monkeypatch.setattr(Cluster, "from_params", lambda _params: connect(given))
        yield server


@pytest.fixture
def told() -> Iterator[tuple[str, Callable[[], list[str]]]]:
    """Where the action plugin listens, and what comes next."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.bind(("127.0.0.1", 0))
        ear.settimeout(10)
        yield f"{ear.getsockname()[1]} word", lambda: ear.recv(65536).decode().split("\n")


@pytest.fixture
def port(pods: PodServer, told: tuple[str, Callable[[], list[str]]], monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A port at which the module listens until the test is over."""
    interrupted = threading.Event()
    monkeypatch.setattr(argo_ui, "abandoned", interrupted.wait)
    where, heard = told
    number = free_port()
    module = Module(argo_ui, port=number, announce=["It is open.", "Log in."], announce_to=where)
    thread = threading.Thread(target=argo_ui.run, args=(module,))
    thread.start()
    assert heard() == ["word", "It is open.", "Log in."]
    yield number
    interrupted.set()
    thread.join(10)
    assert not thread.is_alive(), "the module goes on after it was interrupted"
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", number), 1)


def exchanged(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), 10) as browser:
        browser.sendall(b"ping")
        return browser.recv(100)


def asked(pods: PodServer) -> list[str]:
    """The pods whose port was opened."""
    return [headers[":path"].split("/")[-2] for headers in pods.asked]


def test_the_message_is_shown_when_the_port_is_open_and_leads_to_the_server(port: int) -> None:
    assert exchanged(port) == b"ping"


def test_a_new_connection_goes_to_the_pod_that_is_ready_then(port: int, pods: PodServer) -> None:
    pods.api.objects.clear()
    put(pods.api, pod("going", True, deletionTimestamp="2026-01-01T00:00:00Z"), pod("newer", True))
    exchanged(port)
    assert asked(pods) == ["ready", "newer"], "the first was to see that there is a server"


def test_why_a_connection_failed_is_told_once_and_the_next_one_is_served(
    port: int, pods: PodServer, told: tuple[str, Callable[[], list[str]]]
) -> None:
    pods.refusals = [(403, "Forbidden", "no"), (403, "Forbidden", "no")]
    assert exchanged(port) == exchanged(port) == b""
    (_word, line) = told[1]()
    assert line.startswith("a connection was closed: you may not forward ports in namespace argo: ")
    assert exchanged(port) == b"ping"
    pods.refusals = [(403, "Forbidden", "another reason")]
    exchanged(port)
    assert "another reason" in told[1]()[1], "the second refusal was not told again"


def test_check_mode_tries_port_and_server_and_serves_nothing(pods: PodServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(argo_ui, "abandoned", lambda _timeout: pytest.fail("it serves"))
    put(pods.api, pod("another", True, "workflow-controller"), pod("starting", False))
    found = argo_ui.run(Module(argo_ui, check_mode=True, port=free_port()))
    assert found == {"changed": False, "pod": "ready"}
    assert asked(pods) == ["ready"]


def test_a_port_that_is_taken_is_named(pods: PodServer, run_module: RunModule) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        number = other.getsockname()[1]
        result = run_module(argo_ui, check_mode=True, port=number)
    assert result["msg"] == (
        f"port: {number} of this machine cannot be opened (Address already in use): choose another one"
    )


@pytest.mark.parametrize("number", [-5, 0, 65536, 99999])
def test_a_number_that_is_not_a_port_is_named(api: Api, run_module: RunModule, number: int) -> None:
    result = run_module(argo_ui, port=number)
    assert result["msg"] == f"port: {number} is not the number of a port: choose one from 1 to 65535"
    assert api.requests == []


STARTING = pod("starting", False)


@pytest.mark.parametrize(
    ("server", "pods", "why"),
    [
        (None, [], "there is none: the playbook argo.workflows.install installs it"),
        (
            {**deployment("argo-server", 0), "spec": {"replicas": 0}},
            [],
            "it is scaled to 0: scale the Deployment argo-server up",
        ),
        (deployment("argo-server", 0), [], "the Deployment argo-server has no pod yet"),
        (
            deployment("argo-server", 0),
            [{**STARTING, "metadata": {**STARTING["metadata"], "creationTimestamp": ""}}],
            "pod starting is Pending",
        ),
        ("unreadable", [STARTING], "none of its pods is"),
    ],
)
def test_why_no_server_is_ready_is_said_with_what_to_do(
    api: Api, run_module: RunModule, server: Any, pods: list[dict[str, Any]], why: str
) -> None:
    put(api, *pods)
    if server == "unreadable":
        api.answers[SERVER] = lambda _asked: refusal(403)
    elif server:
        api.objects[SERVER] = server
    result = run_module(argo_ui)
    assert result["msg"] == f"no Argo Server is ready in namespace argo: {why}"


def test_the_documented_options_are_those_the_module_takes() -> None:
    documented = yaml.safe_load(argo_ui.DOCUMENTATION)["options"]
    wanted = ("type", "default", "elements")
    found = {name: {key: o[key] for key in wanted if key in o} for name, o in documented.items()}
    assert found == argo_ui.ARGUMENT_SPEC
