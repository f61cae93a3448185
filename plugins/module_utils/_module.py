# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules share: the connection options, and the one place where errors become `fail_json`.

Private to the collection.
"""

from __future__ import annotations

import gc
import select
import sys
import traceback
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any

from ansible.module_utils.basic import AnsibleModule, env_fallback, missing_required_lib

from ansible_collections.argo.workflows.plugins.module_utils._argo.printable import printable
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.credentials import secrets_of
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.kubeconfig import is_path
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import (
    why_not_a_name,
    why_not_a_namespace,
)
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.secrets import known, masked, remember


def _env(*names: str) -> tuple[Callable[..., Any], list[str]]:
    return (env_fallback, [f"K8S_AUTH_{name}" for name in names])


CONNECTION_SPEC: dict[str, Any] = {
    "kubeconfig": {"type": "raw", "fallback": _env("KUBECONFIG")},
    "context": {"type": "str", "fallback": _env("CONTEXT")},
    "host": {"type": "str", "fallback": _env("HOST")},
    "api_key": {"type": "str", "no_log": True, "fallback": _env("API_KEY")},
    "username": {"type": "str", "fallback": _env("USERNAME")},
    "password": {"type": "str", "no_log": True, "fallback": _env("PASSWORD")},
    "validate_certs": {
        "type": "bool",
        "aliases": ["verify_ssl"],
        "fallback": _env("VALIDATE_CERTS", "VERIFY_SSL"),
    },
    "ca_cert": {"type": "path", "aliases": ["ssl_ca_cert"], "fallback": _env("CA_CERT", "SSL_CA_CERT")},
    "client_cert": {"type": "path", "aliases": ["cert_file"], "fallback": _env("CLIENT_CERT", "CERT_FILE")},
    "client_key": {
        "type": "path",
        "aliases": ["key_file"],
        "no_log": False,
        "fallback": _env("CLIENT_KEY", "KEY_FILE"),
    },
    "proxy": {"type": "str", "fallback": _env("PROXY")},
    "no_proxy": {"type": "str", "fallback": _env("NO_PROXY")},
    "proxy_headers": {
        "type": "dict",
        "options": {
            "proxy_basic_auth": {"type": "str", "no_log": True, "fallback": _env("PROXY_HEADERS_PROXY_BASIC_AUTH")},
            "basic_auth": {"type": "str", "no_log": True, "fallback": _env("PROXY_HEADERS_BASIC_AUTH")},
            "user_agent": {"type": "str", "fallback": _env("PROXY_HEADERS_USER_AGENT")},
        },
        "apply_defaults": True,
    },
    "impersonate_user": {"type": "str", "fallback": _env("IMPERSONATE_USER")},
    "impersonate_groups": {"type": "list", "elements": "str", "fallback": _env("IMPERSONATE_GROUPS")},
}
"""The connection options of kubernetes.core, by the same names and with the same environment variables."""


class UserError(Exception):
    """What the user can mend, as one sentence; it becomes the module's failure message."""

    def __init__(self, sentence: str, /, **result: Any) -> None:
        super().__init__(sentence)
        self.result = result


class _Module(AnsibleModule):
    """An AnsibleModule that shows no credentials, and nothing that a terminal would obey.

    Ansible itself masks the options that are `no_log`, as they were given. A kubeconfig's content is shown nowhere, and
    of every secret no other form either: not in the system's log, where Ansible writes the options of each call, and
    in no result.
    """

    params: dict[str, Any]

    def _mask(self) -> None:
        remember([*self.no_log_values, *secrets_of(self.params)])
        self.no_log_values.update(known())

    def _log_invocation(self) -> None:
        self._mask()
        params = dict(self.params)
        self.params = _shown(params)
        super()._log_invocation()
        self.params = params

    def _return_formatted(self, kwargs: dict[str, Any]) -> None:
        self._mask()
        super()._return_formatted({"invocation": {"module_args": _shown(self.params)}, **kwargs})

    def fail_json(self, msg: str, **kwargs: Any) -> None:
        super().fail_json(printable(masked(msg)), **kwargs)

    def warn(self, warning: str, **kwargs: Any) -> None:
        super().warn(printable(masked(warning)), **kwargs)


def _shown(params: Mapping[str, Any]) -> dict[str, Any]:
    """The options without the content of a kubeconfig, as the result and the system's log show them."""
    kubeconfig = params.get("kubeconfig")
    hidden = {} if kubeconfig is None or is_path(kubeconfig) else {"kubeconfig": "NOT_LOGGING_PARAMETER"}
    return {**params, **hidden}


def run_module(
    run: Callable[[AnsibleModule], dict[str, Any]], argument_spec: Mapping[str, Any], **ansible_module_kwargs: Any
) -> None:
    """Run a module: `run(module)` returns the result, or raises UserError or ApiError, which become its failure.

    `argument_spec` is added to the connection options. A UserError's keyword arguments are returned with the failure.
    """
    module = _Module({**CONNECTION_SPEC, **argument_spec}, **ansible_module_kwargs)
    if not find_spec("kubernetes"):
        module.fail_json(
            msg=missing_required_lib("kubernetes")
            + f" Install it there with: {sys.executable} -m pip install kubernetes; "
            "or set ansible_python_interpreter to a Python that has it."
        )
    try:
        _check_names(module.params)
        result = run(module)
    except UserError as error:
        module.fail_json(msg=str(error), **error.result)
    except ApiError as error:
        module.fail_json(msg=str(error), status=error.status, reason=error.reason)
    except Exception as error:
        module.fail_json(**_bug(error))
    gc.freeze()  # else Python, before it ends, searches all that was imported for garbage: some 0.1 s
    module.exit_json(**result)


def abandoned(timeout: float = 0.0) -> bool:
    """Whether whoever started this module has gone: nobody reads its stdout any more. Waits `timeout` seconds for that.

    Ansible does not pass a Ctrl-C on to its modules, it goes.
    """
    reader = select.poll()
    reader.register(1, 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _fd, event in reader.poll(timeout * 1000))


def _check_names(params: Mapping[str, Any]) -> None:
    """Raise UserError for a name that Kubernetes allows to no object: no request is made with one."""
    for option, value, why_not in (
        ("name", params.get("name"), why_not_a_name),
        ("namespace", params.get("namespace"), why_not_a_namespace),
        ("managed_namespace", params.get("managed_namespace") or None, why_not_a_namespace),  # empty: the same one
    ):
        if value is None:
            continue
        names = value if isinstance(value, list) else [value]
        if not (names and all(names)):  # else a path without a name would be that of all objects
            raise UserError(f"{option}: it is empty; say which {option} is meant, or leave the option out")
        for why in filter(None, map(why_not, names)):
            raise UserError(f"{option}: {why}")


def _bug(error: Exception) -> dict[str, str]:
    """The failure for an error that nobody foresaw.

    What another package says in it is left out: it may quote what it was given, credentials among it.
    """
    frames = traceback.extract_tb(error.__traceback__)
    ours = bool(frames) and "ansible_collections/argo/workflows" in frames[-1].filename
    what = f"{type(error).__name__}: {error}" if ours else type(error).__name__
    place = f"line {frames[-1].lineno} of {frames[-1].filename.rpartition('/')[2]}" if frames else "an unknown place"
    said = [*traceback.format_list(frames), what]
    return {"msg": f"{what}, at {place}; this is a bug of the module", "exception": masked("".join(said))}
