# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The API server with virtual time and faults driven by a seed. No sockets, no threads.

It raises what urllib3 raises. Time passes only when somebody sleeps or reads.
"""

from __future__ import annotations

import dataclasses
import json
import random
from collections.abc import Iterator
from typing import Any

import urllib3

from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.cluster import Cluster
from ansible_collections.argo.workflows.tests.support.api import Api, Asked, Response, refusal
from ansible_collections.argo.workflows.tests.support.clock import Clock, stamp

EXITED = b"sub-process exited"
FAULTS = ("refused", "reset", "429", "500", "503", "expired", "delay", "timeout", "cut", "cut", "stall", "break")
"""What may strike a request; a cut does so twice as often as the others."""


@dataclasses.dataclass
class Container:
    """What a container wrote, and when: (time, line with its end). `rotated`: (time, how many lines are gone then).

    A long line comes in pieces, each with its own time; all but the last have no end. From `lost` on the kubelet knows
    neither the container nor its log any more (ContainerStatusUnknown), as after a reboot of its node.
    """

    lines: list[tuple[float, bytes]]
    end: float
    rotated: list[tuple[float, int]] = dataclasses.field(default_factory=list)
    deleted: float = float("inf")
    lost: float = float("inf")

    def first(self, now: float) -> int:
        """The number of the first line that the kubelet still has."""
        return max((gone for when, gone in self.rotated if when <= now), default=0)


@dataclasses.dataclass
class Faults:
    """What goes wrong; each is a chance for a request. After `until` nothing goes wrong any more."""

    random: random.Random
    until: float
    share: float
    """Chance that a request is hit at all."""

    def strike(self, now: float) -> bool:
        return now < self.until and self.random.random() < self.share

    def pick(self, *kinds: str) -> str:
        return self.random.choice(kinds)


def reset() -> urllib3.exceptions.ProtocolError:
    return urllib3.exceptions.ProtocolError("Connection broken: ConnectionResetError(104)")


class Server(Api):
    """Fill `containers` (by pod name) and `objects`, then use `cluster()`."""

    def __init__(self, clock: Clock, faults: Faults) -> None:
        super().__init__(clock=clock)
        self.clock: Clock = clock
        self.faults = faults
        self.containers: dict[str, Container] = {}
        self.history: list[tuple[int, str, dict[str, Any]]] = []
        self.oldest = 0
        """Watches from before this version get a 410."""
        self.token = 0
        """The token that is accepted; a client that has an older one gets a 401."""
        self._client_token = 0
        self._renewed = False

    def cluster(self) -> Cluster:
        def authorize(renew: bool) -> dict[str, str]:
            self._renewed = renew
            if renew:
                self._client_token = self.token
            return {"Authorization": f"Bearer {self._client_token}"}

        return Cluster("https://synthetic", self, authorize, self.clock)

    # --- what happens in the cluster -----------------------------------------------------------------------------

    def change(self, kind: str, name: str, uid: str, value: int) -> None:
        """An object was ADDED, MODIFIED or DELETED."""
        version = len(self.history) + 1
        item = {"metadata": {"name": name, "uid": uid, "resourceVersion": str(version)}, "value": value}
        self.history.append((version, kind, item))
        if kind == "DELETED":
            self.objects.pop(uid, None)
        else:
            self.objects[uid] = item

    # --- requests ------------------------------------------------------------------------------------------------

    def answer(self, asked: Asked) -> Response:
        self.clock.sleep(0.002)
        if asked.headers["Authorization"] != f"Bearer {self.token}":
            return refusal(401, "Unauthorized")
        fault = self.faults.pick(*FAULTS) if self.faults.strike(self.clock.now) else ""
        return self._struck(asked, fault) or self._served(asked, fault)

    def _struck(self, asked: Asked, fault: str) -> Response | None:
        """What a fault makes of a request before it is served; None if it is served in spite of it."""
        match fault:
            case "refused":
                raise urllib3.exceptions.NewConnectionError(None, "[Errno 111] Connection refused")
            case "reset":
                raise reset()
            case "timeout":
                self.clock.sleep(asked.read_timeout)
                raise urllib3.exceptions.ReadTimeoutError(None, asked.path, "Read timed out.")
            case "429" | "500" | "503":
                return refusal(int(fault), headers={"Retry-After": "1"} if fault == "429" else {})
            case "expired" if not self._renewed:
                self.token += 1
                return refusal(401, "Unauthorized")
            case "delay":
                self.clock.sleep(self.faults.random.uniform(0, 5))
        return None

    def _served(self, asked: Asked, fault: str) -> Response:
        query = asked.query
        if asked.path.endswith("/log"):
            return self._kubelets(asked.path.split("/")[-2], query, fault, asked.read_timeout)
        if query.get("watch"):
            return self._watch(int(query["resourceVersion"]), fault, asked.read_timeout)
        return self._list(int(query["limit"]), query.get("continue", ""), fault)

    # --- the kubelet ---------------------------------------------------------------------------------------------

    def _kubelets(self, pod: str, query: dict[str, str], fault: str, read_timeout: float) -> Response:
        container = self.containers[pod]
        if self.clock.now >= container.deleted:
            return refusal(404, "NotFound", f'pods "{pod}" not found')
        if self.clock.now >= container.lost:
            return refusal(400, "BadRequest", f'container "main" in pod "{pod}" is terminated')
        response = Response(200, iter(()))
        follow = query.get("follow") == "true"
        since = query.get("sinceTime", "")[:19]
        response.chunks = self._log_chunks(container, follow, since, fault, read_timeout, response)
        return response

    def _log_chunks(
        self, container: Container, follow: bool, since: str, fault: str, read_timeout: float, response: Response
    ) -> Iterator[bytes]:
        chance = self.faults.random
        began = self.clock.now
        left = chance.randrange(400) if fault in ("cut", "stall", "break") else 10**9
        for number, data in self._lines(container, follow, since, response):
            for piece in self._pieces(data):
                if left < len(piece):
                    exits = any(EXITED in text for _when, text in container.lines[:number])
                    come = piece[: chance.choice([0, left])]
                    yield from self._fail(fault, come, follow, exits, began, read_timeout, response)
                    return
                left -= len(piece)
                yield piece
        if follow and self.clock.now < container.end:
            self.clock.sleep(container.end - self.clock.now)

    def _lines(self, container: Container, follow: bool, since: str, response: Response) -> Iterator[tuple[int, bytes]]:
        """The lines that are sent, each with its number, when they are written if they are followed."""
        begins = True
        for number in range(container.first(self.clock.now), len(container.lines)):
            when, text = container.lines[number]
            if when > self.clock.now:
                if not follow:
                    return
                self.clock.sleep(when - self.clock.now)
            if response.aborted:
                raise reset()
            if stamp(when)[:19] >= since:
                yield number, (stamp(when).encode() + b" " if begins else b"") + text
            begins = text.endswith(b"\n")

    def _pieces(self, data: bytes) -> Iterator[bytes]:
        if self.faults.random.random() < 0.8:
            yield data
        else:
            middle = self.faults.random.randrange(len(data))
            yield data[:middle]
            yield data[middle:]

    def _fail(
        self,
        fault: str,
        piece: bytes,
        follow: bool,
        exits: bool,
        began: float,
        read_timeout: float,
        response: Response,
    ) -> Iterator[bytes]:
        if fault == "stall":
            yield piece
            self._stall(read_timeout, response)
        if fault == "cut":
            # The kubelet is gone and the API server ends the stream properly. But it is not lost just in the
            # milliseconds between the executor's last message and the container's end, and one that only reads a file
            # is not lost between two lines within a second.
            yield piece
            if not exits if follow else piece and self.clock.now - began >= 1:
                return
        raise reset()

    def _stall(self, read_timeout: float, response: Response) -> None:
        end = self.clock.now + read_timeout
        while self.clock.now < end:
            if response.aborted:
                raise reset()
            self.clock.sleep(1)
        raise urllib3.exceptions.ReadTimeoutError(None, "", "Read timed out.")

    # --- lists and watches ---------------------------------------------------------------------------------------

    def _list(self, limit: int, token: str, fault: str) -> Response:
        version, start = (int(part) for part in token.split("/")) if token else (len(self.history), 0)
        if token and version < self.oldest:
            return refusal(410, "Expired")
        items = self._at(version)
        page: dict[str, Any] = {
            "metadata": {"resourceVersion": str(version)},
            "items": items[start : start + limit],
        }
        if start + limit < len(items):
            page["metadata"]["continue"] = f"{version}/{start + limit}"
        data = json.dumps(page).encode()
        if fault == "cut":
            data = data[: self.faults.random.randrange(len(data))]
        return Response(200, iter([data]))

    def _at(self, version: int) -> list[dict[str, Any]]:
        state: dict[str, dict[str, Any]] = {}
        for _version, kind, item in self.history[:version]:
            if kind == "DELETED":
                state.pop(item["metadata"]["uid"], None)
            else:
                state[item["metadata"]["uid"]] = item
        return list(state.values())

    def _watch(self, version: int, fault: str, read_timeout: float) -> Response:
        response = Response(200, iter(()))
        response.chunks = self._watch_chunks(version, fault, read_timeout, response)
        return response

    def _end(self, fault: str, read_timeout: float, response: Response) -> None:
        """End a watch as the fault has it; a cut ends it properly."""
        if fault == "stall":
            self._stall(read_timeout, response)
        if fault == "break":
            raise reset()

    def _watch_chunks(self, version: int, fault: str, read_timeout: float, response: Response) -> Iterator[bytes]:
        end = self.clock.now + self.faults.random.uniform(30, 3600)
        left = self.faults.random.randrange(8) if fault in ("cut", "stall", "break") else 10**9
        if version < self.oldest:
            status = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"}
            yield json.dumps({"type": "ERROR", "object": status}).encode() + b"\n"
            return
        while self.clock.now < end:
            for number, kind, item in self.history[version:]:
                line = json.dumps({"type": kind, "object": item}).encode() + b"\n"
                version = number
                if left == 0:
                    yield line[: self.faults.random.randrange(len(line))]
                    self._end(fault, read_timeout, response)
                    return
                left -= 1
                yield line
                if self.faults.random.random() < 0.05:
                    yield line
            if self.faults.random.random() < 0.1:
                mark = {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": str(version)}}}
                yield json.dumps(mark).encode() + b"\n"
            self.clock.sleep(1)
