"""`taskq export`: jobs as NDJSON on stdout, page by page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Final

import typer

from taskq_cli.archive import EXPORTED, exported_record, settings_record
from taskq_cli.leaf import leaf, new_app
from taskq_cli.options import QueueGlob, Shared, States
from taskq_cli.render import JsonWriter
from taskq_cli.schedule_views import schedule_record
from taskq_cli.session import Session
from taskq_cli.targets import queues_like, states_of
from taskq_core import JobDetail, QueueSnapshot, State

PAGE: Final = 1_000
ORDER: Final = (State.SCHEDULED, State.READY, State.RUNNING, State.DEAD)
"""The way a job goes: one that moves on meanwhile is met again, which an import sorts out, and not missed."""

app = new_app()


@dataclass(frozen=True, slots=True)
class Extent:
    """Which jobs are written."""

    queue: QueueGlob = None
    state: States = None
    running: Annotated[
        bool, typer.Option("--running", help="Running jobs too, as ready ones: they will run again.")
    ] = False

    @property
    def states(self) -> list[State]:
        """The states asked for, in the order they are written. Raises: UsageError."""
        wanted = states_of(self.state)
        if not self.running and self.state is None:
            wanted.remove(State.RUNNING)
        return [state for state in ORDER if state in wanted]


EXAMPLES = """
taskq export > jobs.ndjson
taskq export -q 'mail-*' --state dead | gzip > dead.ndjson.gz
taskq export -q emails | taskq import --url redis://other:6379
taskq export -q emails | jq -c '.queue = "letters"' | taskq import
"""


@leaf(app, examples=EXAMPLES)
def export(shared: Shared, extent: Extent) -> None:
    """Write jobs to stdout, one a line, with all that `taskq import` needs to bring them back.

    Each queue begins with lines of its settings and of the schedules that were added by hand. Nothing is
    removed: purge what was moved once it has arrived. While workers run, jobs go on: pause the queues
    first for an exact copy. Running jobs are left out and counted on stderr, unless --running. Without -o
    the output is NDJSON, on a terminal too.
    """
    with Session(shared) as session:
        states = extent.states
        writer = session.writer(EXPORTED, "ndjson")
        count = left_out = 0
        for name in queues_like(session.client, extent.queue):
            now = session.client.snapshot(name)
            if isinstance(writer, JsonWriter) and shared.json is None:
                writer.write(settings_record(now))
                _write_schedules(session, name)
            for job in _jobs(session, name, states):
                writer.write(exported_record(job))
                count += 1
            left_out += _left_out(session, now, states)
        session.narrate(_summary(count, left_out))


def _write_schedules(session: Session, queue: str) -> None:
    for info in session.client.schedules.list([queue]):
        if info.sound and not info.code:
            session.output.write(schedule_record(info, None))


def _jobs(session: Session, queue: str, states: list[State]) -> Iterator[JobDetail]:
    for state in states:
        cursor = ""
        while True:
            page = session.client.list_jobs(queue, state, limit=PAGE, cursor=cursor)
            yield from page.jobs
            session.output.flush()
            if not page.cursor:
                break
            cursor = page.cursor


def _left_out(session: Session, before: QueueSnapshot, states: list[State]) -> int:
    if State.RUNNING in states:
        return 0
    return max(before.running, session.client.snapshot(before.queue).running)


def _summary(count: int, left_out: int) -> str:
    text = f"{count} jobs exported"
    if left_out:
        text += f"; {left_out} that run were left out: --running takes them along, as ready ones"
    return text
