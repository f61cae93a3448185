# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The archive that is published: what is in it, and that it works where there is nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = {"docs", "meta", "playbooks", "plugins", "roles"}
FILES = {"CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md", "SECURITY.md", "changelogs/changelog.yaml"}
"""What is shipped. CONTRIBUTING.md and SECURITY.md are, since the README leads to them."""
STRAYS = ["kubeconfig", ".env", "notes.md", "plugins/modules/core.1234", "roles/argo/kubeconfig", "playbooks/hosts"]
LARGEST = 2_000_000


def run(*command: str, cwd: Path, **env: str) -> str:
    env = os.environ | env | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def tracked() -> list[str]:
    listed = run("git", "ls-files", "-z", cwd=ROOT).split("\0")
    return [name for name in listed if (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the archive in a copy of the repository in which more lies about than is published."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("archive")
    for name in tracked():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, source / name)
    for name in STRAYS:
        (source / name).write_text("secret")
    run("ansible-galaxy", "collection", "build", "--output-path", str(target), cwd=source)
    (built,) = target.iterdir()
    return built


@pytest.fixture(scope="module")
def elsewhere(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """Install the archive into an empty folder; return another one, and the environment in which it is found."""
    collections, cwd = tmp_path_factory.mktemp("collections"), tmp_path_factory.mktemp("cwd")
    (cwd / "ansible.cfg").touch()
    env = {"ANSIBLE_CONFIG": str(cwd / "ansible.cfg"), "ANSIBLE_COLLECTIONS_PATH": str(collections)}
    command = [
        "ansible-galaxy",
        "collection",
        "install",
        "--offline",
        "--no-deps",
        str(archive),
        "-p",
        str(collections),
    ]
    run(*command, cwd=cwd, **env)
    return cwd, env


def test_the_archive_has_what_a_user_needs_and_nothing_else(archive: Path) -> None:
    with tarfile.open(archive) as tar:
        shipped = {member.name for member in tar if member.isfile()}
    used = {name for name in tracked() if name in FILES or name.partition("/")[0] in FOLDERS}
    assert shipped - used == {"MANIFEST.json", "FILES.json"}
    assert used - shipped == set()


def test_the_archive_is_small(archive: Path) -> None:
    assert archive.stat().st_size < LARGEST


def test_the_documentation_is_there_where_nothing_but_the_archive_is(
    elsewhere: tuple[Path, dict[str, str]],
) -> None:
    cwd, env = elsewhere
    assert "WORKFLOW_WAIT" in run("ansible-doc", "-t", "module", "argo.workflows.workflow_wait", cwd=cwd, **env).upper()
    assert "fanout_summary" in run("ansible-doc", "-t", "filter", "argo.workflows.fanout_summary", cwd=cwd, **env)
    assert "local_cluster_nodes" in run("ansible-doc", "-t", "role", "argo.workflows.local_cluster", cwd=cwd, **env)


def test_the_playbooks_work_where_nothing_but_the_archive_is(elsewhere: tuple[Path, dict[str, str]]) -> None:
    cwd, env = elsewhere
    playbooks = [f"argo.workflows.{path.stem}" for path in (ROOT / "playbooks").glob("*.yml")]
    assert len(playbooks) > 5
    run("ansible-playbook", "--syntax-check", *playbooks, cwd=cwd, **env)
