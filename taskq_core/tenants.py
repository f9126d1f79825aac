"""The tenants of a client's queues: ``client.tenants.set(...)``, ``await async_client.tenants.set(...)``.

What a verb does is written once, in steps that each twin only sends: see `steps`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from taskq_core.clock import positive_ms, wall_ms
from taskq_core.commands import operate, tenancy
from taskq_core.errors import InvalidOption, NotFound
from taskq_core.job import State
from taskq_core.keys import QueueKeys
from taskq_core.rates import Rate
from taskq_core.steps import Steps, take, take_async
from taskq_core.tenant import HeldTenants, TenantInfo, TenantLimits, TenantPage

if TYPE_CHECKING:
    from taskq_core.async_calling import AsyncCaller
    from taskq_core.calling import Caller

T = TypeVar("T")


class Tenants:
    """The tenants of a namespace's queues, for plain code."""

    def __init__(self, client: Caller) -> None:
        self._client = client

    def list(self, queue: str, *, cursor: str = "", limit: int = tenancy.PAGE) -> TenantPage:
        """A page of the tenants that have jobs or limits of their own, by name."""
        return self._client.run(tenancy.list_tenants(self._client.keys(queue), cursor, limit))

    def busiest(self, queue: str, known: Sequence[str] = ()) -> tuple[TenantInfo, ...]:
        """At most 100 tenants, those with most waiting and running jobs first.

        One call looks at 200 of them at most: of more than 100, at those ``known`` and at some by chance.
        Who asks again with the names of the last answer soon has the busiest. Raises: InvalidName.
        """
        return self._client.run(tenancy.busiest_tenants(self._client.keys(queue), known))

    def held(self, queue: str, *, limit: int = 10) -> HeldTenants:
        """What limits and pauses of tenants hold, with the tenants that hold most. Raises: InvalidOption."""
        return self._client.run(tenancy.held_tenants(self._client.keys(queue), limit))

    def get(self, queue: str, tenant: str) -> TenantInfo:
        """One tenant; one that was never heard of has no jobs and no limits. Raises: InvalidName."""
        return self._do(queue, get_steps(self._client.keys(queue), tenant))

    def set(self, queue: str, tenant: str, **limits: Any) -> TenantLimits:
        """Changes limits, those fields of `TenantLimits` that are named; None goes back to the default.

        ``rate`` may be a text such as ``100/s``. It returns what holds now. A tenant that all is default for
        is forgotten as soon as it has no jobs. Raises: InvalidName, InvalidOption.
        """
        return self._do(queue, set_steps(self._client.keys(queue), tenant, limits))

    def pause(self, queue: str, tenant: str) -> None:
        """Lets none of its jobs start; it may go on adding some."""
        self._do(queue, set_steps(self._client.keys(queue), tenant, {"paused": True}))

    def resume(self, queue: str, tenant: str) -> None:
        """Lets its jobs start again."""
        self._do(queue, set_steps(self._client.keys(queue), tenant, {"paused": None}))

    def purge(
        self, queue: str, tenant: str, state: State = State.READY, *, older_than: timedelta | None = None
    ) -> int:
        """Removes its jobs in a state: ready, scheduled or dead. How many there were."""
        return self._do(queue, purge_steps(self._client.keys(queue), tenant, state, older_than))

    def _do(self, queue: str, steps: Steps[T]) -> T:
        return take(self._client, queue, steps)


class AsyncTenants:
    """The tenants of a namespace's queues, for coroutines."""

    def __init__(self, client: AsyncCaller) -> None:
        self._client = client

    async def list(self, queue: str, *, cursor: str = "", limit: int = tenancy.PAGE) -> TenantPage:
        """A page of the tenants that have jobs or limits of their own, by name."""
        return await self._client.run(tenancy.list_tenants(self._client.keys(queue), cursor, limit))

    async def busiest(self, queue: str, known: Sequence[str] = ()) -> tuple[TenantInfo, ...]:
        """At most 100 tenants, those with most waiting and running jobs first.

        One call looks at 200 of them at most: of more than 100, at those ``known`` and at some by chance.
        Who asks again with the names of the last answer soon has the busiest. Raises: InvalidName.
        """
        return await self._client.run(tenancy.busiest_tenants(self._client.keys(queue), known))

    async def held(self, queue: str, *, limit: int = 10) -> HeldTenants:
        """What limits and pauses of tenants hold, with the tenants that hold most. Raises: InvalidOption."""
        return await self._client.run(tenancy.held_tenants(self._client.keys(queue), limit))

    async def get(self, queue: str, tenant: str) -> TenantInfo:
        """One tenant; one that was never heard of has no jobs and no limits. Raises: InvalidName."""
        return await self._do(queue, get_steps(self._client.keys(queue), tenant))

    async def set(self, queue: str, tenant: str, **limits: Any) -> TenantLimits:
        """Changes limits, those fields of `TenantLimits` that are named; None goes back to the default.

        ``rate`` may be a text such as ``100/s``. It returns what holds now. A tenant that all is default for
        is forgotten as soon as it has no jobs. Raises: InvalidName, InvalidOption.
        """
        return await self._do(queue, set_steps(self._client.keys(queue), tenant, limits))

    async def pause(self, queue: str, tenant: str) -> None:
        """Lets none of its jobs start; it may go on adding some."""
        await self._do(queue, set_steps(self._client.keys(queue), tenant, {"paused": True}))

    async def resume(self, queue: str, tenant: str) -> None:
        """Lets its jobs start again."""
        await self._do(queue, set_steps(self._client.keys(queue), tenant, {"paused": None}))

    async def purge(
        self, queue: str, tenant: str, state: State = State.READY, *, older_than: timedelta | None = None
    ) -> int:
        """Removes its jobs in a state: ready, scheduled or dead. How many there were."""
        return await self._do(queue, purge_steps(self._client.keys(queue), tenant, state, older_than))

    async def _do(self, queue: str, steps: Steps[T]) -> T:
        return await take_async(self._client, queue, steps)


def get_steps(keys: QueueKeys, tenant: str) -> Steps[TenantInfo]:
    """One tenant."""
    page: TenantPage = yield tenancy.list_tenants(keys, names=[tenant])
    if not page.tenants:
        raise NotFound(f"no tenant {tenant!r} in queue {keys.queue!r}")
    return page.tenants[0]


def set_steps(keys: QueueKeys, tenant: str, limits: dict[str, Any]) -> Steps[TenantLimits]:
    """Sets what is named."""
    unknown = limits.keys() - {"weight", "max_running", "max_waiting", "rate", "paused"}
    if unknown:
        raise InvalidOption(f"a tenant has no limit {min(unknown)!r}")
    rate = limits.get("rate")
    changes = {**limits, "rate": Rate.parse(rate)} if rate is not None else limits
    found: TenantLimits = yield tenancy.set_tenant(keys, tenant, changes)
    return found


def purge_steps(keys: QueueKeys, tenant: str, state: State, older_than: timedelta | None) -> Steps[int]:
    """Removes a tenant's jobs, step by step, until a look from the beginning finds none."""
    before = None if older_than is None else wall_ms() - positive_ms(older_than, "older_than")
    total = 0
    if state not in (State.SCHEDULED, State.DEAD):
        while removed := (yield operate.purge(keys.of_tenant(tenant), state, before, 1_000)):
            total += removed
        return total
    rank, found = 0, 0
    while True:
        step: tuple[int, int] = yield tenancy.purge_owned(keys, tenant, state, rank, before)
        rank = step[1]
        total, found = total + step[0], found + step[0]
        if rank < 0:
            if not found:
                return total
            rank, found = 0, 0  # others left meanwhile, so some may have been passed over
