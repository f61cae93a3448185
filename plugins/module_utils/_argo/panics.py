# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Workflow Argo's controller ends for, by its log. Private to the collection. Pure.

One Workflow can end the controller of all: one that it cannot read (`panic: unable to calculate an index entry for key
"NAMESPACE/NAME" …`, by client-go), and one that it never gets on with (its liveness probe fails: `workflow exceeds max
age and no progress: NAMESPACE/NAME`, healthz.go of Argo).
"""

from __future__ import annotations

import dataclasses
import re

_NAME = r'"?(?P<namespace>[a-z0-9-]+)/(?P<name>[a-z0-9.-]+)'
_SIGNS = (re.compile(rf"panic: [^\n]*?\bkey {_NAME}[^\n]*"), re.compile(rf"no progress: {_NAME}"))
_LONGEST = 300
"""Characters of what is quoted."""


@dataclasses.dataclass(frozen=True, slots=True)
class Culprit:
    """A Workflow that ends the controller, and the controller's own words for it."""

    namespace: str
    name: str
    words: str


def culprit_of(log: str) -> Culprit | None:
    """The Workflow that a controller has ended for, by its log; None if the log names none."""
    for sign in _SIGNS:
        if found := sign.search(log):
            return Culprit(found["namespace"], found["name"], found[0][:_LONGEST])
    return None
