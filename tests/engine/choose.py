# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make engine`: which Argo the plays of this machine install, and the images that they need.

Other clusters pull the images of the role's default version. The local one does so where the registry answers, takes
those of the folder ENGINE_IMAGES, or else those of the Argo that is built here. The inventory `inventories/local` reads
what was chosen.
"""

from __future__ import annotations

import json
import os
import sys
import tarfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO, Any

import yaml

from ansible_collections.argo.workflows.roles.local_cluster.files.building import (
    BuildError,
    default_cache,
    made,
    outcome,
)
from ansible_collections.argo.workflows.tests.engine import argo, workload

ROOT = Path(__file__).resolve().parents[2]
VARIABLES = ROOT / "inventories/local/host_vars/local.yml"


def main() -> int:
    VARIABLES.parent.mkdir(exist_ok=True)
    variables, words = chosen()
    print(words, flush=True)
    VARIABLES.write_text("---\n# Written by `make engine`.\n" + yaml.safe_dump(variables))
    return 0


def chosen() -> tuple[dict[str, Any], str]:
    """Return the variables of the local inventory, and what is said to the user."""
    variables = {"argo_version": yaml.safe_load((ROOT / "roles/argo/defaults/main.yml").read_text())["argo_version"]}
    if os.environ.get("CLUSTER_KUBECONFIG"):
        return variables, f"Argo {variables['argo_version']} is used; the cluster pulls its images."
    cache = default_cache()
    dirs = [workload.release(cache)]
    if images := os.environ.get("ENGINE_IMAGES"):
        dirs.append(Path(images).expanduser().resolve())
        variables["argo_image_registry"], variables["argo_version"] = origin_of(dirs[-1])
        variables["engine_argo"] = str(program_of(dirs[-1], variables["argo_version"], cache))
        where = f"with the images of {dirs[-1]}"
    elif registry_in_reach():
        where = f"with the images of {argo.REGISTRY}"
    else:
        built = argo.release(cache)
        dirs.append(built / "images")
        variables |= {"argo_version": argo.VERSION, "engine_argo": str(built / "argo")}
        where = f"built on this machine, since {argo.REGISTRY} is not in reach"
    words = f"Argo {variables['argo_version']} is used, {where}."
    if variables["argo_version"] == argo.VERSION:
        words += f" {argo.FLAWS}"
    return {**variables, "local_cluster_image_dirs": [str(folder) for folder in dirs]}, words


def registry_in_reach(timeout: float = 3.0) -> bool:
    """Whether the registry of Argo's images answers at all; it refuses anonymous listing with 401."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # as the cluster's containerd asks
    try:
        direct.open(f"https://{argo.REGISTRY.partition('/')[0]}/v2/", timeout=timeout).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def origin_of(folder: Path) -> tuple[str, str]:
    """Return registry and version of the Argo whose image archives are in the folder: "quay.io/argoproj" and "v4.1.2".

    Raises BuildError where one of the three is missing, or is of another version.
    """
    tags = sorted(tag for archive in sorted(folder.glob("*.tar")) for tag in tags_of(archive))
    found = {name: [tag for tag in tags if f"/{name}:" in tag] for name in argo.IMAGES}
    if missing := [name for name in found if not found[name]]:
        raise BuildError(
            f"ENGINE_IMAGES={folder} holds no image archive (*.tar) of {', '.join(missing)};"
            f" the images that it holds: {', '.join(tags) or 'none'}."
        )
    origins = {tuple(tag.split(f"/{name}:")) for name in found for tag in found[name]}
    if len(origins) > 1:
        raise BuildError(f"ENGINE_IMAGES={folder} holds images of more than one Argo: {', '.join(tags)}.")
    [(registry, version)] = origins
    return registry, version


def program_of(folder: Path, version: str, cache: Path) -> Path:
    """Return the program `argo` of the server's image among these archives; it is kept in the cache."""
    archive = next(path for path in sorted(folder.glob("*.tar")) if any("/argocli:" in tag for tag in tags_of(path)))
    found = archive.stat()

    def unpack(target: Path) -> None:
        (target / "argo").write_bytes(content_of(archive, "bin/argo"))
        (target / "argo").chmod(0o755)

    return made(cache / f"argocli-{version}-{found.st_size}-{found.st_mtime_ns}", unpack, room=256 << 20) / "argo"


def content_of(archive: Path, name: str) -> bytes:
    """Return a file of the image in an archive, as its uppermost layer has it."""
    with tarfile.open(archive) as tar:
        for layer in reversed(json.load(member(tar, "manifest.json"))[0]["Layers"]):
            with tarfile.open(fileobj=member(tar, layer)) as files:
                if name in files.getnames():
                    return member(files, name).read()
    raise BuildError(f"The image of {archive} has no file {name}.")


def member(tar: tarfile.TarFile, name: str) -> IO[bytes]:
    """Open a file of an archive; KeyError if it is something else."""
    if file := tar.extractfile(name):
        return file
    raise KeyError(name)


def tags_of(archive: Path) -> list[str]:
    """Return the tags of the images in an archive that `docker save` writes."""
    try:
        with tarfile.open(archive) as tar:
            return [tag for image in json.load(member(tar, "manifest.json")) for tag in image["RepoTags"]]
    except (KeyError, ValueError, tarfile.TarError):
        raise BuildError(f"{archive} is not an image archive as `docker save` writes them.") from None


if __name__ == "__main__":
    sys.exit(outcome(main))
