"""A group that is being filled: what `TaskQueue.group` gives."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from types import TracebackType
from typing import Any, Protocol

from taskq_core.async_client import AsyncClient
from taskq_core.client import Client
from taskq_core.group import GroupInfo, GroupRef, NewGroup
from taskq_core.job import JobOptions, Receipt, Receipts
from taskq_core.task import job_options


class Filler(Protocol):
    """What a group needs of its queue."""

    name: str

    @property
    def client(self) -> Client:
        """Its sync client."""
        ...

    @property
    def async_client(self) -> AsyncClient:
        """Its client of the running event loop."""
        ...

    async def add(self, task: str, payload: Any, options: JobOptions | None = None) -> Receipt:
        """Enqueues a job."""
        ...

    def add_sync(self, task: str, payload: Any, options: JobOptions | None = None) -> Receipt:
        """Enqueues a job, from plain code."""
        ...

    async def add_many(
        self, task: str, payloads: Iterable[Any], options: JobOptions | None = None
    ) -> Receipts:
        """Enqueues jobs."""
        ...

    def add_many_sync(
        self, task: str, payloads: Iterable[Any], options: JobOptions | None = None
    ) -> Receipts:
        """Enqueues jobs, from plain code."""
        ...


class GroupFilling:
    """Opens a group, takes members, and seals it at the end of the block.

    An error inside leaves it open: its callback does not run, and what was added does. Tasks with typed
    arguments add to it by ``task.options(group=group.id).add(...)``.
    """

    def __init__(self, queue: Filler, group: NewGroup) -> None:
        self._queue = queue
        self._group = group
        self.id = group.id
        self.ref = GroupRef.of(queue.name, group.id)

    async def __aenter__(self) -> GroupFilling:
        await self._queue.async_client.groups.open(self._queue.name, self._group)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            await self._queue.async_client.groups.seal(self.ref)

    def __enter__(self) -> GroupFilling:
        self._queue.client.groups.open(self._queue.name, self._group)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._queue.client.groups.seal(self.ref)

    async def add(self, task: str, payload: Any, options: JobOptions | None = None, **fields: Any) -> Receipt:
        """Adds one member, as `TaskQueue.add`. Raises: Refused, when the group has ended, and as that."""
        return await self._queue.add(task, payload, self._member(options, fields))

    def add_sync(self, task: str, payload: Any, options: JobOptions | None = None, **fields: Any) -> Receipt:
        """As `add`, from plain code."""
        return self._queue.add_sync(task, payload, self._member(options, fields))

    async def add_many(
        self, task: str, payloads: Iterable[Any], options: JobOptions | None = None, **fields: Any
    ) -> Receipts:
        """Adds members, as `TaskQueue.add_many`."""
        return await self._queue.add_many(task, payloads, self._member(options, fields))

    def add_many_sync(
        self, task: str, payloads: Iterable[Any], options: JobOptions | None = None, **fields: Any
    ) -> Receipts:
        """As `add_many`, from plain code."""
        return self._queue.add_many_sync(task, payloads, self._member(options, fields))

    async def info(self) -> GroupInfo:
        """How it stands. Raises: NotFound."""
        return await self._queue.async_client.groups.get(self.ref)

    def info_sync(self) -> GroupInfo:
        """As `info`, from plain code."""
        return self._queue.client.groups.get(self.ref)

    def _member(self, options: JobOptions | None, fields: dict[str, Any]) -> JobOptions:
        return replace(options or job_options(fields), group=self.id)
