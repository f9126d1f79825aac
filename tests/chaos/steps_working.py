"""Steps of the stateful test: workers, and the maintainer that takes over from dead ones."""

from __future__ import annotations

from hypothesis import strategies as st

from taskq_core import State
from taskq_core.claimed import Job
from taskq_core.command import Command
from taskq_core.commands import work
from taskq_core.commands.work import Acks, End
from taskq_core.keys import LEVELS
from tests.chaos.steps import OUTCOME, Data
from tests.chaos.steps_operating import Operating
from tests.scripts.rig import LONG_MS


class Working(Operating):
    """Jobs are claimed, end, and are taken over."""

    def hire(self, data: Data) -> None:
        name = f"w{len(self.held) + 1}"
        for _ in range(2):  # it may arrive twice, and renews the lease then
            assert self.once(work.register(self.rig.keys, name, LONG_MS, {"host": "h"})) > 0
        self.held[name] = {}
        self.model.live.add(name)

    def claim(self, data: Data) -> None:
        worker = data.draw(st.sampled_from(self.alive()))
        want, reply_is_lost = data.draw(st.integers(1, 8)), data.draw(st.sampled_from([False, False, True]))
        alone = not self.model.running(worker)
        claim = self.once(work.claim(self.rig.keys, worker, work.Wanted(want, alone=alone)))
        jobs = self.rig.jobs(claim)
        self._check_claim(claim.state, jobs, want, alone)
        for job in jobs:
            known = self.model.hand_out(job.id, worker, (job.stream, job.entry))
            assert job.attempt == known.attempts + known.deliveries, f"{job.id} begins attempt {job.attempt}"
            if not reply_is_lost:
                self.held[worker][job.id] = job

    def _check_claim(self, state: str, jobs: list[Job], want: int, alone: bool) -> None:
        """All there is up to what is wanted, level by level, in order; a suspect by itself."""
        if self.model.paused:
            assert (state, jobs) == ("paused", [])
            self.reopen()
            return
        suspects = [job for job in jobs if job.deliveries > 2]
        assert (state == "alone") is bool(suspects)
        if suspects:
            assert alone
            assert jobs == suspects[:1]
            return
        assert len(jobs) <= want
        for level, waiting in enumerate(self.seen.waiting):
            first = [job.entry for job in jobs if LEVELS.index(job.stream) == level and job.deliveries == 1]
            fresh = [entry for entry in first if entry in waiting]
            assert fresh == waiting[: len(fresh)], "not the oldest were handed out"
        got = {job.id for job in jobs}
        known = self.model.jobs
        left = [
            known[name].level for name in self.model.of(State.READY) if self._plain(name) and name not in got
        ]
        assert len(jobs) == want or not left, "there was more to be had"
        assert not got or not left or min(left) >= max(LEVELS.index(job.stream) for job in jobs), (
            "a lower level went first"
        )

    def _plain(self, job_id: str) -> bool:
        return not self.model.jobs[job_id].crashed

    def ack(self, data: Data) -> None:
        worker, jobs = self.some_held(data, 8)
        assert self.call(self.acking(worker, jobs)) == sum(map(self.ends, jobs))
        self.acked(worker, jobs)

    def acking(self, worker: str, jobs: list[Job]) -> Command[int]:
        """The ack of some jobs with all that ends with them."""
        acks = Acks()
        for job in jobs:
            acks.entries.setdefault(("done", job.stream), []).append(job.entry)
            if job.meta.id:
                acks.moved.append(job.meta.id)
            if job.meta.keep or job.meta.unique:
                outcome = OUTCOME if job.meta.keep else b""
                acks.ends.append(End(job.id, outcome, job.meta.keep, job.meta.unique))
        return work.ack(self.rig.keys, worker, acks)

    def acked(self, worker: str, jobs: list[Job]) -> None:
        """Takes note of an ack."""
        for job in jobs:
            del self.held[worker][job.id]
            if self.ends(job):
                self.model.accept(job.id, job.attempt)
                self.model.leave(job.id, State.DONE, "done")
            if job.meta.keep:
                self.model.results.add(job.id)
            if job.meta.unique and not self.model.holder(job.meta.unique):
                self.model.free(job.meta.unique, job.id)

    def fail(self, data: Data) -> None:
        worker, jobs = self.some_held(data, 3)
        again = data.draw(st.booleans())
        ended = [job for job in jobs if self.has(job, worker)]
        command = self.rig.failing(worker, *jobs, retries=1_000 if again else 0, delay_ms=3_600_000)
        assert self.call(command) == len(ended)
        for job in jobs:
            del self.held[worker][job.id]
        self.failed(ended, State.SCHEDULED if again else State.DEAD)

    def failed(self, jobs: list[Job], state: State) -> None:
        """Takes note of failed attempts."""
        for job in jobs:
            known = self.model.accept(job.id, job.attempt)
            self.model.totals["failed"] += 1
            self.model.leave(job.id, state, "retried" if state is State.SCHEDULED else "dead")
            assert known.attempts == job.attempt
            if state is State.DEAD:
                self.model.free(known.unique, job.id)
                self.model.results |= {job.id} if known.keep else set()
        self.trimmed()

    def release(self, data: Data) -> None:
        worker, jobs = self.some_held(data, 3)
        given = [job for job in jobs if self.has(job, worker)]
        assert self.call(work.release(self.rig.keys, worker, jobs)) == len(given)
        for job in jobs:
            del self.held[worker][job.id]
        for job in given:
            self.model.give_back(job.id, crash=False)

    def adopt(self, data: Data) -> None:
        worker = data.draw(st.sampled_from(self.alive()))
        there = {(job.stream, job.entry) for job in self.held[worker].values()}
        pending = self.rig.pending(worker)
        lost = [place for place in pending if place not in there]
        found = self.call(work.adopt(self.rig.keys, worker, lost), same_reply=True)
        assert len(found) == len(lost)
        for stream, (entry, fields) in found:
            job = work.job_of(self.rig.queue, stream, entry, fields, pending[stream, entry])
            assert self.has(job, worker)
            assert job.attempt == self.model.jobs[job.id].attempts + self.model.jobs[job.id].deliveries
            self.held[worker][job.id] = job

    def beat(self, data: Data) -> None:
        worker = data.draw(st.sampled_from(self.alive()))
        assert self.once(work.heartbeat(self.rig.keys, worker, LONG_MS, {"host": "h"})) > 0

    def stop(self, data: Data) -> None:
        worker = data.draw(st.sampled_from(self.alive()))
        runs = self.model.running(worker)
        assert self.call(work.retire(self.rig.keys, worker)) is not bool(runs)
        self.model.live.discard(worker)
        self.model.revoked |= {worker} if runs else set()

    def evict(self, data: Data) -> None:
        """A lease is lost, as on a server that evicts keys."""
        worker = data.draw(st.sampled_from(self.alive()))
        self.rig.raw.zrem(self.rig.keys.leases, worker)
        self.model.live.discard(worker)
        watch = self.once(work.watch(self.rig.keys, "maintainer", LONG_MS))
        assert (watch.leases.get(worker) == "0") is bool(self.model.running(worker))
        if watch.leases.get(worker) == "0":
            self.reclaim(worker, "0")

    # -- time, and the maintainer ---------------------------------------------------------------

    def time_passes(self, data: Data) -> None:
        self.make_due(self.delayed()[: data.draw(st.integers(1, 5))])

    def delayed(self) -> list[str]:
        """Jobs that are not due yet."""
        return [name for name in self.model.of(State.SCHEDULED) if not self.model.jobs[name].due]

    def make_due(self, ids: list[str]) -> None:
        """Lets time pass for some jobs."""
        self.rig.make_due(*ids)
        for job_id in ids:
            self.model.jobs[job_id].due = True
        self.last = None

    def promote(self, data: Data) -> None:
        self.promote_all(data.draw(st.sampled_from([1, 100])))

    def promote_all(self, limit: int) -> None:
        """Promotes until nothing is due."""
        due = [job_id for job_id in self.model.of(State.SCHEDULED) if self.model.jobs[job_id].due]
        promoted = 0
        while step := self.once(work.promote(self.rig.keys, limit))[0]:
            assert step <= limit
            promoted += step
        assert promoted == len(due)
        for job_id in due:
            self.model.jobs[job_id].state, self.model.jobs[job_id].due = State.READY, False

    def fall_silent(self, data: Data) -> None:
        worker = data.draw(st.sampled_from(self.alive()))
        self.reclaim(worker, self.rig.expire(worker))

    def take_over(self, data: Data) -> None:
        self.reclaim(data.draw(st.sampled_from(sorted(self.model.revoked))), "")

    def reclaim(self, worker: str, expiry: str) -> None:
        """One step of a take-over; what crashed its workers three times is buried by the maintainer."""
        runs = self.model.running(worker)
        poison = [job_id for job_id in runs if self.model.jobs[job_id].deliveries >= 3]
        step = self.once(work.reclaim(self.rig.keys, worker, expiry))
        assert step.state == ("more" if runs else "gone")
        assert step.moved == len(runs) - len(poison)
        for job_id in set(runs) - set(poison):
            self.model.give_back(job_id, crash=True)
            self.model.totals["recovered"] += 1
        self.model.live.discard(worker)
        self.model.revoked.add(worker)
        if not runs:
            self.model.revoked.discard(worker)
        jobs = [
            work.job_of(self.rig.queue, stream, entry, fields, n) for stream, entry, n, fields in step.poison
        ]
        assert sorted(job.id for job in jobs) == poison
        if jobs:
            assert self.call(self.rig.failing(worker, *jobs, revoked=True)) == len(jobs)
            self.failed(jobs, State.DEAD)
