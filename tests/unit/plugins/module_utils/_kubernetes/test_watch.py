# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a list and its watch tell, and what a broken one means: without a transport and without a clock."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.watch import COLD_START, Reflector, Remedy


def item(uid: str, version: int = 1) -> dict[str, Any]:
    return {"metadata": {"name": uid, "uid": uid, "resourceVersion": str(version)}}


def page(version: int, *uids: str) -> dict[str, Any]:
    return {"metadata": {"resourceVersion": str(version)}, "items": [item(uid) for uid in uids]}


def refusal(status: int | None) -> ApiError:
    return ApiError(f"GET /x: {status}", status)


def told(reflector: Reflector, *pages: dict[str, Any]) -> list[tuple[str, str]]:
    """The kinds of change that a list shows, each with the uid."""
    return [(kind, changed.get("metadata", {}).get("uid", "")) for kind, changed in reflector.listed(pages)]


@pytest.fixture
def listed() -> Reflector:
    """One that knows the objects a and b, as they were at version 5."""
    reflector = Reflector()
    told(reflector, page(5, "a", "b"))
    return reflector


def test_a_first_list_adds_every_object_of_every_page_and_says_when_it_is_complete() -> None:
    reflector = Reflector()
    assert told(reflector, page(7, "a"), page(7, "b")) == [("ADDED", "a"), ("ADDED", "b"), ("SYNCED", "")]
    assert reflector.version == "7"


def test_a_list_that_breaks_off_is_not_taken_for_complete() -> None:
    reflector = Reflector()
    assert next(reflector.listed([page(7, "a"), page(7, "b")]))[0] == "ADDED"
    assert reflector.version == ""


def test_a_second_list_tells_what_is_gone_with_its_name(listed: Reflector) -> None:
    changes = list(listed.listed([page(9, "b", "c")]))
    assert [kind for kind, _item in changes] == ["MODIFIED", "ADDED", "DELETED", "SYNCED"]
    assert changes[2][1] == {"metadata": {"name": "a", "uid": "a"}}


def test_a_deletion_is_told_once(listed: Reflector) -> None:
    deletion = {"type": "DELETED", "object": item("a", 6)}
    assert listed.watched(deletion) == ("DELETED", item("a", 6))
    assert listed.watched(deletion) is None


def test_a_bookmark_tells_nothing_but_where_to_go_on(listed: Reflector) -> None:
    assert listed.watched({"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "8"}}}) is None
    assert listed.version == "8"


def test_an_expired_version_is_healed_by_a_new_list(listed: Reflector) -> None:
    assert listed.failed(refusal(410), 0) is Remedy.RELIST
    assert listed.version == ""


@pytest.mark.parametrize("status", [None, 429, 500, 502, 503, 504])
def test_a_server_that_is_away_is_asked_again_where_the_watch_broke(status: int | None, listed: Reflector) -> None:
    assert listed.failed(refusal(status), 0) is Remedy.RETRY
    assert listed.version == "5"


def test_a_401_may_heal_only_where_the_credentials_were_accepted_before(listed: Reflector) -> None:
    assert listed.failed(refusal(401), 0) is Remedy.RETRY
    assert Reflector().failed(refusal(401), 0) is Remedy.NONE


@pytest.mark.parametrize(
    ("seconds", "remedy"), [(0, Remedy.RETRY), (COLD_START - 1, Remedy.RETRY), (COLD_START, Remedy.NONE)]
)
def test_a_403_may_heal_only_for_a_while_after_the_server_was_away(
    seconds: float, remedy: Remedy, listed: Reflector
) -> None:
    listed.failed(refusal(503), 100)
    assert listed.failed(refusal(403), 100 + seconds) is remedy


@pytest.mark.parametrize("status", [400, 403, 404, 405, 409])
def test_any_other_refusal_is_final(status: int, listed: Reflector) -> None:
    assert listed.failed(refusal(status), 0) is Remedy.NONE
