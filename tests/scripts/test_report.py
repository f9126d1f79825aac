"""What jobs say of themselves: kept within bounds, from the worker that has the job, once each."""

from __future__ import annotations

from datetime import timedelta

import pytest

from taskq_core import JobNotes, State, Tail, config
from taskq_core.claimed import Job
from taskq_core.commands import noting
from taskq_core.commands.noting import Report
from taskq_core.notebook import Notebook
from tests.scripts.rig import Rig

KEEP_MS = 60_000
SOON = timedelta(milliseconds=200)


def take(rig: Rig, worker: str = "w1") -> Job:
    """A job in the hands of a worker."""
    rig.hire(worker)
    rig.add()
    (job,) = rig.claim(worker)
    return job


def say(rig: Rig, job: Job, book: Notebook, *, worker: str = "w1", confirm: bool = True) -> int:
    news = book.news(always=True)
    assert news is not None
    told = rig.run(noting.report(rig.keys, worker, [Report(job, news, KEEP_MS)]))
    if confirm:
        book.confirm(news)
    return told


def notes(rig: Rig, job: Job, after: int | None = 0) -> JobNotes | None:
    (found,) = rig.client.notes("q", [job.id], after=after)
    return found


def texts(rig: Rig, job: Job, after: int = 0) -> list[str]:
    found = notes(rig, job, after)
    assert found is not None
    return [line.text for line in found.lines]


def test_progress_and_lines_are_told_as_they_were_said(rig: Rig) -> None:
    job, book = take(rig), Notebook()
    assert notes(rig, job) is None
    book.progress(0.4, "half of \x1b[31mit\nall")
    book.log("one\ntwo ÿ\x00")
    assert say(rig, job, book) == 1

    found = notes(rig, job)
    assert found is not None
    assert (found.progress, found.note, found.attempt, found.skipped) == (
        0.4,
        "half of \x1b[31mit\nall",
        1,
        0,
    )
    assert [(line.number, line.attempt, line.text) for line in found.lines] == [
        (1, 1, "one"),
        (2, 1, "two ÿ\x00"),
    ]
    assert rig.detail(job.id).notes == found
    assert 0 < rig.raw.pttl(rig.keys.notes(job.id)) <= KEEP_MS
    brief = notes(rig, job, after=None)
    assert brief is not None
    assert (brief.progress, brief.lines) == (0.4, ())


def test_what_is_sent_again_adds_nothing(rig: Rig) -> None:
    job, book = take(rig), Notebook()
    book.log("one")
    for _ in range(3):
        assert say(rig, job, book, confirm=False) == 1
    book.log("two")
    say(rig, job, book)
    book.log("three")
    say(rig, job, book)
    assert texts(rig, job) == ["one", "two", "three"]
    assert texts(rig, job, after=2) == ["three"]


def test_the_last_lines_are_kept_by_number_and_by_size(rig: Rig) -> None:
    job, book = take(rig), Notebook()
    for n in range(250):
        book.log(str(n))
        if n % 60 == 0:
            say(rig, job, book)
    say(rig, job, book)
    found = notes(rig, job)
    assert found is not None
    assert [line.text for line in found.lines] == [str(n) for n in range(150, 250)]
    assert found.skipped == 150
    assert rig.raw.hlen(rig.keys.notes(job.id)) < config.LOG_LINES + 12

    for n in range(60):
        book.log("x" * config.LOG_LINE_BYTES)
        if n % 7 == 0:
            say(rig, job, book)
    say(rig, job, book)
    found = notes(rig, job)
    assert found is not None
    assert len(found.lines) == config.NOTES_BYTES // config.LOG_LINE_BYTES
    assert found.skipped == 250 + 60 - len(found.lines)
    kept = sum(len(value) for value in rig.raw.hvals(rig.keys.notes(job.id)))
    assert kept < config.NOTES_BYTES + 100 * 32


def test_only_the_worker_that_has_the_job_may_speak_for_it(rig: Rig) -> None:
    job, book = take(rig), Notebook()
    rig.hire("w2")
    book.log("mine")
    assert say(rig, job, book, worker="w2", confirm=False) == 0
    assert say(rig, job, book, worker="nobody", confirm=False) == noting.LOST
    assert notes(rig, job) is None
    rig.ack("w1", job)
    assert say(rig, job, book) == 0
    assert not rig.raw.exists(rig.keys.notes(job.id))


def test_another_attempt_goes_on_with_the_lines_and_begins_its_progress_anew(rig: Rig) -> None:
    job, book = take(rig), Notebook()
    book.progress(0.9, "nearly")
    book.log("first")
    say(rig, job, book)
    rig.run(rig.failing("w1", job, retries=3))
    rig.make_due(job.id)
    rig.promote()
    (again,) = rig.claim()
    assert (again.id, again.attempt) == (job.id, 2)

    second = Notebook()
    second.log("second")
    say(rig, again, second)
    found = notes(rig, job)
    assert found is not None
    assert (found.progress, found.note, found.attempt, found.at) == (None, "", 2, None)
    assert [(line.attempt, line.text) for line in found.lines] == [(1, "first"), (2, "second")]

    rig.run(rig.failing("w1", again))
    detail = rig.detail(job.id)
    assert detail.state is State.DEAD
    assert detail.notes == found


def test_a_queue_may_want_no_notes(rig: Rig) -> None:
    job, book = take(rig), Notebook()
    book.log("one")
    rig.client.configure("q", notes=False)
    assert say(rig, job, book, confirm=False) == noting.OFF
    assert notes(rig, job) is None
    rig.client.configure("q", notes=True)
    assert say(rig, job, book) == 1
    assert texts(rig, job) == ["one"]


@pytest.mark.foreign_keys
@pytest.mark.parametrize("kind", ["string", "hash"])
def test_what_others_wrote_there_harms_nobody(rig: Rig, kind: str) -> None:
    job, book = take(rig), Notebook()
    key = rig.keys.notes(job.id)
    if kind == "string":
        rig.raw.set(key, "x")
    else:
        wrong = {"n": "1e300", "first": "-7", "last": "x", "bytes": "nan", "skipped": "9" * 30, "1": "\xff"}
        rig.raw.hset(key, mapping=wrong | {"progress": "inf", "attempt": "one", "at": "never"})
    book.log("one")
    assert say(rig, job, book) == 1
    found = notes(rig, job)
    assert (found is None) is (kind == "string")
    assert rig.client.notes("q", [job.id]) is not None


def test_those_who_follow_hear_what_jobs_say_and_nobody_else_pays(rig: Rig) -> None:
    job, book = take(rig), Notebook()
    book.log("before")
    say(rig, job, book)
    assert not rig.raw.exists(rig.keys.told_notes)

    plain, tail = Tail(), Tail(logs=True)
    for each in (plain, tail):
        rig.client.follow(each, ["q"], wait=timedelta(milliseconds=1))
    book.progress(0.25, "a quarter of it")
    book.log("two words")
    for _ in range(2):
        say(rig, job, book)
    rig.ack("w1", job)

    heard = [
        (event.state, event.id, event.task, event.attempt, event.progress, event.text)
        for event in rig.client.follow(tail, ["q"], wait=SOON)
    ]
    assert sorted(heard, key=str) == [
        ("done", job.id, "t", None, None, None),
        ("log", job.id, "t", 1, None, "two words"),
        ("progress", job.id, "t", 1, 0.25, "a quarter of it"),
    ]
    assert [event.state for event in rig.client.follow(plain, ["q"], wait=SOON)] == ["done"]


def test_of_very_many_lines_in_a_call_those_who_follow_hear_a_part(rig: Rig) -> None:
    job, book = take(rig), Notebook()
    tail = Tail(logs=True)
    rig.client.follow(tail, ["q"], wait=timedelta(milliseconds=1))
    book.progress(0.5, "")
    for n in range(config.LOG_LINES):
        book.log(str(n))
    say(rig, job, book)

    events = rig.client.follow(tail, ["q"], wait=SOON)
    assert len(events) == config.EVENTS_A_BATCH == rig.raw.xlen(rig.keys.told_notes)
    assert 0 < rig.raw.pttl(rig.keys.told_notes) <= config.EVENTS_MS
    assert len(texts(rig, job)) == config.LOG_LINES


def test_a_full_server_takes_no_notes_and_still_takes_the_end(rig: Rig) -> None:
    job, book = take(rig), Notebook()
    book.log("one")
    rig.raw.config_set("maxmemory", "1")
    try:
        with pytest.raises(Exception, match=r"memory|full"):
            say(rig, job, book)
        assert rig.ack("w1", job) == 1
    finally:
        rig.raw.config_set("maxmemory", "0")
