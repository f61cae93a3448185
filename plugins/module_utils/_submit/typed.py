# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether each field of a Workflow is one that Argo knows, and has the type that Argo decodes. Private. Pure.

Argo's controller decodes all Workflows of its namespace at once: one value of the wrong type, such as a number as the
value of an environment variable, ends the controller again and again, and nobody's Workflows run until the object is
deleted (seen with v4.1.2). A field that Argo does not know is dropped without a word.
"""

from __future__ import annotations

import dataclasses
import datetime
import difflib
import json
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.argo.workflows.plugins.module_utils._argo.fields import FIELDS
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.quantity import quantity

DEEPEST = 60
"""Levels of mappings and lists in a Workflow; one that calls itself inline may go on for ever."""

_LABELLED = {"labels", "annotations"}
_STARTED = {"command", "args"}
_TEXTUAL = {
    "EnvVar": {"value"},
    "Parameter": {"value", "default", "enum"},
    "ObjectMeta": _LABELLED,
    "Metadata": _LABELLED,
    "WorkflowSpec": {"nodeSelector"},
    "Template": {"nodeSelector", "annotations"},
    **dict.fromkeys(("Container", "ContainerNode", "ScriptTemplate", "UserContainer"), _STARTED),
}
"""By type, the fields in which a number or truth value can only mean its text."""

_OUTLIVED = {
    ("WorkflowSpec", "ttlSecondsAfterFinished"): "ttlStrategy.secondsAfterCompletion",
    ("RetryStrategy", "retryOn"): "retryPolicy",
    ("Synchronization", "mutex"): "mutexes",
    ("Synchronization", "semaphore"): "semaphores",
    ("WorkflowSpec", "podPriority"): "podPriorityClassName",
    ("Template", "priority"): "priorityClassName",
}
"""What took the place of fields that older versions of Argo knew, and of what people take for one."""

_WORDS = {
    dict: "a mapping",
    list: "a list",
    str: "a string",
    bool: "a boolean",
    int: "a whole number",
    float: "a number",
    type(None): "empty",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Problem:
    """A value that Argo cannot decode, or a field that it does not know."""

    place: str
    """As in `spec.templates[0].container.env[1].value`."""
    text: str
    unknown: bool = False
    """Whether Argo would drop the field without a word, and go on."""

    def sentence(self, source: str) -> str:
        """`spec.suspend of train.yaml is text, and true or false is expected: 'no'`."""
        return f"{self.place} of {source} {self.text}"


def typed(workflow: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """A Workflow in which numbers and truth values are text where only text can be meant, and its problems.

    Before: `{"env": [{"name": "EPOCHS", "value": 10}]}`; after: `{"env": [{"name": "EPOCHS", "value": "10"}]}`.
    Keys whose value is null count as missing.
    """
    problems: list[Problem] = []
    return _Decoder(problems).decode(workflow, "Workflow", "", False), problems


class _Decoder:
    """Goes through a value beside its type as `FIELDS` spells it, and collects what is wrong."""

    def __init__(self, problems: list[Problem]) -> None:
        self._problems = problems
        self._depth = 0

    def decode(self, value: Any, kind: str, place: str, textual: bool) -> Any:
        """The value, made text where it has to be; `textual` is whether a number may be meant as its text."""
        if value is None or kind == "any":
            return value
        self._depth += 1
        try:
            if self._depth > DEEPEST:
                self._wrong(place, "is nested too deeply")
                return value
            return self._decode(value, kind, place, textual)
        finally:
            self._depth -= 1

    def _decode(self, value: Any, kind: str, place: str, textual: bool) -> Any:
        if kind.startswith("[]"):
            return self._list(value, kind[2:], place, textual)
        if kind.startswith("{}"):
            return self._map(value, kind[2:], place, textual)
        if kind in FIELDS:
            return self._fields(value, kind, place)
        return self._scalar(value, kind, place, textual)

    def _list(self, value: Any, kind: str, place: str, textual: bool) -> Any:
        if not isinstance(value, list):
            return self._expected(value, place, "a list")
        return [self._element(each, kind, f"{place}[{index}]", textual) for index, each in enumerate(value)]

    def _element(self, value: Any, kind: str, place: str, textual: bool) -> Any:
        if value is None and kind in FIELDS:
            return self._expected(value, place, "a mapping")
        return self.decode(value, kind, place, textual)

    def _map(self, value: Any, kind: str, place: str, textual: bool) -> Any:
        if not isinstance(value, Mapping):
            return self._expected(value, place, "a mapping")
        return {key: self.decode(each, kind, f"{place}.{key}", textual) for key, each in value.items()}

    def _fields(self, value: Any, kind: str, place: str) -> Any:
        if not isinstance(value, Mapping):
            return self._expected(value, place, "a mapping")
        fields, textual = FIELDS[kind], _TEXTUAL.get(kind, set())
        result = {}
        for key, each in value.items():
            inside = f"{place}.{key}".removeprefix(".")
            if key in fields:
                result[key] = self.decode(each, fields[key], inside, key in textual)
            elif each is not None:
                self._problems.append(Problem(inside, _unknown(kind, str(key)), unknown=True))
                result[key] = each
        return result

    def _scalar(self, value: Any, kind: str, place: str, textual: bool) -> Any:
        holds, words = _SCALARS[kind]
        if holds(value):
            return value
        if kind == "string" and textual and isinstance(value, bool | int | float | datetime.date):
            return json.dumps(value) if not isinstance(value, datetime.date) else str(value)
        return self._expected(value, place, words)

    def _expected(self, value: Any, place: str, words: str) -> Any:
        advice = ""
        if words == "a string" and not isinstance(value, dict | list):
            advice = ": put it in quotes"
        elif words == "a list" and isinstance(value, dict):
            advice = ": put a dash and a blank before it"
        elif isinstance(value, str):
            advice = f": {value!r}"
        self._wrong(place, f"is {word(value)}, and {words} is expected{advice}")
        return value

    def _wrong(self, place: str, text: str) -> None:
        self._problems.append(Problem(place, text))


def _unknown(kind: str, key: str) -> str:
    instead = _OUTLIVED.get((kind, key))
    if instead:
        return f"is not a field that Argo knows: use {instead}"
    near = difflib.get_close_matches(key, FIELDS[kind], n=1, cutoff=0.75)
    return f"is not a field that Argo knows{f': is {near[0]} meant?' if near else ''}"


def word(value: Any) -> str:
    """What a value is, in the words of those who write YAML: `a mapping`."""
    return next((word for kind, word in _WORDS.items() if isinstance(value, kind)), f"a {type(value).__name__}")


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_quantity(value: Any) -> bool:
    """As Kubernetes decodes a quantity: a number, or text such as 500m or 2Gi (apimachinery, resource.Quantity)."""
    if not isinstance(value, str):
        return _is_number(value)
    try:
        quantity(value)
    except ValueError:
        return False
    return True


_SCALARS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "string": (lambda value: isinstance(value, str), "a string"),
    "boolean": (lambda value: isinstance(value, bool), "true or false"),
    "integer": (_is_whole, "a whole number"),
    "number": (_is_number, "a number"),
    "intorstring": (lambda value: isinstance(value, str) or _is_whole(value), "a whole number or a string"),
    "quantity": (_is_quantity, "a quantity such as 1, 500m or 2Gi"),
}
