# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of the Workflows that are there the options mean. Private to the collection. Pure."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Mapping
from typing import Any

from ansible_collections.argo.workflows.plugins.module_utils._argo.nodes import is_done, phase_of
from ansible_collections.argo.workflows.plugins.module_utils._argo.times import parse_time, seconds_of
from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import Json, at, selector_of
from ansible_collections.argo.workflows.plugins.module_utils._module import UserError
from ansible_collections.argo.workflows.plugins.module_utils._submit.identity import run_selector
from ansible_collections.argo.workflows.plugins.module_utils._submit.manifest import definition_of

CRITERIA = ("label_selectors", "phases", "older_than", "prefix")
"""The options that choose Workflows by what they have in common."""
_OTHERS = ("name", "generate_name", "run_id", "src", "definition")


@dataclasses.dataclass(frozen=True)
class Choice:
    """The Workflows that are meant: one by its name, those of a run, or in bulk what all the rest says."""

    namespace: str
    name: str = ""
    run_id: str = ""
    selector: str = ""
    """The label selector that the API server chooses by, of a run or in bulk."""
    phases: frozenset[str] = frozenset()
    prefix: str = ""
    older_than: float = 0.0
    """Seconds since the creation of a Workflow, or since its end; 0 is any."""
    ended: bool = False
    """Whether the age counts from the end, so that only Workflows are meant that have ended."""

    @property
    def in_bulk(self) -> bool:
        return not (self.name or self.run_id)

    @property
    def words(self) -> str:
        """What the user calls the Workflow, for a sentence."""
        return f"with run_id {self.run_id!r}" if self.run_id else self.name

    def may_mean(self, workflow: Json, now: float) -> bool:
        """Whether a Workflow is meant as far as its metadata tell; `now` is in seconds since 1970."""
        metadata = workflow["metadata"]
        return (
            metadata["name"].startswith(self.prefix)
            and (not self.phases or phase_of(workflow) in self.phases)
            and (not self.ended or is_done(workflow))
            and _seconds_since(metadata.get("creationTimestamp"), now) >= self.older_than
        )

    def means(self, workflow: Json, now: float) -> bool:
        """Whether a whole Workflow is meant. One that ended before it was started has no time of its end."""
        if not self.may_mean(workflow, now):
            return False
        end = at(workflow, "status", "finishedAt") or workflow["metadata"].get("creationTimestamp")
        return not self.ended or _seconds_since(end, now) >= self.older_than


def _seconds_since(moment: str | None, now: float) -> float:
    then = parse_time(moment)
    return (datetime.datetime.fromtimestamp(now, datetime.UTC) - then).total_seconds() if then else 0.0


def choice_of(params: Mapping[str, Any]) -> Choice:
    """The Workflows that the options of module workflow mean; UserError if it is none, or not clear."""
    if given := _given(params):
        return _in_bulk(params, given)
    metadata = definition_of(params, [])["metadata"] if params["src"] or params["definition"] else {}
    namespace = params["namespace"] or metadata.get("namespace") or "argo"
    if params["run_id"]:
        return Choice(namespace, run_id=params["run_id"], selector=run_selector(params["run_id"], params["run_part"]))
    if name := params["name"] or metadata.get("name"):
        return Choice(namespace, name=name)
    raise UserError(
        f"state: {params['state']} needs the Workflow's name or run_id, or what several have in common: "
        f"{', '.join(CRITERIA)}"
    )


def refuse_criteria(params: Mapping[str, Any]) -> None:
    """Raise UserError where a Workflow is to be submitted, and an option chooses among those that are there."""
    limited = ["max_affected"] if params["max_affected"] is not None else []
    if given := [*_given(params), *limited]:
        raise UserError(f"{given[0]} is about Workflows that are there, and state: present submits one")


def _given(params: Mapping[str, Any]) -> list[str]:
    return [option for option in CRITERIA if params[option] is not None]


def _in_bulk(params: Mapping[str, Any], given: list[str]) -> Choice:
    for other in _OTHERS:
        if params[other]:
            raise UserError(f"{given[0]} chooses Workflows in bulk, so {other} cannot be given with it")
    for option in given:
        value = params[option]
        if not value or (isinstance(value, list) and not all(entry.strip() for entry in value)):
            raise UserError(f"{option}: it is empty; say which Workflows are meant, or leave the option out")
    return Choice(
        params["namespace"] or "argo",
        selector=selector_of(params["label_selectors"] or (), params["phases"] or (), params["instance_id"]),
        phases=frozenset(params["phases"] or ()),
        prefix=params["prefix"] or "",
        older_than=_age(params["older_than"]) if params["older_than"] else 0.0,
        ended=params["state"] == "absent" and params["older_than"] is not None,
    )


def _age(older_than: str) -> float:
    seconds = seconds_of(older_than)
    if not seconds:
        raise UserError(f"older_than: {older_than!r} is not a duration such as 90m, 36h or 7d")
    return seconds
