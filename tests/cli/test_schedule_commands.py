"""`taskq schedule`: adding, listing, pausing, triggering, removing, and when the next time is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from taskq_core import Backoff, Schedule, ScheduleRef, TaskQueue
from tests.cli.conftest import Done, Shell
from tests.cli.many import Many
from tests.conftest import ServerPool
from tests.processes import environment
from tests.servers import Server
from tests.waiting import until
from tests.worker.crew import working


class Quick(Shell):
    """`taskq` against one server, forked from a process that has loaded it."""

    def __init__(self, many: Many, server: Server) -> None:
        self._many = many
        self.server = server

    def __call__(self, *args: str, stdin: str = "", **env: str) -> Done:
        assert not env
        return self._many.run(*args, stdin=stdin)


@pytest.fixture(scope="module")
def many(server_pool: ServerPool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Many]:
    """One for all tests of this module."""
    folder = tmp_path_factory.mktemp("many")
    found = Many(folder, environment(folder, server_pool("valkey").url))
    yield found
    found.close()


@pytest.fixture
def sh(many: Many, any_server: Server) -> Quick:
    """`taskq` against an empty server."""
    return Quick(many, any_server)


NIGHTLY = ("schedule", "add", "nightly", "30 2 * * *", "clean-up", "-q", "reports")


def test_a_schedule_from_adding_to_removal(sh: Shell) -> None:
    assert sh.ok(*NIGHTLY, "days:=30", "--tz", "Europe/Berlin", "--missed", "all", "--jitter", "1m") == (
        "reports/nightly created\n"
    )
    assert sh.ok(*NIGHTLY, "days:=30", "--tz", "Europe/Berlin", "--missed", "all", "--jitter", "1m") == (
        "reports/nightly unchanged\n"
    )
    (record,) = sh.records("schedule", "ls")
    assert record["schema"] == "taskq.schedule/1"
    assert {
        "id": "reports/nightly", "state": "active", "spec": "30 2 * * *", "tz": "Europe/Berlin",
        "task": "clean-up", "payload": {"days": 30}, "missed": "all", "grace_s": 86_400, "jitter_s": 60,
        "source": "hand", "fired": 0,
    }.items() <= record.items()  # fmt: skip
    assert sh.ok("schedule", "ls", "-q", "re*", "-o", "name") == "reports/nightly\n"
    assert sh.ok("schedule", "pause", "nightly") == "reports/nightly paused\n"
    assert sh.ok("schedule", "pause", "reports/nightly") == "reports/nightly was paused already\n"
    (record,) = sh.records("schedule", "show", "nightly")
    assert (record["state"], record["next_at"]) == ("paused", None)
    assert sh.ok("schedule", "resume", "*") == "reports/nightly resumed\n"
    assert sh("schedule", "rm", "nightly").returncode == 5
    assert sh.ok("schedule", "rm", "nightly", "--yes") == "reports/nightly removed\n"
    assert sh.ok("schedule", "ls") == ""


def test_another_one_under_a_name_that_is_taken_is_refused_unless_it_replaces(sh: Shell) -> None:
    sh.ok(*NIGHTLY)
    done = sh(*NIGHTLY, "days:=1")
    assert (done.returncode, done.stdout) == (5, "")
    assert "--replace" in done.stderr
    assert sh.ok(*NIGHTLY, "days:=1", "--replace") == "reports/nightly changed\n"


@pytest.mark.parametrize(
    ("args", "said", "help_"),
    [
        (["x", "61 * * * *", "t"], "'61' at column 1 is no minute", "Allowed: 0-59"),
        (["x", "0 0 30 2 *", "t"], "never comes true", "L for the last day"),
        (["x", "@daily", "t", "--tz", "berlin"], "unknown time zone 'berlin'", "Europe/Berlin"),
        (["x", "every 5x", "t"], "names no span", "every 30s"),
        (["x", "@daily", "t", "--missed", "maybe"], "missed runs 'maybe'", "skip, latest, all"),
        (["x", "@daily", "t", "--overlap", "x"], "overlapping runs 'x'", "cancel_previous"),
        (["a b", "@daily", "t"], "schedule name 'a b'", "must match"),
        (["x", "@daily", "t t"], "task name 't t'", "must match"),
        (["x", "@daily", "t", "word"], "neither key=value", "to=user"),
        (["x", "@daily", "t", "--payload", "[]"], "not a JSON object", "payload"),
        (["x", "@daily"], "a name, a time and a task", "schedule add nightly"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_sent(
    sh: Shell, args: list[str], said: str, help_: str
) -> None:
    done = sh("schedule", "add", *args)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert help_ in done.stderr
    with sh.client() as client:
        assert client.queues() == []


def test_dry_runs_change_nothing(sh: Shell) -> None:
    done = sh(*NIGHTLY, "--dry-run")
    assert "would add reports/nightly, next at 20" in done.stderr
    sh.ok(*NIGHTLY)
    before = sh.records("schedule", "show", "nightly")
    for verb in ("pause", "rm"):
        assert (
            f"would {'remove' if verb == 'rm' else verb} reports/nightly"
            in sh("schedule", verb, "nightly", "-n").stderr
        )
    assert sh.records("schedule", "show", "nightly") == before


def test_names_that_mean_none_or_several(sh: Shell) -> None:
    sh.ok(*NIGHTLY)
    sh.ok("schedule", "add", "nightly", "@daily", "t", "-q", "images")
    done = sh("schedule", "pause", "nightly")
    assert done.returncode == 2
    assert "images/nightly, reports/nightly" in done.stderr
    for verb in ("show", "pause", "resume", "trigger", "rm", "next"):
        assert sh("schedule", verb, "nobody", *(["--yes"] if verb == "rm" else [])).returncode == 4
        assert sh("schedule", verb, "images/nobody", *(["--yes"] if verb == "rm" else [])).returncode == 4
        assert sh("schedule", verb).returncode == 2
    assert sh.ok("schedule", "pause", "images/*") == "images/nightly paused\n"


def test_next_shows_local_times_and_utc(sh: Shell) -> None:
    sh.ok(*NIGHTLY, "--tz", "Asia/Kathmandu")
    rows = sh.records("schedule", "next", "nightly", "-n", "3")
    assert len(rows) == 3
    assert all(row["local"].endswith("02:30:00+05:45") and "T20:45:00" in row["utc"] for row in rows)
    assert 0 < rows[0]["in_s"] <= 86_400
    tried = sh.records("schedule", "next", "0 9 * * MON", "--tz", "Europe/Berlin", "-n", "2")
    first, second = (datetime.fromisoformat(row["local"]) for row in tried)
    assert (first.weekday(), first.hour, (second.date() - first.date()).days) == (0, 9, 7)
    sh.ok("schedule", "pause", "nightly")
    done = sh("schedule", "next", "nightly")
    assert (done.returncode, done.stdout) == (0, "")
    assert "is paused" in done.stderr


def test_trigger_prints_a_job_that_every_command_takes(sh: Shell) -> None:
    sh.ok(*NIGHTLY, "--overlap", "skip")
    triggered = sh.ok("schedule", "trigger", "nightly")
    job = json.loads(sh.ok("inspect", "-", "-o", "ndjson", stdin=triggered))
    assert (job["task"], job["schedule"], job["fire_at"] is not None) == ("clean-up", "nightly", True)
    refused = sh("schedule", "trigger", "nightly")
    assert refused.returncode == 5
    assert job["id"] in refused.stderr
    assert sh.ok("jobs", "--filter", "schedule=nightly", "-o", "name") == job["id"] + "\n"


async def test_a_schedule_whose_code_is_gone_is_an_orphan(sh: Shell) -> None:
    before, after = (TaskQueue("q", redis=sh.server.url) for _ in range(2))
    before.cron("@yearly", name="old")(before.process("t")(print))
    after.process("t")(print)

    def states() -> list[str]:
        return [record["state"] for record in sh.records("schedule", "ls")]

    async with working(before):
        await until(lambda: asyncio.to_thread(lambda: states() == ["active"]), 30, "the declaration")
    assert states() == ["active"]  # nobody is there who could know
    async with working(after):
        await until(lambda: asyncio.to_thread(lambda: states() == ["orphan"]), 30, "the orphan")
    assert sh.records("schedule", "ls")[0]["source"] == "code"


def test_an_overdue_one_is_said_to_be(sh: Shell) -> None:
    sh.ok(*NIGHTLY)
    with sh.client() as client:
        sh.server.raw.zadd(client.keys("reports").schedule_times, {"nightly": 1})
    assert sh.records("schedule", "ls")[0]["state"] == "overdue"


def test_schedules_move_with_an_export(sh: Shell) -> None:
    sh.ok(*NIGHTLY, "name=é", "--overlap", "skip", "--retries", "3", "--keep", "1h", "--tenant", "acme")
    with sh.client() as client:
        made = client.schedules.get(ScheduleRef("reports", "nightly")).schedule
        slow = Backoff(timedelta(seconds=5), 3.0, timedelta(minutes=9))
        keyed = replace(made, options=replace(made.options, concurrency_key="report", backoff=slow))
        client.schedules.add("reports", keyed, replace=True)
        before = client.schedules.get(ScheduleRef("reports", "nightly"))
        assert (before.schedule.options.concurrency_key, before.schedule.options.tenant) == ("report", "acme")
        exported = sh.ok("export")
        client.remove("reports")
        assert "1 schedules not added" in sh("import", stdin=exported).stderr
        assert client.schedules.list(["reports"]) == []
        assert "1 schedules added" in sh("import", "--settings", stdin=exported).stderr
        assert client.schedules.get(before.ref).schedule == before.schedule
        assert sh("import", "--settings", stdin=exported).returncode == 0
        other = Schedule("nightly", "@daily", "t", grace=timedelta(seconds=1))
        client.schedules.add("reports", other, replace=True)
        done = sh("import", "--settings", stdin=exported)
        assert (done.returncode, "another schedule named" in done.stderr) == (2, True)
    bad = exported.replace("30 2 * * *", "30 2 * * * * * *")
    assert sh("import", "--settings", stdin=bad).returncode == 2
