"""Foreign text on a terminal: one line, bounded, nothing hidden, nothing obeyed."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskq_cli.sanitize import CUT, MAX_MARKS, clean, clean_lines


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("grüße 你好 🎉", "grüße 你好 🎉"),
        ("a\nb\tc\rd", "a\\nb\\tc\\rd"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("\x1b]52;c;aGk=\x07", "\\x1b]52;c;aGk=\\x07"),
        ("\x9b31m", "\\x9b31m"),
        ("\x7f\x00", "\\x7f\\x00"),
        ("a\u202eb\u2066c", "a\\u202eb\\u2066c"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("line\u2028para\u2029", "line\\u2028para\\u2029"),
        ("tag\U000e0041", "tag\\U000e0041"),
        ("filler\u3164", "filler\\u3164"),
        ("no\u00a0break", "no break"),
        ("[red]markup[/red] [/foo] [@click=app.quit]x", "[red]markup[/red] [/foo] [@click=app.quit]x"),
    ],
)
def test_hidden_characters_are_shown_as_escapes(text: str, shown: str) -> None:
    assert clean(text) == shown


def test_a_lone_surrogate_is_shown_as_an_escape() -> None:
    assert clean("\udcff") == "\\udcff"


def test_combining_marks_do_not_pile_up() -> None:
    assert clean("e\u0301") == "e\u0301"
    piled = clean("e" + "\u0301" * 50)
    assert piled.count("\u0301") == MAX_MARKS


def test_long_text_is_cut_and_says_so() -> None:
    assert clean("x" * 1_000_000, 10) == "x" * 9 + CUT
    assert clean("x" * 10, 10) == "x" * 10


def test_an_escape_is_never_cut_in_two() -> None:
    assert clean("ab\x1bcd", 6) == f"ab{CUT}"


@given(st.text(), st.integers(min_value=1, max_value=50))
def test_whatever_goes_in_one_printable_bounded_line_comes_out(text: str, limit: int) -> None:
    shown = clean(text, limit)
    assert len(shown) <= limit
    assert all(unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Zl", "Zp") for char in shown)


def test_several_lines_stay_several_lines() -> None:
    assert clean_lines("one\r\ntwo\x1b\nthree") == "one\ntwo\\x1b\nthree"
