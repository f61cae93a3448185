# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  containers:
    description:
      - Names of the containers whose logs are wanted.
      - V(main) is what the template runs; of a containerSet these are all its containers. V(all) is every container of
        the pod, including those that Argo adds.
    type: list
    elements: str
    default: [main]
  log_timestamps:
    description:
      - Whether the lines of the logs begin with the time at which they were written.
    type: bool
    default: false
  merged_log:
    description:
      - Whether to write all logs of a Workflow to C(WORKFLOW/merged.log), too, in the order in which they come, each
        line behind the name of its item, as in V(echo(0:Argo\)(0\)).
    type: bool
    default: false
  parallel_logs:
    description:
      - The most connections that are open for logs at the same time; at least 2 where logs are followed.
    type: int
    default: 64
  server:
    description:
      - URL of the Argo Server as this host reaches it, the same as that of its UI. Inside the cluster that is
        V(https://argo-server.argo:2746), for example; elsewhere, without an ingress, M(argo.workflows.argo_ui) opens a
        port to it.
      - It is asked only for logs of which something is missing - because their pods were deleted, for example - and
        only where Argo has archived them (C(archiveLogs) of the artifact repository). Such a log replaces what was read
        from the pod, has no timestamps, and is marked as C(archived).
      - Without it the reason of an incomplete log says whether it is archived.
    type: str
  server_token:
    description:
      - Token for the Argo Server. By default it is the token of the connection, if that has one.
      - The token of the connection is sent only where nobody else can read it - by https with a certificate that is
        verified, or to this host itself - and not with O(impersonate_user), which the Argo Server does not know.
      - In the auth mode C(client) its account needs the right to get workflows, and to get the Secrets with the
        credentials of the artifact repository; in the mode C(server) no token is needed.
    type: str
  server_ca_cert:
    description:
      - Path of the certificate of the authority that signed the certificate of the Argo Server, or of that certificate
        itself where the server has made it.
    type: path
  server_validate_certs:
    description:
      - Whether the certificate of the Argo Server must be valid. One that the server has made itself is not, unless
        it is O(server_ca_cert).
    type: bool
    default: true
"""
