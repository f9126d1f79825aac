"""Draining: queues take no more jobs, and someone waits until workers have finished what is there."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, Final

import typer

from taskq_cli.exit_codes import ExitCode
from taskq_cli.sanitize import clean
from taskq_cli.session import Session
from taskq_cli.views import Record, View
from taskq_core import QueueSnapshot

LOOK_S: Final = 0.2
SAY_S: Final = 10.0
"""How often a long wait says how far it is."""


def _line(record: Record) -> str:
    word = "drained" if record["drained"] else "draining"
    return f"{clean(record['queue'])} {word}"


DRAINED: Final = View(
    schema="taskq.queue-drain/1",
    fields=("schema", "queue", "changed", "drained", "ready", "running", "scheduled"),
    columns=("queue", "drained", "ready", "running", "scheduled"),
    key="queue",
    line=_line,
)


def drain_queues(session: Session, queues: Sequence[str], wait: timedelta | None) -> None:
    """Closes the queues to producers and waits until they are empty. ``wait`` None: not at all."""
    changed = {queue: session.client.drain(queue) for queue in queues}
    waiting = dict.fromkeys(queues)
    end = time.monotonic() + (0.0 if wait is None else wait.total_seconds())
    for snapshots in _looks(session, waiting):
        _report(session, snapshots, waiting, changed)
        if not waiting or wait is None or time.monotonic() > end:
            break
    left = [snapshot for snapshot in snapshots if snapshot.queue in waiting]
    for snapshot in left:
        session.output.write(_record(snapshot, changed=changed[snapshot.queue]))
    if left and wait is not None:
        session.narrate(f"not yet: {_left(left)}; they go on draining")
        raise typer.Exit(ExitCode.PENDING)


def _looks(session: Session, waiting: dict[str, None]) -> Iterator[list[QueueSnapshot]]:
    """The queues that are not empty yet, again and again, with a word of it now and then."""
    said = 0.0
    while True:
        snapshots = session.client.snapshots(list(waiting))
        yield snapshots
        now = time.monotonic()
        left = [snapshot for snapshot in snapshots if snapshot.queue in waiting]
        if now - said > SAY_S:
            said = now
            session.narrate(f"draining: {_left(left)}")
            for snapshot in left:
                if reason := _hindrance(snapshot):
                    session.narrate(reason)
        time.sleep(LOOK_S)


def _report(
    session: Session, snapshots: Sequence[QueueSnapshot], waiting: dict[str, None], changed: dict[str, bool]
) -> None:
    for snapshot in snapshots:
        if _empty(snapshot):
            del waiting[snapshot.queue]
            session.output.write(_record(snapshot, changed=changed[snapshot.queue]))
            session.output.flush()
            if snapshot.scheduled:
                session.narrate(f"{snapshot.queue}: {snapshot.scheduled} scheduled jobs wait for their time")


def _empty(snapshot: QueueSnapshot) -> bool:
    due = snapshot.next_due_at is not None and snapshot.next_due_at <= snapshot.at
    return not (snapshot.ready_total or snapshot.running or due)


def _hindrance(snapshot: QueueSnapshot) -> str:
    if snapshot.paused:
        return f"{snapshot.queue} is paused, so nothing moves: taskq queue resume {snapshot.queue}"
    if not snapshot.workers:
        return f"no worker serves {snapshot.queue}, so nothing moves: start one"
    return "" if snapshot.draining else f"{snapshot.queue} was resumed: it takes jobs in again"


def _left(snapshots: Sequence[QueueSnapshot]) -> str:
    parts = [f"{each.queue} has {each.ready_total} ready and {each.running} running" for each in snapshots]
    return ", ".join(parts[:5]) + (f" and {len(parts) - 5} more queues" if len(parts) > 5 else "")


def _record(snapshot: QueueSnapshot, *, changed: bool) -> dict[str, Any]:
    return {
        "schema": DRAINED.schema,
        "queue": snapshot.queue,
        "changed": changed,
        "drained": _empty(snapshot),
        "ready": snapshot.ready_total,
        "running": snapshot.running,
        "scheduled": snapshot.scheduled,
    }
