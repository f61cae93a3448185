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
from dataclasses import dataclass
from typing import Any

from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.credentials import (
    cleaned,
    secrets_of,
    secrets_of_kubeconfig,
    sendable,
    token_of,
)
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.kubeconfig import (
    Json,
    chosen,
    files_of,
    files_of_variable,
    read,
    shortened,
)
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.plugin import run_plugin
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.secrets import remember

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
RENEWAL = 10.0
"""Seconds between two renewals at least."""
_AHEAD = 5.0
"""Seconds before a credential expires at which it is renewed."""


class Login:
    """The configuration that the `kubernetes` package makes of the connection options, and who asks by it.

    Credentials are renewed when they expire and when the server refuses them (a 401, or its end of TLS says so):
    the options are loaded anew, and new connections have the new certificate.
    """

    def __init__(self, params: Mapping[str, Any]) -> None:
        self._params = cleaned(params)
        self._lock = threading.RLock()
        self._load()
        self.host: str = self._configuration.host

    @property
    def configuration(self) -> Any:
        """The `kubernetes.client.Configuration` of today."""
        return self._configuration

    def _load(self) -> None:
        from kubernetes import client

        remember(secrets_of(self._params))
        self._loaded = time.monotonic()
        configuration = client.Configuration()
        expires = _fill(configuration, self._params)
        _give_credentials(configuration, self._params)
        _give_settings(configuration, self._params)
        self._configuration, self._expires = configuration, expires
        self._manager: Any = None

    def transport(self) -> Any:
        """What makes the requests, as a urllib3.PoolManager does."""
        return _Transport(self)

    @property
    def connections(self) -> Any:
        """The connection pool with the certificate of today."""
        with self._lock:
            if self._manager is None:
                self._manager = _pool(self._configuration)
            return self._manager

    def headers(self, renew: bool) -> Mapping[str, str]:
        """The headers that say who asks; with `renew`, after a refusal, the credentials are read anew.

        Not more often than every RENEWAL seconds. ApiError if they cannot be read, or cannot be sent.
        """
        from urllib3 import HTTPHeaderDict

        with self._lock:
            expired = self._expires is not None and time.time() > self._expires - _AHEAD
            if (renew or expired) and time.monotonic() - self._loaded > RENEWAL:
                self._load()
            authorization = self._authorization()
        headers = HTTPHeaderDict({"authorization": authorization} if authorization else {})
        if self._params.get("impersonate_user"):
            headers["Impersonate-User"] = self._params["impersonate_user"]
        for group in self._params.get("impersonate_groups") or ():
            headers.add("Impersonate-Group", group)
        return headers

    def _authorization(self) -> str:
        """What the configuration says for the header, "" without a token.

        Not by its own auth_settings(): releases 36.0.0 and 36.0.1 of the package look for the token under one name and
        keep it under another (kubernetes-client/python#2584).
        """
        configuration = self._configuration
        if configuration.refresh_api_key_hook:
            configuration.refresh_api_key_hook(configuration)
            _give_settings(configuration, self._params)  # the hook has put those of the kubeconfig back
        kept = configuration.api_key
        value = str(kept.get("BearerToken") or kept.get("authorization") or "")
        if value[:7].lower() != "bearer ":
            return sendable(value, "the credentials")
        token = token_of(value, "the token of the connection")
        remember([token])
        return f"Bearer {token}"


class _Transport:
    """Makes each request by the connections that a Login has at the time."""

    def __init__(self, login: Login) -> None:
        self._login = login

    def request(self, method: str, url: str, **options: Any) -> Any:
        return self._login.connections.request(method, url, **options)


def _pool(configuration: Any) -> Any:
    """The connection pool of an ApiClient, with dead peers noticed by TCP keepalive within a minute."""
    from kubernetes import client
    from urllib3.connection import HTTPConnection

    if configuration.verify_ssl is False:
        import urllib3

        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    manager = client.ApiClient(configuration).rest_client.pool_manager
    keepalive = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
    for name, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, name):
            keepalive.append((socket.IPPROTO_TCP, getattr(socket, name), value))
    manager.connection_pool_kw["socket_options"] = [*HTTPConnection.default_socket_options, *keepalive]
    manager.connection_pool_kw["maxsize"] = 128
    return manager


def _fill(configuration: Any, params: Mapping[str, Any]) -> float | None:
    """Fill a configuration from what the options say; returns when its credentials expire, in seconds since 1970."""
    source = _source(params)
    if source.surroundings and _fill_from_pod(configuration):
        return None
    if source.read is None:
        return None
    context = params.get("context") or None
    try:
        kubeconfig = source.read()
        remember(secrets_of_kubeconfig(kubeconfig))
        expires = None
        if not (params.get("api_key") or params.get("password")):
            kubeconfig, expires = _authenticated(kubeconfig, context)
        _fill_from(configuration, kubeconfig, context)
    except ApiError as error:
        raise ApiError(f"cannot connect to a cluster: {error}") from error
    except (OSError, ValueError) as error:
        what = source.called if source.called == _NOTHING_GIVEN else f"{source.called} cannot be used: {error}"
        raise ApiError(f"cannot connect to a cluster: {what}") from error
    except (AttributeError, KeyError, TypeError) as error:
        what = f"{source.called} cannot be used: its content is not that of a kubeconfig ({type(error).__name__})"
        raise ApiError(f"cannot connect to a cluster: {what}") from error
    return expires


def _fill_from_pod(configuration: Any) -> bool:
    """Fill a configuration from the service account of the pod that this runs in; whether there is one."""
    from kubernetes import config

    try:
        config.load_incluster_config(client_configuration=configuration)
    except config.ConfigException:
        return False
    return True


def _fill_from(configuration: Any, kubeconfig: Json, context: str | None) -> None:
    from kubernetes import config

    try:
        config.load_kube_config_from_dict(kubeconfig, context, client_configuration=configuration, persist_config=False)
    except config.ConfigException as error:
        raise ValueError(str(error)) from error


def _authenticated(kubeconfig: Json, context: str | None) -> tuple[Json, float | None]:
    """The kubeconfig with what its plugin gave in its place, and when that expires.

    Not left to the package, which goes on without credentials if the plugin fails.
    """
    cluster, user = chosen(kubeconfig, context)
    plugin = user.get("exec")
    if not plugin or user.get("token") or user.get("tokenFile"):
        return kubeconfig, None
    credential = run_plugin(plugin, cluster)
    authenticated = {key: value for key, value in user.items() if key != "exec"} | credential.user
    users = [entry | {"user": authenticated} if entry.get("user") is user else entry for entry in kubeconfig["users"]]
    return kubeconfig | {"users": users}, credential.expires


@dataclass(frozen=True)
class _Source:
    """What the connection options say to load: what sentences call it, and how it is read if it is a kubeconfig."""

    called: str
    read: Callable[[], Json] | None = None
    surroundings: bool = False
    """Whether the service account of the pod that this runs in comes first."""


def _source(params: Mapping[str, Any]) -> _Source:
    """Where the configuration comes from; ApiError if a file that the options name is not there, or nothing is.

    An empty option counts as not given, so that a role can hand its variables on as they are.
    """
    kubeconfig, context, variable = params.get("kubeconfig"), params.get("context"), os.environ.get("KUBECONFIG")
    if isinstance(kubeconfig, Mapping):
        return _Source("the kubeconfig", lambda: dict(kubeconfig))
    if kubeconfig:
        files = files_of(kubeconfig)
        return _Source(f"the kubeconfig {shortened(kubeconfig)}", lambda: read(files))
    found = files_of_variable()
    if context:
        return _Source(f"the context {context}", lambda: read(found))
    if params.get("host"):
        return _Source("the host")
    if variable:
        return _Source(f"the kubeconfig {shortened(variable)}, of the variable KUBECONFIG,", lambda: read(found))
    called = f"the kubeconfig {found[0]}" if found else _NOTHING_GIVEN
    return _Source(called, lambda: read(found), surroundings=True)


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


def _give_settings(configuration: Any, params: Mapping[str, Any]) -> None:
    """Let the other options take the place of what was loaded."""
    if params.get("host"):
        configuration.host = params["host"]
    for option, attribute in _SETTINGS.items():
        if params.get(option) is not None:
            setattr(configuration, attribute, params[option])
    if params.get("proxy_headers"):
        import urllib3

        wanted = {key: value for key, value in params["proxy_headers"].items() if value is not None}
        configuration.proxy_headers = urllib3.util.make_headers(**wanted)
