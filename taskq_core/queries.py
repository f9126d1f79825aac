"""What is read from the server, without changing anything: each a bounded script call."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any, Final

import msgspec

from taskq_core import config
from taskq_core.backoff import Backoff
from taskq_core.claimed import entry_ms
from taskq_core.clock import MAX_SPAN_MS, moment
from taskq_core.codec import PLAIN, Meta, decode_failure, decode_links, decode_meta, decode_record
from taskq_core.command import Command, pairs, score_ms, text
from taskq_core.errors import InvalidOption, InvalidPayload
from taskq_core.fingerprint import PATTERN, fingerprint
from taskq_core.job import Failure, JobDetail, Priority, State
from taskq_core.keys import HELD, IDLE, LEVELS, QueueKeys, stream_id
from taskq_core.names import JobRef, check_job_id
from taskq_core.noted import read_notes
from taskq_core.scripts import script
from taskq_core.snapshot import FailedAttempt, Minute, Percentiles, QueueSnapshot, WorkerInfo

_Entry = tuple[bytes, Sequence[bytes]]

# -- one job ----------------------------------------------------------------------------------


def inspect(keys: QueueKeys, job_id: str) -> Command[JobDetail | None]:
    """Everything about one job; None when the server knows nothing of it. Raises: InvalidName."""
    check_job_id(job_id)
    names = [
        *keys.streams, keys.jobs, keys.due, keys.moved, keys.dead, keys.dead_jobs, keys.result(job_id),
        keys.notes(job_id),
    ]  # fmt: skip

    def read(reply: Any) -> JobDetail | None:
        place, result, said = text(reply[0]), reply[-2] or b"", read_notes(reply[-1])
        if place == "stream":
            _, stream, entry, fields, owner, deliveries, *_ = reply
            detail = in_stream(keys.queue, text(stream), (entry, fields), text(owner), int(deliveries))
        elif place:
            detail = in_index(
                keys.queue, State.DEAD if place == "dead" else State.SCHEDULED, job_id, *reply[1:3]
            )
        elif result:
            detail = _ended(JobRef(keys.queue, job_id), result)
        else:
            return None
        if said is not None:
            detail = dataclasses.replace(detail, notes=said)
        return _with_result(detail, result)

    return Command(script("inspect"), names, [job_id], read)


def in_stream(queue: str, stream: str, row: _Entry, owner: str = "", deliveries: int = 0) -> JobDetail:
    """A ready or running job, from its stream entry."""
    entry, fields = row
    try:
        meta = decode_meta(fields[3]) if len(fields) == 4 else PLAIN
    except InvalidPayload:
        meta = PLAIN
    job_id = meta.id or stream_id(stream, text(entry))
    running = owner not in IDLE
    return _detail(
        JobRef(queue, job_id), State.RUNNING if running else State.READY, stream[0], meta,
        task=text(fields[0]), payload=fields[1] if len(fields) > 1 else b"",
        attempts=meta.attempts + deliveries, worker=owner if running else None, deliveries=deliveries,
        held=owner == HELD,
    )  # fmt: skip


def in_index(queue: str, state: State, job_id: str, raw: bytes, score: Any) -> JobDetail:
    """A scheduled or dead job, from its record."""
    record = decode_record(raw)
    at = moment(int(float(text(score)))) if text(score) else None
    return _detail(
        JobRef(queue, job_id), state, record.level, record.meta,
        task=record.task, payload=record.payload, attempts=record.meta.attempts,
        error=_with_fingerprint(record.task, record.error),
        due_at=at if state is State.SCHEDULED else None, died_at=at if state is State.DEAD else None,
    )  # fmt: skip


def _with_fingerprint(task: str, error: Failure | None) -> Failure | None:
    """The error, with a fingerprint also where none was stored with it."""
    if error is None or PATTERN.fullmatch(error.fingerprint):
        return error
    return dataclasses.replace(
        error, fingerprint=fingerprint(task, error.type, error.message, error.traceback)
    )


def _detail(ref: JobRef, state: State, letter: str, meta: Meta, **fields: Any) -> JobDetail:
    return JobDetail(
        ref, state,
        priority=Priority.of_letter(letter) if letter in LEVELS else Priority.NORMAL,
        enqueued_at=moment(entry_ms(ref.id[1:].encode())),
        retries=meta.retries,
        timeout=timedelta(milliseconds=meta.timeout) if meta.timeout else None,
        unique=meta.unique or None,
        keep=timedelta(milliseconds=meta.keep) if meta.keep else None,
        granted=meta.granted,
        backoff=_backoff(meta),
        schedule=meta.schedule or None,
        fire_at=None if meta.due is None else moment(meta.due),
        throttle=timedelta(milliseconds=meta.throttle) if meta.throttle else None,
        debounce=timedelta(milliseconds=meta.debounce[0]) if meta.debounce else None,
        debounce_max=timedelta(milliseconds=meta.debounce[1]) if meta.debounce else None,
        group=meta.group or None,
        concurrency_key=meta.concurrency or None,
        completes=meta.completes or None,
        then=_tasks(meta.next),
        after=JobRef(ref.queue, meta.after) if meta.after else None,
        chain=meta.next,
        previous=meta.previous.encode() or None,
        **fields,
    )  # fmt: skip


def _tasks(chain: str) -> tuple[str, ...]:
    try:
        return tuple(link.task for link in decode_links(chain))
    except InvalidPayload:  # anybody may have written it
        return ()


def _backoff(meta: Meta) -> Backoff | None:
    if meta.backoff is None:
        return None
    base, factor, cap = meta.backoff
    try:
        return Backoff(timedelta(milliseconds=base), factor, timedelta(milliseconds=cap))
    except InvalidOption:  # anybody may have written it
        return None


class _Outcome(msgspec.Struct):
    state: str
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: msgspec.Raw = msgspec.Raw(b"")


def _ended(ref: JobRef, raw: bytes) -> JobDetail:
    """A job of which only the kept outcome is left."""
    outcome = msgspec.json.decode(raw, type=_Outcome)
    return _detail(
        ref, State.of(outcome.state), ref.id[0], PLAIN, task="", payload=b"", attempts=0,
        result=bytes(outcome.result), error=decode_failure(bytes(outcome.error)),
    )  # fmt: skip


def _with_result(detail: JobDetail, raw: bytes) -> JobDetail:
    if not raw:
        return detail
    return dataclasses.replace(detail, result=bytes(msgspec.json.decode(raw, type=_Outcome).result))


# -- the whole queue --------------------------------------------------------------------------


def snapshot(keys: QueueKeys, minutes: int = 0, counted: int = 0) -> Command[QueueSnapshot]:
    """One queue at one moment, with up to 120 minutes of its past.

    ``counted``: so many minutes before those come as counts alone, without times: a tenth of the reply.
    """
    names = [
        *keys.streams, keys.due, keys.dead, keys.leases, keys.meta, keys.stats, keys.history,
        keys.schedule_times, keys.groups,
    ]  # fmt: skip
    most = min(max(minutes, 0), config.HISTORY_S // 60)
    brief = min(max(counted, 0), config.HISTORY_S // 60 - most)
    return Command(script("snapshot"), names, [most, brief], lambda reply: _read_snapshot(keys.queue, reply))


def _read_snapshot(queue: str, reply: Any) -> QueueSnapshot:
    now, levels, scheduled, next_due, dead, workers, settings, totals, minutes, times = reply
    ready, running, oldest = {}, 0, None
    for priority, (length, pending, orphans, first) in zip(Priority, levels, strict=True):
        ready[priority] = int(length) - int(pending) + int(orphans)
        running += int(pending) - int(orphans)
        if first:
            born = entry_ms(bytes(first) if isinstance(first, bytes) else text(first).encode())
            oldest = born if oldest is None else min(oldest, born)
    limits = pairs(settings)
    for own in ("seq", "born", "flow", "gates"):
        limits.pop(own, None)
    draining = limits.pop("draining", "") == "1"
    return QueueSnapshot(
        queue=queue, at=moment(int(now)), paused=limits.pop("paused", "") == "1",
        ready=ready, running=running, scheduled=int(scheduled), dead=int(dead), workers=int(workers),
        oldest_ready_s=None if oldest is None else max(0.0, (int(now) - oldest) / 1000),
        next_due_at=moment(int(float(text(next_due)))) if text(next_due) else None,
        totals={name: int(n) for name, n in pairs(totals).items()},
        settings=limits,
        history=tuple(read_minute(int(at), pairs(flat)) for at, flat in minutes),
        draining=draining,
        schedules=int(times[0]),
        next_fire_at=moment(score_ms(times[1])) if text(times[1]) else None,
        stale=int(times[2]),
        tenants=int(times[3]),
        held=min(int(times[4]) + int(times[6]), sum(ready.values())),
        held_by_tenants=int(times[6]),
        groups=int(times[5]),
    )  # fmt: skip


def read_minute(at: int, fields: dict[str, str]) -> Minute:
    """A minute's record: plain names are counts, ``w12`` and ``r12`` are histogram buckets."""
    counts: dict[str, int] = {}
    times: dict[str, dict[int, int]] = {"w": {}, "r": {}}
    for name, value in fields.items():
        if name[0] in times and name[1:].isdigit():
            times[name[0]][int(name[1:])] = int(value)
        else:
            counts[name] = int(value)
    return Minute(moment(at), counts, Percentiles.of(times["w"]), Percentiles.of(times["r"]))


def list_workers(keys: QueueKeys) -> Command[list[WorkerInfo]]:
    """The live workers of a queue, without what they say of themselves."""

    def read(reply: Any) -> list[WorkerInfo]:
        return [
            WorkerInfo(name, keys.queue, moment(int(float(expiry))))
            for name, expiry in pairs(reply[1]).items()
        ]

    return Command(script("list_workers"), [keys.leases], [], read)


class _Notice(msgspec.Struct):
    fingerprint: str = ""
    task: str = ""
    attempt: int = 0
    type: str = ""
    message: str = ""
    buried: bool = False
    delay: Annotated[int, msgspec.Meta(ge=0, le=MAX_SPAN_MS)] | None = None


_decode_notice: Final = msgspec.json.Decoder(_Notice).decode


def read_failure(queue: str, entry: Any) -> FailedAttempt:
    """An entry of the failures stream; one that we did not write as well as it can be read."""
    entry_id, fields = entry
    values = pairs(fields if not isinstance(fields, dict) else [x for kv in fields.items() for x in kv])
    try:
        about = _decode_notice(values.get("at", "{}"))
    except (msgspec.MsgspecError, RecursionError):
        about = _Notice()
    at = entry_ms(text(entry_id).encode())
    return FailedAttempt(
        id=values.get("id", ""), at=moment(at), task=about.task, attempt=about.attempt,
        type=about.type, message=about.message, buried=about.buried, queue=queue,
        fingerprint=about.fingerprint or fingerprint(about.task, about.type, about.message),
        next_attempt_at=None if about.buried or about.delay is None else moment(at + about.delay),
    )  # fmt: skip
