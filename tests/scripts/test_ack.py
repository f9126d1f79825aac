"""ack: jobs that ended leave nothing behind, and are counted once."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from taskq_core import NotFound, State
from taskq_core.claimed import Job
from taskq_core.codec import encode_outcome
from taskq_core.commands import work
from taskq_core.commands.work import Acks, End
from tests.keyspace import remains
from tests.scripts.rig import Rig

HOUR = timedelta(hours=1)


def test_acked_jobs_are_gone_and_counted(rig: Rig) -> None:
    ids = rig.add(5) + rig.add(2, priority="low")
    rig.hire()

    assert rig.ack("w1", *rig.claim(want=10)) == 7

    assert rig.totals() == {"enqueued": 7, "done": 7}
    assert remains(rig.raw) == [f"{rig.keys.leases} holds 1"]
    assert rig.pending("w1") == {}
    with pytest.raises(NotFound):
        rig.detail(ids[0])


def test_only_what_was_acked_ends(rig: Rig) -> None:
    rig.add(3)
    rig.hire()
    jobs = rig.claim(want=3)

    rig.ack("w1", jobs[1])

    assert [rig.state(job.id) for job in (jobs[0], jobs[2])] == [State.RUNNING] * 2
    assert rig.totals()["done"] == 1


def test_each_outcome_has_its_own_counter(rig: Rig) -> None:
    rig.add(3)
    rig.hire()
    first, second, third = rig.claim(want=3)
    acks = Acks(entries={("done", "n"): [first.entry], ("cancelled", "n"): [second.entry, third.entry]})

    assert rig.run(work.ack(rig.keys, "w1", acks)) == 3

    assert rig.totals() == {"enqueued": 3, "done": 1, "cancelled": 2}


def test_a_job_that_was_promoted_leaves_no_note_behind(rig: Rig) -> None:
    (job_id,) = rig.add(delay=HOUR)
    rig.hire()
    rig.make_due(job_id)
    rig.promote()
    assert rig.raw.hlen(rig.keys.moved) == 1

    rig.ack("w1", *rig.claim())

    assert rig.raw.hlen(rig.keys.moved) == 0


def test_a_result_is_kept_for_as_long_as_was_asked(rig: Rig) -> None:
    (job_id,) = rig.add(keep=HOUR)
    rig.hire()

    rig.ack("w1", *rig.claim(), result=encode_outcome("done", b'{"x":1}'))

    detail = rig.detail(job_id)
    assert (detail.state, detail.result) == (State.DONE, b'{"x":1}')
    assert 3500 < rig.raw.ttl(rig.keys.result(job_id)) <= 3600


def test_run_and_wait_times_are_counted_with_their_jobs_and_never_twice(rig: Rig) -> None:
    rig.add(2)
    rig.hire()
    jobs = rig.claim(want=2)
    acks = Acks(entries={("done", "n"): [job.entry for job in jobs]}, counts={"r40": 2, "w50": 2})
    for _ in range(2):
        rig.run(work.ack(rig.keys, "w1", acks))

    (minute,) = [m for m in rig.client.snapshot("q", minutes=2).history if m.run]
    assert minute.run is not None
    assert minute.wait is not None
    assert (minute.run.count, minute.wait.count) == (2, 2)


def test_a_batch_ends_jobs_of_every_kind_at_once(rig: Rig) -> None:
    kept = [rig.add(keep=HOUR, unique=f"key{n}")[0] for n in range(3)]
    promoted = rig.add(3, delay=HOUR)
    rig.make_due(*promoted)
    rig.promote()
    rig.hire()
    jobs = rig.claim(want=9)
    acks = Acks(
        entries={("done", "n"): [job.entry for job in jobs]},
        ends=[
            End(job_id, b'{"state":"done","result":%d}' % n, 1000 * (n + 1), f"key{n}")
            for n, job_id in enumerate(kept)
        ],
        moved=promoted,
        counts={"r40": 4, "r41": 2, "w9": 6},
    )

    assert rig.run(work.ack(rig.keys, "w1", acks)) == 6

    assert [rig.detail(job_id).result for job_id in kept] == [b"0", b"1", b"2"]
    ttls = [rig.raw.pttl(rig.keys.result(job_id)) for job_id in kept]
    assert all(1000 * n < ttl <= 1000 * (n + 1) for n, ttl in enumerate(ttls))
    assert rig.raw.exists(*(rig.keys.unique(f"key{n}") for n in range(3)), rig.keys.moved) == 0
    (minute,) = [m for m in rig.client.snapshot("q", minutes=2).history if m.run and m.wait]
    assert (minute.run.count, minute.wait.count) == (6, 6)  # type: ignore[union-attr] # both are there


@pytest.mark.parametrize("seed", range(6))
def test_batches_take_only_their_own_entries_away_in_whatever_order_they_come(rig: Rig, seed: int) -> None:
    numbers = random.Random(seed)
    left = set(rig.add(120))
    for worker in ("w1", "w2", "w3"):
        rig.hire(worker)
    held: dict[str, list[Job]] = {"w1": [], "w2": [], "w3": []}
    for step in range(30):
        worker = numbers.choice(sorted(held))
        held[worker] += rig.claim(worker, numbers.randrange(1, 25))
        numbers.shuffle(held[worker])
        batch = [held[worker].pop() for _ in range(min(len(held[worker]), numbers.randrange(5, 20)))]
        if step % 5 == 0:
            rig.run(work.release(rig.keys, worker, batch))
        elif batch:
            assert rig.ack(worker, *batch) == len(batch)
            left -= {job.id for job in batch}
        if step == 10:
            left |= set(rig.add(60))
        stored = {f"n{entry.decode()}" for entry, _ in rig.raw.xrange(rig.keys.streams[2])}
        assert stored == left

    assert rig.totals() == {"enqueued": 180, "done": 180 - len(left)}
    assert len(left) < 120
