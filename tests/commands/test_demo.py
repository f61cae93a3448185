# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make demo`, as a newcomer types it."""

from __future__ import annotations

import os
import re
import socketserver
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(*command: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a command in the project's folder with the given additions to the environment."""
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **env}, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def production() -> Iterator[tuple[str, list[str]]]:
    """A server that stands for somebody's production: its URL and the requests that it got."""
    requests: list[str] = []

    class Recorder(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            requests.append(self.rfile.readline().decode(errors="replace"))

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Recorder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", requests
    server.shutdown()


@pytest.fixture(scope="module")
def demo(production: tuple[str, list[str]], tmp_path_factory: pytest.TempPathFactory) -> str:
    """What a first `make demo` prints, with somebody's production in the environment."""
    url = production[0]
    kubeconfig = tmp_path_factory.mktemp("production") / "kubeconfig"
    kubeconfig.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: production\n"
        f"clusters: [{{name: production, cluster: {{server: '{url}'}}}}]\n"
        "users: [{name: production, user: {token: secret}}]\n"
        "contexts: [{name: production, context: {cluster: production, user: production}}]\n"
    )
    done = run("make", "demo", KUBECONFIG=str(kubeconfig), K8S_AUTH_HOST=url, K8S_AUTH_KUBECONFIG=str(kubeconfig))
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_demo_shows_each_line_behind_its_item(demo: str) -> None:
    for index, message in enumerate(["Argo", "Is", "Awesome"]):
        assert re.search(rf"echo\({index}:{message}\)\(0\): Input was: {message}", demo)


def test_the_demo_shows_the_tree_of_the_run(demo: str) -> None:
    assert re.search(r"✔ echo\(2:Awesome\)\(0\) +\S+ +gpu-say-\S+", demo)


def test_the_demo_ends_with_what_to_do_next(demo: str) -> None:
    end = demo[demo.index("echo(2:Awesome)(0): ") :]
    assert "logs/" in end
    assert (
        "/ansible-playbook argo.workflows.ui -e argo_kubeconfig=/var/lib/argo-workflows-local-cluster/kubeconfig" in end
    )
    assert "/ansible-playbook argo.workflows.local_cluster -e local_cluster_state=absent" in end


def test_the_demo_asks_nothing_of_the_cluster_in_the_environment(demo: str, production: tuple[str, list[str]]) -> None:
    assert demo
    assert production[1] == []


def test_a_second_demo_changes_no_installation_and_hands_its_items_on_untouched(demo: str) -> None:
    items = """["it's", "$HOME", "$(id)", "{{workflow.name}}", "a b"]"""
    assert demo
    done = run("make", "demo", MESSAGES=items)
    assert done.returncode == 0, done.stdout + done.stderr
    for index, message in enumerate(["it's", "$HOME", "$(id)", "{{workflow.name}}", "a b"]):
        assert re.search(rf"\({index}:.*\)\(0\): Input was: {re.escape(message)}$", done.stdout, re.MULTILINE), (
            done.stdout
        )
    changed = re.search(r"PLAY \[.*[Ii]nstall.*?(?=PLAY \[)", done.stdout, re.DOTALL)
    assert changed and "changed:" not in changed[0]


def test_the_demo_names_another_cluster_before_anything_goes_there(demo: str, tmp_path: Path) -> None:
    assert demo
    other = tmp_path / "kubeconfig"
    other.write_bytes(Path("/var/lib/argo-workflows-local-cluster/kubeconfig").read_bytes())
    command = ["ansible-playbook", "playbooks/quickstart.yml", "-e", "gpu_say_image=localhost/gpu-say:dev"]
    done = run(*command, CLUSTER_KUBECONFIG=os.path.relpath(other, ROOT))
    assert done.returncode == 0, done.stdout + done.stderr
    assert not re.search(r"local_cluster : .*\n(ok|changed)", done.stdout)
    said = " ".join(done.stdout.split())
    assert re.search(rf"goes to https://10.96.0.1:443, context \S+ of {other}, namespace argo-demo\.", said)
    assert "local_cluster_state=absent" not in said
    assert said.index("This goes to") < said.index("argo.workflows.argo : ")
