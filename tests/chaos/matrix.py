"""Runs rows of the matrix and judges their figures."""

from __future__ import annotations

import time
import traceback
from dataclasses import dataclass

from tests.chaos.checker import Figures
from tests.chaos.clocks import have_own_clock
from tests.chaos.row import Row
from tests.chaos.world import World, world
from tests.groups import Group
from tests.servers import Server

ALWAYS = {"L": 0, "U": 0, "S": 0, "C": 0}
"""Limits of every row that says nothing else."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The figures of one row with one seed, and what is wrong with them; as JSON a line of a file of results.

    ``recovery`` counts only where nothing ran beside it (``alone``).
    """

    row: str
    kind: str
    seed: int
    version: str
    alone: bool
    jobs: int
    counted: dict[str, int]
    recovery: float | None
    residue: tuple[str, ...]
    wrong: tuple[str, ...]
    took_s: float

    def line(self) -> str:
        """As it is printed, with all that is needed to repeat it."""
        counted = " ".join(f"{name}={value}" for name, value in self.counted.items())
        recovery = "-" if self.recovery is None else f"{self.recovery:.1f}s"
        verdict = f"  WRONG: {'; '.join(self.wrong)}" if self.wrong else ""
        rest = f"R={recovery} M={', '.join(self.residue) or 0} in {self.took_s:.0f} s{verdict}"
        return f"{self.row:5} {self.kind} seed={self.seed} jobs={self.jobs} {counted} {rest}"


def run_row(row: Row, kind: str, seed: int) -> Outcome:
    """Runs a row on a server of its own, or on several."""
    if row.group is not None:
        return _run_on_group(row, kind, seed, row.group(kind))
    options = ("--appendfsync", row.aof) if row.aof else ()
    server = Server(kind, *options, aof=row.aof is not None)
    if row.clock:
        have_own_clock(server)
    server.start()
    try:
        with world(server, seed) as made:
            made.tail = "?protocol=3" if row.resp3 else ""
            return _outcome(row, kind, seed, made)
    finally:
        server.remove()


def _run_on_group(row: Row, kind: str, seed: int, group: Group) -> Outcome:
    try:
        with world(group.servers[0], seed, group) as made:
            return _outcome(row, kind, seed, made)
    finally:
        group.remove()


def _outcome(row: Row, kind: str, seed: int, made: World) -> Outcome:
    began, version = time.monotonic(), made.admin.ping().version
    figures, wrong = None, []
    try:
        row.case(made)
        figures = made.figures()
        wrong = [*judge(row, figures)]
        if row.also is not None and not row.also(figures, made):
            wrong.append(row.also.__name__.strip("_").replace("_", " ") + " does not hold")
    except Exception as error:  # whatever breaks a case is what is wrong with it
        traceback.print_exc()
        wrong.append(f"{type(error).__name__}: {error}")
    return Outcome(
        row.id, kind, seed, version,
        alone=False,
        jobs=figures.jobs if figures else 0,
        counted=counted_of(figures) if figures else {},
        recovery=figures.recovery if figures else None,
        residue=figures.residue if figures else (),
        wrong=tuple(wrong),
        took_s=time.monotonic() - began,
    )  # fmt: skip


def counted_of(figures: Figures) -> dict[str, int]:
    """The figures that have limits, by letter."""
    return {
        "L": figures.lost, "U": figures.unknown_twice, "D": figures.duplicates, "V": figures.overlaps,
        "S": figures.stuck, "O": figures.disorder, "C": figures.counters,
    }  # fmt: skip


def judge(row: Row, figures: Figures) -> list[str]:
    """The limits that the figures break."""
    counted = counted_of(figures)
    limits = {**ALWAYS, **row.most}
    wrong = [
        f"{name}={counted[name]}, at most {most}" for name, most in limits.items() if counted[name] > most
    ]
    return wrong + [f"residue: {what}" for what in figures.residue]
