"""`taskq worker`: runs the handlers of an application, or programs, until a signal or the end of the work."""

from __future__ import annotations

import logging
import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Annotated, Final

import typer

from taskq_cli.leaf import leaf, new_app
from taskq_cli.logs import log_to_stderr
from taskq_cli.options import Shared, span
from taskq_cli.session import Session
from taskq_core import (
    Client,
    LocalServer,
    ServerUnreachable,
    TaskqError,
    TaskQueue,
    UsageError,
    WorkerJob,
    WorkerOptions,
    load_queues,
    run_workers,
    shown_url,
)

app = new_app()
log = logging.getLogger("taskq.worker")

START_DEADLINE_S: Final = 5.0
"""How long a starting worker waits for its server. Once it has run it waits for ever."""
SHOWN_TASKS: Final = 12
METRICS_HOST: Final = WorkerOptions().metrics_host

EXAMPLES = """
taskq worker app:queue
taskq worker app:queue -c 50 --processes 4
taskq worker jobs.py -q emails,reports --burst
taskq worker app:queue --metrics-port 9101
taskq worker -q images --exec resize=./resize.sh --exec 'crop=node crop.js --fast'
"""


@dataclass(frozen=True, slots=True)
class Manner:
    """How the worker is to work: its flags."""

    queues: Annotated[
        str | None,
        typer.Option(
            "-q", "--queues", metavar="A,B", help="Only these queues of the app; without one, these."
        ),
    ] = None
    execs: Annotated[
        list[str] | None,
        typer.Option(
            "--exec", metavar="TASK=COMMAND", help="Run this program for each job of the task; repeatable."
        ),
    ] = None
    concurrency: Annotated[
        int | None,
        typer.Option(
            "-c",
            "--concurrency",
            min=1,
            metavar="N",
            envvar="TASKQ_CONCURRENCY",
            help="Slots: jobs at a time.",
        ),
    ] = None
    processes: Annotated[int, typer.Option("--processes", min=1, max=256, metavar="N", help="Processes.")] = 1
    burst: Annotated[bool, typer.Option("--burst", help="End when nothing is ready any more.")] = False
    max_jobs: Annotated[
        int | None, typer.Option("--max-jobs", min=1, metavar="N", help="End after N jobs, per process.")
    ] = None
    grace: Annotated[
        timedelta | None, span("--grace", "How long running jobs may finish after a signal (25s).")
    ] = None
    lease: Annotated[
        timedelta | None, span("--lease", "How long jobs stay with a worker that fell silent (15s).")
    ] = None
    metrics_port: Annotated[
        int | None,
        typer.Option(
            "--metrics-port",
            min=0,
            max=65_535,
            metavar="PORT",
            envvar="TASKQ_METRICS_PORT",
            help="Serve /metrics, /livez and /readyz there; 0: any free port.",
        ),
    ] = None
    metrics_host: Annotated[
        str,
        typer.Option(
            "--metrics-host", metavar="HOST", envvar="TASKQ_METRICS_HOST", help="On this address only."
        ),
    ] = METRICS_HOST
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Log more.")] = False

    @property
    def options(self) -> WorkerOptions:
        """The flags as the engine takes them. Raises: InvalidOption."""
        usual = WorkerOptions()
        return WorkerOptions(
            concurrency=self.concurrency,
            burst=self.burst,
            max_jobs=self.max_jobs,
            grace=usual.grace if self.grace is None else self.grace,
            lease=usual.lease if self.lease is None else self.lease,
            metrics_port=self.metrics_port,
            metrics_host=self.metrics_host,
        )

    @property
    def only(self) -> tuple[str, ...]:
        """The queues asked for; none: all."""
        return tuple(name for part in (self.queues or "").split(",") if (name := part.strip()))

    @property
    def programs(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Tasks and the words of their commands. Raises: UsageError."""
        return tuple(_program(text) for text in self.execs or ())


def _program(text: str) -> tuple[str, tuple[str, ...]]:
    task, equals, command = text.partition("=")
    try:
        words = tuple(shlex.split(command))
    except ValueError as error:
        raise UsageError(f"--exec {text!r} cannot be split into words: {error}") from None
    if not equals or not words:
        raise UsageError(f"--exec {text!r} is not TASK=COMMAND", hint="For example --exec resize=./resize.sh")
    return task.strip(), words


@leaf(app, examples=EXAMPLES)
def worker(
    shared: Shared,
    manner: Manner,
    *,
    apps: Annotated[
        list[str] | None, typer.Argument(metavar="[APP]...", help="MODULE:QUEUE, MODULE or FILE.py.")
    ] = None,
) -> None:
    """Run the handlers of an application, or any program as a handler.

    APP names its queues: `app:queue`, all those of a module, or a file. The first SIGTERM or SIGINT lets
    running jobs finish, a second one ends at once. Exit code 0 after --burst or --max-jobs, 3 when the
    server is away at the start; a server that goes away later is waited for.

    --exec TASK=COMMAND runs a program for each job of the task, in all queues served here. COMMAND is split
    into words as a shell does it, and no shell runs it. The payload comes on stdin, one line of JSON;
    TASKQ_JOB_ID, TASKQ_ATTEMPT, TASKQ_QUEUE, TASKQ_TASK and TASKQ_NAMESPACE are in the environment, and
    TASKQ_NOTES, a file that takes lines for the job's log and `progress 40%` for its progress. Exit code 0:
    done, and stdout is the result of a job enqueued with --keep. 65 and 78: buried at once. Any other:
    failed, and tried again; the end of stderr is the error. A time-out, a cancellation and the end of the
    grace send SIGTERM to its process group, and SIGKILL half a second later.

    --metrics-port serves Prometheus' metrics of all processes together; /livez, which fails when a handler
    has blocked the event loop for a minute, whatever the server does; and /readyz, which fails while claims
    are not answered, and once the worker stops.
    """
    with Session(shared) as session:
        session.may_change()
        programs = manner.programs
        _check_named(apps, manner)
        options = manner.options
        set_up = partial(log_to_stderr, _level(shared, manner))
        set_up()
        _pass_on(session)
        queues = _load(apps or (), manner.only, programs)
        _check_place(session, queues)
        _reach(session, queues[0])
        _introduce(queues, manner)
        job = WorkerJob(tuple(apps or ()), manner.only, options, set_up, programs)
    raise typer.Exit(run_workers(job, manner.processes))


def _check_named(apps: Sequence[str] | None, manner: Manner) -> None:
    if apps:
        return
    if not manner.execs:
        raise UsageError(
            "which app?", hint="Name its queues as MODULE:QUEUE, or give -q QUEUE --exec TASK=COMMAND"
        )
    if not manner.only:
        raise UsageError("--exec without an app: which queue?", hint="Add -q QUEUE")


def _level(shared: Shared, manner: Manner) -> int:
    if shared.quiet:
        return logging.ERROR
    return logging.DEBUG if manner.verbose else logging.INFO


def _pass_on(session: Session) -> None:
    """Flags, profile and configuration reach the app's queues, and child processes, by the environment."""
    settings = session.settings
    if settings.url is not None:
        os.environ["TASKQ_REDIS_URL"] = settings.url
    os.environ["TASKQ_NAMESPACE"] = settings.namespace


def _load(
    apps: Sequence[str], only: Sequence[str], programs: Sequence[tuple[str, Sequence[str]]]
) -> list[TaskQueue]:
    """The queues to be served. Raises: UsageError, also for whatever importing an app raises."""
    try:
        return load_queues(apps, only, programs)
    except TaskqError:
        raise
    except Exception as error:
        log.exception("the app does not load")
        raise UsageError(
            f"{', '.join(apps)} cannot be imported: {type(error).__name__}: {error}",
            hint="The lines above say where",
        ) from None


def _check_place(session: Session, queues: Sequence[TaskQueue]) -> None:
    """Raises: UsageError when flags name a place that a queue does not follow."""
    shared, settings = session.shared, session.settings
    for queue in queues:
        if (shared.url or shared.profile) and settings.url and queue.url != settings.url:
            raise UsageError(
                f"queue {queue.name!r} names its own server, {shown_url(queue.url)}",
                hint="Leave out redis= in the app, or --url here",
            )
        if (shared.namespace or shared.profile) and queue.namespace != settings.namespace:
            raise UsageError(
                f"queue {queue.name!r} names its own namespace, {queue.namespace!r}",
                hint="Leave out namespace= in the app, or --namespace here",
            )


def _reach(session: Session, queue: TaskQueue) -> None:
    """Returns once the server has answered. Raises: ServerUnreachable, ServerTooOld, AccessDenied."""
    local = LocalServer()
    ran = local.status().running
    url = queue.url  # starts the local server when no other is named
    if url == local.url and not ran:
        session.narrate(f"started the local server in {local.folder}; `taskq server stop` ends it")
    try:
        _ask(queue, 0.0)
    except ServerUnreachable as error:
        log.warning("%s; trying for %g s", error, START_DEADLINE_S)
        _ask(queue, START_DEADLINE_S)


def _ask(queue: TaskQueue, deadline_s: float) -> None:
    with Client(queue.url, namespace=queue.namespace, deadline=deadline_s) as client:
        client.snapshot(queue.name)  # a script: an old server answers a PING, but cannot run it


def _introduce(queues: Sequence[TaskQueue], manner: Manner) -> None:
    for queue in queues:
        tasks = sorted(queue.handlers)
        shown = ", ".join(tasks[:SHOWN_TASKS]) or "none"
        more = f" and {len(tasks) - SHOWN_TASKS} more" if len(tasks) > SHOWN_TASKS else ""
        log.info("queue %s: serving %s%s", f"{queue.namespace}/{queue.name}", shown, more)
        if not tasks:
            log.warning("queue %s has no tasks: every job in it will be buried as unknown", queue.name)
    slots = manner.concurrency or max(queue.concurrency for queue in queues)
    processes = f"{manner.processes} processes with " if manner.processes > 1 else ""
    each = " each" if manner.processes > 1 else ""
    log.info("taskq on %s: %s%d slots%s; Ctrl-C stops", shown_url(queues[0].url), processes, slots, each)
