"""Two workers with 10 slots each, 20 jobs of 2 s: all begin at once, as nobody takes more than it can run."""

from __future__ import annotations

import time
from collections.abc import Sequence

from benchmarks.app import APP
from benchmarks.report import Result, parser, run
from taskq_cli.bench.records import pairs
from taskq_cli.bench.scratch import Scratch
from tests.servers import Server
from tests.waiting import wait_until

SLOTS = 10
JOBS = 2 * SLOTS
JOB_S = 2.0
WITHIN_S = 0.3


def hoarding(scratch: Scratch, server: Server) -> Sequence[Result]:
    """From the enqueueing of all jobs in one call to the start of the last one."""
    flags = ("-c", str(SLOTS))
    with (
        scratch.place("hoarding") as place,
        place.worker(*flags, app=APP),
        place.worker(*flags, app=APP),
    ):
        wait_until(lambda: len(place.client.workers(place.queue)) == 2, 20, "two workers")
        sent = time.time()
        place.client.enqueue_many(
            place.queue, "nap", [{"number": number, "seconds": JOB_S} for number in range(JOBS)]
        )
        wait_until(lambda: len(pairs(place.folder, "began")) == JOBS, 20, "the start of all jobs")
        starts = sorted(at - sent for _, at in pairs(place.folder, "began"))
    return [
        Result("first start", starts[0] * 1000, "ms"),
        Result("last start", starts[-1] * 1000, "ms", f"<= {WITHIN_S * 1000:g}", starts[-1] <= WITHIN_S),
    ]


if __name__ == "__main__":
    run(parser(__doc__).parse_args(), hoarding)
