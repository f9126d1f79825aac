"""`taskq inspect`: everything the server knows about jobs."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Annotated, Final

import typer

from taskq_cli.endings import complain
from taskq_cli.exit_codes import ExitCode
from taskq_cli.leaf import leaf, new_app
from taskq_cli.notes_views import NOTES_FIELDS, notes_record
from taskq_cli.options import Queue, Shared
from taskq_cli.refs import BadLine, parse_ref, read_refs
from taskq_cli.session import Session
from taskq_cli.targets import Target
from taskq_cli.views import INSPECTED as JOB_IN_FULL
from taskq_cli.views import job_record
from taskq_core import JobDetail, NotFound, State, UsageError

app = new_app()

INSPECTED: Final = replace(
    JOB_IN_FULL,
    fields=(*JOB_IN_FULL.fields, "held_by", *NOTES_FIELDS),
    columns=(*JOB_IN_FULL.columns, "held_by", *NOTES_FIELDS),
)

EXAMPLES = """
taskq inspect emails/n1763951707123-0
taskq inspect emails/n1763951707123-0 --json state,error
taskq jobs -q emails --state dead -o name | taskq inspect - | jq -r .error.message
"""


@leaf(app, examples=EXAMPLES)
def inspect(
    shared: Shared,
    *,
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID…|-", help="Jobs; `-`: from stdin.")] = None,
    queue: Queue = None,
) -> None:
    """Show everything about jobs: state, payload, attempts, error, and what they said while they ran."""
    with Session(shared, patient=ids == ["-"]) as session:
        session.writer(INSPECTED)
        if not ids:
            raise UsageError("no job named", hint="For example: taskq inspect emails/n1763951707123-0")
        if ids == ["-"]:
            _show_stream(session, queue)
        else:
            _finish([_show(session, parse_ref(text, queue)) for text in ids])


def _show_stream(session: Session, queue: str | None) -> None:
    shown = failed = 0
    for batch in read_refs(queue):
        codes = [_show(session, target) for target in batch]
        failed += sum(map(bool, codes))
        shown += len(codes) - sum(map(bool, codes))
        sys.stdout.flush()
    _finish([ExitCode.DONE] * bool(shown) + [ExitCode.NOT_FOUND] * bool(failed))


def _show(session: Session, target: Target) -> ExitCode:
    if isinstance(target, BadLine):
        complain(f"line {target.line}: {target.error}")
        return ExitCode.USAGE
    try:
        job = session.client.inspect(target)
        session.output.write(job_record(job) | {"held_by": _held_by(session, job)} | notes_record(job.notes))
    except NotFound as error:
        complain(str(error), error.hint)
        return ExitCode.NOT_FOUND
    return ExitCode.DONE


def _held_by(session: Session, job: JobDetail) -> list[str] | None:
    """The limits that keep a ready job from starting; None when it is not held."""
    if job.state is not State.READY:
        return None
    client, queue = session.client, job.ref.queue
    held = [str(gate) for gate in client.gates(queue, job.ref.id).closed] if job.held else []
    if job.ref.tenant is not None:
        state = client.tenants.get(queue, job.ref.tenant).state
        said = {
            "paused": f"tenant {job.ref.tenant} is paused",
            "limited": f"limit of tenant {job.ref.tenant}",
        }
        held += [said[state]] if state in said else []
    return held if held or job.held else None


def _finish(codes: list[ExitCode]) -> None:
    failed = [code for code in codes if code]
    if failed:
        raise typer.Exit(failed[0] if len(failed) == len(codes) else ExitCode.PARTLY)
