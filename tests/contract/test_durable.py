"""`durable`: an enqueue that returns when its jobs are safe, or says that they are not known to be."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import taskq_core.producing
from taskq_core import Client, JobOptions, NewJob, NotDurable, Refused, TaskQueue, durability
from tests.chaos.proxy import Loop, Mode, Proxy
from tests.conftest import NewServer, Taskq
from tests.servers import Server
from tests.waiting import wait_until


def calls(server: Server, name: str) -> int:
    """How often the server carried out a command."""
    found = server.raw.info("commandstats").get(f"cmdstat_{name}", {"calls": 0})
    return int(found["calls"])


def with_replica(new_server: NewServer, server: Server) -> Server:
    replica = new_server(
        server.kind, "--replicaof", "127.0.0.1", str(server.port), "--repl-diskless-sync-delay", "0"
    )
    wait_until(lambda: replica.raw.info("replication")["master_link_status"] == "up", 20, "the replica")
    return replica


@pytest.fixture
def written(new_server: NewServer) -> Server:
    """A server that syncs its AOF once a second."""
    return new_server("valkey", "--appendonly", "yes", "--appendfsync", "everysec")


@pytest.fixture(params=["valkey", "redis"])
def mirrored(request: pytest.FixtureRequest, new_server: NewServer) -> tuple[Server, Server]:
    """A server that writes nothing to disk, and its replica."""
    server = new_server(request.param, "--repl-diskless-sync-delay", "0")
    return server, with_replica(new_server, server)


@pytest.fixture
def proxies() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.close()


def test_a_durable_enqueue_waits_for_the_disk(written: Server) -> None:
    with Client(written.url) as client:
        receipt = client.enqueue("q", "t", {}, durable=True)
        many = client.enqueue_many("q", "t", [{"n": n} for n in range(1_500)], durable=True)
        jobs = client.enqueue_jobs(
            "q", [NewJob("t", {}), NewJob("t", {}, JobOptions(keep=None))], durable=True
        )
        assert client.inspect(receipt.ref).task == "t"
        assert (len(many), len(jobs)) == (1_500, 2)
    # the first call found the script unknown, and was sent once more
    assert calls(written, "waitaof") == 4 + 1


async def test_the_asynchronous_twin_waits_too(written: Server) -> None:
    queue = TaskQueue("q", redis=written.url)

    @queue.task()
    async def note(text: str) -> None: ...

    await note.options(durable=True).add("a")
    note.options(durable=True).add_sync("b")
    await queue.add("note", {"text": "c"}, durable=True)
    await queue.add_many("note", [{"text": "d"}], durable=True)
    queue.add_many_sync("note", [{"text": "e"}], durable=True)
    await queue.add("note", {"text": "f"})
    await queue.close()
    assert calls(written, "waitaof") == 5 + 1


def test_without_it_nothing_is_asked_of_the_server(written: Server) -> None:
    with Client(written.url) as client:
        client.enqueue("q", "t", {})
    assert [calls(written, name) for name in ("waitaof", "wait", "exists", "pexpire")] == [0] * 4


def test_a_disk_that_is_not_synced_is_said(new_server: NewServer) -> None:
    server = new_server("valkey", "--appendonly", "yes", "--appendfsync", "no")
    with Client(server.url, deadline=1) as client:
        with pytest.raises(NotDurable, match="1 job is enqueued, but not known to be on disk") as unsafe:
            client.enqueue("q", "t", {}, durable=True)
        assert client.inspect(unsafe.value.receipts[0].ref).task == "t"


def test_a_replica_in_step_makes_jobs_durable(mirrored: tuple[Server, Server]) -> None:
    server, replica = mirrored
    with Client(server.url) as client:
        client.enqueue("q", "t", {}, durable=True)
        server.kill()
    replica.raw.replicaof("no", "one")
    with Client(replica.url) as client:
        assert client.snapshot("q").ready_total == 1


def test_a_silent_replica_is_said_and_what_was_enqueued_is_known(mirrored: tuple[Server, Server]) -> None:
    server, replica = mirrored
    with Client(server.url, deadline=1) as client, replica.frozen():
        with pytest.raises(NotDurable, match="not known to be on a replica") as unsafe:
            client.enqueue_many("q", "t", [{"n": n} for n in range(3)], durable=True)
        assert len(unsafe.value.receipts) == 3
        assert client.snapshot("q").ready_total == 3


def test_earlier_batches_are_among_the_receipts(mirrored: tuple[Server, Server]) -> None:
    server, replica = mirrored
    with Client(server.url, deadline=1) as client, replica.frozen():
        with pytest.raises(NotDurable) as unsafe:
            client.enqueue_many("q", "t", [{}] * 1_500, durable=True)
        assert len(unsafe.value.receipts) == client.snapshot("q").ready_total == 1_000


def test_a_call_that_is_repeated_confirms_what_the_first_one_wrote(
    mirrored: tuple[Server, Server], proxies: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, replica = mirrored
    proxy, losing = Proxy(proxies, server.port, 1), Mode()
    proxy.behave(losing)
    look = durability.proof_of

    def then_lose_one(replies: list[Any]) -> durability.Proof:
        losing.lose = 1
        return look(replies)

    with Client(proxy.url, deadline=2) as client:
        client.enqueue("q", "t", {}, durable=True)  # the queue is announced
        monkeypatch.setattr(vars(taskq_core.producing)["durability"], "proof_of", then_lose_one)
        with replica.frozen(), pytest.raises(NotDurable):
            client.enqueue("q", "t", {}, durable=True)
        assert proxy.lost == 1
        assert client.snapshot("q").ready_total == 2
    proxy.close()


def test_a_server_that_cannot_tell_is_refused_before_anything_is_sent(new_server: NewServer) -> None:
    forgetful, old = new_server("valkey"), new_server("redis", aof=True)
    for server, why in ((forgetful, "writes to disk or has a replica"), (old, "too old for it")):
        with Client(server.url) as client:
            with pytest.raises(Refused, match=why):
                client.enqueue("q", "t", {}, durable=True)
            assert client.snapshot("q").ready_total == 0


def test_the_command_says_by_its_exit_code_what_is_safe(
    mirrored: tuple[Server, Server], new_server: NewServer, taskq: Taskq
) -> None:
    server, replica = mirrored
    done = taskq("enqueue", "t", "--durable", url=server.url)
    assert (done.returncode, done.stdout[:9]) == (0, "default/n"), done.stderr
    with replica.frozen(), ThreadPoolExecutor() as both:
        single = both.submit(taskq, "enqueue", "t", "--durable", url=server.url)
        stream = both.submit(taskq, "enqueue", "t", "-", "--durable", url=server.url, stdin="{}\n{}\n")
    for ended, jobs in ((single.result(), 1), (stream.result(), 2)):
        assert (ended.returncode, len(ended.stdout.splitlines())) == (6, jobs), ended.stderr
        assert "not known to be on a replica" in ended.stderr
    alone = taskq("enqueue", "t", "--durable", url=new_server("redis").url)
    assert (alone.returncode, alone.stdout) == (5, "")
