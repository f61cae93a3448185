# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""As much of AnsibleModule as the run() of a module sees."""

from __future__ import annotations

from typing import Any


class Module:
    """The module `plugin` with these options, the others by their defaults; `warnings` has what it warned of."""

    def __init__(self, plugin: Any, check_mode: bool = False, **params: Any) -> None:
        self.params = {name: option.get("default") for name, option in plugin.ARGUMENT_SPEC.items()} | params
        self.check_mode = check_mode
        self.warnings: list[str] = []
        self._diff = True

    def warn(self, warning: str) -> None:
        self.warnings.append(warning)
