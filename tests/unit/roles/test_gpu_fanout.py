# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Workflow that role gpu_fanout renders, for every variable, by Ansible's own templating in this process."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

from ansible_collections.argo.workflows.plugins.module_utils._follow.diagnosis import DIAGNOSES
from ansible_collections.argo.workflows.plugins.module_utils._submit import fanout as _fanout
from ansible_collections.argo.workflows.plugins.module_utils._submit.checks import check
from ansible_collections.argo.workflows.plugins.module_utils._submit.fanout import runs, without_nulls
from ansible_collections.argo.workflows.plugins.module_utils._submit.manifest import ManifestError, read

ROLE = Path(__file__).parents[3] / "roles" / "gpu_fanout"


@cache
def role_variables() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for file in ("defaults/main.yml", "vars/main.yml"):
        found |= DataLoader().load_from_file(str(ROLE / file), trusted_as_template=True)
    return found


def options() -> dict[str, Any]:
    spec = yaml.safe_load((ROLE / "meta/argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
    return {name: option for name, option in spec.items() if name.startswith("gpu_fanout_")}


def variables(**changed: Any) -> dict[str, Any]:
    base = {"script": "nvidia-smi", "logs_dir": "logs"}
    changed = {f"gpu_fanout_{name}": value for name, value in (base | changed).items()}
    unknown = changed.keys() - role_variables().keys()
    assert not unknown, f"no such variables: {unknown}"
    return role_variables() | changed


def spec(**changed: Any) -> dict[str, Any]:
    """The spec of the Workflow for the items ["a"]; it is one that Argo takes."""
    plan = _fanout.plan(["a"])
    fanout = {"arguments": plan.arguments, "inputs": plan.inputs, "env": plan.env}
    templar = Templar(loader=DataLoader(), variables=variables(**changed) | {"fanout": fanout})
    template = trust_as_template((ROLE / "templates/fanout.yaml.j2").read_text())
    text = templar.template(template, overrides={"variable_start_string": "[[", "variable_end_string": "]]"})
    (run,) = runs(without_nulls(read(text, "fanout.yaml.j2")), plan)
    assert check(run.definition) == []
    return dict(run.definition["spec"])


def work(**changed: Any) -> dict[str, Any]:
    """The template that has the container."""
    return dict(spec(**changed)["templates"][1])


def problems(**changed: Any) -> str:
    templar = Templar(loader=DataLoader(), variables=variables(**changed) | {"role_path": str(ROLE)})
    texts = templar.template(trust_as_template("{{ __gpu_fanout_texts }}"))
    return " ".join(texts or templar.template(trust_as_template("{{ __gpu_fanout_problems }}")))


@pytest.mark.parametrize("said", [None, "/of/another/program"])
def test_logs_go_by_default_to_the_folder_where_ansible_was_started(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, said: str | None
) -> None:
    """A service, sudo or a program that starts Ansible leaves the variable PWD out, or leaves its own in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PWD", raising=False)
    if said:
        monkeypatch.setenv("PWD", said)
    templar = Templar(loader=DataLoader(), variables=role_variables())
    assert templar.template(role_variables()["gpu_fanout_logs_dir"]) == str(tmp_path / "logs")


def test_every_variable_is_said_once_with_the_same_default() -> None:
    defaults = DataLoader().load_from_file(str(ROLE / "defaults/main.yml"), trusted_as_template=True)
    assert defaults.keys() == options().keys()
    for name, option in options().items():
        if "default" in option:
            assert option["default"] == defaults[name], name


@pytest.mark.parametrize("name", [name for name, option in options().items() if option["type"] in ("list", "dict")])
def test_text_is_refused_for_every_list_and_dictionary(name: str) -> None:
    """workflow_wait takes give_up_on as text, too."""
    assert problems(**{name.removeprefix("gpu_fanout_"): "a"}) == ("" if name == "gpu_fanout_give_up_on" else name)


def refusal(**changed: Any) -> str:
    """What Ansible says before the role's first task."""
    given = {f"gpu_fanout_{name}": value for name, value in changed.items()}
    return " ".join(ArgumentSpecValidator(options()).validate(given).error_messages)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"image_pull_policy": "always"}, "must be one of: , Always, IfNotPresent, Never, got: always"),
        ({"give_up_on": ["unscheduleable"]}, "must be one or more of: unschedulable, image"),
        ({"claims": [{"claim": "data"}]}, "missing required arguments: path found in gpu_fanout_claims"),
        ({"claims": [{"path": "/data"}]}, "missing required arguments: claim found in gpu_fanout_claims"),
        ({"scratch": [{"size": "1Gi"}]}, "missing required arguments: path found in gpu_fanout_scratch"),
        ({"scratch": [{"path": "/s", "limit": "1Gi"}]}, "gpu_fanout_scratch.limit. Supported parameters include: path"),
    ],
)
def test_an_option_that_is_misspelt_or_incomplete_is_refused_before_anything_starts(
    changed: dict[str, Any], sentence: str
) -> None:
    assert sentence in refusal(**changed)


@pytest.mark.parametrize(
    "changed",
    [
        {"image_pull_policy": ""},
        {"image_pull_policy": "IfNotPresent"},
        {"give_up_on": []},
        {"give_up_on": list(DIAGNOSES)},
        {"claims": [{"claim": "data", "path": "/data"}]},
        {"claims": [{"claim": "data", "path": "/data", "sub_path": "a", "read_only": True}]},
        {"scratch": [{"path": "/a"}, {"path": "/b", "size": "1Gi"}]},
    ],
)
def test_options_that_are_spelt_right_and_complete_are_taken(changed: dict[str, Any]) -> None:
    assert refusal(**changed) == ""


def test_every_variable_that_the_readme_names_exists() -> None:
    facts = {f"gpu_fanout_{name}" for name in ("results", "summary", "workflows", "rendered")}
    assert set(re.findall(r"gpu_fanout_\w+", (ROLE / "README.md").read_text())) - facts <= options().keys()


def test_retry_and_deadline_stand_on_the_step_and_nowhere_else() -> None:
    assert work()["retryStrategy"] == {
        "limit": 4,
        "retryPolicy": "Always",
        "backoff": {"duration": "15s", "factor": 2},
    }
    assert work()["activeDeadlineSeconds"] == 3600
    main = spec()["templates"][0]
    for place in (spec(), main):
        assert not place.keys() & {"retryStrategy", "activeDeadlineSeconds", "podGC"}


def test_each_item_gets_a_pod_with_one_gpu_that_tolerates_the_taint_of_gpu_nodes() -> None:
    (step,) = spec()["templates"][0]["steps"][0]
    assert (step["name"], step["template"], step["withParam"]) == ("item", "work", "{{workflow.parameters.items}}")
    assert work()["script"]["resources"]["limits"] == {"nvidia.com/gpu": 1}
    assert work()["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    assert work(gpu_resource="amd.com/gpu")["tolerations"][0]["key"] == "amd.com/gpu"


def at(place: Any, path: str) -> Any:
    for part in path.split("/"):
        place = place[int(part)] if isinstance(place, list) else place[part]
    return place


NODE_AFFINITY = (
    "affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms/0/matchExpressions/0"
)


@pytest.mark.parametrize(
    ("changed", "path", "expected"),
    [
        ({"image": "r/i:1"}, "script/image", "r/i:1"),
        ({"image_pull_policy": "Never"}, "script/imagePullPolicy", "Never"),
        ({"script": "a\n'b' \"c\""}, "script/source", "a\n'b' \"c\""),
        ({"interpreter": ["python3"]}, "script/command", ["python3"]),
        ({"script": "", "command": ["x", "$(ITEM)"], "args": ["-v"]}, "container/command", ["x", "$(ITEM)"]),
        ({"script": "", "args": ["-v"]}, "container/args", ["-v"]),
        ({"working_dir": "/w"}, "script/workingDir", "/w"),
        ({"env": {"A": "{{x}}: 'y'"}}, "script/env/2", {"name": "A", "value": "{{x}}: 'y'"}),
        ({"env": {"A": True}}, "script/env/2/value", "true"),
        ({"env_from_secrets": {"A": {"name": "s", "key": "k"}}}, "script/env/2/valueFrom/secretKeyRef/key", "k"),
        (
            {"env_from_config_maps": {"A": {"name": "s", "key": "k"}}},
            "script/env/2/valueFrom/configMapKeyRef/name",
            "s",
        ),
        ({"cpu": "500m"}, "script/resources/requests", {"cpu": "500m"}),
        ({"memory": "1Gi"}, "script/resources/limits", {"memory": "1Gi", "nvidia.com/gpu": 1}),
        ({"gpus": 0}, "script/resources/limits", {}),
        (
            {"gpus": 2, "gpu_resource": "nvidia.com/mig-1g.10gb"},
            "script/resources/limits",
            {"nvidia.com/mig-1g.10gb": 2},
        ),
        ({"node_selector": {"pool": "a"}}, "nodeSelector", {"pool": "a"}),
        ({"runtime_class": "nvidia"}, "podSpecPatch", '{"runtimeClassName": "nvidia"}'),
        ({"priority_class": "high"}, "priorityClassName", "high"),
        ({"queue": "team-a"}, "metadata/labels", {"kueue.x-k8s.io/queue-name": "team-a"}),
        ({"shm_size": "8Gi"}, "volumes/0/emptyDir", {"medium": "Memory", "sizeLimit": "8Gi"}),
        ({"shm_size": "8Gi"}, "script/volumeMounts/0/mountPath", "/dev/shm"),
        (
            {"claims": [{"claim": "d", "path": "/d", "sub_path": "s"}]},
            "volumes/0/persistentVolumeClaim",
            {"claimName": "d"},
        ),
        ({"claims": [{"claim": "d", "path": "/d", "sub_path": "s"}]}, "script/volumeMounts/0/subPath", "s"),
        ({"claims": [{"claim": "d", "path": "/d", "read_only": True}]}, "script/volumeMounts/0/readOnly", True),
        ({"scratch": [{"path": "/s", "size": "5Gi"}]}, "volumes/0/emptyDir", {"sizeLimit": "5Gi"}),
        ({"scratch": [{"path": "/s"}]}, "volumes/0/emptyDir", {}),
        ({"input_artifacts": [{"name": "i", "path": "/i"}]}, "inputs/artifacts/0/name", "i"),
        ({"output_artifacts": [{"name": "o", "path": "/o"}]}, "outputs/artifacts/0/name", "o"),
        ({"output_path": "/o"}, "outputs/parameters/0/valueFrom", {"path": "/o", "default": ""}),
        ({"retry_limit": 1}, "retryStrategy/limit", 1),
        ({"retry_policy": "OnError"}, "retryStrategy/retryPolicy", "OnError"),
        ({"retry_backoff": {"duration": "1m"}}, "retryStrategy/backoff", {"duration": "1m"}),
        ({"active_deadline_seconds": 60}, "activeDeadlineSeconds", 60),
        (
            {"no_retry_on": ["deadline", 42], "retry_expression": "lastRetry.status == 'Error' || true"},
            "retryStrategy/expression",
            "!(lastRetry.message matches 'longer than the specified deadline') && asInt(lastRetry.exitCode) != 42"
            " && (lastRetry.status == 'Error' || true)",
        ),
        (
            {"gpu_class": {"label": "coreweave_vram", "more_than": 40}},
            NODE_AFFINITY,
            {"key": "gpu.nvidia.com/vram", "operator": "Gt", "values": ["40"]},
        ),
        (
            {"gpu_class": {"label": "example.com/card", "any_of": ["A100", "H100"]}},
            NODE_AFFINITY,
            {"key": "example.com/card", "operator": "In", "values": ["A100", "H100"]},
        ),
    ],
)
def test_the_value_of_a_variable_is_in_the_template(changed: dict[str, Any], path: str, expected: Any) -> None:
    assert at(work(**changed), path) == expected


@pytest.mark.parametrize(
    ("changed", "path", "expected"),
    [
        ({"step": "echo"}, "templates/0/steps/0/0/name", "echo"),
        ({"parallelism": 3}, "parallelism", 3),
        ({"service_account": "runner"}, "serviceAccountName", "runner"),
        ({"pull_secrets": ["registry"]}, "imagePullSecrets", [{"name": "registry"}]),
        ({"ttl_seconds": 900}, "ttlStrategy", {"secondsAfterCompletion": 900}),
    ],
)
def test_the_value_of_a_variable_is_in_the_workflow(changed: dict[str, Any], path: str, expected: Any) -> None:
    assert at(spec(**changed), path) == expected


@pytest.mark.parametrize(
    ("changed", "path", "expected"),
    [
        ({"script": "", "command": ["sleep", 5]}, "container/command", ["sleep", "5"]),
        ({"script": "", "args": ["--lr", 0.1, True]}, "container/args", ["--lr", "0.1", "true"]),
        ({"node_selector": {"gpu": True}}, "nodeSelector", {"gpu": "true"}),
    ],
)
def test_numbers_and_truth_values_become_text_where_kubernetes_takes_text_alone(
    changed: dict[str, Any], path: str, expected: Any
) -> None:
    """A Workflow with another value is refused by Argo's controller once it is submitted."""
    assert at(work(**changed), path) == expected


@pytest.mark.parametrize("given", ["0", "600"])
@pytest.mark.parametrize("name", [name for name, option in options().items() if option["type"] == "int"])
def test_a_number_of_the_command_line_is_a_number(name: str, given: str) -> None:
    text, number = ({name.removeprefix("gpu_fanout_"): value} for value in (given, int(given)))
    assert spec(**text) == spec(**number)
    assert problems(**text) == problems(**number)


@pytest.mark.parametrize("name", [name for name, option in options().items() if option["type"] == "bool"])
def test_a_false_of_the_command_line_is_false(name: str) -> None:
    assert problems(**{name.removeprefix("gpu_fanout_"): "false"}) == ""
    tasks = [task for file in (ROLE / "tasks").iterdir() for task in yaml.safe_load(file.read_text())]
    conditions = " ".join(str(task.get("when", "")) for file in tasks for task in [file, *file.get("block", ())])
    assert conditions.count(name) == conditions.count(f"{name} | bool")


def test_a_script_arrives_with_its_dollars() -> None:
    """The kubelet makes $ of $$ and expands $(NAME) in the environment variable that carries the script."""
    source = work(script="echo $$ $(ARGO_POD_NAME) $HOME")["script"]["source"]
    assert source == "echo $$$$ $$(ARGO_POD_NAME) $$HOME"


def test_an_option_that_is_not_set_is_not_in_the_workflow() -> None:
    assert spec().keys() == {"entrypoint", "arguments", "templates"}
    assert work(tolerations=[]).keys() == {
        *("name", "inputs", "outputs", "metadata", "activeDeadlineSeconds", "retryStrategy", "script")
    }


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"script": ""}, "either gpu_fanout_script or gpu_fanout_command"),
        ({"command": ["x"]}, "either gpu_fanout_script or gpu_fanout_command"),
        ({"ttl_seconds": 599}, "gpu_fanout_ttl_seconds is 599"),
        ({"retry_failed": True}, "gpu_fanout_retry_failed needs the gpu_fanout_run_id"),
        ({"gpu_class": {"label": "nvidia"}}, "gpu_fanout_gpu_class takes a label and either any_of or more_than"),
        ({"gpu_class": {"any_of": ["A100"]}}, "gpu_fanout_gpu_class takes a label and either any_of or more_than"),
        ({"gpu_class": {"label": "nvidia", "any_of": "A100"}}, "any_of is not a list of values, such as [A100]"),
        ({"gpu_class": {"label": "nvidia_memory", "any_of": 40000}}, "any_of is not a list of values"),
        ({"gpu_class": {"label": "nvidia", "any_of": []}}, "any_of is not a list of values"),
        ({"gpu_class": {"label": "nvidia", "any_of": {"A100": 1}}}, "any_of is not a list of values"),
        (
            {"gpu_class": {"label": "nvidia_memory", "more_than": "40Gi"}},
            "more_than is not a whole number, such as 40000",
        ),
        ({"gpu_class": {"label": "coreweave_vram", "more_than": 39.5}}, "more_than is not a whole number"),
        ({"no_retry_on": ["image"]}, "gpu_fanout_no_retry_on takes deadline and exit codes"),
        ({"retry_backoff": {"duration": 15}}, "gpu_fanout_retry_backoff needs a duration as text, such as 15s"),
        ({"progress_interval": -1}, "gpu_fanout_progress_interval is -1, not a number of seconds"),
        ({"retry_backoff": {}}, "gpu_fanout_retry_backoff needs a duration"),
        (
            {"script": "", "command": "python train.py", "env": "A=1"},
            "gpu_fanout_command gpu_fanout_env",
        ),
    ],
)
def test_options_that_do_not_go_together_are_named(changed: dict[str, Any], sentence: str) -> None:
    assert sentence in problems(**changed)


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"script": "", "command": ["x"], "args": ["y"]},
        {"script": "", "template": "own.yaml.j2"},
        {"ttl_seconds": 60, "logs_dir": ""},
        {"retry_failed": True, "run_id": "7"},
        {"retry_failed": True, "run_id": 7},
        {"gpu_class": {"label": "gke", "any_of": ["nvidia-l4"]}},
        {"gpu_class": {"label": "coreweave_vram", "more_than": "40"}},
        {"no_retry_on": ["deadline", 42, "43"]},
    ],
)
def test_options_that_go_together_are_no_problem(changed: dict[str, Any]) -> None:
    assert problems(**changed) == ""


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"shm_size": "8GB"}, "volumes[0].emptyDir.sizeLimit of fanout.yaml.j2 is a string, and a quantity"),
        ({"scratch": [{"path": "/a"}, {"path": "/b", "size": "10gb"}]}, "volumes[1].emptyDir.sizeLimit of"),
        ({"scratch": [{"path": "/b", "size": "{{inputs.size}}"}]}, "volumes[0].emptyDir.sizeLimit of"),
        ({"retry_backoff": {"duration": "15s", "factor": 2, "cap": 600}}, "retryStrategy.backoff.cap of"),
        ({"tolerations": [{"key": "a", "tolerationSeconds": "60"}]}, "tolerations[0].tolerationSeconds of"),
        ({"input_artifacts": [{"name": "i", "path": "/i", "mode": "0644"}]}, "inputs.artifacts[0].mode of"),
    ],
)
def test_a_value_that_argos_controller_would_end_at_is_refused_by_its_place(
    changed: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ManifestError, match=re.escape(f"spec.templates[1].{sentence}")):
        spec(**changed)


@pytest.mark.parametrize(
    ("retry", "number", "part"),
    [("", 0, ""), ("", 1, "1"), ("", 12, "12"), ("retry-1", 0, "retry-1"), ("retry-2", 3, "retry-2.3")],
)
def test_each_workflow_of_a_run_is_another_part_of_it(retry: str, number: int, part: str) -> None:
    tasks = DataLoader().load_from_file(str(ROLE / "tasks/submit.yml"), trusted_as_template=True)
    [submit] = [task for task in tasks if "argo.workflows.workflow" in task]
    known = submit["vars"] | {"__gpu_fanout_retry": retry, "__gpu_fanout_number": number, "gpu_fanout_run_id": "r"}
    options = {option: submit["argo.workflows.workflow"][option] for option in ("run_id", "run_part")}
    expected = {"run_id": "r"} | ({"run_part": part} if part else {})
    assert Templar(loader=DataLoader(), variables=known).template(options) == expected
    assert Templar(loader=DataLoader(), variables=known | {"gpu_fanout_run_id": ""}).template(options) == {}


def test_no_loop_of_the_role_hides_the_item_of_a_loop_around_the_role() -> None:
    """`gpu_fanout_run_id: "{{ item }}"` is looked up anew in every task."""
    tasks = [task for file in (ROLE / "tasks").iterdir() for task in yaml.safe_load(file.read_text())]
    names = [task.get("loop_control", {}).get("loop_var", "item") for task in tasks if "loop" in task]
    assert len(names) == 2 and all(name.startswith("__gpu_fanout_") for name in names)
