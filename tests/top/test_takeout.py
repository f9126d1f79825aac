from __future__ import annotations

import re
from pathlib import Path

import pytest

from taskq_cli.top.keymap import KEYMAP, keys_of
from taskq_cli.top.takeout import written
from tests.top.conftest import Clock
from tests.top.showing import FakeClient, Showing, showing


async def typed(shown: Showing, text: str) -> None:
    """Writes over what stands in the field."""
    await shown.press("ctrl+u")
    for char in text:
        await shown.pilot.press(char)
    await shown.press("enter")


async def test_y_copies_the_name_and_ctrl_y_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[str] = []
    async with showing() as shown:
        monkeypatch.setattr(shown.app, "copy_to_clipboard", copied.append)
        await shown.press("2")
        shown.app.view.aim("imports")
        await shown.press("y", "ctrl+y")
        assert copied == ["imports", "taskq stats -q imports"]
        assert "copied" in shown.frame()


async def test_where_there_is_nothing_to_copy_it_says_so() -> None:
    async with showing(client=FakeClient(schedules=[])) as shown:
        await shown.press("6")
        shown.app.action_copy_id()
        await shown.rest()
        assert "nothing here to copy" in shown.frame()


async def test_the_view_is_written_to_a_new_file(
    clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with showing(size=(120, 40)) as shown:
        await shown.press("5", "W")
        assert "taskq-workers-20260105T120600Z.txt" in shown.frame()
        await typed(shown, "here.txt")
        await shown.until("lines written to here.txt")
        text = (tmp_path / "here.txt").read_text()
        assert text.startswith("taskq prod:default")
        assert text.count("0d0e0f") == 1
        assert re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text) is None
        await shown.press("W")
        await typed(shown, "here.txt")
        await shown.until("exists already")
        assert (tmp_path / "here.txt").read_text() == text


@pytest.mark.parametrize("name", ["nowhere/x.txt", "~nobody-is-called-this/x", "a\0b", "/dev"])
def test_a_file_that_cannot_be_written_is_no_error(name: str, tmp_path: Path) -> None:
    words, look = written(tmp_path / name if not name.startswith(("/", "~")) else Path(name), "x\n")
    assert look == "bad"
    assert words


async def test_m_gives_the_list_the_whole_screen_and_takes_it_back(clock: Clock) -> None:
    async with showing() as shown:
        before = shown.frame()
        assert "WHAT IS WRONG" in before
        await shown.press("m")
        await shown.pilot.pause()
        assert "OUT/s" not in shown.frame()
        await shown.press("m")
        await shown.pilot.pause()
        assert shown.frame() == before
        await shown.press("2", "m")
        assert "the whole screen already" in shown.frame()


async def test_a_screen_that_is_left_maximised_is_whole_again() -> None:
    async with showing() as shown:
        await shown.press("m", "2", "1")
        assert "OUT/s" in shown.frame()


async def test_the_palette_finds_keys_by_their_words() -> None:
    async with showing(size=(120, 40)) as shown:
        await shown.press("colon")
        await shown.until("Search")
        for char in "show charts":
            await shown.pilot.press("space" if char == " " else char)
        await shown.until("key 8")
        await shown.press("enter")
        await shown.until("all queues: all figures")


async def test_the_palette_offers_what_works_here_and_nothing_that_changes_in_a_read_only_view() -> None:
    async with showing(read_only=True) as shown:
        await shown.press("2")
        offered = {command.title for command in shown.app.get_system_commands(shown.app.screen)}
        here = {key.help for key in keys_of("queues", read_only=True)}
        assert here - {"Find a command by its name"} < offered
        assert offered.isdisjoint({key.help for key in KEYMAP if key.changes})


@pytest.mark.parametrize(("size", "small"), [((59, 24), True), ((80, 15), True), ((60, 16), False)])
async def test_a_window_that_is_too_small_says_what_is_needed(size: tuple[int, int], small: bool) -> None:
    async with showing(size=size) as shown:
        assert (f"needs 60x16; here are {size[0]}x{size[1]}" in shown.frame()) is small
        assert ("oldest" in shown.frame()) is not small
        await shown.pilot.resize_terminal(100, 30)
        await shown.rest()
        assert "needs 60x16" not in shown.frame()
        assert "oldest" in shown.frame()


async def test_every_line_is_ascii_where_that_is_asked(clock: Clock) -> None:
    async with showing(size=(120, 40), ascii_only=True) as shown:
        for key in ("1", "2", "3", "4", "5", "6", "7", "8", "9", "question_mark", "escape", "colon"):
            await shown.press(key)
            assert shown.frame().isascii(), key
        await shown.press("escape", "2", "slash")
        assert shown.frame().isascii()
        await shown.press("escape")
        assert "enter open" in shown.frame()


async def test_no_colour_is_used_where_none_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with showing() as shown:
        colours = {
            triplet
            for strip in shown.app.screen._compositor.render_strips()
            for segment in strip
            if segment.style is not None
            for colour in (segment.style.color, segment.style.bgcolor)
            if colour is not None and (triplet := colour.triplet) is not None
        }
        grey = {colour for colour in colours if max(colour) - min(colour) > 2}
        assert grey == set()
        assert "no worker serves it" in shown.frame()
