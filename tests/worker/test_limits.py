"""Limits with real workers: never passed, no place left idle, and burst workers that wait for them."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from taskq_core import Job, TaskLimits, TaskQueue
from taskq_core.worker import maintainer
from tests.conftest import Spawn
from tests.scripts.gating import held, recount, running
from tests.scripts.rig import Rig
from tests.waiting import until, wait_until
from tests.worker.applications import Site
from tests.worker.crew import counted, queue_on, work_off, working


@pytest.fixture
def site(rig: Rig, tmp_path: Path, spawn: Spawn) -> Site:
    """An application whose workers are processes."""
    return Site(tmp_path, spawn, rig.url)


class Seen:
    """How many ran at a time, by what they were counted under; and when each started."""

    def __init__(self) -> None:
        self.now: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.starts: list[float] = []

    async def run(self, key: str, seconds: float) -> None:
        self.starts.append(time.monotonic())
        self.now[key] += 1
        self.most[key] = max(self.most[key], self.now[key])
        await asyncio.sleep(seconds)
        self.now[key] -= 1


def crew(rig: Rig, workers: int, seen: Seen, seconds: float = 0.01, **options: Any) -> list[TaskQueue]:
    queues = [queue_on(rig, concurrency=4, **options) for _ in range(workers)]
    for queue in queues:

        @queue.process("t")
        async def job_(job: Job) -> None:
            await seen.run(job.payload.get("key", "t"), seconds)

        @queue.process("u")
        async def other(job: Job) -> None:
            await seen.run("u", 0)

    return queues


def scripts_run(rig: Rig) -> int:
    stats: dict[str, Any] = rig.raw.info("commandstats")
    return int(stats["cmdstat_evalsha"]["calls"])


@pytest.mark.parametrize("of", ["queue", "task"])
async def test_so_many_run_at_a_time_with_several_workers(rig: Rig, of: str) -> None:
    seen = Seen()
    said = {"max_running": 3} if of == "queue" else {"tasks": {"t": TaskLimits(max_running=3)}}
    rig.client.configure("q", **said)
    rig.add(120)
    async with working(*crew(rig, 3, seen)):
        await counted(rig, done=120)

    assert seen.most["t"] == 3
    assert running(rig) == {} == recount(rig)
    assert held(rig) == 0


async def test_jobs_of_one_key_run_one_by_one_and_others_beside_them(rig: Rig) -> None:
    seen = Seen()
    for key in ("a", "b", "c"):
        rig.add(20, payload={"key": key}, concurrency_key=key)
    rig.add(20, "u")
    async with working(*crew(rig, 2, seen)):
        await counted(rig, done=80)

    assert [seen.most[key] for key in ("a", "b", "c")] == [1, 1, 1]
    assert running(rig) == {}


async def test_claims_are_plain_again_soon_after_the_last_job_with_a_key(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maintainer, "TIDY_S", 0.2)
    queue = queue_on(rig, concurrency=2)

    @queue.process("t")
    async def wait(job: Job) -> None:
        await asyncio.sleep(0.01)

    def busy_and_plain() -> bool:
        if rig.client.snapshot("q").depth < 40:  # the queue is never empty meanwhile
            rig.add(40)
        return rig.raw.hget(rig.keys.meta, "flow") is None

    rig.add(2, concurrency_key="a")
    async with working(queue):
        await counted(rig, done=2)
        await until(busy_and_plain)
        assert rig.raw.hmget(rig.keys.meta, "flow", "gates") == [None, None]
        await until(lambda: rig.client.snapshot("q").depth == 0)


async def test_a_rate_is_kept_by_all_workers_together(rig: Rig) -> None:
    seen = Seen()
    rig.add(40)
    async with working(*crew(rig, 3, seen, rate="100/s burst 5")):
        await counted(rig, done=40)
    starts = sorted(seen.starts)
    fastest = min(starts[k + 20] - starts[k] for k in range(20))

    # twenty starts take 15 of the rate's steps at least; a job may start some ms after it was claimed
    assert fastest >= 0.15 - 0.06
    assert starts[-1] - starts[0] >= 0.3


async def test_a_rate_is_used_up(rig: Rig) -> None:
    seen = Seen()
    rig.client.configure("q", tasks={"t": TaskLimits(rate="50/s burst 1")})
    rig.add(50)
    async with working(*crew(rig, 2, seen)):
        await counted(rig, done=50)

    assert seen.starts[-1] - seen.starts[0] < 4  # 1 s, and what a loaded machine adds


async def test_a_burst_worker_waits_for_what_limits_hold(rig: Rig) -> None:
    seen = Seen()
    rig.add(6)
    (queue,) = crew(rig, 1, seen)
    rig.client.configure("q", tasks={"t": TaskLimits(rate="20/s burst 1")})
    begun, calls = time.monotonic(), scripts_run(rig)
    await work_off(queue)

    assert len(seen.starts) == 6
    took = time.monotonic() - begun
    assert took >= 0.25
    assert scripts_run(rig) - calls < 100 + 50 * took  # it slept meanwhile


async def test_what_code_declares_gives_way_to_what_was_set_by_hand(rig: Rig) -> None:
    seen = Seen()
    (queue,) = crew(rig, 1, seen, max_running=7, max_jobs=500)
    rig.client.configure("q", max_running=5)
    async with working(queue):
        await until(lambda: rig.client.snapshot("q").settings.get("max_jobs") == "500")
    assert rig.client.snapshot("q").settings["max_running"] == "5"
    rig.client.configure("q", max_running=0)
    assert rig.client.snapshot("q").settings["max_running"] == "7"
    rig.client.configure("q", max_running="off")
    (queue,) = crew(rig, 1, seen, max_running=8)
    async with working(queue):
        await until(lambda: b"8" in rig.raw.hvals(rig.keys.meta))

    assert "max_running" not in rig.client.snapshot("q").settings


async def test_other_jobs_run_while_thousands_are_held(rig: Rig) -> None:
    seen = Seen()
    rig.client.configure("q", tasks={"t": TaskLimits(rate="1/h")})
    for _ in range(3):
        rig.add(1000)
    rig.add(10, "u")
    async with working(*crew(rig, 1, seen)):
        await counted(rig, done=11)

    assert seen.most["u"] >= 1
    assert held(rig) == 2999


def test_a_worker_that_is_killed_frees_its_places(rig: Rig, site: Site) -> None:
    rig.client.configure("q", tasks={"t": TaskLimits(max_running=2)})
    first = site.start(lease=0.5)
    rig.add(4, payload={"s": 0.3}, concurrency_key="a")
    rig.add(4, payload={"s": 0.3})
    wait_until(lambda: sum(site.notes("start").values()) >= 2)
    first.kill()
    assert running(rig) == {"t:t": 2, "k:a": 1}
    site.start(lease=0.5)
    wait_until(lambda: rig.totals().get("done") == 8, 20)

    assert running(rig) == {} == recount(rig)
    assert held(rig) == 0
