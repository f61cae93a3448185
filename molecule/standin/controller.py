# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in's controller: feeds reconcile() from watches and does what it says, under Argo's own RBAC."""

from __future__ import annotations

import argparse
import base64
import gzip
import http.client
import http.server
import json
import os
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from types import FrameType
from typing import Any

import yaml

from . import VERSION, pods, reconcile
from .kube import ApiError, Kube, WatchedList, core, own_namespace, workflows
from .lease import Lease
from .pods import LABEL
from .times import seconds

Json = dict[str, Any]

INSTANCE = LABEL + "controller-instanceid"
EXECUTOR_IMAGE = "localhost/argo-standin:dev"
POD_INTERVAL = 0.05
"""Seconds between two pods: Argo's default of 20 requests a second."""
INTERVAL = 1.0
"""Least number of seconds between two looks at one Workflow, so that events are taken in batches."""
GRACE = 30
"""Seconds between the TERM and the KILL of a pod that is to end."""
MAX_SIZE = int(os.environ.get("MAX_WORKFLOW_SIZE", "1048576"))

KNOWN_KEYS = {
    *("artifactDrivers", "artifactRepository", "columns", "disableAgentPodCreation", "executor", "failedPodRestart"),
    *("images", "initialDelay", "initlessPod", "instanceID", "kubeConfig", "links", "mainContainer", "metricsConfig"),
    *("namespace", "namespaceParallelism", "navColor", "nodeEvents", "parallelism", "persistence"),
    *("podGCDeleteDelayDuration", "podGCGracePeriodSeconds", "podSpecLogStrategy", "resourceRateLimit"),
    *("retentionPolicy", "sso", "synchronization", "telemetryConfig", "workflowDefaults", "workflowEvents"),
    "workflowRestrictions",
}


def log(message: str) -> None:
    print(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} stand-in: {message}", flush=True)


def parse_config(config_map: Json) -> Json:
    """The controller's settings: one key `config` with YAML, or a key a setting. Argo stops at an unknown key too."""
    data = config_map.get("data") or {}
    if "config" in data:
        if len(data) > 1:
            sys.exit("stand-in: if you have an item in your config map named 'config', you must only have one item")
        settings = yaml.safe_load(data["config"]) or {}
    else:
        settings = {key: yaml.safe_load(text) for key, text in data.items()}
    if unknown := sorted(settings.keys() - KNOWN_KEYS):
        sys.exit(f'stand-in: ConfigMap {config_map["metadata"]["name"]}: unknown field "{unknown[0]}"')
    return settings


def merged(defaults: Any, own: Any) -> Any:
    """`own` over `defaults`: objects key by key, anything else as a whole."""
    if isinstance(defaults, dict) and isinstance(own, dict):
        return {key: merged(defaults.get(key), own.get(key)) for key in [*defaults, *(own.keys() - defaults)]}
    return defaults if own is None else own


def compressed(workflow: Json) -> Json:
    """The Workflow as Argo stores it: nodes compressed where it would be larger than a megabyte."""
    if len(json.dumps(workflow, ensure_ascii=False)) <= MAX_SIZE:
        return workflow
    nodes = base64.b64encode(gzip.compress(json.dumps(workflow["status"]["nodes"]).encode())).decode()
    status = {key: value for key, value in workflow["status"].items() if key != "nodes"}
    return {**workflow, "status": {**status, "compressedNodes": nodes}}


def uncompressed(workflow: Json) -> Json:
    status = workflow.get("status", {})
    if "compressedNodes" not in status:
        return workflow
    nodes = json.loads(gzip.decompress(base64.b64decode(status["compressedNodes"])))
    rest = {key: value for key, value in status.items() if key != "compressedNodes"}
    return {**workflow, "status": {**rest, "nodes": nodes}}


class Controller:
    def __init__(self, flags: argparse.Namespace) -> None:
        self.kube, self.flags = Kube(), flags
        self.namespace = flags.managed_namespace or own_namespace()
        self.due: dict[str, float] = {}
        self.looked_at: dict[str, float] = {}
        self.lock = threading.Condition()
        self.next_signal: dict[str, float] = {}
        self.signals = ThreadPoolExecutor(4)
        self.next_pod = 0.0
        self.configure(self.kube.get(core(own_namespace(), "configmaps", flags.configmap)))

    def configure(self, config_map: Json) -> None:
        self.settings = parse_config(config_map)
        executor = {
            "image": self.flags.executor_image or EXECUTOR_IMAGE,
            "imagePullPolicy": self.flags.executor_image_pull_policy or "IfNotPresent",
            **(self.settings.get("executor") or {}),
        }
        if self.flags.executor_image:
            executor["image"] = self.flags.executor_image
        self.config = reconcile.Config(executor, self.settings.get("mainContainer") or {})

    def wake(self, name: str, at: float = 0.0) -> None:
        """Has a Workflow looked at, at a time of the monotonic clock, but never within INTERVAL of the last look."""
        with self.lock:
            at = max(at, self.looked_at.get(name, 0.0) + INTERVAL)
            self.due[name] = min(at, self.due.get(name, at))
            self.lock.notify()

    def run(self) -> None:
        name, namespace = self.flags.configmap, own_namespace()
        instance = self.settings.get("instanceID") or ""
        chosen = f"{INSTANCE}={instance}" if instance else f"!{INSTANCE}"
        log(f"version {VERSION}, a test double of Argo Workflows, watches {self.namespace} for instance {instance!r}")
        WatchedList(self.kube, core(namespace, "configmaps"), self.reconfigure, fieldSelector=f"metadata.name={name}")
        self.workflows = WatchedList(
            self.kube, workflows(self.namespace), lambda item: self.wake(item["metadata"]["name"]), labelSelector=chosen
        )
        self.pods = WatchedList(
            self.kube, core(self.namespace, "pods"), self.wake_owner, labelSelector=LABEL + "completed=false"
        )
        self.results = WatchedList(
            self.kube,
            workflows(self.namespace, plural="workflowtaskresults"),
            self.wake_owner,
            labelSelector=LABEL + "workflow",
        )
        for watched in (self.workflows, self.pods, self.results):
            watched.listed.wait()
        while True:
            self.look_at(self.next_due())

    def next_due(self) -> str:
        """Waits for the first Workflow whose time has come."""
        with self.lock:
            while True:
                name = min(self.due, key=lambda name: self.due[name], default="")
                wait = self.due[name] - time.monotonic() if name else None
                if wait is not None and wait <= 0:
                    del self.due[name]
                    self.looked_at[name] = time.monotonic()
                    return name
                self.lock.wait(wait)

    def wake_owner(self, item: Json) -> None:
        self.wake(item["metadata"]["labels"].get(LABEL + "workflow", ""))

    def reconfigure(self, config_map: Json) -> None:
        try:
            self.configure(config_map)
        except SystemExit as error:
            log(str(error))
            os._exit(1)

    def look_at(self, name: str) -> None:
        workflow = self.workflows.objects.get(name)
        if workflow is None:
            return
        try:
            self.advance(uncompressed(workflow))
        except (ApiError, OSError, http.client.HTTPException) as error:
            log(f"workflow {name}: {error}; trying again")
            self.wake(name)

    def advance(self, workflow: Json) -> None:
        name, now = workflow["metadata"]["name"], datetime.now(UTC)
        if workflow["metadata"].get("labels", {}).get(LABEL + "completed") == "true":
            self.expire(workflow, now)
            return
        if not workflow.get("status", {}).get("phase"):
            workflow = merged(self.settings.get("workflowDefaults") or {}, workflow)
        own = [pod for pod in _of(name, self.pods) if _owner(pod) == workflow["metadata"]["uid"]]
        outcome = reconcile.reconcile(workflow, own, _of(name, self.results), now, self.config)
        for node, pod in outcome.create.items():
            self.create_pod(outcome.workflow, node, pod)
        if outcome.changed:
            path = workflows(self.namespace, name)
            self.workflows.put(self.kube.replace(path, compressed(outcome.workflow)))
            log(f"workflow {name}: {outcome.workflow['status']['phase']} {outcome.workflow['status']['progress']}")
        self.follow_up(name, outcome)

    def create_pod(self, workflow: Json, node: str, pod: Json) -> None:
        time.sleep(max(0.0, self.next_pod - time.monotonic()))
        self.next_pod = time.monotonic() + POD_INTERVAL
        try:
            self.pods.put(self.kube.create(core(self.namespace, "pods"), pod))
        except ApiError as error:
            if error.status == 409:  # ours already, or of a Workflow of that name that is still being deleted
                self.wake(workflow["metadata"]["name"])
                return
            quota = "exceeded quota" in str(error)
            if not quota and (error.status == 429 or error.status >= 500):
                raise
            reconcile.pod_refused(workflow, node, str(error), datetime.now(UTC), transient=quota)
            self.wake(workflow["metadata"]["name"], time.monotonic() + 10 * INTERVAL)

    def follow_up(self, name: str, outcome: reconcile.Outcome) -> None:
        status = outcome.workflow["status"]
        for pod in outcome.terminate:
            self.terminate(name, pod)
        completed = {"metadata": {"labels": {LABEL + "completed": "true"}}}
        for pod in outcome.complete:
            self.kube.merge(core(self.namespace, "pods", pod), completed)
        for pod, delay in outcome.delete_after.items():
            self.later(delay, core(self.namespace, "pods", pod))
        if "finishedAt" in status:
            selector = f"{LABEL}workflow={name}"
            self.kube.delete(workflows(self.namespace, plural="workflowtaskresults"), labelSelector=selector)
            collection = outcome.workflow["spec"].get("podGC", {})
            succeeded = {"OnWorkflowSuccess": status["phase"] == "Succeeded", "OnWorkflowCompletion": True}
            if succeeded.get(collection.get("strategy", "")):
                delay = seconds(str(collection.get("deleteDelayDuration", "5s")))
                for node in (node for node in status.get("nodes", {}).values() if node["type"] == "Pod"):
                    pod = pods.pod_name(name, node["templateName"], node["name"])
                    self.later(delay, core(self.namespace, "pods", pod))
            self.wake(name)
        elif outcome.again_at:
            self.wake(name, time.monotonic() + (outcome.again_at - datetime.now(UTC)).total_seconds() + 0.1)

    def later(self, delay: float, path: str) -> None:
        timer = threading.Timer(delay, self.kube.delete, [path])
        timer.daemon = True
        timer.start()

    def terminate(self, workflow: str, name: str) -> None:
        """Ends a pod: deletes one that has not started, otherwise sends TERM, and after the grace KILL."""
        pod, due = self.pods.objects.get(name), self.next_signal.get(name, 0.0)
        if pod is None:
            return
        if pod["status"]["phase"] == "Pending":
            self.kube.delete(core(self.namespace, "pods", name))
        elif time.monotonic() >= due:
            self.next_signal[name] = time.monotonic() + GRACE
            for container in (c["name"] for c in pods.container_statuses(pod) if "running" in c["state"]):
                self.signals.submit(self.signal, name, container, "9" if due else "15")
        self.wake(workflow, time.monotonic() + GRACE)

    def signal(self, pod: str, container: str, number: str) -> None:
        argoexec = f"{pods.DIRECTORY}/argoexec" if container == "main" else "argoexec"
        try:
            self.kube.exec(self.namespace, pod, container, [argoexec, "kill", number, "1"])
        except (ApiError, OSError, http.client.HTTPException) as error:
            log(f"signal {number} to {pod}/{container}: {error}")

    def expire(self, workflow: Json, now: datetime) -> None:
        """Deletes a finished Workflow when its ttlStrategy says so."""
        ttl, status = workflow["spec"].get("ttlStrategy") or {}, workflow["status"]
        key = "secondsAfterSuccess" if status["phase"] == "Succeeded" else "secondsAfterFailure"
        keep = ttl.get(key, ttl.get("secondsAfterCompletion"))
        if keep is None:
            return
        end = datetime.fromisoformat(status["finishedAt"]) + timedelta(seconds=keep)
        name = workflow["metadata"]["name"]
        if now >= end:
            self.kube.delete(workflows(self.namespace, name), propagationPolicy="Background")
        else:
            self.wake(name, time.monotonic() + (end - now).total_seconds() + 0.1)


def _of(workflow: str, watched: WatchedList) -> list[Json]:
    return [item for item in watched.values() if item["metadata"]["labels"].get(LABEL + "workflow") == workflow]


def _owner(pod: Json) -> str:
    return str(next((owner["uid"] for owner in pod["metadata"].get("ownerReferences", [])), ""))


class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"stand-in: ok\n")

    def log_message(self, format: str, *args: Any) -> None:
        pass


def parse_flags() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=f"Stand-in {VERSION} for Argo's workflow-controller, a test double.")
    parser.add_argument("--configmap", default="workflow-controller-configmap")
    parser.add_argument("--executor-image", default="")
    parser.add_argument("--executor-image-pull-policy", default="")
    parser.add_argument("--managed-namespace", default="")
    parser.add_argument("--namespaced", action="store_true", required=True, help="the stand-in knows one namespace")
    ignored = ["loglevel", "gloglevel", "log-format", "workflow-workers", "workflow-ttl-workers", "pod-cleanup-workers"]
    ignored += ["cron-workflow-workers", "workflow-archive-workers", "qps", "burst"]
    for flag in ignored:
        parser.add_argument(f"--{flag}", help="taken, and ignored")
    return parser.parse_args()


def main() -> None:
    flags = parse_flags()
    health = http.server.ThreadingHTTPServer(("", 6060), Health)
    threading.Thread(target=health.serve_forever, daemon=True).start()
    try:
        controller = Controller(flags)
        instance = controller.settings.get("instanceID") or ""
        lease = Lease(Kube(), "workflow-controller" + (f"-{instance}" if instance else ""))

        def stop(number: int, frame: FrameType | None) -> None:
            lease.release()
            os._exit(0)

        signal.signal(signal.SIGTERM, stop)
        while not lease.take():
            time.sleep(2)
        threading.Thread(target=lease.keep, daemon=True).start()
        controller.run()
    except ApiError as error:
        sys.exit(f"stand-in: {error}")


if __name__ == "__main__":
    main()
