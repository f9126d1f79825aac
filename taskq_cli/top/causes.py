"""Failures by cause: the dead jobs that the server has, and the attempts that failed a moment ago."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from taskq_cli.top.frame import Frame
from taskq_cli.top.store import Store
from taskq_core import Client, FailedAttempt, FailureGroup, JobRef, State, merge_groups

SPARK_S: Final = 300.0
RATE_S: Final = 60.0
MOST_PAGES: Final = 10
"""Pages of 2,000 dead jobs that one survey looks at, shared by the queues, the latest jobs first."""
LONGEST_S: Final = 1.0
"""Queues that no page is looked at of within this time are left out."""
LEAST_S: Final = 2.0
DUTY: Final = 20.0
"""A survey may keep the server busy for one part in so many of the time."""


@dataclass(frozen=True, slots=True)
class Flow:
    """How many attempts fail in a queue: in the last minute, and in stretches of the last five."""

    per_minute: float
    spark: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Cause:
    """Failures of one cause. ``dead``: jobs that died of it, None when that is not known.

    ``first``: the first of those that are known.

    ``per_minute`` and ``spark``: attempts that failed. Of many only the latest are known by cause, so the
    count of their queue is shared out in the proportion of these.
    """

    fingerprint: str
    dead: int | None
    task: str
    type: str
    message: str
    first: datetime
    last: datetime
    sample: JobRef
    queues: tuple[str, ...]
    per_minute: float = 0.0
    spark: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Survey:
    """Dead jobs by cause. ``looked``: at how many; ``complete``: those were all of them."""

    groups: tuple[FailureGroup, ...] = ()
    looked: int = 0
    complete: bool = True
    took_s: float = 0.0


Totals = tuple[tuple[str, int, int], ...]
"""Of each queue how many jobs are dead, and how many died ever."""


def dead_totals(frame: Frame) -> Totals:
    """Those of a frame."""
    return tuple((queue.name, queue.dead, queue.total("dead")) for queue in frame.queues)


@dataclass(slots=True)
class Surveyor:
    """Says when dead jobs are worth another look, so that looking costs the server little."""

    survey: Survey | None = None
    _seen: Totals = ()

    def due(self, totals: Totals) -> bool:
        """Whether other jobs are dead than at the last survey."""
        return self.survey is None or totals != self._seen

    def take(self, survey: Survey, totals: Totals) -> None:
        """A survey, and what was counted when it was asked for."""
        self.survey, self._seen = survey, totals

    @property
    def pause_s(self) -> float:
        """Seconds between two surveys."""
        return max(LEAST_S, DUTY * self.survey.took_s) if self.survey is not None else 0.0


def survey(client: Client, queues: Sequence[str]) -> Survey:
    """The dead jobs of queues by cause, the latest ones first, in a bounded number of steps."""
    began = time.monotonic()
    groups: dict[str, FailureGroup] = {}
    looked, complete = 0, True
    each = max(1, MOST_PAGES // max(1, len(queues)))
    for queue in queues:
        cursor = ""
        for _ in range(each if time.monotonic() - began < LONGEST_S else 0):
            page = client.group_failures(queue, State.DEAD, cursor=cursor)
            groups = merge_groups([*groups.values(), *page.groups])
            looked, cursor = looked + page.looked, page.cursor
            if not cursor:
                break
        else:
            complete = False  # the queue has more, or there was no time for it
    return Survey(tuple(groups.values()), looked, complete, time.monotonic() - began)


def flows(store: Store, frame: Frame, cells: int) -> dict[str, Flow]:
    """Failed attempts of the queues in which there were any, with so many stretches of five minutes."""
    found = {}
    for name in {attempt.queue for attempt in frame.failures}:
        series = store.series.get(name)
        if series is not None:
            end = frame.at.timestamp()
            spark = series.rates(end, SPARK_S, cells, "failed")
            found[name] = Flow(series.count(end, RATE_S, "failed"), tuple(spark))
    return found


def causes(
    groups: Iterable[FailureGroup] | None, attempts: Iterable[FailedAttempt], rates: Mapping[str, Flow]
) -> list[Cause]:
    """Dead jobs and failed attempts of one cause as one row each; groups None: dead jobs are not known."""
    by_cause: dict[str, list[FailedAttempt]] = {}
    known: Counter[str] = Counter()
    for attempt in attempts:
        by_cause.setdefault(attempt.fingerprint or attempt.type, []).append(attempt)
        known[attempt.queue] += 1
    shares = {name: _shared(tried, known, rates) for name, tried in by_cause.items()}
    found = [_of_group(group, by_cause.pop(group.fingerprint, [])) for group in groups or ()]
    found += [_of_attempts(name, tried, None if groups is None else 0) for name, tried in by_cause.items()]
    return [
        replace(cause, per_minute=shares[cause.fingerprint].per_minute, spark=shares[cause.fingerprint].spark)
        if cause.fingerprint in shares
        else cause
        for cause in found
    ]


def _shared(attempts: Sequence[FailedAttempt], known: Counter[str], rates: Mapping[str, Flow]) -> Flow:
    """The part of their queues' failures that is of this cause."""
    per_minute, spark = 0.0, list[float]()
    for queue, count in Counter(attempt.queue for attempt in attempts).items():
        flow, share = rates.get(queue), count / known[queue]
        if flow is not None:
            per_minute += share * flow.per_minute
            before = spark or [0.0] * len(flow.spark)
            spark = [a + share * b for a, b in zip(before, flow.spark, strict=True)]
    return Flow(per_minute, tuple(spark))


def _of_group(group: FailureGroup, attempts: Sequence[FailedAttempt]) -> Cause:
    last = max([group.last_at, *(attempt.at for attempt in attempts)])
    first = min([group.first_at, *(attempt.at for attempt in attempts)])
    queues = {*group.queues, *(attempt.queue for attempt in attempts)}
    return Cause(
        group.fingerprint, group.count, group.task, group.type, group.message, first, last, group.sample,
        tuple(sorted(queues)),
    )  # fmt: skip


def _of_attempts(fingerprint: str, attempts: Sequence[FailedAttempt], dead: int | None) -> Cause:
    latest = max(attempts, key=lambda attempt: attempt.at)
    return Cause(
        fingerprint, dead, latest.task, latest.type, latest.message,
        min(attempt.at for attempt in attempts), latest.at, JobRef(latest.queue, latest.id),
        tuple(sorted({attempt.queue for attempt in attempts})),
    )  # fmt: skip
