# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action plugin argo_ui shows what its module tells, and nothing that others say to it."""

from __future__ import annotations

import socket
import time
import types
from typing import Any

import pytest

from ansible_collections.argo.workflows.plugins.action import argo_ui


def ran(
    monkeypatch: pytest.MonkeyPatch, *said: str, transport: str = "local", check_mode: bool = False
) -> tuple[list[str], dict[str, Any]]:
    """The lines that are shown while a module says this behind its word, and the options that the module was given."""
    shown: list[str] = []
    monkeypatch.setattr(argo_ui, "Display", lambda: types.SimpleNamespace(display=shown.append))
    plugin = argo_ui.ActionModule.__new__(argo_ui.ActionModule)
    plugin._task = types.SimpleNamespace(args={"announce": ["open"]}, check_mode=check_mode, async_val=0)
    plugin._connection = types.SimpleNamespace(transport=transport)
    given: dict[str, Any] = {}

    def execute(module_args: dict[str, Any], **_options: Any) -> dict[str, Any]:
        given.update(module_args)
        port, _blank, word = module_args.get("announce_to", "0 ").partition(" ")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mouth:
            for text in said:
                mouth.sendto(text.replace("WORD", word).encode(), ("127.0.0.1", int(port)))
        end = time.monotonic() + 10
        while said and not shown and time.monotonic() < end:
            time.sleep(0.01)
        return {"changed": False}

    plugin._execute_module = execute
    monkeypatch.setattr(argo_ui.ActionBase, "run", lambda *_args, **_kwargs: {})
    assert plugin.run() == {"changed": False}
    return shown, given


def test_what_the_module_tells_is_shown_without_what_a_terminal_would_obey(monkeypatch: pytest.MonkeyPatch) -> None:
    shown, _given = ran(monkeypatch, "somebody\nelse", "WORD\nopen\n\x1b[31mred")
    assert shown == ["open", "red"]


def test_on_another_machine_the_message_is_shown_before(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ran(monkeypatch, transport="ssh") == (["open"], {"announce": ["open"]})
    assert ran(monkeypatch, transport="ssh", check_mode=True)[0] == []
