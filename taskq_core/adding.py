"""What a `TaskQueue` adds jobs with: one, many, a chain, a group."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from types import TracebackType
from typing import Any

from taskq_core.async_client import AsyncClient
from taskq_core.client import Client
from taskq_core.group import GroupInfo, GroupRef, NewGroup, When, whole_group
from taskq_core.job import JobOptions, NewJob, Receipt, Receipts
from taskq_core.task import Handler, Payload, checked_payload, checked_payloads, job_options


class Adding(ABC):
    """Adds jobs to the queue ``name``; payloads for its own ``handlers`` are checked before they are sent."""

    name: str
    handlers: dict[str, Handler]

    @property
    @abstractmethod
    def client(self) -> Client:
        """The sync client of the queue's server and namespace."""

    @property
    @abstractmethod
    def async_client(self) -> AsyncClient:
        """The async client of the running event loop."""

    async def add(
        self,
        task: str,
        payload: Payload,
        options: JobOptions | None = None,
        *,
        durable: bool = False,
        wait_for_room: timedelta | None = None,
        **fields: Any,
    ) -> Receipt:
        """Adds one job. ``fields`` are those of `JobOptions`: ``delay``, ``priority``, ``unique`` …

        ``durable``: returns when the job is on disk or on a replica; ``wait_for_room``: how long to wait
        while the queue, or the server, is full; see `Client.enqueue`. Raises:
        InvalidPayload, InvalidName, InvalidOption, QueueFull, ServerFull, ServerUnreachable, NotDurable.
        """
        raw = checked_payload(self.handlers.get(task), payload)
        chosen = options or job_options(fields)
        return await self.async_client.enqueue(
            self.name, task, raw, chosen, durable=durable, wait_for_room=wait_for_room
        )

    def add_sync(
        self,
        task: str,
        payload: Payload,
        options: JobOptions | None = None,
        *,
        durable: bool = False,
        wait_for_room: timedelta | None = None,
        **fields: Any,
    ) -> Receipt:
        """As `add`, from plain code."""
        raw = checked_payload(self.handlers.get(task), payload)
        chosen = options or job_options(fields)
        return self.client.enqueue(self.name, task, raw, chosen, durable=durable, wait_for_room=wait_for_room)

    async def add_many(  # noqa: PLR0913 - named options of the public API
        self,
        task: str,
        payloads: Iterable[Payload],
        options: JobOptions | None = None,
        *,
        callback: NewJob | None = None,
        when: When | str = When.DONE,
        durable: bool = False,
        wait_for_room: timedelta | None = None,
        **fields: Any,
    ) -> Receipts:
        """Adds many jobs of one task, 1,000 a call; each call's jobs are added all or none.

        When a payload is refused, the calls before its own have been made. With ``group`` and ``callback``
        they are a group of their own, and nothing else: the callback runs once all are done, or, by
        ``when="ended"``, have ended in any way. Raises: Refused where there is a group of that id; else as
        `add`.
        """
        chosen = options or job_options(fields)
        checked, group = self._all_of(task, payloads, chosen, callback, when)
        client = self.async_client
        if group is not None:
            await client.groups.open(self.name, group)
        return await client.enqueue_many(
            self.name, task, checked, chosen, durable=durable, wait_for_room=wait_for_room
        )

    def add_many_sync(  # noqa: PLR0913 - named options of the public API
        self,
        task: str,
        payloads: Iterable[Payload],
        options: JobOptions | None = None,
        *,
        callback: NewJob | None = None,
        when: When | str = When.DONE,
        durable: bool = False,
        wait_for_room: timedelta | None = None,
        **fields: Any,
    ) -> Receipts:
        """As `add_many`, from plain code."""
        chosen = options or job_options(fields)
        checked, group = self._all_of(task, payloads, chosen, callback, when)
        client = self.client
        if group is not None:
            client.groups.open(self.name, group)
        return client.enqueue_many(
            self.name, task, checked, chosen, durable=durable, wait_for_room=wait_for_room
        )

    def _all_of(
        self,
        task: str,
        payloads: Iterable[Payload],
        options: JobOptions,
        callback: NewJob | None,
        when: When | str,
    ) -> tuple[Iterable[Payload], NewGroup | None]:
        """The payloads, to be checked as they are taken; with a callback all now, and the group they are."""
        checked = checked_payloads(self.handlers.get(task), payloads)
        if callback is None:
            return checked, None
        checked = list(checked)
        return checked, whole_group(options, callback, when, len(checked))

    async def chain(self, first: NewJob, *later: NewJob) -> Receipt:
        """Enqueues jobs that run one after the other: each when the one before it is done.

        `Job.previous` is what the one before it returned. The receipt is that of the first. One that dies
        holds the chain up until it is retried; one that is cancelled ends it. Raises: as `add`.
        """
        return await self.add(first.task, first.payload, replace(first.options, then=later))

    def chain_sync(self, first: NewJob, *later: NewJob) -> Receipt:
        """As `chain`, from plain code."""
        return self.add_sync(first.task, first.payload, replace(first.options, then=later))

    def group(
        self, group: str, *, callback: NewJob | None = None, when: When | str = When.DONE, **fields: Any
    ) -> GroupFilling:
        """A group to be filled: ``async with queue.group("import-42", callback=...) as group``, or ``with``.

        It is sealed at the end of the block. ``callback`` is enqueued once, when all members are done or, by
        ``when="ended"``, have ended in any way. ``fields``: those of `NewGroup`. Raises: InvalidName,
        InvalidOption.
        """
        return GroupFilling(self, NewGroup(group, callback, when, **fields))


class GroupFilling:
    """Opens a group, takes members, and seals it at the end of the block.

    An error inside leaves it open: its callback does not run, and what was added does. Tasks with typed
    arguments add to it by ``task.options(group=group.id).add(...)``.
    """

    def __init__(self, queue: Adding, group: NewGroup) -> None:
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
