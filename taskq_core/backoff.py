"""When a failed job is tried again: exponential backoff with a cap and jitter."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from taskq_core import config
from taskq_core.clock import positive_ms
from taskq_core.errors import InvalidOption


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delay before attempt n+1: ``base * factor**(n-1)``, at most ``cap``, less up to a quarter at random."""

    base: timedelta = timedelta(milliseconds=config.BACKOFF_BASE_MS)
    factor: float = config.BACKOFF_FACTOR
    cap: timedelta = timedelta(milliseconds=config.BACKOFF_CAP_MS)

    def __post_init__(self) -> None:
        positive_ms(self.base, "backoff base")
        positive_ms(self.cap, "backoff cap")
        if not 1.0 <= self.factor <= 100.0:
            raise InvalidOption(f"backoff factor must be between 1 and 100, not {self.factor}")

    def wire(self) -> tuple[int, float, int]:
        """As it travels with a job: base ms, factor, cap ms."""
        return positive_ms(self.base, "base"), self.factor, positive_ms(self.cap, "cap")


def delay_ms(failures: int, wire: tuple[int, float, int], rand: Callable[[], float] = random.random) -> int:
    """Milliseconds to wait after the given number of failures (from 1).

    Jitter only shortens, so the cap holds; the exponent is bounded, so no float overflows.
    """
    base, factor, cap = wire
    whole = min(float(cap), base * factor ** min(failures - 1, 64))
    return max(1, round(whole * (1.0 - config.BACKOFF_JITTER * rand())))
