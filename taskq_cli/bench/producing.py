"""Measures of enqueueing: one job after the other, and in bulk."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

from taskq_cli.bench.measurement import Measurement
from taskq_cli.bench.scratch import NAMESPACE, Place, Scratch
from taskq_cli.bench.workload import TASK, emails
from taskq_core import AsyncClient

SINGLE_SHARE = 20
"""One by one is that much slower than in bulk, so it gets that much fewer jobs."""
WARM = 100
MOST_S = 3.0
"""A server that writes each job to disk answers some hundred calls a second: no need to make thousands."""


def enqueue(scratch: Scratch, jobs: int) -> Iterator[Measurement]:
    """Jobs a second from one producer, each call awaited: single calls, then batches of 1,000."""
    single = max(WARM, jobs // SINGLE_SHARE)
    with scratch.place("enqueue") as place:
        yield _figure("enqueue_async", *asyncio.run(_one_by_one_async(place, single)))
        yield _figure("enqueue_sync", *_one_by_one(place, single))
        yield _figure("enqueue_bulk_async", jobs, asyncio.run(_bulk_async(place, jobs)))
        yield _figure("enqueue_bulk_sync", jobs, fill(place, jobs))


def _figure(measure: str, jobs: int, seconds: float) -> Measurement:
    return Measurement(measure, jobs / seconds, "jobs/s", jobs)


def fill(place: Place, jobs: int) -> float:
    """Seconds to enqueue that many jobs in bulk."""
    start = time.perf_counter()
    place.client.enqueue_many(place.queue, TASK, emails(jobs))
    return time.perf_counter() - start


def _one_by_one(place: Place, jobs: int) -> tuple[int, float]:
    for payload in emails(WARM):
        place.client.enqueue(place.queue, TASK, payload)
    start = now = time.perf_counter()
    sent = 0
    for payload in emails(jobs):
        place.client.enqueue(place.queue, TASK, payload)
        sent += 1
        if (now := time.perf_counter()) - start > MOST_S:
            break
    return sent, now - start


async def _one_by_one_async(place: Place, jobs: int) -> tuple[int, float]:
    async with AsyncClient(place.url, namespace=NAMESPACE) as client:
        for payload in emails(WARM):
            await client.enqueue(place.queue, TASK, payload)
        start = now = time.perf_counter()
        sent = 0
        for payload in emails(jobs):
            await client.enqueue(place.queue, TASK, payload)
            sent += 1
            if (now := time.perf_counter()) - start > MOST_S:
                break
        return sent, now - start


async def _bulk_async(place: Place, jobs: int) -> float:
    async with AsyncClient(place.url, namespace=NAMESPACE) as client:
        await client.enqueue_many(place.queue, TASK, emails(WARM))
        start = time.perf_counter()
        await client.enqueue_many(place.queue, TASK, emails(jobs))
        return time.perf_counter() - start
