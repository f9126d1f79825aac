from __future__ import annotations

import pytest

from taskq_cli.top.app import TopApp
from taskq_cli.top.help import help_lines
from taskq_cli.top.keymap import DETAILS, KEYMAP, SCREENS, Key, keys_of, remapped
from taskq_cli.top.keytable import PART
from taskq_core import UsageError
from tests.processes import ROOT
from tests.top.conftest import Clock
from tests.top.key_effects import EFFECTS
from tests.top.showing import showing

EVERY_SCREEN = (*dict(SCREENS), *DETAILS)


@pytest.mark.parametrize("key", KEYMAP, ids=lambda key: key.name)
def test_every_key_has_an_action_that_exists(key: Key) -> None:
    action = key.action.partition("(")[0]
    assert callable(getattr(TopApp, f"action_{action}", None))


@pytest.mark.parametrize("key", KEYMAP, ids=lambda key: key.name)
def test_upper_case_changes_and_lower_case_reads(key: Key) -> None:
    letters = [one for one in key.keys.split(",") if len(one) == 1 and one.isalpha()]
    if key.changes:
        assert letters
        assert all(letter.isupper() for letter in letters)
    else:
        # G goes to the end, W writes a file of ours: neither touches the server
        assert all(letter.islower() or letter in "GW" for letter in letters)


def test_no_key_means_two_things_on_a_screen() -> None:
    for screen in EVERY_SCREEN:
        taken = [one for key in keys_of(screen, read_only=False) for one in key.keys.split(",")]
        assert len(taken) == len(set(taken)), screen
    names = [key.name for key in KEYMAP]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("screen", EVERY_SCREEN)
def test_every_key_of_a_screen_is_in_its_help(screen: str) -> None:
    text = "\n".join("".join(part for part, _ in line) for line in help_lines(screen, read_only=False))
    for key in keys_of(screen, read_only=False):
        assert key.help in text
        assert key.shown in text


@pytest.mark.parametrize("screen", EVERY_SCREEN)
def test_a_read_only_view_offers_no_key_that_changes(screen: str) -> None:
    assert not any(key.changes for key in keys_of(screen, read_only=True))
    text = "\n".join("".join(part for part, _ in line) for line in help_lines(screen, read_only=True))
    assert not [key.name for key in KEYMAP if key.changes and key.help in text]


@pytest.mark.parametrize(("width", "height"), [(80, 24), (160, 50)])
async def test_every_hint_in_the_footer_is_bound_to_its_action(width: int, height: int) -> None:
    async with showing(size=(width, height)) as shown:
        present = {view.id for view in shown.app.query("View")}
        for number, (screen, _) in enumerate(SCREENS, 1):
            if screen not in present:
                continue
            await shown.press(str(number))
            footer = shown.frame().splitlines()[-1]
            for hint in footer.split("  "):
                sign, _, label = hint.strip().partition(" ")
                [key] = [
                    one for one in keys_of(screen, read_only=False) if (one.shown, one.label) == (sign, label)
                ]
                assert key.name in EFFECTS  # it is pressed in test_key_effects
                for one in key.keys.split(","):
                    bound = [binding.action for binding in shown.app._bindings.get_bindings_for_key(one)]
                    assert key.action in bound


async def test_the_footer_names_help_and_the_way_out_at_80_columns() -> None:
    async with showing() as shown:
        present = {view.id for view in shown.app.query("View")}
        for number, (screen, _) in enumerate(SCREENS, 1):
            if screen in present:
                await shown.press(str(number))
                footer = shown.frame().splitlines()[-1]
                assert "? help" in footer, screen
                assert "q quit" in footer, screen


async def test_the_help_is_opened_and_closed_by_its_key(clock: Clock) -> None:
    async with showing() as shown:
        before = shown.frame()
        await shown.press("question_mark")
        assert "On this screen" in shown.frame()
        await shown.press("question_mark")
        assert shown.frame() == before


async def test_the_view_is_left_with_q_and_with_ctrl_c() -> None:
    for key in ("q", "ctrl+c"):
        async with showing() as shown:
            await shown.press(key)
            assert shown.app._exit


# -- keys of one's own ----------------------------------------------------------------------------


def test_keys_can_be_given_to_other_keys() -> None:
    assert remapped({"retry": "T"}) == {"retry": "T"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"nonsense": "x"}, "no key named 'nonsense'"),
        ({"retry": "K"}, "given to both"),
        ({"retry": "q"}, "given to both"),
        ({"copy": "j"}, "given to both"),
    ],
)
def test_a_key_that_is_unknown_or_taken_is_refused(changes: dict[str, str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        _ = remapped(changes)


async def test_a_key_of_ones_own_works_and_the_old_one_does_not() -> None:
    async with showing(keys={"help": "f1"}) as shown:
        await shown.press("question_mark")
        assert "On this screen" not in shown.frame()
        await shown.press("f1")
        assert "On this screen" in shown.frame()


def test_the_table_of_keys_in_the_documentation_is_of_now() -> None:
    page = (ROOT / "docs" / "top.md").read_text(encoding="utf-8")
    assert PART.renewed(page) == page, "run `make docs`"
