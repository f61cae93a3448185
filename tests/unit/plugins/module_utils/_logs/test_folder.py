# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each container's log has a file of its own inside the folder, and says why it is not complete."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._argo.names import parse_node_name
from ansible_collections.argo.workflows.plugins.module_utils._logs.folder import Log, LogFolder, slug
from ansible_collections.argo.workflows.plugins.module_utils._logs.lines import Taken


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Argo", "Argo"),
        ("../../etc/passwd", "etc-passwd"),
        ("..", "item"),
        ("", "item"),
        (".hidden", "hidden"),
        ("a b/c\n\x00ü", "a-b-c"),
        ("x" * 300, "x" * 40),
    ],
)
def test_a_slug_is_a_safe_name(text: str, expected: str) -> None:
    assert slug(text) == expected


@pytest.mark.parametrize("item", ["0:../../etc/passwd", "0:..", "0:", "0:" + "y" * 500, "0:a/b"])
def test_whatever_an_item_is_called_its_files_stay_inside(item: str, tmp_path: Path) -> None:
    log = LogFolder(tmp_path, "wf", "ns", "uid").log("p", "u", "main", parse_node_name("wf", f"wf[0].echo({item})(0)"))
    assert log.path and log.path.resolve().is_relative_to(tmp_path / "wf")
    assert len(log.path.relative_to(tmp_path).parts) == 3


def test_no_two_items_and_no_two_pods_share_a_file(tmp_path: Path) -> None:
    folder = LogFolder(tmp_path, "wf", "ns", "uid")
    names = [
        "wf[0].echo(0:a)(0)",
        "wf[0].echo(0:a)(1)",
        "wf[1].check(0:a)(0)",
        "wf[0].x[0].echo(0:a)(0)",
        "wf[0].echo(1:a)(0)",
    ]
    paths = [folder.log("p", f"uid-{n}", "main", parse_node_name("wf", name)).path for n, name in enumerate(names)]
    paths.append(folder.log("p", "uid-of-a-restart", "main", parse_node_name("wf", names[0])).path)
    assert len(set(paths)) == len(paths)
    assert str(paths[0]).endswith("wf/0-a/0-main.log")
    assert str(paths[1]).endswith("wf/0-a/1-main.log")


def test_the_folders_of_an_items_own_steps_say_whose_they_are(tmp_path: Path) -> None:
    folder = LogFolder(tmp_path, "wf", "ns", "uid")
    names = {
        "wf[0].outer(1:b/c).prep(0)": "1-b-c.prep/0-main.log",
        "wf[0].outer(0:a).prep(0)": "0-a.prep/0-main.log",
        "wf[0].outer(0:a)(1).train(2:x)(0)": "0-a.2-x/0-main.log",
        "wf[0].outer(0:a).prep.hooks.a/b": "0-a.prep.hooks.a-b/0-main.log",
    }
    for name, expected in names.items():
        assert folder.log("p", name, "main", parse_node_name("wf", name)).path == tmp_path / "wf" / expected
    deep = "wf" + "".join(f"[0].in({n}:{'y' * 90})" for n in range(9))
    path = folder.log("p", deep, "main", parse_node_name("wf", deep)).path
    assert path and len(path.parent.name) == 200, "a file system takes no more than 255"


@pytest.mark.parametrize("length", [10, 5000, 60_000])
def test_the_last_line_is_found_however_long_it_is(length: int, tmp_path: Path) -> None:
    log = LogFolder(tmp_path, "wf", "ns", "uid").log("p", "u", "main", parse_node_name("wf", "wf[0].echo(0:a)(0)"))
    log.open()
    log.take(Taken(b"hello\n" + b"x" * length + b"\n\n", lines=3))
    log.end()
    assert log.last_line == "x" * length
    assert "xxx" in log.tail


def test_what_spoils_a_log_is_added_to_what_is_known() -> None:
    log = LogFolder(None, "wf", "ns", "uid").log("p", "u", "main", parse_node_name("wf", "wf[0].echo(0:a)(0)"))
    log.end()
    assert log.complete
    log.spoil("its last line could not be written")
    assert not log.complete and log.why_incomplete == "its last line could not be written"
    log.spoil("its index could not be written")
    assert log.why_incomplete == "its last line could not be written; its index could not be written"


def log_of(tmp_path: Path, text: bytes) -> Log:
    log = LogFolder(tmp_path, "wf", "ns", "uid").log("p", "u", "main", parse_node_name("wf", "wf[0].echo(0:a)(0)"))
    log.open()
    log.take(Taken(text, lines=text.count(b"\n")))
    log.end()
    return log


METRICS = json.dumps({f"metric_{number}": number / 7 for number in range(2000)})
EXECUTORS = b'time=2026-11-22T15:45:56.203Z level=INFO msg="Saved output parameter" argo=true'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", ""),
        (b"\n \n", ""),
        (b"a\nb\n\n", "b"),
        (b"a\nb", "b"),
        (f"a\n{METRICS}\n".encode(), METRICS),
        ('{"text": "a\u2028b\x85c\x0bd\x0ce\x1cf"}\n'.encode(), '{"text": "a\u2028b\x85c\x0bd\x0ce\x1cf"}'),
        (b"dos\r\n", "dos"),
        (b"\r10%\r20%\r", "20%"),
        (b"mine\n" + EXECUTORS + b"\n", "mine"),
        (EXECUTORS + b"\n" + EXECUTORS.replace(b"INFO", b"DEBUG") + b"\n", ""),
        (b'{"time":"2026","level":"INFO","msg":"Starting Workflow Executor","argo":true}\n', ""),
        (EXECUTORS + b"\nError: exit status 64\n", "Error: exit status 64"),
        (b"x" * 70_000, "x" * 65536 + "… (cut off)"),
        (b"a\n" + b"x" * 2_000_000, "(longer than 1,048,576 bytes)"),
    ],
)
def test_the_last_line_is_whole_or_says_that_it_is_not(text: bytes, expected: str, tmp_path: Path) -> None:
    assert log_of(tmp_path, text).last_line == expected


def test_the_tail_of_one_long_line_is_its_beginning(tmp_path: Path) -> None:
    assert log_of(tmp_path, b"y\n" + b"x" * 70_000).tail == "x" * 1000


@pytest.mark.parametrize("key", ["bytes", "lines", "executor_lines", "gaps", "archived", "complete", "cursor"])
@pytest.mark.parametrize("value", [None, {"odd": 1}])
def test_a_folder_whose_index_is_not_of_this_version_begins_anew(key: str, value: object, tmp_path: Path) -> None:
    folder, name = LogFolder(tmp_path, "wf", "ns", "uid"), parse_node_name("wf", "wf[0].echo(0:a)(0)")
    folder.log("p", "u", "main", name).size = 5
    folder.save()
    index = json.loads((tmp_path / "wf" / "index.json").read_text())
    del index["logs"][0][key]
    if value and key in ("bytes", "lines", "executor_lines", "gaps", "cursor"):
        index["logs"][0][key] = value
    (tmp_path / "wf" / "index.json").write_text(json.dumps(index))
    assert LogFolder(tmp_path, "wf", "ns", "uid").log("p", "u", "main", name).size == 0
