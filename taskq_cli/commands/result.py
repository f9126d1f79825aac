"""`taskq result`: what jobs returned."""

from __future__ import annotations

import sys
from typing import Annotated, Any, Final

import typer

from taskq_cli.endings import complain
from taskq_cli.exit_codes import ExitCode
from taskq_cli.jsontext import ascii_json, embedded
from taskq_cli.leaf import leaf, new_app
from taskq_cli.options import Queue, Shared
from taskq_cli.refs import BadLine, parse_ref, read_refs
from taskq_cli.render import LineWriter
from taskq_cli.session import Session
from taskq_cli.targets import Target
from taskq_cli.views import View, error_record
from taskq_core import JobDetail, NotFound, State, UsageError

app = new_app()

RESULT: Final = View(
    schema="taskq.result/1",
    fields=("schema", "id", "queue", "state", "result", "error"),
    columns=("id", "state", "result", "error"),
    line=lambda record: ascii_json(record["result"]),
    stream=True,
)
_BADLY: Final = (State.DEAD, State.CANCELLED)

EXAMPLES = """
taskq result reports/n1763951707123-0
taskq result reports/n1763951707123-0 | jq .rows
id=$(taskq enqueue report month=11 --keep 1h) && taskq wait "$id" --timeout 60s && taskq result "$id"
"""


@leaf(app, examples=EXAMPLES)
def result(
    shared: Shared,
    *,
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID…|-", help="Jobs; `-`: from stdin.")] = None,
    queue: Queue = None,
) -> None:
    """Print what jobs returned, as JSON, one a line.

    Results are kept of jobs that were enqueued with --keep, for that long. Exits with 4 when nothing is kept,
    7 when the job died or was cancelled, 8 when it has not ended yet.
    """
    with Session(shared, patient=ids == ["-"]) as session:
        session.writer(RESULT)
        if not ids:
            raise UsageError("no job named", hint="For example: taskq result reports/n1763951707123-0")
        if ids == ["-"]:
            codes = _show_stream(session, queue)
        else:
            codes = {_show(session, parse_ref(text, queue)) for text in ids}
        if failed := codes - {ExitCode.DONE}:
            raise typer.Exit(failed.pop() if len(codes) == 1 else ExitCode.PARTLY)


def _show_stream(session: Session, queue: str | None) -> set[ExitCode]:
    codes: set[ExitCode] = set()
    for batch in read_refs(queue):
        codes |= {_show(session, target) for target in batch}
        sys.stdout.flush()
    return codes


def _show(session: Session, target: Target) -> ExitCode:
    if isinstance(target, BadLine):
        complain(f"line {target.line}: {target.error}")
        return ExitCode.USAGE
    try:
        job = session.client.inspect(target)
    except NotFound:
        complain(
            f"nothing is kept of {target}",
            "It has ended, or there was none: results are kept of jobs enqueued with --keep, for that long",
        )
        return ExitCode.NOT_FOUND
    if job.state is State.DONE:
        session.output.write(_record(job))
        return ExitCode.DONE
    return _without(session, job)


def _without(session: Session, job: JobDetail) -> ExitCode:
    if job.state not in _BADLY:
        unkept = "" if job.keep else "; it was enqueued without --keep, so its result will not be kept"
        complain(
            f"{job.ref} is still {job.state}{unkept}", f"`taskq wait {job.ref}` returns when it has ended"
        )
        return ExitCode.PENDING
    if not isinstance(session.output, LineWriter):
        session.output.write(_record(job))
    why = "" if job.error is None else f": {job.error.type}: {job.error.message}"
    complain(f"{job.ref} is {job.state}{why}", f"`taskq inspect {job.ref}` shows all that is known of it")
    return ExitCode.DIED


def _record(job: JobDetail) -> dict[str, Any]:
    return {
        "schema": RESULT.schema,
        "id": str(job.ref),
        "queue": job.ref.queue,
        "state": str(job.state),
        "result": embedded(job.result) if job.state is State.DONE else None,
        "error": error_record(job.error),
    }
