"""place, held, audit, probe, drain: what operators see and do, on both servers and in both protocols."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from taskq_core import JobOptions, JobRef, Place, Priority, QueueDraining, Refused, ServerError
from taskq_core.client_state import STOP, STOP_NOW, cancel_order
from taskq_core.commands import produce, work
from tests.scripts.rig import Rig

HOUR = timedelta(hours=1)


def place(rig: Rig, job_id: str, **how: Any) -> Place:
    found = rig.client.place(JobRef("q", job_id), **how)
    assert found is not None
    return found


def test_a_waiting_job_knows_how_many_of_its_level_are_ahead(rig: Rig) -> None:
    rig.hire()
    first, *_ = rig.add(1)
    ids = rig.add(2_500)
    (high,) = rig.add(1, priority="high")

    assert place(rig, first).ahead == 0
    assert place(rig, ids[-1]).ahead == 2_500
    assert (place(rig, high).ahead, place(rig, high).priority) == (0, Priority.HIGH)
    short = place(rig, ids[-1], most=1_000)
    assert (short.ahead, short.more) == (1_000, True)

    rig.claim(want=11)  # the high one, and ten of the others
    assert place(rig, ids[-1]).ahead == 2_490


def test_counting_ahead_of_large_jobs_goes_in_small_steps(rig: Rig) -> None:
    rig.add(40, payload={"data": "x" * 100_000})
    (last,) = rig.add(1)

    assert place(rig, last).ahead == 40


def test_a_running_job_knows_its_holder_and_whether_it_was_told(rig: Rig) -> None:
    rig.hire()
    (job_id,) = rig.add(1)
    rig.claim()

    holder = place(rig, job_id, worker="w1").holder
    assert holder is not None
    assert (holder.worker, holder.revoked, holder.cancelled, holder.deliveries) == ("w1", False, False, 1)
    assert holder.expires_at is not None

    rig.run(work.tell(rig.keys, "w1", cancel_order(job_id), 60_000))
    told = place(rig, job_id, worker="w1").holder
    assert told is not None
    assert told.cancelled


def test_a_job_given_back_says_so_and_how_often_workers_died_of_it(rig: Rig) -> None:
    rig.hire()
    first, second = rig.add(2)
    rig.run(work.release(rig.keys, "w1", rig.claim(want=2)))
    assert (place(rig, first).given_back, place(rig, first).deliveries) == (True, 0)
    assert (place(rig, second).ahead, place(rig, second).given_back) == (1, True)
    (third,) = rig.add(1)
    assert (place(rig, third).ahead, place(rig, third).given_back) == (2, False)


def test_a_job_that_neither_waits_nor_runs_has_no_place(rig: Rig) -> None:
    (job_id,) = rig.add(1, delay=HOUR)
    assert rig.client.place(JobRef("q", job_id)) is None


def test_what_a_worker_holds_is_listed_with_its_own_ids(rig: Rig) -> None:
    rig.hire()
    (promoted,) = rig.add(1, delay=HOUR, retries=7)
    rig.make_due(promoted)
    rig.promote()
    (plain,) = rig.add(1, task="other", priority="low")
    rig.claim(want=2)

    held = rig.client.held("q", "w1")

    assert [(job.ref.id, job.task, job.priority) for job in held] == [
        (promoted, "t", Priority.NORMAL),
        (plain, "other", Priority.LOW),
    ]
    assert rig.client.held("q", "w1", limit=1)[0].ref.id == promoted
    assert rig.client.held("q", "nobody") == []


def test_a_whole_queue_passes_the_audit(rig: Rig) -> None:
    rig.hire()
    rig.bury(2)
    rig.add(3, delay=HOUR)
    rig.add(3)
    rig.claim(want=2)

    audit = rig.client.audit("q")

    assert (audit.due, audit.jobs, audit.dead, audit.dead_jobs) == (3, 3, 2, 2)
    assert (audit.due_without_job, audit.dead_without_record, audit.strays, audit.expired) == (0, 0, {}, {})


def test_the_audit_finds_holders_without_a_lease_and_index_faults(rig: Rig) -> None:
    rig.hire()
    rig.hire("w2")
    rig.add(5)
    rig.claim("w1", want=2)
    rig.claim("w2", want=1)
    rig.raw.zrem(rig.keys.leases, "w1")
    rig.expire("w2")
    first, second = rig.add(2, delay=HOUR)
    rig.raw.hdel(rig.keys.jobs, first)
    rig.raw.zrem(rig.keys.due, second)

    audit = rig.client.audit("q")

    assert audit.strays == {"w1": 2}
    assert list(audit.expired) == ["w2"]
    assert (audit.due, audit.jobs, audit.due_without_job) == (1, 1, 1)


def test_a_probe_counts_live_workers_and_writes_nothing(rig: Rig) -> None:
    before = rig.dump()
    assert rig.client.probe("q").workers == 0
    assert rig.dump() == before
    rig.hire()
    assert rig.client.probe("q").workers == 1


def test_a_full_server_refuses_a_probe_as_it_refuses_a_job(rig: Rig) -> None:
    rig.client.probe("q")
    before = rig.raw.config_get("maxmemory")["maxmemory"]
    rig.raw.config_set("maxmemory", 1)
    try:
        with pytest.raises((Refused, ServerError)):
            rig.client.probe("q")
    finally:
        rig.raw.config_set("maxmemory", before)


# -- draining ---------------------------------------------------------------------------------


def test_a_draining_queue_takes_no_jobs_and_hands_out_those_it_has(rig: Rig) -> None:
    rig.hire()
    rig.add(1)
    assert rig.client.drain("q")
    assert not rig.client.drain("q")

    for options in (JobOptions(), JobOptions(delay=HOUR)):
        with pytest.raises(QueueDraining):
            rig.client.enqueue("q", "t", {}, options)
    assert rig.totals() == {"enqueued": 1}
    assert len(rig.claim()) == 1
    assert (rig.client.snapshot("q").state, rig.client.snapshot("q").settings) == ("draining", {})

    assert rig.client.resume("q")
    assert not rig.client.resume("q")
    rig.add(1)
    assert rig.client.snapshot("q").state == "active"


def test_an_enqueue_that_is_repeated_after_the_drain_began_gets_its_first_answer(rig: Rig) -> None:
    call = produce.enqueue(rig.keys, [produce.Group("t", (b"{}",))], "session", 1)
    first = rig.client.run(call)
    rig.client.drain("q")

    assert [str(receipt) for receipt in rig.client.run(call)] == [str(receipt) for receipt in first]


def test_a_paused_queue_is_not_drained(rig: Rig) -> None:
    rig.client.pause("q")

    with pytest.raises(Refused, match="paused"):
        rig.client.drain("q")

    assert rig.client.snapshot("q").state == "paused"
    rig.add(1)


def test_an_order_to_stop_is_left_for_the_worker(rig: Rig) -> None:
    rig.hire()
    rig.client.stop_worker("q", "w1")
    rig.client.stop_worker("q", "w1", now=True)

    assert rig.raw.lrange(rig.keys.told("w1"), 0, -1) == [STOP, STOP_NOW]
