# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The API server that plays a recording; time is real."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Iterator
from typing import Any

import urllib3

from ansible_collections.argo.workflows.tests.support import recordings
from ansible_collections.argo.workflows.tests.support.api import Api, Asked, Response, answered, refusal

METADATA = ("name", "namespace", "uid", "labels", "resourceVersion", "creationTimestamp")


class Recorded(Api):
    """Plays the watch events of a recording, `pause` seconds apart, from the first request on.

    `stop_after` holds the Workflow's events back after that many. `dead` makes every request fail, `mute` leaves it
    without an answer.
    """

    def __init__(self, name: str, *, pause: float = 0.005, stop_after: int | None = None) -> None:
        super().__init__()
        self.pause = pause
        self.dead = False
        self.mute = False
        self.deleted = False
        self.forbidden: set[str] = set()
        self.workflow_events = recordings.workflow_events(name)[:stop_after]
        self.pod_events = recordings.pod_events(name)
        self.workflow = self.workflow_events[0]
        self.logs = recordings.logs(name)

    @property
    def patches(self) -> list[Any]:
        """The bodies of PATCH requests."""
        return [asked.body for asked in self.asked("PATCH")]

    def answer(self, asked: Asked) -> Response:
        if self.mute:
            self.over.wait()
        if self.dead:
            raise urllib3.exceptions.ProtocolError("Connection aborted.")
        kind = asked.path.rstrip("/").split("/")[-1]
        if kind in self.forbidden:
            return refusal(403, "Forbidden", f"{kind}: no")
        if asked.method == "PATCH":
            return answered((200, self.workflow))
        if kind in ("workflows", "pods"):
            return self._listed(kind, asked)
        if kind == self.workflow["metadata"]["name"] and not self.deleted:
            return answered((200, self.workflow))
        if kind in ("log", "version"):
            return super().answer(asked)
        return refusal(404, "NotFound", f"{kind} not found")

    def _listed(self, kind: str, asked: Asked) -> Response:
        if "watch" in asked.query:
            return Response(200, self._play_workflow() if kind == "workflows" else self._play_pods())
        ended = self.workflow.get("status", {}).get("finishedAt")
        pods = list({event["object"]["metadata"]["uid"]: event["object"] for event in self.pod_events}.values())
        items = (pods if ended else []) if kind == "pods" else [self._metadata(self.workflow)]
        return answered((200, {"metadata": {"resourceVersion": "1"}, "items": items}))

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
