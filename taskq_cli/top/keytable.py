"""The keys as a table of Markdown; `python -m taskq_cli.top.keytable docs/top.md` renews it there."""

from __future__ import annotations

from typing import Final

from taskq_cli.page_part import PagePart
from taskq_cli.top.keymap import KEYMAP, SCREENS, shown_key


def table() -> str:
    """All keys: what they do, where, and what `[top.keys]` calls them."""
    rows = [("Key", "What it does", "Where", "Name"), ("---", "---", "---", "---")]
    for key in KEYMAP:
        if key.name in dict(SCREENS):
            continue
        signs = " ".join(f"`{shown_key(one)}`" for one in key.keys.split(","))
        where = ", ".join(key.screens) or "everywhere"
        rows.append((signs, key.help + (" (asks first)" if key.changes else ""), where, f"`{key.name}`"))
    numbers = ", ".join(f"`{number}` {title}" for number, (_, title) in enumerate(SCREENS, 1))
    return f"Screens: {numbers}.\n\n" + "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


PART: Final = PagePart(
    "<!-- keys: made from taskq_cli/top/keymap.py by `make docs` -->",
    "<!-- end of keys -->",
    table,
)


if __name__ == "__main__":
    PART.main()
