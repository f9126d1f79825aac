"""What a `TaskQueue` adds jobs with: one, many, a chain, a group."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from taskq_core.async_client import AsyncClient
from taskq_core.client import Client
from taskq_core.group import NewGroup, When, whole_group
from taskq_core.job import JobOptions, NewJob, Receipt, Receipts
from taskq_core.members import GroupFilling
from taskq_core.task import Handler, Payload, checked_payload, checked_payloads, job_options


class Adding:
    """Adds jobs to the queue ``name``; payloads for its own ``handlers`` are checked before they are sent."""

    name: str
    handlers: dict[str, Handler]

    @property
    def client(self) -> Client:
        """The sync client of the queue's server and namespace."""
        raise NotImplementedError

    @property
    def async_client(self) -> AsyncClient:
        """The async client of the running event loop."""
        raise NotImplementedError

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
        checked = checked_payloads(self.handlers.get(task), payloads)
        chosen = options or job_options(fields)
        client = self.async_client
        if callback is not None:
            checked = list(checked)
            await client.groups.open(self.name, whole_group(chosen, callback, when, len(checked)))
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
        checked = checked_payloads(self.handlers.get(task), payloads)
        chosen = options or job_options(fields)
        client = self.client
        if callback is not None:
            checked = list(checked)
            client.groups.open(self.name, whole_group(chosen, callback, when, len(checked)))
        return client.enqueue_many(
            self.name, task, checked, chosen, durable=durable, wait_for_room=wait_for_room
        )

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
