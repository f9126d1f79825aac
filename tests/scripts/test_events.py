"""Events: what ends is told to those who follow, by name up to a number, and not written down otherwise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from taskq_core import AsyncClient, Event, State, Tail, config
from tests.scripts.rig import Rig

SOON = timedelta(milliseconds=200)


def begin(rig: Rig, *, failures_only: bool = False, queues: tuple[str, ...] = ("q",)) -> Tail:
    tail = Tail(failures_only=failures_only)
    assert rig.client.follow(tail, queues, wait=timedelta(milliseconds=1)) == []
    return tail


def seen(rig: Rig, tail: Tail) -> list[tuple[str, str | None, str | None, int]]:
    events: list[Event] = []
    while more := rig.client.follow(tail, ["q"], wait=SOON):
        events += more
    return [(event.state, event.id, event.task, event.count) for event in events]


def test_nothing_is_written_while_nobody_follows(rig: Rig) -> None:
    rig.hire()
    rig.add(3)
    rig.ack("w1", *rig.claim(want=3))
    (job_id,) = rig.add()
    rig.client.cancel("q", [job_id])
    assert not rig.raw.exists(rig.keys.events)


def test_what_is_done_and_cancelled_is_told_with_id_and_task(rig: Rig) -> None:
    rig.hire()
    tail = begin(rig)
    (born_later,) = rig.add(task="later", delay=timedelta(hours=1))
    rig.make_due(born_later)
    rig.promote()
    (plain,) = rig.add(task="now", priority="high")
    (running,) = rig.add(task="long", priority="low")
    (ready,) = rig.add(task="waiting", priority="low")
    (scheduled,) = rig.add(task="scheduled", delay=timedelta(hours=1))
    high, normal, low = rig.claim(want=3)
    rig.ack("w1", high, normal)
    rig.ack("w1", low, counter="cancelled")
    rig.client.cancel("q", [ready, scheduled])

    assert sorted(seen(rig, tail)) == sorted(
        [
            ("done", plain, "now", 1),
            ("done", born_later, "later", 1),
            ("cancelled", running, "long", 1),
            ("cancelled", ready, "waiting", 1),
            ("cancelled", scheduled, "scheduled", 1),
        ]
    )
    assert 0 < rig.raw.pttl(rig.keys.events) <= config.EVENTS_MS
    assert 0 < rig.raw.pttl(rig.keys.tail) <= config.LISTEN_MS


def test_of_a_large_batch_some_are_named_and_the_others_counted(rig: Rig) -> None:
    rig.hire()
    tail = begin(rig)
    rig.add(350)
    rig.ack("w1", *rig.claim(want=350))
    events = seen(rig, tail)
    assert len(events) == config.EVENTS_A_BATCH + 1
    assert sum(count for *_, count in events) == 350
    assert events[-1][:2] == ("done", None)


@pytest.mark.parametrize("wish", ["", "nonsense", "100", "9 9 9 9", "0 0 1", "100 10 99999999999999999999"])
def test_no_wish_of_a_stranger_stops_an_ack(rig: Rig, wish: str) -> None:
    rig.hire()
    rig.raw.set(rig.keys.tail, wish, px=5_000)
    rig.add(2)
    assert rig.ack("w1", *rig.claim(want=2)) == 2
    assert rig.totals()["done"] == 2
    rig.raw.delete(rig.keys.events)


@pytest.mark.parametrize("place", ["tail", "events"])
def test_no_key_of_another_type_stops_an_ack(rig: Rig, place: str) -> None:
    rig.hire()
    begin(rig)
    rig.raw.delete(rig.keys.tail if place == "tail" else rig.keys.events)
    rig.raw.rpush(rig.keys.tail if place == "tail" else rig.keys.events, "x")
    ids = rig.add(3)
    assert rig.ack("w1", *rig.claim(want=2)) == 2
    assert rig.client.cancel("q", ids[2:])[0].done
    assert rig.totals() == {"enqueued": 3, "done": 2, "cancelled": 1}
    rig.raw.delete(rig.keys.tail, rig.keys.events)


def test_an_ack_that_arrives_twice_is_told_once(rig: Rig) -> None:
    rig.hire()
    tail = begin(rig)
    rig.add(2)
    command = rig.acking("w1", *rig.claim(want=2))
    assert (rig.run(command), rig.run(command)) == (2, 0)
    assert len(seen(rig, tail)) == 2


def test_failures_are_told_to_those_who_want_only_them_without_a_note_on_the_server(rig: Rig) -> None:
    rig.hire()
    tail = begin(rig, failures_only=True)
    rig.add(2)
    first, second = rig.claim(want=2)
    rig.run(rig.failing("w1", first, retries=1, delay_ms=60_000))
    rig.run(rig.failing("w1", second))
    assert not rig.raw.exists(rig.keys.tail)
    failed, dead = rig.client.follow(tail, ["q"], wait=SOON)
    assert (failed.state, failed.id, failed.attempt, failed.type) == ("failed", first.id, 1, "ValueError")
    assert (dead.state, dead.id, dead.next_attempt_at) == ("dead", second.id, None)
    assert failed.fingerprint == dead.fingerprint
    assert failed.next_attempt_at is not None
    due = rig.detail(first.id).due_at
    assert due is not None
    assert abs(failed.next_attempt_at - due) < timedelta(seconds=1)


async def test_the_asyncio_client_follows_as_well(rig: Rig) -> None:
    rig.hire()
    async with AsyncClient(rig.url) as client:
        tail = Tail()
        assert await client.follow(tail, ["q"], wait=timedelta(milliseconds=1)) == []
        (job_id,) = rig.add()
        rig.ack("w1", *rig.claim())
        (event,) = await client.follow(tail, ["q"], wait=SOON)
        assert (event.state, event.id, event.task) == ("done", job_id, "t")
        rig.bury()
        assert len((await client.group_failures("q")).groups) == 1


def test_what_was_before_is_not_told_and_new_queues_are(rig: Rig) -> None:
    rig.hire()
    rig.bury()
    tail = begin(rig)
    rig.raw.xadd(rig.client.keys("other").failures, {"id": "n1-0", "at": "{}"})
    (event,) = rig.client.follow(tail, ["q", "other"], wait=SOON)
    assert (event.queue, event.state, event.task) == ("other", "failed", "")


def test_entries_of_strangers_are_read_as_well_as_they_can_be(rig: Rig) -> None:
    tail = begin(rig)
    for notice in ("nonsense", "[1]", '{"attempt":"x"}', '{"delay":1e99}', '{"task":"t","type":"E"}'):
        rig.raw.xadd(rig.keys.failures, {"id": "n1-0", "at": notice})
    rig.raw.xadd(rig.keys.events, {"more": "done x"})
    rig.raw.xadd(rig.keys.events, {"odd": ""})
    rig.raw.pexpire(rig.keys.events, 1000)
    events = rig.client.follow(tail, ["q"], wait=SOON)
    assert [event.task for event in events] == ["", "", "", "", "t", None, ""]
    assert len(rig.client.failures("q")) == 5


def test_groups_count_dead_jobs_of_each_cause_page_by_page(rig: Rig) -> None:
    rig.hire()
    rig.bury(30, task="a")
    rig.bury(12, task="b")
    (odd,) = rig.bury(1, task="c")
    record = rig.raw.hget(rig.keys.dead_jobs, odd)
    rig.raw.hset(rig.keys.dead_jobs, odd, record.replace(b"fingerprint", b"other_field"))

    page = rig.client.group_failures("q")

    counts = {group.task: group.count for group in page.groups}
    assert counts == {"a": 30, "b": 12, "c": 1}
    assert (page.looked, page.cursor) == (43, "")
    by_task = {group.task: group for group in page.groups}
    for job in rig.client.list_jobs("q", State.DEAD).jobs:
        assert job.error is not None
        assert job.error.fingerprint == by_task[job.task].fingerprint
    assert by_task["c"].sample.id == odd
    future = datetime.now(UTC) + timedelta(minutes=1)
    assert rig.client.group_failures("q", since=future).groups == ()
    assert rig.client.group_failures("q", State.SCHEDULED).groups == ()
