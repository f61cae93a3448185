# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module argo_status against an API server that answers from a dictionary."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._install import survey as survey_module
from ansible_collections.argo.workflows.plugins.module_utils._install.live import labelled
from ansible_collections.argo.workflows.plugins.module_utils._install.objects import (
    ARGO_KINDS,
    MANAGED_BY,
    Place,
    Ref,
    marked,
)
from ansible_collections.argo.workflows.plugins.module_utils._install.server import Server, state_of, wait
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.cluster import JSON, Cluster
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import FIELD_MANAGER, path
from ansible_collections.argo.workflows.plugins.module_utils._module import UserError
from ansible_collections.argo.workflows.tests.support.api import HOST, Api, Asked, Response, answered, refusal
from ansible_collections.argo.workflows.tests.support.clock import Clock

HERE = Place("argo", "argo", "")
ALL = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}
SERVICE = "/api/v1/namespaces/argo/services/https:argo-server:2746/proxy/api/v1/workflows/argo"


class Installation(Api):
    """Answers reads from `found`, by path, and reviews from `rules` and `allowed`; what is not there is 404."""

    def __init__(self, found: dict[str, Any], rules: list[dict[str, Any]], allowed: bool) -> None:
        super().__init__(clock=Clock())
        self.found = found
        self.reviews: dict[str, dict[str, Any]] = {
            "selfsubjectrulesreviews": {"resourceRules": rules, "incomplete": False},
            "selfsubjectaccessreviews": {"allowed": allowed},
            "selfsubjectreviews": {"userInfo": {"username": "somebody"}},
            "token": {"token": "secret"},
        }

    def answer(self, asked: Asked) -> Response:
        if asked.method == "POST":
            return answered((201, {"status": self.reviews[asked.path.rsplit("/", 1)[-1]]}))
        if asked.path.endswith("/log"):
            return answered((200, b"first line\nlast line\n"))
        found = self.found.get(asked.path)
        if "watch" in asked.query or found is None:
            return super().answer(asked) if "watch" in asked.query else refusal(404, "NotFound")
        if isinstance(found, ApiError):
            return refusal(found.status or 0, found.reason, found.message)
        return answered((200, {"metadata": {"resourceVersion": "1"}, **found}))


class FakeCluster(Cluster):
    """A cluster whose API server is an Installation."""

    def __init__(
        self, objects: dict[str, Any], rules: list[dict[str, Any]] | None = None, allowed: bool = True
    ) -> None:
        self.api = Installation(objects, [ALL] if rules is None else rules, allowed)
        super().__init__(HOST, self.api, clock=self.api.clock)

    @property
    def created(self) -> list[str]:
        return [asked.path for asked in self.api.asked("POST")]

    @property
    def read(self) -> list[str]:
        return [asked.path for asked in self.api.asked("GET")]

    @property
    def cookies(self) -> set[str]:
        return {asked.headers["Cookie"] for asked in self.api.requests if "Cookie" in asked.headers}


def crd(plural: str) -> dict[str, Any]:
    return {"kind": "CustomResourceDefinition", "metadata": {"name": f"{plural}.argoproj.io"}}


WANTED: list[dict[str, Any]] = [
    *map(crd, ARGO_KINDS),
    {"kind": "Namespace", "metadata": {"name": "argo"}},
    {
        "kind": "Role",
        "metadata": {"name": "argo-role", "namespace": "argo"},
        "rules": [{"apiGroups": ["argoproj.io"], "resources": ["workflows"], "verbs": ["get"]}],
    },
    {"kind": "ConfigMap", "metadata": {"name": "workflow-controller-configmap", "namespace": "argo"}},
    {"kind": "Deployment", "metadata": {"name": "workflow-controller", "namespace": "argo"}},
]


def deployment(name: str, available: int = 1, **metadata: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "argo", "generation": 1, **metadata},
        "spec": {"replicas": 1, "template": {"spec": {"containers": [{"image": f"x/{name}:v4.1.2", "args": []}]}}},
        "status": {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": available},
    }


def pod(name: str, **status: Any) -> dict[str, Any]:
    labels = {"app": name.rpartition("-")[0]}
    return {"metadata": {"name": name, "labels": labels, "creationTimestamp": "2026-01-01T00:00:00Z"}, "status": status}


ROLES = "rbac.authorization.k8s.io"
OURS = {"managedFields": [{"manager": "argo.workflows"}]}


def installed(**metadata: Any) -> dict[str, Any]:
    """A cluster's objects with an installation that serves."""
    deployments = [deployment("workflow-controller", **metadata), deployment("argo-server", **metadata)]
    home = "/apis/apps/v1/namespaces/argo/deployments"
    return {
        "/apis/argoproj.io/v1alpha1": {"resources": [{"name": kind} for kind in ARGO_KINDS]},
        "/apis/argoproj.io/v1alpha1/namespaces/argo/workflows": {"items": [{"metadata": {"namespace": "argo"}}]},
        "/api/v1/namespaces/argo": {"kind": "Namespace", "metadata": {"name": "argo", **metadata}},
        home: {"items": deployments},
        f"{home}/workflow-controller": {**deployments[0], "kind": "Deployment"},
        "/api/v1/namespaces/argo/pods": {"items": [pod("workflow-controller-1"), pod("argo-server-1")]},
        "/apis/coordination.k8s.io/v1/namespaces/argo/leases/workflow-controller": {
            "spec": {"holderIdentity": "workflow-controller-1"}
        },
        SERVICE: {"items": None},
    }


def survey(cluster: FakeCluster, absent: bool = False, objects: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    wanted = WANTED if objects is None else objects
    return survey_module.survey(cluster, HERE, wanted, absent, update_crds=False)


# -- before anything is changed ---------------------------------------------------------------------------------------


def test_on_an_empty_cluster_everything_is_needed_and_nothing_is_in_the_way() -> None:
    found = survey(FakeCluster({}))
    assert found["needed"] == [marked(item) for item in WANTED]
    assert found["missing_namespaces"] == ["argo"]
    assert found["missing_crds"] == list(ARGO_KINDS)
    assert found["missing_rights"] == found["others"] == found["stale"] == found["previous"] == []
    assert not found["ready"] and found["reason"] == "the Deployment workflow-controller does not exist"


def test_what_a_failed_run_has_to_take_away_again_leaves_out_what_is_shared() -> None:
    assert {item["kind"] for item in survey(FakeCluster({}))["absent"]} == {"Role", "ConfigMap", "Deployment"}


def test_every_missing_right_is_listed_at_once_with_who_lacks_it() -> None:
    found = survey(FakeCluster({}, rules=[], allowed=False))
    assert found["user"] == "somebody"
    assert (
        "create, get, patch customresourcedefinitions.apiextensions.k8s.io in the whole cluster"
        in found["missing_rights"]
    )
    assert "create, delete, get, patch roles.rbac.authorization.k8s.io in argo" in found["missing_rights"]
    assert "get workflows.argoproj.io in argo" in found["missing_rights"], "nobody can hand on what they lack"
    assert "get services/proxy in argo" in found["missing_rights"]


def test_a_binding_may_change_whose_role_stays_as_it_is() -> None:
    (role,) = (item for item in WANTED if item["kind"] == "Role")
    binding = {
        "kind": "RoleBinding",
        "metadata": {"name": "argo-binding", "namespace": "argo"},
        "roleRef": {"name": "argo-role"},
        "subjects": [{"name": "argo", "namespace": "second"}],
    }
    roles = "/apis/rbac.authorization.k8s.io/v1/namespaces/argo"
    there = {
        f"{roles}/roles/argo-role": {**marked(role), "kind": "Role"},
        f"{roles}/rolebindings/argo-binding": {**binding, "subjects": [{"name": "argo", "namespace": "first"}]},
    }
    found = survey(FakeCluster(there), objects=[role, binding])
    assert [item["kind"] for item in found["needed"]] == ["RoleBinding"]


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
def test_a_deployment_to_which_somebody_has_added_is_to_be_replaced(
    kind: str, before: list[str] | None, env: list[str], drifted: bool
) -> None:
    def with_env(names: list[str]) -> dict[str, Any]:
        template = {"spec": {"containers": [{"image": "argocli", "env": names}]}}
        metadata = {"name": "argo-server", "namespace": "argo"}
        return {"kind": kind, "metadata": metadata, "spec": {"template": template}}

    wanted = with_env(["ours"])
    live = {**(marked(with_env(before)) if before else wanted), "spec": with_env(env)["spec"]}
    live["metadata"] = live["metadata"] | (OURS if before else {})
    found = survey(FakeCluster({Ref.of(wanted).path: live}), objects=[wanted])
    assert found["to_replace"] == ([marked(wanted)] if drifted else [])


def test_who_may_escalate_needs_not_hold_what_they_grant() -> None:
    rules = [
        {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles"], "verbs": ["*"]},
        {"apiGroups": ["", "apps", "coordination.k8s.io"], "resources": ["*"], "verbs": ["*"]},
    ]
    assert survey(FakeCluster({}, rules=rules))["missing_rights"] == []


def test_a_namespace_that_may_not_be_read_is_taken_to_be_there() -> None:
    found = survey(FakeCluster({"/api/v1/namespaces/argo": ApiError("403", 403, "Forbidden")}))
    assert found["missing_namespaces"] == []
    assert "Namespace" not in {item["kind"] for item in found["needed"]}


def test_a_priority_class_that_a_tenant_may_not_read_is_taken_to_be_there() -> None:
    wanted = {"kind": "PriorityClass", "metadata": {"name": "platform"}}
    path = "/apis/scheduling.k8s.io/v1/priorityclasses/platform"
    assert survey(FakeCluster({}), objects=[wanted])["needed"] == [marked(wanted)]
    found = survey(FakeCluster({path: ApiError("403", 403, "Forbidden")}, rules=[], allowed=False), objects=[wanted])
    assert found["needed"] == found["missing_rights"] == []


def test_nothing_is_installed_into_a_namespace_that_is_being_deleted() -> None:
    cluster = FakeCluster(installed(deletionTimestamp="2026-01-01T00:00:00Z"))
    with pytest.raises(UserError, match=r"^The namespace argo is being deleted: run this again when it is gone"):
        survey(cluster)
    assert survey(cluster, absent=True)["needed"]


def test_an_installation_of_ours_that_serves_needs_no_crds_and_is_ready() -> None:
    found = survey(FakeCluster(installed(**OURS)))
    assert found["ready"] and found["reason"] == ""
    assert found["controller_image"] == "x/workflow-controller:v4.1.2"
    assert found["running_workflows"] == 1
    assert "CustomResourceDefinition" not in {item["kind"] for item in found["needed"]}
    assert [item["metadata"]["name"] for item in found["previous"]] == ["workflow-controller"]
    assert "managedFields" not in found["previous"][0]["metadata"]


def test_what_somebody_else_installed_is_named_with_its_maker() -> None:
    found = survey(FakeCluster(installed(managedFields=[{"manager": "kubectl-client-side-apply"}])))
    assert found["others"] == ["Deployment argo/workflow-controller (made by kubectl-client-side-apply)"]


def with_another_controller() -> dict[str, Any]:
    """An installation of ours that serves, beside a controller of somebody else."""
    objects = installed(**OURS)
    objects["/apis/apps/v1/namespaces/argo/deployments"]["items"].append(
        deployment("argo-workflows-workflow-controller")
    )
    return objects


def test_another_controller_in_the_namespace_is_found() -> None:
    found = survey(FakeCluster(with_another_controller()))
    assert found["other_controllers"][0]["metadata"] == {
        "name": "argo-workflows-workflow-controller",
        "namespace": "argo",
    }


def test_another_controller_is_in_the_way_only_where_ours_is_to_run() -> None:
    cluster = FakeCluster(with_another_controller())
    rights, deployments = ([item for item in WANTED if item["kind"] == kind] for kind in ("Role", "Deployment"))
    assert survey(cluster, objects=deployments)["other_controllers"] != []
    assert survey(cluster, objects=rights)["other_controllers"] == []
    assert survey(cluster, objects=deployments, absent=True)["other_controllers"] == []


def test_removing_another_controller_takes_the_rights_to_remove_it_and_to_bring_it_back() -> None:
    rules = [
        {"apiGroups": ["", "argoproj.io", "coordination.k8s.io", ROLES], "resources": ["*"], "verbs": ["*"]},
        {"apiGroups": ["apps"], "resources": ["*"], "verbs": ["get", "list", "watch", "patch", "update"]},
    ]
    assert survey(FakeCluster(installed(**OURS), rules=rules))["missing_rights"] == []
    found = survey(FakeCluster(with_another_controller(), rules=rules))
    assert found["missing_rights"] == ["create, delete deployments.apps in argo"]


@pytest.mark.parametrize(
    ("holder", "instance_id", "found"),
    [("platform", "", "platform"), ("argo", "", ""), ("platform", "blue", "")],
    ids=["another", "this one, before it is adopted", "workflows are told apart by an instance id"],
)
def test_an_installation_for_the_whole_cluster_is_found(holder: str, instance_id: str, found: str) -> None:
    binding = {"subjects": [{"kind": "ServiceAccount", "name": "argo", "namespace": holder}]}
    cluster = FakeCluster({f"/apis/{ROLES}/v1/clusterrolebindings/argo-binding": binding})
    place = Place("argo", "argo", instance_id)
    assert survey_module.survey(cluster, place, WANTED, absent=False, update_crds=False)["cluster_wide"] == found
    assert survey_module.survey(cluster, place, WANTED, absent=True, update_crds=False)["cluster_wide"] == ""


def test_whatever_a_run_overwrites_or_takes_away_can_be_put_back() -> None:
    objects = with_another_controller()
    role = {"metadata": {"name": "argo-role", "namespace": "argo"}, "rules": []}
    objects[f"/apis/{ROLES}/v1/namespaces/argo/roles"] = {"items": [role]}
    previous = survey(FakeCluster(objects))["previous"]
    assert [(item["apiVersion"], item["kind"], item["metadata"]["name"]) for item in previous] == [
        ("apps/v1", "Deployment", "argo-workflows-workflow-controller"),
        ("apps/v1", "Deployment", "workflow-controller"),
        (f"{ROLES}/v1", "Role", "argo-role"),
    ], "a Role comes last: the API may refuse one whose rights the user lacks"
    assert previous[0]["spec"] == deployment("argo-workflows-workflow-controller")["spec"]
    assert previous[2] == {"apiVersion": f"{ROLES}/v1", "kind": "Role", **role}


def test_what_is_ours_and_no_longer_wanted_is_stale() -> None:
    objects = installed(**OURS)
    labels = {"app.kubernetes.io/managed-by": "argo.workflows"}
    client = {"metadata": {"name": "argo-client", "namespace": "argo", "labels": labels}}
    objects["/apis/rbac.authorization.k8s.io/v1/namespaces/argo/roles"] = {"items": [client]}
    wanted = [*WANTED, {"kind": "Deployment", "metadata": {"name": "argo-server", "namespace": "argo"}}]
    (stale,) = survey(FakeCluster(objects), objects=wanted)["stale"]
    assert (stale["kind"], stale["metadata"]["name"]) == ("Role", "argo-client")


def managing(namespace: str) -> dict[str, Any]:
    """An installation of ours that serves and manages another namespace, where it has a Role beside one of a user."""
    objects = installed(**OURS)
    controller = objects["/apis/apps/v1/namespaces/argo/deployments"]["items"][0]
    controller["spec"]["template"]["spec"]["containers"][0]["args"] = ["--managed-namespace", namespace]
    ours = {"name": "argo-role", "namespace": namespace, "labels": {MANAGED_BY: FIELD_MANAGER}}
    theirs = {"name": "theirs", "namespace": namespace}
    roles = [{"metadata": ours}, {"metadata": theirs}]
    return objects | {f"/apis/{ROLES}/v1/namespaces/{namespace}/roles": {"items": roles}}


@pytest.mark.parametrize("wanted", [HERE, Place("argo", "second", "")])
def test_what_is_left_in_a_namespace_that_is_no_longer_managed_is_stale(wanted: Place) -> None:
    found = survey_module.survey(FakeCluster(managing("first")), wanted, WANTED, absent=False, update_crds=False)
    assert found["managed_namespace"] == "first"
    assert [item["metadata"] for item in found["stale"] if item["metadata"]["namespace"] == "first"] == [
        {"name": "argo-role", "namespace": "first"}
    ]


def test_a_namespace_that_is_managed_as_wanted_is_listed_once() -> None:
    cluster = FakeCluster(managing("first"))
    survey_module.survey(cluster, Place("argo", "first", ""), WANTED, absent=False, update_crds=False)
    assert cluster.read.count(f"/apis/{ROLES}/v1/namespaces/first/roles") == 1


def test_what_the_lists_of_ours_have_is_not_read_once_more() -> None:
    cluster = FakeCluster(installed(**OURS))
    survey(cluster)
    assert len(cluster.read) == len(set(cluster.read)), "nothing is asked twice"
    assert "/apis/apps/v1/namespaces/argo/deployments/workflow-controller" not in cluster.read
    assert "/api/v1/namespaces/argo/configmaps/workflow-controller-configmap" in cluster.read, "it is not in the lists"


def test_removal_needs_what_is_there_and_names_who_else_uses_the_crds() -> None:
    objects = installed(**OURS)
    objects["/apis/argoproj.io/v1alpha1/workflows"] = {"items": [{"metadata": {"namespace": "team-b"}}]}
    objects["/apis/argoproj.io/v1alpha1/workflowtemplates"] = {"items": [{"metadata": {"namespace": "argo"}}]}
    objects["/apis/argoproj.io/v1alpha1/cronworkflows"] = {"items": []}
    found = survey(FakeCluster(objects), absent=True)
    assert found["used_elsewhere"] == ["team-b"]
    assert {item["kind"] for item in found["needed"]} == {"CustomResourceDefinition", "Namespace", "Deployment"}


def test_removal_names_the_right_to_read_what_may_not_be_read() -> None:
    class Unreadable(FakeCluster):
        def get(self, path: str, *, accept: str = JSON, **query: Any) -> dict[str, Any]:
            raise ApiError(f"GET {path}: 403 Forbidden", 403, "Forbidden")

    found = survey(Unreadable({}, rules=[], allowed=False), absent=True)
    for kind in ("roles.rbac.authorization.k8s.io", "configmaps", "deployments.apps"):
        assert f"get {kind} in argo" in found["missing_rights"], "else nothing is removed and all seems well"


# -- ready ------------------------------------------------------------------------------------------------------------


def state(cluster: FakeCluster, place: Place = HERE) -> dict[str, Any]:
    deployments, pods = (labelled(cluster, kind, place.home) for kind in ("Deployment", "Pod"))
    return state_of(cluster, place, deployments, pods)


def test_the_server_is_asked_with_a_token_of_its_own_account_in_a_cookie() -> None:
    cluster = FakeCluster(installed())
    assert state(cluster)["ready"]
    assert cluster.created == ["/api/v1/namespaces/argo/serviceaccounts/argo-server/token"]
    assert cluster.cookies == {"authorization=Bearer secret"}


def test_a_server_that_refuses_is_not_ready() -> None:
    objects = installed() | {SERVICE: ApiError("GET …: 503 no endpoints", 503)}
    found = state(FakeCluster(objects))
    assert not found["ready"] and "503 no endpoints" in found["reason"]


def test_a_controller_of_an_instance_has_a_lease_of_its_own() -> None:
    assert Place("argo", "argo", "blue").lease.name == "workflow-controller-blue"
    found = state(FakeCluster(installed()), Place("argo", "argo", "blue"))
    assert "nobody holds it" in found["reason"]


def watched(deployments: list[dict[str, Any]], pods: list[dict[str, Any]], **objects: Any) -> FakeCluster:
    lists = {path("Deployment", "argo"): deployments, path("Pod", "argo"): pods}
    cluster = FakeCluster(installed() | {listed: {"items": []} for listed in lists} | objects)
    cluster.api.events = {listed: [("MODIFIED", item) for item in items] for listed, items in lists.items()}
    return cluster


def test_the_wait_ends_when_everything_serves() -> None:
    deployments = [
        deployment("workflow-controller", available=0),
        deployment("argo-server"),
        deployment("workflow-controller"),
    ]
    cluster = watched(deployments, [pod("workflow-controller-1"), pod("argo-server-1")])
    found = wait(cluster, HERE, timeout=10, settle=0)
    assert found["ready"] and not found["changed"]


def test_the_wait_gives_up_at_once_with_the_pods_state_log_and_events() -> None:
    waiting = {"reason": "ImagePullBackOff", "message": "no such image"}
    broken = pod(
        "workflow-controller-1",
        containerStatuses=[{"name": "workflow-controller", "state": {"waiting": waiting}, "restartCount": 0}],
    )
    event = {"reason": "Failed", "message": "pull access denied", "lastTimestamp": "2026-01-01T00:00:01Z"}
    cluster = watched(
        [deployment("workflow-controller", available=0), deployment("argo-server")],
        [broken],
        **{"/api/v1/namespaces/argo/events": {"items": [event]}},
    )
    with pytest.raises(UserError) as failed:
        wait(cluster, HERE, timeout=10, settle=0)
    for part in ("ImagePullBackOff: no such image", "first line\nlast line", "Failed: pull access denied"):
        assert part in str(failed.value)


def test_the_wait_ends_after_its_time_with_what_was_missing() -> None:
    cluster = watched([deployment("workflow-controller", available=0), deployment("argo-server")], [])
    with pytest.raises(UserError, match="after 1 s: the Deployment workflow-controller has no pod yet"):
        wait(cluster, HERE, timeout=1, settle=0)


SERVES = [deployment("workflow-controller"), deployment("argo-server")]
PODS = [pod("workflow-controller-1"), pod("argo-server-1")]


def test_the_wait_ends_after_its_time_although_it_is_ready_if_that_is_not_long_enough_ago() -> None:
    with pytest.raises(UserError, match="it is, but has not stayed so for 5 s yet") as failed:
        wait(watched(SERVES, PODS), HERE, timeout=1, settle=5)
    assert failed.value.result["reason"]


def test_one_token_serves_a_whole_wait() -> None:
    cluster = watched(SERVES, PODS)
    wait(cluster, HERE, timeout=10, settle=1)
    assert cluster.read.count(SERVICE) > 1
    assert len(cluster.created) == 1


def test_a_token_that_has_ended_is_replaced() -> None:
    cluster = FakeCluster(installed() | {SERVICE: ApiError("GET …: 401", 401, "Unauthorized")})
    server = Server(cluster, HERE)
    assert not server.answers(SERVES[1]).ready
    cluster.api.found[SERVICE] = {"items": None}
    assert server.answers(SERVES[1]).ready
    assert len(cluster.created) == 2


def test_a_right_that_is_missing_while_waiting_is_an_error() -> None:
    class Refusing(FakeCluster):
        def events(self, path: str, **_query: Any) -> Iterator[tuple[str, dict[str, Any]]]:
            raise ApiError(f"GET {path}: 403 Forbidden", 403, "Forbidden")

    with pytest.raises(ApiError, match="403"):
        wait(Refusing({}), HERE, timeout=10, settle=0)
