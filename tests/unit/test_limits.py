"""Rates and limits as values: what can be said, and how it is stored."""

from __future__ import annotations

import pytest

from taskq_cli.top.queue_row import state_of
from taskq_cli.top.screens.jobs import _limits
from taskq_core import GateInfo, Gates, InvalidOption, Rate, TaskLimits, TaskQueue
from taskq_core.limits import checked, declared, read, source
from tests.top.world import START, Flow


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("100/s", "10000 10 100/s"),
        ("6000/m", "10000 10 6000/m"),
        ("1/10s", "10000000 1 1/10s"),
        ("3/s", "333334 1 3/s"),
        (" 50/h,  burst 7 ", "72000000 7 50/h burst 7"),
        ("1000/d burst 1000", "86400000 1000 1000/d burst 1000"),
    ],
)
def test_rates_are_stored_so_that_they_are_never_passed(text: str, stored: str) -> None:
    rate = Rate.parse(text)

    assert rate.stored == stored
    assert Rate.read(stored) == rate
    assert rate.gap_us * rate.count >= rate.period_us


@pytest.mark.parametrize(
    "text",
    ["", "fast", "100", "0/s", "1/0s", "1/31d", "200000/s", "1/s burst 0", "1/d burst 40", "-1/s", "1/s x"],
)
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(InvalidOption):
        Rate.parse(text)


@pytest.mark.parametrize("stored", ["", "100/s", "1 1", "x y z", "10000 10 "])
def test_what_others_wrote_is_no_rate(stored: str) -> None:
    assert Rate.read(stored) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_running", -1),
        ("max_running", "many"),
        ("rate", "fast"),
        ("slo", "off"),
        ("x", 1),
    ],
)
def test_what_is_no_limit_is_refused(name: str, value: int | str) -> None:
    with pytest.raises(InvalidOption):
        checked(name, value)


def test_code_says_limits_of_its_queue_and_tasks() -> None:
    queue = TaskQueue("q", redis="redis://nowhere", rate="10/s", max_jobs=5, max_running="off")

    @queue.task(max_running=2)
    def send() -> None: ...

    @queue.process("p", key_max_running=3)
    def process(job: object) -> None: ...

    assert queue.settings == {
        "rate": "100000 1 10/s", "max_running": "off", "max_jobs": 5, "max_running:send": 2,
        "key_max_running:p": 3,
    }  # fmt: skip
    with pytest.raises(InvalidOption):
        queue.task(rate="fast")
    assert declared("", TaskLimits(), max_bytes="off") == {"max_bytes": "off"}


def test_settings_are_read_with_who_set_them() -> None:
    settings = {
        "rate": "100000 1 10/s", "code:rate": "100000 1 10/s",
        "max_running:send": "5", "hand:max_running:send": "5",
        "code:max_running:send": "7", "max_jobs": "9", "max_running": "rubbish",
    }  # fmt: skip

    assert [(str(limit), limit.source) for limit in read(settings)] == [
        ("max running 5 of task send", "hand"),
        ("rate 10/s", "code"),
    ]
    assert source(settings, "max_jobs") == "hand"


def test_the_view_says_which_limits_hold() -> None:
    gates = Gates(
        START, 12, 3,
        (
            GateInfo("queue", "q", Rate.parse("10/s"), None, 3, 0, 4),
            GateInfo("task", "send", None, 2, 2, 12),
        ),
    )  # fmt: skip

    assert _limits(gates) == "limits: 2 of 2 of task send running, holds 12; rate 10/s of the queue"
    assert _limits(None) == ""


def test_a_queue_in_which_all_that_waits_is_held_is_limited() -> None:
    from dataclasses import replace

    frame = Flow("q", waiting=5, workers=1, running=1).at(0)

    assert state_of(frame) == "busy"
    assert state_of(replace(frame, held=4)) == "busy"
    assert state_of(replace(frame, held=5)) == "limited"
