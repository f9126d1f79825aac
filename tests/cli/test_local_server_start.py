"""Without any URL, commands share one local server, started by the first of them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Taskq
from tests.processes import environment, taskq_command
from tests.waiting import wait_until


@pytest.fixture
def local(taskq: Taskq) -> Iterator[Taskq]:
    """`taskq` without a URL; its local server is stopped at the end."""
    yield taskq
    taskq("server", "stop")


def status(local: Taskq) -> dict[str, object]:
    found: dict[str, object] = json.loads(local("server", "status", "-o", "ndjson").stdout)
    return found


def test_the_first_command_starts_it_and_says_so_in_one_line(local: Taskq) -> None:
    first = local("enqueue", "t", "-q", "emails")
    assert first.returncode == 0
    assert first.stdout.startswith("emails/n")
    assert first.stderr.startswith("taskq: started the local server")
    assert first.stderr.count("\n") == 1
    second = local("queue", "ls", "-o", "name")
    assert (second.stdout, second.stderr) == ("emails\n", "")


def test_thirty_racing_commands_start_one_server_and_lose_no_job(
    local: Taskq, tmp_path: Path, clean_home: Path
) -> None:
    env = environment(clean_home)
    racers = [
        subprocess.Popen(
            [*taskq_command(), "enqueue", "t", f"n:={n}"],
            env=env,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for n in range(30)
    ]
    answers = [racer.communicate(timeout=100) for racer in racers]
    assert [racer.returncode for racer in racers] == [0] * 30
    assert sum("started the local server" in err for _, err in answers) == 1
    assert len({out for out, _ in answers}) == 30
    jobs = [json.loads(line) for line in local("jobs", "-o", "ndjson").stdout.splitlines()]
    assert sorted(job["payload"]["n"] for job in jobs) == list(range(30))


def test_jobs_survive_sigkill_of_the_server(local: Taskq) -> None:
    refs = local("enqueue", "t", "-", stdin="{}\n" * 3_000).stdout.splitlines()
    pid = status(local)["pid"]
    assert isinstance(pid, int)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not status(local)["running"], 20)
    again = local("jobs", "--limit", "5000", "-o", "name")
    assert again.stdout.splitlines() == refs
    assert "started the local server" in again.stderr


def test_start_status_and_stop(local: Taskq) -> None:
    assert local("server", "status").returncode == 3
    started = local("server", "start", "-o", "name")
    assert started.stdout.startswith("unix://")
    assert "is started" in started.stderr
    assert "runs already" in local("server", "start").stderr
    assert local("server", "status").returncode == 0
    assert status(local)["kind"] == "valkey"
    # the address works as a URL
    assert local("queue", "ls", "--url", started.stdout.strip()).returncode == 0
    assert "is stopped" in local("server", "stop").stderr
    assert "no local server" in local("server", "stop").stderr
    assert status(local)["running"] is False


def test_it_is_not_started_by_what_needs_no_server(local: Taskq) -> None:
    for args in (
        ["--version"],
        ["jobs", "--help"],
        ["jobs", "--json"],
        ["enqueue", "t", "-n"],
        ["enqueue", "no good"],
    ):
        local(*args)
    assert status(local)["running"] is False
