"""One figure with its unit, and what it was taken from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measurement:
    """``value`` in ``unit``, over so many ``jobs``. ``note``: what a reader must know, or is empty."""

    measure: str
    value: float
    unit: str
    jobs: int
    note: str = ""


def percentile(values: Iterable[float], share: float) -> float:
    """The value that this share of the values does not exceed; 0 when there are none."""
    ranked = sorted(values)
    if not ranked:
        return 0.0
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))]


def rounded(value: float) -> float | int:
    """Four figures, which is more than one run can promise; whole numbers as such."""
    short = float(f"{value:.4g}")
    return int(short) if short.is_integer() else short
