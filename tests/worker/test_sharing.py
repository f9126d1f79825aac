"""Several workers on one queue: nobody hoards, and what was counted is what happened."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from datetime import timedelta

import pytest

from taskq_core import Discard, Job, State
from tests.keyspace import remains
from tests.scripts.rig import Rig
from tests.waiting import until
from tests.worker.crew import counted, queue_on, working


@pytest.mark.parametrize(("quick", "within_s"), [(0, 0.3), (3000, 1.0)], ids=["cold", "after short jobs"])
async def test_no_job_waits_while_another_worker_has_a_free_slot(
    rig: Rig, quick: int, within_s: float
) -> None:
    started, go = list[float](), asyncio.Event()
    queues = [queue_on(rig, concurrency=10) for _ in range(2)]
    for queue in queues:

        @queue.process("quick")
        async def nothing(job: Job) -> None: ...

        @queue.process("t")
        async def wait(job: Job) -> None:
            started.append(time.monotonic())
            await go.wait()

    async with working(*queues):
        await until(lambda: len(rig.client.workers("q")) == 2)
        if quick:
            rig.add(quick, task="quick")
            await counted(rig, done=quick)
        added = time.monotonic()
        rig.add(20)
        await until(lambda: len(started) == 20)
        go.set()
        await counted(rig, done=20 + quick)

    assert started[-1] - added < within_s


async def test_one_worker_does_not_hold_more_than_its_slots_of_long_jobs(rig: Rig) -> None:
    queue, started, go = queue_on(rig, concurrency=3), list[str](), asyncio.Event()

    @queue.process("t")
    def quick(job: Job) -> None: ...

    @queue.process("long")
    async def long(job: Job) -> None:
        started.append(job.id)
        await go.wait()

    rig.add(2000)
    rig.add(50, task="long")
    async with working(queue):
        await until(lambda: len(started) == 3)
        await until(lambda: rig.client.snapshot("q").running == 3, timeout=2)
        go.set()


async def test_the_figures_of_a_queue_are_those_of_its_jobs(rig: Rig) -> None:
    queues = [queue_on(rig, concurrency=4, retries=1) for _ in range(2)]
    runs, ends = Counter[str](), Counter[str]()
    for queue in queues:

        @queue.process("t")
        async def mixed(job: Job) -> None:
            n = job.payload["n"]
            runs[job.id] += 1
            if n % 5 == 0:
                raise ValueError("fails twice")
            if n % 7 == 0 and job.attempt == 1:
                raise ValueError("fails once")
            if n % 11 == 0:
                ends["discarded"] += 1
                raise Discard("not wanted")
            ends["done"] += 1

    ids = rig.add(400) + rig.add(100, delay=timedelta(milliseconds=50))
    cancelled = rig.add(10, delay=timedelta(hours=1))
    rig.client.cancel("q", cancelled)
    async with working(*queues):
        await until(lambda: rig.totals().get("done", 0) + rig.totals().get("dead", 0) == 500)

    snapshot = rig.client.snapshot("q", minutes=3)
    failed = sum(runs.values()) - ends["done"]
    dead = 500 - ends["done"]
    assert set(runs) == set(ids)
    assert snapshot.totals == {
        "enqueued": 510, "done": ends["done"], "dead": dead, "failed": failed, "retried": failed - dead,
        "cancelled": 10,
    }  # fmt: skip
    assert {n: sum(m.counts.get(n, 0) for m in snapshot.history) for n in snapshot.totals} == snapshot.totals
    assert sum(m.run.count for m in snapshot.history if m.run) == sum(runs.values())
    assert sum(m.wait.count for m in snapshot.history if m.wait) == 500
    assert snapshot.dead == dead == len(rig.client.list_jobs("q", State.DEAD, limit=1000).jobs)
    assert remains(rig.raw) == [f"{rig.keys.dead} holds {dead}", f"{rig.keys.dead_jobs} holds {dead}"]
