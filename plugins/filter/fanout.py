# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters for what came back of a fan-out; documented in the YAML files beside this one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.argo.workflows.plugins.module_utils._submit import outcome
from ansible_collections.argo.workflows.plugins.module_utils._submit.outcome import junit, merged, summary


def fanout_results(
    workflows: Sequence[Mapping[str, Any]],
    fanout: Mapping[str, Any],
    infos: Sequence[Mapping[str, Any]] = (),
    before: Sequence[dict[str, Any]] = (),
) -> list[dict[str, Any]]:
    """The results of `workflows`, or `before` with these in the place of its own, as fanout_results.yml says."""
    results = outcome.results(fanout["all_items"], fanout["runs"], workflows, infos)
    return merged(before, results) if before else results


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"fanout_results": fanout_results, "fanout_junit": junit, "fanout_summary": summary}
