# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Argo's own validation refuses once a Workflow was created, found before. Private to the collection. Pure.

The rules are those of `argo lint` (workflow/validate/validate.go of Argo v4.1), as far as they need nothing but the
manifest. Each function takes a part of a Workflow and gives sentences without a full stop.
"""

from __future__ import annotations

import collections
import graphlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ansible_collections.argo.workflows.plugins.module_utils._argo.lists import calls, parameters_of
from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import Json, at

LEAVES = ("container", "script", "containerSet", "resource", "suspend", "http", "plugin", "data")
"""What a template can be that calls no other."""
_RETRY_POLICIES = ("Always", "OnFailure", "OnError", "OnTransientError")
_SHUTDOWN = "spec.shutdown is {}: take it out, else Argo ends the Workflow before its first pod"
_OF_THE_SERVER = ("uid", "resourceVersion", "creationTimestamp", "deletionTimestamp", "generation", "managedFields")
_OF_THE_CONTROLLER = ("workflows.argoproj.io/completed", "workflows.argoproj.io/phase")
_TASK = re.compile(r"[A-Za-z0-9][-A-Za-z0-9_]*(?:\.[A-Za-z]+)?")


def refusals(workflow: Json) -> Iterator[str]:
    """Everything in a Workflow that Argo would refuse, or take for what has run already."""
    yield from leftovers(workflow)
    spec = workflow["spec"]
    yield from _of_parameters("spec.arguments", spec.get("arguments"))
    if spec.get("workflowTemplateRef") is not None:
        return  # the template may have what is missing here
    templates = {str(template.get("name")): template for template in spec.get("templates") or ()}
    globally = set(parameters_named(spec.get("arguments")))
    yield from _of_hooks("the Workflow", spec, templates)
    for template in templates.values():
        for rule in _RULES:
            yield from rule(template, templates)
        if at(spec, "templateDefaults", "inputs") is None:
            yield from _of_tags(template, globally)


def leftovers(workflow: Json) -> Iterator[str]:
    """What a file that was saved from a cluster has, and what Argo takes for a Workflow that has ended."""
    metadata = workflow["metadata"]
    found = [f"metadata.{key}" for key in _OF_THE_SERVER if metadata.get(key) is not None]
    labels = metadata.get("labels") or {}
    found += [f"the label {label}" for label in _OF_THE_CONTROLLER if label in labels]
    found += ["status"] if workflow.get("status") else []
    if found:
        yield f"the Workflow was saved from a cluster and would not run again: take out {', '.join(found)}"
    if shutdown := workflow["spec"].get("shutdown"):
        yield _SHUTDOWN.format(shutdown)


def parameters_named(arguments: Json | None) -> list[str]:
    """The names of the parameters of `arguments` or `inputs`, with a value or without."""
    return [str(parameter.get("name")) for parameter in at(arguments, "parameters") or ()]


def _of_parameters(place: str, arguments: Json | None) -> Iterator[str]:
    for name, number in collections.Counter(parameters_named(arguments)).items():
        if number > 1:
            yield f"{place} has {number} parameters named {name}"
    for parameter in at(arguments, "parameters") or ():
        value, allowed = parameter.get("value"), parameter.get("enum")
        if allowed and value is not None and "{{" not in value and value not in allowed:
            yield f"the parameter {parameter.get('name')} is {value!r}, which is not one of {', '.join(allowed)}"


# --- one template ----------------------------------------------------------------------------------------------------


def _of_kind(template: Json, templates: Mapping[str, Json]) -> Iterator[str]:
    kinds = [kind for kind in (*LEAVES, "steps", "dag") if template.get(kind) is not None]
    if len(kinds) > 1:
        yield f"the template {template.get('name')} has {' and '.join(kinds)}, and only one of them can be"
    if template.get("resource") is not None and not at(template, "resource", "action"):
        yield f"the resource of the template {template.get('name')} has no action"


def _of_inputs(template: Json, templates: Mapping[str, Json]) -> Iterator[str]:
    yield from _of_parameters(f"inputs of the template {template.get('name')}", template.get("inputs"))


def _of_retry(template: Json, templates: Mapping[str, Json]) -> Iterator[str]:
    policy = at(template, "retryStrategy", "retryPolicy")
    if policy and "{{" not in policy and policy not in _RETRY_POLICIES:
        yield (
            f"retryStrategy.retryPolicy of the template {template.get('name')} is {policy}, which is not one of "
            f"{', '.join(_RETRY_POLICIES)}"
        )


def _of_calls(template: Json, templates: Mapping[str, Json]) -> Iterator[str]:
    for call in calls(template):
        who = f"{call.get('name')} of the template {template.get('name')}"
        yield from _of_hooks(who, call, templates)
        called = call.get("inline") or templates.get(str(call.get("template")))
        if called is not None:
            given = parameters_of(call.get("arguments")).keys() | _from_elsewhere(call.get("arguments"))
            for needed in _needed(called):
                if needed not in given:
                    yield f"{who} gives no value to the parameter {needed} of the template that it calls"


def _from_elsewhere(arguments: Json | None) -> set[str]:
    return {str(each.get("name")) for each in at(arguments, "parameters") or () if each.get("valueFrom") is not None}


def _needed(template: Json) -> list[str]:
    """The input parameters of a template that a call has to give."""
    return [
        str(parameter.get("name"))
        for parameter in at(template, "inputs", "parameters") or ()
        if all(parameter.get(key) is None for key in ("value", "default", "valueFrom"))
    ]


def _of_hooks(who: str, owner: Json, templates: Mapping[str, Json]) -> Iterator[str]:
    called = {"onExit": owner.get("onExit")}
    for name, hook in (owner.get("hooks") or {}).items():
        called[f"the hook {name}"] = at(hook, "template")
    for what, template in called.items():
        if template and "{{" not in template and template not in templates:
            yield f"{what} of {who} calls the template {template}, which is not there"


def _of_dag(template: Json, templates: Mapping[str, Json]) -> Iterator[str]:
    tasks = {str(task.get("name")): task for task in at(template, "dag", "tasks") or ()}
    needs = {name: _dependencies(task) for name, task in tasks.items()}
    for name, others in needs.items():
        for missing in sorted(others - tasks.keys()):
            yield f"the task {name} of the template {template.get('name')} depends on {missing}, which is not there"
    try:
        graphlib.TopologicalSorter(needs).prepare()
    except graphlib.CycleError as error:
        yield f"the tasks of the template {template.get('name')} wait for each other: {' -> '.join(error.args[1])}"


def _dependencies(task: Json) -> set[str]:
    named = set(task.get("dependencies") or ())
    return named | {found.partition(".")[0] for found in _TASK.findall(task.get("depends") or "")}


def _of_tags(template: Json, globally: set[str]) -> Iterator[str]:
    """The tags of a template that name a parameter that is not there."""
    known = {"inputs": {*parameters_named(template.get("inputs"))}, "workflow": {*globally, "json"}}
    for scope, name in dict.fromkeys(_PARAMETER_TAG.findall(_own_text(template))):
        if name not in known[scope]:
            where = "its inputs have" if scope == "inputs" else "the Workflow's arguments have"
            yield (
                f"the template {template.get('name')} uses {{{{{scope}.parameters.{name}}}}}, and {where} "
                f"no parameter {name}"
            )


_PARAMETER_TAG = re.compile(r"\{\{\s*(inputs|workflow)\.parameters\.([A-Za-z0-9_-]+)\s*\}\}")


def _own_text(template: Json) -> str:
    """A template as text, less the templates that its calls carry inline."""

    def own(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: own(each) for key, each in value.items() if key != "inline"}
        return [own(each) for each in value] if isinstance(value, list) else value

    return json.dumps(own(template), default=str)


_RULES: tuple[Callable[[Json, Mapping[str, Json]], Iterator[str]], ...] = (
    _of_kind,
    _of_inputs,
    _of_retry,
    _of_calls,
    _of_dag,
)
