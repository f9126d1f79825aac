"""The exporter: reads the server when it is scraped, at a cost of queues and workers, never of jobs."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from fnmatch import fnmatchcase
from http import HTTPStatus
from typing import Any, Final

from taskq_core import config
from taskq_core.client import Client
from taskq_core.clock import monotonic
from taskq_core.commands.tenancy import BUSIEST
from taskq_core.desired import DEFAULT_SLOTS, desired_workers, load_of, target_of
from taskq_core.errors import AccessDenied, InvalidOption, TaskqError
from taskq_core.flow_metrics import Flow, Prominent, read_flow, sheet_of_flow
from taskq_core.metrics.endpoint import Endpoint
from taskq_core.metrics.sheet import Sheet, build_info
from taskq_core.schedule import ScheduleInfo
from taskq_core.sighting import processes_of
from taskq_core.snapshot import QueueSnapshot, WorkerInfo

log = logging.getLogger("taskq.exporter")
_MINUTES: Final = 2
_DEADLINE_S: Final = 2.0
"""How long a scrape waits for the server: Prometheus itself gives up after 10 s."""
_COUNTERS: Final = ("enqueued", "done", "failed", "retried", "dead", "cancelled", "recovered")


@dataclass(frozen=True, slots=True)
class ExporterOptions:
    """``queues``: a pattern of names. ``max_queues``: of more, the first by name are told.

    ``target_wait``: how soon a backlog is to be gone, of queues without an SLO. ``max_tenants``: tenants of a
    queue that are told by name, 0 for none.
    """

    queues: str = "*"
    target_wait: timedelta = timedelta(seconds=config.TARGET_WAIT_S)
    max_queues: int = config.EXPORTED_QUEUES
    max_tenants: int = config.EXPORTED_TENANTS

    def __post_init__(self) -> None:
        if self.target_wait < timedelta(milliseconds=1):
            raise InvalidOption(f"target_wait must be at least 1 ms, not {self.target_wait}")
        if self.max_queues < 1:
            raise InvalidOption(f"max_queues must be at least 1, not {self.max_queues}")
        if not 0 <= self.max_tenants <= BUSIEST:
            raise InvalidOption(f"max_tenants must be 0 to {BUSIEST}, not {self.max_tenants}")


@dataclass(frozen=True, slots=True)
class Reading:
    """All that one look at the server brought."""

    snapshots: Sequence[QueueSnapshot]
    workers: Sequence[WorkerInfo]
    info: Mapping[str, str]
    left_out: int = 0
    schedules: Sequence[ScheduleInfo] = ()
    flow: Flow = field(default_factory=Flow)


@dataclass(slots=True)
class _Record:
    """What the exporter says of itself."""

    errors: int = 0
    took_s: float = 0.0
    success_at: float = 0.0
    sheet: Sheet = field(default_factory=dict)
    desired: Mapping[str, int] | None = None
    read_at: float | None = None
    server: str = ""
    away: bool = False


class Exporter:
    """The source of an `Endpoint`. Scrapes that come within a second share one look at the server."""

    def __init__(self, url: str, namespace: str, options: ExporterOptions) -> None:
        self.namespace = namespace
        self._client = Client(url, namespace=namespace, deadline=_DEADLINE_S)
        self._options = options
        self._service_s: dict[str, float] = {}
        self._prominent = Prominent(options.max_tenants)
        self._record = _Record()
        self._lock = threading.Lock()

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    def live(self) -> str:
        """Empty: whoever is answered sees that it lives. The server has no part in it."""
        return ""

    def ready(self) -> str:
        """Why it is not ready: the server does not answer."""
        try:
            self._client.time()
        except TaskqError as error:
            return str(error)
        return ""

    def sheet(self) -> Sheet:
        """All metrics as they are now; while the server is away nothing of queues: old numbers lie."""
        with self._lock:
            self._look()
            record = self._record
            return record.sheet | {
                "taskq_redis_up": {(): int(record.desired is not None)},
                "taskq_exporter_last_success_timestamp_seconds": {(): record.success_at},
                "taskq_exporter_scrape_seconds": {(): record.took_s},
                "taskq_exporter_errors_total": {(): record.errors},
            }

    def desired(self, parameters: Mapping[str, list[str]]) -> tuple[HTTPStatus, Any]:
        """The page ``/desired?queue=NAME``: how many workers a queue asks for; without a name, by queue."""
        with self._lock:
            self._look()
            found = self._record.desired
        if found is None:
            return HTTPStatus.SERVICE_UNAVAILABLE, {"error": "the server does not answer"}
        queue = parameters.get("queue", [""])[0]
        if not queue:
            return HTTPStatus.OK, dict(found)
        if queue not in found:
            return HTTPStatus.NOT_FOUND, {"error": "no such queue"}
        return HTTPStatus.OK, {"value": found[queue]}

    # -- reading the server -------------------------------------------------------------------

    def _look(self) -> None:
        record, began = self._record, monotonic()
        if record.read_at is not None and began - record.read_at < config.EXPORTER_FRESH_S:
            return
        try:
            reading = self._read()
        except TaskqError as error:
            record.errors += 1
            record.sheet, record.desired = {"taskq_build_info": build_info(record.server)}, None
            if not record.away:
                log.error("the server could not be read: %s", error)
            record.away = True
        else:
            record.desired = self._desired(reading)
            record.sheet = sheet_of(reading, record.desired)
            record.success_at = time.time()
            record.server = _server(reading.info)
            if record.away:
                log.warning("the server is read again")
            record.away = False
        record.read_at = monotonic()
        record.took_s = record.read_at - began

    def _read(self) -> Reading:
        client, options = self._client, self._options
        names = [name for name in client.queues() if fnmatchcase(name, options.queues)]
        told = names[: options.max_queues]
        snapshots = client.snapshots(told, _MINUTES)
        return Reading(
            snapshots,
            client.workers_of(told),
            self._info(),
            len(names) - len(told),
            self._schedules(snapshots),
            read_flow(client, snapshots, self._prominent, monotonic()),
        )

    def _schedules(self, snapshots: Sequence[QueueSnapshot]) -> list[ScheduleInfo]:
        """Those that are not paused, the next first; queues without any cost nothing."""
        having = [snapshot.queue for snapshot in snapshots if snapshot.schedules]
        found = [info for info in self._client.schedules.list(having) if info.next_at is not None]
        return sorted(found, key=lambda info: (info.next_at, info.ref))[: config.EXPORTED_SCHEDULES]

    def _info(self) -> Mapping[str, str]:
        try:
            return self._client.info()
        except AccessDenied:  # it tells of other tenants
            return {}

    def _desired(self, reading: Reading) -> Mapping[str, int]:
        slots: dict[str, list[int]] = {}
        for worker in reading.workers:
            slots.setdefault(worker.queue, []).append(worker.slots)
        found = {}
        for snapshot in reading.snapshots:
            load = load_of(snapshot, self._service_s.get(snapshot.queue))
            self._service_s[snapshot.queue] = load.service_s
            each = slots.get(snapshot.queue)
            mean = sum(each) / len(each) if each else DEFAULT_SLOTS
            target = target_of(snapshot, self._options.target_wait)
            found[snapshot.queue] = desired_workers(load, target, mean)
        self._service_s = {name: self._service_s[name] for name in found}
        return found


# -- a reading as metrics -----------------------------------------------------------------------


def sheet_of(reading: Reading, desired: Mapping[str, int]) -> Sheet:
    """A reading as a sheet."""
    sheet: Sheet = {
        "taskq_queue_jobs": {
            (snapshot.queue, state): count
            for snapshot in reading.snapshots
            for state, count in _depths(snapshot).items()
        }
    }
    for name in _COUNTERS:
        sheet[f"taskq_queue_{name}_total"] = {
            (snapshot.queue,): snapshot.totals.get(name, 0) for snapshot in reading.snapshots
        }
    for snapshot in reading.snapshots:
        for name, value in _of_queue(snapshot).items():
            if value is not None:
                sheet.setdefault(name, {})[snapshot.queue,] = value
    sheet["taskq_desired_workers"] = {(queue,): count for queue, count in desired.items()}
    sheet["taskq_exporter_queues_left_out"] = {(): reading.left_out}
    sheet |= _of_schedules(reading.schedules)
    sheet |= sheet_of_flow(reading.flow, reading.snapshots)
    stale = sum(snapshot.stale for snapshot in reading.snapshots)
    return sheet | _of_workers(reading.workers, stale) | _of_server(reading.info)


def _depths(snapshot: QueueSnapshot) -> dict[str, int]:
    return {
        "ready": snapshot.ready_total,
        "running": snapshot.running,
        "scheduled": snapshot.scheduled,
        "dead": snapshot.dead,
    }


def _of_queue(snapshot: QueueSnapshot) -> dict[str, float | None]:
    due = snapshot.next_due_at
    return {
        "taskq_queue_oldest_ready_age_seconds": snapshot.oldest_ready_s or 0.0,
        "taskq_queue_scheduled_overdue_seconds": max(0.0, (snapshot.at - due).total_seconds())
        if due
        else 0.0,
        "taskq_queue_paused": int(snapshot.paused),
        "taskq_queue_draining": int(snapshot.draining),
        "taskq_queue_workers": snapshot.workers,
        "taskq_queue_slo_wait_seconds": snapshot.slo.total_seconds() if snapshot.slo else None,
    }


def _of_schedules(schedules: Iterable[ScheduleInfo]) -> Sheet:
    sheet: Sheet = {}
    for info in schedules:
        labels = (info.ref.queue, info.ref.name)
        sheet.setdefault("taskq_schedule_missed_total", {})[labels] = info.missed
        if info.next_at is not None:
            sheet.setdefault("taskq_schedule_next_timestamp_seconds", {})[labels] = info.next_at.timestamp()
        if info.last is not None:
            sheet.setdefault("taskq_schedule_drift_seconds", {})[labels] = info.last.drift.total_seconds()
    return sheet


def _of_workers(workers: Iterable[WorkerInfo], stale: int) -> Sheet:
    states = [process.state for process in processes_of(workers)]
    draining = states.count("stopping")
    return {"taskq_workers": {("alive",): len(states) - draining, ("draining",): draining, ("stale",): stale}}


_INFO: Final = {
    "taskq_redis_memory_used_bytes": ("used_memory",),
    "taskq_redis_memory_max_bytes": ("maxmemory",),
    "taskq_redis_evicted_keys_total": ("evicted_keys",),
    "taskq_redis_connected_clients": ("connected_clients",),
    "taskq_redis_commands_total": ("total_commands_processed",),
    "taskq_redis_cpu_seconds_total": ("used_cpu_sys", "used_cpu_user"),
}
"""The fields of INFO that are added up."""


def _server(info: Mapping[str, str]) -> str:
    valkey = info.get("valkey_version")
    version = valkey or info.get("redis_version")
    return f"{'valkey' if valkey else 'redis'} {version}" if version else ""


def _of_server(info: Mapping[str, str]) -> Sheet:
    sheet: Sheet = {"taskq_build_info": build_info(_server(info))}
    for name, fields in _INFO.items():
        if all(part in info for part in fields):
            sheet[name] = {(): sum(float(info[part]) for part in fields)}
    return sheet


# -- running it -------------------------------------------------------------------------------


def run_exporter(
    url: str, namespace: str, options: ExporterOptions, *, host: str = config.METRICS_HOST, port: int
) -> int:
    """Serves until SIGTERM or SIGINT; returns 128 + the signal. Raises: UsageError.

    ``/metrics``, ``/livez``, ``/readyz``, and ``/desired?queue=NAME`` as JSON, for scalers.
    """
    ended = threading.Event()
    got: list[int] = []

    def on_signal(number: int, _: object) -> None:
        got.append(number)
        ended.set()

    exporter = Exporter(url, namespace, options)
    endpoint = Endpoint(host, port, exporter, {"/desired": exporter.desired})
    before = {n: signal.signal(n, on_signal) for n in (signal.SIGTERM, signal.SIGINT)}
    try:
        ended.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        endpoint.close()
        exporter.close()
    return 128 + got[0]
