"""Hostile text: what may stand in payloads, errors and names, and what may not come out of anything."""

from __future__ import annotations

import re

ATTACKS = {
    "escape": "\x1b[2J\x1b[31m",
    "clipboard": "\x1b]52;c;cm0gLXJmIC8=\x07",
    "link": "\x1b]8;;https://example.com\x1b\\click\x1b]8;;\x1b\\",
    "title": "\x1b]0;owned\x07",
    "c1": "\x9b31m\x9d0;x\x9c",
    "bidi": "\u202egnp.exe \u2066x\u2069",
    "hidden": "a\u200bb\u200d\ufeff\u00ad",
    "lines": "one\r\ntwo\x0b\x0c\x85\u2028three",
    "markup": "[red]x[/red] [/foo] [@click=app.quit]y[/] :boom:",
    "zalgo": "z" + "\u0321\u0300\u0301" * 60,
    "delete": "\x7f\x00\x08",
    "tags": "\U000e0001\U000e0041",
    "megabyte": "A" * 200_000,
}
CONTROL = re.compile(
    r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\u00ad\U000e0000-\U000e007f]"
)
