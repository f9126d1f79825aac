"""What jobs were asked to keep to, such as limits and turns, and whether they did, by the ledgers alone.

Pure, and tested on bad histories in `test_asked.py`.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tests.chaos.checker import runs_of
from tests.chaos.ledger import Event


@dataclass(frozen=True, slots=True)
class Label:
    """What one number is. ``gates``: limits it is under; ``tenant``: None where turns do not matter.

    ``after``: numbers that have to be done before it begins, as those of a group before its callback.
    ``lines``: how many lines each of its runs leaves.
    """

    gates: tuple[str, ...] = ()
    tenant: str | None = None
    after: tuple[int, ...] = ()
    lines: int = 0


Labels = Mapping[int, Label]


@dataclass(frozen=True, slots=True)
class Span:
    """A run as long as a live worker had it."""

    number: int
    start: float
    end: float


def spans_of(events: Sequence[Event]) -> list[Span]:
    """All runs, without those of workers that were stopped for a while and did not know it.

    A run that did not end was over when its worker was killed, or when its job began again.
    """
    killed = {event.process: event.at for event in events if event.kind == "killed"}
    stopped = {event.process for event in events if event.kind == "stopped"}
    again: dict[str, float] = {}
    found = []
    for run in reversed(runs_of(events)):
        later = again.get(run.job, float("inf"))
        end = run.end if run.end is not None else min(later, killed.get(run.process, float("inf")))
        again[run.job] = run.start
        if run.process not in stopped:
            found.append(Span(run.number, run.start, end))
    return found[::-1]


def peaks(events: Sequence[Event], labels: Labels) -> dict[str, int]:
    """How many jobs ran at the same time, at most, under each limit."""
    changes = [
        (at, step, gate)
        for span in spans_of(events)
        for gate in labels.get(span.number, Label()).gates
        for at, step in ((span.start, 1), (span.end, -1))
    ]
    now: dict[str, int] = defaultdict(int)
    most: dict[str, int] = defaultdict(int)
    for _, step, gate in sorted(changes):
        now[gate] += step
        most[gate] = max(most[gate], now[gate])
    return dict(most)


def beyond_rate(events: Iterable[Event], numbers: set[int], a_second: float, most: int) -> int:
    """How many starts too many there were in the worst span of time; ``most`` may come at once."""
    starts = sorted(event.at for event in events if event.kind == "start" and event.number in numbers)
    worst = 0
    for first, begin in enumerate(starts):
        for last in range(first, len(starts)):
            allowed = most + (starts[last] - begin) * a_second
            worst = max(worst, math.ceil(last - first + 1 - allowed - 1e-6))
    return worst


def longest_turn(events: Sequence[Event], labels: Labels, tenant: str) -> int:
    """The most starts of others between two of a tenant, or before its first one, while its jobs waited.

    Jobs that somebody died with are left out: they did not wait for a turn.
    """
    starts = [event for event in events if event.kind == "start" and event.number in labels]
    times = [event.at for event in starts]
    asked = {event.number: event.at for event in events if event.kind == "ok"}
    longest, before, seen = 0, -1, set[int]()
    for place, event in enumerate(starts):
        if labels[event.number].tenant != tenant:
            continue
        if event.number not in seen and event.attempt == 1:
            since = max(before, bisect_left(times, asked[event.number]) - 1)
            longest = max(longest, place - since - 1)
        seen.add(event.number)
        before = place
    return longest


def too_early(events: Sequence[Event], labels: Labels) -> list[int]:
    """Numbers that began before all they come after had finished once."""
    done: dict[int, float] = {}
    for event in events:
        if event.kind == "finish":
            done.setdefault(event.number, event.at)
    return sorted(
        event.number
        for event in events
        if event.kind == "start"
        and any(done.get(one, float("inf")) > event.at for one in labels.get(event.number, Label()).after)
    )
