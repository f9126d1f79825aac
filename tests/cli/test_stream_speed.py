"""`taskq enqueue -` keeps up with its input, and its memory does not grow with it."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from tests.cli.conftest import Shell
from tests.processes import environment, taskq_command

LINES = 300_000
LINES_PER_S = 80_000
LINE = b'{"to":"user@example.com","subject":"Welcome!","template":"welcome-mail"}'


def timed(sh: Shell, folder: Path, source: Path, *args: str) -> tuple[float, int]:
    """Seconds and the largest memory, in KB, of `taskq enqueue` with the file as its input."""
    with source.open("rb") as lines, (folder / "out").open("wb") as out:
        began = time.monotonic()
        process = subprocess.Popen(
            [*taskq_command(), "enqueue", *args, "--quiet"],
            env=environment(folder / "home", sh.server.url),
            stdin=lines,
            stdout=out,
        )
        _, status, usage = os.wait4(process.pid, 0)
        took = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return took, usage.ru_maxrss


@pytest.fixture
def payloads(tmp_path: Path) -> Path:
    file = tmp_path / "payloads"
    file.write_bytes((LINE + b"\n") * LINES)
    return file


@pytest.fixture
def jobs(tmp_path: Path) -> Path:
    file = tmp_path / "jobs"
    file.write_bytes((b'{"task":"send-email","payload":' + LINE + b"}\n") * LINES)
    return file


@pytest.mark.alone
@pytest.mark.parametrize("form", ["payloads", "jobs"])
def test_a_stream_reaches_eighty_thousand_lines_a_second(
    sh: Shell, tmp_path: Path, form: str, payloads: Path, jobs: Path
) -> None:
    args, source = (("send-email", "-"), payloads) if form == "payloads" else (("-",), jobs)
    best = min(timed(sh, tmp_path, source, *args)[0] for _ in range(3))
    assert len((tmp_path / "out").read_bytes().splitlines()) == LINES
    assert LINES / best >= LINES_PER_S


def test_memory_does_not_grow_with_the_input(sh: Shell, tmp_path: Path, payloads: Path) -> None:
    short = tmp_path / "short"
    short.write_bytes((LINE + b"\n") * 5_000)
    few = timed(sh, tmp_path, short, "t", "-")[1]
    many = timed(sh, tmp_path, payloads, "t", "-")[1]
    assert many < few + 4_000
