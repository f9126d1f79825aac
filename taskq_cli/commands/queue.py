"""`taskq queue`: lists, pauses and resumes queues."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final

import typer

from taskq_cli.leaf import leaf, new_app
from taskq_cli.options import DryRun, QueueGlob, Shared
from taskq_cli.queue_views import MINUTES, QUEUE, queue_record
from taskq_cli.session import Session
from taskq_cli.targets import queues_like
from taskq_cli.views import View
from taskq_core import Client, UsageError

app = new_app("List, pause and resume queues.")

Names = Annotated[list[str] | None, typer.Argument(metavar="QUEUE…", help="Queues, by name or pattern.")]
_DONE: Final[Mapping[tuple[str, bool], str]] = {
    ("pause", True): "paused",
    ("pause", False): "was paused already",
    ("resume", True): "resumed",
    ("resume", False): "was not paused",
}
CHANGED: Final = View(
    schema="taskq.queue-change/1",
    fields=("schema", "queue", "verb", "changed"),
    columns=("queue", "verb", "changed"),
    key="queue",
    line=lambda record: f"{record['queue']} {_DONE[record['verb'], record['changed']]}",
)

LS_EXAMPLES = """
taskq queue ls
taskq queue ls -q 'mail-*' -o json
taskq queue ls -o tsv | awk -F'\\t' '$2 > 1000 {print $1}' | xargs -rn1 taskq queue pause
"""


@leaf(app, name="ls", examples=LS_EXAMPLES)
def list_queues(shared: Shared, *, queue: QueueGlob = None) -> None:
    """List queues with their depths."""
    with Session(shared) as session:
        writer = session.writer(QUEUE)
        for snapshot in session.client.snapshots(queues_like(session.client, queue), MINUTES):
            writer.write(queue_record(snapshot))


@leaf(app, name="pause", examples="taskq queue pause emails\ntaskq queue pause 'mail-*' --dry-run")
def pause(shared: Shared, *, names: Names = None, dry_run: DryRun = False) -> None:
    """Let workers take no more jobs from queues; what runs goes on, and enqueueing too."""
    _change(shared, names, ("pause", Client.pause), dry_run=dry_run)


@leaf(app, name="resume", examples="taskq queue resume emails\ntaskq queue resume '*'")
def resume(shared: Shared, *, names: Names = None, dry_run: DryRun = False) -> None:
    """Let workers take jobs from queues again."""
    _change(shared, names, ("resume", Client.resume), dry_run=dry_run)


def _change(
    shared: Shared, globs: list[str] | None, verb: tuple[str, Callable[[Client, str], bool]], *, dry_run: bool
) -> None:
    name, call = verb
    with Session(shared) as session:
        writer = session.writer(CHANGED)
        if not globs:
            raise UsageError("no queue named", hint=f"For example: taskq queue {name} emails")
        session.may_change()
        # all patterns are looked up before the first queue is changed
        found = dict.fromkeys(queue for glob in globs for queue in queues_like(session.client, glob))
        if dry_run:
            session.narrate(f"would {name} {', '.join(found)}; nothing was changed")
            return
        for queue in found:
            changed: Any = call(session.client, queue)
            writer.write({"schema": CHANGED.schema, "queue": queue, "verb": name, "changed": changed})
