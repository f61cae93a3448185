# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules' options mean what their documentation says, and the process itself ends as it should."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.argo.workflows.plugins.doc_fragments import connection, logs
from ansible_collections.argo.workflows.plugins.module_utils._module import CONNECTION_SPEC, UserError
from ansible_collections.argo.workflows.plugins.modules import workflow, workflow_info, workflow_logs, workflow_wait
from ansible_collections.argo.workflows.tests.support.api import Api, served

METADATA = {
    "name": "slow",
    "namespace": "argo",
    "uid": "u",
    "resourceVersion": "1",
    "creationTimestamp": "2026-11-22T15:45:11Z",
}


HOME = "/apis/argoproj.io/v1alpha1/namespaces/argo/workflows"


@pytest.fixture
def slow() -> Api:
    """An API server with one Workflow that goes on for ever."""
    return Api({f"{HOME}/slow": {"metadata": METADATA, "status": {"phase": "Running"}}})


@pytest.fixture
def host(slow: Api) -> Iterator[str]:
    with served(slow) as url:
        yield url


def patches(api: Api) -> list[Any]:
    return [asked.body for asked in api.asked("PATCH")]


def start(host: str, plugin: Any = workflow_wait, **options: Any) -> subprocess.Popen[bytes]:
    """The module as Ansible starts it."""
    arguments = {"name": ["slow"], "host": host, **options, "_ansible_version": "2.19.0"}
    module = subprocess.Popen(
        [sys.executable, plugin.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert module.stdin
    module.stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode())
    module.stdin.close()
    module.stdin = None
    return module


def test_sigterm_ends_the_wait_and_does_what_on_interrupt_says(host: str, slow: Api, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    module = start(host, on_interrupt="stop", journal=str(journal))
    await_file(journal)
    time.sleep(0.5)
    module.send_signal(signal.SIGTERM)
    result = json.loads(module.communicate(timeout=15)[0])
    assert result["failed"] and result["outcome"] == "interrupted"
    assert result["msg"] == "The wait was interrupted. Workflow slow was Running and was stopped."
    assert patches(slow) == [{"spec": {"shutdown": "Stop"}}]


def test_the_module_ends_when_nobody_reads_its_result_any_more(host: str, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    module = start(host, journal=str(journal))
    await_file(journal)
    assert module.stdout
    module.stdout.close()
    assert module.wait(timeout=15) is not None


def test_an_interruption_before_the_wait_has_begun_does_what_on_interrupt_says(
    host: str, slow: Api, tmp_path: Path
) -> None:
    module = start(host, on_interrupt="stop", journal=str(tmp_path / "gone" / "pipe"))
    assert module.stdout
    module.stdout.close()
    assert module.wait(timeout=15) is not None
    assert patches(slow) == [{"spec": {"shutdown": "Stop"}}]


def test_wait_timeout_ends_the_module(host: str, slow: Api) -> None:
    module = start(host, wait_timeout=1, on_timeout="terminate")
    result = json.loads(module.communicate(timeout=20)[0])
    assert result["msg"].startswith("The wait ended after 1 s (wait_timeout). Workflow slow was Running")
    assert patches(slow) == [{"spec": {"shutdown": "Terminate"}}]


def leases(api: Api) -> list[dict[str, Any]]:
    return [item for path, item in list(api.objects.items()) if "/jobs/" in path]


def await_owner(api: Api) -> None:
    end = time.monotonic() + 20
    while not api.objects[f"{HOME}/slow"]["metadata"].get("ownerReferences") and time.monotonic() < end:
        time.sleep(0.05)


def test_a_wait_with_a_lease_that_is_killed_leaves_the_run_to_the_cluster(host: str, slow: Api) -> None:
    module = start(host, lease_seconds=60)
    await_owner(slow)
    module.kill()
    module.communicate(timeout=15)
    [job] = leases(slow)
    assert [owner["uid"] for owner in slow.objects[f"{HOME}/slow"]["metadata"]["ownerReferences"]] == [
        job["metadata"]["uid"]
    ]


def test_an_interrupted_wait_with_a_lease_says_for_how_long_the_run_goes_on(host: str, slow: Api) -> None:
    module = start(host, lease_seconds=60)
    await_owner(slow)
    module.send_signal(signal.SIGTERM)
    result = json.loads(module.communicate(timeout=15)[0])
    assert result["msg"] == (
        "The wait was interrupted. Workflow slow was Running and goes on for 60 s (lease_seconds), and is deleted then "
        "unless it is waited for again."
    )
    assert len(leases(slow)) == 1 and slow.objects[f"{HOME}/slow"]["metadata"]["ownerReferences"]


def test_a_run_with_a_lease_that_was_told_to_stop_stays(host: str, slow: Api) -> None:
    module = start(host, lease_seconds=60, wait_timeout=2, on_timeout="stop")
    json.loads(module.communicate(timeout=20)[0])
    assert {"spec": {"shutdown": "Stop"}} in patches(slow)
    assert leases(slow) == [] and slow.objects[f"{HOME}/slow"]["metadata"]["ownerReferences"] == []


def test_without_the_rights_for_a_lease_the_wait_does_not_begin(host: str, slow: Api) -> None:
    jobs = "/apis/batch/v1/namespaces/argo/jobs"
    slow.answers[f"POST {jobs}"] = lambda asked: (403, {"reason": "Forbidden", "message": "jobs is forbidden"})
    result = json.loads(start(host, lease_seconds=60).communicate(timeout=20)[0])
    assert result["failed"] and "jobs is forbidden; a lease takes the rights to create, patch" in result["msg"]
    assert not slow.asked("GET", HOME)


def test_a_lease_that_is_too_short_is_refused(host: str, slow: Api) -> None:
    result = json.loads(start(host, lease_seconds=-1).communicate(timeout=20)[0])
    assert result["msg"] == "lease_seconds is -1: give it at least 15, or 0 for no lease"
    assert slow.requests == []


@pytest.mark.parametrize(
    ("plugin", "options"),
    [
        (workflow_wait, {"name": []}),
        (workflow_wait, {"name": ["slow", ""]}),
        (workflow_wait, {"namespace": ""}),
        (workflow_logs, {"name": ""}),
        (workflow_info, {"name": ""}),
        (workflow, {"name": "", "state": "absent", "namespace": "argo"}),
    ],
)
def test_an_empty_name_never_means_all_workflows(plugin: Any, options: dict[str, Any]) -> None:
    module = start("http://127.0.0.1:9", plugin, **options)
    result = json.loads(module.communicate(timeout=20)[0])
    option = "namespace" if not options.get("namespace", "argo") else "name"
    assert result["msg"] == f"{option}: it is empty; say which {option} is meant, or leave the option out"


@pytest.mark.parametrize("selectors", [[], [""], ["a=b", ""]])
def test_an_empty_selector_never_means_all_workflows(selectors: list[str]) -> None:
    params = {name: option.get("default") for name, option in workflow_wait.ARGUMENT_SPEC.items()}
    with pytest.raises(UserError, match="label_selectors: there is no selector in it"):
        workflow_wait.wanted_of(params | {"label_selectors": selectors})


def test_an_interval_below_zero_is_refused() -> None:
    params = {name: option.get("default") for name, option in workflow_wait.ARGUMENT_SPEC.items()}
    with pytest.raises(UserError, match="progress_interval: -1 is not a number of seconds; 0 says nothing"):
        workflow_wait.wanted_of(params | {"name": ["slow"], "progress_interval": -1})


@pytest.mark.parametrize(("interval", "is_said"), [(1, True), (0, False)])
def test_a_silent_wait_says_every_so_often_what_it_waits_for_unless_told_not_to(
    interval: int, is_said: bool, host: str, tmp_path: Path
) -> None:
    module = start(host, wait_timeout=4, progress_interval=interval, journal=str(tmp_path / "journal"))
    module.communicate(timeout=20)
    events = [json.loads(line) for line in (tmp_path / "journal").read_text().splitlines()]
    said = [event["text"] for event in events if event["event"] == "note" and " is still " in event["text"]]
    assert (len(said) >= 2) is is_said, events


@pytest.mark.parametrize("plugin", [workflow_wait, workflow_logs])
def test_a_folder_that_takes_no_logs_is_said_before_the_wait(plugin: Any, host: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    module = start(host, plugin, name="slow", logs_dir=str(tmp_path / "file" / "logs"))
    result = json.loads(module.communicate(timeout=15)[0])
    assert result["msg"] == f"logs_dir: nothing can be written to {tmp_path}/file/logs: Not a directory"


def test_a_journal_that_cannot_be_written_is_no_bug(host: str, tmp_path: Path) -> None:
    module = start(host, journal=str(tmp_path / "missing" / "journal"))
    result = json.loads(module.communicate(timeout=15)[0])
    assert result["msg"] == f"journal: {tmp_path}/missing/journal cannot be written: No such file or directory"


@pytest.mark.parametrize("fail_on", [["failed"], ["failed", "timeout"]])
def test_a_run_that_could_not_be_terminated_is_a_failure_and_is_not_called_terminated(
    fail_on: list[str], host: str, slow: Api
) -> None:
    slow.answers[f"PATCH {HOME}/slow"] = (403, {"reason": "Forbidden", "message": "no right to patch"})
    module = start(host, wait_timeout=1, on_timeout="terminate", fail_on=fail_on)
    result = json.loads(module.communicate(timeout=20)[0])
    assert result["failed"] and result["outcome"] == "timeout"
    assert " and goes on, as it could not be told to terminate: " in result["msg"]
    assert "no right to patch" in result["msg"] and "was terminated" not in result["msg"]


def await_file(path: Path) -> None:
    end = time.monotonic() + 20
    while not path.exists() and time.monotonic() < end:
        time.sleep(0.05)


def test_fewer_than_two_connections_for_logs_are_refused() -> None:
    params = {name: option.get("default") for name, option in workflow_wait.ARGUMENT_SPEC.items()}
    assert workflow_wait.wanted_of(params | {"name": ["slow"], "parallel_logs": 1}).logs.parallel == 2


@pytest.mark.parametrize("module", [workflow_wait, workflow_logs])
def test_every_option_is_documented_and_every_documented_one_is_there(module: Any) -> None:
    own = yaml.safe_load(module.DOCUMENTATION)["options"]
    shared = yaml.safe_load(logs.ModuleDocFragment.DOCUMENTATION)["options"]
    assert own.keys().isdisjoint(shared)
    documented = own | shared
    assert documented.keys() == module.ARGUMENT_SPEC.keys()
    for name, option in documented.items():
        assert option.get("default") == module.ARGUMENT_SPEC[name].get("default"), name
        assert option.get("choices") == module.ARGUMENT_SPEC[name].get("choices"), name


def test_the_connection_options_are_documented() -> None:
    assert yaml.safe_load(connection.ModuleDocFragment.DOCUMENTATION)["options"].keys() == CONNECTION_SPEC.keys()
