# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fill a folder with all that run.py needs on a machine with an NVIDIA GPU and no network, and list it with sizes.

usage: prepare.py FOLDER [--python 3.12] [--engine-images DIR] [--peers DIR]

To be called as root with the project's environment (PYTHONPATH=collections .venv/bin/python), on a machine with the
same processor architecture and a glibc that is not newer.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import lzma
import subprocess
import sys
import sysconfig
import tarfile
from pathlib import Path

from ansible_collections.argo.workflows.roles.local_cluster.files.building import default_cache
from ansible_collections.argo.workflows.tests.engine import argo, workload

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("ansible-core", "kubernetes")
# The programs are Go binaries with much in common, which shows in a window as large as they are.
COMPRESSION = [{"id": lzma.FILTER_LZMA2, "preset": 6, "dict_size": 2**27}]


def pack(archive: Path, folder: Path) -> None:
    """Write the content of a folder to a .tar.xz, unless that has been done since it changed."""
    if archive.exists() and archive.stat().st_mtime >= max(file.stat().st_mtime for file in folder.rglob("*")):
        return
    with lzma.open(archive, "wb", filters=COMPRESSION) as compressed, tarfile.open(fileobj=compressed, mode="w") as tar:
        for path in sorted(folder.iterdir()):
            tar.add(path, path.name)


def output(*command: str | Path) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--python", default="3.12", help="version of Python on the other machine; default %(default)s")
    parser.add_argument("--engine-images", type=Path, help="folder with Argo's image archives; default: build them")
    parser.add_argument("--peers", type=Path, help="folder with the programs argo and kubectl, for the benchmarks")
    options = parser.parse_args()
    folder = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)

    pack(folder / "release.tar.xz", Path(output(sys.executable, ROOT / "roles/local_cluster/files/build.py")))
    pack(folder / "workload.tar.xz", workload.release(default_cache()))
    pack(folder / "engine-images.tar.xz", options.engine_images or argo.release(default_cache()) / "images")
    if options.peers:
        pack(folder / "peers.tar.xz", options.peers)
    pack(
        folder / "kubernetes.core.tar.xz",
        Path(sysconfig.get_path("purelib"), "ansible_collections/kubernetes/core"),
    )
    requirements = [f"{package}=={importlib.metadata.version(package)}" for package in PACKAGES]
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary=:all:"]
    output(*pip, "--python-version", options.python, "--dest", folder / "wheels", *requirements)

    for path in sorted(folder.iterdir()):
        files = list(path.iterdir()) if path.is_dir() else [path]
        print(f"{sum(file.stat().st_size for file in files) / 2**20:6.1f} MiB  {path.name}")


if __name__ == "__main__":
    main()
