# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lists that a Workflow fans out over. Private to the collection. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.argo.workflows.plugins.module_utils._argo.names import NodeName, item_in_name
from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import Json

_WHOLE_REFERENCE = re.compile(r"\{\{\s*(workflow|inputs)\.parameters\.([A-Za-z0-9_-]+)\s*\}\}")


class Lists:
    """The lists that a Workflow fans out over, as far as its spec and its nodes' inputs give them."""

    def __init__(self, workflow: Json, nodes: Mapping[str, Json]) -> None:
        self._nodes = nodes
        self._spec = workflow.get("status", {}).get("storedWorkflowTemplateSpec") or workflow.get("spec", {})
        own = workflow.get("spec", {}).get("arguments", {})
        self._parameters = parameters_of(self._spec.get("arguments", {})) | parameters_of(own)
        self._steps: dict[str, list[tuple[str, Json]]] = {}
        for template in self._spec.get("templates", []):
            for step in steps_of(template):
                self._steps.setdefault(step.get("name", ""), []).append((template.get("name", ""), step))
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

    def _resolve(self, step_name: str, boundary_id: str | None) -> list[Any]:
        boundary = self._nodes.get(boundary_id or "", {})
        steps = self._steps.get(step_name, [])
        if boundary.get("templateName"):
            steps = [(template, step) for template, step in steps if template == boundary["templateName"]]
        if len(steps) != 1:
            return []
        step = steps[0][1]
        if isinstance(step.get("withItems"), list):
            return list(step["withItems"])
        text = step.get("withParam") or ""
        reference = _WHOLE_REFERENCE.fullmatch(text.strip())
        if reference:
            scope = self._parameters if reference[1] == "workflow" else parameters_of(boundary.get("inputs", {}))
            text = scope.get(reference[2], "")
        try:
            values = json.loads(text)
        except ValueError:
            return []
        return values if isinstance(values, list) else []


def steps_of(template: Json) -> Iterator[Json]:
    for group in template.get("steps") or []:
        yield from group
    yield from (template.get("dag") or {}).get("tasks", [])


def parameters_of(arguments: Json) -> dict[str, str]:
    return {p["name"]: p["value"] for p in arguments.get("parameters") or [] if p.get("value") is not None}


def callers(template: Json) -> Iterator[Json]:
    for group in template.get("steps") or []:
        yield from group if isinstance(group, list) else [group]
    yield from (template.get("dag") or {}).get("tasks") or []


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
