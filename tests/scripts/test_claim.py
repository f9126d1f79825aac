"""claim, release, adopt: who gets which jobs, in which order, how often delivered."""

from __future__ import annotations

from datetime import timedelta

import pytest

from taskq_core import Priority, State
from taskq_core.commands import work
from tests.scripts.rig import Rig


def test_levels_come_in_order_and_within_a_level_the_oldest_first(rig: Rig) -> None:
    added = {level: rig.add(2, priority=level) for level in reversed(Priority)}
    rig.hire()

    claimed = [job.id for job in rig.claim(want=8)]

    assert claimed == [job_id for level in Priority for job_id in added[level]]


def test_the_order_of_levels_is_the_callers(rig: Rig) -> None:
    rig.add(1, priority="critical")
    (low,) = rig.add(1, priority="low")
    rig.hire()

    assert [job.id for job in rig.claim(want=1, order="lnhc")] == [low]


@pytest.mark.parametrize(("want", "got"), [(1, 1), (3, 3), (9, 5)])
def test_no_more_is_claimed_than_wanted(rig: Rig, want: int, got: int) -> None:
    rig.add(3)
    rig.add(2, priority="high")
    rig.hire()

    assert len(rig.claim(want=want)) == got
    assert len(rig.pending("w1")) == got


def test_jobs_enqueued_before_the_first_worker_are_seen(rig: Rig) -> None:
    rig.add(3)
    rig.hire()

    assert len(rig.claim(want=10)) == 3


def test_a_job_is_claimed_by_one_worker_only(rig: Rig) -> None:
    rig.add(10)
    for worker in ("w1", "w2"):
        rig.hire(worker)

    first, second = rig.claim("w1", 6), rig.claim("w2", 6)

    assert len({job.id for job in first + second}) == len(first + second) == 10


def test_nobody_claims_without_a_lease(rig: Rig) -> None:
    rig.add()
    rig.hire()

    claim = rig.run(work.claim(rig.keys, "stranger", work.Wanted(10)))

    assert (claim.state, claim.batches) == ("lost", [])
    assert len(rig.claim(want=10)) == 1


def test_a_paused_queue_hands_out_nothing(rig: Rig) -> None:
    rig.add()
    rig.hire()
    assert [rig.client.pause("q"), rig.client.pause("q")] == [True, False]
    assert rig.run(work.claim(rig.keys, "w1", work.Wanted(10))).state == "paused"

    assert [rig.client.resume("q"), rig.client.resume("q")] == [True, False]

    assert len(rig.claim(want=10)) == 1


def test_resuming_wakes_the_workers(rig: Rig) -> None:
    rig.client.pause("q")
    assert rig.raw.llen(rig.keys.wake) == 0

    rig.client.resume("q")

    assert rig.raw.llen(rig.keys.wake) > 0


def test_a_claim_says_when_the_next_delayed_job_is_due(rig: Rig) -> None:
    rig.hire()
    assert rig.run(work.claim(rig.keys, "w1", work.Wanted(1))).next_due == -1
    (job_id,) = rig.add(delay=timedelta(minutes=1))
    assert 50_000 < rig.run(work.claim(rig.keys, "w1", work.Wanted(1))).next_due <= 60_000

    rig.make_due(job_id)

    assert rig.run(work.claim(rig.keys, "w1", work.Wanted(1))).next_due == 0


def test_an_emptied_queue_keeps_no_wake_up_tokens(rig: Rig) -> None:
    rig.add(3)
    rig.hire()
    rig.claim(want=3)
    assert rig.raw.llen(rig.keys.wake) == 3  # somebody may still be needed

    rig.claim(want=1)

    assert rig.raw.llen(rig.keys.wake) == 0


@pytest.mark.parametrize("way", ["group", "stream"])
def test_a_missing_group_is_made_anew_and_later_jobs_are_claimed(rig: Rig, way: str) -> None:
    rig.hire()
    rig.claim()
    if way == "stream":
        rig.raw.delete(*rig.keys.streams)
    else:
        rig.raw.xgroup_destroy(rig.keys.streams[2], "w")

    (job_id,) = rig.add()

    assert [job.id for job in rig.claim()] == [job_id]


# -- release --------------------------------------------------------------------------------


def test_released_jobs_are_ready_and_come_first_with_their_count_unchanged(rig: Rig) -> None:
    ids = rig.add(4)
    for worker in ("w1", "w2"):
        rig.hire(worker)
    jobs = rig.claim("w1", 2)

    assert rig.run(work.release(rig.keys, "w1", jobs)) == 2

    assert rig.state(ids[0]) is State.READY
    again = [job for want in (1, 3) for job in rig.claim("w2", want)]
    assert [job.id for job in again] == ids
    assert {job.attempt for job in again} == {1}
    assert set(rig.pending("w2").values()) == {1}


def test_a_job_given_back_over_and_over_is_still_in_its_first_attempt(rig: Rig) -> None:
    rig.add()
    rig.hire()
    for _ in range(5):
        jobs = rig.claim()
        rig.run(work.release(rig.keys, "w1", jobs))

    assert [job.attempt for job in rig.claim()] == [1]


def test_releasing_wakes_other_workers(rig: Rig) -> None:
    rig.add()
    rig.hire()
    jobs = rig.claim(want=2)  # more than there is, so the token goes
    assert rig.raw.llen(rig.keys.wake) == 0

    rig.run(work.release(rig.keys, "w1", jobs))

    assert rig.raw.llen(rig.keys.wake) == 1


# -- adopt ----------------------------------------------------------------------------------


def test_a_claim_whose_reply_was_lost_can_be_adopted(rig: Rig) -> None:
    rig.add(2, payload={"x": 1})
    rig.add(1, priority="high")
    rig.hire()
    lost = rig.claim(want=3)

    pending = rig.run(work.pending(rig.keys, "w1"))
    bodies = rig.run(work.adopt(rig.keys, "w1", [(level, entry) for level, entry, _ in pending]))

    adopted = [work.job_of("q", level, entry, fields) for level, (entry, fields) in bodies]
    assert sorted((j.id, j.raw) for j in adopted) == sorted((j.id, j.raw) for j in lost)


def test_adopting_takes_nothing_from_others_and_nothing_that_has_ended(rig: Rig) -> None:
    rig.add(3)
    for worker in ("w1", "w2"):
        rig.hire(worker)
    mine, done = rig.claim("w1", 2)
    (other,) = rig.claim("w2", 1)
    rig.ack("w1", done)
    before = rig.dump()

    bodies = rig.run(work.adopt(rig.keys, "w1", [(j.stream, j.entry) for j in (mine, done, other)]))

    assert [entry for _, (entry, _) in bodies] == [mine.entry]
    assert rig.dump() == before


def test_an_entry_deleted_by_hand_is_no_longer_pending_after_adoption(rig: Rig) -> None:
    rig.add()
    rig.hire()
    (job,) = rig.claim()
    rig.raw.xdel(rig.keys.streams[2], job.entry)

    assert rig.run(work.adopt(rig.keys, "w1", [(job.stream, job.entry)])) == []

    assert rig.pending("w1") == {}


# -- suspects -------------------------------------------------------------------------------


def test_a_job_that_crashed_two_workers_is_handed_out_alone_to_a_worker_that_holds_nothing(rig: Rig) -> None:
    (suspect,) = rig.add()
    rig.make_suspect(suspect)
    others = rig.add(3)
    for worker in ("w1", "w2"):
        rig.hire(worker)

    job = rig.claim_suspect("w1")

    assert (job.id, job.attempt) == (suspect, 3)
    assert len(rig.pending("w1")) == 1
    assert [job.id for job in rig.claim("w2", 9)] == others


def test_a_busy_worker_gets_the_others_and_one_of_them_makes_room(rig: Rig) -> None:
    (suspect,) = rig.add()
    rig.make_suspect(suspect)
    others = rig.add(6)
    for worker in ("w1", "w2"):
        rig.hire(worker)

    first, second = (rig.run(work.claim(rig.keys, worker, work.Wanted(3))) for worker in ("w1", "w2"))

    assert (first.state, second.state) == ("drain", "ok")
    assert [job.id for job in rig.jobs(first) + rig.jobs(second)] == others
    assert 0 < rig.raw.pttl(rig.keys.suspects) <= 15_000
    assert rig.state(suspect) is State.READY


def test_a_job_that_crashed_one_worker_is_no_suspect_yet(rig: Rig) -> None:
    ids = rig.add(3)
    for worker in ("w1", "w2"):
        rig.hire(worker)
    rig.claim("w1", 3)
    rig.take_over("w1")

    assert [job.id for job in rig.claim("w2", 9)] == ids
    assert not rig.raw.exists(rig.keys.suspects)


def test_of_several_suspects_one_is_handed_out_at_a_time(rig: Rig) -> None:
    (low,) = rig.add(priority="low")
    rig.make_suspect(low)
    both = rig.add(2)
    for crash in (1, 2):
        rig.hire(f"v{crash}")
        rig.claim(f"v{crash}", 2, "n")
        rig.take_over(f"v{crash}")
    (given_back,) = rig.add(priority="low")
    for worker in ("w1", "w2"):
        rig.hire(worker)
    rig.run(work.release(rig.keys, "w2", rig.claim("w2", 1, "l")))

    taken = []
    for _ in range(3):
        job = rig.claim_suspect("w1")
        rig.ack("w1", job)
        taken.append(job.id)

    assert taken == [*both, low]
    assert [job.id for job in rig.claim("w1", 9)] == [given_back]
