# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action plugin shows what the module writes to its journal, while it runs, to people and to nobody else."""

from __future__ import annotations

import json
import signal
import stat
import types
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.argo.workflows.plugins.action import workflow_wait
from ansible_collections.argo.workflows.plugins.action.workflow_wait import ActionModule, _farewell, _pipe

EVENTS: list[dict[str, Any]] = [
    {"event": "tree", "workflow": "say", "lines": [{"text": " └─● echo(0:Argo)(0)", "phase": "Running"}]},
    {"event": "log", "workflow": "say", "node": "echo(0:Argo)(0)", "lines": ["Input was: Argo"]},
    {"event": "note", "workflow": "say", "text": "1 pod cannot be scheduled"},
    {"event": "end", "outcome": "finished"},
]


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(workflow_wait, "Display", lambda: types.SimpleNamespace(display=lines.append))
    monkeypatch.setattr(workflow_wait, "ANSIBLE_COLOR", False)
    return lines


def action(args: dict[str, Any], transport: str = "local", **task: Any) -> ActionModule:
    """The plugin with a module that writes EVENTS to the journal it is given."""
    plugin = ActionModule.__new__(ActionModule)
    told = {"args": args, "check_mode": False, "async_val": 0, "no_log": False, "run_once": False}
    plugin._task = types.SimpleNamespace(**told | task)
    plugin._connection = types.SimpleNamespace(transport=transport, become=None)
    plugin._loader = types.SimpleNamespace(get_basedir=lambda: "/playbooks")

    def execute(module_args: dict[str, Any], **options: Any) -> dict[str, Any]:
        if "journal" in module_args:
            with Path(module_args["journal"]).open("a") as journal:
                journal.writelines(json.dumps(event) + "\n" for event in EVENTS)
        return {"args": module_args, "async": options["wrap_async"]}

    plugin._execute_module = execute
    return plugin


@pytest.fixture(autouse=True)
def no_base_class(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workflow_wait.ActionBase, "run", lambda *_args: {})


def test_tree_lines_and_notes_are_shown_each_log_line_behind_its_item(shown: list[str]) -> None:
    action({"name": "say"}).run()
    assert shown == [" └─● echo(0:Argo)(0)", "echo(0:Argo)(0): Input was: Argo", "say: 1 pod cannot be scheduled"]


def test_nothing_that_a_terminal_would_obey_is_shown_whoever_wrote_the_journal(
    shown: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = "\x1b]0;PWNED\x07\x1b[2Ja\x9b2Jb"
    events = [
        {"event": "tree", "workflow": bad, "lines": [{"text": bad, "phase": "Running"}]},
        {"event": "log", "workflow": bad, "node": bad, "lines": [bad]},
        {"event": "note", "workflow": bad, "text": bad},
    ]
    monkeypatch.setitem(globals(), "EVENTS", events)
    action({"name": "say"}).run()
    assert shown == ["ab", "ab: ab", "ab: ab"]


@pytest.mark.parametrize(
    ("hosts", "run_once", "prefix"), [(["a"], False, ""), (["a", "b"], False, "[a] "), (["a", "b"], True, "")]
)
def test_of_several_hosts_each_line_says_whose_it_is(
    hosts: list[str], run_once: bool, prefix: str, shown: list[str]
) -> None:
    task_vars = {"inventory_hostname": "a", "ansible_play_batch": hosts}
    action({"name": "say"}, run_once=run_once).run(None, task_vars)
    assert shown[0] == prefix + " └─● echo(0:Argo)(0)"


def test_a_journal_of_the_users_own_is_written_and_shown_from_there(shown: list[str], tmp_path: Path) -> None:
    (tmp_path / "journal").write_text('{"event": "note", "workflow": "old", "text": "of an earlier wait"}\n')
    result = action({"name": "say", "journal": str(tmp_path / "journal")}).run()
    assert result["args"]["journal"] == str(tmp_path / "journal")
    assert len(shown) == 3
    assert len((tmp_path / "journal").read_text().splitlines()) == 1 + len(EVENTS)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("~/journal", "/home/me/journal"),
        ("$RUN/journal", "/playbooks/nightly/journal"),
        ("journal", "/playbooks/journal"),
        ("/var/journal", "/var/journal"),
    ],
)
def test_the_journal_is_read_where_the_module_writes_it(
    given: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("RUN", "nightly")
    assert action({})._journal(given) == Path(expected)


def test_the_journal_of_another_user_is_in_that_ones_home() -> None:
    plugin = action({})
    plugin._connection.become = types.SimpleNamespace(get_option=lambda *_args, **_options: "root")
    assert plugin._journal("~/journal") == Path("~root/journal").expanduser()


def test_a_journal_that_cannot_be_read_here_is_the_modules_business(shown: list[str], tmp_path: Path) -> None:
    plugin = action({"name": "say", "journal": str(tmp_path / "missing" / "journal")})
    plugin._execute_module = lambda **_options: {"failed": True}
    assert plugin.run() == {"failed": True}
    assert not shown


@pytest.mark.parametrize(
    ("args", "task"),
    [
        ({"progress": "none"}, {}),
        ({}, {"transport": "ssh"}),
        ({}, {"check_mode": True}),
        ({}, {"async_val": 100}),
        ({}, {"no_log": True}),
    ],
)
def test_the_action_plugin_is_just_the_module_where_nobody_watches(
    args: dict[str, Any], task: dict[str, Any], shown: list[str]
) -> None:
    result = action({"name": "say"} | args, **task).run()
    assert "journal" not in result["args"]
    assert result["async"] == bool(task.get("async_val"))
    assert not shown


def test_machine_readable_callbacks_get_no_lines(shown: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for callback in ("json", "ansible.posix.json", "ansible.posix.jsonl", "minimal"):
        config = types.SimpleNamespace(get_config_value=lambda _name, callback=callback: callback)
        monkeypatch.setattr(workflow_wait, "constants", types.SimpleNamespace(config=config))
        action({"name": "say"}).run()
    assert not shown


def test_plain_terminals_get_plain_ascii(shown: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workflow_wait.sys, "__stdout__", types.SimpleNamespace(encoding="ANSI_X3.4-1968"))
    action({"name": "say"}).run()
    assert shown[0] == " `-Running echo(0:Argo)(0)"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ({"text": " └─● echo(0:a)", "phase": "Running"}, " └─\x1b[36m●\x1b[0m echo(0:a)"),
        ({"text": " ✖ say  ✔ 2 Succeeded", "phase": "Failed"}, " \x1b[31m✖\x1b[0m say  ✔ 2 Succeeded"),
        ({"text": " ├─○ echo(1:b)", "phase": "Skipped"}, " ├─○ echo(1:b)"),
        ({"text": "STEP  TEMPLATE", "phase": ""}, "STEP  TEMPLATE"),
    ],
)
def test_the_sign_of_a_phase_has_the_colour_of_argo_get(
    line: dict[str, str], expected: str, shown: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workflow_wait, "ANSIBLE_COLOR", True)
    monkeypatch.setitem(EVENTS[0], "lines", [line])
    action({"name": "say"}).run()
    assert shown[0] == expected


def test_the_pipe_is_for_this_user_alone_unless_the_module_becomes_another() -> None:
    with _pipe(become=False) as path:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with _pipe(become=True) as path:
        assert stat.S_IMODE(path.stat().st_mode) == 0o622
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o711
        assert len(path.name) == 32
    assert not path.parent.exists()


def test_an_interruption_leaves_no_pipe_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workflow_wait.os, "getppid", lambda: 0)  # whose errors nobody reads
    reader: Any = types.SimpleNamespace(begun=True)
    ended: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _frame: ended.append(number))  # Ansible's ends the process
    try:
        with _pipe(become=False) as path, _farewell({"name": "say"}, path.parent, reader):
            signal.raise_signal(signal.SIGTERM)
            assert not path.parent.exists()
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert ended == [signal.SIGTERM] * 2


@pytest.mark.parametrize(
    ("begun", "lease", "then"),
    [
        (True, 0, "is being stopped"),
        (False, 0, "goes on"),
        (False, "60", "goes on for 60 s (lease_seconds), and is deleted then unless it is waited for again"),
        (False, "sixty", "goes on"),
    ],
)
def test_an_interruption_says_what_becomes_of_the_run(
    begun: bool, lease: Any, then: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[bytes] = []
    monkeypatch.setattr(workflow_wait.os, "write", lambda _file, text: said.append(text))
    before = signal.signal(signal.SIGTERM, lambda _number, _frame: None)
    reader: Any = types.SimpleNamespace(begun=begun)
    try:
        with _farewell({"name": ["say"], "on_interrupt": "stop", "lease_seconds": lease}, tmp_path, reader):
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert len(said) == 1, "once is enough"
    assert said[0].decode().startswith(f"\nWorkflow say {then}. ")


ODD_LINES = [
    "no JSON",
    "[]",
    "7",
    "{}",
    '{"event": "log"}',
    '{"event": "tree", "workflow": "say", "lines": [1]}',
    "[" * 100_000,
]


@pytest.mark.parametrize("line", ODD_LINES)
def test_a_line_that_is_no_event_is_passed_over(line: str, shown: list[str], tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.write_text("")
    plugin = action({"name": "say", "journal": str(path)})

    def execute(module_args: dict[str, Any], **_options: Any) -> dict[str, Any]:
        path.write_text(f"{line}\n" + "".join(json.dumps(event) + "\n" for event in EVENTS))
        return {}

    plugin._execute_module = execute
    plugin.run()
    assert len(shown) == 3
