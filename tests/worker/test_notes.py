"""Progress and log lines of real handlers: the last words are there before the end is, at a bounded cost."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from taskq_core import Discard, Job, JobNotes, JobOptions, State, TaskQueue, config, program
from tests.conftest import NewServer, Spawn
from tests.keyspace import leaks
from tests.processes import taskq_command
from tests.scripts.rig import Rig
from tests.waiting import until, wait_until
from tests.worker.crew import queue_on, work_off, working

KINDS = ("async", "plain")
LONG = timedelta(hours=7)


def chatting(queue: TaskQueue, kind: str, count: int, ends: list[str] | None = None) -> None:
    """A handler that says much, and ends as it is told."""

    def say(job: Job) -> None:
        for n in range(count):
            job.log(f"line {n}")
            job.progress((n + 1) / count, f"{n + 1} of {count}")
        if (how := ends.pop(0) if ends else "") == "fail":
            raise ValueError("no")
        if how == "bury":
            raise Discard("no")

    if kind == "async":

        @queue.process("t")
        async def aloud(job: Job) -> None:
            say(job)
    else:

        @queue.process("t")
        def in_a_thread(job: Job) -> None:
            say(job)


def notes(rig: Rig, job_id: str) -> JobNotes:
    (found,) = rig.client.notes("q", [job_id], after=0)
    assert found is not None
    return found


def calls(rig: Rig, command: str) -> int:
    return int(rig.raw.info("commandstats").get(f"cmdstat_{command}", {}).get("calls", 0))


@pytest.mark.parametrize("kind", KINDS)
async def test_what_short_jobs_say_is_there_when_they_have_ended(rig: Rig, kind: str) -> None:
    queue = queue_on(rig, concurrency=5)
    chatting(queue, kind, 3)
    ids = rig.add(40)
    await work_off(queue)
    for job_id in ids:
        found = notes(rig, job_id)
        assert (found.progress, found.note, [line.text for line in found.lines]) == (
            1.0, "3 of 3", ["line 0", "line 1", "line 2"],
        )  # fmt: skip
        assert 0 < rig.raw.pttl(rig.keys.notes(job_id)) <= config.NOTES_DONE_MS
    assert rig.totals()["done"] == 40


@pytest.mark.parametrize("kind", KINDS)
async def test_a_flood_costs_few_calls_and_little_memory(rig: Rig, kind: str) -> None:
    queue = queue_on(rig, concurrency=2)
    chatting(queue, kind, 20_000)
    ids = rig.add(2)
    rig.raw.config_resetstat()
    await work_off(queue)
    for job_id in ids:
        found = notes(rig, job_id)
        assert (found.progress, len(found.lines), found.skipped) == (1.0, 100, 19_900)
        assert found.lines[-1].text == "line 19999"
        assert rig.raw.memory_usage(rig.keys.notes(job_id)) < 32_000
    assert calls(rig, "xpending") < 400  # one a report: twice a second while they run, and claims and acks


@pytest.mark.parametrize("kind", KINDS)
async def test_failed_attempts_are_told_apart_and_those_of_a_dead_job_are_kept(rig: Rig, kind: str) -> None:
    queue = queue_on(rig, concurrency=1, retries=2)
    chatting(queue, kind, 1, ["fail", "bury"])
    (job_id,) = rig.add()
    async with working(queue):
        await until(lambda: rig.totals().get("dead") == 1, 20)
    detail = rig.detail(job_id)
    assert detail.state is State.DEAD
    assert detail.notes is not None
    assert [(line.attempt, line.text) for line in detail.notes.lines] == [(1, "line 0"), (2, "line 0")]
    assert detail.notes.attempt == 2
    assert rig.raw.pttl(rig.keys.notes(job_id)) > config.NOTES_MS


async def test_notes_are_kept_as_long_as_the_result(rig: Rig) -> None:
    queue = queue_on(rig, concurrency=1)
    chatting(queue, "async", 1)
    (job_id,) = rig.add(keep=LONG)
    await work_off(queue)
    assert rig.raw.pttl(rig.keys.notes(job_id)) > 6 * 3600 * 1000
    assert rig.detail(job_id).notes is not None


@pytest.mark.parametrize("kind", KINDS)
async def test_a_running_job_is_heard_while_it_runs(rig: Rig, kind: str) -> None:
    queue, over = queue_on(rig, concurrency=1), threading.Event()

    @queue.process("t")
    async def slow(job: Job) -> None:
        job.progress(0.3, "waiting")
        await until(over.is_set, 30)
        job.log("over")

    @queue.process("plain")
    def slow_in_a_thread(job: Job) -> None:
        job.progress(0.3, "waiting")
        over.wait(30)
        job.log("over")

    (job_id,) = rig.add(task="t" if kind == "async" else "plain")
    async with working(queue):
        await until(lambda: any(rig.client.notes("q", [job_id])), 20)
        found = rig.detail(job_id)
        assert found.state is State.RUNNING
        assert found.notes is not None
        assert (found.notes.progress, found.notes.lines) == (0.3, ())
        over.set()
        await until(lambda: rig.totals().get("done") == 1, 20)
    assert [line.text for line in notes(rig, job_id).lines] == ["over"]


async def test_jobs_that_say_nothing_cost_nothing(rig: Rig) -> None:
    queue = queue_on(rig, concurrency=5)

    @queue.process("t")
    async def silent(job: Job) -> None:
        await asyncio.sleep(0.001)

    rig.add(200)
    await work_off(queue)
    assert list(rig.raw.scan_iter("*notes*")) == []


async def test_a_job_that_is_given_back_has_its_last_words_there(rig: Rig) -> None:
    queue, begun = queue_on(rig, concurrency=1), asyncio.Event()

    @queue.process("t")
    async def endless(job: Job) -> None:
        job.log("begun")
        begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            job.log("stopped")

    (job_id,) = rig.add()
    async with working(queue, grace=timedelta(0)):
        await begun.wait()
    assert [line.text for line in notes(rig, job_id).lines] == ["begun", "stopped"]
    assert rig.state(job_id) is State.READY


async def test_a_queue_that_wants_no_notes_gets_none_and_loses_no_job(rig: Rig) -> None:
    queue = queue_on(rig, concurrency=2)
    chatting(queue, "async", 5)
    rig.client.configure("q", notes=False)
    rig.add(20)
    await work_off(queue)
    assert rig.totals()["done"] == 20
    assert list(rig.raw.scan_iter("*:notes:*")) == []


async def test_a_key_of_another_type_does_not_hold_up_the_end(any_server: Any) -> None:
    rig = Rig(any_server, 3)
    queue = queue_on(rig, concurrency=1)
    chatting(queue, "async", 1)
    (job_id,) = rig.add()
    rig.raw.set(rig.keys.tail_notes, "not a wish", ex=60)
    rig.raw.set(rig.keys.notes(job_id), "x", ex=60)
    await work_off(queue)
    assert rig.totals()["done"] == 1
    rig.client.close()


async def test_a_server_that_is_away_neither_fails_a_handler_nor_loses_its_words(
    new_server: NewServer,
) -> None:
    server = new_server("valkey", aof=True)
    rig = Rig(server, 2)
    queue, away, back = queue_on(rig, concurrency=1), threading.Event(), threading.Event()

    @queue.process("t")
    def steady(job: Job) -> None:
        job.log("before")
        away.wait(30)
        for n in range(1000):
            job.progress(n / 1000)
        job.log("while it was away")
        back.wait(30)

    (job_id,) = rig.add()
    async with working(queue):
        await until(lambda: any(rig.client.notes("q", [job_id])), 20)
        await asyncio.to_thread(server.kill)
        away.set()
        await asyncio.sleep(1.2)  # two reports fail meanwhile
        await asyncio.to_thread(server.start)
        back.set()
        await until(lambda: rig.totals().get("done") == 1, 40)
    assert [line.text for line in notes(rig, job_id).lines] == ["before", "while it was away"]
    assert notes(rig, job_id).progress == 0.999
    rig.client.close()


SHOUTING = """
import time
from taskq_core import Job, TaskQueue
queue = TaskQueue("q")
@queue.process("t")
def shout(job: Job) -> None:
    for n in range(10**9):
        job.log(f"line {n}")
        job.progress(0.5)
        time.sleep(0.001)
"""


def test_a_killed_worker_leaves_only_what_expires(rig: Rig, spawn: Spawn, tmp_path: Path) -> None:
    (tmp_path / "shouting.py").write_text(SHOUTING)
    (job_id,) = rig.add()
    program_ = spawn([*taskq_command(), "worker", "shouting:queue", "-c", "1"], url=rig.url)
    wait_until(lambda: any(rig.client.notes("q", [job_id], after=0)), 30)
    program_.kill()
    assert leaks(rig.raw) == []
    assert 0 < rig.raw.pttl(rig.keys.notes(job_id)) <= config.NOTES_MS
    assert notes(rig, job_id).progress == 0.5


# -- programs ---------------------------------------------------------------------------------------------


SCRIPT = r"""
echo "progress 40% half of the pages" > "$TASKQ_NOTES"
echo "fetched 300 rows" > "$TASKQ_NOTES"
printf 'progress nothing\nprogress 2\r\n\033[31mred' > "$TASKQ_NOTES"
echo out; echo err >&2
"""


async def test_a_program_tells_by_its_file(rig: Rig) -> None:
    queue = queue_on(rig, concurrency=1)
    queue.process("t")(program(["sh", "-c", SCRIPT]))
    receipt = await queue.add("t", {}, JobOptions(keep=LONG))
    await work_off(queue)
    found = rig.detail(receipt.id)
    assert found.result == b'"out"'
    assert found.notes is not None
    assert (found.notes.progress, found.notes.note) == (1.0, "")
    assert [line.text for line in found.notes.lines] == [
        "fetched 300 rows",
        "progress nothing",
        "\x1b[31mred",
    ]


async def test_a_program_that_floods_its_file_is_held_within_bounds_and_ends(rig: Rig) -> None:
    queue = queue_on(rig, concurrency=1)
    queue.process("t")(program(["sh", "-c", 'yes "a line of a log" | head -c 3000000 > "$TASKQ_NOTES"']))
    (job_id,) = rig.add()
    await work_off(queue)
    found = notes(rig, job_id)
    assert len(found.lines) == 100
    assert rig.totals()["done"] == 1
