"""The judgement behind `taskq why`, where the situation is over before a command could look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from taskq_cli.why.facts import JobFacts, QueueFacts
from taskq_cli.why.jobs import job_causes
from taskq_cli.why.queues import queue_causes
from taskq_core import (
    Audit,
    Holder,
    JobDetail,
    JobRef,
    Minute,
    Place,
    Priority,
    QueueSnapshot,
    State,
    TenantInfo,
    TenantLimits,
    WorkerInfo,
)

NOW = datetime(2027, 1, 31, 8, 1, 30, tzinfo=UTC)
LEASE = timedelta(seconds=15)


def worker(name: str = "w1", left: timedelta = timedelta(seconds=14), **about: str) -> WorkerInfo:
    said = {"process": f"p-{name}", "slots": "2", "tasks": "t", "lease": "15000"} | about
    return WorkerInfo(name, "q", NOW + left, said)


def queue(
    *workers: WorkerInfo, ready: Mapping[Priority, int] | None = None, running: int = 0, ended: int = 0
) -> QueueFacts:
    minutes = (Minute(NOW - timedelta(seconds=30), {"done": ended}, None, None),) if ended else ()
    snapshot = QueueSnapshot(
        queue="q", at=NOW, paused=False, ready=dict.fromkeys(Priority, 0) | dict(ready or {}),
        running=running, scheduled=0, dead=0, workers=len(workers), oldest_ready_s=None, next_due_at=None,
        totals={}, settings={}, history=minutes,
    )  # fmt: skip
    return QueueFacts(snapshot, workers, Audit(NOW, 0, 0, 0, 0, 0, 0, {}, {}, ("",) * 4))


def job(state: State, due_at: datetime | None = None) -> JobDetail:
    detail = JobDetail(JobRef("q", "n1-0"), state, "t", Priority.NORMAL, b"{}", 0, NOW)
    return replace(detail, due_at=due_at)


def place(ahead: int = 0, holder: Holder | None = None) -> Place:
    return Place(NOW, Priority.NORMAL, ahead, holder=holder)


def test_jobs_ahead_become_a_time_by_the_rate_of_the_last_minutes() -> None:
    facts = queue(worker(), ready={Priority.NORMAL: 500}, running=2, ended=60)
    (cause,) = job_causes(JobFacts(job(State.READY), facts, place(ahead=240)))
    assert (cause.word, cause.fields["ahead"], cause.fields["eta_s"]) == ("slots_busy", 240, 120.0)
    assert "about 2m at the present rate" in cause.text
    (cause,) = queue_causes(facts)
    assert (cause.word, cause.fields["eta_s"]) == ("slots_busy", 250.0)


def test_a_worker_that_began_a_moment_ago_is_not_as_slow_as_two_minutes_make_it_look() -> None:
    started = str(int((NOW - timedelta(seconds=10)).timestamp() * 1000))
    assert queue(worker(started=started), ended=50).rate == 5.0


def test_where_nothing_ends_no_time_is_told() -> None:
    (cause,) = job_causes(JobFacts(job(State.READY), queue(worker(), running=2), place(ahead=3)))
    assert cause.fields["eta_s"] is None
    assert "rate" not in cause.text


def test_free_slots_and_none_or_some_ahead() -> None:
    facts = queue(worker(), ready={Priority.NORMAL: 4})
    assert job_causes(JobFacts(job(State.READY), facts, place()))[0].word == "next"
    assert job_causes(JobFacts(job(State.READY), facts, place(ahead=3)))[0].word == "behind_others"
    assert queue_causes(facts)[0].word == "moving"


def test_a_due_job_with_live_workers_is_about_to_be_made_ready() -> None:
    due = job(State.SCHEDULED, due_at=NOW - timedelta(milliseconds=100))
    assert job_causes(JobFacts(due, queue(worker())))[0].word == "promoting"


@pytest.mark.parametrize(
    ("left_s", "revoked", "others", "word", "said"),
    [
        (12, False, True, "running", "runs on p-w1"),
        (4, False, True, "worker_silent", "not heard of for 11s"),
        (-1, False, True, "worker_silent", "in a second or two"),
        (-1, False, False, "worker_silent", "as soon as another worker is there"),
        (4, True, True, "worker_silent", "being taken over"),
        (None, False, True, "worker_silent", "has no lease"),
    ],
)
def test_how_a_worker_is_heard_of_decides(
    left_s: int | None, revoked: bool, others: bool, word: str, said: str
) -> None:
    left = None if left_s is None else timedelta(seconds=left_s)
    lives = [worker(left=left)] if left is not None and left > timedelta(0) and not revoked else []
    workers = lives + ([worker("w2")] if others else [])
    ends = None if left is None else NOW + left
    holder = Holder("w1", timedelta(seconds=20), 1, ends, revoked, cancelled=False)
    cause = job_causes(JobFacts(job(State.RUNNING), queue(*workers, running=1), place(holder=holder)))[0]
    assert cause.word == word
    assert said in cause.text


def test_a_debounced_job_says_until_when_it_can_be_put_off() -> None:
    detail = replace(
        job(State.SCHEDULED, NOW + timedelta(seconds=20)),
        unique="doc-7", debounce=timedelta(seconds=30), debounce_max=timedelta(minutes=5),
    )  # fmt: skip
    (cause,) = job_causes(JobFacts(detail, queue(worker())))
    assert (cause.word, cause.fields["latest_at"]) == ("debounced", "2027-01-31T08:06:30.000Z")
    assert "in 20s, unless another call with the key 'doc-7' comes before" in cause.text


def test_a_throttle_is_told_as_long_as_it_holds_the_key() -> None:
    detail = replace(job(State.READY), unique="k", throttle=timedelta(minutes=1))
    facts = queue(worker())
    (_, held) = job_causes(JobFacts(detail, facts, place()))
    assert (held.word, held.fields["held_until"]) == ("key_held", "2027-01-31T08:02:30.000Z")
    over = replace(detail, enqueued_at=NOW - timedelta(hours=1))
    assert [cause.word for cause in job_causes(JobFacts(over, facts, place()))] == ["next"]


def test_an_order_that_was_not_read_is_told() -> None:
    holder = Holder("w1", timedelta(seconds=2), 1, NOW + LEASE, revoked=False, cancelled=True)
    cause = job_causes(JobFacts(job(State.RUNNING), queue(worker(), running=1), place(holder=holder)))[0]
    assert cause.word == "being_cancelled"


@pytest.mark.parametrize(
    ("limits", "held", "word"),
    [
        (TenantLimits(paused=True), True, "tenant_paused"),
        (TenantLimits(max_running=1), True, "tenant_limited"),
        (TenantLimits(max_running=1), False, "next"),
    ],
)
def test_a_tenant_that_is_left_out_of_the_round_is_named(limits: TenantLimits, held: bool, word: str) -> None:
    tenant = TenantInfo("q", "acme", limits, {Priority.NORMAL: 1}, running=1, held=held)
    causes = job_causes(JobFacts(job(State.READY), queue(worker()), place(), tenant=tenant))
    assert [cause.word for cause in causes] == [word]
    assert word == "next" or ("acme" in causes[0].text and "taskq tenant" in causes[0].todo)
