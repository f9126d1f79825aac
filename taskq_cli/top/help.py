"""The list of keys, made from the registry."""

from __future__ import annotations

from taskq_cli.top.keymap import KEYMAP, shown_key
from taskq_cli.top.widgets.lines import Line

WIDTH = 22


def help_lines(screen: str, *, read_only: bool, ascii_only: bool = False) -> list[Line]:
    """All keys, those of this screen first; what a read-only view does not do is left out."""
    here = [key for key in KEYMAP if screen in key.screens]
    everywhere = [key for key in KEYMAP if not key.screens]
    elsewhere = [key for key in KEYMAP if key.screens and screen not in key.screens]
    lines: list[Line] = []
    for title, keys in (
        (f"On this screen: {screen}", here),
        ("Everywhere", everywhere),
        ("Elsewhere", elsewhere),
    ):
        lines += [((title, "strong"),)]
        for key in keys:
            if key.changes and read_only:
                continue
            names = " ".join(shown_key(one, ascii_only=ascii_only) for one in key.keys.split(","))
            where = "" if title != "Elsewhere" else f"  ({', '.join(key.screens)})"
            lines.append(((f"  {names:<{WIDTH}}", "accent"), (key.help, ""), (where, "dim")))
        lines.append(())
    return lines
