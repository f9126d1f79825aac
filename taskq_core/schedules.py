"""The schedules of a client: ``client.schedules.add(...)``, and ``await async_client.schedules.add(...)``.

What a verb does is written once, in steps that each twin only sends: see `steps`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from taskq_core.command import Command
from taskq_core.commands import operate, scheduling
from taskq_core.commands.scheduling import PAGE, Stays
from taskq_core.errors import NotFound, Refused
from taskq_core.job import Receipt
from taskq_core.keys import QueueKeys
from taskq_core.schedule import Schedule, ScheduleInfo, ScheduleRef
from taskq_core.steps import Steps, take, take_async

if TYPE_CHECKING:
    from taskq_core.async_calling import AsyncCaller
    from taskq_core.calling import Caller

T = TypeVar("T")


class Schedules:
    """The schedules of a namespace, for plain code."""

    def __init__(self, client: Caller) -> None:
        self._client = client

    def add(
        self,
        queue: str,
        schedule: Schedule,
        *,
        replace: bool = False,
        paused: bool = False,
    ) -> str:
        """Keeps a schedule: ``created``, ``unchanged`` when it is there already, or ``changed``.

        Raises: Refused where another one has its name, unless ``replace``; InvalidName, InvalidOption,
        InvalidPayload, ServerFull, ServerUnreachable. ``paused``: a new one waits until it is resumed.
        """
        stays = Stays.NONE if replace else Stays.ALL
        return self._do(queue, add_steps(self._client.keys(queue), schedule, stays, paused=paused))

    def list(self, queues: Iterable[str]) -> list[ScheduleInfo]:
        """The schedules of queues, by queue and name."""
        found: list[ScheduleInfo] = []
        keys = [self._client.keys(queue) for queue in queues]
        for each, names in zip(keys, self._client.run_all([*map(scheduling.list_names, keys)]), strict=True):
            for part in self._client.run_all(pages(each, names)):
                found += part
        return found

    def get(self, ref: ScheduleRef) -> ScheduleInfo:
        """All about a schedule. Raises: NotFound."""
        return self._do(ref.queue, get_steps(self._client.keys(ref.queue), ref))

    def pause(self, ref: ScheduleRef) -> bool:
        """Lets it fire no more. True when it was not paused before. Raises: NotFound."""
        return self._do(ref.queue, pause_steps(self._client.keys(ref.queue), ref))

    def resume(self, ref: ScheduleRef) -> bool:
        """Lets it fire from its next time on. True when it was paused before. Raises: NotFound."""
        return self._do(ref.queue, resume_steps(self._client.keys(ref.queue), ref))

    def trigger(self, ref: ScheduleRef) -> Receipt:
        """Enqueues its job now, once; its timetable goes on. Raises: NotFound, QueueFull, QueueDraining, …

        Refused, where its runs must not overlap and the last one is not over.
        """
        return self._do(ref.queue, trigger_steps(self._client.keys(ref.queue), ref))

    def remove(self, ref: ScheduleRef) -> bool:
        """Removes it; jobs that it made stay. True when it was there."""
        return self._do(ref.queue, remove_steps(self._client.keys(ref.queue), ref))

    def next(self, ref: ScheduleRef, count: int = 10) -> Sequence[datetime]:
        """Its next times, as aware UTC, by the server's clock; none when it is paused. Raises: NotFound."""
        return next_times(self.get(ref), count)

    def _do(self, queue: str, steps: Steps[T]) -> T:
        return take(self._client, queue, steps)


class AsyncSchedules:
    """The schedules of a namespace, for coroutines."""

    def __init__(self, client: AsyncCaller) -> None:
        self._client = client

    async def add(
        self,
        queue: str,
        schedule: Schedule,
        *,
        replace: bool = False,
        paused: bool = False,
    ) -> str:
        """Keeps a schedule: ``created``, ``unchanged`` when it is there already, or ``changed``.

        Raises: Refused where another one has its name, unless ``replace``; InvalidName, InvalidOption,
        InvalidPayload, ServerFull, ServerUnreachable. ``paused``: a new one waits until it is resumed.
        """
        stays = Stays.NONE if replace else Stays.ALL
        steps = add_steps(self._client.keys(queue), schedule, stays, paused=paused)
        return await self._do(queue, steps)

    async def list(self, queues: Iterable[str]) -> list[ScheduleInfo]:
        """The schedules of queues, by queue and name."""
        found: list[ScheduleInfo] = []
        keys = [self._client.keys(queue) for queue in queues]
        named = await self._client.run_all([*map(scheduling.list_names, keys)])
        for each, names in zip(keys, named, strict=True):
            for part in await self._client.run_all(pages(each, names)):
                found += part
        return found

    async def get(self, ref: ScheduleRef) -> ScheduleInfo:
        """All about a schedule. Raises: NotFound."""
        return await self._do(ref.queue, get_steps(self._client.keys(ref.queue), ref))

    async def pause(self, ref: ScheduleRef) -> bool:
        """Lets it fire no more. True when it was not paused before. Raises: NotFound."""
        return await self._do(ref.queue, pause_steps(self._client.keys(ref.queue), ref))

    async def resume(self, ref: ScheduleRef) -> bool:
        """Lets it fire from its next time on. True when it was paused before. Raises: NotFound."""
        return await self._do(ref.queue, resume_steps(self._client.keys(ref.queue), ref))

    async def trigger(self, ref: ScheduleRef) -> Receipt:
        """Enqueues its job now, once; its timetable goes on. Raises: NotFound, QueueFull, QueueDraining, …

        Refused, where its runs must not overlap and the last one is not over.
        """
        return await self._do(ref.queue, trigger_steps(self._client.keys(ref.queue), ref))

    async def remove(self, ref: ScheduleRef) -> bool:
        """Removes it; jobs that it made stay. True when it was there."""
        return await self._do(ref.queue, remove_steps(self._client.keys(ref.queue), ref))

    async def next(self, ref: ScheduleRef, count: int = 10) -> Sequence[datetime]:
        """Its next times, as aware UTC, by the server's clock; none when it is paused. Raises: NotFound."""
        return next_times(await self.get(ref), count)

    async def _do(self, queue: str, steps: Steps[T]) -> T:
        return await take_async(self._client, queue, steps)


# -- what both do -----------------------------------------------------------------------------------


def pages(keys: QueueKeys, names: Sequence[str]) -> list[Command[list[ScheduleInfo]]]:
    """Calls that bring all about schedules, some in each."""
    return [
        scheduling.list_schedules(keys, names[start : start + PAGE]) for start in range(0, len(names), PAGE)
    ]


def next_times(info: ScheduleInfo, count: int) -> list[datetime]:
    """The next time that is stored, then those of the timetable behind it."""
    if info.next_at is None or count < 1:
        return []
    return [info.next_at, *info.schedule.next(info.next_at, count - 1)]


def add_steps(keys: QueueKeys, schedule: Schedule, stays: Stays, *, paused: bool = False) -> Steps[str]:
    """Announces the queue and keeps a schedule, by the server's clock."""
    scheduling.encode_schedule(schedule)  # refused before anything is sent
    yield operate.announce(keys.namespace, keys.queue)
    now = yield ("TIME",)
    found: str = yield scheduling.add(keys, schedule, server_ms(now), stays, paused=paused)
    if found == "taken":
        raise Refused(
            f"queue {keys.queue!r} has another schedule named {schedule.name!r}",
            hint="Give it another name, or replace that one (--replace)",
        )
    if found == "full":
        raise Refused(f"queue {keys.queue!r} has as many schedules as it may")
    return found


def server_ms(time: Sequence[Any]) -> int:
    """The answer of TIME in ms."""
    return int(time[0]) * 1000 + int(time[1]) // 1000


def get_steps(keys: QueueKeys, ref: ScheduleRef) -> Steps[ScheduleInfo]:
    """All about a schedule. Raises: NotFound."""
    found: list[ScheduleInfo] = yield scheduling.list_schedules(keys, [ref.name])
    if not found:
        raise unknown(ref)
    return found[0]


def unknown(ref: ScheduleRef) -> NotFound:
    """The error for a schedule that does not exist."""
    return NotFound(f"no schedule {ref}", hint="`taskq schedule ls` lists them")


def pause_steps(keys: QueueKeys, ref: ScheduleRef) -> Steps[bool]:
    """Pauses it. Raises: NotFound."""
    reply: int = yield scheduling.pause(keys, ref.name)
    if reply < 0:
        raise unknown(ref)
    return bool(reply)


def resume_steps(keys: QueueKeys, ref: ScheduleRef) -> Steps[bool]:
    """Resumes it. Raises: NotFound, Refused."""
    reply = -2
    for _ in range(3):
        info: ScheduleInfo = yield from get_steps(keys, ref)
        _must_be_sound(info)
        reply = yield scheduling.resume(keys, info)
        if reply != -2:  # it was not replaced meanwhile
            break
    if reply < 0:
        raise unknown(ref)
    return bool(reply)


def trigger_steps(keys: QueueKeys, ref: ScheduleRef) -> Steps[Receipt]:
    """Triggers it. Raises: NotFound, Refused."""
    info: ScheduleInfo = yield from get_steps(keys, ref)
    _must_be_sound(info)
    state, job = yield scheduling.trigger(keys, info, os.urandom(8).hex())
    if state == "running":
        raise Refused(
            f"the last job of schedule {ref} is not over: {ref.queue}/{job}",
            hint="Its runs must not overlap (overlap: skip); wait for that job, or cancel it",
        )
    if not state:
        raise unknown(ref)
    return Receipt(ref.queue, job)


def _must_be_sound(info: ScheduleInfo) -> None:
    if not info.sound:
        raise Refused(
            f"schedule {info.ref} cannot be read: taskq did not write it", hint="Remove it and add it anew"
        )


def remove_steps(keys: QueueKeys, ref: ScheduleRef) -> Steps[bool]:
    """Removes it."""
    found: bool = yield scheduling.remove(keys, ref.name)
    return found
