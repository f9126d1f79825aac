"""`taskq queue`: lists queues, and pauses, resumes, drains, limits and removes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Annotated, Any, Final

import typer

from taskq_cli.draining import DRAINED, drain_queues
from taskq_cli.flow_settings import NewFlow
from taskq_cli.leaf import leaf, new_app
from taskq_cli.options import DryRun, QueueGlob, Shared, span
from taskq_cli.queue_removal import REMOVED, remove_queue
from taskq_cli.queue_settings import NewLimits, set_limits
from taskq_cli.queue_views import LIMITS, MINUTES, QUEUE, SHOWN, queue_record, shown_record
from taskq_cli.session import Session
from taskq_cli.targets import one_queue, queues_like
from taskq_cli.views import View
from taskq_core import Client, UsageError

app = new_app("List, pause, drain, limit and remove queues.")

Name = Annotated[str | None, typer.Argument(metavar="QUEUE", help="The queue.")]
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
SET_EXAMPLES = """
taskq queue set emails --max-jobs 100000
taskq queue set emails --dead-max 5000 --dead-age 30d
taskq queue set emails --slo 5s
taskq queue set emails --rate 100/s --max-running 20
taskq queue set emails --task-rate send=10/s --task-max-running render=2
taskq queue set emails --max-jobs 0 --dry-run
"""
DRAIN_EXAMPLES = """
taskq queue drain emails --no-wait
taskq queue drain emails --timeout 5m && echo "nothing runs any more"
taskq queue drain 'mail-*' --dry-run
"""
RM_EXAMPLES = """
taskq queue rm emails --dry-run
taskq queue rm emails --confirm emails --force
"""


@leaf(app, name="ls", examples=LS_EXAMPLES)
def list_queues(shared: Shared, *, queue: QueueGlob = None) -> None:
    """List queues with their depths."""
    with Session(shared) as session:
        writer = session.writer(QUEUE)
        for snapshot in session.client.snapshots(queues_like(session.client, queue), MINUTES):
            writer.write(queue_record(snapshot))


@leaf(app, name="show", examples="taskq queue show emails\ntaskq queue show emails --json limits,worker_ids")
def show(shared: Shared, *, queue: Name = None) -> None:
    """Show all about a queue: depths, rates, totals, limits and workers."""
    with Session(shared) as session:
        writer = session.writer(SHOWN)
        name = one_queue(session.client, queue, "queue show")
        workers = {worker.process for worker in session.client.workers(name)}
        gates = session.client.gates(name)
        writer.write(shown_record(session.client.snapshot(name, MINUTES), gates, workers))


@leaf(app, name="pause", examples="taskq queue pause emails\ntaskq queue pause 'mail-*' --dry-run")
def pause(shared: Shared, *, names: Names = None, dry_run: DryRun = False) -> None:
    """Let workers take no more jobs from queues; what runs goes on, and enqueueing too."""
    _change(shared, names, ("pause", Client.pause), dry_run=dry_run)


@leaf(app, name="resume", examples="taskq queue resume emails\ntaskq queue resume '*'")
def resume(shared: Shared, *, names: Names = None, dry_run: DryRun = False) -> None:
    """Let workers take jobs from queues again, and open those that were drained to producers."""
    _change(shared, names, ("resume", Client.resume), dry_run=dry_run)


@leaf(app, name="drain", examples=DRAIN_EXAMPLES)
def drain(
    shared: Shared,
    *,
    names: Names = None,
    timeout: Annotated[timedelta | None, span("--timeout", "Wait no longer than this.")] = None,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Do not wait until it is empty.")] = False,
    dry_run: DryRun = False,
) -> None:
    """Take no more jobs in, and wait until workers have finished what is there.

    Producers are refused from now on, with exit code 5, until `taskq queue resume`. Jobs that are scheduled
    for later stay: they run at their time. Exit code 8 when the time-out comes first.
    """
    with Session(shared, patient=True) as session:
        session.writer(DRAINED)
        found = _named(session, names, "drain")
        session.may_change()
        if dry_run:
            session.narrate(f"would drain {', '.join(found)}; nothing was changed")
            return
        drain_queues(session, found, None if no_wait else timeout or timedelta.max)


@leaf(app, name="set", examples=SET_EXAMPLES)
def set_(
    shared: Shared, limits: NewLimits, flow: NewFlow, *, queue: Name = None, dry_run: DryRun = False
) -> None:
    """Limit how many jobs a queue takes, starts and runs, and how many dead ones it keeps.

    0 is the default again: what code declares, or else no limit. A rate and how many run are limits for all
    workers together, and hold at once; off is no limit whatever code declares.

    Shows the limits as they are afterwards. --slo refuses nothing: `taskq top`
    and alerts tell when jobs wait longer.
    """
    with Session(shared) as session:
        session.writer(LIMITS)
        name = one_queue(session.client, queue, "queue set")
        set_limits(session, name, limits, flow, dry_run=dry_run)


@leaf(app, name="rm", examples=RM_EXAMPLES)
def remove(
    shared: Shared,
    *,
    queue: Name = None,
    confirm: Annotated[
        str | None, typer.Option("--confirm", metavar="QUEUE", help="The queue's name again.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Even while workers serve it.")] = False,
    dry_run: DryRun = False,
) -> None:
    """Remove a queue with all its jobs, for good.

    Refused while workers serve it: with --force they lose the jobs they run, and the queue is there again,
    empty, as soon as one of them registers anew.
    """
    with Session(shared) as session:
        session.writer(REMOVED)
        name = one_queue(session.client, queue, "queue rm")
        remove_queue(session, name, confirm=confirm, force=force, dry_run=dry_run)


def _named(session: Session, globs: list[str] | None, verb: str) -> list[str]:
    """The queues that are meant. All patterns are looked up before the first queue is changed."""
    if not globs:
        raise UsageError("no queue named", hint=f"For example: taskq queue {verb} emails")
    return list(dict.fromkeys(queue for glob in globs for queue in queues_like(session.client, glob)))


def _change(
    shared: Shared, globs: list[str] | None, verb: tuple[str, Callable[[Client, str], bool]], *, dry_run: bool
) -> None:
    name, call = verb
    with Session(shared) as session:
        writer = session.writer(CHANGED)
        found = _named(session, globs, name)
        session.may_change()
        if dry_run:
            session.narrate(f"would {name} {', '.join(found)}; nothing was changed")
            return
        for queue in found:
            changed: Any = call(session.client, queue)
            writer.write({"schema": CHANGED.schema, "queue": queue, "verb": name, "changed": changed})
