"""Workers in a queue with tenants: in turn, within limits, and whole again after a crash."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from taskq_core import Job, NewJob
from tests.keyspace import remains
from tests.scripts.crowd import recount, take
from tests.scripts.rig import Rig
from tests.waiting import until
from tests.worker.crew import counted, queue_on, work_off, working

SHORT = timedelta(milliseconds=600)


async def test_tenants_are_served_in_turn_and_leave_nothing(rig: Rig) -> None:
    queue, ran = queue_on(rig, concurrency=1), list[tuple[str | None, int]]()

    @queue.process("t")
    async def note(job: Job) -> None:
        ran.append((job.tenant, job.attempt))
        if job.payload.get("fails") and job.attempt == 1:
            raise ValueError("again")

    rig.add(300, tenant="big")
    for tenant in ("a", "b", "c"):
        rig.add(5, tenant=tenant, payload={"fails": tenant == "c"}, retries=2)
    rig.add(5)
    await work_off(queue)
    await work_off(queue)

    small = [place for place, (tenant, attempt) in enumerate(ran) if tenant != "big" and attempt == 1]
    assert max(small) < 5 * 5 + 5
    assert Counter(tenant for tenant, _ in ran) == {"big": 300, "a": 5, "b": 5, "c": 10, None: 5}
    assert rig.totals()["done"] == 320
    recount(rig)
    assert remains(rig.raw) == []
    assert not [key for key in rig.raw.keys(rig.keys.root + "*") if b"tenants" in key or b"@" in key]


async def test_a_limit_of_running_jobs_is_never_passed_by_all_workers_together(rig: Rig) -> None:
    queues, running, most = [queue_on(rig, concurrency=8) for _ in range(2)], Counter[str](), Counter[str]()

    for queue in queues:

        @queue.process("t")
        async def look(job: Job) -> None:
            name = job.tenant or ""
            running[name] += 1
            most[name] = max(most[name], running[name])
            await asyncio.sleep(0.005)
            running[name] -= 1

    rig.client.tenants.set("q", "tight", max_running=2)
    rig.add(40, tenant="tight")
    rig.add(40, tenant="loose")
    async with working(*queues):
        await counted(rig, done=80)

    assert most["tight"] == 2
    assert most["loose"] > 2
    recount(rig)


async def test_what_a_dead_worker_held_frees_its_places_and_runs_again(rig: Rig) -> None:
    queue, ran = queue_on(rig), Counter[str]()

    @queue.process("t")
    async def note(job: Job) -> None:
        ran[job.id] += 1

    rig.client.tenants.set("q", "tight", max_running=3)
    ids = rig.add(10, tenant="tight")
    for number in range(30):
        ids += rig.add(2, tenant=f"t{number}")
    rig.hire("silent", lease_ms=600)
    assert len(take(rig, "silent", want=1000)) == 3 + 60
    async with working(queue, lease=SHORT):
        await counted(rig, done=70)

    assert ran == dict.fromkeys(ids, 1)
    assert rig.totals()["recovered"] == 63
    recount(rig)


async def test_an_idle_worker_is_woken_by_a_tenant_and_by_its_next_turn(rig: Rig) -> None:
    queue, ran = queue_on(rig, concurrency=4), list[str]()

    @queue.process("t")
    async def note(job: Job) -> None:
        ran.append(job.tenant or "")

    rig.client.tenants.set("q", "slow", rate="20/s burst 1")
    async with working(queue):
        rig.add(3, tenant="slow")
        await until(lambda: ran == ["slow"] * 3, 10, "the jobs at their rate")
        rig.client.tenants.pause("q", "slow")
        rig.add(1, tenant="slow")
        rig.add(1, tenant="quick")
        await until(lambda: "quick" in ran, 10, "another tenant")
        assert ran.count("slow") == 3
        rig.client.tenants.resume("q", "slow")
        await until(lambda: ran.count("slow") == 4, 10, "the resumed tenant")
    recount(rig)


@pytest.mark.parametrize("limits", [{"max_running": 1}, {"rate": "1/h"}])
async def test_a_burst_worker_ends_when_nothing_waits_at_a_limit_any_more(
    rig: Rig, limits: dict[str, Any]
) -> None:
    queue = queue_on(rig)

    @queue.process("t")
    async def note(job: Job) -> None: ...

    rig.client.tenants.set("q", "tight", **limits)
    rig.add(3, tenant="tight")
    begun, work = time.monotonic(), asyncio.create_task(work_off(queue))
    if "rate" in limits:
        await counted(rig, done=1)
        assert rig.client.tenants.purge("q", "tight") == 2
    await work

    assert time.monotonic() - begun < 15  # and not once a minute, when tenants are looked at in any case


async def test_a_chain_stays_with_its_tenant(rig: Rig) -> None:
    queue, ran = queue_on(rig), list[tuple[str, str | None]]()

    @queue.process("t")
    async def first(job: Job) -> None:
        ran.append(("t", job.tenant))

    @queue.process("u")
    async def second(job: Job) -> None:
        ran.append(("u", job.tenant))

    rig.add(1, tenant="a", then=[NewJob("u", {})])
    async with working(queue):
        await counted(rig, done=2)

    assert ran == [("t", "a"), ("u", "a")]
    recount(rig)
