# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Kubernetes API from inside a pod, with the standard library alone: requests and exec."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import socket
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from . import Json

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class ApiError(Exception):
    """The API server refused a request; the text is its message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


FAILURES = (ApiError, OSError, http.client.HTTPException)
"""Everything by which a request can fail."""


def own_namespace() -> str:
    return (ACCOUNT / "namespace").read_text().strip()


def workflows(namespace: str, name: str = "", plural: str = "workflows") -> str:
    return f"/apis/argoproj.io/v1alpha1/namespaces/{namespace}/{plural}" + (f"/{quote(name)}" if name else "")


def core(namespace: str, plural: str, name: str = "") -> str:
    return f"/api/v1/namespaces/{namespace}/{plural}" + (f"/{quote(name)}" if name else "")


class Kube:
    """A client of the API server: the pod's own service account, or the bearer of `token`."""

    def __init__(self, token: str = "") -> None:
        self.token = token
        self.host = os.environ["KUBERNETES_SERVICE_HOST"]
        self.port = int(os.environ["KUBERNETES_SERVICE_PORT"])
        self.tls = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))

    def headers(self, content: str = "application/json") -> dict[str, str]:
        token = self.token or (ACCOUNT / "token").read_text().strip()
        return {"Authorization": f"Bearer {token}", "Content-Type": content, "Accept": "application/json"}

    def connect(self) -> contextlib.closing[http.client.HTTPSConnection]:
        return contextlib.closing(http.client.HTTPSConnection(self.host, self.port, context=self.tls, timeout=30))

    def call(self, method: str, path: str, body: Any = None, content: str = "application/json", **query: Any) -> Json:
        data = None if body is None else json.dumps(body).encode()
        with self.connect() as connection:
            connection.request(method, f"{path}?{urlencode(query)}", body=data, headers=self.headers(content))
            response = connection.getresponse()
            answer = response.read()
        if response.status >= 400:
            raise _error(response.status, answer)
        value: Json = json.loads(answer)
        return value

    def get(self, path: str, **query: Any) -> Json:
        return self.call("GET", path, **query)

    def selected(self, path: str, selector: str) -> list[Json]:
        """All objects of a list that have the labels."""
        items: list[Json] = self.get(path, labelSelector=selector)["items"]
        return items

    def create(self, path: str, body: Json) -> Json:
        return self.call("POST", path, body)

    def replace(self, path: str, body: Json) -> Json:
        return self.call("PUT", path, body)

    def merge(self, path: str, body: Json) -> None:
        self.unless_gone("PATCH", path, body, "application/merge-patch+json")

    def delete(self, path: str, **query: Any) -> None:
        self.unless_gone("DELETE", path, **query)

    def unless_gone(self, *request: Any, **query: Any) -> None:
        try:
            self.call(*request, **query)
        except ApiError as error:
            if error.status != 404:
                raise

    def exec(self, namespace: str, pod: str, container: str, command: list[str]) -> None:
        """Runs a command in a container and waits for its end; its output is dropped (WebSocket, RFC 6455)."""
        query = [("container", container), ("stdout", "true"), ("stderr", "true"), *(("command", c) for c in command)]
        key = base64.b64encode(os.urandom(16)).decode()
        upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": key}
        upgrade |= {"Sec-WebSocket-Version": "13", "Sec-WebSocket-Protocol": "v4.channel.k8s.io", "Accept": "*/*"}
        with self.connect() as connection:
            path = core(namespace, "pods", pod) + "/exec?" + urlencode(query)
            connection.request("GET", path, headers={**self.headers(), **upgrade})
            plain: socket.socket = connection.sock
            response = connection.getresponse()
            if response.status != 101:
                raise _error(response.status, response.read())
            while (frames := plain.recv(4096)) and b"\x88" not in frames:  # the byte that begins a closing frame
                pass


def _error(status: int, answer: bytes) -> ApiError:
    try:
        return ApiError(status, json.loads(answer)["message"])
    except (ValueError, KeyError, TypeError):
        return ApiError(status, answer.decode(errors="replace").strip() or http.client.responses.get(status, ""))
