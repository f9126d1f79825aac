"""The files of deploy/ and the Dockerfile, read by the programs that use them in earnest."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.processes import ROOT
from tests.servers import missing

DEPLOY = ROOT / "deploy"
K8S = DEPLOY / "k8s"
Resource = dict[str, Any]


def tool(name: str) -> str:
    """A program of this environment or on PATH. Missing: skips the test, or fails it where CI is set."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        missing(f"{name} is not installed")
    return found


def run(*argv: str | Path, **env: str) -> str:
    """What the program prints; its failure is the test's."""
    done = subprocess.run(
        [str(word) for word in argv],
        env=os.environ | env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, f"{argv}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def instructions(path: Path = ROOT / "Dockerfile") -> list[tuple[str, str]]:
    """The lines of a Dockerfile, put together where they go on: the instruction and its words."""
    text = re.sub(r"^\s*#.*\n", "", path.read_text(), flags=re.MULTILINE)
    lines = re.sub(r"\\\n", " ", text).splitlines()
    return [(name, rest.strip()) for name, _, rest in (line.partition(" ") for line in lines) if name]


def last(name: str) -> str:
    """What the image says last under this name, such as USER."""
    return [rest for found, rest in instructions() if found == name][-1]


def image_environment() -> dict[str, str]:
    """The variables that the image sets."""
    return dict(
        word.split("=", 1) for found, rest in instructions() if found == "ENV" for word in shlex.split(rest)
    )


def image_probe() -> list[str]:
    """The command of its HEALTHCHECK."""
    words: list[str] = json.loads(last("HEALTHCHECK").partition("CMD")[2])
    return words


def compose(**env: str) -> Resource:
    """deploy/compose.yaml as Compose understands it, with all its profiles."""
    command = (tool("docker-compose"), "-f", DEPLOY / "compose.yaml", "--profile", "*", "config")
    found: Resource = json.loads(run(*command, "--format", "json", **env))
    return found


def kustomized(folder: Path = K8S) -> list[Resource]:
    """The resources that a kustomization stands for."""
    return list(yaml.safe_load_all(run(tool("kubectl"), "kustomize", folder)))


def one(resources: list[Resource], kind: str, name: str = "") -> Resource:
    """The only resource of a kind whose name begins so."""
    [found] = [r for r in resources if r["kind"] == kind and r["metadata"]["name"].startswith(name)]
    return found


def seconds(text: str) -> float:
    """A span as flags and Compose write it: ``45s``, ``1m0s``."""
    parts = re.findall(r"(\d+)(ms|s|m|h)", text)
    return float(sum(int(n) * {"ms": 0.001, "s": 1, "m": 60, "h": 3600}[unit] for n, unit in parts))


def grace(args: list[str]) -> float:
    """What --grace says, in seconds."""
    return seconds(args[args.index("--grace") + 1])
