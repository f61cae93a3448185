#!/usr/bin/python
# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: argo_ui
version_added: 0.1.0
author:
  - the argo.workflows authors (!UNKNOWN)
short_description: Hold a port open to Argo's server
description:
  - Listens on a port of the loopback addresses, 127.0.0.1 and C(::1) where there is IPv6, and forwards each connection
    to Argo's server in the cluster, as C(kubectl port-forward) does. It needs no kubectl.
  - It takes the rights C(get) and C(create) on C(pods/portforward), and C(list) on C(pods), in the namespace of the
    server. The cluster's own ClusterRoles C(edit) and C(admin) have them.
  - Each connection goes to a pod that is ready then, with the credentials of then.
  - Ends when the play is interrupted, and when C(ansible-playbook) has gone, whatever ended it.
options:
  namespace:
    description: Namespace of the server.
    type: str
    default: argo
  port:
    description: Port to listen on, from 1 to 65535.
    type: int
    default: 2746
  announce:
    description:
      - Lines to show when the port is open. Nobody else can say anything until the task ends.
      - Where the module runs on another machine, they are shown before.
    type: list
    elements: str
    default: []
  announce_to:
    description:
      - Where the module sends what is to be shown, a UDP port of 127.0.0.1 and a word that begins each packet.
      - It need not be given, Ansible's part of the module does.
    type: str
extends_documentation_fragment:
  - argo.workflows.connection
  - argo.workflows.attributes
  - argo.workflows.attributes.actiongroup_argo
attributes:
  check_mode:
    support: full
    details:
      - In check mode it opens the port, sees that the server is there and may be reached, and closes it again.
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
- name: Serve the UI until Ctrl-C
  argo.workflows.argo_ui:
    namespace: argo
    announce:
      - The UI is at https://localhost:2746 until Ctrl-C.
"""

RETURN = r"""
pod:
  description: Pod of the server that was found.
  type: str
  returned: always
"""

import contextlib
import socket
from collections.abc import Callable, Iterator
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.argo.workflows.plugins.module_utils._install.live import existing
from ansible_collections.argo.workflows.plugins.module_utils._install.objects import SERVER, SERVER_PORT, Ref
from ansible_collections.argo.workflows.plugins.module_utils._install.readiness import judge
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.cluster import Cluster
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import path
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.port_forward import (
    PodPort,
    forward,
    listening,
    open_port,
)
from ansible_collections.argo.workflows.plugins.module_utils._module import UserError, abandoned, run_module

ARGUMENT_SPEC: dict[str, Any] = {
    "namespace": {"type": "str", "default": "argo"},
    "port": {"type": "int", "default": SERVER_PORT},
    "announce": {"type": "list", "elements": "str", "default": []},
    "announce_to": {"type": "str"},
}
LOOK_AFTER = 0.5
"""Seconds between two looks at whether Ansible still listens."""


def main() -> None:
    run_module(run, ARGUMENT_SPEC, supports_check_mode=True)


def run(module: AnsibleModule) -> dict[str, Any]:
    namespace, port = module.params["namespace"], module.params["port"]
    if not 0 < port < 65536:
        raise UserError(f"port: {port} is not the number of a port: choose one from 1 to 65535")
    cluster = Cluster.from_params(module.params)
    pod = _server_pod(cluster, namespace)
    open_port(cluster, namespace, pod, SERVER_PORT).close()
    told = _Told(module.params["announce_to"])
    with _opened(port, lambda client: _serve(client, lambda: _connect(cluster, namespace), told)):
        if not module.check_mode:
            told(*module.params["announce"])
            while not abandoned(LOOK_AFTER):
                pass
    return {"changed": False, "pod": pod}


def _server_pod(cluster: Cluster, namespace: str) -> str:
    """The name of a pod of the server that is ready; UserError, which says why, if there is none."""
    pods = list(cluster.objects(path("Pod", namespace), labelSelector=f"app={SERVER}"))
    for pod in pods:
        conditions = (pod.get("status") or {}).get("conditions") or ()
        ready = any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)
        if ready and not pod["metadata"].get("deletionTimestamp"):
            return str(pod["metadata"]["name"])
    server = existing(cluster, Ref("Deployment", namespace, SERVER).path, {})
    if server is None:
        why = "there is none: the playbook argo.workflows.install installs it"
    elif not server:  # it may not be read
        why = "none of its pods is"
    elif server["spec"].get("replicas") == 0:
        why = f"it is scaled to 0: scale the Deployment {SERVER} up"
    else:
        why = judge(SERVER, server, pods).why or "none of its pods is"
    raise UserError(f"no Argo Server is ready in namespace {namespace}: {why}")


def _connect(cluster: Cluster, namespace: str) -> PodPort:
    return open_port(cluster, namespace, _server_pod(cluster, namespace), SERVER_PORT)


@contextlib.contextmanager
def _opened(port: int, handle: Callable[[socket.socket], None]) -> Iterator[None]:
    """The port, which is closed again at the end; UserError if it cannot be opened."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(listening(port, handle))
        except OSError as error:
            what = f"port: {port} of this machine cannot be opened ({error.strerror}): choose another one"
            raise UserError(what) from error
        yield


def _serve(client: socket.socket, connect: Callable[[], PodPort], told: Callable[[str], None]) -> None:
    """Forward a connection; why that fails is told, for nobody reads what a module prints before its end."""
    try:
        forward(client, connect())
    except (ApiError, UserError) as error:
        told(f"a connection was closed: {error}")


class _Told:
    """Tells the action plugin what it is to show, behind a word that others do not know."""

    def __init__(self, where: str | None) -> None:
        self._port, _blank, self._word = (where or "").partition(" ")
        self._last: tuple[str, ...] = ()

    def __call__(self, *lines: str) -> None:
        """Show lines, unless they are what was shown last."""
        if self._port and lines and lines != self._last:
            self._last = lines
            with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mouth:
                mouth.sendto("\n".join([self._word, *lines]).encode()[:60000], ("127.0.0.1", int(self._port)))


if __name__ == "__main__":
    main()
