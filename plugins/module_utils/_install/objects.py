# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects of an installation of Argo: whose they are, and whether they are as wanted.

Private to the collection. Pure.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import Json
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import FIELD_MANAGER, KINDS, path
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.quantity import quantity

MARK = "argo.workflows/applied"
MANAGED_BY = "app.kubernetes.io/managed-by"
CONTROLLER = "workflow-controller"
SERVER = "argo-server"
SERVER_PORT = 2746
ARGO_KINDS = (
    "clusterworkflowtemplates",
    "cronworkflows",
    "workflowartifactgctasks",
    "workfloweventbindings",
    "workflows",
    "workflowtaskresults",
    "workflowtasksets",
    "workflowtemplates",
)
"""The plurals of the kinds that Argo brings."""
CLIENT = "argo-client"
"""The service account that the role makes for people."""
USERS_KINDS = ("workflows", "workflowtemplates", "cronworkflows")
"""The plurals of the kinds among them whose objects people write."""
OWN_KINDS = (
    "ServiceAccount",
    "Secret",
    "ConfigMap",
    "Service",
    "NetworkPolicy",
    "ResourceQuota",
    "Role",
    "RoleBinding",
    "Deployment",
)
"""The kinds whose objects are deleted when the role no longer wants them."""


@dataclass(frozen=True, order=True)
class Ref:
    """Which object: what tells one of an installation from all others."""

    kind: str
    namespace: str
    name: str

    @classmethod
    def of(cls, item: Json) -> Ref:
        return cls(item["kind"], item["metadata"].get("namespace") or "", item["metadata"]["name"])

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"

    @property
    def path(self) -> str:
        return path(self.kind, self.namespace, self.name)

    def as_definition(self) -> dict[str, Any]:
        """The least that kubernetes.core.k8s needs to delete it."""
        metadata = {"name": self.name} | ({"namespace": self.namespace} if self.namespace else {})
        return {"apiVersion": KINDS[self.kind].api_version, "kind": self.kind, "metadata": metadata}


def is_ours(live: Json) -> bool:
    """Whether the role has applied this object: its field manager has left its mark."""
    managers = live["metadata"].get("managedFields") or ()
    return any(entry.get("manager") == FIELD_MANAGER for entry in managers)


def is_labelled(live: Json) -> bool:
    """Whether an object carries the role's label, so that it goes when the role no longer wants it."""
    return (live["metadata"].get("labels") or {}).get(MANAGED_BY) == FIELD_MANAGER


def maker_of(live: Json) -> str:
    """Who made an object that is not ours, as far as it tells: a Helm release, else its first field manager."""
    metadata = live["metadata"]
    release = (metadata.get("annotations") or {}).get("meta.helm.sh/release-name")
    if release:
        return f"the Helm release {release}"
    managers = [entry["manager"] for entry in metadata.get("managedFields") or () if entry.get("manager")]
    return managers[0] if managers else "someone else"


def mark_of(wanted: Json) -> str:
    """A hash of everything that is wanted of an object."""
    return hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()[:16]


def marked(wanted: Json) -> dict[str, Any]:
    """An object with an annotation that says what was applied, by which the next run sees that it need not be again."""
    metadata = wanted["metadata"]
    return {
        **wanted,
        "metadata": {**metadata, "annotations": {**(metadata.get("annotations") or {}), MARK: mark_of(wanted)}},
    }


def is_marked(wanted: Json, live: Json) -> bool:
    """Whether the same was applied before."""
    return (live["metadata"].get("annotations") or {}).get(MARK) == mark_of(wanted)


def is_applied(wanted: Json, live: Json) -> bool:
    """Whether applying an object would change nothing: the same was applied before, and nobody has changed it since."""
    return is_marked(wanted, live) and contains(live, wanted)


def is_added_to(wanted: Json, live: Json | None) -> bool:
    """Whether a Deployment may have what applying would leave in it: somebody else made it, or changed it since.

    An environment variable belongs to who has set it: see "Server-Side Apply" in Kubernetes' documentation.
    """
    if wanted["kind"] != "Deployment" or live is None or contains(live, wanted):
        return False
    return is_marked(wanted, live) or not is_ours(live)


WHOLE = frozenset({"selector", "nodeSelector", "podSelector", "namespaceSelector", "rules"})
"""The keys of what means something else with any addition, and in which the API server fills in nothing."""
AMOUNTS = frozenset({"hard", "limits", "requests"})
"""The keys of maps of quantities, which the API server writes its own way: 0.5 becomes "500m"."""


def contains(live: Any, wanted: Any) -> bool:
    """Whether everything that is wanted is there; what the server has filled in besides does not count."""
    if isinstance(wanted, Mapping):
        return isinstance(live, Mapping) and all(
            live.get(key) == value
            if key in WHOLE
            else (contains_amounts if key in AMOUNTS and value else contains)(live.get(key), value)
            for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        return isinstance(live, list) and len(live) == len(wanted) and all(map(contains, live, wanted))
    return bool(live == wanted)


def contains_amounts(live: Mapping[str, Any] | None, wanted: Mapping[str, Any]) -> bool:
    """Whether every amount that is wanted of a resource is there, however it is written."""
    return live is not None and all(
        name in live and quantity(live[name]) == quantity(amount) for name, amount in wanted.items()
    )


def is_needed(wanted: Json, live: Json | None, update_crds: bool) -> bool:
    """Whether an object must be applied: a missing or changed one, and a shared one only if it is ours to change.

    So a tenant needs no right on CRDs, priority classes and namespaces that an administrator has made.
    """
    if live is None:
        return True
    match wanted["kind"]:
        case "CustomResourceDefinition":
            return update_crds
        case "PriorityClass":
            return False
        case "ClusterRole":
            return live.get("rules") != wanted["rules"]
        case "Namespace":
            labels = wanted["metadata"].get("labels") or {}
            lacking = not labels.items() <= (live["metadata"].get("labels") or {}).items()
            return lacking or (is_ours(live) and not is_applied(wanted, live))
        case "ConfigMap" if (live.get("data") or {}).keys() != (wanted.get("data") or {}).keys():
            return True  # the controller ends at a key that it does not know
        case _:
            return not is_applied(wanted, live)


def restorable(live: Json) -> dict[str, Any]:
    """A live object less what the server fills in, so that it can be put back as it was."""
    dropped = ("managedFields", "resourceVersion", "uid", "creationTimestamp", "generation", "selfLink")
    metadata = {key: value for key, value in live["metadata"].items() if key not in dropped}
    return {key: value for key, value in live.items() if key != "status"} | {"metadata": metadata}


def claimant_of(binding: Json | None, namespace: str) -> str:
    """The namespace of the other installation whose controller a live `argo-binding` lets in, or ""."""
    for subject in (binding or {}).get("subjects") or ():
        if subject.get("kind") == "ServiceAccount" and subject.get("namespace") not in (None, namespace):
            return str(subject["namespace"])
    return ""


def is_controller(deployment: Json) -> bool:
    """Whether a Deployment runs Argo's controller, however it was installed and named."""
    containers = deployment["spec"]["template"]["spec"].get("containers") or ()
    return any(
        "workflow-controller" in container.get("image", "").rsplit("/", 1)[-1]
        or "workflow-controller" in (container.get("command") or ())
        for container in containers
    )


def image_of(deployment: Json | None) -> str:
    """The image of a Deployment's first container, or "" if there is none."""
    return str(deployment["spec"]["template"]["spec"]["containers"][0]["image"]) if deployment else ""


def tag_of(image: str) -> str:
    """The tag of an image, or "" if it has none: `v4.1.2` of `quay.io/argoproj/argocli:v4.1.2`."""
    return image.partition("@")[0].rpartition("/")[2].partition(":")[2]


def managed_namespace_of(controller: Json | None) -> str:
    """The namespace where the workflows of a controller's Deployment run, or "" if there is none."""
    if controller is None:
        return ""
    flags = _flags_of(controller)
    return next((value for flag, value in flags if flag == "--managed-namespace"), controller["metadata"]["namespace"])


def _flags_of(deployment: Json) -> list[tuple[str, str]]:
    """The flags of a Deployment's first container, each with the argument behind it."""
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    return list(pairwise(" ".join(container.get("args") or ()).replace("=", " ").split()))


def server_options(deployment: Json) -> tuple[str, set[str]]:
    """The scheme that a server Deployment serves, and its authentication modes, from its arguments."""
    flags = _flags_of(deployment)
    modes = {value for flag, value in flags if flag == "--auth-mode"}
    plain = any(flag in ("--secure", "-e") and value == "false" for flag, value in flags)
    return "http" if plain else "https", modes or {"client"}


def base_href_of(server: Json) -> str:
    """The path under which a server's Deployment says that a reverse proxy serves the UI; "/" if there is none.

    Argo takes each flag from a variable ARGO_FLAG too.
    """
    container = server["spec"]["template"]["spec"]["containers"][0]
    by_variable = {one.get("name"): one.get("value") for one in container.get("env") or ()}.get("ARGO_BASE_HREF")
    given = [value for flag, value in _flags_of(server) if flag == "--base-href"]
    return str((given[-1] if given else by_variable) or "/")


PLACE_SPEC: dict[str, Any] = {
    "namespace": {"type": "str", "default": "argo"},
    "managed_namespace": {"type": "str"},
    "instance_id": {"type": "str"},
}
"""The options that name an installation; the doc fragment argo.workflows.installation says what they mean."""


@dataclass(frozen=True)
class Place:
    """Which installation: where its Deployments are, where its workflows run, and its controller's instance id."""

    home: str
    work: str
    instance_id: str

    @property
    def namespaces(self) -> list[str]:
        return sorted({self.home, self.work})

    @property
    def binding(self) -> Ref:
        """What lets a controller work on the workflows."""
        return Ref("RoleBinding", self.work, "argo-binding")

    @property
    def cluster_binding(self) -> Ref:
        """What lets the controller of upstream's manifests work on the workflows of the whole cluster."""
        return Ref("ClusterRoleBinding", "", "argo-binding")

    @property
    def lease(self) -> Ref:
        return Ref("Lease", self.home, "-".join(filter(None, [CONTROLLER, self.instance_id])))
