"""Runs rows of the matrix and judges their figures."""

from __future__ import annotations

from dataclasses import dataclass

from tests.chaos.checker import Figures
from tests.chaos.row import Row
from tests.chaos.world import World, world
from tests.groups import Group
from tests.servers import Server

ALWAYS = {"L": 0, "U": 0, "S": 0, "C": 0}
"""Limits of every row that says nothing else."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The figures of one row with one seed, and what is wrong with them."""

    row: Row
    kind: str
    seed: int
    figures: Figures
    wrong: tuple[str, ...]

    def line(self) -> str:
        """As it is printed, with all that is needed to repeat it."""
        figures = " ".join(f"{name}={value}" for name, value in self.figures.row().items())
        verdict = f"  WRONG: {'; '.join(self.wrong)}" if self.wrong else ""
        return f"{self.row.id:4} {self.kind} seed={self.seed} jobs={self.figures.jobs} {figures}{verdict}"


def run_row(row: Row, kind: str, seed: int) -> Outcome:
    """Runs a row on a server of its own, or on several."""
    if row.group is not None:
        return _run_on_group(row, kind, seed, row.group(kind))
    options = ("--appendfsync", row.aof) if row.aof else ()
    server = Server(kind, *options, aof=row.aof is not None).start()
    try:
        with world(server, seed) as made:
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
    row.case(made)
    figures = made.figures()
    wrong = [*judge(row, figures)]
    if row.also is not None and not row.also(figures, made):
        wrong.append(row.also.__name__.strip("_").replace("_", " ") + " does not hold")
    return Outcome(row, kind, seed, figures, tuple(wrong))


def judge(row: Row, figures: Figures) -> list[str]:
    """The limits that the figures break."""
    counted = {
        "L": figures.lost, "U": figures.unknown_twice, "D": figures.duplicates, "V": figures.overlaps,
        "S": figures.stuck, "O": figures.disorder, "C": figures.counters,
    }  # fmt: skip
    limits = {**ALWAYS, **row.most}
    wrong = [
        f"{name}={counted[name]}, at most {most}" for name, most in limits.items() if counted[name] > most
    ]
    return wrong + [f"residue: {what}" for what in figures.residue]
