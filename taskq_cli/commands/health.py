"""`taskq health`: a cheap probe whose exit code is the answer."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from taskq_cli.exit_codes import ExitCode
from taskq_cli.leaf import leaf, new_app
from taskq_cli.options import Queue, Shared
from taskq_cli.session import Session
from taskq_core import Client, LocalServer, ServerError, ServerFull, ServerUnreachable, UsageError

app = new_app()
DEADLINE_S: Final = 1.0
"""Probes have time-outs of their own: no answer within this is no answer."""

EXAMPLES = """
taskq health
taskq health -q emails --workers 2
until taskq health --quiet; do sleep 1; done
"""


@leaf(app, examples=EXAMPLES)
def health(
    shared: Shared,
    *,
    queue: Queue = None,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, metavar="N", help="So many live workers of the queue.")
    ] = None,
) -> None:
    """Ask whether the server takes jobs, in one round trip; nothing on stdout.

    Exit code 0: yes. 3: no answer. 1: it answers but takes no writes (it is full, a replica, or cannot save),
    or the queue has fewer live workers. The local server is not started for this.
    """
    with Session(shared) as session:
        if workers is not None and queue is None:
            raise UsageError("--workers counts those of a queue", hint="Add -q QUEUE")
        url = session.settings.url or LocalServer().url
        with Client(url, namespace=session.settings.namespace, deadline=DEADLINE_S) as client:
            reason = _fault(client, queue or "default", workers or 0)
        if reason:
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
