# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The manifest of the README's example, and changed ones."""

from __future__ import annotations

from typing import Any

from ansible_collections.argo.workflows.plugins.module_utils._submit.manifest import read

GPU_SAY = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata:
  generateName: gpu-say-
spec:
  entrypoint: main
  arguments:
    parameters:
      - {name: messages, value: '["Argo"]'}
  templates:
    - name: main
      steps:
        - - name: n
            template: work
            arguments: {parameters: [{name: message, value: "{{item}}"}]}
            withParam: "{{workflow.parameters.messages}}"
    - name: work
      inputs: {parameters: [{name: message}]}
      retryStrategy: {limit: 2}
      container: {image: busybox, command: [echo, on, 2026-11-22, 12:30, 0x10, 010, 1.5, true, ~]}
"""


def gpu_say() -> dict[str, Any]:
    return read(GPU_SAY, "gpu-say.yaml")


def changed(**changes: Any) -> dict[str, Any]:
    """The manifest with other values: `work__container` is templates[work].container, None removes the key."""
    workflow = gpu_say()
    for path, value in changes.items():
        *where, key = path.split("__")
        target = workflow["spec"]
        if where and where[0] in ("main", "work"):
            target = next(each for each in target["templates"] if each["name"] == where[0])
            where = where[1:]
        for part in where:
            target = target[part]
        if value is None:
            target.pop(key)
        else:
            target[key] = value
    return workflow
