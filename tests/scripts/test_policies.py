"""What a job meets whose key is taken: throttle, debounce and replace, one call at a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from taskq_core import JobOptions, Receipt, State
from taskq_core.commands import work
from tests.scripts.rig import Rig
from tests.waiting import wait_until

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
BLINK = timedelta(milliseconds=60)
KEY = "key"


def add(rig: Rig, n: int = 0, task: str = "t", **options: Any) -> Receipt:
    return rig.client.enqueue("q", task, {"n": n}, JobOptions(unique=KEY, **options))


def payload(rig: Rig, receipt: Receipt) -> bytes:
    return rig.detail(receipt.id).payload


def due(rig: Rig, receipt: Receipt) -> datetime:
    found = rig.detail(receipt.id).due_at
    assert found is not None
    return found


def waits_in_all(rig: Rig) -> int:
    snapshot = rig.client.snapshot("q")
    return sum(snapshot.ready.values()) + snapshot.scheduled


# -- throttle -------------------------------------------------------------------------------------


def test_a_throttled_key_is_held_when_its_job_has_ended(rig: Rig) -> None:
    first = add(rig, throttle=MINUTE)
    rig.hire()
    rig.ack("w1", *rig.claim())

    second = add(rig, throttle=MINUTE)

    assert (second.id, second.duplicate, second.added) == (first.id, True, False)
    assert second.held_until is not None
    left = second.held_until - datetime.now(UTC)
    assert timedelta(seconds=50) < left <= MINUTE
    assert rig.totals()["enqueued"] == 1


def test_a_plain_call_meets_the_throttle_too(rig: Rig) -> None:
    add(rig, throttle=MINUTE)
    rig.hire()
    rig.ack("w1", *rig.claim())

    assert add(rig).held_until is not None


def test_a_throttle_that_is_over_holds_the_key_only_while_its_job_waits_or_runs(rig: Rig) -> None:
    first = add(rig, throttle=BLINK)
    wait_until(lambda: add(rig, throttle=BLINK).held_until is None)

    assert (add(rig, throttle=BLINK).id, add(rig, throttle=BLINK).duplicate) == (first.id, True)
    rig.hire()
    rig.ack("w1", *rig.claim())
    assert add(rig, throttle=BLINK).added


def test_a_throttle_alone_is_one_with_as_short_a_lock(rig: Rig) -> None:
    add(rig, throttle=BLINK, unique_for=BLINK)

    wait_until(lambda: add(rig, throttle=BLINK, unique_for=BLINK).added)


def test_a_throttled_job_that_waits_may_be_replaced(rig: Rig) -> None:
    first = add(rig, 1, throttle=MINUTE, delay=HOUR)

    second = add(rig, 2, throttle=MINUTE, replace=True)

    assert (second.id, second.replaced, second.held_until) == (first.id, True, None)
    assert payload(rig, first) == b'{"n":2}'


# -- debounce -------------------------------------------------------------------------------------


def test_each_call_puts_a_debounced_job_off_and_the_last_payload_runs(rig: Rig) -> None:
    first = add(rig, 1, debounce=MINUTE)
    before = due(rig, first)

    second = add(rig, 2, debounce=2 * MINUTE)

    assert (second.id, second.postponed, second.replaced, second.added) == (first.id, True, True, False)
    assert due(rig, first) - before > timedelta(seconds=59)
    assert payload(rig, first) == b'{"n":2}'
    assert rig.totals() == {"enqueued": 1}
    detail = rig.detail(first.id)
    assert (detail.state, detail.debounce, detail.debounce_max) == (State.SCHEDULED, MINUTE, 10 * MINUTE)


def test_the_first_payload_may_be_kept(rig: Rig) -> None:
    first = add(rig, 1, debounce=MINUTE)

    second = add(rig, 2, debounce=MINUTE, replace=False)

    assert (second.postponed, second.replaced) == (True, False)
    assert payload(rig, first) == b'{"n":1}'


def test_no_call_puts_it_off_beyond_its_longest_wait(rig: Rig) -> None:
    first = add(rig, debounce=MINUTE, debounce_max=90 * MINUTE / 60)
    born = rig.detail(first.id).enqueued_at

    add(rig, debounce=HOUR)

    assert due(rig, first) == born + timedelta(seconds=90)


def test_a_call_may_bring_it_nearer_and_wakes_a_worker_for_it(rig: Rig) -> None:
    first = add(rig, debounce=MINUTE)
    rig.raw.delete(rig.keys.wake)
    add(rig, debounce=2 * MINUTE)
    assert rig.raw.llen(rig.keys.wake) == 0  # later: whoever sleeps finds out

    add(rig, debounce=BLINK)

    assert due(rig, first) - datetime.now(UTC) < MINUTE
    assert rig.raw.llen(rig.keys.wake) == 1


@pytest.mark.parametrize("stage", ["ready", "running", "waits for its next attempt", "done", "cancelled"])
def test_a_debounced_job_that_is_on_its_way_is_not_met_again(rig: Rig, stage: str) -> None:
    first = add(rig, 1, debounce=MINUTE)
    if stage == "cancelled":
        rig.client.cancel("q", [first.id])
    else:
        rig.make_due(first.id)
        rig.promote()
        rig.hire()
        jobs = [] if stage == "ready" else rig.claim()
        if stage == "done":
            rig.ack("w1", *jobs)
        elif stage.startswith("waits"):
            rig.run(rig.failing("w1", *jobs, retries=1, delay_ms=60_000))

    second, third = add(rig, 2, debounce=MINUTE), add(rig, 3, debounce=MINUTE)

    assert second.added
    assert second.id != first.id
    assert (third.id, third.postponed) == (second.id, True)
    assert payload(rig, second) == b'{"n":3}'


def test_the_end_of_the_one_before_does_not_free_the_key_of_the_next(rig: Rig) -> None:
    first = add(rig, 1, debounce=MINUTE)
    rig.make_due(first.id)
    rig.promote()
    rig.hire()
    jobs = rig.claim()
    second = add(rig, 2, debounce=MINUTE)

    rig.ack("w1", *jobs)

    assert add(rig, 3, debounce=MINUTE).id == second.id


def test_a_plain_call_meets_a_debounced_job_wherever_it_is(rig: Rig) -> None:
    first = add(rig, 1, debounce=MINUTE)
    assert add(rig, 2).duplicate
    rig.make_due(first.id)
    rig.promote()

    assert add(rig, 2).duplicate


def test_a_debounced_call_does_not_put_off_a_job_that_is_not_debounced(rig: Rig) -> None:
    first = add(rig, 1, delay=HOUR)
    before = due(rig, first)

    second = add(rig, 2, debounce=MINUTE)

    assert (second.postponed, second.replaced) == (False, True)
    assert due(rig, first) == before


# -- replace --------------------------------------------------------------------------------------


@pytest.mark.parametrize("delay", [None, HOUR])
def test_a_waiting_job_gets_the_new_payload_and_stays_what_it_was(rig: Rig, delay: timedelta | None) -> None:
    first = add(rig, 1, delay=delay, retries=7, priority="high")
    before = rig.detail(first.id)

    second = add(rig, 2, replace=True, retries=1, priority="low")

    after = rig.detail(first.id)
    assert (second.id, second.replaced, second.duplicate) == (first.id, True, False)
    assert after.payload == b'{"n":2}'
    assert (after.state, after.due_at, after.retries) == (before.state, before.due_at, 7)
    assert (after.priority, after.attempts) == ("high", 0)
    assert (waits_in_all(rig), rig.totals()) == (1, {"enqueued": 1})


def test_a_replaced_job_runs_once_and_frees_its_key(rig: Rig) -> None:
    first = add(rig, 1)
    other = rig.add(1)[0]
    for n in (2, 3):
        assert add(rig, n, replace=True).replaced
    rig.hire()

    jobs = rig.claim(want=10)

    assert [job.id for job in jobs] == [other, first.id]  # it counts as enqueued now
    assert jobs[1].payload == {"n": 3}
    rig.ack("w1", *jobs)
    assert rig.raw.exists(rig.keys.moved) == 0
    assert add(rig, 4, replace=True).added


def test_a_running_job_is_never_replaced(rig: Rig) -> None:
    first = add(rig, 1)
    rig.hire()
    rig.claim()

    second = add(rig, 2, replace=True)

    assert (second.id, second.duplicate, second.running, second.replaced) == (first.id, True, True, False)
    assert payload(rig, first) == b'{"n":1}'


@pytest.mark.parametrize("where", ["scheduled", "ready", "given back"])
def test_what_failed_before_keeps_its_attempts(rig: Rig, where: str) -> None:
    first = add(rig, 1, retries=5)
    rig.hire()
    rig.run(rig.failing("w1", *rig.claim(), retries=5, delay_ms=60_000))
    if where != "scheduled":
        rig.make_due(first.id)
        rig.promote()
    if where == "given back":
        rig.claim()
        rig.take_over("w1")
    before = rig.detail(first.id)

    assert add(rig, 2, replace=True).replaced

    after = rig.detail(first.id)
    assert (after.attempts, after.due_at) == (before.attempts, before.due_at)
    assert after.payload == b'{"n":2}'
    assert after.attempts == (2 if where == "given back" else 1)


def test_a_job_that_was_given_back_unstarted_has_no_attempt(rig: Rig) -> None:
    first = add(rig, 1)
    rig.hire()
    rig.run(work.release(rig.keys, "w1", rig.claim()))

    assert add(rig, 2, replace=True).replaced
    assert rig.raw.xpending(rig.keys.streams[2], "w")["pending"] == 0
    assert rig.detail(first.id).attempts == 0
    assert [(job.id, job.payload) for job in rig.claim()] == [(first.id, {"n": 2})]
    assert len(rig.pending("w1")) == 1


@pytest.mark.parametrize("options", [{"replace": True}, {"debounce": MINUTE}])
def test_a_job_of_another_task_is_left_as_it_is(rig: Rig, options: dict[str, Any]) -> None:
    first = add(rig, 1, debounce=HOUR)
    before = rig.detail(first.id)

    second = add(rig, 2, task="u", **options)

    assert second.duplicate
    assert rig.detail(first.id) == before
