# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Argo's variables: `{{tag}}` in templates, the items of withParam, expressions.

Argo replaces tags in the JSON text of a template, several times over with growing scopes; an item that
contains `{{workflow.name}}` is therefore replaced too (recording fanout-odd-items).
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from . import InvalidSpecError, UnsupportedError

T = TypeVar("T")

TAG = re.compile(r"\{\{([^{}]*)\}\}")


def replace(value: T, scope: Mapping[str, str]) -> T:
    """`value`, any JSON value, with every tag that `scope` knows replaced; the others stay as they are."""

    def substitute(match: re.Match[str]) -> str:
        tag = json.loads(f'"{match[1]}"').strip()
        try:
            found = str(evaluate(tag[1:], scope)) if tag.startswith("=") else scope[tag]
        except KeyError:
            return match[0]
        return json.dumps(found, ensure_ascii=False)[1:-1]

    replaced: T = json.loads(TAG.sub(substitute, json.dumps(value, ensure_ascii=False)))
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
            return json.dumps(self.value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return self.raw

    def members(self) -> dict[str, str]:
        return {key: str(Item(json.dumps(member, ensure_ascii=False))) for key, member in self.value.items()}

    def label(self) -> str:
        """The item's part of a node name, in which Argo leaves out parentheses."""
        text = str(self)
        if isinstance(self.value, dict):
            text = ",".join(sorted(f"{key}:{member}" for key, member in self.members().items()))
        elif isinstance(self.value, list):
            text = "[" + " ".join(map(str, split_list(self.raw))) + "]"
        return text.replace("(", "").replace(")", "")

    def scope(self) -> dict[str, str]:
        """`{{item}}`, and for an object `{{item.key}}`."""
        if isinstance(self.value, dict):
            return {"item": str(self), **{f"item.{key}": member for key, member in self.members().items()}}
        return {"item": self.value if isinstance(self.value, str) else str(self)}


def split_list(text: str) -> list[Item]:
    """The elements of a JSON list as text. Raises InvalidSpecError, in Argo's words, if it is none."""
    try:
        if not isinstance(json.loads(text), list):
            raise ValueError("not a list")
    except ValueError as error:
        raise InvalidSpecError(f"withParam value could not be parsed as a JSON list: {text.strip()}: {error}") from None
    items: list[Item] = []
    rest = text.strip()[1:].lstrip()
    while rest != "]":
        end = json.JSONDecoder().raw_decode(rest)[1]
        items.append(Item(rest[:end]))
        rest = rest[end:].lstrip(" \t\r\n,")
    return items


_FUNCTIONS: dict[str, Callable[..., Any]] = {"asInt": int, "split": str.split}
_WORDS = {"&&": " and ", "||": " or ", "!": " not ", "matches": "@"}
_TOKEN = re.compile(r"""'[^']*'|"[^"]*"|&&|\|\||!=|!|\bmatches\b""")


def evaluate(expression: str, scope: Mapping[str, Any]) -> Any:
    """The value of an expression made of `==`, `!=`, `matches`, `&&`, `||`, `!`, split()[n] and asInt().

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
            case ast.BoolOp(operation, operands):
                return (all if isinstance(operation, ast.And) else any)(map(value, operands))
            case ast.Compare(left, [ast.Eq()], [right]):
                return value(left) == value(right)
            case ast.Compare(left, [ast.NotEq()], [right]):
                return value(left) != value(right)
            case ast.BinOp(left, ast.MatMult(), right):
                return re.search(value(right), value(left)) is not None
            case ast.Call(ast.Name(name), arguments, []) if name in _FUNCTIONS:
                return _FUNCTIONS[name](*map(value, arguments))
            case ast.Subscript(container, index):
                return value(container)[value(index)]
        raise UnsupportedError(f"the expression {expression!r}")

    try:
        return value(ast.parse(python.strip(), mode="eval").body)
    except SyntaxError:
        raise UnsupportedError(f"the expression {expression!r}") from None
