# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run of all tests says at its end: how many ended how, and what failed."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.argo.workflows.tests import run
from ansible_collections.argo.workflows.tests.run import Count, command, listing, main, pytest_count

PASSED, SKIPPED = '<testcase classname="tests.unit.test_a" name="test_p"/>', "<testcase><skipped/></testcase>"


def report(*cases: str) -> str:
    return f'<testsuites><testsuite name="pytest">{"".join(cases)}</testsuite></testsuites>'


@pytest.mark.parametrize(
    ("case", "line"),
    [
        (
            '<testcase classname="tests.unit.roles.test_a" name="test_b[x.y/z::1]">'
            '<failure message="AssertionError: assert 1 == 2&#10;  +  where 1 = one()">…</failure></testcase>',
            "tests/unit/roles/test_a.py::test_b[x.y/z::1]: AssertionError: assert 1 == 2",
        ),
        (
            '<testcase classname="tests.test_a" name="test_b">'
            '<error message="failed on setup with &quot;OSError: no&quot;">…</error></testcase>',
            'tests/test_a.py::test_b: failed on setup with "OSError: no"',
        ),
        (
            '<testcase classname="" name="tests.unit.test_a"><error message="collection failure">'
            "ImportError while importing test module\nE   ModuleNotFoundError: No module named 'b'</error></testcase>",
            "tests/unit/test_a.py: ModuleNotFoundError: No module named 'b'",
        ),
    ],
)
def test_a_test_that_failed_is_named_as_pytest_names_it_with_one_line_of_why(case: str, line: str) -> None:
    assert pytest_count(report(PASSED, case, SKIPPED)) == Count(passed=1, failures=(line,), skipped=1)


def test_a_test_that_fails_and_then_fails_to_clean_up_is_listed_for_both() -> None:
    case = '<testcase classname="test_a" name="test_b"><{0} message="{0}"/></testcase>'
    counted = pytest_count(report(case.format("failure"), case.format("error")))
    assert counted.failures == ("test_a.py::test_b: failure", "test_a.py::test_b: error")


def test_a_command_that_failed_is_named_with_its_exit_status() -> None:
    assert command("good", "true") + command("bad", "sh", "-c", "exit 3") == Count(1, ("bad: exit status 3",))


@pytest.mark.parametrize(
    ("text", "failures"),
    [
        ("def test_a(): pass\nimport os; os._exit(4)", ("tests: exit status 4",)),
        ("", ("tests: exit status 5",)),
        ("def test_a(): assert 0\ndef test_b(): pass", ("test_a.py::test_a: assert 0",)),
    ],
)
def test_a_run_of_pytest_that_failed_is_never_counted_as_good(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, failures: tuple[str, ...]
) -> None:
    (tmp_path / "test_a.py").write_text(text)
    monkeypatch.setattr(run, "REPORT", tmp_path / "report/pytest.xml")
    assert run.pytest("tests", str(tmp_path), f"--rootdir={tmp_path}").failures == failures


def test_however_many_fail_the_list_leaves_room_for_the_last_lines() -> None:
    lines = listing([f"test {number}" for number in range(100)]).splitlines()
    assert (len(lines), lines[-1]) == (16, "  and 85 more, see above")
    assert listing(["one", "two"]) == "  one\n  two\n"


def test_the_output_ends_with_what_failed_and_the_numbers(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "STEPS", {"lint": lambda: [Count(3), Count(failures=("mypy: exit status 1",))]})
    assert main([]) == 1
    end = ["What failed:", "  mypy: exit status 1", "", "The tests took 0.0 minutes.", "3 passed, 1 failed"]
    assert capfd.readouterr().out.splitlines()[1:] == end
    monkeypatch.setattr(run, "STEPS", {"lint": lambda: [Count(3)]})
    assert main([]) == 0
    assert "What failed" not in capfd.readouterr().out
