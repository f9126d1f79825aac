"""Sheets: the values of all metrics at one moment. They can be added, over processes and over time. Pure."""

from __future__ import annotations

import platform
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from taskq_core.metrics.catalogue import BY_NAME, Metric
from taskq_core.version import __version__

Labels = tuple[str, ...]


@dataclass(slots=True)
class Distribution:
    """Times by bucket. ``counts`` has one more than there are bounds: what is above the last one."""

    bounds: tuple[float, ...]
    counts: list[int]
    total: float = 0.0

    @classmethod
    def empty(cls, bounds: tuple[float, ...]) -> Distribution:
        """One that has counted nothing."""
        return cls(bounds, [0] * (len(bounds) + 1))

    def add(self, value: float, times: int = 1) -> None:
        """Counts a value; a time below zero, as clocks may make it, is zero."""
        value = max(value, 0.0)
        self.counts[bisect_left(self.bounds, value)] += times
        self.total += value * times

    def plus(self, other: Distribution) -> Distribution:
        """The sum of both."""
        counts = [mine + theirs for mine, theirs in zip(self.counts, other.counts, strict=True)]
        return Distribution(self.bounds, counts, self.total + other.total)

    def copy(self) -> Distribution:
        """The same, not shared."""
        return Distribution(self.bounds, list(self.counts), self.total)

    @property
    def count(self) -> int:
        """How many values it has counted."""
        return sum(self.counts)


Value = Any
"""A float or int; of a histogram a `Distribution`."""
Sheet = dict[str, dict[Labels, Value]]
"""By metric and by the values of its varying labels."""

_GAUGES: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "sum": lambda one, other: one + other,
    "max": max,
    "min": min,
}


def merged(sheets: Iterable[Sheet]) -> Sheet:
    """One sheet of several: counters and histograms are added, gauges as each metric says."""
    whole: Sheet = {}
    for sheet in sheets:
        for name, values in sheet.items():
            together = _joining(BY_NAME[name])
            mine = whole.setdefault(name, {})
            for labels, value in values.items():
                mine[labels] = together(mine[labels], value) if labels in mine else value
    return whole


def _joining(metric: Metric) -> Callable[[Any, Any], Any]:
    if metric.kind == "histogram":
        return Distribution.plus
    return _GAUGES[metric.merge if metric.kind == "gauge" else "sum"]


def lasting(sheet: Sheet) -> Sheet:
    """What outlives a process: its counters and histograms, not its gauges."""
    return {name: values for name, values in sheet.items() if BY_NAME[name].kind != "gauge"}


def build_info(server: str = "") -> dict[Labels, Value]:
    """The values of taskq_build_info."""
    return {(__version__, platform.python_version(), server): 1}
