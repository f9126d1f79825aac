"""Waiting until jobs have ended, at a bounded cost to the server however many there are.

1. A look is one call for at most 500 jobs of a queue: it keeps the server busy for a few ms.
2. After a look that found nothing, the rest is 25 times as long as the look took: waiting costs less than
   a twentieth of a core. A look that found jobs ended is paid for by them, and rests less.
3. Of many jobs the oldest end first, as a rule: every other look is at them, the others go round all.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from taskq_cli.exit_codes import ExitCode
from taskq_cli.interrupts import whole_step
from taskq_core import Client, JobRef, Standing

STEP: Final = 500
"""Jobs in one look."""
REST: Final = 25
"""Times as long as a look that found nothing ended took: 1 part work, 25 parts rest."""
SHORTEST_S: Final = 0.005
LONGEST_S: Final = 0.05
"""The rest after a look at few jobs: grows from the shortest while nothing happens."""
MOST_S: Final = 2.0
"""The longest rest of all."""
FULL: Final = 50_000
"""Jobs that are awaited at a time; a stream of more is read on when some have ended."""
PATIENCE_S: Final = 15.0
"""How long a server that has answered may be away."""
Report = Callable[[JobRef, Standing], None]


@dataclass(slots=True)
class Tally:
    """How the jobs ended so far, and what was wrong with what named them."""

    any: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    pending: int = 0

    @property
    def ended(self) -> int:
        """Jobs that have ended, one way or the other."""
        return sum(self.counts[each] for each in ("done", "ended", "dead", "cancelled"))

    def summary(self) -> str:
        """One line for stderr."""
        parts = [f"{count} {kind}" for kind, count in self.counts.items()]
        if self.pending:
            parts.append(f"{self.pending} still pending")
        return ", ".join(parts) or "no jobs to wait for"

    def exit_code(self) -> ExitCode:
        """Died comes before pending, and both before ids that could not be awaited."""
        if self.counts["dead"] or self.counts["cancelled"]:
            return ExitCode.DIED
        if self.pending and not (self.any and self.ended):
            return ExitCode.PENDING
        codes = {"unknown": ExitCode.NOT_FOUND, "bad line": ExitCode.USAGE}
        failed = [code for kind, code in codes.items() if self.counts[kind]]
        if not failed or (self.any and self.ended):
            return ExitCode.DONE
        if self.ended:
            return ExitCode.PARTLY
        return failed[0] if len(failed) == 1 else ExitCode.FAILED


class Rhythm:
    """How long to rest between looks."""

    def __init__(self) -> None:
        self._tick = SHORTEST_S

    def begin(self) -> None:
        """There is something new: soon again."""
        self._tick = SHORTEST_S

    def rest(self, took: float, ended: float) -> float:
        """Seconds, after a look of that many in which this share of the jobs had ended."""
        self._tick = SHORTEST_S if ended else min(LONGEST_S, self._tick * 1.5)
        if ended == 1:
            return 0.0
        # a look that took longer than that was not work: the server was away, or the machine asleep
        return max(self._tick, min(MOST_S, took * REST * (1 - ended)))


class Waiter:
    """Jobs that are awaited. ``report`` is told of each that has ended, or was never made.

    ``first_only``: stops at the first one that has ended.
    """

    def __init__(self, client: Client, report: Report, *, first_only: bool = False) -> None:
        self.tally = Tally(first_only)
        self.due = 0.0
        self._client = client
        self._report = report
        self._pending: dict[JobRef, bool] = {}  # whether it was seen to be there
        self._round: Iterator[JobRef] = iter(())
        self._at_oldest = False
        self._fruitful = False
        self._rhythm = Rhythm()

    @property
    def full(self) -> bool:
        """No more should be added before some have ended."""
        return len(self._pending) >= FULL

    @property
    def finished(self) -> bool:
        """Nothing is left to wait for."""
        return not self._pending or (self.tally.any and self.tally.ended > 0)

    def add(self, refs: Iterable[JobRef]) -> None:
        """Awaits these jobs as well."""
        for ref in refs:
            self._pending.setdefault(ref, False)
        self._rhythm.begin()
        self.due = min(self.due, time.monotonic() + LONGEST_S)
        self.tally.pending = len(self._pending)

    def wait(self, until: float | None) -> None:
        """Returns when nothing is left to wait for, or at that time of the monotonic clock."""
        while not self.finished:
            self.pause(until)
            self.look(until)
            if until is not None and time.monotonic() >= until:
                return

    def pause(self, until: float | None) -> None:
        """Sleeps until a look is due, or the time has come."""
        end = self.due if until is None else min(self.due, until)
        time.sleep(max(0.0, end - time.monotonic()))

    def look(self, until: float | None = None) -> None:
        """Looks at some of the jobs, unless it is too soon. Raises: ServerUnreachable."""
        began = time.monotonic()
        if began < self.due or not self._pending:
            return
        if until is not None:
            self._client.deadline = min(self._client.deadline, max(0.1, until - began))
        queues: dict[str, list[JobRef]] = {}
        chosen = self._choose()
        for ref in chosen:
            queues.setdefault(ref.queue, []).append(ref)
        ended = sum(self._look_at(queue, refs) for queue, refs in queues.items())
        self._client.deadline = PATIENCE_S
        self._fruitful = ended * 2 >= len(chosen)
        now = time.monotonic()
        self.due = now + self._rhythm.rest(now - began, ended / len(chosen))

    def _choose(self) -> list[JobRef]:
        self._at_oldest = not self._at_oldest or self._fruitful
        if self._at_oldest or len(self._pending) <= STEP:
            return list(islice(self._pending, STEP))
        for _ in range(2):
            chosen = list(islice((ref for ref in self._round if ref in self._pending), STEP))
            if chosen:
                return chosen
            self._round = iter(list(self._pending))
        return list(islice(self._pending, STEP))

    def _look_at(self, queue: str, refs: list[JobRef]) -> int:
        standings = self._client.states(queue, [ref.id for ref in refs])
        before = len(self._pending)
        with whole_step():
            for ref, standing in zip(refs, standings, strict=True):
                if standing.pending:
                    self._pending[ref] = True
                elif not self.finished:
                    self._settle(ref, standing)
            sys.stdout.flush()
        return before - len(self._pending)

    def _settle(self, ref: JobRef, standing: Standing) -> None:
        seen = self._pending.pop(ref)
        if standing is Standing.UNKNOWN and seen:
            standing = Standing.ENDED  # it was there: its queue has been removed since
        self.tally.counts[str(standing)] += 1
        self.tally.pending = len(self._pending)
        self._report(ref, standing)
