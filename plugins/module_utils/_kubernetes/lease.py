# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lease: objects live as long as somebody renews it, and then the cluster itself deletes them.

Private to the collection. It is a Job that never has a pod and owns the objects. Its deadline is the lease: when it
has passed, Kubernetes deletes the Job, and its garbage collector what the Job owned ("Jobs", "Automatic Cleanup for
Finished Jobs" and "Garbage Collection" in Kubernetes' documentation). Each process has a Job of its own, so that none
has to know of the others: an object with several owners lives as long as the last of them.

No clock of this machine is compared with one of the cluster's: only lengths of time are.
"""

from __future__ import annotations

import contextlib
import math
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.cluster import METADATA, Cluster
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import FIELD_MANAGER, path

SHORTEST = 15
"""Seconds of a lease at least: from a submission to the wait for it some may pass."""
PREFIX = "argo-workflows-lease-"
"""What the names of these Jobs begin with."""
CONFLICTS_SURVIVED = 20
_RIGHTS = (
    "a lease takes the rights to create, patch and delete jobs, and to get and patch workflows, which role argo gives "
    "to argo-client"
)

Json = dict[str, Any]
Owners = Sequence[Mapping[str, Any]]


# --- what a lease is. Pure -------------------------------------------------------------------------------------------


def why_not_a_lease(seconds: int) -> str:
    """What is wrong with the length of a lease, "" if nothing; 0 is none."""
    if seconds == 0 or seconds >= SHORTEST:
        return ""
    return f"lease_seconds is {seconds}: give it at least {SHORTEST}, or 0 for no lease"


def lease_job(name: str, seconds: float) -> Json:
    """The Job of a lease. Its container never runs, but keeps to the restricted Pod Security Standard."""
    container = {
        "name": "none",
        "image": "none",
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    pod = {
        "restartPolicy": "Never",
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "annotations": {"argo-workflows.ansible/lease": "runs without pods; what it owns is deleted with it"},
        },
        "spec": {
            "parallelism": 0,
            "completions": 1,
            "backoffLimit": 0,
            "activeDeadlineSeconds": math.ceil(seconds),
            "ttlSecondsAfterFinished": 0,
            "template": {"spec": pod},
        },
    }


def owner_of(job: Mapping[str, Any]) -> Json:
    """The owner reference to the Job of a lease. It blocks nothing, so that it takes no right on finalizers."""
    metadata = job["metadata"]
    return {"apiVersion": "batch/v1", "kind": "Job", "name": metadata["name"], "uid": metadata["uid"]}


def is_leased(owners: Owners | None) -> bool:
    """Whether a lease is among the owners of an object."""
    return any(map(_is_lease, owners or ()))


def with_owner(owners: Owners | None, owner: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The owners of an object, and this one."""
    return [*(each for each in owners or () if each.get("uid") != owner["uid"]), owner]


def without_leases(owners: Owners | None) -> list[Mapping[str, Any]]:
    """The owners of an object but its leases, whoever has taken them."""
    return [owner for owner in owners or () if not _is_lease(owner)]


def _is_lease(owner: Mapping[str, Any]) -> bool:
    return owner.get("kind") == "Job" and str(owner.get("name")).startswith(PREFIX)


def age_of(job: Mapping[str, Any]) -> float:
    """Seconds from the start of a Job to its last change by this collection, both as the cluster wrote them; else 0."""
    started = (job.get("status") or {}).get("startTime")
    fields = job["metadata"].get("managedFields") or ()
    changed = [each["time"] for each in fields if each.get("manager") == FIELD_MANAGER and each.get("time")]
    if not started or not changed:
        return 0.0
    with contextlib.suppress(ValueError):
        return max(0.0, (datetime.fromisoformat(max(changed)) - datetime.fromisoformat(started)).total_seconds())
    return 0.0


def is_lost(job: Mapping[str, Any]) -> bool:
    """Whether a Job is being deleted, or its deadline has passed: no renewal keeps it any more."""
    conditions = (job.get("status") or {}).get("conditions") or ()
    return bool(job["metadata"].get("deletionTimestamp")) or any(
        each.get("type") in ("Failed", "FailureTarget", "Complete") and each.get("status") == "True"
        for each in conditions
    )


def why_it_stands_still(job: Mapping[str, Any]) -> str:
    """Why the time of a lease does not run, so that nothing would be deleted; "" if it runs."""
    name = job["metadata"]["name"]
    if (job.get("spec") or {}).get("suspend"):
        return f"the lease does not run, as something, a queue for example, has suspended its Job {name}"
    if not (job.get("status") or {}).get("startTime"):
        return f"the lease does not run: Kubernetes' Job controller has not started its Job {name}"
    return ""


# --- the cluster -----------------------------------------------------------------------------------------------------


class Held(NamedTuple):
    """A lease that this process has taken."""

    namespace: str
    seconds: float
    job: Mapping[str, Any]
    """As the API server sent it last."""
    age: float
    since: float
    """The Job was this old at that time of the cluster's clock, `monotonic`."""

    @property
    def owner(self) -> Json:
        return owner_of(self.job)

    @property
    def path(self) -> str:
        return path("Job", self.namespace, self.job["metadata"]["name"])


def take(cluster: Cluster, namespace: str, seconds: float) -> Held:
    """Take a lease. Raises ApiError, with what to do where rights are missing."""
    began = cluster.clock.monotonic()
    with _rights_named():
        body = lease_job(PREFIX + secrets.token_hex(8), seconds)
        job = cluster.create(path("Job", namespace), body, fieldManager=FIELD_MANAGER)
    return Held(namespace, seconds, job, 0.0, began)


def renew(cluster: Cluster, held: Held) -> Held:
    """Let the lease run for its whole time from now. A lease that has run out is an ApiError with status 404."""
    now = cluster.clock.monotonic()
    age = held.age + now - held.since
    with _rights_named():
        change = {"spec": {"activeDeadlineSeconds": math.ceil(age + held.seconds)}}
        job = cluster.patch(held.path, change, fieldManager=FIELD_MANAGER)
    if is_lost(job):
        raise ApiError(f"PATCH {held.path}: the Job is being deleted", 404, "NotFound")
    return held._replace(job=job, age=max(age, age_of(job)), since=now)


def give_back(cluster: Cluster, held: Held) -> None:
    """Delete the Job, and nothing with it that it may still own. Where that fails, it runs out by itself."""
    with contextlib.suppress(ApiError):
        cluster.delete(held.path, {"propagationPolicy": "Orphan"})


def adopt(cluster: Cluster, place: str, uid: str, held: Held) -> bool:
    """Make the object at a path live by this lease, too; False if it is not there any more, or is being deleted."""
    return _change_owners(cluster, place, uid, lambda owners: with_owner(owners, held.owner))


def release(cluster: Cluster, place: str, uid: str) -> bool:
    """Make the object at a path live by no lease; False if it is not there any more, or is being deleted."""
    return _change_owners(cluster, place, uid, without_leases)


def _change_owners(cluster: Cluster, place: str, uid: str, change: Callable[[Owners], Owners]) -> bool:
    """Change the owners of this very object; others write the same object, so a conflict means to look again.

    False if it is not there any more, or is being deleted.
    """
    for _conflict in range(CONFLICTS_SURVIVED):
        with _rights_named():
            there = cluster.find(place, accept=METADATA)
        metadata = there["metadata"] if there else {}
        if metadata.get("uid") != uid or metadata.get("deletionTimestamp"):
            return False
        owners = metadata.get("ownerReferences") or []
        if (wanted := change(owners)) == owners:
            return True
        body = {"metadata": {"resourceVersion": metadata.get("resourceVersion"), "ownerReferences": wanted}}
        try:
            with _rights_named():
                cluster.patch(place, body, accept=METADATA, fieldManager=FIELD_MANAGER)
        except ApiError as error:
            if error.status == 404:
                return False
            if error.status != 409:
                raise
        else:
            return True
    raise ApiError(f"PATCH {place}: others have changed it each of {CONFLICTS_SURVIVED} times", 409, "Conflict")


@contextlib.contextmanager
def _rights_named() -> Iterator[None]:
    """Say which rights a lease takes where one is missing."""
    try:
        yield
    except ApiError as error:
        if error.status != 403:
            raise
        raise ApiError(f"{error}; {_RIGHTS}", error.status, error.reason, error.message) from error
