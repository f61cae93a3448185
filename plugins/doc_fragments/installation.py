# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  namespace:
    description: Namespace of the server and the controller.
    type: str
    default: argo
  managed_namespace:
    description: Namespace where workflows run, if it is not O(namespace).
    type: str
  instance_id:
    description: Instance id of the controller, part of its lease's name.
    type: str
"""
