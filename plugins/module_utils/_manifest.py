# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a user's manifest to a checked Workflow with a name: reading, parameters, mistakes, identity, differences.

Private to the collection. Pure: plain dicts go in and come out, and nothing that goes in is changed.
The rules are those of Argo Workflows v4.1.
"""

from __future__ import annotations

import copy
import functools
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from ansible_collections.argo.workflows.plugins.module_utils import _nodes

Json = Mapping[str, Any]

API_VERSION = "argoproj.io/v1alpha1"
INSTANCE_ID_LABEL = "workflows.argoproj.io/controller-instanceid"

RUN_LABEL = "argo-workflows.ansible/run"
"""Holds a hash of the run_id: the way to find a run again."""
RUN_ID_ANNOTATION = "argo-workflows.ansible/run-id"
"""The run_id as it was given."""
MANIFEST_ANNOTATION = "argo-workflows.ansible/manifest"
"""The hash of what was asked for: tells an unchanged manifest from a changed one."""
HELD_ANNOTATION = "argo-workflows.ansible/held"
"""Set while the Workflow is suspended until its ConfigMaps are there."""

MAX_NAME = 63
"""A Workflow's name is also a label value of its pods."""
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LAST_LETTERS = "0123456789abcdefghijklmnopqrstuv"
_LEAVES = ("container", "script", "containerSet", "resource", "suspend", "http", "plugin", "data")

# The shape of what is read here and in preflight; all else in a manifest is between its author and Argo.
# A name that is no string even sends Argo v4.1.2's controller into a panic loop.
# {"key": shape} is a mapping, [shape] a list, (several, one) either, and {} is any mapping.
_Shape: TypeAlias = "type | dict[str, _Shape] | list[_Shape] | tuple[_Shape, _Shape]"
_KINDS = {
    dict: "a mapping",
    list: "a list",
    str: "a string",
    bool: "a boolean",
    int: "a whole number",
    float: "a number",
    type(None): "empty",
}
_NODE_TERMS: _Shape = {"nodeSelectorTerms": [{"matchExpressions": [{}]}]}
_PLACE: dict[str, _Shape] = {
    "serviceAccountName": str,
    "nodeSelector": {},
    "tolerations": [{}],
    "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": _NODE_TERMS}},
    "volumes": [{"emptyDir": {}, "persistentVolumeClaim": {}, "secret": {}, "configMap": {}}],
}
_CONTAINER: _Shape = {
    "resources": {"limits": {}, "requests": {}},
    "env": [{"valueFrom": {"secretKeyRef": {}, "configMapKeyRef": {}}}],
    "envFrom": [{"secretRef": {}, "configMapRef": {}}],
}
_CALL: dict[str, _Shape] = {"name": str, "template": str, "withItems": list}
_TEMPLATE: dict[str, _Shape] = {
    **_PLACE,
    "name": str,
    "steps": [([_CALL], _CALL)],
    "dag": {"tasks": [_CALL]},
    "container": _CONTAINER,
    "script": _CONTAINER,
    "containerSet": {"containers": [_CONTAINER]},
    "sidecars": [_CONTAINER],
    "retryStrategy": {"backoff": {}},
}
_CALL["inline"] = _TEMPLATE
_WORKFLOW: _Shape = {
    "metadata": {"name": str, "generateName": str, "namespace": str, "labels": {}, "annotations": {}},
    "spec": {
        **_PLACE,
        "entrypoint": str,
        "arguments": {"parameters": [{"name": str}]},
        "templates": [_TEMPLATE],
        "parallelism": int,
        "imagePullSecrets": [{}],
        "volumeClaimTemplates": [{"metadata": {}}],
    },
}


class ManifestError(Exception):
    """What is wrong with a manifest, and what to do about it, in one sentence."""


# --- reading ---------------------------------------------------------------------------------------------------------


def read(text: str, source: str) -> dict[str, Any]:
    """The one Workflow in a YAML or JSON text.

    YAML is read as Kubernetes users mean it: a step named n, yes or on, a date and 12:30 stay strings.

    Raises ManifestError, naming `source`.
    """
    documents = [document for document in _documents(text, source) if document is not None]
    if len(documents) != 1:
        raise ManifestError(
            f"{source} has {len(documents)} documents, and one Workflow is expected: give it a file of its own"
        )
    return as_workflow(documents[0], source)


def as_workflow(document: Any, source: str) -> dict[str, Any]:
    """The document itself if it is a Workflow. Raises ManifestError, naming `source`."""
    if not isinstance(document, dict):
        raise ManifestError(f"{source} is not a Workflow: it is a {type(document).__name__}, not a mapping")
    kind, version = document.get("kind"), document.get("apiVersion")
    if kind != "Workflow" or version != API_VERSION:
        raise ManifestError(
            f"{source} is not a Workflow: it has kind {kind}, apiVersion {version}, "
            f"and kind Workflow, apiVersion {API_VERSION} is expected"
        )
    _check_shape(document, _WORKFLOW, "", source)
    return {**document, "metadata": document.get("metadata") or {}, "spec": document.get("spec") or {}}


def _check_shape(value: Any, shape: _Shape, path: str, source: str) -> None:
    """Raise ManifestError where a value is not of its shape. A key whose value is null counts as missing."""
    if isinstance(shape, tuple):
        several, one = shape
        shape = one if isinstance(value, dict) else several
    expected: Any = shape if isinstance(shape, type) else type(shape)
    if not isinstance(value, expected):
        advice = ": put it in quotes" if expected is str and not isinstance(value, dict | list) else ""
        raise ManifestError(f"{path} of {source} is {kind_of(value)}, and {_KINDS[expected]} is expected{advice}")
    if isinstance(shape, dict):
        for key, inner in shape.items():
            if value.get(key) is not None:
                _check_shape(value[key], inner, f"{path}.{key}".removeprefix("."), source)
    elif isinstance(shape, list):
        for index, each in enumerate(value):
            _check_shape(each, shape[0], f"{path}[{index}]", source)


def kind_of(value: Any) -> str:
    """What a value is, in the words of those who write YAML: `a mapping`."""
    return next((name for kind, name in _KINDS.items() if isinstance(value, kind)), f"a {type(value).__name__}")


def _documents(text: str, source: str) -> list[Any]:
    if text.lstrip().startswith("{"):
        try:
            return [json.loads(text)]
        except ValueError:
            pass  # a YAML flow mapping starts alike
    import yaml

    try:
        return list(yaml.load_all(text.encode(), Loader=_yaml_loader()))
    except yaml.YAMLError as error:
        raise ManifestError(f"{source} is neither YAML nor JSON: {' '.join(str(error).split())}") from error


@functools.cache
def _yaml_loader() -> Any:
    """YAML 1.2's idea of booleans and numbers; YAML 1.1 makes booleans of yes and on, and seconds of 12:30."""
    import yaml

    fastest: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class Loader(fastest):
        yaml_implicit_resolvers: dict[str, list[Any]] = {}

    def resolve(kind: str, pattern: str, first: Iterable[str]) -> None:
        Loader.add_implicit_resolver(f"tag:yaml.org,2002:{kind}", re.compile(f"^(?:{pattern})$"), list(first))

    resolve("null", "~|null|Null|NULL|", "~nN")
    resolve("null", "", [""])
    resolve("bool", "true|True|TRUE|false|False|FALSE", "tTfF")
    resolve("int", "[-+]?(?:0[0-7]*|[1-9][0-9]*|0x[0-9a-fA-F]+)", "-+0123456789")
    resolve("float", r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?", "-+.0123456789")
    resolve("merge", "<<", "<")
    return Loader


# --- parameters ------------------------------------------------------------------------------------------------------


def with_parameters(workflow: Json, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The Workflow with these values of its parameters.

    Strings go in as they are, everything else as JSON: `{"messages": ["a"]}` becomes the text `["a"]`.

    Raises ManifestError for a parameter that the Workflow does not have, unless it takes its spec from a template.
    """
    result = copy.deepcopy(dict(workflow))
    if not parameters:
        return result
    spec = result.setdefault("spec", {})
    arguments = spec["arguments"] = spec.get("arguments") or {}
    declared = arguments["parameters"] = arguments.get("parameters") or []
    by_name = {parameter.get("name"): parameter for parameter in declared}
    for name, value in parameters.items():
        if name not in by_name:
            if "workflowTemplateRef" not in spec:
                known = ", ".join(sorted(map(str, by_name))) or "none"
                raise ManifestError(f"the Workflow has no parameter {name}; its parameters are: {known}")
            by_name[name] = {"name": name}
            declared.append(by_name[name])
        by_name[name].pop("valueFrom", None)
        by_name[name]["value"] = as_text(value)
    return result


def as_text(value: Any) -> str:
    """A string as it is, any other value as JSON. Raises ManifestError for what JSON cannot say."""
    if isinstance(value, str):
        return str(value)
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(", ", ": "))
    except (TypeError, ValueError) as error:
        raise ManifestError(f"the value {value!r} cannot be written as JSON: {error}") from error


# --- mistakes --------------------------------------------------------------------------------------------------------


def check(workflow: Json) -> list[str]:
    """Warnings about a Workflow that Argo takes but that will not do what was meant.

    Raises ManifestError for what Argo's controller would refuse after it was created.
    """
    spec = workflow["spec"]
    check_names(workflow["metadata"])
    for parameter in (spec.get("arguments") or {}).get("parameters") or []:
        if "value" not in parameter and "valueFrom" not in parameter and "workflowTemplateRef" not in spec:
            raise ManifestError(f"the parameter {parameter.get('name')} has no value: give one in `parameters`")
    warnings = []
    if "retryStrategy" in spec:
        warnings.append(
            "spec.retryStrategy retries every template of the Workflow, the whole fan-out included; "
            "put it on the template that has the container"
        )
    if "workflowTemplateRef" in spec:
        return warnings
    templates = _templates(workflow)
    if spec.get("entrypoint") not in templates:
        raise ManifestError(
            f"the entrypoint {spec.get('entrypoint')} is not one of the templates: {_listed(templates)}"
        )
    for template in templates.values():
        warnings += _check_template(template, templates)
    return warnings


def check_names(metadata: Json) -> None:
    """Raise ManifestError where the metadata's name or generateName cannot be a Workflow's."""
    name = metadata.get("name")
    if name is not None and (len(name) > MAX_NAME or not _NAME.fullmatch(name)):
        raise ManifestError(
            f"{name!r} cannot be a Workflow's name: at most {MAX_NAME} lower-case letters, digits, dashes "
            "and dots, with a letter or digit at both ends"
        )
    prefix = metadata.get("generateName")
    if prefix is not None and not _NAME.fullmatch(f"{prefix}0"):
        raise ManifestError(
            f"{prefix!r} cannot begin a Workflow's name: lower-case letters, digits, dashes and dots, "
            "with a letter or digit at the start"
        )


def _templates(workflow: Json) -> dict[str, Json]:
    templates: dict[str, Json] = {}
    for template in workflow["spec"].get("templates") or []:
        name = _name_of(template, "template")
        if name in templates:
            raise ManifestError(f"there are two templates named {name}")
        templates[name] = template
    return templates


def _name_of(thing: Json, kind: str) -> str:
    """The name of a template, step or task."""
    if not thing.get("name"):
        raise ManifestError(f"a {kind} has no name")
    return str(thing["name"])


def _check_template(template: Json, templates: Mapping[str, Json]) -> Iterator[str]:
    name = template.get("name")
    inner = "steps" in template or "dag" in template
    if not inner and not any(leaf in template for leaf in _LEAVES):
        raise ManifestError(f"the template {name} has none of steps, dag, {', '.join(_LEAVES)}")
    if inner and "activeDeadlineSeconds" in template:
        raise ManifestError(
            f"activeDeadlineSeconds of the template {name} belongs on the template that has the container: "
            "Argo refuses it on steps and dag"
        )
    for caller in _callers(template):
        called, step = caller.get("template"), _name_of(caller, f"step or task of the template {name}")
        if called is not None and called not in templates:
            raise ManifestError(
                f"{step} of the template {name} calls the template {called}, which is not one of: {_listed(templates)}"
            )
    retry = template.get("retryStrategy")
    if retry is None:
        return
    if inner:
        yield (
            f"retryStrategy of the template {name} retries the whole of it, all items included; "
            "put it on the template that has the container"
        )
    backoff = retry.get("backoff")
    if backoff is None:
        return
    if "duration" not in backoff:
        raise ManifestError(f"retryStrategy.backoff of the template {name} has no duration")
    factor = str(backoff.get("factor", 1))
    if "{{" not in factor and not factor.isdecimal():
        raise ManifestError(
            f"retryStrategy.backoff.factor of the template {name} is {factor}: Argo takes whole numbers only"
        )
    if "limit" not in retry:
        yield f"retryStrategy of the template {name} has no limit: Argo then retries for ever and ignores the backoff"


def _listed(names: Iterable[Any]) -> str:
    return ", ".join(map(str, names)) or "none"


def _callers(template: Json) -> Iterator[Json]:
    for group in template.get("steps") or []:
        yield from group if isinstance(group, list) else [group]
    yield from (template.get("dag") or {}).get("tasks") or []


# --- identity --------------------------------------------------------------------------------------------------------


def run_label(run_id: str) -> str:
    """The value of RUN_LABEL: 16 hexadecimal digits, whatever the run_id looks like."""
    return hashlib.sha256(run_id.encode()).hexdigest()[:16]


def choose_name(workflow: Json, prefix: str, stem: str) -> str:
    """A name `PREFIX STEM K` of at most 63 characters, K one letter, in which no two nodes have the same ID.

    Argo v4.1.2 silently skips an item whose node ID is taken (argo-workflows#16376), so the first of 32 letters for
    which that does not happen is taken. Same arguments, same name. Raises ManifestError where there is none.
    """
    prefix = prefix[: MAX_NAME - len(stem) - 1]
    for letter in _LAST_LETTERS:
        name = f"{prefix}{stem}{letter}"
        if not _nodes.collisions(name, node_names(workflow, name)):
            return name
    raise ManifestError(
        f"no name of 32 tried for {prefix}{stem} gives each node an ID of its own: run fewer items at once"
    )


def check_collisions(workflow: Json, name: str) -> None:
    """Raise ManifestError where two nodes of the Workflow get the same ID under this name."""
    for first, second in _nodes.collisions(name, node_names(workflow, name)):
        raise ManifestError(
            f"under the name {name} the nodes {first} and {second} get the same ID, and Argo would not run "
            "the second: take another name, or leave the name out"
        )


def node_names(workflow: Json, name: str) -> list[str]:
    """The names of the nodes that a Workflow of this name will have, as far as its manifest tells.

    Steps and DAGs are followed, and lists that are in the manifest; a list that a step returns is not known yet.
    """
    templates = {template.get("name"): template for template in workflow["spec"].get("templates") or []}
    values = {
        parameter.get("name"): parameter.get("value")
        for parameter in (workflow["spec"].get("arguments") or {}).get("parameters") or []
    }
    return list(_nodes_of_template(templates.get(workflow["spec"].get("entrypoint"), {}), name, templates, values, ()))


def _nodes_of_template(
    template: Json, name: str, templates: Mapping[Any, Json], values: Mapping[Any, Any], within: tuple[int, ...]
) -> Iterator[str]:
    yield name
    if id(template) in within:
        return  # it calls itself, and only the run knows how often
    for attempt in _attempts(template):
        boundary = name + attempt
        if attempt:
            yield boundary
        for number, group in enumerate(template.get("steps") or []):
            yield f"{boundary}[{number}]"
            for step in group if isinstance(group, list) else [group]:
                yield from _nodes_of_call(step, f"{boundary}[{number}]", templates, values, (*within, id(template)))
        for task in (template.get("dag") or {}).get("tasks") or []:
            yield from _nodes_of_call(task, boundary, templates, values, (*within, id(template)))


def _nodes_of_call(
    call: Json, boundary: str, templates: Mapping[Any, Json], values: Mapping[Any, Any], within: tuple[int, ...]
) -> Iterator[str]:
    called = call.get("inline") or templates.get(call.get("template"), {})
    items = _items_of_call(call, values)
    name = f"{boundary}.{call.get('name')}"
    if items is None:
        yield from _nodes_of_template(called, name, templates, values, within)
        return
    for index, item in enumerate(items):
        yield from _nodes_of_template(called, f"{name}({index}:{item_in_name(item)})", templates, values, within)


def _attempts(template: Json) -> list[str]:
    """The suffixes of a template's attempts: (0) to (limit) as far as known, an empty one without retryStrategy."""
    retry = template.get("retryStrategy")
    if retry is None:
        return [""]
    limit = str(retry.get("limit", ""))
    return [f"({attempt})" for attempt in range(int(limit) + 1 if limit.isdecimal() else 1)]


def _items_of_call(call: Json, values: Mapping[Any, Any]) -> list[Any] | None:
    """The list that a step or task is run over; None where it runs once or the list is not known yet."""
    if "withItems" in call:
        return list(call["withItems"] or [])
    if "withParam" not in call:
        return None
    text = str(call["withParam"])
    reference = re.fullmatch(r"\{\{workflow\.parameters\.([\w-]+)\}\}", text.strip())
    try:
        items = json.loads(str(values.get(reference.group(1))) if reference else text)
    except ValueError:
        return None
    return items if isinstance(items, list) else None


def item_in_name(item: Any) -> str:
    """An item as Argo writes it into a node's name: `{"b": 1, "a": "x"}` is `a:x,b:1`; parentheses are left out."""
    if isinstance(item, dict):
        text = ",".join(sorted(f"{key}:{item_in_name(value)}" for key, value in item.items()))
    elif isinstance(item, str):
        text = json.dumps(item, ensure_ascii=False)[1:-1]
    else:
        text = json.dumps(item, ensure_ascii=False, separators=(",", ":"))
    return text.replace("(", "").replace(")", "")


# --- the same or another ---------------------------------------------------------------------------------------------


def manifest_hash(workflow: Json, config_maps: Json) -> str:
    """A hash of what was asked for: labels, annotations, spec and the data of its ConfigMaps, but not the name."""
    metadata = workflow["metadata"]
    asked = [metadata.get("labels") or {}, metadata.get("annotations") or {}, workflow["spec"], config_maps]
    return hashlib.sha256(json.dumps(asked, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def differences(there: Any, wanted: Any, path: str = "spec") -> list[str]:
    """What `wanted` says otherwise than what is `there`: `spec.templates[1].container.image is "a", "b" was asked for`.

    What is only `there` was filled in by the API server and is no difference, nor is 1 against "1".
    """
    if isinstance(there, dict) and isinstance(wanted, dict):
        return [line for key, value in wanted.items() for line in differences(there.get(key), value, f"{path}.{key}")]
    if isinstance(there, list) and isinstance(wanted, list) and len(there) == len(wanted):
        return [
            line
            for index, (old, new) in enumerate(zip(there, wanted, strict=True))
            for line in differences(old, new, f"{path}[{index}]")
        ]
    if (
        there == wanted
        or (not isinstance(there, dict | list) and str(there) == str(wanted))
        or (not there and not wanted)
    ):
        return []
    return [f"{path} is {_short(there)}, {_short(wanted)} was asked for"]


def _short(value: Any) -> str:
    text = "not set" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:77]}..."
