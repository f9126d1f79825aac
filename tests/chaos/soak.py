"""`python -m tests.chaos.soak --minutes 30 --jobs 1000000`: mixed faults, at a steady rate of jobs.

Prints what was lost, and whether memory, connections and open files are at the end what they were at the
start. Exit code 1 when something was lost or is stuck, or one of them grew.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.mill import Count, Mill, mill, table
from tests.chaos.proxy import Mode

PAGE = os.sysconf("SC_PAGE_SIZE")
GROWN = 1.5
"""How much more than at the start is growth, not chance."""
FEW = 8
MARGIN = 2e6
"""Files or connections, and bytes, that come and go."""
SHARE = 0.2
"""The part of a run that is its start, and that is its end."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What was in use at one moment; of the workers, the one that is never killed."""

    server_memory: float
    connections: float
    worker_memory: float
    worker_files: float


def run(
    kind: str, jobs: int, seconds: float, seed: int = 1, every_s: float = 4.0
) -> tuple[Count, Mill, list[Sample]]:
    """So many jobs in so many seconds, with a fault of any kind about every ``every_s``."""
    with mill(kind, 4, seed, proxied=True) as made:
        samples: list[Sample] = []
        look_s = max(0.25, seconds / 200)
        with made.producer(jobs, a_second=jobs / seconds) as producer:
            next_fault, next_look = made.random.uniform(0.5, 1.5) * every_s, look_s
            began = time.monotonic()
            while producer.is_alive():
                time.sleep(0.02)
                ran = time.monotonic() - began
                if ran > next_look:
                    next_look += look_s
                    samples.append(look(made))
                if ran > next_fault:
                    next_fault += made.random.uniform(0.5, 1.5) * every_s
                    name = made.random.choice([*FAULTS])
                    FAULTS[name](made)
        count = made.count()
        samples += [look(made) for _ in range(3)]
        return count, made, samples


def look(made: Mill) -> Sample:
    """What is in use now."""
    watched = made.hands[0].process.pid
    resident = int(Path(f"/proc/{watched}/statm").read_text().split()[1]) * PAGE
    return Sample(
        float(made.server.raw.info("memory")["used_memory"]),
        float(made.server.raw.info("clients")["connected_clients"]),
        float(resident),
        float(sum(1 for _ in Path(f"/proc/{watched}/fd").iterdir())),
    )


def _reset(made: Mill) -> None:
    made.faults.note("connections reset")
    for hand in made.hands:
        if hand.proxy is not None:
            hand.proxy.reset_connections()


def _slow(made: Mill) -> None:
    made.faults.note("latency")
    for hand in made.hands:
        if hand.proxy is not None:
            hand.proxy.behave(Mode(latency=0.1, jitter=0.1))
    time.sleep(0.5)
    for hand in made.hands:
        if hand.proxy is not None:
            hand.proxy.behave(Mode())


def _flush_scripts(made: Mill) -> None:
    made.faults.note("scripts flushed")
    made.server.raw.script_flush()


def _kill_clients(made: Mill) -> None:
    made.faults.note("clients killed")
    made.server.raw.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


FAULTS: dict[str, Callable[[Mill], None]] = {
    "worker": Mill.kill_one,
    "server": Mill.restart_server,
    "reset": _reset,
    "latency": _slow,
    "scripts": _flush_scripts,
    "clients": _kill_clients,
}


def growth(samples: Sequence[Sample]) -> list[tuple[str, float, float]]:
    """What, at the start and at the end: medians of the first and the last part."""
    samples = samples[len(samples) // 20 :]  # until all is warm
    part = max(1, int(len(samples) * SHARE))
    found = []
    for name in ("server_memory", "connections", "worker_memory", "worker_files"):
        values = [float(getattr(sample, name)) for sample in samples]
        found.append((name, statistics.median(values[:part]), statistics.median(values[-part:])))
    return found


def grown(samples: Sequence[Sample]) -> list[str]:
    """What is more at the end than it was at the start, by more than chance."""
    return [
        name
        for name, start, end in growth(samples)
        if end > GROWN * start + (FEW if name in ("connections", "worker_files") else MARGIN)
    ]


def report(count: Count, made: Mill, samples: Sequence[Sample]) -> str:
    """The figures, as printed."""
    rows: list[tuple[str, ...]] = [("", "start", "end", "ratio")]
    for name, start, end in growth(samples):
        size = "memory" in name
        shown = [f"{value / 1e6:.1f} MB" if size else f"{value:.0f}" for value in (start, end)]
        rows.append((name.replace("_", " "), *shown, f"{end / start:.2f}"))
    faults = ", ".join(f"{kind} {number}" for kind, number in sorted(made.faults.kinds.items()))
    head = (
        f"{count.jobs:,} jobs in {count.took_s:.0f} s: {count.percent:.4f} % completed, {count.lost} lost, "
        f"{count.stuck} stuck, {count.dead} dead, {count.duplicates} done twice "
        f"({count.explained} just before a fault)"
    )
    return f"{head}\nfaults: {faults}\n\n{table(rows)}"


def main() -> None:
    """Runs it, and prints the figures."""
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--minutes", type=float, default=30)
    flags.add_argument("--jobs", type=int, default=1_000_000)
    flags.add_argument("--kind", default="valkey", help="valkey or redis")
    flags.add_argument("--seed", type=int, default=1)
    given = flags.parse_args()
    count, made, samples = run(given.kind, given.jobs, given.minutes * 60, given.seed)
    print(report(count, made, samples))
    sys.exit(bool(count.jobs < given.jobs or count.lost or count.stuck or grown(samples)))


if __name__ == "__main__":
    main()
