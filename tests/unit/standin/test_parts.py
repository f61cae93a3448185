# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Defaults, executor, server and images of the stand-in."""

from __future__ import annotations

import json
import subprocess
import tarfile
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from standin import build_images, controller, executor, server


def test_workflow_defaults_fill_what_a_workflow_leaves_open() -> None:
    defaults = {"spec": {"serviceAccountName": "argo-workflow", "securityContext": {"runAsUser": 8737}}}
    own = {"metadata": {"name": "run"}, "spec": {"securityContext": {"fsGroup": 1}, "serviceAccountName": "own"}}
    assert controller.merged(defaults, own) == {
        "metadata": {"name": "run"},
        "spec": {"serviceAccountName": "own", "securityContext": {"runAsUser": 8737, "fsGroup": 1}},
    }


def test_output_parameters_are_read_from_files_or_have_their_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parameters: list[dict[str, Any]] = [
        {"name": name, "valueFrom": {"path": "/x", **default}}
        for name, default in (("found", {}), ("absent", {"default": "none"}), ("lost", {}))
    ]
    (tmp_path / "template").write_text(json.dumps({"outputs": {"parameters": parameters}}))
    (tmp_path / "output-found").write_text("two\nlines\n")
    monkeypatch.setattr(executor, "DIRECTORY", str(tmp_path))
    found = {parameter["name"]: parameter["value"] for parameter in executor.outputs(tmp_path)}
    assert found == {"found": "two\nlines", "absent": "none"}


@pytest.mark.parametrize(
    ("name", "value", "token"),
    [
        ("Authorization", "Bearer abc", "abc"),
        ("Cookie", "theme=dark; authorization=Bearer abc", "abc"),
        ("Cookie", "authorization=Bearer%20abc", "abc"),
        ("Authorization", "Basic abc", ""),
        ("Accept", "text/html", ""),
    ],
)
def test_the_token_comes_from_the_header_or_the_cookie(name: str, value: str, token: str) -> None:
    handler = server.Handler.__new__(server.Handler)
    handler.headers = Message()
    handler.headers[name] = value
    assert handler.token() == token


def test_an_archive_is_one_readable_layer_and_is_left_alone_while_current(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fill(root: Path) -> None:
        build_images.put(root / "bin/tool", "#!/bin/sh\n", 0o700)

    monkeypatch.setitem(build_images.IMAGES, "image", (fill, {}))
    for content in ("one", "one", "two"):
        build_images.compose("image", tmp_path, content)
    said = [line.split(" ", 1)[1] for line in capsys.readouterr().out.splitlines()]
    assert said == ["composed, 0 MiB", "is up to date", "composed, 0 MiB"]
    with tarfile.open(tmp_path / "image.tar") as tar:
        (manifest,) = json.load(tar.extractfile("manifest.json") or pytest.fail())
        assert manifest["RepoTags"] == ["localhost/image:dev"]
        with tarfile.open(fileobj=tar.extractfile(manifest["Layers"][0])) as layer:
            assert oct(layer.getmember("bin/tool").mode) == oct(0o744)
            assert oct(layer.getmember("tmp").mode) == oct(0o1777)


@pytest.mark.parametrize(
    ("devices", "text"),
    [("simulated-0", "simulated GPU: simulated-0"), (None, "no GPU device on this node"), ("void", "no GPU device")],
)
def test_the_workload_image_does_not_pretend_to_have_a_gpu(devices: str | None, text: str) -> None:
    environment = {"NVIDIA_VISIBLE_DEVICES": devices} if devices else {}
    script = ["sh", "-c", build_images.NVIDIA_SMI]
    assert text in subprocess.run(script, env=environment, capture_output=True, text=True, check=True).stdout
