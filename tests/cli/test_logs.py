"""`taskq logs`, and what `inspect`, `tail --logs` and `queue set --notes` do with what jobs say."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from taskq_core import JobOptions
from tests.cli.conftest import Shell
from tests.conftest import Spawn
from tests.processes import taskq_command
from tests.waiting import wait_until

KEEP = JobOptions(keep=timedelta(hours=1), retries=0)
APP = """
import asyncio
from pathlib import Path
from taskq_core import Job, TaskQueue

queue = TaskQueue("reports")

@queue.process("report")
async def report(job: Job) -> None:
    for n in range(1, 4):
        job.log(f"chapter {n}")
        job.progress(n / 4, f"{n} of 4")
    while not Path("go").exists():
        await asyncio.sleep(0.02)
    job.log("printed \\x1b]0;owned\\x07")
    job.progress(1)
    if "fail" in job.payload:
        raise ValueError("no")
"""


@pytest.fixture(autouse=True)
def worker(sh: Shell, spawn: Spawn, tmp_path: Path) -> Iterator[None]:
    """A worker whose jobs talk, and end once there is a file `go`."""
    (tmp_path / "app.py").write_text(APP)
    program = spawn([*taskq_command(), "worker", "app:queue", "--grace", "1s"], sh.server.url)
    yield
    program.stop()


def begin(sh: Shell, **payload: int) -> str:
    """A job that runs and has said how far it is."""
    with sh.client() as client:
        receipt = client.enqueue("reports", "report", payload, KEEP)
        wait_until(lambda: any(client.notes("reports", [receipt.id])), 30)
    return str(receipt)


def test_lines_are_data_and_progress_is_narration(sh: Shell, tmp_path: Path) -> None:
    ref = begin(sh)
    done = sh("logs", ref)
    assert done.returncode == 0
    assert [line[8:] for line in done.stdout.splitlines()] == [f" #1  chapter {n}" for n in (1, 2, 3)]
    assert "attempt 1: 75 % 3 of 4" in done.stderr
    (last,) = sh.records("logs", ref, "--lines", "1")
    assert (last["id"], last["number"], last["attempt"], last["text"]) == (ref, 3, 1, "chapter 3")

    (shown,) = sh.records("inspect", ref)
    assert (shown["progress"], shown["progress_note"], shown["progress_attempt"]) == (0.75, "3 of 4", 1)
    assert [line["text"] for line in shown["log"]] == ["chapter 1", "chapter 2", "chapter 3"]
    text = sh.ok("inspect", ref, "-o", "table")
    assert "  chapter 3" in text.partition("\nlog\n")[2]
    assert sh.ok("inspect", ref, "--json", "progress") == '[{"progress":0.75}]\n'
    (tmp_path / "go").touch()


@pytest.mark.parametrize(("payload", "code"), [({}, 0), ({"fail": 1}, 7)])
def test_a_job_is_followed_to_its_end(
    sh: Shell, spawn: Spawn, tmp_path: Path, payload: dict[str, int], code: int
) -> None:
    ref = begin(sh, **payload)
    program = spawn([*taskq_command(), "logs", ref, "-f"], sh.server.url)
    wait_until(lambda: "chapter 3" in program.stdout, 30)
    (tmp_path / "go").touch()
    assert program.wait() == code, program.stderr
    assert program.stdout.splitlines()[-1].endswith(r"printed \x1b]0;owned\x07")
    assert program.stdout.count("chapter 1") == 1
    assert "attempt 1: 100 %" in program.stderr


def test_what_jobs_say_is_followed_with_what_ends(sh: Shell, spawn: Spawn, tmp_path: Path) -> None:
    sh.ok("enqueue", "later", "--in", "1h", "-q", "reports")
    program = spawn([*taskq_command(), "tail", "--logs", "-q", "reports"], sh.server.url)
    with sh.client() as client:
        wait_until(lambda: sh.server.raw.exists(client.keys("reports").tail_notes), 30, "a listener")
    ref = begin(sh)
    (tmp_path / "go").touch()
    wait_until(lambda: '"done"' in program.stdout, 30)
    program.send(signal.SIGINT)
    assert program.wait() == 130
    records = [json.loads(line) for line in program.stdout.splitlines()]
    assert {record["id"] for record in records} == {ref}
    said = [(record["state"], record["progress"], record["text"]) for record in records]
    assert [row for row in said if row[0] == "log"] == [
        ("log", None, text) for text in ("chapter 1", "chapter 2", "chapter 3", "printed \x1b]0;owned\x07")
    ]
    assert [row for row in said if row[0] == "progress"][-1] == ("progress", 1.0, "")
    assert said[-1] == ("done", None, None)


def test_one_who_said_nothing_and_one_who_never_was(sh: Shell) -> None:
    quiet = sh.ok("enqueue", "report", "--in", "1h", "-q", "reports").strip()
    done = sh("logs", quiet)
    assert (done.returncode, done.stdout) == (0, "")
    assert "is scheduled and has said nothing" in done.stderr
    assert sh("logs", "reports/n9999999999999-0").returncode == 4
    assert sh("logs").returncode == 2
    assert sh("logs", "reports/x").returncode == 2


def test_a_queue_may_want_no_notes(sh: Shell, tmp_path: Path) -> None:
    (tmp_path / "go").touch()
    sh.ok("enqueue", "later", "--in", "1h", "-q", "reports")
    (limits,) = sh.records("queue", "set", "reports", "--notes", "off")
    assert limits["notes"] is False
    ref = sh.ok("enqueue", "report", "-q", "reports", "--keep", "1h").strip()
    sh.ok("wait", ref, "--timeout", "30s")
    assert "has said nothing" in sh("logs", ref).stderr
    (limits,) = sh.records("queue", "set", "reports", "--notes", "on")
    assert limits["notes"] is True
    assert sh("queue", "set", "reports", "--notes", "maybe").returncode == 2


def test_either_failures_or_logs(sh: Shell) -> None:
    assert sh("tail", "--failures", "--logs").returncode == 2
