#!/usr/bin/python
# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: argo_status
short_description: Ask what an installation of Argo Workflows has, lacks and does
description:
  - Reads whether Argo's server and controller serve in a namespace, and can wait until they do.
  - Given the objects of an installation, it also says which of them must be applied, which belong to someone else, and
    every right that is missing to do so, before anything is changed.
  - It changes nothing. To ask the server what a user would ask it, it has the cluster issue a token of the server's own
    account, valid for ten minutes.
version_added: 0.1.0
author:
  - the argo.workflows authors (!UNKNOWN)
extends_documentation_fragment:
  - argo.workflows.connection
  - argo.workflows.attributes
  - argo.workflows.attributes.actiongroup_argo
  - argo.workflows.attributes.read_only
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
    default: ""
  objects:
    description: The objects of the installation, as they are to be.
    type: list
    elements: dict
    default: []
  objects_state:
    description: Whether O(objects) are to be there or to be gone.
    type: str
    choices: [present, absent]
    default: present
  update_crds:
    description: Whether custom resource definitions among O(objects) that exist are applied too, not only missing ones.
    type: bool
    default: false
  wait:
    description: Whether to wait until the installation is ready, and to fail if it does not become so.
    type: bool
    default: false
  wait_timeout:
    description: Seconds to wait at most.
    type: int
    default: 300
  settle:
    description:
      - Seconds for which the installation must stay ready.
      - A controller that runs ends some seconds after it was given a configuration that it does not understand.
    type: int
    default: 0
"""

EXAMPLES = r"""
- name: Argo is ready
  argo.workflows.argo_status:
    namespace: argo
    wait: true

- name: Look at an installation
  argo.workflows.argo_status:
    namespace: argo
  register: argo

- name: Show what it does
  ansible.builtin.debug:
    msg: "{{ argo.controller_image }} works on {{ argo.running_workflows }} workflows"
"""

RETURN = r"""
ready:
  description: Whether both Deployments serve, the controller holds its lease and the server answers a list.
  type: bool
  returned: always
reason:
  description: Why it is not ready; empty if it is.
  type: str
  returned: always
controller_image:
  description: Image of the installed controller; empty if there is none.
  type: str
  returned: always
server_image:
  description: Image of the installed server; empty if there is none.
  type: str
  returned: always
server_scheme:
  description: V(https) or V(http), what the installed server serves.
  type: str
  returned: when there is a server
check_mode:
  description: Whether the task runs in check mode, which a role cannot see where a play or a task sets it.
  type: bool
  returned: without O(wait)
running_workflows:
  description: How many workflows are not completed.
  type: int
  returned: without O(wait)
managed_namespace:
  description: Namespace whose workflows the installed controller works on; empty if there is none.
  type: str
  returned: without O(wait)
missing_namespaces:
  description: Those of O(namespace) and O(managed_namespace) that do not exist.
  type: list
  elements: str
  returned: without O(wait)
missing_crds:
  description: The plurals of Argo's kinds that the cluster does not know.
  type: list
  elements: str
  returned: without O(wait)
needed:
  description: >-
    Those of O(objects) that must be applied, or with O(objects_state=absent) deleted. Those to apply carry an
    annotation by which the next run sees that nothing has changed.
  type: list
  elements: dict
  returned: without O(wait)
to_replace:
  description: >-
    The Deployments among RV(needed) that somebody else has made, or changed since the same was applied. Applying leaves
    in them what others have added.
  type: list
  elements: dict
  returned: without O(wait)
missing_rights:
  description: Every right that is missing to do so, as phrases.
  type: list
  elements: str
  returned: without O(wait)
user:
  description: Who asks, as the cluster names them, if a right is missing; else empty.
  type: str
  returned: without O(wait)
used_elsewhere:
  description: >-
    Other namespaces that have workflows, workflow templates or cron workflows, if custom resource definitions are among
    O(objects) that are to be gone.
  type: list
  elements: str
  returned: without O(wait)
others:
  description: Objects in the way that were not made by the role, as phrases that say who made them.
  type: list
  elements: str
  returned: without O(wait)
other_controllers:
  description: >-
    Deployments in the namespaces that run another controller, as definitions, if the role's own is among O(objects)
    that are to be present.
  type: list
  elements: dict
  returned: without O(wait)
claimed_by:
  description: Namespace of another installation that manages O(managed_namespace) already; empty if there is none.
  type: str
  returned: without O(wait)
cluster_wide:
  description: >-
    Namespace of an installation that works on the workflows of every namespace without an instance id, if the role's
    own controller is among O(objects) that are to be present and has none either; empty if there is none, or if its
    ClusterRoleBinding C(argo-binding) may not be read.
  type: str
  returned: without O(wait)
stale:
  description: >-
    Objects that the role has made and that are not among O(objects), as definitions; those in a namespace that the
    installed controller manages instead of O(managed_namespace) are among them as far as they may be read.
  type: list
  elements: dict
  returned: without O(wait)
absent:
  description: Those of RV(needed) in a namespace that do not exist, as definitions.
  type: list
  elements: dict
  returned: without O(wait)
previous:
  description: >-
    Those of RV(needed) in a namespace that exist, and RV(other_controllers), as they are, in the order in which they
    can be put back.
  type: list
  elements: dict
  returned: without O(wait)
"""

import contextlib
import queue
import threading
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.argo.workflows.plugins.module_utils import _kubernetes, _status
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes import ApiError, Cluster
from ansible_collections.argo.workflows.plugins.module_utils._module import UserError, run_module
from ansible_collections.argo.workflows.plugins.module_utils._status import READY, Ref, Right, Verdict

PARALLEL = 8
"""Requests at once: some forty small ones are sent to the API server."""
LOG_LINES = 10
EVENTS = 5
TOKEN_SECONDS = 600
"""The shortest that the API server issues."""


@dataclass(frozen=True)
class Place:
    """Which installation: where its Deployments are, where its workflows run, and its controller's instance id."""

    home: str
    work: str
    instance_id: str

    @property
    def namespaces(self) -> list[str]:
        return sorted({self.home, self.work})

    @property
    def lease(self) -> Ref:
        return Ref("Lease", self.home, "-".join(filter(None, [_status.CONTROLLER, self.instance_id])))


def run(module: AnsibleModule) -> dict[str, Any]:
    options = module.params
    home = options["namespace"]
    place = Place(home, options["managed_namespace"] or home, options["instance_id"])
    cluster = Cluster.from_params(options)
    if options["wait"]:
        return wait(cluster, place, options["wait_timeout"], options["settle"])
    absent = options["objects_state"] == "absent"
    found = survey(cluster, place, options["objects"], absent, options["update_crds"])
    return {**found, "check_mode": module.check_mode}


# -- before anything is changed ---------------------------------------------------------------------------------------


def survey(
    cluster: Cluster, place: Place, objects: list[dict[str, Any]], absent: bool, update_crds: bool
) -> dict[str, Any]:
    """Everything that is asked before an installation is changed; UserError where nothing can be installed now."""
    refs = [Ref.of(item) for item in objects]
    namespaces = [Ref("Namespace", "", namespace) for namespace in place.namespaces]
    binding = Ref("RoleBinding", place.work, "argo-binding")
    everywhere = Ref("ClusterRoleBinding", "", "argo-binding")
    ours_is_wanted = not absent and Ref("Deployment", place.home, _status.CONTROLLER) in refs
    crds = {ref for ref in refs if ref.kind == "CustomResourceDefinition"}
    others = {everywhere} if ours_is_wanted and not place.instance_id else set()
    asked = sorted({*refs, *namespaces, binding, *others} - crds)
    own_kinds = _status.OWN_KINDS if objects else ("Deployment",)
    selectors = dict.fromkeys(own_kinds, OURS) | {"Deployment": ""}  # a controller of somebody else is looked for
    listed = [(kind, namespace, selectors[kind]) for kind in own_kinds for namespace in place.namespaces]
    with ThreadPoolExecutor(PARALLEL) as pool:
        kinds = pool.submit(existing, cluster, "/apis/argoproj.io/v1alpha1")
        pods = pool.submit(labelled, cluster, "Pod", place.home, PODS)
        running = pool.submit(metadata, cluster, _kubernetes.workflows(place.work), RUNNING)
        rules = pool.map(lambda namespace: rules_in(cluster, namespace), place.namespaces)
        lists = pool.map(lambda which: labelled(cluster, *which), listed)
        live = {Ref.of(item): item for items in lists for item in items}
        rest = [ref for ref in asked if ref not in live]
        found = pool.map(lambda ref: find(cluster, ref), rest)
        live |= {ref: item for ref, item in zip(rest, found, strict=True) if item}
        granted = dict(zip(place.namespaces, rules, strict=True))
        managed = _status.managed_namespace_of(live.get(Ref("Deployment", place.home, _status.CONTROLLER)))
        if objects and managed not in ("", *place.namespaces):
            left = pool.map(lambda kind: labelled(cluster, kind, managed, OURS), _status.OWN_KINDS)
            live |= {Ref.of(item): item for items in left for item in items}
    for namespace in namespaces:
        if objects and not absent and live.get(namespace, {}).get("metadata", {}).get("deletionTimestamp"):
            raise UserError(f"The namespace {namespace.name} is being deleted: run this again when it is gone.")
    deployments = [item for ref, item in live.items() if ref.kind == "Deployment"]
    controllers = [item for item in deployments if _status.is_controller(item)]
    rivals = [item for item in controllers if ours_is_wanted and item["metadata"]["name"] != _status.CONTROLLER]
    stale = [
        ref for ref, item in live.items() if ref.kind in own_kinds and ref not in refs and _status.is_labelled(item)
    ]
    known = {resource["name"] for resource in (kinds.result() or {}).get("resources") or ()}
    live |= {ref: {"metadata": {}} for ref in crds if ref.name.partition(".")[0] in known}
    if absent:
        needed = [item for item in objects if Ref.of(item) in live]
        # What may not be read looks as if it were not there, so the right to read is asked for all of them.
        rights = {
            right
            for item in objects
            for right in _status.rights_to_delete(item)
            if right.verb == "get" or Ref.of(item) in live
        }
        rights.update(Right("", "argoproj.io", kind, "list") for kind in USERS_KINDS if crds)
        handed_on = []
    else:
        needed = [item for item in objects if _status.is_needed(item, live.get(Ref.of(item)), update_crds)]
        rights = {right for item in needed for right in _status.rights_to_apply(item, live.get(Ref.of(item)))}
        rights.update(right for item in rivals for right in _status.rights_to_displace(item))
        rights.update(_status.rights_to_look(place.home) if any(ref.kind == "Deployment" for ref in refs) else ())
        handed_on = list(_status.grants(objects, live))
    missing = missing_rights(cluster, granted, rights, handed_on)
    replaced = [live[ref] for ref in map(Ref.of, needed) if ref in live and _status.KINDS[ref.kind].namespaced]
    # Roles come last: the API may refuse one whose rights the user lacks, and the others are to be back by then.
    previous = sorted([*rivals, *replaced], key=lambda item: item["kind"] in ("Role", "RoleBinding"))
    return {
        **state_of(cluster, place, deployments, pods.result()),
        "running_workflows": len(running.result()),
        "managed_namespace": managed,
        "missing_namespaces": [ref.name for ref in namespaces if ref not in live],
        "missing_crds": [kind for kind in _status.ARGO_KINDS if kind not in known],
        "used_elsewhere": elsewhere(cluster, place) if absent and crds else [],
        "needed": needed if absent else [_status.marked(item) for item in needed],
        "to_replace": [_status.marked(item) for item in needed if _status.is_added_to(item, live.get(Ref.of(item)))],
        "missing_rights": _status.in_words(missing),
        "user": user(cluster) if missing else "",
        "others": [
            f"{ref} (made by {_status.maker_of(live[ref])})"
            for ref in refs
            if ref in live and ref.kind in _status.OWN_KINDS and not _status.is_ours(live[ref])
        ],
        "other_controllers": [Ref.of(item).as_definition() for item in rivals],
        "claimed_by": _status.claimant_of(live.get(binding), place.home),
        "cluster_wide": _status.claimant_of(live.get(everywhere), place.home),
        "stale": [ref.as_definition() for ref in stale],
        "absent": [
            ref.as_definition() for ref in map(Ref.of, needed) if ref not in live and _status.KINDS[ref.kind].namespaced
        ],
        "previous": [_status.restorable(item) for item in previous],
    }


RUNNING = "workflows.argoproj.io/completed!=true"
OURS = f"{_status.MANAGED_BY}={_status.FIELD_MANAGER}"


def existing(cluster: Cluster, path: str, unreadable: dict[str, Any] | None = None) -> dict[str, Any] | None:
    """An object or list; None where there is none, `unreadable` where it may not be read."""
    try:
        return cluster.get(path)
    except ApiError as error:
        if error.status == 403:
            return unreadable
        if error.status == 404:
            return None
        raise


def find(cluster: Cluster, ref: Ref) -> dict[str, Any] | None:
    """An object as it is; what an administrator of the cluster makes is taken to be there if it may not be read."""
    return existing(cluster, ref.path, {"metadata": {}} if ref.kind in ("Namespace", "PriorityClass") else None)


def labelled(cluster: Cluster, kind: str, namespace: str, selector: str = "") -> list[dict[str, Any]]:
    """The objects of a kind in a namespace that a label selector chooses, as far as they may be read."""
    listed = existing(cluster, f"{_status.path_of(kind, namespace)}?{urlencode({'labelSelector': selector})}")
    spelled = {"apiVersion": _status.KINDS[kind].api_version, "kind": kind}  # which the items of a list leave out
    return [{**spelled, **item} for item in (listed or {}).get("items") or ()]


def metadata(cluster: Cluster, path: str, selector: str = "") -> list[dict[str, Any]]:
    """The metadata of every object under a path; none if they may not be read or the cluster does not know the kind."""
    try:
        listed = cluster.list(path, accept=_kubernetes.METADATA_LIST, labelSelector=selector)
        return [item["metadata"] for item in listed]
    except ApiError as error:
        if error.status in (403, 404):
            return []
        raise


USERS_KINDS = ("workflows", "workflowtemplates", "cronworkflows")
"""The plurals of the kinds whose objects people write."""


def elsewhere(cluster: Cluster, place: Place) -> list[str]:
    """The other namespaces that have objects of Argo, which would go with the CRDs."""
    found = (item for kind in USERS_KINDS for item in metadata(cluster, f"/apis/argoproj.io/v1alpha1/{kind}"))
    return sorted({item["namespace"] for item in found} - set(place.namespaces))


def rules_in(cluster: Cluster, namespace: str) -> dict[str, Any]:
    """The status of a SelfSubjectRulesReview: `resourceRules`, and whether they are `incomplete`."""
    path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
    return dict(cluster.create(path, {"spec": {"namespace": namespace}})["status"])


def may(cluster: Cluster, right: Right) -> bool:
    """Whether a SelfSubjectAccessReview grants a right."""
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    return bool(cluster.create(path, {"spec": {"resourceAttributes": right.attributes()}})["status"]["allowed"])


def missing_rights(
    cluster: Cluster, granted: dict[str, dict[str, Any]], rights: Iterable[Right], grants: Sequence[tuple[Right, Right]]
) -> list[Right]:
    """Those of `rights`, and of the rights handed on by `grants`, that the user lacks.

    `granted` has what rules_in says for each namespace. Where that is not the whole truth (an authorizer that cannot
    enumerate, a right on the whole cluster) the right is asked for by itself.
    """

    def lacks(right: Right) -> bool:
        rules = granted.get(right.namespace)
        if rules and _status.holds(rules.get("resourceRules") or (), right):
            return False
        return (rules is not None and not rules.get("incomplete")) or not may(cluster, right)

    instead = {right: lacks(right) for right in sorted({other for _right, other in grants})}
    wanted = sorted({*rights, *(right for right, other in grants if instead[other])})
    with ThreadPoolExecutor(PARALLEL) as pool:
        return [right for right, lacking in zip(wanted, pool.map(lacks, wanted), strict=True) if lacking]


def user(cluster: Cluster) -> str:
    """Who asks, as the cluster names them."""
    path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    return str(cluster.create(path, {})["status"]["userInfo"].get("username") or "an anonymous user")


# -- is it ready? -----------------------------------------------------------------------------------------------------


def state_of(
    cluster: Cluster, place: Place, deployments: Iterable[dict[str, Any]], pods: list[dict[str, Any]]
) -> dict[str, Any]:
    """What an installation is and whether it is ready, now; `deployments` may be some of other namespaces too."""
    named = {item["metadata"]["name"]: item for item in deployments if item["metadata"]["namespace"] == place.home}
    return result_of(named, judge(Server(cluster, place), named, pods))


PODS = f"app in ({_status.CONTROLLER},{_status.SERVER})"


def result_of(deployments: dict[str, dict[str, Any]], verdict: Verdict) -> dict[str, Any]:
    """The part of the result that says what is installed."""
    images = {
        name: deployments[name]["spec"]["template"]["spec"]["containers"][0]["image"] if name in deployments else ""
        for name in (_status.CONTROLLER, _status.SERVER)
    }
    return {
        "changed": False,
        "ready": verdict.ready,
        "reason": verdict.why,
        "controller_image": images[_status.CONTROLLER],
        "server_image": images[_status.SERVER],
        **({"server_scheme": _status.server_options(deployments[_status.SERVER])[0]} if images[_status.SERVER] else {}),
    }


class Server:
    """The installed server, asked what a user would ask it, with one token for all questions.

    A request goes through the API server's service proxy, which keeps the header Authorization for itself; so the
    token travels in the cookie that Argo's own UI uses.
    """

    def __init__(self, cluster: Cluster, place: Place) -> None:
        self.cluster = cluster
        self.place = place
        self._user: Cluster | None = None

    def answers(self, deployment: dict[str, Any]) -> Verdict:
        """Whether it answers a list of workflows to somebody who has logged in as its Deployment asks."""
        scheme, modes = _status.server_options(deployment)
        service = f"{scheme}:{_status.SERVER}:{_status.SERVER_PORT}"
        path = f"{_kubernetes.core(self.place.home, 'services', service, 'proxy')}/api/v1/workflows/{self.place.work}"
        try:
            self._user = self._user or (self.login() if "client" in modes else self.cluster)
            self._user.get(f"{path}?{urlencode({'listOptions.limit': 1, 'fields': 'metadata'})}")
        except ApiError as error:
            if error.status == 401:
                if modes == {"sso"}:  # it asks for a login that only people can do
                    return READY
                self._user = None  # its token has ended
            return Verdict(False, f"the server runs but does not answer a list of workflows: {error}")
        return READY

    def login(self) -> Cluster:
        """The same cluster, with a new token of the server's own account."""
        account = _kubernetes.core(self.place.home, "serviceaccounts", _status.SERVER, "token")
        issued = self.cluster.create(account, {"spec": {"expirationSeconds": TOKEN_SECONDS}})
        return self.cluster.with_headers({"Cookie": f"authorization=Bearer {issued['status']['token']}"})


def judge(
    server: Server,
    deployments: dict[str, dict[str, Any]],
    pods: list[dict[str, Any]],
    restarts_before: dict[str, int] | None = None,
) -> Verdict:
    """Whether everything serves, from the Deployments and their pods; the lease and the server are asked if they do."""
    for name in (_status.CONTROLLER, _status.SERVER):
        verdict = _status.judge(name, deployments.get(name), pods, restarts_before)
        if not verdict.ready:
            return verdict
    verdict = _status.judge_lease(existing(server.cluster, server.place.lease.path), pods)
    return server.answers(deployments[_status.SERVER]) if verdict.ready else verdict


def wait(cluster: Cluster, place: Place, timeout: int, settle: int) -> dict[str, Any]:
    """Watch the Deployments and their pods until everything serves; UserError when it does not, or cannot any more.

    Both times are in seconds; it is ready when it has been so for `settle` of them.
    """
    started = ready_since = time.monotonic()
    changes: queue.Queue[tuple[str, str, dict[str, Any]] | ApiError] = queue.Queue()
    for kind, selector in (("Deployment", ""), ("Pod", PODS)):
        path = _status.path_of(kind, place.home)
        threading.Thread(target=follow, args=(cluster, kind, path, selector, changes), daemon=True).start()
    found: dict[str, dict[str, dict[str, Any]]] = {"Deployment": {}, "Pod": {}}
    restarts: dict[str, int] = {}
    server = Server(cluster, place)
    while True:
        left = timeout - (time.monotonic() - started)
        with contextlib.suppress(queue.Empty):
            take(changes, found, min(left, RECHECK))
        pods = sorted(found["Pod"].values(), key=lambda pod: pod["metadata"]["creationTimestamp"])
        restarts = {pod["metadata"]["name"]: _status.restarts_of(pod) for pod in pods} | restarts
        verdict = judge(server, found["Deployment"], pods, restarts)
        now = time.monotonic()
        if not verdict.ready:
            ready_since = now
        elif now - ready_since >= settle:
            return result_of(found["Deployment"], verdict)
        else:
            verdict = Verdict(False, f"it is, but has not stayed so for {settle} s yet")
        if verdict.hopeless or now - started >= timeout:
            raise failure(cluster, place, verdict, round(now - started))


RECHECK = 0.5
"""Seconds after which the lease and the server are asked again: they send no events."""


def follow(cluster: Cluster, kind: str, path: str, selector: str, changes: queue.Queue[Any]) -> None:
    """Put every change of a kind's objects into a queue, and the error that ends it."""
    try:
        for event, item in cluster.events(path, labelSelector=selector):
            if event in ("ADDED", "MODIFIED", "DELETED"):
                changes.put((kind, event, item))
    except ApiError as error:
        changes.put(error)


def take(changes: queue.Queue[Any], found: dict[str, dict[str, dict[str, Any]]], timeout: float) -> None:
    """Wait for a change, then enter all that have come into `found`, by kind and name; queue.Empty if none comes."""
    change = changes.get(timeout=max(timeout, 0.01))
    while True:
        if isinstance(change, ApiError):
            raise change
        kind, event, item = change
        if event == "DELETED":
            found[kind].pop(item["metadata"]["name"], None)
        else:
            found[kind][item["metadata"]["name"]] = item
        try:
            change = changes.get_nowait()
        except queue.Empty:
            return


def failure(cluster: Cluster, place: Place, verdict: Verdict, seconds: int) -> UserError:
    """The error that says why an installation is not ready: the cause, the pod's last log lines and its events."""
    parts = [f"Argo is not ready in namespace {place.home} after {seconds} s: {verdict.why}."]
    if verdict.pod:
        log = last_lines(cluster, place.home, verdict)
        parts += [f"Last lines of its log:\n{log}"] if log else []
        events = last_events(cluster, place.home, verdict.pod)
        parts += [f"Its events: {events}"] if events else []
    return UserError("\n".join(parts), ready=False, reason=verdict.why)


def last_lines(cluster: Cluster, namespace: str, verdict: Verdict) -> str:
    """The last lines of a container's log, or of the one before it was restarted; "" where there is none."""
    for previous in ("true", "false"):
        try:
            query = {"container": verdict.container, "tailLines": LOG_LINES, "previous": previous}
            stream = cluster.open_log(_kubernetes.pods(namespace, verdict.pod, "log"), read_timeout=10, **query)
            return b"".join(stream).decode(errors="replace").strip()
        except ApiError:
            continue
    return ""


def last_events(cluster: Cluster, namespace: str, pod: str) -> str:
    """The last events of a pod, newest last; "" where there is none, or they may not be read."""
    listed = existing(
        cluster, f"{_kubernetes.core(namespace, 'events')}?{urlencode({'fieldSelector': f'involvedObject.name={pod}'})}"
    )
    events = sorted(
        (listed or {}).get("items") or (), key=lambda event: event.get("lastTimestamp") or event.get("eventTime") or ""
    )
    return "; ".join(f"{event.get('reason')}: {event.get('message')}" for event in events[-EVENTS:])


def main() -> None:
    run_module(
        run,
        {
            "namespace": {"type": "str", "default": "argo"},
            "managed_namespace": {"type": "str"},
            "instance_id": {"type": "str", "default": ""},
            "objects": {"type": "list", "elements": "dict", "default": []},
            "objects_state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "update_crds": {"type": "bool", "default": False},
            "wait": {"type": "bool", "default": False},
            "wait_timeout": {"type": "int", "default": 300},
            "settle": {"type": "int", "default": 0},
        },
        supports_check_mode=True,
    )


if __name__ == "__main__":
    main()
