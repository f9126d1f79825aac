"""One run of `taskq enqueue -`: from stdin to the summary and the exit code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import typer

from taskq_cli.ended import Following
from taskq_cli.endings import complain
from taskq_cli.exit_codes import ExitCode
from taskq_cli.job_defaults import Defaults
from taskq_cli.job_line import LineParser
from taskq_cli.job_stream import Answer, Jobs, JobStream, Payloads, Source
from taskq_cli.lines import read_batches
from taskq_cli.session import Session
from taskq_core import Client, Receipt


@dataclass(frozen=True, slots=True)
class Manner:
    """How a stream is read. ``wait``: how long its jobs are awaited afterwards; None: not at all."""

    stop_on_error: bool = False
    dry_run: bool = False
    wait: timedelta | None = None


def enqueue_stream(session: Session, defaults: Defaults, manner: Manner) -> None:
    """Enqueues what stdin names and ends the command with its exit code."""
    client = None if manner.dry_run else session.client
    stream = JobStream(
        _source(client, defaults),
        client,
        None if manner.dry_run else session.output,
        stop_on_error=manner.stop_on_error,
        durable=defaults.durable,
        wait_for_room=defaults.wait_for_room,
    )
    following = None
    if manner.wait is not None and not manner.dry_run:
        following = Following(session, manner.wait)
        stream.follow = _adding(following)
    tally = stream.tally
    try:
        stream.run(read_batches())
    finally:
        session.narrate(f"would have {tally.summary()}" if manner.dry_run else tally.summary())
    if tally.ended_by is not None:
        complain(str(tally.ended_by), tally.ended_by.hint)
    waited = ExitCode.DONE if following is None else following.finish()
    if code := waited or tally.exit_code():
        raise typer.Exit(code)


def _source(client: Client | None, defaults: Defaults) -> Source:
    if defaults.task is None:
        return Jobs(client, LineParser(defaults))
    return Payloads(
        client,
        defaults.queue,
        defaults.task,
        defaults.options,
        defaults.durable,
        defaults.wait_for_room,
    )


def _adding(following: Following) -> Callable[[Sequence[Answer]], None]:
    return lambda answers: following.add(
        answer.ref for answer in answers if isinstance(answer, Receipt) and not answer.duplicate
    )
