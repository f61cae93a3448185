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
        the pod, those that Argo adds included.
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
      - The most connections that are open for logs at the same time. To follow logs takes at least 2.
    type: int
    default: 64
"""
