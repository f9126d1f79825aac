from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from taskq_core import Backoff, Discard, InvalidPayload, Job, Retry, TaskQueue, UnknownTask
from taskq_core.testing import drain, live_queue, make_job, run_job, run_job_sync
from tests.servers import Server


def application() -> tuple[TaskQueue, list[str]]:
    queue = TaskQueue("emails", retries=2, backoff=Backoff(base=timedelta(hours=1)))
    ran: list[str] = []

    @queue.process("raw")
    async def raw(job: Job) -> dict[str, object]:
        return {"payload": job.payload, "attempt": job.attempt, "priority": str(job.priority), "id": job.id}

    @queue.process("plain")
    def plain(job: Job) -> str:
        ran.append(job.task)
        return threading.current_thread().name

    @queue.task()
    async def welcome(to: str, copies: int = 1) -> str:
        ran.append(to)
        return to * copies

    @queue.process("flaky")
    async def flaky(job: Job) -> None:
        ran.append(f"flaky {job.attempt}")
        if job.attempt < 3:
            raise Retry(timedelta(hours=1))

    @queue.process("hopeless")
    async def hopeless(job: Job) -> None:
        raise Discard("no such user")

    return queue, ran


async def test_a_handler_gets_the_job_as_a_worker_would_build_it() -> None:
    queue, _ = application()

    seen = await run_job(queue, "raw", b'{"to": "a@b.c"}', attempt=3)

    assert seen["payload"] == {"to": "a@b.c"}
    assert seen["attempt"] == 3
    assert seen["priority"] == "normal"
    assert make_job(queue, "raw", {}, priority="critical").id.startswith("c")


async def test_a_typed_task_gets_its_arguments_with_their_defaults() -> None:
    queue, _ = application()

    assert await run_job(queue, "welcome", {"to": "ab"}) == "ab"
    assert await run_job(queue, "welcome", {"to": "ab", "copies": 2}) == "abab"


async def test_a_plain_function_runs_in_a_thread() -> None:
    queue, _ = application()

    assert await run_job(queue, "plain", {}) != threading.main_thread().name


def test_a_test_that_is_no_coroutine_can_run_a_job() -> None:
    queue, _ = application()

    assert run_job_sync(queue, "welcome", {"to": "x"}) == "x"


async def test_what_a_worker_would_refuse_is_refused() -> None:
    queue, ran = application()

    with pytest.raises(UnknownTask) as unknown:
        await run_job(queue, "welcom", {})
    assert "welcome" in unknown.value.known
    for payload in ({}, {"to": 1}, {"to": "x", "cc": "y"}, b"[1]", "no json"):
        with pytest.raises(InvalidPayload):
            await run_job(queue, "welcome", payload)
    assert ran == []


async def test_what_the_handler_raises_reaches_the_test() -> None:
    queue, _ = application()

    with pytest.raises(Retry):
        await run_job(queue, "flaky", {}, attempt=2)
    with pytest.raises(Discard):
        await run_job(queue, "hopeless", {})


async def test_a_live_queue_is_worked_on_the_given_server_and_leaves_nothing(server: Server) -> None:
    queue, ran = application()
    before = queue.namespace

    async with live_queue(queue, server.url):
        await queue.add("welcome", {"to": "a"})
        await queue.add_many("welcome", [{"to": "b"}, {"to": "c"}])
        counts = await drain(queue)

    assert (counts.done, counts.failed) == (3, 0)
    assert sorted(ran) == ["a", "b", "c"]
    assert queue.namespace == before
    assert [key for key in server.raw.scan_iter() if server.raw.ttl(key) == -1] == []


async def test_drain_leaves_later_attempts_alone_unless_asked(server: Server) -> None:
    queue, ran = application()

    async with live_queue(queue, server.url):
        await queue.add("flaky", {})
        await queue.add("welcome", {"to": "later"}, delay=timedelta(hours=1))
        first = await drain(queue)
        waiting = (await queue.async_client.snapshot(queue.name)).scheduled
        rest = await drain(queue, scheduled=True)

    assert (first.done, first.failed, waiting) == (0, 1, 2)
    assert (rest.done, rest.failed) == (2, 1)
    assert ran[0] == "flaky 1"
    assert sorted(ran) == ["flaky 1", "flaky 2", "flaky 3", "later"]


async def test_two_live_queues_on_one_server_do_not_see_each_other(any_server: Server) -> None:
    one, ran_one = application()
    two, ran_two = application()

    async with live_queue(one, any_server.url), live_queue(two, any_server.url):
        await one.add("welcome", {"to": "one"})
        await drain(two)
        await drain(one)

    assert (ran_one, ran_two) == (["one"], [])
