"""What a failover costs: the queues of that server wait for its successor, and all others go on."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import redis

from taskq_core import Client
from taskq_core.keys import QueueKeys
from taskq_core.link import ReplyError
from taskq_core.wire import open_async_wire, open_wire
from taskq_core.worker.sleeper import Sleeper
from tests.conftest import NewServer, Spawn
from tests.contract.test_topologies import APP
from tests.groups import Cluster, cluster, sentinels
from tests.processes import taskq_command
from tests.servers import KINDS, Server
from tests.waiting import wait_until

PATIENCE_S = 6.0
"""The longest that a job of a healthy queue may take while another queue's server is away."""


def done(client: Client, queue: str) -> int:
    return client.snapshot(queue).totals.get("done", 0)


def worst_wait(client: Client, queues: list[str], until: Callable[[], bool]) -> float:
    """Runs one job after another in the queues until something holds; the longest that one took."""
    worst = 0.0
    while not until():
        for queue in queues:
            begun, before = time.monotonic(), done(client, queue)
            client.enqueue(queue, "note", {})
            wait_until(lambda q=queue, n=before: done(client, q) > n, 20, f"a job of {queue}")  # type: ignore[misc]
            worst = max(worst, time.monotonic() - begun)
    return worst


async def test_a_sleep_that_is_interrupted_ends_at_once_though_a_node_is_frozen() -> None:
    with cluster(KINDS[0]) as group:
        queues = group.queues_apart()
        wakes = [QueueKeys("default", queue).wake for queue in queues]
        os.kill(group.primary_of(queues[0]).pid, signal.SIGSTOP)
        for _ in range(30):  # what is interrupted here or there is the making of a connection
            sleeper, begun = Sleeper(group.url), time.monotonic()
            asyncio.get_running_loop().call_later(0.001, sleeper.interrupt)
            assert await sleeper.sleep(wakes, 0.5) is None
            assert time.monotonic() - begun < 3.0
            await sleeper.close()


@pytest.mark.timeout(120)
def test_the_queues_of_other_nodes_go_on_while_one_is_away(spawn: Spawn, tmp_path: Path) -> None:
    with cluster(KINDS[0]) as group, Client(group.url, deadline=30) as client:
        queues = group.queues_apart()
        (tmp_path / "app.py").write_text(APP % (queues,))
        words = ["worker", "app:queues", "--lease", "3s", "--grace", "1s"]
        worker = spawn([*taskq_command(), *words], group.url)
        wait_until(lambda: len(client.workers_of(queues)) == 3, 20, "the worker")
        for queue in queues:
            client.enqueue(queue, "note", {})  # now it has announced them: their list is a key of some node
        for lost, end in zip(queues, (signal.SIGSTOP, signal.SIGKILL), strict=False):
            others = [queue for queue in queues if queue != lost]
            victim, before = group.primary_of(lost), done(client, lost)
            client.enqueue(lost, "note", {})
            wait_until(lambda q=lost, n=before: done(client, q) > n, 10, "a job before it")  # type: ignore[misc]
            os.kill(victim.pid, end)
            worst = worst_wait(client, others, lambda q=lost, v=victim: _heir(group, q, v))  # type: ignore[misc]
            assert worst < PATIENCE_S, worker.stderr
            if end is signal.SIGSTOP:
                os.kill(victim.pid, signal.SIGCONT)
                # until it hears that it was replaced it takes jobs in, and loses them
                wait_until(lambda v=victim: v.raw.info("replication")["role"] == "slave", 20, "its end")  # type: ignore[misc]
            before = done(client, lost)
            client.enqueue(lost, "note", {})
            wait_until(lambda q=lost, n=before: done(client, q) > n, 20, "the lost queue")  # type: ignore[misc]
        assert worker.running
        assert worker.stop() == 143  # SIGTERM, in good order


def _heir(group: Cluster, queue: str, victim: Server) -> bool:
    """Whether another node has the queue now; asked of one that lives."""
    alive = next(node for node in group.nodes if node is not victim and node.answers())
    rows = alive.raw.execute_command("CLUSTER", "NODES").decode().splitlines()
    mine = next(row for row in rows if f"127.0.0.1:{victim.port}@" in row)
    return "master" not in mine or "-" not in mine.split("connected")[-1]


def test_a_primary_that_is_replaced_while_it_lives_gets_no_more_jobs() -> None:
    with sentinels(KINDS[-1]) as group, Client(group.url) as client:
        client.enqueue("q", "t", {})
        heir, old = group.replica, group.primary
        group.watchers[0].raw.execute_command("SENTINEL", "FAILOVER", "jobs")
        # one that the old primary took just before may be at both
        wait_until(lambda: _only_at(heir, old, client.enqueue("q", "t", {}).id), 20, "a job at the new one")
        assert old.raw.info("replication")["role"] == "master"  # it does not know yet
        latest = client.enqueue("q", "t", {})
        assert _only_at(heir, old, latest.id)


def _only_at(heir: Server, old: Server, job: str) -> bool:
    return _seen_at(heir, job) and not _seen_at(old, job)


def _seen_at(server: Server, job: str) -> bool:
    primary = server.raw.info("replication")["role"] == "master"
    return primary and bool(server.raw.xrange("taskq:{default/q}:n", job[1:], job[1:]))


@pytest.mark.parametrize("form", ["sync", "asyncio"])
async def test_connections_to_a_server_that_is_no_primary_any_more_are_closed(
    form: str, new_server: NewServer
) -> None:
    server, other = new_server("valkey"), new_server("valkey")
    if form == "sync":
        wire = open_wire(server.url, 5)
        assert wire.call("SET", "k", "1") == b"OK"
        server.raw.replicaof("127.0.0.1", other.port)
        with pytest.raises(ReplyError, match="READONLY"):
            wire.call("SET", "k", "1")
        assert vars(wire)["_idle"] == []
        wire.close()
    else:
        twin = open_async_wire(server.url, 5)
        assert await twin.call("SET", "k", "1") == b"OK"
        server.raw.replicaof("127.0.0.1", other.port)
        with pytest.raises(redis.ReadOnlyError):
            await twin.call("SET", "k", "1")
        assert vars(twin)["_idle"] == []
        await twin.close()
