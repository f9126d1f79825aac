"""What a worker asks of the server: claim, ack, fail, and the duties that keep a queue whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from taskq_core import config
from taskq_core.claimed import Job
from taskq_core.codec import PLAIN, decode_meta
from taskq_core.command import Arg, Command, same, score_ms, text
from taskq_core.errors import InvalidPayload
from taskq_core.keys import LEVELS, QueueKeys
from taskq_core.scripts import script


@dataclass(frozen=True, slots=True)
class Claim:
    """What a claim brought. ``next_due`` in ms, -1 when nothing is delayed.

    ``state``: ok, alone (a suspect, run it alone), drain (claim again when nothing is held), paused, lost, or
    flow and plain: the other form of the call is the one for this queue.
    ``gone``: levels whose stream had been deleted. ``again``: ms until what limits held may be asked for, -1
    for nothing held.
    """

    state: str
    next_due: int
    batches: Sequence[tuple[str, Sequence[Any]]]
    deliveries: Mapping[tuple[str, bytes], int]
    gone: str = ""
    again: int = -1


def register(keys: QueueKeys, worker: str, lease_ms: int, about: Mapping[str, Arg]) -> Command[int]:
    """Makes a worker known. Reply: server ms, or -1 when the name was revoked."""
    names = [*keys.streams, keys.leases, keys.revoked, keys.worker(worker)]
    return Command(script("register"), names, [worker, lease_ms, _hash_ttl(lease_ms), *_flat(about)], int)


def heartbeat(keys: QueueKeys, worker: str, lease_ms: int, about: Mapping[str, Arg]) -> Command[int]:
    """Renews the lease. Reply: server ms, or -1 when it is gone."""
    names = [keys.leases, keys.worker(worker)]
    return Command(script("heartbeat"), names, [worker, lease_ms, _hash_ttl(lease_ms), *_flat(about)], int)


def retire(keys: QueueKeys, worker: str) -> Command[bool]:
    """Takes a stopped worker off the books. False: it still holds jobs, which reclaim takes over."""
    names = [*keys.streams, keys.leases, keys.revoked, keys.worker(worker), keys.told(worker)]
    return Command(script("retire"), names, [worker], bool)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a worker wants: how many jobs, levels in which order, and from how many deliveries on a job is a
    suspect, to be run alone. ``alone``: the worker holds nothing, so it may have one. ``free``: slots that
    could start a job at once; None: all that is wanted. ``turn``: jobs of a tenant that may come in a row.
    """

    count: int
    order: str = LEVELS
    suspect: int = config.MAX_CRASHES - 1
    alone: bool = False
    lease_ms: int = config.LEASE_MS
    free: int | None = None
    turn: int = 1


def claim(keys: QueueKeys, worker: str, wanted: Wanted, *, flow: bool = False) -> Command[Claim]:
    """Takes ready jobs, up to what is wanted. ``flow``: with what limits and tenants ask for."""
    names = [*keys.streams, keys.leases, keys.meta, keys.due, keys.wake, keys.suspects]
    args: list[Arg] = [
        worker, wanted.count, wanted.order, wanted.suspect, int(wanted.alone), wanted.lease_ms,
    ]  # fmt: skip
    if flow:
        args += (wanted.count if wanted.free is None else wanted.free, wanted.turn)
    return Command(script("claim_flow") if flow else script("claim"), names, args, read_claim)


def read_claim(reply: Any) -> Claim:
    """The reply of `claim`."""
    state, next_due, batches, seen, gone, *again = reply
    return Claim(
        text(state),
        int(next_due),
        [(text(stream), entries) for stream, entries in batches],
        {(text(stream), entry): int(n) + 1 for stream, entry, n in seen},
        text(gone),
        int(again[0]) if again else -1,
    )


@dataclass(slots=True)
class End:
    """What ends with a job beside its entry: a kept result, a uniqueness lock."""

    id: str
    outcome: bytes = b""
    keep: int = 0
    unique: str = ""


@dataclass(slots=True)
class Acks:
    """A batch of ended jobs: entries by (counter, stream), ends, promoted ids, counts for the minute."""

    entries: dict[tuple[str, str], list[bytes]] = field(default_factory=dict)
    ends: list[End] = field(default_factory=list)
    moved: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.entries)


def ack(keys: QueueKeys, worker: str, acks: Acks) -> Command[int]:
    """Ends jobs. Reply: how many, or -1 when the lease is gone and nothing was done."""
    names = [
        *keys.streams, keys.leases, keys.stats, keys.history, keys.moved, keys.tail, keys.events, keys.jobs,
    ]  # fmt: skip
    args: list[Arg] = [
        worker, config.HISTORY_S, len(acks.entries), len(acks.ends), len(acks.moved), len(acks.counts),
    ]  # fmt: skip
    for (counter, stream), entries in acks.entries.items():
        args += (counter, stream, len(entries))
        args += entries
    for end in acks.ends:
        names += (keys.result(end.id), keys.unique(end.unique or "-", end.id))
        args += (end.id, end.outcome, end.keep, "1" if end.unique else "")
    args += acks.moved
    for name, n in acks.counts.items():
        args += (name, n)
    return Command(script("ack"), names, args, int)


@dataclass(slots=True)
class FailedRun:
    """A failed attempt: its record for the next life, and when that begins. ``delay`` None: buried."""

    stream: str
    entry: bytes
    id: str
    delay: int | None
    record: bytes
    failure: bytes
    end: End
    times: str = ""


def fail(keys: QueueKeys, worker: str, runs: Sequence[FailedRun], *, revoked: bool = False) -> Command[int]:
    """Records failed attempts. Reply: how many, or -1 when the lease is gone.

    ``revoked``: on behalf of a worker whose lease was taken, by the maintainer that took it.
    """
    names = [
        *keys.streams, keys.revoked if revoked else keys.leases, keys.jobs, keys.due, keys.moved,
        keys.dead, keys.dead_jobs, keys.meta, keys.stats, keys.history, keys.failures, keys.wake,
    ]  # fmt: skip
    args: list[Arg] = [
        worker, config.HISTORY_S, config.FAILURES_KEPT, config.DEAD_MAX, config.DEAD_AGE_MS,
        config.WAKE_TOKENS,
    ]  # fmt: skip
    for run in runs:
        names += (keys.result(run.id), keys.unique(run.end.unique or "-", run.id))
        args += (run.stream, run.entry, run.id, "" if run.delay is None else run.delay)
        args += (run.record, run.failure, run.end.outcome, run.end.keep, run.times)
    return Command(script("fail"), names, args, int)


def promote(keys: QueueKeys, limit: int = 100) -> Command[tuple[int, int]]:
    """Moves due jobs to their streams. Reply: how many, and ms until the next is due or -1."""
    names = [*keys.streams, keys.jobs, keys.due, keys.moved, keys.wake, keys.dead, keys.dead_jobs]
    return Command(
        script("promote"), names, [limit, config.WAKE_TOKENS], lambda reply: (int(reply[0]), int(reply[1]))
    )


def release(keys: QueueKeys, worker: str, jobs: Sequence[Job]) -> Command[int]:
    """Gives jobs back. Reply: how many, or -1 when the lease is gone."""
    names = [*keys.streams, keys.leases, keys.wake]
    args: list[Arg] = [worker, config.WAKE_TOKENS]
    for job in jobs:
        args += (job.stream, job.entry)
    return Command(script("release"), names, args, int)


def pending(keys: QueueKeys, worker: str, most: int = 10_000) -> Command[list[tuple[str, bytes, int]]]:
    """What the server holds in a worker's name: stream, entry, deliveries."""
    return Command(
        script("pending"),
        keys.streams,
        [worker, most],
        lambda reply: [(text(stream), entry, int(n)) for stream, entry, n in reply],
    )


def adopt(
    keys: QueueKeys, worker: str, entries: Sequence[tuple[str, bytes]]
) -> Command[list[tuple[str, Any]]]:
    """Jobs that are in the worker's name: stream and (entry, fields). Empty when the lease is gone."""
    args: list[Arg] = [worker]
    for stream, entry in entries:
        args += (stream, entry)

    def read(reply: Any) -> list[tuple[str, Any]]:
        return [] if reply == -1 else [(text(stream), (entry, fields)) for stream, entry, fields in reply]

    return Command(script("adopt"), [*keys.streams, keys.leases], args, read)


@dataclass(frozen=True, slots=True)
class Watch:
    """What a maintainer sees: whether it holds the lock, server ms, expiry by worker, who is revoked.

    ``next_fire``: when the next schedule is due, ms; None when there is none.
    """

    leads: bool
    now: int
    leases: Mapping[str, str]
    revoked: Sequence[str]
    next_fire: int | None = None


def watch(keys: QueueKeys, worker: str, lock_ms: int, dead: Sequence[str] = ()) -> Command[Watch]:
    """Looks at all leases, and takes the maintainer's lock when it is free or one of the ``dead`` has it."""

    def read(reply: Any) -> Watch:
        flat = iter(reply[2])
        leases = {text(name): text(expiry) for name, expiry in zip(flat, flat, strict=True)}
        fire = score_ms(reply[4]) if text(reply[4]) else None
        return Watch(bool(reply[0]), int(reply[1]), leases, [text(name) for name in reply[3]], fire)

    names = [*keys.streams, keys.lock, keys.leases, keys.revoked, keys.schedule_times]
    return Command(script("watch"), names, [worker, lock_ms, *dead], read)


@dataclass(frozen=True, slots=True)
class Reclaimed:
    """One step of a take-over: alive, more or gone. ``poison``: (stream, entry, deliveries, fields)."""

    state: str
    moved: int
    poison: Sequence[tuple[str, bytes, int, Sequence[bytes]]]


def reclaim(
    keys: QueueKeys, worker: str, expiry: str, crashes: int = config.MAX_CRASHES
) -> Command[Reclaimed]:
    """Takes over at most 100 entries of each level from a worker whose lease ended.

    ``expiry`` is the one its maintainer saw standing still; "" for a worker that is revoked already.
    """
    names = [
        *keys.streams, keys.leases, keys.revoked, keys.wake, keys.stats, keys.history,
        keys.worker(worker), keys.told(worker),
    ]  # fmt: skip
    args: list[Arg] = [worker, expiry, 100, crashes, config.WAKE_TOKENS, config.HISTORY_S]

    def read(reply: Any) -> Reclaimed:
        poison = [(text(stream), entry, int(n), fields) for stream, entry, n, fields in reply[2]]
        return Reclaimed(text(reply[0]), int(reply[1]), poison)

    return Command(script("reclaim"), names, args, read)


def tell(keys: QueueKeys, worker: str, order: bytes, ttl_ms: int) -> Command[int]:
    """Leaves an order for one worker."""
    return Command(script("tell"), [keys.told(worker)], [order, ttl_ms], same)


def job_of(queue: str, stream: str, entry: bytes, fields: Sequence[bytes], deliveries: int = 1) -> Job:
    """A stream entry as a job. Raises: InvalidPayload when it was not made by us."""
    if len(fields) > 1 and len(fields[1]) > config.HARD_PAYLOAD_BYTES:
        raise InvalidPayload(f"{len(fields[1])} bytes of payload: no producer of this queue sends so many")
    if len(fields) == 2:
        return Job(queue, stream, entry, fields[0], fields[1], PLAIN, deliveries)
    return _job_with_meta(queue, stream, entry, fields, deliveries)


def _job_with_meta(queue: str, stream: str, entry: bytes, fields: Sequence[bytes], deliveries: int) -> Job:
    if len(fields) != 4 or fields[2] != b"@":
        raise InvalidPayload("not an entry of this queue: a task and its payload, then perhaps @")
    return Job(queue, stream, entry, fields[0], fields[1], decode_meta(fields[3]), deliveries)


def malformed(queue: str, stream: str, entry: bytes, fields: Sequence[bytes], deliveries: int) -> Job:
    """An entry that `job_of` refused, as a job to be buried: its payload is what it held, up to 1 MiB."""
    held = b" ".join(field[: config.HARD_PAYLOAD_BYTES] for field in fields[:8])
    return Job(queue, stream, entry, b"_malformed", held[: config.HARD_PAYLOAD_BYTES], PLAIN, deliveries)


def _flat(about: Mapping[str, Arg]) -> list[Arg]:
    return [part for pair in about.items() for part in pair]


def _hash_ttl(lease_ms: int) -> int:
    return max(config.WORKER_TTL_MS, 3 * lease_ms)
