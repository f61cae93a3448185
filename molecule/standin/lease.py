# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Leader election: one controller at a time holds Argo's lease."""

from __future__ import annotations

import contextlib
import http.client
import os
import time
from datetime import UTC, datetime, timedelta

from .kube import ApiError, Kube, own_namespace

LEASE_SECONDS = 15


class Lease:
    """Leader election as Argo's: one controller at a time holds the lease `workflow-controller`."""

    def __init__(self, kube: Kube, name: str) -> None:
        self.kube, self.holder = kube, os.environ.get("LEADER_ELECTION_IDENTITY") or os.uname().nodename
        self.path = f"/apis/coordination.k8s.io/v1/namespaces/{own_namespace()}/leases"
        self.name = name

    def take(self) -> bool:
        """Takes or renews the lease. False while another holds it."""
        now = datetime.now(UTC)
        spec = {
            "holderIdentity": self.holder,
            "leaseDurationSeconds": LEASE_SECONDS,
            "renewTime": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        }
        try:
            try:
                lease = self.kube.get(f"{self.path}/{self.name}")
            except ApiError as error:
                if error.status != 404:
                    raise
                metadata = {"name": self.name}
                body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}
                self.kube.create(self.path, body)
                return True
            old = lease.get("spec", {})
            free = not old.get("holderIdentity") or old["holderIdentity"] == self.holder
            if not free and datetime.fromisoformat(old["renewTime"]) + timedelta(seconds=LEASE_SECONDS) > now:
                return False
            self.kube.replace(f"{self.path}/{self.name}", {**lease, "spec": {**old, **spec}})
            return True
        except ApiError as error:
            if error.status == 409:
                return False
            raise

    def keep(self) -> None:
        while True:
            time.sleep(LEASE_SECONDS / 3)
            try:
                if not self.take():
                    print("stand-in: another controller took the lease over", flush=True)
                    os._exit(1)
            except (ApiError, OSError, http.client.HTTPException) as error:
                print(f"stand-in: lease: {error}", flush=True)

    def release(self) -> None:
        """Lets the next controller begin at once."""
        with contextlib.suppress(ApiError, OSError, http.client.HTTPException):
            lease = self.kube.get(f"{self.path}/{self.name}")
            if lease["spec"].get("holderIdentity") == self.holder:
                lease["spec"]["holderIdentity"] = ""
                self.kube.replace(f"{self.path}/{self.name}", lease)
