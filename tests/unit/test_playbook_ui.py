# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the playbook ui makes of its variables and of what it finds, by Ansible's own templating in this process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar, trust_as_template

PLAYBOOK = Path(__file__).parents[2] / "playbooks/ui.yml"
FOUND = {
    "client_account": False,
    "managed_namespace": "",
    "api_server": "https://10.0.0.1:6443",
    "server_scheme": "https",
    "server_base_href": "/",
}
TOKEN = {"dest": "/home/me/.argo-token", "expires": "2026-11-27T17:30:59Z"}


@pytest.fixture(scope="module", autouse=True)
def _plugins() -> None:
    """Lets templates use the filters of Ansible."""
    init_plugin_loader([])


def play() -> dict[str, Any]:
    (found,) = DataLoader().load_from_file(str(PLAYBOOK), trusted_as_template=True)
    return dict(found)


def last(module: str) -> dict[str, Any]:
    """The last task of the play with this module."""
    return next(task for task in reversed(play()["tasks"]) if module in task)


def value(template: Any, ports: tuple[int | None, ...] = (None,), found: Any = None, **variables: Any) -> Any:
    """What a template of the play becomes, with hosts that have these ports in the inventory."""
    hosts = {f"host{number}": {"ui_port": port} if port else {} for number, port in enumerate(ports)}
    known = {"ansible_play_hosts_all": list(hosts), "hostvars": hosts, "argo": found or FOUND, "token": TOKEN}
    return Templar(loader=DataLoader(), variables=play()["vars"] | known | variables).template(template)


def holds(condition: str, *ports: Any, **options: Any) -> Any:
    """Whether a condition of the play holds."""
    return value(trust_as_template("{{ " + condition + " }}"), *ports, **options)


@pytest.mark.parametrize(
    ("given", "client", "managed", "account", "namespace"),
    [
        ({}, False, "batch", "argo-server", "argo"),
        ({}, True, "batch", "argo-client", "batch"),
        ({}, True, "", "argo-client", "argo"),
        ({"ui_account": "argo-server"}, True, "batch", "argo-server", "argo"),
        ({"ui_account": "jane"}, True, "batch", "jane", "argo"),
    ],
)
def test_people_log_in_with_the_account_for_people_where_there_is_one(
    given: dict[str, Any], client: bool, managed: str, account: str, namespace: str
) -> None:
    token = last("argo.workflows.argo_token")["argo.workflows.argo_token"]
    found = FOUND | {"client_account": client, "managed_namespace": managed}
    assert value(token["name"], found=found, **given) == account
    assert value(token["namespace"], found=found, **given) == namespace


def test_a_token_is_in_a_file_of_its_cluster_and_namespace() -> None:
    dest = last("argo.workflows.argo_token")["argo.workflows.argo_token"]["dest"]
    assert value(dest) == "~/.argo-token-10.0.0.1-6443-argo"
    rancher = FOUND | {"api_server": "https://rancher.example/k8s/clusters/c-1/"}
    assert value(dest, found=rancher, argo_namespace="team") == "~/.argo-token-rancher.example-k8s-clusters-c-1-team"
    assert value(dest, ui_token_file="/tmp/token") == "/tmp/token"


def test_a_token_lasts_as_long_as_it_is_wanted() -> None:
    seconds = last("argo.workflows.argo_token")["argo.workflows.argo_token"]["seconds"]
    assert [int(value(seconds)), value(seconds, ui_token_seconds=28800)] == [3600, 28800]


@pytest.mark.parametrize(
    ("ports", "good"), [((None,), True), ((None, None), False), ((2746, None), False), ((2747, None), True)]
)
def test_two_hosts_are_never_at_one_port(ports: tuple[int | None, ...], good: bool) -> None:
    (check, *_others) = (task["ansible.builtin.assert"] for task in play()["tasks"] if "ansible.builtin.assert" in task)
    assert holds(check["that"], ports) is good
    if not good:
        assert value(check["fail_msg"], ports).startswith("host0, host1 would all be at port 2746 of this machine")


def message(**options: Any) -> list[str]:
    return list(value(last("argo.workflows.argo_ui")["argo.workflows.argo_ui"]["announce"], **options))


def test_the_message_says_all_that_a_browser_and_a_login_take() -> None:
    where, warning, login, end = message(ui_port=2800)
    assert where == "The UI is at https://localhost:2800 until Ctrl-C."
    assert warning.startswith("Your browser warns of the server's certificate")
    assert login == 'To log in, paste what this prints: echo "Bearer $(cat /home/me/.argo-token)"'
    assert end == "It is a token of argo-server and ends at 2026-11-27 17:30 UTC; this command makes a new one."


def test_without_tls_no_warning_is_announced() -> None:
    lines = message(found=FOUND | {"server_scheme": "http"})
    assert lines[0] == "The UI is at http://localhost:2746 until Ctrl-C."
    assert len(lines) == 3


def test_a_ui_under_another_path_is_refused_with_the_reason() -> None:
    check = last("ansible.builtin.assert")["ansible.builtin.assert"]
    elsewhere = FOUND | {"server_base_href": "/argo/"}
    assert holds(check["that"]) is True
    assert holds(check["that"], found=elsewhere) is False
    assert value(check["fail_msg"], found=elsewhere).startswith(
        "the server's UI is served under /argo/ by a reverse proxy"
    )
