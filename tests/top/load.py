"""A load on a real server that keeps a ledger of its own, to compare the view with."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial

from taskq_core import Client, Job, TaskQueue, WorkerOptions

TICK_S = 0.025
A_TICK = 2
BURST = 400
PARKED = 1_234
SLOTS = 12


class Ledger:
    """What the load did, by the clock of this machine, which is the server's as well."""

    def __init__(self) -> None:
        self.enqueued: list[float] = []
        self.done: list[float] = []
        self.failed: list[float] = []
        self.ran: list[float] = []
        """Seconds that handlers of `steady` took."""
        self.waited: list[float] = []
        """Seconds that jobs of `burst` waited."""

    def rate(self, times: list[float], at: datetime, seconds: float) -> float:
        """How many a second in the stretch that ends then."""
        end = at.timestamp()
        start = max(end - seconds, self.enqueued[0])
        return sum(start < time <= end for time in times) / (end - start)


class Load:
    """Three queues: `steady` is enqueued and worked at a constant rate, `burst` once, `parked` waits."""

    def __init__(self, url: str) -> None:
        self.ledger = Ledger()
        self._url = url
        self._stop = threading.Event()
        self._steady = TaskQueue("steady", redis=url, retries=0)
        self._burst = TaskQueue("burst", redis=url)
        self._steady.process("work")(self._work)
        self._burst.process("work")(self._handle_burst)
        self._threads = [threading.Thread(target=target) for target in (self._enqueue, self._serve)]

    async def _work(self, job: Job) -> None:
        number, began = int(job.payload["number"]), time.time()
        await asyncio.sleep(0.02 + number % 10 * 0.02)
        self.ledger.ran.append(time.time() - began)
        if number % 8 == 0:
            self.ledger.failed.append(time.time())
            raise ValueError("every eighth fails")
        self.ledger.done.append(time.time())

    async def _handle_burst(self, job: Job) -> None:
        self.ledger.waited.append(time.time() - float(job.payload["sent"]))
        await asyncio.sleep(0.06)
        self.ledger.done.append(time.time())

    def _enqueue(self) -> None:
        with Client(self._url) as client:
            begun = time.monotonic()
            ticks = number = 0
            while not self._stop.wait(max(0.0, begun + ticks * TICK_S - time.monotonic())):
                ticks += 1
                payloads = [{"number": number + n} for n in range(A_TICK)]
                number += A_TICK
                _ = client.enqueue_many("steady", "work", payloads)
                self.ledger.enqueued += [time.time()] * A_TICK

    def _serve(self) -> None:
        async def work() -> None:
            stopped = partial(self._stop.wait, 60)
            options = WorkerOptions(concurrency=SLOTS, grace=timedelta(seconds=1))
            running = [asyncio.create_task(queue.work(options)) for queue in (self._steady, self._burst)]
            _ = await asyncio.to_thread(stopped)
            for task in running:
                _ = task.cancel()
            _ = await asyncio.gather(*running, return_exceptions=True)

        asyncio.run(work())

    def _prepare(self) -> None:
        with Client(self._url) as client:
            _ = client.enqueue_many("parked", "work", [{}] * PARKED)
            _ = client.pause("parked")
            _ = client.enqueue_many("burst", "work", [{"sent": time.time()}] * BURST)
            self.ledger.enqueued += [time.time()] * (PARKED + BURST)

    @contextmanager
    def running(self) -> Iterator[Ledger]:
        """The load, while the block lasts."""
        self._prepare()
        for thread in self._threads:
            thread.start()
        try:
            yield self.ledger
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join()
            self._steady.close_sync()
            self._burst.close_sync()
