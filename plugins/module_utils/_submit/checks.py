# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mistakes in a manifest that Argo would find too late, or not at all. Private to the collection. Pure."""

from __future__ import annotations

import collections
import dataclasses
import re
from collections.abc import Iterable, Iterator
from typing import Any

from ansible_collections.argo.workflows.plugins.module_utils._argo.lists import calls
from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import Json, at
from ansible_collections.argo.workflows.plugins.module_utils._submit.manifest import ManifestError
from ansible_collections.argo.workflows.plugins.module_utils._submit.validation import LEAVES, refusals

MAX_NAME = 63
"""A Workflow's name is also a label value of its pods."""
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


@dataclasses.dataclass(frozen=True)
class Finding:
    """What is wrong with a Workflow, or with the place that it is to run in."""

    severe: bool
    """Whether the Workflow cannot run like this; else it runs, later or otherwise than was meant."""
    text: str
    """One sentence without a full stop."""


def check(workflow: Json, run_id: str = "") -> list[str]:
    """Warnings about a Workflow that Argo takes but that will not do what was meant.

    Raises ManifestError for what Argo's controller would refuse after it was created.
    """
    check_names(workflow["metadata"])
    findings = [*_findings(workflow["spec"]), *(Finding(True, text) for text in refusals(workflow))]
    if run_id and at(workflow["spec"], "ttlStrategy") is not None:
        text = (
            "run_id finds a run as long as its Workflow is there: after its ttlStrategy the same run_id runs it again"
        )
        findings.append(Finding(False, text))
    if severe := [finding.text for finding in findings if finding.severe]:
        raise ManifestError("; ".join(severe))
    return [finding.text for finding in findings]


def check_names(metadata: Json) -> None:
    """Raise ManifestError where the metadata's name or generateName cannot be a Workflow's."""
    name = metadata.get("name")
    if name is not None and (len(name) > MAX_NAME or not _NAME.fullmatch(name)):
        raise ManifestError(
            f"{name!r} cannot be a Workflow's name: at most {MAX_NAME} lower-case letters, digits, dashes "
            "and dots, with a letter or digit at both ends"
        )
    prefix = metadata.get("generateName")
    if prefix is not None and not _NAME.fullmatch(f"{prefix}0"):
        raise ManifestError(
            f"{prefix!r} cannot begin a Workflow's name: lower-case letters, digits, dashes and dots, "
            "with a letter or digit at the start"
        )


def _findings(spec: Json) -> Iterator[Finding]:
    if spec.get("retryStrategy") is not None:
        yield Finding(
            False,
            "spec.retryStrategy retries every template of the Workflow, the whole fan-out included; "
            "put it on the template that has the container",
        )
    if spec.get("workflowTemplateRef") is not None:
        return  # the template may have what is missing here
    for parameter in at(spec, "arguments", "parameters") or ():
        if parameter.get("value") is None and parameter.get("valueFrom") is None:
            yield Finding(True, f"the parameter {parameter.get('name')} has no value: give one in `parameters`")
    templates = spec.get("templates") or ()
    names = collections.Counter(str(template.get("name") or "") for template in templates)
    yield from _of_names(names, spec.get("entrypoint"))
    for template in templates:
        yield from _of_kind(template)
        yield from _of_calls(template, names.keys())
        yield from _of_retry(template)


def _of_names(names: collections.Counter[str], entrypoint: Any) -> Iterator[Finding]:
    """`names` are those of the templates, empty where one has none, with how many have it."""
    if "" in names:
        yield Finding(True, "a template has no name")
    for name, number in names.items():
        if name and number > 1:
            yield Finding(True, f"there are several templates named {name}")
    if entrypoint not in names:
        yield Finding(True, f"the entrypoint {entrypoint} is not one of the templates: {_listed(names)}")


def _calls_others(template: Json) -> bool:
    return template.get("steps") is not None or template.get("dag") is not None


def _of_kind(template: Json) -> Iterator[Finding]:
    name = template.get("name")
    if not _calls_others(template):
        if all(template.get(leaf) is None for leaf in LEAVES):
            yield Finding(True, f"the template {name} has none of steps, dag, {', '.join(LEAVES)}")
    elif template.get("activeDeadlineSeconds") is not None:
        yield Finding(
            True,
            f"activeDeadlineSeconds of the template {name} belongs on the template that has the container: "
            "Argo refuses it on steps and dag",
        )


def _of_calls(template: Json, names: Iterable[str]) -> Iterator[Finding]:
    name = template.get("name")
    for call in calls(template):
        called = call.get("template")
        if not call.get("name"):
            yield Finding(True, f"a step or task of the template {name} has no name")
        elif called is not None and called not in names:
            yield Finding(
                True,
                f"{call['name']} of the template {name} calls the template {called}, which is not one of: "
                f"{_listed(names)}",
            )


def _of_retry(template: Json) -> Iterator[Finding]:
    name, retry = template.get("name"), template.get("retryStrategy")
    if retry is None:
        return
    if _calls_others(template):
        yield Finding(
            False,
            f"retryStrategy of the template {name} retries the whole of it, all items included; "
            "put it on the template that has the container",
        )
    backoff = retry.get("backoff")
    if backoff is None:
        return
    if backoff.get("duration") is None:
        yield Finding(True, f"retryStrategy.backoff of the template {name} has no duration")
    factor = str(backoff.get("factor") or 1)
    if "{{" not in factor and not factor.isdecimal():
        yield Finding(
            True, f"retryStrategy.backoff.factor of the template {name} is {factor}: Argo takes whole numbers only"
        )
    if retry.get("limit") is None:
        yield Finding(
            False,
            f"retryStrategy of the template {name} has no limit: Argo then retries for ever and ignores the backoff",
        )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(filter(None, names)) or "none"
