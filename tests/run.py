# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the project's tests and count them.

usage: run.py [lint|unit|sanity|cluster ...]     (none: all of them)

The output of each step goes to the terminal; the last line is `N passed, N failed, N skipped`. A pytest step counts
its tests; every other step (a linter, the sanity tests, one Molecule scenario) counts as one. The exit status is 0 when
nothing failed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COPY = ROOT / ".cache/ansible_collections/argo/workflows"
REPORT = ROOT / ".cache/pytest.xml"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "argo.workflows"


@dataclass(frozen=True)
class Count:
    """How many tests ended how."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def __str__(self) -> str:
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.passed} passed, {self.failed} failed{skipped}"


def command(title: str, *args: str | Path, cwd: Path = ROOT, **env: str) -> Count:
    """Run one command, which is one test."""
    print(f"\n=== {title}", flush=True)
    started = time.monotonic()
    code = subprocess.run(args, cwd=cwd, env={**os.environ, **env}, check=False).returncode
    print(
        f"=== {title}: {'ok' if code == 0 else f'exit status {code}'} in {time.monotonic() - started:.0f} s", flush=True
    )
    return Count(failed=1) if code else Count(passed=1)


def pytest(title: str, *paths: str) -> Count:
    """Run pytest and count its tests; a run that counts none has failed."""
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.unlink(missing_ok=True)
    whole = command(title, "pytest", "-q", "--durations=5", f"--junitxml={REPORT}", *paths)
    return pytest_count(REPORT) if REPORT.exists() else whole


def pytest_count(report: Path) -> Count:
    """Read the counts of pytest's JUnit report; no test at all counts as one failure."""
    suite = ET.parse(report).getroot().find("testsuite")
    assert suite is not None
    total, skipped = int(suite.get("tests", 0)), int(suite.get("skipped", 0))
    failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
    if total == 0:
        return Count(failed=1)
    return Count(passed=total - failed - skipped, failed=failed, skipped=skipped)


def lint() -> Iterator[Count]:
    yield command("ruff check", "ruff", "check", ".")
    yield command("ruff format", "ruff", "format", "--check", "--quiet", ".")
    yield command("lint-imports", "lint-imports", "--no-cache", PYTHONPATH="collections")
    yield command("mypy", "mypy", "plugins", "molecule", "tests", "roles")
    yield command("ansible-lint", "ansible-lint", "--offline")
    yield command("antsibull-docs", "antsibull-docs", "lint-collection-docs", "--plugin-docs", "--skip-rstcheck", ".")
    yield command("antsibull-changelog", "antsibull-changelog", "lint")


def unit() -> Iterator[Count]:
    yield pytest("unit tests", "tests/unit")
    yield pytest("faults", "tests/faults")


def copy_collection() -> None:
    """Copy what git tracks to a folder that `ansible-test` accepts: it refuses the link under collections/."""
    subprocess.run(["rm", "-rf", COPY], check=True)
    COPY.mkdir(parents=True)
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True).stdout.split(b"\0")
    for name in filter(None, map(os.fsdecode, files)):
        if (ROOT / name).is_file():
            (COPY / name).parent.mkdir(parents=True, exist_ok=True)
            (COPY / name).write_bytes((ROOT / name).read_bytes())
            (COPY / name).chmod((ROOT / name).stat().st_mode)
    subprocess.run(["git", "init", "-q"], cwd=COPY, check=True)
    subprocess.run(["git", "add", "-A"], cwd=COPY, check=True)


def sanity() -> Iterator[Count]:
    """Run `ansible-test sanity` in a copy of the collection.

    ansible-test fetches pip's installer from a site that a closed network does not reach, unless it finds one in its
    cache; ours (`tests/support/get_pip.py`) uses the interpreter's own ensurepip. Its virtual environments are kept.
    """
    home = CACHE / "ansible-test"
    for pip in ("24_2", "25_2"):  # of ansible-core 2.19 and 2.21, see requirements-dev.txt
        installer = home / f".ansible/test/cache/get_pip_{pip}.py"
        installer.parent.mkdir(parents=True, exist_ok=True)
        installer.write_bytes((ROOT / "tests/support/get_pip.py").read_bytes())
    copy_collection()
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    yield command(
        "ansible-test sanity", "ansible-test", "sanity", "--venv", "--python", python, cwd=COPY, HOME=str(home)
    )


def cluster() -> Iterator[Count]:
    booted = command("the cluster is up", "make", "--no-print-directory", "cluster")
    yield booted
    if booted.failed:
        return
    yield command("the local cluster's own tests", "python", "roles/local_cluster/files/build.py", "--test")
    for scenario in sorted({path.parent.name for path in (ROOT / "molecule").glob("*/molecule.yml")} - {"default"}):
        yield command(f"molecule {scenario}", "molecule", "test", "--scenario-name", scenario, "--destroy=never")
    yield pytest("the commands of the README", "tests/commands")


STEPS = {"lint": lint, "unit": unit, "sanity": sanity, "cluster": cluster}


def main(names: list[str]) -> int:
    started = time.monotonic()
    total = Count()
    for name in names or list(STEPS):
        for count in STEPS[name]():
            total += count
    print(f"\nThe tests took {(time.monotonic() - started) / 60:.1f} minutes.")
    print(total, flush=True)
    return 1 if total.failed or not total.passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
