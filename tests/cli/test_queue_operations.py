"""`taskq queue show`, `set`, `drain`, `resume` and `rm`, with real workers."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Bury, Shell
from tests.cli.staff import Staff
from tests.conftest import Spawn
from tests.processes import taskq_command
from tests.waiting import wait_until

NO_FLOW: dict[str, object] = {
    "notes": True, "rate": None, "max_running": None, "key_max_running": None, "tasks": {}, "by_code": [],
}  # fmt: skip


def test_a_queue_is_shown_with_limits_totals_and_workers(sh: Shell, staff: Staff, bury: Bury) -> None:
    bury({"n": 1})
    staff.hire()
    staff.enqueue("sleep", count=3)
    staff.running(2)
    (shown,) = sh.records("queue", "show", "emails")
    assert (shown["ready"], shown["running"], shown["dead"], shown["workers"]) == (1, 2, 1, 1)
    assert shown["limits"] == {
        "max_jobs": None,
        "max_bytes": None,
        "dead_max": 100_000,
        "dead_age_s": 30 * 86_400,
        "slo_s": None,
        **NO_FLOW,
    }
    assert shown["worker_ids"] == [worker.process for worker in staff.live()]
    assert shown["totals"]["enqueued"] == 4
    text = sh.ok("queue", "show", "emails", "-o", "table")
    assert "worker_ids" in text
    assert "limits" in text


def test_limits_are_set_shown_and_taken_back(sh: Shell) -> None:
    sh.ok("enqueue", "t", "-q", "emails")
    args = ("queue", "set", "emails", "-o", "ndjson")
    assert json.loads(sh.ok(*args, "--max-jobs", "2", "--dead-max", "5", "--dead-age", "1h")) == {
        "schema": "taskq.queue-limits/1",
        "queue": "emails",
        "max_jobs": 2,
        "max_bytes": None,
        "dead_max": 5,
        "dead_age_s": 3600,
        "slo_s": None,
        **NO_FLOW,
    }
    sh.ok("enqueue", "t", "-q", "emails")
    assert sh("enqueue", "t", "-q", "emails").returncode == 5
    again = json.loads(sh.ok(*args, "--max-jobs", "0", "--dead-age", "0"))
    assert (again["max_jobs"], again["dead_max"], again["dead_age_s"]) == (None, 5, 30 * 86_400)
    sh.ok("enqueue", "t", "-q", "emails")


def test_a_queue_may_have_a_limit_of_memory(sh: Shell) -> None:
    sh.ok("enqueue", "t", "-q", "emails")
    sh.ok("queue", "set", "emails", "--max-bytes", "30kB")
    assert sh.records("queue", "show", "emails")[0]["limits"]["max_bytes"] == 30_000
    full = sh("enqueue", "t", "x=" + "x" * 30_000, "-q", "emails")
    assert (full.returncode, "bytes, its limit is 30000" in full.stderr) == (5, True), full.stderr
    sh.ok("queue", "set", "emails", "--max-bytes", "1MiB")
    assert sh.records("queue", "show", "emails")[0]["limits"]["max_bytes"] == 1024**2
    sh.ok("enqueue", "t", "x=" + "x" * 30_000, "-q", "emails")
    assert sh("queue", "set", "emails", "--max-bytes", "many").returncode == 2
    sh.ok("queue", "set", "emails", "--max-bytes", "0")
    assert sh.records("queue", "show", "emails")[0]["limits"]["max_bytes"] is None


def test_a_limit_that_would_cost_dead_jobs_is_asked_for(sh: Shell, bury: Bury) -> None:
    bury({"n": 1}, {"n": 2}, {"n": 3})
    rehearsal = sh("queue", "set", "emails", "--dead-max", "1", "-n")
    assert "2 dead jobs would be over it" in rehearsal.stderr
    assert sh("queue", "set", "emails", "--dead-max", "1").returncode == 5
    assert sh.records("queue", "show", "emails")[0]["limits"]["dead_max"] == 100_000
    assert sh("queue", "set", "emails", "--dead-max", "1", "--yes").returncode == 0
    shown = sh.ok("queue", "set", "emails", "--dead-max", "9")
    assert shown == "emails\t\t\t9\t2592000\t\ttrue\t\t\t\t{}\t[]\n"


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (["set", "emails"], 2),
        (["set", "emails", "--max-jobs", "-1"], 2),
        (["set", "emails", "--dead-age", "soon"], 2),
        (["set"], 2),
        (["set", "e*", "--max-jobs", "1"], 2),
        (["set", "nowhere", "--max-jobs", "1"], 4),
        (["show"], 2),
        (["show", "nowhere"], 4),
        (["drain"], 2),
        (["drain", "nowhere"], 4),
        (["rm"], 2),
        (["rm", "nowhere", "--confirm", "nowhere"], 4),
        (["rm", "emails"], 5),
        (["rm", "emails", "--yes"], 5),
        (["rm", "emails", "--confirm", "other"], 5),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_changes(sh: Shell, args: list[str], code: int) -> None:
    sh.ok("enqueue", "t", "-q", "emails")
    done = sh("queue", *args)
    assert (done.returncode, done.stdout) == (code, "")
    assert sh.records("queue", "ls")[0]["ready"] == 1


def test_draining_waits_until_workers_have_finished_and_refuses_producers(
    sh: Shell, staff: Staff, spawn: Spawn
) -> None:
    staff.enqueue("sleep", count=4, s=0.4)
    staff.enqueue("quick", flags=("--in", "1h"))
    drain = spawn([*taskq_command(), "queue", "drain", "emails", "-o", "ndjson"], sh.server.url)
    wait_until(lambda: sh.records("queue", "ls")[0]["state"] == "draining", 20)
    refused = sh("enqueue", "quick", "-q", "emails")
    assert refused.returncode == 5
    assert "draining" in refused.stderr
    assert "taskq queue resume emails" in refused.stderr
    stream = sh("enqueue", "quick", "-", "-q", "emails", stdin="{}\n{}\n")
    assert stream.returncode == 5
    wait_until(lambda: "no worker serves emails" in drain.stderr, 20)
    assert drain.running

    staff.hire()

    assert drain.wait(30) == 0
    assert json.loads(drain.stdout) == {
        "schema": "taskq.queue-drain/1",
        "queue": "emails",
        "changed": True,
        "drained": True,
        "ready": 0,
        "running": 0,
        "scheduled": 1,
    }
    assert "1 scheduled jobs wait for their time" in drain.stderr
    assert sh.ok("queue", "resume", "emails") == "emails resumed\n"
    staff.enqueue("quick")


def test_a_drain_that_takes_too_long_exits_8_and_goes_on(sh: Shell, staff: Staff) -> None:
    staff.hire()
    staff.enqueue("sleep", s=60)
    staff.running(1)
    done = sh("queue", "drain", "emails", "--timeout", "300ms")
    assert (done.returncode, done.stdout) == (8, "emails draining\n")
    assert "0 ready and 1 running" in done.stderr
    assert sh.records("queue", "ls")[0]["state"] == "draining"
    assert sh.ok("queue", "drain", "emails", "--no-wait") == "emails draining\n"


def test_a_drain_without_waiting_a_dry_run_and_a_paused_queue(sh: Shell) -> None:
    for queue in ("emails", "mail"):
        sh.ok("enqueue", "t", "-q", queue)
    assert "would drain emails, mail" in sh("queue", "drain", "*", "-n").stderr
    assert {record["state"] for record in sh.records("queue", "ls")} == {"active"}
    assert sh.ok("queue", "drain", "*", "--no-wait") == "emails draining\nmail draining\n"
    sh.ok("queue", "resume", "emails")
    sh.ok("queue", "pause", "emails")
    refused = sh("queue", "drain", "emails", "--no-wait")
    assert refused.returncode == 5
    assert "paused" in refused.stderr
    assert [record["state"] for record in sh.records("queue", "ls")] == ["paused", "draining"]
    assert "draining" in sh.ok("queue", "ls", "-o", "table")


def test_an_empty_queue_is_drained_at_once(sh: Shell) -> None:
    ref = sh.ok("enqueue", "t", "-q", "emails").strip()
    sh.ok("cancel", ref, "--yes")
    assert sh.ok("queue", "drain", "emails") == "emails drained\n"


def test_a_queue_is_removed_with_its_jobs_when_its_name_is_given_again(sh: Shell, bury: Bury) -> None:
    bury({"n": 1})
    sh.ok("enqueue", "t", "-", "-q", "emails", stdin="{}\n{}\n")
    sh.ok("enqueue", "t", "--in", "1h", "-q", "emails")
    rehearsal = sh("queue", "rm", "emails", "-n")
    assert "would remove emails with 2 ready, 1 scheduled, 1 dead jobs" in rehearsal.stderr
    done = sh("queue", "rm", "emails", "--confirm", "emails")
    assert (done.returncode, done.stdout) == (0, "emails removed\n")
    assert sh.ok("queue", "ls") == ""
    assert sh.server.raw.keys("*emails*") == [] or all(
        sh.server.raw.ttl(key) > 0 for key in sh.server.raw.keys("*emails*")
    )


def test_a_queue_that_is_served_is_removed_by_force_only(sh: Shell, staff: Staff) -> None:
    staff.hire()
    staff.enqueue("sleep", count=2)
    staff.running(2)
    refused = sh("queue", "rm", "emails", "--confirm", "emails")
    assert refused.returncode == 5
    assert "taskq workers stop -q emails" in refused.stderr
    assert sh.ok("queue", "rm", "emails", "--confirm", "emails", "--force") == "emails removed\n"
    # the worker drops the jobs it ran and serves the queue anew
    wait_until(lambda: [r["workers"] for r in sh.records("queue", "ls")] == [1], 30)
    (ref,) = staff.enqueue("quick")
    wait_until(lambda: sh("inspect", ref).returncode == 4, 20)
