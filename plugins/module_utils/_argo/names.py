# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names that Argo Workflows v4.1 gives to nodes and pods. Private to the collection. Pure."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable
from typing import Any

from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import (
    NODE_NAME_ANNOTATION,
    POD_NAME_FORMAT_ANNOTATION,
    Json,
    at,
)

_MAX_POD_NAME_PREFIX = 242  # a resource name has 253 characters, the hash has 10 digits and a dash
_ITEM = re.compile(r"([^.()]*)\((\d+):([^()]*)\)")


def fnv1a32(text: str) -> int:
    """The 32-bit FNV-1a hash that Argo's node IDs and pod names end in."""
    value = 0x811C9DC5
    for byte in text.encode():
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value


def node_id(workflow_name: str, node_name: str) -> str:
    """The key in status.nodes of the node called `node_name`."""
    return workflow_name if node_name == workflow_name else f"{workflow_name}-{fnv1a32(node_name)}"


def pod_name(workflow_name: str, node_name: str, template_name: str = "", version: str = "v2") -> str:
    """The name of the pod of a node; `version` is what the Workflow's annotation pod-name-format says."""
    if version == "v1":
        return node_id(workflow_name, node_name)
    if node_name == workflow_name:
        return workflow_name
    prefix = f"{workflow_name}-{template_name}" if template_name else workflow_name
    return f"{prefix[:_MAX_POD_NAME_PREFIX]}-{fnv1a32(node_name)}"


def pod_name_of(workflow: Json, node: Json) -> str:
    """The name of the pod of a node of this Workflow."""
    version = at(workflow, "metadata", "annotations", POD_NAME_FORMAT_ANNOTATION) or "v2"
    template = at(node, "templateRef", "template") or node.get("templateName") or ""
    return pod_name(name_of(workflow), node["name"], template, version)


def pod_node_name(pod: Json) -> str:
    """The full name of the node a pod belongs to, from its annotation; "" for a pod that is not Argo's."""
    return str(at(pod, "metadata", "annotations", NODE_NAME_ANNOTATION) or "")


def collisions(workflow_name: str, node_names: Iterable[str]) -> list[tuple[str, str]]:
    """The pairs of different node names that get the same node ID.

    Argo v4.1.2 silently never runs the second one (argo-workflows#16376).
    """
    seen: dict[str, str] = {}
    pairs = []
    for name in node_names:
        first = seen.setdefault(node_id(workflow_name, name), name)
        if first != name:
            pairs.append((first, name))
    return pairs


@dataclasses.dataclass(frozen=True, slots=True)
class NodeName:
    """A node's name taken apart: `wf[0].echo(1:b)(2)` is step echo, item 1, text b, attempt 2, group `wf[0].echo`."""

    group: str
    """The name without item and attempt: the same for all items of one fan-out."""
    step: str
    """The step's or task's own name; the workflow's for its root."""
    index: int | None
    """The place of the item in its list; None outside of a fan-out."""
    text: str | None
    """The item as Argo writes it into the name: JSON without the quotes of a string and without any parentheses."""
    hook: str
    """What a hook of the step adds, ".onExit" or ".hooks.NAME"; else empty."""
    attempt: int | None
    """The number of the retry, from 0; None where the template has no retryStrategy."""

    @property
    def item_name(self) -> str:
        """The node name of the item: all its attempts have it in common."""
        return f"{self.group}{self._suffix}"

    @property
    def around(self) -> list[tuple[str, str, str]]:
        """Step, index and text of each item whose steps this is one of, the outermost first."""
        return _ITEM.findall(self.group)

    @property
    def display_name(self) -> str:
        """The name that `argo get` shows, as in `echo(0:Argo)(0)`."""
        attempt = "" if self.attempt is None else f"({self.attempt})"
        return f"{self.step}{self._suffix}{attempt}"

    @property
    def _suffix(self) -> str:
        item = "" if self.index is None else f"({self.index}:{self.text})"
        return f"{item}{self.hook}"


def parse_node_name(workflow_name: str, node_name: str) -> NodeName:
    """Take the full name of a node that may have a pod apart.

    It is read from its end, where nothing is ambiguous: Argo removes parentheses from an item's text, an item always
    has a colon, an attempt never, and names of steps have neither dots nor parentheses.
    """
    rest, attempt = node_name, None
    head, inside = _last_group(rest)
    if inside.isdecimal():
        rest, attempt = head, int(inside)
    rest, hook = _cut_hook(rest)
    index, text = None, None
    head, inside = _last_group(rest)
    number, colon, value = inside.partition(":")
    if colon and number.isdecimal():
        rest, index, text = head, int(number), value
    step = rest if rest == workflow_name else rest.rpartition(".")[2]
    return NodeName(rest, step, index, text, hook, attempt)


def display_name(workflow_name: str, node_name: str) -> str:
    """The name that `argo get` shows for a node that may have a pod, as in `echo(0:Argo)(0)`."""
    return parse_node_name(workflow_name, node_name).display_name


def _last_group(name: str) -> tuple[str, str]:
    """Split "a(b)(c)" into "a(b)" and "c"; the second is empty if the name does not end in parentheses."""
    head, opened, inside = name[:-1].rpartition("(")
    return (head, inside) if opened and name.endswith(")") else (name, "")


def _cut_hook(name: str) -> tuple[str, str]:
    if name.endswith(".onExit"):
        return name.removesuffix(".onExit"), ".onExit"
    head, separator, hook = name.rpartition(".hooks.")
    if separator and not re.search(r"[.()\[\]]", hook):
        return head, separator + hook
    return name, ""


def item_in_name(item: Any) -> str:
    """An item as Argo writes it into a node's name: `{"b": 1, "a": "x"}` is `a:x,b:1`; parentheses are left out."""
    if isinstance(item, dict):
        text = ",".join(sorted(f"{key}:{item_in_name(value)}" for key, value in item.items()))
    elif isinstance(item, str):
        text = json.dumps(item, ensure_ascii=False)[1:-1]
    else:
        text = json.dumps(item, ensure_ascii=False, separators=(",", ":"))
    return text.replace("(", "").replace(")", "")


def name_of(workflow: Json) -> str:
    return str(at(workflow, "metadata", "name") or "")
