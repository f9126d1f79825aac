# ruff: noqa: N999 - named for its command, as all are
"""`taskq import`: brings back what `taskq export` wrote."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Final

import typer

from taskq_cli.bringing import Import
from taskq_cli.endings import complain
from taskq_cli.leaf import leaf, new_app
from taskq_cli.lines import read_batches
from taskq_cli.options import DryRun, Shared
from taskq_cli.sanitize import clean
from taskq_cli.session import Session
from taskq_cli.views import change_view
from taskq_core import UsageError

STEP: Final = 250
"""Jobs in one call, which is what `Client.import_jobs` takes."""
MAX_LINE_BYTES: Final = 4 * 1024 * 1024
"""The largest payload there is, with every character of it escaped, and an error beside it."""

app = new_app()


@dataclass(frozen=True, slots=True)
class How:
    """What is brought back."""

    settings: Annotated[
        bool,
        typer.Option("--settings", help="What belongs to queues too: limits, whether paused, and schedules."),
    ] = False
    dry_run: DryRun = False


EXAMPLES = """
taskq import jobs.ndjson
gzip -dc dead.ndjson.gz | taskq import -
taskq export -q emails | taskq import --settings --url redis://other:6379
taskq import jobs.ndjson --dry-run
"""


@leaf(app, examples=EXAMPLES)
def import_(
    shared: Shared,
    how: How,
    *,
    file: Annotated[
        str | None, typer.Argument(metavar="[FILE|-]", help="What `taskq export` wrote; stdin when left out.")
    ] = None,
) -> None:
    """Bring exported jobs back, under their own ids and in their states.

    Ready jobs come in order, behind those that wait already; scheduled ones keep the time they are due,
    dead ones their error. A job that is here already, or was imported in the last 24 hours, is passed
    over: an import that broke off is simply repeated. A wrong line is told on stderr, the others go on.
    """
    with Session(shared, patient=True) as session:
        session.writer(change_view("imported"))
        if not how.dry_run:
            session.may_change()
        with _opened(file) as fd:
            run = Import(session, None if how.dry_run else session.client, settings=how.settings)
            try:
                run.run(read_batches(fd, max_lines=STEP, max_line=MAX_LINE_BYTES))
            finally:
                session.narrate(run.tally.summary(dry_run=how.dry_run))
        if run.tally.ended_by is not None:
            complain(
                str(run.tally.ended_by), f"{run.tally.ended_by.hint}. Repeat the import then".lstrip(". ")
            )
        if code := run.tally.exit_code():
            raise typer.Exit(code)


@contextmanager
def _opened(file: str | None) -> Iterator[int]:
    """The descriptor of the file or of stdin. Raises: UsageError."""
    if file in (None, "-"):
        if file is None and sys.stdin.isatty():
            raise UsageError("nothing to import", hint="Name a file, or pipe the output of `taskq export`")
        yield sys.stdin.fileno()
        return
    try:
        fd = os.open(str(file), os.O_RDONLY)
    except OSError as error:
        raise UsageError(f"{clean(str(file))}: {error.strerror}") from None
    try:
        yield fd
    finally:
        os.close(fd)
