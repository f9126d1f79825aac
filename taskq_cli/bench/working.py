"""Measures with a worker: how fast it drains, what that costs the server, how soon a job starts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from statistics import median

from taskq_cli.bench.measurement import Measurement, percentile
from taskq_cli.bench.producing import fill
from taskq_cli.bench.records import Tally, pairs, tally
from taskq_cli.bench.scratch import BenchFailed, Place, Scratch
from taskq_cli.bench.server_load import Idle, load, settle
from taskq_cli.bench.workload import TASK, emails, stamped
from taskq_core import JobOptions, Priority

PLAIN_SHARE = 4
"""Plain functions run in threads, more slowly, so they get that much fewer jobs."""
RATE = 200
LATENCY_S = 5.0
JOBS_PER_LATENCY_S = 20_000
"""A run with fewer jobs is to be a short one."""
URGENT = 5


def life(scratch: Scratch, jobs: int, idle: Idle) -> Iterator[Measurement]:
    """One queue filled and drained: memory while jobs wait, drain rate, processor time of the server."""
    with scratch.place("drain") as place:
        settle(place.client)
        empty = load(place.client)
        fill(place, jobs)
        full = load(place.client)
        each = (full.memory - empty.memory) / jobs
        yield Measurement(
            "memory", each, "bytes/job", jobs, idle.remark or f"{each:.0f} MB for 1,000,000 jobs"
        )
        drained = drain(place, jobs)
        yield Measurement("drain_async", drained.per_second, "jobs/s", jobs)
        end = load(place.client)
        busy = max(0.0, end.cpu_s - empty.cpu_s - idle.others * (end.at - empty.at))
        yield Measurement("server_cpu", busy / jobs * 1e6, "us/job", jobs, idle.remark or "enqueue to ack")


def drain_plain(scratch: Scratch, jobs: int) -> Iterator[Measurement]:
    """The drain rate of plain functions, which run in threads."""
    jobs = max(1_000, jobs // PLAIN_SHARE)
    with scratch.place("plain") as place:
        fill(place, jobs)
        yield Measurement("drain_plain", drain(place, jobs, plain=True).per_second, "jobs/s", jobs)


def drain(place: Place, jobs: int, *, plain: bool = False) -> Tally:
    """What one worker process with 10 slots counted while it emptied the queue."""
    with place.worker("--burst", plain=plain) as worker:
        place.finish(worker, "the worker", lambda: tally(place.folder).count)
    counted = tally(place.folder)
    if counted.count < jobs:
        raise BenchFailed(f"{jobs:,} jobs were enqueued and {counted.count:,} ran")
    return counted


def latency(scratch: Scratch, jobs: int) -> Iterator[Measurement]:
    """From just before a job is enqueued to the start of its handler, at 200 jobs/s from another process."""
    seconds = min(LATENCY_S, max(1.0, jobs / JOBS_PER_LATENCY_S))
    with scratch.place("latency") as place, place.worker():
        _wait_for_worker(place)
        with place.produce("steady", str(RATE), str(seconds)) as producer:
            place.finish(producer, "the producer", lambda: len(pairs(place.folder, "starts")))
        sent = int(RATE * seconds)
        place.until(
            lambda: len(pairs(place.folder, "starts")) >= sent,
            "the worker",
            lambda: len(pairs(place.folder, "starts")),
        )
        waits = [(started - at) * 1000 for at, started in pairs(place.folder, "starts")]
    # the first ones meet a cold producer and a cold worker
    waits = waits[len(waits) // 20 :]
    yield Measurement("latency_p50", percentile(waits, 0.50), "ms", len(waits), f"at {RATE} jobs/s")
    yield Measurement("latency_p99", percentile(waits, 0.99), "ms", len(waits), f"at {RATE} jobs/s")


def priority(scratch: Scratch, jobs: int) -> Iterator[Measurement]:
    """How soon a critical job starts that is enqueued behind many low ones, while a worker is at them."""
    low, critical = JobOptions(priority=Priority.LOW), JobOptions(priority=Priority.CRITICAL)
    with scratch.place("priority") as place:
        place.client.enqueue_many(place.queue, TASK, emails(jobs), low)
        with place.worker():
            place.until(lambda: tally(place.folder).count > 0, "the worker", lambda: 0)
            behind = jobs - tally(place.folder).count
            for number in range(URGENT):
                place.client.enqueue(place.queue, "stamp", stamped(number), critical)
                time.sleep(0.02)
            place.until(
                lambda: len(pairs(place.folder, "starts")) >= URGENT,
                "the worker",
                lambda: tally(place.folder).count,
            )
        waits = [(started - at) * 1000 for at, started in pairs(place.folder, "starts")]
    yield Measurement(
        "overtaking", max(waits), "ms", URGENT,
        f"critical behind {behind:,} low ones; median {median(waits):.1f} ms",
    )  # fmt: skip


def _wait_for_worker(place: Place) -> None:
    place.until(lambda: bool(place.client.workers(place.queue)), "the worker", lambda: 0)
