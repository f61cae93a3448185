#!/usr/bin/python
# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: argo_ui
short_description: Hold a port open to Argo's server
version_added: 0.1.0
author:
  - the argo.workflows authors (!UNKNOWN)
description:
  - Listens on a port of the loopback address and forwards each connection to Argo's server in the cluster, as
    C(kubectl port-forward) does. It needs no kubectl.
  - Ends when the play is interrupted.
options:
  namespace:
    description: Namespace of the server.
    type: str
    default: argo
  port:
    description: Port to listen on.
    type: int
    default: 2746
extends_documentation_fragment:
  - argo.workflows.connection
  - argo.workflows.attributes
  - argo.workflows.attributes.actiongroup_argo
attributes:
  check_mode:
    support: full
    details:
      - In check mode it sees that there is a server, and does not listen.
  diff_mode:
    support: N/A
    details:
      - It changes nothing.
  idempotent:
    support: N/A
    details:
      - It changes nothing.
"""

EXAMPLES = r"""
- name: Serve the UI at https://localhost:2746 until Ctrl-C
  argo.workflows.argo_ui:
    namespace: argo
"""

RETURN = r"""
pod:
  description: Pod of the server that was found.
  type: str
  returned: always
"""

import contextlib
import socket
import socketserver
import threading
from collections.abc import Callable
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.argo.workflows.plugins.module_utils._install.objects import SERVER, SERVER_PORT
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.cluster import Cluster
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.login import Login
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import path
from ansible_collections.argo.workflows.plugins.module_utils._module import UserError, abandoned, run_module

ARGUMENT_SPEC: dict[str, Any] = {
    "namespace": {"type": "str", "default": "argo"},
    "port": {"type": "int", "default": SERVER_PORT},
}
LOOK_AFTER = 0.5
"""Seconds between two looks at whether Ansible still listens."""


def main() -> None:
    run_module(run, ARGUMENT_SPEC, supports_check_mode=True)


def run(module: AnsibleModule) -> dict[str, Any]:
    namespace, port = module.params["namespace"], module.params["port"]
    cluster, login = Cluster.from_params(module.params), Login(module.params)
    pod = _server_pod(cluster, namespace)
    _open_port(login, namespace, pod).close()
    if not module.check_mode:
        _serve(port, lambda: _open_port(login, namespace, _server_pod(cluster, namespace)))
    return {"changed": False, "pod": pod}


def _server_pod(cluster: Cluster, namespace: str) -> str:
    """The name of a pod of the server that is ready."""
    for pod in cluster.objects(path("Pod", namespace), labelSelector=f"app={SERVER}"):
        conditions = (pod.get("status") or {}).get("conditions") or ()
        if any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions):
            return str(pod["metadata"]["name"])
    raise UserError(
        f"no Argo Server is ready in namespace {namespace}: the playbook argo.workflows.install installs it"
    )


def _serve(port: int, connect: Callable[[], socket.socket]) -> None:
    """Forward each connection to what `connect` opens, until nobody reads what this module prints.

    Then Ansible was interrupted.
    """

    class Forward(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with contextlib.closing(connect()) as remote:
                back = threading.Thread(target=_copy, args=(remote, self.request), daemon=True)
                back.start()
                _copy(self.request, remote)
                back.join()

    class Listener(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

    try:
        listener = Listener(("127.0.0.1", port), Forward)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or error
        raise UserError(f"port: {port} of this machine cannot be opened ({why}): choose another one") from error
    with listener:
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        while not abandoned(LOOK_AFTER):
            pass


def _open_port(login: Login, namespace: str, pod: str) -> Any:
    """A socket to the server's port in its pod, through the API server; close it."""
    from kubernetes.stream.ws_client import PortForward, create_websocket
    from websocket import WebSocketException

    headers = {"sec-websocket-protocol": "v4.channel.k8s.io", **login.headers(renew=False)}
    url = f"ws{login.host.removeprefix('http')}{path('Pod', namespace, pod, 'portforward')}?ports={SERVER_PORT}"
    try:
        websocket = create_websocket(login.configuration, url, headers)
    except (WebSocketException, OSError) as error:
        raise UserError(
            f"port {SERVER_PORT} of pod {pod} in namespace {namespace} cannot be opened: {error}"
        ) from error
    return PortForward(websocket, [SERVER_PORT]).socket(SERVER_PORT)


def _copy(source: socket.socket, target: socket.socket) -> None:
    """Copy bytes until `source` ends, then end `target`."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


if __name__ == "__main__":
    main()
