# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action plugin renders the Workflows of a fan-out on the control node, or says in a sentence why it cannot."""

from __future__ import annotations

import types
from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.task import Task
from ansible.template import Templar

from ansible_collections.argo.workflows.plugins.action.workflow_fanout import ActionModule

TEMPLATE = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: "[[ prefix ]]-"}
spec:
  entrypoint: main
  parallelism: [[ parallelism | default(none) | to_json ]]
  arguments: {parameters: [{name: items, value: "[]"}]}
  templates:
    - name: main
      steps:
        - - {name: say, template: say, withParam: "{{workflow.parameters.items}}"}
    - name: say
      activeDeadlineSeconds: 60
      container: {image: x, env: [[ fanout.env | to_json ]], resources: {limits: {nvidia.com/gpu: 2}}}
"""


@pytest.fixture
def playbook(tmp_path: Path) -> Path:
    for folder in ("templates", "files"):
        (tmp_path / folder).mkdir()
    (tmp_path / "templates/say.yaml.j2").write_text(TEMPLATE)
    (tmp_path / "files/items.json").write_text('["a", 7]')
    (tmp_path / "files/items.txt").write_text("a\r\n b\n")
    return tmp_path


def render(playbook: Path, **args: Any) -> dict[str, Any]:
    """The result of the task in a playbook of this folder."""
    loader = DataLoader()
    loader.set_basedir(str(playbook))
    task = Task()
    task.action = "argo.workflows.workflow_fanout"
    task.args = {"template": "say.yaml.j2", **args}
    task.get_search_path = lambda: [str(playbook)]
    connection = types.SimpleNamespace(_shell=types.SimpleNamespace(tmpdir=None))
    plugin = ActionModule(task, connection, None, loader, Templar(loader=loader), None)
    return plugin.run(task_vars={"prefix": "say"})


def test_each_part_of_the_list_is_a_workflow_with_the_variables_of_the_play(playbook: Path) -> None:
    result = render(playbook, items=["a", "b", "c"], max_items=2)
    assert [run["indexes"] for run in result["runs"]] == [[0], [1, 2]]
    assert result["runs"][0]["definition"]["metadata"] == {"generateName": "say-"}
    assert "parallelism" not in result["runs"][0]["definition"]["spec"]
    assert result["all_items"] == ["a", "b", "c"]
    assert result["cost"] == {"gpus_a_pod": 2.0, "gpus_at_once": 6.0, "worst_case": 60.0}
    assert result["changed"] is False


@pytest.mark.parametrize(
    ("source", "items"),
    [
        ({"items": '["a", {"b": 1}]'}, ["a", {"b": 1}]),
        ({"items_file": "items.json"}, ["a", 7]),
        ({"items_file": "items.txt"}, ["a", " b"]),
        ({"count": 2}, [0, 1]),
        ({"items": [], "allow_empty": True}, []),
    ],
)
def test_items_come_from_a_list_a_text_a_file_or_a_number(playbook: Path, source: Any, items: list[Any]) -> None:
    assert render(playbook, **source)["all_items"] == items


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        ({"items": []}, "the list of items is empty, so there is nothing to run"),
        ({"items": ["a", "b"], "max_gpus": 3}, "4 GPUs could be in use at once, and 3 are allowed"),
        ({"items": ["a"], "indexes": [1]}, "there is no item 1: the list has 1"),
        ({"items_file": "nothing.json"}, "nothing.json"),
        ({"items": ["a"], "template": "nothing.yaml.j2"}, "nothing.yaml.j2"),
    ],
)
def test_what_cannot_be_rendered_fails_with_a_sentence(playbook: Path, args: Any, sentence: str) -> None:
    result = render(playbook, **args)
    assert result["failed"]
    assert sentence in result["msg"]


def test_a_wait_that_is_shorter_than_one_item_can_take_is_warned_about(playbook: Path) -> None:
    (warning,) = render(playbook, items=["a"], wait_timeout=59)["warnings"]
    assert warning.startswith("one item can take 60 s")
    assert render(playbook, items=["a"], wait_timeout=60)["warnings"] == []
