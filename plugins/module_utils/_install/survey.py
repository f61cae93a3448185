# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an installation has and lacks, asked of the cluster. Private to the collection."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ansible_collections.argo.workflows.plugins.module_utils._install.live import existing, find, labelled, metadata
from ansible_collections.argo.workflows.plugins.module_utils._install.objects import (
    ARGO_KINDS,
    CONTROLLER,
    MANAGED_BY,
    OWN_KINDS,
    Place,
    Ref,
    claimant_of,
    is_added_to,
    is_controller,
    is_labelled,
    is_needed,
    is_ours,
    maker_of,
    managed_namespace_of,
    marked,
    restorable,
)
from ansible_collections.argo.workflows.plugins.module_utils._install.rights import (
    Right,
    grants,
    holds,
    in_words,
    rights_to_apply,
    rights_to_delete,
    rights_to_displace,
    rights_to_look,
)
from ansible_collections.argo.workflows.plugins.module_utils._install.server import PODS, state_of
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.cluster import Cluster
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import FIELD_MANAGER, KINDS, path
from ansible_collections.argo.workflows.plugins.module_utils._module import UserError

PARALLEL = 8
"""Requests at once: some forty small ones are sent to the API server."""


def survey(
    cluster: Cluster, place: Place, objects: list[dict[str, Any]], absent: bool, update_crds: bool
) -> dict[str, Any]:
    """Everything that is asked before an installation is changed; UserError where nothing can be installed now."""
    refs = [Ref.of(item) for item in objects]
    namespaces = [Ref("Namespace", "", namespace) for namespace in place.namespaces]
    binding = Ref("RoleBinding", place.work, "argo-binding")
    everywhere = Ref("ClusterRoleBinding", "", "argo-binding")
    ours_is_wanted = not absent and Ref("Deployment", place.home, CONTROLLER) in refs
    crds = {ref for ref in refs if ref.kind == "CustomResourceDefinition"}
    others = {everywhere} if ours_is_wanted and not place.instance_id else set()
    asked = sorted({*refs, *namespaces, binding, *others} - crds)
    own_kinds = OWN_KINDS if objects else ("Deployment",)
    selectors = dict.fromkeys(own_kinds, OURS) | {"Deployment": ""}  # a controller of somebody else is looked for
    listed = [(kind, namespace, selectors[kind]) for kind in own_kinds for namespace in place.namespaces]
    with ThreadPoolExecutor(PARALLEL) as pool:
        kinds = pool.submit(existing, cluster, KINDS["Workflow"].root)
        pods = pool.submit(labelled, cluster, "Pod", place.home, PODS)
        running = pool.submit(metadata, cluster, path("Workflow", place.work), RUNNING)
        rules = pool.map(lambda namespace: rules_in(cluster, namespace), place.namespaces)
        lists = pool.map(lambda which: labelled(cluster, *which), listed)
        live = {Ref.of(item): item for items in lists for item in items}
        rest = [ref for ref in asked if ref not in live]
        found = pool.map(lambda ref: find(cluster, ref), rest)
        live |= {ref: item for ref, item in zip(rest, found, strict=True) if item}
        granted = dict(zip(place.namespaces, rules, strict=True))
        managed = managed_namespace_of(live.get(Ref("Deployment", place.home, CONTROLLER)))
        if objects and managed not in ("", *place.namespaces):
            left = pool.map(lambda kind: labelled(cluster, kind, managed, OURS), OWN_KINDS)
            live |= {Ref.of(item): item for items in left for item in items}
    for namespace in namespaces:
        if objects and not absent and live.get(namespace, {}).get("metadata", {}).get("deletionTimestamp"):
            raise UserError(f"The namespace {namespace.name} is being deleted: run this again when it is gone.")
    deployments = [item for ref, item in live.items() if ref.kind == "Deployment"]
    controllers = [item for item in deployments if is_controller(item)]
    rivals = [item for item in controllers if ours_is_wanted and item["metadata"]["name"] != CONTROLLER]
    stale = [ref for ref, item in live.items() if ref.kind in own_kinds and ref not in refs and is_labelled(item)]
    known = {resource["name"] for resource in (kinds.result() or {}).get("resources") or ()}
    live |= {ref: {"metadata": {}} for ref in crds if ref.name.partition(".")[0] in known}
    if absent:
        needed = [item for item in objects if Ref.of(item) in live]
        # What may not be read looks as if it were not there, so the right to read is asked for all of them.
        rights = {
            right for item in objects for right in rights_to_delete(item) if right.verb == "get" or Ref.of(item) in live
        }
        rights.update(Right("", "argoproj.io", kind, "list") for kind in USERS_KINDS if crds)
        handed_on = []
    else:
        needed = [item for item in objects if is_needed(item, live.get(Ref.of(item)), update_crds)]
        rights = {right for item in needed for right in rights_to_apply(item, live.get(Ref.of(item)))}
        rights.update(right for item in rivals for right in rights_to_displace(item))
        rights.update(rights_to_look(place.home) if any(ref.kind == "Deployment" for ref in refs) else ())
        handed_on = list(grants(objects, live))
    missing = missing_rights(cluster, granted, rights, handed_on)
    replaced = [live[ref] for ref in map(Ref.of, needed) if ref in live and KINDS[ref.kind].namespaced]
    # Roles come last: the API may refuse one whose rights the user lacks, and the others are to be back by then.
    previous = sorted([*rivals, *replaced], key=lambda item: item["kind"] in ("Role", "RoleBinding"))
    return {
        **state_of(cluster, place, deployments, pods.result()),
        "running_workflows": len(running.result()),
        "managed_namespace": managed,
        "missing_namespaces": [ref.name for ref in namespaces if ref not in live],
        "missing_crds": [kind for kind in ARGO_KINDS if kind not in known],
        "used_elsewhere": elsewhere(cluster, place) if absent and crds else [],
        "needed": needed if absent else [marked(item) for item in needed],
        "to_replace": [marked(item) for item in needed if is_added_to(item, live.get(Ref.of(item)))],
        "missing_rights": in_words(missing),
        "user": user(cluster) if missing else "",
        "others": [
            f"{ref} (made by {maker_of(live[ref])})"
            for ref in refs
            if ref in live and ref.kind in OWN_KINDS and not is_ours(live[ref])
        ],
        "other_controllers": [Ref.of(item).as_definition() for item in rivals],
        "claimed_by": claimant_of(live.get(binding), place.home),
        "cluster_wide": claimant_of(live.get(everywhere), place.home),
        "stale": [ref.as_definition() for ref in stale],
        "absent": [
            ref.as_definition() for ref in map(Ref.of, needed) if ref not in live and KINDS[ref.kind].namespaced
        ],
        "previous": [restorable(item) for item in previous],
    }


RUNNING = "workflows.argoproj.io/completed!=true"
OURS = f"{MANAGED_BY}={FIELD_MANAGER}"
USERS_KINDS = ("workflows", "workflowtemplates", "cronworkflows")
"""The plurals of the kinds whose objects people write."""


def elsewhere(cluster: Cluster, place: Place) -> list[str]:
    """The other namespaces that have objects of Argo, which would go with the CRDs."""
    found = (item for kind in USERS_KINDS for item in metadata(cluster, f"{KINDS['Workflow'].root}/{kind}"))
    return sorted({item["namespace"] for item in found} - set(place.namespaces))


def rules_in(cluster: Cluster, namespace: str) -> dict[str, Any]:
    """The status of a SelfSubjectRulesReview: `resourceRules`, and whether they are `incomplete`."""
    return dict(cluster.create(path("SelfSubjectRulesReview"), {"spec": {"namespace": namespace}})["status"])


def may(cluster: Cluster, right: Right) -> bool:
    """Whether a SelfSubjectAccessReview grants a right."""
    review = {"spec": {"resourceAttributes": right.attributes()}}
    return bool(cluster.create(path("SelfSubjectAccessReview"), review)["status"]["allowed"])


def missing_rights(
    cluster: Cluster, granted: dict[str, dict[str, Any]], rights: Iterable[Right], grants: Sequence[tuple[Right, Right]]
) -> list[Right]:
    """Those of `rights`, and of the rights handed on by `grants`, that the user lacks.

    `granted` has what rules_in says for each namespace. Where that is not the whole truth (an authorizer that cannot
    enumerate, a right on the whole cluster) the right is asked for by itself.
    """

    def lacks(right: Right) -> bool:
        rules = granted.get(right.namespace)
        if rules and holds(rules.get("resourceRules") or (), right):
            return False
        return (rules is not None and not rules.get("incomplete")) or not may(cluster, right)

    instead = {right: lacks(right) for right in sorted({other for _right, other in grants})}
    wanted = sorted({*rights, *(right for right, other in grants if instead[other])})
    with ThreadPoolExecutor(PARALLEL) as pool:
        return [right for right, lacking in zip(wanted, pool.map(lacks, wanted), strict=True) if lacking]


def user(cluster: Cluster) -> str:
    """Who asks, as the cluster names them."""
    review = cluster.create(path("SelfSubjectReview"), {})
    return str(review["status"]["userInfo"].get("username") or "an anonymous user")
