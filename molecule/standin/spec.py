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

KINDS = {"container", "script", "steps", "suspend"}
SPEC_FIELDS = SPEC_TO_POD | {"arguments", "entrypoint", "parallelism", "shutdown", "suspend", "templates", "volumes"}
TEMPLATE_FIELDS = TEMPLATE_TO_POD | KINDS
TEMPLATE_FIELDS |= {"activeDeadlineSeconds", "inputs", "metadata", "name", "outputs", "retryStrategy", "volumes"}


def check_spec(spec: dict[str, Any]) -> None:
    """Refuses what Argo refuses and what this stand-in cannot do."""
    _refuse("the spec's", spec, SPEC_FIELDS)
    names = [spec.get("entrypoint")]
    for template in spec["templates"]:
        _refuse("the template's", template, TEMPLATE_FIELDS)
        retry = template.get("retryStrategy", {})
        _refuse("a retryStrategy's", retry, {"limit", "retryPolicy", "backoff", "expression"})
        _refuse("a backoff's", retry.get("backoff") or {}, {"duration", "factor", "cap"})
        _refuse("a suspend's", template.get("suspend") or {}, set())
        _refuse("an input's", template.get("inputs", {}), {"parameters"})
        _refuse("an output's", template.get("outputs", {}), {"parameters"})
        for parameter in template.get("outputs", {}).get("parameters", []):
            _refuse("an output parameter's valueFrom", parameter["valueFrom"], {"path", "default"})
        if "{{steps." in json.dumps(template):
            raise UnsupportedError("a reference to another step's outputs")
        if not KINDS & template.keys():
            raise UnsupportedError(f"the kind of template {template['name']!r}")
        for step in (step for group in template.get("steps", []) for step in group):
            _refuse("a step's", step, {"arguments", "name", "template", "withParam"})
            names.append(step.get("template"))
    for name in names:
        if name not in {template["name"] for template in spec["templates"]}:
            raise InvalidSpecError(f"template name '{name}' undefined")


def _refuse(where: str, value: Mapping[str, Any], known: set[str]) -> None:
    unknown = sorted(key for key in value.keys() - known if value[key])
    if unknown:
        raise UnsupportedError(f"{where} {unknown[0]}")
