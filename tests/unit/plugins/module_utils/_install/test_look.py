# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of a cluster before an installation is changed, and what may not be asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._install.look import look, missing_rights, user
from ansible_collections.argo.workflows.plugins.module_utils._install.objects import ARGO_KINDS, MANAGED_BY, Place, Ref
from ansible_collections.argo.workflows.plugins.module_utils._install.plan import Plan, Seen, Wanted, plan_of
from ansible_collections.argo.workflows.plugins.module_utils._install.rights import Right, in_words
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import FIELD_MANAGER, path
from ansible_collections.argo.workflows.tests.support.installation import (
    HERE,
    OURS,
    ROLES,
    WANTED,
    FakeCluster,
    installed,
)

INSTALL = Wanted(HERE, WANTED)
REMOVE = Wanted(HERE, WANTED, absent=True)
FORBIDDEN = ApiError("403", 403, "Forbidden")


def planned(cluster: FakeCluster, wanted: Wanted = INSTALL) -> tuple[Seen, Plan]:
    seen = look(cluster, wanted)
    return seen, plan_of(seen, wanted)


def missing(cluster: FakeCluster, wanted: Wanted = INSTALL) -> list[str]:
    """The missing rights, as phrases."""
    seen, plan = planned(cluster, wanted)
    return in_words(missing_rights(cluster, seen, plan.rights, plan.grants))


def test_an_empty_cluster_has_nothing() -> None:
    seen = look(FakeCluster({}), INSTALL)
    assert not seen.live and not seen.kinds and not seen.pods
    assert seen.verdict.why == "the Deployment workflow-controller does not exist"


def test_an_installation_that_serves_is_ready_and_its_crds_are_known() -> None:
    seen = look(FakeCluster(installed(**OURS)), INSTALL)
    assert seen.verdict.ready and seen.kinds == set(ARGO_KINDS)
    assert set(INSTALL.crds) <= seen.live.keys()
    assert Ref("Deployment", "argo", "argo-server") in seen.live, "what the role made is listed, be it wanted or not"


def test_no_token_of_a_secret_is_kept_and_one_that_is_not_wanted_any_more_is_removed() -> None:
    name = "argo-workflow.service-account-token"
    metadata = {"name": name, "namespace": "argo", "labels": {MANAGED_BY: FIELD_MANAGER}, **OURS}
    secret = {"type": "kubernetes.io/service-account-token", "metadata": metadata, "data": {"token": "c2VjcmV0"}}
    found = {path("Secret", "argo"): {"items": [secret]}, path("Secret", "argo", name): {**secret, "kind": "Secret"}}
    seen, plan = planned(FakeCluster(installed(**OURS) | found))
    assert Ref("Secret", "argo", name) in [Ref.of(item) for step in plan.removals for item in step.objects]
    asked = {"kind": "Secret", "metadata": {**metadata, "labels": {}, "annotations": {"a": "b"}}}
    again, _plan = planned(FakeCluster(found), replace(INSTALL, objects=[asked]))
    assert "c2VjcmV0" not in repr((seen, plan, again))


def test_a_namespace_that_may_not_be_read_is_taken_to_be_there() -> None:
    _seen, plan = planned(FakeCluster({"/api/v1/namespaces/argo": FORBIDDEN}))
    assert "Namespace" not in {item["kind"] for step in plan.steps for item in step.objects}


def test_a_priority_class_that_a_tenant_may_not_read_is_taken_to_be_there() -> None:
    wanted = replace(INSTALL, objects=[{"kind": "PriorityClass", "metadata": {"name": "platform"}}])
    assert planned(FakeCluster({}), wanted)[1].steps != []
    unreadable = FakeCluster({path("PriorityClass", name="platform"): FORBIDDEN}, rules=[], allowed=False)
    assert planned(unreadable, wanted)[1].steps == [] and missing(unreadable, wanted) == []


@pytest.mark.parametrize(
    ("holder", "instance_id", "absent", "found"),
    [
        ("platform", "", False, True),
        ("argo", "", False, False),
        ("platform", "blue", False, False),
        ("platform", "", True, False),
    ],
    ids=["another", "this one, before it is adopted", "workflows are told apart by an instance id", "removal"],
)
def test_an_installation_for_the_whole_cluster_is_in_the_way(
    holder: str, instance_id: str, absent: bool, found: bool
) -> None:
    subject = {"kind": "ServiceAccount", "name": "argo", "namespace": holder}
    cluster = FakeCluster({path("ClusterRoleBinding", name="argo-binding"): {"subjects": [subject]}})
    wanted = Wanted(Place("argo", "argo", instance_id), WANTED, absent=absent)
    assert ("works on the workflows of every namespace" in " ".join(planned(cluster, wanted)[1].obstacles)) is found


def managing(namespace: str) -> dict[str, Any]:
    """An installation of ours that serves and manages another namespace, where it has a Role beside one of a user."""
    objects = installed(**OURS)
    controller = objects[path("Deployment", "argo")]["items"][0]
    controller["spec"]["template"]["spec"]["containers"][0]["args"] = ["--managed-namespace", namespace]
    ours = {"name": "argo-role", "namespace": namespace, "labels": {MANAGED_BY: FIELD_MANAGER}}
    roles = [{"metadata": ours}, {"metadata": {"name": "theirs", "namespace": namespace}}]
    return objects | {path("Role", namespace): {"items": roles}}


@pytest.mark.parametrize("place", [HERE, Place("argo", "second", "")])
def test_what_is_left_in_a_namespace_that_is_no_longer_managed_is_removed(place: Place) -> None:
    _seen, plan = planned(FakeCluster(managing("first")), Wanted(place, WANTED))
    removed = [Ref.of(item) for step in plan.removals for item in step.objects]
    assert [ref for ref in removed if ref.namespace == "first"] == [Ref("Role", "first", "argo-role")]


def test_a_namespace_that_is_managed_as_wanted_is_listed_once() -> None:
    cluster = FakeCluster(managing("first"))
    look(cluster, Wanted(Place("argo", "first", ""), WANTED))
    assert cluster.read.count(path("Role", "first")) == 1


def test_nothing_is_asked_twice_and_no_workflow_is_listed() -> None:
    cluster = FakeCluster(installed(**OURS))
    look(cluster, INSTALL)
    assert len(cluster.read) == len(set(cluster.read))
    assert path("Deployment", "argo", "workflow-controller") not in cluster.read, "the list has it"
    assert path("ConfigMap", "argo", "workflow-controller-configmap") in cluster.read, "it is not in the lists"
    assert path("Workflow", "argo") not in cluster.read, "there may be thousands"


def test_the_namespaces_that_use_the_crds_are_looked_for_when_those_are_to_go() -> None:
    root = "/apis/argoproj.io/v1alpha1"
    objects = installed(**OURS)
    objects[f"{root}/workflows"] = {"items": [{"metadata": {"namespace": "team-b"}}]}
    objects[f"{root}/workflowtemplates"] = {"items": [{"metadata": {"namespace": "argo"}}]}
    objects[f"{root}/cronworkflows"] = {"items": []}
    assert look(FakeCluster(objects), REMOVE).used_elsewhere == ["team-b"]
    assert look(FakeCluster(objects), INSTALL).used_elsewhere == []


# --- rights ----------------------------------------------------------------------------------------------------------


def test_every_missing_right_is_listed_at_once() -> None:
    lacking = missing(FakeCluster({}, rules=[], allowed=False))
    assert "create, get, patch customresourcedefinitions.apiextensions.k8s.io in the whole cluster" in lacking
    assert "create, delete, get, patch roles.rbac.authorization.k8s.io in argo" in lacking
    assert "get workflows.argoproj.io in argo" in lacking, "nobody can hand on what they lack"
    assert "get services/proxy in argo" in lacking
    assert user(FakeCluster({})) == "somebody"


def test_who_may_escalate_needs_not_hold_what_they_grant() -> None:
    rules = [
        {"apiGroups": [ROLES], "resources": ["roles"], "verbs": ["*"]},
        {"apiGroups": ["", "apps", "coordination.k8s.io"], "resources": ["*"], "verbs": ["*"]},
    ]
    assert missing(FakeCluster({}, rules=rules)) == []


def test_a_right_is_asked_for_by_itself_where_the_rules_are_not_the_whole_truth() -> None:
    right = Right("argo", "", "pods", "get")
    for incomplete, lacks in ((True, []), (False, [right])):
        seen = replace(
            look(FakeCluster({}), INSTALL), granted={"argo": {"resourceRules": [], "incomplete": incomplete}}
        )
        assert missing_rights(FakeCluster({}, allowed=True), seen, [right], []) == lacks


def test_removal_names_the_right_to_read_what_may_not_be_read() -> None:
    paths = [ref.path for ref in INSTALL.refs] + [path(kind, "argo") for kind in ("Role", "ConfigMap", "Deployment")]
    lacking = missing(FakeCluster(dict.fromkeys(paths, FORBIDDEN), rules=[], allowed=False), REMOVE)
    for kind in ("roles.rbac.authorization.k8s.io", "configmaps", "deployments.apps"):
        assert f"get {kind} in argo" in lacking, "else nothing is removed and all seems well"
