"""Jobs that run: handlers of both kinds, order, levels, delays, results, and an end in sight."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from taskq_core import AsyncClient, Job, Priority, Receipt, State, TaskQueue
from taskq_core.commands import work
from taskq_core.queue import make_worker
from taskq_core.worker import watchdog
from taskq_core.worker.watchdog import give_back
from taskq_core.worker.worker import Worker
from tests.keyspace import remains
from tests.scripts.rig import Rig
from tests.waiting import until
from tests.worker.crew import DEFAULTS, counted, queue_on, work_off, working

KINDS = ("async", "plain")


def noting(queue: TaskQueue, kind: str, seen: list[Any], task: str = "t") -> None:
    """A handler that notes the payload it got."""
    if kind == "async":

        @queue.process(task)
        async def note(job: Job) -> None:
            seen.append(job.payload["n"])
    else:

        @queue.process(task)
        def note_in_a_thread(job: Job) -> None:
            seen.append(job.payload["n"])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("concurrency", [1, 7])
async def test_every_job_runs_once_and_nothing_is_left(rig: Rig, kind: str, concurrency: int) -> None:
    queue, seen = queue_on(rig, concurrency=concurrency), list[int]()
    noting(queue, kind, seen)
    rig.add(3000)

    worker = await work_off(queue)

    assert sorted(seen) == list(range(3000))
    assert rig.totals() == {"enqueued": 3000, "done": 3000}
    assert (worker.done_count, worker.failed_count) == (3000, 0)
    assert remains(rig.raw) == []


async def test_first_attempts_start_in_the_order_they_were_enqueued(rig: Rig) -> None:
    queue, seen = queue_on(rig, concurrency=1), list[int]()
    noting(queue, "async", seen)
    rig.add(2000)

    await work_off(queue)

    assert seen == list(range(2000))


async def test_async_and_plain_handlers_serve_one_queue(rig: Rig) -> None:
    queue = queue_on(rig, concurrency=4)
    waited, threads = list[int](), set[str]()

    @queue.process("waits")
    async def waits(job: Job) -> None:
        await asyncio.sleep(0.001)
        waited.append(job.payload["n"])

    @queue.process("computes")
    def computes(job: Job) -> None:
        threads.add(threading.current_thread().name)

    for _ in range(10):
        rig.add(20, task="waits")
        rig.add(20, task="computes")
    await work_off(queue)

    assert sorted(waited) == sorted(list(range(20)) * 10)
    assert rig.totals()["done"] == 400
    assert threading.main_thread().name not in threads


@pytest.mark.parametrize("kind", KINDS)
async def test_a_task_gets_its_typed_arguments_and_its_job(rig: Rig, kind: str) -> None:
    queue, calls = queue_on(rig), list[tuple[object, ...]]()
    if kind == "async":

        @queue.task()
        async def send(to: str, job: Job, copies: int = 1, *, urgent: bool = False) -> None:
            calls.append((to, copies, urgent, job.id, job.attempt))

        add = send.add_sync
    else:

        @queue.task(name="send")
        def send_in_a_thread(to: str, job: Job, copies: int = 1, *, urgent: bool = False) -> None:
            calls.append((to, copies, urgent, job.id, job.attempt))

        add = send_in_a_thread.add_sync
    first = add("a@b.c")  # type: ignore[call-arg] # the worker fills in the job
    second = add(to="d@e.f", copies=2, urgent=True)  # type: ignore[call-arg] # as above
    await work_off(queue)

    assert sorted(calls) == [("a@b.c", 1, False, first.id, 1), ("d@e.f", 2, True, second.id, 1)]


async def test_higher_levels_start_first(rig: Rig) -> None:
    queue, seen = queue_on(rig, concurrency=1), list[str]()

    @queue.process("t")
    async def note(job: Job) -> None:
        seen.append(job.priority)

    for level in (Priority.LOW, Priority.CRITICAL, Priority.NORMAL, Priority.HIGH):
        rig.add(5, priority=level)
    await work_off(queue, starvation_guard=0)

    assert seen == [level for level in Priority for _ in range(5)]


@pytest.mark.parametrize(("guard", "waits"), [(0, True), (4, False)])
async def test_the_starvation_guard_lets_the_lowest_level_through(rig: Rig, guard: int, waits: bool) -> None:
    queue, seen = queue_on(rig, concurrency=1), list[str]()

    @queue.process("t")
    async def note(job: Job) -> None:
        await asyncio.sleep(0.005)
        seen.append(job.priority.letter)

    rig.add(120, priority="critical")
    rig.add(1, priority="low")
    await work_off(queue, starvation_guard=guard)

    assert len(seen) == 121
    assert (seen.index("l") == 120) is waits


async def test_a_critical_job_overtakes_a_long_queue(rig: Rig) -> None:
    queue, ran, before = queue_on(rig), [0], list[int]()

    @queue.process("t")
    async def count(job: Job) -> None:
        ran[0] += 1

    @queue.process("urgent")
    async def urgent(job: Job) -> None:
        before.append(ran[0])

    rig.add(30_000, priority="low")
    async with working(queue):
        await until(lambda: ran[0] > 500)
        rig.add(1, task="urgent", priority="critical")
        behind = ran[0]
        await until(lambda: before)

    assert before[0] - behind < 10_000


@pytest.mark.parametrize("delay_ms", [40, 400])
async def test_a_delayed_job_starts_at_its_time_on_an_idle_worker(rig: Rig, delay_ms: int) -> None:
    queue, started = queue_on(rig), list[float]()

    @queue.process("t")
    async def note(job: Job) -> None:
        started.append(time.monotonic())

    async with working(queue):
        await until(lambda: rig.client.workers("q"))
        added = time.monotonic()
        rig.add(delay=timedelta(milliseconds=delay_ms))
        await until(lambda: started)

    assert delay_ms - 1 <= (started[0] - added) * 1000 < delay_ms + 300


async def test_an_idle_worker_starts_a_new_job_at_once(rig: Rig) -> None:
    queue, started = queue_on(rig), list[float]()

    @queue.process("t")
    async def note(job: Job) -> None:
        started.append(time.monotonic())

    async with working(queue):
        await until(lambda: rig.client.workers("q"))
        late = []
        for number in range(1, 6):
            added = time.monotonic()
            rig.add()
            await until(lambda n=number: len(started) == n)  # type: ignore[misc] # a default binds early
            late.append(started[-1] - added)

    assert min(late) < 0.1  # not the second that a lost wake-up may cost


@pytest.mark.parametrize("kind", KINDS)
async def test_a_result_is_kept_on_request(rig: Rig, kind: str) -> None:
    queue = queue_on(rig)
    if kind == "async":

        @queue.task(name="add")
        async def add(a: int, b: int) -> dict[str, int]:
            return {"sum": a + b}
    else:

        @queue.task(name="add")
        def add_in_a_thread(a: int, b: int) -> dict[str, int]:
            return {"sum": a + b}

    def enqueue(**options: Any) -> Receipt:
        return queue.add_sync("add", {"a": 1, "b": 2}, **options)

    kept, forgotten = enqueue(keep=timedelta(minutes=1)), enqueue()
    await work_off(queue)

    detail = rig.detail(kept.id)
    assert (detail.state, detail.result) == (State.DONE, b'{"sum":3}')
    assert rig.raw.exists(rig.keys.result(forgotten.id)) == 0


async def test_a_result_that_is_no_json_fails_the_job(rig: Rig) -> None:
    queue = queue_on(rig, retries=0)

    @queue.process("t")
    async def returns_an_object(job: Job) -> object:
        return object()

    (kept,) = rig.add(keep=timedelta(minutes=1))
    rig.add()
    await work_off(queue)

    assert rig.state(kept) is State.DEAD
    assert rig.totals() == {"enqueued": 2, "done": 1, "failed": 1, "dead": 1}


async def test_a_unique_job_can_be_added_again_once_it_is_done(rig: Rig) -> None:
    queue, running, go = queue_on(rig), asyncio.Event(), asyncio.Event()

    @queue.process("t")
    async def wait(job: Job) -> None:
        running.set()
        await go.wait()

    async with working(queue):
        first = await queue.add("t", {}, unique="key")
        await asyncio.wait_for(running.wait(), 10)
        assert await queue.add("t", {}, unique="key") == Receipt("q", first.id, duplicate=True)
        go.set()
        await counted(rig, done=1)
        assert not (await queue.add("t", {}, unique="key")).duplicate
        await counted(rig, done=2)


@pytest.mark.parametrize("concurrency", [1, 10])
async def test_a_worker_stops_after_max_jobs(rig: Rig, concurrency: int) -> None:
    queue, seen = queue_on(rig, concurrency=concurrency), list[int]()
    noting(queue, "async", seen)
    rig.add(30)

    worker = await work_off(queue, max_jobs=12)

    assert len(seen) == worker.done_count == 12
    assert len(rig.client.list_jobs("q", State.READY).jobs) == 18


async def test_burst_ends_on_an_empty_queue_and_runs_what_is_due(rig: Rig) -> None:
    queue, seen = queue_on(rig), list[int]()
    noting(queue, "async", seen)
    later, due = rig.add(2, delay=timedelta(hours=1))
    rig.make_due(due)

    await work_off(queue)

    assert seen == [1]
    assert rig.state(later) is State.SCHEDULED


async def test_burst_runs_what_it_gave_back_while_a_claim_was_on_its_way(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue, ran, gone_back = queue_on(rig, concurrency=1), list[int](), list[int]()

    async def give_back_late(client: AsyncClient, jobs: Sequence[Job]) -> list[Job]:
        gone_back.append(len(jobs))
        await until(lambda: count(worker) == len(jobs))  # all else is done
        return await give_back(client, jobs)

    @queue.process("t")
    async def note(job: Job) -> None:
        if job.payload["n"] == 1000:  # by now jobs are taken ahead: some wait here
            rig.raw.client_pause(400)  # the claim that is sent next will find nothing, and say so late
            await until(lambda: worker._slots.going_back)
        ran.append(job.payload["n"])

    rig.add(1031)
    monkeypatch.setattr(watchdog, "give_back", give_back_late)
    worker = make_worker([queue], replace(DEFAULTS, burst=True))
    await asyncio.wait_for(worker.run(), 20)

    assert gone_back
    assert sorted(ran) == list(range(1031))


async def test_burst_looks_for_a_claim_whose_answer_was_lost(rig: Rig) -> None:
    queue, ran = queue_on(rig), list[int]()

    @queue.process("t")
    async def note(job: Job) -> None:
        if not ran:
            subscription = worker.reporter.subscriptions["q"]
            rig.add(5)
            rig.run(work.claim(rig.keys, subscription.tenure.worker, work.Wanted(5)))
            subscription.unsure = True  # as after an error: the worker saw no answer
        ran.append(job.payload["n"])

    rig.add(1)
    worker = make_worker([queue], replace(DEFAULTS, burst=True))
    await asyncio.wait_for(worker.run(), 20)

    assert len(ran) == 6
    assert remains(rig.raw) == []


def count(worker: Worker) -> int:
    """How many jobs the worker has in its name, as it knows."""
    return sum(s.tenure.held_count for s in worker.reporter.subscriptions.values())


async def test_burst_does_not_end_while_a_queue_cannot_be_asked(rig: Rig) -> None:
    ran = list[str]()
    queues = [TaskQueue(name, redis=rig.url) for name in ("q", "r")]
    for queue in queues:

        @queue.process("t")
        async def note(job: Job) -> None:
            if not ran:  # as when the heartbeat gets no turn for a whole lease
                subscriptions = worker.reporter.subscriptions  # once all were asked:
                await until(lambda: int(worker.about(subscriptions["q"])["rounds"]) > 1)
                subscriptions["r"].beaten = 0.0
                rig.client.enqueue("r", "t", {})
            ran.append(job.queue)

    rig.client.enqueue("q", "t", {})
    worker = make_worker(queues, replace(DEFAULTS, burst=True, lease=timedelta(seconds=2)))
    await asyncio.wait_for(worker.run(), 20)

    assert ran == ["q", "r"]


async def test_a_worker_of_several_queues_serves_them_all(rig: Rig) -> None:
    seen = list[tuple[str, int]]()
    queues = [TaskQueue(name, redis=rig.url) for name in ("q", "r", "s")]
    for queue in queues:

        @queue.process("t")
        async def note(job: Job) -> None:
            seen.append((job.queue, job.payload["n"]))

        for n in range(200):
            rig.client.enqueue(queue.name, "t", {"n": n})
    worker = make_worker(queues, DEFAULTS)
    running = asyncio.create_task(worker.run())
    await until(lambda: len(seen) == 600)
    rig.client.enqueue("s", "t", {"n": -1})
    await until(lambda: ("s", -1) in seen, timeout=1)
    worker.stop()
    await running

    assert len(seen) == len(set(seen)) == 601
    assert all(rig.client.workers(queue.name) == [] for queue in queues)
