"""The groups of a client: ``client.groups.get(...)``, and ``await async_client.groups.get(...)``.

What a verb does is written once, in steps that each twin only sends: see `steps`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from taskq_core.commands import grouping, operate
from taskq_core.errors import NotFound, Refused
from taskq_core.group import GroupInfo, GroupRef, NewGroup
from taskq_core.keys import QueueKeys
from taskq_core.steps import Steps, take, take_async

if TYPE_CHECKING:
    from taskq_core.async_calling import AsyncCaller
    from taskq_core.calling import Caller

T = TypeVar("T")


class Groups:
    """The groups of a namespace, for plain code."""

    def __init__(self, client: Caller) -> None:
        self._client = client

    def open(self, queue: str, group: NewGroup) -> GroupRef:
        """Makes a group known, before it has members. The same again changes nothing.

        Raises: Refused where another one has its id, or where it has ended; InvalidName, InvalidOption,
        InvalidPayload, ServerFull, ServerUnreachable.
        """
        return self._do(queue, open_steps(self._client.keys(queue), group))

    def seal(self, ref: GroupRef) -> bool:
        """Closes a group to further members. True when it was open before. Raises: NotFound."""
        return self._do(ref.queue, seal_steps(self._client.keys(ref.queue), ref, force=False))

    def finish(self, ref: GroupRef) -> bool:
        """Ends a group now, whatever became of its members: its callback is enqueued.

        True when it had not ended before. Raises: NotFound.
        """
        return self._do(ref.queue, seal_steps(self._client.keys(ref.queue), ref, force=True))

    def get(self, ref: GroupRef) -> GroupInfo:
        """How a group stands. Raises: NotFound."""
        return self._do(ref.queue, get_steps(self._client.keys(ref.queue), ref))

    def list(self, queue: str, *, limit: int = 1000) -> list[GroupInfo]:
        """The groups of a queue: those that have not ended first."""
        return self._do(queue, list_steps(self._client.keys(queue), limit))

    def unfinished(self, queue: str, *, limit: int = 1000) -> tuple[GroupInfo, ...]:
        """The groups of a queue that have not finished, at most so many."""
        return tuple(self._do(queue, list_steps(self._client.keys(queue), limit, unfinished=True)))

    def remove(self, ref: GroupRef) -> bool:
        """Forgets a group. Its members stay; its callback does not run. True when it was there."""
        return self._do(ref.queue, remove_steps(self._client.keys(ref.queue), ref))

    def _do(self, queue: str, steps: Steps[T]) -> T:
        return take(self._client, queue, steps)


class AsyncGroups:
    """The groups of a namespace, for coroutines."""

    def __init__(self, client: AsyncCaller) -> None:
        self._client = client

    async def open(self, queue: str, group: NewGroup) -> GroupRef:
        """Makes a group known, before it has members. The same again changes nothing.

        Raises: Refused where another one has its id, or where it has ended; InvalidName, InvalidOption,
        InvalidPayload, ServerFull, ServerUnreachable.
        """
        return await self._do(queue, open_steps(self._client.keys(queue), group))

    async def seal(self, ref: GroupRef) -> bool:
        """Closes a group to further members. True when it was open before. Raises: NotFound."""
        return await self._do(ref.queue, seal_steps(self._client.keys(ref.queue), ref, force=False))

    async def finish(self, ref: GroupRef) -> bool:
        """Ends a group now, whatever became of its members: its callback is enqueued.

        True when it had not ended before. Raises: NotFound.
        """
        return await self._do(ref.queue, seal_steps(self._client.keys(ref.queue), ref, force=True))

    async def get(self, ref: GroupRef) -> GroupInfo:
        """How a group stands. Raises: NotFound."""
        return await self._do(ref.queue, get_steps(self._client.keys(ref.queue), ref))

    async def list(self, queue: str, *, limit: int = 1000) -> list[GroupInfo]:
        """The groups of a queue: those that have not ended first."""
        return await self._do(queue, list_steps(self._client.keys(queue), limit))

    async def unfinished(self, queue: str, *, limit: int = 1000) -> tuple[GroupInfo, ...]:
        """The groups of a queue that have not finished, at most so many."""
        return tuple(await self._do(queue, list_steps(self._client.keys(queue), limit, unfinished=True)))

    async def remove(self, ref: GroupRef) -> bool:
        """Forgets a group. Its members stay; its callback does not run. True when it was there."""
        return await self._do(ref.queue, remove_steps(self._client.keys(ref.queue), ref))

    async def _do(self, queue: str, steps: Steps[T]) -> T:
        return await take_async(self._client, queue, steps)


# -- what both do -----------------------------------------------------------------------------------


def unknown(ref: GroupRef) -> NotFound:
    """The error for a group that does not exist."""
    return NotFound(
        f"no group {ref}", hint="`taskq group ls` lists them; one that has ended is forgotten after a while"
    )


def open_steps(keys: QueueKeys, group: NewGroup) -> Steps[GroupRef]:
    """Announces the queue and opens a group. Raises: Refused."""
    command = grouping.open_group(keys, group)  # refused before anything is sent
    yield operate.announce(keys.namespace, keys.queue)
    ref = GroupRef(keys.queue, group.id)
    if (yield command) == "taken":
        raise Refused(
            f"there is a group {ref} already", hint=f"Take another id, or first: taskq group rm {ref}"
        )
    return ref


def seal_steps(keys: QueueKeys, ref: GroupRef, *, force: bool) -> Steps[bool]:
    """Seals it, or ends it. Raises: NotFound."""
    state: str = yield grouping.seal_group(keys, ref.id, force=force)
    if not state:
        raise unknown(ref)
    return state != "known"


def get_steps(keys: QueueKeys, ref: GroupRef) -> Steps[GroupInfo]:
    """How it stands. Raises: NotFound."""
    found: list[GroupInfo] = yield grouping.list_groups(keys, ref.id)
    if not found:
        raise unknown(ref)
    return found[0]


def list_steps(keys: QueueKeys, limit: int, *, unfinished: bool = False) -> Steps[list[GroupInfo]]:
    """Page by page: those that have finished come last, behind them those that are gone and still listed.

    ``unfinished``: up to the first that has finished.
    """
    rows: list[GroupInfo] = []
    for first in range(0, limit, grouping.PAGE):
        count = min(grouping.PAGE, limit - first)
        found: list[GroupInfo] = yield grouping.list_groups(keys, first=first, count=count)
        wanted = [info for info in found if not (unfinished and info.finished_at)]
        rows += wanted
        if len(wanted) < count:
            break
    return rows


def remove_steps(keys: QueueKeys, ref: GroupRef) -> Steps[bool]:
    """Removes it."""
    found: bool = yield grouping.remove_group(keys, ref.id)
    return found
