"""`taskq wait`: returns when jobs have ended."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

import typer

from taskq_cli.ended import ENDED, Notices, complain_of_pending
from taskq_cli.endings import complain
from taskq_cli.exit_codes import ExitCode
from taskq_cli.leaf import leaf, new_app
from taskq_cli.lines import LineReader
from taskq_cli.options import Queue, Shared, span
from taskq_cli.refs import BadLine, parse_ref, refs_in
from taskq_cli.session import Session
from taskq_cli.waiting import Waiter
from taskq_core import JobRef, UsageError

app = new_app()


@dataclass(frozen=True, slots=True)
class Until:
    """When the waiting ends."""

    any: Annotated[bool, typer.Option("--any", help="End with the first job that has ended.")] = False
    group: Annotated[
        list[str] | None,
        typer.Option("--group", metavar="ID", help="Wait for all members of a group: QUEUE/ID."),
    ] = None
    timeout: Annotated[timedelta | None, span("--timeout", "Wait no longer than this.")] = None


EXAMPLES = """
taskq wait emails/n1763951707123-0 --timeout 60s
taskq wait emails/n1763951707123-0 emails/n1763951707123-1 --any
taskq wait --group images/import-42 --timeout 60s
id=$(taskq enqueue report month=11 --keep 1h) && taskq wait "$id" --timeout 60s && taskq result "$id"
find . -name '*.jpg' | jq -cR '{path: .}' | taskq enqueue resize - -q images | taskq wait - --timeout 5m
"""


@leaf(app, examples=EXAMPLES)
def wait(
    shared: Shared,
    until: Until,
    *,
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID…|-", help="Jobs; `-`: from stdin.")] = None,
    queue: Queue = None,
) -> None:
    """Wait until jobs have ended, and print each with how: done, dead, cancelled or ended.

    Only of a job that was enqueued with --keep is it known that it is done; of others that are gone it is
    said that they ended, which may also mean cancelled or purged. A dead job is always known, while it is in
    the dead letter queue. Exits with 0 when all ended well, 7 when one died or was cancelled, 8 when some are
    still pending at the time-out, 4 for an id that was never made.

    With --group it waits for all members of a group, at the same small cost however many they are: for those
    added so far, where the group is still open. One that died, or was cancelled or removed, is exit code 7.
    """
    stream = ids == ["-"]
    with Session(shared, patient=stream) as session:
        if until.group:
            _wait_for_groups(session, until, ids, queue)
            return
        session.writer(ENDED)
        if not ids:
            raise UsageError("no job named", hint="For example: taskq wait emails/n1763951707123-0")
        awaiting = _Awaiting(session, until, queue)
        awaiting.run(None if stream else ids)


def _wait_for_groups(session: Session, until: Until, ids: Sequence[str] | None, queue: str | None) -> None:
    from taskq_cli.group_wait import group_ref, wait_for_groups

    if ids:
        raise UsageError("give either jobs or --group", hint="Wait for one after the other")
    refs = [group_ref(text, queue) for text in until.group or ()]
    wait_for_groups(session, refs, until.timeout, first_only=until.any)


class _Awaiting:
    """One run of the command."""

    def __init__(self, session: Session, until: Until, queue: str | None) -> None:
        self._session = session
        self._limit = until.timeout
        self._queue = queue
        self._end = None if until.timeout is None else time.monotonic() + until.timeout.total_seconds()
        self._waiter = Waiter(session.client, Notices(session), first_only=until.any)
        self._tally = self._waiter.tally

    def run(self, ids: Sequence[str] | None) -> None:
        """Waits, and ends the command with its exit code. ``ids`` None: reads them from stdin."""
        try:
            if ids is None:
                self._follow(LineReader())
            else:
                self._waiter.add([parse_ref(text, self._queue) for text in ids])
                self._waiter.wait(self._end)
        finally:
            self._session.narrate(self._tally.summary())
        code = self._tally.exit_code()
        if code is ExitCode.PENDING:
            complain_of_pending(self._tally.pending, self._limit)
        if code:
            raise typer.Exit(code)

    def _follow(self, lines: LineReader) -> None:
        """Reads references while it waits, as long as there is room for them."""
        while not lines.ended and not self._late() and not (self._tally.any and self._tally.ended):
            if self._waiter.full:
                self._waiter.pause(self._end)
            else:
                self._read(lines)
            self._waiter.look(self._end)
        self._waiter.wait(self._end)

    def _read(self, lines: LineReader) -> None:
        ends = [self._end] if self._waiter.finished else [self._end, self._waiter.due]
        soonest = min((end for end in ends if end is not None), default=None)
        left = None if soonest is None else max(0.0, soonest - time.monotonic())
        for batch in lines.within(left):
            found = refs_in(batch, self._queue)
            self._waiter.add([target for target in found if isinstance(target, JobRef)])
            for target in found:
                if isinstance(target, BadLine):
                    self._tally.counts["bad line"] += 1
                    complain(f"line {target.line}: {target.error}")

    def _late(self) -> bool:
        return self._end is not None and time.monotonic() >= self._end
