"""`taskq metrics`: what is measured, as a table, and alert rules for the queues' own SLOs."""

from __future__ import annotations

import sys
from typing import Annotated, Final

import typer

from taskq_cli.leaf import leaf, new_app
from taskq_cli.metric_rules import WAIT, Slo, measurable, rules
from taskq_cli.options import QueueGlob, Shared
from taskq_cli.session import Session
from taskq_cli.targets import queues_like
from taskq_cli.views import View
from taskq_core import METRICS

app = new_app("List the metrics, and write alert rules.")

METRIC: Final = View(
    schema="taskq.metric/1",
    fields=("schema", "name", "type", "labels", "where", "help", "buckets"),
    columns=("name", "type", "labels", "where"),
    wide=("name", "type", "labels", "where", "help"),
    key="name",
)

LS_EXAMPLES = """
taskq metrics ls
taskq metrics ls -o wide
taskq metrics ls -o ndjson | jq -r 'select(.type == "histogram").name'
"""


RULES_EXAMPLES = """
taskq metrics rules > slo.yml
taskq metrics rules -q 'mail-*' --ratio 0.999
"""
LOWEST_RATIO: Final = 0.5
HIGHEST_RATIO: Final = 0.99999


@leaf(app, name="ls", examples=LS_EXAMPLES)
def list_metrics(shared: Shared) -> None:
    """List all metrics: of workers (--metrics-port), of the exporter, of producers."""
    with Session(shared) as session:
        writer = session.writer(METRIC)
        for metric in METRICS:
            writer.write(
                {
                    "schema": METRIC.schema,
                    "name": metric.name,
                    "type": metric.kind,
                    "labels": list(metric.labels),
                    "where": list(metric.where),
                    "help": metric.help,
                    "buckets": list(metric.buckets),
                }
            )


@leaf(app, name="rules", examples=RULES_EXAMPLES)
def write_rules(
    shared: Shared,
    *,
    queue: QueueGlob = None,
    ratio: Annotated[
        float,
        typer.Option(
            "--ratio",
            min=LOWEST_RATIO,
            max=HIGHEST_RATIO,
            metavar="R",
            help="The share of jobs that has to start within the SLO.",
        ),
    ] = 0.99,
) -> None:
    """Write Prometheus rules for the queues' own SLOs, as YAML.

    For each queue with an SLO (`taskq queue set QUEUE --slo 5s`): the share of late jobs over seven windows,
    alerts when the late jobs that a month allows are used up too fast, and one when the oldest job waits
    longer. Load the file beside deploy/prometheus/alerts.yml, and write it anew when an SLO changes.
    """
    with Session(shared) as session:
        names = queues_like(session.client, queue)
        namespace = session.client.namespace
        slos = [
            Slo(namespace, found.queue, found.slo.total_seconds(), ratio)
            for found in session.client.snapshots(names)
            if found.slo is not None
        ]
        [buckets] = [metric.buckets for metric in METRICS if metric.name == WAIT]
        command = f"taskq metrics rules --ratio {ratio:.6g}"
        sys.stdout.writelines(f"{line}\n" for line in rules(slos, buckets, command))
        if not slos:
            session.narrate("no queue has an SLO; for example: taskq queue set emails --slo 5s")
        for slo in slos:
            if not measurable(slo, buckets):
                session.narrate(
                    f"{slo.queue}: waits are measured up to {max(buckets):.0f} s, so it has only the alert "
                    "for its oldest job"
                )
