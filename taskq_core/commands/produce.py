"""Enqueueing: groups of jobs become one script call, its reply becomes receipts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import msgspec

from taskq_core import config
from taskq_core.clock import instant_ms, moment, positive_ms
from taskq_core.codec import Link, Meta, check_payload, check_payloads, encode_links, encode_meta
from taskq_core.command import Arg, Command, text
from taskq_core.errors import InvalidOption
from taskq_core.job import DEFAULT_OPTIONS, JobDetail, JobOptions, Met, NewJob, Priority, Receipts, Run
from taskq_core.keys import QueueKeys
from taskq_core.names import check_concurrency, check_task, check_unique
from taskq_core.scripts import script

_LIMITS: Final = (config.PRODUCER_TTL_MS, config.HARD_PAYLOAD_BYTES, config.HISTORY_S, config.WAKE_TOKENS)


@dataclass(frozen=True, slots=True)
class Group:
    """Jobs of one call that share their task and options."""

    task: str
    payloads: Sequence[bytes]
    options: JobOptions = DEFAULT_OPTIONS


def groups_of(jobs: Iterable[NewJob], limit: int = config.MAX_PAYLOAD_BYTES) -> list[Group]:
    """Jobs in order, neighbours with the same task and options together.

    Raises: InvalidPayload; InvalidOption when they are more than one call carries.
    """
    groups: list[Group] = []
    task, options, payloads = "", DEFAULT_OPTIONS, list[bytes]()
    for job in jobs:
        if not payloads or job.task != task or job.options != options or options.unique is not None:
            task, options, payloads = job.task, job.options, []
            groups.append(Group(task, payloads, options))
        payloads.append(check_payload(job.payload, limit))
    _check_batch([len(raw) for group in groups for raw in group.payloads])
    return groups


def _check_batch(sizes: Sequence[int]) -> None:
    limits = (len(sizes), "jobs", config.MAX_BATCH), (sum(sizes), "bytes of payload", config.MAX_BATCH_BYTES)
    for count, unit, most in limits:
        if count > most:
            raise InvalidOption(f"{count} {unit} in one call are more than {most}")


def batches(
    payloads: Iterable[Mapping[str, Any] | bytes | str], limit: int = config.MAX_PAYLOAD_BYTES
) -> Iterator[list[bytes]]:
    """Payloads, checked, in batches that one call may carry. Raises: InvalidPayload."""
    rest = iter(payloads)
    while some := list(islice(rest, config.MAX_BATCH)):
        raws = check_payloads(some, limit)
        if sum(map(len, raws)) <= config.MAX_BATCH_BYTES:
            yield raws
        else:
            yield from _by_size(raws)


def _by_size(raws: Sequence[bytes]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    size = 0
    for raw in raws:
        if batch and size + len(raw) > config.MAX_BATCH_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(raw)
        size += len(raw)
    yield batch


def enqueue(keys: QueueKeys, groups: Sequence[Group], session: str, number: int) -> Command[Receipts]:
    """Adds the jobs of the groups, in order, all or none.

    ``session`` and ``number`` name the call: repeated with the same two, it adds nothing and returns
    the first reply. Raises: InvalidName, InvalidOption.
    """
    names = [
        *keys.streams, keys.jobs, keys.due, keys.moved, keys.wake, keys.meta, keys.stats, keys.history,
        keys.producer(session),
    ]  # fmt: skip
    args: list[Arg] = [number, *_LIMITS]
    for group in groups:
        _add_group(keys, group, names, args)
    return Command(script("enqueue"), names, args, lambda reply: read_receipts(keys.queue, text(reply)))


def _add_group(keys: QueueKeys, group: Group, names: list[str], args: list[Arg]) -> None:
    count = len(group.payloads)
    options = group.options
    if options is DEFAULT_OPTIONS:
        args += ("n", check_task(group.task), count, "", "", "", 0)
    else:
        lock = _lock(keys, options, count, names)
        meta = encode_meta(meta_of(options))
        args += (stream_of(options), check_task(group.task), count, _delay(options), meta)
        args += (lock, _asked(options) if lock else 0)
    args += group.payloads


def meta_of(options: JobOptions) -> Meta:
    """What the options ask for that travels with the job."""
    return Meta(
        retries=options.retries,
        backoff=options.backoff.wire() if options.backoff else None,
        timeout=positive_ms(options.timeout, "timeout") if options.timeout is not None else 0,
        unique=check_unique(options.unique) if options.unique is not None else "",
        keep=positive_ms(options.keep, "keep") if options.keep is not None else 0,
        group=options.group or "",
        next=chain_of(options.then, options.tenant) if options.then else "",
        debounce=debounce_of(options),
        throttle=positive_ms(options.throttle, "throttle") if options.throttle is not None else 0,
        concurrency=check_concurrency(options.concurrency_key) if options.concurrency_key is not None else "",
    )


def chain_of(then: Sequence[NewJob], tenant: str | None = None) -> str:
    """The later jobs of a chain as they travel with the first: its tenant's, where they name none.

    Raises: InvalidOption, InvalidPayload.
    """
    if len(then) >= config.MAX_LINKS:
        raise InvalidOption(f"a chain of more than {config.MAX_LINKS} jobs")
    chain = encode_links([_link_of(link, tenant) for link in then])
    if len(chain) > config.MAX_CHAIN_BYTES:
        raise InvalidOption(
            f"a chain of {len(chain)} bytes is over the limit of {config.MAX_CHAIN_BYTES}",
            hint="Its payloads travel with each job: pass large data on as a result, or by its address",
        )
    return chain


def _link_of(link: NewJob, tenant: str | None) -> Link:
    return Link(
        check_task(link.task), msgspec.Raw(check_payload(link.payload)), stream_of(link.options, tenant),
        delay_of_link(link.options), meta_of(link.options),
    )  # fmt: skip


def delay_of_link(options: JobOptions) -> int:
    """How long a later job is put off, in ms from when it is enqueued."""
    delay = options.delay
    return positive_ms(delay, "delay") if delay is not None and delay.total_seconds() > 0 else 0


def stream_of(options: JobOptions, tenant: str | None = None) -> str:
    """The name of the stream that the options choose; ``tenant`` where they name none."""
    whose = options.tenant or tenant
    return Priority.of(options.priority).letter + (f"@{whose}" if whose else "")


def _delay(options: JobOptions) -> str:
    if options.at is not None:
        return str(instant_ms(options.at))
    if options.delay is not None and options.delay.total_seconds() > 0:
        return f"+{positive_ms(options.delay, 'delay')}"
    if options.debounce is not None:
        return f"+{positive_ms(options.debounce, 'debounce')}"
    return ""


def _lock(keys: QueueKeys, options: JobOptions, count: int, names: list[str]) -> Arg:
    if options.unique is None:
        return ""
    if count != 1:
        raise InvalidOption("a unique key belongs to one job, not to a batch")
    names.append(keys.unique(check_unique(options.unique), f"@{options.tenant}" if options.tenant else ""))
    return len(names)


def _asked(options: JobOptions) -> str:
    """What is asked of the lock, as `parts/rule.lua` reads it."""
    replace = "r" if options.replace else ""
    if (debounced := debounce_of(options)) is not None:
        # the job frees it; should it be lost, its key may be taken a day after its latest time
        return f"{debounced[1] + config.UNIQUE_FOR_MS}d{'' if options.replace is False else 'r'}"
    ttl = positive_ms(options.unique_for, "unique_for") if options.unique_for else config.UNIQUE_FOR_MS
    if options.throttle is None:
        return f"{ttl}{replace}"
    throttle = positive_ms(options.throttle, "throttle")
    return f"{max(ttl, throttle)}{replace}t{throttle}"


def debounce_of(options: JobOptions | JobDetail) -> tuple[int, int] | None:
    """How long no other call may come, and the longest the job waits, in ms. Raises: InvalidOption."""
    if options.debounce is None:
        return None
    span = positive_ms(options.debounce, "debounce")
    most = options.debounce_max
    return span, span * config.DEBOUNCE_MOST if most is None else positive_ms(most, "debounce_max")


def read_receipts(queue: str, reply: str) -> Receipts:
    """Receipts from the script's runs, ``n1763951707123-0*1000 =n1763951707001-4*1``."""
    runs = []
    for word in reply.split():
        met = None
        if not word[0].isalpha():
            met, word = _met(word)
        first, _, count = word.rpartition("*")
        bare, at, tenant = first.partition("@")
        head, _, sequence = bare[1:].partition("-")
        duplicate = met is not None and not (met.replaced or met.postponed)
        runs.append(Run(bare[0], head, int(sequence), int(count), duplicate, at + tenant, met))
    return Receipts(queue, runs)


_MARKS: Final = re.compile(r"([=>~]*)(?:(\d+):)?(!?)(.*)")


def _met(word: str) -> tuple[Met, str]:
    """What the marks before a run mean (see `parts/meet.lua`), and the run."""
    found = _MARKS.fullmatch(word)
    marks, until, runs, rest = found.groups() if found else ("=", None, "", word)
    held_until = moment(int(until)) if until else None
    return Met("~" in marks, ">" in marks, bool(runs), held_until), rest
