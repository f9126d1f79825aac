"""Producers that wait for room: nothing is lost or made twice, the limit holds, and nobody waits in vain."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import chain

import pytest

from taskq_core import AsyncClient, Client, JobOptions, NewJob, QueueDraining, QueueFull, State
from tests.scripts.rig import Rig
from tests.servers import Server

LONG = timedelta(seconds=30)
SHORT = timedelta(milliseconds=150)


@pytest.fixture
def rig(server: Server) -> Iterator[Rig]:
    """A queue on an empty server; the protocol makes no difference here."""
    rig = Rig(server, 3)
    yield rig
    rig.client.close()


@contextmanager
def worked(rig: Rig, most: list[int]) -> Iterator[None]:
    """A queue that is emptied bit by bit; ``most`` collects how full it was."""
    done = threading.Event()
    client = Client(rig.url)

    def work() -> None:
        while not done.is_set():
            snapshot = client.snapshot("q")
            most.append(sum(snapshot.ready.values()) + snapshot.scheduled)
            client.purge("q", State.READY, limit=7)
            time.sleep(0.002)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        client.close()


def test_jobs_go_in_as_room_comes_and_the_limit_holds(rig: Rig) -> None:
    rig.client.configure("q", max_jobs=40)
    most: list[int] = []

    with worked(rig, most):
        receipts = rig.client.enqueue_many("q", "t", [{"n": n} for n in range(400)], wait_for_room=LONG)

    assert len({receipt.id for receipt in receipts}) == 400
    assert max(most) <= 40
    assert rig.totals()["enqueued"] == 400


def test_several_producers_share_the_room(rig: Rig) -> None:
    rig.client.configure("q", max_jobs=20)
    most: list[int] = []
    made: list[set[str]] = []

    async def produce(client: AsyncClient) -> None:
        jobs = [{"n": n} for n in range(60)]
        made.append({r.id for r in await client.enqueue_many("q", "t", jobs, wait_for_room=LONG)})
        one = [await client.enqueue("q", "t", {}, wait_for_room=LONG) for _ in range(10)]
        made.append({receipt.id for receipt in one})

    async def all_of_them() -> None:
        async with AsyncClient(rig.url) as client:
            await asyncio.gather(*(produce(client) for _ in range(4)))

    with worked(rig, most):
        asyncio.run(all_of_them())

    assert len(set(chain.from_iterable(made))) == 280
    assert max(most) <= 20
    assert rig.totals()["enqueued"] == 280


def test_bytes_are_waited_for_too(rig: Rig) -> None:
    payload = b'{"x":"%b"}' % (b"x" * 2000)
    rig.client.configure("q", max_bytes=60_000)

    with worked(rig, []):
        receipts = rig.client.enqueue_many("q", "t", [payload] * 100, wait_for_room=LONG)

    assert len(receipts) == 100
    assert rig.totals()["enqueued"] == 100


def test_the_wait_ends_and_says_what_was_added(rig: Rig) -> None:
    rig.client.configure("q", max_jobs=10)

    with pytest.raises(QueueFull) as caught:
        rig.client.enqueue_many("q", "t", [{}] * 15, wait_for_room=SHORT)

    assert [receipt.id for receipt in caught.value.receipts] == [
        job.ref.id for job in rig.client.list_jobs("q", State.READY).jobs
    ]
    assert 8 <= len(caught.value.receipts) <= 10  # in quarters of the limit
    assert caught.value.limit == 10


def test_a_call_that_waits_for_nothing_asks_once(rig: Rig) -> None:
    rig.client.configure("q", max_jobs=1)
    rig.add()

    with pytest.raises(QueueFull):
        rig.client.enqueue("q", "t", {}, wait_for_room=timedelta(0))


def test_what_never_fits_is_refused_at_once(rig: Rig) -> None:
    rig.client.configure("q", max_jobs=2)
    jobs = [NewJob("t", {})] * 3
    began = time.monotonic()

    with pytest.raises(QueueFull):
        rig.client.enqueue_jobs("q", jobs, wait_for_room=LONG)

    assert time.monotonic() - began < LONG.total_seconds() / 2


def test_jobs_of_one_call_stay_together(rig: Rig) -> None:
    rig.client.configure("q", max_jobs=4)
    rig.add(3)
    jobs = [NewJob("t", {}), NewJob("u", {}, JobOptions(priority="high")), NewJob("t", {})]

    with pytest.raises(QueueFull) as caught:
        rig.client.enqueue_jobs("q", jobs, wait_for_room=SHORT)

    assert (caught.value.depth, list(caught.value.receipts)) == (3, [])
    rig.client.purge("q", State.READY, limit=2)
    assert len(rig.client.enqueue_jobs("q", jobs, wait_for_room=SHORT)) == 3


def test_a_draining_queue_is_not_waited_for(rig: Rig) -> None:
    rig.client.configure("q", max_jobs=1)
    rig.add()
    rest = rig.client.rest

    def drain(_: float) -> None:
        rig.client.drain("q")

    rig.client.rest = drain
    try:
        with pytest.raises(QueueDraining):
            rig.client.enqueue("q", "t", {}, wait_for_room=LONG)
    finally:
        rig.client.rest = rest


def test_whoever_rests_may_end_the_wait(rig: Rig) -> None:
    rig.client.configure("q", max_jobs=1)
    rig.add()
    rig.client.rest = lambda _: True

    with pytest.raises(QueueFull):
        rig.client.enqueue("q", "t", {}, wait_for_room=timedelta.max)


def test_a_full_server_is_waited_for(server: Server) -> None:
    client = Client(server.url)
    client.enqueue("q", "t", {})
    used = server.raw.info("memory")["used_memory"]
    server.raw.config_set("maxmemory", used // 2)
    rested: list[float] = []

    def make_room(seconds: float) -> None:
        rested.append(seconds)
        server.raw.config_set("maxmemory", 0)

    client.rest = make_room
    try:
        assert client.enqueue("q", "t", {}, wait_for_room=LONG).added
    finally:
        server.raw.config_set("maxmemory", 0)
        client.close()
    assert len(rested) == 1


def test_a_producer_that_waits_asks_seldom(rig: Rig) -> None:
    rig.client.configure("q", max_jobs=1)
    rig.add()
    rig.raw.config_resetstat()
    calls_before = rig.raw.info("commandstats").get("cmdstat_evalsha", {"calls": 0})["calls"]

    with pytest.raises(QueueFull):
        rig.client.enqueue("q", "t", {}, wait_for_room=timedelta(seconds=0.6))

    calls = rig.raw.info("commandstats")["cmdstat_evalsha"]["calls"] - calls_before
    assert calls <= 8  # after 40, 80, 160 ms …, and then once a second
