"""Tenants of a queue as records: what `taskq tenant` prints."""

from __future__ import annotations

from typing import Any, Final

from taskq_cli.sanitize import clean
from taskq_cli.views import Record, View
from taskq_core import Priority, TenantInfo, TenantLimits

TENANT: Final = View(
    schema="taskq.tenant/1",
    fields=(
        "schema", "queue", "name", "state", "weight", "ready", "running", "done", "max_running",
        "max_waiting", "rate", *(f"ready_{level}" for level in Priority),
    ),
    columns=(
        "queue", "name", "state", "ready", "running", "done", "weight", "max_running", "max_waiting", "rate",
    ),
    key="name",
)  # fmt: skip
TENANT_SET: Final = View(
    schema="taskq.tenant-change/1",
    fields=("schema", "queue", "name", "verb", "weight", "max_running", "max_waiting", "rate", "paused"),
    columns=("queue", "name", "verb", "weight", "max_running", "max_waiting", "rate", "paused"),
    key="name",
    line=lambda record: f"{_whose(record)} {record['verb']}",
)
TENANT_PURGED: Final = View(
    schema="taskq.tenant-purge/1",
    fields=("schema", "queue", "name", "state", "purged"),
    columns=("queue", "name", "state", "purged"),
    key="name",
    line=lambda record: f"{_whose(record)} {record['purged']} {record['state']} purged",
)


def _whose(record: Record) -> str:
    return f"{clean(record['queue'])} {clean(record['name'])}"


def purged_record(queue: str, name: str, state: str, purged: int) -> dict[str, Any]:
    """What was purged, as a record of `TENANT_PURGED`."""
    return {"schema": TENANT_PURGED.schema, "queue": queue, "name": name, "state": state, "purged": purged}


def tenant_record(tenant: TenantInfo) -> dict[str, Any]:
    """A tenant as a record of `TENANT`."""
    return {
        "schema": TENANT.schema,
        "queue": tenant.queue,
        "name": tenant.name,
        "state": tenant.state,
        "weight": tenant.limits.weight,
        "ready": tenant.ready_total,
        "running": tenant.running,
        "done": tenant.done,
        **_limits(tenant.limits),
        **{f"ready_{level}": n for level, n in tenant.ready.items()},
    }


def change_record(queue: str, name: str, verb: str, limits: TenantLimits) -> dict[str, Any]:
    """What was set, as a record of `TENANT_SET`."""
    return {
        "schema": TENANT_SET.schema,
        "queue": queue,
        "name": name,
        "verb": verb,
        "weight": limits.weight,
        **_limits(limits),
        "paused": limits.paused,
    }


def _limits(limits: TenantLimits) -> dict[str, Any]:
    return {
        "max_running": limits.max_running,
        "max_waiting": limits.max_waiting,
        "rate": None if limits.rate is None else str(limits.rate),
    }
