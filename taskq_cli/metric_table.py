"""The metrics as tables of Markdown; `python -m taskq_cli.metric_table docs/metrics.md` renews them there."""

from __future__ import annotations

from typing import Final

from taskq_cli.page_part import PagePart
from taskq_core import METRICS

TITLES: Final = {
    "worker": "Workers: `taskq worker --metrics-port`",
    "exporter": "The exporter: `taskq exporter`",
    "producer": "Producers: `metrics.register()`",
}


def tables() -> str:
    """A table for each place that has metrics."""
    parts = []
    for where, title in TITLES.items():
        rows = ["| metric | type | labels | |", "|---|---|---|---|"]
        for metric in METRICS:
            if where in metric.where:
                labels = ", ".join(metric.varying)
                rows.append(f"| `{metric.name}` | {metric.kind} | {labels} | {metric.help} |")
        parts.append(f"### {title}\n\n" + "\n".join(rows) + "\n")
    return "\n".join(parts)


PART: Final = PagePart(
    "<!-- metrics: made from taskq_core/metrics/catalogue.py by `make docs` -->",
    "<!-- end of metrics -->",
    tables,
)


if __name__ == "__main__":
    PART.main()
