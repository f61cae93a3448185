# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the project's tests and count them.

usage: run.py [lint|unit|sanity|cluster ...]     (none: all of them)

The output of each step goes to the terminal. It ends with what failed, a line each, and the last line is `N passed, N
failed, N skipped`. A pytest step counts its tests; every other step (a linter, the sanity tests, one Molecule scenario)
counts as one. The exit status is 0 when nothing failed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COPY = ROOT / ".cache/ansible_collections/argo/workflows"
REPORT = ROOT / ".cache/pytest.xml"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "argo.workflows"
LISTED = 15
"""So many failures are listed: a CI may show no more than the last 20 lines."""
WIDTH = 300
"""Characters of a reason."""


@dataclass(frozen=True)
class Count:
    """How many tests ended how."""

    passed: int = 0
    failures: tuple[str, ...] = ()
    """What failed, a line each."""
    skipped: int = 0

    @property
    def failed(self) -> int:
        return len(self.failures)

    def __add__(self, other: Count) -> Count:
        return Count(self.passed + other.passed, self.failures + other.failures, self.skipped + other.skipped)

    def __str__(self) -> str:
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.passed} passed, {self.failed} failed{skipped}"


def command(title: str, *args: str | Path, cwd: Path = ROOT, **env: str) -> Count:
    """Run one command, which is one test."""
    print(f"\n=== {title}", flush=True)
    started = time.monotonic()
    code = subprocess.run(args, cwd=cwd, env={**os.environ, **env}, check=False).returncode
    status = f"exit status {code}" if code else "ok"
    print(f"=== {title}: {status} in {time.monotonic() - started:.0f} s", flush=True)
    return Count(failures=(f"{title}: {status}",)) if code else Count(passed=1)


def pytest(title: str, *paths: str) -> Count:
    """Run pytest and count its tests; a run that has failed without a failed test, or without any, counts as one."""
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.unlink(missing_ok=True)
    whole = command(title, "pytest", "-q", "--durations=5", f"--junitxml={REPORT}", *paths)
    tests = pytest_count(REPORT.read_text("utf-8")) if REPORT.exists() else Count()
    return tests + Count(failures=() if tests.failed else whole.failures)


def pytest_count(report: str) -> Count:
    """Count the tests of pytest's JUnit report."""
    count = Count()
    for case in ET.fromstring(report).iter("testcase"):
        trouble = [*case.iterfind("failure"), *case.iterfind("error")]
        if trouble:
            count += Count(failures=(f"{node_id(case)}: {reason(trouble[0])}",))
        elif case.find("skipped") is not None:
            count += Count(skipped=1)
        else:
            count += Count(passed=1)
    return count


def node_id(case: ET.Element) -> str:
    """Return what pytest calls a test, "tests/unit/test_a.py::test_b[c]"; for a file that it cannot read, the file."""
    module, name = case.get("classname", ""), case.get("name", "")
    return f"{module.replace('.', '/')}.py::{name}" if module else f"{name.replace('.', '/')}.py"


def reason(trouble: ET.Element) -> str:
    """Return the first line of what went wrong; of a file that cannot be read, the last one, which has the error."""
    message = trouble.get("message", "").strip()
    if message == "collection failure":
        message = (trouble.text or message).strip().splitlines()[-1].removeprefix("E").strip()
    return message.partition("\n")[0][:WIDTH]


def listing(failures: Sequence[str]) -> str:
    """Return the lines that say what failed, the first ones of many."""
    more = [f"and {len(failures) - LISTED} more, see above"] if len(failures) > LISTED else []
    return "".join(f"  {line}\n" for line in [*failures[:LISTED], *more])


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
    if total.failed:
        print(f"\nWhat failed:\n{listing(total.failures)}", end="")
    print(f"\nThe tests took {(time.monotonic() - started) / 60:.1f} minutes.")
    print(total, flush=True)
    return 1 if total.failed or not total.passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
