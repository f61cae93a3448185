# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pods that come out of a Workflow, with what WorkflowTemplate, controller and patches add. Private. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.argo.workflows.plugins.module_utils._argo.pods import asked
from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import Json, at
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.quantity import quantity
from ansible_collections.argo.workflows.plugins.module_utils._submit.manifest import ManifestError

TYPES = ("container", "script", "containerSet", "resource", "data", "suspend", "steps", "dag", "http", "plugin")
"""What a template may be, by the field that says so."""


class Pod:
    """What a template asks of the place where its pods run."""

    def __init__(self, template: Json, spec: Json) -> None:
        self.template = template
        self.name = template.get("name")
        callers = [each for each in spec.get("templates") or () if not containers(each)]
        placed = {key: _placing(key, template, spec, callers) for key in ("nodeSelector", "affinity", "tolerations")}
        patches = [_patch(place.get("podSpecPatch")) for place in (spec, template)]
        pod: Json = {"containers": _named_containers(template), **placed}
        for patch in patches:
            pod = merged(pod, patch)
        self.is_known = None not in patches
        """Whether all patches can be read before the pod runs."""
        self.requests = _requests(pod["containers"], self.name)
        self.devices = _devices(self.requests)
        self.selector: Mapping[str, Any] = pod["nodeSelector"] or {}
        self.tolerations: Sequence[Json] | None = pod["tolerations"]
        """None where the template that calls this one decides."""
        required = at(pod["affinity"], "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
        self.terms: list[Json] = at(required, "nodeSelectorTerms") or []

    @property
    def asks(self) -> str:
        return " and ".join(f"{amount:g} {resource}" for resource, amount in self.devices.items())


def whole_spec(spec: Json, referenced: Json | None, defaults: Json | None) -> Json:
    """The spec that Argo runs: a Workflow's own over its WorkflowTemplate's over the controller's workflowDefaults.

    See JoinWorkflowSpec in Argo's workflow/util/merge.go, and mergedTemplateDefaultsInto of its controller.
    """
    whole = merged(merged(at(defaults, "spec") or {}, referenced or {}), spec)
    shared = whole.get("templateDefaults") or {}
    templates = [_with_defaults(template, shared) for template in whole.get("templates") or ()]
    return {**whole, "templates": templates}


def _with_defaults(template: Json, shared: Json) -> Json:
    applicable = {key: value for key, value in shared.items() if key not in TYPES or template.get(key) is not None}
    return merged(applicable, template)


def merged(under: Any, over: Any) -> Any:
    """One value over another, as a strategic merge patch: maps by key, lists of named things by name, else whole."""
    if over is None:
        return under
    if isinstance(under, Mapping) and isinstance(over, Mapping):
        return {**under, **{key: merged(under.get(key), value) for key, value in over.items()}}
    if _is_named(under) and _is_named(over):
        names = {item["name"]: item for item in under}
        return list({**names, **{item["name"]: merged(names.get(item["name"]), item) for item in over}}.values())
    return over


def _is_named(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, Mapping) and "name" in item for item in value)


def _placing(key: str, template: Json, spec: Json, callers: Iterable[Json]) -> Any:
    """Where a pod may run: its template's word, else that of the calling one, else the Workflow's; None if unknown.

    See addSchedulingConstraints in Argo's workflow/controller/workflowpod.go.
    """
    if template.get(key):
        return template[key]
    if any(caller.get(key) for caller in callers):
        return None
    return spec.get(key) or ([] if key == "tolerations" else {})


def _patch(text: Any) -> Json | None:
    """What a podSpecPatch says, `{}` if there is none; None if that is known only when its placeholders are filled."""
    import yaml

    try:
        patch = yaml.safe_load(text or "{}")
    except (yaml.YAMLError, AttributeError, TypeError, ValueError, RecursionError):
        return None
    return patch if isinstance(patch, dict) else None


def containers(template: Json) -> list[Json]:
    """The containers that a template itself has; none if it only calls other templates."""
    main = [template[kind] for kind in ("container", "script") if template.get(kind) is not None]
    return main or list(at(template, "containerSet", "containers") or ())


def _named_containers(template: Json) -> list[Json]:
    """The containers of a pod by the names that a patch calls them by: the only one of a template is main."""
    return [{"name": "main", **each} for each in containers(template)] + list(template.get("sidecars") or ())


def devices(template: Json) -> dict[str, float]:
    """The GPUs and other devices that a pod of a template asks for, by resource."""
    return _devices(_requests(_named_containers(template), template.get("name")))


def _devices(requests: Mapping[str, float]) -> dict[str, float]:
    return {resource: amount for resource, amount in requests.items() if "/" in resource and amount > 0}


def _requests(some: Iterable[Json], template: Any) -> dict[str, float]:
    """What containers ask for together in cores, bytes and devices: `{"cpu": 0.5, "nvidia.com/gpu": 1}`.

    Raises ManifestError for an amount that is not a quantity.
    """
    total: dict[str, float] = {}
    for container in some:
        for resource, amount in asked(container).items():
            if "{{" not in str(amount):
                number = _checked_quantity(amount, f"{resource} of the template {template}")
                total[resource] = total.get(resource, 0) + number
    return total


def _checked_quantity(value: Any, what: str) -> float:
    try:
        return quantity(value)
    except ValueError as error:
        raise ManifestError(f"{what}: {error}") from error
