# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster that is asked is the one that was meant, and an error says what was tried and what came back."""

from __future__ import annotations

import json
import ssl
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.cluster import Cluster
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.login import Login
from ansible_collections.argo.workflows.tests.support.api import Answer, Api, Response, Scripted, refusal
from ansible_collections.argo.workflows.tests.support.clock import Clock


def cluster(*answers: Answer) -> tuple[Cluster, Scripted]:
    api = Scripted(*answers, clock=Clock())
    return api.cluster(), api


def kubeconfig(host: str) -> dict[str, Any]:
    return {
        "current-context": "a",
        "contexts": [{"name": "a", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": host}}],
        "users": [{"name": "u", "user": {"token": "secret"}}],
    }


def test_a_list_is_read_page_by_page() -> None:
    first = {"metadata": {"continue": "token"}, "items": [1, 2]}
    it, api = cluster((200, first), (200, {"metadata": {}, "items": [3]}))
    assert list(it.objects("/api/v1/pods", labelSelector="a=b")) == [1, 2, 3]
    assert (str(api.requests[0]), api.requests[0].query) == (
        "GET /api/v1/pods",
        {"limit": "250", "labelSelector": "a=b"},
    )
    assert api.requests[1].query["continue"] == "token"


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_read_is_repeated_when_that_may_help(status: int) -> None:
    it, api = cluster((status, {}), (status, {}), (200, {"ok": True}))
    assert it.get("/version") == {"ok": True}
    assert len(api.requests) == 3


@pytest.mark.parametrize(
    "answer",
    [
        (200, {}),
        refusal(403, "Forbidden"),
        Response(200, iter([b"{}"]), {"Date": "noon"}),
    ],
)
def test_where_the_api_server_does_not_say_the_time_it_is_this_machines(answer: Answer) -> None:
    it, api = cluster(answer)
    assert it.time_of_day() == api.clock.time()


def test_the_time_is_asked_for_again_when_that_may_help() -> None:
    it, _api = cluster((503, {}), Response(200, iter([b"{}"]), {"Date": "Thu, 01 Jan 1970 00:01:00 GMT"}))
    assert it.time_of_day() == 60


def test_a_truncated_answer_is_read_again() -> None:
    it, _api = cluster((200, b'{"items": ['), (200, {"ok": True}))
    assert it.get("/version") == {"ok": True}


def test_a_write_is_repeated_only_if_it_was_surely_not_done() -> None:
    it, api = cluster((500, {"message": "etcd"}), (200, {}))
    with pytest.raises(ApiError):
        it.create("/x", {})
    it, api = cluster((429, {}), (200, {"ok": True}))
    assert it.create("/x", {"a": 1}, dryRun="All") == {"ok": True}
    assert api.requests[1].body == {"a": 1}


def test_an_error_is_one_sentence_with_what_was_tried_and_what_came_back() -> None:
    it, _api = cluster((403, {"reason": "Forbidden", "message": "you may not"}))
    with pytest.raises(ApiError) as caught:
        it.get("/api/v1/pods")
    assert str(caught.value) == "GET /api/v1/pods on https://api.example: 403 Forbidden: you may not"
    assert (caught.value.status, caught.value.reason, caught.value.transient) == (403, "Forbidden", False)


def test_what_does_not_exist_is_none_and_any_other_failure_is_an_error() -> None:
    it, _api = cluster((404, {"reason": "NotFound"}), (200, {"ok": True}), (403, {"reason": "Forbidden"}))
    assert it.find("/x") is None
    assert it.find("/x") == {"ok": True}
    with pytest.raises(ApiError, match="403 Forbidden"):
        it.find("/x")


def test_credentials_are_renewed_once_after_a_401() -> None:
    renewals: list[bool] = []
    api = Scripted((401, {}), (200, {"ok": True}))

    def authorize(renew: bool) -> dict[str, str]:
        renewals.append(renew)
        return {"Authorization": f"Bearer {renew}"}

    assert Cluster("https://k8s", api, authorize).get("/x") == {"ok": True}
    assert renewals == [False, True]


LISTED = (200, {"metadata": {"resourceVersion": "1"}, "items": []})
ADDED = (200, b'{"type": "ADDED", "object": {"metadata": {"uid": "u", "resourceVersion": "2"}}}\n')


def kinds(count: int, *answers: Answer) -> list[str]:
    """The kinds of the first so many events."""
    events = cluster(*answers)[0].events("/api/v1/pods")
    return [next(events)[0] for _event in range(count)]


def test_a_token_that_has_expired_may_be_renewed_while_events_are_awaited() -> None:
    assert kinds(3, LISTED, (401, {}), (401, {}), ADDED) == ["SYNCED", "TROUBLE", "ADDED"]


def test_an_api_server_that_was_away_may_refuse_at_first() -> None:
    assert kinds(4, LISTED, (503, {}), (403, {}), ADDED) == ["SYNCED", "TROUBLE", "TROUBLE", "ADDED"]


@pytest.mark.parametrize("answers", [[(401, {}), (401, {})], [(403, {})], [LISTED, (403, {})]])
def test_a_refusal_that_is_not_of_a_restarting_server_is_final(answers: list[tuple[int, Any]]) -> None:
    with pytest.raises(ApiError):
        kinds(3, *answers)


@pytest.mark.parametrize("body", [b'"bad gateway"', b"[]", b"null", b"404", b"[" * 100_000, b"<html>", b"\xff", b""])
def test_an_error_that_is_no_status_is_a_sentence(body: bytes) -> None:
    it, _api = cluster((404, body))
    with pytest.raises(ApiError, match=r"^GET /x on https://api.example: 404: .") as caught:
        it.get("/x")
    assert caught.value.status == 404 and len(str(caught.value)) < 1000


def test_an_error_without_an_end_is_read_only_at_its_beginning() -> None:
    read = []

    def endless() -> Iterator[bytes]:
        while True:
            read.append(1)
            yield b"x" * 65536

    it, _api = cluster(Response(404, endless()))
    with pytest.raises(ApiError, match="404: xxx"):
        it.get("/x")
    assert len(read) < 5


@pytest.mark.parametrize("body", [b'"bad gateway"', b"[]", b"null", b"1", b"[" * 100_000, b'{"a": ', b""])
def test_an_answer_that_is_no_object_is_a_sentence(body: bytes) -> None:
    it, _api = cluster(*[(200, body)] * 4)
    with pytest.raises(
        ApiError, match=r"^GET /x: https://api.example sent an answer that is cut off or is not a JSON object"
    ):
        it.get("/x")


@pytest.mark.parametrize(
    "line",
    [
        b'{"type": "ADDED"}',
        b'{"type": "ADDED", "object": {}}',
        b'{"type": "ERROR", "object": null}',
        b"[]",
        b'{"object": {}}',
    ],
)
def test_an_event_that_is_none_is_told_as_trouble_and_the_watch_goes_on(line: bytes) -> None:
    assert kinds(3, LISTED, (200, line + b"\n"), ADDED) == ["SYNCED", "TROUBLE", "ADDED"]


def test_a_list_that_is_none_is_told_as_trouble_and_asked_again() -> None:
    assert kinds(2, (200, {"items": []}), LISTED) == ["TROUBLE", "SYNCED"]


@pytest.mark.parametrize(
    ("said", "least", "most"), [("86400", 10, 10), ("3", 3, 3), ("²", 0, 9), ("-1", 0, 9), ("9" * 400, 0, 9)]
)
def test_a_server_cannot_have_itself_waited_for_longer_than_ten_seconds(said: str, least: int, most: int) -> None:
    it, api = cluster(refusal(503, headers={"Retry-After": said}), (200, {"ok": True}))
    assert it.get("/x") == {"ok": True}
    assert least <= api.clock.now <= most


def test_a_request_and_its_repetitions_end_at_the_deadline() -> None:
    refusals = [refusal(503, headers={"Retry-After": "60"}) for _attempt in range(4)]
    it, api = cluster(*refusals)
    with pytest.raises(ApiError, match="503"):
        it.until(4.0).get("/x")
    assert api.clock.now == 4.0
    with pytest.raises(ApiError, match=r"GET /x: https://api.example has not answered in time"):
        it.until(4.0).with_headers({}).get("/x")


def test_a_request_waits_for_an_answer_no_longer_than_to_the_deadline() -> None:
    it, api = cluster((200, {}))
    it.until(4.0).get("/x")
    assert api.requests[0].read_timeout == 4.0


def test_an_answer_that_trickles_in_does_not_outlive_the_deadline() -> None:
    api = Scripted(clock=Clock())

    def trickle() -> Iterator[bytes]:
        while True:
            api.clock.sleep(3)
            yield b" "

    api.script = [Response(200, trickle())]
    with pytest.raises(ApiError, match="has not answered in time"):
        api.cluster().until(10.0).get("/x")
    assert api.clock.now < 15


def test_a_watch_that_ends_at_once_is_not_asked_again_without_a_pause() -> None:
    it, api = cluster(LISTED, *[(200, b"")] * 8, ADDED)
    events = it.events("/api/v1/pods")
    assert [next(events)[0] for _event in range(2)] == ["SYNCED", "ADDED"]
    assert api.clock.now > 5


def test_a_watch_that_lasted_is_asked_again_at_once() -> None:
    api = Scripted(clock=Clock())

    def ends_after_a_minute() -> Iterator[bytes]:
        api.clock.sleep(60)
        yield from ()

    api.script = [LISTED, Response(200, ends_after_a_minute()), ADDED]
    events = api.cluster().events("/api/v1/pods")
    assert [next(events)[0] for _event in range(2)] == ["SYNCED", "ADDED"]
    assert api.clock.now == 60


def test_a_header_that_cannot_be_sent_is_not_quoted() -> None:
    error = ValueError("Invalid header value b'Bearer S3CRET\\n'")
    with pytest.raises(
        ApiError, match=r"^GET /x: the request to https://api.example cannot be sent \(ValueError\)"
    ) as caught:
        Api(answers={"/x": error}, clock=Clock()).cluster().get("/x")
    assert "S3CRET" not in "".join(traceback.format_exception(caught.value))


def test_an_address_where_nothing_answers_is_named() -> None:
    it = Cluster.from_params({"host": "http://127.0.0.1:1"}, Clock())
    with pytest.raises(ApiError, match=r"nothing answers at http://127.0.0.1:1; is the cluster running"):
        it.get("/version")


@pytest.mark.parametrize(
    ("why", "said"),
    [
        ("self-signed certificate in certificate chain", r"is not trusted \(self-signed .*\); set ca_cert"),
        ("Missing Authority Key Identifier", r"Python keeps from 3.13 on \(Missing .*\): set ansible_python"),
    ],
)
def test_a_certificate_that_is_refused_is_said_with_what_helps(why: str, said: str) -> None:
    refused = ssl.SSLCertVerificationError(f"[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: {why}")
    api = Api(answers={"/version": refused}, clock=Clock())
    with pytest.raises(ApiError, match=f"GET /version: the certificate of https://api.example .*{said}"):
        api.cluster().get("/version")


def test_a_connection_option_wins_over_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "production"))
    file = tmp_path / "mine"
    file.write_text(json.dumps(kubeconfig("https://mine:1")))
    for option in (str(file), kubeconfig("https://mine:1")):
        assert Cluster.from_params({"kubeconfig": option}).host == "https://mine:1"
    assert Cluster.from_params({"host": "https://other:2", "api_key": "x"}).host == "https://other:2"


def test_a_connection_of_the_environment_wins_over_the_pod_this_runs_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "config"
    file.write_text(json.dumps(kubeconfig("https://env:1")))
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(file))
    monkeypatch.setenv("KUBECONFIG", str(file))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    assert Cluster.from_params({}).host == "https://env:1"


def test_a_kubeconfig_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ApiError, match=f"there is no kubeconfig at {tmp_path}/none"):
        Cluster.from_params({"kubeconfig": f"{tmp_path}/none"})


def test_the_token_of_the_kubeconfig_and_the_impersonation_are_sent() -> None:
    login = Login(
        {"kubeconfig": kubeconfig("https://k"), "impersonate_user": "ann", "impersonate_groups": ["one", "two"]}
    )
    sent = list(login.headers(renew=False).items())
    assert ("authorization", "Bearer secret") in [(key.lower(), value) for key, value in sent]
    assert ("Impersonate-User", "ann") in sent
    assert [value for key, value in sent if key == "Impersonate-Group"] == ["one", "two"]


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"kubeconfig": {"apiVersion": "v1"}}, "the kubeconfig cannot be used: "),
        ({"context": "elsewhere"}, "the context elsewhere cannot be used: "),
        ({}, r"the kubeconfig \S+/config, of the variable KUBECONFIG, cannot be used: "),
    ],
)
def test_what_cannot_be_used_to_connect_is_named(
    params: dict[str, Any], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "config"
    file.write_text("{}")
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(file))
    monkeypatch.setenv("KUBECONFIG", str(file))
    with pytest.raises(ApiError, match=f"^cannot connect to a cluster: {said}"):
        Cluster.from_params(params)


def test_an_empty_option_counts_as_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    assert Cluster.from_params({"kubeconfig": "", "context": "", "host": "https://mine:1"}).host == "https://mine:1"


def test_a_kubeconfig_in_the_home_folder_that_cannot_be_used_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / ".kube" / "config"
    file.parent.mkdir()
    file.write_text("{}")
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(file))
    with pytest.raises(ApiError, match=f"^cannot connect to a cluster: the kubeconfig {file} cannot be used: "):
        Cluster.from_params({})
