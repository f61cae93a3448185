# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write plugins/module_utils/_argo/fields.py from API descriptions of Argo.

usage: describe.py VERSION=SWAGGER.json ...

Only names and types are taken, of what can be reached from a Workflow, and of all descriptions together: a field that
any of these versions knows is known.
"""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "plugins/module_utils/_argo/fields.py"
WORKFLOW = "io.argoproj.workflow.v1alpha1.Workflow"
LEFT_OUT = frozenset({"WorkflowStatus", "ManagedFieldsEntry"})
"""Types of what the API server and the controller write, which nobody submits."""

_FREE = frozenset({"Item", "Plugin", "NoneStrategy", "ZipStrategy", "SuppliedValueFrom", "RetryNodeAntiAffinity"})
"""Types whose description does not say what is in them: any value, or an object without fields."""
_SPECIAL = {"Quantity": "quantity", "IntOrString": "intorstring", "Time": "string", "Amount": "number"}

Types = dict[str, dict[str, str]]


def main(arguments: list[str]) -> None:
    types: Types = {}
    versions = []
    for argument in arguments:
        version, _equals, path = argument.partition("=")
        versions.append(version)
        for name, fields in described(json.loads(Path(path).read_bytes())["definitions"]).items():
            types[name] = {**types.get(name, {}), **fields}
    TARGET.write_text(source(types, versions))


def described(definitions: Mapping[str, Any]) -> Types:
    """The fields of each type that a Workflow is made of: `{"Backoff": {"duration": "string", …}, …}`."""
    types: Types = {}
    waiting = [WORKFLOW]
    while waiting:
        full = waiting.pop()
        name = short(full)
        if name in types or name in LEFT_OUT:
            continue
        properties = definitions[full].get("properties", {})
        types[name] = {field: type_of(schema, definitions, waiting) for field, schema in properties.items()}
    return types


def type_of(schema: Mapping[str, Any], definitions: Mapping[str, Any], waiting: list[str]) -> str:
    """The type of a field in short: `string`, `[]Container`, `{}string`, `quantity`, `any`."""
    if "$ref" in schema:
        return type_of_reference(schema["$ref"].rsplit("/", 1)[-1], definitions, waiting)
    if schema.get("type") == "array":
        return "[]" + type_of(schema["items"], definitions, waiting)
    if schema.get("type") == "object":
        values = schema.get("additionalProperties")
        return "{}" + type_of(values, definitions, waiting) if values else "any"
    return str(schema.get("type", "any"))


def type_of_reference(full: str, definitions: Mapping[str, Any], waiting: list[str]) -> str:
    name = short(full)
    if name in _SPECIAL:
        return _SPECIAL[name]
    if name in LEFT_OUT or name in _FREE:
        return "any"
    if definitions[full].get("type") == "array":
        return type_of(definitions[full], definitions, waiting)
    waiting.append(full)
    return name


def short(full: str) -> str:
    return full.rsplit(".", 1)[-1]


def source(types: Types, versions: list[str]) -> str:
    """The text of the generated file: an entry a type."""
    lines = ",\n".join(
        textwrap.fill(f'"{name}": {json.dumps(fields, sort_keys=True)}', 118, break_long_words=False)
        for name, fields in sorted(types.items())
    )
    head = "".join((ROOT / "plugins/module_utils/_argo/names.py").read_text().splitlines(keepends=True)[:3])
    return f'''{head}"""The fields of a Workflow and their types, in {" and ".join(versions)} of Argo Workflows.

Private to the collection. Pure. Written by tests/engine/describe.py from Argo's API descriptions, names and types
alone; not edited by hand.
"""

from __future__ import annotations

import json

FIELDS: dict[str, dict[str, str]] = json.loads(
    r"""{{
{lines}
}}"""
)
"""By the name of a type, its fields and their types: `string`, `[]Container`, `{{}}string`, `quantity`, `any`."""
'''


if __name__ == "__main__":
    main(sys.argv[1:])
