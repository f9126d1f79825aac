"""`taskq queue` and `taskq stats`: what queues look like, and stopping them."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Bury, Shell
from tests.conftest import Spawn
from tests.processes import taskq_command
from tests.waiting import wait_until


def test_queues_are_listed_with_their_depths(sh: Shell, bury: Bury) -> None:
    bury({"n": 1}, {"n": 2})
    sh.ok("enqueue", "t", "-p", "high", "-q", "emails")
    sh.ok("enqueue", "t", "--in", "1h", "-q", "other")
    emails, other = sh.records("queue", "ls")
    assert (emails["queue"], emails["ready"], emails["dead"], emails["running"]) == ("emails", 1, 2, 0)
    assert emails["ready_by_priority"]["high"] == 1
    assert emails["totals"]["dead"] == 2
    assert emails["oldest_ready_s"] >= 0
    assert (other["scheduled"], other["next_due_at"] is not None) == (1, True)
    assert sh.ok("queue", "ls").splitlines()[0].split("\t")[:2] == ["emails", "1"]
    assert sh.ok("queue", "ls", "-q", "o*", "-o", "name") == "other\n"


def test_pause_and_resume_say_what_they_changed(sh: Shell) -> None:
    sh.ok("enqueue", "t", "-q", "emails")
    assert sh.ok("queue", "pause", "emails", "--yes") == "emails paused\n"
    assert sh.ok("queue", "pause", "emails") == "emails was paused already\n"
    assert sh.records("queue", "ls")[0]["paused"] is True
    assert sh.ok("queue", "resume", "e*") == "emails resumed\n"
    assert json.loads(sh.ok("queue", "resume", "emails", "-o", "ndjson"))["changed"] is False


def test_a_dry_run_pauses_nothing_and_unknown_queues_are_not_found(sh: Shell) -> None:
    sh.ok("enqueue", "t", "-q", "emails")
    done = sh("queue", "pause", "emails", "-n")
    assert "would pause emails" in done.stderr
    assert sh.records("queue", "ls")[0]["paused"] is False
    assert sh("queue", "pause", "emails", "nowhere").returncode == 4
    assert sh.records("queue", "ls")[0]["paused"] is False
    assert sh("queue", "pause").returncode == 2


def test_stats_show_rates_and_totals(sh: Shell, bury: Bury) -> None:
    bury()
    record = sh.records("stats", "-q", "emails")[0]
    assert record["schema"] == "taskq.queue/1"
    assert record["totals"]["enqueued"] == 1
    assert {"enqueued_per_s", "wait_p99_s", "run_p50_s"} <= record.keys()
    assert "OLDEST" in sh.ok("stats", "-o", "table")


@pytest.mark.parametrize("watch", ["--watch=100ms", "--watch"])
def test_watched_stats_stream_a_record_at_every_tick_until_interrupted(
    sh: Shell, spawn: Spawn, watch: str
) -> None:
    sh.ok("enqueue", "t", "-q", "emails")
    program = spawn([*taskq_command(), "stats", watch, "-o", "ndjson"], sh.server.url)
    wait_until(lambda: program.stdout.count("\n") >= 2, 20)
    assert {json.loads(line)["queue"] for line in program.stdout.splitlines()} == {"emails"}
    assert program.stop() == 143
    assert program.stderr == ""


def test_a_namespace_of_its_own_sees_only_its_own(sh: Shell) -> None:
    sh.ok("enqueue", "t", "-q", "emails", "--namespace", "tenant")
    assert sh.ok("queue", "ls") == ""
    assert sh.ok("queue", "ls", "--namespace", "tenant", "-o", "name") == "emails\n"
    assert sh("queue", "ls", "-o", "name", TASKQ_NAMESPACE="tenant").stdout == "emails\n"
