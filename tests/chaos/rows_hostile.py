"""Rows H: what nobody of ours made stands on the server, beside work that goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from taskq_core import JobDetail, State
from tests.attacks import ATTACKS
from tests.chaos.checker import Figures
from tests.chaos.row import Row, jobs_flow
from tests.chaos.world import LEASE_S, QUEUE, World
from tests.waiting import wait_until

ROOT = f"taskq:{{default/{QUEUE}}}:"
NORMAL = ROOT + "n"
HUGE = b'{"n":"' + b"x" * (24 * 1024 * 1024) + b'"}'
BOMBS: Sequence[dict[bytes, bytes]] = (
    {b"nap": b'{"n":' + b"[" * 200_000},
    {b"nap": b'{"n":' + b"[" * 100_000 + b"]" * 100_000 + b"}"},
    {b"nap": b'{"n":%b}' % (b"1" * 5_000)},
    {b"nap": b'{"n":NaN}'},
    {b"nap": b'{"n":-Infinity}'},
    {b"nap": b'{"n":"\\ud800"}'},
    {b"nap": b'{"n":"\xed\xa0\x80"}'},
    {b"nap": b"{}", b"@": b'{"x":' + b"[" * 200_000},
    {b"nap": b"{}", b"@": b'{"i":"../../x","a":1e999}'},
    {b"a": b"1", b"b": b"2", b"c": b"3"},
    {b"": b""},
    {b"nap": HUGE},
)
NAMES: Sequence[bytes] = (
    b"nobody_knows_this",
    b"os.system",
    b"tests.chaos.worker:main",
    b"__class__",
    b"__import__('os')._exit(1)",
    b"../../etc/passwd",
)


def h2(world: World) -> None:
    """Hostile text in payloads, names and errors: run or buried as any other, and the log stays clean."""
    world.hire(2)
    with world.load(100, s=0.01):
        for text in ATTACKS.values():
            world.send(1, "raise", text=text)
            world.server.raw.xadd(NORMAL, {text: "{}"})
        _until_dead(world, 2 * len(ATTACKS))
        jobs_flow(world, 40)
    world.settle()
    logs = b"".join(file.read_bytes() for file in world.folder.glob("*.log"))
    assert not [byte for byte in logs if byte < 32 and byte != 10], "control bytes in a log"


def h3(world: World) -> None:
    """Depth bombs, endless numbers, broken text, huge values: each is buried, nobody is hurt."""
    _put(world, BOMBS, lambda jobs: None)


def h4(world: World) -> None:
    """Tasks that nobody registered, dotted paths and dunders among them: buried, nothing imported."""
    _put(world, [{name: b'{"n":-1}'} for name in NAMES], _unknown)


def _unknown(dead: Sequence[JobDetail]) -> None:
    kinds = {job.error.type for job in dead if job.error is not None}
    assert len(dead) == len(NAMES), f"{len(dead)} dead"
    assert kinds == {"UnknownTask"}, kinds


def _put(
    world: World, entries: Sequence[dict[bytes, bytes]], check: Callable[[Sequence[JobDetail]], None]
) -> None:
    world.hire(2)
    with world.load(100, s=0.01):
        for entry in entries:
            world.server.raw.xadd(NORMAL, entry)
        _until_dead(world, len(entries))
        jobs_flow(world, 40)
    world.settle()
    check(world.admin.list_jobs(QUEUE, State.DEAD, limit=1_000).jobs)
    _unhurt(world)


def _until_dead(world: World, count: int) -> None:
    wait_until(lambda: world.admin.snapshot(QUEUE).dead >= count, 40, f"{count} dead jobs")


def _unhurt(world: World) -> None:
    assert all(hand.process.poll() is None for hand in world.hands), "a worker ended"
    logs = "".join(file.read_text(errors="replace") for file in world.folder.glob("worker*.log"))
    assert logs.count("begins anew") == 0, "a service failed"


def h7(world: World) -> None:
    """A foreign consumer takes jobs and goes; records that are none; keys of another type for a while."""
    raw = world.server.raw
    world.hire(2)
    with world.load(100, s=0.01):
        jobs_flow(world, 20)
        raw.hset(ROOT + "jobs", "s1-1", "rubbish")
        raw.zadd(ROOT + "due", {"s1-1": 1, "nowhere": 1})
        raw.zadd(ROOT + "leases", {"a worker\nof nobody": 1, "": 1})
        raw.xgroup_create(NORMAL, "others", "0")
        world.admin.pause(QUEUE)  # or the workers would leave it nothing
        wait_until(lambda: raw.xreadgroup("w", "foreign", {NORMAL: ">"}, count=5), 20, "jobs for a thief")
        world.admin.resume(QUEUE)
        _until_dead(world, 1)
        for key in ("due", "wake", "meta", "stats"):
            _spoil(world, ROOT + key)
        jobs_flow(world, 40)
    world.settle()
    _unhurt(world)


def _spoil(world: World, key: str) -> None:
    """For half a second another type lies there; then what was there before."""
    raw = world.server.raw
    raw.eval(
        "redis.call('DEL', KEYS[2]) if redis.call('EXISTS', KEYS[1]) == 1 then "
        "redis.call('RENAME', KEYS[1], KEYS[2]) end redis.call('SET', KEYS[1], 'rubbish')",
        2, key, key + ":aside",
    )  # fmt: skip
    time.sleep(min(0.5, LEASE_S / 4))
    raw.eval(
        "redis.call('DEL', KEYS[1]) if redis.call('EXISTS', KEYS[2]) == 1 then "
        "redis.call('RENAME', KEYS[2], KEYS[1]) end",
        2, key, key + ":aside",
    )  # fmt: skip


def _buried(figures: Figures, world: World) -> bool:
    return world.admin.snapshot(QUEUE).dead > 0


HOSTILE_ROWS: Sequence[Row] = (
    Row("H2", "attack corpus in payloads, errors and names", "no control byte in a log, no crash", h2,
        {"D": 0}, quick=False),
    Row("H3", "depth bomb, 5,000 digits, NaN, surrogates, 24 MB, straight into the server",
        "buried; the workers live", h3, {"D": 0}, _buried),
    Row("H4", "unknown task, dotted path, dunder", "buried as UnknownTask, nothing imported", h4, {"D": 0},
        _buried),
    Row("H7", "foreign consumer, records that are none, keys of another type", "quarantined, no crash loop",
        h7, {"D": 0, "C": 300}),  # while another type lies in `stats`, jobs end and nobody can count them
)  # fmt: skip
