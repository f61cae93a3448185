# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mistakes that Argo would find too late, or not at all, are named before a Workflow is submitted."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.argo.workflows.plugins.module_utils._submit.checks import check
from ansible_collections.argo.workflows.plugins.module_utils._submit.manifest import ManifestError
from ansible_collections.argo.workflows.tests.support import recordings
from ansible_collections.argo.workflows.tests.support.manifests import changed, gpu_say


def test_all_mistakes_of_a_manifest_are_named_at_once() -> None:
    with pytest.raises(ManifestError, match=r"the entrypoint nowhere is not .*; the template work has none of steps"):
        check(changed(entrypoint="nowhere", work__container=None))


@pytest.mark.parametrize("recording", ["fanout-ok", "fanout-map-items", "dag-diamond", "suspend-resume", "outputs"])
def test_manifests_that_a_real_argo_ran_are_free_of_complaints(recording: str) -> None:
    assert check(recordings.submitted(recording)) == []


@pytest.mark.parametrize("name", ["Upper", "a_b", "-a", "a-", "a" * 64, ""])
def test_a_name_that_kubernetes_refuses_is_refused_before(name: str) -> None:
    with pytest.raises(ManifestError, match="cannot be a Workflow's name"):
        check({**gpu_say(), "metadata": {"name": name}})


@pytest.mark.parametrize(
    ("workflow", "sentence"),
    [
        (changed(entrypoint="nowhere"), "the entrypoint nowhere is not one of the templates: main, work"),
        (changed(arguments={"parameters": [{"name": "messages"}]}), "the parameter messages has no value"),
        (changed(main__activeDeadlineSeconds=60), "activeDeadlineSeconds of the template main belongs on the template"),
        (changed(main__steps=[[{"name": "n", "template": "wrok"}]]), "n of the template main calls the template wrok"),
        (changed(work__container=None), "the template work has none of steps, dag, container"),
        (changed(main__steps=[[{"template": "work"}]]), "a step or task of the template main has no name"),
        (changed(work__name=None), "a template has no name"),
        (changed(work__name="main"), "there are several templates named main"),
        (changed(work__retryStrategy={"limit": 1, "backoff": {"factor": 2}}), "template work has no duration"),
        (changed(work__retryStrategy={"limit": 1, "backoff": {"duration": "1s", "factor": "1.5"}}), "factor .* is 1.5"),
    ],
)
def test_a_mistake_that_the_controller_would_refuse_is_refused_before(workflow: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ManifestError, match=sentence):
        check(workflow)


@pytest.mark.parametrize(
    ("workflow", "sentence"),
    [
        (changed(retryStrategy={"limit": 1}), "spec.retryStrategy retries every template"),
        (changed(main__retryStrategy={"limit": 1}), "of the template main retries the whole of it"),
        (changed(work__retryStrategy={"backoff": {"duration": "1s"}}), "of the template work has no limit"),
    ],
)
def test_a_retry_that_argo_takes_but_nobody_means_is_warned_about(workflow: dict[str, Any], sentence: str) -> None:
    warnings = check(workflow)
    assert len(warnings) == 1
    assert sentence in warnings[0]
