"""Sheets as Prometheus reads them: the only module that knows prometheus_client."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable, Iterator
from math import inf
from typing import Any

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.core import Metric as Family
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from taskq_core.metrics.catalogue import BY_NAME, METRICS, Metric
from taskq_core.metrics.sheet import Distribution, Labels, Sheet, Value

Sheets = Iterable[tuple[str, Sheet]]
"""By namespace."""


class SheetCollector(Collector):
    """What a registry asks for the metrics of sheets, each time anew."""

    def __init__(self, read: Callable[[], Sheets], names: Iterable[str]) -> None:
        self._read = read
        self._names = tuple(names)

    def describe(self) -> Iterator[Family]:
        """The metrics without values, so that two of the same name are noticed when they are registered."""
        for name in self._names:
            yield _family(BY_NAME[name])

    def collect(self) -> Iterator[Family]:
        """All metrics with their values."""
        yield from families(self._read())


def families(sheets: Sheets) -> Iterator[Family]:
    """The metrics of the sheets, in the order of the catalogue; those without a series not at all."""
    for metric, values in _present(sheets):
        family = _family(metric)
        for namespace, rows in values:
            _fill(family, metric, namespace, rows)
        yield family


def _present(sheets: Sheets) -> Iterator[tuple[Metric, list[tuple[str, dict[Labels, Value]]]]]:
    known = list(sheets)
    for metric in METRICS:
        values = [(namespace, sheet[metric.name]) for namespace, sheet in known if metric.name in sheet]
        if any(rows for _, rows in values):
            yield metric, values


def _family(metric: Metric) -> Any:
    if metric.kind == "counter":
        return CounterMetricFamily(metric.name, metric.help, labels=metric.labels)
    if metric.kind == "gauge":
        return GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
    return HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)


def _fill(family: Any, metric: Metric, namespace: str, rows: dict[Labels, Value]) -> None:
    first = (namespace,) if "namespace" in metric.labels else ()
    for labels, value in rows.items():
        if isinstance(value, Distribution):
            family.add_metric((*first, *labels), _cumulative(value), value.total)
        else:
            family.add_metric((*first, *labels), value)


def _cumulative(times: Distribution) -> list[tuple[str, float]]:
    rows, seen = [], 0
    for bound, count in zip((*times.bounds, inf), times.counts, strict=True):
        seen += count
        rows.append(("+Inf" if bound == inf else repr(bound), float(seen)))
    return rows


# -- as text --------------------------------------------------------------------------------------


def page(sheets: Sheets, accept: str, encodings: str) -> tuple[bytes, dict[str, str]]:
    """The body of an answer and its headers, in the format and encoding that the asker prefers.

    prometheus_client chooses the format. It is written here: an exporter of 1,000 queues has 17,000 lines,
    for which it takes ten times as long.
    """
    _, content_type = choose_encoder(accept)
    body = text(sheets, openmetrics=content_type.startswith("application/openmetrics-text"))
    headers = {"Content-Type": content_type}
    if any(part.split(";")[0].strip().lower() == "gzip" for part in encodings.split(",")):
        headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        body = gzip.compress(body, 1)
    return body, headers


def text(sheets: Sheets, *, openmetrics: bool) -> bytes:
    """The sheets in Prometheus' text format 0.0.4, or in OpenMetrics'."""
    lines: list[str] = []
    for metric, values in _present(sheets):
        name = metric.name.removesuffix("_total") if openmetrics and metric.kind == "counter" else metric.name
        lines += (f"# HELP {name} {metric.help}", f"# TYPE {name} {metric.kind}")
        for namespace, rows in values:
            write = _histogram_lines if metric.kind == "histogram" else _plain_lines
            lines += write(metric, namespace, rows)
    lines.append("# EOF\n" if openmetrics else "")
    return "\n".join(lines).encode()


def _plain_lines(metric: Metric, namespace: str, rows: dict[Labels, Value]) -> list[str]:
    form = _form(metric, namespace)
    return [f"{metric.name}{form % tuple(map(_escaped, labels))} {value}" for labels, value in rows.items()]


def _histogram_lines(metric: Metric, namespace: str, rows: dict[Labels, Value]) -> list[str]:
    form = _form(metric, namespace)
    lines = []
    for labels, times in rows.items():
        inner = form % tuple(map(_escaped, labels))
        buckets = _cumulative(times)
        lines += [f'{metric.name}_bucket{inner[:-1]},le="{le}"}} {count:.0f}' for le, count in buckets]
        lines += (f"{metric.name}_count{inner} {times.count}", f"{metric.name}_sum{inner} {times.total!r}")
    return lines


def _form(metric: Metric, namespace: str) -> str:
    """The labels of a metric with a place for each value that varies."""
    if not metric.labels:
        return ""
    values = {"namespace": _escaped(namespace).replace("%", "%%")}
    return "{" + ",".join(f'{label}="{values.get(label, "%s")}"' for label in metric.labels) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
