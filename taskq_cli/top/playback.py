"""The stage that plays a recording: at the pace of its ticks, slower while held, and skipped through."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from typing import Final

from taskq_cli.top.replay import ReplaySource
from taskq_cli.top.source import Tick
from taskq_cli.top.stage import Stage
from taskq_core import UsageError

STEP_S: Final = 0.05


class Playback(Stage):
    """With any other source it is a plain stage."""

    _spoiled = ""

    @property
    def recording(self) -> ReplaySource | None:
        """The recording that is played, if one is."""
        return self.source if isinstance(self.source, ReplaySource) else None

    async def next_tick(self) -> Tick | None:
        """A recording is read here and now: skipping may not meet a thread that reads too."""
        if self.recording is None:
            return await super().next_tick()
        return self._following()

    async def rest(self, began: float) -> None:
        """Until the next tick is due. While a picture is held the recording stands still."""
        if self.recording is None:
            await super().rest(began)
            return
        left, then = self.recording.gap(), time.monotonic()
        while left > 0 or self.clockwork.held is not None:
            await asyncio.sleep(min(STEP_S, left) if left > 0 else STEP_S)
            now = time.monotonic()
            left -= 0.0 if self.clockwork.held is not None else now - then
            then = now
        await asyncio.sleep(0)

    def ended(self) -> None:
        """Says that the recording has ended."""
        if self.recording is not None:
            told = f"{self._spoiled}: the recording ends here" if self._spoiled else "the recording has ended"
            self.say(f"{told}; [ and {{ go back, q leaves", "bad" if self._spoiled else "accent")

    def skip(self, ticks: int, until: datetime | None = None) -> None:
        """So many ticks of the recording on at once; or to a time, and there the picture is held."""
        if self.recording is None:
            return
        last: Tick | None = None
        for _ in range(ticks):
            if until is not None and last is not None and last.frame.at >= until:
                break
            tick = self._following()
            if tick is None:
                break
            if last is not None:
                self.store.add(last.frame, last.past)
            last = tick
        if last is None:
            self.ended()
            return
        hold = until is not None or self.clockwork.held is not None
        self.clockwork.live()
        self.take(last)
        if hold:
            self.clockwork.freeze()
            self.draw()

    def _following(self) -> Tick | None:
        assert self.recording is not None  # noqa: S101 - asked by skip alone
        try:
            return self.recording.tick()
        except UsageError as error:
            self._spoiled = str(error)
            return None
