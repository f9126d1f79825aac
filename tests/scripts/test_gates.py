"""Limits in the claim: rates, and how many jobs of a queue, a task or a key may run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from taskq_core import JobOptions, NewJob, State, TaskLimits
from taskq_core.claimed import Job
from taskq_core.commands import work
from taskq_core.keys import ORPHAN
from tests.scripts.gating import claim, held, limit, look, now, numbers, of_task, recount, running
from tests.scripts.rig import Rig
from tests.servers import Server


@pytest.fixture
def rig(server: Server) -> Iterator[Rig]:
    """A queue on an empty server, each kind with another protocol."""
    rig = Rig(server, 2 if server.kind == "redis" else 3)
    yield rig
    rig.client.close()


def test_a_queue_without_limits_is_sent_back_to_the_plain_claim(rig: Rig) -> None:
    rig.hire()
    found = rig.run(work.claim(rig.keys, "w1", work.Wanted(1), flow=True))

    assert found.state == "plain"


# -- the queue ----------------------------------------------------------------------------------


def test_so_many_jobs_of_a_queue_run(rig: Rig) -> None:
    limit(rig, max_running=3)
    rig.hire("w1")
    rig.hire("w2")
    rig.add(5)
    jobs = claim(rig, "w1", want=2) + claim(rig, "w2")

    assert numbers(jobs) == [0, 1, 2]
    assert look(rig, "w2").again == 1000
    rig.ack("w1", jobs[0])
    assert numbers(claim(rig, "w2")) == [3]


def test_a_place_that_is_freed_wakes_somebody_only_where_jobs_wait_for_it(rig: Rig) -> None:
    limit(rig, max_running=1)
    rig.hire()
    rig.add(2)
    (job,) = claim(rig)
    assert claim(rig) == []
    rig.raw.delete(rig.keys.wake)
    rig.ack("w1", job)
    assert rig.raw.llen(rig.keys.wake) == 1
    (job,) = claim(rig)
    rig.raw.delete(rig.keys.wake)
    rig.ack("w1", job)

    assert rig.raw.llen(rig.keys.wake) == 0
    assert look(rig).again == -1


def test_jobs_of_a_queue_start_at_its_rate(rig: Rig) -> None:
    limit(rig, rate="1/5s burst 2")
    rig.hire()
    rig.add(3)
    assert len(claim(rig)) == 2
    found = look(rig)
    assert not found.batches
    assert 4000 < found.again <= 5000
    rig.raw.hincrby(rig.keys.tat, "q", -5_000_000)

    assert len(claim(rig)) == 1
    assert look(rig).again == -1


def test_a_clock_that_was_set_back_closes_a_rate_for_a_burst_at_most(rig: Rig) -> None:
    limit(rig, rate="1/s")
    rig.hire()
    rig.add(3)
    claim(rig)
    rig.raw.hincrby(rig.keys.tat, "q", 3600_000_000)

    assert look(rig).again <= 1000


# -- tasks --------------------------------------------------------------------------------------


def test_so_many_jobs_of_a_task_run_and_the_others_pass_them(rig: Rig) -> None:
    of_task(rig, "slow", max_running=2)
    rig.hire()
    rig.add(5, "slow")
    rig.add(3, "quick")
    jobs = claim(rig)

    assert [(job.task, job.payload["n"]) for job in jobs] == [
        ("slow", 0), ("slow", 1), ("quick", 0), ("quick", 1), ("quick", 2),
    ]  # fmt: skip
    assert held(rig) == 3
    assert running(rig) == {"t:slow": 2} == recount(rig)
    assert rig.client.snapshot("q").ready_total == 3


def test_held_jobs_come_in_order_before_newer_ones(rig: Rig) -> None:
    of_task(rig, max_running=2)
    rig.hire()
    rig.add(4)
    jobs = claim(rig)
    claim(rig)
    late = rig.add(1, payload={"n": 9})
    rig.ack("w1", *jobs)
    first = claim(rig)
    rig.ack("w1", *first)
    second = claim(rig)

    assert numbers(first) == [2, 3]
    assert [job.id for job in second] == late
    assert all(job.attempt == 1 for job in first)


def test_a_higher_level_passes_what_a_limit_holds(rig: Rig) -> None:
    of_task(rig, max_running=1)
    rig.hire()
    rig.add(1)
    jobs = claim(rig)
    rig.add(2)
    rig.add(1, payload={"n": 7}, priority="high")
    assert claim(rig) == []
    assert held(rig) == 3
    rig.ack("w1", *jobs)

    assert numbers(claim(rig)) == [7]


def test_no_newer_job_passes_one_of_a_higher_level_that_waits_at_its_limit(rig: Rig) -> None:
    of_task(rig, max_running=1)
    rig.hire()
    rig.add(1)
    jobs = claim(rig)
    rig.add(1, payload={"n": 7}, priority="high")
    assert claim(rig) == []
    rig.ack("w1", *jobs)
    rig.add(1)
    below = work.Wanted(9, order="n", alone=True, free=9)

    assert rig.jobs(rig.run(work.claim(rig.keys, "w1", below, flow=True))) == []
    assert numbers(claim(rig)) == [7]


def test_jobs_of_a_task_start_at_its_rate(rig: Rig) -> None:
    of_task(rig, rate="1/5s burst 2")
    rig.hire()
    rig.add(4)
    rig.add(1, "other")
    assert [job.task for job in claim(rig)] == ["t", "t", "other"]
    assert 4000 < min(5000, rig.raw.zscore(rig.keys.opens, "t:t") - now(rig)) <= 5000
    assert look(rig).again == 1000
    rig.raw.hincrby(rig.keys.tat, "t:t", -10_000_000)
    rig.raw.zadd(rig.keys.opens, {"t:t": 1})

    assert numbers(claim(rig)) == [2, 3]
    assert look(rig).again == -1
    assert not rig.raw.exists(rig.keys.opens)


def test_a_limit_holds_for_what_waits_already(rig: Rig) -> None:
    rig.hire()
    for _ in range(3):
        rig.add(1000)
    of_task(rig, max_running=2)
    rig.add(1, "other")
    jobs: list[Job] = []
    for _ in range(20):
        found = look(rig)
        jobs += rig.jobs(found)
        if found.again != 0:
            break

    assert [job.task for job in jobs] == ["t", "t", "other"]
    assert held(rig) == 2998


def test_a_limit_that_is_lifted_lets_all_in(rig: Rig) -> None:
    of_task(rig, max_running=1)
    rig.hire()
    rig.add(5)
    claim(rig)
    assert held(rig) == 4
    of_task(rig, max_running=0)

    assert numbers(claim(rig)) == [1, 2, 3, 4]
    assert not rig.raw.exists(rig.keys.opens)


# -- keys ---------------------------------------------------------------------------------------


def test_one_job_of_a_concurrency_key_runs_at_a_time(rig: Rig) -> None:
    rig.hire()
    rig.add(2, concurrency_key="user:5")
    rig.add(2, "u", concurrency_key="user:5")
    rig.add(1, payload={"n": 9}, concurrency_key="user:6")
    jobs = claim(rig)

    assert [(job.task, job.payload["n"]) for job in jobs] == [("t", 0), ("t", 9)]
    assert running(rig) == {"k:user:5": 1, "k:user:6": 1}
    rig.ack("w1", jobs[0])
    assert [(job.task, job.payload["n"]) for job in claim(rig)] == [("t", 1)]


@pytest.mark.parametrize("of", ["queue", "task"])
def test_a_queue_or_a_task_says_how_many_of_a_key(rig: Rig, of: str) -> None:
    if of == "queue":
        limit(rig, key_max_running=2)
    else:
        limit(rig, key_max_running=5, tasks={"t": TaskLimits(key_max_running=2)})
    rig.hire()
    rig.add(3, concurrency_key="a")

    assert len(claim(rig)) == 2


def test_a_job_under_two_limits_waits_for_both(rig: Rig) -> None:
    of_task(rig, max_running=2)
    rig.hire()
    rig.add(1, concurrency_key="a")
    rig.add(2, payload={"n": 5}, concurrency_key="a")
    rig.add(2, payload={"n": 7})
    first = claim(rig)
    assert numbers(first) == [0, 7]
    rig.ack("w1", first[1])
    assert numbers(claim(rig)) == [7]  # the key of the older ones is taken
    rig.ack("w1", first[0])
    assert numbers(claim(rig)) == [5]
    assert held(rig) == 1


def test_a_key_with_quotes_is_refused(rig: Rig) -> None:
    for key in ('a"b', "a b", "", "a\\b", "é", "x" * 201):
        with pytest.raises(Exception, match="concurrency key"):
            rig.add(1, concurrency_key=key)


def test_a_delayed_job_brings_its_key(rig: Rig) -> None:
    rig.hire()
    ids = rig.add(2, concurrency_key="a", delay=timedelta(hours=1))
    rig.raw.delete(rig.keys.meta)
    rig.make_due(*ids)
    rig.promote()

    assert rig.run(work.claim(rig.keys, "w1", work.Wanted(9))).state == "flow"
    assert len(claim(rig)) == 1


# -- places -------------------------------------------------------------------------------------


def test_places_are_freed_however_a_job_ends(rig: Rig) -> None:
    of_task(rig, max_running=1)
    rig.hire()
    rig.add(5)
    (job,) = claim(rig)
    rig.run(rig.failing("w1", job))
    (job,) = claim(rig)
    assert rig.run(rig.failing("w1", job, retries=3, delay_ms=60_000)) == 1
    (job,) = claim(rig)
    assert rig.run(work.release(rig.keys, "w1", [job])) == 1
    assert running(rig) == {}
    (again,) = claim(rig)
    assert again.id == job.id
    rig.take_over("w1")
    assert running(rig) == {} == recount(rig)
    rig.hire("w2")
    (again,) = claim(rig, "w2")
    assert (again.id, again.attempt) == (job.id, 2)
    rig.ack("w2", again)
    rig.ack("w2", again)

    assert len(claim(rig, "w2")) == 1
    assert running(rig) == {"t:t": 1} == recount(rig)


def test_a_given_back_job_is_held_with_the_attempts_it_has(rig: Rig) -> None:
    of_task(rig, max_running=1)
    rig.hire("w1")
    rig.hire("w2")
    rig.add(2)
    claim(rig, "w1")
    of_task(rig, max_running=2)
    claim(rig, "w2", free=9)
    of_task(rig, max_running=1)
    rig.take_over("w2")
    assert held(rig, ORPHAN) == 1
    assert claim(rig, "w1") == []
    assert (held(rig, ORPHAN), held(rig)) == (0, 1)
    rig.take_over("w1")
    rig.hire("w3")
    jobs = claim(rig, "w3")

    assert [job.attempt for job in jobs] == [2]


def test_a_suspect_runs_alone_and_only_when_its_gate_is_open(rig: Rig) -> None:
    (suspect,) = rig.add(1)
    rig.make_suspect(suspect)
    of_task(rig, max_running=1)
    rig.hire("w1")
    rig.hire("w2")
    rig.add(1, priority="high")
    (job,) = rig.jobs(rig.run(work.claim(rig.keys, "w2", work.Wanted(5), flow=True)))
    found = look(rig, "w1")
    assert (found.state, found.batches) == ("ok", [])
    rig.ack("w2", job)
    found = look(rig, "w1")

    assert found.state == "alone"
    assert [job.id for job in rig.jobs(found)] == [suspect]


def test_places_are_not_taken_ahead_while_they_are_few(rig: Rig) -> None:
    of_task(rig, max_running=8)
    rig.hire("w1")
    rig.hire("w2")
    rig.add(20)
    rig.add(2, "free")
    jobs = claim(rig, "w1", want=20, free=1)

    assert [job.task for job in jobs] == ["t", "t", "free", "free"]
    assert len(claim(rig, "w2", want=20, free=20)) == 6


def test_a_queue_gives_no_places_ahead_while_they_are_few(rig: Rig) -> None:
    limit(rig, max_running=8)
    rig.hire("w1")
    rig.hire("w2")
    rig.add(20)
    found = look(rig, "w1", want=20, free=1)

    assert len(rig.jobs(found)) == 2
    assert 0 < found.again < 100


# -- what is done to held jobs --------------------------------------------------------------------


def test_a_held_job_is_ready_and_can_be_cancelled_and_purged(rig: Rig) -> None:
    of_task(rig, max_running=1)
    rig.hire()
    ids = rig.add(4)
    (job,) = claim(rig)
    assert [rig.state(each) for each in ids[1:]] == [State.READY] * 3
    page = rig.client.list_jobs("q", State.READY, limit=10)
    assert [each.ref.id for each in page.jobs] == ids[1:]
    (change,) = rig.client.cancel("q", [ids[1]])
    assert change.done
    rig.ack("w1", job)
    (job,) = claim(rig)
    assert job.id == ids[2]
    assert rig.client.purge("q", State.READY) == 1
    rig.ack("w1", job)
    assert claim(rig) == []

    assert held(rig) == 0
    assert rig.client.snapshot("q").depth == 0
    assert not rig.raw.exists(rig.keys.opens, rig.keys.places, rig.keys.running)


def test_who_came_earlier_starts_earlier_at_more_limits_than_a_claim_looks_at(rig: Rig) -> None:
    def add(n: int) -> None:
        options = [JobOptions(concurrency_key=f"k{key}") for key in range(70)]
        rig.client.enqueue_jobs("q", [NewJob("t", {"n": n}, each) for each in options])

    rig.hire()
    add(0)
    add(1)
    first = claim(rig, want=140)
    assert set(numbers(first)) == {0}
    add(2)
    rig.ack("w1", *first)
    found = claim(rig, want=140)

    assert len(found) < 70  # the claim was cut short
    found += claim(rig, want=140)
    assert numbers(found) == [1] * 70


def test_removing_a_queue_leaves_nothing(rig: Rig) -> None:
    limit(rig, rate="100/s", max_running=5, tasks={"t": TaskLimits(max_running=1)})
    rig.hire()
    rig.add(3, concurrency_key="a")
    claim(rig)
    rig.client.remove("q")

    assert [key for key in rig.raw.keys("taskq:*") if rig.raw.ttl(key) == -1] == []
