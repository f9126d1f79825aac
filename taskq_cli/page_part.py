"""A part of a documentation page that is made from the code: all between two marks."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class PagePart:
    """The marks, and what makes the Markdown between them."""

    begin: str
    end: str
    make: Callable[[], str]

    def renewed(self, text: str) -> str:
        """The page with the part of now in it."""
        before, _, rest = text.partition(self.begin)
        _, _, after = rest.partition(self.end)
        return f"{before}{self.begin}\n\n{self.make()}\n{self.end}{after}"

    def main(self) -> None:
        """Renews the page that the command line names."""
        page = Path(sys.argv[1])
        _ = page.write_text(self.renewed(page.read_text(encoding="utf-8")), encoding="utf-8")
