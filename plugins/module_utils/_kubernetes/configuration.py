# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How Argo's controller is configured, by its ConfigMap. Private to the collection. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

CONFIG_MAP = "workflow-controller-configmap"


def instance_id_of(config_map: Mapping[str, Any] | None) -> str | None:
    """The instance ID in a controller's ConfigMap; "" without one, or without a ConfigMap, None if it is unreadable."""
    found = _configuration_of(config_map)
    return None if found is None else str(found.get("instanceID") or "")


def defaults_of(config_map: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The workflowDefaults in a controller's ConfigMap, {} if it has none; None if they are not readable."""
    found = _configuration_of(config_map)
    defaults = None if found is None else found.get("workflowDefaults") or {}
    return defaults if isinstance(defaults, dict) else None


def _configuration_of(config_map: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What a controller's ConfigMap sets; None where the controller cannot read it either.

    It is YAML under the key `config`, or lies key by key in the ConfigMap itself, each value in YAML (config/
    controller.go of Argo).
    """
    import yaml

    data = (config_map or {}).get("data") or {}
    try:
        texts = {key: yaml.safe_load(text or "") for key, text in data.items()}
    except (yaml.YAMLError, RecursionError, ValueError):
        return None
    found = (texts["config"] or {}) if "config" in texts else texts
    return found if isinstance(found, dict) else None
