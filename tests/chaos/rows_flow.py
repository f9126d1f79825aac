"""Rows I, J, G and K: limits, tenants, groups and chains, and notes, each under the same faults.

Beside the figures: no limit was passed, no tenant starved, each callback came once and after all of its
group, no line is missing or there twice, and what the server counts is what lies there.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tests.chaos.checker import Figures
from tests.chaos.flowing import GROUPS, LIMITS, NOTES, TENANTS, Subject, nothing_is_left
from tests.chaos.proxy import Mode
from tests.chaos.row import Row, jobs_flow
from tests.chaos.world import LEASE_S, QUEUE, World
from tests.waiting import wait_until


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong while the jobs run. ``mirror``: workers whose requests all arrive twice."""

    what: str
    do: Callable[[World], None]
    most: Mapping[str, int]
    mirror: bool = False
    aof: str | None = None


def some_more(world: World, more: int) -> None:
    """Waits until so many more jobs have finished, or all of them."""
    jobs_flow(world, min(more, world.sent - world.finished()), 40)


def kills(times: int) -> Callable[[World], None]:
    """One worker after the other dies, and another one comes in its place."""

    def do(world: World) -> None:
        for _ in range(times):
            some_more(world, 15)
            alive = [hand for hand in world.hands if hand.process.poll() is None]
            world.random.choice(alive).kill(world.ledger)
            world.hire(1)

    return do


def server_kills(times: int) -> Callable[[World], None]:
    """The server dies and comes back."""

    def do(world: World) -> None:
        for _ in range(times):
            some_more(world, 15)
            world.server.kill()
            time.sleep(world.random.uniform(0.1, 0.4))
            world.server.start()

    return do


def zombie(world: World) -> None:
    """A worker stands still for three leases and goes on."""
    some_more(world, 15)
    hand = world.hands[0]
    world.ledger.note("stopped", -1, process=hand.name)
    hand.signal(signal.SIGSTOP)
    time.sleep(3 * LEASE_S)
    hand.signal(signal.SIGCONT)
    wait_until(lambda: len(world.admin.workers(QUEUE)) == 3, 20, "the zombie under a new name")


def losses(world: World) -> None:
    """Replies are swallowed, some of each worker's."""
    for hand in world.hands * 3:
        some_more(world, 8)
        hand.proxy.behave(Mode(lose=2))


def twice(world: World) -> None:
    """All requests arrive twice anyway."""


def both(world: World) -> None:
    """A worker dies, and then the server."""
    kills(1)(world)
    server_kills(1)(world)


KILLS = Fault("SIGKILL of one worker after the other", kills(3), {"D": 24, "V": 0})
SERVER = Fault("server SIGKILL and restart", server_kills(2), {"D": 24, "V": 0}, aof="always")
ZOMBIE = Fault("SIGSTOP 3 leases, SIGCONT", zombie, {"D": 16, "V": 16})
LOSSES = Fault("replies swallowed", losses, {"D": 0, "V": 0})
BOTH = Fault("SIGKILL of a worker, then of the server", both, {"D": 24, "V": 0}, aof="always")
TWICE = Fault("every request sent twice", twice, {"D": 0, "V": 0}, mirror=True)


def case(fault: Fault, *subjects: Subject) -> Callable[[World], None]:
    """Jobs of some subjects under a fault."""

    def run(world: World) -> None:
        world.hire(3, mirror=fault.mirror)
        for subject in subjects:
            subject.plant(world)
        fault.do(world)
        world.healed()
        world.settle()

    return run


def kept(*subjects: Subject) -> Callable[[Figures, World], bool]:
    """What must be so beside the figures; what is not is an error that says it."""

    def all_was_kept(figures: Figures, world: World) -> bool:
        for subject in subjects:
            subject.check(world)
        nothing_is_left(world)
        return True

    return all_was_kept


SUBJECTS = {
    "I": ("limits", LIMITS, "never passed by live workers"),
    "J": ("tenants", TENANTS, "nobody starves or passes a limit"),
    "G": ("groups, chains", GROUPS, "each callback and link once"),
    "K": ("notes", NOTES, "each line once"),
}
FAULTS = (KILLS, SERVER, ZOMBIE, LOSSES, TWICE)
ALL = (LIMITS, TENANTS, GROUPS, NOTES)


def _row(name: str, number: int, fault: Fault) -> Row:
    what, subject, expected = SUBJECTS[name]
    return Row(
        f"{name}{number}", f"{what}: {fault.what}", expected, case(fault, subject), fault.most, kept(subject),
        fault.aof, quick=False,
    )  # fmt: skip


FLOW_ROWS: Sequence[Row] = (
    *(_row(name, number, fault) for name in SUBJECTS for number, fault in enumerate(FAULTS, 1)),
    Row("M1", f"limits, tenants, groups, notes at once: {BOTH.what}", "all of I, J, G and K",
        case(BOTH, *ALL), BOTH.most, kept(*ALL), BOTH.aof),
)  # fmt: skip
