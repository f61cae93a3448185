# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads kubeconfig files. Private to the collection."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.argo.workflows.plugins.module_utils._kubernetes.errors import ApiError

Json = dict[str, Any]

_PATHS = {"clusters": ("cluster", ["certificate-authority"])} | {
    "users": ("user", ["client-certificate", "client-key", "tokenFile"])
}
"""What in a kubeconfig is a path, relative to the folder of its file."""
_LONGEST = 255
"""Bytes that the name of a file has at most."""


def is_path(option: Any) -> bool:
    """Whether the option `kubeconfig` has paths, and not the content of a kubeconfig or something else."""
    if not isinstance(option, str):
        return False
    named = all(len(part) <= _LONGEST for file in option.split(os.pathsep) for part in file.split("/"))
    return named and option.isprintable() and not option.lstrip().startswith("{") and "apiVersion" not in option


def files_of(option: Any) -> list[Path]:
    """The files that the option `kubeconfig` names, several joined as in the variable KUBECONFIG.

    ApiError if it is something else, which is not shown, or if one is not there.
    """
    if not is_path(option):
        raise ApiError(
            "kubeconfig: it is the content of a kubeconfig as text, or something else that is not a path: "
            'give the path of a file, or the content as a dictionary ("| from_yaml" makes one of text)'
        )
    files = [Path(file).expanduser() for file in option.split(os.pathsep) if file]
    for file in files:
        if not file.exists():
            raise ApiError(f"cannot connect to a cluster: there is no kubeconfig at {shortened(file)}")
    return files


def files_of_variable() -> list[Path]:
    """The files of the variable KUBECONFIG that are there, or else ~/.kube/config."""
    files = [Path(file).expanduser() for file in os.environ.get("KUBECONFIG", "").split(os.pathsep) if file]
    return [file for file in files or [Path("~/.kube/config").expanduser()] if file.exists()]


def shortened(path: object) -> str:
    """A path as a sentence shows it."""
    text = str(path)
    return text if len(text) <= 200 else f"{text[:200]}…"


def read(files: Sequence[Path]) -> Json:
    """The content of kubeconfig files, merged as kubectl does: the first that names something wins.

    OSError if one cannot be read, ValueError if one is not a kubeconfig.
    """
    merged: Json = {"clusters": [], "contexts": [], "users": []}
    for file in files:
        content = _content(file)
        for plural in ("clusters", "contexts", "users"):
            names = {entry.get("name") for entry in merged[plural]}
            merged[plural] += [entry for entry in _entries(content, plural, file) if entry.get("name") not in names]
        for key, value in content.items():
            merged.setdefault(key, value)
    return merged


def _content(file: Path) -> Json:
    import yaml

    try:
        content = yaml.load(file.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise ValueError("it is not YAML" + (f", see line {mark.line + 1}" if mark else "")) from None
    if not isinstance(content, dict):
        raise ValueError("it is empty or not a mapping")
    return content


def _entries(content: Json, plural: str, file: Path) -> list[Json]:
    """The entries of a list of a kubeconfig, their paths made absolute."""
    entries = content.get(plural) or []
    if not (isinstance(entries, list) and all(isinstance(entry, dict) for entry in entries)):
        raise ValueError(f"its {plural} are not a list of mappings")
    singular, paths = _PATHS.get(plural, ("", []))
    for entry in entries:
        inner = entry.get(singular)
        if isinstance(inner, dict):
            _make_absolute(inner, paths, file.parent)
            _make_absolute(inner.get("exec"), ["command"], file.parent)
    return entries


def _make_absolute(inner: Any, keys: Sequence[str], folder: Path) -> None:
    """A command without a "/" is looked for in PATH."""
    if isinstance(inner, dict):
        for key in keys:
            if isinstance(value := inner.get(key), str) and value and ("/" in value or key != "command"):
                inner[key] = str((folder / value).absolute())


def chosen(kubeconfig: Mapping[str, Any], context: str | None) -> tuple[Json, Json]:
    """The cluster and the user of a context, of the current one by default; empty where there is none."""
    name = context or kubeconfig.get("current-context")
    names = _named(kubeconfig, "contexts", "context", name)
    return (
        _named(kubeconfig, "clusters", "cluster", names.get("cluster")),
        _named(kubeconfig, "users", "user", names.get("user")),
    )


def _named(kubeconfig: Mapping[str, Any], plural: str, singular: str, name: Any) -> Json:
    for entry in kubeconfig.get(plural) or ():
        if entry["name"] == name:
            found: Json = entry.get(singular) or {}
            return found
    return {}
