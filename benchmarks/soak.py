"""One worker runs 5,000,000 jobs: its memory at the end against what it held after the first 100,000."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from functools import partial

from benchmarks.report import Result, parser, run
from taskq_cli.bench.producing import fill
from taskq_cli.bench.records import tally
from taskq_cli.bench.scratch import Scratch
from tests.servers import Server

SETTLED = 100_000
AHEAD = 100_000
CHUNK = 20_000


def soak(scratch: Scratch, server: Server, *, jobs: int) -> Sequence[Result]:
    """The queue is kept filled by this process; the worker is never restarted."""
    settled = most = 0
    with scratch.place("soak") as place, place.worker() as worker:
        sent, start = 0, time.monotonic()
        while (done := tally(place.folder).count) < jobs:
            place.check(worker, "the worker")
            if sent < jobs and sent - done < AHEAD:
                fill(place, min(CHUNK, jobs - sent))
                sent += min(CHUNK, jobs - sent)
            else:
                time.sleep(0.02)
            if done >= SETTLED:
                settled = settled or resident(worker.pid)
                most = max(most, resident(worker.pid))
        seconds = time.monotonic() - start
        end = resident(worker.pid)
    ratio = end / settled
    return [
        Result("jobs", done, "jobs", f"{jobs:,}", done == jobs),
        Result("rate, with its producer", done / seconds, "jobs/s"),
        Result(f"memory after {SETTLED:,}", settled / 1024, "MB"),
        Result("memory at the end", end / 1024, "MB"),
        Result("most in between", most / 1024, "MB"),
        Result("ratio", ratio, "", "<= 1.1", ratio <= 1.1),
    ]


def resident(pid: int) -> int:
    """The resident memory of a process in KB, on Linux and macOS."""
    command = ["ps", "-o", "rss=", "-p", str(pid)]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(said.stdout)


if __name__ == "__main__":
    flags = parser(__doc__)
    flags.add_argument("--jobs", type=int, default=5_000_000, metavar="N")
    given = flags.parse_args()
    if given.jobs <= SETTLED:
        flags.error(f"--jobs must be more than {SETTLED}")
    run(given, partial(soak, jobs=given.jobs))
