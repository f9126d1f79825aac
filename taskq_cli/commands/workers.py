"""`taskq workers`: lists and shows live workers, and tells them to stop."""

from __future__ import annotations

from typing import Annotated

import typer

from taskq_cli.leaf import leaf, new_app
from taskq_cli.options import QueueGlob, Shared
from taskq_cli.session import Session
from taskq_cli.worker_views import SHOWN, STOPPED, WORKER, shown_record, worker_record
from taskq_cli.workers import Chosen, live_workers, stop_workers, worker_named
from taskq_core import UsageError

app = new_app("List, show and stop workers.")

LS_EXAMPLES = """
taskq workers ls
taskq workers ls -q 'mail-*' -o json
taskq workers ls -o ndjson | jq -r 'select(.state == "stuck").id'
"""
SHOW_EXAMPLES = """
taskq workers show web-3:4711
taskq workers show web-3:4711 --json running
"""
STOP_EXAMPLES = """
taskq workers stop web-3:4711 --yes
taskq workers stop --host web-3 --wait=2m --yes
taskq workers ls -q emails -o name | taskq workers stop - --now --yes
"""


@leaf(app, name="ls", examples=LS_EXAMPLES)
def list_workers(shared: Shared, *, queue: QueueGlob = None) -> None:
    """List live workers, one a row however many queues it serves.

    State: working, stopping, or stuck: alive, with free slots, and taking no jobs. What a worker says of
    itself is as old as SEEN says.
    """
    with Session(shared) as session:
        writer = session.writer(WORKER)
        now = session.client.time()
        for worker in live_workers(session.client, queue):
            writer.write(worker_record(worker, now))


@leaf(app, name="show", examples=SHOW_EXAMPLES)
def show(
    shared: Shared,
    *,
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="ID…", help="Workers; the beginning of an id will do.")
    ] = None,
) -> None:
    """Show workers with the jobs they run: which, and for how long."""
    with Session(shared) as session:
        writer = session.writer(SHOWN)
        if not ids:
            raise UsageError("no worker named", hint="For example: taskq workers show web-3:4711")
        workers = live_workers(session.client)
        for name in ids:
            worker = worker_named(workers, name)
            jobs = [job for lease in worker.leases for job in session.client.held(lease.queue, lease.id)]
            writer.write(shown_record(worker, session.client.time(), jobs))


@leaf(app, name="stop", examples=STOP_EXAMPLES)
def stop(
    shared: Shared,
    chosen: Chosen,
    *,
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID]…|-", help="Workers; the beginning of an id will do; `-`: from stdin."),
    ] = None,
) -> None:
    """Tell workers to end in good order, as on SIGTERM: running jobs may finish within the grace.

    The worker's process ends with exit code 0, and `taskq worker --processes` starts no other in its place.
    What else looks after it, such as systemd or Kubernetes, may.
    """
    with Session(shared, patient=chosen.wait is not None) as session:
        session.writer(STOPPED)
        stop_workers(session, ids or [], chosen)
