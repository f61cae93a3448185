# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the unit tests share."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.cluster import Cluster
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.secrets import forget
from ansible_collections.argo.workflows.tests.support.api import Api
from ansible_collections.argo.workflows.tests.support.clock import Clock


@pytest.fixture(autouse=True)
def no_secrets() -> Iterator[None]:
    """No test masks what another one kept secret."""
    yield
    forget()


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    """An API server in memory, and every connection of a module leads to it."""
    server = Api(clock=Clock())
    monkeypatch.setattr(Cluster, "from_params", lambda _params: server.cluster())
    return server


RunModule = Callable[..., dict[str, Any]]


@pytest.fixture
def run_module(capsys: pytest.CaptureFixture[str]) -> RunModule:
    """Runs a module as Ansible does: `run_module(plugin, check_mode=False, **params)` returns its result."""

    def run(plugin: Any, check_mode: bool = False, **params: Any) -> dict[str, Any]:
        with patch_module_args({**params, "_ansible_check_mode": check_mode}), pytest.raises(SystemExit):
            plugin.main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        return result

    return run
