"""`taskq logs`: what a job said of itself, and what it goes on saying."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import Annotated, Final

import typer

from taskq_cli.exit_codes import ExitCode
from taskq_cli.interrupts import whole_step
from taskq_cli.leaf import leaf, new_app
from taskq_cli.notes_views import LOG, log_record, progress_words
from taskq_cli.options import Queue, Shared
from taskq_cli.refs import parse_ref
from taskq_cli.session import Session
from taskq_core import JobNotes, JobRef, NotFound, Standing, UsageError

LOOK_S: Final = 0.5
"""How often a job is looked at that is followed: as often as its worker tells."""
KEPT: Final = 100
_BADLY: Final = (Standing.DEAD, Standing.CANCELLED)

app = new_app()

EXAMPLES = """
taskq logs reports/n1763951707123-0
taskq logs reports/n1763951707123-0 -f
taskq logs reports/n1763951707123-0 --lines 5 -o ndjson
"""


@leaf(app, examples=EXAMPLES)
def logs(
    shared: Shared,
    *,
    job: Annotated[str | None, typer.Argument(metavar="ID", help="The job.")] = None,
    queue: Queue = None,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on until the job has ended.")] = False,
    lines: Annotated[
        int, typer.Option("--lines", metavar="N", min=0, max=KEPT, help="Only the last N of those kept.")
    ] = KEPT,
) -> None:
    """Print what a job said while it ran: lines of its log, and its progress on stderr.

    Handlers say it with `job.log(…)` and `job.progress(…)`. The last 100 lines of all attempts are kept, for
    a while after the end. With --follow exits with 7 when the job died or was cancelled.
    """
    with Session(shared, patient=follow) as session:
        session.writer(LOG)
        if job is None:
            raise UsageError("no job named", hint="For example: taskq logs reports/n1763951707123-0")
        reader = _Reader(session, parse_ref(job, queue))
        standing = reader.look(lines)
        while follow and standing.pending:
            time.sleep(LOOK_S)
            standing = reader.look(KEPT)
        if standing is Standing.UNKNOWN and not reader.heard:
            raise NotFound(f"no job {reader.ref}", hint="Its queue has made no such id")
        if not reader.heard:
            session.narrate(f"{reader.ref} is {standing} and has said nothing that is kept")
        if follow and standing in _BADLY:
            raise typer.Exit(ExitCode.DIED)


@dataclass(slots=True)
class _Reader:
    session: Session
    ref: JobRef
    heard: bool = False
    _after: int = 0
    _progress: str = ""

    def look(self, most: int) -> Standing:
        """Prints what is new; where the job stood before that."""
        # first where it stands: what it says last is there when it has ended
        (standing,) = self.session.client.states(self.ref.queue, [self.ref.id])
        (notes,) = self.session.client.notes(self.ref.queue, [self.ref.id], after=self._after)
        if notes is not None:
            self.heard = True
            with whole_step():
                self._print(notes, most)
        return standing

    def _print(self, notes: JobNotes, most: int) -> None:
        for line in notes.lines[len(notes.lines) - min(most, len(notes.lines)) :]:
            self.session.output.write(log_record(self.ref, line))
        if self._after == 0 and notes.skipped:
            self.session.narrate(f"{notes.skipped:,} earlier lines are not kept")
        self._after = max(self._after, notes.last)
        sys.stdout.flush()
        words = progress_words(notes)
        if words != self._progress:
            self._progress = words
            if words:
                self.session.narrate(f"attempt {notes.attempt}: {words}")
