# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whoever asks is who was meant, a plugin that fails says why, and credentials that run out are renewed."""

from __future__ import annotations

import base64
import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._kubernetes import login as login_module
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes import plugin
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.cluster import Cluster
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.login import Login

Json = dict[str, Any]
V1 = "client.authentication.k8s.io/v1"


def kubeconfig(user: Json, **cluster: Any) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "a",
        "contexts": [{"name": "a", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": "https://k", **cluster}}],
        "users": [{"name": "u", "user": user}],
    }


def script(code: str, **exec_config: Any) -> Json:
    """A user whose plugin runs this Python."""
    return {"exec": {"apiVersion": V1, "command": sys.executable, "args": ["-c", code], **exec_config}}


def gives(status: Any, version: str = V1) -> Json:
    """A user whose plugin answers with this status."""
    answer = {"apiVersion": version, "kind": "ExecCredential", "status": status}
    return script(f"print({json.dumps(json.dumps(answer))})")


def sent(params: Json) -> str | None:
    """The header that says who asks."""
    return Login(params).headers(renew=False).get("authorization")


# --- what is sent ---


@pytest.mark.parametrize("text", ["T0KEN\n", " T0KEN ", "Bearer T0KEN", "bearer T0KEN\r\n"])
@pytest.mark.parametrize("given", ["option", "kubeconfig", "file", "plugin"])
def test_a_token_is_sent_without_what_surrounds_it(given: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(text)
    params: dict[str, Json] = {
        "option": {"host": "https://k", "api_key": text},
        "kubeconfig": {"kubeconfig": kubeconfig({"token": text})},
        "file": {"kubeconfig": kubeconfig({"tokenFile": str(tmp_path / "token")})},
        "plugin": {"kubeconfig": kubeconfig(gives({"token": text}))},
    }
    assert sent(params[given]) == "Bearer T0KEN"


def test_the_token_of_the_pod_that_a_module_runs_in_is_sent_and_handed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("T0KEN\n")
    (tmp_path / "ca").write_text("a certificate")
    for name, file in (("SERVICE_TOKEN_FILENAME", "token"), ("SERVICE_CERT_FILENAME", "ca")):
        monkeypatch.setattr(f"kubernetes.config.incluster_config.{name}", str(tmp_path / file))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    cluster = Cluster.from_params({})
    assert cluster.host == "https://10.0.0.1:443"
    assert dict(cluster.bearer()) == {"authorization": "Bearer T0KEN"}


@pytest.mark.parametrize("name", ["authorization", "BearerToken"])
def test_a_token_is_sent_whatever_the_package_calls_it(name: str) -> None:
    login = Login({"host": "https://k"})
    login.configuration.api_key = {name: "Bearer T0KEN"}
    login.configuration.auth_settings = dict
    assert login.headers(renew=False)["authorization"] == "Bearer T0KEN"


def test_a_password_is_sent_without_the_line_end_behind_it() -> None:
    expected = base64.b64encode(b"ann:pass word").decode()
    assert sent({"host": "https://k", "username": "ann\n", "password": "pass word\n"}) == f"Basic {expected}"


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("api_key", "SECRET-1\nSECRET-2"),
        ("api_key", "\u201cSECRET-1\u201d"),
        ("password", "SECRET-1\nSECRET-2"),
        ("impersonate_user", "SECRET-1\r\nX: y"),
        ("impersonate_groups", ["SECRET-1\nX: y"]),
        ("proxy_headers", {"basic_auth": "SECRET-1\nX: y"}),
    ],
)
def test_what_cannot_be_sent_is_refused_by_the_name_of_its_option_and_not_quoted(option: str, value: Any) -> None:
    with pytest.raises(ApiError, match=f"^{option}.*: it has a character that HTTP cannot send") as caught:
        Login({"host": "https://k", "username": "ann", option: value})
    assert "SECRET" not in str(caught.value)


def test_a_setting_of_the_options_outlives_the_renewal_of_the_kubeconfigs(tmp_path: Path) -> None:
    login = Login({"kubeconfig": kubeconfig({"token": "T0KEN"}), "validate_certs": False, "proxy": "http://p"})
    login.headers(renew=False)
    assert (login.configuration.verify_ssl, login.configuration.proxy) == (False, "http://p")


# --- kubeconfigs ---


@pytest.mark.parametrize(
    "text",
    [
        "apiVersion: v1\nusers: [{name: u, user: {token: SECRET-1}}]",
        '{"users": [{"name": "u", "user": {"token": "SECRET-1"}}]}',
        "apiVersion: v1, users: SECRET-1",
        base64.b64encode(b"users: SECRET-1" * 40).decode(),
        ["SECRET-1"],
        5,
    ],
)
def test_a_kubeconfig_that_is_text_is_not_taken_for_a_path_and_not_quoted(text: Any) -> None:
    with pytest.raises(ApiError, match=r'kubeconfig: it is the content .* \("\| from_yaml" makes') as caught:
        Login({"kubeconfig": text})
    assert "SECRET" not in str(caught.value) and len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "content",
    [
        {"users": {"a": "b"}},
        {"users": ["a"], "contexts": "x", "clusters": 5},
        kubeconfig({"token": ["SECRET-1"]}) | {"contexts": [{"name": "a", "context": None}]},
        kubeconfig({"exec": "SECRET-1"}),
        kubeconfig({"exec": {"command": "true", "args": 5}}),
        kubeconfig({"exec": {"command": "true", "env": ["SECRET-1"]}}),
        {"current-context": "a", "contexts": [{"user": {"token": "SECRET-1"}}]},
    ],
)
@pytest.mark.parametrize("as_file", [False, True])
def test_a_kubeconfig_that_is_none_is_said_in_a_sentence(content: Json, as_file: bool, tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(json.dumps(content))
    with pytest.raises(ApiError, match=r"^cannot connect to a cluster: the kubeconfig") as caught:
        Login({"kubeconfig": str(file) if as_file else content})
    assert "SECRET" not in str(caught.value)


def test_a_kubeconfig_file_that_is_not_yaml_is_named_with_the_line_and_not_quoted(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text("users:\n- name: u\n  token: SECRET-1: SECRET-2\n")
    with pytest.raises(ApiError, match=f"the kubeconfig {file} cannot be used: it is not YAML, see line 3$"):
        Login({"kubeconfig": str(file)})


def test_several_kubeconfig_files_are_merged_and_the_paths_in_them_start_where_they_lie(tmp_path: Path) -> None:
    first, second = tmp_path / "one" / "config", tmp_path / "two" / "config"
    for file in (first, second):
        file.parent.mkdir()
    first.write_text(json.dumps({"current-context": "a", "users": [{"name": "u", "user": {"tokenFile": "token"}}]}))
    second.write_text(json.dumps(kubeconfig({"token": "other"}) | {"current-context": "b"}))
    (first.parent / "token").write_text("T0KEN")
    assert sent({"kubeconfig": f"{first}:{second}"}) == "Bearer T0KEN"


# --- plugins ---


@pytest.mark.parametrize(
    ("user", "said"),
    [
        (
            {"exec": {"apiVersion": V1, "command": "no-such-plugin", "installHint": "Get it from us.\n"}},
            r"plugin no-such-plugin was not found in PATH \(\S+\): install it where the module runs. Get it from us.",
        ),
        ({"exec": {"apiVersion": V1, "command": "/etc/passwd"}}, "plugin /etc/passwd cannot be run: Permission denied"),
        (
            {"exec": {"apiVersion": V1, "command": "sh", "args": ["-c", "echo 'run az login' >&2; exit 1"]}},
            "exec plugin sh ended with exit code 1: run az login$",
        ),
        (
            gives({"token": "x"}, "client.authentication.k8s.io/v1beta1"),
            "answers as client.authentication.k8s.io/v1beta1, and the kubeconfig says client.authentication.k8s.io/v1",
        ),
        (script("print('SECRET-1')"), "answered something that is not an ExecCredential"),
        (script("print('[' * 100000)"), "answered something that is not an ExecCredential"),
        (gives("SECRET-1"), "answered something that is not an ExecCredential"),
        (gives({}), "gave neither a token nor a certificate"),
        (gives({"clientCertificateData": "SECRET-1"}), "gave a certificate without its key"),
        (gives({"token": "t", "expirationTimestamp": "soon"}), "an expirationTimestamp that is not a time"),
        (gives({"token": "SECRET-1\nSECRET-2"}), "it has a character that HTTP cannot send"),
    ],
)
def test_a_plugin_that_fails_is_named_with_what_it_said(user: Json, said: str) -> None:
    with pytest.raises(ApiError, match=f"^cannot connect to a cluster: .*{said}") as caught:
        Login({"kubeconfig": kubeconfig(user)})
    assert "SECRET" not in str(caught.value)


def test_a_plugin_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugin, "PATIENCE", 0.3)
    begun = time.monotonic()
    with pytest.raises(ApiError, match="did not answer within 0 s"):
        Login({"kubeconfig": kubeconfig({"exec": {"apiVersion": V1, "command": "sleep", "args": ["20"]}})})
    assert time.monotonic() - begun < 10


def test_a_plugin_is_told_what_it_needs_to_know() -> None:
    code = (
        "import json, os; info = json.loads(os.environ['KUBERNETES_EXEC_INFO']); "
        "told = info['spec']['cluster']; "
        "status = {'token': os.environ['REGION'] + told['server'] + told['config']}; "
        "print(json.dumps({**info, 'status': status}))"
    )
    user = script(code, env=[{"name": "REGION", "value": "north"}], provideClusterInfo=True)
    extensions = [{"name": "client.authentication.k8s.io/exec", "extension": "mine"}]
    assert sent({"kubeconfig": kubeconfig(user, extensions=extensions)}) == "Bearer northhttps://kmine"


def test_a_plugin_is_not_asked_where_the_options_have_a_token() -> None:
    broken = kubeconfig({"exec": {"apiVersion": V1, "command": "no-such-plugin"}})
    assert sent({"kubeconfig": broken, "api_key": "T0KEN"}) == "Bearer T0KEN"


@pytest.fixture
def counting(tmp_path: Path) -> Json:
    """A kubeconfig whose plugin counts its runs: the tokens are 1, 2, 3; each is valid for four seconds."""
    code = (
        "import json, datetime, pathlib\n"
        f"file = pathlib.Path({str(tmp_path / 'runs')!r})\n"
        "file.write_text((file.read_text() if file.exists() else '') + 'x')\n"
        "end = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=4)).isoformat()\n"
        "status = {'token': str(len(file.read_text())), 'expirationTimestamp': end}\n"
        f"print(json.dumps({{'apiVersion': {V1!r}, 'kind': 'ExecCredential', 'status': status}}))"
    )
    return kubeconfig(script(code))


def test_a_credential_that_is_about_to_expire_is_renewed_before_it_is_sent(
    counting: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    login = Login({"kubeconfig": counting})
    monkeypatch.setattr(login_module, "RENEWAL", 0.0)
    assert login.headers(renew=False)["authorization"] == "Bearer 2"


def test_a_plugin_is_not_run_for_every_request_though_what_it_gives_expires_at_once(counting: Json) -> None:
    login = Login({"kubeconfig": counting})
    assert {login.headers(renew=True)["authorization"] for _request in range(3)} == {"Bearer 1"}
