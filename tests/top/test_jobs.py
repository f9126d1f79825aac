from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from taskq_cli.top.format import Pen
from taskq_cli.top.job_list import PAGE, Spot, Wanted, conditions, first_state, read_page
from taskq_cli.top.job_text import MOST_CHARS, Sheet, pretty, raw, readable
from taskq_cli.top.screens.jobs import LIVE_ONLY, GroupJobs
from taskq_cli.top.screens.view import Goal
from taskq_cli.top.widgets.lines import Line
from taskq_core import (
    Client,
    FailedAttempt,
    Failure,
    JobDetail,
    JobNotes,
    JobRef,
    LogLine,
    Priority,
    State,
    UsageError,
)
from tests.servers import Server
from tests.top.live_view import Filled, live_view, to_jobs
from tests.top.showing import FakeClient, as_client, showing
from tests.top.world import FLOWS, frame
from tests.waiting import until

NOW = datetime(2026, 1, 5, 12, 4, 31, tzinfo=UTC)
SHEET = Sheet(76, Pen(), NOW)
DEAD = JobDetail(
    JobRef("mail", "n1767614600000-0"), State.DEAD, "send-email", Priority.NORMAL,
    b'{"to":"user@example.com"}', 3,
    NOW - timedelta(minutes=5), died_at=NOW - timedelta(minutes=1), retries=2,
    error=Failure("ValueError", "no such user", "Traceback:\n  File mail.py", "a1a1a1a1a1a1"),
)  # fmt: skip


def texts(lines: list[Line]) -> list[str]:
    """Lines as plain text."""
    return ["".join(text for text, _ in line) for line in lines]


# -- pages -----------------------------------------------------------------------------------------


def test_pages_follow_each_other_without_a_gap_over_several_queues(any_server: Server) -> None:
    with Client(any_server.url) as client:
        for queue, count in (("a", 150), ("b", 0), ("c", 120)):
            client.enqueue_many(queue, "x", [{"n": n} for n in range(count)])
        spots: list[Spot] = [Spot()]
        found: list[JobRef] = []
        sizes = []
        while spots:
            page = read_page(client, Wanted(), ["a", "b", "c"], spots.pop())
            found += [job.ref for job in page.jobs]
            sizes.append(len(page.jobs))
            spots += [page.next] if page.next is not None else []

        assert sizes == [PAGE, PAGE, 70]
        assert len(set(found)) == 270
        assert [ref.queue for ref in found] == ["a"] * 150 + ["c"] * 120


def test_a_page_looks_at_a_bounded_number_of_jobs_and_says_where_it_would_go_on() -> None:
    def list_jobs(*_: object, **__: object) -> object:
        return type("Page", (), {"jobs": (), "cursor": "1:o:5-0", "looked": 2_000})()

    client = FakeClient(list_jobs=list_jobs)
    page = read_page(as_client(client), Wanted(where="task=rare"), ["mail"], Spot())

    assert len(client.calls) == 20
    assert (page.looked, page.next) == (40_000, Spot("mail", "1:o:5-0"))


def test_only_queues_that_have_such_jobs_are_asked() -> None:
    every = Wanted(State.DEAD).places(frame())
    assert every == ["feeds"]
    assert Wanted(State.READY, ("emails", "reports", "new")).places(frame()) == ["emails", "new"]


def test_the_first_state_shown_is_one_in_which_there_are_jobs() -> None:
    states = {flow.name: first_state(flow.at(0)) for flow in FLOWS}
    assert states["emails"] is State.READY
    assert states["reports"] is State.SCHEDULED
    assert first_state(None) is State.READY


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("attempts>3", True),
        ("error.type=ValueError, task=send-*", True),
        ("error~user", True),
        ("mail", False),
        ("try~3", False),
        ("attempts>", True),
        ("nonsense>3", False),
        ("", False),
    ],
)
def test_filters_with_conditions_on_jobs_go_to_the_server(text: str, told: bool) -> None:
    assert conditions(text) is told


def test_the_command_lists_the_same() -> None:
    wanted = Wanted(State.DEAD, ("mail",), "a1a1a1a1a1a1", "attempts>3")
    assert wanted.command() == ("taskq jobs --state dead -q mail --group a1a1a1a1a1a1 --filter 'attempts>3'")
    with pytest.raises(UsageError):
        _ = replace(wanted, where="nonsense>3").filter


# -- one job ---------------------------------------------------------------------------------------


def test_a_dead_job_reads_as_what_went_wrong_what_it_was_given_and_what_happened() -> None:
    attempts = [
        FailedAttempt(DEAD.ref.id, NOW - timedelta(minutes=3), "send-email", 2, "OSError", "refused", False)
    ]

    lines = texts(readable(DEAD, attempts, SHEET))

    assert lines[0] == "mail/n1767614600000-0   dead   send-email  attempt 3 of 3"
    assert "  ValueError: no such user" in lines
    assert "    File mail.py" in lines
    assert '    "to": "user@example.com"' in lines
    assert lines.index("Error") < lines.index("Payload") < lines.index("What happened")
    happened = lines[lines.index("What happened") + 1 :]
    assert happened == [
        "  11:59:31Z   5m00s ago  enqueued",
        "  12:01:31Z   3m00s ago  attempt 2 failed: OSError: refused",
        "  1 earlier failed: no longer among the latest failures that are kept",
        "  12:03:31Z     60s ago  died in attempt 3: no further one",
    ]


def said(count: int, **about: Any) -> JobNotes:
    """Notes with so many lines of the second attempt."""
    lines = tuple(LogLine(n, 2, NOW - timedelta(seconds=count - n), f"page {n}") for n in range(1, count + 1))
    return JobNotes(0.4, "half of the pages", 2, NOW - timedelta(seconds=3), lines, **about)


def test_a_job_shows_how_far_it_is_and_the_last_lines_it_said() -> None:
    lines = texts(readable(replace(DEAD, notes=said(3)), [], SHEET))
    assert f"  progress   {'█' * 12}{'░' * 18} 40 % half of the pages  attempt 2, 3.0s ago" in lines
    told = lines[lines.index("What it said") + 1 : lines.index("Payload") - 1]
    assert told == [f"  12:04:{28 + n}Z #2  page {n}" for n in (1, 2, 3)]

    many = texts(readable(replace(DEAD, notes=said(50, skipped=1_000)), [], SHEET))
    told = many[many.index("What it said") + 1 : many.index("Payload") - 1]
    assert told[0] == "  1,030 earlier lines: taskq logs mail/n1767614600000-0"
    assert len(told) == 21
    ascii_only = Sheet(40, Pen(ascii_only=True), NOW)
    wide = replace(said(0), lines=(LogLine(1, 1, NOW, "x" * 100),))
    narrow = texts(readable(replace(DEAD, notes=wide), [], ascii_only))
    assert all(line.isascii() for line in narrow)
    assert [len(line) for line in narrow[narrow.index("What it said") + 1 :][:5]] == [40, 40, 40, 40, 20]


@pytest.mark.parametrize(("fraction", "bar"), [(0, "...."), (0.25, "#..."), (0.999, "###."), (1, "####")])
def test_a_bar_is_full_only_when_all_is_done(fraction: float, bar: str) -> None:
    assert Pen(ascii_only=True).bar(fraction, 4) == bar


def test_a_job_as_json_is_what_inspect_prints() -> None:
    lines = "\n".join(texts(raw(DEAD, 200)))
    assert '"schema": "taskq.job/1"' in lines
    assert '"fingerprint": "a1a1a1a1a1a1"' in lines


@pytest.mark.parametrize("payload", [b"\xff\xfe", b"{", b"", b"[1]", b'{"a": "' + b"x" * 300_000 + b'"}'])
def test_any_payload_is_shown_and_none_is_endless(payload: bytes) -> None:
    job = replace(DEAD, payload=payload)
    for lines in (readable(job, [], SHEET), raw(job, 76)):
        assert all(len(text) <= 78 for text in texts(list(lines)))
    assert len(pretty(payload)) < MOST_CHARS + 100


async def test_nothing_in_a_job_reaches_the_screen_unescaped() -> None:
    evil = "\x1b]52;c;AAAA\x07 [/b] [@click=app.quit]x[/] \u202e\u200b"
    job = replace(
        DEAD, task=evil, worker=evil, unique=evil, payload=f'{{"a":"{evil}"}}'.encode(),
        error=Failure(evil, evil, evil + "\n" + evil, "a1a1a1a1a1a1"),
        notes=JobNotes(0.5, evil, 1, NOW, (LogLine(1, 1, NOW, evil),)),
    )  # fmt: skip
    async with showing(client=FakeClient(inspect=job, failures=[]), size=(160, 50)) as shown:
        shown.app.lead(Goal("job", job))
        await shown.until("What happened")
        text = shown.frame()
        await shown.press("r")
        await shown.until("taskq.job/1")
        text += shown.frame()
    assert "[@click=app.quit]" in text
    assert all(char == "\n" or char.isprintable() for char in text)
    assert not set(text) & {"\u202e", "\u200b"}


# -- the screens -----------------------------------------------------------------------------------


async def test_the_list_goes_through_states_and_pages(filled: Filled) -> None:
    filled.client.enqueue_many("mail", "send-email", [{"n": n} for n in range(200)])
    async with live_view(filled.server, size=(80, 24)) as shown:
        await to_jobs(shown, "ready")
        assert "page 1: 100 jobs; n shows more" in shown.frame()
        for page in (2, 3):
            await shown.press("n")
            await shown.until(f"page {page}")
        assert "page 3: 3 jobs" in shown.frame()
        await shown.press("n")
        await shown.until("page 1")

        for state, count in (("running", 0), ("scheduled", 5), ("dead", 6)):
            await shown.press("s")
            await shown.until(f"page 1: {count} jobs")
            assert shown.app.view.command() == f"taskq jobs --state {state} -q mail"
        await shown.press("c")
        await shown.until("page 1: 7 jobs")
        assert "all queues" in shown.frame()


async def test_a_filter_with_conditions_finds_what_is_not_on_the_page(filled: Filled) -> None:
    filled.client.enqueue_many("mail", "send-email", [{"n": n} for n in range(200)])
    rare = filled.client.enqueue("mail", "rare", {"n": 1})
    async with live_view(filled.server) as shown:
        await to_jobs(shown, "ready")
        assert rare.id not in shown.frame()
        await shown.press("slash")
        await shown.press(*"task=rare", "enter")
        await shown.until(rare.id)
        assert "with task=rare; page 1: 1 jobs; looked at 204" in shown.frame()
        assert shown.app.view.command() == "taskq jobs --state ready -q mail --filter task=rare"

        await shown.press("slash")
        await shown.press(*"send", "enter")
        await shown.until("page 1: 100 jobs")


async def test_enter_opens_a_job_and_r_shows_it_as_json(filled: Filled) -> None:
    async with live_view(filled.server) as shown:
        await to_jobs(shown, "dead")
        job = shown.app.view.subject()
        await shown.press("enter")
        await shown.until("What happened")
        assert shown.app.view.subject() == job
        assert shown.app.view.command() == f"taskq inspect {job}"
        await shown.until("died in attempt 1")
        await shown.press("r")
        await shown.until('"schema": "taskq.job/1"')
        await shown.press("r", "escape")
        await shown.until("page 1: 6 jobs")

        await shown.press("enter")
        _ = filled.client.delete("mail", [JobRef.parse(job).id])
        await shown.until("it has ended or was removed")
        assert "What happened" in shown.frame()


async def test_a_long_job_can_be_scrolled_to_its_end(filled: Filled) -> None:
    receipt = filled.client.enqueue("long", "x", {f"key{n:03}": n for n in range(300)})
    async with live_view(filled.server, size=(80, 24)) as shown:
        await shown.press("2")
        await until(lambda: shown.app.view.rows and shown.app.view.rows.total == 3, 10, "queues")
        await to_jobs(shown, "ready", "long")
        await shown.press("enter")
        await shown.until("key000")
        await shown.press("j")
        assert str(receipt) not in shown.frame()
        await shown.press("G")
        await shown.until("enqueued")
        assert "key299" in shown.frame()
        await shown.press("g")
        await shown.until(str(receipt))


async def test_why_says_what_holds_up_a_queue_and_a_job(filled: Filled) -> None:
    _ = filled.client.pause("mail")
    async with live_view(filled.server, size=(80, 24)) as shown:
        await to_jobs(shown, "ready")
        await shown.press("w")
        await shown.until("queue paused")
        assert "taskq queue resume mail" in shown.frame()
        await shown.press("escape", "s", "s")
        await shown.until("page 1: 5 jobs")
        await shown.press("w")
        await shown.until("Run it now: taskq retry mail/")
        await shown.press("escape", "2")
        rows = shown.app.view.rows
        assert rows is not None
        rows.go_to("news")
        await shown.press("w")
        await shown.until("no worker")


async def test_the_past_has_no_list_of_jobs_but_a_held_picture_keeps_it(filled: Filled) -> None:
    async with live_view(filled.server, size=(120, 24)) as shown:
        await to_jobs(shown, "dead")
        await shown.press("z")
        assert "page 1: 6 jobs" in shown.frame()
        first = shown.app.store.frames[0]
        old = replace(first, at=first.at - timedelta(seconds=60))
        shown.app.store.frames.insert(0, old)
        shown.app.clockwork.held = old
        shown.app.draw()
        await shown.rest()
        assert LIVE_ONLY[:60] in shown.frame()
        assert "n1" not in shown.frame().splitlines()[5]
        await shown.press("ctrl+t")
        await shown.until("page 1: 6 jobs")


async def test_a_recording_cannot_be_asked_and_says_so() -> None:
    async with showing(replay=True) as shown:
        await shown.press("3")
        assert "live only" in shown.frame()
        for key in ("s", "n", "w", "R", "enter", "c"):
            await shown.press(key)
        assert len(shown.app.screen_stack) == 1


async def test_an_answer_about_what_is_no_longer_wanted_is_not_shown(filled: Filled) -> None:
    async with live_view(filled.server) as shown:
        await to_jobs(shown, "dead")
        view = shown.app.view
        assert view.id == "jobs"
        stale = read_page(filled.client, Wanted(State.READY, ("mail",)), ["mail"], Spot())
        view._take(stale)  # type: ignore[attr-defined]  # an answer that comes late
        await shown.rest()
        assert "page 1: 6 jobs" in shown.frame()
        view.aim(GroupJobs("a1a1a1a1a1a1", ("mail",), State.DEAD))
        shown.app.draw()
        await shown.until("no dead job that matches")
