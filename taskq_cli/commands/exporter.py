"""`taskq exporter`: serves metrics of the queues, read from the server, for Prometheus and for scalers."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Annotated, Final

import typer

from taskq_cli.leaf import leaf, new_app
from taskq_cli.logs import log_to_stderr
from taskq_cli.options import QueueGlob, Shared, span
from taskq_cli.session import Session
from taskq_core import ExporterOptions, WorkerOptions, run_exporter

app = new_app()
PORT: Final = 9102
USUAL: Final = ExporterOptions()

EXAMPLES = """
taskq exporter
taskq exporter -q 'mail-*' --port 9102 --host 0.0.0.0
taskq exporter --port 9102 --target-wait 30s
"""


@leaf(app, examples=EXAMPLES)
def exporter(
    shared: Shared,
    *,
    queue: QueueGlob = None,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65_535, metavar="PORT", help="0: any free one.")
    ] = PORT,
    host: Annotated[
        str,
        typer.Option("--host", metavar="HOST", envvar="TASKQ_METRICS_HOST", help="On this address only."),
    ] = WorkerOptions().metrics_host,
    target_wait: Annotated[
        timedelta | None,
        span("--target-wait", "How soon a backlog is to be gone, of queues without an SLO (1m)."),
    ] = None,
    max_queues: Annotated[
        int, typer.Option("--max-queues", min=1, metavar="N", help="Of more, the first by name.")
    ] = USUAL.max_queues,
    max_tenants: Annotated[
        int,
        typer.Option(
            "--max-tenants",
            min=0,
            max=100,
            metavar="N",
            help="Tenants of a queue that are told by name: those with most jobs.",
        ),
    ] = USUAL.max_tenants,
) -> None:
    """Serve the metrics that are read from the server: depths, ages, totals, workers, memory.

    Each scrape of /metrics reads the server once, at a cost of queues and workers, whatever the number of
    jobs. One exporter for a namespace is enough. /livez says that it answers, /readyz that the server does
    too. While the server is away /metrics tells nothing of queues, and taskq_redis_up is 0.

    /desired?queue=NAME answers {"value": N} for scalers: the worker processes that keep up with what arrives
    and end the backlog within the queue's SLO, or --target-wait. With the arrivals per second and the seconds
    that a job takes, of the last one to two minutes: (arrivals + backlog / target wait) * seconds / slots of
    a worker.
    """
    with Session(shared) as session:
        log_to_stderr(logging.ERROR if shared.quiet else logging.INFO)
        options = ExporterOptions(
            queue or USUAL.queues,
            USUAL.target_wait if target_wait is None else target_wait,
            max_queues,
            max_tenants,
        )
        url, namespace = session.url, session.settings.namespace
    raise typer.Exit(run_exporter(url, namespace, options, host=host, port=port))
