"""fail: another attempt, or the dead letter queue with all that is known; retention counts what it cuts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from taskq_core import State
from tests.keyspace import remains
from tests.scripts.rig import Rig


def test_a_failed_job_waits_for_its_next_attempt_and_comes_back_under_its_id(rig: Rig) -> None:
    (job_id,) = rig.add(priority="high", payload={"x": 1})
    rig.hire()
    assert rig.run(rig.failing("w1", *rig.claim(), retries=3, delay_ms=60_000)) == 1
    detail = rig.detail(job_id)
    assert (detail.state, detail.attempts, detail.task) == (State.SCHEDULED, 1, "t")
    assert detail.due_at is not None
    assert timedelta(seconds=40) < detail.due_at - datetime.now(UTC) <= timedelta(seconds=60)

    rig.make_due(job_id)
    rig.promote()

    (again,) = rig.claim()
    assert (again.id, again.attempt, again.raw, again.stream) == (job_id, 2, b'{"x":1}', "h")


def test_a_buried_job_keeps_its_error_and_traceback(rig: Rig) -> None:
    rig.hire()
    (job_id,) = rig.bury(payload={"x": 1})

    detail = rig.detail(job_id)
    assert (detail.state, detail.attempts, detail.payload) == (State.DEAD, 1, b'{"x":1}')
    assert detail.error is not None
    assert (detail.error.type, detail.error.message) == ("ValueError", "no")
    assert "ValueError: no" in detail.error.traceback
    assert detail.died_at is not None
    assert abs(detail.died_at - datetime.now(UTC)) < timedelta(minutes=1)


def test_attempts_add_up_over_retries_until_the_job_is_dead(rig: Rig) -> None:
    (job_id,) = rig.add()
    rig.hire()
    for attempt in (1, 2, 3):
        (job,) = rig.claim()
        assert job.attempt == attempt
        rig.run(rig.failing("w1", job, retries=2))
        if attempt < 3:
            rig.make_due(job_id)
            rig.promote()

    assert (rig.detail(job_id).state, rig.detail(job_id).attempts) == (State.DEAD, 3)
    assert rig.totals() == {"enqueued": 1, "failed": 3, "retried": 2, "dead": 1}


def test_failures_are_listed_newest_first(rig: Rig) -> None:
    rig.add(2)
    rig.hire()
    first, second = rig.claim(want=2)
    rig.run(rig.failing("w1", first, retries=1))
    rig.run(rig.failing("w1", second))

    newest, oldest = rig.client.failures("q")

    assert (newest.id, newest.buried, oldest.id, oldest.buried) == (second.id, True, first.id, False)
    assert (newest.task, newest.attempt, newest.type, newest.message) == ("t", 1, "ValueError", "no")
    assert len(rig.client.failures("q", limit=1)) == 1


def test_a_failed_job_is_no_longer_in_its_stream(rig: Rig) -> None:
    rig.add(2)
    rig.hire()
    first, second = rig.claim(want=2)
    rig.run(rig.failing("w1", first, retries=1))
    rig.run(rig.failing("w1", second))

    assert rig.pending("w1") == {}
    assert rig.raw.xlen(rig.keys.streams[2]) == 0
    assert len(remains(rig.raw)) == 5  # jobs and due, dead and dead:jobs, leases


def test_an_earlier_next_attempt_wakes_a_worker(rig: Rig) -> None:
    rig.add(1)
    rig.hire()
    jobs = rig.claim(want=2)
    assert rig.raw.llen(rig.keys.wake) == 0

    rig.run(rig.failing("w1", *jobs, retries=1))

    assert rig.raw.llen(rig.keys.wake) == 1


def test_a_buried_job_keeps_its_outcome_when_it_asked_for_that(rig: Rig) -> None:
    rig.hire()
    (job_id,) = rig.bury(keep=timedelta(hours=1))
    rig.client.delete("q", [job_id])

    assert rig.state(job_id) is State.DEAD
    assert 3500 < rig.raw.ttl(rig.keys.result(job_id)) <= 3600


def test_jobs_buried_together_each_release_their_lock_and_keep_their_outcome(rig: Rig) -> None:
    hour = timedelta(hours=1)
    ids = [rig.add(unique=f"key{n}", keep=(n + 1) * hour)[0] for n in range(3)]
    rig.hire()

    assert rig.run(rig.failing("w1", *rig.claim(want=3))) == 3

    assert rig.raw.exists(*(rig.keys.unique(f"key{n}") for n in range(3))) == 0
    assert [round(rig.raw.ttl(rig.keys.result(job_id)) / 3600) for job_id in ids] == [1, 2, 3]


def test_a_promoted_job_that_fails_is_no_longer_noted_as_moved(rig: Rig) -> None:
    ids = rig.add(2, delay=timedelta(hours=1))
    rig.hire()
    rig.make_due(*ids)
    rig.promote()
    first, second = rig.claim(want=2)

    rig.run(rig.failing("w1", first, retries=1))
    rig.run(rig.failing("w1", second))

    assert rig.raw.exists(rig.keys.moved) == 0


# -- retention of the dead --------------------------------------------------------------------


def test_the_oldest_dead_go_beyond_the_limit_and_are_counted(rig: Rig) -> None:
    rig.client.configure("q", dead_max=3)
    rig.hire()

    ids = [job_id for _ in range(5) for job_id in rig.bury()]

    page = rig.client.list_jobs("q", State.DEAD)
    assert {job.ref.id for job in page.jobs} == set(ids[2:])
    assert rig.raw.hlen(rig.keys.dead_jobs) == 3
    assert rig.totals() == {"enqueued": 5, "failed": 5, "dead": 5, "trimmed": 2}


def test_the_dead_go_beyond_their_age_and_are_counted(rig: Rig) -> None:
    rig.client.configure("q", dead_age=timedelta(days=1))
    rig.hire()
    old, young = rig.bury(2)
    long_ago = datetime.now(UTC) - timedelta(days=2)
    rig.raw.zadd(rig.keys.dead, {old: int(long_ago.timestamp() * 1000)})

    rig.bury()

    assert {job.ref.id for job in rig.client.list_jobs("q", State.DEAD).jobs} > {young}
    assert not rig.raw.hexists(rig.keys.dead_jobs, old)
    assert rig.totals()["trimmed"] == 1


def test_a_cut_limit_takes_the_dead_away_in_bounded_steps(rig: Rig) -> None:
    rig.hire()
    rig.bury(50)
    rig.client.configure("q", dead_max=1)

    sizes = []
    for _ in range(6):
        rig.bury()
        sizes.append(rig.raw.zcard(rig.keys.dead))

    assert sizes == [40, 30, 20, 10, 1, 1]
