# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ends with `ansible-playbook`, whatever ended it. Private to the collection."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator

GAP = 0.5
"""Seconds between two looks at whether `ansible-playbook` is still there."""
PATIENCE = 5.0
"""Seconds that a worker has to end by itself, once it is not."""


@contextlib.contextmanager
def orphans_end() -> Iterator[None]:
    """End this process, a worker, when `ansible-playbook` has gone, which started it.

    Who closes a terminal or cancels a job ends the process group of `ansible-playbook` (ansible-runner and AWX kill
    it), and that is not ours: since ansible-core 2.19 each worker has a session of its own. The module sees this
    process go as it sees it at a Ctrl-C. It may have gone before this begins, so the parent is the one that a worker
    was started by, and not the one that it has now.
    """
    started_by, over = multiprocessing.parent_process(), threading.Event()
    parent = started_by.pid if started_by else os.getppid()

    def watch() -> None:
        while not over.wait(GAP):
            if os.getppid() != parent:
                os.kill(os.getpid(), signal.SIGTERM)
                over.wait(PATIENCE)
                os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, name="orphan", daemon=True).start()
    try:
        yield
    finally:
        over.set()
