"""The list of jobs in one state: of a queue, of the jobs of one cause, or of all queues; page by page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from textual.app import ComposeResult
from textual.message import Message

from taskq_cli.top.actions import BURY, CANCEL, DELETE, RETRY
from taskq_cli.top.format import Pen
from taskq_cli.top.job_list import (
    PAGE,
    STATES,
    JobPage,
    Spot,
    Wanted,
    conditions,
    count,
    first_state,
    limited_queue,
    read_page,
    with_limits,
)
from taskq_cli.top.screens.job_columns import columns_of, job_columns, named
from taskq_cli.top.screens.view import Goal, Scene, View
from taskq_cli.top.widgets.lines import Line, Lines, Span
from taskq_cli.top.widgets.rows import Rows
from taskq_core import Gates, JobDetail, State

LIVE_ONLY: Final = "live only: jobs are asked of the server as they are now; ctrl+t goes back to now"


UNFIT: Final = {
    state: frozenset(verb.name for verb in (RETRY, CANCEL, BURY, DELETE) if state not in verb.states)
    for state in (State.READY, State.RUNNING, State.SCHEDULED, State.DEAD)
}
"""Changes that jobs of a state do not allow, by the names of their keys."""
HELD: Final = timedelta(seconds=5)
"""What was read this short a time before or after a held picture belongs to it."""


def _limits(gates: Gates | None) -> str:
    """The limits of a queue in a line: those that hold jobs first."""
    if gates is None or not gates.gates:
        return ""
    found = sorted(gates.gates, key=lambda gate: (not gate.closed, -gate.held))
    words = [f"{gate}{f', holds {gate.held:,}' if gate.held else ''}" for gate in found[:4]]
    more = len(found) - len(words)
    return "limits: " + "; ".join(words) + (f"; {more} more" if more else "")


@dataclass(frozen=True, slots=True)
class GroupJobs:
    """The failed jobs of one cause, as what the list is to show."""

    fingerprint: str
    queues: tuple[str, ...]
    state: State


@dataclass(frozen=True, slots=True)
class JobsOf:
    """Jobs of one queue in a state, such as those of a tenant, as what the list is to show.

    ``where``: conditions of `taskq jobs --filter`.
    """

    queue: str
    where: str
    state: State


class JobRows(Rows):
    """Rows of which a filter may be left to the server: it finds what is not on this page."""

    class Rearranged(Message):
        """The filter or the order was changed."""

    def rearrange(self) -> None:
        """The same, and says so."""
        super().rearrange()
        self.post_message(self.Rearranged())

    def accepting(self) -> Callable[[Any], bool]:
        """All rows, where the server has looked for the conditions."""
        return (lambda _: True) if conditions(self.filter) else super().accepting()


class Jobs(View):
    """Jobs of any state."""

    title = "Jobs"
    DEFAULT_CSS = "Jobs > #jobs-about { height: 2; }"

    def __init__(self, pen: Pen) -> None:
        super().__init__(id="jobs")
        self._pen = pen
        self._now = datetime.now(UTC)
        self.wanted = Wanted()
        self._chosen = False
        """Whether the state was chosen; if not, it is the first in which there are jobs."""
        self._spots = [Spot()]
        self._page: JobPage | None = None
        self._columns = job_columns(pen, lambda: self._now, self._job_name)
        self._read_at = self._now

    def compose(self) -> ComposeResult:
        """What is shown, and the jobs."""
        yield Lines(id="jobs-about")
        columns = self._columns
        yield JobRows(columns, key=lambda job: job.ref, pen=self._pen, id="job-rows")

    @property
    def _rows(self) -> JobRows:
        return self.query_one(JobRows)

    # -- what is shown --------------------------------------------------------------------------

    def show(self, scene: Scene) -> None:
        """The page there is, and asks for it anew."""
        self._now = scene.frame.at
        if not self._chosen:
            self._choose_state(scene)
        where = self._rows.filter if conditions(self._rows.filter) else ""
        if where != self.wanted.where:
            self._want(replace(self.wanted, where=where))
        self._draw(scene)
        if scene.live:
            wanted, spot, queues = self.wanted, self._spots[-1], self.wanted.places(scene.frame)
            limited = limited_queue(wanted, scene.frame)
            self.inquire(
                lambda client: with_limits(client, read_page(client, wanted, queues, spot), limited),
                self._take,
            )

    def _choose_state(self, scene: Scene) -> None:
        queues = [q for q in scene.frame.queues if self.wanted.queues is None or q.name in self.wanted.queues]
        found = [state for state in STATES if any(count(queue, state) for queue in queues)]
        state = first_state(queues[0]) if len(queues) == 1 else (found or [State.READY])[0]
        if state is not self.wanted.state:
            self._want(replace(self.wanted, state=state))
        self._chosen = bool(queues)

    def _draw(self, scene: Scene) -> None:
        held = abs(self._read_at - scene.frame.at) <= HELD
        page = self._page if scene.live or held else None
        rows = self._rows
        longest = max((len(self._job_name(job)) for job in page.jobs), default=0) if page else 0
        rows.tell_of(columns_of(self._columns, self.wanted.state, longest))
        rows.empty = self._nothing(page) if scene.live or held else LIVE_ONLY
        rows.show(() if page is None else page.jobs)
        self.query_one("#jobs-about", Lines).show([self._states(scene), self._about(page)])

    def _nothing(self, page: JobPage | None) -> str:
        if page is None:
            return "asking the server …"
        if page.next is not None:
            return f"none among {page.looked:,} jobs looked at; n looks on"
        return f"no {self.wanted.state} job" + (" that matches" if self.wanted.filter else "")

    def _states(self, scene: Scene) -> Line:
        queues = [q for q in scene.frame.queues if self.wanted.queues is None or q.name in self.wanted.queues]
        spans: list[Span] = [(self._place(), "strong"), ("  ", "")]
        for state in STATES:
            number = scene.pen.count(sum(count(queue, state) for queue in queues))
            here = state is self.wanted.state
            spans += [(f" {state} {number} ", "cursor" if here else "dim"), (" ", "")]
        return tuple(spans)

    def _place(self) -> str:
        if self.wanted.queues is None:
            return "all queues"
        return ", ".join(self.wanted.queues[:3]) + ("…" if len(self.wanted.queues) > 3 else "")

    def _about(self, page: JobPage | None) -> Line:
        parts = []
        if self.wanted.group is not None:
            parts.append(f"of group {self.wanted.group}")
        if self.wanted.where:
            parts.append(f"with {self.wanted.where}")
        if page is not None:
            parts.append(f"page {len(self._spots)}: {len(page.jobs)} jobs")
            if page.next is not None:
                parts.append("n shows more")
            if self.wanted.where or self.wanted.group:
                parts.append(f"looked at {page.looked:,}")
        limits = _limits(page.gates) if page is not None else ""
        return (("; ".join(parts), "dim"), (f"  {limits}" if limits else "", "accent"))

    def _job_name(self, job: JobDetail) -> str:
        if self.wanted.one_queue is not None:
            return job.ref.id
        return named(job.ref.queue, job.ref.id, self._pen.glyph("cut"))

    # -- what is asked --------------------------------------------------------------------------

    def _take(self, page: JobPage) -> None:
        if page.wanted != self.wanted or page.spot != self._spots[-1]:
            self.ask_soon()  # something else is wanted by now
        else:
            self._page, self._read_at = page, self._now
        if self.display:
            self.stage.draw()

    def _want(self, wanted: Wanted) -> None:
        """Something else is to be shown, from its first page on."""
        self.wanted = wanted
        self._turn_to([Spot()])

    def _turn_to(self, spots: list[Spot]) -> None:
        self._spots, self._page = spots, None
        self._rows.marked.clear()
        self._rows.edge(-1)
        self.ask_soon()

    def on_job_rows_rearranged(self) -> None:
        """With another filter, other jobs are asked for at once."""
        if self.display:
            self.stage.draw()

    def everything(self) -> None:
        """The jobs of all queues."""
        self._want(Wanted(self.wanted.state))

    def aim(self, about: Any) -> None:
        """The jobs of a queue, or of one cause, tenant or group."""
        self._rows.filter = ""
        if isinstance(about, GroupJobs):
            self._chosen = True
            self._want(Wanted(about.state, about.queues, about.fingerprint))
        elif isinstance(about, JobsOf):
            self._chosen, self._rows.filter = True, about.where
            self._want(Wanted(about.state, (about.queue,), where=about.where))
        else:
            self._chosen = False
            self._want(Wanted(self.wanted.state, (str(about),) if about else None))

    def next_state(self) -> None:
        """The jobs of the next state."""
        self._chosen = True
        self._want(self.wanted.next_state())

    def next_page(self) -> str:
        """The next page, or after the last one the first. Returns what there is to say."""
        if self._page is None:
            return ""
        if self._page.next is not None:
            self._turn_to([*self._spots, self._page.next])
            return ""
        if len(self._spots) == 1:
            return f"that is all of them: fewer than {PAGE}" if len(self._page.jobs) < PAGE else "that is all"
        self._turn_to([Spot()])
        return "that was the last page; this is the first one again"

    # -- what is under the cursor ---------------------------------------------------------------

    @property
    def unfit(self) -> frozenset[str]:
        """What cannot be done to jobs of the state."""
        return UNFIT[self.wanted.state]

    def subject(self) -> str:
        """The job's reference."""
        current = self._rows.current
        return str(current.ref) if isinstance(current, JobDetail) else ""

    def goal(self) -> Goal | None:
        """The job in full."""
        current = self._rows.current
        return Goal("job", current) if isinstance(current, JobDetail) else None

    def command(self) -> str:
        """The same list."""
        return self.wanted.command()
