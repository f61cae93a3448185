# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for Argo Workflows: a test double for machines that reach no registry with Argo's images."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

ARGO_VERSION = "v4.1.2"
"""The release of Argo whose behaviour is imitated."""

VERSION = f"{ARGO_VERSION}+stand-in"


class UnsupportedError(Exception):
    """A Workflow asks for something that Argo does and this stand-in does not."""

    def __str__(self) -> str:
        return f"stand-in: {self.args[0]} is not supported"


class InvalidSpecError(Exception):
    """A Workflow that Argo refuses; the text is Argo's."""
