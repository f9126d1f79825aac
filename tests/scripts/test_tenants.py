"""Tenants of a queue: whose turn it is, what a tenant may have, and that none of it is ever miscounted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from taskq_core import JobFilter, JobOptions, JobRef, NewJob, Priority, State, TenantFull, TenantInfo
from taskq_core.claimed import Job
from taskq_core.command import Command
from taskq_core.commands import operate, produce, work
from taskq_core.standing import Standing
from tests.scripts.crowd import drain, recount, take
from tests.scripts.rig import Rig
from tests.waiting import wait_until


@pytest.mark.parametrize(("want", "turn"), [(1, 1), (7, 1), (100, 1), (100, 8)])
def test_a_crowd_of_small_tenants_is_served_beside_a_big_one(rig: Rig, want: int, turn: int) -> None:
    rig.hire()
    rig.add(3000, tenant="big")
    for number in range(200):
        rig.add(5, tenant=f"small-{number}")
    recount(rig)

    order = drain(rig, want, most=1100, turn=turn)[:1100]

    assert Counter(order)["big"] == 1100 - 1000
    assert all(Counter(order)[f"small-{number}"] == 5 for number in range(200))
    recount(rig)


def test_jobs_without_a_tenant_take_turns_with_the_others(rig: Rig) -> None:
    rig.hire()
    rig.add(4)
    rig.add(4, tenant="a")
    rig.add(4, tenant="b")

    order = drain(rig)

    for start in range(0, 12, 3):
        assert set(order[start : start + 3]) == {None, "a", "b"}
    assert rig.raw.exists(rig.keys.root + "n@a", rig.keys.root + "ring", rig.keys.root + "ring:n") == 0


def test_a_weight_is_the_number_of_jobs_in_a_round(rig: Rig) -> None:
    rig.hire()
    rig.client.tenants.set("q", "a", weight=3)
    rig.add(60, tenant="a")
    rig.add(60, tenant="b")

    for want in (1, 2, 5):
        order = drain(rig, want, most=16)
        for start in range(0, 12, 4):
            assert Counter(order[start : start + 4])["a"] == 3, (want, order)


def test_a_higher_level_goes_first_whoever_has_it(rig: Rig) -> None:
    rig.hire()
    rig.add(2, tenant="a")
    rig.add(2, tenant="b", priority=Priority.HIGH)

    assert drain(rig) == ["b", "b", "a", "a"]


def test_a_tenant_at_its_limit_blocks_nobody_and_goes_on_when_a_job_of_its_own_ends(rig: Rig) -> None:
    rig.hire()
    rig.client.tenants.set("q", "a", max_running=2)
    rig.add(5, tenant="a")
    rig.add(1, tenant="a", priority=Priority.HIGH)
    rig.add(3, tenant="b")

    first = take(rig, want=100)
    assert Counter(job.tenant for job in first) == {"a": 2, "b": 3}
    assert rig.client.tenants.get("q", "a").state == "limited"
    assert take(rig, want=100) == []
    recount(rig)

    rig.ack("w1", *[job for job in first if job.tenant == "a"][:1])
    assert rig.raw.llen(rig.keys.wake) > 0
    assert [job.tenant for job in take(rig, want=100)] == ["a"]
    recount(rig)


def test_a_paused_tenant_waits_until_it_is_resumed(rig: Rig) -> None:
    rig.hire()
    rig.add(2, tenant="a")
    rig.client.tenants.pause("q", "a")
    assert take(rig, want=10) == []
    assert rig.client.tenants.get("q", "a").state == "paused"

    rig.add(1, tenant="a")
    assert take(rig, want=10) == []
    rig.client.tenants.resume("q", "a")

    assert len(take(rig, want=10)) == 3
    recount(rig)


def test_a_rate_holds_for_a_tenant_and_the_claim_says_when_to_come_again(rig: Rig) -> None:
    rig.hire()
    rig.client.tenants.set("q", "a", rate="10/s burst 2")
    rig.add(4, tenant="a")

    assert len(take(rig, want=10)) == 2
    claim = rig.run(work.claim(rig.keys, "w1", work.Wanted(10), flow=True))
    assert 0 < claim.again <= 100 or claim.batches

    wait_until(lambda: len(take(rig, want=10)) > 0, 5, "the next turn of its rate")


def test_a_tenant_has_no_more_waiting_jobs_than_it_may(rig: Rig) -> None:
    rig.hire()
    rig.client.tenants.set("q", "a", max_waiting=3)
    rig.add(3, tenant="a")

    with pytest.raises(TenantFull, match="tenant 'a' has 3 jobs waiting") as refused:
        rig.add(1, tenant="a")
    assert refused.value.tenant == "a"
    with pytest.raises(TenantFull):
        rig.client.enqueue_jobs("q", [NewJob("t", {}), NewJob("t", {}, JobOptions(tenant="a"))])
    rig.add(1, tenant="b")
    rig.add(1, tenant="a", delay=timedelta(hours=1))
    take(rig, want=1)  # what runs does not wait
    take(rig, want=1)
    take(rig, want=1)

    assert rig.add(1, tenant="a")
    recount(rig)


def test_a_failed_job_comes_back_to_its_tenant(rig: Rig) -> None:
    rig.hire()
    (job_id,) = rig.add(1, tenant="a")
    assert job_id.endswith("@a")
    (job,) = take(rig)
    assert (job.id, job.tenant) == (job_id, "a")
    rig.run(rig.failing("w1", job, retries=3))
    recount(rig)

    rig.make_due(job_id)
    assert rig.promote()[0] == 1
    recount(rig)
    (again,) = take(rig)

    assert (again.id, again.tenant, again.attempt) == (job_id, "a", 2)
    rig.run(rig.failing("w1", again, retries=0))
    assert rig.client.retry("q", [job_id])[0].done
    recount(rig)
    assert [job.id for job in take(rig)] == [job_id]


def test_what_is_given_back_is_found_again(rig: Rig) -> None:
    rig.hire()
    rig.add(3, tenant="a")
    jobs = take(rig, want=3)
    assert take(rig) == []

    assert rig.run(work.release(rig.keys, "w1", jobs)) == 3
    recount(rig)

    assert [job.id for job in take(rig, want=10)] == [job.id for job in jobs]
    recount(rig)


def test_jobs_of_a_worker_that_died_are_taken_over_wherever_they_lie(rig: Rig) -> None:
    rig.hire()
    for number in range(150):
        rig.add(1, tenant=f"t{number}")
    rig.hire("dead")
    assert len(take(rig, "dead", want=1000)) == 150
    assert len(rig.pending("dead")) == 150

    assert rig.take_over("dead") <= 150
    recount(rig)

    assert len(take(rig, want=1000)) == 150
    assert not rig.raw.exists(rig.keys.root + "rooms:dead")
    assert rig.raw.smembers(rig.keys.root + "rooms") == {b"w1"}


def test_a_worker_whose_lease_was_deleted_is_seen_to_hold_jobs_of_tenants(rig: Rig) -> None:
    rig.hire()
    rig.hire("w2")
    rig.add(1, tenant="a")
    take(rig, "w2")
    rig.raw.zrem(rig.keys.leases, "w2")

    seen = rig.run(work.watch(rig.keys, "w1", 1000))

    assert seen.leases["w2"] == "0"
    assert rig.reclaim("w2", "0").moved == 1
    recount(rig)


def test_a_worker_that_stops_leaves_nothing_behind(rig: Rig) -> None:
    rig.hire()
    rig.add(3, tenant="a")
    jobs = take(rig, want=3)
    assert not rig.run(work.retire(rig.keys, "w1"))
    rig.reclaim("w1")
    rig.hire("w2")
    assert len(take(rig, "w2", want=3)) == len(jobs)
    rig.ack("w2", *jobs)

    assert rig.run(work.retire(rig.keys, "w2"))
    recount(rig)
    assert not rig.raw.keys(rig.keys.root + "rooms*w2")


def test_an_id_is_never_given_out_again_after_a_stream_went(rig: Rig) -> None:
    rig.hire()
    seen: set[str] = set()
    for _ in range(50):
        seen |= set(rig.add(1, tenant="a"))
        rig.ack("w1", *take(rig))

    assert len(seen) == 50
    # also while the clock stands still
    rig.raw.hset(rig.keys.meta, "born", 2_000_000_000_000)
    (job_id,) = rig.add(1, tenant="a")
    assert job_id == "n2000000000001-0@a"


def test_operators_find_the_jobs_of_tenants(rig: Rig) -> None:
    rig.hire()
    own = rig.add(2)
    for tenant in ("a", "b", "c"):
        own += rig.add(2, tenant=tenant)
    (late,) = rig.add(1, tenant="a", delay=timedelta(hours=1))

    found: list[str] = []
    cursor = ""
    for _ in range(20):
        page = rig.client.list_jobs("q", State.READY, limit=3, cursor=cursor)
        found += [job.ref.id for job in page.jobs]
        cursor = page.cursor
        if not cursor:
            break
    assert found == own
    only = rig.client.list_jobs("q", State.READY, where=JobFilter(tenant="b"))
    assert {job.ref.tenant for job in only.jobs} == {"b"}
    scheduled = rig.client.list_jobs("q", State.SCHEDULED, where=JobFilter(tenant="a"))
    assert [job.ref.id for job in scheduled.jobs] == [late]
    assert not rig.client.list_jobs("q", State.SCHEDULED, where=JobFilter(tenant="b")).jobs

    assert rig.client.states("q", found) == [Standing.READY] * 8
    place = rig.client.place(JobRef("q", own[3]))
    assert place is not None
    assert place.ahead == 1
    assert rig.client.cancel("q", [own[2]])[0].done
    recount(rig)
    (job,) = [job for job in take(rig, want=2) if job.tenant == "a"]
    assert [one.ref.id for one in rig.client.held("q", "w1") if one.ref.tenant] == [job.id]
    running = rig.client.list_jobs("q", State.RUNNING)
    assert job.id in [one.ref.id for one in running.jobs]


def test_totals_count_all_tenants(rig: Rig) -> None:
    rig.hire()
    rig.add(2)
    rig.add(3, tenant="a", priority=Priority.HIGH)
    rig.add(4, tenant="b")
    take(rig, want=2)

    seen = rig.client.snapshot("q")

    assert (seen.ready_total, seen.running, seen.depth) == (7, 2, 9)
    assert seen.ready[Priority.HIGH] == 1
    assert seen.tenants == 2
    rig.client.configure("q", max_jobs=9)
    with pytest.raises(Exception, match="full"):
        rig.add(1, tenant="b")


def test_tenants_are_listed_page_by_page(rig: Rig) -> None:
    rig.hire()
    names = [f"t{number:02}" for number in range(12)]
    for name in names:
        rig.add(1, tenant=name)
    rig.client.tenants.set("q", "vip", weight=5, max_running=2, rate="5/s")

    found: list[TenantInfo] = []
    cursor = ""
    while True:
        page = rig.client.tenants.list("q", cursor=cursor, limit=5)
        found += page.tenants
        cursor = page.cursor
        if not cursor:
            break

    assert [tenant.name for tenant in found] == [*names, "vip"]
    assert found[-1].limits.weight == 5
    assert str(found[-1].limits.rate) == "5/s"
    assert found[-1].state == "idle"
    rig.client.tenants.set("q", "vip", weight=None, max_running=None, rate=None)
    assert rig.raw.zscore(rig.keys.tenants, "vip") is None


def test_a_purge_takes_the_jobs_of_one_tenant(rig: Rig) -> None:
    rig.hire()
    rig.add(3)
    rig.add(3, tenant="a")
    rig.add(3, tenant="b")
    kept = rig.add(2, tenant="b", delay=timedelta(hours=1))
    rig.add(2, tenant="a", delay=timedelta(hours=1))

    assert rig.client.tenants.purge("q", "a") == 3
    assert rig.client.tenants.purge("q", "a", State.SCHEDULED) == 2
    recount(rig)

    assert [job.ref.id for job in rig.client.list_jobs("q", State.SCHEDULED).jobs] == kept
    assert rig.client.snapshot("q").ready_total == 6
    while rig.client.purge("q", State.READY):
        pass
    assert rig.client.snapshot("q").ready_total == 0
    recount(rig)


def test_jobs_that_are_moved_keep_their_tenant(rig: Rig) -> None:
    rig.hire()
    ids = rig.add(3, tenant="a") + rig.add(1, tenant="a", delay=timedelta(hours=1))
    jobs = [job for state in (State.READY, State.SCHEDULED) for job in rig.client.list_jobs("q", state).jobs]
    rig.client.remove("q")
    rig.hire()

    assert all(change.done for change in rig.client.import_jobs("q", jobs))
    recount(rig)

    assert [job.id for job in take(rig, want=5)] == ids[:3]
    assert rig.client.list_jobs("q", State.SCHEDULED).jobs[0].ref.tenant == "a"


def test_a_queue_is_removed_with_all_tenants(rig: Rig) -> None:
    rig.hire()
    rig.add(3, tenant="a")
    rig.add(3, tenant="b", priority=Priority.LOW)
    rig.client.tenants.set("q", "a", max_running=1)
    take(rig, want=5)

    rig.client.remove("q")

    left = [key for key in rig.raw.keys(rig.keys.root + "*") if b":producer:" not in key]
    assert [key for key in left if b":worker:" not in key and b":told:" not in key] == []


REPEATED: dict[str, Callable[[Rig, list[Job]], Command[Any]]] = {
    "ack": lambda rig, jobs: rig.acking("w1", *jobs),
    "fail": lambda rig, jobs: rig.failing("w1", *jobs, retries=3, delay_ms=60_000),
    "release": lambda rig, jobs: work.release(rig.keys, "w1", jobs),
    "retire": lambda rig, jobs: work.retire(rig.keys, "w1"),
    "cancel": lambda rig, jobs: operate.cancel(
        rig.keys, [row.ref.id for row in rig.client.list_jobs("q", State.READY).jobs]
    ),
    "purge_ready": lambda rig, jobs: operate.purge(rig.keys.of_tenant("a"), State.READY, None, 1000),
    "enqueue": lambda rig, jobs: produce.enqueue(
        rig.keys, [produce.Group("t", [b"{}"] * 2, JobOptions(tenant="new"))], "session", 1
    ),
}


@pytest.mark.parametrize("verb", REPEATED)
def test_a_call_that_arrives_twice_counts_once(rig: Rig, verb: str) -> None:
    rig.hire()
    rig.client.tenants.set("q", "a", max_running=3)
    for tenant in ("a", "b"):
        rig.add(6, tenant=tenant)
    jobs = take(rig, want=6)
    command = REPEATED[verb](rig, jobs)

    rig.run(command)
    recount(rig)
    once = rig.dump()
    rig.run(command)

    assert rig.dump() == once
    recount(rig)


def test_a_queue_without_tenants_has_no_trace_of_them(rig: Rig) -> None:
    rig.hire()
    rig.add(3)
    rig.ack("w1", *rig.claim(want=3))

    assert not [key for key in rig.raw.keys(rig.keys.root + "*") if b"ring" in key or b"tenants" in key]
    assert rig.raw.hget(rig.keys.meta, "flow") is None
