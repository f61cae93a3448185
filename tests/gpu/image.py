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

from standin.build_images import put, shared_libraries, write_archive

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
        put(root / "usr/bin" / tool, Path(found), 0o755)
    driver = [DRIVER / "bin/nvidia-smi", *DRIVER.glob("lib*/libcuda.so.1"), *DRIVER.glob("lib*/libnvidia-ml.so.1")]
    for name, file in shared_libraries([*(root / "usr/bin").iterdir(), *driver]).items():
        if not file.is_relative_to(DRIVER):
            put(root / (name.lstrip("/") if name.startswith("/") else f"lib/{name}"), file, 0o755)


def main(archive: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        fill(Path(folder))
        write_archive(archive, "gpu-matmul", Path(folder), CONFIG)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
