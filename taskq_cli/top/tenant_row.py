"""A tenant as a row, and how fast its jobs get done: from one answer of the server to the next. Pure."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from taskq_core import TenantInfo

WINDOW_S: Final = 10.0
"""Rates are those of so many seconds, or of as many as were looked at by then."""
LEAST_S: Final = 1.0
HELD: Final = ("paused", "limited")
"""States of tenants whose waiting jobs cannot start."""


@dataclass(frozen=True, slots=True)
class TenantRow:
    """A tenant. ``rate``: jobs done a second; None while that is not known."""

    info: TenantInfo
    rate: float | None = None

    @property
    def name(self) -> str:
        """The tenant's name."""
        return self.info.name

    @property
    def held(self) -> int:
        """Waiting jobs that a limit of the tenant, or its pause, holds."""
        return self.info.ready_total if self.info.state in HELD else 0


@dataclass(slots=True)
class Pace:
    """What was done of each tenant at the last answers."""

    clock: Callable[[], float] = time.monotonic
    _seen: deque[tuple[float, Mapping[str, int]]] = field(default_factory=deque)

    def add(self, tenants: Sequence[TenantInfo]) -> None:
        """An answer of just now."""
        now = self.clock()
        self._seen.append((now, {info.name: info.done for info in tenants}))
        while len(self._seen) > 2 and now - self._seen[1][0] >= WINDOW_S:
            self._seen.popleft()

    def of(self, tenant: str) -> float | None:
        """Jobs done a second; None while that is not known. Counts begin anew after a tenant had no jobs."""
        if not self._seen:
            return None
        at, latest = self._seen[-1]
        for since, before in self._seen:
            if tenant in before and tenant in latest and at - since >= LEAST_S:
                return max(0, latest[tenant] - before[tenant]) / (at - since)
        return None
