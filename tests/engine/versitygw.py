# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Versity's S3 gateway, built from its Go module: an S3 server on a folder, for the tests of artifacts."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.argo.workflows.roles.local_cluster.files.building import compile_programs, go, key, made, say
from ansible_collections.argo.workflows.tests.engine.modules import Module, fetched

MODULE = Module(
    title="versitygw",
    path="github.com/versity/versitygw",
    version="v1.8.0",
    sum="h1:au+wI+aybno/STsQiSm35Uu6Q6iK5MWReQxgO6SEMFc=",
)


def release(cache: Path) -> Path:
    """Return the folder with the program `versitygw`; it is built unless it is there."""

    def build(target: Path) -> None:
        say(f"Building versitygw {MODULE.version}, an S3 server: about 1 minute on 2 cores, once, kept in {cache}.")
        program = go(cache)
        source = fetched(MODULE, program, target)
        compile_programs(program, source, ["./cmd/versitygw"], {"main.Version": MODULE.version}, target / "versitygw")

    return made(cache / f"versitygw-{MODULE.version}-{key([Path(__file__)])}", build, room=2 << 30)
