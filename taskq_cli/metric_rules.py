"""Prometheus rules for queues' own SLOs: burn rates over several windows, and the oldest job's age. Pure.

The windows and factors are those of Google's SRE workbook, for an objective over 30 days: what uses up 2 % of
the late jobs that a month allows within an hour, or 5 % within six, is urgent; 10 % within one day or three
is not. The long window says that it matters, the short one that it still goes on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

WAIT: Final = "taskq_job_wait_seconds"
BY: Final = "sum by (cluster, namespace, queue)"
ONCE: Final = "max by (cluster, namespace, queue)"
FEWEST: Final = 20
"""Jobs in the long window without which nothing is said of a share."""


@dataclass(frozen=True, slots=True)
class Burn:
    """When the late jobs of a month are used up so many times as fast as they may be."""

    factor: float
    long: str
    short: str
    severity: str

    @property
    def alert(self) -> str:
        """Its alert's name."""
        return "TaskqWaitSLOBurnFast" if self.severity == "critical" else "TaskqWaitSLOBurnSlow"


BURNS: Final = (
    Burn(14.4, "1h", "5m", "critical"),
    Burn(6, "6h", "30m", "critical"),
    Burn(3, "1d", "2h", "warning"),
    Burn(1, "3d", "6h", "warning"),
)
WINDOWS: Final = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")


@dataclass(frozen=True, slots=True)
class Slo:
    """What a queue promises: the share ``ratio`` of its jobs starts within ``wait_s``."""

    namespace: str
    queue: str
    wait_s: float
    ratio: float

    @property
    def where(self) -> str:
        """The matchers of its series."""
        return f"namespace={json.dumps(self.namespace)}, queue={json.dumps(self.queue)}"

    def threshold(self, burn: Burn) -> float:
        """The share of late jobs from which on it burns so fast."""
        return burn.factor * (1 - self.ratio)


def rules(slos: Sequence[Slo], buckets: Sequence[float], command: str) -> Iterator[str]:
    """A rule file in YAML, line by line. ``buckets``: the bounds of the wait histogram, in seconds."""
    yield f"# Made by: {command}"
    yield "# Alerts for the queues' own SLOs, beside alerts.yml. What they mean: docs/runbook.md."
    if not slos:
        yield "groups: []"
        return
    yield "groups:"
    for slo in slos:
        yield f"  - name: {json.dumps(f'taskq-slo {slo.namespace}/{slo.queue}')}"
        yield "    interval: 1m"
        yield "    rules:"
        if measurable(slo, buckets):
            for window in WINDOWS:
                yield from _record(slo, window, buckets)
            for burn in BURNS:
                yield from _burn(slo, burn)
        yield from _oldest(slo)


def measurable(slo: Slo, buckets: Sequence[float]) -> bool:
    """Whether the histogram can tell which jobs were in time: it ends with its last bucket."""
    return slo.wait_s <= max(buckets)


def in_time(slo: Slo, window: str, buckets: Sequence[float]) -> str:
    """Jobs a second that started in time; between two buckets, as many as lie evenly between them."""
    above = min(bound for bound in buckets if bound >= slo.wait_s)
    if above == slo.wait_s:
        return _within(slo, above, window)
    below = max((bound for bound in buckets if bound < slo.wait_s), default=0.0)
    share = (slo.wait_s - below) / (above - below)
    upper = f"{share:.6g} * {_within(slo, above, window)}"
    return f"({upper} + {1 - share:.6g} * {_within(slo, below, window)})" if below else upper


def _within(slo: Slo, bound: float, window: str) -> str:
    # 5 is exposed as 5.0 or as 5
    le = f'le=~"{bound:.0f}([.]0)?"' if bound.is_integer() else f'le="{bound!r}"'
    return f"{BY} (rate({WAIT}_bucket{{{slo.where}, {le}}}[{window}]))"


def _late(window: str) -> str:
    return f"taskq:wait_late:ratio_rate{window}"


def _record(slo: Slo, window: str, buckets: Sequence[float]) -> Iterator[str]:
    total = f"{BY} (rate({WAIT}_count{{{slo.where}}}[{window}]))"
    yield f"      - record: {_late(window)}"
    yield "        expr: |"
    yield f"          1 - {in_time(slo, window, buckets)}"
    yield f"            / {total}"


def _burn(slo: Slo, burn: Burn) -> Iterator[str]:
    threshold = slo.threshold(burn)
    if threshold >= 1:
        return  # more than all jobs cannot be late
    # a single late job raises no alert, however few there are
    fewest = max(FEWEST, int(1 / threshold) + 1)
    yield f"      - alert: {burn.alert}"
    yield "        expr: |"
    yield f"          {_late(burn.long)}{{{slo.where}}} > {threshold:.6g}"
    yield f"            and {_late(burn.short)}{{{slo.where}}} > {threshold:.6g}"
    yield f"            and {BY} (increase({WAIT}_count{{{slo.where}}}[{burn.long}])) >= {fewest}"
    yield f"            unless {ONCE} (max_over_time(taskq_queue_paused{{{slo.where}}}[1h])) == 1"
    yield "        for: 2m"
    yield from _labels(burn.severity, window=burn.long)
    yield from _annotations(
        burn.alert,
        "Jobs of queue {{ $labels.queue }} start too late",
        f"In the last {burn.long} {{{{ $value | humanizePercentage }}}} of the jobs of queue "
        f"{{{{ $labels.queue }}}} waited longer than its SLO of {_span(slo.wait_s)}; "
        f"{100 * (1 - slo.ratio):.6g} % may, in the long run. "
        "Ask: taskq why {{ $labels.queue }}, taskq workers ls.",
    )


def _oldest(slo: Slo) -> Iterator[str]:
    yield "      - alert: TaskqOldestJobTooOld"
    yield "        expr: |"
    yield f"          {ONCE} (taskq_queue_oldest_ready_age_seconds{{{slo.where}}}) > {slo.wait_s:.15g}"
    yield f"            unless {ONCE} (taskq_queue_paused{{{slo.where}}}) == 1"
    yield "        for: 1m"
    yield from _labels("critical")
    yield from _annotations(
        "TaskqOldestJobTooOld",
        "Jobs of queue {{ $labels.queue }} wait longer than its SLO",
        "The oldest ready job of queue {{ $labels.queue }} has waited for {{ $value | humanizeDuration }}; "
        f"the queue's SLO is {_span(slo.wait_s)}. "
        "Ask: taskq why {{ $labels.queue }}, taskq stats -q {{ $labels.queue }}.",
    )


def _labels(severity: str, **more: str) -> Iterator[str]:
    yield "        labels:"
    for name, value in {"severity": severity, **more}.items():
        yield f"          {name}: {json.dumps(value)}"


def _annotations(alert: str, summary: str, description: str) -> Iterator[str]:
    yield "        annotations:"
    yield f"          summary: {json.dumps(summary)}"
    yield f"          description: {json.dumps(description)}"
    yield f"          runbook_url: docs/runbook.md#{alert.lower()}"


def _span(seconds: float) -> str:
    return f"{seconds:.6g} s"
