"""Jobs that come from elsewhere: from another server, or from a file that was written there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from taskq_core import config
from taskq_core.clock import instant_ms, positive_ms
from taskq_core.codec import (
    Meta,
    check_payload,
    decode_json,
    decode_links,
    decode_meta,
    encode_failure,
    encode_json,
    encode_links,
    encode_meta,
    encode_record,
)
from taskq_core.command import Arg, Command, text
from taskq_core.commands.produce import debounce_of
from taskq_core.errors import InvalidOption, InvalidPayload
from taskq_core.job import Change, JobDetail, State
from taskq_core.keys import QueueKeys, queue_keys
from taskq_core.names import check_job_id, check_schedule, check_task, check_unique
from taskq_core.scripts import script


def import_jobs(keys: QueueKeys, jobs: Sequence[JobDetail]) -> Command[list[Change]]:
    """Brings up to 250 jobs back under their own ids. Raises: InvalidName, InvalidOption, InvalidPayload.

    All of them are checked as those of an enqueue are: they may come from anywhere. The queue of their
    references does not count. ``found`` of a change is ``known`` or ``taken``, None where it was done.
    """
    if len(jobs) > config.IMPORT_BATCH:
        raise InvalidOption(f"{len(jobs)} jobs in one call are more than {config.IMPORT_BATCH}")
    names = [
        *keys.streams, keys.jobs, keys.due, keys.moved, keys.wake, keys.dead, keys.dead_jobs, keys.meta,
        keys.stats, keys.history, keys.imported,
    ]  # fmt: skip
    args: list[Arg] = [config.HISTORY_S, config.WAKE_TOKENS, config.IMPORTED_MS, config.UNIQUE_FOR_MS]
    for job in jobs:
        _add(keys, job, names, args)

    def read(reply: Any) -> list[Change]:
        return [
            Change(job.ref, not text(found), text(found) or None)
            for job, found in zip(jobs, reply, strict=True)
        ]

    return Command(script("import_jobs"), names, args, read)


def check_import(job: JobDetail) -> None:
    """Nothing, for a job that can be imported. Raises: InvalidName, InvalidOption, InvalidPayload."""
    _add(queue_keys("default", job.ref.queue), job, [], [])


def _add(keys: QueueKeys, job: JobDetail, names: list[str], args: list[Arg]) -> None:
    job_id = check_job_id(job.ref.id)
    task = check_task(job.task).encode()
    payload = check_payload(job.payload, config.HARD_PAYLOAD_BYTES)
    state, at = _state(job)
    meta = _meta(job)
    # a job that is ready has no error of its own: a stream does not hold any
    error = b"" if job.error is None else encode_failure(job.error)
    record = encode_record(job.priority.letter.encode(), task, meta, error, payload)
    args += (job_id, state, at, record, _without_id(meta))
    for key in (meta.keep and keys.result(job_id), meta.unique and keys.unique(meta.unique, job_id)):
        if key:
            names.append(key)
        args.append(len(names) if key else "")


def _state(job: JobDetail) -> tuple[str, int]:
    """The state it gets, and its time in ms. A job that ran elsewhere has to run again."""
    if job.state in (State.READY, State.RUNNING):
        return "ready", 0
    at = job.due_at if job.state is State.SCHEDULED else job.died_at
    if job.state not in (State.SCHEDULED, State.DEAD) or at is None:
        raise InvalidOption(
            f"a {job.state} job cannot be imported so",
            hint="Ready jobs can, scheduled ones with the time they are due, dead ones with when they died",
        )
    ms = instant_ms(at)
    if ms < 0:
        raise InvalidOption(f"{at} is before 1970")
    return str(job.state), ms


def _meta(job: JobDetail) -> Meta:
    """What travels with it. Raises: InvalidPayload, InvalidOption, InvalidName."""
    begun = job.deliveries if job.state in (State.READY, State.RUNNING) else 0
    meta = Meta(
        attempts=max(0, job.attempts - begun),
        granted=job.granted,
        id=job.ref.id,
        retries=job.retries,
        backoff=job.backoff.wire() if job.backoff is not None else None,
        timeout=positive_ms(job.timeout, "timeout") if job.timeout is not None else 0,
        unique=check_unique(job.unique) if job.unique is not None else "",
        throttle=positive_ms(job.throttle, "throttle") if job.throttle is not None else 0,
        debounce=debounce_of(job),
        keep=positive_ms(job.keep, "keep") if job.keep is not None else 0,
        concurrency=job.concurrency_key or "",
        schedule=check_schedule(job.schedule) if job.schedule is not None else "",
        due=instant_ms(job.fire_at) if job.fire_at is not None else None,
        # but for its group, which has counted it out when it was removed, or is not there
        next=encode_links(decode_links(job.chain)),
        after=job.after.id if job.after is not None else "",
        previous=_json_text(job.previous),
    )
    return decode_meta(encode_json(meta))  # checks the bounds


def _json_text(raw: bytes | None) -> str:
    if raw is None:
        return ""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise InvalidPayload("the result of the job before it is not UTF-8") from None
    decode_json(text)  # checks it
    return text


def _without_id(meta: Meta) -> bytes:
    return encode_meta(msgspec.structs.replace(meta, id=""))
