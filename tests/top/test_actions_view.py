"""Keys that change something, pressed in the view, and what is then on a real server."""

from __future__ import annotations

import stat
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest

from taskq_cli.top.keymap import KEYMAP, SCREENS
from taskq_cli.top.widgets.confirm import Confirm
from taskq_cli.top.widgets.dialog import Prompt
from taskq_core import JobRef, State
from tests.conftest import Spawn
from tests.processes import taskq_command
from tests.top.live_view import Filled, live_view, to_jobs
from tests.top.showing import Showing
from tests.waiting import until

CHANGES = [key for key in KEYMAP if key.changes]


async def asked(shown: Showing) -> Confirm:
    """The question that is open."""
    await until(lambda: isinstance(shown.app.screen, Confirm), 10, "a question")
    await shown.rest()
    screen = shown.app.screen
    assert isinstance(screen, Confirm)
    return screen


async def closed(shown: Showing) -> None:
    """No question is open any more, and none is under way."""
    await until(lambda: not isinstance(shown.app.screen, Confirm) and not shown.app._changing, 10, "the end")
    await shown.rest()


async def type_in(shown: Showing, text: str) -> None:
    """Types a text into the prompt that is about to open, and enters it."""
    await until(
        lambda: isinstance(shown.app.screen, Prompt) or shown.app.screen.query("#name"), 10, "a field"
    )
    await shown.rest()
    await shown.press(*("space" if char == " " else char for char in text), "enter")


# -- every change is asked for ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "state", "gone_to", "no"),
    [
        ("R", "dead", "ready", "n"),
        ("K", "ready", None, "enter"),
        ("B", "scheduled", "dead", "escape"),
        ("D", "dead", None, "q"),
    ],
)
async def test_a_key_changes_the_job_under_the_cursor_after_a_yes_and_only_then(
    filled: Filled, key: str, state: str, gone_to: str | None, no: str
) -> None:
    async with live_view(filled.server) as shown:
        await to_jobs(shown, state)
        job = shown.app.view.subject()
        before = filled.everything()
        await shown.press(key)
        assert (await asked(shown)).plan.targets == {job}
        await shown.press(no)
        await closed(shown)
        assert filled.everything() == before

        await shown.press(key)
        await asked(shown)
        assert job in shown.frame()
        await shown.press("y")
        await closed(shown)

        after = filled.everything()
        name = JobRef.parse(job).id
        assert name not in after[f"mail {state}"]
        if gone_to is not None:
            assert len(after[f"mail {gone_to}"]) == len(before[f"mail {gone_to}"]) + 1
        # the list is read again at once
        await until(lambda: job.split("/")[1] not in shown.frame(), 10, "the job to leave the list")


async def test_marked_jobs_are_changed_together(filled: Filled) -> None:
    async with live_view(filled.server) as shown:
        await to_jobs(shown, "dead")
        await shown.press("space", "space", "R")
        question = await asked(shown)
        assert question.plan.count == 2
        assert "Retry 2 jobs of mail?" in shown.frame()
        await shown.press("y")
        await closed(shown)

        assert len(filled.ids(State.DEAD)) == 4
        assert set(question.plan.targets).isdisjoint(map(str, filled.refs(State.DEAD)))


async def test_a_list_that_changed_under_the_question_is_refused_and_shown_again(filled: Filled) -> None:
    async with live_view(filled.server) as shown:
        await to_jobs(shown, "dead")
        await shown.press("asterisk", "D")
        first = await asked(shown)
        assert first.plan.count == 6
        gone, *others = filled.ids(State.DEAD)
        _ = filled.client.retry("mail", [gone])

        await shown.press("y")
        await shown.until("The list has changed meanwhile; look again.")

        second = await asked(shown)
        assert second.plan.count == 5
        assert filled.ids(State.DEAD) == others
        await shown.press("y")
        await closed(shown)
        assert filled.ids(State.DEAD) == []
        assert len(filled.ids(State.READY)) == 4


async def test_when_nothing_is_left_to_change_nothing_is_changed(filled: Filled) -> None:
    async with live_view(filled.server) as shown:
        await to_jobs(shown, "dead")
        await shown.press("D")
        question = await asked(shown)
        [job] = question.plan.targets
        _ = filled.client.retry("mail", [JobRef.parse(job).id])

        await shown.press("y")
        await closed(shown)

        assert "only dead jobs can be deleted" in shown.frame()
        assert len(filled.ids(State.READY)) == 4


async def test_a_second_press_while_the_first_is_planned_asks_no_second_time(filled: Filled) -> None:
    async with live_view(filled.server) as shown:
        await to_jobs(shown, "dead")
        shown.app.action_retry()
        shown.app.action_retry()
        await asked(shown)
        await shown.press("n")
        await closed(shown)
        assert not isinstance(shown.app.screen, Confirm)


# -- the levels ------------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["y", "news", ""])
async def test_a_purge_is_not_agreed_to_by_anything_but_the_name(filled: Filled, typed: str) -> None:
    async with live_view(filled.server) as shown:
        await to_queue(shown, "mail")
        before = filled.everything()
        await shown.press("X")
        await type_in(shown, "ready")
        await asked(shown)
        await type_in(shown, typed)
        await closed(shown)

        assert filled.everything() == before


async def test_a_purge_with_the_name_typed_removes_the_state(filled: Filled) -> None:
    async with live_view(filled.server) as shown:
        await to_queue(shown, "mail")
        await shown.press("X")
        await type_in(shown, "dead")
        await asked(shown)
        assert "Purge all 6 dead jobs of mail?" in shown.frame()
        await type_in(shown, "mail")
        await closed(shown)

        assert filled.ids(State.DEAD) == []
        assert len(filled.ids(State.READY)) == 3
        assert "6 dead jobs of mail purged" in shown.frame()


async def test_in_a_protected_profile_its_name_is_typed_for_everything(filled: Filled) -> None:
    async with live_view(filled.server, protected="prod") as shown:
        await to_jobs(shown, "dead")
        job = JobRef.parse(shown.app.view.subject()).id
        await shown.press("R")
        await asked(shown)
        await type_in(shown, "y")
        await closed(shown)
        assert job in filled.ids(State.DEAD)

        await shown.press("R")
        await asked(shown)
        await type_in(shown, "prod")
        await closed(shown)
        assert job not in filled.ids(State.DEAD)


async def test_a_read_only_view_changes_nothing_whatever_is_pressed(filled: Filled) -> None:
    async with live_view(filled.server, read_only=True) as shown:
        await to_jobs(shown, "dead")
        before = filled.everything()
        for number in range(len(SCREENS)):
            await shown.press(str(number + 1), *(key.keys for key in CHANGES))
            assert len(shown.app.screen_stack) == 1, shown.frame()
        assert filled.everything() == before
        assert not any(f"{key.shown} {key.label}  " in shown.frame() for key in CHANGES if key.label)


# -- groups, queues, workers -----------------------------------------------------------------------


async def test_a_group_of_failures_is_retried_with_one_key(filled: Filled) -> None:
    async with live_view(filled.server) as shown:
        await shown.press("4")
        await shown.until("ValueError: no such user")
        rows = shown.app.view.rows
        assert rows is not None
        rows.go_to(next(row.fingerprint for row in rows.shown if row.type == "ValueError"))
        await shown.press("R")
        question = await asked(shown)
        assert question.plan.count == 5
        assert "Retry 5 dead jobs of mail, news" in shown.frame()
        await shown.press("y")
        await closed(shown)

        assert len(filled.ids(State.DEAD)) == 2
        assert filled.ids(State.DEAD, "news") == []
        assert "5 retried" in shown.frame()


async def test_chosen_queues_are_paused_and_resumed(filled: Filled) -> None:
    async with live_view(filled.server) as shown:
        await to_queue(shown, "mail")
        await shown.press("asterisk")
        for state in ("paused", "active"):
            await shown.press("P")
            await asked(shown)
            await shown.press("y")
            await closed(shown)
            assert {filled.client.snapshot(name).state for name in ("mail", "news")} == {state}


async def test_a_worker_is_told_to_stop_and_stops(filled: Filled, spawn: Spawn) -> None:
    worker = spawn(
        [*taskq_command(), "worker", "-q", "other", "--exec", "nothing=/bin/true"], filled.server.url
    )
    filled.client.enqueue("other", "nothing", {})
    await until(lambda: filled.client.workers("other"), 15, "the worker")
    async with live_view(filled.server) as shown:
        await shown.press("5")
        await until(lambda: shown.app.view.subject(), 10, "the worker's row")
        await shown.press("S")
        question = await asked(shown)
        assert question.plan.title == f"Stop worker {shown.app.view.subject()}"
        assert "running jobs may finish" in shown.frame()
        assert worker.running
        await shown.press("y")
        await closed(shown)
        await until(lambda: not worker.running, 15, "the worker's end")
        assert worker.process.returncode == 0


# -- new jobs --------------------------------------------------------------------------------------


async def test_a_job_is_enqueued_after_its_line_was_put_right(filled: Filled) -> None:
    async with live_view(filled.server) as shown:
        await to_jobs(shown, "ready")
        await shown.press("A")
        await type_in(shown, "send-email n:=oops")
        await shown.until("is not JSON")
        assert "send-email n:=oops" in shown.frame()
        await shown.press(*["backspace"] * 4)
        await type_in(shown, "5")
        await asked(shown)
        assert "Enqueue 1 job of send-email into mail?" in shown.frame()
        assert "taskq enqueue send-email n:=5 -q mail" in shown.frame()
        assert len(filled.ids(State.READY)) == 3
        await shown.press("y")
        await closed(shown)

        jobs = filled.client.list_jobs("mail", State.READY).jobs
        assert sorted(job.payload for job in jobs)[-1] == b'{"n":5}'
        assert len(jobs) == 4


Editor = Callable[[Showing, str], Path]


@pytest.fixture
def editor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Editor:
    """A program that stands for the user's editor; the view steps aside for it without a terminal."""

    def install(shown: Showing, script: str) -> Path:
        program = tmp_path / "edit"
        seen = tmp_path / "seen"
        program.write_text(
            f'#!/bin/sh\nstat -c %a "$1" "$(dirname "$1")" >> {seen}; cat "$1" >> {seen}\n{script}\n'
        )
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("VISUAL", f"{program} ")
        monkeypatch.setattr(shown.app, "suspend", nullcontext)
        return seen

    return install


async def test_an_edited_payload_becomes_a_new_job(filled: Filled, editor: Editor) -> None:
    async with live_view(filled.server) as shown:
        seen = editor(shown, """printf '{"n": 41}' > "$1" """)
        await to_jobs(shown, "dead")
        await shown.press("enter")
        await shown.until("Payload")
        job = shown.app.view.subject()
        await shown.press("E")
        await asked(shown)
        assert "Enqueue 1 job of" in shown.frame()
        assert f"{job} stays as it is" in shown.frame()
        await shown.press("y")
        await closed(shown)

        assert job in map(str, filled.refs(State.DEAD))
        payloads = [each.payload for each in filled.client.list_jobs("mail", State.READY).jobs]
        assert b'{"n":41}' in payloads
        # only the user may read what is in a payload
        assert seen.read_text().split()[1] == "700"


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("true", "the payload is as it was"),
        ("exit 3", "ended with 3"),
        # ctrl-c in the editor is a signal to the view as well
        ("kill -INT $PPID; exit 3", "ended with 3"),
    ],
)
async def test_an_editor_that_brings_nothing_new_changes_nothing(
    filled: Filled, editor: Editor, script: str, told: str
) -> None:
    async with live_view(filled.server) as shown:
        _ = editor(shown, script)
        await to_jobs(shown, "dead")
        await shown.press("E")
        await shown.until(told)
        assert len(filled.ids(State.READY)) == 3


async def test_a_wrong_payload_can_be_edited_again_without_losing_it(filled: Filled, editor: Editor) -> None:
    async with live_view(filled.server) as shown:
        seen = editor(shown, """grep -q oops "$1" && printf '{"n": 2}' > "$1" || printf '{oops' > "$1" """)
        await to_jobs(shown, "dead")
        await shown.press("E")
        await shown.until("Edit it again?")
        await shown.press("enter")
        question = await asked(shown)
        assert question.plan.sample == ('{"n":2}',)
        assert "{oops" in seen.read_text()
        await shown.press("n")
        await closed(shown)
        assert len(filled.ids(State.READY)) == 3


async def test_without_an_editor_it_says_so(filled: Filled, editor: Editor, tmp_path: Path,
                                            monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    async with live_view(filled.server) as shown:
        _ = editor(shown, "true")
        monkeypatch.setenv("VISUAL", str(tmp_path / "missing"))
        await to_jobs(shown, "dead")
        await shown.press("E")
        await shown.until(f"cannot start {tmp_path}"[:60])


async def to_queue(shown: Showing, queue: str) -> None:
    """The cursor to a queue in the list of queues."""
    await shown.press("2")
    rows = shown.app.view.rows
    assert rows is not None
    await until(lambda: rows.shown, 10, "queues")
    rows.go_to(queue)
    await shown.rest()
