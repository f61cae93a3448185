# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.quantity import quantity


@pytest.mark.parametrize(
    ("text", "number"), [("500m", 0.5), ("2Gi", 2**31), (7, 7), ("1e3", 1000), ("1.5k", 1500), ("100M", 1e8)]
)
def test_quantities_are_kubernetes_own(text: Any, number: float) -> None:
    assert quantity(text) == number


def test_text_that_is_not_a_quantity_is_refused() -> None:
    with pytest.raises(ValueError, match="'lots' is not a quantity"):
        quantity("lots")
