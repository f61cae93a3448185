# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Argo demo and tests run on, and what is built for it."""

from __future__ import annotations

import io
import json
import tarfile
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.argo.workflows.roles.local_cluster.files import building
from ansible_collections.argo.workflows.roles.local_cluster.files.building import BuildError
from ansible_collections.argo.workflows.tests.engine import argo, choose, modules, versitygw, workload

DEFAULT = yaml.safe_load((choose.ROOT / "roles/argo/defaults/main.yml").read_text())["argo_version"]


# --- what is chosen ---


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Return what is built, of a machine that reaches no registry; nothing is built in fact."""
    names: list[str] = []

    def build(name: str) -> Callable[[Path], Path]:
        def release(cache: Path) -> Path:
            names.append(name)
            return cache / name

        return release

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for name in ("CLUSTER_KUBECONFIG", "ENGINE_IMAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(choose, "registry_in_reach", lambda: False)
    monkeypatch.setattr(argo, "release", build("argo"))
    monkeypatch.setattr(workload, "release", build("workload"))
    return names


def archive(path: Path, *tags: str) -> None:
    """Write the parts of an image archive that name its images, and the program `argo` in the upper of two layers."""
    layers = {"0/layer.tar": tar_of({"bin/argo": b"covered"}), "1/layer.tar": tar_of({"bin/argo": b"a program"})}
    manifest = json.dumps([{"Config": "config.json", "RepoTags": tags, "Layers": list(layers)}]).encode()
    path.write_bytes(tar_of({"manifest.json": manifest, **layers}))


def tar_of(files: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text))
    return content.getvalue()


def archives(folder: Path, version: str, *names: str) -> None:
    for name in names:
        archive(folder / f"{name}.tar", f"mirror.example/argo/{name}:{version}")


def test_without_a_registry_an_argo_is_built_and_its_flaws_are_said(built: list[str], tmp_path: Path) -> None:
    variables, words = choose.chosen()
    cache = tmp_path / "argo.workflows"
    assert variables == {
        "argo_version": argo.VERSION,
        "engine_argo": f"{cache}/argo/argo",
        "local_cluster_image_dirs": [f"{cache}/workload", f"{cache}/argo/images"],
    }
    assert f"Argo {argo.VERSION} is used" in words
    assert "Known flaws are reported" in words and "throw-away clusters alone" in words


def test_where_the_registry_answers_the_version_of_the_role_is_pulled(
    built: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choose, "registry_in_reach", lambda: True)
    variables, words = choose.chosen()
    assert built == ["workload"]
    assert variables["argo_version"] == DEFAULT != argo.VERSION
    assert f"Argo {DEFAULT} is used, with the images of quay.io/argoproj." in words


def test_another_cluster_pulls_its_images_and_nothing_is_built(
    built: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLUSTER_KUBECONFIG", "/etc/kubeconfig")
    assert choose.chosen()[0] == {"argo_version": DEFAULT}
    assert built == []


def test_a_folder_of_archives_says_itself_which_argo_it_holds(
    built: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    archives(tmp_path, "v4.9.1", *argo.IMAGES)
    archive(tmp_path / "gpu-matmul.tar", "localhost/gpu-matmul:dev")
    monkeypatch.setenv("ENGINE_IMAGES", str(tmp_path))
    variables, words = choose.chosen()
    assert built == ["workload"]
    assert (variables["argo_image_registry"], variables["argo_version"]) == ("mirror.example/argo", "v4.9.1")
    assert variables["local_cluster_image_dirs"][-1] == str(tmp_path)
    assert Path(variables["engine_argo"]).read_text() == "a program"
    assert words == f"Argo v4.9.1 is used, with the images of {tmp_path}."


def test_an_image_of_the_server_without_its_program_is_named(tmp_path: Path) -> None:
    archive(tmp_path / "argocli.tar", "mirror.example/argo/argocli:v4.9.1")
    with pytest.raises(BuildError, match=r"The image of .*/argocli\.tar has no file bin/other\."):
        choose.content_of(tmp_path / "argocli.tar", "bin/other")


def test_a_folder_must_hold_all_images_of_argo(tmp_path: Path) -> None:
    archives(tmp_path, "v4.9.1", "argocli")
    with pytest.raises(BuildError, match=r"no image archive .* of workflow-controller, argoexec; .*argocli:v4\.9\.1"):
        choose.origin_of(tmp_path)


def test_a_folder_must_hold_one_argo(tmp_path: Path) -> None:
    archives(tmp_path, "v4.9.1", *argo.IMAGES)
    archive(tmp_path / "other.tar", "mirror.example/argo/argocli:v4.9.2")
    with pytest.raises(BuildError, match=r"more than one Argo: .*argocli:v4.9.2"):
        choose.origin_of(tmp_path)


@pytest.mark.parametrize("content", [b"", b"not an archive"])
def test_what_is_no_image_archive_is_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "argocli.tar").write_bytes(content)
    with pytest.raises(BuildError, match=f"{tmp_path}/argocli.tar is not an image archive"):
        choose.origin_of(tmp_path)


@pytest.mark.parametrize(
    ("answer", "reached"),
    [
        (urllib.error.HTTPError("https://quay.io/v2/", 401, "Unauthorized", None, None), True),  # type: ignore[arg-type]
        (urllib.error.URLError("no such host"), False),
        (TimeoutError(), False),
    ],
)
def test_a_registry_that_refuses_is_in_reach(answer: Exception, reached: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def answered(*_arguments: Any, **_options: Any) -> None:
        raise answer

    monkeypatch.setattr(urllib.request.OpenerDirector, "open", answered)
    assert choose.registry_in_reach() is reached


def test_the_inventory_reads_what_was_chosen(
    built: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(choose, "VARIABLES", tmp_path / "host_vars" / "local.yml")
    assert choose.main() == 0
    assert f"Argo {argo.VERSION} is used" in capsys.readouterr().out
    assert yaml.safe_load(choose.VARIABLES.read_text()) == choose.chosen()[0]


# --- what is built ---


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return a module such as the proxy's, read-only; Go says that it has fetched it, and compiles at once."""
    folder = tmp_path / "module"
    (folder / "workflow/executor/osspecific").mkdir(parents=True)
    (folder / "workflow/executor/osspecific/signal_darwin.go").write_text("package osspecific")
    (folder / "ui").mkdir()
    for path in [*folder.rglob("*"), folder]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    answer = json.dumps({"Dir": str(folder), "Sum": argo.MODULE.sum})

    def compile_programs(go: str, source: Path, packages: list[str], stamps: dict[str, str], target: Path) -> None:
        assert stamps == {f"{argo.MODULE.path}.version": argo.VERSION}
        assert (source / "workflow/executor/osspecific/signal_linux.go").read_text() == "package osspecific"
        page = (source / "ui/dist/app/index.html").read_text()
        assert f"Argo {argo.VERSION}, built without its UI" in page and "VERSION" not in page
        for package in packages:
            (target / Path(package).name).write_text(package)

    monkeypatch.setattr(modules, "call", lambda command, doing, cwd: answer)
    monkeypatch.setattr(argo, "go", lambda cache: "go")
    monkeypatch.setattr(argo, "compile_programs", compile_programs)
    return folder


def test_the_build_has_the_images_with_the_version_as_tag_and_the_program(module: Path, tmp_path: Path) -> None:
    release = argo.release(tmp_path / "cache")
    assert choose.origin_of(release / "images") == (argo.REGISTRY, argo.VERSION)
    assert (release / "argo").read_text() == "./cmd/argo"
    assert sorted(path.name for path in release.iterdir()) == ["argo", "images"]
    assert sorted(path.name for path in (release / "images").iterdir()) == sorted(f"{name}.tar" for name in argo.IMAGES)


def test_a_module_with_another_checksum_is_refused_and_nothing_is_compiled(
    module: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = json.dumps({"Dir": str(module), "Sum": "h1:other="})
    monkeypatch.setattr(modules, "call", lambda command, doing, cwd: answer)
    monkeypatch.setattr(argo, "compile_programs", lambda *arguments: pytest.fail("it was compiled"))
    assert building.outcome(lambda: 0 if argo.release(tmp_path / "cache") else 1) == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert f"its checksum is h1:other=, and should be {argo.MODULE.sum}" in said and "GOPROXY" in said
    assert not list((tmp_path / "cache").glob("argo-*"))


def test_an_interrupted_build_goes_on_when_it_is_run_again(
    module: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def interrupt(*_arguments: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as interrupted:
        interrupted.setattr(argo, "compile_programs", interrupt)
        assert building.outcome(lambda: 0 if argo.release(tmp_path) else 1) == 130
    assert not list(tmp_path.glob("argo-*"))
    assert argo.release(tmp_path).exists()


def test_a_build_of_an_older_version_is_replaced(module: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(building, "ASKED_FOR", -1.0)
    (tmp_path / "argo-v4.0.4-0123456789ab").mkdir()
    release = argo.release(tmp_path)
    assert list(tmp_path.glob("argo-*")) == [release]


def test_the_s3_server_is_built_from_its_module_as_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    answer = json.dumps({"Dir": str(tmp_path / "module"), "Sum": versitygw.MODULE.sum})

    def compile_programs(go: str, source: Path, packages: list[str], stamps: dict[str, str], target: Path) -> None:
        assert (source, packages) == (tmp_path / "module", ["./cmd/versitygw"])
        target.write_text("a program")

    monkeypatch.setattr(modules, "call", lambda command, doing, cwd: answer)
    monkeypatch.setattr(versitygw, "go", lambda cache: "go")
    monkeypatch.setattr(versitygw, "compile_programs", compile_programs)
    assert (versitygw.release(tmp_path / "cache") / "versitygw").read_text() == "a program"


def test_who_reads_the_servers_page_learns_what_is_missing_and_what_works() -> None:
    page = argo.PAGE.read_text()
    for told in ("without its UI", "REST API", "<code>argo", "Known flaws are reported", "throw-away clusters alone"):
        assert told in " ".join(page.split())
