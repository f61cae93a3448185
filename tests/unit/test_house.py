# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The house is as docs/architecture.md says; `make lint` checks that imports point down only (pyproject.toml)."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LONGEST = 30
"""Lines of a module's `run` and `main`: one screen."""


@pytest.mark.parametrize("path", sorted((ROOT / "plugins/modules").glob("*.py")), ids=lambda path: path.stem)
def test_run_and_main_of_a_module_fit_on_a_screen(path: Path) -> None:
    lengths = {
        node.name: node.end_lineno - node.lineno + 1
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name in ("main", "run") and node.end_lineno
    }
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}


def test_the_architecture_page_names_every_file_of_module_utils_and_no_other() -> None:
    page = (ROOT / "docs/architecture.md").read_text()
    rooms = re.split(r"^### `(_\w+)/`", page, flags=re.MULTILINE)[1:]
    named = {
        f"{room}/{file}"
        for room, text in zip(rooms[::2], rooms[1::2], strict=True)
        for file in re.findall(r"^\| `(\w+\.py)` \|", text, re.MULTILINE)
    }
    folder = ROOT / "plugins/module_utils"
    files = {path.relative_to(folder).as_posix() for path in folder.glob("*/*.py") if path.name != "__init__.py"}
    assert named == files
