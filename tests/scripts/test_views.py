"""Lists and snapshots: each job once over all pages, and figures that a recount confirms."""

from __future__ import annotations

from datetime import timedelta

import pytest

from taskq_core import InvalidName, InvalidOption, NotFound, Priority, State
from taskq_core.commands import work
from tests.scripts.rig import Rig

HOUR = timedelta(hours=1)
LISTED = (State.SCHEDULED, State.READY, State.RUNNING, State.DEAD)


def fill(rig: Rig) -> dict[State, set[str]]:
    """A queue with jobs of every level and history; the ids in each state."""
    rig.hire("w1")
    rig.hire("w2")
    dead = set(rig.bury(7))
    scheduled = rig.add(11, delay=HOUR)
    for level in Priority:
        rig.add(6, priority=level)
    taken = [job for order in "chnl" for job in rig.claim("w1", 4, order)]
    rig.run(work.release(rig.keys, "w1", [job for job in taken if job.entry[-1:] in b"01"]))
    rig.claim("w2", 1, "h")
    rig.make_due(*scheduled[:3])
    rig.promote()
    running = {level + entry.decode() for level, entry in _held(rig, "w1") + _held(rig, "w2")}
    ready = {
        level + entry.decode()
        for level, stream in zip("chnl", rig.keys.streams, strict=True)
        for entry, fields in rig.raw.xrange(stream)
        if b"@" not in fields
    } - running
    return {
        State.DEAD: dead,
        State.SCHEDULED: set(scheduled[3:]),
        State.RUNNING: running,
        State.READY: ready | set(scheduled[:3]),
    }


def _held(rig: Rig, worker: str) -> list[tuple[str, bytes]]:
    return list(rig.pending(worker))


@pytest.mark.parametrize("limit", [1, 3, 100])
@pytest.mark.parametrize("state", LISTED)
def test_pages_hold_each_job_of_the_state_exactly_once(rig: Rig, state: State, limit: int) -> None:
    expected = fill(rig)[state]

    seen, cursor, sizes = [], "", []
    while True:
        page = rig.client.list_jobs("q", state, limit=limit, cursor=cursor)
        seen += [job.ref.id for job in page.jobs]
        sizes.append(len(page.jobs))
        cursor = page.cursor
        assert {job.state for job in page.jobs} <= {state}
        if not cursor:
            break

    assert sorted(seen) == sorted(expected)
    assert len(expected) > 3
    assert max(sizes) <= limit


def test_ready_jobs_are_listed_in_the_order_they_are_claimed(rig: Rig) -> None:
    fill(rig)
    listed = [job.ref.id for job in rig.client.list_jobs("q", State.READY).jobs]

    claimed = [job.id for job in rig.claim("w2", 100)]

    assert listed == claimed


def test_jobs_claimed_between_two_pages_are_not_listed_as_ready(rig: Rig) -> None:
    ids = rig.add(8)
    rig.hire()
    page = rig.client.list_jobs("q", State.READY, limit=2)
    rig.claim(want=5)

    rest = rig.client.list_jobs("q", State.READY, cursor=page.cursor)

    assert [job.ref.id for job in page.jobs + rest.jobs] == ids[:2] + ids[5:]


def test_scheduled_jobs_are_listed_by_time_and_dead_ones_latest_first(rig: Rig) -> None:
    later, sooner = (rig.add(delay=hours * HOUR)[0] for hours in (2, 1))
    rig.hire()
    dead = [rig.bury()[0] for _ in range(3)]
    for score, job_id in enumerate(dead):
        rig.raw.zadd(rig.keys.dead, {job_id: 1000 + score})

    assert [job.ref.id for job in rig.client.list_jobs("q", State.SCHEDULED).jobs] == [sooner, later]
    assert [job.ref.id for job in rig.client.list_jobs("q", State.DEAD).jobs] == dead[::-1]


def test_a_running_job_is_shown_with_its_worker_and_attempt(rig: Rig) -> None:
    (job_id,) = rig.add(payload={"x": 1}, priority="high")
    rig.hire("w1")
    rig.claim("w1")
    rig.take_over("w1")
    rig.hire("w2")
    rig.claim("w2")

    (listed,) = rig.client.list_jobs("q", State.RUNNING).jobs
    assert (listed.worker, listed.attempts, listed.payload) == ("w2", 2, b'{"x":1}')
    assert listed == rig.detail(job_id)


def test_an_index_entry_without_its_job_does_not_end_the_list(rig: Rig) -> None:
    ids = rig.add(5, delay=HOUR)
    rig.raw.zadd(rig.keys.due, {"s1-1": 1, "s1-2": 2})

    seen, cursor = [], ""
    for _ in range(10):
        page = rig.client.list_jobs("q", State.SCHEDULED, limit=2, cursor=cursor)
        seen += [job.ref.id for job in page.jobs]
        cursor = page.cursor
        if not cursor:
            break

    assert seen == ids


@pytest.mark.parametrize(
    ("state", "limit", "cursor", "error"),
    [
        (State.DONE, 1, "", InvalidOption),
        (State.READY, 0, "", InvalidOption),
        (State.READY, 1001, "", InvalidOption),
        (State.READY, 1, "x", InvalidName),
        (State.DEAD, 1, "12", InvalidName),
        (State.RUNNING, 1, "x:1-1", InvalidName),
        (State.RUNNING, 1, "1:x", InvalidName),
        (State.READY, 1, "1:o:nonsense", InvalidName),
    ],
)
def test_a_list_that_cannot_be_given_is_refused(
    rig: Rig, state: State, limit: int, cursor: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        rig.client.list_jobs("q", state, limit=limit, cursor=cursor)


def test_an_unknown_job_is_not_found(rig: Rig) -> None:
    with pytest.raises(NotFound, match="q/n1-0"):
        rig.detail("n1-0")
    with pytest.raises(InvalidName):
        rig.detail("../etc")


# -- snapshot -----------------------------------------------------------------------------------


def test_a_snapshot_agrees_with_a_recount(rig: Rig) -> None:
    jobs = fill(rig)

    snapshot = rig.client.snapshot("q")

    assert snapshot.ready_total == len(jobs[State.READY])
    per_level = dict.fromkeys(Priority, 0)
    for job in rig.client.list_jobs("q", State.READY).jobs:
        per_level[job.priority] += 1
    assert dict(snapshot.ready) == per_level
    assert snapshot.running == len(jobs[State.RUNNING])
    assert snapshot.scheduled == len(jobs[State.SCHEDULED])
    assert snapshot.dead == len(jobs[State.DEAD])
    assert snapshot.workers == 2
    assert snapshot.totals == {"enqueued": 42, "failed": 7, "dead": 7}


def test_a_snapshot_of_a_queue_that_never_was_is_all_nought(rig: Rig) -> None:
    snapshot = rig.client.snapshot("nowhere", minutes=120)

    assert (snapshot.ready_total, snapshot.running, snapshot.scheduled, snapshot.dead) == (0, 0, 0, 0)
    assert (snapshot.oldest_ready_s, snapshot.next_due_at, snapshot.paused) == (None, None, False)
    assert (snapshot.totals, snapshot.history) == ({}, ())
    assert rig.dump() == {}


def test_a_snapshot_tells_pause_limits_and_what_is_due_next(rig: Rig) -> None:
    (job_id,) = rig.add(delay=HOUR)
    rig.client.pause("q")
    rig.client.configure("q", max_jobs=9, dead_age=HOUR)

    snapshot = rig.client.snapshot("q")

    assert snapshot.paused
    assert snapshot.settings == {"max_jobs": "9", "dead_age": "3600000"}
    assert snapshot.next_due_at == rig.detail(job_id).due_at


@pytest.mark.parametrize("given_back", [False, True])
def test_the_oldest_waiting_job_is_the_one_waiting_longest(rig: Rig, given_back: bool) -> None:
    rig.hire()
    now = rig.run(work.heartbeat(rig.keys, "w1", 60_000, {"host": "h"}))
    for age_s, level in [(100, 2), (50, 0)]:
        rig.raw.xadd(rig.keys.streams[level], {"t": "{}"}, id=f"{now - age_s * 1000}-0")
    jobs = rig.claim(want=1, order="n")
    if given_back:
        rig.run(work.release(rig.keys, "w1", jobs))

    oldest = rig.client.snapshot("q").oldest_ready_s

    assert oldest == pytest.approx(100 if given_back else 50, abs=5)


def test_the_history_of_a_minute_counts_what_the_totals_count(rig: Rig) -> None:
    fill(rig)

    snapshot = rig.client.snapshot("q", minutes=2)

    counts = {name: sum(m.counts.get(name, 0) for m in snapshot.history) for name in snapshot.totals}
    assert counts == snapshot.totals


def test_queues_are_listed_by_name_and_apart_for_each_namespace(rig: Rig) -> None:
    for queue in ("b", "a", "c"):
        rig.client.enqueue(queue, "t", {})

    assert rig.client.queues() == ["a", "b", "c"]
    assert [s.ready_total for s in rig.client.snapshots(["c", "nowhere"])] == [1, 0]
