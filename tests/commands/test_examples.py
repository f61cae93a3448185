# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Argo's own authors write is taken as it is: the examples in the Go module that the tests' Argo is built of."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._submit.manifest import ManifestError
from ansible_collections.argo.workflows.plugins.module_utils._submit.submission import prepare
from ansible_collections.argo.workflows.plugins.modules import workflow
from ansible_collections.argo.workflows.roles.local_cluster.files.building import default_cache, go
from ansible_collections.argo.workflows.tests.engine.argo import MODULE
from ansible_collections.argo.workflows.tests.engine.modules import fetched
from ansible_collections.argo.workflows.tests.support.module import Module


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The Workflows among the examples, each as it is written, by file and place in it."""
    module = fetched(MODULE, go(default_cache()), tmp_path_factory.mktemp("go"))
    return {
        f"{file.relative_to(module)} ({number})": text
        for file in sorted(Path(module, "examples").rglob("*.y*ml"))
        for number, text in enumerate(re.split(r"^---\s*$", file.read_text(), flags=re.MULTILINE))
        if re.search(r"^kind: Workflow$", text, re.MULTILINE)
    }


def test_every_workflow_among_argos_examples_is_taken_and_only_a_doubled_key_is_warned_of(
    examples: dict[str, str],
) -> None:
    assert len(examples) > 150
    twice = "a warning: metadata.annotations of definition comes twice, and only the second one counts"
    said = {name: words for name, text in examples.items() if (words := _said(text))}
    assert said == {"examples/k8s-patch-json-workflow.yaml (0)": twice}


def _said(text: str) -> str:
    """What is said of a Workflow before it is submitted; empty if nothing."""
    try:
        warnings = prepare(Module(workflow, definition=text).params).warnings
    except ManifestError as error:
        return f"refused: {error}"
    return "; ".join(f"a warning: {warning}" for warning in warnings)
