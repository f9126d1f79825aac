"""Claims in a queue with tenants, beside what was given back and what limits of keys hold."""

from __future__ import annotations

import pytest

from taskq_core.commands import work
from tests.scripts.crowd import recount, take
from tests.scripts.gating import claim, look
from tests.scripts.rig import Rig


@pytest.mark.parametrize("tenant", [None, "acme"])
def test_what_a_limit_holds_of_those_given_back_hides_none_that_may_run(rig: Rig, tenant: str | None) -> None:
    rig.hire("w1")
    rig.client.configure("q", key_max_running=20)
    rig.add(20, concurrency_key="k", tenant=tenant)
    rig.add(3, task="u", tenant=tenant)
    assert len(claim(rig, "w1", 100)) == 23
    rig.take_over("w1")
    rig.client.configure("q", key_max_running=1)
    rig.hire("w2")

    found = look(rig, "w2", 4)

    assert [job.task for job in rig.jobs(found)] == ["t", "u", "u", "u"]
    assert claim(rig, "w2", 4) == []


def test_what_a_key_holds_takes_no_place_of_its_tenant(rig: Rig) -> None:
    rig.hire("w1")
    rig.client.tenants.set("q", "acme", max_running=3)
    rig.client.tenants.set("q", "other", weight=100)  # so that a claim goes round several times
    rig.add(1, concurrency_key="k")
    assert len(claim(rig, "w1", 10)) == 1
    rig.add(4, concurrency_key="k", tenant="acme")
    rig.add(5, task="u", tenant="acme")
    rig.add(1, task="o", tenant="other")

    assert sorted(job.task for job in claim(rig, "w1", 10)) == ["o", "u", "u", "u"]


def test_a_job_whose_key_is_free_and_whose_tenant_is_full_comes_when_that_has_room(rig: Rig) -> None:
    rig.hire("w1")
    rig.client.tenants.set("q", "acme", max_running=1)
    rig.add(1, task="a", concurrency_key="k")
    (first,) = claim(rig, "w1", 10)
    rig.add(1, task="b", concurrency_key="k", tenant="acme")
    rig.add(1, task="c", tenant="acme")
    (third,) = claim(rig, "w1", 10)
    assert third.task == "c"
    assert rig.ack("w1", first) == 1
    assert claim(rig, "w1", 10) == []
    recount(rig)

    assert rig.ack("w1", third) == 1

    assert [job.task for job in claim(rig, "w1", 10)] == ["b"]
    recount(rig)


def test_what_is_done_is_counted_of_a_tenant_for_as_long_as_it_is_known(rig: Rig) -> None:
    def done() -> dict[bytes, bytes]:
        return dict(rig.raw.hgetall(rig.keys.root + "tenants:done"))

    rig.hire("w1")
    rig.client.tenants.set("q", "acme", weight=2)
    rig.add(3, tenant="acme")
    rig.add(2, tenant="passing")
    jobs = {job.id: job for job in take(rig, want=5)}
    first, *others = (job for job in jobs.values() if job.tenant == "passing")

    rig.ack("w1", first, *(job for job in jobs.values() if job.tenant == "acme"))

    assert done() == {b"acme": b"3", b"passing": b"1"}
    rig.ack("w1", *others)
    assert done() == {b"acme": b"3"}


@pytest.mark.parametrize("tenant", [None, "acme"])
def test_a_claim_brings_no_more_than_is_wanted_beside_what_was_given_back(
    rig: Rig, tenant: str | None
) -> None:
    rig.hire("w1")
    rig.client.tenants.set("q", "acme", weight=2)
    rig.add(1, tenant=tenant)
    rig.hire("w2")
    rig.run(work.release(rig.keys, "w2", take(rig, "w2", want=1)))
    rig.add(20, tenant=tenant)

    assert len(take(rig, want=4)) == 4
