"""After a failover that lost the last words: workers report runs that the server knows nothing of."""

from __future__ import annotations

from datetime import timedelta

import pytest

from taskq_core import NotFound, State
from tests.chaos.recount import restore, save
from tests.scripts.rig import Rig
from tests.scripts.test_import_jobs import a_job

HOUR = timedelta(hours=1)


@pytest.mark.parametrize("count", [1, 6])
def test_jobs_that_were_done_and_wait_again_are_ended_and_counted(rig: Rig, count: int) -> None:
    rig.add(count + 1)
    rig.hire()
    saved = save(rig.raw)
    jobs = rig.claim(want=count)

    restore(rig.raw, saved)

    assert rig.ack("w1", *jobs) == count
    assert rig.ack("w1", *jobs) == 0
    assert rig.totals() == {"enqueued": count + 1, "done": count}
    assert rig.client.snapshot("q").ready_total == 1


def test_a_job_that_waits_under_another_entry_keeps_its_place_and_its_key(rig: Rig) -> None:
    (job_id,) = rig.add(delay=HOUR, unique="key")
    rig.hire()
    rig.make_due(job_id)
    saved = save(rig.raw)
    rig.promote()
    (job,) = rig.claim()
    restore(rig.raw, saved)
    rig.promote()

    assert rig.ack("w1", job) == 0

    assert rig.state(job_id) is State.READY
    assert rig.add(unique="key") == [job_id]
    (again,) = rig.claim()
    assert (again.id, again.entry == job.entry) == (job_id, False)
    assert rig.ack("w1", again) == 1
    assert not rig.raw.exists(rig.keys.moved, rig.keys.unique("key"))


def test_a_run_of_a_lost_import_does_not_end_another_job(rig: Rig) -> None:
    lost, brought = (a_job(n, letter="s") for n in (1, 2))
    rig.hire()
    rig.add()  # both come behind it
    rig.ack("w1", *rig.claim())
    saved = save(rig.raw)
    rig.client.import_jobs("q", [lost])
    (job,) = rig.claim()
    restore(rig.raw, saved)
    rig.client.import_jobs("q", [brought])

    assert rig.ack("w1", job) == 0

    assert rig.state(brought.ref.id) is State.READY
    with pytest.raises(NotFound):
        rig.detail(lost.ref.id)
