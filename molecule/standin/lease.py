# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Leader election as Argo's: one controller at a time holds the lease `workflow-controller`."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from .kube import ApiError, Kube, own_namespace

SECONDS = 15


class Lease:
    def __init__(self, kube: Kube, name: str) -> None:
        self.kube, self.name, self.renewed = kube, name, float("-inf")
        self.holder = os.environ.get("LEADER_ELECTION_IDENTITY") or os.uname().nodename
        self.path = f"/apis/coordination.k8s.io/v1/namespaces/{own_namespace()}/leases"

    def take(self) -> bool:
        """Takes the lease, or renews it when it is due. False while another holds it."""
        if time.monotonic() < self.renewed + SECONDS / 3:
            return True
        lease = self.read()
        spec = lease.get("spec", {})
        others = spec.get("holderIdentity") not in {None, "", self.holder}
        if others and datetime.fromisoformat(spec["renewTime"]) + timedelta(seconds=SECONDS) > datetime.now(UTC):
            return False
        self.write(lease, self.holder)
        self.renewed = time.monotonic()
        return True

    def read(self) -> dict[str, Any]:
        try:
            return self.kube.get(f"{self.path}/{self.name}")
        except ApiError as error:
            if error.status != 404:
                raise
        body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": self.name}}
        return self.kube.create(self.path, body)

    def write(self, lease: dict[str, Any], holder: str) -> None:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec = {"holderIdentity": holder, "leaseDurationSeconds": SECONDS, "renewTime": now}
        self.kube.replace(f"{self.path}/{self.name}", {**lease, "spec": spec})

    def release(self) -> None:
        """Lets the next controller begin at once."""
        lease = self.read()
        if lease["spec"]["holderIdentity"] == self.holder:
            self.write(lease, "")
