# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action plugin takes `src` from the control node to where the module runs."""

from __future__ import annotations

import types
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleError, AnsibleFileNotFound

from ansible_collections.argo.workflows.plugins.action import workflow
from ansible_collections.argo.workflows.plugins.action.workflow import ActionModule


class Plugin(ActionModule):
    """The plugin on a target whose files are in `sent`, with one file beside the playbook."""

    def __init__(self, **args: Any) -> None:
        self.sent: dict[str, str] = {}
        self.removed: list[str] = []
        self._task = types.SimpleNamespace(args=args)
        shell = types.SimpleNamespace(tmpdir="/tmp/ansible", join_path=lambda *parts: str(Path(*parts)))
        self._connection = types.SimpleNamespace(_shell=shell)
        self._loader = types.SimpleNamespace(get_real_file=self._decrypted)

    def _decrypted(self, path: str) -> str:
        if path.endswith("locked.yaml"):
            raise AnsibleError("Attempting to decrypt but no vault secrets found")
        return f"{path}.decrypted"

    def _find_needle(self, dirname: str, needle: str) -> str:
        if needle == "nothing.yaml":
            raise AnsibleFileNotFound(file_name=needle)
        return f"/playbook/{dirname}/{needle}"

    def _transfer_file(self, local_path: str, remote_path: str) -> None:
        self.sent[remote_path] = local_path

    def _fixup_perms2(self, paths: Any) -> None:
        pass

    def _remove_tmp_path(self, path: str) -> None:
        self.removed.append(path)

    def _execute_module(self, module_args: dict[str, Any], task_vars: Any) -> dict[str, Any]:
        return {"args": module_args}


@pytest.fixture(autouse=True)
def no_base_class(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workflow.ActionBase, "run", lambda *_args: {})


def test_the_module_gets_the_decrypted_file_under_its_own_name() -> None:
    plugin = Plugin(src="runs/say.yaml", name="say")
    assert plugin.run()["args"] == {"src": "/tmp/ansible/say.yaml", "name": "say"}
    assert plugin.sent == {"/tmp/ansible/say.yaml": "/playbook/files/runs/say.yaml.decrypted"}
    assert plugin.removed == ["/tmp/ansible"]


def test_a_task_without_src_sends_no_file() -> None:
    plugin = Plugin(name="say", state="absent")
    assert plugin.run()["args"] == {"name": "say", "state": "absent"}
    assert plugin.sent == {}


@pytest.mark.parametrize(
    ("src", "sentence"),
    [
        ("nothing.yaml", "src nothing.yaml: no such file beside the playbook or in its files/"),
        ("locked.yaml", "src locked.yaml cannot be used: Attempting to decrypt but no vault secrets found"),
    ],
)
def test_a_src_that_cannot_be_read_fails_with_a_sentence_and_leaves_nothing_behind(src: str, sentence: str) -> None:
    plugin = Plugin(src=src)
    result = plugin.run()
    assert (result["failed"], result["msg"]) == (True, sentence)
    assert plugin.removed == ["/tmp/ansible"]
