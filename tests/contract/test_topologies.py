"""All that one server can do, on a primary that sentinels watch, and on a cluster."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from taskq_core import (
    AsyncClient,
    Client,
    NotFound,
    Schedule,
    ScheduleRef,
    State,
    Tail,
    TaskQueue,
    UsageError,
    WorkerOptions,
)
from taskq_core.queue import make_worker
from taskq_core.routing import slot_of
from taskq_core.wire import open_wire
from tests.conftest import Spawn, Taskq
from tests.groups import Cluster, Group, cluster, sentinels
from tests.processes import taskq_command
from tests.servers import KINDS
from tests.waiting import until, wait_until

APP = """
from taskq_core import TaskQueue

def served(name):
    queue = TaskQueue(name, retries=0)

    @queue.process("note")
    async def note(job):
        return job.payload

    @queue.process("fail")
    async def fail(job):
        raise ValueError("no")

    return queue

queues = [served(name) for name in %r]
"""


@pytest.fixture(scope="module", params=[f"sentinels {KINDS[-1]}", f"cluster {KINDS[0]}"])
def group(request: pytest.FixtureRequest) -> Iterator[Group]:
    """Sentinels, then a cluster without replicas."""
    form, kind = request.param.split()
    with sentinels(kind) if form == "sentinels" else cluster(kind, replicas=False) as made:
        yield made


@pytest.fixture
def queues(group: Group) -> Iterator[list[str]]:
    """Three queues, on three nodes where there are as many; empty."""
    names = group.queues_apart() if isinstance(group, Cluster) else ["a", "b", "c"]
    with Client(group.url) as client:
        for name in client.queues():
            client.remove(name)
        yield names


def test_jobs_go_through_their_whole_life(group: Group, queues: list[str]) -> None:
    with Client(group.url) as client:
        for name in queues:
            queue = TaskQueue(name, redis=group.url, retries=0)
            queue.process("note")(lambda job: job.payload)
            queue.process("fail")(lambda job: 1 // 0)
            good = queue.add_sync("note", {"n": 1}, keep=timedelta(minutes=1))
            late = queue.add_sync("note", {}, delay=timedelta(hours=1))
            bad = queue.add_many_sync("fail", [{"n": n} for n in range(5)])
            assert client.inspect(good.ref).task == "note"
            queue.run(WorkerOptions(burst=True))
            queue.close_sync()
            assert client.inspect(good.ref).state is State.DONE
            assert len(client.list_jobs(name, State.DEAD).jobs) == len(bad)
            assert client.cancel(name, [late.id])[0].done
            assert client.retry(name, [bad[0].id])[0].done
        shots = client.snapshots(queues, minutes=5)
        assert [(shot.ready_total, shot.totals["done"]) for shot in shots] == [(1, 1)] * 3
        assert client.queues() == sorted(queues)


def test_one_worker_serves_queues_wherever_they_are(
    group: Group, queues: list[str], spawn: Spawn, taskq: Taskq, tmp_path: Path
) -> None:
    (tmp_path / "app.py").write_text(APP % (queues,))
    worker = spawn([*taskq_command(), "worker", "app:queues", "--grace", "1s"], group.url)
    with Client(group.url) as client:
        wait_until(lambda: len(client.workers_of(queues)) == 3, 20, "the worker")
        for name in queues:
            client.enqueue_many(name, "note", [{"n": n} for n in range(200)])
            client.enqueue(name, "fail", {})
        wait_until(lambda: all(_ended(client, name) == 201 for name in queues), 20, "the jobs")
        # an idle worker is woken, whichever queue it is
        waited = [taskq("enqueue", "note", "-q", name, "--wait=5s", url=group.url) for name in queues]
        assert [done.returncode for done in waited] == [0, 0, 0], waited[0].stderr
        shown = taskq("queue", "ls", "-o", "ndjson", url=group.url).stdout.splitlines()
        assert {json.loads(line)["queue"] for line in shown} == set(queues)
        assert "ValueError" in taskq("failures", "--group", url=group.url).stdout
        once = taskq("top", "--once", url=group.url)
        assert once.returncode == 0, once.stderr
        assert all(name in once.stdout for name in queues)
        assert taskq("workers", "stop", "--all", "--yes", url=group.url).returncode == 0
        assert worker.wait() == 0


def test_schedules_live_with_their_queues(group: Group, queues: list[str]) -> None:
    with Client(group.url) as client:
        for name in queues:
            assert client.schedules.add(name, Schedule("beat", "every 1s", "note", {"n": 1})) == "created"
            assert client.schedules.trigger(ScheduleRef(name, "beat")).queue == name
        found = client.schedules.list(queues)
        assert [info.ref.queue for info in found] == queues
        shops = [TaskQueue(name, redis=group.url, retries=0) for name in queues]
        for shop in shops:
            shop.process("note")(lambda job: job.payload)
        worker = make_worker(shops, WorkerOptions(grace=timedelta(seconds=1)))

        async def until_all_fired() -> None:
            async def fired() -> bool:
                infos = await asyncio.to_thread(client.schedules.list, queues)
                return all(info.fired >= 2 for info in infos)

            working = asyncio.create_task(worker.run())
            await until(fired, 30, "every schedule")
            worker.stop()
            await working

        asyncio.run(until_all_fired())
        for name in queues:
            assert client.schedules.remove(ScheduleRef(name, "beat"))


def _ended(client: Client, queue: str) -> int:
    totals = client.snapshot(queue).totals
    return totals.get("done", 0) + totals.get("dead", 0)


async def test_asyncio_does_the_same(group: Group, queues: list[str]) -> None:
    async with AsyncClient(group.url) as client:
        receipts = [await client.enqueue(name, "note", {}) for name in queues]
        shots = await client.snapshots(queues)
        assert [shot.ready_total for shot in shots] == [1, 1, 1]
        assert {(await client.inspect(receipt.ref)).state for receipt in receipts} == {State.READY}
        with pytest.raises(NotFound):
            await client.inspect(type(receipts[0].ref)(queues[0], "n1-0"))
        assert await client.queues() == sorted(queues)


async def test_what_ends_is_followed_in_all_queues(group: Group, queues: list[str]) -> None:
    tail = Tail()
    async with AsyncClient(group.url) as client:
        await client.follow(tail, queues, wait=timedelta(milliseconds=1))
        jobs = [await client.enqueue(name, "note", {}) for name in queues]
        for job in jobs:
            await client.cancel(job.queue, [job.id])
        seen: set[str] = set()

        async def all_seen() -> bool:
            seen.update(event.queue for event in await client.follow(tail, queues))
            return seen == set(queues)

        await until(all_seen, 10, "the events")
        # nothing more: the call waits as long as it was told
        begun = asyncio.get_running_loop().time()
        assert await client.follow(tail, queues, wait=timedelta(milliseconds=300)) == []
        assert 0.25 < asyncio.get_running_loop().time() - begun < 2


def test_the_sync_client_follows_too(group: Group, queues: list[str]) -> None:
    tail = Tail(failures_only=True)
    with Client(group.url) as client:
        assert client.follow(tail, queues, wait=timedelta(milliseconds=120)) == []


def test_a_service_nobody_knows_is_an_error_of_the_caller(group: Group) -> None:
    if isinstance(group, Cluster):
        with pytest.raises(UsageError):
            Client(f"{group.url}/jobs")
        return
    with Client(group.url.replace("/jobs", "/other")) as client, pytest.raises(UsageError, match="'other'"):
        client.queues()


@pytest.mark.parametrize("kind", KINDS)
def test_a_slot_that_moves_is_followed(kind: str) -> None:
    with cluster(kind, replicas=False) as group, Client(group.url) as client:
        client.enqueue_many("q", "t", [{"n": n} for n in range(50)])
        source = group.primary_of("q")
        target = next(node for node in group.primaries if node is not source)
        slot = slot_of("{default/q}")
        name = target.raw.execute_command("CLUSTER", "MYID")
        with closing(open_wire(group.url, 5)) as wire:
            wire.call("EXISTS", "{default/q}")  # the map is known
            # while it moves, keys that are not there yet are asked for elsewhere
            here = source.raw.execute_command("CLUSTER", "MYID")
            target.raw.execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", here)
            source.raw.execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", name)
            calls = [("SET", "{default/q}x", "1"), ("GET", "{default/q}x"), ("PING",)]
            assert wire.pipeline(calls) == [b"OK", b"1", b"PONG"]
            assert target.raw.execute_command("CLUSTER", "GETKEYSINSLOT", slot, 10) == [b"{default/q}x"]
            wire.call("DEL", "{default/q}x")
            group.move_slot(slot, source, target)
            assert wire.pipeline([("EXISTS", "taskq:{default/q}:n"), ("PING",)]) == [1, b"PONG"]
        assert client.enqueue("q", "t", {}).queue == "q"
        assert client.snapshot("q").ready_total == 51


def test_passwords_reach_every_node_and_are_never_shown(taskq: Taskq) -> None:
    with cluster(KINDS[-1], replicas=False) as group:
        for node in group.nodes:
            node.raw.execute_command("ACL", "SETUSER", "ops", "on", ">s3cret", "~*", "&*", "+@all")
            node.raw.execute_command("CONFIG", "SET", "requirepass", "other")
        url = group.url.replace("//", "//ops:s3cret@", 1)
        names = [f"q{n}" for n in range(20)]
        with Client(url) as client:
            for name in names:
                client.enqueue(name, "t", {})
            assert sum(shot.ready_total for shot in client.snapshots(names)) == 20
        wrong = taskq("queue", "ls", url=url.replace("s3cret", "t0psecret"))
        assert wrong.returncode == 1
        assert "denies access" in wrong.stderr
        assert "t0psecret" not in wrong.stderr + wrong.stdout
        for node in group.nodes:
            node.kill()  # quicker than with the password that it has now
