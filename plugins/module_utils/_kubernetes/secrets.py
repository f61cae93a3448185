# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The secrets that this process was handed, so that nothing shows them. Private to the collection."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

MASK = "********"
_SHORTEST = 4
"""Characters that a secret has at least: without shorter ones, texts would be nothing but masks."""
_known: tuple[str, ...] = ()


def remember(secrets: Iterable[str]) -> None:
    """Mask these from now on, in every form of theirs; for the life of this process."""
    global _known
    written = {form for secret in secrets for form in forms(secret) if len(form) >= _SHORTEST}
    _known = tuple(sorted(written.union(_known), key=len, reverse=True))


def forget() -> None:
    """Mask nothing any more."""
    global _known
    _known = ()


def known() -> tuple[str, ...]:
    """What is masked, the longest first."""
    return _known


def masked(text: str) -> str:
    """A text without the secrets that are known."""
    for secret in _known:
        text = text.replace(secret, MASK)
    return text


def forms(secret: str) -> Iterator[str]:
    """A secret as texts show it: as it is, without white space around it, quoted by Python, JSON and URLs, in base64.

    Of one with several lines, as a private key, the lines, too.
    """
    stripped = secret.strip()
    for text in dict.fromkeys([secret, stripped]):
        raw = text.encode(errors="surrogatepass")
        yield text
        yield repr(text)[1:-1]
        yield json.dumps(text)[1:-1]
        yield from (quote(raw, safe=""), quote(raw), quote_plus(raw))
        for encoded in (base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()):
            yield from (encoded, encoded.rstrip("="))
    yield from (line for line in stripped.splitlines() if "-----" not in line)
