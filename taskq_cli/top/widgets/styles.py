"""Names for how text looks: lists and panels say `bad` or `dim`, the theme says which colour that is."""

from __future__ import annotations

from typing import ClassVar, Final

from rich.style import Style
from textual.widget import Widget

LOOKS: Final = frozenset(
    {"good", "warn", "bad", "dim", "accent", "strong", "head", "cursor", "marked", "stale"}
)
"""Component classes of every widget that draws lines."""

CSS: Final = """
    & .look--good { color: $text-success; }
    & .look--warn { color: $text-warning; }
    & .look--bad { color: $text-error; text-style: bold; }
    & .look--dim { color: $text-muted; }
    & .look--accent { color: $text-accent; }
    & .look--strong { text-style: bold; }
    & .look--head { color: $text-muted; text-style: bold; }
    & .look--cursor {
        background: $block-cursor-background; color: $block-cursor-foreground; text-style: bold;
    }
    & .look--marked { color: $text-accent; text-style: bold; }
    & .look--stale { color: $text-disabled; }
"""
COMPONENTS: Final = {f"look--{name}" for name in LOOKS}


class Looks(Widget):
    """A widget that draws by looks. Each takes long to find, so they are kept until theme or rules change."""

    COMPONENT_CLASSES: ClassVar[set[str]] = COMPONENTS

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._looks: dict[str, Style] = {}

    def style_of(self, look: str) -> Style:
        """The style of a look in the widget's theme; the widget's own for an empty one."""
        style = self._looks.get(look)
        if style is None:
            style = self.rich_style
            if look:
                style += self.get_component_rich_style(f"look--{look}", partial=True)
            self._looks[look] = style
        return style

    def notify_style_update(self) -> None:
        """Another theme or rule: styles are found anew."""
        self._looks.clear()
        super().notify_style_update()
