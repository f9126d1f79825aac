"""`python -m tests.chaos`: rows of the matrix with many seeds on both servers, and their report.

Each run prints one line with its seed: `--rows A5 --seeds 7 --kinds redis` repeats that run. With
`--results FILE` a run of many hours can be made in parts: each adds to the file, and does what is not in it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.chaos.parts import Run, run_all, run_here
from tests.chaos.report import read, write
from tests.chaos.row import Row
from tests.chaos.rows import RECOVERY, ROWS
from tests.processes import ROOT

MEASURED_SEEDS = 3
"""Of a row that tells its time to recover so many runs have nothing beside them."""


def main() -> None:
    """Runs what was asked for. Exit code 1 when a row broke its limits."""
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--rows", default="", help="ids, with commas; all without")
    flags.add_argument("--seeds", default="1-20", help="7, or 1-20")
    flags.add_argument("--kinds", default="valkey,redis")
    flags.add_argument(
        "--jobs", type=int, default=1, help="rows at the same time; those that measure time run alone"
    )
    flags.add_argument(
        "--minutes", type=float, default=0, help="begin nothing after this time; 0: run to the end"
    )
    flags.add_argument("--results", type=Path, help="a file that runs are added to, and not repeated from")
    flags.add_argument("--write", action="store_true", help="write docs/reliability.md from the results")
    flags.add_argument("--one", nargs=3, metavar=("ROW", "KIND", "SEED"), help=argparse.SUPPRESS)
    given = flags.parse_args()
    if given.one:
        run_here(*given.one)
        return
    known = read(given.results) if given.results else []
    had = {(outcome.row, outcome.kind, outcome.seed) for outcome in known}
    wanted = [run for run in _runs(given.rows, given.seeds, given.kinds) if run.key not in had]
    outcomes = list(run_all(wanted, given.jobs, given.minutes * 60, given.results))
    if given.write:
        write([*known, *outcomes], ROOT / "docs" / "reliability.md")
    sys.exit(any(outcome.wrong for outcome in outcomes))


def _runs(rows: str, seeds: str, kinds: str) -> Iterator[Run]:
    """Seed by seed, so that a run that is cut short has seen every row."""
    first, _, last = seeds.partition("-")
    ids = set(filter(None, rows.split(",")))
    chosen: Sequence[Row] = [row for row in ROWS if not ids or row.id in ids]
    for number, seed in enumerate(range(int(first), int(last or first) + 1)):
        for kind in kinds.split(","):
            for row in chosen:
                if number < row.seeds:
                    alone = row.alone or (row.id in RECOVERY and number < MEASURED_SEEDS)
                    yield Run(row.id, kind, seed, alone)


if __name__ == "__main__":
    main()
