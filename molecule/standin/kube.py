# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Kubernetes API from inside a pod, with the standard library alone: requests, watched lists, exec."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

Json = dict[str, Any]

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class ApiError(Exception):
    """The API server refused a request; the text is its message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


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
        self.local = threading.local()

    def headers(self, content: str = "application/json") -> dict[str, str]:
        token = self.token or (ACCOUNT / "token").read_text().strip()
        return {"Authorization": f"Bearer {token}", "Content-Type": content, "Accept": "application/json"}

    def connect(self, timeout: float) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(self.host, self.port, context=self.tls, timeout=timeout)

    def call(self, method: str, path: str, body: Any = None, content: str = "application/json", **query: Any) -> Json:
        """One request on the thread's own connection. A connection that the server closed is opened once more."""
        data = None if body is None else json.dumps(body).encode()
        target = path + ("?" + urlencode(query) if query else "")
        for attempt in (1, 2):
            connection = getattr(self.local, "connection", None) or self.connect(30)
            self.local.connection = connection
            try:
                connection.request(method, target, body=data, headers=self.headers(content))
                response = connection.getresponse()
                answer = response.read()
                break
            except (OSError, http.client.HTTPException):
                connection.close()
                self.local.connection = None
                if attempt == 2:
                    raise
        if response.status >= 400:
            raise _error(response.status, answer)
        value: Json = json.loads(answer)
        return value

    def get(self, path: str, **query: Any) -> Json:
        return self.call("GET", path, **query)

    def create(self, path: str, body: Json) -> Json:
        return self.call("POST", path, body)

    def replace(self, path: str, body: Json) -> Json:
        return self.call("PUT", path, body)

    def merge(self, path: str, body: Json) -> None:
        with _missing_is_fine():
            self.call("PATCH", path, body, "application/merge-patch+json")

    def delete(self, path: str, **query: Any) -> None:
        with _missing_is_fine():
            self.call("DELETE", path, **query)

    def exec(self, namespace: str, pod: str, container: str, command: list[str]) -> None:
        """Runs a command in a container and waits for its end; its output is dropped (WebSocket, RFC 6455)."""
        query = [("container", container), ("stdout", "true"), ("stderr", "true"), *(("command", c) for c in command)]
        key = base64.b64encode(os.urandom(16)).decode()
        upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": key}
        upgrade |= {"Sec-WebSocket-Version": "13", "Sec-WebSocket-Protocol": "v4.channel.k8s.io", "Accept": "*/*"}
        connection = self.connect(15)
        try:
            path = core(namespace, "pods", pod) + "/exec?" + urlencode(query)
            connection.request("GET", path, headers={**self.headers(), **upgrade})
            plain: socket.socket = connection.sock
            response = connection.getresponse()
            if response.status != 101:
                raise _error(response.status, response.read())
            while (frames := plain.recv(4096)) and b"\x88" not in frames:  # the byte that begins a closing frame
                pass
        except TimeoutError:
            raise ApiError(0, f"exec of {command} in {pod}/{container} did not end within 15 s") from None
        finally:
            connection.close()


@contextlib.contextmanager
def _missing_is_fine() -> Iterator[None]:
    try:
        yield
    except ApiError as error:
        if error.status != 404:
            raise


def _error(status: int, answer: bytes) -> ApiError:
    try:
        return ApiError(status, json.loads(answer)["message"])
    except (ValueError, KeyError, TypeError):
        return ApiError(status, answer.decode(errors="replace").strip() or http.client.responses.get(status, ""))


class WatchedList:
    """The objects of one list, kept current by a watch in a thread of its own."""

    def __init__(self, kube: Kube, path: str, changed: Callable[[Json], None], **selectors: str) -> None:
        self.kube, self.path, self.changed, self.selectors = kube, path, changed, selectors
        self.objects: dict[str, Json] = {}
        self.lock = threading.Lock()
        self.listed = threading.Event()
        threading.Thread(target=self.follow, daemon=True).start()

    def values(self) -> list[Json]:
        with self.lock:
            return list(self.objects.values())

    def put(self, item: Json, deleted: bool = False) -> None:
        """Takes an object over, from the watch or from the answer to a write, unless a newer one is known."""
        name, version = item["metadata"]["name"], int(item["metadata"]["resourceVersion"])
        with self.lock:
            known = self.objects.get(name)
            if known and int(known["metadata"]["resourceVersion"]) > version:
                return
            if deleted:
                self.objects.pop(name, None)
            else:
                self.objects[name] = item

    def follow(self) -> None:
        while True:
            try:
                self.watch(self.list())
            except (ApiError, OSError, http.client.HTTPException, ValueError) as error:
                print(f"stand-in: watch of {self.path}: {error}; listing again", flush=True)
                time.sleep(1)

    def list(self) -> str:
        answer = self.kube.get(self.path, **self.selectors)
        with self.lock:
            gone = list(self.objects.values())
            self.objects = {item["metadata"]["name"]: item for item in answer["items"]}
        for item in [*gone, *answer["items"]]:
            self.changed(item)
        self.listed.set()
        return str(answer["metadata"]["resourceVersion"])

    def watch(self, version: str) -> None:
        while True:
            connection = self.kube.connect(75)
            query = {**self.selectors, "watch": "1", "resourceVersion": version, "timeoutSeconds": "60"}
            connection.request("GET", f"{self.path}?{urlencode(query)}", headers=self.kube.headers())
            response = connection.getresponse()
            if response.status >= 400:
                raise _error(response.status, response.read())
            while line := response.readline():
                event = json.loads(line)
                if event["type"] == "ERROR":
                    raise ApiError(event["object"].get("code", 0), event["object"].get("message", "expired"))
                version = event["object"]["metadata"]["resourceVersion"]
                self.put(event["object"], deleted=event["type"] == "DELETED")
                self.changed(event["object"])
            connection.close()
