"""`taskq stats`: depth, rates and totals of queues, once or at every tick."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Annotated

from taskq_cli.leaf import leaf, new_app
from taskq_cli.options import QueueGlob, Shared, span
from taskq_cli.queue_views import MINUTES, STATS, queue_record
from taskq_cli.render import Writer
from taskq_cli.session import Session
from taskq_cli.targets import queues_like
from taskq_core import UsageError

app = new_app()

EXAMPLES = """
taskq stats
taskq stats -q emails -o json
taskq stats --watch=5s -o ndjson | jq -c 'select(.oldest_ready_s > 60)'
"""


@leaf(app, examples=EXAMPLES)
def stats(
    shared: Shared,
    *,
    queue: QueueGlob = None,
    watch: Annotated[
        timedelta | None, span("--watch", "A record at every tick; `--watch` alone: each second.")
    ] = None,
) -> None:
    """Show depth, rates, waiting times and totals of queues.

    Rates and percentiles are those of the last whole minute.
    """
    with Session(shared, patient=watch is not None) as session:
        writer = session.writer(STATS)
        if watch is None:
            _tick(session, writer, queue)
            return
        if watch < timedelta(milliseconds=100):
            raise UsageError("--watch takes at least 100ms")
        due = time.monotonic()
        while True:
            _tick(session, writer, queue)
            writer.flush()
            due = max(due + watch.total_seconds(), time.monotonic())
            time.sleep(max(0.0, due - time.monotonic()))


def _tick(session: Session, writer: Writer, glob: str | None) -> None:
    for snapshot in session.client.snapshots(queues_like(session.client, glob), MINUTES):
        writer.write(queue_record(snapshot))
