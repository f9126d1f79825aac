"""`taskq tail`: follows what ends and what fails, a record an event."""

from __future__ import annotations

import select
import sys
import time
from dataclasses import replace
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Annotated, Final

import typer

from taskq_cli.failure_views import EVENT, SAID, event_line, event_record
from taskq_cli.interrupts import whole_step
from taskq_cli.leaf import leaf, new_app
from taskq_cli.options import QueueGlob, Shared
from taskq_cli.render import JsonWriter
from taskq_cli.session import Session
from taskq_cli.targets import queues_like
from taskq_core import Event, Tail, UsageError

LOOK_S: Final = 2.0
"""How often queues that are new are looked for."""
WAIT: Final = timedelta(milliseconds=500)

app = new_app()

EXAMPLES = """
taskq tail
taskq tail -q 'mail-*' --failures
taskq tail -o ndjson | jq -c 'select(.state=="dead") | {id, error}'
taskq tail --logs -q reports
taskq tail --failures -o name | head -1 | taskq inspect -
"""


@leaf(app, examples=EXAMPLES)
def tail(
    shared: Shared,
    *,
    queue: QueueGlob = None,
    failures: Annotated[
        bool, typer.Option("--failures", help="Only attempts that failed, and jobs that died.")
    ] = False,
    logs: Annotated[
        bool, typer.Option("--logs", help="Also what running jobs say: progress and log lines.")
    ] = False,
) -> None:
    """Follow jobs as they are done, fail, die or are cancelled, until Ctrl-C.

    Where very many are done at once, some are named and the others counted. Nothing is written down
    for it while nobody follows, so what was done before is not shown.
    """
    with Session(shared, patient=True) as session:
        view = SAID if logs else EVENT
        session.writer(replace(view, line=event_line) if sys.stdout.isatty() else view)
        if failures and logs:
            raise UsageError("give either --failures or --logs")
        if not failures:
            session.may_change()  # a note that somebody follows
        _Follower(session, queue, Tail(failures_only=failures, logs=logs)).run()


class _Follower:
    def __init__(self, session: Session, glob: str | None, tail: Tail) -> None:
        self._session = session
        self._glob = glob
        self._tail = tail

    def run(self) -> None:
        """Until it is interrupted, or nobody reads on."""
        queues = self._first_queues()
        looked = time.monotonic()
        while True:
            events = self._session.client.follow(self._tail, queues, wait=WAIT)
            with whole_step():
                for event in events:
                    self._print(event)
                self._session.output.flush()
            _stop_if_unread()
            if time.monotonic() - looked >= LOOK_S:
                queues = self._queues()
                looked = time.monotonic()
            if not queues:
                time.sleep(WAIT.total_seconds())

    def _first_queues(self) -> list[str]:
        """A name has to be right; a pattern may match queues that are still to come."""
        if self._glob is not None and not any(char in self._glob for char in "*?["):
            return queues_like(self._session.client, self._glob)
        return self._queues()

    def _queues(self) -> list[str]:
        return [name for name in self._session.client.queues() if fnmatchcase(name, self._glob or "*")]

    def _print(self, event: Event) -> None:
        if event.id is None and not isinstance(self._session.output, JsonWriter):
            self._session.narrate(f"{event.count:,} more {event.state} in {event.queue}")
        else:
            self._session.output.write(event_record(event))


def _stop_if_unread() -> None:
    """Raises BrokenPipeError when nobody reads any more: `| head -1` ends now, not at the next event."""
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)
    if any(flags & (select.POLLERR | select.POLLNVAL) for _, flags in poll.poll(0)):
        raise BrokenPipeError
