"""enqueue: what it writes, what it answers, what it refuses, and that a repeat adds nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from taskq_core import (
    Backoff,
    InvalidOption,
    InvalidPayload,
    JobOptions,
    NewJob,
    Priority,
    QueueFull,
    State,
    TaskqError,
)
from taskq_core.commands import produce
from taskq_core.config import HARD_PAYLOAD_BYTES, WAKE_TOKENS
from tests.scripts.rig import Rig

HOUR = timedelta(hours=1)


def test_a_ready_job_is_one_plain_stream_entry_named_by_its_id(rig: Rig) -> None:
    (job_id,) = rig.add(task="send-email", payload={"to": "a@b.c"})

    assert rig.raw.xrange(rig.keys.streams[2]) == [(job_id[1:].encode(), {b"send-email": b'{"to":"a@b.c"}'})]
    assert rig.raw.smembers("taskq:default:queues") == {b"q"}


@pytest.mark.parametrize("priority", Priority)
def test_the_priority_decides_the_stream(rig: Rig, priority: Priority) -> None:
    (job_id,) = rig.add(priority=priority)

    assert job_id[0] == priority.letter
    assert rig.raw.xlen(f"{rig.keys.root}{priority.letter}") == 1
    assert rig.detail(job_id).priority is priority


def test_a_batch_returns_an_id_for_each_job_in_order(rig: Rig) -> None:
    ids = rig.add(2500)

    stored = [entry.decode() for entry, _ in rig.raw.xrange(rig.keys.streams[2])]
    assert [f"n{entry}" for entry in stored] == ids
    assert rig.detail(ids[1700]).payload == b'{"n":1700}'


def test_a_call_that_was_followed_by_others_adds_nothing_when_it_comes_again(rig: Rig) -> None:
    first, second = (
        produce.enqueue(rig.keys, [produce.Group("t", [b"{}"] * 3)], "session", number) for number in (1, 2)
    )
    kept = [rig.run(command) for command in (first, second)][1]

    assert [receipt.id for receipt in rig.run(second)] == [receipt.id for receipt in kept]
    with pytest.raises(TaskqError, match="followed by others"):
        rig.run(first)
    assert rig.totals()["enqueued"] == 6
    assert rig.client.snapshot("q").ready_total == 6


def test_a_mixed_batch_keeps_the_order_of_its_jobs(rig: Rig) -> None:
    low, high = JobOptions(priority="low"), JobOptions(priority="high", delay=HOUR)
    jobs = [
        NewJob("a", {"n": 0}), NewJob("b", {"n": 1}, low), NewJob("a", {"n": 2}),
        NewJob("c", {"n": 3}, high), NewJob("b", {"n": 4}, low),
    ]  # fmt: skip

    receipts = rig.client.enqueue_jobs("q", jobs)

    details = [rig.detail(receipt.id) for receipt in receipts]
    assert [(d.task, d.payload) for d in details] == [(j.task, b'{"n":%d}' % n) for n, j in enumerate(jobs)]
    assert [d.state for d in details] == [State.READY] * 3 + [State.SCHEDULED, State.READY]


def test_options_travel_with_the_job(rig: Rig) -> None:
    options = JobOptions(retries=7, backoff=Backoff(factor=3), timeout=HOUR, keep=2 * HOUR, unique="key")
    receipt = rig.client.enqueue("q", "t", {}, options)
    rig.hire()

    (job,) = rig.claim()

    detail = rig.detail(receipt.id)
    assert (detail.retries, detail.timeout, detail.keep, detail.unique) == (7, HOUR, 2 * HOUR, "key")
    assert job.meta.backoff == (1000, 3.0, 900_000)


def test_a_delayed_job_waits_outside_the_streams_until_its_time(rig: Rig) -> None:
    at = datetime.now(UTC).replace(microsecond=0) + HOUR
    (by_time,) = rig.add(at=at)
    (by_delay,) = rig.add(delay=2 * HOUR)

    assert rig.detail(by_time).due_at == at
    assert abs(rig.detail(by_delay).due_at - at - HOUR) < timedelta(seconds=30)  # type: ignore[operator] # not None
    assert [rig.raw.xlen(stream) for stream in rig.keys.streams] == [0, 0, 0, 0]
    assert by_time[0] == by_delay[0] == "s"


@pytest.mark.parametrize(
    "options", [{"delay": timedelta(0)}, {"delay": -HOUR}, {"at": datetime(2020, 1, 1, tzinfo=UTC)}]
)
def test_a_time_that_has_passed_means_ready_now(rig: Rig, options: dict[str, Any]) -> None:
    (job_id,) = rig.add(**options)

    assert rig.state(job_id) is State.READY


@pytest.mark.parametrize("delay", [None, HOUR])
def test_a_repeated_call_adds_nothing_and_gets_the_first_reply(rig: Rig, delay: timedelta | None) -> None:
    group = produce.Group("t", [b"{}"] * 3, JobOptions(delay=delay))
    first = rig.run(produce.enqueue(rig.keys, [group], "session", 1))
    before = rig.dump()

    again = rig.run(produce.enqueue(rig.keys, [group], "session", 1))

    assert list(again) == list(first)
    assert rig.dump() == before
    assert rig.totals() == {"enqueued": 3}


def test_the_next_number_and_another_session_are_new_calls(rig: Rig) -> None:
    group = produce.Group("t", [b"{}"])
    for session, number in [("a", 1), ("a", 2), ("b", 2), ("a", 12)]:
        rig.run(produce.enqueue(rig.keys, [group], session, number))

    assert rig.totals() == {"enqueued": 4}


def test_wake_up_tokens_are_left_for_ready_jobs_up_to_a_cap(rig: Rig) -> None:
    rig.add(3)
    assert rig.raw.llen(rig.keys.wake) == 3

    rig.add(200)

    assert rig.raw.llen(rig.keys.wake) == WAKE_TOKENS


def test_only_the_earliest_delayed_job_wakes_a_worker(rig: Rig) -> None:
    for hours, tokens in [(2, 1), (3, 1), (1, 2)]:
        rig.add(delay=hours * HOUR)
        assert rig.raw.llen(rig.keys.wake) == tokens


def test_a_full_queue_refuses_the_whole_batch_with_its_limit_and_depth(rig: Rig) -> None:
    rig.client.configure("q", max_jobs=10)
    rig.add(4)
    rig.add(4, delay=HOUR)
    before = rig.dump()

    with pytest.raises(QueueFull) as refused:
        rig.add(3)

    assert (refused.value.queue, refused.value.limit, refused.value.depth) == ("q", 10, 8)
    assert rig.dump() == before
    assert len(rig.add(2)) == 2


def test_a_limit_of_nought_takes_the_limit_away(rig: Rig) -> None:
    rig.client.configure("q", max_jobs=1)
    rig.client.configure("q", max_jobs=0)

    assert len(rig.add(3)) == 3
    with pytest.raises(InvalidOption):
        rig.client.configure("q", max_jobs=-1)


def test_the_script_itself_refuses_a_payload_over_the_hard_limit(rig: Rig) -> None:
    too_large = b'{"x":"%b"}' % (b"x" * (HARD_PAYLOAD_BYTES - 7))
    assert len(too_large) == HARD_PAYLOAD_BYTES + 1
    groups = [produce.Group("t", [b"{}"]), produce.Group("t", [too_large])]

    with pytest.raises(InvalidPayload, match=str(len(too_large))):
        rig.run(produce.enqueue(rig.keys, groups, "session", 1))

    assert rig.dump() == {}
    assert (
        len(rig.run(produce.enqueue(rig.keys, [produce.Group("t", [too_large[:-3] + b'"}'])], "s", 1))) == 1
    )


def test_counters_of_the_total_and_of_the_minute_agree(rig: Rig) -> None:
    rig.add(5)
    rig.add(2, delay=HOUR)

    minutes = [
        int(rig.raw.hget(key, "enqueued")) for key in rig.raw.scan_iter(f"{rig.keys.history}:*", count=1000)
    ]
    assert sum(minutes) == 7
    assert rig.totals() == {"enqueued": 7}
