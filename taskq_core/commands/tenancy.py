"""What is asked of the server about the tenants of a queue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from taskq_core import config
from taskq_core.command import Arg, Command, text
from taskq_core.errors import InvalidOption
from taskq_core.job import Priority, State
from taskq_core.keys import QueueKeys
from taskq_core.names import check_tenant, valid_tenant
from taskq_core.rates import Rate
from taskq_core.scripts import script
from taskq_core.tenant import HeldTenants, TenantHold, TenantInfo, TenantLimits, TenantPage

PAGE = 500
"""Tenants that one call looks at: some 3 ms of the server's time."""
BUSIEST = 100
_BY_CHANCE = 100
"""Of more tenants than this, so many are looked at by chance beside those that are named."""
LOOKED = 1_000
"""Tenants with settings that one call looks at for what they hold: some 6 ms."""
_NAMES = ("weight", "max_running", "max_waiting", "paused", "rate")


def set_tenant(keys: QueueKeys, tenant: str, changes: Mapping[str, Any]) -> Command[TenantLimits]:
    """Sets what a tenant may have: those fields of `TenantLimits` that are named, None for the default.

    The reply is what holds now. Raises: InvalidName, InvalidOption.
    """
    TenantLimits(**{name: value for name, value in changes.items() if value is not None})
    args: list[Arg] = [check_tenant(tenant)]
    for name in _NAMES:
        args.append(_written(changes[name]) if name in changes else "")
    return Command(
        script("set_tenant"), [keys.tenants_set, keys.tenants], args,
        lambda reply: TenantLimits.read(text(reply[1])),
    )  # fmt: skip


def _written(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, Rate):
        return value.stored
    return str(int(value)) if isinstance(value, int) else str(value)


def list_tenants(
    keys: QueueKeys, cursor: str = "", limit: int = PAGE, names: Sequence[str] = ()
) -> Command[TenantPage]:
    """A page of tenants by name, or those that are named. Raises: InvalidName, InvalidOption."""
    if not 1 <= limit <= PAGE or len(names) > PAGE:
        raise InvalidOption(f"a page holds 1 to {PAGE} tenants, not {len(names) or limit}")
    after = check_tenant(cursor) if cursor else ""

    def read(reply: Any) -> TenantPage:
        found = [_info(keys.queue, row) for row in reply]
        full = not names and len(reply) == limit
        return TenantPage(
            tuple(info for info in found if info is not None), text(reply[-1][0]) if full else ""
        )

    args: list[Arg] = [after, limit, *map(check_tenant, names)]
    return Command(script("list_tenants"), [keys.tenants, keys.tenants_set], args, read)


def busiest_tenants(keys: QueueKeys, known: Sequence[str]) -> Command[tuple[TenantInfo, ...]]:
    """Tenants with most jobs: of all, or where there are many, of those ``known`` and some by chance.

    Raises: InvalidName.
    """

    def read(reply: Any) -> tuple[TenantInfo, ...]:
        found = [
            info for row in reply if (info := _info(keys.queue, row)) is not None and not _forgotten(info)
        ]
        found.sort(key=lambda info: (-info.ready_total - info.running, info.name))
        return tuple(found[:BUSIEST])

    args: list[Arg] = ["*", _BY_CHANCE, *map(check_tenant, known[:BUSIEST])]
    return Command(script("list_tenants"), [keys.tenants, keys.tenants_set], args, read)


def _forgotten(info: TenantInfo) -> bool:
    return info.state == "idle" and info.limits == TenantLimits()


def _info(queue: str, row: Sequence[Any]) -> TenantInfo | None:
    name, stored, done, ready, running, held = row
    if not valid_tenant(text(name)):  # anybody may have written it
        return None
    counts = {level: max(0, int(n)) for level, n in zip(Priority, ready, strict=True)}
    limits = TenantLimits.read(text(stored))
    return TenantInfo(queue, text(name), limits, counts, int(running), int(done), bool(held))


def held_tenants(keys: QueueKeys, limit: int) -> Command[HeldTenants]:
    """What limits and pauses of tenants hold, and the tenants that hold most. Raises: InvalidOption."""
    if not 0 <= limit <= PAGE:
        raise InvalidOption(f"a look tells of 0 to {PAGE} tenants, not {limit}")

    def read(reply: Any) -> HeldTenants:
        *counts, rows = reply
        found = [_hold(row) for row in rows]
        paused, paused_jobs, limited, limited_jobs = map(int, counts)
        worst = tuple(hold for hold in found if hold is not None)
        return HeldTenants(paused, paused_jobs, limited, limited_jobs, worst)

    return Command(script("list_held_tenants"), [keys.tenants_set], [limit, LOOKED], read)


def _hold(row: Sequence[Any]) -> TenantHold | None:
    name, stored, ready, running, held = row
    if not valid_tenant(text(name)):  # anybody may have written it
        return None
    return TenantHold(text(name), TenantLimits.read(text(stored)), int(ready), int(running), int(held))


def purge_owned(
    keys: QueueKeys, tenant: str, state: State, rank: int, before_ms: int | None
) -> Command[tuple[int, int]]:
    """A step of removing a tenant's scheduled or dead jobs: how many, and the rank to go on at, or -1."""
    before = "" if before_ms is None else before_ms
    names = {State.SCHEDULED: (keys.due, keys.jobs), State.DEAD: (keys.dead, keys.dead_jobs)}
    return Command(
        script("purge_tenant"), [*names[state], keys.stats, keys.history],
        [config.HISTORY_S, check_tenant(tenant), rank, config.LOOK_ROWS, before],
        lambda reply: (int(reply[0]), int(reply[1])),
    )  # fmt: skip
