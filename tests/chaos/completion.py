"""`python -m tests.chaos.completion --jobs 1000000`: how many jobs are completed under a killer.

A random worker is killed every 2 s, and the server, which writes an append-only file, every 30 s, unless the
flags say otherwise. Exit code 1 when anything is lost, stuck, or done twice without a reason.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from dataclasses import dataclass

from tests.chaos.mill import Count, Mill, mill, table


@dataclass(frozen=True, slots=True)
class Killing:
    """Seconds between two kills of workers, and of the server; how far the producer goes ahead.

    ``a_second``: jobs that are added in each, 0 as many as can be. With a limit a fast machine is not done
    before the first kill.
    """

    worker_s: float = 2.0
    server_s: float = 30.0
    most_waiting: int = 20_000
    a_second: float = 0.0


USUAL = Killing()


def run(
    kind: str, jobs: int, seed: int = 1, killing: Killing = USUAL, workers: int = 4
) -> tuple[Count, Mill]:
    """Works off so many jobs under the killer, which ends with the producer."""
    with mill(kind, workers, seed) as made:
        with made.producer(jobs, killing.a_second, killing.most_waiting) as producer:
            _kill(made, producer, killing)
        return made.count(), made


def _kill(made: Mill, producer: threading.Thread, killing: Killing) -> None:
    next_worker, next_server = time.monotonic() + killing.worker_s, time.monotonic() + killing.server_s
    while producer.is_alive():
        time.sleep(0.02)
        if time.monotonic() > next_server:
            made.restart_server()
            next_server = time.monotonic() + killing.server_s
        if time.monotonic() > next_worker:
            made.kill_one()
            next_worker = time.monotonic() + killing.worker_s


def report(count: Count, made: Mill) -> str:
    """The figures, as printed."""
    kinds = made.faults.kinds
    explained = f"{count.explained} of them ended just before their worker or the server was killed"
    rows = [
        ("jobs", f"{count.jobs:,}"),
        ("completed", f"{count.percent:.4f} %"),
        ("lost", str(count.lost)),
        ("stuck", str(count.stuck)),
        ("dead", str(count.dead)),
        ("done twice", f"{count.duplicates}; {explained}"),
        ("workers killed", str(kinds.get("worker killed", 0))),
        ("server killed", str(kinds.get("server killed", 0))),
        ("time", f"{count.took_s:.0f} s, {count.jobs / count.took_s:,.0f} jobs a second"),
    ]
    return table(rows)


def main() -> None:
    """Runs it, and prints the figures."""
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--jobs", type=int, default=1_000_000)
    flags.add_argument("--kind", default="valkey", help="valkey or redis")
    flags.add_argument("--seed", type=int, default=1)
    flags.add_argument("--workers", type=int, default=4)
    flags.add_argument("--worker-every", type=float, default=USUAL.worker_s, metavar="S")
    flags.add_argument("--server-every", type=float, default=USUAL.server_s, metavar="S")
    given = flags.parse_args()
    killing = Killing(given.worker_every, given.server_every)
    count, made = run(given.kind, given.jobs, given.seed, killing, given.workers)
    print(report(count, made))
    sys.exit(bool(count.jobs < given.jobs or count.lost or count.stuck or count.duplicates > count.explained))


if __name__ == "__main__":
    main()
