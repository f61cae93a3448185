# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Do the main job, and what else is promised of GPUs, on this machine with an NVIDIA GPU; or measure on it.

usage: run.py FOLDER            (as root; prepare.py has filled FOLDER)
       run.py FOLDER bench      (`make bench`, with its variables BENCH, BENCH_ROUNDS and BENCH_SECONDS)
       run.py FOLDER soak       (`make soak`, with its variables SOAK_SEED, SOAK_PODS, SOAK_MINUTES and so on)

Needs Python 3.11 or newer with pip, but no network; and to use the card CUDA's nvcc, and the driver in
/usr/local/nvidia. All that is installed goes into FOLDER. The transcript is FOLDER/transcript.txt, FOLDER/bench.txt or
FOLDER/soak.txt. The cluster is removed at the end, except after measuring and the soak, so that more can be done.
"""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent


@dataclass
class Machine:
    """This machine with what run.py has put into the folder, and the transcript of what is done."""

    folder: Path
    transcript: TextIO
    failed: list[str] = field(default_factory=list)

    @property
    def cache(self) -> Path:
        return self.folder / "cache/argo.workflows"

    @property
    def images(self) -> Path:
        return self.folder / "engine-images"

    def unpack(self, name: str, target: Path) -> Path:
        """Unpack an archive of the folder, once."""
        if not target.exists():
            partial = target.with_name(f"{target.name}.partial")
            with tarfile.open(self.folder / name) as tar:
                tar.extractall(partial, filter="tar")
            partial.rename(target)
        return target

    def install(self) -> None:
        """Put everything into its place: Python packages, collections, the cluster's programs, and images."""
        self.unpack("engine-images.tar.xz", self.images)
        if (self.folder / "peers.tar.xz").exists():
            self.unpack("peers.tar.xz", self.folder / "peers")
        collections = self.folder / "collections/ansible_collections"
        self.unpack("kubernetes.core.tar.xz", collections / "kubernetes/core")
        link = collections / "argo/workflows"
        link.parent.mkdir(exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(ROOT)
        for archive, name in release_names(self.folder / "collections").items():
            self.unpack(archive, self.cache / name)
        wheels = sorted((self.folder / "wheels").glob("*.whl"))
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--upgrade"]
        subprocess.run([*pip, "--target", self.folder / "site", *wheels], check=True)

    def environment(self) -> dict[str, str]:
        site = self.folder / "site"
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "K8S_AUTH_"))}
        return {
            **kept,
            "ANSIBLE_COLLECTIONS_PATH": str(self.folder / "collections"),
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_NOCOLOR": "1",
            "ENGINE_IMAGES": str(self.images),
            "LC_ALL": "C.UTF-8",
            "PATH": f"{site}/bin:{self.folder}/peers:{os.environ['PATH']}",
            "PYTHONPATH": f"{site}:{self.folder}/collections",
            "XDG_CACHE_HOME": str(self.folder / "cache"),
        }

    def say(self, text: str) -> None:
        for stream in (sys.stdout, self.transcript):
            stream.write(text)
            stream.flush()

    def run(self, *command: str) -> None:
        """Run a command in the project's folder; its output goes to the transcript as well."""
        title = " ".join(command).replace(str(self.folder), "FOLDER").replace(sys.executable, "python3")
        self.say(f"\n$ {title}\n")
        started = time.monotonic()
        with subprocess.Popen(
            command, cwd=ROOT, env=self.environment(), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as running:
            assert running.stdout
            for line in running.stdout:
                self.say(line.replace(str(self.folder), "FOLDER"))
        self.say(f"[exit status {running.returncode} after {time.monotonic() - started:.1f} s]\n")
        if running.returncode:
            self.failed.append(title)

    def playbook(self, name: str, **variables: str) -> None:
        variables = {"gpu_fanout_logs_dir": str(self.folder / "logs"), **variables}
        extra = [f"--extra-vars={name}={value}" for name, value in variables.items()]
        self.run("ansible-playbook", name, *extra)


def release_names(collections: Path) -> dict[str, str]:
    """Return, by the archive, the names under which what was built elsewhere is looked for on this machine."""
    sys.path[:0] = [str(ROOT / "roles/local_cluster/files"), str(collections)]  # pypa has a package `build` too
    import build

    from ansible_collections.argo.workflows.tests.engine import workload

    kubernetes = build.name(build.kubernetes_version())
    return {"release.tar.xz": kubernetes, "workload.tar.xz": workload.name()}


def promises(machine: Machine) -> None:
    """The main job on the real card, and what else is promised of GPUs."""
    machine.run("nvidia-smi")
    machine.run(sys.executable, "tests/gpu/image.py", str(machine.images / "gpu-matmul.tar"))
    main_job = {"local_cluster_gpus": "real", "gpu_say_image": "localhost/gpu-matmul:dev"}
    machine.playbook("playbooks/quickstart.yml", **main_job)
    for promise in ("multiply", "two_cards", "exhausted", "without", "many"):
        machine.playbook(f"tests/gpu/{promise}.yml")
    machine.playbook("playbooks/local_cluster.yml", local_cluster_state="absent")


def bench(machine: Machine) -> None:
    """The rows of the benchmarks."""
    machine.playbook("playbooks/local_cluster.yml")
    machine.run(sys.executable, "-m", "ansible_collections.argo.workflows.tests.bench")


def soak(machine: Machine) -> None:
    """The fan-outs that are disturbed."""
    machine.playbook("playbooks/local_cluster.yml")
    machine.run(sys.executable, "-m", "ansible_collections.argo.workflows.tests.soak")


def main(folder: Path, work: Callable[[Machine], None], transcript_name: str) -> int:
    with (folder / transcript_name).open("w") as transcript:
        machine = Machine(folder, transcript)
        started = time.monotonic()
        machine.say(f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores, ")
        machine.say(f"{platform.freedesktop_os_release()['PRETTY_NAME']}, Linux {platform.release()}\n")
        machine.install()
        machine.say(f"\nWhat was carried here is in place after {time.monotonic() - started:.1f} s.\n")
        machine.run(sys.executable, "-m", "ansible_collections.argo.workflows.tests.engine.choose")
        work(machine)
        machine.say(f"\nAll of it took {time.monotonic() - started:.0f} s.\n")
        for title in machine.failed:
            machine.say(f"failed: {title}\n")
    return 1 if machine.failed else 0


if __name__ == "__main__":
    match sys.argv[1:]:
        case [there]:
            sys.exit(main(Path(there).resolve(), promises, "transcript.txt"))
        case [there, "bench"]:
            sys.exit(main(Path(there).resolve(), bench, "bench.txt"))
        case [there, "soak"]:
            sys.exit(main(Path(there).resolve(), soak, "soak.txt"))
        case _:
            sys.exit(__doc__)
