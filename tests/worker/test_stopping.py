"""A worker that stops: what runs may finish, the rest is given back, and nothing of it stays behind."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from datetime import timedelta

import pytest

from taskq_core import AsyncClient, Job, State
from taskq_core.queue import make_worker
from taskq_core.worker.signals import run_until_done
from tests.keyspace import remains
from tests.scripts.rig import Rig
from tests.waiting import until
from tests.worker.crew import DEFAULTS, counted, only_worker, queue_on, stop, work_off, working


async def test_jobs_that_end_within_the_grace_are_done(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    queue, started, go = queue_on(rig, concurrency=3), list[int](), asyncio.Event()

    @queue.process("t")
    async def wait(job: Job) -> None:
        started.append(job.attempt)
        await go.wait()

    rig.add(8)
    async with working(queue) as (worker,):
        await until(lambda: len(started) == 3)
        worker.cancel()
        await until(lambda: "stopping: 3 jobs" in caplog.text)
        go.set()

    assert rig.totals() == {"enqueued": 8, "done": 3}
    assert len(started) == 3


@pytest.mark.parametrize("kind", ["async", "plain"])
async def test_what_does_not_end_within_the_grace_is_given_back_in_the_same_attempt(
    rig: Rig, kind: str
) -> None:
    queue, started, go = queue_on(rig, concurrency=2), list[str](), threading.Event()
    if kind == "async":

        @queue.process("t")
        async def wait(job: Job) -> None:
            started.append(job.id)
            await asyncio.sleep(60)
    else:

        @queue.process("t")
        def wait_in_a_thread(job: Job) -> None:
            started.append(job.id)
            go.wait()

    ids = rig.add(5)
    try:
        async with working(queue, grace=timedelta(milliseconds=50)):
            await until(lambda: len(started) == 2)
    finally:
        go.set()

    assert rig.totals() == {"enqueued": 5}
    assert {rig.state(job_id) for job_id in ids} == {State.READY}
    rig.hire()
    again = rig.claim(want=9)
    assert sorted(job.id for job in again) == sorted(ids)
    assert {job.attempt for job in again} == {1}


async def test_jobs_taken_ahead_are_given_back(rig: Rig) -> None:
    queue, started, go = queue_on(rig, concurrency=1), list[str](), asyncio.Event()

    @queue.process("quick")
    async def quick(job: Job) -> None: ...

    @queue.process("t")
    async def wait(job: Job) -> None:
        started.append(job.id)
        await go.wait()

    rig.add(3000, task="quick")
    ids = rig.add(200)
    async with working(queue) as (worker,):
        await until(lambda: started)
        worker.cancel()
        await until(lambda: rig.client.snapshot("q").ready_total == 199)
        go.set()

    assert rig.totals()["done"] == 3001
    rig.hire()
    assert sorted(job.id for job in rig.claim(want=500)) == sorted(ids[1:])
    assert set(rig.pending("w1").values()) == {1}


async def test_a_stopped_worker_is_off_the_books(rig: Rig) -> None:
    queue = queue_on(rig)

    @queue.process("t")
    async def good(job: Job) -> None: ...

    rig.add(10)
    async with working(queue):
        worker = await only_worker(rig)
        await counted(rig, done=10)

    assert rig.client.workers("q") == []
    assert rig.raw.exists(rig.keys.worker(worker), rig.keys.told(worker)) == 0
    assert all(rig.raw.xinfo_consumers(stream, "w") == [] for stream in rig.keys.streams)
    assert remains(rig.raw) == []


async def test_an_idle_worker_stops_at_once(rig: Rig) -> None:
    took = list[float]()
    for _ in range(3):
        async with working(queue_on(rig)) as (worker,):
            await only_worker(rig)
            started = time.monotonic()
            await stop(worker)
            took.append(time.monotonic() - started)

    assert min(took) < 0.4  # it does not wait for the end of its sleep


async def test_a_worker_leaves_no_tasks_and_threads_behind(rig: Rig) -> None:
    queue = queue_on(rig, concurrency=5)

    @queue.process("plain")
    def plain(job: Job) -> None: ...

    @queue.process("async")
    async def not_plain(job: Job) -> None: ...

    tasks = len(asyncio.all_tasks())
    assert our_threads() == []
    for _ in range(2):
        rig.add(50, task="plain")
        rig.add(50, task="async")
        await work_off(queue)

    await until(lambda: len(asyncio.all_tasks()) == tasks, 3, "the end of all tasks")
    await until(lambda: not our_threads(), 3, "the end of all threads")


async def test_a_worker_that_ends_at_once_leaves_no_connection_behind(rig: Rig) -> None:
    queue, started = queue_on(rig, concurrency=1), list[str]()

    @queue.process("t")
    async def wait(job: Job) -> None:
        started.append(job.id)
        await asyncio.sleep(60)

    rig.client.time()  # from now on its own connection is open
    before = connections(rig)
    worker = make_worker([queue], DEFAULTS)
    running = asyncio.create_task(run_until_done(worker))
    await until(lambda: rig.raw.info("clients")["blocked_clients"] == 2, 5, "the sleep of an idle worker")
    rig.add(50)
    await until(lambda: started)
    for _ in range(2):  # the second time ends it at once
        running.cancel()
        await asyncio.sleep(0)
    await asyncio.gather(running, return_exceptions=True)

    assert worker.failed_count == 0
    await until(lambda: connections(rig) == before, 3, "the end of all connections")


async def test_a_call_under_way_when_its_client_is_closed_leaves_no_connection_behind(rig: Rig) -> None:
    before = connections(rig)
    client = AsyncClient(rig.url)
    call = asyncio.create_task(client.execute("BLPOP", "nothing", "0.2"))
    await until(lambda: rig.raw.info("clients")["blocked_clients"] == 1)
    await client.close()

    assert await call is None
    await until(lambda: connections(rig) == before, 3, "the end of all connections")


def connections(rig: Rig) -> int:
    return len(rig.raw.client_list())


def our_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("taskq")]


async def test_outcomes_that_are_owed_are_sent_before_the_end(rig: Rig) -> None:
    queue, ended = queue_on(rig, concurrency=50), list[str]()

    @queue.process("t")
    async def good(job: Job) -> None:
        ended.append(job.id)
        if len(ended) == 500:
            worker.cancel()

    rig.add(2000)
    async with working(queue) as (worker,):
        await until(lambda: worker.done())

    assert rig.totals()["done"] == len(ended) >= 500
    assert rig.client.snapshot("q").ready_total == 2000 - len(ended)


async def test_what_was_claimed_and_never_seen_is_given_back(rig: Rig) -> None:
    async with working(queue_on(rig), lease=timedelta(seconds=60)):
        worker = await only_worker(rig)
        pipeline = rig.raw.pipeline()
        for n in range(5):
            pipeline.xadd(rig.keys.streams[0], {"t": f'{{"n":{n}}}'})
        pipeline.xreadgroup("w", worker, {rig.keys.streams[0]: ">"}, count=5)
        pipeline.execute()

    rig.hire()
    assert [job.attempt for job in rig.claim(want=9)] == [1] * 5
    assert rig.raw.exists(rig.keys.revoked) == 0
