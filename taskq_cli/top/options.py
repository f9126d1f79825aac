"""How the view was asked to be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class TopOptions:
    """``interval``: seconds between two ticks. ``protected``: the profile whose name changes want typed."""

    interval: float = 1.0
    read_only: bool = False
    protected: str | None = None
    ascii_only: bool = False
    theme: str | None = None
    keys: Mapping[str, str] = field(default_factory=dict)
    screen: str = "overview"
