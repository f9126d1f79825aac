"""Limits against a model, on a real server: never passed, no job waits that might run, all end."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from taskq_core import JobOptions, NewJob, Rate, TaskLimits
from taskq_core.claimed import Job
from taskq_core.commands import limiting, operate, work
from tests.processes import ROOT
from tests.scripts.gating import held, recount, running
from tests.scripts.rig import Rig
from tests.servers import Server

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sampled_from("abc"), st.sampled_from(["", "x", "y"]), st.integers(1, 6)),
        st.tuples(st.just("claim"), st.sampled_from(["w1", "w2"]), st.integers(1, 9), st.integers(0, 9)),
        st.tuples(st.just("end"), st.sampled_from(["ack", "fail", "release"]), st.integers(0, 99)),
        st.tuples(st.just("kill"), st.sampled_from(["w1", "w2"])),
        st.tuples(st.just("cancel"), st.integers(0, 99)),
        st.tuples(
            st.just("limit"), st.sampled_from(["queue", "a", "b", "key"]), st.sampled_from([0, 1, 2, 5])
        ),
        st.tuples(st.just("tidy")),
    ),
    min_size=4,
    max_size=40,
)
"""What is done, in any order."""


class World:
    """The queue, and what should be so: who runs, what waits, which limits are set."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.waiting: dict[str, tuple[str, str]] = {}
        self.holds: dict[str, tuple[str, Job]] = {}
        self.limits: dict[str, int] = {}
        self.placed: dict[str, list[str]] = {}
        self.lives = Counter[str]()
        for worker in ("w1", "w2"):
            self.hire(worker)

    def hire(self, worker: str) -> None:
        self.lives[worker] += 1
        self.rig.hire(self.name(worker))

    def name(self, worker: str) -> str:
        return f"{worker}-{self.lives[worker]}"

    def do(self, step: tuple[Any, ...]) -> None:
        getattr(self, step[0])(*step[1:])
        counts = Counter(gate for gates in self.placed.values() for gate in gates)
        assert running(self.rig) == dict(counts) == recount(self.rig)

    # -- steps --------------------------------------------------------------------------------

    def add(self, task: str, key: str, count: int) -> None:
        options = JobOptions(concurrency_key=key or None)
        for receipt in self.rig.client.enqueue_jobs("q", [NewJob(task, {}, options)] * count):
            self.waiting[receipt.id] = (task, key)

    def claim(self, worker: str, want: int, free: int) -> None:
        before = Counter(gate for gates in self.placed.values() for gate in gates)
        all_before = len(self.holds)
        found = self.look(self.name(worker), want, free)
        for job in self.rig.jobs(found):
            task, key = self.waiting.pop(job.id)
            self.holds[job.id] = (worker, job)
            gates = [f"k:{key}"] * bool(key) + [f"t:{task}"] * bool(self.limits.get(task))
            if gates:
                self.placed[job.id] = gates
        for gate, n in Counter(gate for gates in self.placed.values() for gate in gates).items():
            assert n <= max(self.most(gate), before[gate])
        assert len(self.holds) <= max(self.limits.get("queue") or 10**6, all_before)
        if free >= want and len(self.rig.jobs(found)) < want and found.again != 0:
            self.nothing_could_run()

    def look(self, worker: str, want: int, free: int) -> work.Claim:
        # suspects run alone, which is another test's matter: the claims here know of none
        wanted = work.Wanted(want, suspect=10_000, alone=True, free=free)
        found = self.rig.run(work.claim(self.rig.keys, worker, wanted))
        if found.state != "flow":
            return found
        return self.rig.run(work.claim(self.rig.keys, worker, wanted, flow=True))

    def nothing_could_run(self) -> None:
        """A claim that got less than it wanted left nothing that has room."""
        if len(self.holds) >= (self.limits.get("queue") or 10**6):
            return
        counts = Counter(gate for gates in self.placed.values() for gate in gates)
        for task, key in self.waiting.values():
            gates = [f"k:{key}"] * bool(key) + [f"t:{task}"] * bool(self.limits.get(task))
            assert any(counts[gate] >= self.most(gate) for gate in gates)

    def most(self, gate: str) -> int:
        return (self.limits.get("key") or 1) if gate[0] == "k" else self.limits.get(gate[2:]) or 10**6

    def end(self, how: str, pick: int) -> None:
        if not self.holds:
            return
        job_id = sorted(self.holds)[pick % len(self.holds)]
        worker, job = self.holds.pop(job_id)
        self.placed.pop(job_id, None)
        name = self.name(worker)
        if how == "ack":
            assert self.rig.ack(name, job) == 1
        elif how == "fail":
            assert self.rig.run(self.rig.failing(name, job)) == 1
        else:
            assert self.rig.run(work.release(self.rig.keys, name, [job])) == 1
            self.waiting[job_id] = (job.task, job.meta.concurrency)

    def kill(self, worker: str) -> None:
        self.rig.take_over(self.name(worker), crashes=1_000)
        for job_id, (holder, job) in list(self.holds.items()):
            if holder == worker:
                del self.holds[job_id]
                self.placed.pop(job_id, None)
                self.waiting[job_id] = (job.task, job.meta.concurrency)
        self.hire(worker)

    def cancel(self, pick: int) -> None:
        if self.waiting:
            job_id = sorted(self.waiting)[pick % len(self.waiting)]
            (change,) = self.rig.run(operate.cancel(self.rig.keys, [job_id]))
            assert change.change.done
            del self.waiting[job_id]

    def limit(self, of: str, most: int) -> None:
        self.limits[of] = most
        if of == "queue":
            self.rig.client.configure("q", max_running=most)
        elif of == "key":
            self.rig.client.configure("q", key_max_running=most)
        else:
            self.rig.client.configure("q", tasks={of: TaskLimits(max_running=most)})

    def tidy(self) -> None:
        freed, mended, lost, *_ = self.rig.run(limiting.tidy(self.rig.keys))
        assert (freed, mended, lost) == (0, 0, 0)

    def finish(self) -> None:
        """Everything that waits comes to its end."""
        self.limits.setdefault("key", 0)
        for _ in range(400):
            if not self.waiting and not self.holds:
                break
            self.claim("w1", 50, 50)
            for job_id in list(self.holds):
                self.end("ack", sorted(self.holds).index(job_id))
        assert (self.waiting, self.holds) == ({}, {})
        assert running(self.rig) == {} == recount(self.rig)
        assert held(self.rig) == 0


@settings(
    max_examples=25, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(first=st.tuples(*[st.sampled_from([0, 2, 3, 5])] * 4), steps=STEPS)
def test_limits_hold_whatever_is_done_in_any_order(
    any_server: Server, first: tuple[int, ...], steps: list[tuple[Any, ...]]
) -> None:
    any_server.raw.flushall()
    rig = Rig(any_server, 2)
    world = World(rig)
    for of, most in zip(("a", "b", "key", "queue"), first, strict=True):
        world.do(("limit", of, 2 * most if of == "queue" else most))
    for task in "abc":
        world.do(("add", task, "", 5))
        world.do(("add", task, "x", 3))
    for step in steps:
        world.do(step)
    world.finish()
    rig.client.close()


# -- rates ----------------------------------------------------------------------------------------

ASK = (
    "#!lua\n"
    + (ROOT / "taskq_core/lua/parts/gcra.lua").read_text()
    + """
local may, wait, spend = gcra(KEYS[1], 'g', ARGV[1], tonumber(ARGV[2]))
local n = math.min(may, tonumber(ARGV[3]))
spend(n)
return {n, wait}
"""
)


@settings(
    max_examples=25, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(
    count=st.integers(1, 500),
    unit=st.sampled_from("sm"),
    burst=st.integers(1, 30),
    seed=st.integers(0, 2**32),
)
def test_a_rate_is_never_passed_and_always_used_up(
    any_server: Server, count: int, unit: str, burst: int, seed: int
) -> None:
    rate, chance = Rate.parse(f"{count}/{unit} burst {burst}"), random.Random(seed)
    any_server.raw.flushall()
    now, starts = 1_800_000_000_000_000, list[int]()
    tokens, filled = float(burst), now
    for _ in range(60):
        now += chance.choice([0, rate.gap_us // 3, rate.gap_us, 4 * rate.gap_us])
        want = chance.choice([1, 2, 50])
        got, wait = (
            int(n) for n in any_server.raw.eval(ASK, 1, "taskq:{default/q}:tat", rate.stored, now, want)
        )
        tokens, filled = min(burst, tokens + (now - filled) / rate.gap_us), now
        assert abs(got - min(want, int(tokens + 1e-9))) <= (1 if abs(tokens - round(tokens)) < 1e-6 else 0)
        tokens -= got
        if got == 0:
            assert 0 < wait <= -(-rate.gap_us // 1000)
        starts += [now] * got
    for first in range(len(starts)):
        for last in range(first, len(starts)):
            assert last - first + 1 <= burst + (starts[last] - starts[first]) / rate.gap_us + 1e-6
