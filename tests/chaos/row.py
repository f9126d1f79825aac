"""What a row of the matrix is, and what all rows use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.chaos.checker import Figures
from tests.chaos.world import World
from tests.groups import Group
from tests.waiting import wait_until

Check = Callable[[Figures, World], bool]


@dataclass(frozen=True, slots=True)
class Row:
    """One row. ``most`` are upper limits of figures; ``also`` is checked beside them.

    ``group`` makes the servers of a row that needs several; their clients have no proxies. ``alone``: it
    measures time, so nothing else may run beside it. ``clock``: its server has a clock that can be set.
    ``resp3``: workers and load speak RESP3. ``seeds``: how many runs are enough, where one takes minutes.
    """

    id: str
    fault: str
    expected: str
    case: Callable[[World], None]
    most: Mapping[str, int] = field(default_factory=dict)
    also: Check | None = None
    aof: str | None = None
    quick: bool = True
    group: Callable[[str], Group] | None = None
    alone: bool = False
    clock: bool = False
    resp3: bool = False
    seeds: int = 20


def jobs_flow(world: World, more: int, timeout: float = 30) -> None:
    """Waits until so many more jobs have finished."""
    goal = world.finished() + more
    wait_until(lambda: world.finished() >= goal, timeout, f"{more} jobs more")


def started(world: World) -> int:
    """How many jobs have begun."""
    return len({event.number for event in world.events() if event.kind == "start"})


def warm(world: World) -> None:
    """Runs a few jobs, so that the server knows all scripts."""
    world.send(8)
    world.settle()
