# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The init and wait containers of a workflow pod; what runs in `main` is argoexec.sh, by way of busybox."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

from .kube import ApiError, Kube, own_namespace, workflows
from .pods import DIRECTORY, LABEL

STAGING = Path("/argo/staging")
EXECUTOR_ERROR = 64
"""The exit code by which Argo tells a failed executor from a failed job."""


def init() -> None:
    """Brings busybox, the wrapper and the script, if there is one, where the main container finds them."""
    busybox, argoexec = Path(DIRECTORY, "busybox"), Path(DIRECTORY, "argoexec")
    shutil.copyfile("/bin/busybox", busybox)
    argoexec.write_text(f"#!{busybox} sh\n" + Path(__file__).with_name("argoexec.sh").read_text())
    for program in (busybox, argoexec):
        program.chmod(0o755)
    template = json.loads(os.environ["ARGO_TEMPLATE"])
    (STAGING / "script").write_text(template.get("script", {}).get("source", ""), encoding="utf-8")
    (STAGING / "script").chmod(0o755)
    parameters = template.get("outputs", {}).get("parameters", [])
    lines = [f"{parameter['name']}\t{parameter['valueFrom']['path']}\n" for parameter in parameters]
    Path(DIRECTORY, "outputs").write_text("".join(lines), encoding="utf-8")
    Path(DIRECTORY, "template").write_text(json.dumps(template), encoding="utf-8")


def outputs(main: Path) -> list[dict[str, Any]]:
    """The output parameters that main left: a file's text without its last line end, or the default."""
    found = []
    for parameter in json.loads(Path(DIRECTORY, "template").read_text()).get("outputs", {}).get("parameters", []):
        file, default = main / f"output-{parameter['name']}", parameter["valueFrom"].get("default")
        if file.exists():
            found.append({**parameter, "value": file.read_text(encoding="utf-8", errors="replace").removesuffix("\n")})
        elif default is not None:
            found.append({**parameter, "value": default})
    return found


def wait() -> None:
    """Announces the pod's task result, waits for the end of main, and completes the result."""
    ending: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: ending.append(number))
    kube, path = Kube(), workflows(own_namespace(), plural="workflowtaskresults")
    name, workflow = os.environ["ARGO_NODE_ID"], os.environ["ARGO_WORKFLOW_NAME"]
    owner = {"apiVersion": "v1", "kind": "Pod", "name": os.environ["ARGO_POD_NAME"], "uid": os.environ["ARGO_POD_UID"]}
    completed = LABEL + "report-outputs-completed"
    metadata = {"name": name, "labels": {LABEL + "workflow": workflow, completed: "false"}, "ownerReferences": [owner]}
    result = {"apiVersion": "argoproj.io/v1alpha1", "kind": "WorkflowTaskResult", "metadata": metadata}
    try:
        kube.create(path, result)
        main, grace = Path(DIRECTORY, "ctr", "main"), time.monotonic() + 1e9
        while not (main / "exitcode").exists() and time.monotonic() < grace:
            grace = min(grace, time.monotonic() + 2) if ending else grace
            time.sleep(0.1)
        body: dict[str, Any] = {"metadata": {"labels": {completed: "true"}}}
        if parameters := outputs(main):
            body["outputs"] = {"parameters": parameters}
        kube.merge(f"{path}/{name}", body)
    except ApiError as error:
        print(f"stand-in: {error}", file=sys.stderr)
        Path("/dev/termination-log").write_text(str(error), encoding="utf-8")
        sys.exit(EXECUTOR_ERROR)


if __name__ == "__main__":
    {"init": init, "wait": wait}[sys.argv[1]]()
