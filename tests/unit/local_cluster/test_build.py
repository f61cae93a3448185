# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The build of role local_cluster: what is cached is whole, made once, and made again when its sources change."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import json
import sys
import tarfile
import threading
import time
from pathlib import Path
from types import ModuleType

import pytest

BUILD = Path(__file__).resolve().parents[3] / "roles" / "local_cluster" / "files" / "build.py"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return build.py, freshly loaded."""
    spec = importlib.util.spec_from_file_location("local_cluster_build", BUILD)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def build(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return build.py for root, with the slow steps replaced by quick ones that work."""

    def unpack(command: list[str], doing: str, cwd: Path | None = None) -> str:
        busybox = Path(command[-1]) / "usr" / "bin" / "busybox"
        busybox.parent.mkdir(parents=True, exist_ok=True)
        busybox.write_bytes(b"busybox")
        return ""

    def packages(cache: Path) -> Path:
        (cache / "packages").mkdir(exist_ok=True)
        (cache / "packages" / "busybox.deb").touch()
        return cache / "packages"

    monkeypatch.setattr(script, "call", unpack)
    monkeypatch.setattr(script, "packages", packages)
    monkeypatch.setattr(script, "go", lambda cache: "go")
    monkeypatch.setattr(script, "compile_kubernetes", lambda version, go, target: target.write_text(version))
    monkeypatch.setattr(script.os, "geteuid", lambda: 0)
    return script


def run(build: ModuleType, monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> int:
    monkeypatch.setattr(sys, "argv", ["build.py", *map(str, arguments)])
    status = build.main()
    assert isinstance(status, int)
    return status


def contents(archive: bytes) -> dict[str, bytes]:
    """Return name -> content of an archive's executable files."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return {member.name: (tar.extractfile(member) or io.BytesIO()).read() for member in tar if member.mode == 0o755}


def test_the_release_is_what_is_printed(
    build: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(build, monkeypatch, "--cache-dir", tmp_path) == 0
    release = Path(capsys.readouterr().out.strip())
    assert release.parent == tmp_path
    assert (release / "local-cluster").read_text() == build.source_version("k8s.io/kubernetes v")
    assert (release / "runtime" / "pause.tar").exists()


def test_the_plan_says_what_is_built_and_then_nothing(
    build: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(build, monkeypatch, "--cache-dir", tmp_path, "--plan")
    assert "about 7 minutes" in capsys.readouterr().out
    run(build, monkeypatch, "--cache-dir", tmp_path)
    capsys.readouterr()
    run(build, monkeypatch, "--cache-dir", tmp_path, "--plan")
    assert capsys.readouterr().out.strip() == ""


def test_an_aborted_build_leaves_no_release_and_hinders_no_other(
    build: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def abort(version: str, go: str, target: Path) -> None:
        target.write_text("half")
        raise KeyboardInterrupt

    with monkeypatch.context() as aborted:
        aborted.setattr(build, "compile_kubernetes", abort)
        assert run(build, monkeypatch, "--cache-dir", tmp_path) == 130
    assert list(tmp_path.glob("kubernetes-*")) == []
    assert run(build, monkeypatch, "--cache-dir", tmp_path) == 0


def test_two_builds_at_once_compile_once(
    build: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    compiled: list[Path] = []

    def compile_slowly(version: str, go: str, target: Path) -> None:
        compiled.append(target)
        time.sleep(0.2)
        target.write_text(version)

    monkeypatch.setattr(build, "compile_kubernetes", compile_slowly)
    monkeypatch.setattr(sys, "argv", ["build.py", "--cache-dir", str(tmp_path)])
    both = [threading.Thread(target=build.main) for attempt in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert len(compiled) == 1
    first, second = capsys.readouterr().out.split()
    assert first == second


def test_who_is_not_root_is_told_before_anything_happens(
    build: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(build.os, "geteuid", lambda: 1000)
    assert run(build, monkeypatch, "--cache-dir", tmp_path) == 1
    assert "needs root" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_changed_source_is_another_release_and_a_changed_test_is_not(
    build: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(build, "SOURCE", tmp_path)
    (tmp_path / "main.go").write_text("package main")
    before = build.key()
    (tmp_path / "main_test.go").write_text("package main")
    assert build.key() == before
    (tmp_path / "main.go").write_text("package main // better")
    assert build.key() != before


def test_the_pause_image_sleeps_and_its_layer_is_the_one_it_names(build: ModuleType) -> None:
    image = build.pause_image(b"\x7fELF busybox")
    assert image == build.pause_image(b"\x7fELF busybox")
    files = contents(image)
    manifest = json.loads(files["manifest.json"])[0]
    config = json.loads(files[manifest["Config"]])
    layer = files[manifest["Layers"][0]]
    assert manifest["RepoTags"] == [build.PAUSE_IMAGE]
    assert config["config"]["Entrypoint"] == ["/sleep", "infinity"]
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(layer).hexdigest()}"]
    assert contents(layer) == {"sleep": b"\x7fELF busybox"}


@pytest.mark.parametrize(("found", "used"), [("go1.26.8", "machine"), ("go1.25.0", "machine"), ("go1.24.9", "fetched")])
def test_the_machines_go_is_used_if_it_is_new_enough(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, found: str, used: str
) -> None:
    commands: list[list[str]] = []

    def call(command: list[str], doing: str) -> str:
        commands.append(command)
        return found

    monkeypatch.setattr(script, "call", call)
    monkeypatch.setattr(script.shutil, "which", lambda name: name if name == "go" else None)
    assert script.go(tmp_path) == {"machine": "go", "fetched": str(tmp_path / "go" / "bin" / "go")}[used]
    assert any("pip" in command for command in commands) == (used == "fetched")
