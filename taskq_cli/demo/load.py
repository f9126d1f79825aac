"""The load of the demo: a thread that enqueues single jobs, delayed ones, and now and then a burst."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from taskq_cli.demo.app import NAMESPACE, UNSERVED, emails, feeds, images
from taskq_core import Client, JobOptions, Priority, TaskqError

TICK_S: Final = 0.05
BURST: Final = 1_500
BURST_EVERY: Final = 80
"""Ticks: four seconds."""
TROUBLE_EVERY: Final = 20
"""Ticks: a second."""
LATER: Final = JobOptions(delay=timedelta(seconds=2))
URGENT: Final = JobOptions(priority=Priority.CRITICAL)


class Load:
    """Enqueues in the background until `stop`. ``enqueued`` counts the receipts.

    ``troubled``: also jobs that always fail, and some for a queue that nobody serves.
    """

    def __init__(self, url: str, tell: Callable[[str], None], *, troubled: bool = False) -> None:
        self._troubled = troubled
        self.enqueued = 0
        self.error: TaskqError | None = None
        self._client = Client(url, namespace=NAMESPACE)
        self._tell = tell
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="taskq-demo-load", daemon=True)

    def start(self) -> None:
        """Begins."""
        self._thread.start()

    def stop(self) -> None:
        """Ends, and returns when the last job was sent."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self._client.close()

    def _run(self) -> None:
        start = time.monotonic()
        tick = 0
        try:
            while not self._stop.wait(max(0.0, start + tick * TICK_S - time.monotonic())):
                tick += 1
                self._tick(tick)
        except TaskqError as error:
            self.error = error

    def _tick(self, tick: int) -> None:
        self._send(emails.name, "send-email", 20)
        self._send(images.name, "resize", 3)
        self._send(feeds.name, "fetch-feed", 2)
        if tick % 4 == 0:
            self._send(emails.name, "send-email", 1, URGENT)
            self._send(images.name, "resize", 1, LATER)
        if self._troubled and tick % TROUBLE_EVERY == 0:
            self._send(feeds.name, "import-feed", 2)
            self._send(UNSERVED, "send-invoice", 1)
        if tick % BURST_EVERY == BURST_EVERY // 2:
            self._tell(f"a newsletter: {BURST:,} e-mails at once, as low priority")
            self._send(emails.name, "send-email", BURST, JobOptions(priority=Priority.LOW))

    def _send(self, queue: str, task: str, count: int, options: JobOptions | None = None) -> None:
        payloads: list[dict[str, Any]] = [{"number": self.enqueued + n} for n in range(count)]
        receipts = self._client.enqueue_many(queue, task, payloads, options or JobOptions())
        self.enqueued += len(receipts)
