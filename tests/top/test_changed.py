from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from taskq_cli.top.widgets.changed import changed

SPANS = st.lists(
    st.tuples(st.text(alphabet="ab 1", max_size=30), st.sampled_from(["", "bad", "dim"])), max_size=6
)


def test_what_is_the_same_is_not_drawn_again() -> None:
    assert changed([("emails", ""), ("  12", "dim")], [("emails", ""), ("  12", "dim")], 80) == []


def test_only_the_cells_that_changed_are_drawn() -> None:
    assert changed([("emails  12", "")], [("emails  13", "")], 80) == [(9, 1)]
    assert changed([("emails", "")], [("emails", "bad")], 80) == [(0, 6)]


def test_cells_far_apart_are_two_runs_and_near_ones_are_one() -> None:
    old, new = [("1" + " " * 40 + "1", "")], [("2" + " " * 40 + "2", "")]
    assert changed(old, new, 80) == [(0, 1), (41, 1)]
    assert changed([("1 1", "")], [("2 2", "")], 80) == [(0, 3)]


def test_a_line_that_became_shorter_is_wiped_where_it_was() -> None:
    assert changed([("emails!", "")], [("emails", "")], 80) == [(6, 1)]


def test_what_was_never_drawn_or_is_wide_is_drawn_whole() -> None:
    assert changed(None, [("emails", "")], 80) == [(0, 80)]
    assert changed([("日本", "")], [("日木", "")], 80) == [(0, 80)]


@given(SPANS, SPANS)
def test_drawing_the_runs_turns_the_old_line_into_the_new_one(
    old: list[tuple[str, str]], new: list[tuple[str, str]]
) -> None:
    def cells(spans: list[tuple[str, str]]) -> list[tuple[str, str]]:
        found = [(char, look) for text, look in spans for char in text]
        return (found + [(" ", "")] * 60)[:60]

    drawn, wanted = cells(old), cells(new)
    for start, count in changed(old, new, 60):
        drawn[start : start + count] = wanted[start : start + count]
    assert drawn == wanted
