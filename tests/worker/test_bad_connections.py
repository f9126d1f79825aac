"""Workers on connections that lose replies or break: each job still runs as often as it should."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest

from taskq_core import Job, TaskQueue
from tests.keyspace import remains
from tests.proxy import Proxy
from tests.scripts.rig import Rig
from tests.servers import Server
from tests.waiting import until
from tests.worker.crew import QUICK, counted, working


def failing_once(url: str, runs: Counter[str]) -> TaskQueue:
    """A queue whose jobs succeed, but for every tenth one's first attempt."""
    queue = TaskQueue("q", redis=url, concurrency=8, backoff=QUICK)

    @queue.process("t")
    async def run(job: Job) -> None:
        runs[job.id] += 1
        await asyncio.sleep(0.002)
        if job.attempt == 1 and job.payload["n"] % 10 == 0:
            raise ValueError

    return queue


@pytest.mark.parametrize("fault", ["lost replies", "killed connections"])
async def test_no_job_is_lost_or_run_twice(server: Server, rig: Rig, fault: str) -> None:
    runs = Counter[str]()
    ids = rig.add(800)
    with Proxy(server) as proxy:
        break_one: Callable[[], object] = {
            "lost replies": lambda: proxy.lose(1),
            "killed connections": lambda: rig.raw.client_kill_filter(_type="normal", skipme=True),
        }[fault]
        async with working(failing_once(proxy.url, runs), lease=timedelta(seconds=30)):
            await until(lambda: runs)
            for _ in range(12):
                break_one()
                await asyncio.sleep(0.03)
            await counted(rig, timeout=10, done=800)  # long before half a lease

    assert runs == {job_id: 2 if n % 10 == 0 else 1 for n, job_id in enumerate(ids)}
    assert rig.totals() == {"enqueued": 800, "failed": 80, "retried": 80, "done": 800}
    assert remains(rig.raw) == []


@pytest.mark.parametrize("form", ["tcp", "resp3"])
async def test_a_worker_works_over_any_kind_of_connection(server: Server, rig: Rig, form: str) -> None:
    runs = Counter[str]()
    url = server.tcp_url if form == "tcp" else f"{server.url}?protocol=3"
    async with working(failing_once(url, runs)):
        await until(lambda: rig.client.workers("q"))
        ids = rig.add(100) + rig.add(5, delay=timedelta(milliseconds=30)) + rig.add(5, priority="low")
        await counted(rig, done=110)

    assert set(runs) == set(ids)
    assert rig.totals()["failed"] == 12
