"""How ticks are written down, a JSON record a line, and read again. Pure: it opens no file.

1. A queue is the record that `taskq stats --watch -o ndjson` prints, so one program reads both.
2. A line is written when what it says has changed. `taskq.frame/1` ends a tick, and lists what is in it
   where that is not what was in the one before.
3. A file of plain `taskq stats --watch` is read too: there a tick ends when a queue comes again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from taskq_cli.jsontext import ascii_json, rfc3339
from taskq_cli.queue_views import QUEUE
from taskq_cli.top.frame import COUNTED, Frame, QueueFrame, Times
from taskq_cli.top.series import Series
from taskq_cli.top.source import Tick
from taskq_core import FailedAttempt, Minute, Priority, ServerInfo, WorkerInfo

HEAD: Final = "taskq.recording/1"
PAST: Final = "taskq.past/1"
LEASE: Final = "taskq.lease/1"
FAILED: Final = "taskq.failed-attempt/1"
SERVER: Final = "taskq.server-info/1"
FRAME: Final = "taskq.frame/1"
RATE_S: Final = 60.0


class QueueLine(msgspec.Struct):
    """What is read of a queue's record."""

    queue: str
    at: datetime
    ready_by_priority: dict[str, int]
    totals: dict[str, int]
    state: str = "active"
    paused: bool = False
    draining: bool | None = None
    running: int = 0
    scheduled: int = 0
    dead: int = 0
    workers: int = 0
    oldest_ready_s: float | None = None
    next_due_at: datetime | None = None
    wait_p50_s: float | None = None
    wait_p99_s: float | None = None
    run_p50_s: float | None = None
    run_p99_s: float | None = None
    settings: dict[str, str] = {}
    next_fire_at: datetime | None = None
    held: int = 0
    held_by_tenants: int = 0
    tenants: int = 0
    groups: int = 0

    def frame(self) -> QueueFrame:
        """The queue's part of a frame."""
        return QueueFrame(
            name=self.queue,
            at=self.at,
            paused=self.paused,
            draining=self.state == "draining" if self.draining is None else self.draining,
            ready=tuple(self.ready_by_priority.get(str(level), 0) for level in Priority),
            running=self.running,
            scheduled=self.scheduled,
            dead=self.dead,
            workers=self.workers,
            oldest_s=self.oldest_ready_s,
            next_due_at=self.next_due_at,
            totals=tuple(self.totals.get(name, 0) for name in COUNTED),
            wait=_times(self.wait_p50_s, self.wait_p99_s),
            run=_times(self.run_p50_s, self.run_p99_s),
            settings=self.settings,
            next_fire_at=self.next_fire_at,
            held=self.held,
            held_by_tenants=self.held_by_tenants,
            tenants=self.tenants,
            groups=self.groups,
        )


class PastMinute(msgspec.Struct):
    """The counts of a minute before the recording began."""

    at: datetime
    counts: dict[str, int]


class PastLine(msgspec.Struct):
    """What a queue counted before."""

    queue: str
    minutes: list[PastMinute]


class FailedLine(msgspec.Struct):
    """A failed attempt and its number in the recording."""

    number: int
    failure: FailedAttempt


class LeaseLine(msgspec.Struct):
    """A worker's lease in a queue."""

    id: str
    queue: str
    expires_at: datetime
    about: dict[str, str] = {}


class FrameLine(msgspec.Struct):
    """The end of a tick. Lists are None where they are those of the tick before."""

    at: datetime
    rtt_s: float = 0.0
    server: bool = True
    queues: list[str] | None = None
    workers: list[tuple[str, str]] | None = None
    failures: list[int] | None = None


class HeadLine(msgspec.Struct):
    """The first line."""

    label: str = ""


class SchemaLine(msgspec.Struct):
    """What kind of record a line is."""

    schema: str = ""


# -- writing ----------------------------------------------------------------------------------------


class Encoder:
    """Ticks as lines of JSON, without line ends."""

    def __init__(self) -> None:
        self._queues: dict[str, QueueFrame] = {}
        self._series: dict[str, Series] = {}
        self._workers: dict[tuple[str, str], WorkerInfo] = {}
        self._failures: dict[FailedAttempt, int] = {}
        self._server: ServerInfo | None = None
        self._numbered = 0

    def head(self, label: str) -> str:
        """The first line: what was looked at."""
        return ascii_json({"schema": HEAD, "label": label})

    def lines(self, tick: Tick) -> Iterator[str]:
        """A tick; the last line ends it."""
        for queue, minutes in tick.past.items():
            rows = [{"at": minute.at, "counts": dict(minute.counts)} for minute in minutes]
            yield ascii_json({"schema": PAST, "queue": queue, "minutes": rows})
        frame = tick.frame
        end: dict[str, Any] = {"schema": FRAME, "at": frame.at, "rtt_s": frame.rtt_s}
        yield from self._queue_lines(tick, end)
        yield from self._worker_lines(frame, end)
        yield from self._failure_lines(frame, end)
        if frame.server is not None and frame.server != self._server:
            yield ascii_json({"schema": SERVER, **asdict(frame.server)})
        self._server = frame.server
        end["server"] = frame.server is not None
        yield ascii_json(end)

    def _queue_lines(self, tick: Tick, end: dict[str, Any]) -> Iterator[str]:
        queues = {queue.name: queue for queue in tick.frame.queues}
        for name, queue in queues.items():
            if self._queues.get(name) != queue:
                yield ascii_json(queue_line(queue, self._rates(queue, tick.past.get(name, ()))))
        if list(queues) != list(self._queues):
            end["queues"] = list(queues)
        self._queues = queues
        self._series = {name: series for name, series in self._series.items() if name in queues}

    def _rates(self, queue: QueueFrame, past: Sequence[Minute]) -> dict[str, float]:
        """Jobs a second in the last minute."""
        now = queue.at.timestamp()
        series = self._series.setdefault(queue.name, Series())
        if not series.times and past:
            series.seed(now, queue.totals, past)
        series.add(now, queue.totals)
        series.forget(now - 2 * RATE_S, 0.0)
        return {name: series.rate(now, RATE_S, name) for name in ("enqueued", "done", "failed")}

    def _worker_lines(self, frame: Frame, end: dict[str, Any]) -> Iterator[str]:
        workers = {(worker.queue, worker.id): worker for worker in frame.workers}
        for key, worker in workers.items():
            if self._workers.get(key) != worker:
                yield ascii_json({"schema": LEASE, **asdict(worker)})
        if list(workers) != list(self._workers):
            end["workers"] = list(workers)
        self._workers = workers

    def _failure_lines(self, frame: Frame, end: dict[str, Any]) -> Iterator[str]:
        numbers: dict[FailedAttempt, int] = {}
        for failure in frame.failures:
            number = self._failures.get(failure)
            if number is None:
                number, self._numbered = self._numbered, self._numbered + 1
                yield ascii_json({"schema": FAILED, "number": number, "failure": asdict(failure)})
            numbers[failure] = number
        if list(numbers.values()) != list(self._failures.values()):
            end["failures"] = list(numbers.values())
        self._failures = numbers


def queue_line(queue: QueueFrame, rates: Mapping[str, float]) -> dict[str, Any]:
    """A queue as its record. Rates are those of the last minute, times those that the view showed."""
    wait, run = queue.wait, queue.run
    return {
        "schema": QUEUE.schema,
        "queue": queue.name,
        "at": rfc3339(queue.at),
        "state": "paused" if queue.paused else "draining" if queue.draining else "active",
        "paused": queue.paused,
        "draining": queue.draining,
        "ready": queue.waiting,
        "ready_by_priority": {str(n): count for n, count in zip(Priority, queue.ready, strict=True)},
        "running": queue.running,
        "scheduled": queue.scheduled,
        "dead": queue.dead,
        "workers": queue.workers,
        "oldest_ready_s": queue.oldest_s,
        "next_due_at": rfc3339(queue.next_due_at),
        **{f"{name}_per_s": round(rate, 2) for name, rate in rates.items()},
        "wait_p50_s": wait.p50 if wait else None,
        "wait_p99_s": wait.p99 if wait else None,
        "run_p50_s": run.p50 if run else None,
        "run_p99_s": run.p99 if run else None,
        "totals": dict(zip(COUNTED, queue.totals, strict=True)),
        "settings": dict(queue.settings),
        "next_fire_at": rfc3339(queue.next_fire_at),
        "held": queue.held,
        "held_by_tenants": queue.held_by_tenants,
        "tenants": queue.tenants,
        "groups": queue.groups,
    }


# -- reading ----------------------------------------------------------------------------------------


class Decoder:
    """Lines of a recording as ticks again."""

    def __init__(self) -> None:
        self.label = ""
        self._queues: dict[str, QueueFrame] = {}
        self._workers: dict[tuple[str, str], WorkerInfo] = {}
        self._failures: dict[int, FailedAttempt] = {}
        self._server: ServerInfo | None = None
        self._past: dict[str, list[Minute]] = {}
        self._order: tuple[Sequence[str], Sequence[tuple[str, str]], Sequence[int]] = ((), (), ())
        self._new: dict[str, QueueFrame] = {}
        self._framed = False

    def take(self, line: bytes) -> Tick | None:
        """A line; the tick that it ends, if it ends one. Raises: msgspec.MsgspecError, KeyError."""
        schema = msgspec.json.decode(line, type=SchemaLine).schema
        if schema == QUEUE.schema:
            return self._queue(msgspec.json.decode(line, type=QueueLine).frame())
        if schema == FRAME:
            return self._end(msgspec.json.decode(line, type=FrameLine))
        self._keep(schema, line)
        return None

    def rest(self) -> Tick | None:
        """The last tick of a file whose ticks have no end of their own."""
        return self._plain() if self._new and not self._framed else None

    def _keep(self, schema: str, line: bytes) -> None:
        if schema == LEASE:
            lease = msgspec.json.decode(line, type=LeaseLine)
            worker = WorkerInfo(lease.id, lease.queue, lease.expires_at, lease.about)
            self._workers[lease.queue, lease.id] = worker
        elif schema == FAILED:
            failed = msgspec.json.decode(line, type=FailedLine)
            self._failures[failed.number] = failed.failure
        elif schema == SERVER:
            self._server = msgspec.json.decode(line, type=ServerInfo)
        elif schema == PAST:
            past = msgspec.json.decode(line, type=PastLine)
            self._past[past.queue] = [Minute(row.at, row.counts, None, None) for row in past.minutes]
        elif schema == HEAD:
            self.label, self._framed = msgspec.json.decode(line, type=HeadLine).label, True

    def _queue(self, queue: QueueFrame) -> Tick | None:
        ended = self._plain() if queue.name in self._new else None
        self._new[queue.name] = queue
        return ended

    def _plain(self) -> Tick:
        queues, self._new = tuple(self._new.values()), {}
        return Tick(Frame(max(queue.at for queue in queues), queues))

    def _end(self, end: FrameLine) -> Tick:
        self._queues |= self._new
        self._new = {}
        queues, workers, failures = self._order
        queues = queues if end.queues is None else end.queues
        workers = workers if end.workers is None else end.workers
        failures = failures if end.failures is None else end.failures
        self._order = queues, workers, failures
        self._queues = {name: self._queues[name] for name in queues}
        self._workers = {key: self._workers[key] for key in workers}
        self._failures = {number: self._failures[number] for number in failures}
        past, self._past = self._past, {}
        frame = Frame(
            at=end.at,
            queues=tuple(self._queues.values()),
            workers=tuple(self._workers.values()),
            failures=tuple(self._failures.values()),
            server=self._server if end.server else None,
            rtt_s=end.rtt_s,
        )
        return Tick(frame, past)


def between(earlier: datetime, later: datetime, most: timedelta) -> float:
    """Seconds from one tick to the next as they are played: never below zero, no longer than ``most``."""
    return max(0.0, min(later - earlier, most).total_seconds())


def _times(p50: float | None, p99: float | None) -> Times | None:
    return None if p50 is None or p99 is None else Times(p50, p99)
