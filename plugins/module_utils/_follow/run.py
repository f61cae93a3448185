# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of a run while it goes on. Private to the collection.

Pure: events of the API server go in (`see_…`), the run as modules return it comes out. Pods are ahead of the Workflow's
status, which the controller writes seldom; `_argo.graph` lays both over each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.argo.workflows.plugins.module_utils._argo.graph import with_pods
from ansible_collections.argo.workflows.plugins.module_utils._argo.items import Attempt, Item, attempt_of_node, items_of
from ansible_collections.argo.workflows.plugins.module_utils._argo.names import pod_node_name
from ansible_collections.argo.workflows.plugins.module_utils._argo.nodes import (
    NodesError,
    is_active_suspend,
    is_done,
    nodes_of,
    phase_of,
)
from ansible_collections.argo.workflows.plugins.module_utils._argo.pods import gates_of, is_over, lost_reason
from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import (
    DONE_PHASES,
    NODE_DONE_PHASES,
    PHASE_LABEL,
    Json,
)

DELETED = "the pod was deleted"
_AGENTS = ("HTTP", "Plugin")
"""Types of the nodes that the agent works for."""
_LEAVES = ("Pod", "Container", "Suspend", *_AGENTS)
"""Types of nodes that stand for work, and not for other nodes."""


class Run:
    """One Workflow. `now` is always a monotonic time in seconds."""

    def __init__(self, metadata: Mapping[str, Any], now: float) -> None:
        self.name: str = metadata["name"]
        self.namespace: str = metadata["namespace"]
        self.uid: str = metadata["uid"]
        self.workflow: Json = {"metadata": dict(metadata)}
        self.nodes: Mapping[str, Json] = {}
        self.nodes_error = ""
        self.pods: dict[str, Json] = {}
        """By uid, trimmed; deleted ones stay as they were at their end, if it was seen."""
        self.deleted = False
        self.version = ""
        """The Workflow's resourceVersion according to its watch."""
        self.pods_hidden = False
        """Whether its pods may not be watched."""
        self.lost: dict[str, str] = {}
        """Why pods were taken away, by uid."""
        self.stages: dict[str, tuple[Any, float]] = {}
        """By uid: how far each pod has come towards its start, and since when."""
        self.first_seen = now
        self.quiet_since = now
        """When a pod, or the Workflow as its watch sees it, last changed."""

    # --- events in ---

    def see_metadata(self, metadata: Mapping[str, Any], now: float, *, deleted: bool = False) -> None:
        """The Workflow has changed: its metadata tell little more than its phase."""
        if metadata.get("uid", self.uid) != self.uid:
            self.deleted = True  # it was replaced by another one of the same name
            return
        self.workflow = {**self.workflow, "metadata": {**self.workflow["metadata"], **metadata}}
        self.version = str(metadata.get("resourceVersion", self.version))
        self.deleted = self.deleted or deleted
        self.quiet_since = now

    def see_workflow(self, workflow: Json, now: float) -> None:
        """The whole Workflow was read."""
        if workflow["metadata"]["uid"] != self.uid:
            self.deleted = True
            return
        try:
            self.nodes, self.nodes_error = nodes_of(workflow), ""
        except NodesError as error:
            self.nodes_error = str(error)
        metadata = workflow["metadata"]
        if self.done:  # what was read may be older than what the watch has said
            metadata = {**metadata, "labels": self.labels}
        spec = workflow.get("spec") if isinstance(workflow.get("spec"), Mapping) else {}
        self.workflow = {**workflow, "metadata": metadata, "spec": spec, "status": _status_of(workflow)}

    def see_pod(self, pod: Json, now: float, *, deleted: bool = False) -> None:
        """A pod of the run was added, has changed, or is gone. `pod` as `trim` gave it."""
        uid = pod["metadata"]["uid"]
        known = self.pods.get(uid)
        if "status" not in pod:  # only that it is gone has come, by a new list: how it ended is not known
            if known and not is_over(known):
                del self.pods[uid]
                self.quiet_since = now
            return
        if known is None or known["status"].get("phase") != pod["status"].get("phase"):
            self.quiet_since = now
        stage = (pod["status"].get("phase"), bool(pod["spec"].get("nodeName")), bool(gates_of(pod)))
        if self.stages.get(uid, ("", now))[0] != stage:
            self.stages[uid] = stage, now
        reason = lost_reason(pod)
        if not reason and deleted and not is_over(pod):
            reason = DELETED
        if reason:
            self.lost.setdefault(uid, reason)
        if deleted and not is_over(pod):
            pod = {**pod, "status": {**pod["status"], "phase": "Failed", "message": reason}}
        self.pods[uid] = pod

    # --- what is known ---

    def pods_for(self, seconds: float, now: float) -> Iterator[Json]:
        """The pods that have come no further towards their start for so long."""
        for uid, (_stage, since) in self.stages.items():
            if uid in self.pods and now - since >= seconds:
                yield self.pods[uid]

    @property
    def labels(self) -> Mapping[str, str]:
        return self.workflow["metadata"].get("labels") or {}

    @property
    def phase(self) -> str:
        """The Workflow's phase; "Pending" before a controller has seen it."""
        return phase_of(self.workflow)

    @property
    def done(self) -> bool:
        """Whether it has ended, as far as its watch says."""
        return is_done(self.workflow)

    @property
    def read_to_end(self) -> bool:
        """Whether the Workflow was read as it was at its end."""
        return (self.workflow.get("status") or {}).get("phase") in DONE_PHASES

    @property
    def touched(self) -> bool:
        """Whether a controller has taken it up."""
        return bool((self.workflow.get("status") or {}).get("phase") or self.labels.get(PHASE_LABEL) or self.pods)

    def current_nodes(self) -> dict[str, Json]:
        """The nodes, brought up to date by the pods."""
        return with_pods(self.workflow, self.nodes, self.pods.values())

    def suspended(self) -> bool:
        """Whether it waits for somebody to resume it."""
        spec = self.workflow.get("spec") or {}
        return not self.done and bool(spec.get("suspend") or any(map(is_active_suspend, self.nodes.values())))

    def items(self) -> list[Item]:
        """The items and their attempts, as far as nodes and pods tell."""
        return items_of(self.workflow, self.nodes, self.pods.values())

    def node_phase(self, name: str) -> str:
        """The phase of the node with this name, display name or ID; empty if there is none yet."""
        for key, node in self.current_nodes().items():
            if name in (key, node.get("name"), node.get("displayName")):
                return str(node.get("phase", ""))
        return ""

    def running(self) -> bool:
        """Whether a pod of it has started to run."""
        return any(pod["status"].get("phase") not in ("Pending", "Unknown") for pod in self.pods.values()) or any(
            node.get("type") == "Pod" and node.get("phase") not in ("Pending", "Omitted")
            for node in self.nodes.values()
        )

    def at_work(self) -> bool:
        """Whether a pod of one of its nodes has not ended."""
        return any(pod_node_name(pod) and not is_over(pod) for pod in self.pods.values())

    def by_agent(self) -> bool:
        """Whether its agent is at work, the pod for all HTTP and plugin steps: only the Workflow tells how they are."""
        return any(not pod_node_name(pod) and not is_over(pod) for pod in self.pods.values())

    def steps_without_agent(self) -> int:
        """How many HTTP and plugin steps have not ended, while there is no agent that could do them."""
        if self.by_agent() or self.pods_hidden:
            return 0
        return sum(
            node.get("type") in _AGENTS and node.get("phase") not in NODE_DONE_PHASES for node in self.nodes.values()
        )

    def is_in_hand(self) -> bool:
        """Whether something of it has begun and not ended that the controller may be waiting for.

        Pods tell, and where none was seen, as their watch is refused or their steps have none, the nodes.
        """
        if any(map(pod_node_name, self.pods.values())) and not self.by_agent():
            return self.at_work() or bool(self.steps_without_agent())
        return (
            self.at_work()
            or bool(self.nodes_error)
            or any(
                node.get("type") in _LEAVES and node.get("phase") not in NODE_DONE_PHASES
                for node in self.nodes.values()
            )
        )

    def on_nodes(self) -> bool:
        """Whether a pod of it has a node and has not ended."""
        return any(
            node.get("type") == "Pod" and node.get("hostNodeName") and node.get("phase") not in NODE_DONE_PHASES
            for node in self.current_nodes().values()
        )

    def unsettled(self) -> Iterator[tuple[Attempt, list[str]]]:
        """The attempts that ran somewhere, as the Workflow says, but whose pod was not seen here, or not its end.

        Each with the names of its containers: `main`, or those of its containerSet.
        """
        over = {pod_node_name(pod) for pod in self.pods.values() if is_over(pod)}
        sets: dict[str, list[str]] = {}
        for node in self.nodes.values():
            if node.get("type") == "Container":
                sets.setdefault(node.get("boundaryID") or "", []).append(node["displayName"])
        for node in self.nodes.values():
            if node.get("type") == "Pod" and node.get("hostNodeName") and node["name"] not in over:
                yield attempt_of_node(self.workflow, node), sets.get(node["id"], ["main"])


def _status_of(workflow: Json) -> Json:
    """The status of a Workflow without its nodes, and without a phase that is not one."""
    status = {
        key: value for key, value in (workflow.get("status") or {}).items() if key not in ("nodes", "compressedNodes")
    }
    return status if isinstance(status.get("phase", ""), str) else {**status, "phase": ""}


def belongs_to(pod: Json, run: Run) -> bool:
    """Whether a pod is this run's own: Argo makes the Workflow its owner, while anybody may give a pod its label."""
    owners = pod["metadata"].get("ownerReferences") or ()
    return any(owner["uid"] == run.uid for owner in owners if owner.get("kind") == "Workflow")
