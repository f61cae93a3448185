# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Go modules that hold a whole program: exactly the one that is known, from the Go module proxy."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.argo.workflows.roles.local_cluster.files.building import BuildError, call, say


@dataclass(frozen=True)
class Module:
    """A Go module, as `go` names it, and what it is called in sentences."""

    title: str
    path: str
    version: str
    sum: str
    """Its checksum, as in a go.sum. Its own go.sum, which this covers, has those of all that it needs."""


def fetched(module: Module, go: str, folder: Path) -> Path:
    """Return the folder of the module in Go's own cache, which `go` fills if need be; its checksum is the one we know.

    `folder` is one without a go.mod above it.
    """
    say(f"Fetching {module.title}'s module.")
    # No other database of checksums needs to be asked.
    command = ["env", "GOSUMDB=off", go, "mod", "download", "-json", f"{module.path}@{module.version}"]
    found = json.loads(call(command, f"fetching {module.title} {module.version}", cwd=folder))
    if found["Sum"] != module.sum:
        raise BuildError(
            f"The Go module proxy serves another {module.path} {module.version} than the one that is known: its"
            f" checksum is {found['Sum']}, and should be {module.sum}. GOPROXY says which proxy is asked."
        )
    return Path(found["Dir"])
