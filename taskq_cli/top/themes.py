"""Two themes for eyes that tell red from green with difficulty: blue is well, yellow a warning, orange bad.

The colours are from the palette of Okabe and Ito (Color Universal Design, 2008), lighter on dark ground
and darker on light, so that each is read at a contrast of 4.5 or more.
"""

from __future__ import annotations

from typing import Final

from textual.theme import Theme

THEMES: Final = (
    Theme(
        name="colour-blind-dark",
        primary="#56b4e9",
        secondary="#cc79a7",
        accent="#cfd8dc",
        success="#56b4e9",
        warning="#f0e442",
        error="#ff9040",
        foreground="#e8e8e8",
        background="#101418",
        surface="#181d22",
        panel="#222930",
        dark=True,
        variables={
            "text-success": "#56b4e9",
            "text-warning": "#f0e442",
            "text-error": "#ff9040",
            "text-accent": "#cfd8dc",
        },
    ),
    Theme(
        name="colour-blind-light",
        primary="#005a8c",
        secondary="#8a3f68",
        accent="#37474f",
        success="#005a8c",
        warning="#6b6000",
        error="#a84400",
        foreground="#1c1c1c",
        background="#fafafa",
        surface="#f0f0f0",
        panel="#e4e4e4",
        dark=False,
        variables={
            "text-success": "#005a8c",
            "text-warning": "#6b6000",
            "text-error": "#a84400",
            "text-accent": "#37474f",
        },
    ),
)
