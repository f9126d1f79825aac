"""What ends, as it ends: followed while this screen is on top, and failures from the frames of the past.

Workers write down what is done only while somebody listens, so nothing is listed of the time before.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Sequence
from datetime import timedelta
from typing import Final

from textual.app import ComposeResult

from taskq_cli.top.format import Pen, clock
from taskq_cli.top.screens.job_columns import named
from taskq_cli.top.screens.view import Goal, Scene, View
from taskq_cli.top.widgets.columns import Column
from taskq_cli.top.widgets.ordering import Ordering
from taskq_cli.top.widgets.rows import Rows
from taskq_core import Client, Event, InvalidName, JobRef, Tail

KEPT: Final = 1_000
MOST_QUEUES: Final = 200
EVERY_S: Final = 0.9
"""A little below the shortest usual tick, so that each tick asks."""
MOMENT: Final = timedelta(milliseconds=1)
JOB_WIDTH: Final = 26
LOOKS: Final = {"done": "good", "failed": "warn", "dead": "bad", "cancelled": "dim"}


class Events(View):
    """The latest events, the newest first."""

    title = "Events"

    def __init__(self, pen: Pen) -> None:
        super().__init__(id="events")
        self._pen = pen
        self._events: deque[Event] = deque(maxlen=KEPT)
        self._tail: Tail | None = None

    def compose(self) -> ComposeResult:
        """One list."""
        columns = event_columns(self._pen)
        yield Rows(columns, key=event_key, pen=self._pen, order=Ordering(columns, ("at",)), id="event-rows")

    def show(self, scene: Scene) -> None:
        """Asks for what is new; shows what there is."""
        rows = self.query_one(Rows)
        past = [Event.failed(failure) for failure in scene.frame.failures]
        if not scene.live:
            rows.empty = "no failures are known at this time; what is done is listed live only"
            rows.show(past)
            return
        queues = [queue.name for queue in scene.frame.queues][:MOST_QUEUES]
        tail = self._tail = self._tail or Tail(failures_only=self.stage.read_only)
        self.inquire(lambda client: follow(client, tail, queues), self._take, every=EVERY_S)
        # to be told of what is done, a listener leaves a note on the server
        heard = "what fails" if tail.failures_only else "what ends"
        rows.empty = f"listening: {heard} from now on stands here"
        # at the first row the list is followed; on any other one the cursor stays with its event
        at_top = not rows.shown or rows.current is rows.shown[0]
        rows.show(joined(self._events, past))
        if at_top:
            rows.edge(-1)

    def _take(self, events: list[Event]) -> None:
        self._events.extend(events)
        if events:
            self.stage.draw()

    def leave(self) -> None:
        """Stops listening; the next time it begins anew."""
        self._tail = None

    def subject(self) -> str:
        """The job under the cursor."""
        ref = self._ref()
        return str(ref) if ref is not None else ""

    def goal(self) -> Goal | None:
        """The job under the cursor."""
        ref = self._ref()
        return None if ref is None else Goal("job", ref)

    def _ref(self) -> JobRef | None:
        current = self.query_one(Rows).current
        if not isinstance(current, Event) or current.id is None:
            return None
        try:
            return JobRef.parse(f"{current.queue}/{current.id}")
        except InvalidName:  # written by who knows what
            return None

    def command(self) -> str:
        """The same stream."""
        return "taskq tail"


def follow(client: Client, tail: Tail, queues: Sequence[str]) -> list[Event]:
    """What is new, without waiting for it."""
    return client.follow(tail, queues, wait=MOMENT)


def event_key(event: Event) -> Hashable:
    """What tells events apart."""
    return event.queue, event.id, event.state, event.attempt, event.at


def joined(followed: Sequence[Event], failures: Sequence[Event]) -> list[Event]:
    """Both together, each event once."""
    return list({event_key(event): event for event in (*failures, *followed)}.values())


def event_columns(pen: Pen) -> list[Column]:
    """All of them, from left to right."""

    def about(event: Event) -> tuple[str, str]:
        if event.id is None:
            return f"and {event.count:,} more", "dim"
        return (f"{event.type}: {event.message}", "") if event.type else ("", "")

    def job(event: Event) -> str:
        return event.queue if event.id is None else f"{event.queue}/{event.id}"

    def shown(event: Event) -> str:
        return job(event) if event.id is None else named(event.queue, event.id, pen.glyph("cut"), JOB_WIDTH)

    return [
        Column("at", "TIME", 9, lambda e: (clock(e.at), "dim"), lambda e: e.at, right=False),
        Column("state", "WHAT", 9, lambda e: (e.state, LOOKS.get(e.state, "")), lambda e: e.state,
               right=False, descending=False),
        Column("job", "JOB", JOB_WIDTH, lambda e: (shown(e), ""), job, right=False, descending=False),
        Column("task", "TASK", 14, lambda e: (e.task or "", ""), lambda e: e.task, 2, right=False,
               descending=False),
        Column("attempt", "TRY", 4, lambda e: ("" if e.attempt is None else str(e.attempt), ""),
               lambda e: e.attempt, 3),
        Column("error", "ERROR", 12, about, lambda e: e.type or "", 1, right=False, flexible=True,
               descending=False),
        Column("next", "NEXT", 9, lambda e: (clock(e.next_attempt_at) if e.next_attempt_at else "", "dim"),
               lambda e: e.next_attempt_at, 4, right=False),
    ]  # fmt: skip
