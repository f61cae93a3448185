# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the API server's audit log says of an account."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

from ansible_collections.argo.workflows.tests.soak.checks import Json


def open_streams(folder: Path, user: str, since: float) -> list[str]:
    """The watches and logs that the API server has begun to send to `user` after `since`, and has not ended.

    `since` (seconds since 1970) is when it was started: one that was killed has written no end of its streams.
    """
    began: dict[str, str] = {}
    for path in sorted(folder.glob("audit*.log"), key=lambda path: path.stat().st_mtime):
        with path.open() as log:
            for line in log:
                if user not in line:
                    continue
                try:
                    event: Json = json.loads(line)
                except ValueError:  # what an API server wrote when it was killed
                    continue
                if event["user"]["username"] != user or _seconds(event["stageTimestamp"]) < since:
                    continue
                if event["stage"] == "ResponseStarted":
                    began[event["auditID"]] = f"{event['verb']} {event['requestURI']}"
                else:
                    began.pop(event["auditID"], None)
    return list(began.values())


def _seconds(time: str) -> float:
    return datetime.datetime.fromisoformat(time).timestamp()
