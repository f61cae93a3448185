# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client certificate that runs out in a long wait is renewed, and so are the connections that were made with it."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._kubernetes import login
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.cluster import Cluster
from ansible_collections.argo.workflows.tests.support.tls import Authority, tls_served

LIFE = 6.0
"""Seconds that the first certificate is good for; times in certificates are whole seconds."""


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    monkeypatch.setattr(login, "RENEWAL", 0.0)
    return Authority(tmp_path)


def kubeconfig(host: str, authority: Authority, folder: Path, *lives: float, told: bool = False) -> dict[str, Any]:
    """A kubeconfig whose plugin gives a certificate of user-0, which is good for so long, then one of user-1."""
    for number, life in enumerate(lives):
        certificate, key = authority.issue(f"user-{number}", life)
        status = {"clientCertificateData": certificate, "clientKeyData": key}
        if told:
            end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + life))
            status["expirationTimestamp"] = end
        (folder / str(number)).write_text(
            json.dumps({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status})
        )
    code = (
        "import pathlib; folder = pathlib.Path(" + repr(str(folder)) + ")\n"
        f"number = min(len(list(folder.glob('run-*'))), {len(lives) - 1})\n"
        "(folder / f'run-{len(list(folder.glob(\"run-*\")))}').touch(); print((folder / str(number)).read_text())"
    )
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": sys.executable, "args": ["-c", code]}
    return {
        "current-context": "a",
        "contexts": [{"name": "a", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": host, "certificate-authority": str(authority.certificate)}}],
        "users": [{"name": "u", "user": {"exec": plugin}}],
    }


@pytest.mark.parametrize(
    "refusal", [{}, {"strict": True}, {"silent": True}], ids=["401", "end of TLS", "end of the connection"]
)
def test_a_certificate_that_is_refused_is_renewed_with_its_connections(
    refusal: dict[str, bool], authority: Authority, tmp_path: Path
) -> None:
    with tls_served(authority, tmp_path, **refusal) as (host, callers):
        cluster = Cluster.from_params({"kubeconfig": kubeconfig(host, authority, tmp_path, LIFE, 3600)})
        cluster.get("/x")
        time.sleep(LIFE + 1)
        if refusal:
            cluster._transport._login.connections.clear()  # a gateway looks at the certificate of new connections only
        cluster.get("/x")
        cluster.get("/x")
    assert [caller for caller in callers if "expired" not in caller] == ["CN=user-0", "CN=user-1", "CN=user-1"]


def test_a_certificate_whose_end_is_told_is_renewed_before_it_is_refused(authority: Authority, tmp_path: Path) -> None:
    with tls_served(authority, tmp_path) as (host, callers):
        given = kubeconfig(host, authority, tmp_path, login._AHEAD - 1, 3600, told=True)
        Cluster.from_params({"kubeconfig": given}).get("/x")
    assert callers == ["CN=user-1"]
