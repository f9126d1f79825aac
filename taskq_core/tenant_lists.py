"""Lists, purges and removals that go through a queue and all its tenants, in steps.

The jobs of no tenant come first, then tenant by tenant, by name. A cursor is that of the list it is in,
behind ``@acme=`` for a tenant's; ``@acme`` stands behind all of its jobs.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from taskq_core import config, listing
from taskq_core.commands import operate, tenancy
from taskq_core.job import Page, State
from taskq_core.keys import QueueKeys
from taskq_core.steps import Steps
from taskq_core.tenant import TenantInfo, TenantPage

_CALLS: Final = 50
"""Calls that one page takes at most: tenants may have few jobs each."""
_TENANTS: Final = 50
_OF_STREAMS: Final = (State.READY, State.RUNNING)


def list_steps(keys: QueueKeys, state: State, look: listing.Look) -> Steps[Page]:
    """A page of the jobs in one state, of one tenant where the filter names one. Raises: InvalidOption."""
    tenant = look.where.tenant
    if state not in _OF_STREAMS or tenant:
        page: Page = yield listing.list_jobs(
            keys.of_tenant(tenant) if tenant and state in _OF_STREAMS else keys, state, look
        )
        return page
    if look.cursor.startswith("@"):
        return (yield from _of_tenants(keys, state, look, Page((), look.cursor)))
    page = yield listing.list_jobs(keys, state, look)
    return page if page.cursor else (yield from _of_tenants(keys, state, look, replace(page, cursor="@")))


def _of_tenants(keys: QueueKeys, state: State, look: listing.Look, page: Page) -> Steps[Page]:
    """Goes on with a page where tenants' jobs follow."""
    jobs, looked = list(page.jobs), page.looked
    name, within, inner = page.cursor[1:].partition("=")
    waiting = [name] if within else []
    for _ in range(_CALLS):
        if not waiting:
            found: TenantPage = yield tenancy.list_tenants(keys, name, _TENANTS)
            waiting = [each.name for each in found.tenants if _has(each, state)]
            if not waiting:
                name = found.cursor
                if not name:
                    return Page(tuple(jobs), "", looked)
                continue
        if len(jobs) >= look.limit or looked >= config.LOOK_ROWS:
            break
        name = waiting[0]
        rest = replace(look, limit=look.limit - len(jobs), cursor=inner)
        part: Page = yield listing.list_jobs(keys.of_tenant(name), state, rest)
        jobs += part.jobs
        looked, inner, within = looked + part.looked, part.cursor, "=" if part.cursor else ""
        if not inner:
            waiting.pop(0)
    return Page(tuple(jobs), f"@{name}{within}{inner}", looked)


def _has(tenant: TenantInfo, state: State) -> bool:
    return bool(tenant.running if state is State.RUNNING else tenant.ready_total)


def purge_steps(keys: QueueKeys, state: State, before_ms: int | None, limit: int) -> Steps[int]:
    """Removes at most ``limit`` jobs of a state, those of no tenant first. Raises: InvalidOption."""
    removed: int = yield operate.purge(keys, state, before_ms, limit)
    if removed or state is not State.READY:
        return removed
    after = ""
    while True:
        page: TenantPage = yield tenancy.list_tenants(keys, after)
        for tenant in page.tenants:
            if tenant.ready_total:
                removed = yield operate.purge(keys.of_tenant(tenant.name), state, before_ms, limit)
                if removed:
                    return removed
        if not page.cursor:
            return 0
        after = page.cursor


def remove_steps(keys: QueueKeys) -> Steps[int]:
    """Removes a queue with all its jobs and tenants. Reply: how many keys there were."""
    total = 0
    while removed := (yield operate.remove_parts(keys)):
        total += removed
    last: int = yield operate.remove(keys)
    return total + last
