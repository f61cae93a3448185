# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The workload image of demo and tests: busybox, bash, and an nvidia-smi that says that its GPU is simulated."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from ansible_collections.argo.workflows.roles.local_cluster.files.building import (
    key,
    made,
    put,
    unpack,
    write_image,
)

TAG = "localhost/gpu-say:dev"
NVIDIA_SMI = """#!/bin/sh
# Not NVIDIA's: says which simulated device the pod was given.
case "${NVIDIA_VISIBLE_DEVICES:-none}" in
none | void) echo "nvidia-smi: no GPU device on this node" ;;
*) echo "simulated GPU: $NVIDIA_VISIBLE_DEVICES" ;;
esac
"""
PASSWD = "root:x:0:0:root:/:/bin/sh\nargo:x:8737:8737:argo:/:/bin/sh\n"
CONFIG = {"Env": ["PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/nvidia/bin"], "Cmd": ["sh"]}


def name() -> str:
    """Return the name of the release."""
    return f"workload-{key([Path(__file__)])}"


def release(cache: Path) -> Path:
    """Return the folder with the image's archive; it is composed unless it is there."""

    def build(target: Path) -> None:
        with tempfile.TemporaryDirectory() as folder:
            fill(Path(folder))
            write_image(target / "gpu-say.tar", TAG, Path(folder), CONFIG)

    return made(cache / name(), build, room=64 << 20)


def fill(root: Path) -> None:
    """Put busybox with all of its names, bash and our nvidia-smi into the image's root folder."""
    with tempfile.TemporaryDirectory() as folder:
        unpack(["busybox-static", "bash-static"], Path(folder))
        # /bin or /usr/bin, by distribution
        put(root / "bin/busybox", next(Path(folder).glob("**/bin/busybox")))
        put(root / "bin/bash", next(Path(folder).glob("**/bin/bash-static")))
    listed = subprocess.run([root / "bin/busybox", "--list"], capture_output=True, text=True, check=True).stdout
    for applet in listed.split():
        if not (root / "bin" / applet).exists():
            (root / "bin" / applet).symlink_to("busybox")
    put(root / "usr/bin/nvidia-smi", NVIDIA_SMI)
    put(root / "etc/passwd", PASSWD, 0o644)
