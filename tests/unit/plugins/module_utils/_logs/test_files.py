# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever lies below the folder of the logs already, nothing but the user's own files is written to or read."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._argo.names import parse_node_name
from ansible_collections.argo.workflows.plugins.module_utils._logs.files import (
    APPEND,
    READ,
    WRITE,
    lock_folder,
    open_own,
    remove_own,
    replace_own,
)
from ansible_collections.argo.workflows.plugins.module_utils._logs.folder import INDEX, MERGED, LogFolder
from ansible_collections.argo.workflows.plugins.module_utils._logs.lines import Taken
from ansible_collections.argo.workflows.plugins.module_utils._logs.sinks import MergedFiles


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    """A file outside of the folder of the logs."""
    (tmp_path / "logs" / "wf").mkdir(parents=True)
    (tmp_path / "precious").write_bytes(b"precious")
    return tmp_path / "precious"


@pytest.mark.parametrize("how", [READ, WRITE, APPEND])
@pytest.mark.parametrize("make", [Path.symlink_to, Path.hardlink_to])
def test_no_file_is_read_or_written_through_a_link(
    how: tuple[int, str], make: Callable[[Path, Path], None], precious: Path
) -> None:
    root = precious.parent / "logs"
    make(root / "wf" / "0-main.log", precious)
    with pytest.raises(OSError, match=r"is a symbolic link|is not a file of its own"):
        open_own(root / "wf" / "0-main.log", root, how)
    assert precious.read_bytes() == b"precious"


def test_no_folder_is_entered_through_a_link_but_the_root_itself_may_be_one(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "root").symlink_to(tmp_path / "real")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "real" / "wf").symlink_to(tmp_path / "elsewhere")
    for path in (tmp_path / "root" / "wf" / "x", tmp_path / "root" / "wf" / "0-a" / "x"):
        with pytest.raises(OSError, match="wf is a symbolic link"):
            open_own(path, tmp_path / "root", WRITE)
    assert not list((tmp_path / "elsewhere").iterdir())
    open_own(tmp_path / "root" / "mine" / "x", tmp_path / "root", WRITE).close()
    assert (tmp_path / "real" / "mine" / "x").exists()


def test_files_and_folders_are_nobody_elses_to_read(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        open_own(tmp_path / "new" / "wf" / "0-a" / "x.log", tmp_path / "new", APPEND).close()
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "new").rglob("*")}
    assert modes == {"wf": 0o700, "0-a": 0o700, "x.log": 0o600}


def test_others_lose_the_right_to_write_into_a_folder_of_logs(tmp_path: Path) -> None:
    (tmp_path / "wf").mkdir()
    (tmp_path / "wf").chmod(0o777)
    open_own(tmp_path / "wf" / "x.log", tmp_path, APPEND).close()
    assert stat.S_IMODE((tmp_path / "wf").stat().st_mode) == 0o755


@pytest.mark.parametrize("theirs", ["wf", "wf/x.log"])
def test_what_belongs_to_another_user_is_refused(theirs: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_own(tmp_path / "wf" / "x.log", tmp_path, APPEND).close()
    there, fstat = (tmp_path / theirs).stat(), os.fstat

    def another_users(descriptor: int) -> os.stat_result:
        status = fstat(descriptor)
        fields = list(status[:10])
        fields[4] += status.st_ino == there.st_ino
        return os.stat_result(fields)

    monkeypatch.setattr(os, "fstat", another_users)
    with pytest.raises(OSError, match=f"{theirs} belongs to another user"):
        open_own(tmp_path / "wf" / "x.log", tmp_path, APPEND)


def test_a_pipe_in_the_place_of_a_log_does_not_keep_anybody_waiting(tmp_path: Path) -> None:
    (tmp_path / "wf").mkdir()
    os.mkfifo(tmp_path / "wf" / "x.log")
    for how in (READ, APPEND):
        with pytest.raises(OSError):
            open_own(tmp_path / "wf" / "x.log", tmp_path, how)


def test_a_link_is_replaced_and_removed_and_not_what_it_leads_to(precious: Path) -> None:
    root = precious.parent / "logs"
    for name in ("index", "merged"):
        (root / "wf" / name).symlink_to(precious)
    open_own(root / "wf" / "new", root, WRITE).close()
    replace_own(root / "wf" / "new", root / "wf" / "index", root)
    remove_own(root / "wf" / "merged", root)
    remove_own(root / "wf" / "merged", root)
    assert precious.read_bytes() == b"precious"
    assert [(path.name, path.is_symlink()) for path in (root / "wf").iterdir()] == [("index", False)]


def test_a_folder_is_locked_until_its_lock_is_closed(tmp_path: Path) -> None:
    lock = lock_folder(tmp_path / "wf", tmp_path)
    assert lock and lock_folder(tmp_path / "wf", tmp_path) is None
    lock.close()
    assert lock_folder(tmp_path / "wf", tmp_path)


def test_where_the_file_system_has_no_locks_nothing_is_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(number: int) -> Callable[..., None]:
        def flock(*_what: object) -> None:
            raise OSError(number, os.strerror(number))

        return flock

    monkeypatch.setattr("fcntl.flock", fail(errno.ENOLCK))
    assert lock_folder(tmp_path / "wf", tmp_path)
    monkeypatch.setattr("fcntl.flock", fail(errno.EIO))
    with pytest.raises(OSError, match="Input/output"):
        lock_folder(tmp_path / "wf", tmp_path)


def test_nothing_that_a_run_writes_goes_through_a_link(precious: Path) -> None:
    root = precious.parent / "logs"
    for name in (INDEX, MERGED, f".{INDEX}.{os.getpid()}"):
        (root / "wf" / name).symlink_to(precious)
    (root / "wf" / "0-a").mkdir()
    (root / "wf" / "0-a" / "0-main.log").symlink_to(precious)
    folder = LogFolder(root, "wf", "ns", "uid")
    log = folder.log("p", "u", "main", parse_node_name("wf", "wf[0].echo(0:a)(0)"))
    (root / "wf" / MERGED).symlink_to(precious)
    for act in (log.open, folder.save, lambda: MergedFiles(root).write(log, [b"line"])):
        with pytest.raises(OSError, match="is a symbolic link"):
            act()
    log.size = 8
    assert log.tail == "", "nor is it shown"
    assert precious.read_bytes() == b"precious"


@pytest.mark.parametrize(
    ("harm", "why"),
    [
        (lambda path: path.open("ab").write(b"more"), "somebody else has written to its file"),
        (
            lambda path: path.rename(path.with_suffix(".old")),
            "its file is not there any more: No such file or directory",
        ),
        (lambda path: path.unlink() or path.write_bytes(b"hello\n"), "its file was replaced by another one"),
    ],
)
def test_a_log_whose_file_somebody_else_has_changed_is_not_called_complete(
    harm: Callable[[Path], object], why: str, tmp_path: Path
) -> None:
    log = LogFolder(tmp_path, "wf", "ns", "uid").log("p", "u", "main", parse_node_name("wf", "wf[0].echo(0:a)(0)"))
    assert log.path
    log.open()
    log.take(Taken(b"hello\n", lines=1))
    harm(log.path)
    log.end()
    assert (log.complete, log.why_incomplete) == (False, why)
