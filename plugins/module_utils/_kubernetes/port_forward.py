# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports of this machine that lead to a pod, as `kubectl port-forward` opens them. Private to the collection."""

from __future__ import annotations

import contextlib
import errno
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator

from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.cluster import Cluster
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import path
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.websocket import PIECE, Websocket

LOOPBACK = ("127.0.0.1", "::1")
"""Browsers take localhost to either."""
_NO_IPV6 = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
PROTOCOL = "v4.channel.k8s.io"
_DATA, _ERROR = 0, 1
POLL = 0.1
"""Seconds between two looks at whether a port is to be closed."""
QUIET = 5.0
"""Seconds without an answer after which the connection of a client that sends nothing more is closed.

Not longer, for most have gone: each request with a connection of its own leaves one for so long.
"""


class PodPort:
    """A connection to a port of a pod.

    Each message begins with its channel; the first one of each channel has the port's number, and nothing else. See
    "portforward" in k8s.io/kubelet/pkg/cri/streaming/portforward/websocket.go.
    """

    def __init__(self, websocket: Websocket, called: str) -> None:
        self._websocket = websocket
        self._called = called
        self._begun: set[int] = set()
        self.received = 0
        """How many messages have come."""

    def receive(self) -> bytes:
        """What the pod sends next, b"" at its end; ApiError if the port cannot be reached, OSError if it breaks."""
        while message := self._websocket.receive():
            self.received += 1
            channel, data = message[0], message[1:]
            if channel not in self._begun:
                self._begun.add(channel)
            elif channel == _ERROR:
                raise ApiError(f"{self._called} cannot be reached: {data.decode(errors='replace').strip()}")
            elif channel == _DATA and data:
                return data
        return b""

    def send(self, data: bytes) -> None:
        self._websocket.send(bytes([_DATA]) + data)

    def end(self) -> None:
        """Let what other threads do with it fail."""
        self._websocket.end()

    def close(self) -> None:
        """Give the connection up, once no thread uses it any more."""
        self._websocket.close()


def open_port(cluster: Cluster, namespace: str, pod: str, port: int) -> PodPort:
    """Connect to a port of a pod, through the API server; ApiError if it is refused."""
    called = f"port {port} of pod {pod} in namespace {namespace}"
    try:
        websocket = cluster.websocket(path("Pod", namespace, pod, "portforward"), PROTOCOL, ports=port)
    except ApiError as error:
        if error.status != 403:
            raise
        sentence = (
            f"you may not forward ports in namespace {namespace}: that takes the rights get and create on "
            f"pods/portforward there ({error.message})"
        )
        raise ApiError(sentence, error.status, error.reason) from error
    return PodPort(websocket, called)


def forward(client: socket.socket, pod: PodPort) -> None:
    """Pass on what comes from either side until one of them has ended; ApiError if the pod cannot be reached."""
    over = threading.Event()
    there = threading.Thread(target=_send, args=(client, pod, over), daemon=True)
    there.start()
    try:
        with contextlib.suppress(OSError):
            while data := pod.receive():
                client.sendall(data)
    finally:
        over.set()
        pod.end()
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)
        there.join()
        pod.close()


def _send(client: socket.socket, pod: PodPort, over: threading.Event) -> None:
    """Send the pod what a client sends.

    The protocol cannot say that a client will send nothing more, which still waits for its answer; or has gone, which
    looks the same.
    """
    try:
        with contextlib.suppress(OSError):
            while data := client.recv(PIECE):
                pod.send(data)
            before = -1
            while before != pod.received and not over.is_set():
                before = pod.received
                over.wait(QUIET)
    finally:
        pod.end()


@contextlib.contextmanager
def listening(port: int, handle: Callable[[socket.socket], None]) -> Iterator[None]:
    """Have `handle` called for each connection to a port of the loopback addresses, in a thread of its own.

    OSError if it cannot be opened on one of them; where there is no IPv6, 127.0.0.1 is enough.
    """
    with contextlib.ExitStack() as opened:
        for address in LOOPBACK:
            try:
                listener = opened.enter_context(_listener(address, port, handle))
            except OSError as error:
                if address == LOOPBACK[0] or error.errno not in _NO_IPV6:
                    raise
            else:
                threading.Thread(target=listener.serve_forever, args=(POLL,), daemon=True).start()
                opened.callback(listener.shutdown)
        yield


def _listener(address: str, port: int, handle: Callable[[socket.socket], None]) -> socketserver.TCPServer:
    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # a small answer is not to wait
            handle(self.request)

    class Listener(socketserver.ThreadingTCPServer):
        address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        allow_reuse_address = True
        daemon_threads = True
        request_queue_size = socket.SOMAXCONN

    return Listener((address, port), Handler)
