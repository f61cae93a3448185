# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Credentials as they come in: which parts of the options are secret, and what can be sent. Private to the collection.

Pure.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any
from urllib.parse import unquote

from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError

_SECRET_OPTIONS = ("api_key", "password", "server_token")
_URLS = ("host", "proxy", "server")
_SENT = ("username", "password", "impersonate_user")
"""What a header carries as it is, besides tokens."""
_PUBLIC = re.compile("as(-.*)?|client-certificate(-data)?|client-key|tokenFile|username")
"""What is not secret in a user of a kubeconfig."""
_PUBLIC_OF_PROVIDER = re.compile(
    "(apiserver|client|tenant)-id|cmd-path|config-mode|environment|(token|expiry)-key|expiry|(extra-)?scopes|idp-.*"
)
_PUBLIC_VARIABLE = re.compile(
    r"(?i)(^|_)(cluster|context|dir|endpoint|env|file|home|host|level|mode|name|path|profile|region|url|user|version|zone)$"
)
_WORD = r"[\w-]*(?:token|secret|passw|pwd|key|credential)[\w-]*"
_OPTION = re.compile(rf"(?i)--?{_WORD}")
_HANDED = re.compile(rf"""(?i)(?:(?:^|\s)--?{_WORD}[=\s]|{_WORD}["']?\s*[:=]\s*|bearer\s+)["']?(?!-)([^\s"';&|]+)""")
"""A secret on a command line, behind the option or variable that it is the value of."""
_ODD = re.compile(r"""[^\s"';&|()<>]{16,}""")
_PLAIN = re.compile(r"-.*|[~.]*/.*|[a-z]+://.*|.*[$\\].*|[a-z0-9._/:~@-]+|[A-Z_]+")
"""Long words that are not secret by their looks: options, paths, URLs, names of clusters and of variables."""


def secrets_of(options: Mapping[str, Any]) -> Iterator[str]:
    """The secrets among the options of a module, as they were given; nothing is taken for granted about their types."""
    for name in _SECRET_OPTIONS:
        yield from _texts(options.get(name))
    for name in _URLS:
        yield from _of_url(options.get(name))
    headers = options.get("proxy_headers")
    for name, value in (headers if isinstance(headers, Mapping) else {}).items():
        if name != "user_agent":
            yield from _texts(value)
    yield from _of_login(options.get("username"), options.get("password"))
    yield from secrets_of_kubeconfig(options.get("kubeconfig"))


def secrets_of_kubeconfig(kubeconfig: Any) -> Iterator[str]:
    """The secrets in the content of a kubeconfig, whatever that looks like; none if it is not a mapping."""
    for user in _entries(kubeconfig, "users", "user"):
        yield from _of_user(user)
    for cluster in _entries(kubeconfig, "clusters", "cluster"):
        for key in ("server", "proxy-url"):
            yield from _of_url(cluster.get(key))


def cleaned(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options with credentials as they can be sent; ApiError, which names the option, for what never can be."""
    clean = dict(options)
    if isinstance(api_key := options.get("api_key"), str):
        clean["api_key"] = token_of(api_key, "api_key")
    for name in _SENT:
        if isinstance(value := options.get(name), str):
            clean[name] = sendable(value.strip("\r\n"), name)
    if groups := options.get("impersonate_groups"):
        clean["impersonate_groups"] = [sendable(group.strip(), "impersonate_groups") for group in groups]
    if headers := options.get("proxy_headers"):
        clean["proxy_headers"] = {
            name: value and sendable(value.strip("\r\n"), f"proxy_headers: {name}") for name, value in headers.items()
        }
    return clean


def token_of(text: str, called: str) -> str:
    """A bearer token without white space around it and "Bearer" before it; ApiError if it cannot be sent."""
    return sendable(re.sub(r"(?i)^(bearer\s+)+", "", text.strip()), called)


def sendable(value: str, called: str) -> str:
    """The value, if a header of HTTP can carry it; else an ApiError, which does not quote it."""
    if re.fullmatch(r"[\x20-\x7e\xa0-\xff]*", value):
        return value
    raise ApiError(
        f"{called}: it has a character that HTTP cannot send, such as a line break in the middle or a typographic "
        "quote: see where it was copied from"
    )


def _entries(kubeconfig: Any, plural: str, singular: str) -> Iterator[Mapping[str, Any]]:
    """The users, or the clusters, that a kubeconfig has."""
    for entry in _list(kubeconfig.get(plural)) if isinstance(kubeconfig, Mapping) else ():
        if isinstance(entry, Mapping) and isinstance(found := entry.get(singular), Mapping):
            yield found


def _of_user(user: Mapping[str, Any]) -> Iterator[str]:
    for key, value in user.items():
        if key == "exec":
            yield from _of_plugin(value)
        elif key == "auth-provider":
            yield from _of_provider(value)
        elif not _PUBLIC.fullmatch(str(key)):
            yield from _texts(value)
    yield from _decoded(user.get("client-key-data"))
    yield from _of_login(user.get("username"), user.get("password"))


def _of_plugin(plugin: Any) -> Iterator[str]:
    if not isinstance(plugin, Mapping):
        return
    for variable in _list(plugin.get("env")):
        if isinstance(variable, Mapping) and not _PUBLIC_VARIABLE.search(str(variable.get("name"))):
            yield from _texts(variable.get("value"))
    words = [str(word) for word in _list(plugin.get("args"))]
    yield from (value for option, value in pairwise(words) if _OPTION.fullmatch(option) and not value.startswith("-"))
    yield from _of_words(" ".join(words))


def _of_provider(provider: Any) -> Iterator[str]:
    config = provider.get("config") if isinstance(provider, Mapping) else None
    for key, value in (config if isinstance(config, Mapping) else {}).items():
        if key == "cmd-args":
            yield from _of_words(str(value))
        elif not _PUBLIC_OF_PROVIDER.fullmatch(str(key)):
            yield from _texts(value)


def _of_words(line: str) -> Iterator[str]:
    """What is secret on a command line, by what stands before it or by its looks."""
    yield from _HANDED.findall(line)
    yield from (word for word in _ODD.findall(line) if not _PLAIN.fullmatch(word))
    yield from _of_url(line)


def _of_url(text: Any) -> Iterator[str]:
    """The passwords of the URLs in a text."""
    for found in re.findall(r"://[^/\s:@]*:([^/\s@]+)@", text) if isinstance(text, str) else ():
        yield from (found, unquote(found))


def _of_login(username: Any, password: Any) -> Iterator[str]:
    """What basic authentication sends in base64."""
    if username and password:
        yield f"{username}:{password}"


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _texts(value: Any) -> Iterator[str]:
    """The texts that a value consists of."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from _texts(part)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


def _decoded(data: Any) -> Iterable[str]:
    """What base64 says, as far as it is text."""
    try:
        return [base64.b64decode(str(data)).decode()] if data else []
    except ValueError:
        return []
