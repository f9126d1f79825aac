"""The keys as a table of Markdown; `python -m taskq_cli.top.keytable docs/top.md` renews it there."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from taskq_cli.top.keymap import KEYMAP, SCREENS, shown_key

BEGIN: Final = "<!-- keys: made from taskq_cli/top/keymap.py by `make docs` -->"
END: Final = "<!-- end of keys -->"


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


def renewed(text: str) -> str:
    """The page with the table of now in it."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{table()}\n{END}{after}"


def main() -> None:
    """Renews the table of the page that is named."""
    page = Path(sys.argv[1])
    _ = page.write_text(renewed(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
