"""What is kept of limits and tenants: counted again, and gone once there are none any more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from taskq_core import State
from taskq_core.commands import limiting, work
from taskq_core.commands.limiting import Tidied
from tests.scripts.crowd import recount, take
from tests.scripts.gating import claim, held, limit, look, of_task
from tests.scripts.rig import Rig
from tests.servers import Server

HOUR = timedelta(hours=1)
MANY = 2_300
"""More than two steps of a removal."""


@pytest.fixture
def rig(server: Server) -> Iterator[Rig]:
    """A queue on an empty server, each kind with another protocol."""
    rig = Rig(server, 2 if server.kind == "redis" else 3)
    yield rig
    rig.client.close()


def tidy(rig: Rig, seen: str = "", most: int = 1_000) -> Tidied:
    return rig.run(limiting.tidy(rig.keys, seen, places=most))


def marks(rig: Rig) -> tuple[bool, bool]:
    """Whether claims look for limits and tenants, and for those of single jobs."""
    flow, gates = rig.raw.hmget(rig.keys.meta, "flow", "gates")
    return flow is not None, gates is not None


# -- claims look for nothing any more -------------------------------------------------------------


def test_a_queue_whose_limits_are_gone_costs_as_one_without(rig: Rig) -> None:
    limit(rig, max_running=1, rate="100/s")
    of_task(rig, max_running=2, rate="100/s")
    rig.hire()
    rig.add(3)
    jobs = claim(rig)
    look(rig)  # notes that the queue is full
    of_task(rig, max_running="off", rate="off")
    assert (tidy(rig).look, marks(rig)) == ("", (True, True))  # a job has its place yet
    rig.ack("w1", *jobs)
    assert len(claim(rig)) == 1
    tidy(rig)  # no job with a key ever came
    assert marks(rig) == (True, False)
    limit(rig, max_running="off")
    tidy(rig)
    assert marks(rig) == (True, False)  # the rate is left
    limit(rig, rate="off", max_running=9)
    tidy(rig)
    assert marks(rig) == (True, False)
    limit(rig, max_running="off")
    tidy(rig)

    assert marks(rig) == (False, False)
    assert not rig.raw.exists(rig.keys.opens)
    assert len(rig.claim(want=9)) == 1
    limit(rig, max_running=1)
    assert rig.run(work.claim(rig.keys, "w1", work.Wanted(9))).state == "flow"


def test_a_job_with_a_key_that_is_left_keeps_the_marks(rig: Rig) -> None:
    rig.hire()
    rig.add(1, concurrency_key="a")
    rig.add(2)
    seen = tidy(rig, tidy(rig).look).look
    assert (bool(seen), marks(rig)) == (True, (True, True))
    (first, *_) = claim(rig)
    seen = tidy(rig, seen).look
    assert marks(rig) == (True, True)
    rig.ack("w1", first)
    rig.add(1, concurrency_key="b")  # one that comes behind all that the look before saw
    rig.ack("w1", *claim(rig, want=2)[:1])
    seen = tidy(rig, seen).look
    assert (bool(seen), marks(rig)) == (True, (True, True))


def test_a_busy_queue_whose_last_key_is_gone_is_known_by_two_looks(rig: Rig) -> None:
    rig.hire()
    rig.add(2, concurrency_key="a")
    rig.add(1)
    seen = tidy(rig).look
    for _ in range(2):
        jobs = claim(rig)
        rig.add(1)
        rig.ack("w1", *jobs)
    assert tidy(rig).look  # by this one alone it cannot be known
    assert marks(rig) == (True, True)
    tidy(rig, seen)

    assert marks(rig) == (False, False)
    assert rig.client.snapshot("q").depth > 0


def test_an_empty_queue_is_known_by_one_look_and_a_key_that_comes_later_is_heeded(rig: Rig) -> None:
    rig.hire()
    ids = rig.add(2, concurrency_key="a", delay=HOUR)
    rig.add(1, concurrency_key="a")
    rig.ack("w1", *claim(rig))
    tidy(rig)
    assert marks(rig) == (False, False)
    rig.make_due(*ids)
    rig.promote()

    assert marks(rig) == (True, True)
    assert len(claim(rig)) == 1


def test_a_job_with_a_key_that_gets_a_new_payload_counts_as_a_new_one(rig: Rig) -> None:
    rig.hire()
    rig.add(2)
    rig.add(1, concurrency_key="a", unique="u")
    seen = tidy(rig).look
    rig.add(1, unique="u", replace=True, payload={"n": 5})
    rig.ack("w1", *claim(rig, want=2))
    tidy(rig, seen)

    assert marks(rig) == (True, True)


def test_tenants_keep_the_mark_until_the_last_is_gone(rig: Rig) -> None:
    rig.hire()
    rig.add(1, tenant="acme")
    rig.client.tenants.set("q", "beta", weight=2)
    jobs = take(rig, want=5)
    tidy(rig, tidy(rig).look)
    assert marks(rig) == (True, False)
    rig.ack("w1", *jobs)
    tidy(rig)
    assert marks(rig) == (True, False)
    rig.client.tenants.set("q", "beta", weight=None)
    tidy(rig)

    assert marks(rig) == (False, False)


# -- counted again --------------------------------------------------------------------------------


def test_the_sums_of_tenants_are_counted_again(rig: Rig) -> None:
    rig.hire()
    for tenant in ("a", "b", "c"):
        rig.add(2, tenant=tenant)
    rig.add(1, tenant="a", priority="low")
    assert len(take(rig, want=4)) == 4
    assert tidy(rig).mended == 0
    sums = rig.keys.root + "tenants:sums"
    right = rig.raw.hgetall(sums)
    wrong = dict.fromkeys("chnlCHNL", 70)
    rig.raw.hset(sums, mapping=wrong)
    assert tidy(rig).mended == 8
    recount(rig)
    assert {name: n for name, n in rig.raw.hgetall(sums).items() if n != b"0"} == right
    rig.raw.hset(sums, mapping=wrong)
    assert tidy(rig, most=5).mended == 2  # too many for all levels at once
    rig.raw.hset(sums, mapping=wrong)
    rig.add(3, tenant="d")
    for tenant in ("e", "f"):
        rig.add(1, tenant=tenant)
    assert tidy(rig, most=5).mended == 0  # too many at all

    assert tidy(rig).mended == 8
    recount(rig)


# -- held jobs that are taken away ----------------------------------------------------------------


@pytest.mark.parametrize("way", ["purge", "cancel"])
def test_a_limit_at_which_nobody_waits_any_more_is_not_waited_for(rig: Rig, way: str) -> None:
    of_task(rig, rate="1/h")
    rig.hire()
    ids = rig.add(5)
    first = claim(rig)
    assert (len(first), held(rig), look(rig).again) == (1, 4, 1000)
    if way == "cancel":
        rig.client.cancel("q", ids[2:])
        assert look(rig).again == 1000  # there is one yet
        rig.client.cancel("q", ids)
    else:
        assert rig.client.purge("q", State.READY) == 4

    assert look(rig).again == -1
    assert not rig.raw.exists(rig.keys.opens, rig.keys.root + "held:t:t")


def test_a_purge_of_a_tenant_leaves_what_others_wait_for(rig: Rig) -> None:
    of_task(rig, max_running=1)
    rig.hire()
    rig.add(1)
    rig.add(3, tenant="acme")
    (job,) = claim(rig, want=1)
    claim(rig)
    rig.add(1, tenant="beta")
    claim(rig)
    assert rig.client.tenants.purge("q", "acme") == 3
    rig.ack("w1", job)

    assert [each.tenant for each in claim(rig)] == ["beta"]
    assert rig.raw.zcard(rig.keys.root + "held:t:t") == 0
    recount(rig)


# -- a queue that is removed ----------------------------------------------------------------------


def test_a_removed_queue_leaves_nothing_however_many_groups_and_keys_it_had(rig: Rig) -> None:
    rig.add(1)
    fill = """for k = 1, ARGV[1] do
      redis.call('HSET', KEYS[1] .. 'group:' .. k, 'total', 1)
      redis.call('ZADD', KEYS[1] .. 'groups', 'inf', k)
      redis.call('ZADD', KEYS[1] .. 'held:k:' .. k, 2, 'x')
      redis.call('ZADD', KEYS[1] .. 'opens', 'inf', 'k:' .. k)
    end"""
    rig.raw.eval(fill, 1, rig.keys.root, MANY)
    rig.client.remove("q")

    assert [key for key in rig.raw.keys(rig.keys.root + "*") if rig.raw.ttl(key) == -1] == []
