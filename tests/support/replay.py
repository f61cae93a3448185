# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An API server that plays a recording: it stands where the connection pool of urllib3 stands, and time is real."""

from __future__ import annotations

import copy
import json
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import urllib3

from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.cluster import Cluster
from ansible_collections.argo.workflows.tests.support import recordings

METADATA = ("name", "namespace", "uid", "labels", "resourceVersion", "creationTimestamp")


class Response:
    """The part of urllib3's HTTPResponse that is used."""

    def __init__(self, status: int, chunks: Iterator[bytes]) -> None:
        self.status = status
        self.headers: dict[str, str] = {}
        self._chunks = chunks

    def stream(self, size: int) -> Iterator[bytes]:
        return self._chunks

    def close(self) -> None:
        pass

    release_conn = drain_conn = close


class Recorded:
    """Plays the watch events of a recording, `pause` seconds apart, from the first request on.

    `stop_after` holds the Workflow's events back after that many. `dead` makes every request fail, `mute` leaves it
    without an answer. `patches` are the bodies of PATCH requests. `logs` has what the kubelet would send, by pod.
    """

    def __init__(self, name: str, *, pause: float = 0.005, stop_after: int | None = None) -> None:
        self.pause = pause
        self.dead = False
        self.mute = False
        self.deleted = False
        self.forbidden: set[str] = set()
        self.patches: list[Any] = []
        self.requests: list[str] = []
        self.workflow_events = recordings.workflow_events(name)[:stop_after]
        self.pod_events = recordings.pod_events(name)
        self.workflow = self.workflow_events[0]
        self.logs = recordings.logs(name)
        self.over = threading.Event()
        self._lock = threading.Lock()

    def cluster(self) -> Cluster:
        return Cluster("https://recorded", self)

    def request(self, method: str, url: str, *, body: bytes | None = None, **_options: Any) -> Response:
        """As urllib3.PoolManager.request."""
        parts = urlsplit(url)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        with self._lock:
            self.requests.append(f"{method} {parts.path}" + (" watch" if "watch" in query else ""))
        if self.mute:
            self.over.wait()
        if self.dead:
            raise urllib3.exceptions.ProtocolError("Connection aborted.")
        kind = parts.path.rstrip("/").split("/")[-1]
        if kind in self.forbidden:
            return self._json(403, {"kind": "Status", "code": 403, "reason": "Forbidden", "message": f"{kind}: no"})
        if method == "PATCH":
            self.patches.append(json.loads(body or b""))
            return self._json(200, self.workflow)
        if kind == "log":
            return Response(200, iter([self.logs.get(parts.path.split("/")[-2], b"")]))
        if kind in ("workflows", "pods"):
            if "watch" in query:
                return Response(200, self._play_workflow() if kind == "workflows" else self._play_pods())
            ended = self.workflow.get("status", {}).get("finishedAt")
            pods = list({event["object"]["metadata"]["uid"]: event["object"] for event in self.pod_events}.values())
            items = (pods if ended else []) if kind == "pods" else [self._metadata(self.workflow)]
            return self._json(200, {"metadata": {"resourceVersion": "1"}, "items": items})
        if kind == self.workflow["metadata"]["name"] and not self.deleted:
            return self._json(200, self.workflow)
        return self._json(404, {"kind": "Status", "code": 404, "reason": "NotFound", "message": f"{kind} not found"})

    def _json(self, status: int, content: Any) -> Response:
        return Response(status, iter([json.dumps(content).encode()]))

    def _metadata(self, workflow: dict[str, Any]) -> dict[str, Any]:
        metadata = workflow["metadata"]
        return {"metadata": {key: copy.copy(metadata[key]) for key in METADATA if key in metadata}}

    def _play_workflow(self) -> Iterator[bytes]:
        # A status follows the pods, as the controller sees them.
        wait = self.pause * (len(self.pod_events) + 2) / max(1, len(self.workflow_events) - 1)
        for workflow in self.workflow_events[1:]:
            self.over.wait(wait)
            self.workflow = workflow
            yield json.dumps({"type": "MODIFIED", "object": self._metadata(workflow)}).encode() + b"\n"
        while not self.deleted:
            if self.over.wait(0.01) or self.dead:
                raise urllib3.exceptions.ProtocolError("Connection broken.")
        yield json.dumps({"type": "DELETED", "object": self._metadata(self.workflow)}).encode() + b"\n"
        self.over.wait()

    def _play_pods(self) -> Iterator[bytes]:
        for event in self.pod_events:
            time.sleep(self.pause)
            yield json.dumps(event).encode() + b"\n"
        while not self.over.wait(0.01):
            if self.dead:
                raise urllib3.exceptions.ProtocolError("Connection broken.")
