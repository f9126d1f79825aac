"""Which moment is on screen: what is now, a held picture, a time in the past, or a recording. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from taskq_cli.top.frame import Frame
from taskq_cli.top.store import Store

STALE_TICKS: Final = 3.0
"""Ticks without news after which a picture is called stale."""


@dataclass(slots=True)
class Clockwork:
    """Live, or held at a frame. ``replay``: the frames come from a recording."""

    store: Store
    interval: float
    replay: bool = False
    held: Frame | None = None
    lost: str = ""
    """Why the server does not answer; empty while it does."""
    arrived: float = 0.0
    """When the newest frame came, on the monotonic clock."""

    @property
    def shown(self) -> Frame | None:
        """The frame on screen."""
        return self.held or self.store.latest

    def state(self, now: float) -> str:
        """One word: frozen, disconnected, replay, stale or live. ``now`` is the monotonic clock."""
        if self.held is not None:
            return "frozen"
        if self.lost:
            return "disconnected"
        if self.replay:
            return "replay"
        return "stale" if now - self.arrived > STALE_TICKS * self.interval else "live"

    def age(self, now: float) -> float:
        """Seconds since what is on screen was true."""
        latest = self.store.latest
        # a recording does not grow older while one looks at it
        since = 0.0 if self.replay else max(0.0, now - self.arrived)
        if self.held is not None and latest is not None:
            return (latest.at - self.held.at).total_seconds() + since
        return since

    def freeze(self) -> None:
        """Holds what is on screen, or lets it go on."""
        self.held = None if self.held is not None else self.store.latest

    def travel(self, ticks: int) -> None:
        """So many ticks back (below zero) or on; past the newest one it is live again."""
        current = self.shown
        if current is None:
            return
        there = self.store.neighbour(current, ticks)
        self.held = None if ticks > 0 and there is self.store.latest else there

    def go_to(self, time: datetime) -> Frame | None:
        """To the frame that was shown at a time; None when there is none."""
        self.held = self.store.frame_at(time.timestamp())
        return self.held

    def live(self) -> None:
        """Back to what is now."""
        self.held = None
