# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mistakes in a manifest that Argo would find too late, or not at all. Private to the collection. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.argo.workflows.plugins.module_utils._argo.lists import callers
from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import Json
from ansible_collections.argo.workflows.plugins.module_utils._submit.manifest import ManifestError

MAX_NAME = 63
"""A Workflow's name is also a label value of its pods."""
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LEAVES = ("container", "script", "containerSet", "resource", "suspend", "http", "plugin", "data")


def check(workflow: Json) -> list[str]:
    """Warnings about a Workflow that Argo takes but that will not do what was meant.

    Raises ManifestError for what Argo's controller would refuse after it was created.
    """
    spec = workflow["spec"]
    check_names(workflow["metadata"])
    for parameter in (spec.get("arguments") or {}).get("parameters") or []:
        if "value" not in parameter and "valueFrom" not in parameter and "workflowTemplateRef" not in spec:
            raise ManifestError(f"the parameter {parameter.get('name')} has no value: give one in `parameters`")
    warnings = []
    if "retryStrategy" in spec:
        warnings.append(
            "spec.retryStrategy retries every template of the Workflow, the whole fan-out included; "
            "put it on the template that has the container"
        )
    if "workflowTemplateRef" in spec:
        return warnings
    templates = _templates(workflow)
    if spec.get("entrypoint") not in templates:
        raise ManifestError(
            f"the entrypoint {spec.get('entrypoint')} is not one of the templates: {_listed(templates)}"
        )
    for template in templates.values():
        warnings += _check_template(template, templates)
    return warnings


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


def _templates(workflow: Json) -> dict[str, Json]:
    templates: dict[str, Json] = {}
    for template in workflow["spec"].get("templates") or []:
        name = _name_of(template, "template")
        if name in templates:
            raise ManifestError(f"there are two templates named {name}")
        templates[name] = template
    return templates


def _name_of(thing: Json, kind: str) -> str:
    """The name of a template, step or task."""
    if not thing.get("name"):
        raise ManifestError(f"a {kind} has no name")
    return str(thing["name"])


def _check_template(template: Json, templates: Mapping[str, Json]) -> Iterator[str]:
    name = template.get("name")
    inner = "steps" in template or "dag" in template
    if not inner and not any(leaf in template for leaf in _LEAVES):
        raise ManifestError(f"the template {name} has none of steps, dag, {', '.join(_LEAVES)}")
    if inner and "activeDeadlineSeconds" in template:
        raise ManifestError(
            f"activeDeadlineSeconds of the template {name} belongs on the template that has the container: "
            "Argo refuses it on steps and dag"
        )
    for caller in callers(template):
        called, step = caller.get("template"), _name_of(caller, f"step or task of the template {name}")
        if called is not None and called not in templates:
            raise ManifestError(
                f"{step} of the template {name} calls the template {called}, which is not one of: {_listed(templates)}"
            )
    retry = template.get("retryStrategy")
    if retry is None:
        return
    if inner:
        yield (
            f"retryStrategy of the template {name} retries the whole of it, all items included; "
            "put it on the template that has the container"
        )
    backoff = retry.get("backoff")
    if backoff is None:
        return
    if "duration" not in backoff:
        raise ManifestError(f"retryStrategy.backoff of the template {name} has no duration")
    factor = str(backoff.get("factor", 1))
    if "{{" not in factor and not factor.isdecimal():
        raise ManifestError(
            f"retryStrategy.backoff.factor of the template {name} is {factor}: Argo takes whole numbers only"
        )
    if "limit" not in retry:
        yield f"retryStrategy of the template {name} has no limit: Argo then retries for ever and ignores the backoff"


def _listed(names: Iterable[Any]) -> str:
    return ", ".join(map(str, names)) or "none"
