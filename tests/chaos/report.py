"""docs/reliability.md, written from the outcomes of a run and by nothing else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from tests.chaos.matrix import Outcome

HEAD = """# Reliability

Written by `make chaos`; do not edit. Each row makes a fault on purpose against real servers and real worker
processes, many times with different seeds, and counts what became of every job. A figure is the worst of all
its runs.

- **L** lost: enqueued for certain, and neither finished nor visible in any state
- **U** an enqueue of unknown outcome that made more than one job
- **D** finished more than once; **V** two runs of one job at the same time
- **S** stuck when all is quiet again
- **O** first attempts that a worker began out of order
- **R** seconds from the end of the fault until the former rate was back
- **C** the difference between the server's counters and the ledgers
- **M** residue: pending entries, consumers of nobody, keys left behind

Every line of a run names its seed: `python -m tests.chaos --rows A5 --seeds 7 --kinds redis` repeats one.
"""
LETTERS = ("L", "U", "D", "V", "S", "O", "R", "C", "M")


def write(outcomes: Sequence[Outcome], file: Path) -> None:
    """Writes the table."""
    rows: dict[tuple[str, str], list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        rows[outcome.row.id, outcome.kind].append(outcome)
    lines = [HEAD, f"| row | fault | expected | server | runs | jobs | {' | '.join(LETTERS)} |"]
    lines.append("|" + "---|" * (6 + len(LETTERS)))
    for (name, kind), same in rows.items():
        row = same[0].row
        jobs = sum(outcome.figures.jobs for outcome in same)
        cells = [name, row.fault, row.expected, kind, str(len(same)), f"{jobs:,}"]
        lines.append(f"| {' | '.join(cells + [_worst(same, letter) for letter in LETTERS])} |")
    total = sum(outcome.figures.jobs for outcome in outcomes)
    lost = sum(outcome.figures.lost for outcome in outcomes)
    lines += ["", f"{len(outcomes)} runs, {total:,} jobs, {lost} lost."]
    file.write_text("\n".join(lines) + "\n")


def _worst(outcomes: Sequence[Outcome], letter: str) -> str:
    values = [outcome.figures.row()[letter] for outcome in outcomes]
    return max(values, key=_size)


def _size(value: str) -> float:
    word = value.split()[0]
    return -1.0 if word == "-" else float(word) if word.replace(".", "", 1).isdigit() else 1e9
