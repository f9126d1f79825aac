"""Removing a queue: what would be lost is said first, and its name has to be given again."""

from __future__ import annotations

from typing import Final

from taskq_cli.sanitize import clean
from taskq_cli.session import Session
from taskq_cli.views import View
from taskq_core import QueueSnapshot, Refused

REMOVED: Final = View(
    schema="taskq.queue-removal/1",
    fields=("schema", "queue", "ready", "running", "scheduled", "dead"),
    columns=("queue", "ready", "running", "scheduled", "dead"),
    key="queue",
    line=lambda record: f"{clean(record['queue'])} removed",
)


class Served(Refused):
    """Workers serve the queue; nothing was changed."""


def remove_queue(session: Session, queue: str, *, confirm: str | None, force: bool, dry_run: bool) -> None:
    """Removes the queue, once it was agreed to. Raises: Refused."""
    session.may_change()
    snapshot = session.client.snapshot(queue)
    if dry_run:
        session.narrate(f"would remove {queue} with {_contents(snapshot)}; nothing was changed")
        return
    if snapshot.workers and not force:
        raise Served(
            f"queue {queue!r} is served; live workers: {snapshot.workers}",
            hint=f"Stop them first (taskq workers stop -q {queue}), or add --force",
        )
    session.confirm(f"Remove queue {queue!r} with {_contents(snapshot)}?", name=queue, given=confirm)
    session.client.remove(queue)
    session.output.write(
        {
            "schema": REMOVED.schema,
            "queue": queue,
            "ready": snapshot.ready_total,
            "running": snapshot.running,
            "scheduled": snapshot.scheduled,
            "dead": snapshot.dead,
        }
    )
    session.narrate(f"gone with it: {_contents(snapshot)}")


def _contents(snapshot: QueueSnapshot) -> str:
    counts = {
        "ready": snapshot.ready_total,
        "running": snapshot.running,
        "scheduled": snapshot.scheduled,
        "dead": snapshot.dead,
    }
    parts = [f"{count} {state}" for state, count in counts.items() if count]
    return f"{', '.join(parts)} jobs" if parts else "no jobs"
