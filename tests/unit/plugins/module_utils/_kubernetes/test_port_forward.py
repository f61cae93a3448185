# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A port of a pod: all that is sent either way comes, whole and in flat memory, and what cannot be is said."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from websocket import ABNF

from ansible_collections.argo.workflows.plugins.module_utils._kubernetes import login, port_forward
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.cluster import Cluster
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.port_forward import (
    PodPort,
    forward,
    listening,
    open_port,
)
from ansible_collections.argo.workflows.tests.support.api import Api
from ansible_collections.argo.workflows.tests.support.pod_port import PORT, Pod, PodServer, echo, pods_served
from ansible_collections.argo.workflows.tests.support.tls import Authority

MB = 1 << 20
ASKED = f"/api/v1/namespaces/argo/pods/server/portforward?ports={PORT}"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def pods(authority: Authority, tmp_path: Path) -> Iterator[PodServer]:
    with pods_served(authority, tmp_path, Api()) as server:
        yield server


@pytest.fixture
def opened(pods: PodServer, authority: Authority) -> Callable[..., PodPort]:
    def port(**options: Any) -> PodPort:
        params = {"host": pods.url, "ca_cert": str(authority.certificate), "api_key": "T0KEN", **options}
        return open_port(Cluster.from_params(params), "argo", "server", PORT)

    return port


@pytest.fixture
def client(
    pods: PodServer, opened: Callable[..., PodPort], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., socket.socket]]:
    """Makes a client whose connection is forwarded to a pod that does this with it."""
    monkeypatch.setattr(port_forward, "QUIET", 2.0)
    with contextlib.ExitStack() as stack:

        def connect(serve: Callable[[Pod], None]) -> socket.socket:
            pods.serve = serve
            ours, theirs = (stack.enter_context(end) for end in socket.socketpair())
            ours.settimeout(20)
            thread = threading.Thread(target=forward, args=(theirs, opened()))
            thread.start()
            stack.callback(end_of, thread)
            stack.callback(ours.close)
            return ours

        yield connect


def end_of(thread: threading.Thread) -> None:
    thread.join(10)
    assert not thread.is_alive(), "the connection is held after its client has gone"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def read(sock: socket.socket, count: int = -1) -> bytes:
    """So many bytes, or all to the end."""
    data = bytearray()
    while len(data) != count and (piece := sock.recv(MB)):
        data += piece
    return bytes(data)


# --- what is passed on ---


def test_all_comes_whole_both_ways_at_the_same_time(client: Callable[..., socket.socket]) -> None:
    browser, data = client(echo), os.urandom(24 * MB)
    sender = threading.Thread(target=browser.sendall, args=(data,))
    sender.start()
    came = read(browser, len(data))
    sender.join()
    assert hashlib.sha256(came).digest() == hashlib.sha256(data).digest()


def test_a_client_that_reads_slowly_is_not_read_ahead_for(client: Callable[..., socket.socket]) -> None:
    sending: list[Pod] = []

    def flood(pod: Pod) -> None:
        sending.append(pod)
        for _number in range(64):
            pod.send(bytes(MB))

    browser = client(flood)
    time.sleep(1)
    assert sending[0].sent < 16 * MB, "the rest waits at the server, not in this process"
    assert len(read(browser)) == 64 * MB


def test_a_client_that_sends_nothing_more_gets_its_answer(client: Callable[..., socket.socket]) -> None:
    def answer(pod: Pod) -> None:
        assert pod.receive() == b"GET"
        time.sleep(0.5)
        pod.send(b"the answer")

    browser = client(answer)
    browser.sendall(b"GET")
    browser.shutdown(socket.SHUT_WR)
    assert read(browser) == b"the answer"


def test_a_connection_whose_client_has_gone_ends_after_a_while(client: Callable[..., socket.socket]) -> None:
    gone = threading.Event()

    def wait(pod: Pod) -> None:
        assert pod.receive() == b""
        gone.set()

    client(wait).close()
    assert gone.wait(10)


def test_the_end_of_the_pods_side_is_passed_on(client: Callable[..., socket.socket]) -> None:
    assert read(client(lambda pod: pod.send(b"bye"))) == b"bye"


def test_a_ping_is_answered_and_pieces_are_put_together(client: Callable[..., socket.socket]) -> None:
    answers: list[tuple[int, bytes]] = []

    def pieces(pod: Pod) -> None:
        pod.send_frame(b"\0one ", final=0)
        pod.send_frame(b"still there?", ABNF.OPCODE_PING)
        answers.append(pod.frame())
        pod.send_frame(b"message", ABNF.OPCODE_CONT)

    assert read(client(pieces)) == b"one message"
    assert answers == [(ABNF.OPCODE_PONG, b"still there?")]


@pytest.mark.parametrize("length", [125, 126, 65535, 65536])
def test_messages_of_every_length_come_as_they_were_sent(opened: Callable[..., PodPort], length: int) -> None:
    port, data = opened(), os.urandom(length)
    port.send(data)
    assert port.receive() == data
    port.close()


def test_a_message_without_bounds_ends_the_connection(pods: PodServer, opened: Callable[..., PodPort]) -> None:
    pods.serve = lambda pod: pod.socket.sendall(bytes([0x82, 127]) + (1 << 40).to_bytes(8, "big"))
    with pytest.raises(ConnectionError, match="a message of 1099511627776 bytes"):
        opened().receive()


def test_connections_leave_no_file_and_no_thread_behind(pods: PodServer, authority: Authority) -> None:
    cluster = Cluster.from_params({"host": pods.url, "ca_cert": str(authority.certificate)})
    pods.serve = lambda pod: pod.send(bytes(MB))

    def aborted() -> None:
        ours, theirs = socket.socketpair()
        thread = threading.Thread(target=forward, args=(theirs, open_port(cluster, "argo", "server", PORT)))
        thread.start()
        ours.recv(1)
        ours.close()
        end_of(thread)
        theirs.close()

    def held() -> tuple[int, int]:
        return len(list(Path("/proc/self/fd").iterdir())), threading.active_count()

    aborted()
    time.sleep(0.5)  # the server's end goes, too
    before = held()
    for _number in range(10):
        aborted()
    time.sleep(0.5)
    assert held() <= before


# --- who asks ---


def test_all_that_says_who_asks_travels(pods: PodServer, opened: Callable[..., PodPort]) -> None:
    opened(impersonate_user="jane", impersonate_groups=["a", "b"]).close()
    (asked,) = pods.asked
    assert asked["Authorization"] == "Bearer T0KEN"
    assert (asked["Impersonate-User"], asked.get_all("Impersonate-Group")) == ("jane", ["a", "b"])
    assert (asked[":path"], asked["Sec-WebSocket-Protocol"]) == (ASKED, "v4.channel.k8s.io")


def test_a_token_that_was_replaced_is_read_anew(
    pods: PodServer, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(login, "RENEWAL", 0.0)
    file = tmp_path / "kubeconfig"

    def write(token: str) -> None:
        cluster = {"server": pods.url, "certificate-authority": str(authority.certificate)}
        content = {
            "clusters": [{"name": "c", "cluster": cluster}],
            "users": [{"name": "u", "user": {"token": token}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }
        file.write_text(yaml.safe_dump(content))

    write("old")
    cluster = Cluster.from_params({"kubeconfig": str(file)})
    open_port(cluster, "argo", "server", PORT).close()
    write("new")
    pods.refusals = [(401, "Unauthorized", "")]
    open_port(cluster, "argo", "server", PORT).close()
    assert [asked["Authorization"] for asked in pods.asked] == ["Bearer old", "Bearer old", "Bearer new"]


def test_a_certificate_that_is_not_trusted_is_refused(opened: Callable[..., PodPort], tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with pytest.raises(ApiError, match="is not trusted"):
        opened(ca_cert=str(Authority(tmp_path / "other").certificate))


# --- what cannot be ---


def test_who_lacks_a_right_is_told_which_ones_it_takes(pods: PodServer, opened: Callable[..., PodPort]) -> None:
    pods.refusals = [(403, "Forbidden", 'User "jane" cannot create resource "pods/portforward"')]
    said = (
        "you may not forward ports in namespace argo: that takes the rights get and create on pods/portforward there "
        '(User "jane" cannot create resource "pods/portforward")'
    )
    with pytest.raises(ApiError) as refused:
        opened()
    assert (str(refused.value), refused.value.status) == (said, 403)


def test_a_port_that_nobody_listens_at_is_named(pods: PodServer, opened: Callable[..., PodPort]) -> None:
    pods.serve = lambda pod: pod.send(b"connection refused\n", 1)
    said = "^port 2746 of pod server in namespace argo cannot be reached: connection refused$"
    with pytest.raises(ApiError, match=said):
        opened().receive()


def test_a_proxy_that_passes_no_websockets_on_is_named(api: Api) -> None:
    api.answers["/api/v1/namespaces/argo/pods/server/portforward"] = (200, {})
    with pytest.raises(ApiError, match="opens no websocket"):
        open_port(api.cluster(), "argo", "server", PORT)


# --- the ports of this machine ---


def answer(client: socket.socket) -> None:
    client.sendall(b"here")


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_both_loopback_addresses_lead_there(address: str) -> None:
    port = free_port()
    with listening(port, answer), socket.create_connection((address, port), 10) as client:
        assert read(client) == b"here"
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((address, port), 1)


def test_where_there_is_no_ipv6_one_address_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(port_forward, "LOOPBACK", ("127.0.0.1", "2001:db8::1"))  # not an address of this machine
    port = free_port()
    with listening(port, answer), socket.create_connection(("127.0.0.1", port), 10) as client:
        assert read(client) == b"here"


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_port_that_is_taken_at_either_address_is_refused_and_the_other_one_given_back(address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, 0), family=family) as other:
        port = other.getsockname()[1]
        with pytest.raises(OSError, match="in use"), listening(port, answer):
            pytest.fail("it listens")
    with listening(port, answer):
        pass


def test_three_hundred_at_once_are_all_served() -> None:
    port, hold = free_port(), threading.Event()

    def late(client: socket.socket) -> None:
        hold.wait()
        answer(client)

    with listening(port, late), contextlib.ExitStack() as stack:
        begin = time.monotonic()
        clients = [stack.enter_context(socket.create_connection(("127.0.0.1", port), 10)) for _number in range(300)]
        assert time.monotonic() - begin < 1, "who does not fit into the queue tries again after a second"
        hold.set()
        assert [read(client) for client in clients] == [b"here"] * 300
