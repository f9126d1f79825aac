"""taskq: a task queue on Redis and Valkey.

from taskq_core import TaskQueue

queue = TaskQueue("emails", redis="redis://localhost:6379", concurrency=10, retries=3)

@queue.task()
async def welcome(to: str) -> None: ...

await welcome.add("user@example.com")     # a worker: taskq worker MODULE:queue
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from taskq_core.acl import AclPlace, TenantRole, acl_rules, script_sources
    from taskq_core.address import holds_password, shown_url
    from taskq_core.apps import load_queues
    from taskq_core.async_client import AsyncClient
    from taskq_core.backoff import Backoff
    from taskq_core.claimed import Job
    from taskq_core.client import Client
    from taskq_core.codec import check_payload
    from taskq_core.commands.moving import check_import
    from taskq_core.config import DEFAULT_QUEUE
    from taskq_core.errors import (
        AccessDenied,
        Discard,
        InvalidName,
        InvalidOption,
        InvalidPayload,
        KeyConflict,
        NotDurable,
        NotFound,
        NotTrusted,
        QueueDraining,
        QueueFull,
        Refused,
        Retry,
        ServerError,
        ServerFull,
        ServerTooOld,
        ServerUnreachable,
        TaskqError,
        TenantFull,
        UnknownTask,
        UsageError,
    )
    from taskq_core.exporter import ExporterOptions, run_exporter
    from taskq_core.filters import FILTER_FIELDS, JobFilter
    from taskq_core.glance import queue_names, task_names
    from taskq_core.group import GroupInfo, GroupRef, GroupState, NewGroup, When
    from taskq_core.groups import AsyncGroups, Groups
    from taskq_core.job import (
        DEFAULT_OPTIONS,
        Change,
        Failure,
        JobDetail,
        JobOptions,
        NewJob,
        Page,
        Priority,
        Receipt,
        Receipts,
        State,
    )
    from taskq_core.limits import FlowLimit, GateInfo, Gates, TaskLimits
    from taskq_core.listing import FailureGroup, GroupPage, merge_groups
    from taskq_core.metrics import METRICS, Metric
    from taskq_core.names import JobRef, check_namespace, check_queue, check_task
    from taskq_core.notes import JobNotes, LogLine
    from taskq_core.programs import CannotStart, ProgramFailed, program
    from taskq_core.queue import TaskQueue
    from taskq_core.rates import Rate
    from taskq_core.schedule import (
        GRACES,
        Missed,
        Overlap,
        Schedule,
        ScheduledRun,
        ScheduleInfo,
        ScheduleRef,
    )
    from taskq_core.schedules import AsyncSchedules, Schedules
    from taskq_core.server import LocalServer, LocalStatus
    from taskq_core.server_binary import ServerMissing
    from taskq_core.sighting import (
        Audit,
        HeldJob,
        Holder,
        Place,
        Probe,
        WorkerProcess,
        processes_of,
        stalled,
    )
    from taskq_core.snapshot import (
        FailedAttempt,
        Minute,
        Percentiles,
        QueueLimits,
        QueueSnapshot,
        ServerInfo,
        WorkerInfo,
    )
    from taskq_core.standing import Standing
    from taskq_core.supervisor import WorkerJob, run_workers
    from taskq_core.tail import Event, Tail
    from taskq_core.task import Task
    from taskq_core.tenant import HeldTenants, TenantHold, TenantInfo, TenantLimits, TenantPage
    from taskq_core.tenants import AsyncTenants, Tenants
    from taskq_core.version import __version__
    from taskq_core.worker.options import WorkerOptions

# Names are imported when they are first used: a command that needs no server does not wait for redis-py.
_HOME = {
    "AccessDenied": "errors",
    "AclPlace": "acl",
    "AsyncClient": "async_client",
    "AsyncGroups": "groups",
    "AsyncTenants": "tenants",
    "AsyncSchedules": "schedules",
    "Audit": "sighting",
    "Backoff": "backoff",
    "CannotStart": "programs",
    "Change": "job",
    "Client": "client",
    "DEFAULT_OPTIONS": "job",
    "DEFAULT_QUEUE": "config",
    "Discard": "errors",
    "Event": "tail",
    "ExporterOptions": "exporter",
    "FILTER_FIELDS": "filters",
    "FailedAttempt": "snapshot",
    "Failure": "job",
    "FailureGroup": "listing",
    "FlowLimit": "limits",
    "GateInfo": "limits",
    "Gates": "limits",
    "GRACES": "schedule",
    "GroupInfo": "group",
    "GroupPage": "listing",
    "GroupRef": "group",
    "GroupState": "group",
    "Groups": "groups",
    "HeldJob": "sighting",
    "HeldTenants": "tenant",
    "Holder": "sighting",
    "InvalidName": "errors",
    "InvalidOption": "errors",
    "InvalidPayload": "errors",
    "Job": "claimed",
    "JobDetail": "job",
    "JobFilter": "filters",
    "JobNotes": "notes",
    "JobOptions": "job",
    "JobRef": "names",
    "KeyConflict": "errors",
    "LocalServer": "server",
    "LocalStatus": "server",
    "LogLine": "notes",
    "METRICS": "metrics",
    "Metric": "metrics",
    "Minute": "snapshot",
    "Missed": "schedule",
    "NewGroup": "group",
    "NewJob": "job",
    "NotDurable": "errors",
    "NotFound": "errors",
    "NotTrusted": "errors",
    "Overlap": "schedule",
    "Page": "job",
    "Percentiles": "snapshot",
    "Place": "sighting",
    "Priority": "job",
    "Probe": "sighting",
    "ProgramFailed": "programs",
    "QueueDraining": "errors",
    "QueueFull": "errors",
    "QueueLimits": "snapshot",
    "QueueSnapshot": "snapshot",
    "Rate": "rates",
    "Receipt": "job",
    "Receipts": "job",
    "Refused": "errors",
    "Retry": "errors",
    "Schedule": "schedule",
    "ScheduleInfo": "schedule",
    "ScheduleRef": "schedule",
    "ScheduledRun": "schedule",
    "Schedules": "schedules",
    "ServerError": "errors",
    "ServerFull": "errors",
    "ServerInfo": "snapshot",
    "ServerMissing": "server_binary",
    "ServerTooOld": "errors",
    "ServerUnreachable": "errors",
    "Standing": "standing",
    "State": "job",
    "Tail": "tail",
    "Task": "task",
    "TaskLimits": "limits",
    "TaskQueue": "queue",
    "TaskqError": "errors",
    "TenantFull": "errors",
    "TenantHold": "tenant",
    "Tenants": "tenants",
    "TenantPage": "tenant",
    "TenantLimits": "tenant",
    "TenantInfo": "tenant",
    "TenantRole": "acl",
    "UnknownTask": "errors",
    "UsageError": "errors",
    "When": "group",
    "WorkerInfo": "snapshot",
    "WorkerJob": "supervisor",
    "WorkerOptions": "worker.options",
    "WorkerProcess": "sighting",
    "__version__": "version",
    "acl_rules": "acl",
    "check_import": "commands.moving",
    "check_namespace": "names",
    "check_payload": "codec",
    "check_queue": "names",
    "check_task": "names",
    "holds_password": "address",
    "load_queues": "apps",
    "merge_groups": "listing",
    "processes_of": "sighting",
    "program": "programs",
    "queue_names": "glance",
    "run_exporter": "exporter",
    "run_workers": "supervisor",
    "script_sources": "acl",
    "shown_url": "address",
    "stalled": "sighting",
    "task_names": "glance",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'taskq_core' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"taskq_core.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(_HOME)


__all__ = [
    "DEFAULT_OPTIONS",
    "DEFAULT_QUEUE",
    "FILTER_FIELDS",
    "GRACES",
    "METRICS",
    "AccessDenied",
    "AclPlace",
    "AsyncClient",
    "AsyncGroups",
    "AsyncSchedules",
    "AsyncTenants",
    "Audit",
    "Backoff",
    "CannotStart",
    "Change",
    "Client",
    "Discard",
    "Event",
    "ExporterOptions",
    "FailedAttempt",
    "Failure",
    "FailureGroup",
    "FlowLimit",
    "GateInfo",
    "Gates",
    "GroupInfo",
    "GroupPage",
    "GroupRef",
    "GroupState",
    "Groups",
    "HeldJob",
    "HeldTenants",
    "Holder",
    "InvalidName",
    "InvalidOption",
    "InvalidPayload",
    "Job",
    "JobDetail",
    "JobFilter",
    "JobNotes",
    "JobOptions",
    "JobRef",
    "KeyConflict",
    "LocalServer",
    "LocalStatus",
    "LogLine",
    "Metric",
    "Minute",
    "Missed",
    "NewGroup",
    "NewJob",
    "NotDurable",
    "NotFound",
    "NotTrusted",
    "Overlap",
    "Page",
    "Percentiles",
    "Place",
    "Priority",
    "Probe",
    "ProgramFailed",
    "QueueDraining",
    "QueueFull",
    "QueueLimits",
    "QueueSnapshot",
    "Rate",
    "Receipt",
    "Receipts",
    "Refused",
    "Retry",
    "Schedule",
    "ScheduleInfo",
    "ScheduleRef",
    "ScheduledRun",
    "Schedules",
    "ServerError",
    "ServerFull",
    "ServerInfo",
    "ServerMissing",
    "ServerTooOld",
    "ServerUnreachable",
    "Standing",
    "State",
    "Tail",
    "Task",
    "TaskLimits",
    "TaskQueue",
    "TaskqError",
    "TenantFull",
    "TenantHold",
    "TenantInfo",
    "TenantLimits",
    "TenantPage",
    "TenantRole",
    "Tenants",
    "UnknownTask",
    "UsageError",
    "When",
    "WorkerInfo",
    "WorkerJob",
    "WorkerOptions",
    "WorkerProcess",
    "__version__",
    "acl_rules",
    "check_import",
    "check_namespace",
    "check_payload",
    "check_queue",
    "check_task",
    "holds_password",
    "load_queues",
    "merge_groups",
    "processes_of",
    "program",
    "queue_names",
    "run_exporter",
    "run_workers",
    "script_sources",
    "shown_url",
    "stalled",
    "task_names",
]
