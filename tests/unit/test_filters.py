"""`--filter`: conditions on the fields of a job."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase

import pytest

from taskq_cli.jsontext import ascii_json
from taskq_cli.views import job_record
from taskq_core import FILTER_FIELDS, Failure, JobDetail, JobFilter, JobRef, Priority, State, UsageError

JOB = JobDetail(
    ref=JobRef("emails", "n1-0"),
    state=State.DEAD,
    task="send-email",
    priority=Priority.HIGH,
    payload=b'{"to":"user@example.com","tries":3,"nested":{"deep":true}}',
    attempts=4,
    enqueued_at=datetime(2027, 1, 31, 8, tzinfo=UTC),
    error=Failure("TimeoutError", "took too long"),
)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "attempts>3",
        "attempts>=4, attempts<5",
        "error.type=TimeoutError",
        "error.message~too",
        "payload.to=*@example.com",
        "payload.tries=3",
        "payload.nested.deep=true",
        "payload.none!=x",
        "task!=other",
        "enqueued_at<2027-02",
        "priority=high,state=dead",
    ],
)
def test_conditions_that_hold(text: str) -> None:
    assert JobFilter.parse(text).accepts(JOB)


@pytest.mark.parametrize(
    "text",
    ["attempts>4", "error.type=OSError", "payload.none=x", "payload.none>1", "attempts>many", "task!=send-*"],
)
def test_conditions_that_do_not_hold(text: str) -> None:
    assert not JobFilter.parse(text).accepts(JOB)


@pytest.mark.parametrize("text", ["attempts", "colour=red", ">3", ","])
def test_what_is_no_condition_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        JobFilter.parse(text)


FULL = JobDetail(
    ref=JobRef("emails", "s1-0"),
    state=State.DEAD,
    task="send-email",
    priority=Priority.LOW,
    payload=b'{"a":1}',
    attempts=2,
    enqueued_at=datetime(2027, 1, 31, 8, 0, 0, 123000, tzinfo=UTC),
    due_at=datetime(2027, 2, 1, tzinfo=UTC),
    died_at=datetime(2027, 2, 2, tzinfo=UTC),
    worker="w",
    deliveries=2,
    retries=3,
    timeout=timedelta(seconds=1.5),
    unique="u",
    keep=timedelta(hours=1),
    error=Failure("E", "m", "t", "0123456789ab"),
    result=b"[1]",
)


@pytest.mark.parametrize("job", [JOB, FULL, dataclasses.replace(JOB, payload=b"\xff no json")])
def test_conditions_see_a_job_as_its_record_shows_it(job: JobDetail) -> None:
    record = job_record(job)

    assert tuple(record) == FILTER_FIELDS
    for name, value in record.items():
        raw = json.loads(ascii_json(value))
        for text in ("*", "1*", "*m*", "E"):
            seen = raw if isinstance(raw, str) else json.dumps(raw, separators=(",", ":"), ensure_ascii=False)
            expected = raw is not None and fnmatchcase(seen, text)
            assert JobFilter.parse(f"{name}={text}").accepts(job) is expected


def test_task_group_and_times_choose_too() -> None:
    died = datetime(2027, 2, 2, tzinfo=UTC)
    second = timedelta(seconds=1)
    assert JobFilter(task="send-*", group="0123456789ab", since=died, before=died + second).accepts(FULL)
    assert not JobFilter(task="send").accepts(FULL)
    assert not JobFilter(group="ba9876543210").accepts(FULL)
    assert not JobFilter(group="0123456789ab").accepts(JOB)
    assert not JobFilter(since=died + second).accepts(FULL)
    assert not JobFilter(before=died).accepts(FULL)
    with pytest.raises(UsageError):
        JobFilter(group="all of them")
