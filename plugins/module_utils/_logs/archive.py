# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The logs that Argo has archived, for those that cannot be read from a pod any more. Private to the collection.

Where `archiveLogs` is on, what a container NAME wrote becomes the artifact `NAME-logs` of its pod's node: its bytes,
without timestamps and without the executor's lines. The Argo Server hands it out at
`/artifacts/NAMESPACE/WORKFLOW/NODE/ARTIFACT` (server/artifacts/artifact_server.go of Argo v4.1).
"""

from __future__ import annotations

import contextlib
import dataclasses
import queue
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote, urlsplit

from ansible_collections.argo.workflows.plugins.module_utils._argo.items import attempt_of_node
from ansible_collections.argo.workflows.plugins.module_utils._argo.vocabulary import Json
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.cluster import READ_TIMEOUT, Cluster, LogStream
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.credentials import token_of
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError
from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.login import Login
from ansible_collections.argo.workflows.plugins.module_utils._logs.files import WRITE, open_own, remove_own
from ansible_collections.argo.workflows.plugins.module_utils._logs.folder import Log
from ansible_collections.argo.workflows.plugins.module_utils._logs.options import LogOptions
from ansible_collections.argo.workflows.plugins.module_utils._logs.sinks import WholeLines
from ansible_collections.argo.workflows.plugins.module_utils._logs.verdict import why_failed

PARALLEL = 8
"""Requests at once: the server reads each log from the artifact repository first."""
_LOGS = "-logs"
_END = 1024
_CUT_OFF = re.compile(rb"failed to stream artifact: ([^\n]*)\n\Z")
"""What the server writes behind a log that it could not read to its end; the answer ends properly, with status 200."""


def server_of(params: Mapping[str, Any], cluster: Cluster) -> Cluster | None:
    """The Argo Server that a module's options name; None without the option `server`.

    It is sent `server_token`, or else the token of the connection to `cluster`, if that has one. ApiError if `server`
    is not a URL, or if the connection's token would reach somebody else, or ask for more than the connection may.
    """
    url, token = params["server"], token_of(params["server_token"] or "", "server_token")
    if not url:
        return None
    if not re.match(r"https?://[^/]", url):
        raise ApiError(f"server: {url!r} is not a URL, such as https://argo.example.org")

    verified, authority = params["server_validate_certs"], params.get("server_ca_cert")
    if not token and cluster.bearer() and (why := _why_not_the_connections(url, verified, params)):
        raise ApiError(f"server: the token of the connection is not sent to {url}, {why}, or set server_token")

    def authorize(renew: bool) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {token}"} if token else cluster.bearer(renew)

    login = Login({"host": url, "validate_certs": verified, "ca_cert": authority})
    return Cluster(url, login.transport(), authorize, cluster.clock)


def _why_not_the_connections(url: str, verified: bool, params: Mapping[str, Any]) -> str:
    """Why the token of the connection must not be sent to an Argo Server, and what to do; "" if it may."""
    if params.get("impersonate_user") or params.get("impersonate_groups"):
        return "which does not know impersonation and would act for the token's own user: leave impersonate_user out"
    host = urlsplit(url).hostname or ""
    if host == "localhost" or re.fullmatch(r"127(\.\d+){3}|::1", host):
        return ""
    if not url.startswith("https:"):
        return "for anybody on the way could read it: use https"
    return (
        "" if verified else "whose certificate is not verified: set server_ca_cert and leave server_validate_certs out"
    )


def archived_logs(workflow: Json, nodes: Mapping[str, Json]) -> Iterator[tuple[str, str, str]]:
    """The archived logs of a Workflow, whose nodes are `nodes` by ID: (pod, container, path at the server)."""
    metadata = workflow["metadata"]
    for node in nodes.values():
        artifacts = (node.get("outputs") or {}).get("artifacts") or () if node.get("type") == "Pod" else ()
        for name in (artifact["name"] for artifact in artifacts):
            if name.endswith(_LOGS):
                parts = (metadata["namespace"], metadata["name"], node["id"], name)
                path = "/artifacts/" + "/".join(quote(part, safe="") for part in parts)
                yield attempt_of_node(workflow, node).pod, name.removesuffix(_LOGS), path


@dataclasses.dataclass(frozen=True, slots=True)
class _Fetched:
    """An archived log that has come."""

    file: Path | None
    """Where it is; None if it was only shown."""
    size: int
    lines: int


class Archive:
    """Completes logs from the archive, and passes on what is new in them to `lines`.

    Threads fetch into files beside the logs' own; only the thread that calls `complete` changes the logs.
    """

    def __init__(self, server: Cluster | None, options: LogOptions, lines: WholeLines | None = None) -> None:
        self._server = server
        self._options = options
        self._lines = lines or WholeLines()
        self._todo: queue.SimpleQueue[tuple[Log, str]] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[tuple[Log, _Fetched | str]] = queue.SimpleQueue()
        self._streams: set[LogStream] = set()
        self._refusal: ApiError | None = None
        """Why the server is not asked any more."""
        self._over = False

    def complete(
        self,
        workflows: Iterable[tuple[Json, Mapping[str, Json]]],
        logs: Iterable[Log],
        proceed: Callable[[], bool],
    ) -> None:
        """Replace each log that is not complete by the archived one, if there is one; else its reason says why not.

        `workflows` are those of the logs, each with its nodes by ID. All of `logs` are at their end. What has not come
        when `proceed()` is false is given up.
        """
        incomplete = [log for log in logs if not log.complete]
        if not incomplete:
            return
        paths = {
            (workflow["metadata"]["name"], pod, container): path
            for workflow, nodes in workflows
            for pod, container, path in archived_logs(workflow, nodes)
        }
        left = {log: path for log in incomplete if (path := paths.get((log.workflow, log.pod, log.container)))}
        if not self._server:
            what = "is available from the Argo Server: set server to its URL"
        elif self._options.is_cut:
            what = "is available only as a whole: leave out since, tail and grep"
        else:
            what = "did not come in time"
            self._fetch_all(self._server, left, proceed)
        for log in left:
            _explain(log, what)

    def _fetch_all(self, server: Cluster, left: dict[Log, str], proceed: Callable[[], bool]) -> None:
        """Fetch until nothing is left, or until `proceed()` is false."""
        for log_and_path in left.items():
            self._todo.put(log_and_path)
        for number in range(min(PARALLEL, self._options.parallel, len(left)) if proceed() else 0):
            threading.Thread(target=self._work, args=(server,), name=f"archive-{number}", daemon=True).start()
        while left and (proceed() or not self._done.empty()):
            with contextlib.suppress(queue.Empty):
                log, outcome = self._done.get(timeout=0.05)
                del left[log]
                _settle(log, outcome)
        self._over = True
        for stream in list(self._streams):
            stream.abort()

    def _work(self, server: Cluster) -> None:
        while not self._over:
            try:
                log, path = self._todo.get_nowait()
            except queue.Empty:
                return
            try:
                outcome: _Fetched | str = self._fetch(server, log, path)
            except ApiError as error:
                outcome = f"could not be fetched: {_sentence(error)}"
            except Exception as error:  # each log that was asked for is answered for, whatever happens
                outcome = why_failed(error)
            self._done.put((log, outcome))

    def _fetch(self, server: Cluster, log: Log, path: str) -> _Fetched:
        """Fetch one log; ApiError if it does not come to its end, OSError if it cannot be written."""
        if self._refusal:
            raise self._refusal
        try:
            stream = server.open_log(path, read_timeout=READ_TIMEOUT)
        except ApiError as error:
            if error.status in (None, 401):
                self._refusal = error
            raise
        file = log.path and log.path.with_suffix(".archived")
        self._streams.add(stream)
        try:
            with open_own(file, log.root, WRITE) if file else contextlib.nullcontext() as target:
                size, lines = self._copy(stream, target, log)
        except BaseException:
            if file:
                remove_own(file, log.root)
            raise
        finally:
            self._streams.discard(stream)
            stream.close()
        return _Fetched(file, size, lines)

    def _copy(self, stream: LogStream, target: BinaryIO | None, log: Log) -> tuple[int, int]:
        """Copy a log to its file and pass on what is new in it; returns its bytes and its lines."""
        size, lines, end, unread = 0, 0, b"", _Unread(log)
        for chunk in stream:
            if self._over:
                raise ApiError("it was given up")
            if target:
                target.write(chunk)
            if new := unread.part_of(chunk):
                self._lines.feed(log, new)
            size += len(chunk)
            lines += chunk.count(b"\n")
            end = (end + chunk)[-_END:]
        if cut_off := _CUT_OFF.search(end):
            raise ApiError(f"the Argo Server could not read it to its end: {cut_off[1].decode(errors='replace')}")
        return size, lines


class _Unread:
    """Finds in the chunks of an archived log what was not read from its pod; nothing if that has gaps."""

    def __init__(self, log: Log) -> None:
        # What is known is counted in lines: the kubelet's have lost the carriage return at their ends.
        self._lines = log.lines
        self._bytes = 0 if log.cursor.ended else log.cursor.length
        self._gaps = bool(log.gaps)

    def part_of(self, chunk: bytes) -> bytes:
        """What of the next chunk is new."""
        *known, last = chunk.split(b"\n", self._lines)
        self._lines -= len(known)
        if self._lines or self._gaps:
            return b""
        new = last[self._bytes :]
        self._bytes -= len(last) - len(new)
        return new


def _settle(log: Log, outcome: _Fetched | str) -> None:
    """Enter what came of a log."""
    if isinstance(outcome, str):
        _explain(log, outcome)
    elif outcome.lines < log.lines:
        _explain(log, f"has no more than {outcome.lines:,} lines")
        if outcome.file:
            remove_own(outcome.file, log.root)
    else:
        try:
            log.replace(outcome.file, outcome.size, outcome.lines)
        except OSError as error:
            _explain(log, f"could not be written: {error.strerror or error}")


def _explain(log: Log, what: str) -> None:
    log.spoil(f"its archived log, the artifact {log.container}{_LOGS}, {what}")


def _sentence(error: ApiError) -> str:
    """What went wrong, and what to do about it."""
    if error.status == 401:
        return f"{error}; set server_token to one that it accepts"
    if error.status == 500:
        return f"{error}; the log of the Argo Server says why, often that the token's account may not get a Secret"
    if error.status is None:
        # The rest would be about the connection to the cluster.
        what = str(error).partition("; ")[0]
        trusted = "set server_ca_cert, or server_validate_certs to false if the server has made it itself"
        return f"{what}; {trusted}" if "certificate" in what else what
    return str(error)
