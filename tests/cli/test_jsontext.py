from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskq_cli.jsontext import ascii_text, unescaped


@given(st.dictionaries(st.text(), st.text(), max_size=3))
def test_what_was_escaped_for_a_terminal_is_byte_for_byte_what_it_was(value: object) -> None:
    raw = json.dumps(value, ensure_ascii=False)

    assert unescaped(ascii_text(raw).encode()) == raw.encode()


@pytest.mark.parametrize(
    ("raw", "plain"),
    [
        (rb'"\u00e9\u0085\u202e\uD83D\ude00"', '"é\x85\u202e\U0001f600"'),
        (rb'"\\u00e9 \\\u00e9 \\\\u00e9"', '"\\\\u00e9 \\\\é \\\\\\\\u00e9"'),
        (rb'"\u0000\u001b\u0022\u005c\n"', '"\\u0000\\u001b\\u0022\\u005c\\n"'),
        (rb'"\ud83d \ude00\ud83d"', '"\\ud83d \\ude00\\ud83d"'),
    ],
)
def test_only_what_needs_no_escape_loses_it(raw: bytes, plain: str) -> None:
    assert unescaped(raw) == plain.encode()
    assert json.loads(unescaped(raw)) == json.loads(raw)
