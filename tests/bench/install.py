# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Installing Argo."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from ansible_collections.argo.workflows.tests.bench.measure import Row, Target
from ansible_collections.argo.workflows.tests.bench.tools import Bench, Json, Task, Way

OBJECTS = {
    "serviceaccounts": "/api/v1",
    "configmaps": "/api/v1",
    "services": "/api/v1",
    "roles": "/apis/rbac.authorization.k8s.io/v1",
    "rolebindings": "/apis/rbac.authorization.k8s.io/v1",
    "deployments": "/apis/apps/v1",
}
UPSTREAM_PROBE = {"initialDelaySeconds": 10, "periodSeconds": 20}


def manifest_of(bench: Bench) -> list[Json]:
    """What the role has put into the namespace, as it would be written by hand; the server's probe is upstream's."""
    found = []
    for plural, group in OBJECTS.items():
        listed = bench.cluster.get(f"{group}/namespaces/{bench.namespace}/{plural}")
        for item in listed["items"]:
            managers = {entry["manager"] for entry in item["metadata"].get("managedFields", ())}
            if "argo.workflows" not in managers:
                continue
            spec = item.get("spec", {})
            for assigned in ("clusterIP", "clusterIPs"):
                spec.pop(assigned, None)
            for container in spec.get("template", {}).get("spec", {}).get("containers", ()):
                if "readinessProbe" in container:
                    get = container["readinessProbe"]["httpGet"]
                    container["readinessProbe"] = {"httpGet": get, **UPSTREAM_PROBE}
            item["metadata"] = {key: item["metadata"][key] for key in ("name", "labels") if key in item["metadata"]}
            item.pop("status", None)
            found.append({"apiVersion": listed["apiVersion"], "kind": listed["kind"].removesuffix("List"), **item})
    return found


def manifest_for(bench: Bench, namespace: str) -> Path:
    """The same objects in a file, for `namespace`."""
    objects = manifest_of(bench)
    for item in objects:
        item["metadata"]["namespace"] = namespace
        for subject in item.get("subjects", ()):
            subject["namespace"] = namespace
    path = bench.folder / f"{namespace}.json"
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
    return path


def kubectl_install(bench: Bench, namespace: str) -> float:
    """kubectl apply and kubectl wait; returns their seconds together."""
    path = str(manifest_for(bench, namespace))
    apply = bench.kubectl_command("apply", "--server-side", "-f", path, namespace=namespace)
    wait = ("wait", "--for=condition=Available", "deployment", "--all", "--timeout=300s")
    seconds = bench.run(apply).seconds
    return seconds + bench.run(bench.kubectl_command(*wait, namespace=namespace)).seconds


def k8s_install(bench: Bench, namespace: str) -> Task:
    return {
        "kubernetes.core.k8s": {
            "definition": json.loads(manifest_for(bench, namespace).read_text())["items"],
            "apply": True,
            "server_side_apply": {"field_manager": "bench"},
            "wait": True,
            "wait_timeout": 300,
        }
    }


def install(bench: Bench) -> Iterator[Row]:
    """From an empty namespace to a ready installation."""
    with bench.namespaces(3 * bench.rounds, "new") as names:
        empty = iter(names)
        yield Row(
            "empty namespace to ready",
            "s",
            bench.in_turn(
                {
                    "role argo": Way(lambda: bench.install(namespace=next(empty)), True),
                    "kubectl apply + wait": bench.program("kubectl", lambda: kubectl_install(bench, next(empty))),
                    "kubernetes.core.k8s, wait": Way(lambda: bench.play([k8s_install(bench, next(empty))]), True),
                }
            ),
            [Target("role argo", 1 / 3, "kubectl apply + wait")],
        )


def unchanged(bench: Bench) -> Iterator[Row]:
    """A second run that has nothing to do."""
    with bench.namespaces(1, "again") as (namespace,):
        bench.play([k8s_install(bench, namespace)])
        yield Row(
            "unchanged second run",
            "s",
            bench.in_turn(
                {
                    "role argo": Way(lambda: bench.install(namespace=bench.namespace), True),
                    "kubectl apply + wait": bench.program("kubectl", lambda: kubectl_install(bench, namespace)),
                    "kubernetes.core.k8s, wait": Way(lambda: bench.play([k8s_install(bench, namespace)]), True),
                }
            ),
            [Target("role argo", 2.5)],
        )


def ten(bench: Bench) -> Iterator[Row]:
    """Ten namespaces, each a host of the inventory, in one play; and one of them."""
    with bench.namespaces(10, "ten") as names:
        inventory = bench.folder / "ten.json"
        hosts = {name: {"ansible_connection": "local", "argo_namespace": name} for name in names}
        python = {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}
        inventory.write_text(json.dumps({"all": {"hosts": hosts, "vars": python}}))
        bench.install("-i", str(inventory))
        yield Row(
            "unchanged namespaces in one play",
            "s",
            bench.in_turn(
                {
                    "ten": Way(lambda: bench.install("-i", str(inventory)), True),
                    "one": Way(lambda: bench.install("-i", str(inventory), "--limit", names[0]), True),
                }
            ),
            [Target("ten", 6, "one")],
        )
