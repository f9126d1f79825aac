"""What metrics cost: drains of a worker with and without `--metrics-port`, by turns, scraped meanwhile."""

from __future__ import annotations

import contextlib
import resource
import threading
import urllib.request
from collections.abc import Iterator, Sequence
from statistics import median

from benchmarks.report import Result, parser, run
from taskq_cli.bench.producing import fill
from taskq_cli.bench.records import tally
from taskq_cli.bench.scratch import BenchFailed, Scratch
from tests.servers import Server, free_port

SCRAPE_EVERY_S = 5.0
"""Three times as often as the example of Prometheus' settings."""
LEAST = 0.97


def metering(scratch: Scratch, jobs: int, rounds: int) -> Sequence[Result]:
    """Pairs of drains; the ratio is the median of theirs, since a machine is not the same all the time."""
    drain(scratch, "warm", jobs // 4, metered=False)
    pairs = []
    for number in range(rounds):
        # each comes first every other time: what disturbs a machine comes and goes
        order = (False, True) if number % 2 else (True, False)
        found = {on: drain(scratch, f"{number}-{int(on)}", jobs, metered=on) for on in order}
        pairs.append((found[False], found[True]))
    ratio = median(on[0] / off[0] for off, on in pairs)
    return [
        Result("drain, metrics off", median(off[0] for off, _ in pairs), "jobs/s"),
        Result("drain, metrics on", median(on[0] for _, on in pairs), "jobs/s"),
        Result("ratio", ratio, "", f">= {LEAST}", ratio >= LEAST),
        Result("processor time, off", median(off[1] for off, _ in pairs), "us/job"),
        Result("processor time, on", median(on[1] for _, on in pairs), "us/job"),
    ]


def drain(scratch: Scratch, name: str, jobs: int, *, metered: bool) -> tuple[float, float]:
    """Jobs a second, and µs of the worker's processor time a job, its start and end included."""
    with scratch.place(name) as place, contextlib.ExitStack() as stack:
        fill(place, jobs)
        flags = ["--burst"]
        if metered:
            port = free_port()
            flags += ["--metrics-port", str(port)]
            stack.enter_context(scraped(port))
        before = spent()
        with place.worker(*flags) as worker:
            place.finish(worker, "the worker", lambda: tally(place.folder).count)
        counted = tally(place.folder)
    if counted.count != jobs:
        raise BenchFailed(f"{jobs} jobs were enqueued and {counted.count} ran")
    return counted.per_second, (spent() - before) / jobs * 1e6


def spent() -> float:
    """Seconds of processor time of the children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextlib.contextmanager
def scraped(port: int) -> Iterator[None]:
    """Scrapes a worker every `SCRAPE_EVERY_S`."""
    ended = threading.Event()

    def scrape() -> None:
        while not ended.wait(SCRAPE_EVERY_S):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5).read()

    thread = threading.Thread(target=scrape)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


if __name__ == "__main__":
    flags = parser(__doc__)
    flags.add_argument("--jobs", type=int, default=200_000)
    flags.add_argument("--rounds", type=int, default=5)
    parsed = flags.parse_args()

    def measure(scratch: Scratch, _: Server) -> Sequence[Result]:
        """As `run` wants it."""
        return metering(scratch, parsed.jobs, parsed.rounds)

    run(parsed, measure)
