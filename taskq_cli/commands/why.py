"""`taskq why`: in plain words why a job waits, or what a queue is held up by."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, Any, Final

import typer

from taskq_cli.endings import complain
from taskq_cli.exit_codes import ExitCode
from taskq_cli.leaf import leaf, new_app
from taskq_cli.options import Queue, Shared
from taskq_cli.refs import BadLine, parse_ref, read_refs
from taskq_cli.sanitize import clean
from taskq_cli.session import Session
from taskq_cli.targets import one_queue
from taskq_cli.views import Record, View
from taskq_cli.why.facts import Cause
from taskq_cli.why.jobs import job_causes
from taskq_cli.why.queues import queue_causes
from taskq_cli.why.reading import Reader, no_such_job
from taskq_core import JobRef, NotFound, UsageError

app = new_app()
MAX_TEXT: Final = 1_000


def _line(record: Record) -> str:
    todo = f" -> {record['todo']}" if record["todo"] else ""
    return f"{clean(record['id'])} {record['cause']}: {clean(record['explanation'] + todo, MAX_TEXT)}"


WHY: Final = View(
    schema="taskq.why/1",
    fields=(
        "schema", "id", "queue", "state", "cause", "explanation", "todo", "also", "ahead", "ahead_is_least",
        "ahead_is_estimate", "eta_s", "due_at", "latest_at", "held_until", "worker", "since_s", "task",
        "depth", "tenants", "groups",
    ),
    columns=("id", "state", "cause", "explanation", "todo"),
    line=_line,
)  # fmt: skip

EXAMPLES = """
taskq why emails/n1763951707123-0
taskq why emails
taskq jobs -q emails --state scheduled -o name | taskq why - -o ndjson | jq -r .cause | sort | uniq -c
"""


@leaf(app, examples=EXAMPLES)
def why(
    shared: Shared,
    *,
    targets: Annotated[
        list[str] | None,
        typer.Argument(metavar="ID…|QUEUE…|-", help="Jobs or queues; `-`: jobs from stdin."),
    ] = None,
    queue: Queue = None,
) -> None:
    """Say in plain words why a job waits or what it does, or what a queue is held up by; and what to do.

    Changes nothing. As a record it has a stable word, `cause`, and further reasons in `also`.
    """
    with Session(shared, patient=targets == ["-"]) as session:
        session.writer(WHY)
        if not targets:
            raise UsageError("no job or queue named", hint="For example: taskq why emails")
        reader = Reader(session.client)
        if targets == ["-"]:
            codes = [_tell(session, reader, ref) for batch in read_refs(queue) for ref in batch]
        else:
            codes = [_tell(session, reader, _target(session, text, queue)) for text in targets]
        _finish(codes)


def _target(session: Session, text: str, queue: str | None) -> JobRef | str:
    if "/" in text or queue is not None:
        return parse_ref(text, queue)
    return one_queue(session.client, text, "why")


def _tell(session: Session, reader: Reader, target: JobRef | BadLine | str) -> ExitCode:
    if isinstance(target, BadLine):
        complain(f"line {target.line}: {target.error}")
        return ExitCode.USAGE
    try:
        record = _of_queue(reader, target) if isinstance(target, str) else _of_job(reader, target)
    except NotFound as error:
        complain(str(error), error.hint)
        return ExitCode.NOT_FOUND
    session.output.write(record)
    sys.stdout.flush()
    return ExitCode.DONE


def _of_queue(reader: Reader, name: str) -> dict[str, Any]:
    facts = reader.queue(name)
    return _record(name, name, facts.snapshot.state, queue_causes(facts))


def _of_job(reader: Reader, ref: JobRef) -> dict[str, Any]:
    try:
        facts = reader.job(ref)
    except NotFound:
        if not reader.ended(ref):
            raise no_such_job(ref) from None
        gone = Cause(
            "ended",
            "It is gone, and nothing was kept of how it ended: done, cancelled, purged or deleted.",
            "Enqueue with --keep to know more",
        )
        return _record(str(ref), ref.queue, "ended", [gone])
    return _record(str(ref), ref.queue, str(facts.job.state), job_causes(facts))


def _record(id_: str, queue: str, state: str, causes: Sequence[Cause]) -> dict[str, Any]:
    main, *others = causes
    words = " ".join([main.text, *(f"Also: {cause.text}" for cause in others)])
    return {
        "schema": WHY.schema,
        "id": id_,
        "queue": queue,
        "state": state,
        "cause": main.word,
        "explanation": words,
        "todo": main.todo,
        "also": [cause.word for cause in others],
        **{name: value for cause in reversed(causes) for name, value in cause.fields.items()},
    }


def _finish(codes: list[ExitCode]) -> None:
    failed = [code for code in codes if code]
    if failed:
        raise typer.Exit(failed[0] if len(failed) == len(codes) else ExitCode.PARTLY)
