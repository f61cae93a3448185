# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


class ModuleDocFragment:
    # Each module adds `support` to check_mode, diff_mode and idempotent where it differs from what is said here.
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and say what would change, without changing it.
  diff_mode:
    description: Says in diff mode what has changed or would change.
  idempotent:
    description: Run again with the same options, it changes nothing.
"""

    ACTIONGROUP_ARGO = r"""
options: {}
attributes:
  action_group:
    description: >-
      Use C(group/argo.workflows.argo) in C(module_defaults) to set the connection options of all modules at once.
    support: full
    membership:
      - argo.workflows.argo
"""

    READ_ONLY = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and say what would change, without changing it.
    support: full
    details:
      - It changes nothing.
  diff_mode:
    description: Says in diff mode what has changed or would change.
    support: N/A
    details:
      - It changes nothing.
  idempotent:
    description: Run again with the same options, it changes nothing.
    support: full
"""
