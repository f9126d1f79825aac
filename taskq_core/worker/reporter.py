"""From the end of a run to what the server is told: each outcome goes to the tenure the job came from."""

from __future__ import annotations

import asyncio
from typing import Any

from taskq_core import config
from taskq_core.claimed import Job, entry_ms
from taskq_core.clock import wall_ms
from taskq_core.codec import encode_outcome, encode_result
from taskq_core.errors import InvalidPayload, TaskqError, UnknownTask
from taskq_core.histogram import bucket
from taskq_core.metrics.meter import Meter
from taskq_core.worker.conclusion import concluded, cut_short
from taskq_core.worker.tenure import Subscription
from taskq_core.worker.verdict import JobTimeout, Limits, Malformed, failed_run, limits_of


class Reporter:
    """Collects outcomes; ``owed`` is set while there is something to send."""

    def __init__(self) -> None:
        self.owed = asyncio.Event()
        self.done_count = 0
        self.failed_count = 0
        self.followed = 0
        """Calls that ended jobs and may have enqueued others, of a chain or for a group."""
        self.released: list[Job] = []
        self.subscriptions: dict[str, Subscription] = {}
        self.meter: Meter | None = None

    def done(self, job: Job, result: Any, started: float, ended: float) -> None:
        """The handler returned."""
        tenure = job.home
        meta = job.meta
        if job.notebook is not None:
            tenure.close_notes(job, config.NOTES_DONE_MS)
        if meta.group or meta.next:
            self._conclude(job, result, started, ended)
            return
        if meta.keep:
            try:
                kept = encode_result(result)
            except TaskqError as error:
                self.failed(job, error, started, ended)
                return
            tenure.done(job, encode_outcome("done", kept))
        elif meta.id or meta.unique:
            tenure.done(job, b"")
        else:
            tenure.plain[job.stream].append(job.entry)
        self.done_count += 1
        self._time(job, started, ended)

    def failed(self, job: Job, error: BaseException, started: float, ended: float) -> None:
        """The handler raised."""
        self._fail(job, error, self._measured(job, ended - started))

    def unknown(self, job: Job) -> None:
        """Nobody here knows the task. Buried: a payload never names what to import."""
        known = self.subscriptions[job.queue].handlers
        self._fail(job, UnknownTask(job.task, tuple(name.decode() for name in known)))

    def malformed(self, job: Job, error: InvalidPayload) -> None:
        """The entry is none that this library, or one that follows its format, made. Buried."""
        self._fail(job, Malformed(str(error)))

    def stopped(self, job: Job, why: str, timeout_s: float) -> None:
        """The worker stopped the run."""
        if why == "timeout":
            job.took_us, job.timed_out = int(timeout_s * 1_000_000), True
            if self.meter is not None and not job.meta.attempts:
                self.meter.waited(job.queue, {self._waited_ms(job, timeout_s): 1})
            self._fail(job, JobTimeout(f"ran longer than {timeout_s:g} s"))
        elif why == "cancelled":
            job.home.close_notes(job, config.NOTES_DONE_MS)
            if job.meta.group:
                job.home.conclusions.append(cut_short(job))
            else:
                job.home.cancelled(job, encode_outcome("cancelled"))
            self.owed.set()
        elif why == "shutdown":
            self.released.append(job)

    def limits(self, job: Job) -> Limits:
        """How often, how soon again, and how long the job may run."""
        policy = self.subscriptions[job.queue].policy
        return limits_of(job, (job.handler.policy, policy) if job.handler else (policy,))

    def _conclude(self, job: Job, result: Any, started: float, ended: float) -> None:
        times = self._measured(job, ended - started)
        try:
            end = concluded(job, result, times)
        except TaskqError as error:
            self._fail(job, error, times)
            return
        job.home.conclusions.append(end)
        self.done_count += 1
        self.owed.set()

    def _measured(self, job: Job, took: float) -> str:
        """The buckets of a run's times, which is counted as waited for by its first attempt."""
        job.took_us = int(took * 1_000_000)
        times = f"r{bucket(job.took_us)}"
        if not job.meta.attempts:
            waited = self._waited_ms(job, took)
            times += f" w{bucket(1000 * waited)}"
            if self.meter is not None:
                self.meter.waited(job.queue, {waited: 1})
        return times

    def _fail(self, job: Job, error: BaseException, times: str = "") -> None:
        job.home.close_notes(job, config.NOTES_FAILED_MS)
        job.home.fails.append(failed_run(job, self.limits(job), error, times))
        self.failed_count += 1
        self.owed.set()

    def _waited_ms(self, job: Job, took: float) -> int:
        now = wall_ms() + job.home.server_offset_ms
        return int(now - entry_ms(job.entry) - took * 1000)

    def _time(self, job: Job, started: float, ended: float) -> None:
        tenure = job.home
        took = ended - started
        job.took_us = us = int(took * 1_000_000)
        tenure.run_us[us] += 1
        if not job.meta.attempts:
            tenure.wait_ms[self._waited_ms(job, took)] += 1
        if not self.owed.is_set():
            self.owed.set()
