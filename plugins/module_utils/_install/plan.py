# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an installation needs: from what was seen in the cluster to the steps that make it as wanted.

Private to the collection. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from shlex import quote
from typing import Any

from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import Json
from ansible_collections.argo.workflows.plugins.module_utils._install.objects import (
    ARGO_KINDS,
    CONTROLLER,
    OWN_KINDS,
    USERS_KINDS,
    Place,
    Ref,
    claimant_of,
    image_of,
    is_added_to,
    is_controller,
    is_labelled,
    is_needed,
    is_ours,
    maker_of,
    managed_namespace_of,
    marked,
    restorable,
)
from ansible_collections.argo.workflows.plugins.module_utils._install.readiness import Verdict, pods_of
from ansible_collections.argo.workflows.plugins.module_utils._install.rights import (
    Right,
    grants,
    in_words,
    rights_to_apply,
    rights_to_delete,
    rights_to_displace,
    rights_to_look,
)
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import KINDS

CONFIG_KEYS = {"config"}
"""The keys of the controller's ConfigMap as the role writes it: the controller ends at a second one."""
SETTLE = 6
"""Seconds for which a controller must stay ready that was given another configuration while it ran: it ends after about
four if it does not understand it."""


@dataclass(frozen=True)
class Wanted:
    """What is to become of an installation: its objects, whether they are to be there or gone, and what is allowed."""

    place: Place
    objects: Sequence[Json]
    absent: bool = False
    update_crds: bool = False
    adopt: bool = False
    complete: bool = True
    check_mode: bool = False
    diff_mode: bool = False

    @cached_property
    def refs(self) -> list[Ref]:
        return [Ref.of(item) for item in self.objects]

    @property
    def crds(self) -> list[Ref]:
        return [ref for ref in self.refs if ref.kind == "CustomResourceDefinition"]

    @property
    def controller(self) -> Ref:
        return Ref("Deployment", self.place.home, CONTROLLER)

    @property
    def runs_controller(self) -> bool:
        return not self.absent and self.controller in self.refs

    @property
    def serves(self) -> bool:
        """Whether Argo is to serve once this is done: not where tags select its rights alone."""
        return not self.absent and any(ref.kind in ("ConfigMap", "Deployment") for ref in self.refs)


@dataclass(frozen=True)
class Seen:
    """What was read of a cluster, as far as it may be read.

    `live` has the wanted objects and those of the role that are there; `kinds` the plurals of Argo's kinds that the
    cluster knows; `granted` by namespace the status of a SelfSubjectRulesReview; `used_elsewhere` the other namespaces
    that have objects of Argo, if CRDs are to go.
    """

    live: Mapping[Ref, Json]
    kinds: frozenset[str]
    granted: Mapping[str, Json]
    pods: Sequence[Json]
    verdict: Verdict
    used_elsewhere: Sequence[str] = ()


@dataclass(frozen=True)
class Step:
    """Objects that are applied, replaced or deleted together: `apply`, `replace` or `delete`."""

    verb: str
    objects: Sequence[Json]

    def as_result(self) -> dict[str, Any]:
        """As the role loops over it: `{"name": "apply Role argo-role, …", "verb": "apply", "objects": [...]}`."""
        names = ", ".join(f"{item['kind']} {item['metadata']['name']}" for item in self.objects)
        return {"name": f"{self.verb} {names}", "verb": self.verb, "objects": list(self.objects)}


@dataclass(frozen=True)
class Plan:
    """What to do, in order, what stands in its way, and what it takes.

    `steps` are taken back by `undo` if Argo does not become ready then; `removals` come after that. `later` are the
    objects that check mode cannot ask about. `grants` are pairs of a right that is handed on, and of the right that
    lets one do so without having it.
    """

    obstacles: Sequence[str]
    rights: frozenset[Right]
    grants: Sequence[tuple[Right, Right]] = ()
    steps: Sequence[Step] = ()
    later: Sequence[Json] = ()
    removals: Sequence[Step] = ()
    undo: Sequence[Step] = ()
    wait: bool = False
    settle: int = 0
    accepts_objects: bool = True
    replaced_image: str = ""

    def as_result(self) -> dict[str, Any]:
        """The part of it that the role acts on."""
        steps, removals, undo = ([step.as_result() for step in some] for some in (self.steps, self.removals, self.undo))
        return {
            "changes": bool(steps or removals or self.later or self.wait),
            "steps": steps,
            "later": list(self.later),
            "removals": removals,
            "undo": undo,
            "wait": self.wait,
            "settle": self.settle,
            "accepts_objects": self.accepts_objects,
        }


def plan_of(seen: Seen, wanted: Wanted) -> Plan:
    """What has to be done so that an installation is as wanted."""
    return _removal(seen, wanted) if wanted.absent else _installation(seen, wanted)


# --- installing ------------------------------------------------------------------------------------------------------


def _installation(seen: Seen, wanted: Wanted) -> Plan:
    live, rivals = seen.live, _rivals(seen, wanted)
    plain = [item for item in wanted.objects if is_needed(item, live.get(Ref.of(item)), wanted.update_crds)]
    needed = [marked(item) for item in plain]
    missing = _missing_namespaces(seen, wanted) if wanted.check_mode else []
    later = [item for item in needed if item["metadata"].get("namespace") in missing]
    now = [item for item in needed if item not in later]
    stale = list(_deletions(_stale(seen, wanted))) if wanted.complete else []
    return Plan(
        obstacles=list(_obstacles_to_install(seen, wanted, rivals)),
        rights=frozenset(_rights_to_install(seen, wanted, plain, rivals)),
        grants=list(grants(wanted.objects, live)),
        steps=list(_steps_to_install(seen, wanted, plain, now, rivals)),
        later=later,
        removals=stale,
        undo=list(_steps_to_undo(seen, plain, rivals)),
        wait=wanted.serves and not wanted.check_mode and bool(needed or not seen.verdict.ready),
        settle=SETTLE if _is_config_changed(seen, plain) else 0,
        accepts_objects=not (wanted.check_mode and (missing or missing_crds(seen))),
        replaced_image=_replaced_image(seen, wanted),
    )


def _rivals(seen: Seen, wanted: Wanted) -> list[Json]:
    """The Deployments of other controllers, where the role's own is to run."""
    deployments = [item for ref, item in seen.live.items() if ref.kind == "Deployment" and ref.name != CONTROLLER]
    return [item for item in deployments if wanted.runs_controller and is_controller(item)]


def _missing_namespaces(seen: Seen, wanted: Wanted) -> list[str]:
    return [name for name in wanted.place.namespaces if Ref("Namespace", "", name) not in seen.live]


def missing_crds(seen: Seen) -> list[str]:
    """The plurals of Argo's kinds that the cluster does not know."""
    return [kind for kind in ARGO_KINDS if kind not in seen.kinds]


def _stale(seen: Seen, wanted: Wanted) -> list[Json]:
    """What the role has made and no longer wants, as definitions."""
    ours = [ref for ref, item in seen.live.items() if ref.kind in OWN_KINDS and is_labelled(item)]
    return [ref.as_definition() for ref in ours if ref not in wanted.refs]


def _deletions(objects: Sequence[Json]) -> Iterator[Step]:
    """The steps that delete objects: what works comes first, accounts and namespaces last.

    With an account Kubernetes itself deletes the Secrets of its tokens, with a namespace all that is in it, and who
    deletes one of these at the same moment may find it gone.
    """
    early, late = ("Deployment",), ("ServiceAccount", "Namespace")
    for some in (
        [item for item in objects if item["kind"] in early],
        [item for item in objects if item["kind"] not in early + late],
        [item for item in objects if item["kind"] in late],
    ):
        if some:
            yield Step("delete", some)


def _rights_to_install(seen: Seen, wanted: Wanted, needed: Iterable[Json], rivals: Iterable[Json]) -> Iterator[Right]:
    for item in needed:
        yield from rights_to_apply(item, seen.live.get(Ref.of(item)))
    for item in rivals:
        yield from rights_to_displace(item)
    if any(ref.kind == "Deployment" for ref in wanted.refs):
        yield from rights_to_look(wanted.place.home)


def _steps_to_install(
    seen: Seen, wanted: Wanted, needed: Sequence[Json], now: Sequence[Json], rivals: Sequence[Json]
) -> Iterator[Step]:
    """What is applied goes together, which is ten times as fast, or one by one where differences are to be shown.

    kubernetes.core shows the difference of a single object only.
    """
    live = seen.live
    if foreign := [item for item in needed if _has_keys_of_others(item, live.get(Ref.of(item)))]:
        yield Step("replace", foreign)  # applying leaves the keys of others in it
    for round_ in ([item] for item in now) if wanted.diff_mode else filter(None, [now]):
        yield Step("apply", round_)
    if added_to := [marked(item) for item in needed if is_added_to(item, live.get(Ref.of(item)))]:
        yield Step("replace", added_to)
    if rivals:
        yield Step("delete", [Ref.of(item).as_definition() for item in rivals])
    if seen.verdict.keeps_ending and seen.verdict.container == CONTROLLER and _is_config_changed(seen, needed):
        pods = pods_of(seen.pods, CONTROLLER)
        yield Step("delete", [Ref.of(pod).as_definition() for pod in pods])  # so that it starts again at once


def _steps_to_undo(seen: Seen, needed: Sequence[Json], rivals: Sequence[Json]) -> Iterator[Step]:
    """What brings back what was there before, and takes away what was not; what is shared by the cluster stays."""
    ours = [ref for ref in map(Ref.of, needed) if KINDS[ref.kind].namespaced]
    before = [*rivals, *(seen.live[ref] for ref in ours if ref in seen.live)]
    if before:  # Roles come last: the API may refuse one whose rights the user lacks, and the others are back by then
        ordered = sorted(before, key=lambda item: item["kind"] in ("Role", "RoleBinding"))
        yield Step("replace", [restorable(item) for item in ordered])
    if absent := [ref.as_definition() for ref in ours if ref not in seen.live]:
        yield Step("delete", absent)


def _has_keys_of_others(item: Json, live: Json | None) -> bool:
    """Whether the live configuration may have keys that the role did not write."""
    if item["kind"] != "ConfigMap" or live is None:
        return False
    return not is_ours(live) or not (live.get("data") or {}).keys() <= CONFIG_KEYS


def _is_config_changed(seen: Seen, needed: Iterable[Json]) -> bool:
    """Whether a controller that runs is given another configuration."""
    pairs = ((item, seen.live.get(Ref.of(item))) for item in needed if item["kind"] == "ConfigMap")
    return any(live is not None and (live.get("data") or {}) != (item.get("data") or {}) for item, live in pairs)


def _replaced_image(seen: Seen, wanted: Wanted) -> str:
    """The image of the installed controller if another one takes its place; else ""."""
    before = image_of(seen.live.get(wanted.controller))
    after = {image_of(item) for item in wanted.objects if Ref.of(item) == wanted.controller}
    return before if after - {before} else ""


# --- removing --------------------------------------------------------------------------------------------------------


def _removal(seen: Seen, wanted: Wanted) -> Plan:
    found = [item for item in wanted.objects if Ref.of(item) in seen.live]
    return Plan(
        obstacles=list(_obstacles_to_remove(seen, wanted)),
        rights=frozenset(_rights_to_remove(seen, wanted)),
        removals=list(_deletions([*found, *_stale(seen, wanted)])),
        accepts_objects=not missing_crds(seen),
    )


def _rights_to_remove(seen: Seen, wanted: Wanted) -> Iterator[Right]:
    """What may not be read looks as if it were not there, so the right to read is asked for every object."""
    for item in wanted.objects:
        for right in rights_to_delete(item):
            if right.verb == "get" or Ref.of(item) in seen.live:
                yield right
    for kind in USERS_KINDS if wanted.crds else ():
        yield Right("", "argoproj.io", kind, "list")


# --- what stands in the way ------------------------------------------------------------------------------------------


def _obstacles_to_install(seen: Seen, wanted: Wanted, rivals: Sequence[Json]) -> Iterator[str]:
    for name in wanted.place.namespaces:
        if (seen.live.get(Ref("Namespace", "", name)) or {"metadata": {}})["metadata"].get("deletionTimestamp"):
            yield f"The namespace {name} is being deleted: run this again when it is gone."
    if (missing := missing_crds(seen)) and not wanted.crds:
        yield lacks_crds(missing)
    yield from _claims(seen, wanted)
    others = [*_foreign(seen, wanted), *(f"Deployment {item['metadata']['name']}" for item in rivals)]
    if others and not wanted.adopt:
        yield f"This role did not make: {', '.join(others)}. To take that over, run again with argo_adopt=true."


def _obstacles_to_remove(seen: Seen, wanted: Wanted) -> Iterator[str]:
    yield from _claims(seen, wanted)
    managed = managed_namespace_of(seen.live.get(wanted.controller))
    if managed not in ("", *wanted.place.namespaces):
        yield (
            f"The workflows of the installation in namespace {wanted.place.home} run in namespace {managed}:"
            f" run again with argo_managed_namespace={managed}, so that what it made there is removed too."
        )
    if (others := _foreign(seen, wanted)) and not wanted.adopt:
        yield f"This role did not make: {', '.join(others)}. To remove that too, run again with argo_adopt=true."
    if seen.used_elsewhere:
        yield (
            "The CRDs cannot be removed while there are workflows or templates in other namespaces, which would go with"
            f" them: {', '.join(seen.used_elsewhere)}."
        )


def _claims(seen: Seen, wanted: Wanted) -> Iterator[str]:
    """Other installations whose controller would work on the same workflows."""
    place = wanted.place
    if claimant := claimant_of(seen.live.get(place.binding), place.home):
        yield (
            f"The workflows of namespace {place.work} are already managed by the installation in namespace {claimant}:"
            " remove that one first, or choose another argo_managed_namespace."
        )
    if claimant := claimant_of(seen.live.get(place.cluster_binding), place.home):
        yield (
            f"The installation in namespace {claimant} works on the workflows of every namespace (ClusterRoleBinding"
            f" argo-binding), so that two controllers would work on those of {place.work}: remove that one first,"
            " or set argo_instance_id."
        )


def _foreign(seen: Seen, wanted: Wanted) -> list[str]:
    """Objects in the way that the role did not make, with who made them."""
    found = [(ref, seen.live[ref]) for ref in wanted.refs if ref in seen.live and ref.kind in OWN_KINDS]
    return [f"{ref} (made by {maker_of(item)})" for ref, item in found if not is_ours(item)]


def lacks_crds(missing: Iterable[str]) -> str:
    return (
        f"The cluster lacks Argo's CRDs {', '.join(missing)}. An administrator of the cluster creates them with:"
        " ansible-playbook argo.workflows.install --tags argo_crds"
    )


def lacks_rights(user: str, cluster: str, missing: Iterable[Right], seen: Seen, wanted: Wanted) -> Iterator[str]:
    """What to tell who lacks rights: all of them, and who can help."""
    yield f"{user} lacks these rights ({cluster}): {'; '.join(in_words(missing))}."
    if wanted.absent:
        return
    yield (
        "An administrator of the cluster lets every administrator of a namespace install Argo there with:"
        " ansible-playbook argo.workflows.install --tags argo_crds -e argo_tenants=true"
    )
    if (crds := missing_crds(seen)) and wanted.crds:  # without CRDs among the objects that is an obstacle of its own
        yield lacks_crds(crds)


def ui_command(variables: Mapping[str, str]) -> str:
    """The command that opens the UI, with those of the variables that are set, as a shell and then Ansible read them.

    `{"argo_namespace": "argo", "argo_kubeconfig": "/my kube"}` becomes
    `ansible-playbook argo.workflows.ui -e argo_namespace=argo -e 'argo_kubeconfig="/my kube"'`.
    """
    given = {name: value if quote(value) == value else json.dumps(value) for name, value in variables.items() if value}
    words = (f"-e {quote(f'{name}={value}')}" for name, value in given.items())
    return " ".join(["ansible-playbook argo.workflows.ui", *words])
