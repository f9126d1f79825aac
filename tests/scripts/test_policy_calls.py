"""Calls with keys as wholes: batches, repetitions, hostile locks, options, tenants, a server that dies."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from taskq_core import Client, InvalidOption, JobOptions, NewJob, Receipt
from taskq_core.commands import produce
from taskq_core.job import Receipts
from tests.scripts.rig import Rig
from tests.servers import KINDS, Server

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
BLINK = timedelta(milliseconds=60)
KEY = "key"


def add(rig: Rig, n: int = 0, task: str = "t", **options: Any) -> Receipt:
    return rig.client.enqueue("q", task, {"n": n}, JobOptions(unique=KEY, **options))


def payload(rig: Rig, receipt: Receipt) -> bytes:
    return rig.detail(receipt.id).payload


# -- one call -------------------------------------------------------------------------------------


def test_a_batch_meets_itself_and_its_ids_stay_apart(rig: Rig) -> None:
    plain, keyed = JobOptions(), JobOptions(unique=KEY, replace=True)
    jobs = [NewJob("t", {"n": n}, options) for n, options in enumerate([plain, keyed, plain, keyed, plain])]

    receipts = rig.client.enqueue_jobs("q", jobs)

    assert [receipt.added for receipt in receipts] == [True, True, True, False, True]
    assert receipts[3].id == receipts[1].id
    rig.hire()
    assert [(job.id, job.payload["n"]) for job in rig.claim(want=10)] == [
        (receipts[0].id, 0), (receipts[2].id, 2), (receipts[1].id, 3), (receipts[4].id, 4),
    ]  # fmt: skip
    assert rig.totals()["enqueued"] == 4


@pytest.mark.parametrize(
    "options",
    [{"replace": True}, {"debounce": MINUTE}, {"throttle": MINUTE}, {"throttle": MINUTE, "replace": True}],
)
@pytest.mark.parametrize("taken", [False, True])
def test_a_repeated_call_changes_nothing_and_says_the_same(
    rig: Rig, options: dict[str, Any], taken: bool
) -> None:
    if taken:
        add(rig, 1, **options)
    group = produce.Group("t", (b'{"n":2}',), JobOptions(unique=KEY, **options))
    command = produce.enqueue(rig.keys, [group], "session", 1)
    first: Receipts = rig.run(command)
    before = rig.dump()

    second: Receipts = rig.run(command)

    assert list(second) == list(first)
    assert rig.dump() == before


@pytest.mark.parametrize("asked", ["", "0", "x", "1x", "-1", "1tt", "1e5", "9" * 16, "1t" + "9" * 16, "1rd"])
def test_what_is_asked_of_a_lock_is_looked_at_before_anything_is_written(rig: Rig, asked: str) -> None:
    group = produce.Group("t", (b"{}",), JobOptions(unique=KEY))
    command = produce.enqueue(rig.keys, [group], "session", 1)
    args = list(command.args)
    args[-2] = asked
    before = rig.dump()

    with pytest.raises(InvalidOption, match="lock"):
        rig.run(type(command)(command.script, command.keys, args, command.parse))
    assert rig.dump() == before


@pytest.mark.parametrize(
    "value", [b"", b" ", b"junk", b"n1-0 junk", b"n1-0 99999999999999999999", b"x 5", b"\xff"]
)
def test_a_lock_that_anybody_wrote_stops_nobody_for_longer_than_it_lives(rig: Rig, value: bytes) -> None:
    rig.raw.set(rig.keys.unique(KEY), value, px=60_000)

    receipt = add(rig, replace=True)

    assert receipt.added or receipt.held_until is not None


# -- options --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {"throttle": MINUTE},
        {"debounce": MINUTE},
        {"replace": True},
        {"unique": KEY, "debounce_max": MINUTE},
        {"unique": KEY, "debounce": MINUTE, "debounce_max": BLINK},
        {"unique": KEY, "debounce": MINUTE, "throttle": MINUTE},
        {"unique": KEY, "debounce": MINUTE, "delay": MINUTE},
        {"unique": KEY, "debounce": MINUTE, "unique_for": MINUTE},
        {"unique": KEY, "throttle": HOUR, "unique_for": MINUTE},
    ],
)
def test_what_cannot_be_meant_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidOption):
        JobOptions(**options)


def test_a_span_of_nothing_is_refused(rig: Rig) -> None:
    with pytest.raises(InvalidOption):
        add(rig, throttle=timedelta(0))
    with pytest.raises(InvalidOption):
        add(rig, debounce=timedelta(0))


# -- tenants, and a server that dies --------------------------------------------------------------


def test_each_tenant_has_keys_of_its_own(rig: Rig) -> None:
    plain, acme, other = (add(rig, tenant=tenant) for tenant in (None, "acme", "other"))
    assert plain.added
    assert acme.added
    assert other.added

    again = add(rig, 2, tenant="acme", replace=True)

    assert (again.id, again.replaced) == (acme.id, True)
    assert payload(rig, acme) == b'{"n":2}'
    assert payload(rig, other) == b'{"n":0}'
    rig.client.cancel("q", [acme.id])
    assert add(rig, tenant="acme").added
    assert add(rig, tenant="other").duplicate


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_dies_keeps_the_job_and_its_key(kind: str) -> None:
    server = Server(kind, "--appendonly", "yes", "--appendfsync", "always").start()
    try:
        with Client(server.url, deadline=30) as client:
            options = [
                JobOptions(unique="debounced", debounce=HOUR),
                JobOptions(unique="replaced", replace=True),
                JobOptions(unique="throttled", throttle=HOUR),
            ]
            first = [client.enqueue("q", "t", {"n": n}, each) for n, each in enumerate(options)]
            for n, each in enumerate(options):
                client.enqueue("q", "t", {"n": n + 10}, each)
            server.kill()
            server.start()
            again = [client.enqueue("q", "t", {"n": n + 20}, each) for n, each in enumerate(options)]

            assert [receipt.id for receipt in again] == [receipt.id for receipt in first]
            assert [(receipt.added, receipt.duplicate) for receipt in again] == [
                (False, False), (False, False), (False, True),
            ]  # fmt: skip
            assert client.snapshot("q").totals == {"enqueued": 3}
    finally:
        server.remove()
