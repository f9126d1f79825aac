"""Dockerfile, .dockerignore, systemd: what can be told without building, which `make image-check` does."""

from __future__ import annotations

import fnmatch
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from taskq_core.config import GRACE_MS
from tests.deploy.files import DEPLOY, image_environment, instructions, last, run, seconds, tool
from tests.processes import ROOT

EXAMPLE = ROOT / "examples" / "container"


@pytest.mark.parametrize("path", [ROOT / "Dockerfile", EXAMPLE / "Dockerfile"], ids=["taskq", "example"])
def test_hadolint_finds_nothing(path: Path) -> None:
    assert run(tool("hadolint"), path) == ""


def test_the_image_is_run_as_a_number_that_is_not_root() -> None:
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", last("USER"))


def test_the_image_starts_taskq_without_a_shell() -> None:
    assert json.loads(last("ENTRYPOINT")) == ["taskq"]
    assert json.loads(last("CMD")) == ["worker", "app:queue"]
    assert json.loads(last("HEALTHCHECK").partition("CMD")[2])[:2] == ["taskq", "health"]
    assert last("STOPSIGNAL") == "SIGTERM"


def test_no_command_of_the_image_starts_a_server_of_its_own() -> None:
    assert image_environment()["TASKQ_REDIS_URL"].startswith("redis://")


def test_nothing_is_written_when_a_process_starts() -> None:
    assert image_environment()["PYTHONDONTWRITEBYTECODE"] == "1"


def test_both_stages_and_the_example_may_stand_on_an_image_of_your_own() -> None:
    assert [rest for name, rest in instructions() if name == "FROM"] == [
        "${PYTHON_IMAGE} AS build",
        "${PYTHON_IMAGE}",
    ]
    assert last("FROM") == "${PYTHON_IMAGE}"
    assert ("FROM", "${TASKQ_IMAGE}") in instructions(EXAMPLE / "Dockerfile")


def test_the_image_is_built_for_a_python_that_the_package_takes() -> None:
    tagged = dict(rest.split("=", 1) for name, rest in instructions() if name == "ARG")["PYTHON_IMAGE"]

    minor = re.search(r"python:3\.(\d+)-slim", tagged)
    assert minor is not None
    assert f"Python :: 3.{minor[1]}" in (ROOT / "pyproject.toml").read_text()


def test_what_is_copied_is_not_ignored_and_nothing_else_is_let_through() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    let_in = {line[1:] for line in lines if line.startswith("!")}
    copied = {
        word.removeprefix("./")
        for name, rest in instructions()
        if name == "COPY"
        for word in rest.split()[:-1]
    }

    assert "*" in lines
    assert let_in == copied
    assert [name for name in copied if not (ROOT / name).exists()] == []
    assert any(fnmatch.fnmatch("taskq_core/__pycache__", line) for line in lines)


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    unit = (DEPLOY / "systemd" / "taskq-worker.service").read_text()
    here = tmp_path / "taskq-worker.service"
    here.write_text(unit.replace("/opt/taskq/bin/taskq", str(Path(sys.executable).parent / "taskq")))

    command = [tool("systemd-analyze"), "verify", str(here)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    # a key that it does not know is only a warning
    assert (done.returncode, "taskq-worker" in done.stderr) == (0, False), done.stderr


def test_systemd_waits_longer_than_the_worker_needs() -> None:
    unit = dict(
        re.findall(r"^(\w+)=(.*)$", (DEPLOY / "systemd" / "taskq-worker.service").read_text(), re.MULTILINE)
    )

    assert float(unit["TimeoutStopSec"]) >= seconds(unit["ExecStart"].rpartition("--grace ")[2]) + 10
    assert int(unit["SuccessExitStatus"]) == 128 + 15
    assert GRACE_MS < 30_000, "Docker and Kubernetes kill after 10 and 30 s where a file says nothing else"
