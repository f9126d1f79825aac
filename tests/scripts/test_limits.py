"""Limits, at the client and at the script: a foreign producer calls that itself, and may send anything."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
import redis

from taskq_core import (
    Client,
    InvalidName,
    InvalidOption,
    InvalidPayload,
    JobOptions,
    NewJob,
    QueueFull,
    State,
    UsageError,
)
from taskq_core.commands import produce
from taskq_core.config import HARD_PAYLOAD_BYTES, MAX_BATCH, MAX_BATCH_BYTES, MAX_PAYLOAD_BYTES
from taskq_core.meaning import translate
from tests.scripts.rig import Rig

A_DAY = JobOptions(delay=timedelta(days=1))


def of_size(size: int) -> bytes:
    return b'{"x":"%b"}' % (b"x" * (size - 8))


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth - 1):
        value = {"a": value}
    return value


# -- at the client ---------------------------------------------------------------------------------------

REFUSED: dict[str, tuple[Callable[[Client], object], type[UsageError]]] = {
    "payload": (lambda client: client.enqueue("q", "t", of_size(MAX_PAYLOAD_BYTES + 1)), InvalidPayload),
    "one of many": (
        lambda client: client.enqueue_many("q", "t", [b"{}", of_size(MAX_PAYLOAD_BYTES + 1)]), InvalidPayload,
    ),
    "jobs": (lambda client: client.enqueue_jobs("q", [NewJob("t", {})] * (MAX_BATCH + 1)), InvalidOption),
    "bytes": (
        lambda client: client.enqueue_jobs("q", [NewJob("t", of_size(250_000))] * 34), InvalidOption,
    ),
    "depth": (lambda client: client.enqueue("q", "t", nested(65)), InvalidPayload),
    "NaN": (lambda client: client.enqueue("q", "t", {"x": math.nan}), InvalidPayload),
    "infinity": (lambda client: client.enqueue("q", "t", '{"x": Infinity}'), InvalidPayload),
    "queue": (lambda client: client.enqueue("Q}", "t", {}), InvalidName),
    "task": (lambda client: client.enqueue("q", "t\n", {}), InvalidName),
    "unique": (lambda client: client.enqueue("q", "t", {}, JobOptions(unique="a b")), InvalidName),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_the_client_refuses_and_sends_nothing(rig: Rig, what: str) -> None:
    call, error = REFUSED[what]
    with pytest.raises(error):
        call(rig.client)
    assert rig.dump("queues") == {}


def test_a_caller_may_raise_the_limit_of_a_payload_up_to_the_hard_one(rig: Rig) -> None:
    with Client(rig.url, payload_limit=2**30) as client:
        client.enqueue("q", "t", of_size(HARD_PAYLOAD_BYTES))
        with pytest.raises(InvalidPayload):
            client.enqueue("q", "t", of_size(HARD_PAYLOAD_BYTES + 1))


# -- at the script ---------------------------------------------------------------------------------------

LIMITS = ["120000", str(2**40), "7200", "64"]
"""What a foreign producer says of itself; among it a limit of its own for payloads."""


def group(*payloads: Any, **other: Any) -> list[Any]:
    """The arguments of a group, some of them wrong."""
    fields = {
        "level": "n",
        "task": "t",
        "count": len(payloads),
        "delay": "",
        "meta": "",
        "lock": "",
        "ttl": 0,
    }
    return [*(fields | other).values(), *payloads]


MALFORMED: dict[str, list[Any]] = {
    "too many jobs": group(*["{}"] * (MAX_BATCH + 1)),
    "too many jobs in groups": [word for _ in range(11) for word in group(*["{}"] * 100)],
    "too many bytes": group(*[of_size(HARD_PAYLOAD_BYTES)] * 9),
    "no job": group(count=0),
    "a count below nought": group("{}", count=-1),
    "half a job": group("{}", count="1.5"),
    "a count that is none": group("{}", count="x"),
    "more jobs said than sent": group("{}", count=2),
    "half a group": ["n", "t"],
    "an unknown level": group("{}", level="z"),
    "no level": group("{}", level=""),
    "a long level": group("{}", level="nn"),
    "a task without a name": group("{}", task=""),
    "a task with a line break": group("{}", task="t\n{}"),
    "a task with a blank": group("{}", task="a b"),
    "a task that begins with a digit": group("{}", task="1"),
    "a task with a long name": group("{}", task="t" * 129),
    "a time that is none": group("{}", delay="soon"),
    "a sign for a time": group("{}", delay="+"),
    "a time that is too far": group("{}", delay="9" * 17),
    "options that are too large": group("{}", meta="{" + " " * 5000 + "}"),
    "a lock without a time": group("{}", lock=13, ttl=""),
    "a lock for no time": group("{}", lock=13, ttl=0),
    "a lock for ever": group("{}", lock=13, ttl="9" * 16),
}
RIGHT = group("{}")


@pytest.mark.parametrize("what", MALFORMED)
def test_the_script_refuses_the_whole_call_of_a_foreign_producer(rig: Rig, what: str) -> None:
    with pytest.raises(redis.ResponseError, match=r"^MALFORMED") as refused:
        foreign(rig, [*RIGHT, *MALFORMED[what]])
    assert rig.dump() == {}
    assert isinstance(translate(refused.value, rig.url, "q"), InvalidOption)


def test_a_foreign_producer_cannot_raise_the_limit_of_a_payload(rig: Rig) -> None:
    with pytest.raises(redis.ResponseError, match=r"^TOOLARGE"):
        foreign(rig, [*RIGHT, *group(of_size(HARD_PAYLOAD_BYTES + 1))])
    assert rig.dump() == {}
    foreign(rig, group(of_size(HARD_PAYLOAD_BYTES)))
    assert rig.client.snapshot("q").ready_total == 1


def test_what_is_just_allowed_is_taken(rig: Rig) -> None:
    command = produce.enqueue(rig.keys, [produce.Group("t", [b"{}"])], "s", 1)
    eight = [of_size(MAX_BATCH_BYTES // 8)] * 8
    for number, words in enumerate((
        group(*["{}"] * MAX_BATCH), group(*eight), group("{}", task="_" + "T.-" * 42 + "x"),
        group("{}", delay="-5"), group("{}", delay="9" * 16, level="c"),
        group("{}", meta="{" + " " * 4094 + "}"),
    )):  # fmt: skip
        foreign(rig, words, number)
    assert rig.totals() == {"enqueued": MAX_BATCH + len(eight) + 4}
    assert rig.run(command)[0].queue == "q"


def foreign(rig: Rig, groups: Sequence[Any], number: int = 7) -> Any:
    """A call of the script by somebody who has read its header."""
    command = produce.enqueue(rig.keys, [produce.Group("t", [b"{}"])], "foreign", 1)
    keys = [*command.keys, rig.keys.unique("u")]
    return rig.raw.eval(command.script.source, len(keys), *keys, number, *LIMITS, *groups)


# -- a queue's limit of memory ------------------------------------------------------------------------------


def fill(rig: Rig, batch: Sequence[bytes], options: JobOptions, most: int) -> None:
    for _ in range(most // sum(map(len, batch))):
        rig.client.enqueue_many("q", "t", batch, options)


@pytest.mark.parametrize("options", [JobOptions(), A_DAY], ids=["ready", "scheduled"])
@pytest.mark.parametrize("size", [100, 20_000])
def test_a_queue_takes_about_as_many_bytes_as_it_may(rig: Rig, options: JobOptions, size: int) -> None:
    limit = 2_000_000
    rig.client.configure("q", max_bytes=limit)
    batch = [of_size(size)] * 50
    with pytest.raises(QueueFull) as refused:
        fill(rig, batch, options, 2 * limit)
    count = rig.client.snapshot("q").depth
    before = rig.dump("queues")

    assert (refused.value.unit, refused.value.limit) == ("bytes", limit)
    assert "bytes" in str(refused.value)
    assert limit * 0.4 < count * size <= limit
    assert refused.value.depth + 50 * size > limit
    with pytest.raises(QueueFull):
        rig.client.enqueue_many("q", "t", batch)
    assert rig.dump("queues") == before
    # what is taken away makes room again
    while rig.client.purge("q", State.READY if options.delay is None else State.SCHEDULED):
        pass
    assert len(rig.client.enqueue_many("q", "t", batch, options)) == 50


def test_an_import_counts_against_the_limit_too(rig: Rig) -> None:
    jobs = [
        rig.client.inspect(receipt.ref)
        for receipt in rig.client.enqueue_many("q", "t", [of_size(9_000)] * 20)
    ]
    rig.client.configure("other", max_bytes=100_000)
    with pytest.raises(QueueFull) as refused:
        rig.client.import_jobs("other", jobs)
    assert refused.value.unit == "bytes"
    rig.client.configure("other", max_bytes=0)
    assert all(change.done for change in rig.client.import_jobs("other", jobs))


def test_both_limits_hold(rig: Rig) -> None:
    rig.client.configure("q", max_jobs=3, max_bytes=500_000)
    with pytest.raises(QueueFull) as refused:
        rig.add(4)
    assert refused.value.unit == "jobs"
    assert rig.client.snapshot("q").limits.max_bytes == 500_000


def test_a_job_for_this_very_moment_is_ready(rig: Rig) -> None:
    foreign(rig, group("{}", delay="+0"))

    assert rig.client.snapshot("q").ready_total == 1
