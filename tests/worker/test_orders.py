"""Orders to workers: an operator stops them, and what they say of themselves shows it."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from pathlib import Path

import pytest

from taskq_core import Job, State, TaskQueue, WorkerInfo, WorkerOptions, processes_of, stalled
from taskq_core.queue import make_worker
from tests.conftest import Spawn
from tests.keyspace import remains
from tests.scripts.rig import Rig
from tests.waiting import until, wait_until
from tests.worker.applications import Site
from tests.worker.crew import only_worker, queue_on, working


@pytest.fixture
def site(rig: Rig, tmp_path: Path, spawn: Spawn) -> Site:
    return Site(tmp_path, spawn, rig.url)


def workers(rig: Rig, count: int = 1) -> list[WorkerInfo]:
    """The workers, once so many are there."""
    return wait_until(lambda: found if len(found := rig.client.workers("q")) == count else [], 20)


async def test_a_worker_told_to_stop_finishes_what_runs_and_takes_no_more(rig: Rig) -> None:
    queue, started, go = queue_on(rig, concurrency=2), list[str](), asyncio.Event()

    @queue.process("t")
    async def wait(job: Job) -> None:
        started.append(job.id)
        await go.wait()

    rig.add(5)
    async with working(queue) as (worker,):
        await until(lambda: len(started) == 2)
        name = await only_worker(rig)
        rig.client.stop_worker("q", name)
        rig.client.stop_worker("q", name)  # as after a lost answer
        await until(lambda: rig.client.workers("q")[0].stopping)
        assert not worker.done()
        go.set()
        await asyncio.wait_for(asyncio.shield(worker), 10)

    assert rig.totals() == {"enqueued": 5, "done": 2}
    assert rig.client.workers("q") == []
    assert rig.client.snapshot("q").ready_total == 3


async def test_a_worker_told_to_stop_now_gives_back_what_runs(rig: Rig) -> None:
    queue, started = queue_on(rig, concurrency=2), list[str]()

    @queue.process("t")
    async def wait(job: Job) -> None:
        started.append(job.id)
        await asyncio.sleep(60)

    ids = rig.add(2)
    async with working(queue, grace=timedelta(seconds=60)) as (worker,):
        await until(lambda: len(started) == 2)
        name = await only_worker(rig)
        rig.client.stop_worker("q", name)
        await until(lambda: rig.client.workers("q")[0].stopping)
        rig.client.stop_worker("q", name, now=True)  # the grace is cut short
        await asyncio.wait_for(asyncio.shield(worker), 10)

    assert [rig.state(job_id) for job_id in ids] == [State.READY] * 2
    assert rig.detail(ids[0]).attempts == 0


async def test_a_job_being_cancelled_is_told_of_soon(rig: Rig) -> None:
    queue, started, go = queue_on(rig), asyncio.Event(), asyncio.Event()

    @queue.process("t")
    async def stubborn(job: Job) -> None:
        started.set()
        while not go.is_set():
            try:
                await go.wait()
            except asyncio.CancelledError:
                continue

    (job_id,) = rig.add()
    async with working(queue, lease=timedelta(seconds=30)):
        await until(started.is_set)
        began = time.monotonic()
        rig.client.cancel("q", [job_id])
        await until(lambda: [ref.id for ref in rig.client.workers("q")[0].cancelling] == [job_id])
        assert time.monotonic() - began < 3  # not a third of the lease
        go.set()
        await until(lambda: rig.client.workers("q")[0].running == () or not rig.client.snapshot("q").running)


def test_the_supervisor_starts_no_other_worker_for_one_that_was_told_to_stop(rig: Rig, site: Site) -> None:
    supervisor = site.start(processes=2)
    first, second = workers(rig, 2)

    rig.client.stop_worker("q", first.id)
    (left,) = workers(rig, 1)
    assert left.id == second.id
    rig.add(3)
    wait_until(lambda: rig.totals().get("done") == 3)
    assert len(rig.client.workers("q")) == 1
    assert supervisor.running

    rig.client.stop_worker("q", second.id)

    assert supervisor.wait(20) == 0
    assert remains(rig.raw) == []


def test_a_worker_whose_event_loop_is_held_is_seen_to_be_stuck(
    rig: Rig, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("taskq_core.sighting.STALLED", timedelta(seconds=1.2))
    site.start(lease=1.0)
    workers(rig)
    rig.add(task="blocks", payload={"s": 60})

    (stuck,) = wait_until(lambda: [w for w in rig.client.workers("q") if stalled(w)], 20)

    assert processes_of([stuck])[0].state == "stuck"


def test_an_idle_worker_and_one_with_all_slots_taken_are_not_stuck(
    rig: Rig, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("taskq_core.sighting.STALLED", timedelta(seconds=1.2))
    site.start(lease=1.0)
    workers(rig)
    assert busy_after(rig, 1.8) == 0
    rig.add(8, payload={"s": 60})
    wait_until(lambda: len(site.notes("start")) == 8)
    assert busy_after(rig, 1.8) == 8


def busy_after(rig: Rig, seconds: float) -> int:
    """How many jobs the worker runs after a while in which it was never stuck."""
    end = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() > end or any(map(stalled, rig.client.workers("q"))))
    (worker,) = rig.client.workers("q")
    assert not stalled(worker)
    return worker.busy


async def test_a_worker_of_two_queues_is_one_process(rig: Rig) -> None:
    queues = [TaskQueue(name, redis=rig.url) for name in ("q", "p")]
    worker = make_worker(queues, WorkerOptions())
    running = asyncio.ensure_future(worker.run())
    await until(lambda: len(rig.client.workers_of(["q", "p"])) == 2)

    leases = rig.client.workers_of(["q", "p"])
    (process,) = processes_of(leases)

    assert process.queues == ("p", "q")
    assert process.id not in {lease.id for lease in leases}
    rig.client.stop_worker("p", next(lease.id for lease in leases if lease.queue == "p"))
    await asyncio.wait_for(running, 10)
    assert rig.client.workers_of(["q", "p"]) == []
