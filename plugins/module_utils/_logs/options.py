# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which logs are collected, and how they are kept. Private to the collection."""

from __future__ import annotations

import dataclasses
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from ansible_collections.argo.workflows.plugins.module_utils._argo.names import NodeName
from ansible_collections.argo.workflows.plugins.module_utils._module import UserError

LOG_SPEC: dict[str, Any] = {
    "containers": {"type": "list", "elements": "str", "default": ["main"]},
    "log_timestamps": {"type": "bool", "default": False},
    "merged_log": {"type": "bool", "default": False},
    "parallel_logs": {"type": "int", "default": 64},
    "server": {"type": "str"},
    "server_token": {"type": "str", "no_log": True},
    "server_ca_cert": {"type": "path"},
    "server_validate_certs": {"type": "bool", "default": True},
}
"""The options of every module that collects logs; the doc fragment argo.workflows.logs says what they mean."""

_TOKEN = re.compile(
    rb"""
    \\. | \[\^?\]?(?:\\.|[^\]\\])*\] | \(\?\#[^)]*\) | (?:[*+?]|\{\d+\}|\{\d*,\d*\})\+
    | (?P<verbose>\(\?[a-zA-Z-]*x)
    | (?P<opens>\((?:\?(?:(?P<atomic>>|<?[=!])|P<\w+>|P=\w+|\(\w+\)|[a-zA-Z-]*:?))?)
    | (?P<closes>\)(?:\(\?\#[^)]*\))*)
    | (?P<choice>\||\?\??)
    | (?P<repeats>(?:[*+]|\{(?P<times>\d+)\}|\{\d*,\d*\})\??)
    | .
    """,
    re.VERBOSE | re.DOTALL,
)
"""A part of an expression, as the chapter "Regular Expression Syntax" of Python's documentation has it.

What has no name, a possessive repetition among it, changes nothing.
"""


@dataclasses.dataclass(slots=True)
class _Group:
    """A group of an expression, as far as it was read."""

    atomic: bool = False
    """Whether nothing goes back into it."""
    several: bool = False
    """Whether it can be matched in several ways."""


def logs_folder(logs_dir: str | None) -> Path | None:
    """The option `logs_dir` as an absolute path, None without it; UserError if nothing can be written there.

    That is better said now than at the end of a long wait.
    """
    if not logs_dir:
        return None
    folder = Path(logs_dir).absolute()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UserError(f"logs_dir: nothing can be written to {folder}: {error.strerror or error}") from error
    return folder


def why_endless(pattern: re.Pattern[bytes]) -> str:
    """Why a search may take for ever on one line, and what to do; empty if its time is at most a power of the length.

    It may double with each byte where a group is repeated that can be matched in several ways, and no thread can be
    kept from a search while it lasts. Nothing goes back into a possessive repetition, an atomic group or a lookaround.
    """
    groups = [_Group()]
    ways = False  # whether what a quantifier would repeat now is a group that can be matched in several ways
    for token in _TOKEN.finditer(pattern.pattern):
        repeated, ways = ways, False
        match token.lastgroup:
            case "opens":
                groups.append(_Group(atomic=bool(token["atomic"])))
            case "closes":
                group = groups.pop()
                ways = group.several and not group.atomic
                groups[-1].several |= ways
            case "choice":
                groups[-1].several = True
            case "repeats" if repeated:
                return (
                    "repeats a group that can be matched in several ways, which may take for ever on a single line; "
                    "make the group atomic, as in (?>a|b)+, or what it repeats possessive, as in (a++b)+"
                )
            case "repeats":
                groups[-1].several |= not token["times"]
            case "verbose":
                return "is verbose; leave the flag x out"
    return ""


@dataclasses.dataclass(frozen=True, slots=True)
class LogOptions:
    """Which logs, and how they are kept."""

    containers: tuple[str, ...] = ("main",)
    """Names of containers; `main` is the template's own (all of a containerSet), `all` is every one of the pod."""
    timestamps: bool = False
    merged: bool = False
    """Whether all logs of a Workflow are written to one file, too."""
    parallel: int = 64
    """The most connections at the same time; to follow takes two, one for what runs and one for what has ended."""
    since: str | None = None
    """Only lines from this time on (RFC 3339, whole seconds)."""
    tail: int | None = None
    """Only that many last lines of each container."""
    grep: re.Pattern[bytes] | None = None
    """Only lines in which this is found."""
    follow: bool = True
    """Whether to stay with containers that still run; if not, only what they have written so far is read."""
    items: frozenset[str] = frozenset()
    """Only these items, by index, value or name; empty for all."""

    @classmethod
    def from_params(cls, params: Mapping[str, Any], *, follow: bool = True, **own: Any) -> Self:
        """What the options of LOG_SPEC ask for; `own` are the fields that a module has options of its own for."""
        return cls(
            containers=tuple(params["containers"]),
            timestamps=params["log_timestamps"],
            merged=params["merged_log"],
            parallel=max(2 if follow else 1, params["parallel_logs"]),
            follow=follow,
            **own,
        )

    @property
    def is_cut(self) -> bool:
        """Whether only some of the lines are wanted."""
        return bool(self.since or self.grep) or self.tail is not None

    @property
    def selection(self) -> str:
        """What is not as the container wrote it, in words; files of another selection cannot be continued."""
        chosen = {"since": self.since, "tail": self.tail, "grep": self.grep and self.grep.pattern.decode()}
        words = [f"{key}={value}" for key, value in chosen.items() if value is not None]
        return ", ".join(["timestamps"] * self.timestamps + words)

    def chooses(self, name: NodeName) -> bool:
        """Whether the logs of the node `name` are wanted, as far as the items go."""
        if not self.items:
            return True
        item = dataclasses.replace(name, attempt=None).display_name
        names = {str(name.index), name.text, item, name.display_name}
        for step, index, text in name.around:
            names |= {index, text, f"{step}({index}:{text})"}
        return not self.items.isdisjoint(names)
