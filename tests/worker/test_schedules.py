"""Schedules as workers fire them: one job for each time, whatever happens to workers, server and clocks."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from taskq_core import (
    InvalidOption,
    InvalidPayload,
    Job,
    JobOptions,
    NewJob,
    Schedule,
    ScheduleInfo,
    ScheduleRef,
    TaskQueue,
)
from taskq_core.errors import Discard
from tests.conftest import NewServer
from tests.scripts.rig import Rig
from tests.servers import Server
from tests.waiting import until
from tests.worker.crew import queue_on, working

REF = ScheduleRef("q", "beat")


class Seen:
    """The times that jobs were made for, as a handler saw them."""

    def __init__(self) -> None:
        self.dues: list[int] = []

    def take(self, job: Job) -> None:
        assert job.due is not None
        assert job.schedule == "beat"
        self.dues.append(round(job.due.timestamp() * 1000))


@pytest.fixture
def one(any_server: Server) -> Iterator[Rig]:
    """The queue on one kind of server, for what waits for whole seconds."""
    rig = Rig(any_server, 2)
    yield rig
    rig.client.close()


def declared(rig: Rig, seen: Seen, **fields: Any) -> TaskQueue:
    queue = queue_on(rig)

    @queue.every("1s", **fields)
    @queue.process("beat")
    async def beat(job: Job) -> None:
        seen.take(job)

    return queue


def info(rig: Rig) -> ScheduleInfo:
    return rig.client.schedules.get(REF)


def in_a_row(dues: list[int], step_ms: int = 1000) -> bool:
    return all(after - before == step_ms for before, after in pairwise(sorted(dues)))


# -- in code ----------------------------------------------------------------------------------------


def test_a_schedule_is_declared_beside_its_task() -> None:
    queue = TaskQueue("q", redis="unix:///nowhere")

    @queue.cron("*/5 * * * *", tz="Europe/Berlin", missed="skip", retries=7)
    @queue.process("report")
    async def report(job: Job) -> None: ...

    @queue.every(timedelta(seconds=90), name="often", payload={"deep": True}, priority="low")
    @queue.cron("@daily", payload={"deep": False})
    @queue.task()
    async def sweep(deep: bool) -> None: ...

    @queue.every("30s")
    async def ping() -> None: ...

    shown = {name: (made.task, made.spec, made.tz) for name, made in queue.schedules.items()}
    assert shown == {
        "report": ("report", "*/5 * * * *", "Europe/Berlin"),
        "sweep": ("sweep", "@daily", "UTC"),
        "often": ("sweep", "every 90000ms", "UTC"),
        "ping": ("ping", "every 30s", "UTC"),
    }
    assert queue.schedules["report"].options.retries == 7
    assert queue.schedules["often"].payload == b'{"deep":true}'
    assert queue.handlers.keys() == {"report", "sweep", "ping"}
    assert asyncio.iscoroutinefunction(report)


def test_what_is_wrong_with_a_schedule_is_said_where_it_stands() -> None:
    queue = TaskQueue("q", redis="unix:///nowhere")

    with pytest.raises(InvalidOption, match="is no minute"):
        queue.cron("61 * * * *")
    with pytest.raises(InvalidOption, match="unknown time zone"):
        queue.cron("@daily", tz="Mars/Base")
    with pytest.raises(InvalidPayload) as refused:

        @queue.cron("@daily")
        @queue.task()
        async def greet(name: str) -> None: ...

    assert "payload={...}" in refused.value.hint
    with pytest.raises(InvalidOption, match="unknown option"):
        queue.cron("@daily", colour="red")(queue.process("a")(lambda job: None))
    with pytest.raises(InvalidOption, match="no delay, at or unique"):
        queue.cron("@daily", unique="x")(queue.process("b")(lambda job: None))
    for alone in (JobOptions(group="g"), JobOptions(then=[NewJob("t", {})])):
        with pytest.raises(InvalidOption, match="no group and no chain"):
            Schedule("alone", "@daily", "b", options=alone)
    queue.cron("@daily", name="twice")(queue.process("c")(lambda job: None))
    with pytest.raises(InvalidOption, match="declared twice"):
        queue.cron("@daily", name="twice")(queue.process("d")(lambda job: None))


async def test_workers_declare_the_schedules_of_their_code_and_say_so(rig: Rig) -> None:
    queue = declared(rig, Seen(), missed="skip")
    async with working(queue):
        await until(lambda: rig.client.schedules.list(["q"]))
        assert (info(rig).code, info(rig).schedule.missed) == (True, "skip")
        (worker,) = await until(lambda: rig.client.workers("q"))
        assert worker.schedules == ("beat",)
    before = info(rig)
    async with working(declared(rig, Seen(), missed="all")):  # the next version of the code
        await until(lambda: info(rig).schedule.missed == "all")
    assert info(rig).fired >= before.fired


async def test_a_schedule_added_by_hand_is_not_taken_over_by_code(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.client.schedules.add("q", Schedule("beat", "@yearly", "beat"))
    async with working(declared(rig, Seen())):
        await until(lambda: "one that was added by hand has its name" in caplog.text)
    assert (info(rig).code, info(rig).schedule.spec) == (False, "@yearly")


# -- firing -----------------------------------------------------------------------------------------


async def test_three_workers_make_one_job_for_each_time(rig: Rig) -> None:
    seen = Seen()
    async with working(*(declared(rig, seen) for _ in range(3))):
        await until(lambda: len(seen.dues) >= 4, 30)
    assert max(Counter(seen.dues).values()) == 1
    assert in_a_row(seen.dues)
    found = info(rig)
    assert (found.missed, found.skipped) == (0, 0)
    assert found.fired == rig.totals()["enqueued"] == rig.totals()["fired"]
    # the one that holds the lock sleeps until the very moment
    assert min(run.drift for run in found.runs) < timedelta(milliseconds=200)


async def test_a_run_cancels_the_one_before_it(one: Rig) -> None:
    queue = queue_on(one)
    ends: list[str] = []

    @queue.every("1s", overlap="cancel_previous")
    @queue.process("beat")
    async def beat(job: Job) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            ends.append(job.id)
            raise

    async with working(queue):
        await until(lambda: len(ends) >= 2, 30)
        assert one.totals()["cancelled"] >= 1
        one.client.schedules.pause(REF)
        one.client.cancel("q", [run.job.id for run in info(one).runs if run.job])
    assert len(ends) == len(set(ends))


async def test_a_retried_run_keeps_its_due_time(one: Rig) -> None:
    queue = queue_on(one, retries=1)
    seen: list[tuple[int, Any]] = []

    @queue.every("1s", name="once")
    @queue.process("beat")
    async def beat(job: Job) -> None:
        seen.append((job.attempt, job.due))
        if job.attempt == 1:
            raise ValueError
        raise Discard("enough")

    async with working(queue):
        await until(lambda: {attempt for attempt, _ in seen} == {1, 2}, 30)
    dues = [next(due for attempt, due in seen if attempt == wanted) for wanted in (1, 2)]
    assert dues[0] == dues[1]


async def test_upkeep_goes_on_beside_a_schedule_that_cannot_be_fired(one: Rig) -> None:
    one.raw.hset(one.keys.schedules, "junk", b"\xff\n\n\n\n")
    one.raw.zadd(one.keys.schedule_times, {"junk": 1})
    one.client.schedules.add("q", Schedule("far", "@yearly", "beat"))
    seen = Seen()
    async with working(declared(one, seen)):
        await until(lambda: len(seen.dues) >= 1, 30)
        (late,) = one.add(task="beat", delay=timedelta(milliseconds=300))
        junk = one.client.schedules.get(ScheduleRef("q", "junk"))
        assert (junk.paused, junk.sound) == (True, False)
        await until(lambda: one.client.states("q", [late])[0].value != "scheduled", 20)


async def test_a_full_queue_fires_when_there_is_room_again(one: Rig) -> None:
    one.client.configure("q", max_jobs=1)
    (blocker,) = one.add(task="nobody", delay=timedelta(hours=1))
    seen = Seen()
    async with working(declared(one, seen)) as workers:
        await until(lambda: one.client.schedules.list(["q"]))
        await until(lambda: info(one).overdue > timedelta(seconds=1), 20)
        assert seen.dues == []
        assert not workers[0].done()
        one.client.cancel("q", [blocker])
        await until(lambda: seen.dues, 20)
    assert info(one).missed >= 1


# -- clocks -----------------------------------------------------------------------------------------


async def test_a_worker_whose_own_clock_is_wrong_goes_by_the_server(
    one: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    from taskq_core import clock
    from taskq_core.worker import claimer, worker

    def wrong() -> int:
        return 86_400_000

    for module in (clock, claimer, worker):
        monkeypatch.setattr(module, "wall_ms", wrong)
    seen = Seen()
    async with working(declared(one, seen)):
        await until(lambda: len(seen.dues) >= 2, 20)
    server_ms = one.raw.time()[0] * 1000
    assert all(abs(due - server_ms) < 60_000 for due in seen.dues)
    assert in_a_row(seen.dues)


# -- outages ----------------------------------------------------------------------------------------


async def test_an_outage_across_fire_times(new_server: NewServer) -> None:
    server = new_server("valkey", aof=True)
    rig = Rig(server, 2)
    seen: dict[str, list[int]] = {"skip": [], "latest": [], "all": []}
    queue = queue_on(rig)
    for policy, dues in seen.items():
        grace = timedelta(milliseconds=700) if policy == "skip" else None
        handler = queue.process(policy)(lambda job, dues=dues: dues.append(round(job.due.timestamp() * 1000)))
        queue.every("1s", missed=policy, grace=grace)(handler)
    async with working(queue):
        await until(lambda: all(seen.values()) and rig.client.snapshot("q").depth == 0, 20)
        server.kill()
        before = {policy: set(dues) for policy, dues in seen.items()}
        await asyncio.sleep(2.5)
        server.start()
        await until(lambda: all(len(set(seen[name]) - before[name]) >= 3 for name in seen), 40)
        for policy in seen:
            rig.client.schedules.pause(ScheduleRef("q", policy))
        await until(lambda: rig.client.snapshot("q").depth == 0, 20)
    found = {each.ref.name: each for each in rig.client.schedules.list(["q"])}
    rig.client.close()
    for policy, dues in seen.items():
        assert len(dues) == len(set(dues)) == found[policy].fired
        holes = (max(dues) - min(dues)) // 1000 + 1 - len(dues)
        assert holes == found[policy].missed, policy
    assert found["all"].missed == 0
    assert found["latest"].missed >= 1
    assert found["skip"].missed >= 1
