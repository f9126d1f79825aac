"""The parts that the dashboard is put together from: queries, and panels as Grafana stores them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

Json = dict[str, Any]
SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
HERE: Final = 'cluster=~"$cluster", namespace=~"$namespace"'
QUEUES: Final = f'{HERE}, queue=~"$queue"'
BY_QUEUE: Final = "cluster, namespace, queue"


def once(metric: str, more: str = "", *, by: str = "") -> str:
    """What exporters say of each queue, or of each ``by`` in it, however many say it."""
    return f"{_of_each(by)} ({metric}{{{QUEUES}{more}}})"


def once_rate(metric: str, function: str = "rate", *, by: str = "") -> str:
    """The same for a counter: its ``rate`` a second, or its ``increase`` from point to point."""
    return f"{_of_each(by)} ({function}({metric}{{{QUEUES}}}[$__rate_interval]))"


def _of_each(by: str) -> str:
    return f"max by ({BY_QUEUE}, {by})" if by else f"max by ({BY_QUEUE})"


def server(metric: str) -> str:
    """What exporters say of the server."""
    return f"max by (cluster, namespace) ({metric}{{{HERE}}})"


def quantile(share: float, metric: str, by: str, where: str) -> str:
    """A quantile of a histogram of workers."""
    rate = f"rate({metric}_bucket{{{where}}}[$__rate_interval])"
    return f"histogram_quantile({share}, sum by (le, {by}) ({rate}))".replace("(le, )", "(le)")


def state(name: str) -> str:
    """Jobs of a state, of each queue."""
    return once("taskq_queue_jobs", f', state="{name}"')


def summed(metric: str, by: str, where: str = QUEUES) -> str:
    """A counter of workers or producers, a second, added up."""
    return f"sum by ({by}) (rate({metric}{{{where}}}[$__rate_interval]))"


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel. ``queries``: legend and expression; ``options`` and ``custom`` are Grafana's."""

    title: str
    kind: str
    unit: str
    queries: Sequence[tuple[str, str]]
    width: int = 12
    height: int = 8
    text: str = ""
    thresholds: Sequence[tuple[str, float | None]] = (("green", None),)
    options: Mapping[str, Any] = field(default_factory=dict)
    custom: Mapping[str, Any] = field(default_factory=dict)
    overrides: Sequence[Json] = ()
    decimals: int | None = None
    transformations: Sequence[Json] = ()

    def targets(self) -> Iterator[Json]:
        """The queries, as Grafana stores them."""
        instant = self.kind in ("stat", "table")
        for letter, (legend, expression) in zip("ABCDEFGHIJKLMN", self.queries, strict=False):
            yield {
                "datasource": SOURCE,
                "expr": expression,
                "format": {"table": "table", "heatmap": "heatmap"}.get(self.kind, "time_series"),
                "instant": instant,
                "range": not instant,
                "legendFormat": legend,
                "refId": letter,
            }

    def json(self, number: int, x: int, y: int) -> Json:
        """The panel at a place."""
        steps = [{"color": color, "value": value} for color, value in self.thresholds]
        defaults: Json = {
            "unit": self.unit,
            "custom": dict(self.custom),
            "color": {"mode": "thresholds" if self.kind in ("stat", "table") else "palette-classic"},
            "thresholds": {"mode": "absolute", "steps": steps},
            "mappings": [],
        }
        if self.decimals is not None:
            defaults["decimals"] = self.decimals
        return {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": self.text,
            "datasource": SOURCE,
            "gridPos": {"x": x, "y": y, "w": self.width, "h": self.height},
            "fieldConfig": {"defaults": defaults, "overrides": list(self.overrides)},
            "options": dict(self.options),
            "targets": list(self.targets()),
            "transformations": list(self.transformations),
        }


def stat(title: str, unit: str, expression: str, text: str, *steps: tuple[str, float | None]) -> Panel:
    """A number, coloured from thresholds on."""
    options = {
        "colorMode": "background" if len(steps) > 1 else "value",
        "graphMode": "none",
        "justifyMode": "center",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
    }
    decimals = 0 if unit == "short" else None
    return Panel(
        title, "stat", unit, [("", expression)], 3, 4, text, steps or (("blue", None),), options,
        decimals=decimals,
    )  # fmt: skip


def graph(
    title: str, unit: str, *queries: tuple[str, str], text: str = "", width: int = 12, stacked: bool = False
) -> Panel:
    """Lines over time."""
    custom = {
        "drawStyle": "line",
        "lineWidth": 1,
        "fillOpacity": 30 if stacked else 8,
        "showPoints": "never",
        "spanNulls": False,
        "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
        "axisSoftMin": 0,
    }
    options = {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    dashed = {
        "matcher": {"id": "byRegexp", "options": "/(SLO|maxmemory|desired|slots)$/"},
        "properties": [
            {"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [8, 6]}},
            {"id": "custom.fillOpacity", "value": 0},
            {"id": "custom.stacking", "value": {"mode": "none", "group": "B"}},
        ],
    }
    return Panel(
        title, "timeseries", unit, queries, width, 8, text, options=options, custom=custom, overrides=[dashed]
    )


def heatmap(title: str, metric: str, text: str) -> Panel:
    """A histogram over time: one column a moment, one row a bucket."""
    options = {
        "calculate": False,
        "color": {"mode": "scheme", "scheme": "Blues", "scale": "exponential", "exponent": 0.5, "steps": 64},
        "yAxis": {"unit": "s", "axisPlacement": "left"},
        "cellGap": 1,
        "rowsFrame": {"layout": "auto"},
        "tooltip": {"mode": "single", "yHistogram": True},
        "legend": {"show": False},
        "filterValues": {"le": 1e-9},
    }
    counted = f"sum by (le) (increase({metric}_bucket{{{QUEUES}}}[$__rate_interval]))"
    return Panel(title, "heatmap", "short", [("{{le}}", counted)], 12, 8, text, options=options)
