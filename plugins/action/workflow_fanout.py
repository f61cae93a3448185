# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Renders the Workflows of a fan-out on the control node; see the module of the same name."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible.template import trust_as_template

from ansible_collections.argo.workflows.plugins.module_utils._submit import fanout
from ansible_collections.argo.workflows.plugins.module_utils._submit.fanout import (
    MAX_ITEMS,
    Cost,
    Plan,
    lines,
    read_items,
    runs,
    without_nulls,
)
from ansible_collections.argo.workflows.plugins.module_utils._submit.manifest import ManifestError, read

ARGUMENT_SPEC = {
    "items": {"type": "raw"},
    "items_file": {"type": "path"},
    "count": {"type": "int"},
    "indexes": {"type": "list", "elements": "int"},
    "template": {"type": "path", "required": True},
    "max_items": {"type": "int", "default": MAX_ITEMS},
    "max_gpus": {"type": "int", "default": 0},
    "wait_timeout": {"type": "int", "default": 0},
    "allow_empty": {"type": "bool", "default": False},
}


class ActionModule(ActionBase):
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        options = self.validate_argument_spec(
            ARGUMENT_SPEC,
            mutually_exclusive=[("items", "items_file", "count")],
            required_one_of=[("items", "items_file", "count")],
        )[1]
        try:
            result.update(self._rendered(options, task_vars or {}), changed=False)
        except (ManifestError, AnsibleError) as error:
            result.update(failed=True, msg=str(error))
        return result

    def _rendered(self, options: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        items = self._items(options)
        if not items and not options["allow_empty"]:
            raise ManifestError("the list of items is empty, so there is nothing to run")
        plan = fanout.plan(items, options["indexes"], options["max_items"])
        frame = self._frame(options["template"], plan, task_vars)
        cost = fanout.cost(frame, len(items))
        _check_gpus(cost, options["max_gpus"])
        return {
            "runs": [dataclasses.asdict(run) for run in runs(frame, plan)],
            "all_items": items,
            "cost": dataclasses.asdict(cost),
            "warnings": _warnings(cost, options["wait_timeout"]),
        }

    def _items(self, options: dict[str, Any]) -> list[Any]:
        if options["count"] is not None:
            return list(range(options["count"]))
        if options["items_file"] is None:
            return read_items(options["items"])
        path = self._find_needle("files", options["items_file"])
        text = self._loader.get_text_file_contents(path)
        return read_items(text) if path.endswith(".json") else lines(text)

    def _frame(self, template: str, plan: Plan, task_vars: dict[str, Any]) -> dict[str, Any]:
        """The Workflow without its items."""
        path = self._find_needle("templates", template)
        text = trust_as_template(self._loader.get_text_file_contents(path))
        variables = {**task_vars, "fanout": {"arguments": plan.arguments, "inputs": plan.inputs, "env": plan.env}}
        templar = self._templar.copy_with_new_env(searchpath=[str(Path(path).parent)], available_variables=variables)
        rendered = templar.template(text, overrides={"variable_start_string": "[[", "variable_end_string": "]]"})
        return without_nulls(read(rendered, Path(path).name))


def _warnings(cost: Cost, wait_timeout: int) -> list[str]:
    if not wait_timeout or cost.worst_case is None or cost.worst_case <= wait_timeout:
        return []
    return [
        f"one item can take {cost.worst_case:.0f} s (attempts x deadline + backoff), "
        f"and the wait ends after {wait_timeout} s"
    ]


def _check_gpus(cost: Cost, max_gpus: int) -> None:
    if max_gpus and cost.gpus_at_once > max_gpus:
        raise ManifestError(
            f"{cost.gpus_at_once:g} GPUs could be in use at once, and {max_gpus} are allowed: "
            "lower the parallelism, or raise max_gpus"
        )
