"""Long lines as several that fit, broken between words. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from taskq_cli.sanitize import clean
from taskq_cli.top.widgets.lines import Line

MOST_CHARS = 4_000


def folded(lines: Iterable[Line], width: int) -> list[Line]:
    """The same lines, those of one look broken where they are too long; what follows keeps the indent."""
    found: list[Line] = []
    for line in lines:
        if len(line) != 1:
            found.append(line)
            continue
        text, look = line[0]
        found += [((part, look),) for part in _parts(clean(text, MOST_CHARS), width)]
    return found


def _parts(text: str, width: int) -> list[str]:
    if len(text) <= width:
        return [text]
    indent = " " * (len(text) - len(text.lstrip(" ")))
    return textwrap.wrap(
        text.strip(), max(10, width), initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
    )
