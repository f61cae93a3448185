# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the plugin of a kubeconfig that gives credentials. Private to the collection.

As "client-go credential plugins" in Kubernetes' documentation says (client.authentication.k8s.io, ExecCredential).
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.credentials import token_of
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.secrets import remember

PATIENCE = 60.0
"""Seconds that a plugin may take."""
_EXTENSION = "client.authentication.k8s.io/exec"


@dataclass(frozen=True)
class Credential:
    """What a plugin gave: `user` is what a kubeconfig has for it, `expires` in seconds since 1970."""

    user: dict[str, str]
    expires: float | None


def run_plugin(plugin: Mapping[str, Any], cluster: Mapping[str, Any]) -> Credential:
    """What the plugin of a kubeconfig's user says for a cluster; ApiError with what the plugin said if it fails."""
    command = plugin.get("command")
    if not isinstance(command, str) or not command:
        raise ApiError("the kubeconfig's exec plugin has no command")
    called = f"the kubeconfig's exec plugin {command}"
    return _credential(_answer([command, *map(str, plugin.get("args") or ())], plugin, cluster, called), plugin, called)


def _answer(command: list[str], plugin: Mapping[str, Any], cluster: Mapping[str, Any], called: str) -> str:
    """What the plugin prints."""
    environment = os.environ | {str(entry["name"]): str(entry["value"]) for entry in plugin.get("env") or ()}
    environment["KUBERNETES_EXEC_INFO"] = json.dumps(_asked(plugin, cluster))
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
    except OSError as error:
        raise ApiError(_cannot_run(command[0], error, plugin, called)) from error
    try:
        out, complaint = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(OSError):  # it has ended in the meantime
            os.killpg(process.pid, signal.SIGKILL)
        raise ApiError(f"{called} did not answer within {PATIENCE:.0f} s (does it want somebody to log in?)") from None
    if process.returncode:
        said = complaint.decode(errors="replace").strip()[-1000:]
        raise ApiError(f"{called} ended with exit code {process.returncode}: {said or 'it said nothing'}")
    return out.decode(errors="replace")


def _cannot_run(command: str, error: OSError, plugin: Mapping[str, Any], called: str) -> str:
    hint = plugin.get("installHint")
    rest = f". {hint.strip()}" if isinstance(hint, str) and hint.strip() else ""
    if not isinstance(error, FileNotFoundError):
        return f"{called} cannot be run: {error.strerror or error}{rest}"
    where = "" if "/" in command else f" in PATH ({os.environ.get('PATH', '')})"
    return f"{called} was not found{where}: install it where the module runs{rest}"


def _asked(plugin: Mapping[str, Any], cluster: Mapping[str, Any]) -> dict[str, Any]:
    """The ExecCredential that the plugin is told."""
    spec: dict[str, Any] = {"interactive": False}
    if plugin.get("provideClusterInfo"):
        extensions = {entry["name"]: entry.get("extension") for entry in cluster.get("extensions") or ()}
        spec["cluster"] = {key: value for key, value in cluster.items() if key != "extensions"}
        spec["cluster"]["config"] = extensions.get(_EXTENSION)
        if authority := spec["cluster"].pop("certificate-authority", None):
            spec["cluster"]["certificate-authority-data"] = base64.b64encode(Path(authority).read_bytes()).decode()
    return {"apiVersion": plugin.get("apiVersion"), "kind": "ExecCredential", "spec": spec}


def _credential(answer: str, plugin: Mapping[str, Any], called: str) -> Credential:
    """What the plugin's answer gives; it is never quoted, for it is secret."""
    try:
        given = json.loads(answer)
        version, status = given["apiVersion"], dict(given["status"])
    except (ValueError, TypeError, KeyError, RecursionError):
        raise ApiError(f"{called} answered something that is not an ExecCredential with a status") from None
    if version != plugin.get("apiVersion"):
        raise ApiError(f"{called} answers as {str(version)[:80]}, and the kubeconfig says {plugin.get('apiVersion')}")
    return Credential(_user(status, called), _expires(status, called))


def _user(status: Mapping[str, Any], called: str) -> dict[str, str]:
    token, certificate, key = (status.get(name) for name in ("token", "clientCertificateData", "clientKeyData"))
    remember(str(secret) for secret in (token, key) if secret)
    user = {"token": token_of(str(token), f"the token of {called}")} if token else {}
    if bool(certificate) != bool(key):
        raise ApiError(f"{called} gave a certificate without its key, or a key without its certificate")
    if certificate:
        user["client-certificate-data"] = base64.b64encode(str(certificate).encode()).decode()
        user["client-key-data"] = base64.b64encode(str(key).encode()).decode()
    if not user:
        raise ApiError(f"{called} gave neither a token nor a certificate")
    return user


def _expires(status: Mapping[str, Any], called: str) -> float | None:
    when = status.get("expirationTimestamp")
    try:
        return datetime.fromisoformat(str(when)).timestamp() if when else None
    except ValueError:
        raise ApiError(f"{called} gave an expirationTimestamp that is not a time") from None
