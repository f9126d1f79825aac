"""What the exporter costs: a scrape of 1,000 queues, before and after a million jobs; the server's part."""

from __future__ import annotations

import sys
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.report import Result, parser, run
from taskq_cli.bench.scratch import Place, Scratch
from taskq_cli.bench.server_load import load
from taskq_core import Client
from taskq_core.command import Arg
from taskq_core.commands import work
from taskq_core.commands.work import Acks
from tests.servers import Server, free_port
from tests.waiting import wait_until

SCRAPE_S = 0.5
SHARE = 0.01
EVERY_S = 15.0
"""How often a Prometheus asks, by its example."""
SCRAPES = 8
WORKER_TTL_MS = 3_600_000


def exporter(scratch: Scratch, queues: int, jobs: int) -> Sequence[Result]:
    """Scrapes before and after a million jobs were added to one of the queues."""
    with scratch.place("exporter") as place:
        names = [f"{place.queue}.{number}" for number in range(queues)]
        for name in names:
            occupy(place.client, name)
        port = free_port()
        words = ["taskq_cli", "exporter", "--port", str(port), "--quiet", "-q", f"{place.queue}.*"]
        try:
            with place.process(words) as child:
                wait_until(lambda: answers(port), 20, "the exporter")
                few = scrapes(place, port)
                for _ in range(jobs // 100_000):
                    place.client.enqueue_many(names[0], "t", [{"n": n} for n in range(100_000)])
                many = scrapes(place, port)
                place.check(child, "the exporter")
        finally:
            for name in names:
                place.client.remove(name)
    return [
        Result("scrape", few.seconds * 1000, "ms", f"<= {SCRAPE_S * 1000:g}", few.seconds <= SCRAPE_S),
        Result("of it the server", few.server_s * 1000, "ms"),
        Result("share of a core", few.share * 100, "%", f"<= {SHARE * 100:g}", few.share <= SHARE),
        Result("answer", few.bytes / 1e6, "MB"),
        Result(f"scrape, {jobs:,} more jobs", many.seconds * 1000, "ms", "as before", alike(few, many)),
        Result("of it the server", many.server_s * 1000, "ms", "as before", alike(few, many)),
    ]


def occupy(client: Client, queue: str) -> None:
    """A queue in use: a worker, jobs done this minute, jobs that wait, one that runs."""
    keys = client.keys(queue)
    client.enqueue_many(queue, "t", [{"n": n} for n in range(12)])

    about: dict[str, Arg] = {"process": queue, "slots": 10, "busy": 1, "host": "bench", "pid": 1}
    client.run(work.register(keys, "w", WORKER_TTL_MS, about))
    claim = client.run(work.claim(keys, "w", work.Wanted(count=6)))
    for level, entries in claim.batches:
        acks = Acks(entries={("done", level): [entry for entry, _ in entries[:-1]]})
        acks.counts |= {"r130": 3, "r140": 2, "w60": 5}
        client.run(work.ack(keys, "w", acks))


@dataclass(frozen=True, slots=True)
class Scrapes:
    """Medians of several: seconds a scrape, the server's processor time in it, its size."""

    seconds: float
    server_s: float
    bytes: int

    @property
    def share(self) -> float:
        """Of one core of the server, when it is scraped as often as usual."""
        return self.server_s / EVERY_S


def scrapes(place: Place, port: int) -> Scrapes:
    """Scrapes several times; each reads the server anew."""
    took, busy, size = [], [], 0
    for _ in range(SCRAPES):
        time.sleep(1.1)  # what is older than a second is read anew
        before, began = load(place.client).cpu_s, time.perf_counter()
        size = len(scrape(port))
        took.append(time.perf_counter() - began)
        busy.append(load(place.client).cpu_s - before)
    return Scrapes(median(took), median(busy), size)


def scrape(port: int) -> bytes:
    """The text of one scrape."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        return bytes(answer.read())


def answers(port: int) -> bool:
    """Whether the exporter is there."""
    try:
        return b"taskq_redis_up" in scrape(port)
    except OSError:
        return False


def alike(few: Scrapes, many: Scrapes) -> bool:
    """Whether a million jobs make no difference beyond what one scrape differs from the next."""
    return many.server_s <= few.server_s * 1.3 + 0.002


if __name__ == "__main__":
    flags = parser(__doc__)
    flags.add_argument("--queues", type=int, default=1_000)
    flags.add_argument("--jobs", type=int, default=1_000_000)
    parsed = flags.parse_args(sys.argv[1:])

    def measure(scratch: Scratch, _: Server) -> Sequence[Result]:
        """As `run` wants it."""
        return exporter(scratch, parsed.queues, parsed.jobs)

    run(parsed, measure)
