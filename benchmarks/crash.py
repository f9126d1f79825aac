"""Kills a worker with SIGKILL in the middle of 1,000 jobs of 50 ms, and starts another one.

Recovery is the time from the kill to the end of the last job that the dead worker had begun.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from functools import partial

from benchmarks.app import APP
from benchmarks.report import Result, parser, run
from taskq_cli.bench.records import pairs
from taskq_cli.bench.scratch import Place, Scratch
from tests.servers import Server
from tests.waiting import wait_until

JOBS = 1_000
JOB_S = 0.05
LEASE_S = 15.0


def crash(scratch: Scratch, server: Server, *, kill_after_s: float) -> Sequence[Result]:
    """The worker has the default lease and 10 slots."""
    with scratch.place("crash") as place:
        place.client.enqueue_many(
            place.queue, "nap", ({"number": number, "seconds": JOB_S} for number in range(JOBS))
        )
        with place.worker(app=APP) as victim:
            wait_until(lambda: pairs(place.folder, "began"), 20, "the first job")
            time.sleep(kill_after_s)
            victim.kill()
            victim.wait()
            killed_at = time.time()
        held = place.client.snapshot(place.queue).running
        with place.worker(app=APP):
            wait_until(lambda: _left(place) == 0, LEASE_S * 3, "the end of all jobs")
        return _results(place, killed_at, held)


def _left(place: Place) -> int:
    now = place.client.snapshot(place.queue)
    return now.ready_total + now.running + now.scheduled


def _results(place: Place, killed_at: float, held: int) -> Sequence[Result]:
    ended = pairs(place.folder, "ended")
    runs = Counter(number for number, _ in ended)
    begun_before = {number for number, at in pairs(place.folder, "began") if at < killed_at}
    interrupted = begun_before - {number for number, at in ended if at < killed_at}
    recovery = max((at for number, at in ended if number in interrupted), default=killed_at) - killed_at
    begun = Counter(number for number, _ in pairs(place.folder, "began"))
    twice = sum(count > 1 for count in begun.values())
    return [
        Result("jobs", JOBS, "jobs"),
        Result("done before the kill", sum(at < killed_at for _, at in ended), "jobs"),
        Result("running at the kill", len(interrupted), "jobs"),
        Result("held by the dead worker", held, "jobs"),
        Result("recovery", recovery, "s", f"<= {LEASE_S + 2:g} (lease + 2)", recovery <= LEASE_S + 2),
        Result("lost", JOBS - len(runs), "jobs", "0", len(runs) == JOBS),
        Result("begun twice", twice, "jobs", "<= held", twice <= held),
    ]


if __name__ == "__main__":
    flags = parser(__doc__)
    flags.add_argument("--kill-after", type=float, default=2.0, metavar="S")
    given = flags.parse_args()
    run(given, partial(crash, kill_after_s=given.kill_after))
