"""What keys do that change something: each is planned, confirmed, checked again, and then made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual import work

from taskq_cli.top.actions import (
    BURY,
    CANCEL,
    DELETE,
    RETRY,
    JobVerb,
    Plan,
    plan_jobs,
    plan_pause,
    plan_purge,
)
from taskq_cli.top.causes import Cause
from taskq_cli.top.editor import NotEdited, edit
from taskq_cli.top.group_actions import Draft, GroupPlanner, draft_of, edited, plan_stop
from taskq_cli.top.looking import Looking
from taskq_cli.top.options import TopOptions
from taskq_cli.top.queue_row import QueueRow
from taskq_cli.top.schedule_actions import plan_pause_schedules, plan_trigger
from taskq_cli.top.screens.failures import Failures
from taskq_cli.top.screens.job import Job
from taskq_cli.top.screens.jobs import Jobs
from taskq_cli.top.screens.overview import Overview
from taskq_cli.top.screens.schedules import ScheduleRow, Schedules
from taskq_cli.top.screens.tenants import Tenants
from taskq_cli.top.screens.worker import Worker
from taskq_cli.top.source import Source
from taskq_cli.top.tenant_actions import plan_pause_tenants
from taskq_cli.top.tenant_row import TenantRow
from taskq_cli.top.widgets.dialog import Prompt
from taskq_core import DEFAULT_QUEUE, Client, JobDetail, JobRef, ScheduleRef, State, TaskqError, UsageError

Planner = Callable[[Client], Plan]


class Changes(Looking):
    """The actions of upper case keys."""

    def __init__(self, source: Source, client: Client | None, options: TopOptions) -> None:
        super().__init__(source, client, options)
        self._changing = False

    async def _make_change(self, plan: Planner) -> None:
        """One change at a time: a key that is pressed again while the first is planned does nothing."""
        if self._changing:
            self.say("one change at a time: the last one is not finished", "warn")
            return
        self._changing = True
        try:
            await self.change(plan)
        finally:
            self._changing = False

    def _may_change(self) -> bool:
        if self.read_only:
            self.say("this view is read-only", "warn")
        return not self.read_only

    # -- jobs -----------------------------------------------------------------------------------

    @work
    async def action_retry(self) -> None:
        """Runs jobs again."""
        await self._jobs(RETRY)

    @work
    async def action_cancel(self) -> None:
        """Takes jobs back."""
        await self._jobs(CANCEL)

    @work
    async def action_bury(self) -> None:
        """Sends jobs to the dead letter queue."""
        await self._jobs(BURY)

    @work
    async def action_delete(self) -> None:
        """Removes dead jobs."""
        await self._jobs(DELETE)

    async def _jobs(self, verb: JobVerb) -> None:
        view = self.view
        if isinstance(view, Failures):
            chosen = [cause for cause in self._chosen() if isinstance(cause, Cause)]
            await self._make_change(plan_groups(verb, chosen, view.queues))
            return
        refs = self._refs()
        await self._make_change(lambda client: plan_jobs(client, verb, refs))

    def _chosen(self) -> list[Any]:
        rows = self.view.rows
        return rows.chosen if rows is not None else []

    def _refs(self) -> list[JobRef]:
        if isinstance(self.view, Job):
            return [self.view.ref] if self.view.ref is not None else []
        return [row.ref for row in self._chosen() if isinstance(row, JobDetail)]

    # -- queues and workers ---------------------------------------------------------------------

    @work
    async def action_pause(self) -> None:
        """Pauses the chosen queues, schedules or tenants, or lets them go on where all of them are held."""
        if isinstance(self.view, Schedules):
            refs = self._schedules()
            await self._make_change(lambda client: plan_pause_schedules(client, refs))
            return
        if isinstance(self.view, Tenants):
            queue, names = self.view.queue, [row.name for row in self._chosen() if isinstance(row, TenantRow)]
            await self._make_change(lambda client: plan_pause_tenants(client, queue, names))
            return
        chosen = [row.name for row in self._chosen() if isinstance(row, QueueRow)]
        if isinstance(self.view, Overview) and self.view.subject():
            chosen = [self.view.subject()]  # a finding is about a queue as well
        await self._make_change(lambda client: plan_pause(client, chosen))

    @work
    async def action_trigger(self) -> None:
        """Enqueues the jobs of the chosen schedules now."""
        refs = self._schedules()
        await self._make_change(lambda client: plan_trigger(client, refs))

    def _schedules(self) -> list[ScheduleRef]:
        return [row.ref for row in self._chosen() if isinstance(row, ScheduleRow)]

    @work
    async def action_purge(self) -> None:
        """Asks which state, and removes all jobs of it."""
        queue = self.view.subject()
        if not self._may_change() or not queue:
            return
        text = await self.push_screen_wait(
            Prompt(
                f"Purge which jobs of {queue}", "dead", "dead, scheduled or ready; esc leaves all as it is"
            )
        )
        if text is not None:
            await self._make_change(lambda client: plan_purge(client, queue, State.of(text.strip())))

    @work
    async def action_stop(self) -> None:
        """Stops the chosen workers in good order."""
        view = self.view
        ids = [view.worker_id] if isinstance(view, Worker) else [worker_id(row) for row in self._chosen()]
        await self._make_change(lambda client: plan_stop(client, [name for name in ids if name]))

    # -- new jobs -------------------------------------------------------------------------------

    @work
    async def action_enqueue(self) -> None:
        """Asks for a task and a payload, and enqueues a job."""
        if not self._may_change():
            return
        queue, line, problem = self._queue_here(), "", ""
        note = "TASK key=value key:=json, as with taskq enqueue"
        while text := await self.push_screen_wait(
            Prompt(f"Enqueue into {queue}", line, problem or note, replace=False)
        ):
            try:
                draft = draft_of(text, queue)
            except TaskqError as error:
                line, problem = text, str(error)
                continue
            await self._make_change(draft.plan)
            return

    def _queue_here(self) -> str:
        view = self.view
        if isinstance(view, Jobs):
            current = view.rows.current if view.rows is not None else None
            fallback = current.ref.queue if isinstance(current, JobDetail) else DEFAULT_QUEUE
            return view.wanted.one_queue or fallback
        return view.subject() or DEFAULT_QUEUE

    @work
    async def action_edit(self) -> None:
        """Opens the payload in the editor, and enqueues what comes back as a new job."""
        refs = self._refs()
        if not self._may_change() or not refs:
            return
        job = await self.ask(lambda client: client.inspect(refs[0]))
        draft = None if job is None else await self._edit(job)
        if draft is not None:
            await self._make_change(draft.plan)

    async def _edit(self, job: JobDetail) -> Draft | None:
        text = job.payload.decode(errors="replace")
        while True:
            try:
                text = edit(self, text)
                return edited(job, text)
            except NotEdited as reason:
                self.say(str(reason), "warn")
                return None
            except TaskqError as error:
                again = Prompt("Edit it again?", "", f"{error}: enter opens the editor again, esc leaves it")
                if await self.push_screen_wait(again) is None:
                    self.say("nothing was enqueued")
                    return None


def plan_groups(verb: JobVerb, chosen: list[Cause], queues: tuple[str, ...]) -> Planner:
    """The plan for all jobs of the causes."""
    names = [cause.fingerprint for cause in chosen]
    if not names:
        return _nothing_chosen
    return GroupPlanner(verb, names, queues)


def _nothing_chosen(client: Client) -> Plan:
    raise UsageError("no group is chosen")


def worker_id(row: Any) -> str:
    """The id of the worker that a row shows."""
    shown = getattr(row, "process", row)
    return str(getattr(shown, "id", ""))
