"""Sends what running jobs say of themselves: all those of a queue together, twice a second and at their end.

A handler only writes into its notebook, so it never waits for this, nor fails by it. Where the server is
away or full, what was said is kept within its bounds and sent later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

from taskq_core import config
from taskq_core.claimed import Job
from taskq_core.clock import monotonic
from taskq_core.commands import noting
from taskq_core.commands.noting import Report
from taskq_core.errors import ServerUnreachable, TaskqError
from taskq_core.worker.context import Context
from taskq_core.worker.tenure import Tenure
from taskq_core.worker.trouble import Trouble

_RENEW_S = config.NOTES_MS / 4000
"""How often the notes of a job that runs on in silence are kept for longer."""
_AGAIN_S = 0.2


class Noter:
    """Tells the server the news of notebooks. A queue whose jobs say nothing costs no call."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._subscriptions = context.subscriptions
        self._slots = context.slots
        self._lost = context.lost
        self._trouble = Trouble("telling of progress and log lines")
        self._renewed = monotonic()

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            await asyncio.sleep(config.REPORT_S)
            await self.flush()
            if monotonic() - self._renewed >= _RENEW_S:
                self._renewed = monotonic()
                await self._renew()

    async def flush(self) -> None:
        """Sends what running jobs have said since the last time; what cannot be sent now waits."""
        for subscription in self._subscriptions:
            tenure = subscription.tenure
            jobs = _taken(tenure)
            if not jobs or not _hears(tenure):
                continue
            reports = [report for job in jobs if (report := _report(tenure, job)) is not None]
            if not await self._send_all(tenure, reports):
                tenure.noted.update({id(job): job for job in jobs})

    async def settle(self, tenure: Tenure) -> None:
        """Sends the last words of jobs that have ended, before their end is told: then they are not theirs.

        Returns when the server has them, will not have them, or the lease is lost.
        """
        closing, tenure.closing = tenure.closing, []
        if not _hears(tenure):
            return
        reports = [
            report for job, keep_ms in closing if (report := _report(tenure, job, keep_ms)) is not None
        ]
        while not tenure.lost and not await self._send_all(tenure, reports):  # noqa: ASYNC110 - as the acker
            await asyncio.sleep(_AGAIN_S)

    async def _renew(self) -> None:
        for slot in self._slots.running:
            job = slot.lane_job or slot.job
            if job is not None and job.notebook is not None and _hears(job.home):
                report = _report(job.home, job, _keep_ms(job))
                await self._send_all(job.home, [report] if report is not None else [])

    async def _send_all(self, tenure: Tenure, reports: Sequence[Report]) -> bool:
        """False when the server is away."""
        for part in _parts(reports):
            try:
                reply = await self._client.run(noting.report(tenure.keys, tenure.worker, part))
            except ServerUnreachable as error:
                self._trouble.note(error)
                return False
            except TaskqError as error:  # a full server, or one that refuses: no reason to hold up anything
                self._trouble.note(error)
                tenure.deaf_until = monotonic() + config.NOTES_OFF_S
                return True
            if reply == noting.LOST:
                self._lost(tenure)
                return True
            if reply == noting.OFF:
                tenure.deaf_until = monotonic() + config.NOTES_OFF_S
                return True
            for report in part:
                if report.job.notebook is not None:
                    report.job.notebook.confirm(report.news)
        self._trouble.over()
        return True


def _taken(tenure: Tenure) -> list[Job]:
    """Those that have said something, taken out one by one: threads put others in meanwhile."""
    jobs = []
    while tenure.noted:
        job = tenure.noted.popitem()[1]
        if tenure.held.get(job.stream, {}).get(job.entry) is job:  # or a thread nobody waits for any more
            jobs.append(job)
    return jobs


def _hears(tenure: Tenure) -> bool:
    return not tenure.lost and monotonic() >= tenure.deaf_until


def _report(tenure: Tenure, job: Job, keep_ms: int = 0) -> Report | None:
    """What is new of a job; with ``keep_ms`` also when nothing is, for the time that it is kept."""
    news = job.notebook.news(always=keep_ms > 0) if job.notebook is not None else None
    return None if news is None else Report(job, news, keep_ms or _keep_ms(job), tenure.server_offset_ms)


def _keep_ms(job: Job) -> int:
    return max(config.NOTES_MS, job.meta.keep)


def _parts(reports: Sequence[Report]) -> Iterator[list[Report]]:
    part: list[Report] = []
    size = 0
    for report in reports:
        if part and (len(part) >= config.REPORT_JOBS or size + report.news.size > config.REPORT_BYTES):
            yield part
            part, size = [], 0
        part.append(report)
        size += report.news.size
    if part:
        yield part
