# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module argo_token: a token is kept only while the account that it was issued for is there."""

from __future__ import annotations

import base64
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._module import UserError
from ansible_collections.argo.workflows.plugins.modules import argo_token
from ansible_collections.argo.workflows.tests.support.api import Answer, Api, Asked
from ansible_collections.argo.workflows.tests.support.module import Module

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


class Issuer:
    """An API server with the account `argo-client` of `uid`, or with "" none, and the tokens issued of it."""

    def __init__(self, uid: str) -> None:
        self.issued: list[str] = []
        self.uid = uid
        account = {ACCOUNT: {"metadata": {"name": "argo-client", "uid": uid}}} if uid else {}
        self.api = Api(account, {f"POST {ACCOUNT}/token": self._issue})

    def _issue(self, asked: Asked) -> Answer:
        now = time.time()
        self.issued.append(token_of(self.uid, now, now + asked.body["spec"]["expirationSeconds"]))
        return 201, {"status": {"token": self.issued[-1], "expirationTimestamp": "2026-01-01T01:00:00Z"}}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "token"


def run(
    monkeypatch: pytest.MonkeyPatch, cluster: Issuer, dest: Path, check_mode: bool = False, **params: Any
) -> dict[str, Any]:
    monkeypatch.setattr(argo_token.Cluster, "from_params", lambda _params: cluster.api.cluster())
    return argo_token.run(Module(argo_token, check_mode, **{"namespace": "ns", "dest": str(dest), **params}))


def test_a_token_is_issued_once(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    cluster = Issuer("one")
    assert run(monkeypatch, cluster, file)["changed"]
    assert not run(monkeypatch, cluster, file)["changed"]
    assert [file.read_text()] == cluster.issued


def test_a_token_is_renewed_when_half_of_its_time_is_over(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    file.write_text(token_of("one", time.time() - 1000, time.time() + 900))
    assert run(monkeypatch, Issuer("one"), file)["changed"]


@pytest.mark.parametrize(
    ("written", "by_the_cluster", "changed"),
    [(-100, 3500, False), (-1900, 1700, True), (-100, -1900, True)],
    ids=["this clock is an hour slow", "and half of the time is over", "the file was copied"],
)
def test_half_of_a_tokens_time_is_over_whatever_this_machines_clock_says(
    monkeypatch: pytest.MonkeyPatch, file: Path, written: float, by_the_cluster: float, changed: bool
) -> None:
    now = time.time()
    issued = now + by_the_cluster
    file.write_text(token_of("one", issued, issued + 3600))
    os.utime(file, (now + written, now + written))
    assert run(monkeypatch, Issuer("one"), file)["changed"] is changed


def test_a_token_of_an_account_that_was_made_anew_is_replaced(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    run(monkeypatch, Issuer("one"), file)
    reinstalled = Issuer("two")
    assert run(monkeypatch, reinstalled, file)["changed"], "the API server refuses tokens of a deleted account"
    assert [file.read_text()] == reinstalled.issued


def test_an_account_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    file.write_text(token_of("one", time.time(), time.time() + 3600))
    with pytest.raises(
        UserError, match=r"^there is no service account argo-client in namespace ns to issue a token of: "
    ):
        run(monkeypatch, Issuer(""), file)


@pytest.mark.parametrize(
    ("dest", "seconds", "said"),
    [
        ("token", 599, "seconds: 599 is too short: Kubernetes issues no token for less than 600"),
        ("none/token", 600, "dest: there is no folder .*/none to write the token to: create it first"),
    ],
)
def test_a_bad_option_is_named_before_any_request(
    dest: str, seconds: int, said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    issuer = Issuer("one")
    with pytest.raises(UserError, match=f"^{said}$"):
        run(monkeypatch, issuer, tmp_path / dest, seconds=seconds)
    assert issuer.api.requests == []


def test_in_check_mode_an_account_may_still_be_missing(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    result = run(monkeypatch, Issuer(""), file, check_mode=True)
    assert result == {"changed": True, "dest": str(file), "expires": ""}
    assert not file.exists()


def test_a_tokens_life_is_read_if_it_is_of_the_account() -> None:
    assert argo_token._life(token_of("one"), "one") == (100.0, 700.0)
    assert argo_token._life(token_of("one"), "two") == (0.0, 0.0)


@pytest.mark.parametrize("text", ["", "no token", "a.b.c", "a.e30.c"])
def test_text_that_is_not_a_token_has_no_lifetime(text: str) -> None:
    assert argo_token._life(text, "one") == (0.0, 0.0)


def test_a_token_file_is_for_its_owner_alone_and_whole(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("an older one")
    file.chmod(0o644)
    (tmp_path / f".token.{os.getpid()}").write_text("left by a run that was killed, whose number comes again")
    argo_token._write(file, "secret")
    assert file.read_text() == "secret" and file.stat().st_mode & 0o777 == 0o600
    assert len(list(tmp_path.iterdir())) == 2


def test_a_token_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "token").mkdir()
    with pytest.raises(OSError, match="directory"):
        argo_token._write(tmp_path / "token", "secret")
    assert [path.name for path in tmp_path.iterdir()] == ["token"]
