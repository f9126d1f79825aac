"""The metrics as tables of Markdown; `python -m taskq_cli.metric_table docs/metrics.md` renews them there."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from taskq_core import METRICS

BEGIN: Final = "<!-- metrics: made from taskq_core/metrics/catalogue.py by `make docs` -->"
END: Final = "<!-- end of metrics -->"
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
                labels = ", ".join(label for label in metric.labels if label != "namespace")
                rows.append(f"| `{metric.name}` | {metric.kind} | {labels} | {metric.help} |")
        parts.append(f"### {title}\n\n" + "\n".join(rows) + "\n")
    return "\n".join(parts)


def renewed(text: str) -> str:
    """The page with the tables of now in it."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{tables()}\n{END}{after}"


def main() -> None:
    """Renews the tables of the page that is named."""
    page = Path(sys.argv[1])
    _ = page.write_text(renewed(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
