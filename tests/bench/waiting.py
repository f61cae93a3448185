# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Submitting runs and waiting for them."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import path
from ansible_collections.argo.workflows.tests.bench.measure import Row, Series, Target
from ansible_collections.argo.workflows.tests.bench.proxy import CountingProxy
from ansible_collections.argo.workflows.tests.bench.tools import (
    IMAGE,
    Bench,
    BenchError,
    Json,
    Task,
    Way,
    fanout,
    phase,
    until,
)

PODS, WAVES, SPELL = 100, 5, 4
"""The traffic row's pods run in so many waves, and print a line every so many seconds."""


def finish(bench: Bench) -> Iterator[Row]:
    """From the end of a run to the return of the task that waits for it."""
    number = iter(range(1000))

    def waiting(command: Callable[[str], list[str | Path]], returned: tuple[str, ...] = ()) -> float:
        name = f"finish-{os.getpid()}-{next(number)}"
        ended = bench.next_event(
            path("Workflow", bench.namespace), lambda it: it["metadata"]["name"] == name and over(it)
        )
        bench.cluster.create(path("Workflow", bench.namespace), fanout(name, 1, f"sleep {4 + next(number) % 3 * 0.7}"))
        with bench.started(command(name)) as lines:
            end = ended()
            returned_at = lines.when(*returned) if returned else lines.end()
        bench.cluster.delete(path("Workflow", bench.namespace, name))
        return max(0.0, returned_at - end)

    def play(task: Callable[[str], Task]) -> Way:
        return Way(lambda: waiting(lambda name: ["ansible-playbook", bench.playbook([task(name)])], ("ok: [local]",)))

    def by_module(name: str) -> Task:
        return {"argo.workflows.workflow_wait": {"name": name, "namespace": bench.namespace}}

    yield Row(
        "from the end of a run to the task's return",
        "s",
        bench.in_turn(
            {
                "workflow_wait": play(by_module),
                "argo wait": bench.program("argo", lambda: waiting(lambda name: [*bench.argo_command("wait", name)])),
                "k8s_info, until, delay 5": play(lambda name: poll(bench, name)),
            }
        ),
        [Target("workflow_wait", 0.5)],
    )


def over(workflow: Json) -> bool:
    return phase(workflow) in ("Succeeded", "Failed", "Error")


def poll(bench: Bench, name: str, **connection: str) -> Task:
    """Waiting as it is done with kubernetes.core alone."""
    return {
        "kubernetes.core.k8s_info": {
            "api_version": "argoproj.io/v1alpha1",
            "kind": "Workflow",
            "name": name,
            "namespace": bench.namespace,
            **connection,
        },
        "register": "run",
        "until": "(run.resources[0].status | default({})).phase | default('') in ['Succeeded', 'Failed', 'Error']",
        "retries": 1000,
        "delay": 5,
    }


def first_pod(bench: Bench) -> Iterator[Row]:
    """From the start of the submitting task, or command, to the first pod."""
    manifest = bench.folder / "first.json"
    manifest.write_text(json.dumps(fanout("first-", 1, "true")))

    def submitting(command: Callable[[], list[str | Path]], begin: str = "") -> float:
        came = bench.next_event(path("Pod", bench.namespace), lambda pod: pod["metadata"]["name"].startswith("first-"))
        with bench.started(command()) as lines:
            lines.end()
            seconds = came() - (lines.when(begin) if begin else lines.began)
        remove_workflows(bench, "first-")
        return seconds

    def play(task: Task) -> Way:
        return Way(lambda: submitting(lambda: ["ansible-playbook", bench.playbook([task])], "TASK ["))

    ours: Task = {"argo.workflows.workflow": {"src": str(manifest), "namespace": bench.namespace}}
    theirs: Task = {"kubernetes.core.k8s": {"src": str(manifest), "namespace": bench.namespace}}
    yield Row(
        "submit to first pod",
        "s",
        bench.in_turn(
            {
                "workflow": play(ours),
                "argo submit": bench.program(
                    "argo", lambda: submitting(lambda: [*bench.argo_command("submit", str(manifest))])
                ),
                "kubectl create": bench.program(
                    "kubectl", lambda: submitting(lambda: [*bench.kubectl_command("create", "-f", str(manifest))])
                ),
                "kubernetes.core.k8s": play(theirs),
            }
        ),
    )


def remove_workflows(bench: Bench, prefix: str) -> None:
    """No Workflow whose name begins like this is there, and none of its pods."""
    for workflow in list(bench.cluster.objects(path("Workflow", bench.namespace))):
        if workflow["metadata"]["name"].startswith(prefix):
            bench.cluster.delete(path("Workflow", bench.namespace, workflow["metadata"]["name"]))
    pods = path("Pod", bench.namespace)
    until(
        lambda: not any(pod["metadata"]["name"].startswith(prefix) for pod in bench.cluster.objects(pods)),
        f"the pods of {prefix} do not go",
        120,
    )


def traffic(bench: Bench) -> Iterator[Row]:
    """What waiting for 100 pods and their logs costs the API server: all ways watch the same run, once.

    A client whose logs are cut off asks less of the API server: the lines that came home stand beside the figures.
    """
    name = f"traffic-{os.getpid()}"
    lines_each = round(float(os.environ.get("BENCH_SECONDS", "60")) / WAVES / SPELL)
    manifest = fanout(name, PODS, f'for n in $(seq {lines_each}); do echo "line $n of item $ITEM"; sleep {SPELL}; done')
    manifest["spec"]["parallelism"] = PODS // WAVES
    home = bench.folder / "traffic"
    ours, argo, polling = "workflow_wait with logs", "argo wait + argo logs -f", "k8s_info, until, delay 5 (no logs)"
    with contextlib.ExitStack() as stack:
        clients = {
            way: stack.enter_context(client(bench, f"bench-{index}")) for index, way in enumerate((ours, argo, polling))
        }
        begin, since = time.monotonic(), datetime.datetime.now(datetime.UTC)
        bench.cluster.create(path("Workflow", bench.namespace), manifest)
        wait: Task = {
            "argo.workflows.workflow_wait": {
                "name": name,
                "namespace": bench.namespace,
                "logs_dir": str(home),
                "kubeconfig": str(clients[ours].kubeconfig),
            }
        }
        commands: dict[str, list[list[str | Path]]] = {
            ours: [["ansible-playbook", bench.playbook([wait])]],
            argo: [
                [bench.argo, "--kubeconfig", clients[argo].kubeconfig, "-n", bench.namespace, *args]
                for args in (["wait", name], ["logs", name, "-f"])
                if bench.argo
            ],
            polling: [
                ["ansible-playbook", bench.playbook([poll(bench, name, kubeconfig=str(clients[polling].kubeconfig))])]
            ],
        }
        running = {way: [stack.enter_context(bench.started(command)) for command in commands[way]] for way in commands}
        for lines in (lines for way in running for lines in running[way]):
            lines.end()
        seconds = time.monotonic() - begin
        requests = audited(bench, since)
        counts = {way: [float(requests.get(one.user, 0))] for way, one in clients.items()}
        volumes = {way: [one.proxy.bytes / 1000] for way, one in clients.items()}
        brought = {
            ours: [float(sum(path.read_bytes().count(b" of item ") for path in home.rglob("*.log")))],
            argo: [float(sum(lines.count(" of item ") for lines in running[argo]))],
        }
    remove_workflows(bench, name)

    def series(values: Mapping[str, list[float]]) -> dict[str, Series]:
        absent = "no argo on this machine"
        return {way: Series(absent=absent) if way == argo and not bench.argo else Series(values[way]) for way in values}

    what = f"waiting {seconds:.0f} s for {PODS} pods"
    yield Row(f"{what}: requests", "requests", series(counts), [Target(ours, 1, argo)])
    yield Row(f"{what}: bytes on the wire", "kB", series(volumes), [Target(ours, 1, argo)])
    yield Row(f"{what}: lines that came home, of {PODS * lines_each}", "lines", series(brought))


@dataclass(frozen=True)
class Client:
    """A service account with all rights in the namespace, whose traffic is counted."""

    user: str
    kubeconfig: Path
    proxy: CountingProxy


@contextlib.contextmanager
def client(bench: Bench, name: str) -> Iterator[Client]:
    accounts, bindings = path("ServiceAccount", bench.namespace), rolebindings(bench.namespace)
    if not bench.exists(f"{accounts}/{name}"):
        bench.cluster.create(accounts, {"metadata": {"name": name}})
        bench.cluster.create(
            bindings,
            {
                "metadata": {"name": name},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
                "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": bench.namespace}],
            },
        )
    token = bench.cluster.create(f"{accounts}/{name}/token", {"spec": {"expirationSeconds": 7200}})["status"]["token"]
    url = urlsplit(bench.login.host)
    with CountingProxy(str(url.hostname), url.port or 443) as proxy:
        there = {
            "server": f"https://127.0.0.1:{proxy.port}",
            "tls-server-name": "kubernetes",
            "certificate-authority": bench.login.configuration.ssl_ca_cert,
        }
        kubeconfig = bench.folder / f"{name}.kubeconfig"
        kubeconfig.write_text(
            json.dumps(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "current-context": name,
                    "clusters": [{"name": name, "cluster": there}],
                    "users": [{"name": name, "user": {"token": token}}],
                    "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
                }
            )
        )
        yield Client(f"system:serviceaccount:{bench.namespace}:{name}", kubeconfig, proxy)


def rolebindings(namespace: str) -> str:
    return path("RoleBinding", namespace)


def audited(bench: Bench, since: datetime.datetime) -> dict[str, int]:
    """How many requests each user has made since then, by the API server's audit log and what was rotated of it."""
    time.sleep(2)
    seen: dict[str, set[str]] = {}
    folder = bench.kubeconfig.parent / "log"
    for file in folder.glob("audit*.log"):
        with file.open("rb") as log:
            for event in map(json.loads, log):
                if datetime.datetime.fromisoformat(event["requestReceivedTimestamp"]) >= since:
                    seen.setdefault(event["user"]["username"], set()).add(event["auditID"])
    if not seen:
        raise BenchError(f"the audit log of the API server, in {folder}, has nothing since {since:%H:%M:%S}")
    return {user: len(requests) for user, requests in seen.items()}


def submit_fanout(bench: Bench) -> Iterator[Row]:
    """From the start of the role gpu_fanout with 1,000 items to its Workflow on the cluster; no controller takes it."""
    role: Task = {
        "ansible.builtin.import_role": {"name": "argo.workflows.gpu_fanout"},
        "vars": {
            "argo_namespace": bench.namespace,
            "argo_instance_id": "nobody",
            "gpu_fanout_name": "thousand",
            "gpu_fanout_items": [f"item {number}" for number in range(1000)],
            "gpu_fanout_image": IMAGE,
            "gpu_fanout_command": ["true"],
            "gpu_fanout_logs_dir": "",
        },
    }

    def submitting() -> float:
        came = bench.next_event(
            path("Workflow", bench.namespace), lambda it: it["metadata"]["name"].startswith("thousand")
        )
        with bench.started(["ansible-playbook", bench.playbook([role])]) as lines:
            seconds = came() - lines.when("TASK [")
        remove_workflows(bench, "thousand")
        return seconds

    yield Row(
        "role gpu_fanout: 1,000 items submitted",
        "s",
        bench.in_turn({"gpu_fanout": Way(submitting)}),
        [Target("gpu_fanout", 3)],
    )
