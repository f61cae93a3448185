# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects that role argo renders, for every variable, by Ansible's own templating in this process."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar, trust_as_template

ROLE = Path(__file__).parents[3] / "roles" / "argo"


@pytest.fixture(scope="module", autouse=True)
def _plugins() -> None:
    """Lets templates use the lookups of Ansible."""
    init_plugin_loader([])


@cache
def role_variables() -> dict[str, Any]:
    files = [ROLE / "defaults/main.yml", *sorted((ROLE / "vars/main").glob("*.yml"))]
    found: dict[str, Any] = {"ansible_run_tags": ["all"], "role_path": str(ROLE)}
    for file in files:
        found |= DataLoader().load_from_file(str(file), trusted_as_template=True)
    return found


def variables(**changed: Any) -> dict[str, Any]:
    found = role_variables()
    unknown = changed.keys() - found.keys()
    assert not unknown, f"no such variables: {unknown}"
    return found | changed


def value(expression: str, **changed: Any) -> Any:
    templar = Templar(loader=DataLoader(), variables=variables(**changed))
    return templar.template(trust_as_template("{{ " + expression + " }}"))


def objects(**changed: Any) -> dict[str, Any]:
    """The rendered objects by `Kind namespace/name`."""
    return rendered(json.dumps(changed))


@cache
def rendered(changed: str) -> dict[str, Any]:
    return {name_of(item): item for item in value("__argo_objects.present", **json.loads(changed))}


def name_of(item: dict[str, Any]) -> str:
    metadata = item["metadata"]
    return f"{item['kind']} " + "/".join(filter(None, [metadata.get("namespace"), metadata["name"]]))


def problems(**changed: Any) -> str:
    return " ".join(value("__argo_problems", **changed))


def config(**changed: Any) -> dict[str, Any]:
    data = objects(**changed)["ConfigMap argo/workflow-controller-configmap"]["data"]
    assert data.keys() == {"config"}, "the controller refuses a second key beside `config`"
    return yaml.safe_load(data["config"])


def pod(deployment: str, **changed: Any) -> dict[str, Any]:
    return objects(**changed)[f"Deployment argo/{deployment}"]["spec"]["template"]["spec"]


def container(deployment: str, **changed: Any) -> dict[str, Any]:
    return pod(deployment, **changed)["containers"][0]


def controller(**changed: Any) -> dict[str, Any]:
    return container("workflow-controller", **changed)


def server(**changed: Any) -> dict[str, Any]:
    return container("argo-server", **changed)


def pod_annotations(deployment: str, **changed: Any) -> dict[str, Any]:
    return objects(**changed)[f"Deployment argo/{deployment}"]["spec"]["template"]["metadata"]["annotations"]


def verbs(role: str, **changed: Any) -> set[tuple[str, str, str]]:
    """What a Role grants, as (group, resource, verb)."""
    return {
        (group, resource, verb)
        for rule in objects(**changed)[f"Role {role}"]["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def expand(table: dict[tuple[str, str], str]) -> set[tuple[str, str, str]]:
    return {
        (group, resource, verb)
        for (group, names), verbs in table.items()
        for resource in names.split()
        for verb in verbs.split()
    }


# -- what is there ----------------------------------------------------------------------------------------------------


def test_an_installation_is_these_objects_and_no_others() -> None:
    crds = {name for name in objects() if name.startswith("CustomResourceDefinition")}
    assert len(crds) == 8
    assert objects().keys() - crds == {
        "Namespace argo",
        "ServiceAccount argo/argo",
        "ServiceAccount argo/argo-server",
        "ServiceAccount argo/argo-workflow",
        "Role argo/argo-role",
        "Role argo/argo-server-role",
        "Role argo/argo-workflow",
        "RoleBinding argo/argo-binding",
        "RoleBinding argo/argo-server-binding",
        "RoleBinding argo/argo-workflow",
        "ConfigMap argo/workflow-controller-configmap",
        "Service argo/argo-server",
        "Deployment argo/workflow-controller",
        "Deployment argo/argo-server",
    }


def test_every_object_in_a_namespace_is_labelled_as_ours() -> None:
    for name, item in objects(argo_client=True, argo_quota={"pods": 9}, argo_managed_namespace="work").items():
        if "/" in name:
            assert item["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "argo.workflows", name


def test_the_namespace_comes_before_what_lies_in_it_and_the_rights_before_the_deployments() -> None:
    order = [name.split()[0] for name in objects()]
    assert order.index("Namespace") < order.index("ServiceAccount") < order.index("Role") < order.index("Deployment")


@pytest.mark.parametrize(
    ("tag", "kinds"),
    [
        ("argo_crds", {"CustomResourceDefinition"}),
        ("argo_rbac", {"Namespace", "ServiceAccount", "Role", "RoleBinding"}),
        ("argo_config", {"ConfigMap"}),
        ("argo_controller", {"Deployment"}),
        ("argo_server", {"Service", "Deployment"}),
    ],
)
def test_a_tag_selects_its_part(tag: str, kinds: set[str]) -> None:
    assert {item["kind"] for item in objects(ansible_run_tags=[tag]).values()} == kinds


def test_a_tag_that_is_not_the_roles_selects_everything() -> None:
    assert objects(ansible_run_tags=["site"]).keys() == objects().keys()


@pytest.mark.parametrize("crds", ["skip", "absent"])
def test_crds_are_not_installed_with_skip_or_absent(crds: str) -> None:
    assert not any(name.startswith("CustomResourceDefinition") for name in objects(argo_crds=crds))


def test_the_crds_store_whatever_argo_writes_and_workflows_show_their_phase() -> None:
    crds = {item["spec"]["names"]["kind"]: item for item in objects().values() if "names" in item.get("spec", {})}
    for kind, crd in crds.items():
        (version,) = crd["spec"]["versions"]
        schema = version["schema"]["openAPIV3Schema"]
        assert version["name"] == "v1alpha1" and version["served"] and version["storage"]
        parts = [schema] if kind == "WorkflowTaskResult" else [schema["properties"][key] for key in ("spec", "status")]
        assert all(part["x-kubernetes-preserve-unknown-fields"] for part in parts), kind
        assert ("subresources" in version) == (kind in ("WorkflowTaskSet", "WorkflowArtifactGCTask")), kind
        assert crd["spec"]["scope"] == ("Cluster" if kind == "ClusterWorkflowTemplate" else "Namespaced")
    (version,) = crds["Workflow"]["spec"]["versions"]
    assert [column["name"] for column in version["additionalPrinterColumns"]] == ["Status", "Age", "Message"]


# -- rights -----------------------------------------------------------------------------------------------------------

ALL = "create get list watch update patch delete"
CONTROLLER = {
    ("coordination.k8s.io", "leases"): "create get update",
    ("", "pods pods/exec"): ALL,
    ("", "configmaps"): "get watch list",
    ("", "persistentvolumeclaims persistentvolumeclaims/finalizers"): "create update delete get",
    (
        "argoproj.io",
        "workflows workflows/finalizers workflowtasksets workflowtasksets/finalizers workflowartifactgctasks",
    ): ALL,
    ("argoproj.io", "workflowtemplates workflowtemplates/finalizers"): "get list watch",
    ("argoproj.io", "workflowtaskresults"): "list watch deletecollection",
    ("", "serviceaccounts"): "get list",
    ("", "secrets"): "get",
    ("argoproj.io", "cronworkflows cronworkflows/finalizers"): "get list watch update patch delete",
    ("", "events"): "create patch",
    ("policy", "poddisruptionbudgets"): "create get delete",
}
SERVER = {
    ("", "configmaps"): "get watch list create update",
    ("", "secrets"): "get create",
    ("", "pods pods/exec pods/log"): "get list watch delete",
    ("", "events"): "watch create patch",
    ("", "serviceaccounts"): "get list watch",
    (
        "argoproj.io",
        "eventsources sensors workflows workfloweventbindings workflowtemplates cronworkflows cronworkflows/finalizers",
    ): ALL,
}
EXECUTOR = {("argoproj.io", "workflowtaskresults"): "create patch"}
CLIENT = {
    ("argoproj.io", "workflows"): ALL,
    ("argoproj.io", "workflowtemplates cronworkflows"): "get list",
    ("", "configmaps"): "create get",
    ("", "pods"): "get list watch delete",
    ("", "pods/log"): "get",
    ("", "events"): "list",
    ("batch", "jobs"): "create patch delete",
}


@pytest.mark.parametrize(
    ("role", "rights"),
    [("argo-role", CONTROLLER), ("argo-server-role", SERVER), ("argo-workflow", EXECUTOR), ("argo-client", CLIENT)],
)
def test_a_role_grants_what_argo_needs_and_nothing_more(role: str, rights: dict[tuple[str, str], str]) -> None:
    assert verbs(f"argo/{role}", argo_client=True) == expand(rights)


def test_who_may_run_nothing_but_certain_workflow_templates_may_create_no_jobs() -> None:
    restricted = {"workflowRestrictions": {"templateReferencing": "Secure"}}
    del (rights := dict(CLIENT))["batch", "jobs"]
    assert verbs("argo/argo-client", argo_client=True, argo_config=restricted) == expand(rights)


@pytest.mark.parametrize(
    ("extra", "role", "rights"),
    [
        ("memoization", "argo-role", {("", "configmaps"): "create update"}),
        ("argument_offload", "argo-role", {("", "configmaps"): "create"}),
        (
            "artifact_gc",
            "argo-workflow",
            {
                ("argoproj.io", "workflowartifactgctasks"): "list watch",
                ("argoproj.io", "workflowartifactgctasks/status"): "patch",
            },
        ),
        (
            "agent",
            "argo-workflow",
            {("argoproj.io", "workflowtasksets"): "list watch", ("argoproj.io", "workflowtasksets/status"): "patch"},
        ),
    ],
)
def test_an_extra_right_is_added_to_its_role_alone(extra: str, role: str, rights: dict[tuple[str, str], str]) -> None:
    for name in ("argo-role", "argo-server-role", "argo-workflow"):
        added = verbs(f"argo/{name}", argo_extra_rights=[extra]) - verbs(f"argo/{name}")
        assert added == (expand(rights) if name == role else set())


@pytest.mark.parametrize("managed", ["", "work"])
def test_the_agent_gets_the_secret_that_argo_mounts_into_its_pod(managed: str) -> None:
    """Argo's util/secrets/secret_name.go and controller/serviceaccount.go; Kubernetes makes none since 1.24."""
    found = objects(argo_extra_rights=["agent"], argo_managed_namespace=managed)
    secret = found[f"Secret {managed or 'argo'}/argo-workflow.service-account-token"]
    assert secret["type"] == "kubernetes.io/service-account-token" and "data" not in secret
    assert secret["metadata"]["annotations"] == {"kubernetes.io/service-account.name": "argo-workflow"}
    order = list(found)
    account = f"ServiceAccount {managed or 'argo'}/argo-workflow"
    assert order.index(account) < order.index(name_of(secret)), "a token of no account is deleted at once"
    assert not any(name.startswith("Secret") for name in objects(argo_extra_rights=["artifact_gc"]))


def test_no_task_of_the_role_shows_the_token_of_the_agent() -> None:
    tasks = [task for file in ("apply.yml", "absent.yml") for task in tasks_of(file)]
    tasks += [inner for task in tasks for key in ("block", "rescue") for inner in task.get(key, ())]
    objects_of_plans = [task["kubernetes.core.k8s"] for task in tasks if "plan" in str(task.get("loop"))]
    assert len(objects_of_plans) == 4
    assert all("data.token" in options["hidden_fields"] for options in objects_of_plans)


def test_extra_rights_are_added_in_the_order_of_the_variable() -> None:
    """In another order in each run, the Role would change in each run."""
    added = [
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": verbs} for verbs in (["create"], ["create", "update"])
    ]
    for extra, rules in (
        (["argument_offload", "memoization"], added),
        (["memoization", "argument_offload"], added[::-1]),
    ):
        assert objects(argo_extra_rights=[*extra, extra[0]])["Role argo/argo-role"]["rules"][-2:] == rules
    agent = objects(argo_extra_rights=["agent", "artifact_gc"])["Role argo/argo-workflow"]["rules"]
    assert [rule["resources"][0].partition("/")[0] for rule in agent[1:]] == [
        *(["workflowtasksets"] * 2),
        *(["workflowartifactgctasks"] * 2),
    ]


def test_no_right_is_on_the_whole_cluster() -> None:
    assert not any("Cluster" in item["kind"] for item in objects(argo_crds="skip", argo_client=True).values())


def test_a_binding_names_its_role_and_the_account_of_its_namespace() -> None:
    accounts = {"argo-binding": "argo", "argo-server-binding": "argo-server", "argo-workflow": "argo-workflow"}
    for binding, account in accounts.items():
        item = objects()[f"RoleBinding argo/{binding}"]
        assert f"Role argo/{item['roleRef']['name']}" in objects()
        assert item["subjects"] == [{"kind": "ServiceAccount", "name": account, "namespace": "argo"}]


def test_the_client_account_shares_its_rights_with_the_subjects_that_are_named() -> None:
    people = {"kind": "Group", "name": "data-science", "apiGroup": "rbac.authorization.k8s.io"}
    subjects = objects(argo_client=True, argo_client_subjects=[people])["RoleBinding argo/argo-client"]["subjects"]
    assert subjects == [{"kind": "ServiceAccount", "name": "argo-client", "namespace": "argo"}, people]
    assert not any("argo-client" in name for name in objects())


# -- a managed namespace ----------------------------------------------------------------------------------------------


def test_with_a_managed_namespace_workflows_rights_lie_there_and_the_deployments_do_not() -> None:
    found = objects(argo_managed_namespace="work")
    assert {"Namespace argo", "Namespace work", "ServiceAccount work/argo-workflow"} <= found.keys()
    assert {"Deployment argo/workflow-controller", "ConfigMap argo/workflow-controller-configmap"} <= found.keys()
    (subject,) = found["RoleBinding work/argo-binding"]["subjects"]
    assert subject["namespace"] == "argo"
    for deployment in ("workflow-controller", "argo-server"):
        args = container(deployment, argo_managed_namespace="work")["args"]
        assert args[args.index("--managed-namespace") + 1] == "work" and "--namespaced" in args


def test_with_a_managed_namespace_the_two_together_grant_what_one_does() -> None:
    split = {"argo_managed_namespace": "work"}
    for role, rights in (("argo-role", CONTROLLER), ("argo-server-role", SERVER)):
        assert verbs(f"argo/{role}", **split) | verbs(f"work/{role}", **split) == expand(rights)
    home = {resource for _group, resource, _verb in verbs("argo/argo-role", **split)}
    assert home == {"leases", "configmaps", "secrets"}
    assert ("coordination.k8s.io", "leases", "create") not in verbs("work/argo-role", **split)


def test_managing_ones_own_namespace_is_no_managed_namespace() -> None:
    assert objects(argo_managed_namespace="argo") == objects()


# -- the configuration ------------------------------------------------------------------------------------------------


def test_workflows_run_under_the_executors_account_by_default() -> None:
    assert config() == {"workflowDefaults": {"spec": {"serviceAccountName": "argo-workflow"}}}


def test_workflow_defaults_are_added_to_the_account_and_may_replace_it() -> None:
    spec = config(argo_workflow_defaults={"spec": {"ttlStrategy": {"secondsAfterCompletion": 60}}})["workflowDefaults"]
    assert spec["spec"] == {"serviceAccountName": "argo-workflow", "ttlStrategy": {"secondsAfterCompletion": 60}}
    own = {"spec": {"serviceAccountName": "mine"}}
    assert config(argo_workflow_defaults=own)["workflowDefaults"] == own


@pytest.mark.parametrize(
    ("option", "given", "key"),
    [
        ("argo_instance_id", "0123", "instanceID"),
        ("argo_parallelism", 5, "parallelism"),
        ("argo_namespace_parallelism", 3, "namespaceParallelism"),
        ("argo_resource_rate_limit", {"limit": 10, "burst": 25}, "resourceRateLimit"),
    ],
)
def test_an_option_becomes_its_key_of_the_configuration(option: str, given: Any, key: str) -> None:
    assert config(**{option: given})[key] == given
    assert key not in config()


def test_the_executor_gets_its_resources() -> None:
    resources = {"requests": {"cpu": "100m"}}
    assert config(argo_executor_resources=resources)["executor"] == {"resources": resources}


def test_the_whole_configuration_passes_through() -> None:
    given = {"artifactRepository": {"archiveLogs": True, "s3": {"bucket": "b"}}, "retentionPolicy": {"completed": 10}}
    assert config(argo_config=given).items() >= given.items()


def test_a_restricted_namespace_has_its_label_and_workflows_have_the_contexts_that_it_asks_for() -> None:
    restricted = {"argo_pod_security": "restricted"}
    labels = objects(**restricted)["Namespace argo"]["metadata"]["labels"]
    assert labels == {"pod-security.kubernetes.io/enforce": "restricted"}
    found = config(**restricted)
    contexts = [found["executor"]["securityContext"], found["mainContainer"]["securityContext"]]
    for context in [*contexts, controller()["securityContext"], server()["securityContext"]]:
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert context["runAsNonRoot"] is True
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert found["workflowDefaults"]["spec"]["securityContext"]["runAsNonRoot"] is True
    assert found["workflowDefaults"]["spec"]["serviceAccountName"] == "argo-workflow"


def test_baseline_labels_the_namespace_and_sets_no_contexts() -> None:
    labels = objects(argo_pod_security="baseline")["Namespace argo"]["metadata"]["labels"]
    assert labels == {"pod-security.kubernetes.io/enforce": "baseline"}
    assert config(argo_pod_security="baseline") == config()
    assert "labels" not in objects()["Namespace argo"]["metadata"]


@pytest.mark.parametrize(
    ("changed", "restarted"),
    [
        ({"argo_parallelism": 5}, set()),
        ({"argo_config": {"nodeEvents": {"enabled": False}}}, set()),
        ({"argo_config": {"kubeConfig": {"secretName": "kube", "secretKey": "config"}}}, set()),
        ({"argo_config": {"telemetryConfig": {"enabled": False}}}, set()),
        ({"argo_config": {"initialDelay": "5s"}}, {"workflow-controller"}),
        ({"argo_config": {"columns": [{"name": "Team", "type": "label", "key": "team"}]}}, {"argo-server"}),
        ({"argo_config": {"persistence": {"archive": True}}}, {"workflow-controller", "argo-server"}),
        ({"argo_instance_id": "a"}, {"workflow-controller", "argo-server"}),
        ({"argo_config": {"metricsConfig": {"enabled": False}}}, {"workflow-controller"}),
        ({"argo_config": {"retentionPolicy": {"completed": 10}}}, {"workflow-controller"}),
        ({"argo_config": {"links": []}}, {"argo-server"}),
    ],
)
def test_only_keys_that_are_read_at_start_restart_a_deployment(changed: dict[str, Any], restarted: set[str]) -> None:
    deployments = ("workflow-controller", "argo-server")
    assert {name for name in deployments if pod_annotations(name, **changed) != pod_annotations(name)} == restarted


# -- the Deployments --------------------------------------------------------------------------------------------------


def argument(args: list[str], flag: str) -> str:
    return args[args.index(flag) + 1]


def test_the_images_come_from_the_registry_and_version() -> None:
    mirror = {"argo_image_registry": "mirror.example/argo", "argo_version": "v4.1.9"}
    assert controller(**mirror)["image"] == "mirror.example/argo/workflow-controller:v4.1.9"
    assert server(**mirror)["image"] == "mirror.example/argo/argocli:v4.1.9"
    assert argument(controller(**mirror)["args"], "--executor-image") == "mirror.example/argo/argoexec:v4.1.9"


def test_each_image_can_be_named() -> None:
    assert controller(argo_controller_image="a:1")["image"] == "a:1"
    assert server(argo_server_image="b:1")["image"] == "b:1"
    assert argument(controller(argo_executor_image="c:1")["args"], "--executor-image") == "c:1"


def test_the_controllers_command_is_named_and_the_servers_is_the_images_own() -> None:
    assert controller()["command"] == ["workflow-controller"]
    assert "command" not in server() and server()["args"][0] == "server"


def test_the_pull_policy_holds_for_all_three_images() -> None:
    always = {"argo_image_pull_policy": "Always"}
    assert controller(**always)["imagePullPolicy"] == server(**always)["imagePullPolicy"] == "Always"
    assert argument(controller(**always)["args"], "--executor-image-pull-policy") == "Always"


def test_pull_secrets_are_used_by_the_deployments_and_the_workflows() -> None:
    secrets = {"argo_image_pull_secrets": [{"name": "mirror"}]}
    for holder in (
        pod("workflow-controller", **secrets),
        pod("argo-server", **secrets),
        objects(**secrets)["ServiceAccount argo/argo-workflow"],
    ):
        assert holder["imagePullSecrets"] == [{"name": "mirror"}]


@pytest.mark.parametrize("name", ["workflow-controller", "argo-server"])
def test_both_deployments_take_what_is_said_for_both(name: str) -> None:
    toleration = {"key": "infra", "operator": "Exists"}
    both = {"argo_node_selector": {"pool": "infra"}, "argo_tolerations": [toleration], "argo_log_level": "debug"}
    assert pod(name, **both)["nodeSelector"] == {"kubernetes.io/os": "linux", "pool": "infra"}
    assert pod(name, **both)["tolerations"] == [toleration]
    assert argument(container(name, **both)["args"], "--loglevel") == "debug"


@pytest.mark.parametrize(("name", "part"), [("workflow-controller", "controller"), ("argo-server", "server")])
def test_settings_without_a_variable_are_merged_into_the_deployments(name: str, part: str) -> None:
    changed = {
        f"argo_{part}_resources": {"limits": {"memory": "1Gi"}},
        f"argo_{part}_container": {"args": ["--more"], "env": [{"name": "A", "value": "b"}]},
        f"argo_{part}_pod": {"terminationGracePeriodSeconds": 5, "volumes": [{"name": "v", "emptyDir": {}}]},
    }
    changed_container, plain = container(name, **changed), container(name)
    assert changed_container["resources"] == {"limits": {"memory": "1Gi"}}
    assert changed_container["args"] == [*plain["args"], "--more"]
    assert changed_container["env"] == [*plain.get("env", []), {"name": "A", "value": "b"}]
    assert pod(name, **changed)["terminationGracePeriodSeconds"] == 5
    assert {"name": "v", "emptyDir": {}} in pod(name, **changed)["volumes"]


def test_the_controller_sends_as_many_requests_as_it_is_told() -> None:
    args = controller(argo_controller_qps=50, argo_controller_burst=80)["args"]
    assert argument(args, "--qps") == "50" and argument(args, "--burst") == "80"


def test_an_object_that_cannot_be_read_does_not_end_the_controller() -> None:
    assert {"name": "INDEX_WORKFLOW_SEMAPHORE_KEYS", "value": "false"} in controller()["env"]


def test_a_variable_of_the_controllers_environment_that_is_given_takes_the_place_of_the_roles_own() -> None:
    """The API server refuses to apply two of one name."""
    given = {"name": "INDEX_WORKFLOW_SEMAPHORE_KEYS", "value": "true"}
    found = controller(argo_controller_container={"env": [given]})["env"]
    assert [item for item in found if item["name"] == given["name"]] == [given]
    assert [item["name"] for item in found] == ["LEADER_ELECTION_IDENTITY", "INDEX_WORKFLOW_SEMAPHORE_KEYS"]


def test_the_controller_gets_a_priority_class_only_if_one_is_named() -> None:
    named = {"argo_priority_class": "platform"}
    assert objects(**named)["PriorityClass platform"]["value"] == 1000000
    assert pod("workflow-controller", **named)["priorityClassName"] == "platform"
    assert "priorityClassName" not in pod("workflow-controller")
    assert not any(name.startswith("PriorityClass") for name in objects())


@pytest.mark.parametrize(
    ("tls", "scheme", "flag"),
    [
        ({"argo_server_tls": "self-signed"}, "HTTPS", None),
        ({"argo_server_tls": "off"}, "HTTP", "--secure=false"),
        ({"argo_server_tls": "secret", "argo_server_tls_secret": "cert"}, "HTTPS", "--tls-certificate-secret-name"),
    ],
)
def test_the_probe_speaks_what_the_server_serves(tls: dict[str, str], scheme: str, flag: str | None) -> None:
    assert server(**tls)["readinessProbe"]["httpGet"]["scheme"] == scheme
    given = [arg for arg in server(**tls)["args"] if arg in ("--secure=false", "--tls-certificate-secret-name")]
    assert given == ([flag] if flag else [])


def test_the_probe_starts_at_once_and_asks_every_second() -> None:
    probe = server()["readinessProbe"]
    assert probe["periodSeconds"] == 1 and "initialDelaySeconds" not in probe


def test_every_auth_mode_is_a_flag() -> None:
    sso = {"argo_server_auth_modes": ["client", "sso"], "argo_config": {"sso": {"issuer": "https://login.example"}}}
    assert [arg for arg in server(**sso)["args"] if "auth" in arg] == ["--auth-mode=client", "--auth-mode=sso"]


def test_the_base_href_is_a_flag_only_if_it_is_not_the_root() -> None:
    assert argument(server(argo_server_base_href="/argo/")["args"], "--base-href") == "/argo/"
    assert "--base-href" not in server()["args"]


def test_the_service_has_the_type_that_is_asked_for() -> None:
    service = objects(argo_server_service_type="NodePort")["Service argo/argo-server"]
    assert service["spec"]["type"] == "NodePort" and service["spec"]["ports"][0]["port"] == 2746


def test_only_who_is_named_reaches_the_server() -> None:
    peers = [{"ipBlock": {"cidr": "10.0.0.1/32"}}, {"namespaceSelector": {"matchLabels": {"team": "a"}}}]
    policy = objects(argo_server_allow_from=peers)["NetworkPolicy argo/argo-server"]["spec"]
    assert policy["podSelector"] == {"matchLabels": {"app": "argo-server"}} and policy["policyTypes"] == ["Ingress"]
    assert policy["ingress"] == [{"from": peers, "ports": [{"protocol": "TCP", "port": 2746}]}]
    assert "NetworkPolicy argo/argo-server" in removed(argo_server_allow_from=peers)


def test_namespace_labels_and_quota_are_there_if_asked_for() -> None:
    asked = {"argo_namespace_labels": {"team": "a"}, "argo_quota": {"requests.nvidia.com/gpu": 8}}
    assert objects(**asked)["Namespace argo"]["metadata"]["labels"] == {"team": "a"}
    assert objects(**asked)["ResourceQuota argo/argo-quota"]["spec"]["hard"] == {"requests.nvidia.com/gpu": 8}
    managed = objects(**asked, argo_managed_namespace="work")
    assert "ResourceQuota work/argo-quota" in managed, "it is the workflows that use GPUs"


# -- what the next play gets ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "url"),
    [
        ({}, "https://argo-server.argo.svc:2746/"),
        ({"argo_server_tls": "off", "argo_namespace": "team-a"}, "http://argo-server.team-a.svc:2746/"),
        ({"argo_server_base_href": "/argo/"}, "https://argo-server.argo.svc:2746/"),
    ],
)
def test_the_server_serves_at_the_root_wherever_a_proxy_puts_it(changed: dict[str, Any], url: str) -> None:
    assert value("__argo_installation.server_url", **changed) == url


@pytest.mark.parametrize(("base_href", "named"), [("/", True), ("/argo/", False)])
def test_the_playbook_of_the_ui_is_named_where_a_port_can_show_it(base_href: str, named: bool) -> None:
    installation = {"server_url": "https://argo-server.argo.svc:2746/", "ui_command": "ansible-playbook ui"}
    lines = value("__argo_farewell", argo_server_base_href=base_href, __argo_installation=installation)
    ready = (
        "Argo Workflows is ready in namespace argo; inside the cluster its server is https://argo-server.argo.svc:2746/"
    )
    assert lines == [ready] + ["To open the UI, with a token to log in: ansible-playbook ui"] * named


# -- removal ----------------------------------------------------------------------------------------------------------


def removed(**changed: Any) -> set[str]:
    return {name_of(item) for item in value("__argo_objects.absent", argo_state="absent", **changed)}


def test_removal_takes_what_was_installed_and_the_lease_and_keeps_namespace_and_crds() -> None:
    installed = {name for name in objects() if "/" in name}
    assert removed() == {*installed, "Lease argo/workflow-controller"}
    assert "Lease argo/workflow-controller-a" in removed(argo_instance_id="a")


def test_the_namespace_and_the_crds_go_only_by_name() -> None:
    assert removed(argo_remove=["namespace"]) - removed() == {"Namespace argo"}
    shared = removed(argo_crds="absent") - removed()
    assert len(shared) == 9 and "ClusterRole argo-workflows-tenant" in shared


# -- bad input --------------------------------------------------------------------------------------------------------


def test_the_defaults_are_accepted() -> None:
    assert problems() == ""


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"argo_namespace": "Team_A"}, 'argo_namespace "Team_A" is not a namespace name'),
        ({"argo_namespace": "a" * 64}, "at most 63"),
        ({"argo_managed_namespace": "-x"}, 'argo_managed_namespace "-x" is not a namespace name'),
        ({"argo_instance_id": "x" * 64}, "argo_instance_id"),
        (
            {"argo_instance_id": "Team_A"},
            'argo_instance_id "Team_A" cannot be part of the name of the controller\'s lease',
        ),
        ({"argo_instance_id": "a..b"}, 'argo_instance_id "a..b"'),
        ({"argo_version": "latest"}, 'argo_version "latest" is not a version'),
        ({"argo_version": "4.1.2"}, 'argo_version "4.1.2" is not a version: write it as v4.1.2'),
        ({"argo_config": {"parralelism": 1, "instanceId": "a"}}, "stop at: instanceId, parralelism"),
        ({"argo_config": {"config": "parallelism: 1"}}, "not both forms"),
        ({"argo_config": {"parallelism": 1}, "argo_parallelism": 2}, "argo_config sets parallelism"),
        ({"argo_server_tls": "secret"}, "argo_server_tls_secret"),
        (
            {
                "argo_server_tls": "off",
                "argo_server_container": {"readinessProbe": {"httpGet": {"scheme": "HTTPS"}}},
            },
            "set its scheme to HTTP",
        ),
        (
            {"argo_server_auth_modes": ["server"], "argo_server_service_type": "NodePort"},
            "submit workflows as any account. Change one of them, or set argo_server_open ",
        ),
        (
            {"argo_server_tls": "off", "argo_server_service_type": "LoadBalancer"},
            "argo_server_service_type is LoadBalancer, so that the server can be reached from outside of the cluster, "
            'and argo_server_tls is "off", so that tokens travel in the clear.',
        ),
        ({"argo_server_base_href": "argo"}, 'argo_server_base_href "argo" must start and end with "/"'),
        ({"argo_server_auth_modes": ["sso"]}, "set argo_config.sso"),
        ({"argo_config": {"sso": {"clientId": {"name": "sso", "key": "id"}}}}, "give that Secret another name"),
        ({"argo_client_token_file": "/tmp/token"}, "set argo_client to true"),
        ({"argo_client_subjects": [{"kind": "Group", "name": "a"}]}, "set argo_client to true"),
        (
            {"argo_client": True, "argo_client_token_file": "/tmp/token", "argo_client_token_seconds": 300},
            "argo_client_token_seconds is 300",
        ),
        ({"argo_crds": "absent"}, "does not work without its CRDs"),
        ({"argo_remove": ["workflows"]}, "argo_state"),
        ({"argo_state": "absent", "ansible_run_tags": ["argo_server"]}, "tags argo_server select a part of it"),
    ],
)
def test_a_wrong_variable_of_the_role_gets_a_sentence(changed: dict[str, Any], sentence: str) -> None:
    assert sentence in problems(**changed)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"argo_server_tls": False}, "argo_server_tls must be str. Put text (str) in quotes"),  # off, in YAML
        (
            {"argo_instance_id": 7, "argo_managed_namespace": None},
            "argo_managed_namespace must be str, argo_instance_id",
        ),
        ({"argo_server_auth_modes": "server"}, "argo_server_auth_modes must be list"),
        ({"argo_config": '{"parallelism": 5}'}, "argo_config must be dict"),
        ({"argo_node_selector": "a=b", "argo_version": 4}, "argo_version must be str, argo_node_selector must be dict"),
    ],
)
def test_a_value_of_a_wrong_type_is_named_before_anything_builds_on_it(changed: dict[str, Any], named: str) -> None:
    assert named in problems(**changed)
    assert len(value("__argo_problems", **changed)) == 1


TEXT = [
    *({name: "false"} for name in ("argo_client", "argo_tenants")),
    {"argo_parallelism": "0"},
    {"argo_namespace_parallelism": "0"},
]
"""What `-e NAME=VALUE` and an INI inventory give: every value is text."""


@pytest.mark.parametrize("changed", TEXT)
def test_text_of_the_command_line_is_read_as_its_type(changed: dict[str, str]) -> None:
    assert objects(**changed) == objects()


def test_numbers_of_the_command_line_are_numbers_of_the_configuration() -> None:
    """The controller ends at `parallelism: "5"`."""
    found = config(argo_parallelism="5", argo_namespace_parallelism="3")
    assert (found["parallelism"], found["namespaceParallelism"]) == (5, 3)
    with_token = {"argo_client": "true", "argo_client_token_file": "/tmp/token"}
    assert problems(**with_token, argo_client_token_seconds="7200") == ""
    assert "is 300" in problems(**with_token, argo_client_token_seconds="300")


@pytest.mark.parametrize(
    "changed",
    [
        {"argo_instance_id": "team-a.1"},
        {"argo_server_auth_modes": ["server"], "argo_server_tls": "off"},
        {"argo_server_auth_modes": ["client"], "argo_server_service_type": "NodePort"},
        {"argo_server_tls": "off", "argo_server_service_type": "NodePort", "argo_server_open": "true"},
        {"argo_instance_id": "x" * 63},
        {"argo_client_token_seconds": 300},
        {"argo_state": "absent", "ansible_run_tags": ["site"]},
        {"argo_client": True, "argo_client_token_file": "/tmp/token", "argo_client_token_seconds": 600},
    ],
)
def test_variables_that_work_are_accepted(changed: dict[str, Any]) -> None:
    assert problems(**changed) == ""


def test_all_wrong_variables_are_named_at_once() -> None:
    said = problems(argo_namespace="A", argo_version="x", argo_config={"foo": 1})
    assert "argo_namespace" in said and "argo_version" in said and "foo" in said


# -- the role's tasks and documents -----------------------------------------------------------------------------------


def tasks_of(file: str) -> list[dict[str, Any]]:
    return DataLoader().load_from_file(str(ROLE / "tasks" / file), trusted_as_template=True)


def test_no_loop_of_the_role_hides_the_item_of_a_loop_around_the_role() -> None:
    """`argo_namespace: "{{ item }}"` is looked up anew in every task."""
    files = [tasks_of(file.name) for file in (ROLE / "tasks").iterdir()]
    tasks = [
        inner for file in files for task in file for inner in [task, *task.get("block", ()), *task.get("rescue", ())]
    ]
    names = [task.get("loop_control", {}).get("loop_var", "item") for task in tasks if "loop" in task]
    assert len(names) == 5 and all(name.startswith("__argo_") for name in names)


def test_what_cannot_be_put_back_is_removed_only_when_argo_serves() -> None:
    loops = [task.get("loop", "") for task in tasks_of("apply.yml")]
    (block,) = (number for number, task in enumerate(tasks_of("apply.yml")) if "rescue" in task)
    (removal,) = (number for number, loop in enumerate(loops) if "__argo_plan.removals" in loop)
    assert removal > block


def test_a_token_that_cannot_be_written_is_found_before_anything_is_changed() -> None:
    names = [next(iter(task.keys() & {"argo.workflows.argo_token", "block"}), "") for task in tasks_of("apply.yml")]
    tried = names.index("argo.workflows.argo_token")
    assert tried < names.index("block") and tasks_of("apply.yml")[tried]["check_mode"] is True


def with_plan(expression: str, changed: dict[str, Any], **plan: Any) -> Any:
    """What follows from a plan, with some variables changed."""
    templar = Templar(loader=DataLoader(), variables=variables(**changed) | {"__argo_plan": plan})
    return templar.template(trust_as_template("{{ " + expression + " }}"))


@pytest.mark.parametrize(
    ("file", "tag", "told"),
    [("", "all", False), ("/token", "all", True), ("/token", "argo_rbac", False), ("/token", "argo_server", True)],
)
def test_check_mode_tells_of_the_token(file: str, tag: str, told: bool) -> None:
    (task,) = (task for task in tasks_of("apply.yml")[-1:] if "argo.workflows.argo_token" in task)
    changed = {"argo_client_token_file": file, "ansible_run_tags": [tag]}
    assert with_plan(task["when"], changed, check_mode=True) is told


@pytest.mark.parametrize(
    ("extra", "tag", "accepts", "applied"),
    [
        ([], "all", True, False),
        ([{"kind": "Ingress"}], "all", True, True),
        ([{"kind": "Ingress"}], "all", False, False),
        ([{"kind": "Ingress"}], "argo_config", True, False),
    ],
)
def test_the_extra_objects_come_with_the_whole_installation(
    extra: list[dict[str, Any]], tag: str, accepts: bool, applied: bool
) -> None:
    changed = {"argo_extra_objects": extra, "ansible_run_tags": [tag]}
    steps = with_plan("__argo_extra_steps", changed, accepts_objects=accepts)
    assert [step["objects"] for step in steps] == ([extra] if applied else [])


@pytest.mark.parametrize(
    ("changed", "plan", "included"),
    [
        ({}, {"changes": False}, []),
        ({}, {"changes": True}, ["apply.yml"]),
        ({"argo_client_token_file": "/token"}, {"changes": False}, ["apply.yml"]),
        ({"argo_extra_objects": [{"kind": "Ingress"}]}, {"changes": False}, ["apply.yml"]),
        ({"argo_state": "absent"}, {"changes": True}, ["absent.yml"]),
    ],
)
def test_only_what_has_something_to_do_is_included(
    changed: dict[str, Any], plan: dict[str, Any], included: list[str]
) -> None:
    tasks = [task for task in tasks_of("main.yml")[0]["block"] if "ansible.builtin.include_tasks" in task]
    chosen = [
        task["ansible.builtin.include_tasks"]["file"] for task in tasks if with_plan(task["when"], changed, **plan)
    ]
    files = [with_plan(file.strip("{} "), changed) for file in chosen]
    assert files == included


def test_every_variable_has_a_specification_with_the_same_default_and_a_sentence() -> None:
    options = yaml.safe_load((ROLE / "meta/argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
    defaults = yaml.safe_load((ROLE / "defaults/main.yml").read_text())
    assert options.keys() == defaults.keys()
    for name, option in options.items():
        assert option["description"].endswith("."), name
        if "{{" not in str(defaults[name]):
            assert option["default"] == defaults[name], name
