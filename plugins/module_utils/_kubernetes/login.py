# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the API server is, and how to be allowed in. Private to the collection."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError


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
        kubeconfig, context, host = (params.get(key) for key in ("kubeconfig", "context", "host"))
        if isinstance(kubeconfig, str) and not all(Path(file).expanduser().exists() for file in _files(kubeconfig)):
            raise ApiError(f"cannot connect to a cluster: there is no kubeconfig at {kubeconfig}")
        try:
            if isinstance(kubeconfig, Mapping):
                config.load_kube_config_from_dict(
                    dict(kubeconfig), context, client_configuration=configuration, persist_config=False
                )
            elif kubeconfig or context or (os.environ.get("KUBECONFIG") and not host):
                config.load_kube_config(
                    os.pathsep.join(str(Path(file).expanduser()) for file in _files(kubeconfig)) or None,
                    context,
                    client_configuration=configuration,
                    persist_config=False,
                )
            elif not host:
                self._load_surroundings(config, configuration)
        except (config.ConfigException, OSError, ValueError) as error:
            if kubeconfig or context:
                what = f"the kubeconfig {kubeconfig if isinstance(kubeconfig, str) else ''} cannot be used: {error}"
            else:
                what = "no kubeconfig, context or host is given, KUBECONFIG is not set, and there is no ~/.kube/config"
            raise ApiError(f"cannot connect to a cluster: {what}") from error
        if host:
            configuration.host = host
        if params.get("api_key"):
            configuration.api_key = {"authorization": f"Bearer {params['api_key']}"}
            configuration.refresh_api_key_hook = None
        elif params.get("username") and params.get("password"):
            configuration.username, configuration.password = params["username"], params["password"]
            configuration.api_key = {"authorization": configuration.get_basic_auth_token()}
            configuration.refresh_api_key_hook = None
        for option, attribute in {
            "validate_certs": "verify_ssl",
            "ca_cert": "ssl_ca_cert",
            "client_cert": "cert_file",
            "client_key": "key_file",
            "proxy": "proxy",
            "no_proxy": "no_proxy",
        }.items():
            if params.get(option) is not None:
                setattr(configuration, attribute, params[option])
        if params.get("proxy_headers"):
            import urllib3

            wanted = {key: value for key, value in params["proxy_headers"].items() if value is not None}
            configuration.proxy_headers = urllib3.util.make_headers(**wanted)
        return configuration

    @staticmethod
    def _load_surroundings(config: Any, configuration: Any) -> None:
        try:
            config.load_incluster_config(client_configuration=configuration)
        except config.ConfigException:
            config.load_kube_config(client_configuration=configuration, persist_config=False)

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


def _files(kubeconfig: str | None) -> list[str]:
    """The files of a kubeconfig option: several may be joined as in the variable KUBECONFIG."""
    return [file for file in (kubeconfig or "").split(os.pathsep) if file]
