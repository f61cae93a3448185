#!/usr/bin/python
# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: argo_token
short_description: Issue a token that ends by itself, to log in to Argo
version_added: 0.1.0
author:
  - the argo.workflows authors (!UNKNOWN)
description:
  - Has the cluster issue a token of a service account (a TokenRequest), and writes it to a file of mode 0600.
  - A token that is in the file already is kept while more than half of its time is left and the account that it was
    issued for is there. That is looked up, so it takes the right to read the account; one that was deleted and made
    again, or is of another cluster, is another account.
  - The token is in no result and in no log. Argo's UI and server want it as C(Bearer TOKEN).
options:
  name:
    description: Name of the service account.
    type: str
    default: argo-client
  namespace:
    description: Namespace of the service account.
    type: str
    default: argo
  dest:
    description: File that the token is written to, with mode 0600, in a folder that exists.
    type: path
    required: true
  seconds:
    description:
      - How long the token is to be valid, at least 600.
      - The cluster may shorten it.
    type: int
    default: 3600
extends_documentation_fragment:
  - argo.workflows.connection
  - argo.workflows.attributes
  - argo.workflows.attributes.actiongroup_argo
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details:
      - A difference would show the token.
  idempotent:
    support: partial
    details:
      - A token is issued anew when less than half of its time is left.
"""

EXAMPLES = r"""
- name: Issue a token for the pipeline
  argo.workflows.argo_token:
    namespace: team-a
    dest: ~/.argo-token
    seconds: 7200
"""

RETURN = r"""
dest:
  description: The file with the token.
  type: str
  returned: always
expires:
  description: When the token ends, UTC, in ISO 8601. In check mode that of the token that is there, or empty.
  type: str
  returned: always
"""

import base64
import json
import os
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.argo.workflows.plugins.module_utils._argo.times import stamp
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.cluster import Cluster
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import path
from ansible_collections.argo.workflows.plugins.module_utils._module import UserError, run_module

ARGUMENT_SPEC: dict[str, Any] = {
    "name": {"type": "str", "default": "argo-client"},
    "namespace": {"type": "str", "default": "argo"},
    "dest": {"type": "path", "required": True},
    "seconds": {"type": "int", "default": 3600},
}
SHORTEST = 600
"""The shortest time that Kubernetes issues a token for, in seconds."""


def main() -> None:
    run_module(run, ARGUMENT_SPEC, supports_check_mode=True)


def run(module: AnsibleModule) -> dict[str, Any]:
    namespace, name, seconds = (module.params[key] for key in ("namespace", "name", "seconds"))
    file = Path(module.params["dest"])
    _check(file, seconds)
    cluster = Cluster.from_params(module.params)
    account = cluster.find(path("ServiceAccount", namespace, name))
    if not account and not module.check_mode:
        raise UserError(
            f"there is no service account {name} in namespace {namespace} to issue a token of: create it first "
            "(role argo creates argo-client where argo_client is true)"
        )
    uid = account["metadata"]["uid"] if account else ""
    issued, expires = _life(file.read_text() if file.is_file() else "", uid)
    if _age(file, issued) < (expires - issued) / 2:
        file.chmod(0o600)
        return {"changed": False, "dest": str(file), "expires": _stamp(expires)}
    if module.check_mode:
        return {"changed": True, "dest": str(file), "expires": _stamp(expires) if expires else ""}
    request = {"spec": {"expirationSeconds": seconds}}
    status = cluster.create(path("ServiceAccount", namespace, name, "token"), request)["status"]
    _write(file, status["token"])
    return {"changed": True, "dest": str(file), "expires": status["expirationTimestamp"]}


def _check(file: Path, seconds: int) -> None:
    """Raise UserError if no token can be issued for so long, or the file cannot be written."""
    if seconds < SHORTEST:
        raise UserError(f"seconds: {seconds} is too short: Kubernetes issues no token for less than {SHORTEST}")
    if not file.parent.is_dir():
        raise UserError(f"dest: there is no folder {file.parent} to write the token to: create it first")


def _life(token: str, uid: str) -> tuple[float, float]:
    """When a token begins and ends, in seconds since 1970; zeros if it is not of the account `uid`. Unverified.

    The API server refuses a token whose account is gone, even if there is another one of the same name:
    see "Bound service account tokens" in Kubernetes' documentation.
    """
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        account = claims["kubernetes.io"]["serviceaccount"]
        return (float(claims["iat"]), float(claims["exp"])) if account["uid"] == uid else (0.0, 0.0)
    except (IndexError, KeyError, TypeError, ValueError):
        return 0.0, 0.0


def _age(file: Path, issued: float) -> float:
    """The seconds since the token in a file was issued, by the clock of the cluster or of this machine: the longer.

    A clock that is slow was so when the file was written; a file may have been copied later.
    """
    written = file.stat().st_mtime if issued else 0.0
    return time.time() - min(issued, written)


def _write(file: Path, token: str) -> None:
    """Put a token into a file that nobody else can read at any moment, and that is whole whenever it is there."""
    descriptor, unfinished = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(descriptor, "w") as opened:
            opened.write(token)
        Path(unfinished).replace(file)
    except BaseException:
        Path(unfinished).unlink(missing_ok=True)
        raise


def _stamp(seconds: float) -> str:
    return stamp(datetime.fromtimestamp(seconds, UTC))


if __name__ == "__main__":
    main()
