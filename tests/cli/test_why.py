"""`taskq why`: the true cause in each situation, made for real."""

from __future__ import annotations

import json
from typing import Any

import pytest

from taskq_core import State
from tests.cli.conftest import Bury, Shell
from tests.cli.staff import Staff
from tests.waiting import wait_until


def why(sh: Shell, target: str) -> dict[str, Any]:
    """The record of one job or queue."""
    (record,) = sh.records("why", target)
    return record


def causes(sh: Shell, *targets: str) -> list[str]:
    """The main cause of each."""
    return [record["cause"] for record in sh.records("why", *targets)]


def test_without_workers_and_paused_and_scheduled(sh: Shell, staff: Staff) -> None:
    (ready,) = staff.enqueue("quick")
    (later,) = staff.enqueue("quick", flags=("--in", "1h"))
    (soon,) = staff.enqueue("quick", flags=("--in", "1ms"))
    assert causes(sh, ready, later, soon, "emails") == [
        "no_worker",
        "scheduled",
        "due_no_worker",
        "no_worker",
    ]
    found = why(sh, later)
    assert 3500 < found["eta_s"] <= 3600
    assert found["due_at"].startswith("20")
    assert f"taskq retry {later}" in found["todo"]
    text = sh.ok("why", ready)
    assert text.startswith(
        f"{ready} no_worker: No live worker serves queue emails. -> Start one: taskq worker"
    )

    sh.ok("queue", "pause", "emails")
    paused = why(sh, ready)
    assert (paused["cause"], paused["also"], paused["state"]) == ("queue_paused", ["no_worker"], "ready")
    assert paused["todo"] == "taskq queue resume emails"
    assert why(sh, "emails")["cause"] == "queue_paused"
    # whatever prints jobs can be read
    listed = sh.ok("jobs", "-q", "emails", "-o", "ndjson")
    assert len(sh.ok("why", "-", stdin=listed + sh.ok("jobs", "-q", "emails")).splitlines()) == 6


def test_all_slots_busy_higher_levels_and_a_task_nobody_knows(sh: Shell, staff: Staff) -> None:
    staff.hire()
    running = staff.enqueue("sleep", count=2)
    staff.running(2)
    waiting = staff.enqueue("sleep", count=5)
    (low,) = staff.enqueue("sleep", flags=("-p", "low"))
    (strange,) = staff.enqueue("strange", flags=("-p", "low"))

    first, last = why(sh, waiting[0]), why(sh, waiting[-1])
    assert (first["cause"], first["ahead"]) == ("slots_busy", 0)
    assert "all 2 slots of 1 worker are busy" in first["explanation"]
    assert (last["cause"], last["ahead"], last["ahead_is_least"]) == ("slots_busy", 4, False)
    higher = why(sh, low)
    assert (higher["cause"], higher["ahead"]) == ("behind_higher_levels", 5)
    unknown = why(sh, strange)
    assert (unknown["cause"], unknown["also"]) == ("unknown_task", ["behind_higher_levels"])
    assert unknown["ahead"] == 6

    record = why(sh, running[0])
    assert record["cause"] == "running"
    assert record["worker"] == staff.live()[0].process
    assert 0 <= record["since_s"] < 60
    queue = why(sh, "emails")
    assert (queue["cause"], queue["also"], queue["task"]) == ("unknown_task", ["slots_busy"], "strange")

    sh.ok("workers", "stop", "--all", "--yes")
    wait_until(lambda: staff.live()[0].stopping, 20)
    assert why(sh, waiting[0])["cause"] == "workers_stopping"


def test_a_failed_attempt_and_a_dead_job(sh: Shell, staff: Staff, bury: Bury) -> None:
    (dead,) = bury({"n": 1})
    staff.hire()
    (failed,) = staff.enqueue("fail")
    (unknown,) = staff.enqueue("strange")
    staff.until(lambda: failed in staff.states(State.SCHEDULED) and unknown in staff.states(State.DEAD))

    record = why(sh, failed)
    assert record["cause"] == "next_attempt"
    assert "Attempt 1 failed with ValueError: no such user. The next one is at" in record["explanation"]
    record = why(sh, dead)
    assert record["cause"] == "dead"
    assert "ValueError: no such user" in record["explanation"]
    assert f"taskq retry {dead}" in record["todo"]
    assert why(sh, unknown)["cause"] == "unknown_task"
    assert why(sh, "emails")["cause"] == "only_scheduled"


def test_a_job_that_kills_workers_is_a_suspect_and_then_poison(sh: Shell, staff: Staff) -> None:
    (ref,) = staff.enqueue("die")
    for _ in range(2):
        worker = staff.hire("--lease", "500ms", wait=False)
        assert worker.wait(30) == 7
    (busy,) = staff.enqueue("sleep", flags=("-p", "critical"))
    third = staff.hire("--lease", "500ms")
    staff.until(lambda: why(sh, ref)["cause"] == "suspect", "the second worker to be missed")
    assert "2 workers died while they ran it" in why(sh, ref)["explanation"]
    sh.ok("cancel", busy, "--yes")
    assert third.wait(30) == 7
    staff.hire("--lease", "500ms")
    staff.until(lambda: staff.states(State.DEAD))
    poison = why(sh, ref)
    assert poison["cause"] == "poison"
    assert "3 workers died" in poison["explanation"]


def test_a_job_of_a_worker_that_fell_silent(sh: Shell, staff: Staff) -> None:
    worker = staff.hire("--lease", "4s")
    (ref,) = staff.enqueue("sleep")
    staff.running(1)
    worker.kill()
    staff.until(lambda: why(sh, ref)["cause"] == "worker_silent", "the silence to be noticed")
    record = why(sh, ref)
    assert "taskq worker" in record["todo"]
    assert record["eta_s"] is None
    staff.until(lambda: not staff.live(), "the end of the lease")
    assert "its lease ended" in why(sh, ref)["explanation"]
    queue = why(sh, "emails")
    assert (queue["cause"], queue["also"]) == ("no_worker", ["worker_silent", "only_running"])

    sh.ok("queue", "pause", "emails")
    staff.hire("--lease", "4s")
    staff.until(lambda: staff.states(State.READY) == [ref], "the job to be taken over")
    given_back = why(sh, ref)
    assert given_back["cause"] == "queue_paused"
    assert "given_back" in given_back["also"]
    assert "A worker died while it ran it" in given_back["explanation"]


def test_a_job_that_is_cancelled_and_does_not_stop(sh: Shell, staff: Staff) -> None:
    staff.hire()
    (ref,) = staff.enqueue("stubborn")
    staff.running(1)
    sh.ok("cancel", ref, "--yes")
    assert staff.until(lambda: why(sh, ref)["cause"] == "being_cancelled", "the wish to be seen")


def test_a_worker_that_lives_and_takes_nothing(sh: Shell, staff: Staff) -> None:
    staff.hire("--lease", "1s")
    (blocking,) = staff.enqueue("block")
    staff.running(1)
    (waiting,) = staff.enqueue("quick")
    staff.until(lambda: why(sh, waiting)["cause"] == "workers_stuck")
    record = why(sh, waiting)
    assert record["worker"] == staff.live()[0].process
    assert why(sh, "emails")["cause"] == "workers_stuck"
    running = why(sh, blocking)
    assert (running["cause"], running["also"]) == ("running", ["workers_stuck"])


def test_jobs_that_ended(sh: Shell, staff: Staff) -> None:
    kept, gone = staff.enqueue("quick", flags=("--keep", "1h")) + staff.enqueue("quick")
    staff.hire("--burst", wait=False).wait(30)
    (stopped,) = staff.enqueue("quick", flags=("--keep", "1h"))
    sh.ok("cancel", stopped, "--yes")
    assert causes(sh, kept, gone, stopped) == ["done", "ended", "cancelled"]
    assert why(sh, kept)["todo"] == f"taskq result {kept}"
    assert causes(sh, "emails") == ["empty"]


def test_ids_that_never_were_are_not_found(sh: Shell, staff: Staff) -> None:
    (ref,) = staff.enqueue("quick")
    never = "emails/n999999999999999-0"
    assert sh("why", never).returncode == 4
    assert sh("why", ref, never).returncode == 6
    assert sh("why", "nowhere").returncode == 4
    assert sh("why").returncode == 2
    assert sh("why", "e*").returncode == 2
    assert sh("why", "-", stdin="nonsense\n").returncode == 2


@pytest.mark.parametrize("state", ["draining", "full"])
def test_a_queue_that_refuses_producers(sh: Shell, staff: Staff, state: str) -> None:
    staff.hire()
    staff.enqueue("sleep", count=3)
    staff.running(2)
    if state == "full":
        sh.ok("queue", "set", "emails", "--max-jobs", "3")
    else:
        sh.ok("queue", "drain", "emails", "--no-wait")
    record = why(sh, "emails")
    assert (record["cause"], record["also"]) == (f"queue_{state}", ["slots_busy"])
    assert json.loads(sh.ok("why", "emails", "-o", "json"))[0]["ahead"] == 1
