# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an installation needs, decided from what was seen: no cluster, no requests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._install.objects import (
    ARGO_KINDS,
    MANAGED_BY,
    Place,
    Ref,
    marked,
)
from ansible_collections.argo.workflows.plugins.module_utils._install.plan import (
    Plan,
    Seen,
    Wanted,
    lacks_rights,
    plan_of,
    ui_command,
)
from ansible_collections.argo.workflows.plugins.module_utils._install.readiness import READY, Verdict
from ansible_collections.argo.workflows.plugins.module_utils._install.rights import Right
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import FIELD_MANAGER, KINDS
from ansible_collections.argo.workflows.tests.support.installation import HERE, OURS, ROLES, WANTED, deployment, pod

NOT_THERE = Verdict(False, "the Deployment workflow-controller does not exist")
NOTHING = Seen({}, frozenset(), {}, [], NOT_THERE)
NAMESPACE = {"kind": "Namespace", "metadata": {"name": "argo"}}
CONFIG_MAP = Ref("ConfigMap", "argo", "workflow-controller-configmap")
OF_OURS: dict[str, Any] = {"labels": {MANAGED_BY: FIELD_MANAGER}} | OURS


def wanted(**changed: Any) -> Wanted:
    return replace(Wanted(HERE, WANTED), **changed)


def there(*items: dict[str, Any]) -> dict[Ref, Any]:
    return {Ref.of(item): item for item in items}


def seen(*items: dict[str, Any], **changed: Any) -> Seen:
    """A cluster with these objects, where Argo's kinds are known and the installation is ready."""
    return replace(Seen(there(*items), frozenset(ARGO_KINDS), {}, [], READY), **changed)


def controller(name: str = "workflow-controller", **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": "apps/v1", "kind": "Deployment", **deployment(name, **metadata)}


def config(data: dict[str, str] | None = None, **metadata: Any) -> dict[str, Any]:
    item = CONFIG_MAP.as_definition()
    return {**item, "metadata": item["metadata"] | metadata, **({"data": data} if data is not None else {})}


def steps(some: Any) -> list[tuple[str, list[str]]]:
    return [(step.verb, [str(Ref.of(item)) for item in step.objects]) for step in some]


def kinds(plan: Plan) -> set[str]:
    """The kinds of what is applied."""
    return {item["kind"] for step in plan.steps if step.verb == "apply" for item in step.objects}


# --- what is applied -------------------------------------------------------------------------------------------------


def test_on_an_empty_cluster_everything_is_applied_at_once_and_nothing_is_in_the_way() -> None:
    plan = plan_of(NOTHING, wanted())
    assert [(step.verb, step.objects) for step in plan.steps] == [("apply", [marked(item) for item in WANTED])]
    assert plan.obstacles == plan.later == plan.removals == []
    assert plan.wait and plan.settle == 0


def test_nothing_is_applied_where_all_is_as_wanted() -> None:
    live = [marked(item) for item in WANTED if item["kind"] != "CustomResourceDefinition"]
    live = [{**item, "metadata": item["metadata"] | OURS} for item in live]
    plan = plan_of(seen(*live), wanted(objects=[item for item in WANTED if Ref.of(item).kind[0] != "C"]))
    assert not plan.as_result()["changes"]


def test_an_installation_that_is_not_ready_is_waited_for() -> None:
    some = [config()]
    live = {**marked(config()), "metadata": marked(config())["metadata"] | OURS}
    broken = replace(seen(live), verdict=NOT_THERE)
    plan = plan_of(broken, wanted(objects=some))
    assert plan.steps == [] and plan.wait and plan.as_result()["changes"]
    assert not plan_of(broken, wanted(objects=some, check_mode=True)).wait


@pytest.mark.parametrize(("kind", "waits"), [("Role", False), ("ConfigMap", True), ("Deployment", True)])
def test_rights_alone_are_not_waited_for(kind: str, waits: bool) -> None:
    assert plan_of(NOTHING, wanted(objects=[item for item in WANTED if item["kind"] == kind])).wait is waits


def test_differences_are_shown_object_by_object() -> None:
    """kubernetes.core shows the difference of a task with a single object only."""
    plan = plan_of(NOTHING, wanted(diff_mode=True))
    assert [len(step.objects) for step in plan.steps] == [1] * len(WANTED)


def test_a_step_has_a_name_that_says_what_is_done_to_what() -> None:
    (step,) = plan_of(NOTHING, wanted(objects=[NAMESPACE, config()])).as_result()["steps"]
    assert step["name"] == "apply Namespace argo, ConfigMap workflow-controller-configmap"


@pytest.mark.parametrize(("check_mode", "later"), [(True, ["Role argo/argo-role"]), (False, [])])
def test_check_mode_asks_about_what_has_a_namespace(check_mode: bool, later: list[str]) -> None:
    role = next(item for item in WANTED if item["kind"] == "Role")
    plan = plan_of(seen(), wanted(objects=[NAMESPACE, role], check_mode=check_mode))
    assert [str(Ref.of(item)) for item in plan.later] == later
    assert plan.accepts_objects is not check_mode
    assert plan_of(seen(NAMESPACE), wanted(objects=[NAMESPACE, role], check_mode=True)).accepts_objects


def test_an_installation_that_is_there_needs_no_crds() -> None:
    crds = {Ref.of(item): item for item in WANTED if item["kind"] == "CustomResourceDefinition"}
    there_already = replace(seen(NAMESPACE, controller(**OURS)), live={**seen(NAMESPACE).live, **crds})
    assert "CustomResourceDefinition" not in kinds(plan_of(there_already, wanted()))
    assert "CustomResourceDefinition" in kinds(plan_of(there_already, wanted(update_crds=True)))


def test_a_binding_may_change_whose_role_stays_as_it_is() -> None:
    role = next(item for item in WANTED if item["kind"] == "Role")
    binding = {
        "kind": "RoleBinding",
        "metadata": {"name": "argo-binding", "namespace": "argo"},
        "roleRef": {"name": "argo-role"},
        "subjects": [{"name": "argo", "namespace": "second"}],
    }
    before = {**binding, "subjects": [{"name": "argo", "namespace": "first"}]}
    plan = plan_of(seen(marked(role), before), wanted(objects=[role, binding], adopt=True))
    assert kinds(plan) == {"RoleBinding"}


@pytest.mark.parametrize(
    ("kind", "before", "env", "drifted"),
    [
        ("Deployment", ["ours"], ["ours", "theirs"], True),
        ("Deployment", ["ours"], ["ours"], False),
        ("Deployment", ["older"], ["older"], False),  # applying does it
        ("Deployment", None, ["theirs"], True),
        ("Service", ["ours"], ["ours", "theirs"], False),  # others may leave finalizers and addresses in it
    ],
)
def test_a_deployment_to_which_somebody_has_added_is_replaced(
    kind: str, before: list[str] | None, env: list[str], drifted: bool
) -> None:
    def with_env(names: list[str]) -> dict[str, Any]:
        template = {"spec": {"containers": [{"image": "argocli", "env": names}]}}
        metadata = {"name": "argo-server", "namespace": "argo"}
        return {"kind": kind, "metadata": metadata, "spec": {"template": template}}

    item = with_env(["ours"])
    live = {**(marked(with_env(before)) if before else item), "spec": with_env(env)["spec"]}
    live["metadata"] = live["metadata"] | (OURS if before else {})
    plan = plan_of(seen(live), wanted(objects=[item], adopt=True))
    assert [step.objects for step in plan.steps if step.verb == "replace"] == ([[marked(item)]] if drifted else [])


@pytest.mark.parametrize(
    ("live", "settle"),
    [
        ([], 0),
        ([config(**OURS)], 6),  # upstream's manifests have one without data
        ([config({"config": "parallelism: 9"}, **OURS)], 6),
        ([config({"config": "parallelism: 7"}, **OURS)], 0),
    ],
)
def test_a_controller_that_runs_must_stay_ready_with_another_configuration(
    live: list[dict[str, Any]], settle: int
) -> None:
    plan = plan_of(seen(*live), wanted(objects=[config({"config": "parallelism: 7"})]))
    assert plan.settle == settle and plan.wait


@pytest.mark.parametrize(
    ("live", "replaced"),
    [
        (config({"config": ""}, **OURS), False),
        (config({"config": "", "parallelism": "5"}, **OURS), True),
        (config({"config": ""}, managedFields=[{"manager": "helm"}]), True),
        (config(None, **OURS), False),
    ],
)
def test_keys_of_others_are_taken_out_of_the_configuration(live: dict[str, Any], replaced: bool) -> None:
    plan = plan_of(seen(live), wanted(objects=[config({"config": "parallelism: 7"})], adopt=True))
    verbs = [step.verb for step in plan.steps]
    assert verbs == (["replace", "apply"] if replaced else ["apply"]), "before what is applied, which would leave them"


@pytest.mark.parametrize(
    ("verdict", "restarted"),
    [
        (Verdict(False, "…", container="workflow-controller", keeps_ending=True), True),
        (Verdict(False, "…", container="argo-server", keeps_ending=True), False),
        (Verdict(False, "…", container="workflow-controller"), False),
    ],
)
def test_a_controller_that_kept_ending_starts_again_at_once_with_another_configuration(
    verdict: Verdict, restarted: bool
) -> None:
    pods = [{**pod(name), "kind": "Pod"} for name in ("workflow-controller-1", "argo-server-1")]
    broken = replace(seen(config({"config": "x: 1"}, **OURS)), verdict=verdict, pods=pods)
    plan = plan_of(broken, wanted(objects=[config({"config": ""})]))
    deleted = [names for verb, names in steps(plan.steps) if verb == "delete"]
    assert deleted == ([["Pod workflow-controller-1"]] if restarted else [])


def test_the_image_of_a_controller_that_is_replaced_is_known() -> None:
    newer = controller()
    newer["spec"]["template"]["spec"]["containers"][0]["image"] = "x/workflow-controller:v4.1.3"
    before = seen(controller(**OURS))
    assert plan_of(before, wanted(objects=[newer])).replaced_image == "x/workflow-controller:v4.1.2"
    assert plan_of(before, wanted(objects=[controller()])).replaced_image == ""
    assert plan_of(seen(), wanted(objects=[newer])).replaced_image == ""


# --- what is taken back, and taken away ------------------------------------------------------------------------------


def test_what_a_failed_run_has_to_take_away_again_leaves_out_what_is_shared() -> None:
    (undone,) = plan_of(NOTHING, wanted()).undo
    assert undone.verb == "delete" and {item["kind"] for item in undone.objects} == {"Role", "ConfigMap", "Deployment"}


def test_whatever_a_run_overwrites_or_takes_away_can_be_put_back() -> None:
    role = {"kind": "Role", "metadata": {"name": "argo-role", "namespace": "argo"} | OURS, "rules": []}
    plan = plan_of(seen(controller(**OURS), role, controller("theirs-workflow-controller")), wanted(adopt=True))
    assert steps(plan.undo) == [
        (
            "replace",
            [
                "Deployment argo/theirs-workflow-controller",
                "Deployment argo/workflow-controller",
                "Role argo/argo-role",  # last: the API may refuse one whose rights the user lacks
            ],
        ),
        ("delete", ["ConfigMap argo/workflow-controller-configmap"]),
    ]
    assert "managedFields" not in plan.undo[0].objects[0]["metadata"]
    assert plan.undo[0].objects[0]["spec"] == controller("theirs-workflow-controller")["spec"]


@pytest.mark.parametrize(("complete", "removed"), [(True, ["Role argo/argo-client"]), (False, [])])
def test_what_is_ours_and_no_longer_wanted_is_removed_by_a_whole_run(complete: bool, removed: list[str]) -> None:
    client = {"kind": "Role", "metadata": {"name": "argo-client", "namespace": "argo"} | OF_OURS}
    theirs = {"kind": "Role", "metadata": {"name": "theirs", "namespace": "argo"}}
    plan = plan_of(seen(client, theirs), wanted(complete=complete))
    assert [name for _verb, names in steps(plan.removals) for name in names] == removed


def test_an_account_is_deleted_after_its_secret_which_kubernetes_itself_deletes_with_it() -> None:
    account, secret = (
        {"kind": kind, "metadata": {"name": name, "namespace": "argo"} | OF_OURS}
        for kind, name in (("ServiceAccount", "agent"), ("Secret", "agent.service-account-token"))
    )
    plan = plan_of(seen(account, secret), wanted(complete=True))
    assert [names for _verb, names in steps(plan.removals)] == [
        ["Secret argo/agent.service-account-token"],
        ["ServiceAccount argo/agent"],
    ]


def test_removal_takes_the_deployments_first_the_namespace_last_and_what_is_there_alone() -> None:
    plan = plan_of(seen(NAMESPACE, config(**OURS), controller(**OURS)), wanted(absent=True))
    assert not plan.steps and not plan.wait
    assert steps(plan.removals) == [
        ("delete", ["Deployment argo/workflow-controller"]),
        ("delete", ["ConfigMap argo/workflow-controller-configmap"]),
        ("delete", ["Namespace argo"]),
    ]


# --- other controllers -----------------------------------------------------------------------------------------------

RIVAL = controller("argo-workflows-workflow-controller")


def test_another_controller_is_removed_only_where_ours_is_to_run() -> None:
    rights, deployments = ([item for item in WANTED if item["kind"] == kind] for kind in ("Role", "Deployment"))

    def removed(**changed: Any) -> bool:
        plan = plan_of(seen(controller(**OURS), RIVAL), wanted(adopt=True, **changed))
        return ("delete", [str(Ref.of(RIVAL))]) in steps(plan.steps)

    assert removed(objects=deployments)
    assert not removed(objects=rights)
    assert not removed(objects=deployments, absent=True)


def test_removing_another_controller_takes_the_rights_to_remove_it_and_to_bring_it_back() -> None:
    plain, rivalled = (plan_of(seen(*some), wanted(adopt=True)) for some in ([], [RIVAL]))
    assert {(right.resource, right.verb) for right in rivalled.rights} >= {
        ("deployments", "create"),
        ("deployments", "delete"),
    }
    assert plain.rights <= rivalled.rights


# --- rights ----------------------------------------------------------------------------------------------------------


def test_removal_asks_for_the_right_to_read_what_may_not_be_read() -> None:
    """Else nothing is removed and all seems well."""
    rights = plan_of(NOTHING, wanted(absent=True)).rights
    for kind in ("Role", "ConfigMap", "Deployment"):
        assert Right("argo", KINDS[kind].group, KINDS[kind].plural, "get") in rights
    assert Right("argo", "apps", "deployments", "delete") not in rights


def test_who_lacks_rights_hears_of_all_of_them_and_who_can_help() -> None:
    missing = [Right("argo", "", "pods", "get"), Right("argo", ROLES, "roles", "patch")]
    said = list(lacks_rights("somebody", "the default kubeconfig", missing, seen(), wanted()))
    assert said[0] == (
        "somebody lacks these rights (the default kubeconfig): get pods in argo; patch roles."
        "rbac.authorization.k8s.io in argo."
    )
    assert said[1].endswith("-e argo_tenants=true") and len(said) == 2
    assert len(list(lacks_rights("somebody", "…", missing, seen(), wanted(absent=True)))) == 1
    assert "lacks Argo's CRDs" in list(lacks_rights("somebody", "…", missing, NOTHING, wanted()))[-1]


# --- what stands in the way ------------------------------------------------------------------------------------------


def binding(kind: str, holder: str) -> dict[str, Any]:
    metadata = {"name": "argo-binding"} | ({"namespace": "argo"} if kind == "RoleBinding" else {})
    subject = {"kind": "ServiceAccount", "name": "argo", "namespace": holder}
    return {"kind": kind, "metadata": metadata | OURS, "subjects": [subject]}


@pytest.mark.parametrize(
    ("cluster", "changed", "sentence"),
    [
        (seen(), {}, ""),
        (seen({**NAMESPACE, "metadata": {"name": "argo", "deletionTimestamp": "…"}}), {}, "argo is being deleted"),
        (seen(kinds=frozenset()), {"objects": [NAMESPACE]}, "The cluster lacks Argo's CRDs clusterworkflowtemplates, "),
        (seen(kinds=frozenset()), {}, ""),  # they are among the objects
        (seen(binding("RoleBinding", "first")), {}, "already managed by the installation in namespace first"),
        (seen(binding("RoleBinding", "argo")), {}, ""),
        (
            seen(binding("ClusterRoleBinding", "platform")),
            {},
            "The installation in namespace platform works on the workflows of every namespace",
        ),
        (
            seen(controller(managedFields=[{"manager": "kubectl"}])),
            {},
            "did not make: Deployment argo/workflow-controller (made by kubectl). To take that over",
        ),
        (seen(controller(managedFields=[{"manager": "kubectl"}])), {"adopt": True}, ""),
        (seen(RIVAL), {}, "did not make: Deployment argo-workflows-workflow-controller."),
        (seen(used_elsewhere=["team-b"]), {"absent": True}, "which would go with them: team-b."),
    ],
)
def test_an_obstacle_to_the_installation_gets_a_sentence(cluster: Seen, changed: dict[str, Any], sentence: str) -> None:
    obstacles = plan_of(cluster, wanted(**changed)).obstacles
    assert sentence in " ".join(obstacles)
    assert len(obstacles) == bool(sentence)


@pytest.mark.parametrize(
    ("changed", "refused"),
    [
        ({"absent": True}, True),
        ({"absent": True, "place": Place("argo", "batch", "")}, False),
        ({"place": Place("argo", "other", "")}, False),
    ],
)
def test_an_installation_is_removed_with_the_namespace_that_it_manages(changed: dict[str, Any], refused: bool) -> None:
    managing = controller(**OURS)
    managing["spec"]["template"]["spec"]["containers"][0]["args"] = ["--managed-namespace", "batch"]
    obstacles = plan_of(seen(managing), wanted(**changed)).obstacles
    assert ("run again with argo_managed_namespace=batch" in " ".join(obstacles)) is refused


def test_a_namespace_that_is_being_deleted_may_be_removed() -> None:
    going = {**NAMESPACE, "metadata": {"name": "argo", "deletionTimestamp": "…"}}
    assert plan_of(seen(going), wanted(absent=True)).obstacles == []


# --- what to do next -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "more"),
    [
        ({"argo_namespace": "argo", "argo_kubeconfig": "", "argo_context": ""}, " -e argo_namespace=argo"),
        ({"argo_kubeconfig": "/my kube/config"}, " -e 'argo_kubeconfig=\"/my kube/config\"'"),
        ({"argo_kubeconfig": "/k", "argo_context": "prod"}, " -e argo_kubeconfig=/k -e argo_context=prod"),
    ],
)
def test_the_command_that_opens_the_ui_asks_the_same_cluster(variables: dict[str, str], more: str) -> None:
    assert ui_command(variables) == f"ansible-playbook argo.workflows.ui{more}"
