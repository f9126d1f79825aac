"""`taskq purge`: removes all jobs of one state from a queue, in bounded steps."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import typer

from taskq_cli.interrupts import whole_step
from taskq_cli.leaf import leaf, new_app
from taskq_cli.options import DryRun, Shared, span
from taskq_cli.sanitize import clean
from taskq_cli.search import Place, Search
from taskq_cli.session import Session
from taskq_cli.targets import purgeable, queues_like
from taskq_cli.views import View
from taskq_core import JobFilter, QueueSnapshot, State, UsageError

STEP: Final = 1_000
SAMPLE: Final = 5
PURGED: Final = View(
    schema="taskq.purge/1",
    fields=("schema", "queue", "state", "purged"),
    columns=("queue", "state", "purged"),
    key="queue",
    line=lambda record: f"{record['queue']} {record['purged']} {record['state']} purged",
)

app = new_app()


@dataclass(frozen=True, slots=True)
class Extent:
    """How much of the state goes."""

    older_than: Annotated[
        timedelta | None,
        span("--older-than", "Only jobs enqueued (ready), due (scheduled) or dead for longer than this."),
    ] = None
    dry_run: DryRun = False
    confirm: Annotated[
        str | None,
        typer.Option(
            "--confirm", metavar="QUEUE", help="The queue's name again: needed to purge a whole state."
        ),
    ] = None


EXAMPLES = """
taskq purge emails --state dead --older-than 30d --dry-run
taskq purge emails --state dead --older-than 30d --yes
taskq purge emails --state ready --confirm emails
"""


@leaf(app, examples=EXAMPLES)
def purge(
    shared: Shared,
    extent: Extent,
    *,
    queue: Annotated[str | None, typer.Argument(metavar="QUEUE", help="The queue.")] = None,
    state: Annotated[
        str | None, typer.Option("--state", metavar="STATE", help="ready, scheduled or dead.")
    ] = None,
) -> None:
    """Remove all jobs of one state from a queue, for good."""
    with Session(shared) as session:
        session.writer(PURGED)
        wanted = _state(queue, state)
        (name,) = queues_like(session.client, _plain(str(queue)))
        if extent.dry_run:
            _rehearse(session, name, wanted, extent)
            return
        session.confirm(
            f"Purge {_what(wanted, extent)} of queue {name!r}?",
            name=name if extent.older_than is None else None,
            given=extent.confirm,
        )
        _purge(session, name, wanted, extent)


def _state(queue: str | None, state: str | None) -> State:
    if queue is None or state is None:
        raise UsageError("name the queue and the state", hint="For example: taskq purge emails --state dead")
    return purgeable(state)


def _plain(queue: str) -> str:
    if any(char in queue for char in "*?["):
        raise UsageError(f"{clean(queue)!r} is a pattern", hint="A purge wants the name of one queue")
    return queue


def _what(state: State, extent: Extent) -> str:
    return (
        f"all {state} jobs" if extent.older_than is None else f"{state} jobs older than {extent.older_than}"
    )


def _purge(session: Session, queue: str, state: State, extent: Extent) -> None:
    # no more than there are now: where jobs keep coming, it would never end
    left = _depth(session.client.snapshot(queue), state)
    purged = 0
    try:
        while left > 0:
            with whole_step():
                step = session.client.purge(queue, state, older_than=extent.older_than, limit=min(STEP, left))
                purged += step
            left = left - step if step else 0
    finally:
        record = {"schema": PURGED.schema, "queue": queue, "state": str(state), "purged": purged}
        session.output.write(record)


def _depth(snapshot: QueueSnapshot, state: State) -> int:
    if state is State.READY:
        return snapshot.ready_total
    return snapshot.scheduled if state is State.SCHEDULED else snapshot.dead


def _rehearse(session: Session, queue: str, state: State, extent: Extent) -> None:
    before = None if extent.older_than is None else datetime.now(UTC) - extent.older_than
    search = Search(session.client, [Place(queue, state)], JobFilter(before=before))
    shown = 0
    with search.telling(session):
        for page in search.pages():
            for job in page[: SAMPLE - shown]:
                sys.stdout.write(f"{job.ref}\n")
                shown += 1
            search.progress(session)
    session.narrate(f"would purge {search.matched} {state} jobs of {queue}; nothing was changed")
