# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the stand-in can do: the fields of a Workflow that it knows, and the refusal of all others."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from . import InvalidSpecError, UnsupportedError
from .pods import SPEC_TO_POD, TEMPLATE_TO_POD

Json = dict[str, Any]

SPEC_FIELDS = {
    *SPEC_TO_POD,
    *("activeDeadlineSeconds", "archiveLogs", "arguments", "entrypoint", "onExit", "parallelism", "podGC"),
    *("podMetadata", "priority", "shutdown", "suspend", "templates", "ttlStrategy", "volumes"),
}
TEMPLATE_FIELDS = {
    *TEMPLATE_TO_POD,
    *("activeDeadlineSeconds", "container", "inputs", "metadata", "name", "outputs", "parallelism"),
    *("retryStrategy", "script", "steps", "suspend", "volumes"),
}
STEP_FIELDS = {"arguments", "name", "template", "withItems", "withParam"}
RETRY_FIELDS = {"limit", "retryPolicy", "backoff", "expression"}
BACKOFF_FIELDS = {"duration", "factor", "cap"}


def check_spec(spec: Json) -> None:
    """Refuses what Argo refuses and what this stand-in cannot do."""
    templates = {template["name"]: template for template in spec.get("templates", [])}
    _refuse("the spec's", spec, SPEC_FIELDS)
    names = [spec.get("entrypoint"), spec.get("onExit")]
    for template in templates.values():
        _refuse("the template's", template, TEMPLATE_FIELDS)
        retry = template.get("retryStrategy", {})
        _refuse("a retryStrategy's", retry, RETRY_FIELDS)
        _refuse("a backoff's", retry.get("backoff") or {}, BACKOFF_FIELDS)
        if not {"container", "script", "steps", "suspend"} & template.keys():
            raise UnsupportedError(f"the kind of template {template['name']!r}")
        _refuse("an output's", template.get("outputs", {}), {"parameters"})
        for parameter in template.get("outputs", {}).get("parameters", []):
            _refuse("an output parameter's valueFrom", parameter.get("valueFrom", {}), {"path", "default"})
        if "{{steps." in json.dumps(template):
            raise UnsupportedError("a reference to another step's outputs")
        for step in (step for group in template.get("steps", []) for step in group):
            _refuse("a step's", step, STEP_FIELDS)
            names.append(step.get("template"))
    for name in filter(None, names):
        if name not in templates:
            raise InvalidSpecError(f"template name '{name}' undefined")
    if not spec.get("entrypoint"):
        raise InvalidSpecError("spec.entrypoint is required")


def _refuse(where: str, value: Mapping[str, Any], known: set[str]) -> None:
    unknown = sorted(key for key in value.keys() - known if value[key])
    if unknown:
        raise UnsupportedError(f"{where} {unknown[0]}")
