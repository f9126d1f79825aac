"""Replies that never came: a repeated call does nothing twice, and no answer goes to the wrong caller."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from taskq_core import AsyncClient, Client, JobOptions, ServerUnreachable, State
from tests.proxy import Proxy
from tests.servers import Server


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    with Proxy(server) as proxy:
        yield proxy


@pytest.mark.parametrize("losses", [1, 3])
def test_a_job_whose_receipt_was_lost_is_there_once(server: Server, proxy: Proxy, losses: int) -> None:
    with Client(proxy.url, deadline=10) as client:
        client.enqueue("q", "t", {"n": 0})
        proxy.lose(losses)
        receipts = client.enqueue_many("q", "t", [{"n": n} for n in range(1, 6)])
        after = client.enqueue("q", "t", {"n": 6})

        assert proxy.lost == losses
        listed = [job.ref.id for job in client.list_jobs("q", State.READY).jobs]
        assert listed[1:] == [receipt.id for receipt in receipts] + [after.id]
        assert client.snapshot("q").totals == {"enqueued": 7}
    assert server.raw.xlen("taskq:{default/q}:n") == 7


def test_a_call_that_put_a_job_off_and_lost_its_receipt_is_answered_with_that(
    server: Server, proxy: Proxy
) -> None:
    options = JobOptions(unique="key", debounce=timedelta(hours=1))
    with Client(proxy.url, deadline=10) as client:
        proxy.lose(1)
        first = client.enqueue("q", "t", {"n": 1}, options)
        proxy.lose(2)
        second = client.enqueue("q", "t", {"n": 2}, options)

        assert proxy.lost == 3
        assert (first.added, second.id, second.postponed, second.replaced) == (True, first.id, True, True)
        assert client.inspect(first.ref).payload == b'{"n":2}'
        assert client.snapshot("q").totals == {"enqueued": 1}


async def test_the_async_client_repeats_a_call_as_well(server: Server, proxy: Proxy) -> None:
    async with AsyncClient(proxy.url, deadline=10) as client:
        await client.enqueue("q", "t", {})
        proxy.lose(2)
        await client.enqueue("q", "t", {}, JobOptions(unique="key"))

        assert proxy.lost == 2
        assert (await client.snapshot("q")).totals == {"enqueued": 2}


def test_operators_verbs_may_be_repeated_too(proxy: Proxy) -> None:
    with Client(proxy.url, deadline=10) as client:
        ids = [receipt.id for receipt in client.enqueue_many("q", "t", [{}] * 3)]
        proxy.lose(1)
        client.cancel("q", ids[:1])
        proxy.lose(1)
        client.purge("q", State.READY)

        assert client.snapshot("q").totals == {"enqueued": 3, "cancelled": 1, "purged": 2}


def test_a_client_that_gave_up_begins_a_new_session(server: Server, proxy: Proxy) -> None:
    with Client(proxy.url, deadline=0) as client:
        client.enqueue("q", "t", {"n": 0})
        proxy.lose(1)
        with pytest.raises(ServerUnreachable):
            client.enqueue("q", "t", {"n": 1})

        receipt = client.enqueue("q", "t", {"n": 2})

        assert client.inspect(receipt.ref).payload == b'{"n":2}'
        assert client.snapshot("q").totals == {"enqueued": 3}
    # the lost call may still arrive, and must not follow a later number of its own session
    assert len(list(server.raw.scan_iter("taskq:{default/q}:producer:*"))) == 2


async def test_cancelled_calls_leave_no_reply_to_the_next_caller(server: Server) -> None:
    numbers = random.Random(7)
    async with AsyncClient(server.url) as client:

        async def echo(n: int) -> None:
            assert await client.execute("ECHO", str(n)) == str(n).encode()

        for n in range(300):
            calls = [asyncio.create_task(echo(n * 10 + k)) for k in range(4)]
            for _ in range(numbers.randrange(4)):
                await asyncio.sleep(0)
            calls[0].cancel()
            calls[2].cancel()
            ended = await asyncio.gather(*calls, return_exceptions=True)
            assert [error for error in ended if isinstance(error, AssertionError)] == []
        await echo(-1)


def test_several_threads_share_a_client(server: Server) -> None:
    with Client(server.url) as client, ThreadPoolExecutor(8) as pool:

        def add(n: int) -> bool:
            receipt = client.enqueue("q", "t", {"n": n})
            return client.inspect(receipt.ref).payload == b'{"n":%d}' % n

        assert all(pool.map(add, range(400)))
        assert client.snapshot("q").totals == {"enqueued": 400}


async def test_several_tasks_share_a_client(server: Server) -> None:
    async with AsyncClient(server.url) as client:

        async def add(n: int) -> bool:
            receipt = await client.enqueue("q", "t", {"n": n})
            return (await client.inspect(receipt.ref)).payload == b'{"n":%d}' % n

        assert all(await asyncio.gather(*(add(n) for n in range(400))))
        assert (await client.snapshot("q")).totals == {"enqueued": 400}
