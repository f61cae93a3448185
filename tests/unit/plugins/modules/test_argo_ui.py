# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module argo_ui: a port of this machine leads to a server that is ready, until Ansible is interrupted."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.login import Login
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import path
from ansible_collections.argo.workflows.plugins.module_utils._module import UserError
from ansible_collections.argo.workflows.plugins.modules import argo_ui
from ansible_collections.argo.workflows.tests.support.api import Api
from ansible_collections.argo.workflows.tests.support.module import Module

RunModule = Callable[..., dict[str, Any]]


def pod(name: str, ready: bool, app: str = "argo-server") -> dict[str, Any]:
    condition = {"type": "Ready", "status": str(ready)}
    return {"metadata": {"name": name, "labels": {"app": app}}, "status": {"conditions": [condition]}}


def put(api: Api, *pods: dict[str, Any]) -> None:
    api.objects |= {path("Pod", "argo", pod["metadata"]["name"]): pod for pod in pods}


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, socket.socket]]]:
    """The pods whose port was opened, each with the server's end of the connection."""
    connections: list[tuple[str, socket.socket]] = []

    def open_port(_login: Login, _namespace: str, name: str) -> socket.socket:
        ours, servers = socket.socketpair()
        servers.settimeout(10)
        connections.append((name, servers))
        return ours

    monkeypatch.setattr(argo_ui, "_open_port", open_port)
    yield connections
    for _name, servers in connections:
        servers.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def port(api: Api, opened: list[Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A port at which the module listens until the test is over."""
    put(api, pod("ready", True))
    number, listening, interrupted = free_port(), threading.Event(), threading.Event()

    def abandoned(timeout: float) -> bool:
        listening.set()
        return interrupted.wait(timeout)

    monkeypatch.setattr(argo_ui, "abandoned", abandoned)
    module = Module(argo_ui, port=number, host="https://api.example")
    thread = threading.Thread(target=argo_ui.run, args=(module,))
    thread.start()
    assert listening.wait(10)
    yield number
    interrupted.set()
    thread.join(10)
    assert not thread.is_alive(), "the module goes on after it was interrupted"


def test_what_comes_in_at_the_port_goes_to_the_server_and_back(port: int, opened: list[Any]) -> None:
    with socket.create_connection(("127.0.0.1", port), 10) as browser:
        browser.sendall(b"GET / HTTP/1.1\r\n\r\n")
        while len(opened) < 2:  # the first was to see that there is a server
            threading.Event().wait(0.01)
        _name, server = opened[1]
        assert server.recv(100) == b"GET / HTTP/1.1\r\n\r\n"
        server.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        assert browser.recv(100) == b"HTTP/1.1 200 OK\r\n\r\n"
        server.close()
        assert browser.recv(100) == b"", "the end of a connection is passed on"


def test_a_new_connection_goes_to_the_pod_that_is_ready_then(port: int, opened: list[Any], api: Api) -> None:
    api.objects.clear()
    put(api, pod("newer", True))
    with socket.create_connection(("127.0.0.1", port), 10):
        while len(opened) < 2:
            threading.Event().wait(0.01)
    assert [name for name, _server in opened] == ["ready", "newer"]


def test_the_pod_that_is_named_is_one_of_the_server_that_is_ready(
    api: Api, opened: list[Any], run_module: RunModule
) -> None:
    put(api, pod("another", True, "workflow-controller"), pod("starting", False), pod("ready", True))
    result = run_module(argo_ui, check_mode=True, host="https://api.example")
    assert (result["changed"], result["pod"]) == (False, "ready")
    assert [name for name, _server in opened] == ["ready"]


def test_check_mode_does_not_listen(api: Api, opened: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    put(api, pod("ready", True))
    monkeypatch.setattr(argo_ui, "_serve", lambda *_args: pytest.fail("it listens"))
    assert argo_ui.run(Module(argo_ui, check_mode=True, host="https://api.example"))["pod"] == "ready"


def test_where_no_server_is_ready_it_is_said_what_installs_one(api: Api, run_module: RunModule) -> None:
    put(api, pod("starting", False))
    result = run_module(argo_ui, host="https://api.example")
    assert result["msg"] == (
        "no Argo Server is ready in namespace argo: the playbook argo.workflows.install installs it"
    )


def test_a_port_that_is_taken_is_named(api: Api, opened: list[Any], run_module: RunModule) -> None:
    put(api, pod("ready", True))
    with socket.create_server(("127.0.0.1", 0)) as other:
        number = other.getsockname()[1]
        result = run_module(argo_ui, port=number, host="https://api.example")
    assert result["msg"] == (
        f"port: {number} of this machine cannot be opened (Address already in use): choose another one"
    )


def test_a_number_that_is_not_a_port_is_named(api: Api, opened: list[Any], run_module: RunModule) -> None:
    put(api, pod("ready", True))
    result = run_module(argo_ui, port=70000, host="https://api.example")
    assert result["msg"].startswith("port: 70000 of this machine cannot be opened (")


def test_a_pod_whose_port_cannot_be_opened_is_named_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    urls: list[str] = []

    def refuse(_configuration: Any, url: str, _headers: Any) -> None:
        urls.append(url)
        raise OSError("403 Forbidden")

    monkeypatch.setattr("kubernetes.stream.ws_client.create_websocket", refuse)
    said = "^port 2746 of pod ready in namespace argo cannot be opened: 403 Forbidden$"
    with pytest.raises(UserError, match=said):
        argo_ui._open_port(Login({"host": "https://api.example"}), "argo", "ready")
    assert urls == ["wss://api.example/api/v1/namespaces/argo/pods/ready/portforward?ports=2746"]


def test_the_documented_options_are_those_the_module_takes() -> None:
    documented = yaml.safe_load(argo_ui.DOCUMENTATION)["options"]
    wanted = ("type", "default")
    assert {name: {key: o[key] for key in wanted} for name, o in documented.items()} == argo_ui.ARGUMENT_SPEC
