"""A producer process: `python -m taskq_cli.bench.producer steady RATE SECONDS` or `… noted COUNT`."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from taskq_cli.bench.records import Journal
from taskq_cli.bench.workload import emails, stamped
from taskq_core import Client, JobOptions, Priority

BATCH = 50


def steady(client: Client, queue: str, rate: float, seconds: float) -> None:
    """Sends one job after the other at a steady rate, each stamped with its time."""
    start = time.perf_counter()
    for number in range(int(rate * seconds)):
        time.sleep(max(0.0, start + number / rate - time.perf_counter()))
        client.enqueue(queue, "stamp", stamped(number))


def noted(client: Client, queue: str, count: int) -> None:
    """Sends jobs one by one and in batches, over all priorities, and notes the ids it got."""
    journal = Journal(Path(os.environ["TASKQ_BENCH_FOLDER"]), "enqueued")
    levels = [JobOptions(priority=level) for level in Priority]
    sent = 0
    while sent < count:
        options = levels[sent // BATCH % len(levels)]
        size = min(BATCH, count - sent)
        if sent % (2 * BATCH):
            receipts = list(client.enqueue_many(queue, "note", emails(size, sent), options))
        else:
            receipts = [client.enqueue(queue, "note", payload, options) for payload in emails(size, sent)]
        journal.lines([receipt.id for receipt in receipts])
        sent += size


def main(words: list[str]) -> None:
    """Does what the words say, on the server and queue that the environment names."""
    environment = os.environ
    queue = environment["TASKQ_BENCH_QUEUE"]
    with Client(environment["TASKQ_REDIS_URL"], namespace=environment["TASKQ_NAMESPACE"]) as client:
        if words[0] == "steady":
            steady(client, queue, float(words[1]), float(words[2]))
        else:
            noted(client, queue, int(words[1]))


if __name__ == "__main__":
    main(sys.argv[1:])
