# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Composes image archives without Docker: the stand-in Argo from this machine's own Python, and the workload image.

`build_images.py OUT_DIR` writes argo-standin.tar (localhost/argo-standin:dev) and gpu-say.tar (localhost/gpu-say:dev),
docker-archives for `ctr images import`. An archive that is up to date is left alone.
"""

from __future__ import annotations

import argparse
import compileall
import datetime
import hashlib
import io
import json
import os
import platform
import py_compile
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "argo.workflows" / "static-tools"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
PATHS = "/usr/local/bin:/usr/bin:/bin"

LEFT_OUT = ["__pycache__", "config-*", "dist-packages", "ensurepip", "idlelib", "lib2to3", "pydoc_data", "*.a"]
LEFT_OUT += ["site-packages", "test", "tests", "tkinter", "turtledemo", "*.pyc", "_test*.so", "_tkinter*"]

START = """#!/bin/busybox sh
exec /opt/python/bin/python3 -S -m standin.{module} "$@"
"""
ARGOEXEC = """#!/bin/busybox sh
[ "$1" = kill ] && exec /bin/busybox kill "-$2" "$3"
exec /opt/python/bin/python3 -S -m standin.executor "$@"
"""
NVIDIA_SMI = """#!/bin/sh
# Not NVIDIA's: says which simulated device the pod was given.
case "${NVIDIA_VISIBLE_DEVICES:-none}" in
none | void) echo "nvidia-smi: no GPU device on this node" ;;
*) echo "simulated GPU: $NVIDIA_VISIBLE_DEVICES" ;;
esac
"""
PASSWD = "root:x:0:0:root:/:/bin/sh\nargo:x:8737:8737:argo:/:/bin/sh\n"


class BuildError(Exception):
    """An image cannot be composed; the text says why and what to do."""


def static_tool(package: str, name: str) -> Path:
    """A static binary of a Debian package, which is unpacked into the cache and never installed."""
    tool = CACHE / package / name
    if not tool.exists():
        tool.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as folder:
            Path(folder).chmod(0o755)
            for command in (["apt-get", "download", package], ["sh", "-c", "dpkg-deb -x *.deb unpacked"]):
                done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
                if done.returncode:
                    reason = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1]
                    raise BuildError(f"{package}: {' '.join(command)}: {reason} (is `apt-get update` needed?)")
            # /bin or /usr/bin, by distribution
            next(Path(folder, "unpacked").glob(f"**/bin/{name}")).replace(tool)
    return tool


def shared_libraries(binaries: list[Path]) -> dict[str, Path]:
    """Name and file of every library that the binaries need, the loader by its absolute path."""
    found: dict[str, Path] = {}
    for binary in binaries:
        listed = subprocess.run(["ldd", str(binary)], capture_output=True, text=True, check=False).stdout
        for words in (line.split() for line in listed.splitlines()):
            if "=>" in words and "not found" not in " ".join(words):
                found[words[0]] = Path(words[2])
            elif words and words[0].startswith("/"):
                found[words[0]] = Path(words[0])
    return found


def put(path: Path, content: str | Path, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, Path):
        shutil.copyfile(content, path)
    else:
        path.write_text(content, encoding="utf-8")
    path.chmod(mode)


def self_signed() -> str:
    """Key and certificate of the server, as Argo's own without a CA: a browser has to be told to go on."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "Stand-in for Argo Workflows")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
    certificate = builder.not_valid_after(now + datetime.timedelta(days=3650)).sign(key, hashes.SHA256())
    pem, unlocked = serialization.Encoding.PEM, serialization.NoEncryption()
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, unlocked)
    return (private + certificate.public_bytes(pem)).decode()


def fill_standin(root: Path) -> None:
    """The interpreter with its standard library and shared libraries, and the stand-in."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    library = root / "opt/python/lib" / version
    executable = Path(os.path.realpath(getattr(sys, "_base_executable", sys.executable)))
    shutil.copytree(sysconfig.get_path("stdlib"), library, ignore=shutil.ignore_patterns(*LEFT_OUT))
    put(root / "opt/python/bin/python3", executable, 0o755)
    for name, file in shared_libraries([executable, *library.glob("lib-dynload/*.so")]).items():
        put(root / (name.lstrip("/") if name.startswith("/") else f"opt/lib/{name}"), file, 0o755)
    for source in HERE.glob("*"):
        if source.suffix in {".py", ".sh"} and source.name != Path(__file__).name:
            put(root / "opt/standin/standin" / source.name, source)
    for source in Path(yaml.__file__).parent.glob("*.py"):
        put(root / "opt/standin/yaml" / source.name, source)
    unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
    compileall.compile_dir(root / "opt", quiet=2, invalidation_mode=unchecked, stripdir=str(root))
    put(root / "bin/busybox", static_tool("busybox-static", "busybox"), 0o755)
    put(root / "usr/local/bin/argo", START.format(module="server"), 0o755)
    put(root / "usr/local/bin/workflow-controller", START.format(module="controller"), 0o755)
    put(root / "usr/local/bin/argoexec", ARGOEXEC, 0o755)
    put(root / "etc/passwd", PASSWD)
    put(root / "etc/standin/tls.pem", self_signed())


def fill_gpu_say(root: Path) -> None:
    """busybox with all of its names, bash, and an nvidia-smi that does not pretend."""
    busybox = static_tool("busybox-static", "busybox")
    put(root / "bin/busybox", busybox, 0o755)
    put(root / "bin/bash", static_tool("bash-static", "bash-static"), 0o755)
    for applet in subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split():
        if not (root / "bin" / applet).exists():
            (root / "bin" / applet).symlink_to("busybox")
    put(root / "usr/bin/nvidia-smi", NVIDIA_SMI, 0o755)
    put(root / "etc/passwd", PASSWD)


PYTHON = ["LD_LIBRARY_PATH=/opt/lib", "PYTHONHOME=/opt/python", "PYTHONPATH=/opt/standin", "PYTHONDONTWRITEBYTECODE=1"]
IMAGES: dict[str, tuple[Callable[[Path], None], dict[str, Any]]] = {
    "argo-standin": (fill_standin, {"User": "8737", "Entrypoint": ["argo"], "Env": [f"PATH={PATHS}", *PYTHON]}),
    "gpu-say": (fill_gpu_say, {"Env": [f"PATH={PATHS}:/usr/local/nvidia/bin"], "Cmd": ["sh"]}),
}


def content_hash() -> str:
    """A hash of everything that the images are made from."""
    tools = [static_tool("busybox-static", "busybox"), static_tool("bash-static", "bash-static")]
    digest = hashlib.sha256(f"{sys.version} {yaml.__version__} {sysconfig.get_path('stdlib')}".encode())
    for file in [*sorted(HERE.glob("*.py")), *sorted(HERE.glob("*.sh")), *tools]:
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def write_archive(archive: Path, name: str, root: Path, config: dict[str, Any]) -> None:
    """One layer with the files under `root`, owned by root, in a docker-archive."""

    def clean(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = member.mtime = 0
        member.uname = member.gname = ""
        if member.isdir():
            member.mode = 0o755
        elif member.isreg():
            member.mode |= 0o444
        return member

    layer = archive.with_suffix(".layer")
    with tarfile.open(layer, "w") as tar:
        for path in sorted(root.iterdir()):
            tar.add(path, path.name, filter=clean)
        temporary = tarfile.TarInfo("tmp")
        temporary.type, temporary.mode = tarfile.DIRTYPE, 0o1777
        tar.addfile(temporary)
    with layer.open("rb") as data:
        layers = {"type": "layers", "diff_ids": [f"sha256:{hashlib.file_digest(data, 'sha256').hexdigest()}"]}
    machine = ARCHITECTURES.get(platform.machine(), platform.machine())
    image = {"architecture": machine, "os": "linux", "config": config, "rootfs": layers}
    manifest = [{"Config": "config.json", "RepoTags": [f"localhost/{name}:dev"], "Layers": ["layer.tar"]}]
    with tarfile.open(archive.with_suffix(".new"), "w") as tar:
        for file, value in (("config.json", image), ("manifest.json", manifest)):
            member = tarfile.TarInfo(file)
            member.size = len(json.dumps(value))
            tar.addfile(member, io.BytesIO(json.dumps(value).encode()))
        tar.add(layer, "layer.tar", filter=clean)
    layer.unlink()
    archive.with_suffix(".new").replace(archive)


def compose(name: str, folder: Path, content: str) -> None:
    """Writes the archive of an image, beside it the hash of what it was made from; nothing if that is the same."""
    archive, made_from = folder / f"{name}.tar", folder / f"{name}.content"
    if archive.exists() and made_from.exists() and made_from.read_text() == content:
        print(f"{archive} is up to date")
        return
    made_from.unlink(missing_ok=True)
    fill, config = IMAGES[name]
    with tempfile.TemporaryDirectory() as root:
        fill(Path(root))
        write_archive(archive, name, Path(root), config)
    made_from.write_text(content)
    print(f"{archive} composed, {archive.stat().st_size >> 20} MiB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out_dir", type=Path)
    parser.add_argument("--only", choices=IMAGES, help="compose this image alone")
    arguments = parser.parse_args()
    arguments.out_dir.mkdir(parents=True, exist_ok=True)
    try:
        content = content_hash()
        for name in [arguments.only] if arguments.only else IMAGES:
            compose(name, arguments.out_dir, content)
    except (BuildError, OSError) as error:
        sys.exit(f"build_images.py: {error}")


if __name__ == "__main__":
    main()
