"""Uniqueness locks: who holds them, when they are released, and that a stale one stops nobody."""

from __future__ import annotations

from datetime import timedelta

import pytest

from taskq_core import JobOptions, NewJob, Receipt, State
from tests.scripts.rig import Rig

HOUR = timedelta(hours=1)
LOCK = "key"


def add(rig: Rig, **options: object) -> Receipt:
    return rig.client.enqueue("q", "t", {}, JobOptions(unique=LOCK, **options))  # type: ignore[arg-type] # any field


def lock(rig: Rig) -> bytes | None:
    held: bytes | None = rig.raw.get(rig.keys.unique(LOCK))
    return held


@pytest.mark.parametrize("delay", [None, HOUR])
def test_a_second_job_with_the_key_is_answered_with_the_first(rig: Rig, delay: timedelta | None) -> None:
    first = add(rig, delay=delay)
    before = rig.totals()

    second = add(rig)

    assert (second.id, second.duplicate, first.duplicate) == (first.id, True, False)
    assert rig.totals() == before == {"enqueued": 1}


def test_the_key_counts_within_one_batch(rig: Rig) -> None:
    options = JobOptions(unique=LOCK)
    receipts = rig.client.enqueue_jobs("q", [NewJob("t", {}, options), NewJob("t", {}, options)])

    assert [receipt.duplicate for receipt in receipts] == [False, True]
    assert receipts[0].id == receipts[1].id


def test_the_lock_is_kept_while_the_job_runs_and_waits_for_another_attempt(rig: Rig) -> None:
    first = add(rig)
    rig.hire()
    jobs = rig.claim()
    assert add(rig).duplicate
    rig.run(rig.failing("w1", *jobs, retries=1))
    assert add(rig).duplicate

    rig.make_due(first.id)
    rig.promote()

    assert add(rig).id == first.id


@pytest.mark.parametrize("ending", ["done", "cancelled", "dead"])
def test_the_end_of_the_job_releases_the_lock(rig: Rig, ending: str) -> None:
    add(rig)
    rig.hire()
    jobs = rig.claim()
    if ending == "dead":
        rig.run(rig.failing("w1", *jobs))
    else:
        rig.ack("w1", *jobs, counter=ending)

    assert lock(rig) is None
    assert not add(rig).duplicate


@pytest.mark.parametrize("delay", [None, HOUR])
def test_the_stale_lock_of_a_purged_job_is_taken_over(rig: Rig, delay: timedelta | None) -> None:
    first = add(rig, delay=delay)
    rig.client.purge("q", State.SCHEDULED if delay else State.READY)
    assert lock(rig) == first.id.encode()

    second = add(rig)

    assert not second.duplicate
    assert lock(rig) == second.id.encode()


@pytest.mark.parametrize("ending", ["done", "dead"])
def test_a_job_does_not_release_a_lock_that_another_one_holds(rig: Rig, ending: str) -> None:
    add(rig)
    rig.hire()
    jobs = rig.claim()
    rig.raw.delete(rig.keys.unique(LOCK))  # its time was over
    second = add(rig)

    rig.run(rig.failing("w1", *jobs) if ending == "dead" else rig.acking("w1", *jobs))

    assert lock(rig) == second.id.encode()


def test_the_lock_ends_with_unique_for(rig: Rig) -> None:
    add(rig, unique_for=timedelta(seconds=90))

    assert 80 < rig.raw.ttl(rig.keys.unique(LOCK)) <= 90
