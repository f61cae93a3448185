# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configuration, storage form, executor, server and images of the stand-in."""

from __future__ import annotations

import json
import subprocess
import tarfile
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
import standin
from standin import build_images, controller, executor, server


def config_map(**data: str) -> dict[str, Any]:
    return {"metadata": {"name": "workflow-controller-configmap"}, "data": data}


def test_the_configuration_is_one_key_with_yaml_or_a_key_a_setting() -> None:
    expected = {"instanceID": "mine", "executor": {"imagePullPolicy": "Never"}}
    assert (
        controller.parse_config(config_map(config="instanceID: mine\nexecutor: {imagePullPolicy: Never}")) == expected
    )
    assert controller.parse_config(config_map(instanceID="mine", executor="imagePullPolicy: Never\n")) == expected
    assert controller.parse_config({"metadata": {"name": "empty"}}) == {}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"config": "noSuchKey: 1"}, 'unknown field "noSuchKey"'),
        ({"noSuchKey": "1"}, 'unknown field "noSuchKey"'),
        ({"config": "", "instanceID": "x"}, "you must only have one item"),
    ],
)
def test_a_configuration_that_argo_refuses_stops_the_stand_in(data: dict[str, str], message: str) -> None:
    with pytest.raises(SystemExit, match=message):
        controller.parse_config(config_map(**data))


def test_workflow_defaults_fill_what_a_workflow_leaves_open() -> None:
    defaults = {"spec": {"serviceAccountName": "argo-workflow", "podGC": {"strategy": "OnPodSuccess"}}}
    own = {"metadata": {"name": "run"}, "spec": {"podGC": {"deleteDelayDuration": "1s"}, "serviceAccountName": "own"}}
    assert controller.merged(defaults, own) == {
        "metadata": {"name": "run"},
        "spec": {
            "serviceAccountName": "own",
            "podGC": {"strategy": "OnPodSuccess", "deleteDelayDuration": "1s"},
        },
    }


def test_a_large_workflow_is_stored_with_compressed_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    workflow = {"status": {"phase": "Running", "nodes": {"run": {"name": "run" * 99}}}}
    assert controller.compressed(workflow) == workflow
    monkeypatch.setattr(controller, "MAX_SIZE", 99)
    stored = controller.compressed(workflow)
    assert stored["status"].keys() == {"phase", "compressedNodes"}
    assert controller.uncompressed(stored) == workflow


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


def test_the_stand_in_says_what_it_is() -> None:
    assert "This is not Argo Workflows" in server.PAGE
    assert "stand-in" in standin.VERSION


def test_an_archive_is_one_readable_layer_and_is_left_alone_while_current(tmp_path: Path) -> None:
    root, archive = tmp_path / "root", tmp_path / "image.tar"
    build_images.put(root / "bin/tool", "#!/bin/sh\n", 0o700)
    build_images.write_archive(archive, "image", root, {"Labels": {build_images.CONTENT: "one"}})
    with tarfile.open(archive) as tar:
        (manifest,) = json.load(tar.extractfile("manifest.json") or pytest.fail())
        assert manifest["RepoTags"] == ["localhost/image:dev"]
        with tarfile.open(fileobj=tar.extractfile(manifest["Layers"][0])) as layer:
            assert oct(layer.getmember("bin/tool").mode) == oct(0o744)
            assert oct(layer.getmember("tmp").mode) == oct(0o1777)
    assert build_images.is_current(archive, "one")
    assert not build_images.is_current(archive, "two")
    assert not build_images.is_current(tmp_path / "missing.tar", "one")


@pytest.mark.parametrize(
    ("devices", "text"),
    [("simulated-0", "simulated GPU: simulated-0"), (None, "no GPU device on this node"), ("void", "no GPU device")],
)
def test_the_workload_image_does_not_pretend_to_have_a_gpu(devices: str | None, text: str) -> None:
    environment = {"NVIDIA_VISIBLE_DEVICES": devices} if devices else {}
    script = ["sh", "-c", build_images.NVIDIA_SMI]
    assert text in subprocess.run(script, env=environment, capture_output=True, text=True, check=True).stdout
