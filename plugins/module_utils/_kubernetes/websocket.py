# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client's side of a websocket (RFC 6455), on a connection that HTTP has opened. Private to the collection."""

from __future__ import annotations

import base64
import contextlib
import functools
import os
import select
import socket
import ssl
import threading
from collections.abc import Callable
from typing import Any, TypeVar

_CONTINUATION, _BINARY, _CLOSE, _PING, _PONG = 0, 2, 8, 9, 10
LONGEST = 16 * 1024 * 1024
"""Bytes of a message at most; those of Kubernetes have some 32 KiB."""
PIECE = 65536
"""Bytes that are read at once."""
_Result = TypeVar("_Result")


def upgrade(protocol: str) -> dict[str, str]:
    """The headers of a request that asks for a websocket which speaks this protocol."""
    return {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
        "Sec-WebSocket-Protocol": protocol,
    }


def frame(payload: bytes, opcode: int = _BINARY) -> bytes:
    """A frame of a client: the whole message, masked."""
    length = len(payload)
    if length < 126:
        size = bytes([128 | length])
    elif length < 65536:
        size = bytes([128 | 126]) + length.to_bytes(2, "big")
    else:
        size = bytes([128 | 127]) + length.to_bytes(8, "big")
    key = os.urandom(4)
    mask = (key * (length // 4 + 1))[:length]
    masked = int.from_bytes(payload, "big") ^ int.from_bytes(mask, "big")
    return bytes([128 | opcode]) + size + key + masked.to_bytes(length, "big")


class Websocket:
    """Messages to and from a server. One thread may receive while another one sends.

    `response` is the answer 101 of urllib3, whose connection becomes this one's.
    """

    def __init__(self, response: Any) -> None:
        self._response = response
        self._socket = _Shared(response.connection.sock)
        self._sending = threading.Lock()
        self._buffer = bytearray()
        with contextlib.suppress(BlockingIOError, ssl.SSLWantReadError):
            self._buffer += response._fp.fp.peek()  # what came right behind the answer

    def receive(self) -> bytes:
        """The next message, b"" at the end; OSError if the connection breaks."""
        message, final = b"", False
        while not final:
            final, opcode, payload = self._frame()
            if opcode == _CLOSE:
                return b""
            if opcode in (_BINARY, _CONTINUATION):
                message += payload
                _bound(len(message))
                continue
            final = False  # of the message that a ping came amid
            if opcode == _PING:
                self._send(frame(payload, _PONG))
        return message

    def send(self, message: bytes) -> None:
        """Send a message; OSError if the connection breaks."""
        self._send(frame(message))

    def end(self) -> None:
        """Let both threads' calls fail, from any thread."""
        self._socket.end()

    def close(self) -> None:
        """Give the connection up, once no thread uses it any more."""
        self._socket.end()
        self._response.close()

    def _send(self, whole: bytes) -> None:
        with self._sending:
            self._socket.send(whole)

    def _frame(self) -> tuple[bool, int, bytes]:
        first, second = self._read(2)
        length = second & 127
        if length > 125:
            length = int.from_bytes(self._read(2 if length == 126 else 8), "big")
        _bound(length)
        return bool(first & 128), first & 15, self._read(length)

    def _read(self, count: int) -> bytes:
        while len(self._buffer) < count:
            data = self._socket.receive()
            if not data:
                raise ConnectionError("the connection ended in the middle")
            self._buffer += data
        piece = bytes(self._buffer[:count])
        del self._buffer[:count]
        return piece


def _bound(length: int) -> None:
    if length > LONGEST:
        raise ConnectionError(f"a message of {length} bytes came")


class _Shared:
    """A socket for two threads: OpenSSL takes one call on a connection at a time, so none of them waits in a call."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._lock = threading.Lock()
        self._over = False

    def receive(self) -> bytes:
        return self._when_ready(select.POLLIN, lambda: self._sock.recv(PIECE))

    def send(self, data: bytes) -> None:
        whole, sent = memoryview(data), 0
        while sent < len(whole):
            sent += self._when_ready(select.POLLOUT, functools.partial(self._sock.send, whole[sent:]))

    def end(self) -> None:
        """Let the calls of both threads fail."""
        with self._lock:
            if not self._over:
                self._over = True
                with contextlib.suppress(OSError):  # it has ended by itself
                    socket.socket.shutdown(self._sock, socket.SHUT_RDWR)

    def _when_ready(self, event: int, call: Callable[[], _Result]) -> _Result:
        while True:
            try:
                with self._lock:
                    if self._over:
                        raise ConnectionError("the connection was closed")
                    return call()
            except ssl.SSLWantReadError:
                event = select.POLLIN
            except ssl.SSLWantWriteError:
                event = select.POLLOUT
            except BlockingIOError:
                pass
            ready = select.poll()
            ready.register(self._sock.fileno(), event)
            ready.poll()
