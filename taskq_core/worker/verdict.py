"""What becomes of a failed attempt: another one after a delay, or the dead letter queue. Pure."""

from __future__ import annotations

import dataclasses
import traceback
from dataclasses import dataclass

import msgspec

from taskq_core.backoff import Backoff, delay_ms
from taskq_core.claimed import Job
from taskq_core.clock import to_ms
from taskq_core.codec import encode_failure, encode_json, encode_outcome, encode_record
from taskq_core.commands.work import End, FailedRun
from taskq_core.config import RETRIES
from taskq_core.errors import Discard, InvalidPayload, Retry, UnknownTask
from taskq_core.fingerprint import fingerprint
from taskq_core.job import Failure
from taskq_core.programs import CannotStart, ProgramFailed
from taskq_core.task import Policy


class JobTimeout(Exception):
    """The job ran longer than its time-out."""


class Malformed(Exception):
    """The entry or payload is not what its task can take."""


class Poison(Exception):
    """Workers died while they ran this job, as often as a job may do that."""


_FINAL = (Discard, Malformed, Poison, UnknownTask, InvalidPayload)


@dataclass(frozen=True, slots=True)
class Limits:
    """How often and after what delay a job is tried, once job, task and queue have been asked in turn."""

    retries: int
    backoff: tuple[int, float, int]
    timeout_ms: int


def limits_of(job: Job, policies: tuple[Policy, ...]) -> Limits:
    """The limits of a job: its own, then those of the policies in order, then the defaults."""
    meta = job.meta
    retries, backoff, timeout = meta.retries, meta.backoff, meta.timeout
    for policy in policies:
        if retries is None:
            retries = policy.retries
        if backoff is None and policy.backoff is not None:
            backoff = policy.backoff.wire()
        if not timeout and policy.timeout is not None:
            timeout = to_ms(policy.timeout)
    return Limits(RETRIES if retries is None else retries, backoff or Backoff().wire(), timeout)


def next_delay(job: Job, limits: Limits, error: BaseException) -> int | None:
    """Milliseconds until the next attempt; None when there is none."""
    made = job.attempt - job.meta.granted
    if isinstance(error, _FINAL) or made > limits.retries:
        return None
    if isinstance(error, Retry) and error.delay is not None:
        return max(0, to_ms(error.delay))
    return delay_ms(made, limits.backoff)


def failed_run(job: Job, limits: Limits, error: BaseException, times: str = "") -> FailedRun:
    """All that the server is told of a failed attempt. ``times``: the buckets of its times."""
    delay = next_delay(job, limits, error)
    failure = named(job.task, failure_of(error))
    encoded = encode_failure(failure)
    # a buried job that is retried by hand gets its attempts anew
    granted = job.attempt if delay is None else job.meta.granted
    meta = msgspec.structs.replace(job.meta, attempts=job.attempt, granted=granted, id=job.id)
    kept = delay is None and job.meta.keep
    return FailedRun(
        stream=job.stream, entry=job.entry, id=job.id, delay=delay,
        record=encode_record(job.stream[:1].encode(), job.raw_task, meta, encoded, job.raw),
        failure=_notice(job, failure, delay),
        end=End(
            job.id, encode_outcome("dead", error=encoded) if kept else b"", job.meta.keep, job.meta.unique
        ),
        times=times,
    )  # fmt: skip


def failure_of(error: BaseException) -> Failure:
    """An exception as text: its type, its message, where it came from."""
    name = type(error).__name__
    try:
        if isinstance(error, ProgramFailed):  # where it came from is in what it wrote itself
            return Failure(name, str(error), error.output)
        if isinstance(error, (Retry, Discard, Poison, JobTimeout, CannotStart)):
            return Failure(name, str(error))
        return Failure(name, str(error), "".join(traceback.format_exception(error)))
    except Exception as broken:  # an exception's own __str__ may raise anything
        return Failure(name, f"(its text cannot be made: {type(broken).__name__})")


def named(task: str, failure: Failure) -> Failure:
    """The failure with its fingerprint."""
    name = fingerprint(task, failure.type, failure.message, failure.traceback)
    return dataclasses.replace(failure, fingerprint=name)


def _notice(job: Job, failure: Failure, delay: int | None) -> bytes:
    return encode_json(
        {
            "fingerprint": failure.fingerprint,
            "task": job.task[:128],
            "attempt": job.attempt,
            "type": failure.type[:200],
            "message": failure.message[:200].encode(errors="replace").decode(),
            "buried": delay is None,
            "delay": delay,
        }
    )
