"""The tenants of a queue: what waits and runs of each, what holds them up, and what they may have.

They are asked for while this screen is on top, those with most jobs; of the past they are not known.
"""

from __future__ import annotations

import shlex
from typing import Final

from textual.app import ComposeResult

from taskq_cli.top.format import Pen
from taskq_cli.top.frame import Frame
from taskq_cli.top.screens.jobs import JobsOf
from taskq_cli.top.screens.tenant_columns import tenant_columns
from taskq_cli.top.screens.view import Goal, Scene, View
from taskq_cli.top.tenant_row import Pace, TenantRow
from taskq_cli.top.widgets.columns import telling
from taskq_cli.top.widgets.lines import Line, Lines
from taskq_cli.top.widgets.ordering import Ordering
from taskq_cli.top.widgets.rows import Rows
from taskq_core import State, TenantInfo

LIVE_ONLY: Final = "tenants are listed live only"
NOBODY: Final = "no tenant has jobs or limits here: taskq enqueue TASK -q QUEUE --tenant NAME adds one"


class Tenants(View):
    """The tenants of one queue, one row each."""

    title = "Tenants"
    DEFAULT_CSS = "Tenants > #tenants-about { height: 1; }"

    def __init__(self, pen: Pen) -> None:
        super().__init__(id="tenants")
        self._pen = pen
        self._columns = tenant_columns(pen)
        self._pace = Pace()
        self._found: tuple[TenantInfo, ...] | None = None
        self.queue = ""

    def compose(self) -> ComposeResult:
        """Which queue, and its tenants."""
        yield Lines(id="tenants-about")
        order = Ordering(self._columns, ("ready",))
        yield Rows(self._columns, key=lambda row: row.name, pen=self._pen, order=order, id="tenant-rows")

    def aim(self, about: str) -> None:
        """The tenants of this queue; without a name those of the likeliest one."""
        if about != self.queue or not about:
            self.queue, self._found, self._pace = about, None, Pace()
            self.query_one(Rows).filter = ""
            self.query_one(Rows).marked.clear()
        self.ask_soon()

    def show(self, scene: Scene) -> None:
        """Asks for the tenants; shows the last answer."""
        if not self.queue and (likely := likely_queue(scene.frame)):
            self.aim(likely)
        rows = self.query_one(Rows)
        self.query_one(Lines).show([self._about(scene)])
        if not scene.live:
            rows.empty = LIVE_ONLY
            rows.show([])
            return
        queue, known = self.queue, [info.name for info in self._found or ()]
        if queue:
            self.inquire(
                lambda client: client.tenants.busiest(queue, known), lambda found: self._take(queue, found)
            )
        rows.empty = "asking…" if queue and self._found is None else NOBODY
        shown = [TenantRow(info, self._pace.of(info.name)) for info in self._found or ()]
        rows.tell_of(telling(self._columns, shown))
        rows.show(shown)

    def _take(self, queue: str, found: tuple[TenantInfo, ...]) -> None:
        if queue == self.queue:
            self._found = found
            self._pace.add(found)
            self.stage.draw()

    def _about(self, scene: Scene) -> Line:
        if not self.queue:
            return (("no queue has tenants", "dim"),)
        shown = len(self._found or ())
        total = max(shown, *(queue.tenants for queue in scene.frame.queues if queue.name == self.queue), 0)
        most = f", the {shown} with most jobs of those looked at" if shown and shown < total else ""
        tenants = f"{scene.pen.count(total)} {'tenant' if total == 1 else 'tenants'}"
        return ((self.queue, "strong"), (f"  {tenants}{most}", "dim"))

    @property
    def _current(self) -> TenantRow | None:
        current = self.query_one(Rows).current
        return current if isinstance(current, TenantRow) else None

    def subject(self) -> str:
        """The tenant under the cursor."""
        return self._current.name if self._current is not None else ""

    def attended(self) -> list[str]:
        """Its queue."""
        return [self.queue] if self.queue else []

    def goal(self) -> Goal | None:
        """Its jobs: those that wait, or where there are none, those that run."""
        row = self._current
        if row is None:
            return None
        state = State.RUNNING if row.info.running and not row.info.ready_total else State.READY
        return Goal("jobs", JobsOf(row.info.queue, f"tenant={row.name}", state))

    def command(self) -> str:
        """The same list."""
        return shlex.join(["taskq", "tenant", "ls", *(["-q", self.queue] if self.queue else [])])


def likely_queue(frame: Frame) -> str:
    """The queue with tenants in which most jobs wait; empty when none has any."""
    having = [queue for queue in frame.queues if queue.tenants]
    return max(having, key=lambda queue: (queue.held, queue.waiting)).name if having else ""
