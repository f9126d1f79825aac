"""`taskq health`: a cheap probe whose exit code is the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from taskq_cli.exit_codes import ExitCode
from taskq_cli.leaf import leaf, new_app
from taskq_cli.options import Queue, Shared
from taskq_cli.session import Session
from taskq_cli.worker_probe import probe
from taskq_core import DEFAULT_QUEUE, ServerError, ServerFull, ServerUnreachable, UsageError

if TYPE_CHECKING:
    from taskq_core import Client

app = new_app()
DEADLINE_S: Final = 1.0
"""Probes have time-outs of their own: no answer within this is no answer."""

EXAMPLES = """
taskq health
taskq health -q emails --workers 2
until taskq health --quiet; do sleep 1; done
taskq health --worker 9101 --live
"""


@leaf(app, examples=EXAMPLES)
def health(
    shared: Shared,
    *,
    queue: Queue = None,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, metavar="N", help="So many live workers of the queue.")
    ] = None,
    worker: Annotated[
        str | None,
        typer.Option(
            "--worker",
            metavar="[URL|PORT]",
            help="Ask a worker, not the server; alone: the one of TASKQ_METRICS_PORT, or 9101.",
        ),
    ] = None,
    live: Annotated[bool, typer.Option("--live", help="Whether it lives, not whether it is ready.")] = False,
) -> None:
    """Ask whether the server takes jobs, in one round trip; nothing on stdout.

    Exit code 0: yes. 3: no answer. 1: it answers but takes no writes (it is full, a replica, or cannot save),
    or the queue has fewer live workers. The local server is not started for this.

    --worker asks the /readyz of a worker that has --metrics-port, or of an exporter, with --live its /livez.
    Exit code 0: yes. 1: no, and why is on stderr. 3: it does not answer.
    """
    with Session(shared) as session:
        if worker is not None:
            _ask_worker(session, worker, live=live)
            return
        from taskq_core import Client, LocalServer  # here: a probe of a worker does without

        if live:
            raise UsageError("--live is asked of a worker", hint="Add --worker PORT")
        if workers is not None and queue is None:
            raise UsageError("--workers counts those of a queue", hint="Add -q QUEUE")
        url = session.settings.url or LocalServer().url
        with Client(url, namespace=session.settings.namespace, deadline=DEADLINE_S) as client:
            reason = _fault(client, queue or DEFAULT_QUEUE, workers or 0)
        if reason:
            session.narrate(reason)
            raise typer.Exit(ExitCode.FAILED)


def _ask_worker(session: Session, worker: str, *, live: bool) -> None:
    if reason := probe(worker, live=live):
        session.narrate(reason)
        raise typer.Exit(ExitCode.FAILED)


def _fault(client: Client, queue: str, wanted: int) -> str:
    """What is wrong, or nothing. Raises: ServerUnreachable."""
    try:
        probe = client.probe(queue)
    except (ServerFull, ServerError) as error:
        return f"not healthy: {error}"
    except ServerUnreachable as error:
        # a replica may become the primary: to other commands it is worth a retry
        if "READONLY" in str(error) or "read only replica" in str(error):
            return f"not healthy: {error}"
        raise
    if probe.workers < wanted:
        return f"not healthy: queue {queue!r} has {probe.workers} live workers of {wanted}"
    return ""
