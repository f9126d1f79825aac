"""examples/checksums.py on real input: every file under /usr/share, through a shell pipeline."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from examples.checksums import append, checksum, sum_line
from tests.conftest import Spawn
from tests.processes import environment, taskq_command
from tests.servers import Server, missing

FEWEST = 1_000


def find_files() -> str:
    """The `find` that lists the input: files of all kinds and sizes, tens of thousands on most machines."""
    if shutil.which("jq") is None or shutil.which("sha256sum") is None:
        missing("jq or sha256sum is not installed")
    # a name with a line break cannot travel on a line, whoever reads it
    return "find /usr/share -type f -readable ! -name '*\n*'"


def shell(command: str, **env: str) -> str:
    """The command's stdout. A failing part of the pipeline fails it."""
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        env=env,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


@pytest.mark.alone
@pytest.mark.timeout(300)
def test_every_digest_equals_that_of_sha256sum(
    server: Server, spawn: Spawn, clean_home: Path, tmp_path: Path
) -> None:
    find = find_files()
    sums = tmp_path / "sums"
    env = environment(clean_home, server.url)
    expected = shell(f"{find} -print0 | xargs -0 sha256sum", **env).splitlines()
    assert len(expected) >= FEWEST

    taskq = shlex.join(taskq_command())
    ids = shell(f"{find} | jq -cR '{{path: .}}' | {taskq} enqueue checksum - -q files", **env).splitlines()
    worker = spawn(
        [*taskq_command(), "worker", "examples.checksums:queue", "--burst"], server.url, CHECKSUMS=str(sums)
    )

    assert worker.wait(100) == 0, worker.stderr
    assert len(set(ids)) == len(expected)
    assert all(line.startswith("files/n") for line in ids)
    # sorted lists, not sets: no worker died, so no file may have been hashed twice
    assert sorted(sums.read_text().splitlines()) == sorted(expected)


def test_the_sums_of_odd_names_read_as_sha256sum_writes_them(tmp_path: Path) -> None:
    sums = tmp_path / "sums"
    for name in ["plain", "with blank", "back\\slash", "ünï", "line\nbreak"]:
        file = tmp_path / name
        file.write_text(name)
        append(str(sums), sum_line(checksum(str(file)), str(file)))

    check = subprocess.run(
        ["sha256sum", "--check", "--quiet", str(sums)], capture_output=True, text=True, check=False
    )

    assert (check.returncode, check.stdout, check.stderr) == (0, "", "")
