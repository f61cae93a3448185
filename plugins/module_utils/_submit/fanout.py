# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One pod for each item: how items travel into the pods, how many fit into a Workflow, and what they can cost.

Private to the collection. Pure: neither Ansible nor Kubernetes is needed.

Nothing in an item is substituted on its way. Plain items travel in `withParam`, where Argo, the kubelet and a
node's name leave them as they are. Any other list travels in ConfigMaps; the Workflow has the items' numbers only.
"""

from __future__ import annotations

import copy
import dataclasses
import io
import json
import re
from collections.abc import Sequence
from typing import Any

from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import Json, at
from ansible_collections.argo.workflows.plugins.module_utils._submit.manifest import (
    ManifestError,
    with_parameters,
)
from ansible_collections.argo.workflows.plugins.module_utils._submit.pods import containers, devices
from ansible_collections.argo.workflows.plugins.module_utils._submit.typed import word

ITEMS_PARAMETER = "items"
"""The parameter of the Workflow that `withParam` reads."""
MAX_ITEMS = 5000
"""Items a Workflow; more are split."""
MAX_ITEM = 128 * 1024 - len("ITEM=") - 1
"""Bytes: Linux takes environment strings of 128 KiB, name and final NUL included (MAX_ARG_STRLEN)."""
MAX_CONFIG_MAP = 1_000_000
"""Bytes of keys and values: the API server takes 1 MiB."""
MAX_WORKFLOW = 1024 * 1024
"""Bytes of a Workflow's JSON with its nodes compressed, beyond which Argo's controller gives up."""
MAX_FRAME = 64 * 1024
"""Bytes kept of that for everything but items and nodes: the template."""
ASSUMED_ATTEMPTS = 2
"""Attempts an item that the size estimate reckons with."""
_PLAIN = re.compile(r"[A-Za-z0-9 ._:/@+-]{1,64}")
# Bytes of nodes after gzip and base64, measured on statuses of 1,000 and 5,000 items in the shape of recorded ones:
# an item with its first attempt, each further attempt, each character of the item in its nodes' names.
_NODE_BYTES, _ATTEMPT_BYTES, _CHARACTER_BYTES = 130, 66, 1.1


def read_items(source: Any) -> list[Any]:
    """The items of a list, or of a JSON array as text: `["Argo", 7, {"lr": 0.1}]`. Raises ManifestError."""
    if isinstance(source, str):
        try:
            source = json.loads(source, parse_constant=_no_json)
        except ValueError as error:
            raise ManifestError(
                f'the items are not a JSON array such as ["a", "b"]: {error}: {_start(source)}'
            ) from error
    if isinstance(source, str | bytes) or not isinstance(source, Sequence):
        raise ManifestError(f'the items are not a list such as ["a", "b"] but {word(source)}: {_start(source)}')
    return list(source)


def _no_json(constant: str) -> Any:
    raise ValueError(f"{constant} is not a JSON value")


def _start(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."


def item_text(item: Any) -> str:
    """What the container finds in ITEM: a string as it is, any other value as JSON."""
    if isinstance(item, str):
        return str(item)
    return json.dumps(item, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _checked_text(index: int, item: Any) -> str:
    """The item's text. Raises ManifestError where no environment variable can hold it."""
    try:
        text = item_text(item)
        size = len(text.encode())
    except (TypeError, ValueError) as error:
        raise ManifestError(f"item {index} is neither text nor a JSON value: {error}") from error
    if "\0" in text:
        raise ManifestError(f"item {index} has a NUL byte, which no environment variable can hold")
    if size > MAX_ITEM:
        raise ManifestError(
            f"item {index} has {size} bytes, and an environment variable holds {MAX_ITEM}: "
            "put it on a volume and give its path"
        )
    return text


@dataclasses.dataclass(frozen=True)
class Shard:
    """The part of the items that one Workflow runs."""

    indexes: list[int]
    """The places of its items in the whole list."""
    with_param: str
    """The JSON list that its step runs over."""
    config_maps: dict[str, dict[str, str]]
    """Data by the suffix of the ConfigMap's name, `items-0`; the keys are the items' indexes."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """How a list of items travels."""

    count: int
    by_index: bool
    """Whether the values lie in ConfigMaps."""
    shards: list[Shard]

    @property
    def arguments(self) -> list[dict[str, str]]:
        """The arguments.parameters of the step that runs over the items."""
        return [{"name": name, "value": value} for name, value in self._parameters().items()]

    @property
    def inputs(self) -> list[dict[str, str]]:
        """The inputs.parameters of the template that has the container."""
        return [{"name": name} for name in self._parameters()]

    @property
    def env(self) -> list[dict[str, Any]]:
        """The environment variables ITEM and ITEM_INDEX of the container."""
        if self.by_index:
            reference = {
                "name": "{{workflow.name}}-items-{{inputs.parameters.map}}",
                "key": "{{inputs.parameters.index}}",
            }
            return [
                {"name": "ITEM", "valueFrom": {"configMapKeyRef": reference}},
                {"name": "ITEM_INDEX", "value": "{{inputs.parameters.index}}"},
            ]
        # Argo gives a step no variable for its place in the list, but names it echo(0:Argo).
        return [
            {"name": "ITEM", "value": "{{inputs.parameters.item}}"},
            {"name": "ITEM_INDEX", "value": "{{=split(split(steps.name, '(')[1], ':')[0]}}"},
        ]

    def _parameters(self) -> dict[str, str]:
        return {"index": "{{item.index}}", "map": "{{item.map}}"} if self.by_index else {"item": "{{item}}"}


def plan(items: Sequence[Any], indexes: Sequence[int] | None = None, max_items: int = MAX_ITEMS) -> Plan:
    """How the items travel, and in how many Workflows.

    `indexes` are the only ones to run, all if None. Raises ManifestError for an item that no environment variable can
    hold, by its index.

    `plan(["a", "b"])` has one shard, with_param `["a", "b"]`. `plan(["a b?", "c"])` has one, too, with_param
    `[{"index":0,"map":0},{"index":1,"map":0}]` and config_maps `{"items-0": {"0": "a b?", "1": "c"}}`.
    """
    texts = [_checked_text(index, item) for index, item in enumerate(items)]
    chosen = list(range(len(texts))) if indexes is None else sorted(indexes)
    for index in chosen:
        if not 0 <= index < len(texts):
            raise ManifestError(f"there is no item {index}: the list has {len(texts)}")
    if not chosen:
        return Plan(count=0, by_index=False, shards=[])
    plain = indexes is None and all(_PLAIN.fullmatch(text) for text in texts)
    shards = [_plain_shard(texts, chosen)] if plain else []
    if not plain or len(_parts(chosen, [_plain_bytes(texts[index]) for index in chosen], max_items)) > 1:
        parts = _parts(chosen, [_indexed_bytes(index) for index in chosen], max_items)
        shards = [_indexed_shard(texts, part) for part in parts]
        plain = False
    return Plan(count=len(texts), by_index=not plain, shards=shards)


def _plain_shard(texts: Sequence[str], chosen: list[int]) -> Shard:
    return Shard(chosen, json.dumps([texts[index] for index in chosen]), {})


def _indexed_shard(texts: Sequence[str], chosen: list[int]) -> Shard:
    config_maps: list[dict[str, str]] = []
    entries = []
    room = 0
    for index in chosen:
        size = len(str(index)) + len(texts[index].encode())
        if size > room:
            config_maps.append({})
            room = MAX_CONFIG_MAP
        config_maps[-1][str(index)] = texts[index]
        room -= size
        entries.append({"index": index, "map": len(config_maps) - 1})
    data = {f"items-{number}": data for number, data in enumerate(config_maps)}
    return Shard(chosen, json.dumps(entries, separators=(",", ":")), data)


def _plain_bytes(text: str) -> float:
    return len(text) + len(r"\"\", ") + _nodes_bytes(len(text))


def _indexed_bytes(index: int) -> float:
    return len(rf"{{\"index\":{index},\"map\":100}},") + _nodes_bytes(len(str(index)))


def _nodes_bytes(characters: int) -> float:
    return _NODE_BYTES + _ATTEMPT_BYTES * (ASSUMED_ATTEMPTS - 1) + _CHARACTER_BYTES * characters


def _parts(indexes: list[int], sizes: list[float], max_items: int) -> list[list[int]]:
    """The indexes in as few parts of nearly equal length as the limits of items and bytes allow."""
    most = max(1, min(max_items, int((MAX_WORKFLOW - MAX_FRAME) / max(sizes, default=1))))
    count = max(1, -(-len(indexes) // most))
    return [indexes[len(indexes) * part // count : len(indexes) * (part + 1) // count] for part in range(count)]


def lines(text: str) -> list[str]:
    """The lines of a text; nothing but a line feed ends one, so that each other character may be in an item."""
    return [line.rstrip("\r\n") for line in io.StringIO(text)]


@dataclasses.dataclass(frozen=True)
class Part:
    """One Workflow of a fan-out, ready to be submitted."""

    definition: dict[str, Any]
    config_maps: dict[str, dict[str, str]]
    indexes: list[int]


def without_nulls(value: Any) -> Any:
    """The value without the keys whose value is null: what a template leaves out."""
    if isinstance(value, dict):
        return {key: without_nulls(each) for key, each in value.items() if each is not None}
    return [without_nulls(each) for each in value] if isinstance(value, list) else value


def runs(frame: Json, plan: Plan) -> list[Part]:
    """The Workflows of a plan: the frame with each shard's items, and its share of spec.parallelism.

    Raises ManifestError where the frame has no parameter for the items or is too large.
    """
    size = len(json.dumps(frame))
    if size > MAX_FRAME:
        raise ManifestError(
            f"the template has {size} bytes without any items, and {MAX_FRAME} are kept for it: "
            "move what is long (a script?) to a ConfigMap or into the image"
        )
    parallelism = int(frame["spec"].get("parallelism") or 0)
    if 0 < parallelism < len(plan.shards):
        raise ManifestError(
            f"the items need {len(plan.shards)} Workflows, which cannot share a parallelism of {parallelism}: "
            "raise the parallelism, or run fewer items at once"
        )
    result = []
    for number, shard in enumerate(plan.shards):
        definition = with_parameters(frame, {ITEMS_PARAMETER: shard.with_param})
        if parallelism:
            definition["spec"]["parallelism"] = _share(parallelism, len(plan.shards), number)
        result.append(Part(definition, copy.deepcopy(shard.config_maps), shard.indexes))
    return result


def _share(total: int, parts: int, number: int) -> int:
    """A part's share of a whole number: 8 in 3 parts is 2, 3, 3."""
    return total * (number + 1) // parts - total * number // parts


def seconds(duration: Any) -> float:
    """Seconds of an Argo duration: "15s", "2m", "1h30m", or "15" and 15 for seconds. Raises ManifestError."""
    text = str(duration)
    if re.fullmatch(r"\d+", text):
        return float(text)
    if not re.fullmatch(r"(\d+(\.\d+)?(ms|s|m|h))+", text):
        raise ManifestError(f'{text!r} is not a duration such as "15s", "2m" or "1h30m"')
    units = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}
    return sum(float(number) * units[unit] for number, unit in re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h)", text))


def worst_case(deadline: float, limit: int, backoff: Json) -> float:
    """Seconds that one item can take once it has a GPU: every attempt up to its deadline, and the waits between them.

    The wait after attempt n is duration x factor^n, at most `cap`.
    """
    first, factor = seconds(backoff.get("duration") or 0), int(backoff.get("factor") or 1)
    cap = seconds(backoff["cap"]) if backoff.get("cap") is not None else float("inf")
    return (limit + 1) * deadline + sum(min(first * factor**attempt, cap) for attempt in range(limit))


@dataclasses.dataclass(frozen=True)
class Cost:
    """What a fan-out can cost at most, as its template says."""

    gpus_a_pod: float
    gpus_at_once: float
    """GPUs of the pods that may run at the same time."""
    worst_case: float | None
    """Seconds that one item can take once it has a GPU; None where nothing limits it."""


def cost(frame: Json, count: int) -> Cost:
    """The cost of running `count` items with this frame, read off its templates that have a container."""
    templates = [template for template in at(frame, "spec", "templates") or () if containers(template)]
    gpus = max((sum(devices(template).values()) for template in templates), default=0.0)
    parallelism = int(frame["spec"].get("parallelism") or count)
    limits = [_worst_case(template) for template in templates]
    known = [limit for limit in limits if limit is not None]
    return Cost(gpus, gpus * min(count, parallelism), max(known) if len(known) == len(limits) and known else None)


def _worst_case(template: Json) -> float | None:
    """Seconds that the template's pod can take with all its attempts; None where a number is missing or is a tag."""
    retry = template.get("retryStrategy")
    limit = "0" if retry is None else str(retry.get("limit"))
    backoff = at(retry, "backoff") or {}
    deadline, factor = str(template.get("activeDeadlineSeconds")), str(backoff.get("factor") or 1)
    if not (deadline.isdecimal() and limit.isdecimal() and factor.isdecimal()):
        return None
    return worst_case(float(deadline), int(limit), backoff)
