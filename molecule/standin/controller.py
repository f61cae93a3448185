# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in's controller: once a second it feeds reconcile() and does what it says, under Argo's own RBAC."""

from __future__ import annotations

import argparse
import http.server
import os
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from types import FrameType
from typing import Any

import yaml

from . import VERSION, Json, pods, reconcile
from .kube import FAILURES, ApiError, Kube, core, own_namespace, workflows
from .lease import Lease
from .pods import INSTANCE, LABEL

INTERVAL = 1.0
"""Seconds between two looks at the Workflows."""
POD_INTERVAL = 0.05
"""Seconds between two pods: Argo's default of 20 requests a second."""
GRACE = 30
"""Seconds between the TERM and the KILL of a pod that is to end."""


def log(message: str) -> None:
    print(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} stand-in: {message}", flush=True)


def merged(defaults: Any, own: Any) -> Any:
    """`own` over `defaults`: objects key by key, anything else as a whole."""
    if isinstance(defaults, dict) and isinstance(own, dict):
        return {key: merged(defaults.get(key), own.get(key)) for key in [*defaults, *(own.keys() - defaults)]}
    return defaults if own is None else own


class Controller:
    def __init__(self, flags: argparse.Namespace) -> None:
        self.kube, self.flags = Kube(), flags
        self.namespace = flags.managed_namespace or own_namespace()
        self.kill_at: dict[str, float] = {}
        self.signals = ThreadPoolExecutor(4)
        self.instance = self.settings().get("instanceID") or ""
        self.lease = Lease(self.kube, "-".join(filter(None, ("workflow-controller", self.instance))))

    def settings(self) -> Json:
        config_map = self.kube.get(core(own_namespace(), "configmaps", self.flags.configmap))
        return yaml.safe_load((config_map.get("data") or {}).get("config", "")) or {}

    def run(self) -> None:
        chosen = f"{INSTANCE}={self.instance}" if self.instance else f"!{INSTANCE}"
        log(f"version {VERSION}, a test double of Argo Workflows, looks after {self.namespace}, {chosen}")
        while True:
            try:
                if self.lease.take():
                    self.look_at(self.kube.selected(workflows(self.namespace), f"{chosen},{LABEL}completed!=true"))
            except FAILURES as error:
                log(f"{error}; trying again")
            time.sleep(INTERVAL)

    def look_at(self, unfinished: list[Json]) -> None:
        if not unfinished:
            return
        settings = self.settings()
        executor = {**(settings.get("executor") or {}), "image": self.flags.executor_image}
        executor["imagePullPolicy"] = self.flags.executor_image_pull_policy
        config = reconcile.Config(executor, settings.get("mainContainer") or {})
        all_pods = self.kube.selected(core(self.namespace, "pods"), LABEL + "completed=false")
        results = self.kube.selected(workflows(self.namespace, plural="workflowtaskresults"), LABEL + "workflow")
        for workflow in unfinished:
            name, uid = workflow["metadata"]["name"], workflow["metadata"]["uid"]
            if not workflow.get("status", {}).get("phase"):
                workflow = merged(settings.get("workflowDefaults") or {}, workflow)
            own = [pod for pod in all_pods if pod["metadata"].get("ownerReferences", [{}])[0].get("uid") == uid]
            reported = [result for result in results if result["metadata"]["labels"][LABEL + "workflow"] == name]
            try:
                self.advance(workflow, own, reported, config)
            except FAILURES as error:
                log(f"workflow {name}: {error}; trying again")

    def advance(self, workflow: Json, own: list[Json], results: list[Json], config: reconcile.Config) -> None:
        outcome = reconcile.reconcile(workflow, own, results, datetime.now(UTC), config)
        name, status = workflow["metadata"]["name"], outcome.workflow["status"]
        for node, pod in outcome.create.items():
            self.create_pod(outcome.workflow, node, pod)
        if outcome.changed:
            self.kube.replace(workflows(self.namespace, name), outcome.workflow)
            log(f"workflow {name}: {status['phase']} {status['progress']}")
        for pod in own:
            if pod["metadata"]["name"] in outcome.terminate:
                self.terminate(pod)
        for done in outcome.complete:
            self.kube.merge(core(self.namespace, "pods", done), {"metadata": {"labels": {LABEL + "completed": "true"}}})
        if "finishedAt" in status:
            results_path = workflows(self.namespace, plural="workflowtaskresults")
            self.kube.delete(results_path, labelSelector=f"{LABEL}workflow={name}")

    def create_pod(self, workflow: Json, node: str, pod: Json) -> None:
        time.sleep(POD_INTERVAL)
        try:
            self.kube.create(core(self.namespace, "pods"), pod)
        except ApiError as error:
            quota = "exceeded quota" in str(error)
            if not quota and (error.status == 429 or error.status >= 500):
                raise
            if error.status != 409:  # ours already, or of a Workflow of that name that is still being deleted
                reconcile.pod_refused(workflow, node, str(error), datetime.now(UTC), transient=quota)

    def terminate(self, pod: Json) -> None:
        """Ends a pod: deletes one that has not started, otherwise sends TERM, and after the grace KILL."""
        name = pod["metadata"]["name"]
        kill_at = self.kill_at.get(name)
        if pod["status"]["phase"] == "Pending":
            self.kube.delete(core(self.namespace, "pods", name))
        elif kill_at is None or time.monotonic() >= kill_at:
            self.kill_at[name] = time.monotonic() + GRACE
            for container in (c["name"] for c in pods.container_statuses(pod) if "running" in c["state"]):
                self.signals.submit(self.signal, name, container, "9" if kill_at else "15")

    def signal(self, pod: str, container: str, number: str) -> None:
        argoexec = f"{pods.DIRECTORY}/argoexec" if container == "main" else "argoexec"
        try:
            self.kube.exec(self.namespace, pod, container, [argoexec, "kill", number, "1"])
        except FAILURES as error:
            log(f"signal {number} to {pod}/{container}: {error}")


class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


def parse_flags() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=f"Stand-in {VERSION} for Argo's workflow-controller, a test double.")
    parser.add_argument("--configmap", default="workflow-controller-configmap")
    parser.add_argument("--executor-image", required=True)
    parser.add_argument("--executor-image-pull-policy", default="IfNotPresent")
    parser.add_argument("--managed-namespace", default="")
    parser.add_argument("--namespaced", action="store_true", required=True, help="the stand-in knows one namespace")
    for flag in ("--loglevel", "--qps", "--burst"):
        parser.add_argument(flag, help="taken, and ignored")
    return parser.parse_args()


def main() -> None:
    flags = parse_flags()
    threading.Thread(target=http.server.HTTPServer(("", 6060), Health).serve_forever, daemon=True).start()
    try:
        controller = Controller(flags)
    except ApiError as error:
        sys.exit(f"stand-in: {error}")

    def stop(number: int, frame: FrameType | None) -> None:
        try:
            controller.lease.release()
        finally:
            os._exit(0)

    signal.signal(signal.SIGTERM, stop)
    controller.run()


if __name__ == "__main__":
    main()
