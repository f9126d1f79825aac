"""`taskq schedule`: jobs that are enqueued again and again."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from taskq_cli.key_values import payload_of
from taskq_cli.leaf import leaf, new_app
from taskq_cli.named import Verb, change_each, change_record, change_view
from taskq_cli.options import DryRun, Queue, QueueGlob, Shared
from taskq_cli.schedule_views import (
    SCHEDULE,
    SHOWN,
    TIMES,
    declared_by,
    schedule_record,
    shown_there,
    time_record,
)
from taskq_cli.schedules import How, one_schedule, schedule_refs, schedules_in
from taskq_cli.session import Session
from taskq_cli.views import RECEIPT, receipt_record
from taskq_core import DEFAULT_QUEUE, Client, Schedule, ScheduleInfo, ScheduleRef, UsageError

app = new_app("Enqueue jobs again and again: by cron lines, or every so often.")

Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="NAME…", help="Schedules: a name, QUEUE/NAME, or a pattern of them."),
]
_KIND: Final = "schedule"
CHANGED: Final = change_view(_KIND)

ADD_EXAMPLES = """
taskq schedule add nightly '30 2 * * *' clean-up days:=30 --tz Europe/Berlin -q reports
taskq schedule add beat 'every 30s' ping -q monitoring --missed skip --overlap skip
taskq schedule add digest @weekly send-digest --payload '{"to":"team@example.com"}' --jitter 10m
taskq schedule add acme-digest @daily send-digest -q mail --tenant acme
taskq schedule add nightly '0 3 * * *' clean-up -q reports --replace --dry-run
"""
LS_EXAMPLES = """
taskq schedule ls
taskq schedule ls -q 'report*' -o json
taskq schedule ls -o ndjson | jq -r 'select(.state == "overdue" or .orphan).id'
"""
NEXT_EXAMPLES = """
taskq schedule next nightly -n 3
taskq schedule next '0 9 * * MON-FRI' --tz America/New_York
"""
TRIGGER_EXAMPLES = """
taskq schedule trigger nightly
taskq schedule trigger reports/nightly | taskq wait - --timeout 60s
"""


@leaf(app, name="add", examples=ADD_EXAMPLES)
def add(
    shared: Shared,
    how: How,
    *,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="What it is to be called.")] = None,
    spec: Annotated[
        str | None,
        typer.Argument(
            metavar="SPEC", help="When: a cron line (5 fields, 6 with seconds), @daily, or 'every 30s'."
        ),
    ] = None,
    task: Annotated[str | None, typer.Argument(metavar="TASK", help="The task.")] = None,
    pairs: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE|KEY:=JSON]…", help="The payload.")
    ] = None,
    payload: Annotated[
        str | None, typer.Option("--payload", metavar="JSON|@FILE|-", help="The payload, whole.")
    ] = None,
    queue: Queue = None,
    paused: Annotated[bool, typer.Option("--paused", help="It does not fire until it is resumed.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Also where the name is taken.")] = False,
    dry_run: DryRun = False,
) -> None:
    """Add a schedule. Workers of its queue fire it; there is no other process to run.

    Each time makes one job, however many workers there are. The same again changes nothing; another one
    under a name that is taken is refused with exit code 5, unless --replace.

    Grace, where none is given: 10s for skip, 1h for latest, 1d for all.
    """
    with Session(shared) as session:
        writer = session.writer(CHANGED)
        if name is None or spec is None or task is None:
            raise UsageError(
                "a schedule has a name, a time and a task",
                hint="For example: taskq schedule add nightly '30 2 * * *' clean-up",
            )
        made = how.schedule(name, spec, task, payload_of(payload, pairs or []))
        ref = ScheduleRef.of(queue or DEFAULT_QUEUE, name)
        session.may_change()
        if dry_run:
            session.narrate(f"would add {ref}, next at {_first_time(session, made)}; nothing was changed")
            return
        state = session.client.schedules.add(ref.queue, made, replace=replace, paused=paused)
        writer.write(change_record(_KIND, ref, "add", state, changed=state != "unchanged"))
        session.narrate(_outlook(session.client.schedules.get(ref)))


@leaf(app, name="ls", examples=LS_EXAMPLES)
def list_schedules(shared: Shared, *, queue: QueueGlob = None) -> None:
    """List schedules: when they fire next, when they last did, how late, and how many runs they missed.

    State: active, paused, ended, overdue (nobody fires it), orphan (its code is gone: no live worker
    declares it; `taskq schedule rm` removes it) or malformed.
    """
    with Session(shared) as session:
        writer = session.writer(SCHEDULE)
        found = schedules_in(session.client, queue)
        declared = _declared(session.client, found)
        for info in found:
            writer.write(schedule_record(info, declared.get(info.ref.queue)))


@leaf(app, name="show", examples="taskq schedule show nightly\ntaskq schedule show nightly --json runs")
def show(shared: Shared, *, names: Names = None) -> None:
    """Show all about schedules, with their last runs."""
    with Session(shared) as session:
        writer = session.writer(SHOWN)
        found = [session.client.schedules.get(ref) for ref in schedule_refs(session, names, "show")]
        declared = _declared(session.client, found)
        for info in found:
            writer.write(schedule_record(info, declared.get(info.ref.queue)))


@leaf(app, name="pause", examples="taskq schedule pause nightly\ntaskq schedule pause 'reports/*' --dry-run")
def pause(shared: Shared, *, names: Names = None, dry_run: DryRun = False) -> None:
    """Let schedules fire no more until they are resumed."""
    verb: Verb[ScheduleRef] = Verb(
        "pause", lambda client, ref: client.schedules.pause(ref), "paused", "was paused already"
    )
    _change(shared, names, verb, dry_run=dry_run)


@leaf(app, name="resume", examples="taskq schedule resume nightly\ntaskq schedule resume 'reports/*'")
def resume(shared: Shared, *, names: Names = None, dry_run: DryRun = False) -> None:
    """Let paused schedules fire again, from their next time on; what came meanwhile is left out."""
    verb: Verb[ScheduleRef] = Verb(
        "resume", lambda client, ref: client.schedules.resume(ref), "resumed", "was not paused"
    )
    _change(shared, names, verb, dry_run=dry_run)


@leaf(app, name="trigger", examples=TRIGGER_EXAMPLES)
def trigger(
    shared: Shared,
    *,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="A name, or QUEUE/NAME.")] = None,
) -> None:
    """Enqueue the job of a schedule now, beside its timetable, and print the job's reference.

    Refused with exit code 5 where runs must not overlap and the last one is not over.
    """
    with Session(shared) as session:
        writer = session.writer(RECEIPT)
        session.may_change()
        info = one_schedule(session, name, "trigger")
        writer.write(receipt_record(session.client.schedules.trigger(info.ref)))


@leaf(app, name="rm", examples="taskq schedule rm nightly --dry-run\ntaskq schedule rm 'reports/*' --yes")
def remove(shared: Shared, *, names: Names = None, dry_run: DryRun = False) -> None:
    """Remove schedules and what was counted of them. Jobs that they made stay.

    One that is declared in code comes back when a worker with that code starts.
    """
    verb: Verb[ScheduleRef] = Verb(
        "rm",
        lambda client, ref: client.schedules.remove(ref),
        "removed",
        asks="Remove {}?",
        would="remove",
    )
    _change(shared, names, verb, dry_run=dry_run)


@leaf(app, name="next", examples=NEXT_EXAMPLES)
def next_(
    shared: Shared,
    *,
    name: Annotated[
        str | None, typer.Argument(metavar="NAME|SPEC", help="A schedule, or a cron line to try out.")
    ] = None,
    count: Annotated[
        int, typer.Option("-n", "--count", min=1, max=1000, metavar="N", help="How many times.")
    ] = 10,
    tz: Annotated[
        str, typer.Option("--tz", metavar="ZONE", help="The time zone of a cron line to try out.")
    ] = "UTC",
) -> None:
    """Show when a schedule fires next, as a clock in its time zone shows it and in UTC."""
    with Session(shared) as session:
        writer = session.writer(TIMES)
        if name is not None and (" " in name.strip() or name.startswith("@")):
            tried = Schedule("tried", name, "tried", tz=tz)
            now = session.client.time()
            times = tried.next(now, count)
        else:
            info = one_schedule(session, name, "next")
            tried, now = info.schedule, info.at
            times = [*session.client.schedules.next(info.ref, count)]
            if info.paused:
                session.narrate(f"{info.ref} is paused; `taskq schedule resume {info.ref}`")
        for at in times:
            writer.write(time_record(at, tried, now))


def _first_time(session: Session, schedule: Schedule) -> str:
    times = schedule.next(session.client.time())
    return shown_there(times[0], schedule.tz) if times else "no time"


def _outlook(info: ScheduleInfo) -> str:
    if info.paused:
        return f"paused; `taskq schedule resume {info.ref}` lets it fire"
    if info.next_at is None:
        return "it has no further time"
    return f"next at {shown_there(info.next_at, info.schedule.tz)} ({info.schedule.tz})"


def _declared(client: Client, found: list[ScheduleInfo]) -> dict[str, set[str]]:
    queues = dict.fromkeys(info.ref.queue for info in found if info.code)
    return declared_by(client.workers_of([*queues]))


def _change(shared: Shared, names: list[str] | None, verb: Verb[ScheduleRef], *, dry_run: bool) -> None:
    with Session(shared) as session:
        session.writer(CHANGED)
        change_each(session, _KIND, schedule_refs(session, names, verb.name), verb, dry_run=dry_run)
