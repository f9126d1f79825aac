"""Many runs of rows, each in a process of its own, several at a time: they mostly wait."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import msgspec

from tests.chaos.matrix import Outcome, run_row
from tests.chaos.rows import ROWS
from tests.processes import ROOT

MOST_S = 900
"""The longest that one run may take."""


@dataclass(frozen=True, slots=True)
class Run:
    """One row with one seed on one kind of server. ``alone``: nothing may run beside it."""

    row: str
    kind: str
    seed: int
    alone: bool

    @property
    def key(self) -> tuple[str, str, int]:
        """What tells it from all others."""
        return self.row, self.kind, self.seed


def run_here(row: str, kind: str, seed: str) -> None:
    """A run in this process; its outcome is the last line of stdout, as JSON."""
    # in the background of a shell Ctrl-C is ignored, and so it would be in all that a row starts
    signal.signal(signal.SIGINT, signal.default_int_handler)
    (chosen,) = (one for one in ROWS if one.id == row)
    outcome = run_row(chosen, kind, int(seed))
    print(msgspec.json.encode(outcome).decode())


def run_all(runs: Sequence[Run], jobs: int, most_s: float, results: Path | None) -> Iterator[Outcome]:
    """The outcomes as they come, added to the file. Of each seed first what may run beside others."""
    end = time.monotonic() + most_s if most_s else float("inf")
    for _, same in groupby(runs, key=lambda run: run.seed):
        todo = list(same)
        for alone in (False, True):
            yield from _together(
                [run for run in todo if run.alone == alone], 1 if alone else jobs, end, results
            )


def _together(runs: Sequence[Run], jobs: int, end: float, results: Path | None) -> Iterator[Outcome]:
    with ThreadPoolExecutor(jobs) as pool:
        for future in as_completed([pool.submit(_unless_late, run, end) for run in runs]):
            outcome = future.result()
            if outcome is None:
                continue
            if results is not None:
                with results.open("ab") as file:
                    file.write(msgspec.json.encode(outcome) + b"\n")
            print(outcome.line(), flush=True)
            yield outcome


def _unless_late(run: Run, end: float) -> Outcome | None:
    if time.monotonic() > end:
        return None
    began = time.monotonic()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "tests.chaos", "--one", run.row, run.kind, str(run.seed)],
            cwd=ROOT, capture_output=True, timeout=MOST_S, check=False,
        )  # fmt: skip
        outcome = msgspec.json.decode(done.stdout.splitlines()[-1], type=Outcome)
    except (subprocess.TimeoutExpired, IndexError, msgspec.MsgspecError) as error:
        why = (f"the run broke off: {type(error).__name__}",)
        return Outcome(
            run.row, run.kind, run.seed, "", run.alone, 0, {}, None, (), why, time.monotonic() - began
        )
    if outcome.wrong:
        print(done.stderr.decode(errors="replace")[-2_000:], file=sys.stderr)
    # a time that was taken beside other runs tells nothing
    return replace(outcome, alone=run.alone, recovery=outcome.recovery if run.alone else None)
