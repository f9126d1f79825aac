"""Builds images with buildah, on a base made here: only packages of Debian and Python are fetched."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.processes import ROOT

BASE: Final = "localhost/taskq-check/python"
IMAGE: Final = "localhost/taskq-check/taskq"
EXAMPLE: Final = "localhost/taskq-check/example"
PACKAGES: Final = "python3,python3-venv,python3-pip,ca-certificates"
PROGRAMS: Final = ("buildah", "debootstrap", "runc")
MORE: Final = ("hatchling", "async-timeout")
"""What building needs, and what a dependency needs on a Python older than this one."""


def missing() -> list[str]:
    """The programs that are not installed."""
    return [name for name in PROGRAMS if shutil.which(name) is None]


def call(*argv: str | Path) -> str:
    """What a program prints. Raises: SystemExit with what it said, when it fails."""
    done = subprocess.run([str(w) for w in argv], capture_output=True, text=True, check=False, timeout=900)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, argv))}: {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout.strip()


def make_base(work: Path) -> None:
    """An image of Debian's Python, like the slim ones."""
    suite = dict(
        line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line
    )
    tree, archive = work / "base", work / "base.tar"
    call("debootstrap", "--variant=minbase", f"--include={PACKAGES}", suite["VERSION_CODENAME"], tree)
    call("tar", "--create", "--file", archive, "--directory", tree, ".")
    container = call("buildah", "from", "scratch")
    call("buildah", "add", "--quiet", container, archive, "/")
    call("buildah", "commit", "--quiet", "--rm", container, BASE)


def fetch_wheels(work: Path) -> None:
    """All packages that the image needs, so that the build itself needs no network."""
    call(sys.executable, "-m", "pip", "download", "--quiet", "--dest", work / "wheels", ROOT, *MORE)
    (work / "pip.conf").write_text("[global]\nno-index = true\nfind-links = /wheelhouse\n")


def build(work: Path, image: str, folder: Path, argument: str) -> None:
    """An image from the Dockerfile of a folder, as docker would; only its base is ours."""
    mounts = ("--volume", f"{work}/wheels:/wheelhouse:ro", "--volume", f"{work}/pip.conf:/etc/pip.conf:ro")
    options = ("--isolation", "chroot", "--format", "docker", "--pull-never", "--quiet")
    call("buildah", "bud", *options, *mounts, "--build-arg", argument, "--tag", image, folder)


def settings(image: str) -> dict[str, Any]:
    """What the image says about running it."""
    found: dict[str, Any] = json.loads(call("buildah", "inspect", "--type", "image", image))["Docker"][
        "config"
    ]
    return found


@contextmanager
def mounted(image: str) -> Iterator[Path]:
    """Its files, as a folder."""
    container = call("buildah", "from", "--pull-never", image)
    try:
        yield Path(call("buildah", "mount", container))
    finally:
        call("buildah", "rm", container)


def remove_images() -> None:
    """What `build` and `make_base` left."""
    call("buildah", "rmi", "--force", EXAMPLE, IMAGE, BASE)
