from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.app import App, ComposeResult

from taskq_cli.top.format import Pen
from taskq_cli.top.widgets.columns import GAP, Column, fitted, lay_out, titled
from taskq_cli.top.widgets.ordering import Ordering, matcher
from taskq_cli.top.widgets.rows import GUTTER, Rows


@dataclass(frozen=True)
class Pet:
    name: str
    age: int | None
    kind: str = "cat"


def column(name: str, width: int = 5, rank: int = 0, **traits: Any) -> Column:
    def value(pet: Pet) -> Any:
        return getattr(pet, name, None)

    return Column(name, name.upper(), width, lambda pet: (str(value(pet)), ""), value, rank, **traits)


NAME = column("name", 8, flexible=True, descending=False, right=False)
AGE = column("age", 4, rank=2)
KIND = column("kind", 6, rank=5, descending=False)
COLUMNS = (NAME, AGE, KIND)
PETS = [Pet("Mia", 3), Pet("Rex", 11, "dog"), Pet("Ann", None), Pet("Bob", 3, "dog")]


def names(pets: list[Any]) -> str:
    return " ".join(pet.name for pet in pets)


# -- columns --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("width", "shown"),
    [(60, "name age kind"), (20, "name age kind"), (19, "name age"), (12, "name"), (3, "name")],
)
def test_columns_of_high_rank_give_way_first(width: int, shown: str) -> None:
    assert " ".join(column.name for column in lay_out(COLUMNS, width).columns) == shown


@given(st.integers(min_value=20, max_value=300))
def test_a_flexible_column_takes_exactly_what_is_left(width: int) -> None:
    layout = lay_out(COLUMNS, width)
    assert sum(layout.widths) + GAP * (len(layout.widths) - 1) == width


@given(st.text(max_size=80), st.integers(min_value=0, max_value=40), st.booleans())
def test_a_cell_has_exactly_its_width_whatever_the_text(text: str, width: int, right: bool) -> None:
    assert cell_len(fitted(text, width, right=right)) == width


@pytest.mark.parametrize("text", ["日本語テキスト", "e\u0301" * 9, "👩‍👩‍👧‍👦 family", "\x1b[31mred", "a\nb"])
def test_wide_combined_and_hostile_text_has_exactly_the_width(text: str) -> None:
    for width in range(1, 12):
        assert cell_len(fitted(text, width, right=True)) == width


def test_what_is_cut_off_is_marked() -> None:
    assert fitted("something long", 8, right=False) == "somethi…"
    assert fitted("something long", 8, right=False, cut="~") == "somethi~"
    assert fitted("short", 8, right=True) == "   short"


def test_the_sign_of_the_order_is_never_cut_off() -> None:
    assert titled(AGE, "▼1", 4) == "AG▼1"
    assert titled(NAME, "▲", 8) == "NAME▲   "


# -- order ----------------------------------------------------------------------------------------


def test_rows_stay_as_they_come_until_an_order_is_chosen() -> None:
    assert names(Ordering(COLUMNS).sorted(PETS)) == "Mia Rex Ann Bob"


def test_what_has_no_value_comes_last_in_both_directions() -> None:
    order = Ordering(COLUMNS, ["age"])
    assert names(order.sorted(PETS)) == "Rex Mia Bob Ann"
    order.invert()
    assert names(order.sorted(PETS)) == "Mia Bob Rex Ann"


def test_further_columns_order_what_is_equal_in_the_first() -> None:
    order = Ordering(COLUMNS)
    order.by("kind")
    order.by("age", further=True)
    assert names(order.sorted(PETS)) == "Mia Ann Rex Bob"
    order.by("name", further=True)
    assert [key for key, _ in order.keys] == ["kind", "age", "name"]


def test_the_same_column_again_turns_it_round_and_no_more_than_three_are_kept() -> None:
    columns = [column(name) for name in "abcd"]
    order = Ordering(columns)
    order.by("a")
    order.by("a")
    assert order.keys == [("a", False)]
    for name in "bcd":
        order.by(name, further=True)
    assert len(order.keys) == 3
    assert order.keys[-1][0] == "d"


def test_one_goes_round_all_columns() -> None:
    order = Ordering(COLUMNS)
    shown = [order.next(["name", "age"]) for _ in range(3)]
    assert shown == ["name", "age", "name"]


def test_the_heading_shows_direction_and_place() -> None:
    order = Ordering(COLUMNS, ["age"])
    assert (order.sign("age", Pen()), order.sign("name", Pen())) == ("▼", "")
    order.by("name", further=True)
    assert (order.sign("age", Pen()), order.sign("name", Pen())) == ("▼1", "▲2")
    assert order.sign("name", Pen(ascii_only=True)) == "^2"


# -- filter ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "Mia Rex Ann Bob"),
        ("dog", "Rex Bob"),
        ("DOG 3", "Bob"),
        ("name~b", "Bob"),
        ("kind~dog age~11", "Rex"),
        ("nothing", ""),
        ("unknown~x", ""),
        ("[", ""),
        (".*", ""),
    ],
)
def test_a_filter_asks_for_every_word(text: str, found: str) -> None:
    accepts = matcher(text, COLUMNS)
    assert names([pet for pet in PETS if accepts(pet)]) == found


# -- the list -------------------------------------------------------------------------------------


class ListApp(App[None]):
    def compose(self) -> ComposeResult:
        yield Rows(COLUMNS, key=lambda pet: pet.name, pen=Pen(), order=Ordering(COLUMNS, ["age"]))

    @property
    def rows(self) -> Rows:
        return self.query_one(Rows)


def many(count: int) -> list[Pet]:
    return [Pet(f"pet-{n:03}", n) for n in range(count)]


def lines(app: App[None]) -> list[str]:
    return [strip.text.rstrip() for strip in app.screen._compositor.render_strips()]


async def test_the_heading_stays_and_the_window_follows_the_cursor() -> None:
    app = ListApp()
    async with app.run_test(size=(40, 10)) as pilot:
        app.rows.show(many(100))
        app.rows.edge(1)
        await pilot.pause()
        assert lines(app)[0].split() == ["NAME", "AGE▼", "KIND"]
        assert lines(app)[-1].startswith("▸ pet-000")
        app.rows.page(-1)
        await pilot.pause()
        assert app.rows.current == Pet("pet-008", 8)
        app.rows.edge(-1)
        app.rows.move(-5)
        await pilot.pause()
        assert lines(app)[1].startswith("▸ pet-099")


async def test_the_cursor_keeps_to_its_row_when_the_order_changes() -> None:
    app = ListApp()
    async with app.run_test(size=(40, 10)) as pilot:
        app.rows.show(many(100))
        app.rows.go_to("pet-050")
        app.rows.show([Pet(pet.name, 100 - (pet.age or 0)) for pet in many(100)])
        await pilot.pause()
        assert app.rows.current == Pet("pet-050", 50)
        assert any(line.startswith("▸ pet-050") for line in lines(app))


async def test_the_cursor_goes_to_a_neighbour_when_its_row_is_gone() -> None:
    app = ListApp()
    async with app.run_test(size=(40, 10)):
        app.rows.show(many(5))
        app.rows.edge(1)
        app.rows.show(many(3)[1:])
        assert app.rows.current == Pet("pet-001", 1)
        app.rows.show([])
        assert app.rows.current is None
        assert app.rows.chosen == []
        app.rows.move(1)
        app.rows.mark()


async def test_marks_go_with_their_rows_and_are_chosen_before_the_cursor() -> None:
    app = ListApp()
    async with app.run_test(size=(40, 10)) as pilot:
        app.rows.show(many(5))
        assert [pet.name for pet in app.rows.chosen] == ["pet-004"]
        app.rows.mark()
        app.rows.mark()
        await pilot.pause()
        assert [pet.name for pet in app.rows.chosen] == ["pet-004", "pet-003"]
        assert lines(app)[1].startswith(" ◆pet-004")
        app.rows.show(many(4))
        assert [pet.name for pet in app.rows.chosen] == ["pet-003"]
        app.rows.mark_all()
        assert len(app.rows.chosen) == 4
        app.rows.mark_all()
        assert app.rows.marked == set()


async def test_only_marked_rows_that_pass_the_filter_are_chosen() -> None:
    app = ListApp()
    async with app.run_test(size=(40, 10)):
        app.rows.show(PETS)
        app.rows.mark_all()
        app.rows.filter = "dog"
        app.rows.rearrange()
        assert names(app.rows.chosen) == "Rex Bob"


async def test_an_empty_list_says_so() -> None:
    app = ListApp()
    async with app.run_test(size=(40, 10)) as pilot:
        app.rows.empty = "no pet yet"
        app.rows.show([])
        await pilot.pause()
        assert lines(app)[1] == "  no pet yet"


async def test_a_click_moves_the_cursor_and_on_the_heading_sorts() -> None:
    app = ListApp()
    async with app.run_test(size=(40, 10)) as pilot:
        app.rows.show(many(5))
        _ = await pilot.click(Rows, offset=(8, 3))
        assert app.rows.current == Pet("pet-002", 2)
        _ = await pilot.click(Rows, offset=(GUTTER + 1, 0))
        assert app.rows.order.keys == [("name", False)]
        await pilot.resize_terminal(20, 8)
        await pilot.pause()
        assert "KIND" not in lines(app)[0]


async def test_only_lines_that_changed_are_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    app = ListApp()
    async with app.run_test(size=(40, 10)) as pilot:
        app.rows.show(many(5))
        await pilot.pause()
        drawn: list[object] = []
        monkeypatch.setattr(app.rows, "refresh", lambda *regions, **_: drawn.extend(regions))
        app.rows.show(many(5))
        assert drawn == []
        app.rows.show([*many(4), Pet("pet-004", 9)])
        assert len(drawn) == 1


def test_the_text_of_a_list_holds_all_its_rows() -> None:
    rows = Rows(COLUMNS, key=lambda pet: pet.name, pen=Pen())
    rows._all = PETS
    rows._rows = list(PETS)
    assert len(rows.text().splitlines()) == 5


async def test_another_theme_gives_other_colours_at_once() -> None:
    app = ListApp()
    async with app.run_test(size=(40, 10)) as pilot:
        app.rows.show(many(3))
        await pilot.pause()
        before = app.rows.style_of("bad")
        assert app.rows.style_of("bad") is before
        app.theme = "textual-light" if app.theme != "textual-light" else "textual-dark"
        await pilot.pause()
        assert app.rows.style_of("bad").color != before.color
        assert app.rows.style_of("").bgcolor != before.bgcolor
