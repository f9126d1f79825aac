"""Figures in few characters, glyphs with their ASCII twins: how the view writes. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

SPARKS: Final = "▁▂▃▄▅▆▇█"
ASCII_SPARKS: Final = "._-=+*#@"
GLYPHS: Final = {
    "busy": ("●", "*"),
    "idle": ("○", "."),
    "paused": ("‖", "="),
    "draining": ("▽", "v"),
    "unserved": ("✖", "X"),
    "limited": ("◇", "L"),
    "severe": ("✖", "X"),
    "warning": ("▲", "!"),
    "fine": ("✔", "+"),
    "live": ("●", "*"),
    "frozen": ("‖", "="),
    "replay": ("▷", ">"),
    "stale": ("◌", "?"),
    "disconnected": ("✖", "X"),
    "cursor": ("▸", ">"),
    "marked": ("◆", "#"),
    "up": ("▲", "^"),
    "down": ("▼", "v"),
    "infinite": ("∞", "never"),
    "cut": ("…", "~"),
}
# from where on, divided by what, and named how; 999,950 would be rounded to a thousand thousands
_UNITS: Final = ((999.5e9, 1e12, "T"), (999.5e6, 1e9, "G"), (999.5e3, 1e6, "M"), (1e4, 1e3, "k"))


class Pen:
    """How characters are drawn: in Unicode, or in ASCII alone."""

    def __init__(self, *, ascii_only: bool = False) -> None:
        self.ascii_only = ascii_only

    def glyph(self, name: str) -> str:
        """The sign for a state."""
        return GLYPHS[name][self.ascii_only]

    def spark(self, values: Sequence[float]) -> str:
        """Values as a row of bars, against the largest of them; nothing at all is the lowest bar."""
        bars = ASCII_SPARKS if self.ascii_only else SPARKS
        top = max(values, default=0.0)
        if top <= 0:
            return bars[0] * len(values)
        return "".join(bars[min(len(bars) - 1, math.ceil(v / top * (len(bars) - 1)))] for v in values)

    def bar(self, fraction: float, width: int) -> str:
        """A progress from 0 to 1 as a bar; it is full only when all is done."""
        full, rest = ("#", ".") if self.ascii_only else ("█", "░")
        filled = width if fraction >= 1 else min(width - 1, int(max(0.0, fraction) * width))
        return full * filled + rest * (width - filled)

    def count(self, value: int) -> str:
        """A whole number: exact below a million, with thin groups; then in short."""
        return short(value) if abs(value) >= 1_000_000 else f"{value:,}".replace(",", " ")

    def eta(self, seconds: float | None) -> str:
        """How long until nothing waits."""
        if seconds is None:
            return "-"
        if math.isinf(seconds) or seconds > 30 * 86_400:
            return self.glyph("infinite")
        return span(seconds)


def short(value: float) -> str:
    """A number in at most five characters: 12, 4.2k, 18k, 1.3M."""
    for start, scale, unit in _UNITS:
        if abs(value) >= start:
            return f"{value / scale:.3g}{unit}"
    return f"{value:.0f}"


def rate(value: float) -> str:
    """Jobs a second."""
    if value and value < 9.95:
        return f"{value:.1f}"
    return short(value)


def about(value: float, *, measured: bool) -> str:
    """Jobs a second; ~ before an average that stands for what is not measured yet."""
    return rate(value) if measured or not value else f"~{rate(value)}"


def span(seconds: float | None) -> str:
    """A span in at most six characters: 350ms, 4.2s, 42s, 6m, 1h20m, 3d."""
    if seconds is None:
        return ""
    if seconds < 0.001:
        return f"{seconds * 1e6:.0f}us" if seconds > 0 else "0s"
    if seconds < 0.9995:
        return f"{seconds * 1000:.3g}ms"
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    if seconds < 99.5:
        return f"{seconds:.0f}s"
    return _long_span(round(seconds))


def _long_span(seconds: int) -> str:
    if seconds < 3_600:
        return f"{seconds // 60}m{seconds % 60:02}s" if seconds < 600 else f"{seconds // 60}m"
    if seconds < 86_400:
        return f"{seconds // 3_600}h{seconds % 3_600 // 60:02}m"
    return f"{seconds // 86_400}d"


def share(value: float) -> str:
    """A share as per cent: 0, 0.4, 3.1, 100."""
    percent = value * 100
    if percent == 0:
        return "0"
    return f"{percent:.1f}" if percent < 99.95 else "100"


def size(count: float) -> str:
    """Bytes in binary units."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1024
    return f"{count:.3g} TiB"


def clock(at: datetime) -> str:
    """The time of day, in UTC."""
    return at.astimezone(UTC).strftime("%H:%M:%SZ")


def ago(at: datetime | None, now: datetime) -> str:
    """How long ago something was."""
    return "" if at is None else span(max(0.0, (now - at).total_seconds()))


def fit(text: str, width: int, pen: Pen) -> str:
    """The text in so many characters; what is cut off is marked."""
    return text if len(text) <= width else text[: max(0, width - 1)] + pen.glyph("cut")[:1]
