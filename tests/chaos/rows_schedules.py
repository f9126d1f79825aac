"""Rows of schedules: workers die, and the clock jumps, while a schedule fires each second.

The number of a run is the second it was made for, so U counts times that made more than one job, and L those
between the first and the last that made none.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence

from taskq_core import Schedule, ScheduleInfo, ScheduleRef
from tests.chaos.checker import Figures
from tests.chaos.clocks import set_clock
from tests.chaos.proxy import Mode
from tests.chaos.row import Row
from tests.chaos.world import QUEUE, World
from tests.waiting import wait_until

BEAT = ScheduleRef(QUEUE, "beat")


def beating(world: World, workers: int, missed: str, *, mirror: bool = False) -> None:
    """Workers, and a schedule that has fired a few times."""
    world.hire(workers, mirror=mirror)
    world.admin.schedules.add(QUEUE, Schedule("beat", "every 1s", "beat", missed=missed))
    runs_on(world, 2)


def info(world: World) -> ScheduleInfo:
    """The schedule as it stands."""
    return world.admin.schedules.get(BEAT)


def runs_on(world: World, more: int) -> None:
    """Waits until so many more runs have finished."""
    goal = world.finished() + more
    wait_until(lambda: world.finished() >= goal, 40, f"{more} runs more")


def end(world: World, *, whole: bool = True) -> None:
    """Stops the schedule, and writes down which times should have made a job. ``whole``: all of them."""
    world.admin.schedules.pause(BEAT)
    world.settle()
    made = sorted({event.number for event in world.events() if event.kind == "start"})
    for second in range(made[0], made[-1] + 1) if whole else made:
        world.ledger.note("ok", second)


def killings(count: int) -> Callable[[World], None]:
    """A case: whoever fires is killed when a second begins, so many times."""

    def case(world: World) -> None:
        """Three workers fire; the one that holds the lock is killed across the moment of firing."""
        beating(world, 3, "all")
        for _ in range(count):
            holder = wait_until(lambda: world.server.raw.get(world.admin.keys(QUEUE).lock), 20, "the lock")
            pid = int(holder.decode().split(":")[1])
            time.sleep((1.0 - time.time() % 1.0 + world.random.uniform(-0.02, 0.02)) % 1.0)
            victim = next((hand for hand in world.hands if hand.process.pid == pid), None)
            if victim is not None and victim.process.poll() is None:
                os.kill(pid, signal.SIGKILL)
                victim.process.wait(10)
                world.hire(1)
            runs_on(world, 2)
        assert len(world.hands) > 3, "nobody was killed"
        world.healed()
        end(world)

    return case


def outage(world: World) -> None:
    """The server is killed and away for three fire times."""
    beating(world, 3, "all")
    world.server.kill()
    time.sleep(3.2)
    world.server.start()
    runs_on(world, 5)
    end(world)


def twice(world: World) -> None:
    """All requests of the workers arrive twice, replies to some are lost."""
    beating(world, 3, "all", mirror=True)
    for hand in world.hands:
        hand.proxy.behave(Mode(lose=2, mirror=True))
        runs_on(world, 2)
    end(world)


def clock(world: World) -> None:
    """The server's clock jumps an hour ahead, and later back again."""
    beating(world, 3, "latest")
    set_clock(world.server, 1)
    runs_on(world, 3)
    set_clock(world.server, 0)
    time.sleep(2.5)  # nothing is fired until the clock has come there again
    end(world, whole=False)


def _missed_none(figures: Figures, world: World) -> bool:
    found = info(world)
    return found.missed == 0 and found.fired == figures.jobs


def _an_hour_missed_and_made_up_for_once(figures: Figures, world: World) -> bool:
    found = info(world)
    return 3_500 < found.missed < 3_700 and found.fired == figures.jobs and figures.jobs < 20


DOUBLE = {"D": 4, "V": 4}
"""A worker that is killed between the end of a handler and its ack leaves a run that is made again."""

SCHEDULE_ROWS: Sequence[Row] = (
    Row("E2c", "server clock +1 h and back, three workers, a schedule each second", "no time fires twice",
        clock, also=_an_hour_missed_and_made_up_for_once, clock=True),
    Row("E5", "three schedulers, SIGKILL of the one that fires, across the moment of firing",
        "one job for each fire time", killings(2), DOUBLE, also=_missed_none),
    Row("E5m", "the same over a minute, a dozen times", "one job for each fire time", killings(12), DOUBLE,
        also=_missed_none, quick=False),
    Row("E5s", "server away for three fire times", "each is made up for, once", outage, DOUBLE,
        also=_missed_none, aof="always", quick=False),
    Row("E5t", "every request sent twice, replies swallowed, a schedule each second",
        "one job for each fire time", twice, {"D": 0}, also=_missed_none, quick=False),
)  # fmt: skip
