"""Leases: a silent worker loses its jobs, a busy one does not, and one that lost its lease begins anew."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from datetime import timedelta

import pytest

from taskq_core import Job, State
from taskq_core.commands import work
from tests.keyspace import remains
from tests.scripts.rig import Rig
from tests.waiting import until
from tests.worker.crew import counted, only_worker, queue_on, working

SHORT = timedelta(milliseconds=600)


async def test_the_jobs_of_a_worker_that_fell_silent_run_elsewhere(rig: Rig) -> None:
    queue, ran = queue_on(rig), list[tuple[str, int]]()

    @queue.process("t")
    async def note(job: Job) -> None:
        ran.append((job.id, job.attempt))

    rig.hire("silent", lease_ms=600)
    ids = rig.add(250)
    rig.claim("silent", 250)
    async with working(queue, lease=SHORT):
        started = time.monotonic()
        await counted(rig, done=250)

    assert time.monotonic() - started < 0.6 + 2
    assert sorted(ran) == sorted((job_id, 2) for job_id in ids)
    assert rig.totals() == {"enqueued": 250, "recovered": 250, "done": 250}
    assert remains(rig.raw) == []


async def test_a_job_that_kills_its_workers_is_buried_as_poison(rig: Rig) -> None:
    queue = queue_on(rig)

    @queue.process("t")
    async def good(job: Job) -> None: ...

    (poison,) = rig.add()
    rig.make_suspect(poison)
    rig.hire("w3", lease_ms=600)
    rig.claim_suspect("w3")
    rig.add()
    async with working(queue, lease=SHORT):
        await counted(rig, done=1, dead=1)

    detail = rig.detail(poison)
    assert detail.error is not None
    assert (detail.state, detail.attempts, detail.error.type) == (State.DEAD, 3, "Poison")


async def test_two_live_workers_leave_each_others_jobs_alone(rig: Rig) -> None:
    queues = [queue_on(rig, concurrency=4) for _ in range(2)]
    starts = list[str]()
    for queue in queues:

        @queue.process("t")
        async def wait(job: Job) -> None:
            starts.append(job.id)
            await asyncio.sleep(1.5)  # longer than two leases

    ids = rig.add(8)
    async with working(*queues, lease=SHORT):
        await counted(rig, done=8)

    assert sorted(starts) == sorted(ids)
    assert "recovered" not in rig.totals()


async def test_a_worker_that_lost_its_lease_registers_anew_and_its_jobs_run_again(rig: Rig) -> None:
    queue, attempts, go = queue_on(rig), list[int](), asyncio.Event()
    stopped = list[int]()

    @queue.process("t")
    async def wait(job: Job) -> None:
        attempts.append(job.attempt)
        try:
            await go.wait()
        except asyncio.CancelledError:
            stopped.append(job.attempt)
            raise

    rig.add(3)
    async with working(queue, lease=SHORT):
        await until(lambda: len(attempts) == 3)
        first = await only_worker(rig)
        rig.take_over(first)
        await until(lambda: len(attempts) == 6)
        assert await only_worker(rig) != first
        go.set()
        await counted(rig, done=3)

    assert sorted(attempts) == [1, 1, 1, 2, 2, 2]
    assert stopped == [1, 1, 1]
    assert rig.totals() == {"enqueued": 3, "recovered": 3, "done": 3}
    assert remains(rig.raw) == []


async def test_a_plain_function_that_outlived_its_lease_has_no_say(rig: Rig) -> None:
    queue, attempts = queue_on(rig, concurrency=1), list[int]()

    @queue.process("t")
    def slow(job: Job) -> None:
        attempts.append(job.attempt)
        time.sleep(0.6 if job.attempt == 1 else 0)

    rig.add(keep=timedelta(minutes=1))
    async with working(queue, lease=timedelta(milliseconds=300)):
        await until(lambda: attempts)
        rig.take_over(await only_worker(rig))
        await counted(rig, done=1)

    assert attempts == [1, 2]
    assert rig.totals() == {"enqueued": 1, "recovered": 1, "done": 1}


@pytest.mark.parametrize("way", ["idle", "busy"])
async def test_jobs_whose_claim_was_never_answered_are_adopted(rig: Rig, way: str) -> None:
    queue, ran = queue_on(rig), list[tuple[str, int]]()

    @queue.process("t")
    async def note(job: Job) -> None:
        ran.append((job.task, job.attempt))

    @queue.process("other")
    async def other(job: Job) -> None:
        await asyncio.sleep(0.01)

    async with working(queue, lease=timedelta(seconds=1)):
        worker = await only_worker(rig)
        if way == "busy":
            rig.add(300, task="other")
        # in one transaction, so that the worker itself cannot be first
        pipeline = rig.raw.pipeline()
        for n in range(5):
            pipeline.xadd(rig.keys.streams[0], {"t": f'{{"n":{n}}}'})
        pipeline.xreadgroup("w", worker, {rig.keys.streams[0]: ">"}, count=5)
        pipeline.execute()
        await until(lambda: len(ran) == 5, timeout=3)
        await counted(rig, done=305 if way == "busy" else 5)

    assert ran == [("t", 1)] * 5
    assert "recovered" not in rig.totals()
    assert remains(rig.raw) == []


async def test_what_a_worker_says_of_itself_is_up_to_date(rig: Rig) -> None:
    queue, go = queue_on(rig, concurrency=3), asyncio.Event()

    @queue.process("t")
    async def wait(job: Job) -> None:
        await go.wait()

    (job_id,) = rig.add()
    async with working(queue, lease=SHORT):
        (info,) = await until(lambda: [w for w in rig.client.workers("q") if w.busy])
        go.set()
        await until(lambda: rig.client.workers("q")[0].busy == 0)

    assert (info.slots, info.tasks, info.about["running"]) == (3, ("t",), job_id)
    assert info.about["version"]
    assert info.pid > 0


async def test_a_queue_whose_worker_retired_with_jobs_is_taken_over(rig: Rig) -> None:
    queue = queue_on(rig)

    @queue.process("t")
    async def good(job: Job) -> None: ...

    rig.hire("w1")
    rig.add(3)
    rig.claim("w1", 3)
    rig.run(work.retire(rig.keys, "w1"))
    async with working(queue):
        await counted(rig, done=3)

    assert rig.totals()["recovered"] == 3


async def test_a_suspect_runs_alone_and_others_before_and_after_it(rig: Rig) -> None:
    queue, running, overlaps = queue_on(rig, concurrency=4), set[str](), list[bool]()

    @queue.process("t")
    async def watch(job: Job) -> None:
        running.add(job.id)
        await asyncio.sleep(0.02)
        if job.id == suspect:
            overlaps.append(len(running) > 1)
        running.discard(job.id)

    (suspect,) = rig.add()
    rig.make_suspect(suspect)
    rig.add(20)
    async with working(queue):
        await until(lambda: rig.totals().get("done", 0) > 10)
        rig.add(20)
        await counted(rig, done=41)

    assert overlaps == [False]
    assert rig.totals() == {"enqueued": 41, "recovered": 2, "done": 41}


async def test_jobs_taken_ahead_in_a_lost_lease_are_not_started(rig: Rig) -> None:
    queue, runs = queue_on(rig, concurrency=1), Counter[str]()

    @queue.process("t")
    async def run(job: Job) -> None:
        runs[job.id] += 1
        await asyncio.sleep(0.001)
        if len(runs) == 300 and job.attempt == 1 and not taken:
            taken.append(rig.take_over(workers[0]))

    taken, workers = list[int](), list[str]()
    async with working(queue):
        workers.append(await only_worker(rig))
        rig.add(600)
        await counted(rig, done=600)

    twice = sum(runs.values()) - 600
    assert taken[0] > 5  # it held that many
    assert twice <= min(15, taken[0] // 2)


async def test_a_consumer_without_any_lease_is_taken_over(rig: Rig) -> None:
    queue = queue_on(rig)

    @queue.process("t")
    async def good(job: Job) -> None: ...

    rig.hire("w1")
    rig.add(3)
    rig.claim("w1", 3)
    rig.raw.delete(rig.keys.leases)
    async with working(queue, lease=SHORT):
        await counted(rig, done=3)

    assert rig.totals()["recovered"] == 3
    assert remains(rig.raw) == []
