"""Groups and chains with real workers: one callback, results passed on, and kill -9 loses nothing."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from taskq_core import (
    Client,
    Discard,
    GroupRef,
    GroupState,
    Job,
    JobOptions,
    NewJob,
    Refused,
    State,
    TaskQueue,
)
from tests.conftest import NewServer, Spawn
from tests.processes import Program, taskq_command
from tests.proxy import Proxy
from tests.scripts.grouping import info
from tests.scripts.rig import Rig
from tests.servers import KINDS, Server
from tests.waiting import until, wait_until
from tests.worker.crew import counted, queue_on, work_off, working


def reporting(queue: TaskQueue) -> list[Job]:
    """Notes the callbacks of the queue that ran."""
    ran: list[Job] = []

    @queue.process("report")
    async def report(job: Job) -> None:
        ran.append(job)

    return ran


async def test_the_callback_of_many_members_runs_once_after_all_of_them(rig: Rig) -> None:
    queue, seen = queue_on(rig), list[int]()
    ran = reporting(queue)

    @queue.process("row")
    async def row(job: Job) -> None:
        assert not ran
        seen.append(job.payload["n"])

    payloads = [{"n": n} for n in range(2500)]
    await queue.add_many("row", payloads, group="import:42", callback=NewJob("report", {"of": 42}))
    with pytest.raises(Refused):
        await queue.add_many("row", payloads, group="import:42", callback=NewJob("report", {"of": 42}))
    await work_off(queue)

    assert sorted(seen) == list(range(2500))
    (callback,) = ran
    assert (callback.payload, callback.completes) == ({"of": 42}, "import:42")
    assert rig.totals() == {"enqueued": 2501, "done": 2501}
    assert info(rig, "import:42").state is GroupState.FINISHED


@pytest.mark.parametrize("sync", [False, True])
async def test_a_group_is_filled_over_several_calls_and_sealed_at_the_end(rig: Rig, sync: bool) -> None:
    queue = queue_on(rig)
    ran = reporting(queue)

    @queue.task()
    def row(n: int) -> None:
        assert n >= 0

    async with working(queue):
        if sync:
            with queue.group("g", callback=NewJob("report", {})) as group:
                group.add_sync("row", {"n": 1})
                group.add_many_sync("row", [{"n": 2}, {"n": 3}])
                row.options(group=group.id).add_sync(4)
                await counted(rig, done=4)
                assert group.info_sync().state is GroupState.OPEN
        else:
            async with queue.group("g", callback=NewJob("report", {})) as group:
                await group.add("row", {"n": 1})
                await group.add_many("row", [{"n": 2}, {"n": 3}])
                await row.options(group=group.id).add(4)
                await counted(rig, done=4)
                assert (await group.info()).state is GroupState.OPEN
        await until(lambda: ran)
    assert (len(ran), info(rig).done) == (1, 4)


async def test_an_error_inside_leaves_the_group_open(rig: Rig) -> None:
    queue = queue_on(rig)

    async def fill() -> None:
        async with queue.group("g", callback=NewJob("report", {})) as group:
            await group.add("row", {})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fill()
    assert info(rig).state is GroupState.OPEN
    await queue.close()


async def test_an_empty_group_runs_its_callback_at_once(rig: Rig) -> None:
    queue = queue_on(rig)
    ran = reporting(queue)
    await queue.add_many("row", [], group="g", callback=NewJob("report", {}))
    await work_off(queue)
    assert len(ran) == 1


@pytest.mark.parametrize("kind", ["async", "plain"])
async def test_a_chain_passes_results_on(rig: Rig, kind: str) -> None:
    queue, seen = queue_on(rig), list[Any]()

    @queue.task()
    async def fetch(url: str) -> dict[str, object]:
        return {"url": url, "size": 3}

    if kind == "async":

        @queue.task(name="resize")
        async def resize(job: Job, width: int) -> int:
            return int(job.previous["size"]) * width
    else:

        @queue.task(name="resize")
        def resize(job: Job, width: int) -> int:
            return int(job.previous["size"]) * width

    @queue.process("notify")
    async def notify(job: Job) -> None:
        seen.append((job.previous, job.after and job.after.queue, job.attempt))

    await queue.chain(fetch.job("a"), resize.options(retries=1).job(width=5), NewJob("notify", {}))
    await fetch.options(then=[NewJob("notify", {})]).add("b")
    queue.chain_sync(NewJob("fetch", {"url": "c"}), NewJob("notify", {}, JobOptions(priority="low")))
    await work_off(queue)

    assert sorted(map(str, seen)) == sorted(
        map(str, [(15, "q", 1), ({"url": "b", "size": 3}, "q", 1), ({"url": "c", "size": 3}, "q", 1)])
    )


async def test_a_failing_link_is_visible_and_the_chain_goes_on_when_it_is_retried(rig: Rig) -> None:
    queue, broken = queue_on(rig, retries=1), [True]
    ran = reporting(queue)

    @queue.process("first")
    async def first(job: Job) -> list[int]:
        return [1]

    @queue.process("second")
    async def second(job: Job) -> int:
        if broken[0]:
            raise ValueError("no")
        return len(job.previous)

    async with working(queue):
        await queue.add_many(
            "first",
            [{}],
            group="g",
            callback=NewJob("report", {}),
            then=[NewJob("second", {}), NewJob("second", {})],
        )
        broken[0] = True
        await counted(rig, dead=1)
        (dead,) = rig.client.list_jobs("q", State.DEAD).jobs
        assert (dead.task, dead.group, dead.then, dead.previous) == ("second", "g", ("second",), b"[1]")
        assert (info(rig).state, ran) == (GroupState.FAILED, [])
        broken[0] = False
        rig.client.retry("q", [dead.ref.id])
        await counted(rig, dead=2)  # the next one is given a number, which has no length
    assert info(rig).dead == 1


async def test_a_result_that_cannot_be_passed_on_fails_the_job(rig: Rig) -> None:
    queue = queue_on(rig, retries=0)

    @queue.process("object")
    async def an_object(job: Job) -> object:
        return object()

    @queue.process("large")
    async def large(job: Job) -> str:
        return "x" * 300_000

    for task in ("object", "large"):
        await queue.chain(NewJob(task, {}), NewJob("later", {}))
    await work_off(queue)

    errors = {job.task: job.error.message for job in rig.client.list_jobs("q", State.DEAD).jobs if job.error}
    assert "JSON" in errors["object"]
    assert "passed on" in errors["large"]
    assert rig.totals() == {"enqueued": 2, "failed": 2, "dead": 2}


async def test_a_member_that_is_cancelled_while_it_runs_is_counted(rig: Rig) -> None:
    queue, running = queue_on(rig), asyncio.Event()

    @queue.process("long")
    async def long(job: Job) -> None:
        running.set()
        await asyncio.sleep(60)

    async with working(queue):
        receipts = await queue.add_many("long", [{}], group="g", callback=NewJob("report", {}))
        await asyncio.wait_for(running.wait(), 20)
        rig.client.cancel("q", [receipts[0].id])
        await until(lambda: info(rig).cancelled)
    assert info(rig).state is GroupState.STUCK


async def test_dead_members_do_not_hold_a_group_up_that_takes_any_end(rig: Rig) -> None:
    queue = queue_on(rig)
    ran = reporting(queue)

    @queue.process("row")
    async def row(job: Job) -> None:
        if job.payload["n"] % 2:
            raise Discard("odd")

    payloads = [{"n": n} for n in range(10)]
    await queue.add_many("row", payloads, group="g", callback=NewJob("report", {}), when="ended")
    await work_off(queue)
    assert (len(ran), info(rig).dead, info(rig).done) == (1, 5, 5)


SEEDS = range(int(os.environ.get("TASKQ_GROUP_SEEDS", "1")))
"""Moments at which a worker is killed; more are tried by setting the variable."""

# -- crashes -----------------------------------------------------------------------------------------

APP = """
import os
from datetime import timedelta
from taskq_core import Job, TaskQueue

queue = TaskQueue("q", retries=3)

@queue.process("row")
async def row(job: Job) -> int:
    return job.payload["n"]

@queue.process("next")
async def following(job: Job) -> int:
    assert job.previous is not None
    return job.previous

@queue.process("report")
async def report(job: Job) -> None:
    print("report of", job.completes, job.id, flush=True)
"""


def worker(spawn: Spawn, folder: Path, url: str) -> Program:
    (folder / "app.py").write_text(APP)
    return spawn([*taskq_command(), "worker", "app.py", "--lease", "1s", "-c", "5"], url)


def fill(client: Client, count: int = 400) -> None:
    queue = TaskQueue("q", redis=client.url)
    payloads = [{"n": n} for n in range(count)]
    later = [NewJob("next", {})]
    queue.add_many_sync("row", payloads, group="g", callback=NewJob("report", {}), then=later)
    queue.close_sync()


def reports(workers: list[Program]) -> set[str]:
    """Callback jobs that ran; one may have run twice."""
    lines = [line for each in workers for line in each.stdout.splitlines() if line.startswith("report")]
    return {line.split()[-1] for line in lines}


class End(NamedTuple):
    """What became of it all."""

    total: int
    done: int
    dead: int
    enqueued: int
    callback_ran: bool


WELL = End(total=400, done=400, dead=0, enqueued=801, callback_ran=True)
"""One callback, and no link of a chain twice or never."""


def end_of_all(client: Client, workers: list[Program]) -> End:
    """Once the group has ended and the queue is idle."""
    ref = GroupRef("q", "g")
    wait_until(lambda: client.groups.get(ref).finished_at, 60, "the end of the group")
    found = client.groups.get(ref)
    wait_until(lambda: reports(workers), 60, "the callback")
    wait_until(lambda: client.snapshot("q").totals.get("done") == 801, 60, "an idle queue")
    only = found.job is not None and reports(workers) == {found.job.id}
    return End(found.total, found.done, found.dead, client.snapshot("q").totals["enqueued"], only)


@pytest.mark.parametrize("seed", SEEDS)
def test_workers_killed_at_any_step_lose_no_member_and_enqueue_one_callback(
    server: Server, spawn: Spawn, tmp_path: Path, seed: int
) -> None:
    numbers = random.Random(seed)
    with Client(server.url) as client:
        fill(client)
        ref, workers = GroupRef("q", "g"), [worker(spawn, tmp_path, server.url)]
        goal = numbers.randrange(1, 395)
        wait_until(lambda: client.groups.get(ref).done >= goal, 60, "members")
        os.killpg(workers[-1].pid, signal.SIGKILL)
        workers.append(worker(spawn, tmp_path, server.url))
        assert end_of_all(client, workers) == WELL


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_killed_at_any_step_loses_no_member_and_enqueues_one_callback(
    new_server: NewServer, spawn: Spawn, tmp_path: Path, kind: str
) -> None:
    server = new_server(kind, aof=True)
    with Client(server.url, deadline=30) as client:
        fill(client)
        ref, workers = GroupRef("q", "g"), [worker(spawn, tmp_path, server.url)]
        for goal in (20, 200, 390):
            wait_until(lambda goal=goal: client.groups.get(ref).done >= goal, 60, "members")  # type: ignore[misc] # bound early
            server.kill()
            server.start()
        assert end_of_all(client, workers) == WELL


async def test_ends_whose_answers_are_lost_count_once(server: Server) -> None:
    rig = Rig(server, 2)
    with Proxy(server) as proxy:
        queue = TaskQueue("q", redis=proxy.url, concurrency=3)
        ran = reporting(queue)

        @queue.process("row")
        async def row(job: Job) -> int:
            return 1

        fill_in = [{"n": n} for n in range(300)]
        later = [NewJob("row", {})]
        await queue.add_many("row", fill_in, group="g", callback=NewJob("report", {}), then=later)
        async with working(queue, lease=timedelta(seconds=5)):
            for goal in (20, 80, 140, 200):
                await until(lambda goal=goal: info(rig).done >= goal, 30)  # type: ignore[misc] # bound early
                proxy.lose(1)
            await until(lambda: ran, 30)
        assert proxy.lost >= 1  # the last ones may find nothing left to lose
    assert (info(rig).done, len(ran), rig.totals()["enqueued"]) == (300, 1, 601)
    rig.client.close()
