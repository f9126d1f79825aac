"""promote: what is due comes to the end of its level, in order of its time, a bounded number at once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from taskq_core import State
from tests.scripts.rig import Rig

HOUR = timedelta(hours=1)


def test_due_jobs_come_in_the_order_of_their_times_behind_what_is_ready(rig: Rig) -> None:
    first, second, third = (rig.add(delay=hours * HOUR)[0] for hours in (1, 2, 3))
    (ready,) = rig.add()
    rig.hire()
    rig.make_due(third, first)

    assert rig.promote()[0] == 2

    assert [job.id for job in rig.claim(want=5)] == [ready, third, first]
    assert rig.state(second) is State.SCHEDULED


def test_no_more_than_the_limit_is_promoted_at_once(rig: Rig) -> None:
    ids = rig.add(250, delay=HOUR)
    rig.make_due(*ids)

    assert [rig.promote(), rig.promote(), rig.promote()] == [(100, 0), (100, 0), (50, -1)]

    rig.hire()
    assert [job.id for job in rig.claim(want=300)] == ids


def test_a_job_keeps_its_id_level_options_and_payload(rig: Rig) -> None:
    (job_id,) = rig.add(payload={"x": "é\n\0"}, priority="low", delay=HOUR, retries=7, keep=HOUR)
    rig.make_due(job_id)
    rig.promote()

    detail = rig.detail(job_id)
    assert (detail.state, detail.priority.letter, detail.retries) == (State.READY, "l", 7)
    assert (detail.payload, detail.keep) == (b'{"x":"\xc3\xa9\\n\\u0000"}', HOUR)
    rig.hire()
    (job,) = rig.claim()
    assert (job.id, job.payload, job.attempt) == (job_id, {"x": "é\n\0"}, 1)


def test_it_says_when_the_next_job_is_due_and_wakes_workers(rig: Rig) -> None:
    assert rig.promote() == (0, -1)
    ids = rig.add(3, delay=HOUR)
    rig.raw.delete(rig.keys.wake)
    rig.make_due(*ids[:2])

    count, next_due = rig.promote()

    assert (count, rig.raw.llen(rig.keys.wake)) == (2, 2)
    assert 3_500_000 < next_due <= 3_600_000


def test_a_promoted_job_is_in_one_place(rig: Rig) -> None:
    (job_id,) = rig.add(delay=HOUR)
    rig.make_due(job_id)
    rig.promote()

    assert rig.raw.exists(rig.keys.jobs, rig.keys.due) == 0
    ((entry, _),) = rig.raw.xrange(rig.keys.streams[2])
    assert rig.raw.hgetall(rig.keys.moved) == {job_id.encode(): b"n" + entry}


@pytest.mark.parametrize("record", [b"rubbish", b"x t\n{}\n\n{}", b"nn t\n{}\n\n{}"])
def test_what_is_no_record_of_ours_goes_to_the_dead_and_stops_nobody(rig: Rig, record: bytes) -> None:
    rig.raw.hset(rig.keys.jobs, "s1-1", record)
    rig.raw.zadd(rig.keys.due, {"s1-1": 1, "s1-2": 2})  # of the second one there is only the time
    (ours,) = rig.add(delay=HOUR)
    rig.make_due(ours)

    assert rig.promote()[0] == 1

    assert rig.state(ours) is State.READY
    (dead,) = rig.client.list_jobs("q", State.DEAD).jobs
    assert (dead.ref.id, rig.raw.hget(rig.keys.dead_jobs, "s1-1")) == ("s1-1", record)
    assert (dead.error is not None) is (record == b"rubbish")
    assert rig.raw.exists(rig.keys.jobs, rig.keys.due) == 0
