"""`taskq group`: jobs that belong together, and what runs once all of them have ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Final

import typer

from taskq_cli.group_views import GROUP, SHOWN, group_record
from taskq_cli.group_wait import group_ref
from taskq_cli.key_values import payload_of
from taskq_cli.leaf import leaf, new_app
from taskq_cli.named import Verb, change_each, change_record, change_view
from taskq_cli.options import DryRun, Queue, QueueGlob, Shared, span
from taskq_cli.session import Session
from taskq_cli.targets import queues_like
from taskq_core import (
    DEFAULT_QUEUE,
    GroupRef,
    JobOptions,
    NewGroup,
    NewJob,
    UsageError,
)

app = new_app("Count jobs that belong together, and run one more when all of them have ended.")

Names = Annotated[
    list[str] | None, typer.Argument(metavar="ID…", help="Groups: QUEUE/ID, or an ID beside --queue.")
]
_KIND: Final = "group"
CHANGED: Final = change_view(_KIND)

OPEN_EXAMPLES = """
taskq group open import-42 report month:=11 -q images
taskq group open import-43 -q images --expect 1000 --when ended report month:=12
"""
LS_EXAMPLES = """
taskq group ls
taskq group ls -q images -o ndjson | jq -r 'select(.state == "failed").advice'
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a group is to be like."""

    when: Annotated[
        str,
        typer.Option(
            "--when", metavar="POLICY", help="All members are done; or have ended in any way: ended."
        ),
    ] = "done"
    expect: Annotated[
        int | None,
        typer.Option(
            "--expect", metavar="N", min=0, help="It is to have N members; else it is to be sealed."
        ),
    ] = None
    forget: Annotated[timedelta | None, span("--forget", "Keep it so long after its end; 1d by default.")] = (
        None
    )
    keep: Annotated[timedelta | None, span("--keep", "Keep the result of the callback this long.")] = None

    def group(self, name: str, task: str | None, payload: bytes) -> NewGroup:
        """The group. Raises: InvalidName, InvalidOption."""
        callback = None if task is None else NewJob(task, payload, JobOptions(keep=self.keep))
        more = {} if self.forget is None else {"keep": self.forget}
        return NewGroup(name, callback, self.when, self.expect, **more)


@leaf(app, name="open", examples=OPEN_EXAMPLES)
def open_group(
    shared: Shared,
    asked: Asked,
    *,
    name: Annotated[str | None, typer.Argument(metavar="ID", help="What it is to be called.")] = None,
    task: Annotated[
        str | None, typer.Argument(metavar="[TASK]", help="The callback: the task to run at the end.")
    ] = None,
    pairs: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE|KEY:=JSON]…", help="The callback's payload.")
    ] = None,
    payload: Annotated[
        str | None, typer.Option("--payload", metavar="JSON|@FILE|-", help="The callback's payload, whole.")
    ] = None,
    queue: Queue = None,
) -> None:
    """Open a group, to be filled by `taskq enqueue --group`, with the job that is to run at its end.

    It ends when it is sealed, or has as many members as were announced, and all of them are done. The same
    again changes nothing; another one of the same id is refused with exit code 5.
    """
    with Session(shared) as session:
        writer = session.writer(CHANGED)
        if name is None:
            raise UsageError("no group named", hint="For example: taskq group open import-42 report")
        group = asked.group(name, task, payload_of(payload, pairs or []))
        session.may_change()
        ref = session.client.groups.open(queue or DEFAULT_QUEUE, group)
        writer.write(change_record(_KIND, ref, "open", "opened", changed=True))


@leaf(app, name="ls", examples=LS_EXAMPLES)
def list_groups(shared: Shared, *, queue: QueueGlob = None) -> None:
    """List groups: how many of their members are pending, done and dead. The first 1,000 of each queue.

    State: open (to be sealed), running, incomplete (not all announced members were added), failed (dead
    members hold it up), stuck (members were cancelled or removed) or finished.
    """
    with Session(shared) as session:
        writer = session.writer(GROUP)
        for each in queues_like(session.client, queue):
            for info in session.client.groups.list(each):
                writer.write(group_record(info))


@leaf(
    app,
    name="show",
    examples="taskq group show images/import-42\ntaskq group show import-42 -q images --json job",
)
def show(shared: Shared, *, names: Names = None, queue: Queue = None) -> None:
    """Show how groups stand, and what to do where one does not go on by itself."""
    with Session(shared) as session:
        writer = session.writer(SHOWN)
        for ref in _refs(names, queue, "show"):
            info = session.client.groups.get(ref)
            writer.write(group_record(info))
            if info.advice:
                session.narrate(info.advice)


@leaf(app, name="seal", examples="taskq group seal images/import-42")
def seal(shared: Shared, *, names: Names = None, queue: Queue = None, dry_run: DryRun = False) -> None:
    """Close groups to further members: they end when those they have, have ended."""
    verb: Verb[GroupRef] = Verb(
        "seal", lambda client, ref: client.groups.seal(ref), "sealed", "was sealed already"
    )
    _change(shared, names, queue, verb, dry_run=dry_run)


@leaf(app, name="finish", examples="taskq group finish images/import-42 --dry-run")
def finish(shared: Shared, *, names: Names = None, queue: Queue = None, dry_run: DryRun = False) -> None:
    """End groups now, whatever became of their members: their callbacks are enqueued."""
    verb: Verb[GroupRef] = Verb(
        "finish",
        lambda client, ref: client.groups.finish(ref),
        "finished",
        "had finished already",
        asks="Run the callbacks of {} now?",
    )
    _change(shared, names, queue, verb, dry_run=dry_run)


@leaf(app, name="rm", examples="taskq group rm images/import-42 --dry-run")
def remove(shared: Shared, *, names: Names = None, queue: Queue = None, dry_run: DryRun = False) -> None:
    """Forget groups: their callbacks do not run any more. Their members stay."""
    verb: Verb[GroupRef] = Verb(
        "rm",
        lambda client, ref: client.groups.remove(ref),
        "removed",
        asks="Forget {}? Callbacks that were to come do not run.",
        would="forget",
    )
    _change(shared, names, queue, verb, dry_run=dry_run)


def _refs(names: list[str] | None, queue: str | None, verb: str) -> list[GroupRef]:
    if not names:
        raise UsageError("no group named", hint=f"For example: taskq group {verb} images/import-42")
    return list(dict.fromkeys(group_ref(name, queue) for name in names))


def _change(
    shared: Shared, names: list[str] | None, queue: str | None, verb: Verb[GroupRef], *, dry_run: bool
) -> None:
    with Session(shared) as session:
        session.writer(CHANGED)
        change_each(session, _KIND, _refs(names, queue, verb.name), verb, dry_run=dry_run)
