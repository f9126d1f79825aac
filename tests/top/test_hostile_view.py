"""Whatever stands in names, errors and what workers say: no crash, no control byte, no markup."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any

import pytest

from taskq_cli.top.source import Tick
from taskq_core import JobRef, ServerUnreachable
from tests.attacks import ATTACKS, CONTROL
from tests.top.answers import ANSWERS
from tests.top.showing import FakeClient, Showing, showing
from tests.top.test_frames import EVERY, settled, show_screen
from tests.top.world import frame
from tests.waiting import until

# narrow cells show the beginning alone, so attacks are packed into few characters
CORPUS = {
    "escapes": "\x1b[2J\x9b31m\x1b]52;c;cm0=\x07\x7f",
    "markup": "[/foo][@click=app.quit]x[/]",
    "hidden": "\u202e\u200b\u2066\U000e0041\xad\ufeff",
    "lines": "a\nb\r\tc\x85\u2028\x00",
    "wide": "日本👩\u200d👩z" + "\u0321\u0300\u0301" * 60,
    "megabyte": "A" * 1_000_000,
}
ALL = ATTACKS | CORPUS


def poisoned(value: Any, text: str) -> Any:
    """The same value with this text in the place of each string in it."""
    if isinstance(value, (JobRef, Enum)):
        return value
    if isinstance(value, str):
        return text
    if isinstance(value, bytes):
        return json.dumps({"x": text, text[:50]: [text]}).encode()
    if isinstance(value, (tuple, list)):
        return type(value)(poisoned(one, text) for one in value)
    if isinstance(value, Mapping):
        return {key: poisoned(one, text) for key, one in value.items()} | {text[:100]: text}
    if is_dataclass(value) and not isinstance(value, type):
        return replace(
            value, **{field.name: poisoned(getattr(value, field.name), text) for field in fields(value)}
        )
    return value


def poisoned_frame(text: str, second: int = 0) -> Tick:
    """A frame in which each string is the text, and queues differ by what they are numbered."""
    shown = poisoned(frame(second), text)
    queues = tuple(replace(queue, name=f"{n}{text}") for n, queue in enumerate(shown.queues))
    return Tick(replace(shown, queues=queues))


def check(shown: Showing) -> None:
    """Nothing hidden on screen, and every line as wide as the window at most."""
    text = shown.frame()
    found = CONTROL.search(text)
    assert found is None, (found, text)
    widths = [strip.cell_length for strip in shown.app.screen._compositor.render_strips()]
    assert set(widths) == {shown.app.size.width}


async def test_no_screen_is_harmed_by_what_stands_in_any_field() -> None:
    async with showing(size=(160, 50), client=hostile_client()) as shown:
        for screen in EVERY:
            await show_screen(shown, screen)
            for second, text in enumerate(CORPUS.values(), 100):
                shown.app.take(poisoned_frame(text, second))
                await settled(shown)
                check(shown)
        assert shown.app.is_running


async def test_what_the_server_answers_is_shown_safely_on_the_screens_that_ask() -> None:
    for text in (CORPUS["escapes"] + CORPUS["hidden"], CORPUS["markup"], CORPUS["megabyte"]):
        async with showing(size=(120, 40), client=hostile_client(text)) as shown:
            for screen in ("jobs", "job", "failures", "events", "server"):
                await show_screen(shown, screen)
                check(shown)


def hostile_client(text: str = "") -> FakeClient:
    """Answers of the made-up service, with this text in the place of each string but names and times."""
    if not text:
        return FakeClient()

    def spoiled(answer: Any) -> Callable[..., Any]:
        def call(*args: Any, **named: Any) -> Any:
            return poisoned(answer(*args, **named) if callable(answer) else answer, text)

        return call

    return FakeClient(**{name: spoiled(answer) for name, answer in ANSWERS.items()})


@pytest.mark.parametrize("name", CORPUS)
async def test_dialogs_and_messages_show_it_safely_too(name: str) -> None:
    text = CORPUS[name]
    client = FakeClient(snapshots=lambda *_, **__: [_Paused()])
    async with showing([poisoned_frame(text)], client=client) as shown:
        await shown.press("2", "P")
        await shown.until("Resume")
        check(shown)
        await shown.press("n")
        shown.app.say(text, "bad")
        await shown.rest()
        check(shown)
        shown.app.source.label = text
        shown.app.clockwork.lost = text
        shown.app._tell_condition()
        await shown.rest()
        check(shown)


class _Paused:
    paused = True
    draining = False


async def test_the_message_of_a_lost_server_is_made_safe() -> None:
    async with showing() as shown:
        shown.source.error = ServerUnreachable(ATTACKS["escape"] + ATTACKS["markup"])
        _ = shown.app.run_worker(shown.app._poll(), exit_on_error=False)
        await until(lambda: shown.app.clockwork.lost)
        await shown.rest()
        assert "[red]x[/red] [/foo]" in shown.frame()
        check(shown)


async def test_a_filter_of_anything_finds_its_text_or_nothing() -> None:
    async with showing() as shown:
        for text in ALL.values():
            rows = shown.app.view.rows
            assert rows is not None
            rows.filter = text
            rows.rearrange()
            await shown.rest()
            check(shown)
