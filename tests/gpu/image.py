# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compose the image localhost/gpu-matmul:dev: matmul.cu compiled, and this machine's bash, a few tools and glibc.

usage: image.py ARCHIVE

The driver is not part of it: as in NVIDIA's images, its programs and libraries are looked for in /usr/local/nvidia,
where the device plugin mounts them.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from ansible_collections.argo.workflows.roles.local_cluster.files.building import put, write_image

TAG = "localhost/gpu-matmul:dev"
SOURCE = Path(__file__).with_name("matmul.cu")
DRIVER = Path("/usr/local/nvidia")
TOOLS = ("bash", "cat", "ls", "mknod")
CONFIG = {"Env": [f"PATH={DRIVER}/bin:/usr/bin:/bin", f"LD_LIBRARY_PATH={DRIVER}/lib:{DRIVER}/lib64"]}


def fill(root: Path) -> None:
    """Put matmul, the tools, and the libraries that they and the driver need into the image's root folder."""
    nvcc = shutil.which("nvcc") or "/usr/local/cuda/bin/nvcc"
    matmul = root / "usr/bin/matmul"
    matmul.parent.mkdir(parents=True)
    subprocess.run([nvcc, "-O3", "-arch=native", "-cudart", "static", "-o", matmul, SOURCE], check=True)
    for tool in TOOLS:
        found = shutil.which(tool)
        if not found:
            sys.exit(f"image.py: this machine lacks the program {tool}")
        put(root / "usr/bin" / tool, Path(found))
    driver = [DRIVER / "bin/nvidia-smi", *DRIVER.glob("lib*/libcuda.so.1"), *DRIVER.glob("lib*/libnvidia-ml.so.1")]
    for name, file in shared_libraries([*(root / "usr/bin").iterdir(), *driver]).items():
        if not file.is_relative_to(DRIVER):
            put(root / (name.lstrip("/") if name.startswith("/") else f"lib/{name}"), file)


def shared_libraries(binaries: list[Path]) -> dict[str, Path]:
    """Return name and file of every library that the binaries need, the loader by its absolute path."""
    found: dict[str, Path] = {}
    for binary in binaries:
        listed = subprocess.run(["ldd", str(binary)], capture_output=True, text=True, check=False).stdout
        for words in (line.split() for line in listed.splitlines()):
            if "=>" in words and "not found" not in " ".join(words):
                found[words[0]] = Path(words[2])
            elif words and words[0].startswith("/"):
                found[words[0]] = Path(words[0])
    return found


def main(archive: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        fill(Path(folder))
        write_image(archive, TAG, Path(folder), CONFIG)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
