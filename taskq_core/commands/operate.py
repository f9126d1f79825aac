"""What operators ask of the server: retry, cancel, delete, purge, pause, drain, resume, configure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from taskq_core import config
from taskq_core.codec import encode_failure, encode_outcome
from taskq_core.command import Arg, Command, text
from taskq_core.errors import InvalidOption, Refused
from taskq_core.job import Change, Failure, State
from taskq_core.keys import QueueKeys, queues_key
from taskq_core.limits import HAND, Stored, checked
from taskq_core.names import JobRef, check_job_id
from taskq_core.scripts import script


def _changes(
    keys: QueueKeys, ids: Sequence[str], done: Callable[[Any], bool], found: Callable[[Any], str]
) -> Callable[[Any], list[Change]]:
    def read(reply: Any) -> list[Change]:
        return [
            Change(JobRef(keys.queue, job_id), done(row), found(row) or None)
            for job_id, row in zip(ids, reply, strict=True)
        ]

    return read


def _checked(ids: Sequence[str]) -> list[str]:
    if len(ids) > config.MAX_BATCH:
        raise InvalidOption(f"{len(ids)} ids in one call are more than {config.MAX_BATCH}")
    return [check_job_id(job_id) for job_id in ids]


def retry(keys: QueueKeys, ids: Sequence[str]) -> Command[list[Change]]:
    """Makes dead jobs ready and scheduled ones due now. Raises: InvalidName, InvalidOption."""
    names = [
        *keys.streams, keys.jobs, keys.due, keys.moved, keys.dead, keys.dead_jobs, keys.wake, keys.stats,
        keys.history,
    ]  # fmt: skip
    return Command(
        script("retry"),
        names,
        [config.HISTORY_S, config.WAKE_TOKENS, *_checked(ids)],
        _changes(keys, ids, lambda row: text(row) in ("dead", "scheduled"), text),
    )


@dataclass(frozen=True, slots=True)
class Cancelled:
    """What became of one id: as `Change`, and the worker to be told when it runs."""

    change: Change
    worker: str


def cancel(keys: QueueKeys, ids: Sequence[str]) -> Command[list[Cancelled]]:
    """Removes waiting jobs and says who runs the others. Raises: InvalidName, InvalidOption."""
    names = [
        *keys.streams, keys.jobs, keys.due, keys.moved, keys.dead_jobs, keys.stats, keys.history,
        keys.tail, keys.events, *map(keys.result, ids),
    ]  # fmt: skip
    args: list[Arg] = [config.HISTORY_S, encode_outcome("cancelled"), *_checked(ids)]

    def read(reply: Any) -> list[Cancelled]:
        rows = [(text(found), text(worker)) for found, worker in reply]
        return [
            Cancelled(Change(JobRef(keys.queue, job_id), found not in ("", "dead"), found or None), worker)
            for job_id, (found, worker) in zip(ids, rows, strict=True)
        ]

    return Command(script("cancel"), names, args, read)


def bury(keys: QueueKeys, ids: Sequence[str]) -> Command[list[Change]]:
    """Moves scheduled jobs to the dead letter queue. Raises: InvalidName, InvalidOption."""
    names = [
        *keys.streams, keys.jobs, keys.due, keys.moved, keys.dead, keys.dead_jobs, keys.meta, keys.stats,
        keys.history,
    ]  # fmt: skip
    never_ran = encode_failure(Failure("Buried", "buried by hand before it ran"))
    return Command(
        script("bury"),
        names,
        [config.HISTORY_S, config.DEAD_MAX, config.DEAD_AGE_MS, never_ran, *_checked(ids)],
        _changes(keys, ids, lambda row: text(row) == "scheduled", text),
    )


def delete(keys: QueueKeys, ids: Sequence[str]) -> Command[list[Change]]:
    """Removes dead jobs for good. Raises: InvalidName, InvalidOption."""
    return Command(
        script("delete"),
        [keys.dead, keys.dead_jobs, keys.stats, keys.history],
        [config.HISTORY_S, *_checked(ids)],
        _changes(keys, ids, bool, lambda row: "dead" if row else ""),
    )


def purge(keys: QueueKeys, state: State, before_ms: int | None, limit: int) -> Command[int]:
    """Removes at most ``limit`` jobs of a state: ready, scheduled or dead. Raises: InvalidOption.

    ``before_ms``: only jobs enqueued (ready), due (scheduled) or dead before that time.
    """
    if not 1 <= limit <= config.MAX_BATCH:
        raise InvalidOption(f"a step purges 1 to {config.MAX_BATCH} jobs, not {limit}")
    args = [config.HISTORY_S, limit, "" if before_ms is None else before_ms]
    counters = [keys.stats, keys.history]
    if state is State.READY:
        return Command(script("purge_ready"), [*keys.streams, keys.moved, *counters], args, int)
    if state is State.SCHEDULED:
        return Command(script("purge_index"), [keys.due, keys.jobs, *counters], args, int)
    if state is State.DEAD:
        return Command(script("purge_index"), [keys.dead, keys.dead_jobs, *counters], args, int)
    raise InvalidOption(f"cannot purge {state} jobs", hint="One of: ready, scheduled, dead")


def announce(namespace: str, queue: str) -> Command[bool]:
    """Notes a queue's name in its namespace. True when it is new there."""
    return Command(script("announce"), [queues_key(namespace)], [queue], bool)


def pause(keys: QueueKeys) -> Command[bool]:
    """Stops claims. True when it was not paused before."""
    return Command(script("pause"), [keys.meta], [], bool)


def drain(keys: QueueKeys) -> Command[bool]:
    """Closes a queue to producers. True when it was open before. Raises: Refused, where it is paused."""

    def read(reply: Any) -> bool:
        if int(reply) < 0:
            raise Refused(
                f"queue {keys.queue!r} is paused: its jobs would wait for ever",
                hint=f"First: taskq queue resume {keys.queue}",
            )
        return bool(reply)

    return Command(script("drain"), [keys.meta], [], read)


def resume(keys: QueueKeys) -> Command[bool]:
    """Lets claims go on, and producers in. True when it was paused or draining before."""
    return Command(script("resume"), [keys.meta, keys.wake], [config.WAKE_TOKENS], bool)


def configure(keys: QueueKeys, settings: Mapping[str, Stored], by: str = HAND) -> Command[int]:
    """Sets limits of a queue; None goes back to the default. Raises: InvalidOption.

    ``by``: hand, or code, which changes nothing that was set by hand.
    """
    args: list[Arg] = [by]
    for name, value in settings.items():
        known = checked(name, value)
        args += (name, "" if known is None else known)
    return Command(script("configure"), [keys.meta, keys.opens, keys.wake], args, int)


def remove_parts(keys: QueueKeys, limit: int = config.MAX_BATCH) -> Command[int]:
    """Removes some of what a queue has any number of: tenants, groups, lists of held jobs.

    Reply: how many keys; 0 when none is left.
    """
    names = [keys.tenants, keys.root + "rooms", keys.groups, keys.opens]
    return Command(script("remove_parts"), names, [limit], int)


def remove(keys: QueueKeys) -> Command[int]:
    """Removes a queue with all its jobs, running ones too. Reply: how many keys there were."""
    names = [
        *keys.streams, keys.jobs, keys.due, keys.moved, keys.dead, keys.dead_jobs, keys.leases, keys.revoked,
        keys.lock, keys.suspects, keys.wake, keys.meta, keys.stats, keys.failures,
        keys.tail_notes, keys.told_notes, keys.opens, keys.places, keys.running, keys.tat,
        keys.imported, keys.schedules, keys.schedule_times, keys.schedule_runs, keys.groups, keys.history,
    ]  # fmt: skip
    return Command(script("remove"), names, [config.HISTORY_S // 60 + 1], int)
