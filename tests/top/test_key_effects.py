"""Every key of every screen is pressed, and does what its help says. Keys of dialogs as well."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.screen import ModalScreen

from taskq_cli.top.actions import Plan
from taskq_cli.top.keymap import KEYMAP
from taskq_cli.top.widgets.confirm import Confirm
from taskq_cli.top.widgets.dialog import Prompt, Sheet
from taskq_cli.why.facts import Cause
from taskq_core import QueueSnapshot, Standing
from tests.top.key_effects import EFFECTS, presses
from tests.top.showing import FakeClient, showing
from tests.top.ways import EVERY_SCREEN, settled, to_screen
from tests.top.world import START, workers


class AllAllowed(FakeClient):
    """A server on which every change can be planned: jobs are in the state that is looked for."""

    def __init__(self) -> None:
        self.standing = Standing.DEAD
        super().__init__(
            states=lambda queue, ids: [self.standing] * len(ids),
            time=START,
            queues=["emails", "feeds"],
            workers_of=workers(0),
            snapshots=lambda queues: [self._snapshot(name) for name in queues],
            snapshot=self._snapshot,
        )

    def _snapshot(self, queue: str) -> QueueSnapshot:
        return _Held(queue)  # type: ignore[return-value]  # as much of one as plans look at


class _Held:
    paused = draining = False
    ready_total = scheduled = dead = 7

    def __init__(self, queue: str) -> None:
        self.queue = queue


STANDINGS = {"retry": Standing.DEAD, "cancel": Standing.READY, "bury": Standing.SCHEDULED,
             "delete": Standing.DEAD}  # fmt: skip


def test_each_key_of_the_registry_is_pressed_by_this_test() -> None:
    pressed = {key.name for screen in EVERY_SCREEN for key, _ in presses(screen)}
    assert set(EFFECTS) == {key.name for key in KEYMAP} == pressed


@pytest.mark.parametrize("screen", EVERY_SCREEN)
async def test_each_key_does_what_its_help_says(
    screen: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("taskq_cli.top.looking.why", lambda *_, **__: [Cause("paused", "It is paused.")])
    monkeypatch.setattr("taskq_cli.top.changes.edit", lambda *_: '{"n": 1}')
    client = AllAllowed()
    async with showing(size=(100, 30), client=client) as shown:
        for key, one in presses(screen):
            client.standing = STANDINGS.get(key.name, Standing.DEAD)
            await to_screen(shown, screen)
            try:
                await EFFECTS[key.name](shown, screen, one)
            except AssertionError as error:
                raise AssertionError(f"{one} ({key.help}) on {screen}: {error}\n{shown.frame()}") from error
            await settled(shown)


# -- dialogs ---------------------------------------------------------------------------------------

NAMED = Plan("Purge", "taskq purge", frozenset("ab"), ("a", "b"), lambda _: "", typed="prod")
PLAIN = Plan("Retry", "taskq retry", frozenset("ab"), ("a", "b"), lambda _: "")
DIALOGS: dict[str, Callable[[], ModalScreen[Any]]] = {
    "confirm": lambda: Confirm(PLAIN),
    "named": lambda: Confirm(NAMED),
    "prompt": lambda: Prompt("Which", "dead"),
    "sheet": lambda: Sheet([((f"line {n}", ""),) for n in range(90)]),
}
OPEN = object()
"""The dialog is still there."""
ANSWERS: dict[str, dict[str, object]] = {
    "confirm": {"y": True, "n": False, "enter": False, "escape": False, "q": False, "ctrl+c": False},
    # letters go into the field there
    "named": {"y": OPEN, "n": OPEN, "q": OPEN, "enter": False, "escape": False, "ctrl+c": False},
    "prompt": {"enter": "dead", "escape": None},
    "sheet": {"escape": None, "q": None, "question_mark": None, "enter": None, "j": OPEN, "down": OPEN,
              "k": OPEN, "up": OPEN, "pagedown": OPEN, "space": OPEN, "pageup": OPEN},
}  # fmt: skip


@pytest.mark.parametrize("name", DIALOGS)
def test_each_binding_of_a_dialog_is_pressed_by_this_test(name: str) -> None:
    bound = {key for binding in type(DIALOGS[name]()).BINDINGS for key in binding.key.split(",")}  # type: ignore[union-attr]
    assert bound <= set(ANSWERS[name])


@pytest.mark.parametrize("name", DIALOGS)
async def test_each_key_of_a_dialog_answers_it(name: str) -> None:
    async with showing() as shown:
        for key, answer in ANSWERS[name].items():
            answers: list[object] = []
            await shown.app.push_screen(DIALOGS[name](), answers.append)
            await shown.rest()
            if name == "sheet" and key in ("k", "up", "pageup"):
                await shown.press("space")
            before = shown.frame()
            await shown.press(key)
            assert answers == ([] if answer is OPEN else [answer]), key
            if answer is OPEN:
                assert shown.frame() != before, key
                await shown.press("escape")


async def test_the_name_is_typed_and_nothing_else_agrees() -> None:
    async with showing() as shown:
        for typed, agreed in (("prod", True), ("pro", False), ("PROD", False)):
            answers: list[object] = []
            await shown.app.push_screen(Confirm(NAMED), answers.append)
            await shown.rest()
            assert "type prod and press enter" in shown.frame()
            await shown.press(*typed, "enter")
            assert answers == [agreed]
