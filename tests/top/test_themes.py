from __future__ import annotations

import pytest
from textual.color import Color
from textual.theme import Theme

from taskq_cli.top.themes import THEMES
from tests.top.showing import showing

LOOKS = ("text-success", "text-warning", "text-error", "text-accent")
# how a red-green-blind eye (deuteranopia) sees red, green and blue: Machado et al., 2009, severity 1
DEUTAN = ((0.367, 0.861, -0.228), (0.280, 0.673, 0.047), (-0.012, 0.043, 0.969))


def contrast(one: Color, other: Color) -> float:
    """WCAG's ratio, from 1 to 21."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def linear(colour: Color) -> tuple[float, float, float]:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (colour.r / 255, colour.g / 255, colour.b / 255)
    )
    return red, green, blue


def luminance(colour: Color) -> float:
    red, green, blue = linear(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def seen(colour: Color) -> tuple[float, ...]:
    """What is left of a colour."""
    return tuple(
        max(0.0, sum(a * b for a, b in zip(row, linear(colour), strict=True))) ** (1 / 2.2) for row in DEUTAN
    )


def apart(one: Color, other: Color) -> float:
    return float(sum((a - b) ** 2 for a, b in zip(seen(one), seen(other), strict=True)) ** 0.5)


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_each_look_is_read_against_its_ground(theme: Theme) -> None:
    for name in LOOKS:
        for ground in (theme.background, theme.surface):
            assert contrast(Color.parse(theme.variables[name]), Color.parse(ground or "")) >= 4.5, name


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_good_and_bad_are_told_apart_without_red_and_green(theme: Theme) -> None:
    good, warn, bad = (Color.parse(theme.variables[name]) for name in LOOKS[:3])
    assert apart(good, bad) > 0.3
    assert apart(good, warn) > 0.3
    red, green = Color.parse("#c02020"), Color.parse("#607000")
    assert apart(red, green) < 0.3  # the measure itself: these two are hard to tell


@pytest.mark.parametrize("theme", [theme.name for theme in THEMES])
async def test_the_theme_is_used(theme: str) -> None:
    async with showing(theme=theme) as shown:
        wanted = Color.parse(shown.app.current_theme.variables["text-error"])
        used = {
            segment.style.color.triplet
            for strip in shown.app.screen._compositor.render_strips()
            for segment in strip
            if segment.style is not None and segment.style.color is not None
        }
        assert wanted.rgb in {tuple(triplet) for triplet in used if triplet is not None}
