# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of the cluster before an installation is changed. Private to the collection."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import Json
from ansible_collections.argo.workflows.plugins.module_utils._install.live import existing, find, labelled, metadata
from ansible_collections.argo.workflows.plugins.module_utils._install.objects import (
    MANAGED_BY,
    OWN_KINDS,
    USERS_KINDS,
    Place,
    Ref,
    managed_namespace_of,
)
from ansible_collections.argo.workflows.plugins.module_utils._install.plan import Seen, Wanted
from ansible_collections.argo.workflows.plugins.module_utils._install.readiness import Verdict
from ansible_collections.argo.workflows.plugins.module_utils._install.rights import Right, holds
from ansible_collections.argo.workflows.plugins.module_utils._install.server import PODS, Server, judge_all
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.cluster import Cluster
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import FIELD_MANAGER, KINDS, path

PARALLEL = 8
"""Requests at once: some forty small ones are sent to the API server."""
OURS = f"{MANAGED_BY}={FIELD_MANAGER}"


def look(cluster: Cluster, wanted: Wanted) -> Seen:
    """Everything that is read before an installation is changed."""
    place = wanted.place
    with ThreadPoolExecutor(PARALLEL) as pool:
        kinds = pool.submit(_known_kinds, cluster)
        pods = pool.submit(labelled, cluster, "Pod", place.home, PODS)
        rules = pool.map(partial(rules_in, cluster), place.namespaces)
        elsewhere = pool.submit(_used_elsewhere, cluster, wanted)
        live = _listed(cluster, pool, [(kind, name) for kind in OWN_KINDS for name in place.namespaces])
        live |= _named(cluster, pool, [ref for ref in _asked(wanted) if ref not in live])
        managed = managed_namespace_of(live.get(wanted.controller))
        if managed not in ("", *place.namespaces):
            live |= _listed(cluster, pool, [(kind, managed) for kind in OWN_KINDS], OURS)
        verdict = _judge(cluster, place, live, pods.result())
    known = kinds.result()
    live |= {ref: {"metadata": {}} for ref in wanted.crds if ref.name.partition(".")[0] in known}
    granted = dict(zip(place.namespaces, rules, strict=True))
    return Seen(live, known, granted, pods.result(), verdict, elsewhere.result())


def _asked(wanted: Wanted) -> list[Ref]:
    """What is read by its name: the objects less the CRDs, and what shows that somebody else was here first."""
    place = wanted.place
    asked = {*wanted.refs, *(Ref("Namespace", "", name) for name in place.namespaces), place.binding}
    if wanted.runs_controller and not place.instance_id:
        asked.add(place.cluster_binding)
    return sorted(asked - set(wanted.crds))


def _listed(
    cluster: Cluster, pool: ThreadPoolExecutor, which: Sequence[tuple[str, str]], deployments: str = ""
) -> dict[Ref, Json]:
    """The role's objects by kind and namespace; Deployments by a selector: a controller of somebody else is sought."""
    selectors = dict.fromkeys(OWN_KINDS, OURS) | {"Deployment": deployments}
    lists = pool.map(lambda pair: labelled(cluster, pair[0], pair[1], selectors[pair[0]]), which)
    return {Ref.of(item): item for items in lists for item in items}


def _named(cluster: Cluster, pool: ThreadPoolExecutor, refs: Sequence[Ref]) -> dict[Ref, Json]:
    return {ref: item for ref, item in zip(refs, pool.map(partial(find, cluster), refs), strict=True) if item}


def _known_kinds(cluster: Cluster) -> frozenset[str]:
    """The plurals of Argo's kinds that the cluster knows."""
    resources = (existing(cluster, KINDS["Workflow"].root) or {}).get("resources") or ()
    return frozenset(resource["name"] for resource in resources)


def _judge(cluster: Cluster, place: Place, live: dict[Ref, Json], pods: list[dict[str, Any]]) -> Verdict:
    here = ("Deployment", place.home)
    deployments = {ref.name: dict(item) for ref, item in live.items() if (ref.kind, ref.namespace) == here}
    return judge_all(Server(cluster, place), deployments, pods)


def _used_elsewhere(cluster: Cluster, wanted: Wanted) -> list[str]:
    """The other namespaces that have objects of Argo, which would go with the CRDs."""
    if not (wanted.absent and wanted.crds):
        return []
    found = (item for kind in USERS_KINDS for item in metadata(cluster, f"{KINDS['Workflow'].root}/{kind}"))
    return sorted({item["namespace"] for item in found} - set(wanted.place.namespaces))


# --- rights ----------------------------------------------------------------------------------------------------------


def rules_in(cluster: Cluster, namespace: str) -> dict[str, Any]:
    """The status of a SelfSubjectRulesReview: `resourceRules`, and whether they are `incomplete`."""
    return dict(cluster.create(path("SelfSubjectRulesReview"), {"spec": {"namespace": namespace}})["status"])


def may(cluster: Cluster, right: Right) -> bool:
    """Whether a SelfSubjectAccessReview grants a right."""
    review = {"spec": {"resourceAttributes": right.attributes()}}
    return bool(cluster.create(path("SelfSubjectAccessReview"), review)["status"]["allowed"])


def missing_rights(
    cluster: Cluster, seen: Seen, rights: Iterable[Right], grants: Sequence[tuple[Right, Right]]
) -> list[Right]:
    """Those of `rights`, and of the rights handed on by `grants`, that the user lacks.

    Where the rules of a namespace are not the whole truth (an authorizer that cannot enumerate, a right on the whole
    cluster) the right is asked for by itself.
    """

    def lacks(right: Right) -> bool:
        rules = seen.granted.get(right.namespace)
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
