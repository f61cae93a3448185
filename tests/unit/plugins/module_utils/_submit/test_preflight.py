# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Workflow's pods need and will not get is said before it is submitted; what may not be read is left out."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._submit import preflight
from ansible_collections.argo.workflows.plugins.module_utils._submit.manifest import ManifestError

Json = dict[str, Any]


class Seen:
    """A cluster in which everything that is asked for by name exists, except for `missing`."""

    def __init__(
        self,
        missing: tuple[str, ...] = (),
        forbidden: bool = False,
        rights: bool = True,
        defaults: Json | None = None,
        **objects: Any,
    ) -> None:
        self.controller_defaults = {} if defaults is None else defaults
        self.missing = missing
        self.forbidden = forbidden
        self.rights = rights
        self.kinds: dict[str, list[Json]] = {"Node": [node("n1", 8)], **objects}

    def objects(self, kind: str) -> list[Json] | None:
        return None if self.forbidden else self.kinds.get(kind, [])

    def exists(self, kind: str, name: str) -> bool | None:
        return None if self.forbidden else f"{kind}/{name}" not in self.missing

    def read(self, kind: str, name: str) -> Json | None:
        found = [item for item in self.kinds.get(kind, []) if item["metadata"]["name"] == name]
        return None if self.forbidden or not found else found[0]

    def defaults(self) -> Json | None:
        return None if self.forbidden else self.controller_defaults

    def allowed(self, service_account: str, verb: str, group: str, resource: str) -> bool | None:
        return None if self.forbidden else self.rights or verb == "create"


def node(name: str, gpus: int, labels: dict[str, str] | None = None, **spec: Any) -> Json:
    allocatable = {"cpu": "4", "nvidia.com/gpu": str(gpus)} if gpus else {"cpu": "4"}
    return {"metadata": {"name": name, "labels": labels or {}}, "spec": spec, "status": {"allocatable": allocatable}}


def workflow(spec: Json | None = None, container: Json | None = None, **template: Any) -> Json:
    main = {
        "image": "x",
        "resources": {"limits": {"nvidia.com/gpu": 2}, "requests": {"cpu": "500m"}},
        **(container or {}),
    }
    return {"metadata": {}, "spec": {**(spec or {}), "templates": [{"name": "work", "container": main, **template}]}}


def findings(manifest: Json, look: Seen) -> list[str]:
    return [finding.text for finding in preflight.findings(manifest, "team-a", look)]


def test_text_that_is_not_an_amount_is_named_with_its_template() -> None:
    container = {"resources": {"limits": {"memory": "16GB"}}}
    with pytest.raises(ManifestError, match="memory of the template work: '16GB' is not a quantity"):
        findings(workflow(container=container), Seen())


def test_a_node_selector_may_have_values_that_are_not_text() -> None:
    (finding,) = findings(workflow(nodeSelector={"gpu": True}), Seen())
    assert "not labelled gpu=True" in finding


def test_a_workflow_that_gets_what_it_needs_has_no_findings() -> None:
    account = {"serviceAccountName": "argo-workflow", "imagePullSecrets": [{"name": "registry"}]}
    assert findings(workflow(account, nodeSelector={}), Seen()) == []


def test_no_gpu_on_any_node_is_said_with_what_is_allocatable() -> None:
    look = Seen(Node=[node("n1", 0), node("n2", 0)])
    assert findings(workflow(), look) == [
        "no node can run the template work, which asks for 2 nvidia.com/gpu a pod "
        "(allocatable in the cluster: 0 nvidia.com/gpu; n1, n2: no nvidia.com/gpu)"
    ]


def test_many_small_nodes_are_not_one_large_one() -> None:
    look = Seen(Node=[node(f"n{number}", 1) for number in range(5)])
    (finding,) = findings(workflow(), look)
    assert (
        "allocatable in the cluster: 5 nvidia.com/gpu; n0, n1, n2 and 2 more: 1 nvidia.com/gpu allocatable" in finding
    )


def test_a_cluster_without_nodes_is_called_that() -> None:
    assert "there is no node" in findings(workflow(), Seen(Node=[]))[0]


TAINT = {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}


@pytest.mark.parametrize(
    ("nodes", "template", "reason"),
    [
        ([node("n", 8)], {"nodeSelector": {"pool": "a100"}}, "n: not labelled pool=a100"),
        ([node("n", 8, taints=[TAINT])], {}, "tainted nvidia.com/gpu=present:NoSchedule and not tolerated"),
        ([node("n", 8, unschedulable=True)], {}, "n: cordoned"),
        ([node("n", 8, {"vram": "24"})], {"affinity": "Gt"}, "n: not chosen by the node affinity"),
    ],
)
def test_the_reason_why_a_node_with_gpus_is_no_use_is_said(nodes: list[Json], template: Json, reason: str) -> None:
    if template.get("affinity") == "Gt":
        template = {"affinity": affinity({"key": "vram", "operator": "Gt", "values": ["40"]})}
    (finding,) = findings(workflow(**template), Seen(Node=nodes))
    assert reason in finding


def affinity(*rules: Json) -> Json:
    terms = [{"matchExpressions": list(rules)}]
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}


@pytest.mark.parametrize(
    "toleration",
    [
        {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"},
        {"operator": "Exists"},
        {"key": "nvidia.com/gpu", "value": "present"},
    ],
)
def test_a_tolerated_taint_keeps_nobody_off(toleration: Json) -> None:
    assert findings(workflow(tolerations=[toleration]), Seen(Node=[node("n", 8, taints=[TAINT])])) == []


@pytest.mark.parametrize(
    ("rule", "fits"),
    [
        ({"operator": "In", "values": ["A100", "H100"]}, True),
        ({"operator": "In", "values": ["T4"]}, False),
        ({"operator": "NotIn", "values": ["A100"]}, False),
        ({"operator": "Exists"}, True),
        ({"operator": "DoesNotExist"}, False),
        ({"operator": "Gt", "values": ["1"]}, False),
    ],
)
def test_node_affinity_means_what_it_means_to_the_scheduler(rule: Json, fits: bool) -> None:
    look = Seen(Node=[node("n", 8, {"class": "A100"})])
    assert (findings(workflow(affinity=affinity({"key": "class", **rule})), look) == []) is fits


def quota(hard: Json, used: Json | None = None) -> Json:
    return {"metadata": {"name": "gpus"}, "spec": {"hard": hard}, "status": {"used": used or {}}}


def test_a_quota_below_one_pod_and_a_quota_used_up_are_told_apart() -> None:
    never = findings(workflow(), Seen(ResourceQuota=[quota({"requests.nvidia.com/gpu": "1"})]))
    assert never == [
        "the quota gpus of team-a allows 1 requests.nvidia.com/gpu, and a pod of the template work asks for 2"
    ]
    full = quota({"requests.nvidia.com/gpu": "8", "cpu": "10"}, {"requests.nvidia.com/gpu": "7"})
    (now,) = findings(workflow(), Seen(ResourceQuota=[full]))
    assert "has no room for a pod of the template work now: 7 of 8 requests.nvidia.com/gpu are used" in now


@pytest.mark.parametrize(("used", "severe"), [("0", []), ("7", [False]), ("9", [False])])
def test_only_a_quota_that_is_used_up_now_is_no_severe_finding(used: str, severe: list[bool]) -> None:
    full = quota({"requests.nvidia.com/gpu": "8"}, {"requests.nvidia.com/gpu": used})
    found = preflight.findings(workflow(), "team-a", Seen(ResourceQuota=[full]))
    assert [finding.severe for finding in found] == severe
    found = preflight.findings(workflow(), "team-a", Seen(ResourceQuota=[quota({"requests.nvidia.com/gpu": "1"})]))
    assert [finding.severe for finding in found] == [True]


def test_a_limit_range_below_what_is_asked_for_is_said() -> None:
    limits = {"metadata": {"name": "small"}, "spec": {"limits": [{"type": "Container", "max": {"cpu": "250m"}}]}}
    (finding,) = findings(workflow(), Seen(LimitRange=[limits]))
    assert finding == (
        "the limit range small of team-a allows 250m cpu a container, and the template work asks for more"
    )


def test_secrets_config_maps_and_claims_of_the_pods_have_to_exist() -> None:
    container = {
        "env": [
            {"name": "A", "valueFrom": {"secretKeyRef": {"name": "token", "key": "k"}}},
            {"name": "B", "valueFrom": {"secretKeyRef": {"name": "maybe", "key": "k", "optional": True}}},
            {"name": "ITEM", "valueFrom": {"configMapKeyRef": {"name": "{{workflow.name}}-items", "key": "0"}}},
        ]
    }
    volumes = [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}, {"name": "e", "emptyDir": {}}]
    manifest = workflow(
        {"imagePullSecrets": [{"name": "registry"}]}, container, volumes=volumes, priorityClassName="high"
    )
    missing = (
        "Secret/token",
        "Secret/maybe",
        "Secret/registry",
        "PersistentVolumeClaim/data",
        "PriorityClass/high",
    )
    assert findings(manifest, Seen(missing)) == [
        "there is no Secret registry in team-a",
        "there is no PriorityClass high",
        "there is no PersistentVolumeClaim data in team-a",
        "there is no Secret token in team-a",
    ]


def test_an_account_that_is_missing_or_has_no_rights_is_said() -> None:
    manifest = workflow({"serviceAccountName": "runner"})
    assert findings(manifest, Seen(("ServiceAccount/runner",))) == ["there is no service account runner in team-a"]
    (finding,) = findings(manifest, Seen(rights=False))
    assert finding.startswith("the service account runner may not patch workflowtaskresults.argoproj.io in team-a")


def test_objects_that_may_not_be_read_are_not_a_finding() -> None:
    manifest = workflow({"serviceAccountName": "runner", "imagePullSecrets": [{"name": "registry"}]})
    assert findings(manifest, Seen(forbidden=True)) == []


# --- what comes from elsewhere, and what cannot be known -------------------------------------------------------------


POOL = {"key": "pool", "value": "gpu", "effect": "NoSchedule"}
TOLERATES = [{"key": "pool", "operator": "Exists"}]
TAINTED = [node("n", 8, taints=[POOL])]


@pytest.mark.parametrize(
    "rule",
    [
        {"key": "class", "operator": "In", "values": ["{{workflow.parameters.class}}"]},
        {"key": "class", "operator": "NotIn", "values": ["{{inputs.parameters.class}}"]},
        {"key": "vram", "operator": "Gt", "values": ["{{inputs.parameters.vram}}"]},
        {"key": "{{workflow.parameters.label}}", "operator": "Exists"},
    ],
)
def test_a_node_affinity_that_a_parameter_decides_is_left_out(rule: Json) -> None:
    assert findings(workflow(affinity=affinity(rule)), Seen()) == []


def test_one_rule_that_a_parameter_decides_does_not_hide_another() -> None:
    rules = {"key": "a", "operator": "In", "values": ["{{x}}"]}, {"key": "class", "operator": "In", "values": ["T4"]}
    (finding,) = findings(workflow(affinity=affinity(*rules)), Seen())
    assert "n1: not chosen by the node affinity" in finding


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"operator": "in", "values": ["a"]}, "has the operator in, which is none of In, NotIn, Exists"),
        ({"values": ["a"]}, "has the operator None, which is none of In"),
        ({"operator": "Gt", "values": ["39.5"]}, "compares by Gt, which takes one whole number as text: ['39.5']"),
        ({"operator": "Lt"}, "compares by Lt, which takes one whole number as text: []"),
    ],
)
@pytest.mark.parametrize("resources", [{}, {"limits": {"nvidia.com/gpu": 1}}])
def test_a_mistake_in_a_node_affinity_gets_a_sentence(rule: Json, said: str, resources: Json) -> None:
    manifest = workflow(container={"resources": resources}, affinity=affinity({"key": "class", **rule}))
    (finding,) = preflight.findings(manifest, "team-a", Seen())
    assert finding.severe and f"the node affinity of the template work for class {said}" in finding.text


@pytest.mark.parametrize(
    ("spec", "template", "defaults"),
    [
        ({"tolerations": TOLERATES}, {}, {}),
        ({"templateDefaults": {"tolerations": TOLERATES}}, {}, {}),
        ({"podSpecPatch": '{"tolerations": [{"key": "pool", "operator": "Exists"}]}'}, {}, {}),
        ({}, {"podSpecPatch": "tolerations: [{key: pool, operator: Exists}]"}, {}),
        ({}, {}, {"spec": {"tolerations": TOLERATES}}),
        ({}, {}, {"spec": {"templateDefaults": {"tolerations": TOLERATES}}}),
    ],
    ids=["spec", "templateDefaults", "podSpecPatch", "its own podSpecPatch", "workflowDefaults", "both defaults"],
)
def test_a_toleration_counts_wherever_it_comes_from(spec: Json, template: Json, defaults: Json) -> None:
    look = Seen(Node=TAINTED, defaults=defaults)
    assert findings(workflow(spec, **template), look) == []
    assert findings(workflow(), Seen(Node=TAINTED)) != []


def test_a_template_that_calls_this_one_may_say_where_it_runs() -> None:
    manifest = workflow()
    steps = {"name": "main", "steps": [[{"name": "a", "template": "work"}]], "tolerations": TOLERATES}
    manifest["spec"]["templates"].append(steps)
    assert findings(manifest, Seen(Node=TAINTED)) == []


def test_a_templates_node_selector_takes_the_place_of_the_workflows() -> None:
    manifest = workflow({"nodeSelector": {"pool": "cpu"}}, nodeSelector={"pool": "gpu"})
    assert findings(manifest, Seen(Node=[node("n", 8, {"pool": "gpu"})])) == []


@pytest.mark.parametrize(
    ("taint", "defaults", "severe"),
    [(TAINT, {}, False), (POOL, {}, True), (POOL, None, False)],
    ids=["a taint of the device itself", "another taint", "and the controller's defaults cannot be read"],
)
def test_a_taint_is_severe_only_where_no_toleration_can_come_from_elsewhere(
    taint: Json, defaults: Json | None, severe: bool
) -> None:
    look = Seen(Node=[node("n", 8, taints=[taint])])
    look.controller_defaults = defaults  # type: ignore[assignment]
    (finding,) = preflight.findings(workflow(), "team-a", look)
    assert finding.severe is severe and "and not tolerated" in finding.text
    assert ("unless by" in finding.text) is not severe


def test_gpus_in_a_pod_spec_patch_are_counted() -> None:
    patch = '{"containers": [{"name": "main", "resources": {"limits": {"nvidia.com/gpu": 16}}}]}'
    (finding,) = findings(workflow(podSpecPatch=patch), Seen())
    assert "asks for 16 nvidia.com/gpu a pod" in finding


@pytest.mark.parametrize(
    ("patch", "said"),
    [
        (
            '{"containers": [{"name": "main", "resources": {"limits": {"nvidia.com/gpu": "{{workflow.name}}"}}}]}',
            [],
        ),
        (
            "nodeSelector: {{inputs.parameters.place}}",
            [
                "the podSpecPatch of the template work has a placeholder outside of quotes, "
                "so what it adds to the pods was not looked at"
            ],
        ),
    ],
)
def test_what_a_parameter_puts_into_a_pod_spec_patch_is_left_out_or_said(patch: str, said: list[str]) -> None:
    found = preflight.findings(workflow(podSpecPatch=patch), "team-a", Seen(Node=[node("n", 2)]))
    assert [finding.text for finding in found] == said and not any(finding.severe for finding in found)


def referring(name: str = "trainer", **reference: Any) -> Json:
    return {"metadata": {}, "spec": {"workflowTemplateRef": {"name": name, **reference}}}


@pytest.mark.parametrize("kind", ["WorkflowTemplate", "ClusterWorkflowTemplate"])
def test_what_a_workflow_template_needs_is_looked_for(kind: str) -> None:
    spec = workflow(container={"resources": {"limits": {"nvidia.com/gpu": 99}}})["spec"]
    templates: dict[str, Any] = {kind: [{"metadata": {"name": "trainer"}, "spec": spec}]}
    look = Seen(**templates)
    (finding,) = findings(referring(clusterScope=kind.startswith("Cluster")), look)
    assert "no node can run the template work, which asks for 99 nvidia.com/gpu a pod" in finding


def test_a_workflow_template_that_is_missing_or_cannot_be_read_is_said() -> None:
    (missing,) = preflight.findings(referring(), "team-a", Seen(("WorkflowTemplate/trainer",)))
    assert missing.severe and missing.text == "there is no WorkflowTemplate trainer in team-a"
    (unreadable,) = preflight.findings(referring(), "team-a", Seen(forbidden=True))
    assert not unreadable.severe and "what its pods need was not looked at" in unreadable.text


def test_the_account_that_the_controller_gives_by_default_is_looked_for() -> None:
    look = Seen(("ServiceAccount/argo-workflow",), defaults={"spec": {"serviceAccountName": "argo-workflow"}})
    assert findings(workflow(), look) == ["there is no service account argo-workflow in team-a"]
