# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook ui: a port of this machine leads to a real Argo Server, and goes with the playbook that opened it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import path
from ansible_collections.argo.workflows.plugins.modules import argo_ui
from ansible_collections.argo.workflows.tests.support.cluster import ROOT, administrator, ask, run

NAMESPACE = "argo-ui"
WORKFLOWS = path("Workflow", NAMESPACE)
ANSWER = f"/api/v1/workflows/{NAMESPACE}?fields=items.metadata.name,items.spec"
SERVED = path("Service", NAMESPACE, "https:argo-server:2746", "proxy")
INSTALL = ("ansible-playbook", "playbooks/install.yml", "-e", f"argo_namespace={NAMESPACE}")


@pytest.fixture(scope="module", autouse=True)
def argo() -> Iterator[None]:
    run("make", "cluster")
    run(*INSTALL, "-e", "argo_client=true")
    yield
    administrator().delete(path("Namespace", name=NAMESPACE))


def playbook(port: int, folder: Path, **variables: Any) -> subprocess.Popen[str]:
    given = {"argo_namespace": NAMESPACE, "ui_port": port, "ui_token_file": str(folder / "token"), **variables}
    return subprocess.Popen(
        ["ansible-playbook", "playbooks/ui.yml", "-e", json.dumps(given)],
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_REMOTE_TEMP": str(folder / "remote")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        preexec_fn=heed_signals,
    )


def heed_signals() -> None:
    """End at signals as a foreground job of a shell does; a background job ignores these two."""
    for number in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)


class Ui:
    """A playbook whose port is open; `said` is what it has printed so far."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.process = playbook(self.port, folder)
        self.said: list[str] = []
        assert self.process.stdout
        for line in self.process.stdout:
            self.said.append(line)
            if line.startswith("It is a token of "):
                return
        pytest.fail("".join(self.said))

    @property
    def token(self) -> str:
        return (self.folder / "token").read_text()

    def get(self, target: str) -> bytes:
        request = urllib.request.Request(
            f"https://localhost:{self.port}{target}", headers={"Authorization": f"Bearer {self.token}"}
        )
        answer: bytes = urllib.request.urlopen(request, timeout=60, context=ssl._create_unverified_context()).read()
        return answer


@pytest.fixture
def ui(tmp_path: Path) -> Iterator[Ui]:
    opened = Ui(tmp_path)
    yield opened
    if opened.process.poll() is None:
        opened.process.terminate()
    opened.process.wait(10)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int, address: str = "127.0.0.1") -> bool:
    with contextlib.suppress(OSError), socket.create_connection((address, port), 1):
        return True
    return False


def parents() -> dict[int, int]:
    """The living processes of this machine, each with its parent."""
    found = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, parent, *_rest = file.read_text().rpartition(")")[2].split()
            if state != "Z":
                found[int(file.parent.name)] = int(parent)
    return found


def family(pid: int) -> set[int]:
    """A process and all that come of it."""
    known, size = {pid}, 0
    while size != len(known):
        size = len(known)
        known |= {child for child, parent in parents().items() if parent in known}
    return known


def sentence(process: subprocess.Popen[str]) -> str:
    """What a play that has failed says first."""
    text, _none = process.communicate(timeout=60)
    assert process.returncode == 2, text
    assert "The UI is at" not in text
    return text[text.index("[ERROR]: ") :].splitlines()[0]


def test_the_port_leads_to_the_server_for_who_logs_in_as_the_message_says(ui: Ui) -> None:
    assert json.loads(ui.get("/api/v1/info"))["managedNamespace"] == NAMESPACE
    said = "".join(ui.said)
    assert f"The UI is at https://localhost:{ui.port} until Ctrl-C." in said
    assert re.search(r"a token of argo-client and ends at \d{4}-\d\d-\d\d \d\d:\d\d UTC", said)
    assert listens(ui.port, "::1"), "browsers take localhost to either address"
    ui.get(f"/api/v1/cron-workflows/{NAMESPACE}")  # which the UI's filter asks for


def test_a_large_answer_comes_as_the_server_has_sent_it(ui: Ui) -> None:
    for number in range(8):
        spec = {
            "suspend": True,
            "entrypoint": "main",
            "arguments": {"parameters": [{"name": "large", "value": os.urandom(400_000).hex()}]},
            "templates": [{"name": "main", "suspend": {}}],
        }
        workflow = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "spec": spec}
        administrator().create(WORKFLOWS, workflow | {"metadata": {"name": f"large-{number}"}})
    direct = administrator().with_headers({"Cookie": f"authorization=Bearer {ui.token}"})
    target, _mark, fields = ANSWER.partition("?fields=")
    wanted, end = b"", time.monotonic() + 30
    while wanted.count(b'"name":"large-') < 8 and time.monotonic() < end:  # the server sees new ones a little later
        wanted = b"".join(direct.open_log(f"{SERVED}{target}", read_timeout=60.0, fields=fields))
    assert len(wanted) > 5_000_000
    assert arguments(ui.get(ANSWER)) == arguments(wanted)


def arguments(answer: bytes) -> dict[str, Any]:
    """The arguments of the Workflows of a list, by name.

    The server lists those of the same second in any order, and the controller adds its defaults to their specs.
    """
    return {item["metadata"]["name"]: item["spec"]["arguments"] for item in json.loads(answer)["items"]}


def test_a_new_pod_of_the_server_is_found(ui: Ui) -> None:
    (old,) = administrator().objects(path("Pod", NAMESPACE), labelSelector="app=argo-server")
    administrator().delete(path("Pod", NAMESPACE, old["metadata"]["name"]))
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            assert ui.get("/api/v1/info")
            return
        time.sleep(0.2)
    pytest.fail("nothing comes through the port any more")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGKILL])
def test_the_port_is_free_and_no_process_left_when_the_playbook_has_ended(ui: Ui, how: signal.Signals) -> None:
    alive = family(ui.process.pid)
    assert len(alive) > 2, "the playbook, its worker and the module"
    with socket.create_connection(("127.0.0.1", ui.port)):  # what is in use goes too
        begin = time.monotonic()
        ui.process.send_signal(how)
        ui.process.wait(10)
        while listens(ui.port) or alive & parents().keys():
            assert time.monotonic() - begin < 2
            time.sleep(0.05)
    remote = ui.folder / "remote"
    assert not remote.exists() or list(remote.iterdir()) == [], "a copy of the module was left behind"


def test_who_lacks_a_right_is_told_which_ones_it_takes() -> None:
    rights = {"apiGroups": [""], "resources": ["pods", "pods/portforward"], "verbs": ["list", "create"]}
    named = {"name": "forwards"}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", **named}
    jane = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "jane"}
    administrator().create(path("Role", NAMESPACE), {"metadata": named, "rules": [rights]})
    administrator().create(path("RoleBinding", NAMESPACE), {"metadata": named, "roleRef": role, "subjects": [jane]})

    def tried() -> dict[str, Any]:
        options = {"namespace": NAMESPACE, "port": free_port(), "impersonate_user": "jane"}
        return ask(argo_ui, **options, _ansible_check_mode=True)

    assert tried()["msg"].startswith(
        f"you may not forward ports in namespace {NAMESPACE}: that takes the rights get and create on pods/portforward"
    )
    rights["verbs"] = ["list", "create", "get"]
    administrator().patch(path("Role", NAMESPACE, "forwards"), {"rules": [rights]})
    assert tried()["pod"].startswith("argo-server-")


def test_a_port_that_is_taken_is_named_before_a_token_is_made(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        said = sentence(playbook(port, tmp_path))
    assert f"port: {port} of this machine cannot be opened (Address already in use): choose another one" in said
    assert not (tmp_path / "token").exists()


def test_a_namespace_without_argo_is_named(tmp_path: Path) -> None:
    said = sentence(playbook(free_port(), tmp_path, argo_namespace="default"))
    assert (
        "no Argo Server is ready in namespace default: there is none: the playbook argo.workflows.install installs it"
        in said
    )


def test_a_ui_behind_a_proxy_is_refused_with_the_reason(tmp_path: Path) -> None:
    installed = run(*INSTALL, "-e", "argo_server_base_href=/argo/")
    assert "argo.workflows.ui" not in installed, "the installation does not send people there"
    said = sentence(playbook(free_port(), tmp_path))
    assert "the server's UI is served under /argo/ by a reverse proxy" in said
