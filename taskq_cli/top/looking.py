"""What keys do on the screens of jobs and failures that changes nothing: states, pages, raw, why."""

from __future__ import annotations

from collections.abc import Sequence

from textual import work

from taskq_cli.top.navigation import Navigation
from taskq_cli.top.screens.job import Job
from taskq_cli.top.screens.jobs import Jobs
from taskq_cli.top.screens.overview import Overview
from taskq_cli.top.screens.queues import Queues
from taskq_cli.top.screens.tenants import Tenants
from taskq_cli.top.screens.view import Goal
from taskq_cli.top.widgets.dialog import Sheet
from taskq_cli.top.widgets.lines import Line
from taskq_cli.why.facts import Cause
from taskq_cli.why.jobs import job_causes
from taskq_cli.why.queues import queue_causes
from taskq_cli.why.reading import Reader, no_such_job
from taskq_core import Client, JobRef, NotFound


class Looking(Navigation):
    """The actions of keys that look at jobs."""

    def action_next_state(self) -> None:
        """Jobs of the next state."""
        if isinstance(self.view, Jobs):
            self.view.next_state()
            self.draw()

    def action_next_page(self) -> None:
        """Further jobs."""
        if isinstance(self.view, Jobs):
            told = self.view.next_page()
            self.draw()
            self.say(told)

    def action_clear_filter(self) -> None:
        """All rows again; in a list of jobs that is not filtered, the jobs of all queues."""
        view = self.view
        if isinstance(view, Jobs) and view.rows is not None and not view.rows.filter:
            view.everything()
            self.draw()
        else:
            super().action_clear_filter()

    def action_raw(self) -> None:
        """The job as JSON, or readable again."""
        if isinstance(self.view, Job):
            self.view.toggle_raw()
            self.draw()

    def action_tenants(self) -> None:
        """The tenants of the queue, or of the likeliest one."""
        self.lead(Goal("tenants", self._place()))

    def action_groups(self) -> None:
        """The groups of all queues that have any."""
        self.lead(Goal("groups", self._place()))

    def _place(self) -> str:
        """The queue that the cursor is on or that is looked at; empty for none or several."""
        view = self.view
        if isinstance(view, Jobs):
            return view.wanted.one_queue or ""
        if isinstance(view, Tenants):
            return view.queue
        return view.subject().partition("/")[0]

    @work
    async def action_why(self) -> None:
        """Says why the job waits, or what holds the queue up."""
        subject = self.view.subject()
        if not subject:
            self.say("nothing here to ask about", "warn")
            return
        whole_queue = isinstance(self.view, (Overview, Queues))
        found = await self.ask(lambda client: why(client, subject, whole_queue=whole_queue))
        if found is not None:
            _ = self.push_screen(Sheet(why_lines(subject, found)))


def why(client: Client, subject: str, *, whole_queue: bool) -> Sequence[Cause]:
    """What `taskq why` says of a queue or a job. Raises: TaskqError."""
    reader = Reader(client)
    if whole_queue:
        return queue_causes(reader.queue(subject))
    ref = JobRef.parse(subject)
    try:
        return job_causes(reader.job(ref))
    except NotFound:
        if not reader.ended(ref):
            raise no_such_job(ref) from None
    return [Cause("ended", "It is gone: done, cancelled, purged or deleted. Nothing was kept of how.")]


def why_lines(subject: str, causes: Sequence[Cause]) -> list[Line]:
    """The reasons, the one that decides first, each with what to do about it."""
    lines: list[Line] = [((subject, "strong"),), ()]
    for at, cause in enumerate(causes):
        lines.append(((cause.word.replace("_", " "), "bad" if at == 0 else "warn"),))
        lines.append(((f"  {cause.text}", ""),))
        if cause.todo:
            lines.append(((f"  {cause.todo}", "accent"),))
        lines.append(())
    lines.append(((f"taskq why {subject}", "dim"),))
    return lines
