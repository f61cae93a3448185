# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One Kubernetes API server in memory: it stands where the connection pool of urllib3 stands.

Everything of the collection that makes a request is tested through it, so that a change of Cluster shows everywhere.
`replay.Recorded` plays a recording behind the same door, `synthetic.Server` faults; `served` opens it to processes.
"""

from __future__ import annotations

import contextlib
import copy
import http.server
import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote

import urllib3

from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.cluster import Clock, Cluster

HOST = "https://api.example"

Json = dict[str, Any]


class Response:
    """The part of urllib3's HTTPResponse that is used. Who aborts it finds it is its own socket."""

    def __init__(self, status: int, chunks: Iterator[bytes], headers: Mapping[str, str] | None = None) -> None:
        self.status = status
        self.headers = dict(headers or {})
        self.chunks = chunks
        self.aborted = False
        self.closed = False
        self.connection = self.sock = self

    def stream(self, size: int) -> Iterator[bytes]:
        return self.chunks

    def shutdown(self, how: int) -> None:
        self.aborted = True

    def close(self) -> None:
        self.closed = True

    def release_conn(self) -> None:
        pass

    drain_conn = release_conn


@dataclass(frozen=True)
class Asked:
    """A request as it came in; `str` of it is "GET /path", with " watch" behind it for a watch."""

    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: Any
    read_timeout: float

    def __str__(self) -> str:
        return f"{self.method} {self.path}" + (" watch" if "watch" in self.query else "")


Answer = tuple[int, Any] | Response | Exception
"""A status and what is sent with it: an object, which becomes JSON, bytes as they are, or an exception to raise."""


def answered(answer: Answer) -> Response:
    if isinstance(answer, Exception):
        raise answer
    if isinstance(answer, Response):
        return answer
    status, content = answer
    return Response(status, iter([content if isinstance(content, bytes) else json.dumps(content).encode()]))


def refusal(status: int, reason: str = "", message: str = "", headers: Mapping[str, str] | None = None) -> Response:
    """What the API server sends with a status that is an error."""
    body = {"kind": "Status", "code": status, "reason": reason, "message": message or f"refused with {status}"}
    return Response(status, iter([json.dumps(body).encode()]), headers)


def silent(asked: Asked, clock: Clock) -> Exception:
    """What a connection on which nothing comes ends with, after as long as was asked for."""
    clock.sleep(asked.read_timeout)
    return urllib3.exceptions.ReadTimeoutError(None, asked.path, "Read timed out.")


class Api:
    """The objects of a cluster by their paths, read and changed as an API server does it; every request is kept.

    `answers` come before the objects: by "METHOD /path" or by "/path", an Answer or a function of what was asked.
    `events` are those of watches, by the path of the list. `logs` has what the kubelet sends, by the pod's name.
    """

    def __init__(
        self,
        objects: Mapping[str, Json] | None = None,
        answers: Mapping[str, Answer | Callable[[Asked], Answer]] | None = None,
        clock: Clock = time,
    ) -> None:
        self.objects: dict[str, Json] = dict(objects or {})
        self.answers: dict[str, Any] = dict(answers or {})
        self.events: dict[str, list[tuple[str, Json]]] = {}
        self.logs: dict[str, bytes] = {}
        self.namespaces: set[str] = set()
        """If there is one, nothing can be created in others."""
        self.requests: list[Asked] = []
        self.over = threading.Event()
        """Set it to break the watches."""
        self.clock: Any = clock
        self.lock = threading.Lock()

    def cluster(self) -> Cluster:
        return Cluster(HOST, self, clock=self.clock)

    @property
    def changes(self) -> list[Asked]:
        """The requests that would have changed something."""
        return [asked for asked in self.requests if asked.method != "GET" and "dryRun" not in asked.query]

    def asked(self, method: str, path: str = "") -> list[Asked]:
        """The requests by this method, and for this path if one is given."""
        return [asked for asked in self.requests if asked.method == method and path in ("", asked.path)]

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Any = None,
        body: bytes | None = None,
        timeout: Any = None,
        **_options: Any,
    ) -> Response:
        """As urllib3.PoolManager.request, which folds what leads up in a path."""
        parts = urllib3.util.parse_url(url)
        query = dict(parse_qsl(parts.query or "", keep_blank_values=True))
        read_timeout = timeout.read_timeout if timeout else 0.0
        content = json.loads(body) if body else None
        asked = Asked(method, unquote(parts.path or "/"), query, dict(headers or {}), content, read_timeout)
        with self.lock:
            self.requests.append(asked)
        return self.answer(asked)

    def answer(self, asked: Asked) -> Response:
        answer = self.answers.get(f"{asked.method} {asked.path}") or self.answers.get(asked.path)
        if answer:
            return answered(answer(asked) if callable(answer) else answer)
        with self.lock:
            match asked.method:
                case "GET" if "watch" in asked.query:
                    return Response(200, self._watched(asked.path))
                case "GET":
                    return self._read(asked)
                case "POST":
                    return self._create(asked)
                case _ if asked.path in self.objects:
                    return self._change(asked)
                case _:
                    return self._missing(asked)

    def _change(self, asked: Asked) -> Response:
        if asked.method == "DELETE":
            wanted = ((asked.body or {}).get("preconditions") or {}).get("uid")
            if wanted not in (None, self.objects[asked.path]["metadata"].get("uid")):
                return refusal(409, "Conflict", "Precondition failed: UID in precondition")
            return answered((200, self.objects.pop(asked.path)))
        there = self.objects[asked.path]
        if _names_another(there, asked.body):
            return refusal(422, "Invalid", "metadata.uid: Invalid value: field is immutable")
        self.objects[asked.path] = merged(there, asked.body) if asked.method == "PATCH" else copy.deepcopy(asked.body)
        return answered((200, self.objects[asked.path]))

    def _missing(self, asked: Asked) -> Response:
        plural, name = asked.path.split("/")[-2:]
        return refusal(404, "NotFound", f'{plural} "{name}" not found')

    def _read(self, asked: Asked) -> Response:
        metadata_only = "PartialObjectMetadata" in asked.headers.get("Accept", "")
        if asked.path in self.objects:
            item = self.objects[asked.path]
            return answered((200, {"metadata": item["metadata"]} if metadata_only else item))
        root, namespace, plural, name, sub = split(asked.path)
        if sub == "log":
            return Response(200, self._log(name, asked.query))
        if name or not plural:
            return self._missing(asked)
        found = [item for path, item in self.objects.items() if _lies_in(path, root, namespace, plural)]
        chosen = [_whole(item) for item in found if selected(item, asked.query)]
        if metadata_only:
            chosen = [{"metadata": item["metadata"]} for item in chosen]
        return answered((200, _page(chosen, asked.query)))

    def _create(self, asked: Asked) -> Response:
        name = asked.body["metadata"]["name"]
        path = f"{asked.path}/{name}"
        if self.namespaces and split(asked.path)[1] not in self.namespaces:
            return refusal(404, "NotFound", f'namespaces "{split(asked.path)[1]}" not found')
        if path in self.objects:
            return refusal(409, "AlreadyExists", f'"{name}" already exists')
        created = copy.deepcopy(asked.body)
        if "dryRun" not in asked.query:
            created["metadata"] |= {"uid": f"uid-{len(self.objects)}", "creationTimestamp": "2026-11-22T12:00:00Z"}
            self.objects[path] = created
        return answered((201, created))

    def _log(self, pod: str, query: Mapping[str, str]) -> Iterator[bytes]:
        yield self.logs.get(pod, b"")

    def _watched(self, path: str) -> Iterator[bytes]:
        for kind, item in self.events.get(path, ()):
            yield json.dumps({"type": kind, "object": _whole(item)}).encode() + b"\n"
        self.over.wait()
        raise urllib3.exceptions.ProtocolError("Connection broken.")


def _names_another(there: Json, change: Any) -> bool:
    """Whether the uid in a change is not that of the object."""
    uid = (change.get("metadata") or {}).get("uid") if isinstance(change, dict) else None
    return uid not in (None, there["metadata"].get("uid"))


def _page(items: list[Json], query: Mapping[str, str]) -> Json:
    """The part of a list that a query asks for, with a token for the next if there is one."""
    first = int(query.get("continue", 0))
    end = first + int(query.get("limit", len(items) or 1))
    metadata = {"resourceVersion": "1"} | ({"continue": str(end)} if end < len(items) else {})
    return {"metadata": metadata, "items": items[first:end]}


def split(path: str) -> tuple[str, str, str, str, str]:
    """A path as root, namespace, plural, name and subresource, each "" if it is not there."""
    parts = path.strip("/").split("/")
    root, rest = ("/".join(parts[:2]), parts[2:]) if parts[0] == "api" else ("/".join(parts[:3]), parts[3:])
    namespace = ""
    if rest[:1] == ["namespaces"] and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    plural, name, *sub = [*rest, "", ""][: max(2, len(rest))]
    return root, namespace, plural, name, "/".join(sub)


def _lies_in(path: str, root: str, namespace: str, plural: str) -> bool:
    """Whether a path is that of an object which the list of a kind, in a namespace or in all of them, has."""
    its_root, its_namespace, its_plural, _name, sub = split(path)
    return (its_root, its_plural, sub) == (root, plural, "") and namespace in ("", its_namespace)


def _whole(item: Json) -> Json:
    """An object with what each has that a cluster lists."""
    metadata = item["metadata"]
    given = {"uid": metadata.get("uid") or metadata.get("name", ""), "resourceVersion": "1"}
    return {**item, "metadata": {**given, **metadata}}


def selected(item: Json, query: Mapping[str, str]) -> bool:
    """Whether the label selector and the field selector of a query choose an object."""
    metadata = item["metadata"]
    labels = metadata.get("labels") or {}
    terms = re.findall(r"[^,(]+(?:\([^)]*\))?", query.get("labelSelector", ""))
    field, _equals, value = query.get("fieldSelector", "").partition("=")
    return all(_holds(term.strip(), labels) for term in terms) and (
        field != "metadata.name" or metadata["name"] == value
    )


def _holds(term: str, labels: Mapping[str, str]) -> bool:
    if match := re.fullmatch(r"(\S+) in \((.*)\)", term):
        return labels.get(match[1]) in match[2].split(",")
    if match := re.fullmatch(r"(.+?)(!=|=)(.*)", term):
        return (labels.get(match[1]) == match[3]) is (match[2] == "=")
    return (term.removeprefix("!") in labels) is not term.startswith("!")


def merged(there: Any, change: Any) -> Any:
    """A JSON merge patch (RFC 7386)."""
    if not isinstance(change, dict):
        return change
    result = dict(there) if isinstance(there, dict) else {}
    for key, value in change.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


class Scripted(Api):
    """Answers with what it is given, one answer after the other, whatever is asked."""

    def __init__(self, *script: Answer, clock: Clock = time) -> None:
        super().__init__(clock=clock)
        self.script = list(script)

    def answer(self, asked: Asked) -> Response:
        return answered(self.script.pop(0))


class Handler(http.server.BaseHTTPRequestHandler):
    """Passes what comes in on to the API server in memory."""

    protocol_version = "HTTP/1.1"
    api: Api

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            self._send(self.api.request(self.command, f"http://api{self.path}", headers=self.headers, body=body))
        except (OSError, urllib3.exceptions.HTTPError):
            self.close_connection = True

    def _send(self, response: Response) -> None:
        self.send_response(response.status)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in filter(None, response.stream(65536)):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def do_GET(self) -> None:
        self._pass_on()

    def do_POST(self) -> None:
        self._pass_on()

    def do_PUT(self) -> None:
        self._pass_on()

    def do_PATCH(self) -> None:
        self._pass_on()

    def do_DELETE(self) -> None:
        self._pass_on()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextlib.contextmanager
def served(api: Api) -> Iterator[str]:
    """The API server at a port of the loopback address, for modules that run as processes; yields its URL."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Handler,), {"api": api}))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        api.over.set()
        server.shutdown()
        server.server_close()
