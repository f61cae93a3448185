# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that Argo needs for some features. They run on this machine, where the cluster's pods reach them."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ansible_collections.argo.workflows.roles.local_cluster.files.building import default_cache
from ansible_collections.argo.workflows.tests.engine import versitygw
from ansible_collections.argo.workflows.tests.support.cluster import administrator, run

USER, PASSWORD = "argo", "a-secret-of-the-tests"
BUCKET = "argo"
DATABASE = "postgres"
START = 60.0
"""Seconds in which a server has to accept connections."""

on_this_machine = pytest.mark.skipif(
    bool(os.environ.get("CLUSTER_KUBECONFIG")), reason="the pods of somebody's cluster do not reach this machine"
)
"""Marks the tests that need such a server."""


@dataclass(frozen=True)
class Neighbour:
    """A server that accepts connections, with USER and PASSWORD."""

    host: str
    port: int
    folder: Path
    """What it keeps."""

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"


@contextlib.contextmanager
def s3() -> Iterator[Neighbour]:
    """An S3 server with the bucket BUCKET, whose objects are files."""
    program = versitygw.release(default_cache()) / "versitygw"
    with tempfile.TemporaryDirectory() as folder:
        server = Neighbour(*_address(), Path(folder))
        (server.folder / BUCKET).mkdir()
        login = [f"ROOT_ACCESS_KEY={USER}", f"ROOT_SECRET_KEY={PASSWORD}"]
        with _running(server, ["env", *login, str(program), "--quiet", "--port", server.address, "posix", folder]):
            yield server


@contextlib.contextmanager
def postgresql() -> Iterator[Neighbour]:
    """PostgreSQL of the distribution with the database DATABASE; it refuses to be run by root."""
    if not (programs := _postgresql()):
        run("apt-get", "update", "--quiet")
        run("apt-get", "install", "--quiet", "--yes", "--no-install-recommends", "postgresql")
        programs = _postgresql()
    account = pwd.getpwnam("postgres")
    with tempfile.TemporaryDirectory() as folder:
        server = Neighbour(*_address(), Path(folder) / "data")
        password = Path(folder) / "password"
        password.write_text(PASSWORD)
        for each in (Path(folder), password):
            shutil.chown(each, account.pw_uid, account.pw_gid)
        become = ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups", "--"]
        options = ["--no-locale", "--encoding=UTF8", "--no-sync", "--auth=scram-sha-256", f"--username={USER}"]
        run(*become, f"{programs[-1]}/initdb", f"--pgdata={server.folder}", f"--pwfile={password}", *options)
        with (server.folder / "pg_hba.conf").open("a") as file:
            file.write("host all all all scram-sha-256\n")
        command = [f"{programs[-1]}/postgres", "-D", str(server.folder), "-h", server.host, "-p", str(server.port)]
        with _running(server, [*become, *command, "-k", "", "-F"]):
            yield server


def query(server: Neighbour, statement: str) -> list[str]:
    """Ask PostgreSQL; the lines of the answer, with | between the columns."""
    command = ["psql", "-h", server.host, "-p", str(server.port), "-U", USER, "-d", DATABASE, "-At", "-c", statement]
    return run("env", f"PGPASSWORD={PASSWORD}", *command).splitlines()


def _postgresql() -> list[Path]:
    """The folders with PostgreSQL's programs, of the newest version at the end."""
    return sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))


def _address() -> tuple[str, int]:
    """The address from which this machine reaches the cluster, which is booted if it is not up, and the pods reach it;
    and a port of it that nobody uses.
    """
    run("make", "cluster")
    server = urlsplit(administrator().host)
    with socket.socket(type=socket.SOCK_DGRAM) as unsent:
        unsent.connect((server.hostname, server.port or 443))
        host = unsent.getsockname()[0]
    with socket.create_server((host, 0)) as unused:
        return host, unused.getsockname()[1]


@contextlib.contextmanager
def _running(server: Neighbour, command: list[str]) -> Iterator[None]:
    """Start the server and wait until it accepts connections; end it afterwards."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + START
        while True:
            with contextlib.suppress(OSError), socket.create_connection((server.host, server.port)):
                break
            assert process.poll() is None, f"{command} ended with {process.returncode}"
            assert time.monotonic() < end, f"{command} does not accept connections"
            time.sleep(0.1)
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
