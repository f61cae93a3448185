# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the Kubernetes API answers when a request fails, as one sentence. Private to the collection."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.secrets import masked

TRANSIENT = frozenset({429, 500, 502, 503, 504})
_STRICTER = re.compile("Key Identifier|CA cert does not include|marked critical")


LONGEST = 2000
"""Characters that are kept of a server's message."""
CERTIFICATE_REFUSED = "CertificateRefused"
"""The reason of an error for which the server has refused the certificate of this side."""
_REFUSED = re.compile(r"(?i)alert[ _](bad[ _])?certificate|alert[ _]unknown[ _]ca|certificate[ _]required")


class ApiError(Exception):
    """A request that failed, as one sentence: what was tried, on what, and what came back. No secret is in it.

    `status` is the HTTP status, or None when no answer came; `reason` is the API's reason (`NotFound`, `Forbidden`, …).
    """

    def __init__(self, sentence: str, status: int | None = None, reason: str = "", message: str = "") -> None:
        super().__init__(masked(sentence))
        self.status = status
        self.reason = reason
        self.message = masked(message or sentence)
        self.retry_after = 0.0

    @property
    def transient(self) -> bool:
        """Whether the same request may succeed a little later."""
        return self.status is None or self.status in TRANSIENT


@contextmanager
def unless_refused() -> Iterator[None]:
    """Leave the block in silence where these credentials may not ask (a 403): what comes after it stands for that."""
    try:
        yield
    except ApiError as error:
        if error.status != 403:
            raise


def no_answer(method: str, path: str, host: str, error: Exception) -> ApiError:
    text = str(error)
    if _REFUSED.search(text):
        what = (
            f"{host} does not accept the client certificate (one that expired?): {text.rsplit('(', 1)[-1].rstrip(')')}"
        )
        return ApiError(f"{method} {path}: {what}", reason=CERTIFICATE_REFUSED)
    if "CERTIFICATE_VERIFY_FAILED" in text and _STRICTER.search(text):
        what = (
            f"the certificate of {host} breaks a rule that Python keeps from 3.13 on ({text.rsplit(': ', 1)[-1]}): set "
            "ansible_python_interpreter to an older Python, or have the certificate renewed"
        )
    elif "CERTIFICATE_VERIFY_FAILED" in text:
        what = f"the certificate of {host} is not trusted ({text.rsplit(': ', 1)[-1]}); set ca_cert"
    elif "refused" in text or "NameResolution" in type(error).__name__ or "ConnectTimeout" in type(error).__name__:
        what = f"nothing answers at {host}; is the cluster running, and is the kubeconfig the right one?"
    else:
        what = f"the connection to {host} broke ({type(error).__name__}: {text[:200]})"
    return ApiError(f"{method} {path}: {what}")


def ended_unanswered(error: BaseException | None) -> bool:
    """Whether a connection ended instead of an answer, as it may where a server refuses a certificate.

    In TLS 1.3 a client has sent its request by then, and the end of the connection may come before the alert is read.
    """
    from urllib3.exceptions import ProtocolError

    return isinstance(error, ProtocolError) or "EOF occurred in violation of protocol" in str(error)


def status_error(method: str, path: str, host: str, code: int | None, status: Any) -> ApiError:
    """What an answer with an error's code means; `status` is the Status it came with, or what came instead of one."""
    if not isinstance(status, Mapping):
        status = {"message": None if status is None else str(status)}
    message = str(status.get("message") or "no message")[:LONGEST]
    reason = str(status.get("reason") or "")
    came_back = " ".join(str(part) for part in (code, reason) if part)
    hint = "; the credentials are not accepted (a token that expired?)" if code == 401 else ""
    return ApiError(f"{method} {path} on {host}: {came_back}: {message}{hint}", code, reason, message)
