# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No secret that a module is handed is anywhere afterwards: whole plays run at -vvvv, and all that they leave is read.

That is what they print, the system's log, the results and facts, the journal, and every file of theirs.
"""

from __future__ import annotations

import base64
import importlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml

from ansible_collections.argo.workflows.plugins.modules import workflow_info
from ansible_collections.argo.workflows.tests.support.api import Api, served

Json = dict[str, Any]
RunModule = Callable[..., Json]
ROOT = Path(__file__).resolve().parents[2]
LOGS_TO_FILE = """
import syslog
def to_file(*arguments):
    with open({file!r}, "a") as log:
        print(*arguments, file=log)
syslog.syslog = to_file
"""
"""What a `sitecustomize` makes of the system's log."""


def secret(name: str) -> str:
    """A secret of that name, which is written differently by Python, JSON, URLs and base64."""
    return f"S3CRET {name}/ü+\"'=end"


def token(name: str) -> str:
    return f"S3CRET.{name}/+=end"


SECRETS = {
    name: make(name)
    for make, names in (
        (token, "option block inside odd-quote kc-token kc-block file-token server plugin-token proxy-url"),
        (secret, "password kc-password env refresh client id argument word key proxy basic"),
    )
    for name in names.split()
}


def kubeconfig(host: str, user: Json, **cluster: str) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "a",
        "contexts": [{"name": "a", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": host, **cluster}}],
        "users": [{"name": "u", "user": user}],
    }


def plugin(code: str) -> Json:
    """A plugin that is handed secrets in every way there is, and tells them all when it fails."""
    return {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": "sh",
            "args": ["-c", code, "--token", SECRETS["argument"].replace(" ", "_"), "Xx" + token("word")],
            "env": [{"name": "AWS_SECRET_ACCESS_KEY", "value": SECRETS["env"]}],
        }
    }


PROVIDER = {
    "name": "other",
    "config": {"id-token": SECRETS["id"], "refresh-token": SECRETS["refresh"], "client-secret": SECRETS["client"]},
}
FILE = {"token": SECRETS["file-token"] + "\n\n"}
KEY = base64.b64encode(f"-----BEGIN KEY-----\n{token('key')}\n-----END KEY-----\n".encode()).decode()


def connections(host: str, folder: Path) -> dict[str, Json]:
    """Connection options with secrets, by what they try."""
    text = json.dumps(kubeconfig(host, {"token": SECRETS["kc-token"]}))
    fails = 'echo "$AWS_SECRET_ACCESS_KEY $0 $1 $2" >&2; exit 3'
    answer = json.dumps(
        {
            "apiVersion": "client.authentication.k8s.io/v1",
            "kind": "ExecCredential",
            "status": {"token": SECRETS["plugin-token"]},
        }
    )
    return {
        "token": {"host": host, "api_key": SECRETS["option"]},
        "block": {"host": host, "api_key": SECRETS["block"] + "\n"},
        "inside": {"host": host, "api_key": SECRETS["inside"] + "\n" + SECRETS["inside"]},
        "quotes": {"host": host, "api_key": "\u201c" + SECRETS["odd-quote"] + "\u201d"},
        "password": {"host": host, "username": "ann", "password": SECRETS["password"]},
        "proxy": {"host": host, "proxy": f"http://u:{quote(SECRETS['proxy'], safe='')}@127.0.0.1:1"},
        "basic": {"host": host, "proxy_headers": {"proxy_basic_auth": f"u:{SECRETS['basic']}"}},
        "url": {"host": host.replace("//", f"//u:{quote(SECRETS['proxy'], safe='')}@")},
        "text": {"kubeconfig": "# mine\n" + text},
        "line": {"kubeconfig": text},
        "base64": {"kubeconfig": base64.b64encode(text.encode()).decode()},
        "file": {"kubeconfig": str(folder / "kubeconfig")},
        "dictionary": {"kubeconfig": kubeconfig(host, {"token": SECRETS["kc-block"] + "\n", "client-key-data": KEY})},
        "basic-dictionary": {"kubeconfig": kubeconfig(host, {"username": "u", "password": SECRETS["kc-password"]})},
        "proxy-url": {
            "kubeconfig": kubeconfig(
                host, {}, **{"proxy-url": f"http://u:{SECRETS['proxy-url'].replace('/', '')}@127.0.0.1:1"}
            )
        },
        "provider": {"kubeconfig": kubeconfig(host, {"auth-provider": PROVIDER})},
        "plugin": {"kubeconfig": kubeconfig(host, plugin(f"cat <<'END'\n{answer}\nEND"))},
        "failing-plugin": {"kubeconfig": kubeconfig(host, plugin(fails))},
        "broken": {"kubeconfig": kubeconfig(host, {"token": SECRETS["kc-token"]}) | {"contexts": [5]}},
        "unknown-option": {"kubeconfig": kubeconfig(host, {"token": SECRETS["kc-token"]}), "no_such_option": True},
        "no-truth-value": {"kubeconfig": kubeconfig(host, {"token": SECRETS["kc-token"]}), "validate_certs": "perhaps"},
    }


MODULES: dict[str, Json] = {
    "workflow": {"name": "x", "namespace": "team", "state": "stopped"},
    "workflow_logs": {"name": "x", "namespace": "team"},
    "workflow_wait": {"name": ["x"], "namespace": "team"},
    "argo_token": {"namespace": "team", "dest": "/nowhere/issued"},
    "argo_ui": {"namespace": "team"},
    "argo_status": {"namespace": "team", "wait_timeout": 1},
    "argo_plan": {"namespace": "team", "objects": []},
}
ARGO_SERVER = {"server": "https://127.0.0.1:1", "server_token": SECRETS["server"] + "\n"}
IN_A_PLAY = ("block", "inside", "text", "dictionary", "failing-plugin", "unknown-option")
"""The connections that whole plays are run with: each takes a second or more."""


def written(value: str) -> set[str]:
    """The forms that a secret may be found in."""
    raw = value.encode()
    texts = {value, repr(value)[1:-1], json.dumps(value)[1:-1], quote(value), quote(value, safe="")}
    return texts | {base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()}


def shown(content: str) -> set[str]:
    """The secrets that a text shows, by their names, and what else looks like a part of one."""
    whole = {
        name
        for name, value in SECRETS.items()
        for form in written(value) | written(value.replace(" ", "_"))
        if form in content
    }
    return whole | set(re.findall(r".{,60}S3CRET.{,60}", content))


@pytest.fixture
def host() -> Iterator[str]:
    with served(Api()) as url:
        yield url


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What goes to the system's log."""
    lines: list[str] = []
    monkeypatch.setattr("syslog.syslog", lambda *arguments: lines.append(str(arguments)))
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    return lines


@pytest.mark.parametrize("name", connections("https://k", Path("/nowhere")))
def test_no_secret_of_a_connection_is_in_a_result_or_in_the_systems_log(
    name: str, host: str, logged: list[str], run_module: RunModule, tmp_path: Path
) -> None:
    (tmp_path / "kubeconfig").write_text(json.dumps(kubeconfig(host, FILE)))
    options = connections(host, tmp_path)[name]
    result = run_module(workflow_info, namespace="team", name="x", **options)
    assert shown(json.dumps(result, ensure_ascii=False) + json.dumps(result) + "".join(logged)) == set()
    assert "this is a bug of the module" not in result.get("msg", "")
    assert logged or name in ("unknown-option", "no-truth-value")


@pytest.mark.parametrize("module", MODULES)
def test_no_module_shows_a_secret_in_a_result_or_in_the_systems_log(
    module: str, host: str, logged: list[str], run_module: RunModule, tmp_path: Path
) -> None:
    plugin = importlib.import_module(f"ansible_collections.argo.workflows.plugins.modules.{module}")
    more = ARGO_SERVER if "server_token" in plugin.ARGUMENT_SPEC else {}
    for name in ("block", "dictionary"):
        options = MODULES[module] | more | connections(host, tmp_path)[name]
        result = run_module(plugin, **options)
        assert shown(json.dumps(result, ensure_ascii=False) + json.dumps(result) + "".join(logged)) == set()
        assert "this is a bug of the module" not in result.get("msg", "")
    assert logged


def tasks(host: str, folder: Path) -> list[Json]:
    """What the play does."""
    by_name = connections(host, folder)
    waits = {"name": "x", "namespace": "team", "logs_dir": f"{folder}/logs", "journal": f"{folder}/journal"}
    return [
        *({"argo.workflows.workflow_info": {"namespace": "team", "name": "x"} | by_name[name]} for name in IN_A_PLAY),
        {"argo.workflows.workflow_wait": waits | ARGO_SERVER | by_name["block"]},
    ]


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Everything that a play leaves behind, by where, with what it printed."""
    folder, site = tmp_path_factory.mktemp("left"), tmp_path_factory.mktemp("site")
    (site / "sitecustomize.py").write_text(LOGS_TO_FILE.format(file=str(folder / "syslog")))
    with served(Api()) as host:
        play = {
            "hosts": "localhost",
            "gather_facts": False,
            "tasks": [
                *({**task, "ignore_errors": True, "diff": True, "register": "r"} for task in tasks(host, folder)),
                {"ansible.builtin.debug": {"var": "r"}},
                {"ansible.builtin.set_fact": {"kept": "{{ r }}", "cacheable": True}},
            ],
        }
        (site / "play.yml").write_text(yaml.safe_dump([play]))
        environment = os.environ | {
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"),
            "ANSIBLE_LOG_PATH": str(folder / "ansible.log"),
            "ANSIBLE_CACHE_PLUGIN": "jsonfile",
            "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(folder / "facts"),
            "ANSIBLE_DISPLAY_TRACEBACK": "always",
            "TMPDIR": str(folder),
            "PYTHONPATH": str(site),
        }
        command = [str(Path(sys.executable).with_name("ansible-playbook")), "-vvvv", str(site / "play.yml")]
        here = ["-i", "localhost,", "-c", "local", "-e", f"ansible_python_interpreter={sys.executable}"]
        done = subprocess.run([*command, *here], capture_output=True, text=True, env=environment, cwd=site, check=False)
    found = {"stdout": done.stdout, "stderr": done.stderr}
    files = [file for file in folder.rglob("*") if file.is_file()]
    return found | {str(file.relative_to(folder)): file.read_bytes().decode(errors="replace") for file in files}


def test_no_secret_is_in_what_a_play_prints_logs_and_leaves(left: dict[str, str]) -> None:
    assert {where: found for where, content in left.items() if (found := shown(content))} == {}


def test_the_play_ran_to_its_end_and_left_what_is_searched(left: dict[str, str]) -> None:
    assert "ok=9 " in left["stdout"] and "this is a bug of the module" not in left["stdout"]
    assert "ended with exit code 3: ********" in left["stdout"]
    assert left["syslog"].count("Invoked with") == len(IN_A_PLAY)  # one has an option that does not exist
    assert {"ansible.log", "journal"} <= left.keys() and any(file.startswith("facts/") for file in left)
