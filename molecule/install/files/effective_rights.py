# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Argo's accounts may really do in a namespace, compared with the list of role argo: nothing less, nothing more.

Usage: effective_rights.py KUBECONFIG NAMESPACE
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.argo.workflows.plugins.module_utils._install.rights import Right, in_words, rights_granted
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.cluster import Cluster
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import path

RIGHTS = yaml.safe_load((Path(__file__).parents[3] / "roles/argo/vars/main/rights.yml").read_text())
RULES = {
    "argo": ["controller_home", "controller"],
    "argo-server": ["server"],
    "argo-workflow": ["executor"],
    "argo-client": ["client", "lease"],
}
"""Whose account has which of the lists `__argo_NAME_rules`."""


def granted(rules: list[dict[str, Any]], namespace: str) -> set[Right]:
    return set(rights_granted({"metadata": {"namespace": namespace}, "rules": rules}))


def effective(kubeconfig: str, namespace: str, account: str) -> set[Right]:
    """What the cluster says that a service account may do in the namespace."""
    user = f"system:serviceaccount:{namespace}:{account}"
    cluster = Cluster.from_params({"kubeconfig": kubeconfig, "impersonate_user": user})
    review = {"spec": {"namespace": namespace}}
    answer = cluster.create(path("SelfSubjectRulesReview"), review)["status"]
    if answer["incomplete"]:
        raise SystemExit(f"the cluster cannot list the rights of {account}: {answer.get('evaluationError')}")
    return granted(answer["resourceRules"], namespace)


def main(kubeconfig: str, namespace: str) -> None:
    everyone = effective(kubeconfig, namespace, "default")
    for account, lists in RULES.items():
        wanted = granted([rule for name in lists for rule in RIGHTS[f"__argo_{name}_rules"]], namespace)
        found = effective(kubeconfig, namespace, account) - everyone
        if found != wanted:
            missing, too_many = in_words(wanted - found), in_words(found - wanted)
            raise SystemExit(f"{account}: missing {missing}, too many {too_many}")


if __name__ == "__main__":
    main(*sys.argv[1:])
