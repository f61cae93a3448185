# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Argo's accounts may really do in a namespace, compared with what their Roles say: nothing less, nothing more.

Usage: effective_rights.py KUBECONFIG NAMESPACE
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.argo.workflows.plugins.module_utils._kubernetes import Cluster

ROLES = {
    "argo": "argo-role",
    "argo-server": "argo-server-role",
    "argo-workflow": "argo-workflow",
    "argo-client": "argo-client",
}


def expand(rules: Iterable[Mapping[str, Any]]) -> set[tuple[str, str, str]]:
    """Rules as (group, resource, verb)."""
    return {
        (group, resource, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def effective(kubeconfig: str, namespace: str, account: str) -> set[tuple[str, str, str]]:
    """What the cluster says that a service account may do in the namespace."""
    user = f"system:serviceaccount:{namespace}:{account}"
    cluster = Cluster.from_params({"kubeconfig": kubeconfig, "impersonate_user": user})
    review = {"spec": {"namespace": namespace}}
    answer = cluster.create("/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", review)["status"]
    if answer["incomplete"]:
        raise SystemExit(f"the cluster cannot list the rights of {account}: {answer.get('evaluationError')}")
    return expand(answer["resourceRules"])


def main(kubeconfig: str, namespace: str) -> None:
    everyone = effective(kubeconfig, namespace, "default")
    roles = Cluster.from_params({"kubeconfig": kubeconfig})
    for account, role in ROLES.items():
        path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/roles/{role}"
        wanted = expand(roles.get(path)["rules"])
        found = effective(kubeconfig, namespace, account) - everyone
        if found != wanted:
            raise SystemExit(f"{account}: missing {sorted(wanted - found)}, too many {sorted(found - wanted)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
