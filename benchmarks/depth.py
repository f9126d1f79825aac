"""Drain rate with 1,000,000 jobs waiting against 10,000: how deep a queue is must not matter.

Both are measured in the same way, in turns, so that a machine that gets slower or faster meanwhile does
not decide: a worker process takes 10,000 jobs and ends.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from functools import partial
from statistics import median

from benchmarks.report import Result, parser, run
from taskq_cli.bench.producing import fill
from taskq_cli.bench.records import tally
from taskq_cli.bench.scratch import Place, Scratch
from tests.servers import Server

STEP = 10_000


def depth(scratch: Scratch, server: Server, *, deep: int, rounds: int) -> Sequence[Result]:
    """The medians of all rounds."""
    rates: dict[str, list[float]] = {"deep": [], "shallow": []}
    with scratch.place("deep") as full, scratch.place("shallow") as short:
        fill(full, deep)
        for _ in range(rounds):
            fill(short, STEP)
            rates["shallow"].append(_round(short))
            rates["deep"].append(_round(full))
            fill(full, STEP)
    shallow_rate, deep_rate = median(rates["shallow"]), median(rates["deep"])
    ratio = deep_rate / shallow_rate
    return [
        Result(f"with {STEP:,} waiting", shallow_rate, "jobs/s"),
        Result(f"with {deep:,} waiting", deep_rate, "jobs/s"),
        Result("ratio", ratio, "", ">= 0.9", ratio >= 0.9),
    ]


def _round(place: Place) -> float:
    with place.worker("--max-jobs", str(STEP)) as worker:
        place.finish(worker, "the worker", lambda: tally(place.folder).count)
    rate = tally(place.folder).per_second
    shutil.rmtree(place.folder)
    place.folder.mkdir()
    return rate


if __name__ == "__main__":
    flags = parser(__doc__)
    flags.add_argument("--deep", type=int, default=1_000_000, metavar="N")
    flags.add_argument("--rounds", type=int, default=9, metavar="N")
    given = flags.parse_args()
    run(given, partial(depth, deep=given.deep, rounds=given.rounds))
