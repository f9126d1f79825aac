"""From the ledgers and the server's last state to counted figures. Pure, and tested on bad histories."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.chaos.ledger import Event


@dataclass(frozen=True, slots=True)
class LastState:
    """What the server holds when all is quiet: the numbers of jobs by state, its counters, and residue."""

    waiting: frozenset[int] = frozenset()
    dead: frozenset[int] = frozenset()
    cancelled: int = 0
    totals: Mapping[str, int] = field(default_factory=dict)
    residue: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Figures:
    """The counted figures of one case; see docs/reliability.md for what each letter means."""

    jobs: int
    lost: int
    unknown_twice: int
    duplicates: int
    overlaps: int
    stuck: int
    disorder: int
    counters: int
    recovery: float | None
    residue: tuple[str, ...]

    def row(self) -> dict[str, str]:
        """By letter, as printed."""
        return {
            "L": str(self.lost),
            "U": str(self.unknown_twice),
            "D": str(self.duplicates),
            "V": str(self.overlaps),
            "S": str(self.stuck),
            "O": str(self.disorder),
            "R": "-" if self.recovery is None else f"{self.recovery:.1f} s",
            "C": str(self.counters),
            "M": ", ".join(self.residue) or "0",
        }


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a job: ``end`` None when it never ended."""

    number: int
    job: str
    process: str
    attempt: int
    start: float
    end: float | None
    finished: bool


def check(events: Sequence[Event], state: LastState, *, fault_ended: float | None = None) -> Figures:
    """The figures of a case, when all is quiet again."""
    acknowledged = {event.number for event in events if event.kind == "ok"}
    runs = runs_of(events)
    finishes = Counter(run.number for run in runs if run.finished)
    visible = state.waiting | state.dead
    return Figures(
        jobs=len(acknowledged),
        lost=len(acknowledged - finishes.keys() - visible) - min(state.cancelled, len(acknowledged)),
        unknown_twice=_made_twice(runs),
        duplicates=sum(count - 1 for count in finishes.values()),
        overlaps=_overlaps(runs),
        stuck=len(state.waiting),
        disorder=_disorder(events, runs),
        counters=_counter_gap(events, finishes, state),
        recovery=None if fault_ended is None else _recovery(runs, fault_ended),
        residue=tuple(state.residue),
    )


def runs_of(events: Iterable[Event]) -> list[Run]:
    """All runs, by their start."""
    ends = {event.run: event for event in events if event.kind in ("finish", "raised")}
    found = []
    for event in events:
        if event.kind == "start":
            end = ends.get(event.run)
            found.append(
                Run(event.number, event.job, event.process, event.attempt, event.at,
                    None if end is None else end.at, end is not None and end.kind == "finish")
            )  # fmt: skip
    return sorted(found, key=lambda run: run.start)


def _made_twice(runs: Sequence[Run]) -> int:
    """Enqueues that made more than one job: one number under several ids."""
    jobs: dict[int, set[str]] = defaultdict(set)
    for run in runs:
        jobs[run.number].add(run.job)
    return sum(len(ids) - 1 for ids in jobs.values())


def _overlaps(runs: Sequence[Run]) -> int:
    """Runs that began while another run of the same job went on to its end."""
    by_job: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        by_job[run.job].append(run)
    return sum(
        any(first.end is not None and first.start <= later.start < first.end for first in same[:at])
        for same in by_job.values()
        for at, later in enumerate(same)
    )


def _disorder(events: Sequence[Event], runs: Sequence[Run]) -> int:
    """First attempts that a worker began after a job that was enqueued later. Workers are compared each with
    itself: between two of them nobody can say who was first.
    """
    enqueued = {event.number: event.at for event in events if event.kind == "ok"}
    latest: dict[str, float] = {}
    seen: set[int] = set()
    broken = 0
    for run in runs:
        first, at = run.number not in seen, enqueued.get(run.number)
        seen.add(run.number)
        if not first or run.attempt != 1 or at is None:
            continue
        broken += at < latest.get(run.process, 0.0)
        latest[run.process] = max(latest.get(run.process, 0.0), at)
    return broken


def _counter_gap(events: Sequence[Event], finishes: Counter[int], state: LastState) -> int:
    """How far the server's totals are from what the ledgers say.

    A job whose run finished twice counts once at the server, which accepts one end of each job.
    """
    acknowledged = {event.number for event in events if event.kind == "ok"}
    unsure = {event.number for event in events if event.kind == "unknown"} - acknowledged
    made = state.totals.get("enqueued", 0)
    least, most = len(acknowledged), len(acknowledged) + len(unsure)
    gap = max(0, least - made, made - most)
    # a run may have finished whose end the server never heard of, so its job was run again or still waits
    done = state.totals.get("done", 0)
    return gap + max(0, done - len(finishes)) + max(0, len(finishes - Counter(state.waiting)) - done)


def _recovery(runs: Sequence[Run], fault_ended: float, *, window: float = 0.5) -> float | None:
    """Seconds from the end of the fault to the first half second at 90 % of the rate before it."""
    ends = sorted(run.end for run in runs if run.end is not None and run.finished)
    before = [end for end in ends if end < fault_ended]
    if not before:
        return None
    span = max(window, min(5.0, before[-1] - before[0]))
    usual = sum(end > before[-1] - span for end in before) / span
    step = 0.0
    last = ends[-1] - fault_ended
    while step < last:
        rate = sum(fault_ended + step <= end < fault_ended + step + window for end in ends) / window
        if rate >= 0.9 * usual:
            return step
        step += window / 5
    return None
