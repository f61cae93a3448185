# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which steps a template calls, and over which lists: the one reader of `withItems` and `withParam`.

Private to the collection. Pure.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.argo.workflows.plugins.module_utils._argo.names import NodeName, item_in_name
from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import ODD, Json, at

MOST_ATTEMPTS = 16
"""Attempts of a template whose nodes are foreseen: a larger limit of retries means "for ever", and few get that far."""
MOST_ELEMENTS = 100_000
"""Elements of a sequence that are foreseen: a Workflow cannot hold the nodes of more."""
_TAG = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_BOUNDS = ("start", "count", "end")


def groups(template: Json) -> list[tuple[str, list[Json]]]:
    """The calls of a template that start together, each list with what its StepGroup adds to a node's name.

    `steps: [[a, b], [c]]` is `[("[0]", [a, b]), ("[1]", [c])]`, `dag: {tasks: [a]}` is `[("", [a])]`; a template that
    calls nothing has none. A step outside of a list is no call: Argo does not read such a Workflow.
    """
    steps = [(f"[{n}]", list(group)) for n, group in enumerate(template.get("steps") or ()) if isinstance(group, list)]
    tasks = at(template, "dag", "tasks")
    return [*steps, ("", list(tasks))] if tasks else steps


def calls(template: Json) -> Iterator[Json]:
    """The steps or tasks of a template, in their order."""
    for _place, group in groups(template):
        yield from group


def elements(call: Json, parameters: Mapping[str, str]) -> list[Any] | None:
    """The list that a step or task runs over; None where it runs once, and where the list is not known yet.

    `parameters` are values by tag, as `tags` gives them. `{"withParam": "{{ workflow.parameters.x }}"}` is `["a", 7]`
    with `{"workflow.parameters.x": '["a", 7]'}`. As in Argo v4.1 (ShouldExpand in workflow_types.go), a list that is
    empty in the manifest is not run over.
    """
    if call.get("withItems"):
        return _items(call["withItems"], parameters)
    if call.get("withSequence"):
        return _sequence(call["withSequence"], parameters)
    text = _substituted(str(call.get("withParam") or ""), parameters)
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return values if isinstance(values, list) else None


def _items(items: list[Any], parameters: Mapping[str, str]) -> list[Any]:
    """The items of `withItems`; tags in them are replaced as far as they are known, as Argo does it in their JSON."""

    def known(found: re.Match[str]) -> str:
        value = parameters.get(found[1].strip())
        return found[0] if value is None else json.dumps(value)[1:-1]

    text = json.dumps(items)
    return list(json.loads(_TAG.sub(known, text))) if "{{" in text else list(items)


def _sequence(sequence: Json, parameters: Mapping[str, str]) -> list[str] | None:
    """The elements of `withSequence`, which are text; None where they are not known yet, or too many to be foreseen.

    `{"count": 3}` is 0, 1, 2, `{"start": 2, "end": 0}` is 2, 1, 0 (expandSequence in operator.go of Argo v4.1).
    """
    bounds = {key: _substituted(str(sequence[key]), parameters) for key in _BOUNDS if sequence.get(key) is not None}
    try:
        known = {key: int(text) for key, text in bounds.items()}
        start = known.get("start", 0)
        end = start + known["count"] - 1 if "count" in known else known["end"]
        step = 1 if "count" in known or start <= end else -1
        numbers = range(start, end + step, step)
        return None if len(numbers) > MOST_ELEMENTS else [(sequence.get("format") or "%d") % n for n in numbers]
    except (KeyError, ValueError, TypeError):
        return None


def tags(scope: str, arguments: Json | None) -> dict[str, str]:
    """The parameters of `arguments` or `inputs` that have a value, by their tag, such as `workflow.parameters.x`."""
    return {f"{scope}.parameters.{name}": str(value) for name, value in parameters_of(arguments).items()}


def parameters_of(arguments: Json | None) -> dict[str, Any]:
    """The parameters of `arguments`, `inputs` or `outputs` that have a value, by name."""
    with contextlib.suppress(*ODD):
        found = at(arguments, "parameters") or ()
        return {each["name"]: each["value"] for each in found if each.get("value") is not None}
    return {}


def _substituted(text: str, parameters: Mapping[str, str]) -> str:
    """The text with its tags replaced, blanks inside of the braces or not; empty if one of them is not known."""
    values = {tag: parameters.get(tag.strip()) for tag in _TAG.findall(text)}
    if None in values.values():
        return ""
    return _TAG.sub(lambda found: str(values[found[1]]), text)


class Lists:
    """The lists that a Workflow fans out over, as far as its spec and its nodes' inputs give them."""

    def __init__(self, workflow: Json, nodes: Mapping[str, Json]) -> None:
        spec: Json = at(workflow, "status", "storedWorkflowTemplateSpec") or workflow.get("spec") or {}
        stored = (at(workflow, "status", "storedTemplates") or {}).values()
        self._nodes = nodes
        self._outputs: dict[str, dict[str, str]] | None = None
        self._parameters = tags("workflow", spec.get("arguments")) | tags("workflow", at(workflow, "spec", "arguments"))
        self._calls: dict[str, list[tuple[str, Json]]] = {}
        with contextlib.suppress(*ODD):  # such as Argo refuses when it takes the Workflow up
            for template in [*(spec.get("templates") or ()), *stored]:
                for call in calls(template):
                    self._calls.setdefault(call.get("name") or "", []).append((template.get("name") or "", call))
        self._resolved: dict[tuple[str, str | None], list[Any]] = {}

    def value(self, name: NodeName, boundary_id: str | None) -> Any:
        """The element `name` stands for: from its list, else as far as its text tells; None outside of a fan-out."""
        if name.index is None:
            return None
        key = (name.step, boundary_id)
        if key not in self._resolved:
            self._resolved[key] = self._resolve(*key)
        if name.index < len(self._resolved[key]):
            return self._resolved[key][name.index]
        try:
            return json.loads(f'"{name.text}"')
        except ValueError:
            return name.text

    def _resolve(self, step: str, boundary_id: str | None) -> list[Any]:
        boundary: Json = self._nodes.get(boundary_id or "", {})
        called = self._calls.get(step, [])
        within = boundary.get("templateName") or at(boundary, "templateRef", "template")
        if within:
            called = [(template, call) for template, call in called if template == within]
        if not called or any(call != called[0][1] for _template, call in called):
            return []
        known = self._parameters | tags("inputs", boundary.get("inputs")) | self._outputs_in(boundary_id or "")
        return elements(called[0][1], known) or []

    def _outputs_in(self, boundary_id: str) -> dict[str, str]:
        """What the steps or tasks of one boundary node have returned, by tag: `steps.list.outputs.result`."""
        if self._outputs is None:
            self._outputs = {}
            for node in self._nodes.values():
                of_boundary = self._outputs.setdefault(node.get("boundaryID") or "", {})
                of_boundary |= _returned(node)
        return self._outputs.get(boundary_id, {})


def _returned(node: Json) -> dict[str, str]:
    """The outputs of a node, by the tags that the steps and tasks beside it use."""
    outputs = {f"outputs.parameters.{name}": value for name, value in parameters_of(node.get("outputs")).items()}
    if at(node, "outputs", "result") is not None:
        outputs["outputs.result"] = node["outputs"]["result"]
    name = node.get("displayName")
    return {f"{scope}.{name}.{tag}": str(value) for tag, value in outputs.items() for scope in ("steps", "tasks")}


def node_names(workflow: Json, name: str) -> list[str]:
    """The names of the nodes that a Workflow of this name will have, as far as its manifest tells.

    Steps and DAGs are followed, and lists that are in the manifest; a list that a step returns is not known yet.
    A step n over ["a", "b"] gives `w`, `w[0]`, `w[0].n(0:a)` and `w[0].n(1:b)`.
    """
    spec = workflow.get("spec") or {}
    templates = {template.get("name"): template for template in spec.get("templates") or ()}
    foreseen = _Foreseen(templates, tags("workflow", spec.get("arguments")))
    return list(foreseen.of_template(templates.get(spec.get("entrypoint"), {}), name))


@dataclasses.dataclass(frozen=True)
class _Foreseen:
    """The names of nodes to come; `within` are the templates that one is in, by id."""

    templates: Mapping[Any, Json]
    parameters: Mapping[str, str]

    def of_template(self, template: Json, name: str, within: tuple[int, ...] = ()) -> Iterator[str]:
        yield name
        if id(template) in within:
            return  # it calls itself, and only the run knows how often
        for attempt in _attempts(template):
            boundary = name + attempt
            if attempt:
                yield boundary
            for place, group in groups(template):
                if place:
                    yield boundary + place
                for call in group:
                    yield from self._of_call(call, boundary + place, (*within, id(template)))

    def _of_call(self, call: Json, boundary: str, within: tuple[int, ...]) -> Iterator[str]:
        called = call.get("inline") or self.templates.get(call.get("template"), {})
        name = f"{boundary}.{call.get('name')}"
        values = elements(call, self.parameters)
        names = [name] if values is None else [f"{name}({n}:{item_in_name(value)})" for n, value in enumerate(values)]
        for each in names:
            yield from self.of_template(called, each, within)


def _attempts(template: Json) -> list[str]:
    """The suffixes of a template's first attempts, (0), (1) and so on; an empty one without retryStrategy."""
    retry = template.get("retryStrategy")
    if retry is None:
        return [""]
    limit = str(retry.get("limit") or 0)
    return [f"({attempt})" for attempt in range(min(int(limit) + 1, MOST_ATTEMPTS) if limit.isdecimal() else 1)]
