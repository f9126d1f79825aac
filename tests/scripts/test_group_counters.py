"""Whatever is done, in whatever order: what a group says equals a recount, and at most one callback comes."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from taskq_core import NewJob, State
from taskq_core.claimed import Job
from taskq_core.commands import operate
from tests.scripts.grouping import callbacks, concluding, gone, info, members, opened
from tests.scripts.rig import Rig
from tests.servers import Server

STEPS = (
    "add", "claim", "claim", "conclude", "conclude", "conclude cancelled", "fail", "bury", "retry", "cancel",
    "purge", "delete", "promote", "again", "crash",
)  # fmt: skip
STATES = (State.SCHEDULED, State.READY, State.RUNNING, State.DEAD)


class Play:
    """One queue, some steps, and the counts of what was done."""

    def __init__(self, rig: Rig, when: str) -> None:
        self.rig = rig
        self.when = when
        self.held: list[Job] = []
        self.last: Any = None
        self.worker = 0
        self.hire()
        opened(rig, when=when)
        opened(rig, "other", when=when)

    def hire(self) -> None:
        self.worker += 1
        self.name = self.rig.hire(f"w{self.worker}")

    def ids(self, state: State) -> list[str]:
        return [job.ref.id for job in self.rig.client.list_jobs("q", state).jobs]

    def take(self, count: int) -> list[Job]:
        jobs, self.held = self.held[:count], self.held[count:]
        return jobs

    def send(self, command: Any) -> None:
        self.last = command
        self.rig.run(command)

    def step(self, name: str, n: int) -> None:
        rig = self.rig
        if name == "add":
            chain = [NewJob("next", {})] * (n % 3)
            rig.add(n, group="g" if n % 2 else "other", then=chain)
        elif name == "claim":
            self.held += rig.claim(self.name, n)
        elif name.startswith("conclude"):
            jobs = [job for job in self.take(n) if job.meta.group or job.meta.next]
            self.send(concluding(rig, self.name, *jobs, cancelled=name.endswith("cancelled")))
        elif name in ("fail", "bury"):
            self.send(rig.failing(self.name, *self.take(n), retries=9 if name == "fail" else 0, delay_ms=1))
        elif name == "promote":
            rig.make_due(*self.ids(State.SCHEDULED))
            rig.promote(1000)
        elif name == "again" and self.last is not None:
            rig.run(self.last)
        elif name == "crash":
            rig.take_over(self.name, crashes=99)
            self.held.clear()
            self.hire()
        else:
            self.operate(name, n)

    def operate(self, name: str, n: int) -> None:
        rig = self.rig
        if name == "retry":
            self.send(operate.retry(rig.keys, self.ids(State.DEAD)[:n]))
        elif name == "cancel":
            chosen = self.ids(State.READY)[:n] + self.ids(State.SCHEDULED)[:n]
            self.send(operate.cancel(rig.keys, chosen))
        elif name == "delete":
            self.send(operate.delete(rig.keys, self.ids(State.DEAD)[:n]))
        elif name == "purge":
            rig.client.purge("q", STATES[n % 4] if n % 4 != 2 else State.READY, limit=n)

    def check(self) -> None:
        found = members(self.rig)
        for group in ("g", "other"):
            counted, said = found.get(group, Counter()), info(self.rig, group)
            assert (said.pending, said.dead) == (counted["pending"], counted["dead"]), group
            assert said.total == said.pending + said.dead + said.done + said.cancelled + said.removed
            made = {job for job in callbacks(self.rig) if self.rig.detail(job).completes == group}
            assert len(made) <= (said.job is not None)

    def end(self) -> None:
        for ref in (info(self.rig).ref, info(self.rig, "other").ref):
            self.rig.client.groups.seal(ref)
            said = info(self.rig, ref.id)
            whole = said.done == said.total if self.when == "done" else not said.pending
            assert (said.job is not None) is whole


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    steps=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(1, 6)), min_size=5, max_size=40),
    when=st.sampled_from(["done", "ended"]),
)
def test_the_counters_of_a_group_equal_a_recount(
    server: Server, steps: list[tuple[str, int]], when: str
) -> None:
    server.raw.flushall()
    rig = Rig(server, 2)
    play = Play(rig, when)
    play.step("add", 5)
    for name, n in steps:
        play.step(name, n)
        play.check()
    play.end()
    assert not gone(rig)
    rig.client.close()
