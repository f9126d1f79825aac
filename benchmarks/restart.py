"""Kills the server with SIGKILL several times, append-only file on, while jobs come in and are worked.

Nothing may be lost, and the same workers must go on by themselves. A job may run twice when the answer
to its ack was lost.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from functools import partial

from benchmarks.report import Result, parser, run
from taskq_cli.bench.records import ids
from taskq_cli.bench.scratch import Place, Scratch
from tests.servers import Server
from tests.waiting import wait_until

AWAY_S = 1.0
WITHIN_S = 5.0


def restart(scratch: Scratch, server: Server, *, jobs: int, kills: int) -> Sequence[Result]:
    """Two workers, one producer, and a server that is away for a second each time."""
    pauses: list[float] = []
    with scratch.place("restart") as place, place.worker() as one, place.worker(plain=True) as two:
        with place.produce("noted", str(jobs)) as producer:
            for number in range(kills):
                part = int(jobs * (number + 0.5) / (kills + 1))
                wait_until(partial(_has_run, place, part), 120, "progress")
                pauses.append(_kill_and_start(server, place))
            place.finish(producer, "the producer", lambda: _ran(place))
        place.until(lambda: _left(place) == 0, "the workers", lambda: _ran(place))
        alive = (one.poll() is None) + (two.poll() is None)
        enqueued, runs = ids(place.folder, "enqueued"), Counter(ids(place.folder, "ran"))
    lost = len(set(enqueued) - runs.keys())
    return [
        Result("jobs", len(enqueued), "jobs", f"{jobs:,}", len(enqueued) == jobs),
        Result("server killed", kills, "times"),
        Result("workers still there", alive, "of 2", "2", alive == 2),
        Result("longest pause after it is up", max(pauses), "s", f"<= {WITHIN_S:g}", max(pauses) <= WITHIN_S),
        Result("lost", lost, "jobs", "0", lost == 0),
        Result("never enqueued by our count", len(runs.keys() - set(enqueued)), "jobs"),
        Result("run twice", runs.total() - len(runs), "jobs"),
    ]


def _kill_and_start(server: Server, place: Place) -> float:
    """Seconds from the moment the server answers again to the next job."""
    server.kill()
    time.sleep(AWAY_S)
    before = _ran(place)
    server.start()
    up = time.monotonic()
    wait_until(lambda: _ran(place) > before, 60, "the workers to go on")
    return time.monotonic() - up


def _ran(place: Place) -> int:
    return len(ids(place.folder, "ran"))


def _has_run(place: Place, jobs: int) -> bool:
    return _ran(place) > jobs


def _left(place: Place) -> int:
    now = place.client.snapshot(place.queue)
    return now.ready_total + now.running + now.scheduled


if __name__ == "__main__":
    flags = parser(__doc__)
    flags.add_argument("--jobs", type=int, default=20_000, metavar="N")
    flags.add_argument("--kills", type=int, default=3, metavar="N")
    given = flags.parse_args()
    run(given, partial(restart, jobs=given.jobs, kills=given.kills), aof=True)
