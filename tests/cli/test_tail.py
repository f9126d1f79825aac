"""`taskq tail`: what ends is seen as it ends, from several queues, through restarts, until nobody reads."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from taskq_core import Client, Job, TaskQueue, WorkerOptions
from tests.cli.conftest import Shell
from tests.conftest import NewServer, Spawn
from tests.processes import Program, taskq_command
from tests.waiting import wait_until


def work(url: str, queue: str, *, fails: bool = False, retries: int = 0, count: int = 1) -> None:
    """Jobs that a real worker ends now."""
    tasks = TaskQueue(queue, redis=url, retries=retries)

    @tasks.process("task")
    def task(job: Job) -> None:
        if fails:
            raise ValueError("no\x1b[31m luck")

    tasks.add_many_sync("task", [{}] * count)
    tasks.run(WorkerOptions(burst=True))
    tasks.close_sync()


def follow(sh: Shell, spawn: Spawn, *args: str, queue: str = "emails") -> Program:
    """A `taskq tail` that listens."""
    sh.ok("enqueue", "later", "--in", "1h", "-q", queue)
    program = spawn([*taskq_command(), "tail", *args], url=sh.server.url)
    wait_until(lambda: sh.server.raw.exists(sh.client().keys(queue).tail), 20, "a listener")
    return program


def records(program: Program) -> list[dict[str, Any]]:
    return [json.loads(line) for line in program.stdout.splitlines()]


def test_done_failed_dead_and_cancelled_jobs_are_told(sh: Shell, spawn: Spawn) -> None:
    program = follow(sh, spawn)
    work(sh.server.url, "emails")
    work(sh.server.url, "emails", fails=True, retries=1)
    work(sh.server.url, "emails", fails=True)
    ref = sh.ok("enqueue", "task", "-q", "emails").strip()
    sh.ok("cancel", ref, "--yes")
    wait_until(lambda: len(records(program)) >= 4, 20)
    found = {record["state"]: record for record in records(program)}
    assert set(found) == {"done", "failed", "dead", "cancelled"}
    assert found["cancelled"]["id"] == ref
    assert found["failed"]["error"]["type"] == "ValueError"
    assert found["failed"]["next_attempt_at"] > found["failed"]["at"]
    assert "\x1b" not in program.stdout
    program.send(signal.SIGINT)
    assert program.wait() == 130


def test_failures_only_changes_nothing_and_shows_only_those(sh: Shell, spawn: Spawn) -> None:
    sh.ok("enqueue", "later", "--in", "1h", "-q", "emails")
    program = spawn([*taskq_command(), "tail", "--failures", "-q", "emails", "-o", "name"], url=sh.server.url)
    wait_until(lambda: any(c["cmd"] == "xread" for c in sh.server.raw.client_list()), 20, "a listener")
    work(sh.server.url, "emails")
    work(sh.server.url, "emails", fails=True)
    wait_until(lambda: program.stdout, 20)
    (dead,) = sh.ok("jobs", "--state", "dead", "-o", "name").splitlines()
    assert program.stdout == f"{dead}\n"
    assert not sh.server.raw.exists(sh.client().keys("emails").tail)


def test_queues_that_are_new_are_picked_up_when_they_match(sh: Shell, spawn: Spawn) -> None:
    program = follow(sh, spawn, "-q", "mail-*", queue="mail-a")
    work(sh.server.url, "other")
    sh.ok("enqueue", "later", "--in", "1h", "-q", "mail-b")
    wait_until(lambda: sh.server.raw.exists(sh.client().keys("mail-b").tail), 20)
    work(sh.server.url, "mail-a")
    work(sh.server.url, "mail-b")
    wait_until(lambda: len(records(program)) == 2, 20)
    assert [record["queue"] for record in records(program)] == ["mail-a", "mail-b"]
    assert not sh.server.raw.exists(sh.client().keys("other").tail)


def test_many_that_end_at_once_are_all_counted(sh: Shell, spawn: Spawn) -> None:
    program = follow(sh, spawn)
    work(sh.server.url, "emails", count=3_000)
    wait_until(lambda: sum(record["count"] for record in records(program)) == 3_000, 20)
    assert len(records(program)) < 3_000


def test_head_ends_it_at_once_and_silently(sh: Shell, spawn: Spawn) -> None:
    sh.ok("enqueue", "later", "--in", "1h", "-q", "emails")
    pipeline = subprocess.Popen(
        ["bash", "-c", f"set -o pipefail; {' '.join(taskq_command())} tail | head -1"],
        env={"TASKQ_REDIS_URL": sh.server.url, "PATH": "/usr/bin:/bin"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until(lambda: sh.server.raw.exists(sh.client().keys("emails").tail), 20)
    work(sh.server.url, "emails")
    out, err = pipeline.communicate(timeout=20)
    assert json.loads(out)["state"] == "done"
    assert (pipeline.returncode, err) == (141, "")


def test_a_restart_of_the_server_is_survived(new_server: NewServer, spawn: Spawn) -> None:
    server = new_server("valkey", aof=True)
    work(server.url, "emails")
    program = spawn([*taskq_command(), "tail", "-q", "emails"], url=server.url)
    with Client(server.url) as client:
        note = client.keys("emails").tail
    wait_until(lambda: server.raw.exists(note), 20)
    server.kill()
    server.start()
    wait_until(lambda: server.raw.exists(note), 20)
    work(server.url, "emails")
    wait_until(lambda: [record["state"] for record in records(program)] == ["done"], 20)
    assert program.running


def test_a_name_has_to_be_right_and_a_read_only_profile_only_reads(
    sh: Shell, spawn: Spawn, tmp_path: Path
) -> None:
    assert sh("tail", "-q", "nobody").returncode == 4
    sh.ok("enqueue", "later", "--in", "1h", "-q", "emails")
    (tmp_path / "taskq.toml").write_text(f'[profiles.look]\nurl = "{sh.server.url}"\nread_only = true')
    refused = sh("tail", "-P", "look")
    assert refused.returncode == 5
    assert "read-only" in refused.stderr
    program = spawn([*taskq_command(), "tail", "-P", "look", "--failures"])
    wait_until(lambda: any(c["cmd"] == "xread" for c in sh.server.raw.client_list()), 20, "a listener")
    program.send(signal.SIGINT)
    assert program.wait() == 130


@pytest.mark.parametrize("form", ["json", "table", "csv", "tsv"])
def test_each_format_flushes_event_by_event(sh: Shell, spawn: Spawn, form: str) -> None:
    program = follow(sh, spawn, "-o", form)
    work(sh.server.url, "emails", fails=True)
    wait_until(lambda: "ValueError" in program.stdout, 20)
    program.send(signal.SIGINT)
    assert program.wait() == 130
    assert "\x1b" not in program.stdout
    if form == "json":
        assert len(json.loads(program.stdout)) == 1
