"""A server that forgets, is full, goes away or is written to by others: workers go on, nothing is lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from taskq_core import Job, ServerFull
from tests.conftest import NewServer
from tests.keyspace import remains
from tests.scripts.rig import Rig
from tests.servers import KINDS, Server
from tests.waiting import until
from tests.worker.crew import counted, queue_on, working


async def test_scripts_flushed_over_and_over_cost_nothing(rig: Rig) -> None:
    queue, runs = queue_on(rig), Counter[int]()

    @queue.process("t")
    async def note(job: Job) -> None:
        await asyncio.sleep(0)
        runs[job.payload["n"]] += 1

    rig.add(3000)
    async with working(queue):
        while rig.totals().get("done", 0) < 3000:
            rig.raw.script_flush()
            await asyncio.sleep(0.002)

    assert len(runs) == 3000
    assert set(runs.values()) == {1}
    assert remains(rig.raw) == []


@pytest.mark.parametrize("damage", ["flushall", "streams", "groups"])
async def test_jobs_added_after_the_keys_were_deleted_run(rig: Rig, damage: str) -> None:
    queue, ran = queue_on(rig), set[str]()

    @queue.process("t")
    async def note(job: Job) -> None:
        await asyncio.sleep(0.001)
        ran.add(job.id)

    async with working(queue):
        rig.add(2000)
        await until(lambda: len(ran) > 50)
        if damage == "flushall":
            rig.raw.flushall()
        elif damage == "streams":
            rig.raw.delete(*rig.keys.streams)
        else:
            for stream in rig.keys.streams:
                rig.raw.xgroup_destroy(stream, "w")
        later = rig.add(20) + rig.add(5, priority="low") + rig.add(5, delay=timedelta(milliseconds=20))
        await until(lambda: ran.issuperset(later), timeout=5)
        assert rig.client.queues() == ["q"]


@pytest.mark.foreign_keys
async def test_a_key_of_another_type_stops_nobody_for_longer_than_it_lies_there(rig: Rig) -> None:
    queue, ran = queue_on(rig), set[str]()

    @queue.process("t")
    async def note(job: Job) -> None:
        ran.add(job.id)

    rig.raw.set(rig.keys.streams[2], "somebody else's")
    async with working(queue) as (worker,):
        rig.add(1, priority="low")
        await until(lambda: rig.raw.exists(rig.keys.streams[3]))
        assert not worker.done()
        rig.raw.delete(rig.keys.streams[2])
        rig.add()
        await until(lambda: len(ran) == 2, timeout=5)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_new_worker_drains_a_full_server(kind: str, new_server: NewServer) -> None:
    rig = Rig(new_server(kind, "--maxmemory-policy", "noeviction"), 2)
    queue = queue_on(rig)

    @queue.process("t")
    async def twice(job: Job) -> None:
        if job.attempt == 1 and job.payload["n"] < 5:
            raise ValueError

    rig.add(50)
    rig.raw.config_set("maxmemory", 1_000_000)
    with pytest.raises(ServerFull):
        rig.add()
    async with working(queue, lease=timedelta(seconds=1)):
        await counted(rig, done=50)
    rig.client.close()

    assert rig.totals() == {"enqueued": 50, "failed": 5, "retried": 5, "done": 50}


async def test_a_server_killed_and_started_again_loses_nothing(durable_server: Server) -> None:
    rig = Rig(durable_server, 2)
    queue, runs = queue_on(rig, concurrency=20), Counter[str]()

    @queue.process("t")
    async def note(job: Job) -> None:
        await asyncio.sleep(0.005)
        runs[job.id] += 1

    async with working(queue, lease=timedelta(seconds=2)):
        ids = rig.add(1500)
        for kill in (300, 700):
            await until(lambda n=kill: len(runs) > n)  # type: ignore[misc] # a default binds early
            durable_server.kill()
            durable_server.start()
        ids += rig.add(10)
        await counted(rig, done=1510)
    rig.client.close()

    assert set(runs) == set(ids)
    assert sum(runs.values()) <= 1510 + 2 * 20  # no more than was in flight at each kill
    assert remains(rig.raw) == []


async def test_a_worker_started_before_its_server_waits_for_it(new_server: NewServer) -> None:
    server = new_server("valkey")
    server.kill()
    rig = Rig(server, 2)
    queue, ran = queue_on(rig), asyncio.Event()

    @queue.process("t")
    async def note(job: Job) -> None:
        ran.set()

    async with working(queue) as (worker,):
        await asyncio.sleep(0.1)
        assert not worker.done()
        server.start()
        rig.add()
        await asyncio.wait_for(ran.wait(), 5)
    rig.client.close()


async def test_a_frozen_server_costs_no_job(new_server: NewServer) -> None:
    server = new_server("redis")
    rig = Rig(server, 2)
    queue, runs = queue_on(rig, concurrency=4), Counter[str]()

    @queue.process("t")
    async def note(job: Job) -> None:
        await asyncio.sleep(0.002)
        runs[job.id] += 1

    async with working(queue, lease=timedelta(seconds=1)):
        ids = rig.add(500)
        await until(lambda: len(runs) > 20)
        with server.frozen():
            await asyncio.sleep(2.5)  # more than two leases
        await counted(rig, done=500)
    rig.client.close()

    assert set(runs) == set(ids)
    assert sum(runs.values()) == 500


async def test_a_plain_xadd_is_a_job(rig: Rig) -> None:
    """The short form of docs/wire-format.md, with and without options beside the payload."""
    queue, seen = queue_on(rig), list[tuple[str, object, int | None]]()

    @queue.process("send-email")
    async def note(job: Job) -> None:
        seen.append((job.id, job.payload, job.meta.retries))

    plain = rig.raw.execute_command("XADD", "taskq:{default/q}:n", "*", "send-email", '{"to": "a@b.c"}')
    async with working(queue):
        await until(lambda: len(seen) == 1)
        beside = rig.raw.execute_command(
            "XADD", "taskq:{default/q}:h", "*", "send-email", "{}", "@", '{"r":5,"t":30000}'
        )
        await until(lambda: len(seen) == 2, timeout=2)
        await counted(rig, done=2)
        assert rig.client.queues() == ["q"]

    assert seen == [(f"n{plain.decode()}", {"to": "a@b.c"}, None), (f"h{beside.decode()}", {}, 5)]
    assert remains(rig.raw) == []
