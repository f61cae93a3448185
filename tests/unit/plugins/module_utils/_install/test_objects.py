# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an installation needs, has and lacks, decided on objects as the API server gives them."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._install.objects import (
    Ref,
    base_href_of,
    claimant_of,
    is_controller,
    is_needed,
    is_ours,
    maker_of,
    managed_namespace_of,
    marked,
    restorable,
    server_options,
)
from ansible_collections.argo.workflows.plugins.module_utils._install.readiness import Verdict, judge, judge_lease
from ansible_collections.argo.workflows.plugins.module_utils._install.rights import (
    Right,
    grants,
    holds,
    in_words,
    rights_to_apply,
    rights_to_delete,
)
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import KINDS

# -- whose an object is -----------------------------------------------------------------------------------------------


def thing(kind: str, name: str = "x", namespace: str = "ns", **more: Any) -> dict[str, Any]:
    metadata = {"name": name} | ({"namespace": namespace} if KINDS[kind].namespaced else {})
    return {"kind": kind, "metadata": metadata | more.pop("metadata", {}), **more}


def managed_by(*managers: str) -> dict[str, Any]:
    return {"managedFields": [{"manager": manager} for manager in managers]}


def test_an_object_is_ours_if_the_role_has_applied_it() -> None:
    assert is_ours(thing("Role", metadata=managed_by("kubectl", "argo.workflows")))
    assert not is_ours(thing("Role", metadata=managed_by("kubectl-client-side-apply")))
    assert not is_ours(thing("Role"))


def test_the_maker_is_the_helm_release_or_the_first_manager() -> None:
    release = {"annotations": {"meta.helm.sh/release-name": "argo"}, **managed_by("helm")}
    assert maker_of(thing("Role", metadata=release)) == "the Helm release argo"
    assert maker_of(thing("Role", metadata=managed_by("kubectl-client-side-apply"))) == "kubectl-client-side-apply"
    assert maker_of(thing("Role")) == "someone else"


@pytest.mark.parametrize("kind", ["CustomResourceDefinition", "PriorityClass", "Namespace", "ClusterRole", "Role"])
def test_a_missing_object_is_needed(kind: str) -> None:
    assert is_needed(thing(kind), None, update_crds=False)


def test_a_tenant_needs_no_right_on_what_an_administrator_has_made() -> None:
    assert not is_needed(thing("CustomResourceDefinition"), thing("CustomResourceDefinition"), False)
    assert not is_needed(thing("PriorityClass"), thing("PriorityClass"), False)
    assert not is_needed(thing("Namespace"), thing("Namespace"), False)
    labelled = thing("Namespace", metadata={"labels": {"team": "a"}})
    assert not is_needed(labelled, thing("Namespace", metadata={"labels": {"team": "a", "more": "b"}}), False)


def test_a_shared_object_is_applied_where_it_is_asked_for_or_ours() -> None:
    assert is_needed(thing("CustomResourceDefinition"), thing("CustomResourceDefinition"), update_crds=True)
    assert is_needed(thing("Namespace", metadata={"labels": {"team": "a"}}), thing("Namespace"), False)
    assert is_needed(thing("Namespace"), thing("Namespace", metadata=managed_by("argo.workflows")), False)
    assert not is_needed(thing("Namespace"), marked(thing("Namespace")), False)
    assert is_needed(thing("ClusterRole", rules=[1]), thing("ClusterRole", rules=[2]), False)


ROLE = thing("Role", rules=[{"verbs": ["get"]}, {"verbs": ["list"]}])


def test_an_object_that_is_as_it_was_applied_is_not_applied_again() -> None:
    port = thing("Service", spec={"ports": [{"port": 2746}], "selector": {"app": "argo-server"}})
    spec = {"ports": [{"port": 2746, "filled": "in"}], "selector": {"app": "argo-server"}, "clusterIP": "10.96.0.9"}
    assert not is_needed(port, marked(port) | {"status": {}, "spec": spec}, False)


def test_a_selector_to_which_somebody_has_added_is_put_right() -> None:
    service = thing("Service", spec={"selector": {"app": "argo-server"}})
    live = marked(service) | {"spec": {"selector": {"app": "argo-server", "more": "x"}}}
    assert is_needed(service, live, False)


@pytest.mark.parametrize(
    "live",
    [
        ROLE,
        marked(ROLE) | {"rules": [{"verbs": ["get"]}]},
        marked(ROLE) | {"rules": [{"verbs": ["get"]}, {"verbs": ["list", "delete"]}]},
        marked(ROLE) | {"rules": [{"verbs": ["get"], "resourceNames": ["one"]}, {"verbs": ["list"]}]},
        marked({**ROLE, "rules": [*ROLE["rules"], {"verbs": ["more"]}]}),
    ],
    ids=["applied by nobody", "a rule taken away", "a verb added", "a name added", "more was wanted before"],
)
def test_an_object_that_was_changed_or_is_wanted_otherwise_is_applied(live: dict[str, Any]) -> None:
    assert is_needed(ROLE, live, False)


@pytest.mark.parametrize(
    ("wanted", "live", "needed"),
    [
        ({"requests.nvidia.com/gpu": 8}, {"requests.nvidia.com/gpu": "8"}, False),
        ({"cpu": 0.5, "memory": "1024Mi"}, {"cpu": "500m", "memory": "1Gi"}, False),
        ({"pods": "8"}, {"pods": "9"}, True),
        ({"pods": "8"}, {}, True),
    ],
)
def test_a_quantity_is_compared_by_its_value(wanted: dict[str, Any], live: dict[str, str], needed: bool) -> None:
    quota = thing("ResourceQuota", spec={"hard": wanted})
    assert is_needed(quota, marked(quota) | {"spec": {"hard": live}}, False) is needed


def test_a_second_key_beside_the_configuration_is_put_right() -> None:
    wanted = thing("ConfigMap", data={"config": "a"})
    live = marked(wanted)
    assert not is_needed(wanted, live, False)
    assert is_needed(wanted, live | {"data": {"config": "a", "parallelism": "5"}}, False)


def test_an_object_is_put_back_without_what_the_server_fills_in() -> None:
    live = thing("ConfigMap", data={"a": "b"}, status={}, metadata={"uid": "u", "resourceVersion": "1", "labels": {}})
    assert restorable(live) == thing("ConfigMap", data={"a": "b"}, metadata={"labels": {}})


def test_another_installations_binding_claims_the_namespace() -> None:
    def binding(namespace: str) -> dict[str, Any]:
        return {"subjects": [{"kind": "ServiceAccount", "name": "argo", "namespace": namespace}]}

    assert claimant_of(binding("other"), "mine") == "other"
    assert claimant_of(binding("mine"), "mine") == ""
    assert claimant_of(None, "mine") == ""


@pytest.mark.parametrize(
    ("container", "found"),
    [
        ({"image": "quay.io/argoproj/workflow-controller:v3.7.2"}, True),
        ({"image": "mirror:5000/x/argo", "command": ["workflow-controller"]}, True),
        ({"image": "quay.io/argoproj/argocli:v4.1.2"}, False),
    ],
)
def test_a_controller_is_found_whatever_its_deployment_is_called(container: dict[str, Any], found: bool) -> None:
    assert is_controller({"spec": {"template": {"spec": {"containers": [container]}}}}) is found


@pytest.mark.parametrize(
    ("args", "namespace"),
    [
        (["--namespaced"], "argo"),
        (["--namespaced", "--managed-namespace", "batch", "--loglevel", "info"], "batch"),
        (["--managed-namespace=batch"], "batch"),
    ],
)
def test_the_controllers_arguments_say_where_its_workflows_run(args: list[str], namespace: str) -> None:
    found = {"metadata": {"namespace": "argo"}, "spec": {"template": {"spec": {"containers": [{"args": args}]}}}}
    assert managed_namespace_of(found) == namespace
    assert managed_namespace_of(None) == ""


# -- rights -----------------------------------------------------------------------------------------------------------


def rule(groups: str, resources: str, verbs: str, **more: Any) -> dict[str, Any]:
    return {"apiGroups": groups.split(","), "resources": resources.split(","), "verbs": verbs.split(","), **more}


@pytest.mark.parametrize(
    ("granted", "held"),
    [
        (rule("", "pods/log", "get"), True),
        (rule("*", "*", "*"), True),
        (rule("", "*/log", "get"), True),
        (rule("", "pods", "get"), False),
        (rule("", "pods/log", "list"), False),
        (rule("apps", "pods/log", "get"), False),
        (rule("", "pods/log", "get", resourceNames=["one"]), False),
    ],
)
def test_a_rule_grants_a_right_on_a_subresource(granted: dict[str, Any], held: bool) -> None:
    assert holds([granted], Right("ns", "", "pods/log", "get")) is held


@pytest.mark.parametrize(
    ("kind", "there", "verbs"),
    [
        ("Role", False, ["get", "patch", "create", "delete"]),
        ("Role", True, ["get", "patch", "update"]),
        ("CustomResourceDefinition", False, ["get", "patch", "create"]),
        ("CustomResourceDefinition", True, ["get", "patch"]),
    ],
)
def test_applying_takes_the_right_to_put_back_what_was_there_too(kind: str, there: bool, verbs: list[str]) -> None:
    live = thing(kind) if there else None
    assert [right.verb for right in rights_to_apply(thing(kind), live)] == verbs


def test_deleting_takes_reading_and_deleting() -> None:
    rights = list(rights_to_delete(thing("CustomResourceDefinition")))
    crds = ("", "apiextensions.k8s.io", "customresourcedefinitions")
    assert rights == [Right(*crds, "get"), Right(*crds, "delete")]


def test_all_but_making_a_namespace_is_a_right_inside_it() -> None:
    team = thing("Namespace", "team")
    inside = [Right("team", "", "namespaces", verb) for verb in ("get", "patch", "delete")]
    assert list(rights_to_apply(team, None)) == [*inside[:2], Right("", "", "namespaces", "create")]
    assert list(rights_to_apply(team, team)) == inside[:2]
    assert list(rights_to_delete(team)) == [inside[0], inside[2]]


def role(*rules: dict[str, Any]) -> dict[str, Any]:
    return thing("Role", "r", rules=list(rules))


def binding() -> dict[str, Any]:
    return thing("RoleBinding", "b", roleRef={"name": "r"}, subjects=[{"name": "a"}])


def test_rights_that_are_handed_on_must_be_held_or_escalated_or_bound() -> None:
    wanted = [role(rule("", "pods", "get,list")), binding()]
    handed = list(grants(wanted, {}))
    assert {right for right, _instead in handed} == {Right("ns", "", "pods", "get"), Right("ns", "", "pods", "list")}
    assert {instead.verb for _right, instead in handed} == {"escalate", "bind"}


def test_a_role_that_stays_as_it_is_hands_nothing_on() -> None:
    wanted = [role(rule("", "pods", "get")), binding()]
    assert list(grants(wanted, {Ref.of(item): item for item in wanted})) == []
    changed = {Ref.of(binding()): binding()}
    assert [instead.verb for _right, instead in grants(wanted, changed)] == ["escalate"]


def test_missing_rights_read_like_a_rule() -> None:
    rights = [
        Right("ns", "", "pods", "list"),
        Right("ns", "", "pods", "get"),
        Right("", "apiextensions.k8s.io", "customresourcedefinitions", "create"),
        Right("ns", "", "pods", "get"),
    ]
    assert in_words(rights) == [
        "create customresourcedefinitions.apiextensions.k8s.io in the whole cluster",
        "get, list pods in ns",
    ]


def test_an_access_review_names_a_subresource_by_itself() -> None:
    attributes = Right("ns", "", "services/proxy", "get").attributes()
    assert attributes["resource"] == "services" and attributes["subresource"] == "proxy"


# -- readiness --------------------------------------------------------------------------------------------------------


def deployment(generation: int = 1, **status: Any) -> dict[str, Any]:
    counts = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}
    return {"metadata": {"generation": generation}, "spec": {"replicas": 1}, "status": counts | status}


def pod(name: str = "argo-server-1", created: str = "2026-01-01T00:00:00Z", **status: Any) -> dict[str, Any]:
    metadata = {"name": name, "labels": {"app": "argo-server"}, "creationTimestamp": created}
    return {"metadata": metadata, "status": status}


def containers(**status: Any) -> dict[str, Any]:
    return {"containerStatuses": [{"name": "argo-server", "ready": False, "restartCount": 0, **status}]}


def waiting(reason: str, message: str = "", **more: Any) -> dict[str, Any]:
    return containers(state={"waiting": {"reason": reason, "message": message}}, **more)


def judged(found: dict[str, Any] | None, *pods: dict[str, Any], **before: int) -> Verdict:
    return judge("argo-server", found, pods, {"argo-server-1": before.get("restarts", 0)})


def test_a_deployment_serves_when_all_its_pods_are_new_and_available() -> None:
    assert judged(deployment()).ready


@pytest.mark.parametrize(
    "status",
    [{"availableReplicas": 0}, {"updatedReplicas": 0}, {"replicas": 2}, {"observedGeneration": 0}],
)
def test_a_deployment_that_is_not_through_does_not_serve(status: dict[str, int]) -> None:
    assert not judged(deployment(**status)).ready


def test_a_missing_deployment_does_not_serve() -> None:
    assert judged(None).why == "the Deployment argo-server does not exist"


def test_a_refused_pod_is_hopeless_and_says_who_refused_it() -> None:
    refused = {"type": "ReplicaFailure", "status": "True", "message": "pods is forbidden: exceeded quota: q"}
    verdict = judged(deployment(updatedReplicas=0, availableReplicas=0, conditions=[refused]))
    assert verdict.hopeless and "exceeded quota: q" in verdict.why


@pytest.mark.parametrize("reason", ["ImagePullBackOff", "InvalidImageName", "CreateContainerConfigError"])
def test_a_container_that_cannot_start_is_hopeless(reason: str) -> None:
    verdict = judged(deployment(availableReplicas=0), pod(**waiting(reason, "Back-off pulling image x")))
    assert verdict.hopeless and reason in verdict.why and "Back-off pulling image x" in verdict.why
    assert (verdict.pod, verdict.container) == ("argo-server-1", "argo-server")


@pytest.mark.parametrize(
    ("restarts", "before", "hopeless"), [(2, 0, False), (3, 0, True), (9, 7, False), (10, 7, True)]
)
def test_a_container_that_keeps_ending_is_given_up_after_three_restarts(
    restarts: int, before: int, hopeless: bool
) -> None:
    ended = waiting("CrashLoopBackOff", restartCount=restarts, lastState={"terminated": {"exitCode": 3}})
    verdict = judged(deployment(availableReplicas=0), pod(**ended), restarts=before)
    assert verdict.hopeless is hopeless and "exit code 3" in verdict.why


@pytest.mark.parametrize("reason", ["ContainerCreating", "ErrImagePull"])
def test_a_container_that_may_still_start_is_waited_for(reason: str) -> None:
    assert not judged(deployment(availableReplicas=0), pod(**waiting(reason))).hopeless


def test_a_pod_without_a_node_says_why() -> None:
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes"}
    verdict = judged(deployment(availableReplicas=0), pod(conditions=[condition]))
    assert "Unschedulable: 0/1 nodes" in verdict.why and not verdict.hopeless


def test_a_container_that_runs_and_is_not_ready_fails_its_probe() -> None:
    verdict = judged(deployment(availableReplicas=0), pod(**containers(state={"running": {}})))
    assert "readiness probe fails" in verdict.why


def test_it_is_the_newest_pod_that_is_looked_at() -> None:
    old = pod("old", "2026-01-01T00:00:00Z", **waiting("ImagePullBackOff"))
    new = pod("new", "2026-01-02T00:00:00Z", phase="Pending")
    assert judged(deployment(availableReplicas=0), new, old).why == "pod new is Pending"


def lease(holder: str) -> dict[str, Any]:
    return {"spec": {"holderIdentity": holder}}


def test_a_pod_of_the_controller_holds_the_lease() -> None:
    pods = [controller("workflow-controller-1")]
    assert judge_lease(lease("workflow-controller-1"), pods).ready
    gone = judge_lease(lease("workflow-controller-0"), pods)
    assert not gone.ready and "workflow-controller-0, a pod that is gone" in gone.why
    assert "nobody holds it" in judge_lease(None, pods).why


@pytest.mark.parametrize(
    ("old", "fate"),
    [
        ({"deletionTimestamp": "2026-01-02T00:00:30Z"}, "is being deleted"),
        ({"phase": "Failed"}, "has ended"),
    ],
)
def test_a_lease_that_a_pod_holds_which_will_not_work_any_more_is_waited_for(old: dict[str, str], fate: str) -> None:
    pods = [controller("new"), controller("old", **old)]
    verdict = judge_lease(lease("old"), pods)
    assert (verdict.ready, verdict.hopeless, verdict.pod) == (False, False, "new")
    assert f"old, a pod that {fate}, still holds it" in verdict.why
    assert judge_lease(lease("new"), pods).ready


def controller(name: str, phase: str = "Running", **metadata: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "labels": {"app": "workflow-controller"}, **metadata},
        "status": {"phase": phase},
    }


@pytest.mark.parametrize(
    ("args", "scheme", "modes"),
    [
        (["server"], "https", {"client"}),
        (["server", "--auth-mode=client", "--auth-mode", "sso"], "https", {"client", "sso"}),
        (["server", "--secure=false", "--auth-mode=server"], "http", {"server"}),
        (["server", "-e", "false"], "http", {"client"}),
    ],
)
def test_the_servers_arguments_say_what_it_serves(args: list[str], scheme: str, modes: set[str]) -> None:
    found = {"spec": {"template": {"spec": {"containers": [{"args": args}]}}}}
    assert server_options(found) == (scheme, modes)


@pytest.mark.parametrize(
    ("container", "base_href"),
    [
        ({"args": ["server"]}, "/"),
        ({"args": ["server", "--base-href", "/argo/"]}, "/argo/"),
        ({"args": ["server", "--base-href=/argo/"]}, "/argo/"),
        ({"env": [{"name": "ARGO_BASE_HREF", "value": "/argo/"}]}, "/argo/"),
        ({"args": ["server", "--base-href=/"], "env": [{"name": "ARGO_BASE_HREF", "value": "/argo/"}]}, "/"),
        ({"env": [{"name": "ARGO_BASE_HREF", "valueFrom": {}}]}, "/"),
    ],
)
def test_the_servers_arguments_and_variables_say_where_a_proxy_serves_it(
    container: dict[str, Any], base_href: str
) -> None:
    assert base_href_of({"spec": {"template": {"spec": {"containers": [container]}}}}) == base_href
