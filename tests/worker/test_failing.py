"""Attempts that fail: retries until the dead letter queue, time-outs, cancellation, and hostile entries."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from taskq_core import Backoff, Discard, Job, Retry, State
from tests.keyspace import remains
from tests.scripts.rig import Rig
from tests.waiting import until
from tests.worker.crew import counted, only_worker, queue_on, work_off, working

KINDS = ("async", "plain")
MS = timedelta(milliseconds=1)


@pytest.fixture
def go() -> Iterator[threading.Event]:
    """What handlers wait for that do not end by themselves; set at the end of the test at the latest."""
    event = threading.Event()
    yield event
    event.set()


class Unspeakable(Exception):
    """An error that cannot even be told."""

    def __str__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize("kind", KINDS)
async def test_a_job_is_tried_again_until_its_retries_are_used_up(rig: Rig, kind: str) -> None:
    queue, attempts = queue_on(rig, retries=2), list[int]()
    if kind == "async":

        @queue.process("t")
        async def fail(job: Job) -> None:
            attempts.append(job.attempt)
            raise ValueError("no")
    else:

        @queue.process("t")
        def fail_in_a_thread(job: Job) -> None:
            attempts.append(job.attempt)
            raise ValueError("no")

    (job_id,) = rig.add()
    async with working(queue):
        await counted(rig, dead=1)

    detail = rig.detail(job_id)
    assert attempts == [1, 2, 3]
    assert (detail.state, detail.attempts) == (State.DEAD, 3)
    assert detail.error is not None
    assert "raise ValueError" in detail.error.traceback
    assert rig.totals() == {"enqueued": 1, "failed": 3, "retried": 2, "dead": 1}


async def test_a_job_that_succeeds_in_the_end_is_done(rig: Rig) -> None:
    queue = queue_on(rig)

    @queue.process("t")
    async def third_time_lucky(job: Job) -> None:
        if job.attempt < 3:
            raise ValueError

    rig.add(20)
    async with working(queue):
        await counted(rig, done=20)

    assert rig.totals() == {"enqueued": 20, "failed": 40, "retried": 40, "done": 20}
    assert remains(rig.raw) == []


@pytest.mark.parametrize("says", ["job", "task", "queue"])
async def test_job_task_and_queue_say_how_often_in_this_order(rig: Rig, says: str) -> None:
    queue = queue_on(rig, retries=1)

    @queue.process("t", retries=2 if says != "queue" else None)
    async def fail(job: Job) -> None:
        raise ValueError

    rig.add(retries=3 if says == "job" else None)
    async with working(queue):
        await counted(rig, dead=1)

    assert rig.totals()["failed"] == {"job": 4, "task": 3, "queue": 2}[says]


async def test_backoff_grows_from_attempt_to_attempt(rig: Rig) -> None:
    queue = queue_on(rig, backoff=Backoff(base=timedelta(minutes=1), factor=10))

    @queue.process("t")
    async def fail(job: Job) -> None:
        raise ValueError

    (job_id,) = rig.add()
    delays = []
    for _ in range(2):
        await work_off(queue)
        due_at = rig.detail(job_id).due_at
        assert due_at is not None
        delays.append((due_at - rig.client.snapshot("q").at).total_seconds())
        rig.make_due(job_id)

    assert 40 < delays[0] <= 60
    assert 440 < delays[1] <= 600


async def test_a_handler_may_ask_for_another_attempt_at_a_time(rig: Rig) -> None:
    queue = queue_on(rig, retries=1)

    @queue.process("t")
    async def later(job: Job) -> None:
        raise Retry(timedelta(hours=1), "come back later")

    (job_id,) = rig.add()
    await work_off(queue)
    due_at = rig.detail(job_id).due_at
    assert due_at is not None
    assert 3500 < (due_at - rig.client.snapshot("q").at).total_seconds() <= 3600

    rig.make_due(job_id)
    await work_off(queue)

    error = rig.detail(job_id).error
    assert rig.state(job_id) is State.DEAD  # it counts as an attempt
    assert error is not None
    assert (error.type, error.message) == ("Retry", "come back later")


@pytest.mark.parametrize(
    ("task", "payload", "type_"),
    [("discards", {}, "Discard"), ("unknown", {}, "UnknownTask"), ("typed", {"x": "one"}, "InvalidPayload")],
)
async def test_what_no_attempt_can_mend_is_buried_at_once(
    rig: Rig, task: str, payload: dict[str, str], type_: str
) -> None:
    queue = queue_on(rig, retries=5)

    @queue.process("discards")
    async def discards(job: Job) -> None:
        raise Discard("never mind")

    @queue.task()
    async def typed(x: int) -> None: ...

    (job_id,) = rig.add(task=task, payload=payload)
    await work_off(queue)

    detail = rig.detail(job_id)
    assert detail.error is not None
    assert (detail.state, detail.attempts, detail.error.type) == (State.DEAD, 1, type_)


@pytest.mark.parametrize(
    "error",
    [
        Unspeakable(),
        SystemExit(1),
        KeyboardInterrupt(),
        asyncio.CancelledError(),
        ValueError("\ud800" * 9000),
    ],
    ids=["unspeakable", "exit", "interrupt", "cancelled", "surrogates"],
)
@pytest.mark.parametrize("kind", KINDS)
async def test_no_error_of_a_handler_ends_its_slot(rig: Rig, kind: str, error: BaseException) -> None:
    queue = queue_on(rig, retries=0, concurrency=1)
    if kind == "async":

        @queue.process("bad")
        async def bad(job: Job) -> None:
            raise error
    else:

        @queue.process("bad")
        def bad_in_a_thread(job: Job) -> None:
            raise error

    @queue.process("t")
    async def good(job: Job) -> None: ...

    (job_id,) = rig.add(task="bad")
    rig.add()
    await work_off(queue)

    assert rig.totals() == {"enqueued": 2, "failed": 1, "dead": 1, "done": 1}
    failure = rig.detail(job_id).error
    assert failure is not None
    assert failure.type == type(error).__name__


# -- time-outs --------------------------------------------------------------------------------------


async def test_a_timed_out_handler_is_cancelled_and_the_job_tried_again(rig: Rig) -> None:
    queue, cancelled = queue_on(rig, retries=1, concurrency=1), list[int]()

    @queue.process("t", timeout=100 * MS)
    async def hang(job: Job) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append(job.attempt)
            raise

    (job_id,) = rig.add()
    async with working(queue):
        await counted(rig, dead=1)

    error = rig.detail(job_id).error
    assert cancelled == [1, 2]
    assert error is not None
    assert (error.type, error.message) == ("JobTimeout", "ran longer than 0.1 s")


async def test_a_time_out_leaves_no_trace_in_its_slot(rig: Rig) -> None:
    queue = queue_on(rig, retries=0, concurrency=1)

    @queue.process("hangs", timeout=60 * MS)
    async def hangs(job: Job) -> None:
        await asyncio.sleep(60)

    @queue.process("groups")
    async def groups(job: Job) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(fail())
            await asyncio.sleep(60)

    async def fail() -> None:
        raise ValueError("in a child")

    rig.add(task="hangs")
    (job_id,) = rig.add(task="groups")
    await work_off(queue)

    error = rig.detail(job_id).error
    assert error is not None
    assert error.type == "ExceptionGroup"  # and not a cancellation that was meant for the job before


async def test_a_handler_that_ends_in_time_is_not_disturbed(rig: Rig) -> None:
    queue = queue_on(rig, concurrency=1)

    @queue.process("t", timeout=300 * MS)
    async def wait(job: Job) -> None:
        await asyncio.sleep(0.1)

    rig.add(5)
    await work_off(queue)

    assert rig.totals() == {"enqueued": 5, "done": 5}


@pytest.mark.parametrize("kind", KINDS)
async def test_the_slot_of_a_handler_that_will_not_stop_is_freed(
    rig: Rig, kind: str, go: threading.Event
) -> None:
    queue, ignored = queue_on(rig, retries=0, concurrency=1), asyncio.Event()
    if kind == "async":

        @queue.process("hangs", timeout=100 * MS)
        async def hangs(job: Job) -> None:
            while not go.is_set():
                try:
                    await asyncio.sleep(0.01)
                except asyncio.CancelledError:
                    ignored.set()
    else:

        @queue.process("hangs", timeout=100 * MS)
        def hangs_in_a_thread(job: Job) -> None:
            go.wait()

    @queue.process("t")
    def good(job: Job) -> None: ...

    (stuck,) = rig.add(task="hangs")
    async with working(queue):
        rig.add(3)
        await counted(rig, dead=1, done=3)
        go.set()
        await until(lambda: remains(rig.raw)[:1] and rig.state(stuck) is State.DEAD)

    assert ignored.is_set() is (kind == "async")
    assert rig.totals() == {"enqueued": 4, "done": 3, "failed": 1, "dead": 1}


# -- cancellation -----------------------------------------------------------------------------------


async def test_a_running_job_is_cancelled_and_its_worker_goes_on(rig: Rig) -> None:
    queue, running = queue_on(rig, concurrency=1), asyncio.Event()

    @queue.process("hangs")
    async def hangs(job: Job) -> None:
        running.set()
        await asyncio.sleep(60)

    @queue.process("t")
    async def good(job: Job) -> None: ...

    (job_id,) = rig.add(task="hangs", keep=timedelta(minutes=1), unique="key")
    async with working(queue):
        await asyncio.wait_for(running.wait(), 10)
        rig.add()
        assert rig.client.cancel("q", [job_id])[0].found == "running"
        await counted(rig, cancelled=1, done=1)

    assert rig.state(job_id) is State.CANCELLED
    assert remains(rig.raw) == []
    assert rig.raw.exists(rig.keys.unique("key")) == 0


async def test_a_job_that_waits_in_the_worker_is_cancelled_before_it_starts(rig: Rig) -> None:
    queue, started, go = queue_on(rig, concurrency=1), list[str](), asyncio.Event()

    @queue.process("quick")
    async def quick(job: Job) -> None: ...

    @queue.process("t")
    async def wait(job: Job) -> None:
        started.append(job.id)
        await go.wait()

    rig.add(2000, task="quick")
    ids = rig.add(3)
    async with working(queue):
        await until(lambda: started)
        assert [change.done for change in rig.client.cancel("q", ids[1:])] == [True, True]
        await counted(rig, cancelled=2)
        go.set()
        await counted(rig, done=2001, cancelled=2)

    assert started == ids[:1]


async def test_an_order_that_cannot_be_read_or_carried_out_is_ignored(rig: Rig) -> None:
    queue = queue_on(rig)

    @queue.process("t")
    async def good(job: Job) -> None: ...

    async with working(queue):
        told = rig.keys.told(await only_worker(rig))
        for order in (b"{", b"[]", b'{"cancel":5}', b'{"cancel":"n1-0"}', b"\xff", b'{"other":"x"}'):
            rig.raw.rpush(told, order)
        await until(lambda: not rig.raw.exists(told))
        rig.add()
        await counted(rig, done=1)


async def test_a_plain_function_that_runs_is_not_interrupted_by_cancel(rig: Rig, go: threading.Event) -> None:
    queue, running = queue_on(rig, concurrency=1), threading.Event()

    @queue.process("t")
    def wait(job: Job) -> None:
        running.set()
        go.wait()

    (job_id,) = rig.add()
    async with working(queue):
        await until(running.is_set)
        told = rig.keys.told(await only_worker(rig))
        rig.client.cancel("q", [job_id])
        await until(lambda: not rig.raw.exists(told))
        go.set()
        await counted(rig, done=1)
        running.clear()
        rig.add()
        await counted(rig, done=2)
