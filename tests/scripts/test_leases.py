"""register, heartbeat, watch, reclaim, retire: who lives, and what becomes of the jobs of the others."""

from __future__ import annotations

import pytest

from taskq_core import State
from taskq_core.commands import work
from tests.scripts.crowd import recount, take
from tests.scripts.rig import LONG_MS, Rig


def test_registering_makes_a_lease_and_says_who_it_is(rig: Rig) -> None:
    now = rig.run(work.register(rig.keys, "w1", 5000, {"host": "h", "pid": 7}))

    (worker,) = rig.client.workers("q")
    assert (worker.id, worker.host, worker.pid) == ("w1", "h", 7)
    assert worker.expires_at.timestamp() * 1000 == pytest.approx(now + 5000, abs=2)
    assert rig.raw.ttl(rig.keys.worker("w1")) > 0


def test_a_heartbeat_renews_the_lease_and_what_is_known(rig: Rig) -> None:
    rig.hire(lease_ms=1000)
    (before,) = rig.client.workers("q")
    rig.raw.pexpire(rig.keys.worker("w1"), 5000)

    now = rig.run(work.heartbeat(rig.keys, "w1", LONG_MS, {"host": "other"}))

    (after,) = rig.client.workers("q")
    assert after.expires_at > before.expires_at
    assert after.host == "other"
    assert rig.raw.pttl(rig.keys.worker("w1")) > LONG_MS
    assert now > 0


def test_one_maintainer_leads_until_its_lock_ends(rig: Rig) -> None:
    rig.hire("w1")
    rig.hire("w2")
    assert rig.run(work.watch(rig.keys, "w1", LONG_MS)).leads
    assert not rig.run(work.watch(rig.keys, "w2", LONG_MS)).leads
    assert rig.run(work.watch(rig.keys, "w1", LONG_MS)).leads
    assert 0 < rig.raw.pttl(rig.keys.lock) <= LONG_MS

    rig.raw.delete(rig.keys.lock)

    assert rig.run(work.watch(rig.keys, "w2", LONG_MS)).leads


@pytest.mark.parametrize("gone", ["held for dead", "without a lease"])
def test_the_lock_of_one_that_is_gone_is_free(rig: Rig, gone: str) -> None:
    rig.hire("w1")
    rig.hire("w2")
    assert rig.run(work.watch(rig.keys, "w1", LONG_MS)).leads
    if gone == "without a lease":
        rig.raw.zrem(rig.keys.leases, "w1")

    dead = ["w0", "w1"] if gone == "held for dead" else []
    assert rig.run(work.watch(rig.keys, "w2", LONG_MS, dead)).leads


def test_a_maintainer_sees_leases_and_revoked_workers(rig: Rig) -> None:
    rig.hire("w1")
    rig.hire("w2")
    rig.add(101)
    rig.claim("w2", 101)
    rig.reclaim("w2", rig.expire("w2"))

    seen = rig.run(work.watch(rig.keys, "w1", LONG_MS))

    assert set(seen.leases) == {"w1"}
    assert seen.revoked == ["w2"]
    assert int(float(seen.leases["w1"])) == pytest.approx(seen.now + LONG_MS, abs=5000)


def test_a_dead_workers_jobs_are_ready_again_in_their_second_attempt(rig: Rig) -> None:
    ids = rig.add(3)
    for worker in ("w1", "w2"):
        rig.hire(worker)
    rig.claim("w1", 3)

    assert rig.take_over("w1") == 3

    assert {rig.state(job_id) for job_id in ids} == {State.READY}
    again = rig.claim("w2", 5)
    assert [(job.id, job.attempt) for job in again] == [(job_id, 2) for job_id in ids]
    assert rig.totals() == {"enqueued": 3, "recovered": 3}


def test_taking_over_leaves_no_trace_of_the_worker(rig: Rig) -> None:
    rig.add(3)
    rig.hire()
    rig.claim(want=3)
    rig.run(work.tell(rig.keys, "w1", b"{}", 1000))

    rig.take_over("w1")

    assert rig.raw.zcard(rig.keys.leases) == rig.raw.zcard(rig.keys.revoked) == 0
    assert rig.raw.exists(rig.keys.worker("w1"), rig.keys.told("w1")) == 0
    consumers = {c["name"] for stream in rig.keys.streams for c in rig.raw.xinfo_consumers(stream, "w")}
    assert consumers == {b"-"}


def test_taking_over_wakes_others(rig: Rig) -> None:
    rig.add(2)
    rig.hire()
    rig.claim(want=3)
    assert rig.raw.llen(rig.keys.wake) == 0

    rig.take_over("w1")

    assert rig.raw.llen(rig.keys.wake) == 2


def test_a_large_holding_is_taken_over_in_bounded_steps(rig: Rig) -> None:
    rig.add(250)
    rig.hire()
    rig.claim(want=250)
    expiry = rig.expire("w1")

    steps = [rig.reclaim("w1", expiry) for _ in range(5)]

    assert [step.moved for step in steps] == [100, 100, 50, 0, 0]
    assert [step.state for step in steps] == ["more", "more", "more", "gone", "gone"]


@pytest.mark.parametrize("seen", ["of an earlier beat", "not over yet"])
def test_a_worker_that_renewed_its_lease_is_left_alone(rig: Rig, seen: str) -> None:
    rig.add()
    rig.hire()
    rig.claim()
    expiry = "1000" if seen == "of an earlier beat" else rig.raw.zscore(rig.keys.leases, "w1")
    before = rig.dump()

    step = rig.reclaim("w1", expiry if isinstance(expiry, str) else f"{expiry:.0f}")

    assert step.state == "alive"
    assert rig.dump() == before


@pytest.mark.parametrize(("told", "state"), [("", "more"), ("5000", "more"), ("10800000", "alive")])
def test_a_lease_from_before_the_clock_was_set_back_two_hours_is_over(
    rig: Rig, told: str, state: str
) -> None:
    """It ends later than one of its length can; when nobody knows its length, than one of any."""
    rig.add()
    rig.hire()
    rig.claim()
    expiry = str(int(rig.raw.zscore(rig.keys.leases, "w1")) + 7_200_000)
    rig.raw.zadd(rig.keys.leases, {"w1": expiry})
    if told:
        rig.raw.hset(rig.keys.worker("w1"), "lease", told)

    assert rig.reclaim("w1", expiry).state == state


def test_a_job_that_killed_too_many_workers_is_set_apart_and_can_be_buried(rig: Rig) -> None:
    (poison,) = rig.add()
    rig.make_suspect(poison)
    rig.hire("w3")
    job = rig.claim_suspect("w3")
    assert (job.id, job.attempt) == (poison, 3)
    (other,) = rig.add()
    rig.claim("w3")

    step = rig.reclaim("w3", rig.expire("w3"))

    assert (step.state, step.moved) == ("more", 1)
    ((level, entry, deliveries, fields),) = step.poison
    assert deliveries == 3
    buried = work.job_of("q", level, entry, fields, deliveries)
    assert rig.run(rig.failing("w3", buried, revoked=True)) == 1
    assert rig.reclaim("w3").state == "gone"
    assert (rig.state(poison), rig.detail(poison).attempts) == (State.DEAD, 3)
    assert rig.state(other) is State.READY


@pytest.mark.parametrize("finder", ["reclaim", "adopt"])
def test_a_tenants_jobs_that_were_deleted_by_hand_are_counted_out_by_who_finds_it(
    rig: Rig, finder: str
) -> None:
    rig.add(3, tenant="a")
    rig.hire()
    jobs = take(rig, want=3)
    for job in jobs[:2]:
        rig.raw.xdel(rig.keys.root + job.stream, job.entry)

    if finder == "adopt":
        assert len(rig.run(work.adopt(rig.keys, "w1", [(job.stream, job.entry) for job in jobs]))) == 1
    else:
        rig.expire("w1")
        assert len(rig.reclaim("w1", "1000", crashes=1).poison) == 1

    recount(rig)
    assert rig.client.snapshot("q").running == 1


def test_a_retired_worker_without_jobs_is_gone(rig: Rig) -> None:
    rig.hire()
    rig.claim()

    assert rig.run(work.retire(rig.keys, "w1")) is True

    assert rig.client.workers("q") == []
    assert rig.raw.exists(rig.keys.revoked, rig.keys.worker("w1")) == 0
    assert all(rig.raw.xinfo_consumers(stream, "w") == [] for stream in rig.keys.streams)


def test_what_a_retired_worker_still_holds_is_left_to_reclaim(rig: Rig) -> None:
    (job_id,) = rig.add()
    for worker in ("w1", "w2"):
        rig.hire(worker)
    rig.claim()

    assert rig.run(work.retire(rig.keys, "w1")) is False
    assert rig.run(work.watch(rig.keys, "w2", LONG_MS)).revoked == ["w1"]
    assert rig.reclaim("w1").moved == 1

    assert [job.id for job in rig.claim("w2")] == [job_id]


def test_an_order_waits_for_its_worker_but_not_for_ever(rig: Rig) -> None:
    rig.run(work.tell(rig.keys, "w1", b'{"cancel":"n1-0"}', 60_000))

    assert rig.raw.lrange(rig.keys.told("w1"), 0, -1) == [b'{"cancel":"n1-0"}']
    assert 0 < rig.raw.pttl(rig.keys.told("w1")) <= 60_000


@pytest.mark.parametrize("expiry", ["", "1000"])
def test_who_has_no_lease_and_was_not_revoked_is_not_taken_over_by_accident(rig: Rig, expiry: str) -> None:
    rig.add(2)
    rig.hire()
    rig.claim(want=2)
    rig.raw.delete(rig.keys.leases)
    before = rig.dump()

    assert rig.reclaim("w1", expiry).state == "gone"

    assert rig.dump() == before


def test_a_consumer_without_any_lease_is_seen_by_the_one_that_leads_and_can_be_taken_over(rig: Rig) -> None:
    ids = rig.add(2)
    for worker in ("w1", "w2", "w3"):
        rig.hire(worker)
    rig.claim("w1", 2)
    rig.raw.zrem(rig.keys.leases, "w1")

    leader, other = (rig.run(work.watch(rig.keys, worker, LONG_MS)) for worker in ("w2", "w3"))

    assert (leader.leads, leader.leases["w1"]) == (True, "0")
    assert (other.leads, set(other.leases)) == (False, {"w2", "w3"})
    assert rig.reclaim("w1", "0").moved == 2
    assert rig.reclaim("w1", "0").state == "gone"
    assert [job.id for job in rig.claim("w2", 5)] == ids
    assert rig.raw.exists(rig.keys.revoked) == 0
