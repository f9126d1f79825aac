"""Any order of calls, faults included, against a model: after each step every job is where the model says.

Hypothesis chooses the steps, and shortens a run that fails to the few steps it takes.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from taskq_core import JobOptions, State
from taskq_core.claimed import Job
from taskq_core.command import Command
from taskq_core.commands import operate, produce, work
from tests.keyspace import leaks
from tests.scripts.rig import LONG_MS, Rig
from tests.servers import Server

WORKERS = ("w1", "w2", "w3")
LISTED = (State.READY, State.RUNNING, State.SCHEDULED, State.DEAD)
LATER = JobOptions(delay=timedelta(hours=1))


@dataclass(slots=True)
class Known:
    """What the model knows of a job."""

    state: State
    worker: str = ""
    attempts: int = 0
    purged: bool = False


class Machine(RuleBasedStateMachine):
    """One queue, three workers, and what should be true of them."""

    server: Server
    runs = 0

    def __init__(self) -> None:
        super().__init__()
        self.server.raw.flushall()
        self.rig = Rig(self.server, 2)
        self.jobs: dict[str, Known] = {}
        self.held: dict[str, dict[str, Job]] = {}
        self.zombies: dict[str, dict[str, Job]] = {}
        self.unseen: set[str] = set()
        self.paused = False
        self.calls = 0
        Machine.runs += 1

    def teardown(self) -> None:
        self.rig.client.close()

    # -- producing and operating ------------------------------------------------------------------

    @rule(count=st.integers(1, 4), delayed=st.booleans(), task=st.sampled_from(["a", "b"]))
    def enqueue(self, count: int, delayed: bool, task: str) -> None:
        self.calls += 1
        payloads = tuple(b'{"n":%d}' % n for n in range(count))
        group = produce.Group(task, payloads, LATER if delayed else JobOptions())
        for receipt in self._do(produce.enqueue(self.rig.keys, [group], "session", self.calls)):
            assert receipt.id not in self.jobs, "an id came twice"
            self.jobs[receipt.id] = Known(State.SCHEDULED if delayed else State.READY)

    @rule(data=st.data())
    @precondition(lambda self: self.jobs)
    def cancel(self, data: st.DataObject) -> None:
        job_id = data.draw(st.sampled_from(sorted(self.jobs)))
        (row,) = self.rig.run(operate.cancel(self.rig.keys, [job_id]))
        known = self.jobs[job_id]
        assert row.change.done is (known.state in (State.READY, State.SCHEDULED, State.RUNNING))
        if known.state in (State.READY, State.SCHEDULED):
            known.state = State.CANCELLED

    @rule(data=st.data())
    @precondition(lambda self: self.jobs)
    def retry(self, data: st.DataObject) -> None:
        job_id = data.draw(st.sampled_from(sorted(self.jobs)))
        (change,) = self._do(operate.retry(self.rig.keys, [job_id]), same_reply=False)
        known = self.jobs[job_id]
        assert change.done is (known.state in (State.DEAD, State.SCHEDULED))
        if known.state is State.DEAD:  # a scheduled one is due now, and waits to be promoted
            known.state = State.READY

    @rule(state=st.sampled_from([State.READY, State.SCHEDULED, State.DEAD]))
    def purge(self, state: State) -> None:
        while self.rig.run(operate.purge(self.rig.keys, state, None, 1_000)):
            pass
        for known in self.jobs.values():
            if known.state is state:
                known.state, known.purged = State.CANCELLED, True

    @rule()
    def pause_or_resume(self) -> None:
        call = operate.resume if self.paused else operate.pause
        self._do(call(self.rig.keys), same_reply=False)
        self.paused = not self.paused

    # -- working ----------------------------------------------------------------------------------

    @rule(name=st.sampled_from(WORKERS))
    def hire(self, name: str) -> None:
        if name not in self.held and name not in self.zombies:
            self.rig.hire(name)
            self.held[name] = {}

    @rule(data=st.data(), want=st.integers(1, 3), reply_is_lost=st.booleans())
    @precondition(lambda self: self.held)
    def claim(self, data: st.DataObject, want: int, reply_is_lost: bool) -> None:
        worker = data.draw(st.sampled_from(sorted(self.held)))
        wanted = work.Wanted(want, suspect=1_000)
        jobs = self.rig.jobs(self.rig.run(work.claim(self.rig.keys, worker, wanted)))
        assert not (self.paused and jobs)
        for job in jobs:
            known = self.jobs[job.id]
            assert known.state is State.READY, f"{job.id} was claimed and is {known.state}"
            known.state, known.worker = State.RUNNING, worker
            if reply_is_lost:
                self.unseen.add(job.id)
            else:
                self.held[worker][job.id] = job

    @rule(data=st.data(), count=st.integers(1, 3))
    @precondition(lambda self: any(self.held.values()))
    def ack(self, data: st.DataObject, count: int) -> None:
        worker, jobs = self._some_held(data, count)
        assert self._do(self.rig.acking(worker, *jobs), same_reply=False) == len(jobs)
        for job in jobs:
            del self.held[worker][job.id]
            self.jobs[job.id].state = State.DONE

    @rule(data=st.data(), again=st.booleans())
    @precondition(lambda self: any(self.held.values()))
    def fail(self, data: st.DataObject, again: bool) -> None:
        worker, (job, *_) = self._some_held(data, 1)
        command = self.rig.failing(worker, job, retries=1_000 if again else 0, delay_ms=3_600_000)
        assert self._do(command, same_reply=False) == 1
        del self.held[worker][job.id]
        known = self.jobs[job.id]
        assert job.attempt > known.attempts, "attempts went back"
        known.state, known.attempts = State.SCHEDULED if again else State.DEAD, job.attempt

    @rule(data=st.data())
    @precondition(lambda self: any(self.held.values()))
    def release(self, data: st.DataObject) -> None:
        worker, jobs = self._some_held(data, 2)
        self._do(work.release(self.rig.keys, worker, jobs), same_reply=False)
        for job in jobs:
            del self.held[worker][job.id]
            self.jobs[job.id].state = State.READY

    @rule(data=st.data())
    @precondition(lambda self: self.held)
    def adopt(self, data: st.DataObject) -> None:
        worker = data.draw(st.sampled_from(sorted(self.held)))
        seen = {(job.level, job.entry) for job in self.held[worker].values()}
        lost = [place for place in self.rig.pending(worker) if place not in seen]
        for level, (entry, fields) in self._do(work.adopt(self.rig.keys, worker, lost)) if lost else []:
            job = work.job_of(self.rig.queue, level, entry, fields)
            assert job.id in self.unseen
            self.unseen.discard(job.id)
            deliveries = self.rig.pending(worker)[level, entry]
            self.held[worker][job.id] = work.job_of(self.rig.queue, level, entry, fields, deliveries)

    @rule(data=st.data())
    @precondition(lambda self: self.held)
    def beat(self, data: st.DataObject) -> None:
        worker = data.draw(st.sampled_from(sorted(self.held)))
        assert self.rig.run(work.heartbeat(self.rig.keys, worker, LONG_MS, {"host": "h"})) > 0

    @rule()
    def time_passes_and_all_are_promoted(self) -> None:
        waiting = [job_id for job_id, known in self.jobs.items() if known.state is State.SCHEDULED]
        self.rig.make_due(*waiting)
        while self.rig.promote()[0]:
            pass
        for job_id in waiting:
            self.jobs[job_id].state = State.READY

    # -- dying ------------------------------------------------------------------------------------

    @rule(data=st.data())
    @precondition(lambda self: self.held)
    def a_worker_dies_and_is_taken_over(self, data: st.DataObject) -> None:
        worker = data.draw(st.sampled_from(sorted(self.held)))
        self.rig.take_over(worker, crashes=1_000)
        for job_id, known in self.jobs.items():
            if known.state is State.RUNNING and known.worker == worker:
                known.state = State.READY
                self.unseen.discard(job_id)
        self.zombies[worker] = self.held.pop(worker)

    @rule(data=st.data())
    @precondition(lambda self: any(self.zombies.values()))
    def a_zombie_changes_nothing(self, data: st.DataObject) -> None:
        worker = data.draw(st.sampled_from(sorted(name for name, jobs in self.zombies.items() if jobs)))
        jobs = list(self.zombies[worker].values())
        before = self.rig.dump()
        assert self.rig.ack(worker, *jobs) == -1
        assert self.rig.run(self.rig.failing(worker, *jobs)) == -1
        assert self.rig.run(work.release(self.rig.keys, worker, jobs)) == -1
        assert self.rig.run(work.heartbeat(self.rig.keys, worker, LONG_MS, {"host": "h"})) == -1
        assert self.rig.dump() == before

    @rule()
    def scripts_are_flushed(self) -> None:
        self.rig.raw.script_flush()

    # -- what must hold ---------------------------------------------------------------------------

    @invariant()
    def every_job_is_in_exactly_one_place(self) -> None:
        there: dict[str, State] = {}
        for state in LISTED:
            for job in self.rig.client.list_jobs("q", state, limit=1_000).jobs:
                assert job.ref.id not in there, f"{job.ref.id} is both {there[job.ref.id]} and {state}"
                there[job.ref.id] = state
        assert there == {job_id: known.state for job_id, known in self.jobs.items() if known.state in LISTED}

    @invariant()
    def counters_equal_the_states(self) -> None:
        totals = self.rig.totals()
        states = Counter(known.state for known in self.jobs.values() if not known.purged)
        purged = sum(known.purged for known in self.jobs.values())
        assert totals.get("enqueued", 0) == len(self.jobs)
        assert totals.get("done", 0) == states[State.DONE]
        assert totals.get("cancelled", 0) == states[State.CANCELLED]
        assert totals.get("purged", 0) == purged
        snapshot = self.rig.client.snapshot("q")
        assert snapshot.ready_total == states[State.READY]
        assert snapshot.running == states[State.RUNNING]

    @invariant()
    def what_runs_is_pending_in_the_name_of_its_worker(self) -> None:
        for worker in self.held:
            held = sum(
                known.state is State.RUNNING and known.worker == worker for known in self.jobs.values()
            )
            assert len(self.rig.pending(worker)) == held

    @invariant()
    def no_key_is_without_an_owner_or_an_end(self) -> None:
        assert leaks(self.rig.raw) == []

    # -- how calls are made -----------------------------------------------------------------------

    def _do(self, command: Command[Any], *, same_reply: bool = True) -> Any:
        """Makes the call, and makes it again as after a lost reply: nothing may change then."""
        reply = self.rig.run(command)
        before = self.rig.dump()
        again = self.rig.run(command)
        assert self.rig.dump() == before, "the same call again changed something"
        assert not same_reply or list(again) == list(reply)
        return reply

    def _some_held(self, data: st.DataObject, most: int) -> tuple[str, list[Job]]:
        worker = data.draw(st.sampled_from(sorted(name for name, jobs in self.held.items() if jobs)))
        jobs = sorted(self.held[worker].values(), key=lambda job: job.id)
        return worker, jobs[:most]


@pytest.mark.timeout(300)
def test_any_order_of_calls_keeps_the_invariants(server: Server) -> None:
    bound = type("Bound", (Machine,), {"server": server})
    limits = settings(
        max_examples=30, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
    )
    before = Machine.runs

    run_state_machine_as_test(bound, settings=limits)

    assert Machine.runs - before >= 15
