"""Entries that nobody of ours made: buried, one by one, while the worker goes on."""

from __future__ import annotations

import pytest

from taskq_core import Job, State
from tests.keyspace import remains
from tests.scripts.rig import Rig
from tests.worker.crew import QUICK, counted, queue_on, stop, work_off, working

DEEP = b"[" * 200_000
HOSTILE: dict[str, dict[bytes, bytes]] = {
    "three fields": {b"t": b"{}", b"x": b"1", b"y": b"2"},
    "second field of another name": {b"t": b"{}", b"x": b"{}"},
    "no task name": {b"": b"{}"},
    "no json": {b"t": b"\xff\x00"},
    "no object": {b"t": b"[1]"},
    "a number of 5,000 digits": {b"t": b'{"n":%b}' % (b"1" * 5000)},
    "NaN": {b"t": b'{"n":NaN}'},
    "a depth bomb": {b"t": b'{"n":' + DEEP},
    "a depth bomb beside it": {b"t": b"{}", b"@": b'{"x":' + DEEP},
    "fields that are no json": {b"t": b"{}", b"@": b"rubbish"},
    "an id that is a key": {b"t": b"{}", b"@": b'{"i":"../../x"}'},
    "an id with a newline": {b"t": b"{}", b"@": b'{"i":"n1-0\\n"}'},
    "a lock with a blank": {b"t": b"{}", b"@": b'{"u":"a b"}'},
    "negative keep": {b"t": b"{}", b"@": b'{"k":-5}'},
    "endless keep": {b"t": b"{}", b"@": b'{"k":99999999999999999999}'},
    "negative attempts": {b"t": b"{}", b"@": b'{"a":-5}'},
    "attempts over 64 bits": {b"t": b"{}", b"@": b'{"a":999999999999999999999999}'},
    "exploding backoff": {b"t": b"{}", b"@": b'{"b":[1000,1e300,1000],"a":5,"r":100}'},
    "negative time-out": {b"t": b"{}", b"@": b'{"t":-1}'},
    "wrong types": {b"t": b"{}", b"@": b'{"r":"many","t":[]}'},
}


@pytest.mark.parametrize("entry", HOSTILE.values(), ids=HOSTILE.keys())
async def test_a_malformed_entry_is_buried_and_the_worker_goes_on(
    rig: Rig, entry: dict[bytes, bytes]
) -> None:
    queue = queue_on(rig, retries=0, concurrency=1, backoff=QUICK)

    @queue.process("t")
    async def read(job: Job) -> None:
        if job.payload != {"n": 1}:
            raise ValueError("not what was sent")

    rig.raw.xadd(rig.keys.streams[2], entry)
    rig.add(payload={"n": 1})
    async with working(queue) as (worker,):
        await counted(rig, dead=1, done=1)
        await stop(worker)

    (dead,) = rig.client.list_jobs("q", State.DEAD).jobs
    assert dead.error is not None
    assert remains(rig.raw) == [f"{rig.keys.dead} holds 1", f"{rig.keys.dead_jobs} holds 1"]


@pytest.mark.parametrize("way", ["retry", "delete"])
async def test_a_malformed_job_can_be_retried_or_deleted_by_hand(rig: Rig, way: str) -> None:
    queue = queue_on(rig)
    rig.raw.xadd(rig.keys.streams[2], {"a b\nc": "{}", "x": "1"})
    await work_off(queue)
    (dead,) = rig.client.list_jobs("q", State.DEAD).jobs

    (change,) = getattr(rig.client, way)("q", [dead.ref.id])

    assert change.done
    if way == "retry":
        await work_off(queue)
        assert rig.detail(dead.ref.id).attempts == 2
