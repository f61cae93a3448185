# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files below a folder that others may write to, none of which is theirs. Private to the collection.

The names of logs can be foretold, and logs may hold secrets: so no link is followed below the folder, nothing that
belongs to somebody else is written to, and nobody else may read what is made here.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

LOCK = ".lock"
READ = (os.O_RDONLY, "rb")
WRITE = (os.O_WRONLY | os.O_CREAT, "wb")
APPEND = (os.O_WRONLY | os.O_CREAT | os.O_APPEND, "ab")
_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP})
"""What file systems say that have no locks."""


@contextlib.contextmanager
def own_folder(folder: Path, root: Path) -> Iterator[int]:
    """A descriptor of `folder`, which is made where it is missing; only `root` itself may be a link, or not ours.

    OSError if that cannot be done.
    """
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        place, descriptor = root, os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        stack.callback(os.close, descriptor)
        for part in folder.relative_to(root).parts:
            place /= part
            with contextlib.suppress(FileExistsError):
                os.mkdir(part, 0o700, dir_fd=descriptor)
            descriptor = _open(place, os.O_RDONLY | os.O_DIRECTORY, descriptor)
            stack.callback(os.close, descriptor)
            mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
            if mode & 0o022:
                os.fchmod(descriptor, mode & ~0o022)
        yield descriptor


def open_own(path: Path, root: Path, how: tuple[int, str], buffering: int = -1) -> BinaryIO:
    """Open a file below `root`, to READ, WRITE or APPEND; OSError if it is not ours."""
    flags, mode = how
    with own_folder(path.parent, root) as folder:
        descriptor = _open(path, flags | os.O_NONBLOCK, folder)  # a pipe does not keep us waiting
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
        os.close(descriptor)
        raise OSError(errno.EPERM, f"{path} is not a file of its own")
    if how == WRITE:
        os.ftruncate(descriptor, 0)  # not before it is known whose it is
    return cast(BinaryIO, os.fdopen(descriptor, mode, buffering))


def _open(path: Path, flags: int, folder: int) -> int:
    """Open what is called as `path` is in `folder`; OSError if it is a link, or somebody else's."""
    try:
        descriptor = os.open(path.name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder)
    except OSError as error:
        if stat.S_ISLNK(_mode(path.name, folder)):
            raise OSError(errno.ELOOP, f"{path} is a symbolic link") from error
        raise
    if os.fstat(descriptor).st_uid != os.geteuid():
        os.close(descriptor)
        raise OSError(errno.EPERM, f"{path} belongs to another user")
    return descriptor


def _mode(name: str, folder: int) -> int:
    try:
        return os.lstat(name, dir_fd=folder).st_mode
    except OSError:
        return 0


def replace_own(new: Path, path: Path, root: Path) -> None:
    """Put a file below `root` in the place of another one in the same folder, in one step."""
    with own_folder(path.parent, root) as folder:
        os.replace(new.name, path.name, src_dir_fd=folder, dst_dir_fd=folder)


def remove_own(path: Path, root: Path) -> None:
    """Remove a file, or a link, below `root`, if it is there."""
    with own_folder(path.parent, root) as folder, contextlib.suppress(FileNotFoundError):
        os.unlink(path.name, dir_fd=folder)


def lock_folder(folder: Path, root: Path) -> BinaryIO | None:
    """The lock of a folder, which is held until it is closed or the process ends; None if another process has it.

    OSError if there can be none.
    """
    lock = open_own(folder / LOCK, root, APPEND)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            lock.close()
            raise
    return lock
