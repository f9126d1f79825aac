"""Rows C: the server is killed, frozen, emptied, and forgets its scripts."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Sequence

import redis

from taskq_core import Client, ServerUnreachable
from tests.chaos.checker import Figures
from tests.chaos.row import Row, jobs_flow
from tests.chaos.world import LEASE_S, QUEUE, World
from tests.waiting import wait_until


def c1(world: World) -> None:
    """The server is killed and started again."""
    world.hire(2)
    with world.load(200, s=0.01):
        jobs_flow(world, 50)
        for _ in range(3):
            world.server.kill()
            time.sleep(world.random.uniform(0.1, 0.5))
            world.server.start()
            world.healed()
            jobs_flow(world, 20)
        jobs_flow(world, 200)
    world.settle()


def c3(world: World) -> None:
    """The power fails: the end of the append-only file is gone."""
    world.hire(2)
    with world.load(200, s=0.01):
        jobs_flow(world, 100)
    world.server.kill()
    cut_log(world, world.random.randrange(200, 20_000))
    world.server.start()
    world.send(40, s=0.01)
    world.settle()


def cut_log(world: World, most: int) -> None:
    """Takes the last bytes off the append-only file."""
    (log,) = (world.server.folder / "appendonlydir").glob("*.incr.aof")
    size = log.stat().st_size
    os.truncate(log, size - min(most, size // 4))


def c7(world: World) -> None:
    """The server stands still for two leases."""
    world.hire(3)
    world.send(100, s=0.2)
    jobs_flow(world, 10)
    with world.server.frozen():
        time.sleep(2 * LEASE_S)
    world.settle()


def c8(world: World) -> None:
    """The server is away for a while, with its jobs on disk."""
    hands = world.hire(2)
    world.send(100, s=0.05)
    jobs_flow(world, 10)
    world.server.kill()
    time.sleep(4 * LEASE_S)
    world.server.start()
    world.healed()
    world.settle()
    assert all(hand.process.poll() is None for hand in hands), "a worker ended"


def c9(world: World) -> None:
    """The server pauses its clients, and then is busy with somebody's script."""
    world.hire(2)
    raw = world.server.raw
    with world.load(200, s=0.01), world.server.configured(busy_reply_threshold="50"):
        jobs_flow(world, 40)
        raw.execute_command("CLIENT", "PAUSE", "1000", "ALL")
        jobs_flow(world, 40)
        busy = threading.Thread(target=_occupy, args=(world,))
        busy.start()
        time.sleep(0.7)
        raw.script_kill()
        busy.join()
        jobs_flow(world, 40)
    world.settle()


def _occupy(world: World) -> None:
    with contextlib.suppress(redis.RedisError), redis.Redis(port=world.server.port) as other:
        other.eval("while true do end", 0)


def c10(world: World) -> None:
    """SCRIPT FLUSH every 10 ms."""
    world.hire(2)
    with world.load(200, s=0.005):
        end = time.monotonic() + 4
        while time.monotonic() < end:
            world.server.raw.script_flush()
            time.sleep(0.01)
        assert world.finished() > 0, "no progress"
    world.settle()


def c11(world: World) -> None:
    """FLUSHALL while jobs wait: they are gone, and what comes later runs."""
    world.hire(2)
    world.server.raw.flushall()
    world.send(40, s=0.01)
    world.settle()


def c11_stream(world: World) -> None:
    """The stream of waiting jobs is deleted under load: what waited is lost, and said to be."""
    world.hire(2)
    raw, key = world.server.raw, f"taskq:{{default/{QUEUE}}}:n"
    with world.load(200, s=0.01):
        jobs_flow(world, 40)
        world.send(100, s=0.05)
        world.gone = raw.eval(
            "local n = redis.call('XLEN', KEYS[1]) redis.call('DEL', KEYS[1]) return n", 1, key
        )
        deleted = time.monotonic()
        wait_until(lambda: raw.exists(key) and raw.xinfo_groups(key), 10, "the group")
        assert time.monotonic() - deleted < 1.5, "the group came late"
        world.healed()
        jobs_flow(world, 100)
    world.settle()


def _no_more_than_was_there(figures: Figures, world: World) -> bool:
    return figures.lost <= world.gone


def _loudly(figures: Figures, world: World) -> bool:
    logs = [file.read_text() for file in world.folder.glob("worker*.log")]
    return _no_more_than_was_there(figures, world) and any("deleted on the server" in log for log in logs)


def c14_full(world: World) -> None:
    """The server has no room for further connections: who has one goes on, all others hear why not."""
    world.hire(2)
    raw = world.server.raw
    with world.load(100, s=0.01):
        jobs_flow(world, 20)
        with world.server.configured(maxclients=str(len(raw.client_list()))):
            newcomer = Client(world.server.tcp_url, deadline=0.3)
            world.send(5, client=newcomer)
            _told(newcomer)
            newcomer.close()
            jobs_flow(world, 40)
            world.hands[0].proxy.reset_connections()
            jobs_flow(world, 20)
    world.settle()


def _told(newcomer: Client) -> None:
    for _ in range(10):
        try:
            newcomer.enqueue(QUEUE, "nothing", {})
        except ServerUnreachable as error:
            if "max number of clients" in str(error):
                return
    raise AssertionError("a full server does not say so")


def c14(world: World) -> None:
    """All connections are killed by the server, each half second."""
    world.hire(2)
    with world.load(100, s=0.01):
        killed = 0
        for _ in range(8):
            killed += world.server.raw.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            time.sleep(0.5)
        assert killed > 0, "nobody was killed"
        assert world.finished() > 0, "no progress"
    world.settle()


SERVER_ROWS: Sequence[Row] = (
    Row("C2", "server SIGKILL and restart, appendfsync always", "L=0", c1, {"D": 16}, aof="always"),
    Row("C1", "server SIGKILL and restart, appendfsync everysec", "L=0: what was written stays",
        c1, {"D": 16}, aof="everysec"),
    Row("C3", "power loss: the end of the AOF is cut off", "loss ≤ what was cut; nothing stuck", c3,
        {"L": 1_000, "C": 1_000, "D": 1_000, "U": 1_000}, aof="everysec"),
    Row("C9", "CLIENT PAUSE, then BUSY", "retry later", c9, {"D": 0}),
    Row("C7", "SIGSTOP the server for 2 leases", "no mass reclaim: D=0", c7, {"D": 0}),
    Row("C8", "server away for 4 leases", "nobody exits, all consume again", c8, {"D": 32}, aof="always",
        quick=False),
    Row("C10", "SCRIPT FLUSH every 10 ms", "all 0", c10, {"D": 0}),
    Row("C11", "FLUSHALL under live workers", "later jobs run", c11, {"D": 0}),
    Row("C11d", "DEL of the stream of waiting jobs under load", "L ≤ what it held, said; group anew in 1 s",
        c11_stream, {"L": 1_000, "C": 64, "D": 0}, _loudly),
    Row("C14m", "maxclients reached", "typed error at enqueue; who is connected goes on", c14_full, {"D": 0}),
    Row("C14", "CLIENT KILL twice a second", "progress", c14, {"D": 0}),
)  # fmt: skip
