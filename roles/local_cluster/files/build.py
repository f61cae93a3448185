# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build what the local cluster runs, once: Kubernetes from source; containerd, runc, CNI plugins and nft from packages.

Prints the folder of the result on stdout, and its progress on stderr. That folder is a release in the cache.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from building import (
    BuildError,
    compile_programs,
    default_cache,
    environment,
    go,
    key,
    made,
    outcome,
    put,
    say,
    unpack,
    write_image,
)

SOURCE = Path(__file__).resolve().parent / "src"
PACKAGES = [
    *["containerd", "runc", "libseccomp2", "containernetworking-plugins", "busybox-static"],
    *["nftables", "libnftables1", "libnftnl11", "libmnl0", "libjansson4", "libxtables12", "libgmp10"],  # kube-proxy's
    *["libedit2", "libbsd0", "libmd0"],  # what these need
]
PAUSE_IMAGE = "localhost/argo-local-cluster/pause:1"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cache-dir", type=Path, default=default_cache(), help="default: %(default)s")
    parser.add_argument("--plan", action="store_true", help="only print what would be built; nothing if it is there")
    parser.add_argument("--test", action="store_true", help="run the unit tests of our own part instead")
    options = parser.parse_args()
    if options.test:
        return outcome(partial(test, options.cache_dir))
    return outcome(partial(release, options.cache_dir, options.plan))


def test(cache: Path) -> int:
    # The vet that a test begins with would read all of Kubernetes, for minutes.
    command = [go(cache), "test", "-vet=off", "-trimpath", "-ldflags=-s -w", "."]
    return subprocess.run(command, cwd=SOURCE, env=environment(), check=False).returncode


def release(cache: Path, plan: bool) -> int:
    """Print the release, which is built unless it is there; or the plan to do so."""
    version = kubernetes_version()
    folder = cache / name(version)
    what = f"Kubernetes {version} from source: about 7 minutes on 2 cores, once. It is kept in {cache}."
    if os.geteuid() != 0:
        raise BuildError("The local cluster needs root, since it creates network links, mounts and cgroups.")
    if plan:
        print("" if folder.exists() else what)
        return 0

    def build(target: Path) -> None:
        say(f"Building {what}")
        fill(target, version, cache)
        say(f"Kubernetes {version} is built.")

    print(made(folder, build))
    return 0


def name(version: str) -> str:
    """Return the name of the release: its key is of all that it is made from."""
    sources = [path for path in sorted(SOURCE.rglob("*")) if path.is_file() and not path.name.endswith("_test.go")]
    return f"kubernetes-{version}-{key([Path(__file__), *sources])}"


def kubernetes_version() -> str:
    """Return "1.35.4" where go.mod requires k8s.io/kubernetes v1.35.4."""
    found = re.search(r"^\tk8s\.io/kubernetes v(\S+)", (SOURCE / "go.mod").read_text(), re.MULTILINE)
    if not found:
        raise BuildError(f"{SOURCE / 'go.mod'} does not require k8s.io/kubernetes.")
    return found[1]


def fill(target: Path, version: str, cache: Path) -> None:
    """Put everything into the release."""
    runtime = target / "runtime"
    unpack(PACKAGES, runtime)
    write_pause_image(runtime)
    major, minor = version.split(".")[:2]
    stamps = {"gitVersion": f"v{version}", "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    full = {f"k8s.io/component-base/version.{field}": value for field, value in stamps.items()}
    compile_programs(go(cache), SOURCE, ["."], full, target / "local-cluster")


def write_pause_image(runtime: Path) -> None:
    """Compose the image that holds a pod's namespaces open: busybox, called as sleep."""
    busybox = next(runtime.glob("**/bin/busybox"))  # /bin or /usr/bin, by distribution
    with tempfile.TemporaryDirectory() as root:
        put(Path(root, "sleep"), busybox)
        write_image(runtime / "pause.tar", PAUSE_IMAGE, Path(root), {"Entrypoint": ["/sleep", "infinity"]})


if __name__ == "__main__":
    sys.exit(main())
