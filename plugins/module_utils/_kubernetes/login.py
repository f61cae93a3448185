# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the API server is, and how to be allowed in. Private to the collection."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError

_SETTINGS = {
    "validate_certs": "verify_ssl",
    "ca_cert": "ssl_ca_cert",
    "client_cert": "cert_file",
    "client_key": "key_file",
    "proxy": "proxy",
    "no_proxy": "no_proxy",
}
"""The options that are an attribute of the configuration as they are."""
_NOTHING_GIVEN = "no kubeconfig, context or host is given, KUBECONFIG is not set, and there is no ~/.kube/config"
Load = Callable[[Any, Any], None]
"""Fills a configuration: (the module kubernetes.config, the configuration)."""


class Login:
    """The configuration that the `kubernetes` package makes of the connection options."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        self._params = params
        self._lock = threading.Lock()
        self._renewed = time.monotonic()
        self._configuration = self._load()
        self.host: str = self._configuration.host

    @property
    def configuration(self) -> Any:
        """The `kubernetes.client.Configuration`, for what that package does better: websockets."""
        return self._configuration

    def _load(self) -> Any:
        from kubernetes import client, config

        params = self._params
        configuration = client.Configuration()
        load, called = _source(params)
        try:
            load(config, configuration)
        except (config.ConfigException, OSError, ValueError) as error:
            what = f"{called} cannot be used: {error}" if called else _NOTHING_GIVEN
            raise ApiError(f"cannot connect to a cluster: {what}") from error
        if params.get("host"):
            configuration.host = params["host"]
        _give_credentials(configuration, params)
        for option, attribute in _SETTINGS.items():
            if params.get(option) is not None:
                setattr(configuration, attribute, params[option])
        if params.get("proxy_headers"):
            import urllib3

            wanted = {key: value for key, value in params["proxy_headers"].items() if value is not None}
            configuration.proxy_headers = urllib3.util.make_headers(**wanted)
        return configuration

    def transport(self) -> Any:
        """The connection pool of an ApiClient, with dead peers noticed by TCP keepalive within a minute."""
        from kubernetes import client
        from urllib3.connection import HTTPConnection

        if self._configuration.verify_ssl is False:
            import urllib3

            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        manager = client.ApiClient(self._configuration).rest_client.pool_manager
        keepalive = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
        for name, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
            if hasattr(socket, name):
                keepalive.append((socket.IPPROTO_TCP, getattr(socket, name), value))
        manager.connection_pool_kw["socket_options"] = [*HTTPConnection.default_socket_options, *keepalive]
        manager.connection_pool_kw["maxsize"] = 128
        return manager

    def headers(self, renew: bool) -> Mapping[str, str]:
        """The headers that say who asks; `renew` after a 401 reads the credentials anew, at most every 10 s."""
        with self._lock:
            if renew and time.monotonic() - self._renewed > 10:
                self._renewed = time.monotonic()
                self._configuration = self._load()
            settings = self._configuration.auth_settings().values()
        from urllib3 import HTTPHeaderDict

        headers = HTTPHeaderDict({auth["key"]: auth["value"] for auth in settings if auth["value"]})
        if self._params.get("impersonate_user"):
            headers["Impersonate-User"] = self._params["impersonate_user"]
        for group in self._params.get("impersonate_groups") or ():
            headers.add("Impersonate-Group", group)
        return headers


def _source(params: Mapping[str, Any]) -> tuple[Load, str]:
    """How the connection options say to load a configuration, and what that is called, "" for the surroundings.

    An empty option counts as not given, so that a role can hand its variables on as they are. ApiError if a file that
    the options name is not there.
    """
    kubeconfig, context, variable = params.get("kubeconfig"), params.get("context"), os.environ.get("KUBECONFIG")
    if isinstance(kubeconfig, Mapping):
        return _from_dictionary(dict(kubeconfig), context), "the kubeconfig"
    if kubeconfig:
        return _from_files(_files(kubeconfig), context), f"the kubeconfig {kubeconfig}"
    if context:
        return _from_files([], context), f"the context {context}"
    if params.get("host"):
        return lambda config, configuration: None, "the host"
    if variable:
        return _from_files([], None), f"the kubeconfig {variable}, of the variable KUBECONFIG,"
    home = Path("~/.kube/config").expanduser()
    return _from_surroundings, f"the kubeconfig {home}" if home.exists() else ""


def _from_dictionary(kubeconfig: dict[str, Any], context: str | None) -> Load:
    def load(config: Any, configuration: Any) -> None:
        config.load_kube_config_from_dict(kubeconfig, context, client_configuration=configuration, persist_config=False)

    return load


def _from_files(files: list[str], context: str | None) -> Load:
    """From these files, or with none of them from those of KUBECONFIG or from ~/.kube/config."""

    def load(config: Any, configuration: Any) -> None:
        config.load_kube_config(
            os.pathsep.join(files) or None, context, client_configuration=configuration, persist_config=False
        )

    return load


def _from_surroundings(config: Any, configuration: Any) -> None:
    """From the service account of the pod that this runs in, or else from ~/.kube/config."""
    try:
        config.load_incluster_config(client_configuration=configuration)
    except config.ConfigException:
        config.load_kube_config(client_configuration=configuration, persist_config=False)


def _files(kubeconfig: str) -> list[str]:
    """The files of a kubeconfig option: several may be joined as in the variable KUBECONFIG."""
    files = [str(Path(file).expanduser()) for file in kubeconfig.split(os.pathsep) if file]
    for file in files:
        if not Path(file).exists():
            raise ApiError(f"cannot connect to a cluster: there is no kubeconfig at {file}")
    return files


def _give_credentials(configuration: Any, params: Mapping[str, Any]) -> None:
    """Let a token or a password that the options give take the place of what was loaded."""
    if params.get("api_key"):
        token = f"Bearer {params['api_key']}"
    elif params.get("username") and params.get("password"):
        configuration.username, configuration.password = params["username"], params["password"]
        token = configuration.get_basic_auth_token()
    else:
        return
    configuration.api_key = {"authorization": token}
    configuration.refresh_api_key_hook = None
