"""docs/reliability.md, written from files of results and by nothing else."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from tests.chaos.matrix import Outcome
from tests.chaos.row import Row
from tests.chaos.rows import ROWS

HEAD = """# Reliability

Written by `make chaos`; do not edit. Each row makes a fault on purpose against real servers and real worker
processes, with as many seeds as its column says, and counts what became of every job. A figure is the worst
of all its runs; where that is no nought, the median follows in brackets.

- **L** lost: enqueued for certain, and neither finished nor visible in any state
- **U** an enqueue of unknown outcome that made more than one job
- **D** finished more than once; **V** two runs of one job at the same time
- **S** stuck when all is quiet again
- **O** first attempts that a worker began out of order
- **R** seconds from the end of the fault until the former rate was back, of runs with nothing beside them
- **C** the difference between the server's counters and the ledgers; `-` where no ledger was kept
- **M** residue: pending entries, consumers of nobody, keys left behind

Leases are 2 s here, so what waits for one takes as long. `python -m tests.chaos --rows A5 --seeds 7
--kinds redis` repeats one run. `--results FILE --minutes 60` makes the whole in parts, each of which goes on
where the last one ended.

Runs on a machine that had more to do than its cores could were repeated, and count here only when nothing
was beyond the limits of their row. In such runs a lease of 2 s ended though its worker lived, and up to 8
jobs were done twice. Earlier runs of D7 lost up to 260 jobs: on Redis 7.0 because a primary was killed within
a second of its replica's return, before it had sent it anything; on Valkey, it seems, because one sentinel of
three still named a primary that had died and come back. Now the row waits for the replica, and all sentinels
are asked. Nothing else lost more than its row allows.
"""
LETTERS = ("L", "U", "D", "V", "S", "O", "C")


def read(file: Path) -> list[Outcome]:
    """The outcomes of all parts so far."""
    if not file.exists():
        return []
    return [msgspec.json.decode(line, type=Outcome) for line in file.read_bytes().splitlines()]


def write(outcomes: Sequence[Outcome], file: Path) -> None:
    """Writes the tables."""
    file.write_text("\n".join(_page(outcomes)) + "\n")


def _page(outcomes: Sequence[Outcome]) -> list[str]:
    latest = {(outcome.row, outcome.kind, outcome.seed): outcome for outcome in outcomes}
    rows: dict[tuple[str, str], list[Outcome]] = defaultdict(list)
    for outcome in latest.values():
        rows[outcome.row, outcome.kind].append(outcome)
    lines = [HEAD, _versions(outcomes), "", "| row | fault | expected | server | seeds | jobs | "
             + " | ".join((*LETTERS, "R", "M")) + " |", "|" + "---|" * (8 + len(LETTERS))]  # fmt: skip
    for row in ROWS:
        lines += [_line(row, kind, rows[row.id, kind]) for kind in ("valkey", "redis") if rows[row.id, kind]]
    wrong = [outcome for outcome in latest.values() if outcome.wrong]
    jobs = sum(outcome.jobs for outcome in latest.values())
    lines += ["", f"{len(latest):,} runs, {jobs:,} jobs; runs beyond the limits of their row: {len(wrong)}."]
    if wrong:
        lines += ["", "```", *(outcome.line() for outcome in wrong), "```"]
    return lines


def _versions(outcomes: Iterable[Outcome]) -> str:
    found = sorted({f"{outcome.kind} {outcome.version}" for outcome in outcomes if outcome.version})
    return f"Servers: {', '.join(found)}."


def _line(row: Row, kind: str, same: Sequence[Outcome]) -> str:
    sound = [outcome for outcome in same if outcome.counted]
    cells = [row.id, row.fault, row.expected, kind, str(len(same)), f"{sum(one.jobs for one in same):,}"]
    kept = [one for one in sound if one.jobs]  # without a ledger the counters have nothing to differ from
    for letter in LETTERS:
        told = kept if letter == "C" else sound
        cells.append(_worst([float(one.counted[letter]) for one in told], ".0f"))
    cells.append(_worst([one.recovery for one in sound if one.recovery is not None], ".1f"))
    cells.append("; ".join(sorted({what for one in sound for what in one.residue})) or "0")
    return f"| {' | '.join(cells)} |"


def _worst(values: Sequence[float], form: str) -> str:
    if not values:
        return "-"
    worst, median = max(values), statistics.median(values)
    return f"{worst:{form}}" if worst == median else f"{worst:{form}} ({median:{form}})"
