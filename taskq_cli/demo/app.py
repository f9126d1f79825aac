"""The application of the demo: three queues whose tasks differ in length, style and luck."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

from taskq_core import Backoff, Discard, Job, TaskQueue

NAMESPACE = "demo"
SOON = Backoff(base=timedelta(milliseconds=400), factor=2, cap=timedelta(seconds=2))

emails = TaskQueue("emails", namespace=NAMESPACE, concurrency=20)
images = TaskQueue("images", namespace=NAMESPACE, concurrency=20)
feeds = TaskQueue("feeds", namespace=NAMESPACE, concurrency=20, retries=4, backoff=SOON)
QUEUES = (emails, images, feeds)
UNSERVED = "invoices"
"""A queue without workers, which `taskq demo --hold` fills."""


@emails.process("send-email")
async def send_email(job: Job) -> None:
    """Waits for a mail server: 4 to 11 ms."""
    await asyncio.sleep(0.004 + _number(job) % 8 / 1000)


@images.process("resize")
def resize(job: Job) -> None:
    """A plain function, which runs in a thread: 20 to 80 ms."""
    time.sleep(0.02 + _number(job) % 7 / 100)


@feeds.process("fetch-feed")
async def fetch_feed(job: Job) -> None:
    """Fails every third time at the first attempt, and now and then for good."""
    number = _number(job)
    await asyncio.sleep(0.05 + number % 16 / 100)
    if number % 37 == 0:
        raise Discard("the feed is gone for good")
    if (number + job.attempt) % 3 == 0:
        raise ConnectionError("the feed did not answer")


@feeds.process("import-feed")
def import_feed(job: Job) -> None:
    """Never succeeds, for one of three reasons: what `taskq demo --hold` has to show of failures."""
    number = _number(job)
    if number % 2:
        raise KeyError("title")
    if number % 3:
        raise TimeoutError(f"no answer from feed {number} within 5 s")
    raise ValueError(f"feed {number} is not XML")


def _number(job: Job) -> int:
    return int(job.payload["number"])
