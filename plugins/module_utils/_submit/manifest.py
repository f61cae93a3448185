# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the manifest of a Workflow, and gives it its parameters. Private to the collection. Pure but for one file."""

from __future__ import annotations

import collections
import copy
import dataclasses
import functools
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import API_VERSION, Json
from ansible_collections.argo.workflows.plugins.module_utils._submit.typed import typed

MOST_PROBLEMS = 5
"""Problems that one message names."""


class ManifestError(Exception):
    """What is wrong with a manifest, and what to do about it, in one sentence."""


@dataclasses.dataclass
class Reader:
    """Reads manifests; `source` names them in sentences."""

    source: str
    strict: bool = True
    """Whether fields that Argo does not know, and keys that come twice in a spec, are refused, not only warned of."""
    warnings: list[str] = dataclasses.field(default_factory=list)

    def text(self, text: str) -> dict[str, Any]:
        """The one Workflow in a YAML or JSON text.

        YAML is read as Kubernetes users mean it: a step named n, yes or on, a date and 12:30 stay strings.
        Raises ManifestError.
        """
        documents, doubles = _documents(text, self.source)
        if len(documents) != 1:
            raise ManifestError(
                f"{self.source} has {len(documents)} documents, and one Workflow is expected: give it a file of its own"
            )
        outside = [place for place in doubles if place.startswith("metadata")]
        self._refuse([self._double(place) for place in doubles if place not in outside], self.strict)
        self._refuse([self._double(place) for place in outside], False)
        return self.workflow(documents[0])

    def workflow(self, document: Any) -> dict[str, Any]:
        """The document as Argo decodes it, if it is a Workflow: numbers are text where only text can be meant.

        Raises ManifestError.
        """
        if not isinstance(document, dict):
            raise ManifestError(f"{self.source} is not a Workflow: it is a {type(document).__name__}, not a mapping")
        kind, version = document.get("kind"), document.get("apiVersion")
        if kind != "Workflow" or version != API_VERSION:
            raise ManifestError(
                f"{self.source} is not a Workflow: it has kind {kind}, apiVersion {version}, "
                f"and kind Workflow, apiVersion {API_VERSION} is expected"
            )
        workflow, problems = typed(document)
        for unknown in (False, True):
            found = [problem.sentence(self.source) for problem in problems if problem.unknown == unknown]
            self._refuse(found, self.strict or not unknown)
        return {**workflow, "metadata": workflow.get("metadata") or {}, "spec": workflow.get("spec") or {}}

    def _double(self, place: str) -> str:
        return f"{place} of {self.source} comes twice, and only the second one counts"

    def _refuse(self, problems: list[str], severe: bool) -> None:
        if problems and severe:
            more = f"; and {len(problems) - MOST_PROBLEMS} more" if len(problems) > MOST_PROBLEMS else ""
            raise ManifestError("; ".join(problems[:MOST_PROBLEMS]) + more)
        self.warnings += problems


def read(text: str, source: str) -> dict[str, Any]:
    """The one Workflow in a text, read strictly; see Reader. Raises ManifestError, naming `source`."""
    return Reader(source).text(text)


def as_workflow(document: Any, source: str) -> dict[str, Any]:
    """The document as Argo decodes it, read strictly; see Reader. Raises ManifestError, naming `source`."""
    return Reader(source).workflow(document)


def _documents(text: str, source: str) -> tuple[list[Any], list[str]]:
    """The documents in a text that are not empty, and the places of keys that come twice in their mapping."""
    doubles: list[str] = []
    if text.lstrip().startswith("{"):
        try:
            return [json.loads(text, object_pairs_hook=functools.partial(_pairs, doubles))], doubles
        except ValueError:
            doubles.clear()  # a YAML flow mapping starts alike
    import yaml

    loader = _yaml_loader()(text.encode())
    documents = []
    try:
        while loader.check_node():
            node = loader.get_node()
            doubles += _doubles(node, "")
            documents.append(loader.construct_document(node))
    except yaml.YAMLError as error:
        raise ManifestError(f"{source} is neither YAML nor JSON: {' '.join(str(error).split())}") from error
    except RecursionError as error:
        raise ManifestError(f"{source} is nested too deeply, or a part of it contains itself") from error
    finally:
        loader.dispose()
    return [document for document in documents if document is not None], doubles


def _pairs(doubles: list[str], pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    counted = collections.Counter(key for key, _value in pairs)
    doubles += [key for key, number in counted.items() if number > 1]
    return dict(pairs)


def _doubles(node: Any, place: str) -> Iterator[str]:
    """The places of keys that come twice in a YAML node, as in `spec.templates[0].container.env`."""
    if node.id == "sequence":
        for index, each in enumerate(node.value):
            yield from _doubles(each, f"{place}[{index}]")
    elif node.id == "mapping":
        seen: set[Any] = set()
        for key, value in node.value:
            inside = f"{place}.{key.value}".removeprefix(".")
            if key.id == "scalar" and key.value in seen:
                yield inside
            seen.add(key.value if key.id == "scalar" else id(key))
            yield from _doubles(value, inside)


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


def definition_of(params: Mapping[str, Any], warnings: list[str]) -> dict[str, Any]:
    """The Workflow that the options `src` or `definition` give; what is odd about it is added to `warnings`.

    Raises ManifestError, also for an unreadable file.
    """
    definition = params["definition"]
    path = Path(params["src"]) if params["src"] else None
    reader = Reader(path.name if path else "definition", params["strict"], warnings)
    if path:
        try:
            return reader.text(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise ManifestError(f"{path} cannot be read: {error}") from error
    return reader.text(definition) if isinstance(definition, str) else reader.workflow(definition)
