"""`python -m tests.chaos`: rows of the matrix with many seeds on both servers, and their report.

Each run prints one line with its seed: `--rows A5 --seeds 7 --kinds redis` repeats that run.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Sequence

from tests.chaos.matrix import Outcome, run_row
from tests.chaos.report import write
from tests.chaos.rows import ROWS
from tests.processes import ROOT


def main() -> None:
    """Runs what was asked for. Exit code 1 when a row broke its limits."""
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--rows", default="", help="ids, with commas; all without")
    flags.add_argument("--seeds", default="1-20", help="7, or 1-20")
    flags.add_argument("--kinds", default="valkey,redis")
    flags.add_argument("--minutes", type=float, default=0, help="stop after this time; 0: run to the end")
    flags.add_argument("--write", action="store_true", help="write docs/reliability.md from this run")
    given = flags.parse_args()
    first, _, last = given.seeds.partition("-")
    seeds = range(int(first), int(last or first) + 1)
    wanted = set(filter(None, given.rows.split(",")))
    outcomes = list(_runs(wanted, seeds, given.kinds.split(","), given.minutes * 60))
    if given.write:
        write(outcomes, ROOT / "docs" / "reliability.md")
    sys.exit(any(outcome.wrong for outcome in outcomes))


def _runs(wanted: set[str], seeds: Sequence[int], kinds: Sequence[str], most_s: float) -> Iterable[Outcome]:
    end = time.monotonic() + most_s
    # seed by seed, so that a run that is cut short has seen every row
    for seed in seeds:
        for kind in kinds:
            for row in ROWS:
                if wanted and row.id not in wanted:
                    continue
                if most_s and time.monotonic() > end:
                    return
                outcome = run_row(row, kind, seed)
                print(outcome.line(), flush=True)
                yield outcome


if __name__ == "__main__":
    main()
