"""Chains: a job that is done enqueues the next one in the same call, with its result."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from taskq_core import InvalidOption, JobOptions, NewJob, State
from taskq_core.codec import PLAIN, Meta, decode_links, decode_meta, encode_json, encode_links
from taskq_core.commands.produce import chain_of
from taskq_core.errors import InvalidPayload
from tests.scripts.grouping import callbacks, claim_all, conclude, concluding, counts, full, opened
from tests.scripts.rig import Rig
from tests.servers import Server

HOUR = timedelta(hours=1)
TRICKY = {"G": "g", "k": 5, "i": "n1-1", "text": 'a\n"G":"g",\u2028'}


@pytest.fixture
def rig(server: Server) -> Iterator[Rig]:
    """A queue on an empty server, with one protocol on each kind."""
    rig = Rig(server, 2 if server.kind == "valkey" else 3)
    yield rig
    rig.client.close()


def test_each_job_of_a_chain_gets_the_result_of_the_one_before_it(rig: Rig) -> None:
    later = [NewJob("second", TRICKY), NewJob("third", {"n": 3}, JobOptions(priority="high", retries=9))]
    (first,) = rig.add(1, then=later)
    rig.hire()
    (job,) = rig.claim()
    assert (job.previous, job.after) == (None, None)
    ending = concluding(rig, "w1", job, result={"rows": [1, 2]})
    assert [rig.run(ending) for _ in range(3)] == [1, 0, 0]

    (second,) = rig.claim(want=5)
    assert (second.task, second.payload, second.previous) == ("second", TRICKY, {"rows": [1, 2]})
    assert second.after is not None
    assert second.after.id == first
    detail = rig.detail(second.id)
    assert (detail.then, detail.previous, detail.group) == (("third",), b'{"rows":[1,2]}', None)
    conclude(rig, "w1", second, result=None)

    (third,) = rig.claim(want=5)
    assert (third.task, third.payload, third.previous) == ("third", {"n": 3}, None)
    assert (third.priority, third.meta.retries, third.meta.next) == ("high", 9, "")
    rig.ack("w1", third)
    assert rig.totals() == {"enqueued": 3, "done": 3}


def test_a_link_that_fails_holds_the_chain_and_goes_on_when_it_is_retried(rig: Rig) -> None:
    rig.add(1, then=[NewJob("second", {}), NewJob("third", {})])
    rig.hire()
    conclude(rig, "w1", *rig.claim(), result=7)
    (second,) = rig.claim()
    rig.run(rig.failing("w1", second, retries=1))
    rig.make_due(second.id)
    (again,) = claim_all(rig)
    rig.run(rig.failing("w1", again))
    assert (rig.state(second.id), rig.claim(want=5)) == (State.DEAD, [])

    rig.client.retry("q", [second.id])
    (revived,) = rig.claim()
    assert (revived.previous, rig.detail(revived.id).then) == (7, ("third",))
    conclude(rig, "w1", revived, result=8)

    assert [(job.task, job.previous) for job in rig.claim(want=5)] == [("third", 8)]


def test_a_member_with_a_chain_counts_when_its_last_job_is_done(rig: Rig) -> None:
    opened(rig, count=2)
    rig.add(2, group="g", then=[NewJob("second", {})])
    rig.hire()
    conclude(rig, "w1", *rig.claim(want=2))
    assert (counts(rig), callbacks(rig)) == ({"total": 2}, [])

    one, two = rig.claim(want=5)
    assert (one.task, one.group) == ("second", "g")
    conclude(rig, "w1", one)
    rig.run(rig.failing("w1", two))

    assert counts(rig) == {"total": 2, "done": 1, "dead": 1}


def test_what_is_nested_in_a_chain_is_nobodys_field(rig: Rig) -> None:
    full(rig, 1)
    link = NewJob("second", TRICKY, JobOptions(keep=HOUR))
    rig.add(1, then=[link])
    (waiting,) = rig.add(1, then=[link], delay=HOUR)
    assert counts(rig) == {"total": 1}
    rig.client.cancel("q", [waiting])
    assert counts(rig) == {"total": 1}
    assert rig.raw.exists(rig.keys.result(waiting)) == 0


def test_a_delayed_link_waits_for_its_time(rig: Rig) -> None:
    rig.add(1, then=[NewJob("second", {}, JobOptions(delay=HOUR))])
    rig.hire()
    conclude(rig, "w1", *rig.claim())
    (job,) = rig.client.list_jobs("q", State.SCHEDULED).jobs
    assert job.due_at is not None
    assert (job.task, job.due_at - job.enqueued_at) == ("second", HOUR)


def test_a_chain_that_is_cancelled_ends_there(rig: Rig) -> None:
    rig.add(1, then=[NewJob("second", {})])
    rig.hire()
    conclude(rig, "w1", *rig.claim(), cancelled=True)
    assert rig.totals() == {"enqueued": 1, "cancelled": 1}


def test_a_job_of_a_chain_keeps_its_result_frees_its_lock_and_leaves_no_note(rig: Rig) -> None:
    (job_id,) = rig.add(1, then=[NewJob("second", {})], unique="u", keep=HOUR, delay=HOUR)
    rig.make_due(job_id)
    rig.hire()
    conclude(rig, "w1", *claim_all(rig), result=[1])
    assert rig.detail(job_id).result == b"[1]"
    assert rig.raw.exists(rig.keys.unique("u"), rig.keys.moved) == 0


def test_those_who_follow_the_queue_hear_of_jobs_that_are_concluded(rig: Rig) -> None:
    full(rig, 2)
    rig.raw.set(rig.keys.tail, "10 100 60000", ex=60)
    rig.hire()
    conclude(rig, "w1", *rig.claim(want=2))
    told = [next(iter(fields.items())) for _, fields in rig.raw.xrange(rig.keys.events)]
    assert [(name, about.split()[1]) for name, about in told] == [(b"done", b"t")] * 2


@pytest.mark.parametrize(
    "options",
    [JobOptions(unique="u"), JobOptions(group="g"), JobOptions(then=[NewJob("t", {})])],
    ids=["unique", "group", "then"],
)
def test_what_a_later_job_cannot_be_is_refused(options: JobOptions) -> None:
    with pytest.raises(InvalidOption):
        JobOptions(then=[NewJob("t", {}, options)])


def test_a_chain_has_bounds() -> None:
    with pytest.raises(InvalidOption, match="100 jobs"):
        chain_of([NewJob("t", {})] * 100)
    with pytest.raises(InvalidOption, match="bytes"):
        chain_of([NewJob("t", {"x": "y" * 70_000})])


def test_the_longest_chain_can_be_sent_and_a_longer_one_is_refused_by_the_server(rig: Rig) -> None:
    rig.add(1, then=[NewJob("t", {"x": '"' * 7_000})] * 3)
    with pytest.raises(InvalidOption, match="options are too large"):
        rig.add(1000, then=[NewJob("t", {"x": "y" * 20_000})] * 2)
    assert rig.totals()["enqueued"] == 1


@pytest.mark.parametrize("chain", ['{"T":1}', "[1]", '[{"T":"a b","p":{}}]', '[{"T":"a","p":{},"l":"x"}]'])
def test_a_chain_of_another_hand_is_malformed(chain: str) -> None:
    with pytest.raises(InvalidPayload):
        decode_links(chain)


def test_a_chain_is_read_as_it_was_written() -> None:
    links = decode_links(chain_of([NewJob("a", TRICKY, JobOptions(delay=HOUR)), NewJob("b", b'{"x": 1}')]))
    assert [(link.task, link.delay, link.meta) for link in links] == [
        ("a", 3_600_000, PLAIN),
        ("b", 0, PLAIN),
    ]
    meta = Meta(group="g", next=encode_links(links), previous='"x"')
    assert decode_meta(encode_json(meta)) == meta
