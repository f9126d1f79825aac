"""Pictures of every screen, compared as text. TASKQ_TEST_RENEW_FRAMES=1 writes them anew: look at them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from textual.filter import Monochrome

from taskq_cli.top.keymap import DETAILS, SCREENS
from tests.top.conftest import Clock
from tests.top.showing import SIZES, Showing, golden, showing
from tests.top.ways import WAY
from tests.waiting import until

EVERY = (*dict(SCREENS), *DETAILS)


async def show_screen(shown: Showing, name: str) -> None:
    """Goes there by keys, and waits for what the screen asks the server."""
    numbers = {screen: str(number) for number, (screen, _) in enumerate(SCREENS, 1)}
    for key in WAY.get(name, (numbers.get(name, ""),)):
        await shown.press(key)
        await settled(shown)
    assert shown.app.view.id == name


async def settled(shown: Showing) -> None:
    """Nothing is asked any more."""
    await until(lambda: not shown.app.asking)
    await shown.rest()


async def pictures(shown: Showing, kind: str, screens: Sequence[str] = EVERY) -> None:
    """All screens one after the other, compared with the stored ones of a kind."""
    differ = []
    for name in screens:
        await show_screen(shown, name)
        try:
            golden(f"{name}-{kind}", shown.frame())
        except AssertionError as error:
            differ.append(str(error))
    assert not differ, "\n".join(differ)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_every_screen_looks_as_it_did(size: tuple[int, int], clock: Clock) -> None:
    async with showing(size=size) as shown:
        await pictures(shown, f"{size[0]}x{size[1]}")


async def test_with_ascii_alone_no_other_character_is_drawn(clock: Clock) -> None:
    async with showing(ascii_only=True) as shown:
        await pictures(shown, "ascii")
        for name in EVERY:
            await show_screen(shown, name)
            assert shown.frame().isascii(), name
        await shown.press("question_mark")
        assert shown.frame().isascii()


async def test_without_colour_the_same_text_is_drawn_in_grey(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with showing() as shown:
        await pictures(shown, "80x24")
        [grey] = [one for one in shown.app._filters if isinstance(one, Monochrome)]
        for strip in shown.app.screen._compositor.render_strips():
            for segment in strip.apply_filter(grey, shown.app.screen.styles.background):
                colour = segment.style.color if segment.style else None
                assert colour is None or len(set(colour.get_truecolor())) == 1


async def test_a_past_picture_says_what_only_the_present_can_tell(clock: Clock) -> None:
    async with showing(size=(120, 40)) as shown:
        await shown.press("left_curly_bracket")
        assert "frozen" in shown.frame()
        # jobs are those of now, so there is none to be opened
        await pictures(shown, "past", [name for name in EVERY if name != "job"])


async def test_a_window_that_is_too_small_says_what_it_needs() -> None:
    async with showing(size=(50, 12)) as shown:
        assert "60x16" in shown.frame()
        await shown.pilot.resize_terminal(80, 24)
        await shown.rest()
        assert "60x16" not in shown.frame()
        assert "WHAT IS WRONG" in shown.frame()


async def test_before_the_first_answer_the_view_says_that_it_waits() -> None:
    async with showing([]) as shown:
        assert "waiting for the server" in shown.frame()
