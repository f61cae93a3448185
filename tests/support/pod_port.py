# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An API server by TLS whose pods have a port that can be forwarded, as the kubelet forwards it by websocket."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from websocket import ABNF

from ansible_collections.argo.workflows.tests.support.api import Api, Handler, refusal
from ansible_collections.argo.workflows.tests.support.tls import Authority

PORT = 2746


class Pod:
    """A pod's end of a connection; what it sends goes by channel 0."""

    def __init__(self, handler: _Upgrading) -> None:
        self._handler = handler
        self.sent = 0
        self.socket: socket.socket = handler.connection

    def receive(self) -> bytes:
        """What the client sends next on channel 0, b"" once it has gone."""
        while True:
            opcode, payload = self.frame()
            if opcode == ABNF.OPCODE_BINARY:
                assert payload[:1] == b"\0", payload[:20]
                return payload[1:]
            if opcode != ABNF.OPCODE_PONG:
                return b""

    def frame(self) -> tuple[int, bytes]:
        """The next frame of the client, opcode 8 if it has gone."""
        read = self._handler.rfile.read
        head = read(2)
        if len(head) < 2:
            return ABNF.OPCODE_CLOSE, b""
        assert head[1] & 128, "a client masks its frames"
        length = head[1] & 127
        if length > 125:
            length = int.from_bytes(read(2 if length == 126 else 8), "big")
        key, masked = read(4), read(length)
        return head[0] & 15, bytes(ABNF.mask(key, masked))

    def send(self, data: bytes, channel: int = 0) -> None:
        self.send_frame(bytes([channel]) + data)
        self.sent += len(data)

    def send_frame(self, payload: bytes, opcode: int = ABNF.OPCODE_BINARY, final: int = 1) -> None:
        self._handler.wfile.write(ABNF(final, 0, 0, 0, opcode, 0, payload).format())


Serve = Callable[[Pod], None]


def echo(pod: Pod) -> None:
    while data := pod.receive():
        pod.send(data)


class PodServer:
    """`serve` is what the pod does with a connection; `refusals` are answered to upgrades first, one each."""

    def __init__(self, api: Api, serve: Serve) -> None:
        self.api = api
        self.serve = serve
        self.refusals: list[tuple[int, str, str]] = []
        self.asked: list[Any] = []
        """The headers of the upgrades, and under ":path" their paths."""
        self.url = ""


class _Upgrading(Handler):
    pods: PodServer

    def _pass_on(self) -> None:
        if self.headers.get("Upgrade") != "websocket":
            super()._pass_on()
            return
        self.headers[":path"] = self.path
        self.pods.asked.append(self.headers)
        if "*/*" not in self.headers.get("Accept", "*/*"):  # what a pod sends is no JSON
            self._send(refusal(406, "NotAcceptable"))
            return
        if self.pods.refusals:
            self._send(refusal(*self.pods.refusals.pop(0)))
            return
        self.send_response(101)
        for name, value in (("Upgrade", "websocket"), ("Connection", "Upgrade")):
            self.send_header(name, value)
        self.send_header("Sec-WebSocket-Protocol", "v4.channel.k8s.io")
        self.end_headers()
        pod = Pod(self)
        with contextlib.suppress(OSError):
            for channel in (0, 1):
                pod.send_frame(bytes([channel]) + PORT.to_bytes(2, "little"))
            self.pods.serve(pod)
            pod.send_frame(b"", ABNF.OPCODE_CLOSE)
        self.close_connection = True


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that has gone is what is tested."""


@contextlib.contextmanager
def pods_served(authority: Authority, folder: Path, api: Api, serve: Serve = echo) -> Iterator[PodServer]:
    certificate, key = authority.issue("server", 3600)
    (folder / "server.pem").write_text(certificate + key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    pods = PodServer(api, serve)
    server = _Server(("127.0.0.1", 0), type("Handler", (_Upgrading,), {"api": api, "pods": pods}))
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    pods.url = f"https://127.0.0.1:{server.server_port}"
    try:
        yield pods
    finally:
        server.shutdown()
        server.server_close()
