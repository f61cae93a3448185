# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module workflow, with `src` found on the control node as for ansible.builtin.copy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError, AnsibleFileNotFound
from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    TRANSFERS_FILES = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        try:
            if arguments.get("src"):
                arguments["src"] = self._on_the_target(arguments["src"])
            result.update(self._execute_module(module_args=arguments, task_vars=task_vars))
        except AnsibleFileNotFound:
            result.update(failed=True, msg=f"src {arguments['src']}: no such file beside the playbook or in its files/")
        except AnsibleError as error:
            result.update(failed=True, msg=f"src {arguments.get('src')} cannot be used: {error.message}")
        finally:
            self._remove_tmp_path(self._connection._shell.tmpdir)
        return result

    def _on_the_target(self, src: str) -> str:
        """Decrypt the file if need be, and take it to where the module runs; its name stays the same."""
        found = self._loader.get_real_file(self._find_needle("files", src))
        target = self._connection._shell.join_path(self._connection._shell.tmpdir, Path(src).name)
        self._transfer_file(found, target)
        self._fixup_perms2((self._connection._shell.tmpdir, target))
        return str(target)
