"""`python -m tests.chaos.stateful`: the stateful test for as long as you like, with new steps each time.

What fails is shortened and printed with its seed: `--seed N --kinds redis` makes that run again.
"""

from __future__ import annotations

import argparse
import itertools
import random
import time
from collections.abc import Sequence

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.chaos.crowd_machine import CrowdMachine
from tests.chaos.machine import Machine
from tests.chaos.steps import Steps
from tests.servers import Server

MACHINES: dict[str, type[Steps]] = {"plain": Machine, "crowd": CrowdMachine}
PHASES = (Phase.generate, Phase.shrink)


def run(  # noqa: PLR0913 - how much, and of what
    server: Server,
    machine: type[Steps] = Machine,
    *,
    examples: int,
    steps: int,
    protocol: int = 2,
    chosen: int | None = None,
) -> tuple[int, int]:
    """Runs examples; how many there were, and how many steps. ``chosen``: a seed; None: always the same."""
    bound = type("Bound", (machine,), {"server": server, "protocol": protocol})
    limits = settings(
        max_examples=examples, stateful_step_count=steps, deadline=None, database=None, phases=PHASES,
        derandomize=chosen is None, suppress_health_check=list(HealthCheck), report_multiple_bugs=False,
    )  # fmt: skip
    before = Steps.made, Steps.taken
    run_state_machine_as_test(bound if chosen is None else seed(chosen)(bound), settings=limits)
    return Steps.made - before[0], Steps.taken - before[1]


def main() -> None:
    """Runs until the time is over or something is wrong."""
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--minutes", type=float, default=10)
    flags.add_argument("--steps", type=int, default=100, help="most steps of one run")
    flags.add_argument("--seed", type=int, help="this one only")
    flags.add_argument("--kinds", default="valkey,redis")
    flags.add_argument("--machine", choices=MACHINES, help="one of the two; both without")
    given = flags.parse_args()
    machines = [MACHINES[given.machine]] if given.machine else list(MACHINES.values())
    end = time.monotonic() + given.minutes * 60
    servers = [Server(kind).start() for kind in given.kinds.split(",")]
    try:
        if given.seed is not None:
            _round(machines, servers, given.seed, given.steps)
            return
        while time.monotonic() < end:
            _round(machines, servers, random.SystemRandom().randrange(2**32), given.steps)
    finally:
        for server in servers:
            server.remove()


def _round(machines: Sequence[type[Steps]], servers: Sequence[Server], chosen: int, steps: int) -> None:
    for server, machine in itertools.product(servers, machines):
        print(f"seed {chosen} {server.kind} {machine.__name__}", end=" ", flush=True)
        made, taken = run(server, machine, examples=20, steps=steps, protocol=2 + chosen % 2, chosen=chosen)
        print(f"runs {made} steps {taken}", flush=True)


if __name__ == "__main__":
    main()
