# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The few calls of the Kubernetes API that this collection needs, in raw JSON. Private to the collection.

The `kubernetes` package gives the configuration (kubeconfig, in-cluster, exec plugins, token refresh) and the
connection pool; group, version and plural are known here, so there is neither discovery nor are there typed models.
The package is imported when a Cluster is made, not before.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, urlencode

JSON = "application/json"
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"

CONNECT_TIMEOUT = 10.0
READ_TIMEOUT = 60.0
WATCH_SILENCE = 150.0
"""Seconds of silence after which a watch is taken for dead: the API server sends a bookmark about every minute."""
PAGE = 250
"""Objects a list request, so that 10,000 pods never lie in memory at once."""
COLD_START = 60.0
"""Seconds for which an API server that has just started may refuse what it will allow: its caches of rights fill."""
_STRICTER = re.compile("Key Identifier|CA cert does not include|marked critical")
TRANSIENT = frozenset({429, 500, 502, 503, 504})


class ApiError(Exception):
    """A request that failed, as one sentence: what was tried, on what, and what came back.

    `status` is the HTTP status, or None when no answer came; `reason` is the API's reason (`NotFound`, `Forbidden`, …).
    """

    def __init__(self, sentence: str, status: int | None = None, reason: str = "", message: str = "") -> None:
        super().__init__(sentence)
        self.status = status
        self.reason = reason
        self.message = message or sentence
        self.retry_after = 0.0

    @property
    def transient(self) -> bool:
        """Whether the same request may succeed a little later."""
        return self.status is None or self.status in TRANSIENT


class Clock(Protocol):
    """Time as the standard module `time` has it; tests bring a virtual one."""

    def time(self) -> float: ...
    def monotonic(self) -> float: ...
    def sleep(self, seconds: float, /) -> None: ...


class Backoff:
    """Waits between attempts: 0.2 s, doubling up to `most` seconds, with jitter; `reset` after a success."""

    def __init__(self, clock: Clock, most: float = 8.0) -> None:
        self._clock = clock
        self._most = most
        self._next = 0.2

    def reset(self) -> None:
        self._next = 0.2

    def wait(self, at_least: float = 0.0) -> None:
        self._clock.sleep(max(at_least, self._next * random.uniform(0.5, 1.0)))
        self._next = min(self._next * 2, self._most)


def workflows(namespace: str, name: str = "") -> str:
    """The path of a namespace's Workflows, or of one of them."""
    return argo(namespace, "workflows", name)


def argo(namespace: str, plural: str, name: str = "") -> str:
    """The path of a kind of argoproj.io in a namespace, or of one object of it."""
    return f"/apis/argoproj.io/v1alpha1/namespaces/{quote(namespace)}/{plural}" + (f"/{quote(name)}" if name else "")


def pods(namespace: str, name: str = "", sub: str = "") -> str:
    """The path of a namespace's pods, of one pod, or of its subresource `sub` (`log`)."""
    return core(namespace, "pods", name, sub)


def core(namespace: str, plural: str, name: str = "", sub: str = "") -> str:
    """The path of a kind of the core group in a namespace, of one object, or of its subresource."""
    path = f"/api/v1/namespaces/{quote(namespace)}/{plural}"
    return path + (f"/{quote(name)}" if name else "") + (f"/{sub}" if sub else "")


class Cluster:
    """One Kubernetes API server and how to be allowed in. Safe to share between threads.

    `transport` has the `request` method of a urllib3 PoolManager; `authorize` returns the headers of the next request.
    """

    def __init__(
        self,
        host: str,
        transport: Any,
        authorize: Callable[[bool], Mapping[str, str]] = lambda renew: {},
        clock: Clock = time,
    ) -> None:
        self.host = host.rstrip("/")
        self.clock = clock
        self._transport = transport
        self._authorize = authorize

    @classmethod
    def from_params(cls, params: Mapping[str, Any], clock: Clock = time) -> Cluster:
        """Connect as the connection options of a module say (see `_module.CONNECTION_SPEC`); no request is made.

        An explicit kubeconfig, context or host wins over everything; then comes the variable KUBECONFIG, then the
        service account of the pod this runs in, then ~/.kube/config.
        """
        login = Login(params)
        return cls(login.host, login.transport(), login.headers, clock)

    def with_headers(self, headers: Mapping[str, str]) -> Cluster:
        """The same cluster and connections, with `headers` sent along with every request."""

        def authorize(renew: bool) -> Mapping[str, str]:
            import urllib3

            together = urllib3.HTTPHeaderDict(self._authorize(renew))
            together.update(headers)
            return together

        return Cluster(self.host, self._transport, authorize, self.clock)

    def bearer(self, renew: bool = False) -> Mapping[str, str]:
        """The header with the token of this connection; none if it authenticates in another way."""
        return {key: value for key, value in self._authorize(renew).items() if value.startswith("Bearer ")}

    # -- single objects -------------------------------------------------------------------------------------------

    def get(self, path: str, *, accept: str = JSON, **query: Any) -> dict[str, Any]:
        """Read one object, or one page of a list. Repeats a few times while the answer is 429, 5xx or none."""
        return self._json("GET", path, query, accept=accept)

    def list(self, path: str, *, accept: str = JSON, **query: Any) -> Iterator[dict[str, Any]]:
        """Every object of a list, page by page. With `accept=METADATA_LIST` only their metadata."""
        for page in self.pages(path, accept=accept, **query):
            yield from page.get("items") or ()

    def pages(self, path: str, *, accept: str = JSON, **query: Any) -> Iterator[dict[str, Any]]:
        """The pages of a list as they come; the last one's `metadata.resourceVersion` is where a watch starts."""
        query = {"limit": PAGE, **query}
        while True:
            page = self.get(path, accept=accept, **query)
            yield page
            token = (page.get("metadata") or {}).get("continue")
            if not token:
                return
            query["continue"] = token

    def create(self, path: str, body: Mapping[str, Any], **query: Any) -> dict[str, Any]:
        """POST `body` and return the object as created."""
        return self._json("POST", path, query, body)

    def patch(
        self,
        path: str,
        body: Mapping[str, Any] | Sequence[Any],
        content_type: str = "application/merge-patch+json",
        **query: Any,
    ) -> dict[str, Any]:
        """PATCH an object and return it as changed."""
        return self._json("PATCH", path, query, body, content_type)

    def replace(self, path: str, body: Mapping[str, Any], **query: Any) -> dict[str, Any]:
        """PUT an object and return it as stored; a stale resourceVersion gives a 409."""
        return self._json("PUT", path, query, body)

    def delete(self, path: str, body: Mapping[str, Any] | None = None, **query: Any) -> dict[str, Any]:
        """DELETE an object; `body` may carry delete options. A missing object gives a 404."""
        return self._json("DELETE", path, query, body)

    # -- streams --------------------------------------------------------------------------------------------------

    def watch(self, path: str, resource_version: str, *, accept: str = JSON, **query: Any) -> Iterator[dict[str, Any]]:
        """The events of one watch, `{"type": …, "object": …}`, bookmarks among them.

        Ends when the server ends it, after half an hour or more. Raises ApiError when it breaks: status 410 if
        `resource_version` is too old.
        """
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            **query,
        }
        response = self._open("GET", path, query, accept=accept, read_timeout=WATCH_SILENCE)
        rest = b""
        try:
            for chunk in self._chunks(response, path):
                lines = (rest + chunk).split(b"\n")
                rest = lines.pop()
                for line in lines:
                    event = self._decode(line, "GET", path)
                    if event.get("type") == "ERROR":
                        raise _status_error("GET", path, self.host, event["object"].get("code"), event["object"])
                    yield event
        finally:
            response.close()

    def open_log(self, path: str, *, read_timeout: float, **query: Any) -> LogStream:
        """Open a container's log (`…/pods/NAME/log`); the answer is read chunk by chunk from the LogStream."""
        response = self._open("GET", path, query, accept="*/*", read_timeout=read_timeout)
        return LogStream(response, self._chunks(response, path))

    def events(
        self, path: str, *, metadata_only: bool = False, wanted: Callable[[], bool] = lambda: True, **query: Any
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """List and watch for ever, whatever the server does: yields ("ADDED" | "MODIFIED" | "DELETED", object).

        Besides objects it yields ("SYNCED", {}) whenever a list is complete, and ("TROUBLE", {"error": ApiError}) when
        a request failed and will be repeated. It stops when `wanted()` is false. A refusal that no repetition heals
        (401, 403, 404) is raised, but a 401 after a success, for a token may have expired and a new one may come, and a
        403 of an API server that was away just before.
        """
        names: dict[str, dict[str, Any]] = {}
        version, admitted, away = "", False, float("-inf")
        backoff = Backoff(self.clock)
        while wanted():
            try:
                if not version:
                    seen: set[str] = set()
                    accept = METADATA_LIST if metadata_only else JSON
                    for page in self.pages(path, accept=accept, **query):
                        for item in page.get("items") or ():
                            uid = item["metadata"]["uid"]
                            seen.add(uid)
                            kind = "MODIFIED" if uid in names else "ADDED"
                            names[uid] = _identity(item)
                            yield kind, item
                        latest = page["metadata"]["resourceVersion"]
                    version, admitted = latest, True
                    for uid in [uid for uid in names if uid not in seen]:
                        yield "DELETED", names.pop(uid)
                    yield "SYNCED", {}
                for event in self.watch(path, version, accept=METADATA if metadata_only else JSON, **query):
                    item, kind = event["object"], event["type"]
                    version = item["metadata"]["resourceVersion"]
                    backoff.reset()
                    if kind == "BOOKMARK":
                        continue
                    uid = item["metadata"]["uid"]
                    if kind == "DELETED":
                        if not names.pop(uid, None):
                            continue  # said already
                    else:
                        names[uid] = _identity(item)
                    yield kind, item
                    if not wanted():
                        return
            except ApiError as error:
                if error.status == 410:
                    version = ""
                elif error.transient:
                    away = self.clock.monotonic()
                elif not (admitted and error.status == 401) and not (
                    error.status == 403 and self.clock.monotonic() - away < COLD_START
                ):
                    raise
                yield "TROUBLE", {"error": error}
                backoff.wait(error.retry_after)

    # -- requests -------------------------------------------------------------------------------------------------

    def _json(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any],
        body: Any = None,
        content_type: str = JSON,
        accept: str = JSON,
        attempts: int = 4,
    ) -> dict[str, Any]:
        backoff = Backoff(self.clock)
        for attempt in range(1, attempts + 1):
            try:
                response = self._open(method, path, query, body, content_type, accept)
                data = b"".join(self._chunks(response, path))
                return self._decode(data, method, path)
            except ApiError as error:
                # Only a read is surely harmless to repeat; a 429 says that nothing was done.
                again = error.transient if method == "GET" else error.status == 429
                if not again or attempt == attempts:
                    raise
                backoff.wait(error.retry_after)
        raise AssertionError("the last attempt returns or raises")

    def _open(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any],
        body: Any = None,
        content_type: str = JSON,
        accept: str = JSON,
        read_timeout: float = READ_TIMEOUT,
    ) -> Any:
        """Send a request; return the response, its body unread, or raise ApiError for every status but 2xx."""
        import urllib3

        url = self.host + path + (f"?{urlencode(query)}" if query else "")
        data = None if body is None else json.dumps(body).encode()
        for renew in (False, True):
            headers = urllib3.HTTPHeaderDict(self._authorize(renew))
            headers.update({"Accept": accept, "User-Agent": "ansible/argo.workflows"})
            if data is not None:
                headers["Content-Type"] = content_type
            try:
                response = self._transport.request(
                    method,
                    url,
                    body=data,
                    headers=headers,
                    timeout=urllib3.Timeout(connect=CONNECT_TIMEOUT, read=read_timeout),
                    preload_content=False,
                    retries=False,
                )
            except (urllib3.exceptions.HTTPError, OSError) as error:
                raise _no_answer(method, path, self.host, error) from error
            if response.status != 401 or renew:
                break
            response.drain_conn()  # a token may have expired: ask for a new one, once
        if 200 <= response.status < 300:
            return response
        retry_after = response.headers.get("Retry-After", "")
        try:
            text = b"".join(self._chunks(response, path))
        except ApiError:
            text = b""
        try:
            status = json.loads(text)
        except ValueError:
            status = {"message": text.decode(errors="replace").strip()[:500]}
        refusal = _status_error(method, path, self.host, response.status, status)
        refusal.retry_after = float(retry_after) if retry_after.isdigit() else 0.0
        raise refusal

    def _chunks(self, response: Any, path: str) -> Iterator[bytes]:
        import urllib3

        try:
            yield from response.stream(65536)
        except (urllib3.exceptions.HTTPError, OSError, ValueError, AttributeError) as error:
            # ValueError and AttributeError: what urllib3 raises when another thread has shut the socket
            raise _no_answer("GET", path, self.host, error) from error
        response.release_conn()

    def _decode(self, data: bytes, method: str, path: str) -> dict[str, Any]:
        try:
            decoded: dict[str, Any] = json.loads(data)
            return decoded
        except ValueError as error:
            raise ApiError(f"{method} {path}: {self.host} sent an answer that is cut off or is not JSON") from error


class LogStream:
    """A container's log as it comes: iterate for its chunks of bytes; ApiError when it breaks."""

    def __init__(self, response: Any, chunks: Iterator[bytes]) -> None:
        self._response = response
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        return self._chunks

    def close(self) -> None:
        """Give the connection up; what was not read is lost. For the thread that reads."""
        self._response.close()

    def abort(self) -> None:
        """Wake the thread that is reading: its next read fails. For other threads."""
        connection = getattr(self._response, "connection", None)
        sock = getattr(connection, "sock", None)
        if sock is not None:
            with contextlib.suppress(OSError):  # it ended by itself in the meantime
                sock.shutdown(socket.SHUT_RDWR)


class Login:
    """The configuration that the `kubernetes` package makes of the connection options."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        self._params = params
        self._lock = threading.Lock()
        self._renewed = time.monotonic()
        self._configuration = self._load()
        self.host: str = self._configuration.host

    @property
    def configuration(self) -> Any:
        """The `kubernetes.client.Configuration`, for what that package does better: websockets."""
        return self._configuration

    def _load(self) -> Any:
        from kubernetes import client, config

        params = self._params
        configuration = client.Configuration()
        kubeconfig, context, host = (params.get(key) for key in ("kubeconfig", "context", "host"))
        if isinstance(kubeconfig, str) and not all(Path(file).expanduser().exists() for file in _files(kubeconfig)):
            raise ApiError(f"cannot connect to a cluster: there is no kubeconfig at {kubeconfig}")
        try:
            if isinstance(kubeconfig, Mapping):
                config.load_kube_config_from_dict(
                    dict(kubeconfig), context, client_configuration=configuration, persist_config=False
                )
            elif kubeconfig or context or (os.environ.get("KUBECONFIG") and not host):
                config.load_kube_config(
                    os.pathsep.join(str(Path(file).expanduser()) for file in _files(kubeconfig)) or None,
                    context,
                    client_configuration=configuration,
                    persist_config=False,
                )
            elif not host:
                self._load_surroundings(config, configuration)
        except (config.ConfigException, OSError, ValueError) as error:
            if kubeconfig or context:
                what = f"the kubeconfig {kubeconfig if isinstance(kubeconfig, str) else ''} cannot be used: {error}"
            else:
                what = "no kubeconfig, context or host is given, KUBECONFIG is not set, and there is no ~/.kube/config"
            raise ApiError(f"cannot connect to a cluster: {what}") from error
        if host:
            configuration.host = host
        if params.get("api_key"):
            configuration.api_key = {"authorization": f"Bearer {params['api_key']}"}
            configuration.refresh_api_key_hook = None
        elif params.get("username") and params.get("password"):
            configuration.username, configuration.password = params["username"], params["password"]
            configuration.api_key = {"authorization": configuration.get_basic_auth_token()}
            configuration.refresh_api_key_hook = None
        for option, attribute in {
            "validate_certs": "verify_ssl",
            "ca_cert": "ssl_ca_cert",
            "client_cert": "cert_file",
            "client_key": "key_file",
            "proxy": "proxy",
            "no_proxy": "no_proxy",
        }.items():
            if params.get(option) is not None:
                setattr(configuration, attribute, params[option])
        if params.get("proxy_headers"):
            import urllib3

            wanted = {key: value for key, value in params["proxy_headers"].items() if value is not None}
            configuration.proxy_headers = urllib3.util.make_headers(**wanted)
        return configuration

    @staticmethod
    def _load_surroundings(config: Any, configuration: Any) -> None:
        try:
            config.load_incluster_config(client_configuration=configuration)
        except config.ConfigException:
            config.load_kube_config(client_configuration=configuration, persist_config=False)

    def transport(self) -> Any:
        """The connection pool of an ApiClient, with dead peers noticed by TCP keepalive within a minute."""
        from kubernetes import client
        from urllib3.connection import HTTPConnection

        if self._configuration.verify_ssl is False:
            import urllib3

            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        manager = client.ApiClient(self._configuration).rest_client.pool_manager
        keepalive = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
        for name, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
            if hasattr(socket, name):
                keepalive.append((socket.IPPROTO_TCP, getattr(socket, name), value))
        manager.connection_pool_kw["socket_options"] = [*HTTPConnection.default_socket_options, *keepalive]
        manager.connection_pool_kw["maxsize"] = 128
        return manager

    def headers(self, renew: bool) -> Mapping[str, str]:
        """The headers that say who asks; `renew` after a 401 reads the credentials anew, at most every 10 s."""
        with self._lock:
            if renew and time.monotonic() - self._renewed > 10:
                self._renewed = time.monotonic()
                self._configuration = self._load()
            settings = self._configuration.auth_settings().values()
        from urllib3 import HTTPHeaderDict

        headers = HTTPHeaderDict({auth["key"]: auth["value"] for auth in settings if auth["value"]})
        if self._params.get("impersonate_user"):
            headers["Impersonate-User"] = self._params["impersonate_user"]
        for group in self._params.get("impersonate_groups") or ():
            headers.add("Impersonate-Group", group)
        return headers


def _files(kubeconfig: str | None) -> list[str]:
    """The files of a kubeconfig option: several may be joined as in the variable KUBECONFIG."""
    return [file for file in (kubeconfig or "").split(os.pathsep) if file]


def _identity(item: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of a listed object, enough to report it as deleted after a relist."""
    metadata = item["metadata"]
    return {"metadata": {key: metadata[key] for key in ("name", "namespace", "uid", "labels") if key in metadata}}


def _no_answer(method: str, path: str, host: str, error: Exception) -> ApiError:
    text = str(error)
    if "CERTIFICATE_VERIFY_FAILED" in text and _STRICTER.search(text):
        what = (
            f"the certificate of {host} breaks a rule that Python keeps from 3.13 on ({text.rsplit(': ', 1)[-1]}): set "
            "ansible_python_interpreter to an older Python, or have the certificate renewed"
        )
    elif "CERTIFICATE_VERIFY_FAILED" in text:
        what = f"the certificate of {host} is not trusted ({text.rsplit(': ', 1)[-1]}); set ca_cert"
    elif "refused" in text or "NameResolution" in type(error).__name__ or "ConnectTimeout" in type(error).__name__:
        what = f"nothing answers at {host}; is the cluster running, and is the kubeconfig the right one?"
    else:
        what = f"the connection to {host} broke ({type(error).__name__}: {text[:200]})"
    return ApiError(f"{method} {path}: {what}")


def _status_error(method: str, path: str, host: str, code: int | None, status: Mapping[str, Any]) -> ApiError:
    message = str(status.get("message") or "no message")
    reason = str(status.get("reason") or "")
    came_back = " ".join(str(part) for part in (code, reason) if part)
    hint = "; the credentials are not accepted (a token that expired?)" if code == 401 else ""
    return ApiError(f"{method} {path} on {host}: {came_back}: {message}{hint}", code, reason, message)
