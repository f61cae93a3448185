# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Argo Workflows, built from its Go module: image archives of controller, server and executor, and the program `argo`.

The Go module proxy serves this version alone. To take a newer one, change MODULE.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from ansible_collections.argo.workflows.roles.local_cluster.files.building import (
    compile_programs,
    go,
    key,
    made,
    put,
    say,
    write_image,
)
from ansible_collections.argo.workflows.tests.engine.modules import Module, fetched

MODULE = Module(
    title="Argo",
    path="github.com/argoproj/argo-workflows/v4",
    version="v4.0.5",
    sum="h1:/1lru5oXUd+k6KEDUps6rLX5OKfi1jTfabgXTly/VFU=",
)
VERSION = MODULE.version
FLAWS = f"Known flaws are reported for Argo {VERSION}: it serves throw-away clusters alone."

PAGE = Path(__file__).with_name("index.html")
REGISTRY = "quay.io/argoproj"
USER = {"User": "8737"}
IMAGES: dict[str, tuple[str, dict[str, Any]]] = {
    "workflow-controller": ("workflow-controller", USER),
    "argocli": ("argo", USER | {"WorkingDir": "/home/argo"}),
    "argoexec": ("argoexec", {}),
}
"""By the image's name: its program, and what its configuration has besides the entrypoint."""
PASSWD = "root:x:0:0:root:/:/sbin/nologin\nargo:x:8737:8737:argo:/home/argo:/sbin/nologin\n"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


def release(cache: Path) -> Path:
    """Return the folder with the program `argo` and the folder `images`; it is built unless it is there."""

    def build(target: Path) -> None:
        say(f"Building Argo {VERSION} from its Go module: about 5 minutes on 2 cores, once. It is kept in {cache}.")
        say(FLAWS)
        fill(target, go(cache))
        say(f"Argo {VERSION} is built.")

    return made(cache / f"argo-{VERSION}-{key([Path(__file__), PAGE])}", build)


def fill(target: Path, go: str) -> None:
    """Put everything into the release."""
    programs, module = target / "programs", target / "module"
    programs.mkdir()
    copy(fetched(MODULE, go, target), module)
    packages = [f"./cmd/{program}" for program, config in IMAGES.values()]
    compile_programs(go, module, packages, {f"{MODULE.path}.version": VERSION}, programs)
    shutil.rmtree(module)
    (target / "images").mkdir()
    for name in IMAGES:
        compose(name, programs, target / "images" / f"{name}.tar")
    (programs / "argo").rename(target / "argo")
    shutil.rmtree(programs)


def copy(module: Path, target: Path) -> None:
    """Copy the module, with what its archive cannot hold: what is a symbolic link in Argo's repository, and the UI."""
    shutil.copytree(module, target, copy_function=shutil.copyfile)
    for folder in [target, *(path for path in target.rglob("*") if path.is_dir())]:
        folder.chmod(0o755)  # Go's cache is read-only
    signals = target / "workflow/executor/osspecific"
    shutil.copyfile(signals / "signal_darwin.go", signals / "signal_linux.go")
    put(target / "ui/dist/app/index.html", PAGE.read_text().replace("VERSION", VERSION), 0o644)


def compose(name: str, programs: Path, archive: Path) -> None:
    """Write the archive of one of the images."""
    program, config = IMAGES[name]
    with tempfile.TemporaryDirectory(dir=archive.parent) as folder:
        root = Path(folder)
        put(root / "bin" / program, programs / program)
        put(root / "etc/passwd", PASSWD, 0o644)
        put(root / "etc/nsswitch.conf", "hosts: files dns\n", 0o644)
        if CERTIFICATES.exists():
            put(root / "etc/ssl/certs/ca-certificates.crt", CERTIFICATES, 0o644)
        (root / "home/argo").mkdir(parents=True)
        image = {"Entrypoint": [program], "Env": ["PATH=/usr/local/bin:/usr/bin:/bin"], **config}
        write_image(archive, f"{REGISTRY}/{name}:{VERSION}", root, image)
