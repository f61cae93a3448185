# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a list and the watches after it tell of a kind's objects, and what a broken one means.

Private to the collection. Pure: no request is made here and no clock is read, see Cluster.events for both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import Any

from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError

Change = tuple[str, dict[str, Any]]
"""("ADDED" | "MODIFIED" | "DELETED", object), or ("SYNCED", {}) when a list is complete."""

COLD_START = 60.0
"""Seconds for which an API server that has just started may refuse what it will allow: its caches of rights fill."""


class Remedy(Enum):
    """What helps after a list or a watch has failed."""

    RETRY = "go on where it broke"
    RELIST = "list again: the changes since then are not kept any more"
    NONE = "nothing: no repetition heals it"


class Reflector:
    """The objects that a list and its watches have told of, each change told once.

    `version` is the resourceVersion at which the next watch begins; while it is "" the next request is a list.
    """

    def __init__(self) -> None:
        self.version = ""
        self._known: dict[str, dict[str, Any]] = {}
        self._admitted = False
        self._away = float("-inf")

    def listed(self, pages: Iterable[Mapping[str, Any]]) -> Iterator[Change]:
        """The changes that the pages of a list show, to the end of the list; deleted is what is known and not there."""
        seen: set[str] = set()
        latest = ""
        for page in pages:
            for item in page.get("items") or ():
                uid = item["metadata"]["uid"]
                seen.add(uid)
                kind = "MODIFIED" if uid in self._known else "ADDED"
                self._known[uid] = _identity(item)
                yield kind, item
            latest = page["metadata"]["resourceVersion"]
        self.version, self._admitted = latest, True
        for uid in [uid for uid in self._known if uid not in seen]:
            yield "DELETED", self._known.pop(uid)
        yield "SYNCED", {}

    def watched(self, event: Mapping[str, Any]) -> Change | None:
        """The change that an event of a watch shows; None for a bookmark, or where it was told already."""
        kind, item = event["type"], event["object"]
        self.version = item["metadata"]["resourceVersion"]
        if kind == "BOOKMARK":
            return None
        uid = item["metadata"]["uid"]
        if kind == "DELETED":
            return (kind, item) if self._known.pop(uid, None) else None
        self._known[uid] = _identity(item)
        return kind, item

    def failed(self, error: ApiError, now: float) -> Remedy:
        """What helps after a list or a watch has failed at `now`, in seconds of a clock that never goes back.

        A 401 after a success may be a token that has expired, and a new one may come. A 403 of an API server that was
        away just before is no refusal yet.
        """
        if error.status == 410:
            self.version = ""
            return Remedy.RELIST
        if error.transient:
            self._away = now
            return Remedy.RETRY
        may_heal = {401: self._admitted, 403: now - self._away < COLD_START}
        return Remedy.RETRY if may_heal.get(error.status or 0) else Remedy.NONE


def _identity(item: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of a listed object, enough to report it as deleted after a relist."""
    metadata = item["metadata"]
    return {"metadata": {key: metadata[key] for key in ("name", "namespace", "uid", "labels") if key in metadata}}
