# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module argo_token: a token is kept only while the account that it was issued for is there."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError
from ansible_collections.argo.workflows.plugins.module_utils._module import UserError
from ansible_collections.argo.workflows.plugins.modules import argo_token

ACCOUNT = "/api/v1/namespaces/ns/serviceaccounts/argo-client"


def token_of(uid: str, issued: float = 100, expires: float = 700) -> str:
    """A token as a TokenRequest gives it, with the claims that matter."""
    account = {"name": "argo-client", "uid": uid}
    claims = {
        "iat": issued,
        "exp": expires,
        "kubernetes.io": {"namespace": "ns", "serviceaccount": account},
        "sub": "system:serviceaccount:ns:argo-client",
    }
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJSUzI1NiJ9.{payload}.c2lnbmF0dXJl"


class FakeCluster:
    """Has the account `argo-client` with `uid`, or with "" none, and issues tokens of it."""

    def __init__(self, uid: str) -> None:
        self.uid = uid
        self.issued: list[str] = []

    def get(self, path: str) -> dict[str, Any]:
        if path != ACCOUNT or not self.uid:
            raise ApiError(f"GET {path}: 404 NotFound", 404, "NotFound")
        return {"metadata": {"uid": self.uid}}

    def create(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        assert path == f"{ACCOUNT}/token"
        self.issued.append(token_of(self.uid, time.time(), time.time() + body["spec"]["expirationSeconds"]))
        return {"status": {"token": self.issued[-1], "expirationTimestamp": "2026-01-01T01:00:00Z"}}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "token"


def run(monkeypatch: pytest.MonkeyPatch, cluster: FakeCluster, dest: Path, check_mode: bool = False) -> dict[str, Any]:
    monkeypatch.setattr(argo_token.Cluster, "from_params", lambda _params: cluster)
    params = {"namespace": "ns", "name": "argo-client", "seconds": 3600, "dest": str(dest)}
    module: Any = SimpleNamespace(params=params, check_mode=check_mode)
    return argo_token.run(module)


def test_a_token_is_issued_once(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    cluster = FakeCluster("one")
    assert run(monkeypatch, cluster, file)["changed"]
    assert not run(monkeypatch, cluster, file)["changed"]
    assert [file.read_text()] == cluster.issued


def test_a_token_is_renewed_when_half_of_its_time_is_over(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    file.write_text(token_of("one", time.time() - 1000, time.time() + 900))
    assert run(monkeypatch, FakeCluster("one"), file)["changed"]


def test_a_token_of_an_account_that_was_made_anew_is_replaced(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    run(monkeypatch, FakeCluster("one"), file)
    reinstalled = FakeCluster("two")
    assert run(monkeypatch, reinstalled, file)["changed"], "the API server refuses tokens of a deleted account"
    assert [file.read_text()] == reinstalled.issued


def test_an_account_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    file.write_text(token_of("one", time.time(), time.time() + 3600))
    with pytest.raises(UserError, match="There is no service account argo-client in namespace ns"):
        run(monkeypatch, FakeCluster(""), file)


def test_in_check_mode_an_account_may_still_be_missing(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    result = run(monkeypatch, FakeCluster(""), file, check_mode=True)
    assert result == {"changed": True, "dest": str(file), "expires": ""}
    assert not file.exists()


def test_a_tokens_life_is_read_if_it_is_of_the_account() -> None:
    assert argo_token.life(token_of("one"), "one") == (100.0, 700.0)
    assert argo_token.life(token_of("one"), "two") == (0.0, 0.0)


@pytest.mark.parametrize("text", ["", "no token", "a.b.c", "a.e30.c"])
def test_what_is_no_token_has_no_life(text: str) -> None:
    assert argo_token.life(text, "one") == (0.0, 0.0)


def test_a_token_file_is_for_its_owner_alone_and_whole(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("an older one")
    file.chmod(0o644)
    argo_token.write(file, "secret")
    assert file.read_text() == "secret" and file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["token"]
