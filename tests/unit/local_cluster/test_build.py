# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The build of role local_cluster: what is cached is whole, made once, and made again when its sources change."""

from __future__ import annotations

import re
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import build
import pytest
from building import go_version
from packaging.version import Version

Run = Callable[..., int]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Return what runs build.py for root, with the slow steps replaced by quick ones that work."""

    def unpack(names: list[str], root: Path) -> None:
        (root / "usr" / "bin").mkdir(parents=True, exist_ok=True)
        (root / "usr" / "bin" / "busybox").write_bytes(b"busybox")

    def compile_programs(go: str, module: Path, packages: list[str], stamps: Any, target: Path) -> None:
        target.write_text(stamps["k8s.io/component-base/version.gitVersion"])

    def run_it(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["build.py", "--cache-dir", str(tmp_path), *arguments])
        return build.main()

    monkeypatch.setattr(build, "unpack", unpack)
    monkeypatch.setattr(build, "go", lambda cache: "go")
    monkeypatch.setattr(build, "compile_programs", compile_programs)
    monkeypatch.setattr(build.os, "geteuid", lambda: 0)
    return run_it


def test_a_build_prints_the_folder_of_its_release(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 0
    release = Path(capsys.readouterr().out.strip())
    assert release.parent == tmp_path
    assert (release / "local-cluster").read_text() == "v" + build.kubernetes_version()
    assert (release / "runtime" / "pause.tar").exists()


def test_the_plan_says_what_is_built_and_then_nothing(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run("--plan")
    assert "about 7 minutes" in capsys.readouterr().out
    run()
    capsys.readouterr()
    run("--plan")
    assert capsys.readouterr().out.strip() == ""


def test_an_aborted_build_leaves_no_release_and_hinders_no_other(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def abort(go: str, module: Path, packages: list[str], stamps: Any, target: Path) -> None:
        target.write_text("half")
        raise KeyboardInterrupt

    with monkeypatch.context() as aborted:
        aborted.setattr(build, "compile_programs", abort)
        assert run() == 130
    assert "Interrupted. What is compiled so far need not be compiled again." in capsys.readouterr().err
    assert list(tmp_path.glob("kubernetes-*")) == []
    assert run() == 0


def test_two_builds_at_once_compile_once(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    compiled: list[Path] = []

    def compile_slowly(go: str, module: Path, packages: list[str], stamps: Any, target: Path) -> None:
        compiled.append(target)
        time.sleep(0.2)
        target.touch()

    monkeypatch.setattr(build, "compile_programs", compile_slowly)
    both = [threading.Thread(target=run) for attempt in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert len(compiled) == 1
    first, second = capsys.readouterr().out.split()
    assert first == second


def test_a_user_who_is_not_root_is_told_before_anything_happens(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(build.os, "geteuid", lambda: 1000)
    assert run() == 1
    assert "needs root" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_changed_source_is_another_release_and_a_changed_test_is_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(build, "SOURCE", tmp_path)
    (tmp_path / "main.go").write_text("package main")
    before = build.name("1.2.3")
    (tmp_path / "main_test.go").write_text("package main")
    assert build.name("1.2.3") == before
    (tmp_path / "main.go").write_text("package main // better")
    assert build.name("1.2.3") != before


def test_the_pause_image_sleeps(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    written: list[Any] = []
    monkeypatch.setattr(build, "write_image", lambda archive, tag, root, config: written.append((archive, tag, config)))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "busybox").touch()
    build.write_pause_image(tmp_path)
    assert written == [(tmp_path / "pause.tar", build.PAUSE_IMAGE, {"Entrypoint": ["/sleep", "infinity"]})]


def test_go_is_new_enough_for_the_sources() -> None:
    asked = re.search(r"^go (\S+)$", (build.SOURCE / "go.mod").read_text(), re.MULTILINE)
    assert asked and Version(go_version()) >= Version(asked[1])
