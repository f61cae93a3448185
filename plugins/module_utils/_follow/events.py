# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The events of a journal: what its writer and its readers agree on. Private to the collection.

{"time": "2026-11-22T15:45:17.123Z", "event": "begin"}
{"time": …, "event": "tree", "workflow": "gpu-say-x7k2v",
 "lines": [{"text": " ├─✔ echo(0:Argo)…", "phase": "Succeeded"}]}
{"time": …, "event": "log", "workflow": …, "node": "echo(0:Argo)(0)", "container": "main", "lines": ["Input was …"]}
{"time": …, "event": "note", "workflow": …, "text": "2 pods cannot be scheduled: …"}
{"time": …, "event": "end", "outcome": "finished"}
"""

from __future__ import annotations

from typing import Literal, TypeAlias, TypedDict

from ansible_collections.argo.workflows.plugins.module_utils._argo.tree import Line


class Begin(TypedDict):
    """From now on an interruption is noticed."""

    event: Literal["begin"]


class Tree(TypedDict):
    """The lines of the tree that have changed, each with the phase of its node; empty where it has none."""

    event: Literal["tree"]
    workflow: str
    lines: list[Line]


class LogLines(TypedDict):
    """Whole lines of a log, without control characters and without what carriage returns have written over."""

    event: Literal["log"]
    workflow: str
    node: str
    """The display name of the node in the Workflow."""
    container: str
    lines: list[str]


class Note(TypedDict):
    """Something to be said about a Workflow; about none of them in particular if `workflow` is empty."""

    event: Literal["note"]
    workflow: str
    text: str


class End(TypedDict):
    """The last event."""

    event: Literal["end"]
    outcome: str


Event: TypeAlias = "Begin | Tree | LogLines | Note | End"
