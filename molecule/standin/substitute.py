# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Argo's variables: `{{tag}}` in templates, the items of withParam and withItems, retry expressions.

Argo replaces tags in the JSON text of a template, several times over with growing scopes; an item that
contains `{{workflow.name}}` is therefore replaced too (recording fanout-odd-items).
"""

from __future__ import annotations

import ast
import json
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from . import InvalidSpecError, UnsupportedError

T = TypeVar("T")

TAG = re.compile(r"\{\{([^{}]*)\}\}")


def replace(value: T, scope: Mapping[str, str]) -> T:
    """`value`, any JSON value, with every tag that `scope` knows replaced; the others stay as they are."""
    text = json.dumps(value, ensure_ascii=False)

    def substitute(match: re.Match[str]) -> str:
        tag = json.loads(f'"{match[1]}"').strip()
        try:
            found = str(evaluate(tag[1:], scope)) if tag.startswith("=") else scope[tag]
        except KeyError:
            return match[0]
        return json.dumps(found, ensure_ascii=False)[1:-1]

    replaced: T = json.loads(TAG.sub(substitute, text))
    return replaced


@dataclass(frozen=True)
class Item:
    """One item of a list, as the JSON text it was written in: Argo builds node names from that text."""

    raw: str

    @property
    def value(self) -> Any:
        return json.loads(self.raw)

    def __str__(self) -> str:
        """What Argo prints for the item: a string without its quotes, its escapes kept."""
        if self.raw.startswith('"'):
            return self.raw[1:-1]
        if isinstance(self.value, (dict, list)):
            return json.dumps(self.value, ensure_ascii=False, separators=(",", ":"))
        return self.raw

    def label(self) -> str:
        """The item's part of a node name, in which Argo leaves out parentheses."""
        if isinstance(self.value, dict):
            text = ",".join(sorted(f"{key}:{item}" for key, item in self._members()))
        elif isinstance(self.value, list):
            text = "[" + " ".join(str(item) for item in split_list(self.raw)) + "]"
        else:
            text = str(self)
        return text.replace("(", "").replace(")", "")

    def scope(self) -> dict[str, str]:
        """`{{item}}`, and for an object `{{item.key}}`."""
        if isinstance(self.value, dict):
            tags = {f"item.{key}": str(item) for key, item in self._members()}
            return {**tags, "item": json.dumps(self.value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))}
        return {"item": self.value if isinstance(self.value, str) else str(self)}

    def _members(self) -> Iterator[tuple[str, Item]]:
        """Keys and items of an object, the items in their own text (0.10 stays 0.10)."""
        parse: Callable[[str], Any] = json.JSONDecoder(parse_float=_Raw, parse_int=_Raw).decode
        for key, member in parse(self.raw).items():
            yield key, Item(str(member) if isinstance(member, _Raw) else json.dumps(member, ensure_ascii=False))


class _Raw(str):
    """A number in the text it was written in."""


def split_list(text: str) -> list[Item]:
    """The elements of a JSON list as text. Raises InvalidSpecError, in Argo's words, if it is none."""
    try:
        if not isinstance(json.loads(text), list):
            raise ValueError("not a list")
    except ValueError as error:
        raise InvalidSpecError(f"withParam value could not be parsed as a JSON list: {text.strip()}: {error}") from None
    items: list[Item] = []
    decoder, blanks = json.JSONDecoder(), re.compile(r"[\s,]*")
    position = text.index("[") + 1
    while True:
        position = blanks.match(text, position).end()  # type: ignore[union-attr]
        if text[position] == "]":
            return items
        end = decoder.raw_decode(text, position)[1]
        items.append(Item(text[position:end]))
        position = end


def items_of(step: Mapping[str, Any]) -> list[Item] | None:
    """The items that a step is repeated for, None where it runs once."""
    if step.get("withItems"):
        return [Item(json.dumps(item, ensure_ascii=False)) for item in step["withItems"]]
    return split_list(step["withParam"]) if step.get("withParam") else None


_OPERATORS: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.MatMult: lambda text, pattern: re.search(pattern, text) is not None,
}
_FUNCTIONS: dict[str, Callable[..., Any]] = {"asInt": int, "asFloat": float, "string": str, "split": str.split}
_WORDS = {"&&": " and ", "||": " or ", "!": " not ", "matches": "@", "true": "True", "false": "False"}
_TOKEN = re.compile(r"""'[^']*'|"[^"]*"|&&|\|\||!=|!|\bmatches\b|\btrue\b|\bfalse\b""")


def evaluate(expression: str, scope: Mapping[str, Any]) -> Any:
    """The value of an expression in its simple forms: comparisons, `matches`, `&&`, `||`, `!`, split()[n], asInt().

    Raises KeyError where `scope` lacks a variable.
    """
    python = _TOKEN.sub(lambda match: _WORDS.get(match[0], match[0]), expression)

    def value(node: ast.expr) -> Any:
        match node:
            case ast.Constant(constant):
                return constant
            case ast.Attribute(ast.Name(name), attribute):
                return scope[f"{name}.{attribute}"]
            case ast.UnaryOp(ast.Not(), operand):
                return not value(operand)
            case ast.BoolOp(ast.And(), operands):
                return all(value(operand) for operand in operands)
            case ast.BoolOp(ast.Or(), operands):
                return any(value(operand) for operand in operands)
            case ast.BinOp(left, operation, right) | ast.Compare(left, [operation], [right]) if (
                type(operation) in _OPERATORS
            ):
                return _OPERATORS[type(operation)](value(left), value(right))
            case ast.Call(ast.Name(name), arguments, []) if name in _FUNCTIONS:
                return _FUNCTIONS[name](*map(value, arguments))
            case ast.Subscript(container, index):
                return value(container)[value(index)]
        raise UnsupportedError(f"the expression {expression!r}")

    try:
        return value(ast.parse(python.strip(), mode="eval").body)
    except SyntaxError:
        raise UnsupportedError(f"the expression {expression!r}") from None
