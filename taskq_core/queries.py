"""What is read from the server, without changing anything: each a bounded script call."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec

from taskq_core import config
from taskq_core.claimed import entry_ms
from taskq_core.clock import moment
from taskq_core.codec import PLAIN, Meta, decode_meta, decode_record
from taskq_core.command import Command, pairs, text
from taskq_core.errors import InvalidName, InvalidOption, InvalidPayload
from taskq_core.histogram import quantile_us
from taskq_core.job import JobDetail, Page, Priority, State
from taskq_core.keys import LEVELS, ORPHAN, QueueKeys
from taskq_core.names import JobRef, check_job_id
from taskq_core.scripts import script
from taskq_core.snapshot import FailedAttempt, Minute, Percentiles, QueueSnapshot, WorkerInfo

_CURSOR = re.compile(r"\d{1,15}(:[os])?(:(\d+-\d+)?)?")
_Entry = tuple[bytes, Sequence[bytes]]

# -- one job ----------------------------------------------------------------------------------


def inspect(keys: QueueKeys, job_id: str) -> Command[JobDetail | None]:
    """Everything about one job; None when the server knows nothing of it. Raises: InvalidName."""
    check_job_id(job_id)
    names = [
        *keys.streams, keys.jobs, keys.due, keys.moved, keys.dead, keys.dead_jobs, keys.result(job_id),
    ]  # fmt: skip

    def read(reply: Any) -> JobDetail | None:
        place, result = text(reply[0]), reply[-1] or b""
        if place == "stream":
            _, letter, entry, fields, owner, deliveries, _ = reply
            level = LEVELS.index(text(letter))
            detail = _in_stream(keys.queue, level, (entry, fields), text(owner), int(deliveries))
        elif place:
            detail = _in_index(
                keys.queue, State.DEAD if place == "dead" else State.SCHEDULED, job_id, *reply[1:3]
            )
        else:
            return _ended(JobRef(keys.queue, job_id), result) if result else None
        return _with_result(detail, result)

    return Command(script("inspect"), names, [job_id], read)


def _in_stream(queue: str, level: int, row: _Entry, owner: str = "", deliveries: int = 0) -> JobDetail:
    entry, fields = row
    try:
        meta = decode_meta(fields[3]) if len(fields) == 4 else PLAIN
    except InvalidPayload:
        meta = PLAIN
    job_id = meta.id or LEVELS[level] + text(entry)
    running = owner not in ("", ORPHAN)
    return _detail(
        JobRef(queue, job_id), State.RUNNING if running else State.READY, LEVELS[level], meta,
        task=text(fields[0]), payload=fields[1] if len(fields) > 1 else b"",
        attempts=meta.attempts + deliveries, worker=owner if running else None, deliveries=deliveries,
    )  # fmt: skip


def _in_index(queue: str, state: State, job_id: str, raw: bytes, score: Any) -> JobDetail:
    record = decode_record(raw)
    at = moment(int(float(text(score)))) if text(score) else None
    return _detail(
        JobRef(queue, job_id), state, record.level, record.meta,
        task=record.task, payload=record.payload, attempts=record.meta.attempts, error=record.error,
        due_at=at if state is State.SCHEDULED else None, died_at=at if state is State.DEAD else None,
    )  # fmt: skip


def _detail(ref: JobRef, state: State, letter: str, meta: Meta, **fields: Any) -> JobDetail:
    return JobDetail(
        ref, state,
        priority=Priority.of_letter(letter) if letter in LEVELS else Priority.NORMAL,
        enqueued_at=moment(entry_ms(ref.id[1:].encode())),
        retries=meta.retries,
        timeout=timedelta(milliseconds=meta.timeout) if meta.timeout else None,
        unique=meta.unique or None,
        keep=timedelta(milliseconds=meta.keep) if meta.keep else None,
        **fields,
    )  # fmt: skip


class _Outcome(msgspec.Struct):
    state: str
    result: msgspec.Raw = msgspec.Raw(b"null")


def _ended(ref: JobRef, raw: bytes) -> JobDetail:
    """A job of which only the kept outcome is left."""
    outcome = msgspec.json.decode(raw, type=_Outcome)
    return _detail(
        ref, State.of(outcome.state), ref.id[0], PLAIN, task="", payload=b"", attempts=0,
        result=bytes(outcome.result),
    )  # fmt: skip


def _with_result(detail: JobDetail, raw: bytes) -> JobDetail:
    if not raw:
        return detail
    return dataclasses.replace(detail, result=bytes(msgspec.json.decode(raw, type=_Outcome).result))


# -- lists ------------------------------------------------------------------------------------


def list_jobs(keys: QueueKeys, state: State, cursor: str, limit: int) -> Command[Page]:
    """A page of the jobs in one state. Raises: InvalidOption."""
    if not 1 <= limit <= config.MAX_BATCH:
        raise InvalidOption(f"a page holds 1 to {config.MAX_BATCH} jobs, not {limit}")
    if state is State.READY:
        return _list_ready(keys, cursor or "1:o:", limit)
    if state is State.RUNNING:
        return _list_running(keys, cursor or "1:", limit)
    if state in (State.SCHEDULED, State.DEAD):
        return _list_index(keys, state, cursor or "0", limit)
    raise InvalidOption(f"{state} jobs are not listed", hint="One of: scheduled, ready, running, dead")


def _list_ready(keys: QueueKeys, cursor: str, limit: int) -> Command[Page]:
    level, part, entry = _split(cursor, 3)

    def read(reply: Any) -> Page:
        rows = tuple(_in_stream(keys.queue, int(at) - 1, (entry, fields)) for at, entry, fields in reply[3])
        follow = ":".join(text(x) for x in reply[:3]) if int(reply[0]) else ""
        return Page(rows, follow)

    return Command(script("list_ready"), keys.streams, [level, part, entry, limit], read)


def _list_running(keys: QueueKeys, cursor: str, limit: int) -> Command[Page]:
    level, entry = _split(cursor, 2)

    def read(reply: Any) -> Page:
        rows = tuple(
            _in_stream(keys.queue, int(at) - 1, (entry, fields), text(owner), int(n))
            for at, entry, fields, owner, n in reply[2]
        )
        return Page(rows, f"{int(reply[0])}:{text(reply[1])}" if int(reply[0]) else "")

    return Command(script("list_running"), keys.streams, [level, entry, limit], read)


def _list_index(keys: QueueKeys, state: State, cursor: str, limit: int) -> Command[Page]:
    (rank,) = _split(cursor, 1)
    names = [keys.due, keys.jobs] if state is State.SCHEDULED else [keys.dead, keys.dead_jobs]

    def read(reply: Any) -> Page:
        looked_at, found = int(reply[0]), reply[1]
        rows = tuple(_in_index(keys.queue, state, text(i), raw, score) for i, score, raw in found)
        return Page(rows, str(int(rank) + looked_at) if looked_at == limit else "")

    order = "" if state is State.SCHEDULED else "REV"
    return Command(script("list_index"), names, [rank, limit, order], read)


def _split(cursor: str, parts: int) -> list[str]:
    split = cursor.split(":")
    if len(split) != parts or not split[0].isdigit() or not _CURSOR.fullmatch(cursor):
        raise InvalidName("cursor", cursor, "the cursor of the page before")
    return split


# -- the whole queue --------------------------------------------------------------------------


def snapshot(keys: QueueKeys, minutes: int = 0) -> Command[QueueSnapshot]:
    """One queue at one moment, with up to 120 minutes of its past."""
    names = [
        *keys.streams, keys.due, keys.dead, keys.leases, keys.meta, keys.stats, keys.history,
    ]  # fmt: skip
    most = min(max(minutes, 0), config.HISTORY_S // 60)
    return Command(script("snapshot"), names, [most], lambda reply: _read_snapshot(keys.queue, reply))


def _read_snapshot(queue: str, reply: Any) -> QueueSnapshot:
    now, levels, scheduled, next_due, dead, workers, settings, totals, minutes = reply
    ready, running, oldest = {}, 0, None
    for priority, (length, pending, orphans, first) in zip(Priority, levels, strict=True):
        ready[priority] = int(length) - int(pending) + int(orphans)
        running += int(pending) - int(orphans)
        if first:
            born = entry_ms(bytes(first) if isinstance(first, bytes) else text(first).encode())
            oldest = born if oldest is None else min(oldest, born)
    limits = pairs(settings)
    limits.pop("seq", None)
    return QueueSnapshot(
        queue=queue, at=moment(int(now)), paused=limits.pop("paused", "") == "1",
        ready=ready, running=running, scheduled=int(scheduled), dead=int(dead), workers=int(workers),
        oldest_ready_s=None if oldest is None else max(0.0, (int(now) - oldest) / 1000),
        next_due_at=moment(int(float(text(next_due)))) if text(next_due) else None,
        totals={name: int(n) for name, n in pairs(totals).items()},
        settings=limits,
        history=tuple(read_minute(int(at), pairs(flat)) for at, flat in minutes),
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
    return Minute(moment(at), counts, _percentiles(times["w"]), _percentiles(times["r"]))


def _percentiles(buckets: dict[int, int]) -> Percentiles | None:
    p50, p99 = quantile_us(buckets, 0.5), quantile_us(buckets, 0.99)
    if p50 is None or p99 is None:
        return None
    return Percentiles(p50 / 1000, p99 / 1000, sum(buckets.values()))


def list_workers(keys: QueueKeys) -> Command[list[WorkerInfo]]:
    """The live workers of a queue, without what they say of themselves."""

    def read(reply: Any) -> list[WorkerInfo]:
        return [
            WorkerInfo(name, keys.queue, moment(int(float(expiry))))
            for name, expiry in pairs(reply[1]).items()
        ]

    return Command(script("list_workers"), [keys.leases], [], read)


def read_failure(entry: Any) -> FailedAttempt:
    """An entry of the failures stream."""
    entry_id, fields = entry
    values = pairs(fields if not isinstance(fields, dict) else [x for kv in fields.items() for x in kv])
    try:
        about = json.loads(values.get("at", "{}"))
    except ValueError:
        about = {}
    return FailedAttempt(
        id=values.get("id", ""), at=moment(entry_ms(text(entry_id).encode())),
        task=str(about.get("task", "")), attempt=int(about.get("attempt", 0)),
        type=str(about.get("type", "")), message=str(about.get("message", "")),
        buried=bool(about.get("buried", False)),
    )  # fmt: skip
