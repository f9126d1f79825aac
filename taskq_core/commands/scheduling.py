"""Schedules on the server: kept, listed, paused, fired. Times are computed here, by the server's clock."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

import msgspec

from taskq_core import config
from taskq_core.backoff import Backoff
from taskq_core.clock import instant_ms, moment, to_ms
from taskq_core.codec import Meta, check_payload, decode_meta, encode_json
from taskq_core.command import Arg, Command, score_ms, text
from taskq_core.commands.produce import meta_of, stream_of
from taskq_core.errors import InvalidOption, InvalidPayload, TaskqError
from taskq_core.job import JobOptions, Priority
from taskq_core.keys import QueueKeys
from taskq_core.names import JobRef, valid_job_id, valid_schedule
from taskq_core.schedule import GRACES, Missed, Overlap, Schedule, ScheduledRun, ScheduleInfo, ScheduleRef
from taskq_core.scripts import script
from taskq_core.timetable import timetable

PAGE: Final = 50
"""Schedules of which a call brings all."""


class Stays(StrEnum):
    """What an added schedule may replace. The last two: it is declared in code."""

    ALL = "nothing"
    NONE = "any"
    BY_HAND = "code"
    WHATEVER = "absent"


class _About(msgspec.Struct, frozen=True):
    """What a record says beside the job itself. ``spec`` and ``tz`` first: `add_schedule` compares them."""

    spec: str
    tz: str
    missed: str = Missed.LATEST
    grace: int | None = None
    overlap: str = Overlap.ALLOW
    jitter: int = 0
    code: bool = False
    hash: str = ""


_decode_about: Final = msgspec.json.Decoder(_About).decode


def encode_schedule(schedule: Schedule, *, code: bool = False) -> tuple[bytes, str, bytes]:
    """Record, hash, and how the record speaks of the timetable. Raises: InvalidPayload, InvalidOption."""
    payload = check_payload(schedule.payload, config.MAX_SCHEDULE_BYTES)
    meta = encode_json(meta_of(schedule.options))
    about = _About(
        schedule.spec, schedule.tz, Missed.of(schedule.missed),
        None if schedule.grace is None else to_ms(schedule.grace), Overlap.of(schedule.overlap),
        0 if schedule.jitter is None else to_ms(schedule.jitter), code,
    )  # fmt: skip
    head = f"{stream_of(schedule.options)} {schedule.task}".encode()

    def record(about: _About) -> bytes:
        return b"\n".join((head, meta, encode_json(about), payload))

    named = hashlib.sha256(record(about)).hexdigest()[:16]
    same = encode_json(about).partition(b',"missed":')[0]
    return record(msgspec.structs.replace(about, hash=named)), named, same


def _next(schedule: Schedule, now: int) -> Arg:
    ms = schedule.times.after(now)
    return "" if ms is None else ms


def add(keys: QueueKeys, schedule: Schedule, now: int, stays: Stays, *, paused: bool = False) -> Command[str]:
    """Keeps a schedule; ``now``: server ms. Reply: created, changed, unchanged, taken or full."""
    code = stays in (Stays.BY_HAND, Stays.WHATEVER)
    record, named, same = encode_schedule(schedule, code=code)
    args: list[Arg] = [
        schedule.name, named, record, _next(schedule, now), stays, same, "1" if paused else "",
        config.MAX_SCHEDULES,
    ]  # fmt: skip
    return Command(script("add_schedule"), _own(keys), args, text)


def pause(keys: QueueKeys, name: str | bytes) -> Command[int]:
    """Lets it fire no more. Reply: 1; 0 when it was paused; -1 when there is none."""
    return Command(script("pause_schedule"), _own(keys), [name], int)


def resume(keys: QueueKeys, info: ScheduleInfo) -> Command[int]:
    """Lets it fire again, after the moment of ``info``. Reply: 1, 0, -1; -2 when it is another one by now."""
    named = encode_schedule(info.schedule, code=info.code)[1]
    args: list[Arg] = [info.ref.name, named, _next(info.schedule, instant_ms(info.at))]
    return Command(script("resume_schedule"), _own(keys), args, int)


def remove(keys: QueueKeys, name: str) -> Command[bool]:
    """Removes it; the jobs that it made stay. Reply: whether it was there."""
    return Command(script("remove_schedule"), _own(keys), [name], bool)


def trigger(keys: QueueKeys, info: ScheduleInfo, token: str) -> Command[tuple[str, str]]:
    """Enqueues its job now, once for the token. Reply: triggered, running or "", and the job's id."""
    names = [*_producing(keys), keys.schedules, keys.schedule_runs]
    args: list[Arg] = [
        info.ref.name, token, _guard(Overlap.of(info.schedule.overlap)), config.HISTORY_S, config.WAKE_TOKENS,
        config.RUNS_KEPT,
    ]  # fmt: skip
    return Command(script("trigger"), names, args, lambda reply: (text(reply[0]), text(reply[1])))


def _own(keys: QueueKeys) -> list[str]:
    return [keys.schedules, keys.schedule_times, keys.schedule_runs]


def _producing(keys: QueueKeys) -> list[str]:
    return [*keys.streams, keys.jobs, keys.due, keys.moved, keys.wake, keys.meta, keys.stats, keys.history]


def _guard(overlap: Overlap) -> str:
    return "skip" if overlap is Overlap.SKIP else ""


# -- firing -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DueSchedule:
    """A schedule whose next time has come. ``about`` None: its record is not one of ours."""

    name: str
    raw_name: bytes
    due: int
    about: _About | None
    last: str

    @property
    def cancels(self) -> str:
        """The job that has to end before the next one: its id, or nothing."""
        wants = self.about is not None and self.about.overlap == Overlap.CANCEL_PREVIOUS
        return self.last if wants and valid_job_id(self.last) else ""


def list_due(keys: QueueKeys, limit: int = config.FIRES_A_LOOK) -> Command[tuple[int, list[DueSchedule]]]:
    """The server's time in ms, and the schedules that are to be fired, the longest due first."""

    def read(reply: Any) -> tuple[int, list[DueSchedule]]:
        rows = [
            DueSchedule(
                text(name),
                name,
                score_ms(due),
                _sound_about(about) if valid_schedule(text(name)) else None,
                text(last),
            )
            for name, due, about, last in reply[1]
        ]
        return int(reply[0]), rows

    return Command(script("list_due"), _own(keys), [limit], read)


def _sound_about(raw: Any) -> _About | None:
    try:
        about = _decode_about(raw)
        timetable(about.spec, about.tz)
        Missed.of(about.missed)
        Overlap.of(about.overlap)
    except (msgspec.MsgspecError, RecursionError, TaskqError):
        return None
    return about


@dataclass(frozen=True, slots=True)
class Firing:
    """One step of a schedule: from the next time that is stored to the one after it.

    ``due``: the time to be fired; None: all until ``then`` were missed. ``missed``: how many before it.
    """

    stored: int
    due: int | None
    then: int | None
    missed: int


def firings(row: DueSchedule, now: int) -> Iterator[Firing]:
    """The steps of a schedule that is due, in order. What was missed is made up for by its policy."""
    about = row.about
    if about is None or row.due > now:
        return
    times = timetable(about.spec, about.tz)
    policy = Missed.of(about.missed)
    grace = about.grace if about.grace is not None else to_ms(GRACES[policy])
    latest, later = times.between(row.due, now, config.CATCH_UP)
    if later < config.CATCH_UP:  # else the stored one is not among the latest
        latest = [row.due, *latest]
    most = config.CATCH_UP if policy is Missed.ALL else 1
    fired = [due for due in latest[-most:] if now - due <= grace]
    then, missed = times.after(max(now, row.due)), later + 1 - len(fired)
    if not fired:
        yield Firing(row.due, None, then, missed)
        return
    stored = row.due
    for due, following in zip(fired, [*fired[1:], then], strict=True):
        yield Firing(stored, due, following, missed)
        stored, missed = due if following is None else following, 0


def fire(keys: QueueKeys, row: DueSchedule, firing: Firing) -> Command[tuple[str, str]]:
    """Fires one time, unless somebody else did. Reply: fired, skipped, missed or passed, and the job's id."""
    about = row.about
    if about is None:
        raise InvalidOption(f"schedule {row.name!r} cannot be read")
    names = [*_producing(keys), *_own(keys)]
    args: list[Arg] = [
        row.name, about.hash, firing.stored, "" if firing.due is None else firing.due,
        0 if firing.due is None else firing.due + delay_ms(keys.queue, row.name, firing.due, about.jitter),
        "" if firing.then is None else firing.then, firing.missed, _guard(Overlap.of(about.overlap)),
        config.HISTORY_S, config.WAKE_TOKENS, config.RUNS_KEPT,
    ]  # fmt: skip
    return Command(script("fire"), names, args, lambda reply: (text(reply[0]), text(reply[1])))


def delay_ms(queue: str, name: str, due: int, jitter: int) -> int:
    """By how much a run is put off: the same for whoever fires it, and as good as random."""
    if jitter <= 0:
        return 0
    digest = hashlib.sha256(f"{queue}/{name}/{due}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % jitter


# -- looking ----------------------------------------------------------------------------------------


def list_names(keys: QueueKeys) -> Command[list[str]]:
    """The names of a queue's schedules, sorted; what is no name of ours is left out."""
    return Command(
        script("list_schedules"),
        _own(keys),
        [],
        lambda reply: sorted(name for name in map(text, reply[1]) if valid_schedule(name)),
    )


def list_schedules(keys: QueueKeys, names: Sequence[str]) -> Command[list[ScheduleInfo]]:
    """All about those schedules; what is not there is left out."""

    def read(reply: Any) -> list[ScheduleInfo]:
        return [
            _info(ScheduleRef(keys.queue, name), int(reply[0]), row)
            for name, row in zip(names, reply[1], strict=True)
            if row[0]
        ]

    return Command(script("list_schedules"), _own(keys), list(names), read)


def _info(ref: ScheduleRef, now: int, row: Sequence[Any]) -> ScheduleInfo:
    raw, next_ms, (fired, missed, skipped, paused, runs) = row
    schedule, code = _decode(ref.name, bytes(raw))
    return ScheduleInfo(
        ref, schedule or Schedule("_malformed", "@yearly", "_malformed"), code, bool(paused),
        moment(score_ms(next_ms)) if text(next_ms) else None,
        _count(fired), _count(missed), _count(skipped), moment(now),
        tuple(_runs(ref.queue, text(runs))), schedule is not None,
    )  # fmt: skip


def _count(raw: Any) -> int:
    said = text(raw)
    return int(said) if said.isascii() and said.isdigit() and len(said) <= 15 else 0


def _runs(queue: str, lines: str) -> Iterator[ScheduledRun]:
    for line in lines.splitlines()[: config.RUNS_KEPT]:
        due, at, outcome, job = (*line.split(" "), "", "", "")[:4]
        if due.isdigit() and at.isdigit() and len(due) + len(at) <= 30:
            ref = JobRef(queue, job) if valid_job_id(job) else None
            yield ScheduledRun(moment(int(due)), moment(int(at)), outcome[:20], ref)


def _decode(name: str, raw: bytes) -> tuple[Schedule | None, bool]:
    """The schedule of a record; None where anybody else wrote it."""
    parts = raw.split(b"\n", 3)
    try:
        head, meta, about, payload = parts
        stream, _, task = head.decode().partition(" ")
        found = _decode_about(about)
        return Schedule(
            name, found.spec, task, check_payload(payload, config.HARD_PAYLOAD_BYTES),
            _options(stream, decode_meta(meta)), found.tz, Missed.of(found.missed), _span(found.grace),
            Overlap.of(found.overlap), _span(found.jitter),
        ), found.code  # fmt: skip
    except (ValueError, KeyError, msgspec.MsgspecError, RecursionError, TaskqError, InvalidPayload):
        return None, False


def _span(ms: int | None) -> timedelta | None:
    return timedelta(milliseconds=ms) if ms else None


def _options(stream: str, meta: Meta) -> JobOptions:
    letter, at, tenant = stream.partition("@")
    return JobOptions(
        priority=Priority.of_letter(letter),
        tenant=tenant if at else None,
        retries=meta.retries,
        backoff=None if meta.backoff is None else _backoff(*meta.backoff),
        timeout=_span(meta.timeout),
        keep=_span(meta.keep),
        concurrency_key=meta.concurrency or None,
    )


def _backoff(base: int, factor: float, cap: int) -> Backoff:
    return Backoff(timedelta(milliseconds=base), factor, timedelta(milliseconds=cap))
