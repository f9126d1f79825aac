"""`taskq enqueue`: one job from arguments, or a stream of jobs from stdin."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

import typer

from taskq_cli.durations import time_option
from taskq_cli.exit_codes import ExitCode
from taskq_cli.job_defaults import Defaults
from taskq_cli.key_values import payload_of
from taskq_cli.leaf import leaf, new_app
from taskq_cli.links import link_option
from taskq_cli.options import DryRun, Keep, Level, Queue, Retries, Shared, Tenant, Timeout, span, wait_option
from taskq_cli.session import Session
from taskq_cli.views import RECEIPT, met_text, receipt_record
from taskq_core import (
    DEFAULT_OPTIONS,
    DEFAULT_QUEUE,
    JobOptions,
    JobRef,
    NewJob,
    NotDurable,
    UsageError,
    check_queue,
    check_task,
)

app = new_app()


@dataclass(frozen=True, slots=True)
class Asked:
    """What the flags ask of every job."""

    priority: Level = None
    delay: Annotated[timedelta | None, span("--in", "Run it after this time.")] = None
    at: Annotated[
        datetime | None, typer.Option("--at", metavar="TIME", parser=time_option, help="Run it at this time.")
    ] = None
    retries: Retries = None
    timeout: Timeout = None
    unique: Annotated[
        str | None, typer.Option("--unique", metavar="KEY", help="Refuse a second job with this key.")
    ] = None
    unique_for: Annotated[timedelta | None, span("--unique-for", "How long the key is held at most.")] = None
    throttle: Annotated[
        timedelta | None, span("--throttle", "Hold the key for so long also when the job has ended.")
    ] = None
    debounce: Annotated[
        timedelta | None, span("--debounce", "Run it when no other call with the key came for so long.")
    ] = None
    debounce_max: Annotated[
        timedelta | None, span("--debounce-max", "The longest it is put off; 10 times --debounce by default.")
    ] = None
    replace: Annotated[
        bool | None,
        typer.Option("--replace/--no-replace", help="Give the job that waits under the key this payload."),
    ] = None
    concurrency_key: Annotated[
        str | None,
        typer.Option("--concurrency-key", metavar="KEY", help="Only one job with this key runs at a time."),
    ] = None
    keep: Keep = None
    tenant: Tenant = None
    group: Annotated[
        str | None, typer.Option("--group", metavar="ID", help="Make it a member of a group: `taskq group`.")
    ] = None
    then: Annotated[
        list[NewJob] | None,
        typer.Option(
            "--then",
            metavar="TASK|JSON",
            parser=link_option,
            help="Enqueue this when it is done; again for what follows that.",
        ),
    ] = None

    def options(self) -> JobOptions:
        """As the client takes them. Raises: InvalidOption."""
        given = {name: getattr(self, name) for name in self.__slots__ if getattr(self, name) is not None}
        return JobOptions(**given) if given else DEFAULT_OPTIONS


@dataclass(frozen=True, slots=True)
class How:
    """How a stream is read, and whether anything is sent at all."""

    stop_on_error: Annotated[
        bool, typer.Option("--stop-on-error", help="End a stream at its first wrong line.")
    ] = False
    dry_run: DryRun = False
    durable: Annotated[
        bool, typer.Option("--durable", help="Return when the jobs are on disk or on a replica.")
    ] = False
    wait_for_room: Annotated[
        timedelta | None,
        typer.Option(
            "--wait-for-room",
            metavar="[=D]",
            parser=wait_option,
            help="Wait while the queue is full, for D at most.",
        ),
    ] = None
    wait: Annotated[
        timedelta | None,
        typer.Option(
            "--wait", metavar="[=D]", parser=wait_option, help="Return when the jobs have ended, or after D."
        ),
    ] = None


EXAMPLES = """
taskq enqueue send-email to=user@example.com subject=Welcome -q emails
taskq enqueue report month:=11 --in 10m --retries 5
taskq enqueue import --payload @job.json
taskq enqueue report month:=11 --keep 1h --wait=60s
taskq enqueue index doc:=7 --unique doc-7 --debounce 5s
taskq enqueue render page:=3 --tenant acme
taskq enqueue sync user:=5 --concurrency-key user:5
taskq enqueue digest to=user@example.com --unique digest-user --throttle 1h
taskq enqueue import --then report --then '{"task":"send-email","payload":{"to":"user@example.com"}}'
find . -name '*.jpg' | jq -cR '{path: .}' | taskq enqueue resize - -q images --wait-for-room
jq -c '{task: "report", payload: .}' orders.json | taskq enqueue -
"""


@leaf(app, examples=EXAMPLES)
def enqueue(
    shared: Shared,
    asked: Asked,
    how: How,
    *,
    task: Annotated[
        str | None, typer.Argument(metavar="TASK", help="The task; `-`: each line of stdin names its own.")
    ] = None,
    pairs: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE|KEY:=JSON]…", help="The payload; `-`: one on each line of stdin."),
    ] = None,
    payload: Annotated[
        str | None, typer.Option("--payload", metavar="JSON|@FILE|-", help="The payload, whole.")
    ] = None,
    queue: Queue = None,
) -> None:
    """Put jobs into a queue: one from arguments, or a stream of NDJSON from stdin.

    Prints the reference of each job. In a stream a wrong line is answered with its number and error, and
    the others go on. Keys of a line: task, payload, queue, priority, in, at, retries, timeout, unique,
    unique_for, throttle, debounce, debounce_max, replace, concurrency_key, keep, tenant, group,
    then.

    With --wait it returns when the jobs have ended, with the exit code of `taskq wait`: 7 when one died, 8
    when some are still pending after D, which counts from when the last one was enqueued.

    With --unique a second job is refused while the first waits or runs (exit code 5). --throttle refuses it
    for that span in any case; --debounce puts the waiting job off instead, and --replace gives it the new
    payload, as --debounce does unless --no-replace is given: then the printed job is the one that waits.

    With --wait-for-room a full queue, or server, is no error: jobs go in as room comes, and a stream is
    read no faster than that. D counts from the last one that went in.

    With --then jobs follow one another: each is enqueued when the one before is done, and gets its result.
    The value is a task, or JSON with task, payload, priority, in, retries, timeout and keep. With --group
    jobs are counted together: `taskq wait --group` waits for all of them, and `taskq group open` names a job
    to run when they have ended.

    With --durable the server confirms that the jobs are on disk, and on a replica where it has one. When
    it does not in time the jobs are enqueued all the same, and the exit code is 6; a server that cannot tell
    is refused before anything is sent.
    """
    words = pairs or []
    streams = task == "-" or words == ["-"]
    with Session(shared, patient=streams or how.durable or how.wait_for_room is not None) as session:
        session.writer(RECEIPT)
        defaults = _defaults(task, queue, asked, how)
        if not how.dry_run:
            session.may_change()
        if streams:
            _refuse_beside_stream(payload, words, defaults)
            from taskq_cli.enqueue_stream import Manner, enqueue_stream

            enqueue_stream(session, defaults, Manner(how.stop_on_error, how.dry_run, how.wait))
        else:
            _one(session, defaults, payload_of(payload, words), how)


def _defaults(task: str | None, queue: str | None, asked: Asked, how: How) -> Defaults:
    if task is None:
        raise UsageError(
            "no task to enqueue", hint="For example: taskq enqueue send-email to=user@example.com"
        )
    return Defaults(
        check_queue(queue or DEFAULT_QUEUE),
        None if task == "-" else check_task(task),
        asked.options(),
        how.durable,
        how.wait_for_room,
    )


def _refuse_beside_stream(payload: str | None, words: list[str], defaults: Defaults) -> None:
    if payload is not None or words not in ([], ["-"]):
        raise UsageError("a stream brings its own payloads", hint="Leave out --payload and key=value")
    if defaults.options.unique is not None:
        raise UsageError("--unique belongs to one job", hint='In a stream write "unique" in each line')


def _one(session: Session, defaults: Defaults, payload: bytes, how: How) -> None:
    assert defaults.task is not None  # noqa: S101 - `-` makes a stream
    if how.dry_run:
        session.narrate(f"would enqueue 1 job of {defaults.task} into {defaults.queue}: {payload.decode()}")
        return
    try:
        receipt = session.client.enqueue(
            defaults.queue,
            defaults.task,
            payload,
            defaults.options,
            durable=how.durable,
            wait_for_room=how.wait_for_room,
        )
    except NotDurable as error:
        session.output.write(receipt_record(error.receipts[0]))  # it is enqueued
        raise
    session.output.write(receipt_record(receipt))
    if not receipt.added:
        session.narrate(met_text(receipt, defaults.options.unique or ""))
    if receipt.duplicate:
        raise typer.Exit(ExitCode.REFUSED)
    if how.wait is not None:
        session.output.flush()
        _wait_for(session, receipt.ref, how.wait)


def _wait_for(session: Session, ref: JobRef, limit: timedelta) -> None:
    from taskq_cli.ended import Following  # here and below: who enqueues one job does not wait for imports

    following = Following(session, limit)
    following.add([ref])
    if code := following.finish():
        raise typer.Exit(code)
