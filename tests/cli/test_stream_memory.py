"""The memory of `taskq enqueue -` does not grow with its input."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Shell
from tests.processes import environment, taskq_command

LINES = 300_000
LINE = b'{"to":"user@example.com","subject":"Welcome!","template":"welcome-mail"}'


def memory_of(sh: Shell, folder: Path, source: Path, *args: str) -> int:
    """The largest memory, in KB, of `taskq enqueue` with the file as its input."""
    with source.open("rb") as lines, (folder / "out").open("wb") as out:
        process = subprocess.Popen(
            [*taskq_command(), "enqueue", *args, "--quiet"],
            env=environment(folder / "home", sh.server.url),
            stdin=lines,
            stdout=out,
        )
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss


@pytest.fixture
def payloads(tmp_path: Path) -> Path:
    file = tmp_path / "payloads"
    file.write_bytes((LINE + b"\n") * LINES)
    return file


def test_memory_does_not_grow_with_the_input(sh: Shell, tmp_path: Path, payloads: Path) -> None:
    short = tmp_path / "short"
    short.write_bytes((LINE + b"\n") * 5_000)
    few = memory_of(sh, tmp_path, short, "t", "-")
    many = memory_of(sh, tmp_path, payloads, "t", "-")
    assert many < few + 4_000
