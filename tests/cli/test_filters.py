"""`--filter`: conditions on the fields of a job."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from taskq_cli.filters import parse_filter
from taskq_core import Failure, JobDetail, JobRef, Priority, State, UsageError

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
    assert parse_filter(text)(JOB)


@pytest.mark.parametrize(
    "text",
    ["attempts>4", "error.type=OSError", "payload.none=x", "payload.none>1", "attempts>many", "task!=send-*"],
)
def test_conditions_that_do_not_hold(text: str) -> None:
    assert not parse_filter(text)(JOB)


@pytest.mark.parametrize("text", ["attempts", "colour=red", ">3", ","])
def test_what_is_no_condition_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_filter(text)
