# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker of Ansible ends with `ansible-playbook`."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from ansible_collections.argo.workflows.plugins.plugin_utils import orphans

ORPHAN = """
import os, signal, sys, time
sys.path[:0] = {path!r}
from ansible_collections.argo.workflows.plugins.plugin_utils import orphans
orphans.GAP = 0.05
if os.fork():
    time.sleep(0.5)
    os._exit(0)  # as one that is killed
os.setsid()
signal.signal(signal.SIGTERM, lambda *_args: (print("told to end", flush=True), os._exit(1)))
with orphans.orphans_end():
    print("waits", flush=True)
    time.sleep(20)
print("was left alone", flush=True)
"""


def test_a_worker_whose_playbook_was_killed_ends_though_its_session_is_another() -> None:
    program = ORPHAN.format(path=sys.path)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.splitlines() == ["waits", "told to end"], done.stderr


EARLY = """
import multiprocessing, os, signal, sys, time
sys.path[:0] = {path!r}
from ansible_collections.argo.workflows.plugins.plugin_utils import orphans
orphans.GAP = 0.05
def work():
    os.setsid()
    signal.signal(signal.SIGTERM, lambda *_args: (print("told to end", flush=True), os._exit(1)))
    while os.getppid() == playbook:
        time.sleep(0.01)
    with orphans.orphans_end():
        print("waits", flush=True)
        time.sleep(20)
    print("was left alone", flush=True)
playbook = os.getpid()
multiprocessing.get_context("fork").Process(target=work).start()
os._exit(0)
"""


def test_a_worker_whose_playbook_was_killed_before_its_task_began_ends_too() -> None:
    program = EARLY.format(path=sys.path)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.splitlines() == ["waits", "told to end"], done.stderr


def test_a_worker_whose_playbook_goes_on_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orphans, "GAP", 0.01)
    monkeypatch.setattr(orphans.os, "kill", lambda *_args: pytest.fail("it was ended"))
    with orphans.orphans_end():
        time.sleep(0.1)
