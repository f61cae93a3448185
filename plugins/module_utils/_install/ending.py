# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a container of an installation has ended, by its log. Private to the collection."""

from __future__ import annotations

import contextlib
import itertools
import re
from collections.abc import Iterable

from ansible_collections.argo.workflows.plugins.module_utils._argo.panics import Culprit, culprit_of
from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import Json
from ansible_collections.argo.workflows.plugins.module_utils._install.objects import CONTROLLER
from ansible_collections.argo.workflows.plugins.module_utils._install.readiness import pods_of, restarts_of
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.cluster import METADATA, Cluster
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import path

READ_LINES = 400
"""Lines that are read of a log: a panic is followed by the stacks of hundreds of goroutines."""
SHOWN_LINES = 10
_NO_LOG = re.compile(r"unable to retrieve container logs for \S+\s*")
"""What the kubelet answers, as if it were the log, once the container is gone (kuberuntime_container.go)."""


def last_log(cluster: Cluster, namespace: str, pod: str, container: str) -> str:
    """The end of a container's log before it was started again, else of the present one; "" where there is none."""
    for previous in ("true", "false"):
        with contextlib.suppress(ApiError):
            query = {"container": container, "tailLines": READ_LINES, "previous": previous}
            stream = cluster.open_log(path("Pod", namespace, pod, "log"), read_timeout=10, **query)
            text = b"".join(stream).decode(errors="replace").strip()
            if text and not _NO_LOG.fullmatch(text):
                return text
    return ""


def lines_that_say_why(log: str) -> str:
    """The lines of a log that say why its container ended: its panic without the stacks, else the last ones."""
    lines = log.splitlines()
    panic = next((number for number, line in enumerate(lines) if line.startswith("panic: ")), None)
    if panic is None:
        return "\n".join(lines[-SHOWN_LINES:])
    said = itertools.takewhile(lambda line: not line.startswith("goroutine "), lines[panic:])
    return "\n".join(itertools.islice(said, SHOWN_LINES)).strip()


def culprit_for(cluster: Cluster, home: str, pods: Iterable[Json]) -> Culprit | None:
    """The Workflow that a controller in the namespace `home` has ended for and that is still there, if its log has one.

    A controller that its liveness probe ends is ready in between, so one that serves is asked too.
    """
    for pod in pods_of(pods, CONTROLLER):
        culprit = culprit_of(last_log(cluster, home, pod["metadata"]["name"], CONTROLLER)) if has_ended(pod) else None
        if culprit and _is_there(cluster, culprit):
            return culprit
    return None


def has_ended(pod: Json) -> bool:
    """Whether a container of a pod has ended, be it started again or not."""
    containers = (pod.get("status") or {}).get("containerStatuses") or ()
    return restarts_of(pod) > 0 or any("terminated" in (container.get("state") or {}) for container in containers)


def _is_there(cluster: Cluster, culprit: Culprit) -> bool:
    """Whether a Workflow exists, as far as it may be read."""
    try:
        return cluster.find(path("Workflow", culprit.namespace, culprit.name), accept=METADATA) is not None
    except ApiError:
        return True


def named(culprit: Culprit | None) -> str:
    """A Workflow as `NAMESPACE/NAME`; "" if there is none."""
    return f"{culprit.namespace}/{culprit.name}" if culprit else ""


def how_to_go_on(culprit: Culprit) -> str:
    """Which Workflow ends the controller, and what to do about it; one sentence without a full stop."""
    return (
        f"the Workflow {named(culprit)} ends the controller ({culprit.words}), and will at every start: delete it"
        f" (kubectl -n {culprit.namespace} delete workflow {culprit.name}); the controller then goes on when it is"
        " started again, which takes up to 5 minutes, or at once if its pod is deleted"
    )
