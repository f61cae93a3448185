# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A synthetic API server with one big run, for what no small cluster can carry: very many pods, very long logs.

The objects are those of the recording `fanout-ok` with other names, so they have the size of real ones. The run begins
when its pods are watched, goes as fast as its watcher takes the events, and ends with its last pod.
"""

from __future__ import annotations

import base64
import gzip
import json
import multiprocessing
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ansible_collections.argo.workflows.plugins.module_utils._argo.names import node_id, pod_name
from ansible_collections.argo.workflows.tests.support import recordings

NAME, NAMESPACE, TEMPLATE = "big", "bench", "work"
RECORDED = "fanout-ok"
AT_ONCE = 50
"""Pods that run at the same time."""
START = datetime(2026, 11, 22, 12, tzinfo=UTC)
EXECUTOR = b'time=2026-11-22T12:00:00.000Z level=INFO msg="%s" argo=true'
"""What Argo's executor writes before and behind the container's lines."""
BLOCK = 1 << 20
"""Bytes of a long log between two times; it grows ten blocks a second."""


class BigRun:
    """A Workflow of `items` items whose containers print `size` bytes each, or three lines if that is 0."""

    def __init__(self, items: int, size: int = 0) -> None:
        self.names = [f"{NAME}[0].echo({index}:{index})(0)" for index in range(items)]
        self.blocks = size // BLOCK
        self.over = threading.Event()
        self.there: dict[int, str] = {}
        """The pods that have been made so far, by the index of their item, as JSON."""
        self._workflow = recordings.workflow(RECORDED)
        events = recordings.pod_events(RECORDED)
        uid = events[0]["object"]["metadata"]["uid"]
        mine = [event["object"] for event in events if event["object"]["metadata"]["uid"] == uid]
        seen = {pod["status"]["phase"]: pod for pod in mine}
        self._pod = {
            phase: json.dumps(seen[phase], separators=(",", ":")) for phase in ("Pending", "Running", "Succeeded")
        }
        first = mine[0]["metadata"]
        self._old = [
            first["name"],
            uid,
            *(first["annotations"][f"workflows.argoproj.io/node-{key}"] for key in ("name", "id")),
        ]

    def metadata(self) -> dict[str, Any]:
        """The Workflow, as a watch of metadata gets it."""
        done = self.over.is_set()
        labels = {f"workflows.argoproj.io/{key}": value for key, value in self._labels(done).items()}
        return {
            "apiVersion": "meta.k8s.io/v1",
            "kind": "PartialObjectMetadata",
            "metadata": self._workflow["metadata"]
            | {"name": NAME, "namespace": NAMESPACE, "labels": labels, "resourceVersion": "3" if done else "2"},
        }

    @staticmethod
    def _labels(done: bool) -> dict[str, str]:
        return {"phase": "Succeeded", "completed": "true"} if done else {"phase": "Running"}

    def workflow(self) -> dict[str, Any]:
        """The whole Workflow; its nodes are compressed, as Argo does with so many."""
        done = self.over.is_set()
        status = {key: value for key, value in self._workflow["status"].items() if key not in ("nodes", "finishedAt")}
        status |= {"phase": self._labels(done)["phase"]}
        if done:
            nodes = json.dumps(self._nodes()).encode()
            status |= {"finishedAt": self._workflow["status"]["finishedAt"]}
            status |= {"compressedNodes": base64.b64encode(gzip.compress(nodes, 1)).decode()}
        return self._workflow | {"metadata": self.metadata()["metadata"], "status": status}

    def _nodes(self) -> dict[str, Any]:
        recorded = self._workflow["status"]["nodes"]
        by_type = {node["type"]: node for node in recorded.values()}
        pods = {
            node_id(NAME, name): by_type["Pod"]
            | {"id": node_id(NAME, name), "name": name, "displayName": name.partition(".")[2], "boundaryID": NAME}
            for name in self.names
        }
        group = node_id(NAME, f"{NAME}[0]")
        return pods | {
            NAME: by_type["Steps"]
            | {"id": NAME, "name": NAME, "displayName": NAME, "children": [group], "outboundNodes": []},
            group: by_type["StepGroup"]
            | {"id": group, "name": f"{NAME}[0]", "boundaryID": NAME, "children": list(pods)},
        }

    def pods(self) -> Iterator[bytes]:
        """The events of the pods, as lines of a watch."""
        kinds = {"Pending": "ADDED", "Running": "MODIFIED", "Succeeded": "MODIFIED"}
        version = 10
        for start in range(0, len(self.names), AT_ONCE):
            for phase, kind in kinds.items():
                for index in range(start, min(start + AT_ONCE, len(self.names))):
                    version += 1
                    self.there[index] = self._pod_in(phase, index, version)
                    yield f'{{"type":"{kind}","object":{self.there[index]}}}\n'.encode()
        self.over.set()
        threading.Event().wait()

    def pod_list(self) -> dict[str, Any]:
        """The pods as they are now. Who lags behind with the events asks for them, and takes the others for gone."""
        pods = [json.loads(pod) for pod in list(self.there.values())]
        return {"kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": "10"}, "items": pods}

    def _pod_in(self, phase: str, index: int, version: int) -> str:
        name = self.names[index]
        new = [pod_name(NAME, name, TEMPLATE), f"00000000-0000-0000-0000-{index:012}", name, node_id(NAME, name)]
        text = self._pod[phase]
        for old, value in zip(self._old, new, strict=True):
            text = text.replace(old, value)
        pod = text.replace('"namespace":"argo"', f'"namespace":"{NAMESPACE}"').replace(RECORDED, NAME)
        head, _name, tail = pod.partition('"resourceVersion":"')
        return f'{head}"resourceVersion":"{version}{tail[tail.index(chr(34)) :]}'

    def log(self, since: str) -> Iterator[bytes]:
        """The log of any container, with timestamps, from `since` on (RFC 3339, "" for all)."""
        if not self.blocks:
            said = [EXECUTOR % word for word in (b"waiting for signals", b"sub-process exited")]
            lines = [said[0], b"line 0", b"line 1", b"line 2", said[1]]
            yield b"".join(b"%s %s\n" % (_stamp(0, number), line) for number, line in enumerate(lines))
            return
        line = b"%s " + b"x" * 200 + b"\n"
        count = BLOCK // (len(line) + 28)
        for block in range(self.blocks):
            stamp = _stamp(block // 10, block % 10)
            if stamp.decode() >= since.removesuffix("Z"):
                yield (line % stamp) * count


DISCOVERY: dict[str, dict[str, Any]] = {
    "api": {"kind": "APIVersions", "versions": ["v1"]},
    "apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
    "api/v1": {
        "kind": "APIResourceList",
        "groupVersion": "v1",
        "resources": [
            {"name": "pods", "singularName": "pod", "namespaced": True, "kind": "Pod", "verbs": ["get", "list"]}
        ],
    },
}
"""What kubectl asks first."""


def _stamp(seconds: int, tenth: int) -> bytes:
    time = START + timedelta(seconds=seconds)
    return f"{time:%Y-%m-%dT%H:%M:%S}.{tenth}00000001Z".encode()


class _Handler(BaseHTTPRequestHandler):
    """Answers what the collection and `kubectl logs` ask; everything else is not found."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    run: BigRun

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        path = url.path.strip("/").split("/")
        stream, document = self._stream_at(path, query), self._document_at(path)
        if stream is not None:
            self._stream(stream)
        elif document is not None:
            self._json(document)
        else:
            self._json({"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404}, 404)

    def _stream_at(self, path: list[str], query: dict[str, str]) -> Iterator[bytes] | None:
        match path:
            case ["apis", _, _, "namespaces", _, "workflows"] if "watch" in query:
                return self._workflow_events()
            case ["api", "v1", "namespaces", _, "pods"] if "watch" in query:
                return self.run.pods()
            case ["api", "v1", "namespaces", _, "pods", _, "log"]:
                return self.run.log(query.get("sinceTime", ""))
        return None

    def _document_at(self, path: list[str]) -> dict[str, Any] | None:
        match path:
            case ["apis", _, _, "namespaces", _, "workflows"]:
                return {"metadata": {"resourceVersion": "2"}, "items": [self.run.metadata()]}
            case ["apis", _, _, "namespaces", _, "workflows", _]:
                return self.run.workflow()
            case ["api", "v1", "namespaces", _, "pods"]:
                return self.run.pod_list()
            case ["api", "v1", "namespaces", _, "pods", _]:
                return json.loads(self.run._pod_in("Succeeded", 0, 1))
        return DISCOVERY.get("/".join(path))

    def _workflow_events(self) -> Iterator[bytes]:
        self.run.over.wait()
        yield json.dumps({"type": "MODIFIED", "object": self.run.metadata()}).encode() + b"\n"
        threading.Event().wait()

    def _json(self, body: dict[str, Any], status: int = 200) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _stream(self, pieces: Iterator[bytes]) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            for piece in pieces:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")
        except ConnectionError:
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


def _serve(items: int, size: int, port: int, ready: Connection) -> None:
    server = _Server(("127.0.0.1", port), type("Handler", (_Handler,), {"run": BigRun(items, size)}))
    ready.send(True)
    server.serve_forever()


class SyntheticServer:
    """While entered, a process of its own serves a new BigRun at `host`."""

    def __init__(self, port: int, items: int, size: int = 0) -> None:
        self._ready, there = multiprocessing.Pipe()
        self._process = multiprocessing.get_context("spawn").Process(
            target=_serve, args=(items, size, port, there), daemon=True
        )

    def __enter__(self) -> SyntheticServer:
        self._process.start()
        if not self._ready.poll(60):
            raise TimeoutError("the synthetic API server does not start")
        return self

    def __exit__(self, *error: object) -> None:
        self._process.terminate()
        self._process.join()
