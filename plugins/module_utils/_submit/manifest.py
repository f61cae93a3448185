# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the manifest of a Workflow, and gives it its parameters. Private to the collection. Pure but for one file."""

from __future__ import annotations

import copy
import functools
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import API_VERSION, Json

# The shape of what is read here and in preflight; all else in a manifest is between its author and Argo.
# A name that is not a string even sends Argo v4.1.2's controller into a panic loop.
# {"key": shape} is a mapping, [shape] a list, and {} is any mapping.
_Shape: TypeAlias = "type | dict[str, _Shape] | list[_Shape]"
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
_CALL: dict[str, _Shape] = {"name": str, "template": str, "withItems": list, "withParam": str}
_TEMPLATE: dict[str, _Shape] = {
    **_PLACE,
    "name": str,
    "steps": [[_CALL]],
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
    expected: Any = shape if isinstance(shape, type) else type(shape)
    if not isinstance(value, expected):
        raise ManifestError(
            f"{path} of {source} is {kind_of(value)}, and {_KINDS[expected]} is expected{_advice(value, expected)}"
        )
    if isinstance(shape, dict):
        for key, inner in shape.items():
            if value.get(key) is not None:
                _check_shape(value[key], inner, f"{path}.{key}".removeprefix("."), source)
    elif isinstance(shape, list):
        for index, each in enumerate(value):
            _check_shape(each, shape[0], f"{path}[{index}]", source)


def _advice(value: Any, expected: type) -> str:
    if expected is str:
        return "" if isinstance(value, dict | list) else ": put it in quotes"
    return ": put a dash and a blank before it" if expected is list and isinstance(value, dict) else ""


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


def with_parameters(workflow: Json, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The Workflow with these values of its parameters.

    Strings go in as they are, everything else as JSON: `{"messages": ["a"]}` becomes the text `["a"]`.

    Raises ManifestError for a parameter that the Workflow does not have, unless it takes its spec from a template.
    """
    result = copy.deepcopy(dict(workflow))
    if not parameters:
        return result
    spec = result["spec"] = result.get("spec") or {}
    arguments = spec["arguments"] = spec.get("arguments") or {}
    declared = arguments["parameters"] = arguments.get("parameters") or []
    by_name = {parameter.get("name"): parameter for parameter in declared}
    for name, value in parameters.items():
        if name not in by_name:
            if spec.get("workflowTemplateRef") is None:
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


def definition_of(params: Mapping[str, Any]) -> dict[str, Any]:
    """The Workflow that the options `src` or `definition` give. Raises ManifestError, also for an unreadable file."""
    if params["src"]:
        path = Path(params["src"])
        try:
            return read(path.read_text(encoding="utf-8"), path.name)
        except (OSError, UnicodeDecodeError) as error:
            raise ManifestError(f"{path} cannot be read: {error}") from error
    definition = params["definition"]
    if isinstance(definition, str):
        return read(definition, "definition")
    return as_workflow(definition, "definition")
