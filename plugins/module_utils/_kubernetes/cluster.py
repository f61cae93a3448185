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
import math
import random
import re
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Protocol
from urllib.parse import urlencode

from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import (
    CERTIFICATE_REFUSED,
    ApiError,
    ended_unanswered,
    no_answer,
    status_error,
)
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.login import Login
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import FIELD_MANAGER
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.watch import Change, Reflector, Remedy
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.websocket import Websocket, upgrade

JSON = "application/json"
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
CONNECT_TIMEOUT = 10.0
READ_TIMEOUT = 60.0
WATCH_SILENCE = 150.0
"""Seconds of silence after which a watch is taken for dead: the API server sends a bookmark about every minute."""
SHORTEST_WATCH = 1.0
"""Seconds that a watch lasts at least: one that ends sooner and told nothing is not asked again at once.

As client-go's reflector takes it ("very short watch").
"""
PAGE = 250
"""Objects a list request, so that 10,000 pods never lie in memory at once."""
ATTEMPTS = 4
"""How often a request is made at most."""
RETRY_AFTER = 10.0
"""Seconds that are waited at most because a server says so: one in maintenance may say a day, and come back at once."""
SWITCHED = 101
"""The status of a connection that now speaks what was asked for."""
LONGEST_ERROR = 65536
"""Bytes that are read of what comes with an error."""


class Clock(Protocol):
    """Time as the standard module `time` has it; tests bring a virtual one."""

    def time(self) -> float: ...
    def monotonic(self) -> float: ...
    def sleep(self, seconds: float, /) -> None: ...


class Backoff:
    """Waits between attempts: 0.2 s, doubling up to `most` seconds, with jitter; `reset` after a success.

    Never past `deadline`, in seconds of the clock's `monotonic`.
    """

    def __init__(self, clock: Clock, most: float = 8.0, deadline: float = math.inf) -> None:
        self._clock = clock
        self._most = most
        self._deadline = deadline
        self._next = 0.2

    def reset(self) -> None:
        self._next = 0.2

    def wait(self, at_least: float = 0.0) -> None:
        pause = max(at_least, self._next * random.uniform(0.5, 1.0))
        self._clock.sleep(max(0.0, min(pause, self._deadline - self._clock.monotonic())))
        self._next = min(self._next * 2, self._most)


@dataclass(frozen=True)
class Request:
    """One request of the API, without the host and who asks; `body` is what becomes JSON, `read_timeout` in seconds."""

    method: str
    path: str
    query: Mapping[str, Any]
    body: Any = None
    content_type: str = JSON
    accept: str = JSON
    read_timeout: float = READ_TIMEOUT

    @property
    def target(self) -> str:
        """The path with the query."""
        return self.path + (f"?{urlencode(self.query)}" if self.query else "")

    @property
    def data(self) -> bytes | None:
        return None if self.body is None else json.dumps(self.body).encode()

    @property
    def headers(self) -> dict[str, str]:
        sent = {"Accept": self.accept, "User-Agent": f"ansible/{FIELD_MANAGER}"}
        return sent if self.body is None else sent | {"Content-Type": self.content_type}


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
        deadline: float = math.inf,
    ) -> None:
        self.host = host.rstrip("/")
        self.clock = clock
        self._deadline = deadline
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

        return Cluster(self.host, self._transport, authorize, self.clock, self._deadline)

    def until(self, deadline: float) -> Cluster:
        """The same cluster and connections, asked only until the clock's `monotonic` says so.

        No request and no pause between two is longer; what has not come by then is an ApiError.
        """
        return Cluster(self.host, self._transport, self._authorize, self.clock, min(deadline, self._deadline))

    def bearer(self, renew: bool = False) -> Mapping[str, str]:
        """The header with the token of this connection; none if it authenticates in another way."""
        return {key: value for key, value in self._authorize(renew).items() if value[:7].lower() == "bearer "}

    def time_of_day(self) -> float:
        """The time at the API server, in seconds since 1970; by this machine's clock where it does not say."""
        try:
            _version, headers = self._answer(Request("GET", "/version", {}))
            return parsedate_to_datetime(headers.get("Date", "")).timestamp()
        except ValueError:
            return self.clock.time()
        except ApiError as error:
            if error.status not in (401, 403, 404):
                raise
            return self.clock.time()

    # --- single objects ------------------------------------------------------------------------------------------

    def get(self, path: str, *, accept: str = JSON, **query: Any) -> dict[str, Any]:
        """Read one object, or one page of a list. Repeats a few times while the answer is 429, 5xx or none."""
        return self._json(Request("GET", path, query, accept=accept))

    def find(self, path: str, *, accept: str = JSON, **query: Any) -> dict[str, Any] | None:
        """Read one object; None where the object, its namespace or its kind does not exist (a 404)."""
        try:
            return self.get(path, accept=accept, **query)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def objects(self, path: str, *, accept: str = JSON, **query: Any) -> Iterator[dict[str, Any]]:
        """Every object of a list, page by page. With `accept=METADATA_LIST` only their metadata."""
        for page in self.pages(path, accept=accept, **query):
            yield from page.get("items") or ()

    def pages(self, path: str, *, accept: str = JSON, **query: Any) -> Iterator[dict[str, Any]]:
        """The pages of a list as they come; the last one's `metadata.resourceVersion` is where a watch starts."""
        query = {"limit": PAGE, **query}
        while True:
            page = self.get(path, accept=accept, **query)
            if not isinstance(page.get("metadata"), dict):
                raise ApiError(f"GET {path}: {self.host} sent something that is not a list of objects")
            yield page
            token = page["metadata"].get("continue")
            if not token:
                return
            query["continue"] = token

    def create(self, path: str, body: Mapping[str, Any], **query: Any) -> dict[str, Any]:
        """POST `body` and return the object as created."""
        return self._json(Request("POST", path, query, body))

    def patch(
        self,
        path: str,
        body: Mapping[str, Any] | Sequence[Any],
        content_type: str = "application/merge-patch+json",
        *,
        accept: str = JSON,
        **query: Any,
    ) -> dict[str, Any]:
        """PATCH an object and return it as changed."""
        return self._json(Request("PATCH", path, query, body, content_type, accept))

    def replace(self, path: str, body: Mapping[str, Any], **query: Any) -> dict[str, Any]:
        """PUT an object and return it as stored; a stale resourceVersion gives a 409."""
        return self._json(Request("PUT", path, query, body))

    def delete(self, path: str, body: Mapping[str, Any] | None = None, **query: Any) -> dict[str, Any]:
        """DELETE an object; `body` may carry delete options. A missing object gives a 404."""
        return self._json(Request("DELETE", path, query, body))

    # --- streams -------------------------------------------------------------------------------------------------

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
        request = Request("GET", path, query, accept=accept, read_timeout=WATCH_SILENCE)
        response, rest = self._open(request), b""
        try:
            for chunk in self._chunks(response, request):
                lines = (rest + chunk).split(b"\n")
                rest = lines.pop()
                for line in lines:
                    yield self._event(line, request)
        finally:
            response.close()

    def _event(self, line: bytes, request: Request) -> dict[str, Any]:
        """A line of a watch; ApiError if it is an error, or not an event of an object."""
        event = self._decode(line, request)
        item = event.get("object")
        if event.get("type") == "ERROR":
            code = item.get("code") if isinstance(item, dict) else None
            raise status_error("GET", request.path, self.host, code, item)
        if not (isinstance(item, dict) and isinstance(item.get("metadata"), dict) and event.get("type")):
            raise ApiError(f"GET {request.path}: {self.host} sent something that is not an event of a watch")
        return event

    def open_log(self, path: str, *, read_timeout: float, **query: Any) -> LogStream:
        """Open a container's log (`…/pods/NAME/log`); the answer is read chunk by chunk from the LogStream."""
        request = Request("GET", path, query, accept="*/*", read_timeout=read_timeout)
        response = self._open(request)
        return LogStream(response, self._chunks(response, request))

    def websocket(self, path: str, protocol: str, **query: Any) -> Websocket:
        """Open a websocket that speaks `protocol`; close it."""
        request = Request("GET", path, query, accept="*/*")
        response = self.with_headers(upgrade(protocol))._open(request)
        if response.status != SWITCHED:
            response.close()
            what = f"{self.host} opens no websocket (HTTP {response.status}); is there a proxy that passes none on?"
            raise ApiError(f"{request.method} {path}: {what}")
        return Websocket(response)

    def events(
        self, path: str, *, metadata_only: bool = False, wanted: Callable[[], bool] = lambda: True, **query: Any
    ) -> Iterator[Change]:
        """List and watch for ever, whatever the server does: yields ("ADDED" | "MODIFIED" | "DELETED", object).

        Besides objects it yields ("SYNCED", {}) whenever a list is complete, and ("TROUBLE", {"error": ApiError}) when
        a request failed and will be repeated. It stops when `wanted()` is false. A refusal that no repetition heals
        (401, 403, 404) is raised, but a 401 after a success, for a token may have expired and a new one may come, and a
        403 of an API server that was away just before.
        """
        accept, accept_list = (METADATA, METADATA_LIST) if metadata_only else (JSON, JSON)
        reflector, backoff = Reflector(), Backoff(self.clock, deadline=self._deadline)
        while wanted():
            try:
                if not reflector.version:
                    yield from reflector.listed(self.pages(path, accept=accept_list, **query))
                for event in self._watch_once(backoff, path, reflector.version, accept=accept, **query):
                    if change := reflector.watched(event):
                        yield change
                        if not wanted():
                            return
            except ApiError as error:
                if reflector.failed(error, self.clock.monotonic()) is Remedy.NONE:
                    raise
                yield "TROUBLE", {"error": error}
                backoff.wait(error.retry_after)

    def _watch_once(self, backoff: Backoff, path: str, version: str, **query: Any) -> Iterator[dict[str, Any]]:
        """The events of one watch; a pause after one that ended as soon as it had begun and told nothing."""
        began, told = self.clock.monotonic(), False
        for event in self.watch(path, version, **query):
            backoff.reset()
            told = True
            yield event
        if not told and self.clock.monotonic() - began < SHORTEST_WATCH:
            backoff.wait()

    # --- requests ------------------------------------------------------------------------------------------------

    def _json(self, request: Request) -> dict[str, Any]:
        """The object that a request is answered with; repeats it a few times where that is harmless."""
        return self._answer(request)[0]

    def _answer(self, request: Request) -> tuple[dict[str, Any], Mapping[str, str]]:
        """The object, and the headers it came with."""
        backoff, attempt = Backoff(self.clock, deadline=self._deadline), 1
        while True:
            try:
                response = self._open(request)
                return self._decode(b"".join(self._chunks(response, request)), request), response.headers
            except ApiError as error:
                # Only a read is surely harmless to repeat; a 429 says that nothing was done.
                again = error.transient if request.method == "GET" else error.status == 429
                if not again or attempt == ATTEMPTS:
                    raise
                attempt += 1
                backoff.wait(error.retry_after)
                if self._left() <= 0:
                    raise

    def _open(self, request: Request) -> Any:
        """The response to a request, its body unread; ApiError for every status but 2xx and 101."""
        response = self._accepted(request)
        if response is None:
            response = self._send(request, renew=True)  # a token or a certificate may have expired: ask for a new one
        if not (200 <= response.status < 300 or response.status == SWITCHED):
            raise self._refusal(response, request)
        return response

    def _accepted(self, request: Request) -> Any:
        """The response to a request; None if its credentials are not accepted, or if that may be why there is none."""
        try:
            response = self._send(request, renew=False)
        except ApiError as error:
            if error.reason == CERTIFICATE_REFUSED or (request.method == "GET" and ended_unanswered(error.__cause__)):
                return None
            raise
        if response.status == 401:
            response.drain_conn()
            return None
        return response

    def _send(self, request: Request, renew: bool) -> Any:
        import urllib3

        left = self._left()
        if left <= 0:
            raise self._late(request)
        headers = urllib3.HTTPHeaderDict(self._authorize(renew))
        headers.update(request.headers)
        try:
            return self._transport.request(
                request.method,
                self.host + request.target,
                body=request.data,
                headers=headers,
                timeout=urllib3.Timeout(connect=min(CONNECT_TIMEOUT, left), read=min(request.read_timeout, left)),
                preload_content=False,
                retries=False,
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise no_answer(request.method, request.path, self.host, error) from error
        except ValueError as error:  # http.client quotes the header that it does not send, with the credentials
            what = f"the request to {self.host} cannot be sent ({type(error).__name__}): its address or a header is odd"
            raise ApiError(f"{request.method} {request.path}: {what}", 400, "BadRequest") from None

    def _left(self) -> float:
        """Seconds until the deadline."""
        return self._deadline - self.clock.monotonic()

    def _late(self, request: Request) -> ApiError:
        return ApiError(f"{request.method} {request.path}: {self.host} has not answered in time")

    def _refusal(self, response: Any, request: Request) -> ApiError:
        """The error that a response with another status than 2xx stands for."""
        try:
            text = self._body(response, request, LONGEST_ERROR)
        except ApiError:
            text = b""
        try:
            status = json.loads(text)
        except (ValueError, RecursionError):
            status = text.decode(errors="replace").strip()[:500]
        refusal = status_error(request.method, request.path, self.host, response.status, status)
        retry_after = response.headers.get("Retry-After", "")
        refusal.retry_after = min(RETRY_AFTER, float(retry_after)) if re.fullmatch("[0-9]{1,9}", retry_after) else 0.0
        return refusal

    def _body(self, response: Any, request: Request, most: int) -> bytes:
        """What a response says, up to about `most` bytes."""
        body = b""
        for chunk in self._chunks(response, request):
            body += chunk
            if len(body) > most:
                response.close()
                break
        return body

    def _chunks(self, response: Any, request: Request) -> Iterator[bytes]:
        import urllib3

        try:
            for chunk in response.stream(65536):
                yield chunk
                if self._left() <= 0:  # one that sends a little now and then is never silent for long
                    raise self._late(request)
        except (urllib3.exceptions.HTTPError, OSError, ValueError, AttributeError) as error:
            # ValueError and AttributeError: what urllib3 raises when another thread has shut the socket
            raise no_answer(request.method, request.path, self.host, error) from error
        response.release_conn()

    def _decode(self, data: bytes, request: Request) -> dict[str, Any]:
        try:
            decoded = json.loads(data)
        except (ValueError, RecursionError):
            decoded = None
        if not isinstance(decoded, dict):
            what = f"{self.host} sent an answer that is cut off or is not a JSON object"
            raise ApiError(f"{request.method} {request.path}: {what}")
        return decoded


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
