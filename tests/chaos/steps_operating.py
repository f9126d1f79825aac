"""Steps of the stateful test: producers and operators."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from taskq_core import JobDetail, JobOptions, JobRef, Priority, QueueDraining, QueueFull, Refused, State
from taskq_core.commands import moving, operate, produce
from taskq_core.job import Change
from tests.chaos.model import LIVE, WAITS, Known
from tests.chaos.steps import Data, Steps

HOUR = timedelta(hours=1)
FOUND = {"r": State.READY, "s": State.SCHEDULED, "d": State.DEAD}
_LEVELS = st.sampled_from([Priority.HIGH, Priority.NORMAL])
_KEYS = st.sampled_from(["", "", "", "", "k1", "k2"])
LETTERS = "chnl"
BROUGHT = [f"{letter}1700000000000-{n}" for letter in "ns" for n in range(3)]


class Operating(Steps):
    """Jobs come to be, and are moved by hand."""

    def enqueue(self, data: Data) -> None:
        count, level, key = data.draw(st.integers(1, 8)), data.draw(_LEVELS), data.draw(_KEYS)
        delayed, keep = data.draw(st.sampled_from([False, False, True])), data.draw(st.booleans())
        self.calls += 1
        options = JobOptions(
            delay=HOUR if delayed else None, priority=level, unique=key or None, keep=HOUR if keep else None
        )
        payloads = tuple(b'{"n":%d}' % n for n in range(1 if key else count))
        group = produce.Group("t", payloads, options)
        command = produce.enqueue(self.rig.keys, [group], "session", self.calls)
        if not self.model.room(len(payloads)):
            self.refused(command, QueueDraining if self.model.draining else QueueFull)
            self.reopen()
            return
        receipts = self.call(command, same_reply=True)
        assert len(receipts) == len(payloads)
        for receipt in receipts:
            assert receipt.duplicate is bool(self.model.holder(key))
            if receipt.duplicate:
                assert receipt.id == self.model.holder(key)
                continue
            self._bear(receipt.id, level, delayed=delayed, unique=key, keep=keep)

    def _bear(self, job_id: str, level: Priority, *, delayed: bool, unique: str, keep: bool) -> None:
        at = LETTERS.index(level.letter)
        self.model.totals["enqueued"] += 1
        known = Known(State.SCHEDULED if delayed else State.READY, at, unique=unique, keep=keep)
        if not delayed:
            known.place, known.born = (level.letter, job_id[1:].encode()), self.model.totals["enqueued"]
        self.model.bear(job_id, known)

    def import_jobs(self, data: Data) -> None:
        ids = data.draw(st.lists(st.sampled_from(BROUGHT), min_size=1, max_size=4, unique=True))
        state = data.draw(st.sampled_from(list(FOUND)))
        jobs = [_brought(job_id, state) for job_id in ids]
        new = [
            job_id for job_id in ids if job_id not in self.model.imported and job_id not in self.model.jobs
        ]
        command = moving.import_jobs(self.rig.keys, jobs)
        if self.model.draining or not self.model.room(0 if state == "d" else len(new)):
            self.refused(command, QueueDraining if self.model.draining else QueueFull)
            return
        changes = self.call(command)
        assert [change.ref.id for change in changes if change.done] == new
        assert all(change.found == "known" for change in changes if not change.done)
        for job_id in new:
            self.model.bear(
                job_id, Known(FOUND[state], LETTERS.index("n"), attempts=4 if state == "d" else 0)
            )
        self.model.imported.update(new)
        self.model.totals["imported"] += len(new)

    # -- jobs by hand ---------------------------------------------------------------------------

    def cancel(self, data: Data) -> None:
        ids = self.some_jobs(data)
        rows = self.call(operate.cancel(self.rig.keys, ids))
        for job_id, row in zip(ids, rows, strict=True):
            known = self.model.jobs[job_id]
            assert row.change.done is (known.state in LIVE)
            assert row.worker == known.worker
            if known.state in WAITS:
                self.model.leave(job_id, State.CANCELLED, "cancelled")
                self.model.results |= {job_id} if known.keep else set()

    def retry(self, data: Data) -> None:
        ids = self.some_jobs(data, *data.draw(st.sampled_from([(), (State.DEAD,)])))
        changes: list[Change] = self.call(operate.retry(self.rig.keys, ids))
        for job_id, change in zip(ids, changes, strict=True):
            known = self.model.jobs[job_id]
            assert change.done is (known.state in (State.DEAD, State.SCHEDULED))
            known.due = known.due or known.state is State.SCHEDULED
            if known.state is State.DEAD:
                known.state = State.READY
                self.model.totals["revived"] += 1

    def bury(self, data: Data) -> None:
        ids = self.some_jobs(data, *data.draw(st.sampled_from([(), (State.SCHEDULED,)])))
        changes: list[Change] = self.call(operate.bury(self.rig.keys, ids))
        for job_id, change in zip(ids, changes, strict=True):
            waited = self.model.jobs[job_id].state is State.SCHEDULED
            assert change.done is waited
            if waited:
                self.model.leave(job_id, State.DEAD, "dead")
        self.trimmed()

    def delete(self, data: Data) -> None:
        ids = self.some_jobs(data, *data.draw(st.sampled_from([(), (State.DEAD,)])))
        changes: list[Change] = self.call(operate.delete(self.rig.keys, ids))
        for job_id, change in zip(ids, changes, strict=True):
            dead = self.model.jobs[job_id].state is State.DEAD
            assert change.done is dead
            if dead:
                self.model.leave(job_id, State.CANCELLED, "deleted")

    def purge(self, data: Data) -> None:
        state = data.draw(st.sampled_from([State.READY, State.SCHEDULED, State.DEAD]))
        waiting, purged = self.model.of(state), 0
        while step := self.once(operate.purge(self.rig.keys, state, None, 5)):
            assert step <= 5
            purged += step
        assert purged == len(waiting)
        for job_id in waiting:
            self.model.leave(job_id, State.CANCELLED, "purged")

    def trimmed(self) -> None:
        """Takes note of dead jobs that went because there are too many; which ones, the server says."""
        dead = self.model.of(State.DEAD)
        over = len(dead) - (self.model.dead_max or len(dead))
        if over > 0:
            there = {name.decode() for name in self.rig.raw.hkeys(self.rig.keys.dead_jobs)}
            gone = set(dead) - there
            assert len(gone) == over
            for job_id in gone:
                self.model.leave(job_id, State.CANCELLED, "trimmed")

    # -- the queue ------------------------------------------------------------------------------

    def pause(self, data: Data) -> None:
        assert self.call(operate.pause(self.rig.keys)) is not self.model.paused
        self.model.paused = True

    def drain(self, data: Data) -> None:
        if self.model.paused:
            self.refused(operate.drain(self.rig.keys), Refused)
            return
        assert self.call(operate.drain(self.rig.keys)) is not self.model.draining
        self.model.draining = True

    def resume(self, data: Data) -> None:
        changed = self.model.paused or self.model.draining
        assert self.call(operate.resume(self.rig.keys)) is changed
        self.model.paused = self.model.draining = False

    def reopen(self) -> None:
        """Lets the work go on, so that most of a run is not spent before a closed queue."""
        self.once(operate.resume(self.rig.keys))
        self.model.paused = self.model.draining = False
        self._limit(0, self.model.dead_max)

    def set_limits(self, data: Data) -> None:
        self._limit(data.draw(st.sampled_from([0, 10, 20])), data.draw(st.sampled_from([0, 2])))

    def _limit(self, jobs: int, dead: int) -> None:
        self.call(operate.configure(self.rig.keys, {"max_jobs": jobs or None, "dead_max": dead or None}))
        # those that are dead already stay until the next one dies
        self.model.max_jobs, self.model.dead_max = jobs, dead


def _brought(job_id: str, state: str) -> JobDetail:
    now = datetime.now(UTC)
    return JobDetail(
        JobRef("elsewhere", job_id), FOUND[state], "t", Priority.NORMAL, b'{"id":"%b"}' % job_id.encode(),
        4 if state == "d" else 0, now, due_at=now + HOUR, died_at=now,
    )  # fmt: skip


def counted(totals: Counter[str]) -> dict[str, int]:
    """Counters without those that are zero."""
    return {name: n for name, n in totals.items() if n}
