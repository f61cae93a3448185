# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is secret among the options is known, and nothing ordinary is taken for a secret."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.credentials import (
    secrets_of,
    secrets_of_kubeconfig,
)
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.secrets import known, masked, remember


def user(**entry: Any) -> dict[str, Any]:
    return {"users": [{"name": "u", "user": entry}]}


@pytest.mark.parametrize(
    "args",
    [
        ["--token", "S3CRET"],
        ["--client-secret=S3CRET"],
        ["-c", "get --password S3CRET --user ann"],
        ["-c", "API_KEY='S3CRET' get"],
        ["-c", "curl -H 'Authorization: Bearer S3CRET'"],
        ["-c", "curl https://ann:S3CRET@example.org"],
    ],
)
def test_a_secret_on_a_plugins_command_line_is_known(args: list[str]) -> None:
    assert "S3CRET" in secrets_of_kubeconfig(user(exec={"command": "get", "args": args}))


def test_what_looks_like_a_token_on_a_plugins_command_line_is_known() -> None:
    assert "eyJhbGciOiJSUzI1.eyJpc3Mi" in secrets_of_kubeconfig(user(exec={"args": ["eyJhbGciOiJSUzI1.eyJpc3Mi"]}))


def test_nothing_ordinary_of_a_plugin_is_masked() -> None:
    args = [
        "eks",
        "get-token",
        "--cluster-name",
        "training-cluster-of-team-a",
        "--region=eu-central-1",
        "--output=json",
    ]
    env = [
        {"name": name, "value": "eu-central-1"} for name in ("AWS_REGION", "AWS_PROFILE", "HOME", "CLOUDSDK_CONFIG_DIR")
    ]
    paths = ["/usr/local/bin/aws-iam-authenticator", "--kubeconfig", "/Users/Ann/Library/kube.config"]
    assert list(secrets_of_kubeconfig(user(exec={"command": "aws", "args": [*args, *paths], "env": env}))) == []


def test_nothing_public_of_a_user_is_masked() -> None:
    public = {
        "client-certificate-data": "LS0t",
        "client-key": "/k.pem",
        "tokenFile": "/t",
        "username": "ann",
        "as": "bob",
    }
    config = {"client-id": "kubernetes", "idp-issuer-url": "https://login.example.org", "cmd-path": "/usr/bin/gcloud"}
    assert list(secrets_of_kubeconfig(user(**public, **{"auth-provider": {"name": "oidc", "config": config}}))) == []


def test_a_field_of_a_user_that_nobody_knows_is_taken_for_secret() -> None:
    assert "S3CRET" in secrets_of_kubeconfig(user(passphrase="S3CRET"))


@pytest.mark.parametrize(
    "kubeconfig", [None, "x", [], {"users": 5}, {"users": [5]}, user(exec=5), {"clusters": {"a": 1}}]
)
def test_what_is_not_a_kubeconfig_has_no_secrets(kubeconfig: Any) -> None:
    assert list(secrets_of({"kubeconfig": kubeconfig})) == []


def test_the_lines_of_a_private_key_are_masked_as_the_file_has_them() -> None:
    key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQ\n-----END PRIVATE KEY-----\n"
    remember(secrets_of({"kubeconfig": user(**{"client-key-data": base64.b64encode(key.encode()).decode()})}))
    assert masked("bad line MIIEvQIBADANBgkqhkiG9w0BAQ of -----BEGIN PRIVATE KEY-----") == (
        "bad line ******** of -----BEGIN PRIVATE KEY-----"
    )


def test_what_basic_authentication_sends_is_masked() -> None:
    remember(secrets_of({"username": "ann", "password": "S3CRET"}))
    assert masked(f"Basic {base64.b64encode(b'ann:S3CRET').decode()}") == "Basic ********"


def test_the_longest_form_is_masked_first_and_very_short_texts_are_not_secrets() -> None:
    remember(["S3CRET", "S3CRET-longer", "a", ""])
    assert masked("a S3CRET-longer way") == "a ******** way"
    assert "a" not in known()
