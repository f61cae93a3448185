# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A path is that of the kind, and no name or namespace leads out of its place in it."""

from __future__ import annotations

import pytest
import urllib3

from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.paths import (
    KINDS,
    path,
    why_not_a_name,
    why_not_a_namespace,
)

STRANGE = ["a?b c", "a#b", "a;b", "a\\b", "a&b=c", "https:argo-server:2746"]
LEADING_ELSEWHERE = ["b/../../../team-b/workflows/y", "../pods", "x/status", "/", "a%2Fb", "%2E%2E", ".", ".."]
"""What a client folds, or a server that has taken the quotes off: Kubernetes' own client refuses them, too."""


def as_sent(path: str) -> list[str]:
    """The segments of a path as urllib3 sends it, after it has folded what leads up."""
    return str(urllib3.util.parse_url(f"https://k8s:6443{path}").request_uri).split("/")


def test_a_path_is_that_of_the_kind() -> None:
    assert path("Workflow", "argo", "x") == "/apis/argoproj.io/v1alpha1/namespaces/argo/workflows/x"
    assert path("Pod", "argo", "p", "log") == "/api/v1/namespaces/argo/pods/p/log"
    assert path("ConfigMap", "argo") == "/api/v1/namespaces/argo/configmaps"


def test_without_a_namespace_a_path_is_that_of_the_whole_cluster() -> None:
    assert path("Pod") == "/api/v1/pods"
    assert path("Workflow") == "/apis/argoproj.io/v1alpha1/workflows"


def test_a_kind_without_namespaces_has_none_in_its_path() -> None:
    assert path("Node", name="n") == path("Node", "argo", "n") == "/api/v1/nodes/n"
    assert path("SelfSubjectAccessReview") == "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


@pytest.mark.parametrize("name", STRANGE)
@pytest.mark.parametrize("kind", KINDS)
def test_a_name_stays_one_segment_of_the_path(kind: str, name: str) -> None:
    plain = as_sent(path(kind, "argo", "x"))
    sent = as_sent(path(kind, "argo", name))
    assert sent[:-1] == plain[:-1] and len(sent) == len(plain)


@pytest.mark.parametrize("namespace", STRANGE)
def test_a_namespace_stays_one_segment_of_the_path(namespace: str) -> None:
    plain = as_sent(path("Workflow", "argo", "x"))
    sent = as_sent(path("Workflow", namespace, "x"))
    place = plain.index("argo")
    assert sent[:place] + sent[place + 1 :] == plain[:place] + plain[place + 1 :]


@pytest.mark.parametrize("part", LEADING_ELSEWHERE)
def test_a_name_or_namespace_that_leads_elsewhere_is_refused(part: str) -> None:
    for namespace, name, sub in ((part, "x", ""), ("argo", part, ""), ("argo", "x", part)):
        with pytest.raises(ApiError, match="cannot be the name of a Workflow or of its namespace"):
            path("Workflow", namespace, name, sub)


@pytest.mark.parametrize("name", ["a", "a-b", "a.b-c.d", "0", "x" * 253])
def test_a_dns_subdomain_is_a_name(name: str) -> None:
    assert why_not_a_name(name) == ""


@pytest.mark.parametrize(
    "name", [*STRANGE, *LEADING_ELSEWHERE, "", "A", "a_b", "-a", "a-", "a..b", "a.-b", "a\n", "ä", "x" * 254]
)
def test_what_is_not_a_dns_subdomain_is_not_a_name(name: str) -> None:
    assert why_not_a_name(name).startswith(f"{name!r} is not a name: it may have at most 253 ")


@pytest.mark.parametrize("name", ["a", "a-b", "0", "x" * 63])
def test_a_dns_label_is_a_namespaces_name(name: str) -> None:
    assert why_not_a_namespace(name) == ""


@pytest.mark.parametrize("name", [*STRANGE, *LEADING_ELSEWHERE, "", "a.b", "A", "-a", "a-", "a\n", "x" * 64])
def test_what_is_not_a_dns_label_is_not_a_namespaces_name(name: str) -> None:
    assert why_not_a_namespace(name).startswith(f"{name!r} is not the name of a namespace: it may have at most 63 ")
