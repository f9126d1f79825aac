"""What a worker's endpoint tells: whether it lives, whether it is ready, and all its metrics.

Read by threads of the endpoint while the event loop works: nothing here waits for the loop or the server.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from taskq_core import config
from taskq_core.clock import monotonic, precise
from taskq_core.metrics.meter import Meter
from taskq_core.metrics.sheet import Sheet, build_info
from taskq_core.worker.claimer import Claimer
from taskq_core.worker.heartbeat import Heartbeat
from taskq_core.worker.slots import Slot, Slots

_TICK_S = 0.5


@dataclass(frozen=True, slots=True)
class Organs:
    """The services that are looked at."""

    claimer: Claimer
    slots: Slots
    heartbeats: Sequence[Heartbeat]
    lease_s: float


class Vitals:
    """Of one worker; it says `starting` until `attend` was called."""

    def __init__(self, namespace: str, meter: Meter) -> None:
        self.namespace = namespace
        self.meter = meter
        self.stopping = False
        self.server = ""
        """Kind and version, once they are known."""
        self._began = self._turned = monotonic()
        self._organs: Organs | None = None
        self._left = False

    def attend(self, organs: Organs) -> None:
        """Begins to look. From the event loop."""
        self._organs = organs
        self._tick(asyncio.get_running_loop())

    def leave(self) -> None:
        """Looks no more: the worker has ended."""
        self.stopping = True
        self._left = True

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        self._turned = monotonic()
        if not self._left:
            loop.call_later(_TICK_S, self._tick, loop)

    # -- health ---------------------------------------------------------------------------

    def live(self) -> str:
        """Why it does not live; empty: it does. The server has no part in it."""
        still = monotonic() - self._turned
        if self._organs is not None and still > config.LIVE_S:
            return f"the event loop has not turned for {still:.0f} s: a handler blocks it"
        return ""

    def ready(self) -> str:
        """Why it is not ready; empty: it is."""
        if self._organs is None:
            return "starting"
        return "draining: it claims nothing any more" if self.stopping else self._standstill(self._organs)

    def _standstill(self, organs: Organs) -> str:
        now = monotonic()
        claimer = organs.claimer
        if claimer.answered and now - claimer.answered <= config.READY_S:
            return ""
        if claimer.rested and now - claimer.rested <= config.READY_S:
            # all slots are taken, so nothing is claimed: whether the server answers, others know
            silent = now - min(heartbeat.beaten for heartbeat in organs.heartbeats)
            return "" if silent <= organs.lease_s else f"no heartbeat was answered for {silent:.0f} s"
        if not claimer.answered:
            return "no claim was answered yet"
        return f"no claim was answered for {now - claimer.answered:.0f} s"

    # -- metrics ----------------------------------------------------------------------------

    def sheet(self) -> Sheet:
        """All metrics as they are now."""
        return self.meter.sheet() | self._gauges() | {"taskq_build_info": build_info(self.server)}

    def _gauges(self) -> Sheet:
        organs = self._organs
        if organs is None:
            return {}
        running = [slot for slot in list(organs.slots.slots) if slot.job is not None]
        # without room nothing is claimed, rightly: only a loop that stands still stands still here
        answered = max(organs.claimer.answered, organs.claimer.rested) or self._began
        return {
            "taskq_worker_slots": {(): organs.slots.count},
            "taskq_worker_busy_slots": {(): len(running)},
            "taskq_worker_draining": {(): int(self.stopping)},
            "taskq_longest_running_job_seconds": {(): max(map(_runs_for, running), default=0.0)},
            "taskq_worker_last_claim_timestamp_seconds": {(): time.time() - (monotonic() - answered)},
        }


def _runs_for(slot: Slot) -> float:
    lane = slot.lane
    started = lane.started if lane is not None and lane.current is not None else slot.started
    return max(0.0, precise() - started)
