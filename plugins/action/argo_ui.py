# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module of the same name, shows what it tells meanwhile, and ends it with `ansible-playbook`."""

from __future__ import annotations

import contextlib
import secrets
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.argo.workflows.plugins.module_utils._argo.printable import printable
from ansible_collections.argo.workflows.plugins.plugin_utils.orphans import orphans_end

LOCAL = ("local", "ansible.builtin.local")


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        args, show = dict(self._task.args), Display().display
        with contextlib.ExitStack() as stack:
            stack.enter_context(orphans_end())
            if self._connection.transport in LOCAL:
                args["announce_to"] = stack.enter_context(_heard(show))
            elif not self._task.check_mode:
                lines = args.get("announce") or []
                show(lines if isinstance(lines, str) else "\n".join(lines))
            result: dict[str, Any] = self._execute_module(
                module_name="argo.workflows.argo_ui",
                module_args=args,
                task_vars=task_vars,
                wrap_async=bool(self._task.async_val),
            )
        return result


@contextlib.contextmanager
def _heard(show: Callable[[str], None]) -> Iterator[str]:
    """Show what comes in at a UDP port behind a word that others do not know; yields both, as the module takes them."""
    word = secrets.token_hex(16)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.bind(("127.0.0.1", 0))

        def listen() -> None:
            with contextlib.suppress(OSError):
                while True:
                    said, *lines = ear.recv(65536).decode(errors="replace").split("\n")
                    if said == word:
                        for line in lines:
                            show(printable(line))

        threading.Thread(target=listen, daemon=True).start()
        yield f"{ear.getsockname()[1]} {word}"
