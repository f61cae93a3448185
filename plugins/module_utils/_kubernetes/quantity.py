# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Amounts of resources as Kubernetes writes them. Private to the collection. Pure."""

from __future__ import annotations

import re
from typing import Any

_UNITS = {
    "": 1,
    "n": 1e-9,
    "u": 1e-6,
    "m": 1e-3,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
    "T": 1e12,
    "P": 1e15,
    "E": 1e18,
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
    "Pi": 2**50,
    "Ei": 2**60,
}


def quantity(value: Any) -> float:
    """A Kubernetes quantity as a number: "500m" is 0.5, "2Gi" is 2147483648; raises ValueError otherwise."""
    match = re.fullmatch(r"([-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?)([A-Za-z]{0,2})", str(value))
    if match is None or match.group(2) not in _UNITS:
        raise ValueError(f"{value!r} is not a quantity such as 1, 500m or 2Gi")
    return float(match.group(1)) * _UNITS[match.group(2)]
